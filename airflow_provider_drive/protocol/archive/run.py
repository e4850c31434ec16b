"""
The flow that copies the documents of an archive, and verifies each copy.

It reads on, requests copies, polls what is under way and reports what came of each document, until all is
done. After a crash or a deferral it goes on by its state: the ids that Graph told, and the monitors that it
accepted copies with.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveError,
    DriveNameConflictError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.archive.context import ArchiveContext, about_one_item
from airflow_provider_drive.protocol.archive.delete_originals import count_deleting
from airflow_provider_drive.protocol.archive.ended import handle_ended
from airflow_provider_drive.protocol.archive.in_flight import InFlightCopies
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.archive.plan import names_of_interest, plan_folder
from airflow_provider_drive.protocol.archive.scan import WholeFolder
from airflow_provider_drive.protocol.archive.state import ArchiveState
from airflow_provider_drive.protocol.archive.vanished import finish_vanished
from airflow_provider_drive.protocol.archive.work import Work
from airflow_provider_drive.protocol.batch import MAX_BATCH_SIZE
from airflow_provider_drive.protocol.flow import Pause, Restore, Saved
from airflow_provider_drive.protocol.items.lookup import find_item, get_item
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_drive.protocol.archive.copy_task import CopyTask
    from airflow_provider_drive.protocol.archive.order import ArchiveOrder
    from airflow_provider_drive.protocol.archive.scan import Documents
    from airflow_provider_drive.protocol.flow import Flow
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
    held: Callable[[], str] = str,
) -> Flow[ArchiveState]:
    """
    Copy documents, wait for the copies and verify them. What goes wrong with a document is reported.

    :param report: Receives what came of each document.
    :param max_idle: Seconds to wait while there is nothing to do but poll monitors. What is still under way
        then is ``pending`` in the state that is returned.
    :param copy_timeout: Seconds that each copy may take.
    :param held: Tells what held requests back so far, for the log.
    :return: How far the archive is.
    :raises DriveError: If the source or the destination cannot be used.
    """
    order.check()
    saved: Saved = Saved() if order.dry_run else (yield Restore("archive"))
    source = None if order.source is None else (yield from _source_folder(order.source))
    there = yield from _destination_folder(order.destination)
    read = source or there
    state: ArchiveState = saved.state or ArchiveState(begun=(read and read.read_at) or wait.now())
    state.token = state.token or uuid4().hex
    state.source_url = source.web_url if source else None
    state.destination_url = there.web_url if there else state.destination_url
    is_resumed = saved.state is not None
    context = ArchiveContext(order, state, wait, copy_timeout, is_resumed, is_durable=saved.is_durable)
    if not order.dry_run:
        yield from count_deleting(state)
    yield from context.save()
    work = Work(context, report, held)
    yield from work.scan.start(source, there)
    return (yield from _Run(work).copy_all(max_idle))


def _source_folder(address: Address) -> Flow[DriveItem]:
    folder = yield from get_item(address, follow=False)
    if folder.remote is not None:
        raise DriveArgumentError(f"{address} is a shortcut. Give the address of the folder that it leads to.")
    if not folder.is_folder:
        raise DriveArgumentError(f"{address} is not a folder.")
    return folder


def _destination_folder(address: Address) -> Flow[DriveItem | None]:
    folder = yield from find_item(address, follow=True)
    if folder is not None and not folder.is_folder:
        raise DriveNameConflictError(
            f"{address} exists and is not a folder.", status=409, code="nameAlreadyExists", retryable=False
        )
    return folder


class _Run:
    """One run of an archive, from the first document to the last, or to a deferral."""

    def __init__(self, work: Work) -> None:
        self._work, self._context, self._state = work, work.context, work.state
        self._in_flight = InFlightCopies(work.context)
        self._throttle_pauses = 0

    def copy_all(self, max_idle: float) -> Flow[ArchiveState]:
        """Copy until all is done, or there is nothing to do but poll monitors for longer than wanted."""
        work, now = self._work, self._context.wait.now
        idle_since: float | None = None
        while True:
            has_more = yield from self._read_on()
            copies = self._next_copies()
            if copies:
                yield from self._submit(copies)
            ended = yield from self._in_flight.poll()
            yield from handle_ended(ended, work)
            if copies or ended:
                idle_since = None
                yield Pause(0.0, work.progress.line(is_reading=has_more))
            elif self._in_flight:
                idle_since = idle_since or now()
                if now() - idle_since >= max_idle and self._in_flight.can_be_deferred:
                    break
                yield Pause(self._in_flight.seconds_to_next_look(), work.progress.line(is_reading=has_more))
            elif not (has_more or work.waiting or not work.scan.is_done):
                if not work.scan.unfinished:
                    break
                yield from finish_vanished(work)
        self._state.done |= self._in_flight.completed()
        yield from self._save()
        result = self._state.copied()
        unread = {key: each for key, each in result.pending.items() if key in work.scan.unfinished}
        result.pending = unread | self._in_flight.pending()
        return result

    def _read_on(self) -> Flow[bool]:
        """Read until there is enough to request; return whether there is more."""
        work = self._work
        while sum(copy.weight for copy in work.waiting) < CHUNK_SIZE:
            read = yield from work.scan.read()
            if isinstance(read, WholeFolder):
                self._add_whole_folder(read)
            elif read is not None:
                yield from self._add_documents(read)
            for outcome in work.scan.take_outcomes():
                work.progress.found += 1
                work.report(outcome)
            if read is None:
                return False
        return True

    def _add_whole_folder(self, read: WholeFolder) -> None:
        folder, target, work = read.folder, read.target, self._work
        if target.parent is None:
            return
        copy = plan_folder(folder, target.parent, target.name, read.contents, self._context)
        documents = copy.documents()
        work.progress.found += len(documents)
        if self._context.order.dry_run:
            for path, found in documents:
                to = target.path_of(path)
                work.report(Outcome("planned", found, "folder", reason=folder.path or ".", to=to))
        elif documents:
            work.waiting.append(copy)

    def _add_documents(self, read: Documents) -> Flow[None]:
        """Decide what to do with the documents of a folder."""
        documents, target = read
        names = [found.item.name or "" for found in documents]
        try:
            if self._context.order.conflict_behavior == "rename" and not target.is_listed:
                yield from target.list_items()
            wanted = [name for found in documents for name in names_of_interest(found.item, self._context)]
            errors = yield from target.look_up(wanted)
        except DriveError as error:
            errors = dict.fromkeys(names, about_one_item(error))
        for found, name in zip(documents, names, strict=True):
            self._work.progress.found += 1
            if name in errors:
                self._work.report(Outcome("failed", found, reason=str(errors[name])))
            else:
                yield from self._work.plan(found, target)

    def _next_copies(self) -> list[CopyTask]:
        """Take copies that are waiting: as many as may be under way, or one large folder alone."""
        copies: list[CopyTask] = []
        waiting, weight = self._work.waiting, self._in_flight.weight
        while waiting and len(copies) < CHUNK_SIZE:
            weight += waiting[0].weight
            if weight > MAX_IN_FLIGHT and (copies or self._in_flight):
                break
            copies.append(waiting.popleft())
        return copies

    def _submit(self, copies: Sequence[CopyTask]) -> Flow[None]:
        """Request copies. Those that Graph throttled beyond the retry budget are requested again later."""
        if any(copy.is_repeated for copy in copies) and not self._state.repeats:
            self._state.repeats = True
            yield from self._context.save()  # a later try then knows that two requests may be running
        refused = yield from self._in_flight.submit(copies)
        throttled = [copy for copy, error in refused if isinstance(error, DriveThrottledError)]
        if self._throttle_pauses >= MAX_THROTTLE_PAUSES:
            throttled = []
        for copy, error in refused:
            if copy not in throttled:
                self._work.fail(copy, error)
        yield from self._save()
        self._work.waiting.extend(throttled)
        self._throttle_pauses = self._throttle_pauses + 1 if throttled else 0
        if throttled:
            seconds = self._context.wait.timings.throttled
            yield Pause(seconds, f"Graph throttles this app: no copies are requested for {seconds:.0f} s")

    def _save(self) -> Flow[None]:
        """Store the state with the copies that are under way now."""
        self._state.pending |= self._in_flight.pending()
        yield from self._context.save()
