"""
The flow that copies what is below a folder, and shows of each document that it has arrived.

The destination is the memory. A document's copy has a name that is fixed before it is asked for, and in a
folder a name is there once: so whoever comes after a crash looks at what is there, takes what this archive
has made, and asks for the rest, which cannot make anything twice. All that has to be remembered is when it
was begun.

A folder that is wanted whole, and is not at the destination yet, is one copy. Any other document is one of
its own, and twenty of them are asked for in one request.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveRequestError,
    DriveResponseError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.archive.in_flight import (
    CopyTask,
    InFlightCopies,
    Lost,
    NotWhole,
    Outcome,
    Taken,
    Terms,
    fingerprint,
    is_same_content,
)
from airflow_provider_drive.protocol.archive.state import ArchiveState, count_of
from airflow_provider_drive.protocol.archive.target import ITEMS_PER_PAGE, TargetFolder, item_error
from airflow_provider_drive.protocol.batch import MAX_BATCH_SIZE, in_batches
from airflow_provider_drive.protocol.flow import Checkpoint, Pause
from airflow_provider_drive.protocol.items.filters import Selection
from airflow_provider_drive.protocol.items.listing import ListedItem, Listing
from airflow_provider_drive.protocol.items.lookup import find_item, get_folder, get_item
from airflow_provider_drive.protocol.items.update import delete_item
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT
from airflow_provider_drive.protocol.wire.addresses import ItemRef, PathAddress, same_drive, same_item
from airflow_provider_drive.protocol.wire.copy_job import COPY_BEHAVIORS
from airflow_provider_drive.protocol.wire.items import SKIP, DriveItem, check_conflict_behavior, is_same_file
from airflow_provider_drive.protocol.wire.names import free_name, normalize_name, split_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_drive.protocol.archive.in_flight import End
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.addresses import Address

MAX_ITEMS_PER_COPY = 30_000
"""Items that one copy may have: https://learn.microsoft.com/graph/api/driveitem-copy."""
MAX_IN_FLIGHT = 1_000
"""Copies that are under way at the same time; a whole folder counts for a tenth of what is in it."""
CHUNK_SIZE = 8 * MAX_BATCH_SIZE
"""Copies that are asked for at the same time."""
MAX_SAVED, MAX_REASON_LENGTH = 5_000, 300
"""
Over a deferral: copies that only their monitors have shown to be whole, and failures; and the characters of
a reason. Beyond that, an original is not deleted, and a copy that failed is asked for again.
"""
MAX_THROTTLE_PAUSES = 12
"""How often in a row an archive pauses since Graph throttled it beyond the retry budget."""


@dataclass(frozen=True, slots=True)
class ArchiveOrder:
    """
    What is to be archived, where to and how.

    :param source: The folder; None if ``items`` are given.
    :param items: Documents, each with its path below the destination.
    :param keep_structure: Whether a document keeps its path, or only its name.
    """

    destination: Address
    source: Address | None = None
    selection: Selection = field(default_factory=Selection)
    items: Sequence[tuple[str, Address]] | None = None
    keep_structure: bool = True
    conflict_behavior: str = SKIP
    verify: bool = True
    dry_run: bool = False

    def check(self) -> None:
        """
        Refuse what makes no sense, before anything is sent.

        :raises DriveArgumentError: If these parameters do not go together.
        """
        check_conflict_behavior(self.conflict_behavior, COPY_BEHAVIORS)
        if (self.source is None) == (self.items is None):
            raise DriveArgumentError("Give either a source or items.")


class _Visit(NamedTuple):
    """
    A folder of the source whose turn is still to come.

    :param target: Where it goes.
    :param is_free: Whether nothing is there yet, so that it may be copied whole.
    """

    folder: ListedItem
    target: TargetFolder
    is_free: bool = False


