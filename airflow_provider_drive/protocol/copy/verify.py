"""
Flows that show what a copy came to: that it is there and is what was asked for, or why it is not.

Graph's word is not enough: items were seen beside their source, and monitors forget.

https://learn.microsoft.com/graph/long-running-actions-overview
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import (
    DriveConnectionError,
    DriveCopyFailedError,
    DriveCopyNameConflictError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.flow import Checkpoint, Pause
from airflow_provider_drive.protocol.items.lookup import (
    find_item,
    get_folder,
    get_item,
    has_same_content,
    is_same_tree,
    list_items,
    list_tree,
)
from airflow_provider_drive.protocol.items.update import Location, update_item
from airflow_provider_drive.protocol.monitor import poll_monitor, poll_once
from airflow_provider_drive.protocol.retry import backoff, poll_intervals
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef, same_name
from airflow_provider_drive.protocol.wire.copy_job import CopyStatus
from airflow_provider_drive.protocol.wire.items import (
    SKIP,
    child,
    is_renamed,
    is_same_file,
    may_be_rewrite_of,
)

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.items import DriveItem

CLOCK_SLACK = 10.0
"""Seconds by which the service's clocks may be apart; its Date has whole seconds besides."""
_PASSING = (
    DriveConnectionError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
    DriveItemNotFoundError,  # of the source: it may be gone by now
)


def wait_for_copy(
    job: CopyJob,
    wait: Wait,
    *,
    fresh: bool = False,
) -> Flow[DriveItem]:
    """
    Wait for a copy to end, and return the new item, read back from the destination.

    :raises DriveCopyFailedError: If it failed.
    :raises DriveCopyTimeoutError: If it was not done at the deadline.
    :raises DriveCopyUnknownError: If nobody can say how it ended.
    """
    status = yield from poll_job(job, wait, fresh=fresh)
    return (yield from verify_copy(job, status, wait))


def poll_job(
    job: CopyJob,
    wait: Wait,
    *,
    fresh: bool = False,
    polls: int | None = None,
) -> Flow[CopyStatus]:
    """Tell how a job ended, as :func:`poll_monitor` does; at once if that is known or it has no monitor."""
    if job.resource_id:
        return CopyStatus("completed", job.resource_id)
    if not job.monitor_url:
        return CopyStatus("unknown")
    return (
        yield from poll_monitor(
            job.monitor_url,
            wait,
            fresh=fresh,
            polls=polls,
        )
    )


def check_copy(job: CopyJob, wait: Wait) -> Flow[DriveItem | None]:
    """
    Look at a copy once, and return the new item, or None if it is still to come.

    :raises DriveError: As :func:`wait_for_copy` does, but never for the time.
    """
    if job.monitor_url and not job.resource_id:
        status, _ = yield from poll_once(job.monitor_url)
    elif job.resource_id:
        status = CopyStatus("completed", job.resource_id)
    else:
        item = yield from _look((yield from _described(job)))
        status = CopyStatus("completed", item.ref.item_id) if item else CopyStatus("running")
    if status.is_running:
        return None
    return (yield from verify_copy(job, status, wait))


def verify_copy(
    job: CopyJob,
    status: CopyStatus,
    wait: Wait,
) -> Flow[DriveItem]:
    """
    Show that a copy which ended is what was asked for, and return it; or raise what it came to.

    A name that is taken may be taken by this very copy, if it was asked for before.
    """
    if status.is_name_conflict and (job.repeated or job.conflict_behavior == SKIP):
        conflict = failure_of(str(job), status)
        item = yield from resolve_name_conflict(job, conflict, wait)
        job, status = replace(job, found=True), CopyStatus("completed", item.ref.item_id)
    if status.state == "timeout" and status.message:  # its monitor could not be asked in the end
        there = yield from _glance(job)
        if there is not None:
            job, status = replace(job, found=True), CopyStatus("completed", there.ref.item_id)
    _raise_if_not_done(str(job), status)
    timings = wait.timings
    search = wait.at_most(timings.read_back).at_least(timings.min_read_back)
    if status.state == "unknown":  # with a monitor that has forgotten, or without one
        search = wait.at_most(timings.find) if job.monitor_url else wait
    if status.state == "completed" and (status.resource_id or job.children_only):
        item = yield from _read_back(job, status, search)
    else:
        item = yield from find_copy(job, search)
        job = replace(job, found=True)
    job = replace(job, monitor_url=None, resource_id=item.ref.item_id, accepted=True)
    yield Checkpoint("copy", job)
    if job.children_only:
        return item
    yield from _verify(job, item)
    if job.temporary_name and job.name and not _is_named(item, job.name, job.conflict_behavior):
        behavior = "fail" if job.conflict_behavior == SKIP else job.conflict_behavior
        item = yield from update_item(item, Location(None, job.name), conflict_behavior=behavior, wait=wait)
    return item


