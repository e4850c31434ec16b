"""
Many copies that are under way: asked for together, watched together.

What has arrived is seen in the listing of its folder, where that costs less than to ask for each. A file of
the same size and hash as its source is whole. What has no hash, or was rewritten by the service, counts when
its monitor says so too; and since no listing shows a failure, the monitors of copies that take longer than
most are asked.

https://learn.microsoft.com/graph/api/driveitem-copy
https://learn.microsoft.com/graph/long-running-actions-overview
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.copy.find import CLOCK_SLACK
from airflow_provider_drive.protocol.copy.submit import NEW_FOLDER_TRIES, post_copy
from airflow_provider_drive.protocol.flow import Gather, Pause
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.items.lookup import find_item, get_item
from airflow_provider_drive.protocol.items.update import Location, update_item
from airflow_provider_drive.protocol.monitor import poll_once
from airflow_provider_drive.protocol.wire.addresses import ItemRef, same_drive
from airflow_provider_drive.protocol.wire.copy_job import copy_request
from airflow_provider_drive.protocol.wire.items import SKIP, child, is_same_file
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus
from airflow_provider_drive.protocol.wire.names import normalize_name, same_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_drive.protocol.archive.target import TargetFolder
    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.items import DriveItem

SCOUTS = 5
"""Copies that are asked for often, until it is known how long one takes."""
MAX_REQUESTS = 3
"""How often a copy is asked for, if nobody knows what became of the requests before."""
_FIRST_LOOK = 1.0
_GROWTH = 0.15
"""Of a copy's age: the next look comes after that."""
_LATE = 3.0
"""Times as long as most: then a copy's own monitor is asked."""
_Answer: TypeAlias = "Response | DriveError | None"
"""To a request for a copy; None if nobody knows whether Graph has taken it."""


class Outcome(NamedTuple):
    """
    What came of a document.

    :param state: ``copied``; ``there`` if a copy was there before; ``failed``; ``planned`` if nothing was to
        be done yet.
    :param how: ``folder`` if it was copied with its folder, else ``document``.
    :param copy: The item at the destination.
    :param to: Where it would go, below the destination, if it is planned.
    :param is_shown: Whether the copy was shown to be whole, by its bytes or by its monitor, and was not only
        found where it should be. Without that, an original may not be deleted.
    """

    state: Literal["copied", "there", "failed", "planned"]
    found: ListedItem
    how: Literal["folder", "document"] = "document"
    copy: DriveItem | None = None
    reason: str = ""
    is_verified: bool = False
    to: str = ""


class Taken(NamedTuple):
    """The name that a copy was to have was taken meanwhile."""

    by: DriveItem


class NotWhole(NamedTuple):
    """A folder's copy is not there as a whole, if at all; what there is of it."""

    folder: ItemRef | None
    reason: str


class Lost(NamedTuple):
    """Nobody knows anything of a copy: it is to be asked for again, which cannot make it twice."""