def archive(
    order: ArchiveOrder,
    report: Callable[[Outcome], None],
    wait: Wait,
    *,
    before: ArchiveState | None = None,
    max_idle: float = math.inf,
    copy_timeout: float = COPY_TIMEOUT,
    throttled: Callable[[], float] = float,
) -> Flow[ArchiveState]:
    """
    Copy the documents that are meant, and wait for them.

    :param report: Is told what came of each document.
    :param before: How far it was, if it was begun before. What has failed is not asked for again.
    :param max_idle: Seconds to wait when there is nothing else to do. What is under way then is returned.
    :param copy_timeout: Seconds that each copy may take.
    :param throttled: Tells for how many seconds requests were held back, for the log.
    :raises DriveError: If the source or the destination cannot be used. What goes wrong with a document is
        told of that document.
    """
    order.check()
    source = None if order.source is None else (yield from get_folder(order.source))
    there = yield from find_item(order.destination)
    if there is not None and not there.is_folder:
        raise DriveNameConflictError(
            f"{order.destination} is no folder.", status=409, code="nameAlreadyExists", retryable=False
        )
    read = source or there
    now = (read and read.read_at) or wait.now()
    if before is None:
        yield Checkpoint("archive", ArchiveState(now))
    begun = now if before is None else before.begun
    terms = Terms(order.conflict_behavior, order.verify, begun, copy_timeout, wait)
    run = _Archive(order, terms, report, before or ArchiveState(now), throttled)
    run.looks_back = before is not None
    yield from run.open(source, there)
    return (yield from run.copy_all(max_idle))


def estimate_cost(
    alone: int, with_folders: int, *, folders: int, places: int, deletions: int
) -> tuple[int, int]:
    """
    Return the requests and the resource units, about, that it takes to copy what was found and to see it.

    Monitors are not in it: they cost no units, and how often they are asked depends on how long copies take.

    :param alone: Documents that are copied one by one.
    :param with_folders: Those that are copied with their folders.
    :param folders: Folders that are copied whole.
    :param places: Folders that the others go to, made or not; each is listed, or its documents looked up.
    """
    batches = math.ceil(alone / MAX_BATCH_SIZE) + math.ceil(deletions / MAX_BATCH_SIZE)
    pages = places + folders + (alone + with_folders) // ITEMS_PER_PAGE
    return batches + folders + places + pages, 2 * (alone + folders + places + pages + deletions)


def delete_originals(
    outcomes: Iterable[Outcome],
    tell: Callable[[ListedItem, DriveError | None], None],
    before: ArchiveState,
    wait: Wait,
) -> Flow[None]:
    """
    Delete the originals of documents that were copied, if they are still what was copied.

    One without an eTag is left: nobody could tell whether it has changed since.

    https://learn.microsoft.com/graph/api/driveitem-delete

    :param outcomes: What came of the documents.
    :param tell: Is told of each whether it went well.
    :param before: How far the archive is: what is gone is remembered with it, since nothing else tells of it.
    """
    gone, told, done = Counter(before.gone), wait.now(), 0
    rest = iter(outcomes)
    while some := list(islice(rest, CHUNK_SIZE)):
        leaving = {each.found.item.ref.item_id: [each.state, each.found.item.size or 0] for each in some}
        yield Checkpoint("archive", ArchiveState(before.begun, gone=dict(gone), leaving=leaving))
        flows = [_delete(each.found.item) for each in some]
        for outcome, error in zip(some, (yield from in_batches(flows)), strict=True):
            tell(outcome.found, error)
            if error is None:
                gone += count_of(outcome.state, outcome.found.item.size or 0)
        done += len(some)
        if wait.now() - told >= wait.timings.progress:
            told = wait.now()
            yield Pause(0.0, f"{done} originals deleted so far")


def _delete(item: DriveItem) -> Flow[None]:
    if not item.etag:
        raise DriveResponseError("it had no eTag, so nobody knows whether it has changed")
    yield from delete_item(item.ref, item.etag)


