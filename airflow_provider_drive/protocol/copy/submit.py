"""
Flows that request a copy, at most once.

Before the request is sent, a checkpoint says what is requested; when Graph has accepted it, another says so.
After a crash, or after an answer that was lost, the destination is searched for what the request may have
made. It is sent again only where two requests cannot make two copies.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from airflow_provider_drive.exceptions import (
    DriveConnectionError,
    DriveCopyUnknownError,
    DriveError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveRequestError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.copy.find import resolve_copy
from airflow_provider_drive.protocol.copy.plan import find_same, name_conflict, plan_copy
from airflow_provider_drive.protocol.copy.recovery import Decision
from airflow_provider_drive.protocol.copy.remove import remove_copy
from airflow_provider_drive.protocol.flow import Checkpoint, Pause, Restore
from airflow_provider_drive.protocol.items.lookup import find_item, get_item
from airflow_provider_drive.protocol.monitor import poll_once
from airflow_provider_drive.protocol.retry import backoff, is_transient, send_with_retries
from airflow_provider_drive.protocol.wire.addresses import same_drive
from airflow_provider_drive.protocol.wire.copy_job import copy_request
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import SKIP, child, get_item_request
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus, read_monitor_url

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.copy.find import Sighting
    from airflow_provider_drive.protocol.copy.plan import CopyOrder
    from airflow_provider_drive.protocol.flow import Flow, Request, Response, Saved
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.items import DriveItem

NEW_FOLDER_TRIES = 6
"""How often a copy to a new folder is sent while Graph answers 404, though the folder can be read."""
MAX_REQUESTS = 3
"""How often one try requests a copy, if the answers to the requests before were lost."""
MAX_NAMES = 8
"""How many free names are tried, if others take them at the same time."""


def copy_item(order: CopyOrder, wait: Wait, *, known: DriveItem | None = None) -> Flow[CopyJob]:
    """
    Request a copy, once. Graph makes it after this has returned.

    By ids this is one request, the POST; each path is one GET more, and so is an item given by ids if a later
    try can find out what this one has begun.

    :param wait: Until it is over the copy is searched for, if Graph's answer was lost.
    :param known: The item, if it was read already.
    :raises DriveCopyUnknownError: If the outcome of the request is unknown.
    """
    order.check()
    saved: Saved = yield Restore("copy")
    if saved.state is not None:
        job = yield from _resume(saved.state, order, wait)
        if job is not None:
            return job
    attempt = 0
    while True:
        plan = yield from plan_copy(order, wait, known, is_durable=saved.is_durable)
        if plan.job.state == "completed":
            return plan.job
        try:
            return (yield from _submit(plan.job, order, wait, into_new_folder=plan.into_new_folder))
        except DriveNameConflictError:
            attempt += 1
            if not plan.is_name_picked or attempt == MAX_NAMES:
                raise
            yield Pause(backoff(attempt - 1, base=0.25), f"{plan.job.name!r} was taken meanwhile")


def _resume(job: CopyJob, order: CopyOrder, wait: Wait) -> Flow[CopyJob | None]:
    """Return the job of an earlier try; or none, if it came to nothing and the copy is requested again."""
    if job.state == "submitting":
        job = job.changed(lost=job.lost + 1)
        seconds = wait.timings.resume_find if job.is_repeatable else wait.timings.find
        try:
            return (yield from _search_or_repeat(job, order, wait, seconds))
        except DriveNameConflictError:
            picks = job.conflict_behavior in {"rename", "replace"} and not job.arrival.is_temporary
            if job.conflict_behavior != SKIP and not (picks and job.arrival.behavior == "fail"):
                raise
            return None
    if job.resource_id or not job.monitor_url:
        return job
    status, _ = yield from poll_once(job.monitor_url)
    may_be_ours = status.is_name_conflict and (job.lost or job.conflict_behavior == SKIP)
    if status.state != "failed" or may_be_ours:
        return job
    yield Pause(0.0, f"{job} was requested by an earlier try, and failed ({status.code}): requested again")
    if job.arrival.is_temporary:
        yield from _remove_part(job)
    return None


def _remove_part(job: CopyJob) -> Flow[None]:
    """Delete what a copy that failed has left under its temporary name: the next one has another name."""
    part = yield from find_item(child(job.destination, job.arrival.name or ""))
    if part is not None:
        yield from remove_copy(job, part)


def _submit(
    job: CopyJob, order: CopyOrder, wait: Wait, *, into_new_folder: bool = False, requests: int = 1
) -> Flow[CopyJob]:
    """Send the request: the one thing here that cannot be undone."""
    request = copy_request(
        cast("ItemRef", job.source),
        job.destination,
        name=_requested_name(job, order),
        conflict_behavior=job.arrival.behavior,
        children_only=order.children_only,
        include_all_version_history=order.include_all_version_history,
    )
    job = job.changed(state="submitting")
    yield Checkpoint("copy", job)
    sent = wait.timer()
    try:
        response = yield from post_copy(request, tries=NEW_FOLDER_TRIES if into_new_folder else 1)
    except DriveError as refusal:  # or it never left
        return (yield from _refused(job, refusal, wait, sent))
    if response is None:
        job = (yield from _dated(job, wait, sent)).changed(lost=job.lost + 1)
        seconds = wait.timings.find if job.is_repeatable else float("inf")
        return (yield from _search_or_repeat(job, order, wait, seconds, requests))
    job = job.changed(
        state="accepted",
        submitted_at=response.date or wait.now() - (wait.timer() - sent),
        monitor_url=read_monitor_url(response),
    )
    yield Checkpoint("copy", job)
    return job


def _refused(job: CopyJob, refusal: DriveError, wait: Wait, sent: float) -> Flow[CopyJob]:
    """
    Return what there is of a copy whose request was refused, or raise the refusal.

    A request that was refused made nothing; but one before it may have, if its answer was lost. And Graph was
    seen to make a copy in another drive that it had refused with 404.
    """
    source = cast("ItemRef", job.source)
    across = not same_drive(source.drive_id, job.destination.drive_id)
    if isinstance(refusal, DriveItemNotFoundError) and across:
        job = yield from _dated(job, wait, sent)
        return (yield from _search_after_404(job, refusal, wait))
    if not job.lost:
        yield Checkpoint("copy", None)
    if not isinstance(refusal, DriveNameConflictError):
        raise refusal
    if job.conflict_behavior == SKIP:
        there = yield from find_same(job, (yield from get_item(source)))
        if there is not None:
            return job.changed(state="completed", resource_id=there.ref.item_id, was_there=True)
    if not job.lost:
        raise refusal
    conflict = CopyStatus("failed", code="nameAlreadyExists")
    decision, sighting = yield from resolve_copy(job, conflict, wait.at_most(wait.timings.find))
    if decision is not Decision.ARRIVED:
        raise refusal
    return (yield from _found(job, sighting))


def _search_after_404(job: CopyJob, refusal: DriveItemNotFoundError, wait: Wait) -> Flow[CopyJob]:
    """
    Search for a copy to another drive that Graph refused: it was seen to make some all the same.

    https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3426
    """
    search = wait.at_most(wait.timings.false_404)
    decision, sighting = yield from resolve_copy(job, CopyStatus("unknown"), search)
    if decision is Decision.ARRIVED:
        return (yield from _found(job, sighting))
    if not job.lost:
        yield Checkpoint("copy", None)
    raise refusal


def _search_or_repeat(
    job: CopyJob, order: CopyOrder, wait: Wait, seconds: float, requests: int = 1
) -> Flow[CopyJob]:
    """Find what a request has made whose answer was lost; or repeat it, if it cannot make a second copy."""
    is_last = requests >= MAX_REQUESTS
    search = wait if is_last else wait.at_most(seconds)
    decision, sighting = yield from resolve_copy(job, CopyStatus("unknown"), search, may_submit=not is_last)
    if decision is Decision.ARRIVED:
        return (yield from _found(job, sighting))
    if decision is Decision.CONFLICT:
        yield Checkpoint("copy", None)
        raise name_conflict(job, f"{sighting.item} has that name, and {sighting.reason}")
    if decision is not Decision.SUBMIT or wait.is_over:
        raise unknown_copy(job, sighting)
    yield Pause(
        0.0,
        f"The answer to the request for {job} was lost, and the copy is not to be seen: the request is sent "
        "again. That cannot make a second copy, since in a folder a name is there once.",
    )
    again = job.changed(first_submitted_at=job.asked)
    return (yield from _submit(again, order, wait, requests=requests + 1))


def _found(job: CopyJob, sighting: Sighting) -> Flow[CopyJob]:
    item = cast("DriveItem", sighting.item)
    job = job.changed(state="completed", resource_id=item.ref.item_id)
    yield Checkpoint("copy", job)
    return job


def unknown_copy(job: CopyJob, sighting: Sighting, told: str = "") -> DriveCopyUnknownError:
    """
    Return the error that says that the outcome of a copy is unknown.

    :param told: Why its monitor does not say.
    """
    return DriveCopyUnknownError(
        f"The outcome of {job} is unknown: {told or 'Graph does not say'}, and "
        f"{describe_sighting(sighting)}. It may still come. {where_to_look(job)}"
    )


def describe_sighting(sighting: Sighting) -> str:
    """Say what a search has found, for an error."""
    what = f"{sighting.item} is there, but {sighting.reason}" if sighting.item else sighting.reason
    return what.rstrip(".")


def where_to_look(job: CopyJob) -> str:
    """Say under which name a copy may be found, for an error."""
    name = f" for {job.arrival.name!r}" if job.arrival.name else ""
    return f"Look in the folder {job.destination}{name} before you copy again."


def _requested_name(job: CopyJob, order: CopyOrder) -> str | None:
    """Return the name to ask for: none if it is the source's, because Graph copies faster without a name."""
    if order.children_only or order.include_all_version_history:
        return None
    is_picked = order.conflict_behavior == "rename" and job.arrival.behavior == "fail"
    return job.arrival.name if job.arrival.is_temporary or is_picked else order.name