End = list[Outcome] | Taken | NotWhole | Lost


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What holds for all copies.

    :param begun: When the first try was begun, by the service's clock.
    :param verify: Whether size and hash have to be those of the source.
    """

    conflict_behavior: str
    verify: bool
    begun: float
    copy_timeout: float
    wait: Wait

    def is_new(self, item: DriveItem) -> bool:
        """Whether an item has come since the beginning."""
        return item.created is not None and item.created >= self.begun - CLOCK_SLACK


@dataclass(eq=False, slots=True)
class CopyTask:
    """
    A copy that is to be made, or is under way.

    :param name: Under which it arrives.
    :param final_name: What it is to be called when it is there.
    :param contents: What is in it, by path, if it is a folder.
    :param was_asked: Somebody may have asked for it before this try. If its name is to change when it is
        there, nothing holds off a second one afterwards: so it is looked for first.
    :param status: What its monitor has said in the end.
    :param next_look: When it is asked for next: at its monitor, or at the destination.
    :param is_sought: It was looked for at the destination since its monitor has said all that it says.
    :param is_seen: It was at the destination, though not for sure as a whole.
    """

    found: ListedItem
    target: TargetFolder
    name: str
    final_name: str
    contents: dict[str, ListedItem] | None = None
    was_asked: bool = False
    requests: int = 0
    submitted: float = 0.0
    monitor_url: str | None = None
    refusal: DriveError | None = None
    status: CopyStatus | None = None
    ended: float = 0.0
    next_look: float = 0.0
    is_sought: bool = False
    is_seen: bool = False

    @property
    def source(self) -> DriveItem:
        """What is copied."""
        return self.found.item

    @property
    def state(self) -> str:
        """What its monitor has said."""
        return self.status.state if self.status else "running"

    @property
    def weight(self) -> int:
        """What it takes to remember it; a document is one."""
        return 1 + len(self.contents or ()) // 10

    @property
    def id(self) -> str:
        """The id of what is copied."""
        return self.source.ref.item_id


class InFlightCopies:
    """Copies that are under way."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._copies: list[CopyTask] = []
        self._next_listing: dict[TargetFolder, float] = {}
        self._heading_for: Counter[TargetFolder] = Counter()
        self._documents_for: Counter[TargetFolder] = Counter()
        self._durations: deque[float] = deque(maxlen=50)
        self._is_batching = True
        self._began = terms.wait.now()

    def __len__(self) -> int:
        return len(self._copies)

    @property
    def weight(self) -> int:
        """What it takes to remember them."""
        return sum(copy.weight for copy in self._copies)

    @property
    def monitors(self) -> dict[str, str]:
        """The monitor URLs of those that have one, by the ids of their sources."""
        return {copy.id: copy.monitor_url for copy in self._copies if copy.monitor_url}

    @property
    def marks(self) -> dict[str, str]:
        """What their sources were like, by their ids."""
        return {copy.id: fingerprint(copy.source, copy.contents) for copy in self._copies}

    def go_to(self, target: TargetFolder) -> bool:
        """Whether one of them is on its way to a folder."""
        return self._heading_for[target] > 0

    # -- asking for them -------------------------------------------------------------------------------------

    def submit(self, copies: Sequence[CopyTask]) -> Flow[list[tuple[CopyTask, DriveError]]]:
        """Ask for copies, and tell which were refused."""
        refused = []
        for target in dict.fromkeys(copy.target for copy in copies):
            try:
                yield from target.ensure()
            except DriveError as error:
                refused += [(copy, error) for copy in copies if copy.target is target]
        copies = [copy for copy in copies if copy.target.ref is not None]
        for copy in copies:
            if copy.was_asked and not copy.requests:
                copy.requests, copy.submitted = 1, self._began
                self._watch(copy)
        copies = [copy for copy in copies if copy not in self._copies]
        outcomes = yield from self._ask_for(copies)
        for copy, outcome in zip(copies, outcomes, strict=True):
            if refusal := self._take(copy, outcome):
                refused.append((copy, refusal))
        return refused

    def _ask_for(self, copies: Sequence[CopyTask]) -> Flow[list[_Answer]]:
        """
        Ask for copies in batches, and alone for those that were refused there.

        That copies may be in a batch is nowhere written. Where one is taken alone that was refused in a
        batch, or a batch is answered as no copy is, there are no batches any more.
        """
        posts = [self._post(copy) for copy in copies]
        if not self._is_batching or len(copies) == 1:
            return (yield from _gather(posts))
        outcomes: list[_Answer] = yield from in_batches(posts)
        alone = [number for number, outcome in enumerate(outcomes) if _is_refusal(outcome)]
        answers = yield from _gather([self._post(copies[number]) for number in alone])
        outcomes = [*outcomes]
        for number, answer in zip(alone, answers, strict=True):
            outcomes[number] = answer
        unlike = any(map(_is_without_monitor, outcomes))
        if unlike or any(not isinstance(answer, DriveError) for answer in answers):
            self._is_batching = False
            yield Pause(0.0, "copies cannot be asked for in batches here: they are asked for one by one")
        return outcomes

    def _post(self, copy: CopyTask) -> Flow[Response | None]:
        """Ask for a copy under a name that nothing has: a second request cannot make a second one."""
        request = copy_request(
            copy.source.ref,
            copy.target.ref or copy.source.ref,
            name=None if copy.source.name == copy.name else copy.name,
            conflict_behavior="fail",
        )
        tries = NEW_FOLDER_TRIES if copy.target.is_new else 1
        return (yield from post_copy(request, tries=tries))

    def _take(self, copy: CopyTask, outcome: _Answer) -> DriveError | None:
        """Note the answer to the request for a copy; return the refusal if there is nothing to wait for."""
        now = self._terms.wait.now()
        copy.requests, copy.submitted, copy.monitor_url = copy.requests + 1, now, None
        if isinstance(outcome, DriveNameConflictError):
            copy.status, copy.ended = CopyStatus("failed", code="nameAlreadyExists"), now
        elif isinstance(outcome, DriveItemNotFoundError) and _goes_across(copy):
            copy.refusal = (
                outcome  # https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3426
            )
        elif isinstance(outcome, DriveError):
            return outcome
        elif outcome is not None and "location" in outcome.headers:
            copy.monitor_url = outcome.headers["location"]
        self._watch(copy)
        return None

    def resume(self, copy: CopyTask, copy_id: str) -> None:
        """Note a copy that is completed, and that an earlier process has asked for."""
        copy.submitted = copy.ended = self._terms.wait.now()
        copy.status = CopyStatus("completed", resource_id=copy_id)
        self._watch(copy)

    def _watch(self, copy: CopyTask) -> None:
        now = self._terms.wait.now()
        self._copies.append(copy)
        self._heading_for[copy.target] += 1
        self._documents_for[copy.target] += copy.contents is None
        self._next_listing.setdefault(copy.target, now + _FIRST_LOOK)
        copy.next_look = now + self._first_look(copy)

    # -- watching them ---------------------------------------------------------------------------------------

    def look(self) -> Flow[list[tuple[CopyTask, End | DriveError]]]:
        """Look at those that are due, and tell which have ended, and how."""
        now = self._terms.wait.now()
        listed = [
            target for target, due in self._next_listing.items() if now >= due and self._is_listed(target)
        ]
        due = [copy for copy in self._copies if now >= self._due(copy)]
        polled = [copy for copy in due if copy.monitor_url and copy.status is None]
        sought = [copy for copy in due if copy not in polled and not self._is_in_a_listing(copy)]
        looks = [*(target.read() for target in listed), *(self._poll(copy) for copy in polled)]
        if sought:
            looks.append(self._seek(sought))
        outcomes = (yield Gather(looks)) if looks else []
        failed = {
            target
            for target, outcome in zip(listed, outcomes, strict=False)
            if isinstance(outcome, DriveError)
        }
        self._plan_listings(listed, failed, now)
        ends = {copy: end for copy in self._copies if (end := self._end_of(copy)) is not None}
        self._copies = [copy for copy in self._copies if copy not in ends]
        for copy in ends:
            self._heading_for[copy.target] -= 1
            self._documents_for[copy.target] -= copy.contents is None
            if not self._heading_for[copy.target]:
                for each in (self._heading_for, self._documents_for, self._next_listing):
                    del each[copy.target]
        outcomes = (yield from in_batches(list(ends.values()))) if ends else []
        for copy, outcome in zip(ends, outcomes, strict=True):
            if isinstance(outcome, list):
                copy.target.give(copy.name)
        return list(zip(ends, outcomes, strict=True))

    def seconds_to_next_look(self) -> float:
        """Return how long there is nothing to do."""
        listings = [due for target, due in self._next_listing.items() if self._is_listed(target)]
        next_look = min([*listings, *map(self._due, self._copies)])
        return min(self._terms.wait.poll_interval, max(0.0, next_look - self._terms.wait.now()))

    def _is_listed(self, target: TargetFolder) -> bool:
        """Whether to look at all of a folder costs less than to ask for each document on its way there."""
        return 4 * target.units <= self._documents_for[target]

    def _is_in_a_listing(self, copy: CopyTask) -> bool:
        """Whether the listing of its folder will show that it has arrived, which that of a folder cannot."""
        return copy.contents is None and self._is_listed(copy.target)

    def _plan_listings(self, listed: Sequence[TargetFolder], failed: set[TargetFolder], began: float) -> None:
        now = self._terms.wait.now()
        oldest: dict[TargetFolder, float] = {}
        for copy in self._copies:
            oldest[copy.target] = min(oldest.get(copy.target, now), copy.submitted)
            copy.is_sought = copy.is_sought or (
                copy.target in listed and copy.target not in failed and copy.ended < began
            )
        for target in listed:
            self._next_listing[target] = now + self._pause_after(now - oldest[target])

    def _poll(self, copy: CopyTask) -> Flow[None]:
        """Ask a copy's monitor."""
        try:
            status, asked = yield from poll_once(copy.monitor_url or "")
        except DriveResponseError as error:  # its host may not be called
            copy.refusal, copy.monitor_url = error, None
            return
        now = self._terms.wait.now()
        copy.next_look = now + max(asked, self._pause_after(now - copy.submitted))
        if not status.is_running:
            copy.status, copy.ended, copy.next_look, copy.is_sought = status, now, now, False
            self._next_listing[copy.target] = min(now, self._next_listing[copy.target])

    def _seek(self, copies: Sequence[CopyTask]) -> Flow[None]:
        """
        Look for copies one by one: by their ids where these are known, else by their names.

        What an id leads to was seen to be elsewhere: beside the source, and not where it was to go. Then it
        is not the copy that was asked for, and the name is looked for as well.
        """
        addresses: list[Address] = []
        for copy in copies:
            folder = copy.target.ref or copy.source.ref
            item_id = None if copy.is_sought else copy.status and copy.status.resource_id
            addresses.append(ItemRef(folder.drive_id, item_id) if item_id else child(folder, copy.name))
        found = yield from in_batches([find_item(address) for address in addresses])
        now = self._terms.wait.now()
        for copy, item in zip(copies, found, strict=True):
            copy.next_look = now + self._pause_after(now - (copy.ended or copy.submitted))
            copy.is_sought = copy.is_sought or not isinstance(item, DriveError)
            folder = copy.target.ref or copy.source.ref
            is_there = item is not None and not isinstance(item, DriveError) and item.is_in(folder)
            if is_there and same_name(item.name or copy.name, copy.name):
                copy.target.learn(copy.name, item)

    @property
    def _typical(self) -> float:
        """How long copies take, as far as it is known."""
        return median(self._durations) if len(self._durations) >= SCOUTS else 0.0

    def _first_look(self, copy: CopyTask) -> float:
        """Return the seconds until a copy is asked for first."""
        if copy.state == "failed" or copy.contents is not None:
            return _FIRST_LOOK
        is_scout = not self._typical and len(self._copies) <= SCOUTS
        return _FIRST_LOOK if is_scout else self._typical or self._terms.wait.poll_interval

    def _due(self, copy: CopyTask) -> float:
        """Return when to ask for a copy: late, while the listing of its folder shows when it is there."""
        if copy.status is not None or copy.is_seen or not self._is_in_a_listing(copy):
            return copy.next_look
        late = max(2 * self._terms.wait.poll_interval, _LATE * self._typical)
        return max(copy.next_look, copy.submitted + late)

    def _pause_after(self, age: float) -> float:
        """Return the seconds until copies of an age are looked at again."""
        until_most_end = 0.9 * self._typical - age
        return min(self._terms.wait.poll_interval, max(_FIRST_LOOK, _GROWTH * age, until_most_end))

    # -- what came of them -----------------------------------------------------------------------------------

    def _end_of(self, copy: CopyTask) -> Flow[End] | None:
        """Return what is left to do for a copy that has ended, or nothing if it is still under way."""
        there, status = copy.target.get(copy.name), copy.status
        if there is not None and copy.contents is not None and copy.state in {"completed", "unknown"}:
            return self._arrive_whole(copy, there)
        if there is not None and copy.contents is None:
            told = copy.state == "completed" or (
                copy.monitor_url is None and is_same_file(there, copy.source)
            )
            if (told or is_same_content(there, copy.source)) and not self._may_come_twice(copy):
                return self._arrive(copy, there)
            if not copy.is_seen and copy.status is None:
                copy.is_seen, copy.next_look = True, self._terms.wait.now()
        if status is not None and status.is_name_conflict:
            is_over = there is not None or self._silence_of(copy) > self._terms.wait.timings.read_back
            return self._settle(copy, there) if is_over else None
        error = self._failure_of(copy)
        return None if error is None else self._fail(copy, error)

    @staticmethod
    def _may_come_twice(copy: CopyTask) -> bool:
        """Whether another request is under way that would make it again as soon as its name is free."""
        is_running = copy.monitor_url is not None and copy.status is None
        return copy.name != copy.final_name and copy.requests > 1 and is_running

    def _failure_of(self, copy: CopyTask) -> DriveError | None:
        """Return why a copy is not to be waited for any more."""
        now = self._terms.wait.now()
        if copy.status is not None and copy.state == "failed":
            return DriveCopyFailedError(copy.status.told, code=copy.status.code)
        if now - copy.submitted > self._terms.copy_timeout:
            return DriveCopyTimeoutError("it was not copied in time; it may still be")
        silence = self._silence_of(copy)
        if copy.state == "completed" and silence > self._terms.wait.timings.read_back:
            return DriveCopyFailedError("Graph says that it is copied, but it is not to be seen")
        if copy.refusal is not None and silence > self._terms.wait.timings.false_404:
            return copy.refusal
        timings = self._terms.wait.timings
        max_idle = timings.resume_find if copy.was_asked and copy.requests == 1 else timings.find
        if (copy.monitor_url is None or copy.state == "unknown") and silence > max_idle:
            return DriveCopyUnknownError("nobody can say what became of its copy; it may still come")
        return None

    def _silence_of(self, copy: CopyTask) -> float:
        """Return for how long a copy was not to be seen, though it was looked for."""
        return self._terms.wait.now() - (copy.ended or copy.submitted) if copy.is_sought else 0.0

    def _fail(self, copy: CopyTask, error: DriveError) -> Flow[End]:
        yield from ()
        if copy.contents is not None:
            return NotWhole(None, str(error))
        if isinstance(error, DriveCopyUnknownError) and copy.requests < MAX_REQUESTS:
            copy.status, copy.ended, copy.is_sought, copy.is_seen = None, 0.0, False, False
            return Lost()
        raise error

    def _arrive(self, copy: CopyTask, there: DriveItem) -> Flow[End]:
        """Hold a copy against its source, and give it the name that it is to have."""
        terms, source = self._terms, copy.source
        if not copy.was_asked:
            self._durations.append(terms.wait.now() - copy.submitted)
        if terms.verify and not is_same_file(there, source):
            source = yield from get_item(source.ref)  # it may have changed since
            if not is_same_file(there, source):
                raise DriveCopyFailedError(
                    f"{there} has arrived with {there.size} bytes, and the original has {source.size}, or "
                    "another hash; it was left there",
                    code="notAsAsked",
                )
        if copy.final_name != copy.name:
            place, behavior = Location(None, copy.final_name), terms.conflict_behavior
            there = yield from update_item(there, place, conflict_behavior=behavior, wait=terms.wait)
        is_verified = terms.verify and (copy.state == "completed" or is_same_content(there, source))
        return [Outcome("copied", copy.found, copy=there.bare, is_verified=is_verified)]

    def _arrive_whole(self, copy: CopyTask, there: DriveItem) -> Flow[End]:
        """
        Hold a folder's copy against its source.

        Folders were seen to fill for a while after they were completed:
        https://github.com/OneDrive/onedrive-api-docs/issues/1239
        """
        contents = copy.contents or {}
        for pause in (*self._terms.wait.timings.filling, None):
            copies: dict[str, DriveItem] = {}
            listing = Listing(there.ref)
            while listing:
                copies |= {normalize_name(path): item for path, item in (yield from listing.read())}
            wrong = [path for path in contents if not self._is_right(copies.get(path), contents[path].item)]
            if not wrong or copy.state != "completed" or pause is None:
                break
            yield Pause(pause)
        if wrong:
            return NotWhole(there.ref, f"{len(wrong)} of {len(contents)} documents have not arrived with it")
        return [
            Outcome(
                *("copied", found, "folder", copies[path]),
                is_verified=self._terms.verify
                and (copy.state == "completed" or is_same_content(copies[path], found.item)),
            )
            for path, found in contents.items()
        ]

    def _is_right(self, there: DriveItem | None, source: DriveItem) -> bool:
        if there is None or there.kind != source.kind:
            return False
        return not self._terms.verify or is_same_file(there, source)

    def _settle(self, copy: CopyTask, there: DriveItem | None) -> Flow[End]:
        """Decide whether what has the name is the copy: an earlier request may have made it."""
        terms = self._terms
        if copy.contents is not None:
            is_folder = there is not None and there.is_folder
            return NotWhole(there.ref if there and is_folder else None, "its name is taken")
        if there is not None and is_same_file(there, copy.source):
            if terms.is_new(there):
                return (yield from self._arrive(copy, there))
            if terms.conflict_behavior == SKIP:
                is_verified = terms.verify and is_same_content(there, copy.source)
                return [Outcome("there", copy.found, copy=there.bare, is_verified=is_verified)]
        if there is None:
            raise DriveCopyFailedError(
                f"{copy.name!r} is taken, says Graph, by something that is not to be seen"
            )
        if terms.conflict_behavior != "rename" or copy.requests >= MAX_REQUESTS:
            raise DriveCopyFailedError(f"{copy.name!r} was taken meanwhile, by another content")
        return Taken(there)