def result_from_status(status: CopyStatus) -> dict[str, Any]:
    """
    Return what a monitor told of a copy whose destination nobody has told us.

    :raises DriveCopyFailedError: If it failed; and so on, as :func:`wait_for_copy`.
    """
    _raise_if_not_done("the copy", status)
    if status.state == "unknown":
        raise DriveCopyUnknownError(
            f"Nobody can say how the copy ended: {status.message or 'Graph does not tell'}, and its "
            "destination is not known here. Give the sensor the copy_job instead of the monitor_url, so "
            "that it can look there."
        )
    return {**status.as_event(), "id": status.resource_id}


def find_copy(job: CopyJob, wait: Wait) -> Flow[DriveItem]:
    """
    Look at the destination until it shows what this job made.

    An item counts if it has the name, the kind and the size, and if it is not older than the request.

    :param wait: At its deadline the search ends; there is one look at least.
    :raises DriveNameConflictError: If an older item has the name, so that the copy cannot have been made.
    :raises DriveCopyUnknownError: If nothing is seen, or more than one that might be it.
    """
    for pause in poll_intervals(wait.poll_interval):
        last, trouble = wait.is_over, "it is not to be seen at the destination"
        try:
            job = yield from _described(job)
            item = yield from _look(job)
            if item is not None:
                return item
        except _PASSING as error:
            trouble = f"the destination cannot be looked at: {error}"
        if last:
            break
        yield Pause(min(pause, wait.remaining), f"looking at the destination for {job}")
    raise DriveCopyUnknownError(
        f"Nobody can say how {job} ended: Graph does not tell, and {trouble}. It may still come; look there "
        "before you copy again."
    )


def resolve_name_conflict(
    job: CopyJob,
    conflict: DriveError,
    wait: Wait,
) -> Flow[DriveItem]:
    """
    Return the item that has the name, if it is what was asked for; raise the conflict if it is not.

    It may be the work of an earlier request, which is still filling a folder; or, with ``skip``, anybody's.
    """
    filled = 0
    while job.repeated:
        try:
            return (yield from find_copy(job, wait.at_most(wait.timings.find)))
        except DriveNameConflictError:
            break
        except DriveCopyUnknownError:
            before, filled = filled, (yield from _count(job))
            if filled <= before or wait.is_over:
                break
    if job.conflict_behavior == SKIP and job.source:
        same = yield from find_same(job, (yield from get_item(job.source)))
        if same:
            return same
    raise conflict


def _count(job: CopyJob) -> Flow[int]:
    """Count what is in the folder that a request may still be filling."""
    named = job.destination if job.children_only else child(job.destination, job.arrives_as[0] or "")
    folder = yield from find_item(named)
    return len((yield from list_tree(folder.ref))) if folder and folder.is_folder else 0


def find_same(job: CopyJob, source: DriveItem) -> Flow[DriveItem | None]:
    """
    Return what the destination holds under the job's name, if it has the content of the source.

    :raises DriveNameConflictError: If it has another.
    """
    if job.children_only:
        return (yield from _find_same_children(job, source))
    taken = yield from find_item(child(job.destination, job.name or ""))
    if taken is None or (yield from has_same_content(taken, source)):
        return taken
    raise name_conflict(job, f"{taken} has that name, and another content")


