"""
Flows that search the destination of a copy for the copy.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.exceptions import (
    DriveConnectionError,
    DriveItemNotFoundError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.copy.recovery import Decision, Evidence, Found, decide
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.compare import compare_trees
from airflow_provider_drive.protocol.items.lookup import find_item, get_item, index, list_items
from airflow_provider_drive.protocol.retry import poll_intervals
from airflow_provider_drive.protocol.wire.addresses import ItemRef, same_drive, same_item
from airflow_provider_drive.protocol.wire.content import Match, compare_files
from airflow_provider_drive.protocol.wire.items import child
from airflow_provider_drive.protocol.wire.names import is_renamed, is_same_temporary_name, same_name

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.copy.recovery import MonitorWord
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.items import DriveItem
    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

CLOCK_SLACK = 10.0
"""Seconds by which the service's clocks may differ; its Date has whole seconds besides."""
_TRANSIENT = (
    DriveConnectionError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
    DriveItemNotFoundError,  # of the source: it may be gone by now
)


class Sighting(NamedTuple):
    """
    What a search has found.

    :param item: The copy, or the item that has its name.
    :param reason: What is wrong with it, or why nothing was found, for a message.
    """

    found: Found
    item: DriveItem | None = None
    reason: str = ""


class Resolution(NamedTuple):
    """What to do about a copy, and what was found of it."""

    decision: Decision
    sighting: Sighting


def resolve_copy(
    job: CopyJob, status: CopyStatus, wait: Wait, *, may_submit: bool = False, verify: bool = True
) -> Flow[Resolution]:
    """
    Search the destination until it can be decided what became of a copy.

    :param status: What the monitor has said in the end; ``unknown`` if there is no monitor to ask.
    :param wait: When it is over, the search ends; the destination is searched once at least.
    :param may_submit: A second request may be sent, if nothing is found.
    :param verify: Compare a container with its source, down to its last item.
    """
    sighting = Sighting(Found.UNSEEN)
    pauses = poll_intervals(wait.poll_interval)
    while True:
        was_over = wait.is_over
        try:
            job = yield from describe_source(job, status)
            sighting = yield from look_for_copy(job, status, verify=verify)
        except _TRANSIENT as error:
            sighting = Sighting(Found.UNSEEN, reason=f"the search fails: {error}")
        is_last = was_over and wait.is_over  # the answers may have corrected the clock
        evidence = Evidence(
            monitor_word(job, status),
            sighting.found,
            is_accepted=job.state != "submitting",
            lost=job.lost,
            may_search=not is_last,
            may_submit=may_submit and job.is_repeatable,
            may_come_again=not is_last and _may_come_again(job, status, sighting, wait),
        )
        decision = decide(evidence)
        if decision is not Decision.WAIT or is_last:
            return Resolution(decision, sighting)
        yield Pause(min(next(pauses), wait.remaining), f"searching the destination for {job}")


def may_come_again(item: DriveItem | None, name: str, requests: int, wait: Wait) -> bool:
    """
    Whether another request for a copy may be running, and would make it again under its temporary name.

    As long as the copy has that name, such a request is refused. How long it runs cannot be known: most
    copies take less than :attr:`Timings.resume_find`.

    :param name: The temporary name.
    :param requests: Other requests whose answers were lost.
    """
    if item is None or requests < 1 or not is_same_temporary_name(item.name or "", name):
        return False
    age = wait.now() - (item.created or 0.0)
    return -CLOCK_SLACK < age < wait.timings.resume_find


def _may_come_again(job: CopyJob, status: CopyStatus, sighting: Sighting, wait: Wait) -> bool:
    others = job.lost if told_id(job, status) else job.lost - 1
    return job.arrival.is_temporary and may_come_again(sighting.item, job.arrival.name or "", others, wait)


def monitor_word(job: CopyJob, status: CopyStatus) -> MonitorWord:
    """Return what the monitor has said, in the words of the evidence."""
    if status.state == "unknown" and not job.monitor_url:
        return "none"
    return "conflict" if status.is_name_conflict else status.state


def look_for_copy(job: CopyJob, status: CopyStatus, *, verify: bool = True) -> Flow[Sighting]:
    """Search the destination once for a copy: by its id if Graph reported one, else by its name."""
    if job.children_only:
        return (yield from _look_for_children(job, status, verify=verify))
    resource_id = told_id(job, status)
    if resource_id:
        return (yield from _look_by_id(job, resource_id, status, verify=verify))
    if job.is_repeatable:
        return (yield from _look_by_name(job, verify=verify))
    return (yield from _look_among_new(job))


