"""A folder of the destination: whether it exists, what it holds, and which of its names are assigned."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.exceptions import DriveArgumentError, DriveError, DriveRequestError
from airflow_provider_drive.protocol.archive.context import about_one_item
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.items.lookup import ensure_folder, find_item, make_folder
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.items import child
from airflow_provider_drive.protocol.wire.names import NameIndex, normalize_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.items import DriveItem

UNITS_PER_PAGE, ITEMS_PER_PAGE = 2, 200


class Wanted(NamedTuple):
    """
    What is searched for in a folder.

    :param item_id: The item's id, if it is known; then the name does not count.
    """

    name: str
    item_id: str | None = None


@dataclass(eq=False, slots=True)
class TargetFolder:
    """
    A folder of the destination.

    :param parent: The folder that it is in; or its address is known.
    :param ref: None as long as it does not exist.
    :param count: About how many items it holds.
    :param is_new: It was made just now, and is not known everywhere yet.
    :param items: What is known to be in it.
    :param is_listed: Whether all that it held was listed.
    :param may_hold_copies: A copy of the whole folder has failed, and may have left some of its documents.
    """

    name: str
    parent: TargetFolder | None = None
    address: Address | None = None
    ref: ItemRef | None = None
    count: int = 0
    is_new: bool = False
    is_listed: bool = False
    may_hold_copies: bool = False
    items: NameIndex[DriveItem] = field(default_factory=NameIndex)
    _names: dict[str, dict[str, str]] = field(default_factory=dict)
    _claims: dict[str, str] = field(default_factory=dict)

    def path_of(self, name: str) -> str:
        """Return the path that a name here has, or would have, below the folder whose address is known."""
        return name if self.parent is None or self.address else self.parent.path_of(f"{self.name}/{name}")

    @property
    def units(self) -> int:
        """What it costs to list it, in resource units."""
        return UNITS_PER_PAGE * max(1, math.ceil(self.count / ITEMS_PER_PAGE))

    # -- names and items belong to one document each ---------------------------------------------------------

    def assign(self, name: str, source_id: str) -> None:
        """Note that a document of this archive gets a name here."""
        self._names.setdefault(normalize_name(name), {})[name] = source_id

    def rival(self, name: str, source_id: str) -> str:
        """
        Return the id of another document of this archive that gets a name here; empty if there is none.

        ``Straße.txt`` and ``Strasse.txt`` may both exist in a drive: then the drive decides.
        """
        holders = self._names.get(normalize_name(name), {})
        rivals = [id_ for other, id_ in holders.items() if id_ != source_id and _lower(other) == _lower(name)]
        return next(iter(rivals), "")

    def is_taken(self, name: str) -> bool:
        """Whether an item has a name here, or gets it."""
        return name in self.items or normalize_name(name) in self._names

    def get(self, name: str, source_id: str) -> DriveItem | None:
        """Return what is known to have a name here, unless it is another document's and only similar."""
        item = self.items.get(name)
        if (
            item is not None
            and item.name != name
            and self._claims.get(item.ref.item_id, source_id) != source_id
        ):
            return None
        return item

    def claim(self, item_id: str, source_id: str) -> bool:
        """Note that an item here is the copy of a document; return whether it is not another document's."""
        return self._claims.setdefault(item_id, source_id) == source_id

    def is_claimed(self, item_id: str, source_id: str) -> bool:
        """Whether an item here is the copy of another document."""
        return self._claims.get(item_id, source_id) != source_id

    # -- reading what it holds -------------------------------------------------------------------------------

    def look_up(self, names: Sequence[str]) -> Flow[dict[str, DriveError]]:
        """
        Learn what has some names: by a listing, or name by name if that costs less.

        :return: What went wrong with some of the names.
        :raises DriveError: If it does not concern a single name.
        """
        if self.ref is None or self.is_listed:
            return {}
        if self.units <= len(names):
            try:
                yield from self.list_items()
            except DriveRequestError as error:
                return dict.fromkeys(names, about_one_item(error))
            return {}
        errors = {}
        found = yield from self._read([Wanted(name) for name in names])
        for name, item in zip(names, found, strict=True):
            if isinstance(item, DriveError):
                errors[name] = about_one_item(item)
            elif item is not None:
                self.items.add(item.name or name, item)
        return errors

    def list_items(self) -> Flow[dict[str, DriveItem]]:
        """List what is here, and return it by its ids."""
        if self.ref is None:
            return {}
        by_id: dict[str, DriveItem] = {}
        items: NameIndex[DriveItem] = NameIndex()
        listing = Listing(self.ref, recursive=False)
        while listing:
            for path, item in (yield from listing.read()):
                by_id[item.ref.item_id] = item
                items.add(path, item)
        self.items, self.is_listed, self.count = items, True, len(by_id)
        return by_id

    def search(self, wanted: Sequence[Wanted]) -> Flow[list[DriveItem | DriveError | None]]:
        """
        Search for items now: in a listing, or one by one if that costs less.

        What a listing does not show is read as well: listings lag behind, and an item that is known by its id
        may be elsewhere.
        """
        self.count = max(self.count, len(wanted))
        if self.units >= len(wanted):
            return (yield from self._read(wanted))
        try:
            by_id = yield from self.list_items()
        except DriveError as error:
            return [error] * len(wanted)
        found: list[DriveItem | DriveError | None] = [
            by_id.get(each.item_id) if each.item_id else self.items.get(each.name) for each in wanted
        ]
        missing = [number for number, item in enumerate(found) if item is None and wanted[number].item_id]
        read = (yield from self._read([wanted[number] for number in missing])) if missing else []
        for number, item in zip(missing, read, strict=True):
            found[number] = item
        return found

    def _read(self, wanted: Sequence[Wanted]) -> Flow[list[DriveItem | DriveError | None]]:
        if self.ref is None:
            return [None] * len(wanted)
        folder = self.ref
        addresses = [
            ItemRef(folder.drive_id, each.item_id) if each.item_id else child(folder, each.name)
            for each in wanted
        ]
        return (yield from in_batches([find_item(address) for address in addresses]))

    def ensure(self) -> Flow[ItemRef]:
        """Return the folder; make it, and those above it, if it does not exist."""
        if self.ref is None and self.address is not None:
            ensured = yield from ensure_folder(self.address)
            self.ref, self.is_new = ensured.folder.ref, ensured.created
        elif self.ref is None and self.parent is not None:
            above = yield from self.parent.ensure()
            made = yield from make_folder(above, self.name)
            self.ref, self.is_new = made.ref, True
        if self.ref is None:
            raise DriveArgumentError(f"There is no folder to put {self.name!r} in.")
        return self.ref


def _lower(name: str) -> str:
    return unicodedata.normalize("NFC", name).lower()
