"""
Flows that wait for a copy, and verify that what has arrived is what was asked for.

Graph's word is not enough: items were seen beside their source, folders without some of their items, and
monitors forget.

https://learn.microsoft.com/graph/long-running-actions-overview
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveCopyNameConflictError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.copy.find import (
    describe_source,
    is_named,
    look_for_copy,
    monitor_word,
    resolve_copy,
    told_id,
)
from airflow_provider_drive.protocol.copy.plan import find_same
from airflow_provider_drive.protocol.copy.recovery import Decision, Found
from airflow_provider_drive.protocol.copy.remove import remove_copy
from airflow_provider_drive.protocol.copy.submit import describe_sighting, unknown_copy, where_to_look
from airflow_provider_drive.protocol.flow import Checkpoint, Pause
from airflow_provider_drive.protocol.items.lookup import get_item
from airflow_provider_drive.protocol.items.update import Location, update_item
from airflow_provider_drive.protocol.monitor import poll_monitor
from airflow_provider_drive.protocol.wire.content import Match, compare_files
from airflow_provider_drive.protocol.wire.errors import clean
from airflow_provider_drive.protocol.wire.items import SKIP
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.copy.find import Sighting
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.items import DriveItem


def wait_for_copy(job: CopyJob, wait: Wait, *, fresh: bool = False, verify: bool = True) -> Flow[DriveItem]:
    """
    Wait for a copy to end, and return the new item, read back from the destination.

    :param fresh: The copy was submitted just now.
    :param verify: Compare a container with its source, down to its last item.
    :raises DriveCopyFailedError: If it failed.
    :raises DriveCopyTimeoutError: If it was not done at the deadline.
    :raises DriveCopyUnknownError: If it cannot be known how it ended.
    """
    status = yield from poll_job(job, wait, fresh=fresh)
    return (yield from verify_copy(job, status, wait, verify=verify))


def poll_job(job: CopyJob, wait: Wait, *, fresh: bool = False, polls: int | None = None) -> Flow[CopyStatus]:
    """Poll a job's monitor, as :func:`poll_monitor` does. At once if its end is known or it has none."""
    if job.resource_id:
        return CopyStatus("completed", job.resource_id)
    if not job.monitor_url:
        return CopyStatus("unknown")
    return (yield from poll_monitor(job.monitor_url, wait, fresh=fresh, polls=polls))


def check_copy(job: CopyJob, wait: Wait) -> Flow[DriveItem | None]:
    """
    Check a copy once, and return the new item, or None if the copy is not complete yet.

    :raises DriveError: As :func:`wait_for_copy` does, except that there is no time-out.
    """
    status = yield from poll_job(job, wait, polls=1)
    if status.state == "timeout":
        return None
    if monitor_word(job, status) == "none":
        job = yield from describe_source(job, status)
        sighting = yield from look_for_copy(job, status)
        if sighting.item is None or sighting.found is not Found.OURS:
            return None
        status = CopyStatus("completed", sighting.item.ref.item_id)
    return (yield from verify_copy(job, status, wait))


def confirm_event(status: CopyStatus, monitor_url: str | None, wait: Wait) -> Flow[CopyStatus]:
    """
    Return what a trigger has told of a copy; or, if it could not tell, what its monitor tells here.

    A triggerer may not see the connection that the worker has: https://github.com/apache/airflow/issues/57145
    """
    if status.state != "unknown" or not monitor_url:
        return status
    told = clean(status.message)
    yield Pause(0.0, f"the triggerer could not read the status of the copy ({told}): this worker polls it")
    asked = yield from poll_monitor(monitor_url, wait)
    if asked.state != "unknown" or told in asked.message:
        return asked
    return replace(asked, message=f"{asked.message} (in the triggerer: {told})")


def verify_copy(job: CopyJob, status: CopyStatus, wait: Wait, *, verify: bool = True) -> Flow[DriveItem]:
    """
    Verify that a copy which has ended is what was asked for, and return it; or raise what became of it.

    :param status: What its monitor has said in the end.
    :param verify: Compare a container with its source, down to its last item.
    """
    word = monitor_word(job, status)
    if word == "conflict" and job.conflict_behavior == SKIP and job.source:
        there = yield from find_same(job, (yield from get_item(job.source)))
        if there is not None:
            return there
    if word in {"timeout", "running"} and not status.message:  # else its monitor could not be asked
        raise timed_out(str(job), status)
    if word == "failed" or (word == "conflict" and not job.lost):
        raise failure(str(job), status)
    item_id = told_id(job, status)
    if item_id:  # what Graph has accepted is never requested again
        job = yield from _arrived(job, item_id)
    search = _search_time(job, status, wait)
    decision, sighting = yield from resolve_copy(job, status, search, verify=verify)
    if decision is not Decision.ARRIVED:
        raise error_for(decision, job, status, sighting)
    return (yield from _finish(job, cast("DriveItem", sighting.item), wait))


def _search_time(job: CopyJob, status: CopyStatus, wait: Wait) -> Wait:
    """Return how long the destination is searched."""
    timings = wait.timings
    if status.state == "completed":
        return wait.at_most(timings.read_back).at_least(timings.min_read_back)
    if status.state == "timeout" or not job.is_identifiable:
        return wait.at_most(0.0)
    return wait.at_most(timings.find) if job.monitor_url or status.state == "failed" else wait