def told_id(job: CopyJob, status: CopyStatus) -> str | None:
    """Return the copy's id, if Graph has reported it."""
    if job.children_only:
        return None  # it is that of the destination, or of one of the children
    return job.resource_id or (status.resource_id if status.state == "completed" else None)


def describe_source(job: CopyJob, status: CopyStatus) -> Flow[CopyJob]:
    """Return the job with what has to be known of its source to tell its copy from other items."""
    is_known = told_id(job, status) or job.children_only or job.snapshot is not None
    if is_known or job.source is None:
        return job
    return job.described((yield from get_item(job.source)))


def is_newer(job: CopyJob, item: DriveItem) -> bool:
    """Whether an item is not older than the first request. One that is older is not its work."""
    return item.created is not None and item.created >= job.asked - CLOCK_SLACK


def is_named(item: DriveItem, name: str | None, behavior: str) -> bool:
    """Whether an item has a name, or what ``rename`` may have made of it."""
    there = item.name or name or ""
    return name is None or same_name(there, name) or (behavior == "rename" and is_renamed(there, name))


def _look_by_id(job: CopyJob, item_id: str, status: CopyStatus, *, verify: bool) -> Flow[Sighting]:
    """Look at the item that Graph reported, which is known by its id at once where its path may lag."""
    item = yield from find_item(ItemRef(job.destination.drive_id, item_id))
    if item is None and status.drive_id and not same_drive(status.drive_id, job.destination.drive_id):
        item = yield from find_item(ItemRef(status.drive_id, item_id))
    if item is None:
        return Sighting(Found.NOTHING, reason="the item is not to be seen")
    faults = _misplaced(job, item)
    if faults:
        return Sighting(Found.ELSEWHERE, item, " and ".join(faults))
    return (yield from _check_whole(job, item, verify=verify))


def _misplaced(job: CopyJob, item: DriveItem) -> list[str]:
    """Return what of an item is not as it was asked for."""
    faults = []
    if not item.is_in(job.destination):
        faults.append(f"it is in the folder {item.parent_id} of the drive {item.ref.drive_id}")
    names = {(job.arrival.name, job.arrival.behavior), (job.name, job.conflict_behavior)}
    if not any(is_named(item, *each) for each in names):
        faults.append(f"its name is {item.name!r}")
    kind = job.snapshot and job.snapshot.kind
    if kind and item.kind and kind != item.kind:
        faults.append(f"it is a {item.kind}, not a {kind}")
    return faults


def _check_whole(job: CopyJob, item: DriveItem, *, verify: bool) -> Flow[Sighting]:
    """Tell whether an item that is known to be the copy is whole: a container is counted."""
    if not (verify and item.is_container and job.source):
        return Sighting(Found.OURS, item)
    difference = yield from compare_trees(item.ref, job.source, job.asked + CLOCK_SLACK)
    if difference.is_whole:
        return Sighting(Found.OURS, item)
    return Sighting(Found.FILLING, item, str(difference))


def _look_by_name(job: CopyJob, *, verify: bool) -> Flow[Sighting]:
    """
    Look at the item that has the name under which the copy arrives.

    It is the copy if nobody else can have that name, or if it has exactly the source's content.
    """
    if not job.arrival.name:
        return Sighting(Found.NOTHING, reason="its name is not known")
    item = yield from find_item(child(job.destination, job.arrival.name))
    if item is None:
        return Sighting(Found.NOTHING, reason="nothing has its name")
    if job.arrival.is_temporary:
        return (yield from _check_own(job, item, verify=verify))
    is_replaced = job.arrival.behavior == "replace" and not is_newer(job, item)
    if is_replaced:
        return Sighting(Found.NOTHING, item, "it is older than the request")
    if not is_newer(job, item) or (job.source and same_item(item.ref, job.source)):
        return Sighting(Found.OTHER, item, "it is older than the request")
    return (yield from _compare_exactly(job, item))


def _check_own(job: CopyJob, item: DriveItem, *, verify: bool) -> Flow[Sighting]:
    """Tell whether the item with a name that only this copy can have is whole."""
    if item.is_container:
        return (yield from _check_whole(job, item, verify=verify))
    if (yield from _has_content(job, item, Match.REWRITTEN, Match.UNKNOWN)):
        return Sighting(Found.OURS, item)
    return Sighting(Found.FILLING, item, f"it has {item.size} bytes, and another content than its source")