class _Archive:
    """
    One run of an archive.

    :ivar looks_back: Whether something at the destination may be of this archive, made before.
    """

    def __init__(
        self,
        order: ArchiveOrder,
        terms: Terms,
        report: Callable[[Outcome], None],
        before: ArchiveState,
        throttled: Callable[[], float],
    ) -> None:
        self.looks_back = False
        self._before = before
        self._order, self._terms, self._tell = order, terms, report
        self._clock = terms.wait.clock
        self._failed, self._completed = dict(before.failed), dict(before.completed)
        self._marks = dict(before.marks)
        self._source: DriveItem | None = None
        self._root = TargetFolder("", address=order.destination)
        self._above: set[str] = set()
        self._folders: dict[str, TargetFolder] = {"": self._root}
        self._visits: list[_Visit] = []
        self._visited: tuple[_Visit, Listing] | None = None
        self._items = iter(order.items or ())
        self._read: set[ItemRef] = set()
        self._waiting: deque[CopyTask] = deque()
        self._lulls = 0
        self._pending = InFlightCopies(terms)
        self._throttled = throttled
        self._found = self._done = self._bytes = 0
        self._told = self._started = self._clock()

    def copy_all(self, max_idle: float) -> Flow[ArchiveState]:
        """Copy, until all is done or there is nothing to do but wait."""
        idle_since: float | None = None
        while True:
            has_more = yield from self._fill()
            copies = self._next_copies()
            if copies:
                yield from self._submit(copies)
            ends = yield from self._pending.look()
            for copy, end in ends:
                self._end(copy, end)
            if copies or ends:
                idle_since = None
            if copies:
                yield Pause(0.0, self._progress())
                continue
            if not self._pending:
                if has_more or self._waiting or self._visits:
                    continue
                return replace(self._before, failed=self._failed, completed={}, marks={})
            monitors = self._pending.monitors
            idle_since = idle_since or self._clock()
            if self._clock() - idle_since >= max_idle and len(monitors) == len(self._pending):
                marks = {**self._marks, **self._pending.marks}
                failed = dict(list(self._failed.items())[-MAX_SAVED:])
                told = replace(self._before, failed=failed, completed=self._completed)
                return replace(told, marks=marks, pending=monitors)
            yield Pause(self._pending.seconds_to_next_look(), self._progress())

    def _submit(self, copies: Sequence[CopyTask]) -> Flow[None]:
        """Ask for copies. Where Graph wants more patience than one request has, they come again."""
        refused = yield from self._pending.submit(copies)
        early = [copy for copy, error in refused if isinstance(error, DriveThrottledError)]
        if self._lulls >= MAX_THROTTLE_PAUSES:
            early = []
        for copy, error in refused:
            if copy not in early:
                self._fail(copy, error)
        self._waiting.extend(early)
        self._lulls = self._lulls + 1 if early else 0
        if early:
            yield Pause(
                self._terms.wait.timings.throttled,
                "Graph wants to be left alone for longer: it is asked again later",
            )

    def _next_copies(self) -> list[CopyTask]:
        """Take some of the copies that are waiting: so many as may be under way, or a large folder alone."""
        copies: list[CopyTask] = []
        weight = self._pending.weight
        while self._waiting and len(copies) < CHUNK_SIZE:
            weight += self._waiting[0].weight
            if weight > MAX_IN_FLIGHT and (copies or self._pending):
                break
            copies.append(self._waiting.popleft())
        return copies

    # -- what there is to copy -------------------------------------------------------------------------------

    def open(self, source: DriveItem | None, there: DriveItem | None) -> Flow[None]:
        """Begin with the source, and with what there is at the destination."""
        if there is not None:
            self._root.ref, self._root.count = there.ref, there.child_count or 0
        if source is None:
            return
        yield from self._look_above(source, there)
        destination = self._order.destination
        if isinstance(destination, PathAddress) and destination.names:
            self._root.name = destination.names[-1]
            self._root.parent = TargetFolder("", address=destination.parent)
        is_free = there is None and self._root.parent is not None
        self._source = source.bare
        self._visits.append(_Visit(ListedItem("", self._source), self._root, is_free))

    def _look_above(self, source: DriveItem, there: DriveItem | None) -> Flow[None]:
        """Learn which folders hold the destination: they cannot be copied into it."""
        if there is not None and same_item(there.ref, source.ref):
            raise DriveArgumentError(f"{self._order.source} cannot be archived in itself.")
        item, address = there, self._order.destination
        while item is None and isinstance(address, PathAddress) and address.parent is not None:
            address = address.parent
            item = yield from find_item(address)
        while item is not None and same_drive(source.ref.drive_id, item.ref.drive_id):
            self._above.add(item.ref.item_id)
            above = None if item.is_root or not item.parent_id else ItemRef(item.ref.drive_id, item.parent_id)
            item = (yield from find_item(above)) if above else None

    def _fill(self) -> Flow[bool]:
        """Read on until there is enough to ask for; tell whether there is more."""
        while sum(copy.weight for copy in self._waiting) < CHUNK_SIZE:
            if self._order.items is not None:
                if not (yield from self._read_items()):
                    return False
            elif self._visited is not None and self._visited[1]:
                yield from self._read_page(*self._visited)
            else:
                self._leave_folder()
                if not self._visits:
                    return False
                visit = self._visits.pop()
                takes = self._take_whole(visit) if visit.is_free else self._take_up(visit)
                if not (yield from takes):
                    path, item = visit.folder
                    self._visited = visit, Listing(item.ref, recursive=False, prefix=path)
        return True

    def _leave_folder(self) -> None:
        """Forget what is in a folder that was gone through, unless something is on its way there."""
        target = self._visited[0].target if self._visited else self._root
        is_awaited = self._pending.go_to(target) or any(copy.target is target for copy in self._waiting)
        if target is not self._root and not is_awaited:
            target.forget()
        self._visited = None

    def _read_page(self, visit: _Visit, listing: Listing) -> Flow[None]:
        try:
            page = yield from listing.read()
        except DriveRequestError as error:
            if visit.folder.item is self._source:
                raise
            self._visited = None
            if not isinstance(item_error(error), DriveItemNotFoundError):  # else it is gone since
                self._report(Outcome("failed", visit.folder, reason=str(error)))
            return
        yield from self._enter([found for found in page if found.item.is_folder], visit.target)
        selection = self._order.selection
        documents = [
            found for found in page if not found.item.is_folder and selection.takes(found.path, found.item)
        ]
        yield from self._take(documents, visit.target)

    def _read_items(self) -> Flow[bool]:
        """Read some of the items that were given: what others know of them may be old."""
        given = list(islice(self._items, CHUNK_SIZE))
        items = yield from in_batches([get_item(address) for _, address in given])
        by_folder: dict[str, list[ListedItem]] = {}
        for (path, address), item in zip(given, items, strict=True):
            folder, _, name = path.rpartition("/")
            if isinstance(item, DriveError):
                if isinstance(item, DriveItemNotFoundError) and (yield from self._is_gone(path, address)):
                    continue
                ref = address if isinstance(address, ItemRef) else ItemRef("", str(address))
                self._report(Outcome("failed", ListedItem(path, DriveItem(ref, name)), reason=str(item)))
                continue
            found = ListedItem(f"{folder}/{item.name or ''}".removeprefix("/"), item.bare)
            if item.is_folder:
                self._report(Outcome("failed", found, reason="it is a folder, not a document"))
            elif item.ref not in self._read and self._order.selection.takes(found.path, item):
                self._read.add(item.ref)  # who names a document twice means it once
                by_folder.setdefault(folder if self._order.keep_structure else "", []).append(found)
        for folder, documents in by_folder.items():
            try:
                target = yield from self._target_of(folder)
            except DriveRequestError as error:
                reason = str(item_error(error))
                for found in documents:
                    self._report(Outcome("failed", found, reason=reason))
            else:
                yield from self._take(documents, target)
        return bool(given)

    def _is_gone(self, path: str, address: Address) -> Flow[bool]:
        """Whether an earlier try has deleted an original, after it has seen the copy that is there."""
        folder, _, name = path.rpartition("/")
        if isinstance(address, PathAddress) and address.names:
            name = address.names[-1]
        if not self._before.is_deleting or not name:
            return False
        target = yield from self._target_of(folder if self._order.keep_structure else "")
        yield from target.see([name])
        return target.get(name) is not None

    def _target_of(self, path: str) -> Flow[TargetFolder]:
        """Return the folder at the destination that a path means."""
        if path not in self._folders:
            above, _, name = path.rpartition("/")
            parent = yield from self._target_of(above)
            for error in (yield from parent.see([name])).values():
                raise error
            self._folders[path] = self._below(parent, name)
        return self._folders[path]

    def _below(self, parent: TargetFolder, name: str) -> TargetFolder:
        there = parent.get(name)
        target = TargetFolder(name, parent)
        if there is not None and there.is_folder:
            target.ref, target.count = there.ref, there.child_count or 0
        return target

    def _enter(self, folders: Sequence[ListedItem], parent: TargetFolder) -> Flow[None]:
        """Note folders for when it is their turn: of two hundred, each may hold thousands of documents."""
        keep, faults = self._order.keep_structure, {}
        if keep and folders:
            faults = yield from parent.see([found.item.name or "" for found in folders])
        for found in folders:
            name = found.item.name or ""
            there = parent.get(name)
            if self._root.ref is not None and same_item(found.item.ref, self._root.ref):
                continue
            if name in faults:
                self._report(Outcome("failed", found, reason=str(faults[name])))
            elif keep and there is not None and not there.is_folder:
                self._report(Outcome("failed", found, reason="its name is taken by a document"))
            else:
                target = self._below(parent, name) if keep else parent
                self._visits.append(_Visit(found, target, is_free=keep and there is None))

    def _take_whole(self, visit: _Visit) -> Flow[bool]:
        """Plan to copy a folder whole, and tell whether that can be done."""
        order, folder, parent, name = self._order, visit.folder, visit.target.parent, visit.target.name
        item = folder.item
        wanted = order.keep_structure and order.selection.is_all and not item.is_personal
        if not wanted or item.ref.item_id in self._above or item.ref.item_id in self._failed:
            return False
        contents = yield from self._contents_of(folder)
        if contents is None:
            return False
        self._found += len(contents)
        if order.dry_run:
            for found in contents.values():
                to = visit.target.path_of(found.path[len(folder.path) :].removeprefix("/"))
                self._report(Outcome("planned", found, "folder", reason=folder.path or ".", to=to))
        elif contents and parent is not None:
            self._waiting.append(CopyTask(folder, parent, name, name, contents))
        return True

    def _take_up(self, visit: _Visit) -> Flow[bool]:
        """Go on with a folder whose copy was completed while this task was deferred, if that can be done."""
        folder, target = visit.folder, visit.target
        copy_id = self._completed.get(folder.item.ref.item_id)
        if copy_id is None or target.parent is None:
            return False
        contents = yield from self._contents_of(folder)
        if not contents or fingerprint(folder.item, contents) != self._marks.get(folder.item.ref.item_id):
            return False
        yield from target.parent.ensure()
        self._found += len(contents)
        self._pending.resume(CopyTask(folder, target.parent, target.name, target.name, contents), copy_id)
        return True

    def _contents_of(self, folder: ListedItem) -> Flow[dict[str, ListedItem] | None]:
        """Return the documents in a folder, by their paths there; None if one copy cannot take them all."""
        listing = Listing(folder.item.ref, prefix=folder.path)
        contents: dict[str, ListedItem] = {}
        count = 1
        while listing:
            try:
                page = yield from listing.read()
            except DriveRequestError as error:
                item_error(error)
                return None
            count += len(page)
            if count > MAX_ITEMS_PER_COPY:
                return None
            for path, each in page:
                if not each.is_folder:
                    contents[normalize_name(path[len(folder.path) :].removeprefix("/"))] = ListedItem(
                        path, each
                    )
        return contents

    # -- what is to be done with a document ------------------------------------------------------------------

    def _take(self, documents: Sequence[ListedItem], target: TargetFolder) -> Flow[None]:
        """Decide what is to be done with the documents of a folder."""
        if not documents:
            return
        names = [found.item.name or "" for found in documents]
        faults: dict[str, DriveError] = {}
        try:
            if self._order.conflict_behavior == "rename" and target.ref is not None and not target.is_read:
                yield from target.read()
            faults = yield from target.see(names)
        except DriveRequestError as error:
            faults = dict.fromkeys(names, item_error(error))
        for found, name in zip(documents, names, strict=True):
            self._found += 1
            if name in faults:
                self._report(Outcome("failed", found, reason=str(faults[name])))
            else:
                self._decide(found, target)

    def _decide(self, found: ListedItem, target: TargetFolder) -> None:
        name, behavior = found.item.name or "", self._order.conflict_behavior
        there, is_given = target.get(name), target.is_given(name)
        if there is not None and same_item(there.ref, found.item.ref):
            target.give(name)
            self._report(Outcome("there", found, copy=there, reason="it is in its place already"))
        elif found.item.ref.item_id in self._failed:
            self._report(Outcome("failed", found, reason=self._failed[found.item.ref.item_id]))
        elif is_given and behavior != "rename":
            self._report(Outcome("failed", found, reason="another document of this archive has its name"))
        elif there is None and not is_given:
            self._plan(found, target, name, name)
        elif (copy := self._made_before(found, target)) is not None:
            target.give(copy.name or name)
            item_id, mark = found.item.ref.item_id, fingerprint(found.item, None)
            is_told = self._completed.get(item_id) == copy.ref.item_id and self._marks.get(item_id) == mark
            is_verified = self._order.verify and (is_told or is_same_content(copy, found.item))
            state: Literal["copied", "there"] = "copied" if self._terms.is_new(copy) else "there"
            self._report(Outcome(state, found, copy=copy, is_verified=is_verified))
        elif behavior == "rename":
            free = free_name(name, target.is_taken)
            self._plan(found, target, free, free)
        elif behavior == "replace" and there is not None and not there.is_folder:
            self._plan(found, target, self._landing_name(found.item), name)
        else:
            self._report(Outcome("failed", found, reason=f"{name!r} is there already, with another content"))

    def _plan(self, found: ListedItem, target: TargetFolder, name: str, final_name: str) -> None:
        target.plan(name, final_name)
        if self._order.dry_run:
            self._report(Outcome("planned", found, to=target.path_of(final_name)))
        else:
            was_asked = self.looks_back and name != final_name
            self._waiting.append(CopyTask(found, target, name, final_name, was_asked=was_asked))

    def _made_before(self, found: ListedItem, target: TargetFolder) -> DriveItem | None:
        """Return what counts as the copy: what an earlier try has made, or with ``skip`` what anybody has."""
        name, behavior = found.item.name or "", self._order.conflict_behavior
        if behavior != SKIP and not self.looks_back:
            return None
        there = target.get(name)
        for item in target.renamed(name) if behavior == "rename" else [] if there is None else [there]:
            counts = behavior == SKIP or self._terms.is_new(item)
            is_same = item.kind == found.item.kind and is_same_file(item, found.item)
            is_itself = same_item(item.ref, found.item.ref)
            if counts and is_same and not is_itself and not target.is_given(item.name or name):
                return item
        return None

    def _landing_name(self, item: DriveItem) -> str:
        """Return a name that nothing else has, and a later try knows, for a copy that replaces a file."""
        stem, extension = split_name(item.name or "", is_folder=False)
        digest = hashlib.sha256(f"{item.ref} {item.etag} {self._terms.begun:.0f}".encode()).hexdigest()
        return f"{stem[:150]} (copying {digest[:12]}){extension}"

    # -- what came of it -------------------------------------------------------------------------------------

    def _end(self, copy: CopyTask, end: End | DriveError) -> None:
        if isinstance(end, DriveError):
            self._fail(copy, end)
        elif isinstance(end, Lost):
            self._waiting.append(copy)
        elif isinstance(end, Taken):
            copy.target.learn(copy.name, end.by)
            self._decide(copy.found, copy.target)
        elif isinstance(end, NotWhole):
            self._go_through(copy, end)
        else:
            for outcome in end:
                self._remember(outcome)
                self._report(outcome)

    def _remember(self, outcome: Outcome) -> None:
        """Remember what only a monitor has shown: after a deferral no look at the copy would show it."""
        copy, source = outcome.copy, outcome.found.item
        if outcome.is_verified and copy is not None and not is_same_content(copy, source):
            self._completed[source.ref.item_id] = copy.ref.item_id
            self._marks[source.ref.item_id] = fingerprint(source, None)
        if len(self._completed) > MAX_SAVED:
            oldest = next(iter(self._completed))
            del self._completed[oldest]
            self._marks.pop(oldest, None)

    def _go_through(self, copy: CopyTask, end: NotWhole) -> None:
        """Copy a folder's documents one by one, after what its copy as a whole has come to."""
        self.looks_back = True
        self._failed[copy.id] = end.reason
        self._found -= len(copy.contents or ())
        if copy.source is self._source:
            target, self._root.ref = self._root, end.folder
        else:
            target = TargetFolder(copy.name, copy.target, ref=end.folder)
        target.count = ITEMS_PER_PAGE
        self._visits.append(_Visit(copy.found, target))

    def _fail(self, copy: CopyTask, error: DriveError) -> None:
        if copy.contents is not None:
            self._go_through(copy, NotWhole(None, str(error)))
            return
        self._failed[copy.id] = str(error)[:MAX_REASON_LENGTH]
        self._report(Outcome("failed", copy.found, reason=str(error)))

    def _report(self, outcome: Outcome) -> None:
        self._done += 1
        self._bytes += outcome.found.item.size or 0
        self._tell(outcome)

    def _progress(self) -> str:
        now = self._clock()
        if now - self._told < self._terms.wait.timings.progress:
            return ""
        self._told = now
        a_minute = self._done / max(1.0, now - self._started) * 60
        reads_on = self._visits or self._visited
        told = [
            f"{self._done} documents done, {self._found} found so far"
            if reads_on
            else f"{self._done} of {self._found} documents done",
            f"{self._bytes / 1e6:.1f} MB",
            f"{a_minute:.0f} a minute",
        ]
        if a_minute and not reads_on:
            told.append(f"about {(self._found - self._done) / a_minute * 60:.0f} s to go")
        if (throttled := self._throttled()) >= 1.0:
            told.append(f"throttled for {throttled:.0f} s so far")
        return ", ".join(told)