def _find_same_children(job: CopyJob, source: DriveItem) -> Flow[DriveItem | None]:
    there = {(item.name or "").casefold(): item for item in (yield from list_items(job.destination))}
    children = yield from list_items(source.ref)
    taken = [(there[name], item) for item in children if (name := (item.name or "").casefold()) in there]
    for copy, original in taken:
        if not (yield from has_same_content(copy, original)):
            raise name_conflict(job, f"{copy} has the name of one, and another content")
    if not taken:
        return None
    if len(taken) < len(children):
        raise name_conflict(
            job, f"{len(taken)} of {len(children)} are there already: copy the others one by one"
        )
    return (yield from get_folder(job.destination))


def name_conflict(job: CopyJob, why: str) -> DriveNameConflictError:
    """Return the error that says that the name is taken."""
    return DriveNameConflictError(
        f"Could not make {job}: {why}. Choose another name, or another conflict_behavior.",
        status=409,
        code="nameAlreadyExists",
    )


def described(job: CopyJob, item: DriveItem | None) -> CopyJob:
    """Return the job with what is known of its source."""
    if item is None:
        return job
    name = job.name if job.name or job.children_only else item.name
    return replace(
        job,
        name=name,
        kind=item.kind,
        size=item.size,
        quick_xor_hash=item.quick_xor_hash,
        source_url=item.web_url,
    )


def _described(job: CopyJob) -> Flow[CopyJob]:
    """Return the job with what is to be known of its source before its copy can be told from others."""
    if job.source is None or (job.kind is not None and (job.name or job.children_only)):
        return job
    return described(job, (yield from get_item(job.source)))


def _glance(job: CopyJob) -> Flow[DriveItem | None]:
    """Look once at what this job may have made, and let nothing come of it if that does not work."""
    try:
        return (yield from find_copy(job, Wait(expires=0.0)))
    except DriveError:
        return None


def _look(job: CopyJob) -> Flow[DriveItem | None]:
    """Return what this job made, if it is there and whole."""
    name, behavior = job.arrives_as
    if job.children_only:
        return (yield from _look_for_children(job))
    if behavior != "rename":
        item = yield from find_item(child(job.destination, name or ""))
        if item and not is_new(job, item):
            if behavior == "fail":
                raise name_conflict(job, "an older item has the name")
            item = None
        return item if item and (yield from _may_be_it(job, item)) else None
    entries = yield from list_items(job.destination)
    made = [item for item in entries if is_new(job, item) and is_renamed(item.name or "", name or "")]
    if len(made) > 1:
        raise DriveCopyUnknownError(
            f"Nobody can say which is {job}: {len(made)} new items at the destination might be it."
        )
    return made[0] if made and (yield from _may_be_it(job, made[0])) else None


def _look_for_children(job: CopyJob) -> Flow[DriveItem | None]:
    there = yield from list_items(job.destination)
    if job.source is None:
        raise DriveCopyUnknownError(f"Nobody can say how {job} ended: what it was made of is not known.")
    asked = job.asked + CLOCK_SLACK
    for original in (yield from list_items(job.source)):
        if (original.created or 0.0) > asked:
            continue  # it has come since
        of_child = described(replace(job, children_only=False, name=None, source=original.ref), original)
        made = [
            item
            for item in there
            if is_new(job, item) and _is_named(item, original.name or "", job.arrives_as[1])
        ]
        for item in made:
            if (original.modified or 0.0) > asked or (yield from _may_be_it(of_child, item)):
                break
        else:
            return None
    return (yield from get_folder(job.destination))


def is_new(job: CopyJob, item: DriveItem) -> bool:
    """Whether an item may be the work of a job, by its age."""
    return item.created is not None and item.created >= job.asked - CLOCK_SLACK


