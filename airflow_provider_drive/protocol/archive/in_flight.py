"""
Copies that are under way: they are requested together, their monitors are polled, and their copies searched.

The monitor tells a copy's id; polling it costs no resource units. Copies that have ended are compared with
their sources by a listing of their folder, where that costs less than to read each.

https://learn.microsoft.com/graph/api/driveitem-copy
https://learn.microsoft.com/graph/long-running-actions-overview
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from airflow_provider_drive.exceptions import (
    DriveError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.archive.copy_task import CONFLICT
from airflow_provider_drive.protocol.archive.identify import identify, unseen
from airflow_provider_drive.protocol.archive.poll_schedule import PollSchedule
from airflow_provider_drive.protocol.archive.state import Done, Pending
from airflow_provider_drive.protocol.archive.target import Wanted
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.copy.find import may_come_again
from airflow_provider_drive.protocol.copy.recovery import Decision, Evidence, decide
from airflow_provider_drive.protocol.copy.submit import MAX_REQUESTS, NEW_FOLDER_TRIES, post_copy
from airflow_provider_drive.protocol.flow import Gather, Pause
from airflow_provider_drive.protocol.items.lookup import find_item
from airflow_provider_drive.protocol.monitor import poll_once
from airflow_provider_drive.protocol.wire.addresses import ItemRef, same_drive
from airflow_provider_drive.protocol.wire.copy_job import copy_request
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus, read_monitor_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.archive.context import ArchiveContext
    from airflow_provider_drive.protocol.archive.copy_task import CopyTask
    from airflow_provider_drive.protocol.archive.target import TargetFolder
    from airflow_provider_drive.protocol.copy.find import Sighting
    from airflow_provider_drive.protocol.copy.recovery import MonitorWord
    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.wire.items import DriveItem

COPIES_PER_UNIT, MAX_WAITING = 10, 500
"""
While other copies are on their way to a folder, it is listed when so many have ended for each resource unit
that this costs, or so many in all.
"""
_Answer: TypeAlias = "Response | DriveError | None"
"""To the request for a copy; None if the answer was lost."""


class Ended(NamedTuple):
    """A copy that is not to be waited for any more, and what was found of it."""

    copy: CopyTask
    decision: Decision
    item: DriveItem | None = None
    reason: str = ""


class InFlightCopies:
    """Copies that are under way."""

    def __init__(self, context: ArchiveContext) -> None:
        self._context, self._wait = context, context.wait
        self._copies: list[CopyTask] = []
        self._schedule = PollSchedule(context.wait.poll_interval)
        self._is_batching = True

    def __len__(self) -> int:
        return len(self._copies)

    @property
    def weight(self) -> int:
        """How much of the memory for copies they take."""
        return sum(copy.weight for copy in self._copies)

    @property
    def can_be_deferred(self) -> bool:
        """Whether all that is left to do is to poll some monitors, and what the others told can be stored."""
        is_storable = all(copy.is_running or copy.resource_id for copy in self._copies)
        return is_storable and any(copy.is_running for copy in self._copies)

    def pending(self) -> dict[str, Pending]:
        """Return the copies whose monitors have to be polled, by the ids of their sources."""
        return {
            copy.id: Pending(copy.mark, copy.is_temporary, copy.monitor_url, copy.origin)
            for copy in self._copies
            if copy.monitor_url and not copy.resource_id
        }

    def completed(self) -> dict[str, Done]:
        """Return the copies that are not verified yet and whose ids are known, by their sources' ids."""
        return {
            copy.id: Done(copy.resource_id, copy.mark, origin=copy.origin)
            for copy in self._copies
            if copy.resource_id
        }

    # -- requests --------------------------------------------------------------------------------------------

    def submit(self, copies: Sequence[CopyTask]) -> Flow[list[tuple[CopyTask, DriveError]]]:
        """
        Request copies. One that an earlier try may have requested is searched first.

        :return: Those that were refused, and why.
        """
        refused: list[tuple[CopyTask, DriveError]] = []
        for target in dict.fromkeys(copy.target for copy in copies):
            try:
                yield from target.ensure()
            except DriveError as error:
                refused += [(copy, error) for copy in copies if copy.target is target]
        wanted = [copy for copy in copies if copy.target.ref is not None and not self._resume(copy)]
        answers = yield from self._request(wanted)
        for copy, answer in zip(wanted, answers, strict=True):
            if (refusal := self._record_answer(copy, answer)) is not None:
                refused.append((copy, refusal))
        return refused

    def _resume(self, copy: CopyTask) -> bool:
        """Go on with a copy that an earlier try has requested, or may have; return whether it has."""
        now = self._wait.now()
        if copy.lost and not (copy.monitor_url or copy.ended):
            copy.requests, copy.submitted, copy.ended, copy.next_look = 1, now, now, now
        elif not (copy.monitor_url or copy.status):
            return False
        self._copies.append(copy)
        return True

    def _request(self, copies: Sequence[CopyTask]) -> Flow[list[_Answer]]:
        """
        Request copies in batches, and those alone that were refused in a batch.

        No documentation says that a batch may contain copies. If one is accepted alone that was refused in a
        batch, or the answer in a batch has no monitor, no more batches are sent.
        """
        posts = [self._post(copy) for copy in copies]
        if not self._is_batching or len(copies) == 1:
            return (yield from _gather(posts))
        answers: list[_Answer] = yield from in_batches(posts)
        alone = [number for number, answer in enumerate(answers) if _is_refusal(answer)]
        repeated = yield from _gather([self._post(copies[number]) for number in alone])
        answers = [*answers]
        for number, answer in zip(alone, repeated, strict=True):
            answers[number] = answer
        if any(map(_has_no_monitor, answers)) or any(not isinstance(each, DriveError) for each in repeated):
            self._is_batching = False
            yield Pause(0.0, "Graph does not accept copies in batches here: they are requested one by one")
        return answers

    def _post(self, copy: CopyTask) -> Flow[Response | None]:
        """Request a copy so that a second request cannot make a second copy."""
        request = copy_request(
            copy.source.ref,
            copy.target.ref or copy.source.ref,
            name=None if copy.source.name == copy.name else copy.name,
            conflict_behavior="fail",
        )
        return (yield from post_copy(request, tries=NEW_FOLDER_TRIES if copy.target.is_new else 1))

    def _record_answer(self, copy: CopyTask, answer: _Answer) -> DriveError | None:
        """Note the answer to the request for a copy; return the refusal if there is nothing to wait for."""
        now = self._wait.now()
        copy.requests, copy.submitted = copy.requests + 1, now
        copy.status, copy.monitor_url, copy.refusal, copy.ended = None, None, None, 0.0
        if isinstance(answer, DriveNameConflictError):
            copy.end(CopyStatus("failed", code=CONFLICT), now)
        elif isinstance(answer, DriveItemNotFoundError) and self._crosses_drives(copy):
            copy.refusal = (
                answer  # https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3426
            )
        elif isinstance(answer, DriveError):
            return answer
        elif answer is None:
            copy.lost += 1
        else:
            copy.is_accepted, copy.monitor_url = True, read_monitor_url(answer)
        copy.target.count += 1
        copy.ended = copy.ended or (0.0 if copy.monitor_url else now)
        copy.next_look = None if copy.is_running else now if copy.status else now + self._schedule.shortest
        self._copies.append(copy)
        return None

    @staticmethod
    def _crosses_drives(copy: CopyTask) -> bool:
        target = copy.target.ref
        return target is not None and not same_drive(copy.source.ref.drive_id, target.drive_id)

    # -- polls and searches ----------------------------------------------------------------------------------

    def poll(self) -> Flow[list[Ended]]:
        """Poll the monitors that are due, search what has ended, and return what is not to be waited for."""
        now = self._wait.now()
        self._choose_sample()
        due = [copy for copy in self._copies if copy.is_running and self._next_look(copy) <= now]
        yield from _gather([self._poll(copy) for copy in due])
        groups = self._groups_to_search()
        searches = [self._search(target, copies) for target, copies in groups]
        results = (yield Gather(searches)) if searches else []
        ended = []
        for (_, copies), result in zip(groups, results, strict=True):
            sightings = [unseen(result)] * len(copies) if isinstance(result, DriveError) else result
            ended += [
                end
                for copy, sighting in zip(copies, sightings, strict=True)
                if (end := self._decide(copy, sighting)) is not None
            ]
        done = {end.copy for end in ended}
        self._copies = [copy for copy in self._copies if copy not in done]
        return ended

    def seconds_to_next_look(self) -> float:
        """Return how long there is nothing to do."""
        self._choose_sample()
        next_look = min(map(self._next_look, self._copies))
        return min(self._wait.poll_interval, max(0.0, next_look - self._wait.now()))

    def _next_look(self, copy: CopyTask) -> float:
        return copy.submitted + self._schedule.first_poll() if copy.next_look is None else copy.next_look

    def _choose_sample(self) -> None:
        """Poll a few copies often until it is known how long a copy takes. The others wait for that."""
        running = [copy for copy in self._copies if copy.is_running]
        missing = self._schedule.sample_size - sum(copy.next_look is not None for copy in running)
        waiting = (copy for copy in running if copy.next_look is None)
        for copy in islice(waiting, max(0, missing)):
            copy.next_look = copy.submitted + self._schedule.shortest

    def _poll(self, copy: CopyTask) -> Flow[None]:
        """Poll a copy's monitor."""
        try:
            status, retry_after = yield from poll_once(copy.monitor_url or "")
        except DriveResponseError as error:  # its host may not be called
            copy.end(CopyStatus("unknown", message=str(error)), self._wait.now())
            return
        now = self._wait.now()
        age = now - copy.submitted
        copy.next_look = now + max(retry_after, self._schedule.pause_after(age))
        if status.is_running and age > self._context.copy_timeout:
            status = CopyStatus("timeout")
        if not status.is_running:
            copy.end(status, now)
            self._schedule.add(age)

    def _groups_to_search(self) -> list[tuple[TargetFolder, list[CopyTask]]]:
        """
        Return the copies whose folders are to be searched now.

        While other copies are on their way to a folder, it is not listed for a few whose ids are known.
        """
        now = self._wait.now()
        running: set[TargetFolder] = set()
        groups: dict[TargetFolder, list[CopyTask]] = {}
        for copy in self._copies:
            if copy.is_running:
                running.add(copy.target)
            elif self._next_look(copy) <= now:
                groups.setdefault(copy.target, []).append(copy)
        for target in running & groups.keys():
            identified = [copy for copy in groups[target] if copy.resource_id]
            if len(identified) < min(MAX_WAITING, COPIES_PER_UNIT * target.units):
                for copy in identified:
                    copy.next_look = now + self._schedule.shortest
                groups[target] = [copy for copy in groups[target] if not copy.resource_id]
        return [(target, copies) for target, copies in groups.items() if copies]

    def _search(self, target: TargetFolder, copies: Sequence[CopyTask]) -> Flow[list[Sighting]]:
        """Search copies in their folder: by their ids if Graph has reported them, else by their names."""
        found = yield from target.search([Wanted(copy.name, copy.resource_id) for copy in copies])
        sightings = []
        for copy, item in zip(copies, found, strict=True):
            try:
                seen = item or (yield from _find_in_told_drive(copy))
                sightings.append((yield from identify(copy, seen, self._context)))
            except DriveError as error:
                sightings.append(unseen(error))
        return sightings

    def _decide(self, copy: CopyTask, sighting: Sighting) -> Ended | None:
        """Return what to do about a copy, or None if it is to be waited for."""
        now = self._wait.now()
        evidence = Evidence(
            _monitor_word(copy),
            sighting.found,
            is_accepted=copy.is_accepted,
            lost=copy.lost,
            may_search=now - (copy.ended or copy.submitted) <= self._search_seconds(copy),
            may_submit=copy.requests < MAX_REQUESTS and copy.refusal is None,
            may_come_again=copy.is_temporary
            and may_come_again(sighting.item, copy.name, copy.other_requests, self._wait),
        )
        decision = decide(evidence)
        if decision is Decision.WAIT:
            copy.next_look = now + self._schedule.pause_after(now - copy.ended)
            return None
        return Ended(copy, decision, sighting.item, sighting.reason)

    def _search_seconds(self, copy: CopyTask) -> float:
        """Return how long the destination is searched for a copy."""
        timings = self._wait.timings
        if copy.refusal is not None:
            return timings.false_404
        if copy.status is not None and copy.status.state in {"completed", "failed"}:
            return timings.read_back
        may_be_new = self._context.is_resumed and copy.requests == 1 and not copy.is_accepted
        return timings.resume_find if may_be_new else timings.find


