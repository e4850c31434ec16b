"""
What there is to copy: the documents below a folder, page by page, or the items that were given.

A folder that is wanted whole, and that the destination does not hold yet, is copied with all that is in it.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveError,
    DriveItemNotFoundError,
    DriveRequestError,
)
from airflow_provider_drive.protocol.archive.context import about_one_item
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.archive.target import TargetFolder
from airflow_provider_drive.protocol.batch import MAX_BATCH_SIZE, in_batches
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.filters import fault_of
from airflow_provider_drive.protocol.items.listing import ListedItem, Listing, describe_hidden
from airflow_provider_drive.protocol.items.lookup import find_ancestors, find_item, find_nearest, get_item
from airflow_provider_drive.protocol.wire.addresses import ItemRef, PathAddress, same_drive, same_item
from airflow_provider_drive.protocol.wire.items import DriveItem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_drive.protocol.archive.context import ArchiveContext
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.addresses import Address

MAX_ITEMS_PER_COPY = 30_000
"""Items that one copy may have: https://learn.microsoft.com/graph/api/driveitem-copy."""
ITEMS_AT_ONCE = 8 * MAX_BATCH_SIZE
"""Given items that are read at once."""


class Documents(NamedTuple):
    """Documents that go to one folder."""

    documents: Sequence[ListedItem]
    target: TargetFolder


class WholeFolder(NamedTuple):
    """
    A folder that is to be copied as a whole.

    :param target: The folder that it becomes.
    :param contents: All that is below it, packages included, by the path below it.
    """

    folder: ListedItem
    target: TargetFolder
    contents: Mapping[str, ListedItem]


class _Visit(NamedTuple):
    """
    A folder of the source that is still to be read.

    :param may_be_whole: It may be copied as a whole: nothing has its place yet.
    """

    folder: ListedItem
    target: TargetFolder
    may_be_whole: bool = False