def _arrived(job: CopyJob, item_id: str) -> Flow[CopyJob]:
    """Store the copy's id, and return the job with it."""
    arrived = job.changed(monitor_url=None, resource_id=item_id, state="completed")
    if arrived != job:
        yield Checkpoint("copy", arrived)
    return arrived


def _finish(job: CopyJob, item: DriveItem, wait: Wait) -> Flow[DriveItem]:
    """Store that the copy has arrived, say if its content differs, and give it its final name."""
    job = yield from _arrived(job, item.ref.item_id)
    if job.children_only:
        return item
    differs = job.snapshot and compare_files(item, job.snapshot) in {Match.DIFFERENT, Match.REWRITTEN}
    if job.snapshot and differs and not item.is_container:
        yield Pause(
            0.0,
            f"{item} has {item.size} bytes and the source had {job.snapshot.size}, or another hash: either "
            "the source has changed since, or the service has written properties into the copy, as it does "
            "with Office files.",
        )
    has_name = is_named(item, job.name, job.conflict_behavior)
    if job.was_there or (has_name and job.conflict_behavior != "replace"):
        return item
    return (yield from _rename(job, item, None if has_name else job.name, wait))


def _rename(job: CopyJob, item: DriveItem, name: str | None, wait: Wait) -> Flow[DriveItem]:
    """
    Give a copy its final name.

    If another item has that name by now, the copy is removed again: only this task knows what it is.

    :param name: None if it has the name, so that at most a file that it has replaced is left to delete.
    """
    behavior = "fail" if job.conflict_behavior == SKIP else job.conflict_behavior
    try:
        place = Location(None, name)
        return (yield from update_item(item, place, conflict_behavior=behavior, wait=wait, is_new=True))
    except DriveNameConflictError as conflict:
        there, error = None, conflict
        if job.conflict_behavior == SKIP and job.source:
            try:
                there = yield from find_same(job, (yield from get_item(job.source)))
            except DriveNameConflictError as other:
                error = other
        error.add((yield from _remove(job, item)) if job.arrival.is_temporary else _left(item))
        if there is not None:
            return there
        raise error from None
    except DriveError as error:
        error.add(_left(item))
        raise


def _left(item: DriveItem) -> str:
    return f"The copy has arrived, and did not get its name: it stays behind as {item}."


def _remove(job: CopyJob, item: DriveItem) -> Flow[str]:
    """Delete a copy that only this task knows, and return what was done."""
    if not (yield from remove_copy(job, item)):
        return _left(item)
    yield Checkpoint("copy", None)
    return "The copy that was made for it was deleted again."


def result_from_status(status: CopyStatus) -> dict[str, Any]:
    """
    Return what a monitor has said of a copy whose destination is not known.

    :raises DriveCopyFailedError: If it failed; and so on, as :func:`wait_for_copy`.
    """
    if status.state == "failed":
        raise failure("the copy", status)
    if status.state in {"timeout", "running"}:
        raise timed_out("the copy", status)
    if status.state == "unknown":
        raise DriveCopyUnknownError(
            f"The outcome of the copy is unknown: {status.message or 'Graph does not say'}, and its "
            "destination is not known here. Give the sensor the copy_job instead of the monitor_url, so "
            "that it can search there."
        )
    return {**status.as_event(), "id": status.resource_id}


def error_for(decision: Decision, job: CopyJob, status: CopyStatus, sighting: Sighting) -> DriveError:
    """Return the error that says what became of a copy that has not arrived."""
    if decision is Decision.MISPLACED:
        return DriveCopyFailedError(
            f"Graph says that {job} is completed, but {sighting.reason}: {sighting.item}. It was left there, "
            "and no retry will request another.",
            code="notAsAsked",
            retryable=False,
        )
    if decision is Decision.INCOMPLETE:
        return DriveCopyFailedError(
            f"Graph says that {job} is completed, but {sighting.reason}. What was copied is {sighting.item}.",
            code="incomplete",
        )
    if decision in {Decision.CONFLICT, Decision.FAILED}:
        return failure(str(job), status)
    if decision is Decision.TIMED_OUT:
        return timed_out(str(job), status)
    if status.state == "completed":
        return DriveCopyUnknownError(
            f"Graph says that {job} is completed, as the item "
            f"{status.resource_id or 'that it does not name'}, but {describe_sighting(sighting)}. "
            f"{where_to_look(job)}"
        )
    return unknown_copy(job, sighting, status.message)


def timed_out(what: str, status: CopyStatus) -> DriveCopyTimeoutError:
    """Return the error that says that a copy was not done at the deadline."""
    progress = f"at {status.progress}" if status.progress else "its progress is not known"
    trouble = f" The last poll said: {status.message}" if status.message else ""
    return DriveCopyTimeoutError(
        f"{what} was not done at the deadline ({progress}). It may still end: Graph offers no way to cancel "
        f"it.{trouble}"
    )


def failure(what: str, status: CopyStatus) -> DriveCopyFailedError:
    """Return the error that says why a copy failed."""
    reason = ": ".join(filter(None, [status.code, status.message]))
    if status.details:
        reason += f" ({len(status.details)} details, the first: {dict(status.details[0])})"
    if status.is_name_conflict:
        kind: type[DriveCopyFailedError] = DriveCopyNameConflictError
        advice = "Choose another name, or another conflict_behavior."
    else:
        kind, advice = (
            DriveCopyFailedError,
            "Part of a folder may be at the destination: Graph does not roll back.",
        )
    return kind(f"{what} failed: {reason.rstrip('.')}. {advice}", code=status.code, details=status.details)