def _find_in_told_drive(copy: CopyTask) -> Flow[DriveItem | None]:
    """Look at a copy that is not to be seen in its own drive, if its monitor names another."""
    drive_id, target = copy.status and copy.status.drive_id, copy.target.ref
    if not (copy.resource_id and drive_id and target) or same_drive(drive_id, target.drive_id):
        return None
    return (yield from find_item(ItemRef(drive_id, copy.resource_id)))


def _monitor_word(copy: CopyTask) -> MonitorWord:
    if copy.status is None:
        return "none"
    return "conflict" if copy.status.is_name_conflict else copy.status.state


def _is_refusal(answer: _Answer) -> bool:
    """Whether a request was refused, for its own sake or because it was in a batch."""
    is_transient = isinstance(answer, (DriveThrottledError, DriveServiceError)) and answer.status != 501
    return isinstance(answer, DriveRequestError) and not is_transient


def _has_no_monitor(answer: _Answer) -> bool:
    """Whether a request was accepted, but not as requests for copies are."""
    return not isinstance(answer, DriveError) and answer is not None and "location" not in answer.headers


def _gather(flows: Sequence[Flow[_Answer]] | Sequence[Flow[None]]) -> Flow[list[_Answer]]:
    answers: list[_Answer] = (yield Gather(flows)) if flows else []
    return answers
