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
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveError,
    DriveNameConflictError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.addresses import ItemRef, PathAddress, same_drive
from airflow_provider_drive.protocol.batching import MOST_REQUESTS, in_batches
from airflow_provider_drive.protocol.copies import COPY_BEHAVIORS
from airflow_provider_drive.protocol.defaults import COPY_TIMEOUT, POLL_INTERVAL
from airflow_provider_drive.protocol.finding import find_item, get_folder, get_item
from airflow_provider_drive.protocol.items import (
    SKIP,
    DriveItem,
    check_conflict_behavior,
    free_name,
    is_renamed,
    is_same_file,
    split_name,
)
from airflow_provider_drive.protocol.listing import Found, Listing
from airflow_provider_drive.protocol.messages import Checkpoint, Pause
from airflow_provider_drive.protocol.pending import (
    Lost,
    NotWhole,
    Outcome,
    PendingCopies,
    PendingCopy,
    Taken,
    Terms,
    is_same_content,
)
from airflow_provider_drive.protocol.selecting import Selection
from airflow_provider_drive.protocol.targets import ITEMS_OF_A_PAGE, TargetFolder
from airflow_provider_drive.protocol.updating import delete_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_drive.protocol.addresses import Address
    from airflow_provider_drive.protocol.copies import CopyStatus
    from airflow_provider_drive.protocol.hosts import Hosts
    from airflow_provider_drive.protocol.messages import Flow
    from airflow_provider_drive.protocol.pending import End

MOST_IN_A_FOLDER = 30_000
"""Items that one copy may have: https://learn.microsoft.com/graph/api/driveitem-copy."""
MOST_PENDING = 1_000
"""Copies that are under way at the same time; a whole folder counts for a tenth of what is in it."""
AT_ONCE = 8 * MOST_REQUESTS
"""Copies that are asked for at the same time."""
_SECONDS_BETWEEN_LINES = 10.0
_END_OF_TIME = 1e11


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


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How far an archive is.

    :param begun: When it was begun, by the service's clock.
    :param failed: Why copies have failed that were under way, by the ids of their sources.
    :param completed: What copies have become that were under way, by the ids of their sources.
    :param pending: The monitors of those that are under way, by the ids of their sources.
    """

    begun: float
    failed: Mapping[str, str] = field(default_factory=dict)
    completed: Mapping[str, str] = field(default_factory=dict)
    pending: Mapping[str, str] = field(default_factory=dict, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return what has to be remembered, as JSON, but for the monitors, which are secrets."""
        return {"begun": self.begun, "failed": dict(self.failed), "completed": dict(self.completed)}


def read_standing(value: Any) -> Standing:
    """
    Read what :meth:`Standing.as_dict` has made, and a database has kept.

    :raises DriveResponseError: If it is anything else.
    """
    told = value if isinstance(value, Mapping) else {}
    begun, failed, completed = (told.get(key) for key in ("begun", "failed", "completed"))
    sound = isinstance(begun, (int, float)) and not isinstance(begun, bool) and 0 < begun < _END_OF_TIME
    if not sound or told.keys() != {"begun", "failed", "completed"} or not _are_texts(failed, completed):
        raise DriveResponseError("What was remembered of the archive is not as this package writes it.")
    return Standing(cast("float", begun), cast("Any", failed), cast("Any", completed))


def end_event(ends: Mapping[str, CopyStatus]) -> dict[str, Any]:
    """
    Return the event that says how copies have ended. It holds no secret: Airflow logs it.

    The destination tells of those whose end nobody knows, and of those whose name was taken: perhaps by
    themselves.
    """
    lasting = {
        name: end
        for name, end in ends.items()
        if end.state in {"failed", "timeout"} and not end.is_name_conflict
    }
    return {
        "status": "ended",
        "completed": {name: end.resource_id for name, end in ends.items() if end.resource_id},
        "failed": {name: end.told for name, end in lasting.items()},
    }


def read_end_event(event: Any, standing: Standing) -> Standing:
    """
    Read what :func:`end_event` has made, and return how far the archive is by that.

    :raises DriveResponseError: If it is not exactly that. An event that says why the trigger could not wait
        is none of these, but no fault: the destination tells all there is to know.
    """
    told = event if isinstance(event, Mapping) else {}
    if told.get("status") == "unknown":
        return standing
    if told.keys() != {"status", "completed", "failed"} or not _are_texts(told["completed"], told["failed"]):
        raise DriveResponseError("The trigger's event is refused: it is not as this package writes it.")
    return replace(
        standing,
        failed={**standing.failed, **told["failed"]},
        completed={**standing.completed, **told["completed"]},
    )


def _are_texts(*values: Any) -> bool:
    return all(
        isinstance(value, Mapping) and all(isinstance(text, str) for pair in value.items() for text in pair)
        for value in values
    )


