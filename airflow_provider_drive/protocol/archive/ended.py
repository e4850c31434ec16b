"""
What is done with copies that have ended: verify, name and report those that arrived, and report the others.

Their ids are stored before they get their final names, since then no name tells any more whose they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.archive.finish import (
    discard,
    is_unnamed,
    needs_final_name,
    place_document,
    place_folder,
    verify_document,
    verify_folder,
)
from airflow_provider_drive.protocol.archive.plan import describe
from airflow_provider_drive.protocol.archive.state import Done
from airflow_provider_drive.protocol.archive.target import ITEMS_PER_PAGE, TargetFolder
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.copy.recovery import Decision
from airflow_provider_drive.protocol.copy.submit import MAX_REQUESTS
from airflow_provider_drive.protocol.wire.names import free_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.archive.copy_task import CopyTask
    from airflow_provider_drive.protocol.archive.finish import (
        Verified,
        VerifiedFolder,
    )
    from airflow_provider_drive.protocol.archive.in_flight import Ended
    from airflow_provider_drive.protocol.archive.work import Work
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.items import DriveItem

_Arrived = tuple["CopyTask", "DriveItem"]


def handle_ended(ended: Sequence[Ended], work: Work) -> Flow[None]:
    """Do what was decided about copies that are not to be waited for any more."""
    arrived: list[_Arrived] = []
    for end in ended:
        copy, item = end.copy, end.item
        if end.decision is not Decision.TIMED_OUT:  # else a retry polls its monitor
            work.state.pending.pop(copy.id, None)
        if end.decision is Decision.ARRIVED and item is not None:
            if copy.target.claim(item.ref.item_id, copy.id):
                arrived.append((copy, item))
            else:
                work.fail(copy, DriveCopyFailedError(f"{item} is the copy of another document"))
        elif end.decision is Decision.SUBMIT:
            work.waiting.append(copy)
        elif end.decision is Decision.CONFLICT:
            yield from _handle_conflict(copy, item, work)
        else:
            yield from _handle_failure(end, work)
    yield from _finish_documents([each for each in arrived if each[0].contents is None], work)
    yield from _finish_folders([each for each in arrived if each[0].contents is not None], work)


def _handle_conflict(copy: CopyTask, item: DriveItem | None, work: Work) -> Flow[None]:
    """Decide again what to do with a document whose name another item has taken."""
    if copy.can_be_split:
        there = item.ref if item is not None and item.is_folder else None
        work.read_folder(copy, there, "another item has its name")
    elif item is None or copy.requests >= MAX_REQUESTS:
        reason = f"Graph says that {copy.name!r} is taken" + (f" by {describe(item)}" if item else "")
        work.fail(copy, copy.refusal or DriveCopyFailedError(reason))
    else:
        copy.target.items.add(item.name or copy.name, item)
        yield from work.plan(copy.found, copy.target, requests=copy.requests)


def _handle_failure(end: Ended, work: Work) -> Flow[None]:
    """Report a copy that has failed; or copy a folder's documents one by one."""
    copy, item = end.copy, end.item
    if copy.resource_id is not None:  # what Graph has made is never requested again
        work.state.add_done(copy.id, Done(copy.resource_id, copy.mark, origin=copy.origin))
    elif item is not None and is_unnamed(copy, item):
        yield from discard(copy, item)
    if copy.can_be_split and end.decision in {Decision.FAILED, Decision.INCOMPLETE}:
        is_there = item is not None and item.is_folder and not copy.is_temporary
        work.read_folder(copy, item.ref if item is not None and is_there else None, str(_error(end)))
    else:
        work.fail(copy, _error(end))


def _finish_documents(arrived: Sequence[_Arrived], work: Work) -> Flow[None]:
    """Verify copies of documents, store their ids, give them their final names, and report them."""
    context = work.context
    results = yield from in_batches([verify_document(copy, item, context) for copy, item in arrived])
    verified: list[tuple[CopyTask, DriveItem, Verified]] = []
    for (copy, item), result in zip(arrived, results, strict=True):
        if isinstance(result, DriveError):
            work.fail(copy, result)
        elif result.is_outdated and copy.requests < MAX_REQUESTS:
            yield from _discard_own(copy, item, work)
            copy.restart(result.found)
            work.waiting.append(copy)
        else:
            verified.append((copy, item, result))
    yield from _store_ids([(copy, item) for copy, item, _ in verified], work)
    placed = yield from in_batches([place_document(*each, context) for each in verified])
    for (copy, _, _), outcome in zip(verified, placed, strict=True):
        if isinstance(outcome, DriveError):
            if isinstance(outcome, DriveNameConflictError):  # else a retry names it
                work.state.done.pop(copy.id, None)
            work.fail(copy, outcome)
        else:
            work.state.note_finished(copy.id)
            work.report(outcome)


def _finish_folders(arrived: Sequence[_Arrived], work: Work) -> Flow[None]:
    """Store the ids of folders' copies, give them their names, verify them, and copy what they left out."""
    yield from _store_ids(arrived, work)
    placed = yield from in_batches([place_folder(copy, item, work.context) for copy, item in arrived])
    folders = [(copy, item) for (copy, _), item in zip(arrived, placed, strict=True)]
    for copy, item in folders:
        if isinstance(item, DriveError):
            work.fail(copy, item)
            continue
        try:
            verified = yield from verify_folder(copy, item, work.context)
        except DriveError as error:
            work.fail(copy, error)
        else:
            yield from _report_folder(copy, item, verified, work)


def _report_folder(copy: CopyTask, item: DriveItem, verified: VerifiedFolder, work: Work) -> Flow[None]:
    work.state.note_finished(copy.id)
    for outcome in verified.outcomes:
        work.report(outcome)
    if verified.missing:
        work.progress.found -= len(verified.missing)
        target = TargetFolder(copy.final_name, copy.target, ref=item.ref, count=ITEMS_PER_PAGE)
        yield from work.scan.add_documents(copy.found, target, verified.missing)


def _store_ids(arrived: Sequence[_Arrived], work: Work) -> Flow[None]:
    """Store the ids of copies before they get their names, and choose the names that they get."""
    is_renaming = work.context.order.conflict_behavior == "rename"
    is_any_named = False
    for copy, item in arrived:
        done = Done(item.ref.item_id, copy.mark, origin=copy.origin)
        if is_renaming:  # nothing else tells whose the copy is
            work.state.done[copy.id] = done
        elif copy.is_identified:
            work.state.add_done(copy.id, done)
        if needs_final_name(copy, item, work.context):
            is_any_named = True
            if is_renaming:
                is_folder = copy.contents is not None
                copy.final_name = free_name(copy.final_name, copy.target.is_taken, is_folder=is_folder)
                copy.target.assign(copy.final_name, copy.id)
    if is_any_named:
        yield from work.context.save()


def _discard_own(copy: CopyTask, item: DriveItem, work: Work) -> Flow[None]:
    """Delete a copy that still has a temporary name, and is of no use."""
    if is_unnamed(copy, item):
        work.state.done.pop(copy.id, None)
        yield from discard(copy, item)


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
            "requests another copy",
            code="notAsAsked",
        )
    if copy.refusal is not None:
        return copy.refusal
    if copy.resource_id is not None:
        return DriveCopyUnknownError(
            f"Graph says that it is copied as {copy.resource_id}, but that item is not to be seen: it was "
            "moved or deleted. No retry requests another copy; clear the task to copy it again"
        )
    return DriveCopyUnknownError(
        f"the outcome of its copy is unknown, it may still arrive: {end.reason or 'it is not to be seen'}"
    )