def fingerprint(source: DriveItem, contents: Mapping[str, ListedItem] | None) -> str:
    """Return what tells whether something has changed since: its eTag, or those of all in a folder."""
    if contents is None:
        return source.etag or ""
    told = sorted(f"{found.item.ref.item_id} {found.item.etag}" for found in contents.values())
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def is_same_content(copy: DriveItem, source: DriveItem) -> bool:
    """Whether a listing alone shows that a file has arrived: same size, and same hash."""
    return None not in source.content and copy.content == source.content


def _is_refusal(outcome: _Answer) -> bool:
    """Whether a request was refused, for whatever it was, or for being in a batch."""
    passing = isinstance(outcome, (DriveThrottledError, DriveServiceError)) and outcome.status != 501
    return isinstance(outcome, DriveRequestError) and not passing


def _is_without_monitor(outcome: _Answer) -> bool:
    """Whether a request was accepted, but not as those for copies are."""
    return not isinstance(outcome, DriveError) and outcome is not None and "location" not in outcome.headers


def _goes_across(copy: CopyTask) -> bool:
    target = copy.target.ref
    return target is not None and not same_drive(copy.source.ref.drive_id, target.drive_id)


def _gather(flows: Sequence[Flow[Response | None]]) -> Flow[list[_Answer]]:
    outcomes: list[_Answer] = (yield Gather(flows)) if flows else []
    return outcomes
