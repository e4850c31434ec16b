"""The documents that a transfer is to hand over: those below a folder, or those that were given."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_drive.exceptions import DriveError, DriveItemNotFoundError
from airflow_provider_drive.protocol.archive.context import about_one_item
from airflow_provider_drive.protocol.batch import MAX_BATCH_SIZE, in_batches
from airflow_provider_drive.protocol.items.download import Download, read_download
from airflow_provider_drive.protocol.items.filters import fault_of
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.items import DriveItem
from airflow_provider_drive.protocol.wire.names import check_path
from airflow_provider_drive.transfers.report import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.protocol.items.filters import Selection
    from airflow_provider_drive.protocol.wire.addresses import Address

_PACKAGE = "it is a notebook or another package, which has no bytes of its own: export it, or exclude it"


class Candidate(NamedTuple):
    """
    A document that may be handed over.

    :param path: Below the folder. Of one that was given, the folder counts, and the name that it has now.
    :param listed: What the listing told of it; None if it was given.
    :param url: Its download URL, a secret; None if the listing did not tell it.
    """

    path: str
    address: Address
    listed: DriveItem | None = None
    url: str | None = None

    def __repr__(self) -> str:
        return f"Candidate({self.path!r})"


class Document(NamedTuple):
    """A document that is to be handed over."""

    path: str
    file: Download

    @property
    def item(self) -> DriveItem:
        """What Graph reported of it."""
        return self.file.item


def read_candidates(client: DriveClient, folder: DriveItem | None, items: Any) -> Iterator[Candidate]:
    """Read the documents below a folder page by page, or without a folder those that were given."""
    if folder is None:
        for item in items:
            path = (item.get("path") or item.get("name")) if isinstance(item, Mapping) else None
            yield Candidate(check_path(path or ""), client.address(item, follow=False))
        return
    listing = Listing(folder.ref, with_urls=True)
    while listing:
        page = client.run(listing.read())
        urls = dict(listing.urls)
        for found in page:
            yield Candidate(found.path, found.item.ref, found.item, urls.get(found.item.ref))


class Selector:
    """
    Reads what documents are now, and selects them as an archive does.

    :ivar outcomes: Of documents that cannot be handed over, until they are taken.
    """

    def __init__(self, client: DriveClient, selection: Selection, *, keep_structure: bool) -> None:
        self._client, self._selection, self._keep_structure = client, selection, keep_structure
        self._given: set[ItemRef] = set()
        self._names: set[str] = set()
        self.outcomes: list[Outcome] = []

    def take_outcomes(self) -> list[Outcome]:
        """Return the outcomes since the last call."""
        outcomes, self.outcomes = self.outcomes, []
        return outcomes

    def read(self, candidates: Iterable[Candidate]) -> Iterator[list[Document]]:
        """Return the documents. What a listing did not hold of them takes a request for twenty of them."""
        wanted = iter(candidates)
        while chunk := list(islice(self._selected(wanted), MAX_BATCH_SIZE)):
            files = self._read_files(chunk)
            documents = (self._check(each, file) for each, file in zip(chunk, files, strict=True))
            yield [document for document in documents if document is not None]

    def _read_files(self, candidates: Sequence[Candidate]) -> list[Download | DriveError]:
        known: dict[Address, Download | DriveError] = {
            each.address: Download(each.listed, each.url) for each in candidates if each.listed and each.url
        }
        unknown = [each.address for each in candidates if each.address not in known]
        if unknown:
            answers = self._client.run(in_batches([read_download(address) for address in unknown]))
            known |= dict(zip(unknown, answers, strict=True))
        return [known[each.address] for each in candidates]

    def _selected(self, candidates: Iterator[Candidate]) -> Iterator[Candidate]:
        """Return candidates that are selected, as far as it is known what they are."""
        for candidate in candidates:
            if candidate.listed is None or self._takes(candidate.path, candidate.listed):
                yield candidate

    def _takes(self, path: str, item: DriveItem) -> bool:
        fault = self._selection.fault(path, item)
        is_taken = not fault_of(item) and self._selection.takes(path, item)
        if is_taken and item.kind == "package":
            fault = _PACKAGE
        if fault:
            self.outcomes.append(Outcome("failed", path, item, reason=fault))
        return is_taken and not fault

    def _check(self, candidate: Candidate, file: Download | DriveError) -> Document | None:
        if isinstance(file, DriveError):
            self._report_unreadable(candidate, file)
            return None
        path, item = candidate.path, file.item
        if candidate.listed is None:
            path = f"{path.rpartition('/')[0]}/{item.name or ''}".removeprefix("/")
            if item.is_folder:
                reason = "it is a folder, not a document"
                self.outcomes.append(Outcome("failed", path, item, reason=reason))
                return None
            if item.ref in self._given or not self._takes(path, item):
                return None
            self._given.add(item.ref)
        target = check_path(path if self._keep_structure else item.name or "")
        if target in self._names:
            reason = "another document of this task has its name"
            self.outcomes.append(Outcome("failed", target, item, reason=reason))
            return None
        self._names.add(target)
        return Document(target, file)

    def _report_unreadable(self, candidate: Candidate, error: DriveError) -> None:
        address, path = candidate.address, candidate.path
        ref = address if isinstance(address, ItemRef) else ItemRef("", str(address))
        item = candidate.listed or DriveItem(ref, path.rpartition("/")[2])
        is_gone = isinstance(about_one_item(error), DriveItemNotFoundError) and candidate.listed is not None
        reason = "it was deleted after it was listed" if is_gone else str(error)
        self.outcomes.append(Outcome("gone" if is_gone else "failed", path, item, reason=reason))