class Scan:
    """
    Reads what there is to copy.

    :ivar unfinished: Originals whose copies an earlier try has not finished, and that were not found so far.
    """

    def __init__(self, context: ArchiveContext) -> None:
        self._context, self._order = context, context.order
        self._outcomes: list[Outcome] = []
        self._root = TargetFolder("", address=self._order.destination)
        self._source: DriveItem | None = None
        self._above: set[str] = set()
        self._visits: list[_Visit] = []
        self._reading: tuple[_Visit, Listing] | None = None
        self._items = iter(self._order.items or ())
        self._given: set[ItemRef] = set()
        self._targets: dict[str, TargetFolder] = {"": self._root}
        self._ready: list[Documents] = []
        self.unfinished = context.state.unfinished()

    def start(self, source: DriveItem | None, there: DriveItem | None) -> Flow[None]:
        """
        Begin with the source folder.

        :param there: The destination, if it exists.
        """
        state = self._context.state
        if there is not None:
            self._root.ref, self._root.count = there.ref, there.child_count or 0
        if source is None:
            return
        if there is not None and same_item(there.ref, source.ref):
            raise DriveArgumentError(f"{self._order.source} cannot be archived in itself.")
        nearest, missing = (there, ()) if there else (yield from find_nearest(self._order.destination))
        if nearest is not None and nearest.web_url and missing:
            state.destination_url = "/".join([nearest.web_url, *(quote(name) for name in missing)])
        if nearest is not None and same_drive(nearest.ref.drive_id, source.ref.drive_id):
            self._above = {ancestor.item_id for ancestor in (yield from find_ancestors(nearest))}
        destination = self._order.destination
        if isinstance(destination, PathAddress) and destination.names:
            self._root.name = destination.names[-1]
            self._root.parent = TargetFolder("", address=destination.parent)
        self._source = source.bare
        may_be_whole = self._root.parent is not None and self._may_be_whole(self._source, there)
        self._visits.append(_Visit(ListedItem("", self._source), self._root, may_be_whole))

    @property
    def is_done(self) -> bool:
        """Whether everything is read, if no items were given."""
        return not (self._visits or self._reading or self._ready)

    def take_outcomes(self) -> list[Outcome]:
        """Return what came of documents that cannot be copied, and of those that cannot be read."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def read(self) -> Flow[Documents | WholeFolder | None]:
        """Read on; None at the end."""
        while not self._ready:
            if self._reading is not None:
                yield from self._read_page(*self._reading)
            elif self._visits:
                visit = self._visits.pop()
                self._note_split(visit.folder)
                contents = (yield from self._read_contents(visit)) if visit.may_be_whole else None
                if contents is not None:
                    self._note_found([visit.folder, *contents.values()])
                    return WholeFolder(visit.folder, visit.target, contents)
                folder = visit.folder
                self._reading = visit, Listing(folder.item.ref, recursive=False, prefix=folder.path)
            elif not (yield from self._read_items()):
                return None
        documents = self._ready.pop()
        self._note_found(documents.documents)
        return documents

    def _note_found(self, found: Sequence[ListedItem]) -> None:
        for each in found if self.unfinished else ():
            self.unfinished.pop(each.item.ref.item_id, None)

    def _note_split(self, folder: ListedItem) -> None:
        """Forget the copy of a folder that has failed as a whole, so that its documents are read."""
        state, folder_id = self._context.state, folder.item.ref.item_id
        if folder_id in state.failed:
            state.pending.pop(folder_id, None)
            self.unfinished.pop(folder_id, None)

    def target_of(self, path: str) -> Flow[TargetFolder]:
        """Return the folder of the destination that a path of the source goes to."""
        folder = path.rpartition("/")[0] if self._order.keep_structure else ""
        return (yield from self._target_at(folder, self._targets))

    # -- what comes back, since a whole folder could not be copied -------------------------------------------

    def add_folder(self, folder: ListedItem, target: TargetFolder) -> None:
        """Read a folder's documents one by one, since it could not be copied as a whole."""
        self._visits.append(_Visit(folder, target))

    def add_documents(
        self, folder: ListedItem, target: TargetFolder, documents: Sequence[ListedItem]
    ) -> Flow[None]:
        """Copy documents one by one that a folder's copy has left out."""
        targets = {folder.path: target}
        groups: dict[str, list[ListedItem]] = {}
        for found in documents:
            groups.setdefault(found.path.rpartition("/")[0], []).append(found)
        for path, group in groups.items():
            below = yield from self._target_at(path, targets)
            self._ready.append(Documents(group, below))

    # -- a folder --------------------------------------------------------------------------------------------

    def _read_page(self, visit: _Visit, listing: Listing) -> Flow[None]:
        try:
            page = yield from listing.read()
        except DriveRequestError as error:
            if visit.folder.item is self._source:
                raise
            self._reading = None
            if not isinstance(about_one_item(error), DriveItemNotFoundError):  # else it is gone since
                self._outcomes.append(Outcome("failed", visit.folder, reason=str(error)))
            return
        if not listing:
            self._reading = None
            if not listing.count and visit.folder.item.child_count:
                yield Pause(0.0, describe_hidden(visit.folder.item))
        yield from self._add_folders([found for found in page if _is_real_folder(found.item)], visit.target)
        documents = [found for found in page if not _is_real_folder(found.item) and self._is_selected(found)]
        if documents:
            self._ready.append(Documents(documents, visit.target))

    def _is_selected(self, found: ListedItem) -> bool:
        """Whether a document is to be copied. What cannot be is reported, if it would be but for its kind."""
        selection = self._order.selection
        if fault := selection.fault(found.path, found.item):
            self._outcomes.append(Outcome("failed", found, reason=fault))
        return not fault_of(found.item) and selection.takes(found.path, found.item)

    def _add_folders(self, folders: Sequence[ListedItem], parent: TargetFolder) -> Flow[None]:
        """Note folders that are to be read: of two hundred, each may hold thousands of documents."""
        keep, errors = self._order.keep_structure, {}
        if keep and folders:
            errors = yield from parent.look_up([found.item.name or "" for found in folders])
        for found in folders:
            name = found.item.name or ""
            there = parent.items.get(name)
            if self._root.ref is not None and same_item(found.item.ref, self._root.ref):
                continue
            if name in errors:
                self._outcomes.append(Outcome("failed", found, reason=str(errors[name])))
            elif keep and there is not None and not there.is_folder:
                self._outcomes.append(Outcome("failed", found, reason="a document has its name"))
            else:
                target = self._below(parent, name) if keep else parent
                may_be_whole = keep and self._may_be_whole(found.item, there)
                self._visits.append(_Visit(found, target, may_be_whole))

    def _may_be_whole(self, folder: DriveItem, there: DriveItem | None) -> bool:
        order, state, folder_id = self._order, self._context.state, folder.ref.item_id
        is_known = folder_id in state.done or folder_id in state.pending
        is_wanted = order.keep_structure and order.selection.is_all and not folder.is_personal
        is_free = there is None or is_known
        return is_wanted and is_free and folder_id not in self._above and folder_id not in state.failed

    def _read_contents(self, visit: _Visit) -> Flow[dict[str, ListedItem] | None]:
        """Return all that is in a folder, by its path there; None if one copy cannot take it all."""
        folder = visit.folder
        listing = Listing(folder.item.ref, prefix=folder.path, into_packages=True)
        contents: dict[str, ListedItem] = {}
        while listing:
            try:
                page = yield from listing.read()
            except DriveRequestError as error:
                about_one_item(error)
                return None
            contents |= {found.path[len(folder.path) :].removeprefix("/"): found for found in page}
            if len(contents) >= MAX_ITEMS_PER_COPY or any(fault_of(found.item) for found in page):
                return None
        return contents

    def _below(self, parent: TargetFolder, name: str) -> TargetFolder:
        there = parent.items.get(name)
        target = TargetFolder(name, parent, may_hold_copies=parent.may_hold_copies)
        if there is not None and there.is_folder:
            target.ref, target.count = there.ref, there.child_count or 0
        return target

    def _target_at(self, path: str, targets: dict[str, TargetFolder]) -> Flow[TargetFolder]:
        """Return the folder of the destination at a path."""
        if path not in targets:
            above, _, name = path.rpartition("/")
            parent = yield from self._target_at(above, targets)
            for error in (yield from parent.look_up([name])).values():
                raise error
            targets[path] = self._below(parent, name)
        return targets[path]

    # -- items that were given -------------------------------------------------------------------------------

    def _read_items(self) -> Flow[bool]:
        """Read some of the items that were given, since what others know of them may be old."""
        given = list(islice(self._items, ITEMS_AT_ONCE))
        items = yield from in_batches([get_item(address, follow=False) for _, address in given])
        groups: dict[str, list[ListedItem]] = {}
        for (path, address), item in zip(given, items, strict=True):
            if isinstance(item, DriveError):
                yield from self._report_unreadable(path, address, item)
                continue
            folder = path.rpartition("/")[0]
            found = ListedItem(f"{folder}/{item.name or ''}".removeprefix("/"), item.bare)
            if not isinstance(address, ItemRef):
                self._context.state.add_path(address.url, item.ref.item_id)
            if item.is_folder:
                self._outcomes.append(Outcome("failed", found, reason="it is a folder, not a document"))
            elif item.ref not in self._given and self._is_selected(found):
                self._given.add(item.ref)
                groups.setdefault(folder if self._order.keep_structure else "", []).append(found)
        for folder, documents in groups.items():
            yield from self._add_given(folder, documents)
        return bool(given)

    def _add_given(self, folder: str, documents: Sequence[ListedItem]) -> Flow[None]:
        try:
            target = yield from self._target_at(folder, self._targets)
        except DriveRequestError as error:
            reason = str(about_one_item(error))
            self._outcomes += [Outcome("failed", found, reason=reason) for found in documents]
        else:
            self._ready.append(Documents(documents, target))

    def _report_unreadable(self, path: str, address: Address, error: DriveError) -> Flow[None]:
        """
        Report an item that cannot be read.

        One that an earlier try has deleted is counted already. Only its id tells that: its name may be
        another's by now.
        """
        state = self._context.state
        item_id = address.item_id if isinstance(address, ItemRef) else state.id_at(address.url)
        drive_id = address.drive_id if isinstance(address, ItemRef) else ""
        done = state.done.get(item_id) if isinstance(error, DriveItemNotFoundError) else None
        if done is not None and done.original != "kept":
            return
        if isinstance(error, DriveItemNotFoundError) and item_id in self.unfinished:
            return  # its copy is finished when all others are
        about_one_item(error)
        self.unfinished.pop(item_id, None)
        name = path.rpartition("/")[2]
        found = ListedItem(path, DriveItem(ItemRef(drive_id, item_id or str(address)), name))
        copy = (yield from self._copy_of(path, done.copy_id)) if done is not None else None
        if copy is None:
            self._outcomes.append(Outcome("failed", found, reason=str(error)))
        else:
            reason = "the original does not exist any more; an earlier try has copied it"
            self._outcomes.append(Outcome("copied", found, copy=copy.bare, reason=reason, is_gone=True))

    def _copy_of(self, path: str, copy_id: str) -> Flow[DriveItem | None]:
        """Return the copy that an earlier try has made of an item, if it is still in its folder."""
        try:
            target = yield from self.target_of(path)
            copy = (yield from find_item(ItemRef(target.ref.drive_id, copy_id))) if target.ref else None
        except DriveRequestError as error:
            about_one_item(error)
            return None
        return copy if copy and target.ref and copy.parent_id == target.ref.item_id else None


def _is_real_folder(item: DriveItem) -> bool:
    return item.is_folder and not fault_of(item)
