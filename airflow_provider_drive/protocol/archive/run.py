"""
The flow that copies the documents of an archive, and verifies each copy.

It reads on, requests copies, polls what is under way and reports what came of each document, until all is
done. After a crash or a deferral it goes on by its state: the ids that Graph told, and the monitors that it
accepted copies with.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveNameConflictError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.archive.context import ArchiveContext, about_one_item
from airflow_provider_drive.protocol.archive.copy_task import CopyTask
from airflow_provider_drive.protocol.archive.delete_originals import count_deleting
from airflow_provider_drive.protocol.archive.finish import (
    VerifiedFolder,
    discard,
    documents_of,
    needs_final_name,
    place_document,
    place_folder,
    verify_document,
    verify_folder,
)
from airflow_provider_drive.protocol.archive.in_flight import MAX_REQUESTS, InFlightCopies
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.archive.plan import (
    describe,
    names_of_interest,
    plan_document,
    plan_folder,
)
from airflow_provider_drive.protocol.archive.progress import Progress
from airflow_provider_drive.protocol.archive.scan import Documents, Scan, WholeFolder
from airflow_provider_drive.protocol.archive.state import ArchiveState, Done
from airflow_provider_drive.protocol.archive.target import ITEMS_PER_PAGE, TargetFolder
from airflow_provider_drive.protocol.batch import MAX_BATCH_SIZE, in_batches
from airflow_provider_drive.protocol.copy.recovery import Decision
from airflow_provider_drive.protocol.flow import Pause, Restore, Saved
from airflow_provider_drive.protocol.items.lookup import find_item, get_item
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT
from airflow_provider_drive.protocol.wire.names import free_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_drive.protocol.archive.finish import Verified
    from airflow_provider_drive.protocol.archive.in_flight import Ended
    from airflow_provider_drive.protocol.archive.order import ArchiveOrder
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.items import DriveItem

MAX_IN_FLIGHT = 1_000
"""Copies that are under way at the same time; a whole folder counts as a tenth of its documents."""
CHUNK_SIZE = 8 * MAX_BATCH_SIZE
"""Copies that are requested at the same time; the state is stored after each chunk."""
MAX_THROTTLE_PAUSES = 12
"""How often in a row an archive pauses since Graph throttled it beyond the retry budget."""


def archive(
    order: ArchiveOrder,
    report: Callable[[Outcome], None],
    wait: Wait,
    *,
    max_idle: float = math.inf,
    copy_timeout: float = COPY_TIMEOUT,
    throttled: Callable[[], float] = float,
) -> Flow[ArchiveState]:
    """
    Copy documents, wait for the copies and verify them. What goes wrong with a document is reported.

    :param report: Receives what came of each document.
    :param max_idle: Seconds to wait while there is nothing to do but poll monitors. What is still under way
        then is ``pending`` in the state that is returned.
    :param copy_timeout: Seconds that each copy may take.
    :param throttled: Tells how many seconds requests were held back so far, for the log.
    :return: How far the archive is.
    :raises DriveError: If the source or the destination cannot be used.
    """
    order.check()
    saved: Saved = Saved() if order.dry_run else (yield Restore("archive"))
    source = None if order.source is None else (yield from _source_folder(order.source))
    there = yield from find_item(order.destination)
    if there is not None and not there.is_folder:
        raise DriveNameConflictError(
            f"{order.destination} exists and is not a folder.",
            status=409,
            code="nameAlreadyExists",
            retryable=False,
        )
    read = source or there
    state: ArchiveState = saved.state or ArchiveState(begun=(read and read.read_at) or wait.now())
    state.token = state.token or uuid4().hex
    is_resumed = saved.state is not None
    context = ArchiveContext(order, state, wait, copy_timeout, is_resumed, is_durable=saved.is_durable)
    if not order.dry_run:
        yield from count_deleting(state)
    yield from context.save()
    run = _Run(context, report, throttled)
    yield from run.scan.start(source, there)
    return (yield from run.copy_all(max_idle))


def _source_folder(address: Address) -> Flow[DriveItem]:
    folder = yield from get_item(address, follow=False)
    if folder.remote is not None:
        raise DriveArgumentError(f"{address} is a shortcut. Give the address of the folder that it leads to.")
    if not folder.is_folder:
        raise DriveArgumentError(f"{address} is not a folder.")
    return folder


class _Run:
    """One run of an archive, from the first document to the last, or to a deferral."""

    def __init__(
        self, context: ArchiveContext, report: Callable[[Outcome], None], throttled: Callable[[], float]
    ) -> None:
        self._context, self._state, self._report_to = context, context.state, report
        self.scan = Scan(context)
        self._in_flight = InFlightCopies(context)
        self._waiting: deque[CopyTask] = deque()
        self._progress = Progress(context.wait, throttled)
        self._throttle_pauses = 0

    def copy_all(self, max_idle: float) -> Flow[ArchiveState]:
        """Copy until all is done, or there is nothing to do but poll monitors for longer than wanted."""
        idle_since: float | None = None
        clock = self._context.wait.now
        has_more = True
        while True:
            has_more = yield from self._read_on()
            copies = self._next_copies()
            if copies:
                yield from self._submit(copies)
            ended = yield from self._in_flight.poll()
            yield from self._handle(ended)
            if copies or ended:
                idle_since = None
                yield Pause(0.0, self._progress.line(is_reading=has_more))
                continue
            if not self._in_flight:
                if has_more or self._waiting or not self.scan.is_done:
                    continue
                break
            idle_since = idle_since or clock()
            if clock() - idle_since >= max_idle and self._in_flight.can_be_deferred:
                break
            yield Pause(self._in_flight.seconds_to_next_look(), self._progress.line(is_reading=has_more))
        yield from self._save()
        result = self._state.copied()
        result.pending = self._in_flight.pending()
        return result

    # -- what is requested -----------------------------------------------------------------------------------

    def _read_on(self) -> Flow[bool]:
        """Read until there is enough to request; tell whether there is more."""
        while sum(copy.weight for copy in self._waiting) < CHUNK_SIZE:
            read = yield from self.scan.read()
            if isinstance(read, WholeFolder):
                self._add_whole_folder(read)
            elif read is not None:
                yield from self._add_documents(read)
            for outcome in self.scan.outcomes:
                self._progress.found += 1
                self._report(outcome)
            self.scan.outcomes.clear()
            if read is None:
                return False
        return True

    def _add_whole_folder(self, read: WholeFolder) -> None:
        folder, target = read.folder, read.target
        parent = target.parent
        copy = plan_folder(folder, parent or target, target.name, read.contents, self._context)
        documents = documents_of(copy)
        self._progress.found += len(documents)
        if self._context.order.dry_run:
            for path, found in documents:
                to = target.path_of(path)
                self._report(Outcome("planned", found, "folder", reason=folder.path or ".", to=to))
        elif documents and parent is not None:
            self._waiting.append(copy)

    def _add_documents(self, read: Documents) -> Flow[None]:
        """Decide what to do with the documents of a folder."""
        documents, target = read
        names = [found.item.name or "" for found in documents]
        errors: dict[str, DriveError] = {}
        try:
            if self._context.order.conflict_behavior == "rename" and not target.is_listed:
                yield from target.list_items()
            wanted = [name for found in documents for name in names_of_interest(found.item, self._context)]
            errors = yield from target.look_up(wanted)
        except DriveError as error:
            errors = dict.fromkeys(names, about_one_item(error))
        for found, name in zip(documents, names, strict=True):
            self._progress.found += 1
            if name in errors:
                self._report(Outcome("failed", found, reason=str(errors[name])))
            else:
                yield from self._plan(found, target)

    def _plan(self, found: ListedItem, target: TargetFolder) -> Flow[None]:
        planned = yield from plan_document(found, target, self._context)
        if isinstance(planned, Outcome):
            self._report(planned)
        else:
            self._waiting.append(planned)

    def _next_copies(self) -> list[CopyTask]:
        """Take copies that are waiting: as many as may be under way, or one large folder alone."""
        copies: list[CopyTask] = []
        weight = self._in_flight.weight
        while self._waiting and len(copies) < CHUNK_SIZE:
            weight += self._waiting[0].weight
            if weight > MAX_IN_FLIGHT and (copies or self._in_flight):
                break
            copies.append(self._waiting.popleft())
        return copies

    def _submit(self, copies: Sequence[CopyTask]) -> Flow[None]:
        """Request copies. Those that Graph throttled beyond the retry budget are requested again later."""
        refused = yield from self._in_flight.submit(copies)
        throttled = [copy for copy, error in refused if isinstance(error, DriveThrottledError)]
        if self._throttle_pauses >= MAX_THROTTLE_PAUSES:
            throttled = []
        for copy, error in refused:
            if copy not in throttled:
                self._fail(copy, error)
        yield from self._save()
        self._waiting.extend(throttled)
        self._throttle_pauses = self._throttle_pauses + 1 if throttled else 0
        if throttled:
            seconds = self._context.wait.timings.throttled
            yield Pause(seconds, f"Graph throttles this app: no copies are requested for {seconds:.0f} s")

    # -- what has ended --------------------------------------------------------------------------------------

    def _handle(self, ended: Sequence[Ended]) -> Flow[None]:
        """Handle the copies that are not to be waited for any more."""
        arrived: list[tuple[CopyTask, DriveItem]] = []
        for end in ended:
            copy, item = end.copy, end.item
            if end.decision is not Decision.TIMED_OUT:  # else a retry polls its monitor
                self._state.pending.pop(copy.id, None)
            if end.decision is Decision.ARRIVED and item is not None:
                if copy.target.claim(item.ref.item_id, copy.id):
                    arrived.append((copy, item))
                else:
                    self._fail(copy, DriveCopyFailedError(f"{item} is the copy of another document"))
            elif end.decision is Decision.SUBMIT:
                self._waiting.append(copy)
            elif end.decision is Decision.CONFLICT:
                yield from self._handle_conflict(copy, item)
            else:
                yield from self._handle_failure(end)
        folders = [(copy, item) for copy, item in arrived if copy.contents is not None]
        documents = [(copy, item) for copy, item in arrived if copy.contents is None]
        if documents:
            yield from self._finish_documents(documents)
        if folders:
            yield from self._finish_folders(folders)

    def _handle_conflict(self, copy: CopyTask, item: DriveItem | None) -> Flow[None]:
        """Decide again what to do with a document whose name another item has taken."""
        if copy.contents is not None:
            ref = item.ref if item is not None and item.is_folder else None
            self._read_folder(copy, TargetFolder(copy.name, copy.target, ref=ref), "its name is taken")
            return
        if item is None or copy.requests >= MAX_REQUESTS:
            reason = f"Graph says that {copy.name!r} is taken" + (f" by {describe(item)}" if item else "")
            self._fail(copy, copy.refusal or DriveCopyFailedError(reason))
            return
        copy.target.items.add(item.name or copy.name, item)
        requests = copy.requests
        planned = yield from plan_document(copy.found, copy.target, self._context)
        if isinstance(planned, Outcome):
            self._fail(
                copy, DriveCopyFailedError(planned.reason)
            ) if planned.state == "failed" else self._report(planned)
        else:
            planned.requests = requests
            self._waiting.append(planned)

    def _handle_failure(self, end: Ended) -> Flow[None]:
        """Report a copy that has failed; or copy a folder's documents one by one."""
        copy, item = end.copy, end.item
        if copy.resource_id is not None:  # what Graph has made is never requested again
            self._state.add_done(copy.id, Done(copy.resource_id, copy.mark))
        if copy.contents is not None and end.decision in {Decision.FAILED, Decision.INCOMPLETE}:
            if item is not None and copy.is_own:
                yield from discard(item)
            ref = item.ref if item is not None and item.is_folder and not copy.is_own else None
            target = TargetFolder(copy.final_name, copy.target, ref=ref)
            self._read_folder(copy, target, str(_error(end)))
            return
        self._fail(copy, _error(end))

    def _finish_documents(self, arrived: Sequence[tuple[CopyTask, DriveItem]]) -> Flow[None]:
        """Verify copies of documents, save their ids, give them their final names, and report them."""
        context = self._context
        results = yield from in_batches([verify_document(copy, item, context) for copy, item in arrived])
        verified: list[tuple[CopyTask, DriveItem, Verified]] = []
        for (copy, item), result in zip(arrived, results, strict=True):
            if isinstance(result, DriveError):
                if copy.is_own:
                    yield from self._forget(copy, item)
                self._fail(copy, result)
            elif result.is_outdated and copy.requests < MAX_REQUESTS:
                yield from self._forget(copy, item)
                copy.restart(result.found)
                self._waiting.append(copy)
            else:
                verified.append((copy, item, result))
        for copy, item, _ in verified:
            self._remember(copy, item)
        if any(needs_final_name(copy, item, context) for copy, item, _ in verified):
            yield from self._save()
        placed = yield from in_batches([place_document(*each, context) for each in verified])
        for (copy, _, _), outcome in zip(verified, placed, strict=True):
            if isinstance(outcome, DriveError):
                self._state.done.pop(copy.id, None)
                self._fail(copy, outcome)
            else:
                self._report(outcome)

    def _remember(self, copy: CopyTask, item: DriveItem) -> None:
        """Note the id of a copy that this archive has made, and choose the name that it gets."""
        is_renaming = self._context.order.conflict_behavior == "rename"
        if is_renaming:  # nothing else will tell whose the copy is
            self._state.done[copy.id] = Done(item.ref.item_id, copy.mark)
        elif copy.resource_id is not None or copy.is_own:
            self._state.add_done(copy.id, Done(item.ref.item_id, copy.mark))
        if is_renaming and needs_final_name(copy, item, self._context):
            is_folder = copy.contents is not None
            copy.final_name = free_name(copy.final_name, copy.target.is_taken, is_folder=is_folder)
            copy.target.assign(copy.final_name, copy.id)

    def _forget(self, copy: CopyTask, item: DriveItem) -> Flow[None]:
        """Delete a copy under a name of its own that is of no use."""
        self._state.done.pop(copy.id, None)
        yield from discard(item)

    def _finish_folders(self, arrived: Sequence[tuple[CopyTask, DriveItem]]) -> Flow[None]:
        """Verify copies of folders; copy what they have left out one by one."""
        context = self._context
        for copy, item in arrived:
            self._remember(copy, item)
        if any(needs_final_name(copy, item, context) for copy, item in arrived):
            yield from self._save()
        placed = yield from in_batches([place_folder(copy, item, context) for copy, item in arrived])
        for (copy, _), item in zip(arrived, placed, strict=True):
            result = item if isinstance(item, DriveError) else (yield from _verified(copy, item, context))
            if isinstance(result, VerifiedFolder):
                for outcome in result.outcomes:
                    self._report(outcome)
                if result.missing:
                    self._progress.found -= len(result.missing)
                    target = TargetFolder(copy.final_name, copy.target, ref=item.ref, count=ITEMS_PER_PAGE)
                    yield from self.scan.add_documents(copy.found, target, result.missing)
            else:
                self._fail(copy, result)

    # -- what came of it -------------------------------------------------------------------------------------

    def _read_folder(self, copy: CopyTask, target: TargetFolder, reason: str) -> None:
        """Copy a folder's documents one by one, after its copy as a whole has failed."""
        self._state.add_failed(copy.id, reason)
        self._progress.found -= len(documents_of(copy))
        target.count, target.may_hold_copies = ITEMS_PER_PAGE, True
        self.scan.add_folder(copy.found, target)

    def _fail(self, copy: CopyTask, error: DriveError) -> None:
        if copy.contents is None:
            self._state.add_failed(copy.id, str(error))
            self._report(Outcome("failed", copy.found, reason=str(error)))
            return
        if not copy.is_accepted and not copy.lost:  # its request was refused
            self._read_folder(copy, TargetFolder(copy.final_name, copy.target), str(error))
            return
        for _, found in documents_of(copy):
            self._report(Outcome("failed", found, "folder", reason=str(error)))

    def _report(self, outcome: Outcome) -> None:
        self._progress.add(outcome.found.item.size or 0)
        self._report_to(outcome)

    def _save(self) -> Flow[None]:
        """Store the state with the copies that are under way now."""
        self._state.pending |= self._in_flight.pending()
        yield from self._context.save()