class _Visit(NamedTuple):
    """
    A folder of the source whose turn is still to come.

    :param target: Where it goes.
    :param is_free: Whether nothing is there yet, so that it may be copied whole.
    """

    folder: Found
    target: TargetFolder
    is_free: bool = False


def archive(
    order: ArchiveOrder,
    hosts: Hosts,
    report: Callable[[Outcome], None],
    *,
    before: Standing | None = None,
    patience: float = math.inf,
    poll_interval: float = POLL_INTERVAL,
    copy_timeout: float = COPY_TIMEOUT,
    clock: Callable[[], float] = time.time,
    throttled: Callable[[], float] = float,
) -> Flow[Standing]:
    """
    Copy the documents that are meant, and wait for them.

    :param report: Is told what came of each document.
    :param before: How far it was, if it was begun before. What has failed is not asked for again.
    :param patience: Seconds to wait when there is nothing else to do. What is under way then is returned.
    :param copy_timeout: Seconds that each copy may take.
    :param throttled: Tells for how many seconds requests were held back, for the log.
    :raises DriveError: If the source or the destination cannot be used. What goes wrong with a document is
        told of that document.
    """
    order.check()
    source = None if order.source is None else (yield from get_folder(order.source, hosts))
    there = yield from find_item(order.destination, hosts)
    if there is not None and not there.is_folder:
        raise DriveNameConflictError(
            f"{order.destination} is no folder.", status=409, code="nameAlreadyExists", final=True
        )
    read = source or there
    now = (read and read.read_at) or clock()
    if before is None:
        yield Checkpoint("archive", Standing(now))
    begun = now if before is None else before.begun
    terms = Terms(hosts, order.conflict_behavior, order.verify, begun, poll_interval, copy_timeout, clock)
    run = _Archive(order, terms, report, before or Standing(now), throttled)
    run.looks_back = before is not None
    yield from run.open(source, there)
    return (yield from run.go_on(patience))


def delete_originals(
    originals: Iterable[Found], tell: Callable[[Found, DriveError | None], None]
) -> Flow[None]:
    """
    Delete documents that were copied, if they are still what was copied.

    https://learn.microsoft.com/graph/api/driveitem-delete

    :param tell: Is told of each whether it went well.
    """
    some: list[Found] = []
    for found in originals:
        some.append(found)
        if len(some) == AT_ONCE:
            yield from _delete(some, tell)
            some = []
    yield from _delete(some, tell)