def post_copy(request: Request, tries: int) -> Flow[Response | None]:
    """
    Send the one POST.

    :param tries: How often the destination may be unknown: one that was made just now.
    :return: None if the answer was lost: Graph may have taken the request.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            response = yield from send_with_retries(request, lambda response: response)
        except (DriveConnectionError, DriveResponseError) as error:
            if isinstance(error, DriveConnectionError) and not error.sent:
                raise
            return None
        if is_transient(response):
            return None
        if response.ok:  # a proxy's page does not accept anything
            return response if response.status == 202 or "location" in response.headers else None
        if response.status != 404 or attempt == tries:
            raise error_from_response(response, request.action, request.trace)
        yield Pause(min(4.0, 0.125 * 2**attempt), "the new folder is not known everywhere yet")


def _dated(job: CopyJob, wait: Wait, sent: float) -> Flow[CopyJob]:
    """Return the job with the time of its request by Graph's clock, if it is not known yet."""
    if job.snapshot is not None:
        return job  # the source was read before
    try:
        request = get_item_request(job.destination)
        now = yield from send_with_retries(request, lambda response: response.date)
    except (DriveRequestError, DriveConnectionError, DriveResponseError):
        now = None
    return job.changed(submitted_at=(wait.now() if now is None else now) - (wait.timer() - sent))