def _may_be_it(job: CopyJob, item: DriveItem) -> Flow[bool]:
    """Whether an item may be the copy, by what the source held when it was read, or holds now."""
    if job.kind not in {None, item.kind}:
        return False
    if item.is_folder:
        return job.source is None or (yield from is_same_tree(item.ref, job.source, job.asked + CLOCK_SLACK))
    if not _is_other(job, item) or may_be_rewrite_of(item, job.size):
        return True
    return job.source is not None and is_same_file(item, (yield from get_item(job.source)))


def _read_back(job: CopyJob, status: CopyStatus, wait: Wait) -> Flow[DriveItem]:
    """
    Read the new item by its id, which is known at once where its path may lag.

    With ``childrenOnly`` the monitor names the destination, or one of the children: so that one is read.
    """
    ref = (
        job.destination if job.children_only else ItemRef(job.destination.drive_id, status.resource_id or "")
    )
    attempt = 0
    while True:
        item = yield from find_item(ref)
        if item is not None:
            return item
        if wait.is_over:
            raise DriveCopyUnknownError(
                f"Graph says that {job} is completed, as {ref}, but that item is not to be seen."
            )
        yield Pause(backoff(attempt, longest=10.0), f"{job} is completed, and not to be seen yet")
        attempt += 1


def _verify(job: CopyJob, item: DriveItem) -> Flow[None]:
    """Hold the new item against what was asked for."""
    name, behavior = job.arrives_as
    faults = []
    named = name is None or _is_named(item, name, behavior)
    if job.temporary_name and job.name:
        named = named or _is_named(item, job.name, job.conflict_behavior)  # by an earlier try
    if not item.is_in(job.destination):
        faults.append(f"it is in the folder {item.parent_id} of the drive {item.ref.drive_id}")
    if not named:
        faults.append(f"its name is {item.name!r}")
    if job.kind and item.kind and job.kind != item.kind:
        faults.append(f"it is a {item.kind}, not a {job.kind}")
    if faults:
        yield Checkpoint("copy", None)  # another try may fare better
        raise DriveCopyFailedError(
            f"Graph says that {job} is completed, but {' and '.join(faults)}: {item}. It was left there.",
            code="notAsAsked",
        )
    if job.kind == "file" and _is_other(job, item):
        yield Pause(
            0.0,
            f"{item} has {item.size} bytes and the source had {job.size}, or another hash: either the "
            "source has changed since, or the service has written properties into the copy, as it does "
            "with Office files.",
        )


def _is_named(item: DriveItem, name: str, behavior: str) -> bool:
    """Whether an item has a name, or what ``rename`` may have made of it."""
    there = item.name or name
    return same_name(there, name) or (behavior == "rename" and is_renamed(there, name))


def _is_other(job: CopyJob, item: DriveItem) -> bool:
    """Whether size or hash say that a file has another content than the source had."""
    told = zip((job.size, job.quick_xor_hash), item.content, strict=True)
    return any(one is not None and other is not None and one != other for one, other in told)


def _raise_if_not_done(what: str, status: CopyStatus) -> None:
    if status.state == "failed":
        raise failure_of(what, status)
    if status.state in {"timeout", "running"}:
        far = f"at {status.progress}" if status.progress else "not said how far"
        trouble = f" The last look said: {status.message}" if status.message else ""
        raise DriveCopyTimeoutError(
            f"{what} was not done at the deadline ({far}). It may still end: Graph offers no way to cancel "
            f"it.{trouble}"
        )


def failure_of(what: str, status: CopyStatus) -> DriveCopyFailedError:
    """Return the error that tells why a copy failed."""
    told = ": ".join(filter(None, [status.code, status.message]))
    if status.details:
        told += f" ({len(status.details)} details, the first: {dict(status.details[0])})"
    if status.is_name_conflict:
        kind: type[DriveCopyFailedError] = DriveCopyNameConflictError
        advice = "Choose another name, or another conflict_behavior."
    else:
        kind, advice = (
            DriveCopyFailedError,
            "Part of a folder may be at the destination: Graph rolls nothing back.",
        )
    return kind(f"{what} failed: {told}. {advice}", code=status.code, details=status.details)