def _delete(originals: Sequence[Found], tell: Callable[[Found, DriveError | None], None]) -> Flow[None]:
    known = [found for found in originals if found.item.etag]
    flows = [delete_item(found.item.ref, found.item.etag) for found in known]
    for found, error in zip(known, (yield from in_batches(flows)), strict=True):
        tell(found, error)
    for found in originals:
        if not found.item.etag:
            tell(found, DriveResponseError("it had no eTag, so nobody knows whether it has changed"))


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
        before: Standing,
        throttled: Callable[[], float],
    ) -> None:
        self.looks_back = False
        self._order, self._terms, self._tell = order, terms, report
        self._hosts, self._clock = terms.hosts, terms.clock
        self._failed, self._completed = dict(before.failed), before.completed
        self._root = TargetFolder("", terms.hosts, address=order.destination)
        self._above: set[str] = set()
        self._folders: dict[str, TargetFolder] = {"": self._root}
        self._visits: list[_Visit] = []
        self._visited: tuple[_Visit, Listing] | None = None
        self._items = iter(order.items or ())
        self._waiting: deque[PendingCopy] = deque()
        self._pending = PendingCopies(terms)
        self._throttled = throttled
        self._found = self._done = self._bytes = 0
        self._told = self._started = self._clock()

    def go_on(self, patience: float) -> Flow[Standing]:
        """Copy, until all is done or there is nothing to do but wait."""
        idle_since: float | None = None
        while True:
            has_more = yield from self._fill()
            copies = self._next_copies()
            for copy, error in (yield from self._pending.submit(copies)) if copies else ():
                self._fail(copy, error)
            for copy, end in (yield from self._pending.look()):
                self._end(copy, end)
            if copies:
                idle_since = None
                continue
            if not self._pending:
                if has_more or self._waiting or self._visits:
                    continue
                return Standing(self._terms.begun, self._failed)
            monitors = self._pending.monitors
            idle_since = idle_since or self._clock()
            if self._clock() - idle_since >= patience and len(monitors) == len(self._pending):
                return Standing(self._terms.begun, self._failed, pending=monitors)
            yield Pause(self._pending.seconds_to_next_look(), self._progress())

    def _next_copies(self) -> list[PendingCopy]:
        """Take some of the copies that are waiting: so many as may be under way, or a large folder alone."""
        copies: list[PendingCopy] = []
        weight = self._pending.weight
        while self._waiting and len(copies) < AT_ONCE:
            weight += self._waiting[0].weight
            if weight > MOST_PENDING and (copies or self._pending):
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
        destination, is_free = self._order.destination, False
        if there is None and isinstance(destination, PathAddress) and destination.names:
            self._root.name, is_free = destination.names[-1], True
            self._root.parent = TargetFolder("", self._hosts, address=destination.parent)
        self._visits.append(_Visit(Found("", source.bare), self._root, is_free))

    def _look_above(self, source: DriveItem, there: DriveItem | None) -> Flow[None]:
        """Learn which folders hold the destination: they cannot be copied into it."""
        if there is not None and there.ref == source.ref:
            raise DriveArgumentError(f"{self._order.source} cannot be archived in itself.")
        item = there
        while item is not None and same_drive(source.ref.drive_id, item.ref.drive_id):
            self._above.add(item.ref.item_id)
            above = None if item.is_root or not item.parent_id else ItemRef(item.ref.drive_id, item.parent_id)
            item = (yield from find_item(above, self._hosts)) if above else None

    def _fill(self) -> Flow[bool]:
        """Read on until there is enough to ask for; tell whether there is more."""
        while sum(copy.weight for copy in self._waiting) < AT_ONCE:
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
                if not (visit.is_free and (yield from self._take_whole(visit))):
                    path, item = visit.folder
                    self._visited = visit, Listing(item.ref, self._hosts, recursive=False, prefix=path)
        return True

    def _leave_folder(self) -> None:
        """Forget what is in a folder that was gone through, unless something is on its way there."""
        target = self._visited[0].target if self._visited else self._root
        is_awaited = self._pending.go_to(target) or any(copy.target is target for copy in self._waiting)
        if target is not self._root and not is_awaited:
            target.forget()
        self._visited = None

    def _read_page(self, visit: _Visit, listing: Listing) -> Flow[None]:
        page = yield from listing.read()
        yield from self._enter([found for found in page if found.item.is_folder], visit.target)
        selection = self._order.selection
        documents = [
            found for found in page if not found.item.is_folder and selection.takes(found.path, found.item)
        ]
        yield from self._take(documents, visit.target)

    def _read_items(self) -> Flow[bool]:
        """Read some of the items that were given: what others know of them may be old."""
        given = [pair for pair, _ in zip(self._items, range(AT_ONCE), strict=False)]
        items = yield from in_batches([get_item(address, self._hosts) for _, address in given])
        by_folder: dict[str, list[Found]] = {}
        for (path, address), item in zip(given, items, strict=True):
            folder, _, name = path.rpartition("/")
            if isinstance(item, DriveError):
                ref = address if isinstance(address, ItemRef) else ItemRef("", str(address))
                self._report(Outcome("failed", Found(path, DriveItem(ref, name)), reason=str(item)))
                continue
            found = Found(f"{folder}/{item.name or ''}".removeprefix("/"), item.bare)
            if item.is_folder:
                self._report(Outcome("failed", found, reason="it is a folder, not a document"))
            elif self._order.selection.takes(found.path, item):
                by_folder.setdefault(folder if self._order.keep_structure else "", []).append(found)
        for folder, documents in by_folder.items():
            yield from self._take(documents, (yield from self._target_of(folder)))
        return bool(given)

    def _target_of(self, path: str) -> Flow[TargetFolder]:
        """Return the folder at the destination that a path means."""
        if path not in self._folders:
            above, _, name = path.rpartition("/")
            parent = yield from self._target_of(above)
            yield from parent.see([name])
            self._folders[path] = self._below(parent, name)
        return self._folders[path]

    def _below(self, parent: TargetFolder, name: str) -> TargetFolder:
        there = parent.get(name)
        target = TargetFolder(name, self._hosts, parent)
        if there is not None and there.is_folder:
            target.ref, target.count = there.ref, there.child_count or 0
        return target

    def _enter(self, folders: Sequence[Found], parent: TargetFolder) -> Flow[None]:
        """Note folders for when it is their turn: of two hundred, each may hold thousands of documents."""
        keep = self._order.keep_structure
        if keep and folders:
            yield from parent.see([found.item.name or "" for found in folders])
        for found in folders:
            name = found.item.name or ""
            there = parent.get(name)
            if found.item.child_count == 0 or found.item.ref == self._root.ref:
                continue
            if keep and there is not None and not there.is_folder:
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
        listing = Listing(item.ref, self._hosts, prefix=folder.path)
        contents: dict[str, Found] = {}
        count = 1
        while listing and count <= MOST_IN_A_FOLDER:
            for path, each in (yield from listing.read()):
                count += 1
                if not each.is_folder:
                    below = path[len(folder.path) :].removeprefix("/")
                    contents[below.casefold()] = Found(path, each)
        if count > MOST_IN_A_FOLDER:
            return False
        self._found += len(contents)
        if order.dry_run:
            for found in contents.values():
                to = visit.target.path_of(found.path[len(folder.path) :].removeprefix("/"))
                self._report(Outcome("planned", found, "folder", reason=folder.path or ".", to=to))
        elif contents and parent is not None:
            self._waiting.append(PendingCopy(folder, parent, name, name, contents))
        return True

    # -- what is to be done with a document ------------------------------------------------------------------

    def _take(self, documents: Sequence[Found], target: TargetFolder) -> Flow[None]:
        """Decide what is to be done with the documents of a folder."""
        if not documents:
            return
        if self._order.conflict_behavior == "rename" and target.ref is not None and not target.is_read:
            yield from target.read()
        yield from target.see([found.item.name or "" for found in documents])
        for found in documents:
            self._found += 1
            self._decide(found, target)

    def _decide(self, found: Found, target: TargetFolder) -> None:
        name, behavior = found.item.name or "", self._order.conflict_behavior
        there, is_given = target.get(name), name.casefold() in target.given
        if found.item.ref.item_id in self._failed:
            self._report(Outcome("failed", found, reason=self._failed[found.item.ref.item_id]))
        elif is_given and behavior != "rename":
            self._report(Outcome("failed", found, reason="another document of this archive has its name"))
        elif there is None and not is_given:
            self._plan(found, target, name, name)
        elif (copy := self._made_before(found, target)) is not None:
            target.give(copy.name or name)
            is_told = self._completed.get(found.item.ref.item_id) == copy.ref.item_id
            is_shown = self._order.verify and (is_told or is_same_content(copy, found.item))
            state: Literal["copied", "there"] = "copied" if self._terms.is_new(copy) else "there"
            self._report(Outcome(state, found, copy=copy, is_shown=is_shown))
        elif behavior == "rename":
            free = free_name(
                name, lambda other: target.get(other) is not None or other.casefold() in target.given
            )
            self._plan(found, target, free, free)
        elif behavior == "replace" and there is not None and not there.is_folder:
            self._plan(found, target, self._landing_name(found.item), name)
        else:
            self._report(Outcome("failed", found, reason=f"{name!r} is there already, with another content"))

    def _plan(self, found: Found, target: TargetFolder, name: str, final_name: str) -> None:
        target.given.add(name.casefold())
        if self._order.dry_run:
            self._report(Outcome("planned", found, to=target.path_of(final_name)))
        else:
            self._waiting.append(PendingCopy(found, target, name, final_name))

    def _made_before(self, found: Found, target: TargetFolder) -> DriveItem | None:
        """Return what counts as the copy: what an earlier try has made, or with ``skip`` what anybody has."""
        name, behavior = found.item.name or "", self._order.conflict_behavior
        there = target.get(name)
        items = [] if there is None else [there]
        if behavior == "rename":
            items = [item for item in target.there.values() if is_renamed(item.name or "", name)]
        for item in items:
            counts = behavior == SKIP or (self.looks_back and self._terms.is_new(item))
            is_same = item.kind == found.item.kind and is_same_file(item, found.item)
            if counts and is_same and (item.name or "").casefold() not in target.given:
                return item
        return None

    def _landing_name(self, item: DriveItem) -> str:
        """Return a name that nothing else has, and a later try knows, for a copy that replaces a file."""
        stem, extension = split_name(item.name or "", is_folder=False)
        digest = hashlib.sha256(f"{item.ref} {item.etag} {self._terms.begun:.0f}".encode()).hexdigest()
        return f"{stem[:150]} (copying {digest[:12]}){extension}"

    # -- what came of it -------------------------------------------------------------------------------------

    def _end(self, copy: PendingCopy, end: End | DriveError) -> None:
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
                self._report(outcome)

    def _go_through(self, copy: PendingCopy, end: NotWhole) -> None:
        """Copy a folder's documents one by one, after what its copy as a whole has come to."""
        self.looks_back = True
        self._failed[copy.id] = end.reason
        self._found -= len(copy.contents or ())
        target = TargetFolder(copy.name, self._hosts, copy.target, ref=end.folder, count=ITEMS_OF_A_PAGE)
        self._visits.append(_Visit(copy.found, target))

    def _fail(self, copy: PendingCopy, error: DriveError) -> None:
        if copy.contents is not None:
            self._go_through(copy, NotWhole(None, str(error)))
            return
        self._failed[copy.id] = str(error)
        self._report(Outcome("failed", copy.found, reason=str(error)))

    def _report(self, outcome: Outcome) -> None:
        self._done += 1
        self._bytes += outcome.found.item.size or 0
        self._tell(outcome)

    def _progress(self) -> str:
        now = self._clock()
        if now - self._told < _SECONDS_BETWEEN_LINES:
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