def _verified(copy: CopyTask, item: DriveItem, context: ArchiveContext) -> Flow[VerifiedFolder | DriveError]:
    try:
        return (yield from verify_folder(copy, item, context))
    except DriveError as error:
        return about_one_item(error)


def _error(end: Ended) -> DriveError:
    """Return the error that says what became of a copy."""
    copy, status = end.copy, end.copy.status
    if end.decision is Decision.FAILED and status is not None:
        return DriveCopyFailedError(status.told, code=status.code)
    if end.decision is Decision.TIMED_OUT:
        return DriveCopyTimeoutError("it was not copied in time; it may still be")
    if end.decision is Decision.MISPLACED:
        return DriveCopyFailedError(
            f"Graph says that it is copied, but {end.reason}: {end.item}. It was left there, and no retry "
            "requests another copy.",
            code="notAsAsked",
        )
    if copy.refusal is not None:
        return copy.refusal
    if copy.resource_id is not None:
        return DriveCopyUnknownError(
            f"Graph says that it is copied as {copy.resource_id}, but that item is not to be seen: it was "
            "moved or deleted. No retry requests another copy; clear the task to copy it again."
        )
    return DriveCopyUnknownError(
        f"it cannot be known what became of its copy, and {end.reason or 'it is not to be seen'}: it may still come"
    )