def _compare_exactly(job: CopyJob, item: DriveItem) -> Flow[Sighting]:
    """Tell whether an item has exactly the content that the source had when it was read, or has now."""
    if job.snapshot and item.is_container != job.snapshot.is_container:
        return Sighting(Found.OTHER, item, f"it is a {item.kind}, not a {job.snapshot.kind}")
    if item.is_container and job.source:
        difference = yield from compare_trees(item.ref, job.source, job.asked + CLOCK_SLACK)
        if difference.is_exact:
            return Sighting(Found.OURS, item)
        found = Found.FILLING if difference.is_partial else Found.OTHER
        return Sighting(found, item, str(difference))
    if (yield from _has_content(job, item)):
        return Sighting(Found.OURS, item)
    if not job.is_identifiable:
        return Sighting(Found.OTHER, item, "it is not known here what was copied")
    return Sighting(Found.OTHER, item, "it does not have exactly the source's content")


def _has_content(job: CopyJob, item: DriveItem, *also: Match) -> Flow[bool]:
    """
    Whether a file has exactly the content that its source had when it was read, or has now.

    :param also: What counts besides.
    """
    if job.snapshot and compare_files(item, job.snapshot) in {Match.SAME, *also}:
        return True
    now = (yield from find_item(job.source)) if job.source else None
    return now is not None and compare_files(item, now) in {Match.SAME, *also}


def _look_among_new(job: CopyJob) -> Flow[Sighting]:
    """Look at all items of the destination for the one whose name Graph has chosen."""
    candidates: list[DriveItem] = []
    for item in (yield from list_items(job.destination)):
        if is_newer(job, item) and is_named(item, job.arrival.name, "rename"):
            sighting = yield from _compare_exactly(job, item)
            if sighting.found is Found.OURS:
                candidates.append(item)
    if len(candidates) > 1:
        return Sighting(Found.SEVERAL, reason=f"{len(candidates)} new items may be it")
    found = Found.OURS if candidates else Found.NOTHING
    return Sighting(found, next(iter(candidates), None), "no new item has its content")


def _look_for_children(job: CopyJob, status: CopyStatus, *, verify: bool) -> Flow[Sighting]:
    """
    Count the children of the source at the destination: each keeps its name.

    The monitor names the destination or one of the children, so that its id tells nothing.
    """
    folder = yield from find_item(job.destination)
    if folder is None:
        return Sighting(Found.NOTHING, reason="the destination is not to be seen")
    is_told = status.state == "completed" or bool(job.resource_id)
    if job.was_there or (is_told and not verify):
        return Sighting(Found.OURS, folder)
    if job.source is None:
        return Sighting(Found.NOTHING, folder, "what it was made of is not known")
    missing = yield from _missing_children(job, job.source, exactly=not is_told)
    if not missing:
        return Sighting(Found.OURS, folder)
    shown = f"{', '.join(map(repr, missing[:3]))}{', …' if len(missing) > 3 else ''}"
    return Sighting(
        Found.FILLING if is_told else Found.NOTHING,
        folder,
        f"{len(missing)} children are not there as they are in the source: {shown}",
    )


def _missing_children(job: CopyJob, source: ItemRef, *, exactly: bool) -> Flow[list[str]]:
    """Return the names of the children that are not at the destination as they are in the source."""
    there = index((yield from list_items(job.destination)))
    originals = index((yield from list_items(source)))
    missing, free = [], {item.ref: item for _, item in there.items() if is_newer(job, item)}
    for name, original, copy in originals.pairs(there):
        if (original.created or 0.0) > job.asked + CLOCK_SLACK:
            continue  # it was added after the request
        copies = [copy] if copy is not None else []
        if job.arrival.behavior == "rename":
            copies += [item for item in free.values() if is_named(item, name, "rename")]
        for item in copies:  # each counts for one original only
            if item.ref in free and (yield from _is_child(job, item, original, exactly=exactly)):
                del free[item.ref]
                break
        else:
            missing.append(name)
    return missing


def _is_child(job: CopyJob, copy: DriveItem, original: DriveItem, *, exactly: bool) -> Flow[bool]:
    """Whether an item is the copy of a child, as far as the child is as it was when it was requested."""
    since = job.asked + CLOCK_SLACK
    if copy.kind != original.kind:
        return False
    if original.is_container:
        difference = yield from compare_trees(copy.ref, original.ref, since)
        return difference.is_exact if exactly else difference.is_whole
    if (original.modified or 0.0) > since:
        return not exactly  # it was changed after the request
    match = compare_files(copy, original)
    return match is Match.SAME or (not exactly and match is not Match.DIFFERENT)
