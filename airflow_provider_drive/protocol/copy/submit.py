"""
Flows that ask for a copy, once.

Before the request goes out, a checkpoint says what is asked for; when Graph has accepted it, another says
what came of it. Whoever comes after a crash, or after an answer that was lost, looks at the destination for
what the request may have made. It is sent again only where two requests cannot make two copies: in a folder a
name is there once, so a second request for the same name is refused (``fail``) or takes the first one's place
(``replace``).

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, cast
from uuid import uuid4

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveConnectionError,
    DriveCopyUnknownError,
    DriveError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveRequestError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.copy.verify import (
    described,
    find_copy,
    find_same,
    is_new,
    name_conflict,
    resolve_name_conflict,
)
from airflow_provider_drive.protocol.flow import Checkpoint, Pause, Restore
from airflow_provider_drive.protocol.items.lookup import find_item, get_destination, get_item, list_items
from airflow_provider_drive.protocol.items.update import Location
from airflow_provider_drive.protocol.monitor import poll_once
from airflow_provider_drive.protocol.retry import backoff, is_transient, send_with_retries
from airflow_provider_drive.protocol.wire.addresses import ItemRef, check_name, same_drive, same_name
from airflow_provider_drive.protocol.wire.copy_job import COPY_BEHAVIORS, CopyJob, copy_request
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import (
    SKIP,
    check_conflict_behavior,
    child,
    free_name,
    get_item_request,
    split_name,
)

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow, Request, Response, Saved
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.items import DriveItem

NEW_FOLDER_TRIES = 6
"""How often a folder that was just made may be unknown to copy, though it reads 200."""
MAX_REQUESTS = 3
"""How often one try asks for a copy, if nobody knows what became of the requests before."""
MAX_NAMES = 8
"""How many free names are tried, if others take them at the same time."""


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """
    What is to be copied, where to and how.

    :param destination: The folder; None for the one that the item is in.
    :param name: The copy's name; None for the item's own.
    :param is_awaited: The task waits for the copy, and can rename it when it has arrived.
    """

    item: Address
    destination: Address | None = None
    name: str | None = None
    conflict_behavior: str = "fail"
    children_only: bool = False
    include_all_version_history: bool = False
    create_destination: bool = False
    is_awaited: bool = False

    def check(self) -> None:
        """
        Refuse what Graph refuses, before anything is sent.

        https://learn.microsoft.com/graph/api/driveitem-copy#error-responses

        :raises DriveArgumentError: If these parameters do not go together.
        """
        check_conflict_behavior(self.conflict_behavior, COPY_BEHAVIORS)
        if self.name is not None:
            check_name(self.name)
        if self.children_only and self.name is not None:
            raise DriveArgumentError("children_only copies many items, so no name can be given with it.")
        if self.item.is_root:
            self.check_root()
        if self.create_destination and self.destination is None:
            raise DriveArgumentError("create_destination is given, but no destination.")

    def check_root(self) -> None:
        """Refuse to copy a root folder itself."""
        if not self.children_only:
            raise DriveArgumentError(
                f"{self.item} is a root folder: only its children can be copied (children_only)."
            )


class _Terms(NamedTuple):
    """What stays the same while one copy is asked for."""

    order: CopyOrder
    wait: Wait
    is_durable: bool


class _Plan(NamedTuple):
    """What to ask for, now that the addresses are ids."""

    job: CopyJob
    into_new_folder: bool


def copy_item(
    order: CopyOrder,
    wait: Wait,
    *,
    known: DriveItem | None = None,
) -> Flow[CopyJob]:
    """
    Ask for a copy, once. Graph makes it after this has returned.

    By ids this is one request, the POST; each path is one GET more, and so is care for an item given by ids.

    :param known: The item, if it was read already.
    :param wait: Until its deadline the copy is searched for if Graph's answer was lost.
    :raises DriveCopyUnknownError: If nobody can say what became of the request.
    :raises DriveResponseError: If the monitor is on a host that may not be called. The copy goes on.
    """
    order.check()
    saved: Saved = yield Restore("copy")
    terms = _Terms(order, wait, saved.is_durable)
    if saved.state is not None:
        job = yield from _take_up(saved.state, terms)
        if job is not None:
            return job
    for attempt in range(MAX_NAMES):
        plan = yield from _plan(terms, known)
        if plan.job.resource_id:
            return plan.job
        try:
            return (yield from _submit(plan.job, terms, into_new_folder=plan.into_new_folder))
        except DriveNameConflictError:
            if not _is_picked(plan.job) or attempt == MAX_NAMES - 1:
                raise
            yield Pause(backoff(attempt, base=0.25), f"{plan.job.name!r} was taken meanwhile")
    raise AssertionError  # the last attempt returns or raises


def _take_up(job: CopyJob, terms: _Terms) -> Flow[CopyJob | None]:
    """Return the job that an earlier try has left; or none, if it came to nothing and is asked for anew."""
    if not job.accepted:
        timings = terms.wait.timings
        patience = timings.resume_find if job.arrives_as[1] == "fail" else timings.find
        try:
            return (yield from _find_or_repeat(job, terms, patience))
        except DriveNameConflictError:
            if not _is_picked(job) and job.conflict_behavior != SKIP:
                raise
            return None
    if job.resource_id or not job.monitor_url:
        return job
    status, _ = yield from poll_once(job.monitor_url)
    may_be_ours = status.is_name_conflict and (job.repeated or job.conflict_behavior == SKIP)
    if status.state != "failed" or may_be_ours:
        return job
    yield Pause(0.0, f"{job} was asked for by an earlier try, and failed ({status.code}): asked for anew")
    return None


def _submit(job: CopyJob, terms: _Terms, *, into_new_folder: bool = False, number: int = 1) -> Flow[CopyJob]:
    """Send the request: the one thing here that cannot be undone."""
    order, wait, _ = terms
    source = cast("ItemRef", job.source)
    request = copy_request(
        source,
        job.destination,
        name=_sent_name(job, order),
        conflict_behavior=job.arrives_as[1],
        children_only=order.children_only,
        include_all_version_history=order.include_all_version_history,
    )
    job = replace(job, accepted=False)
    if into_new_folder:  # which is not known everywhere yet, so that it takes more than one request
        job = replace(job, repeated=True, since=job.asked or None)
    yield Checkpoint("copy", job)
    started = wait.now()
    try:
        response = yield from post_copy(request, tries=NEW_FOLDER_TRIES if into_new_folder else 1)
    except DriveError as refusal:  # or it never left
        across = not same_drive(source.drive_id, job.destination.drive_id)
        if isinstance(refusal, DriveItemNotFoundError) and across:
            return (yield from _doubt(job, refusal, terms, started))
        if not job.repeated:
            yield Checkpoint("copy", None)
        if not isinstance(refusal, DriveNameConflictError):
            raise
        item = yield from resolve_name_conflict(job, refusal, wait)
        return (yield from _found(job, item))
    if response is None:
        job = yield from _dated(job, started, wait)
        patience = wait.timings.find if _is_repeatable(job) else float("inf")
        return (yield from _find_or_repeat(job, terms, patience, number))
    location = response.headers.get("location")
    job = replace(job, accepted=True, submitted_at=response.date or started, monitor_url=location or None)
    yield Checkpoint("copy", job)
    return job


def _find_or_repeat(job: CopyJob, terms: _Terms, patience: float, number: int = 1) -> Flow[CopyJob]:
    """Find what a request has made of which nobody knows; or send it again, if it cannot be made twice."""
    wait = terms.wait
    search = wait if number == MAX_REQUESTS else wait.at_most(patience)
    try:
        item = yield from find_copy(job, search)
    except DriveCopyUnknownError:
        if not _is_repeatable(job) or number == MAX_REQUESTS or wait.is_over:
            raise
        yield from _refuse_to_replace_news(job)
    else:
        return (yield from _found(job, item))
    yield Pause(
        0.0,
        f"nobody knows if Graph has taken the request for {job}, and it is not to be seen: asked for again, "
        "which cannot make a second one, since in a folder a name is there once",
    )
    return (yield from _submit(replace(job, repeated=True, since=job.asked), terms, number=number + 1))


def _doubt(job: CopyJob, refusal: DriveItemNotFoundError, terms: _Terms, started: float) -> Flow[CopyJob]:
    """
    Look for a moment whether a copy to another drive was made, though Graph said that there is no such item.

    https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3426
    """
    wait = terms.wait
    job = yield from _dated(job, started, wait)
    search = wait.at_most(wait.timings.false_404)
    try:
        item = yield from find_copy(job, search)
    except (DriveCopyUnknownError, DriveNameConflictError):
        raise refusal from None
    return (yield from _found(job, item))


def _refuse_to_replace_news(job: CopyJob) -> Flow[None]:
    """Leave alone what has the name since the first request, and is not the copy: somebody works on it."""
    if job.arrives_as[1] != "replace" or job.children_only:
        return
    taken = yield from find_item(child(job.destination, job.arrives_as[0] or ""))
    if taken and is_new(job, taken):
        raise name_conflict(job, f"{taken} has the name since it was asked for, and another content")


def _found(job: CopyJob, item: DriveItem) -> Flow[CopyJob]:
    job = replace(job, accepted=True, found=True, resource_id=item.ref.item_id)
    yield Checkpoint("copy", job)
    return job


def _is_repeatable(job: CopyJob) -> bool:
    """Whether a second request for it cannot make a second copy."""
    return job.arrives_as[1] != "rename"


def _is_picked(job: CopyJob) -> bool:
    """Whether its name was found to be free before, and if it is not, there is another way."""
    another = job.conflict_behavior in {"rename", "replace"}
    return another and job.requested_behavior == "fail" and not job.temporary_name


def _sent_name(job: CopyJob, order: CopyOrder) -> str | None:
    """Return the name to ask for: none that goes without saying, since Graph takes longer over names."""
    if order.children_only or order.include_all_version_history:
        return None
    picked = order.conflict_behavior == "rename" and _is_picked(job)
    return job.temporary_name or (job.name if picked else order.name)


def _plan(terms: _Terms, known: DriveItem | None) -> Flow[_Plan]:
    order = terms.order
    source, item = order.item, known
    by_ids = isinstance(source, ItemRef) and order.destination is not None
    if item is None and (terms.is_durable or order.conflict_behavior == SKIP or not by_ids):
        item = yield from get_item(source)
    if item is not None:
        _check_source(order, item)
    ref = item.ref if item else cast("ItemRef", source)
    if order.destination is None:
        folder, read, new = _parent_of(item), None, False
    else:
        folder, read, new = yield from get_destination(order.destination, create=order.create_destination)
    asked = (item.read_at or terms.wait.now()) if item else 0.0
    job = CopyJob(
        None,
        ref,
        folder,
        order.name,
        order.conflict_behavior,
        asked,
        order.children_only,
        destination_url=read.web_url if read else None,
    )
    personal = read.is_personal if read else folder.is_personal
    if item is None and not order.children_only and (personal or _takes_two_steps(order)):
        item = yield from get_item(ref)
    job = described(job, item)
    _refuse_itself(job, item)
    if item is not None:
        job = yield from _fix_name(job, item, order, careful=terms.is_durable, personal=personal)
    if new and job.arrives_as[1] == "rename":
        job = replace(job, requested_behavior="fail")  # the folder is empty, so any name is free
    return _Plan(job, new)


def _takes_two_steps(order: CopyOrder) -> bool:
    """With a name Graph ignores the versions: https://learn.microsoft.com/graph/api/driveitem-copy."""
    return order.include_all_version_history and order.name is not None


def _fix_name(
    job: CopyJob,
    source: DriveItem,
    order: CopyOrder,
    *,
    careful: bool,
    personal: bool,
) -> Flow[CopyJob]:
    """Fix what Graph is asked for, so that a second request cannot make a second copy."""
    renames = careful and order.conflict_behavior == "rename"
    replaces = careful and order.is_awaited and order.conflict_behavior == "replace"
    if order.conflict_behavior == SKIP:
        job = yield from _skip(job, source)
        if job.resource_id:
            return job
    if order.children_only:
        return (yield from _keep_names(job)) if renames else job
    if renames and order.is_awaited and not order.include_all_version_history:
        return replace(job, temporary_name=_landing_name(source, job.name), requested_behavior="fail")
    if personal or renames or replaces or _takes_two_steps(order):
        return (yield from _settle_name(job, source, order))
    return job


def _skip(job: CopyJob, source: DriveItem) -> Flow[CopyJob]:
    """Find what is there already. What is not is asked for so that it cannot be made twice."""
    same = yield from find_same(job, source)
    if same is None:
        return replace(job, requested_behavior="fail")
    yield Pause(0.0, f"{same} is there already, with the same content: there is nothing to copy")
    return replace(job, resource_id=same.ref.item_id)


def _keep_names(job: CopyJob) -> Flow[CopyJob]:
    """Let all children keep their names, if these are free: the request can be sent again then."""
    taken = yield from _names_in(job.destination)
    names = yield from _names_in(cast("ItemRef", job.source))
    return job if names & taken else replace(job, requested_behavior="fail")


def _settle_name(job: CopyJob, source: DriveItem, order: CopyOrder) -> Flow[CopyJob]:
    """
    Fix the name under which the copy arrives, and what is to be done about it then.

    With a name, Graph ignores the version history: so the copy is made without, and renamed when it is there.
    OneDrive personal ignores the conflict behaviour. And a copy whose name Graph chooses cannot be asked for
    twice: so it is chosen here.

    https://learn.microsoft.com/graph/api/driveitem-copy#optional-query-parameters
    """
    name, behavior = job.name or "", job.conflict_behavior
    taken = yield from find_item(child(job.destination, name))
    if taken and (
        taken.ref == job.source or behavior in {"fail", SKIP} or (behavior == "replace" and taken.is_folder)
    ):
        raise name_conflict(
            job, f"{'a folder' if taken.is_folder else 'an item'} of that name is there already"
        )
    if _takes_two_steps(order):
        is_free = (yield from find_item(child(job.destination, source.name or ""))) is None
        return replace(job, temporary_name=source.name, requested_behavior="fail" if is_free else "rename")
    if taken and order.include_all_version_history:
        return job
    if taken and behavior == "replace":
        return replace(job, temporary_name=_landing_name(source, name), requested_behavior="fail")
    if taken:
        names = yield from _names_in(job.destination)
        name = free_name(name, lambda other: other.casefold() in names, is_folder=source.is_folder)
    return replace(job, name=name, requested_behavior="fail")


def _landing_name(source: DriveItem, name: str | None) -> str:
    """Return a name that nothing else has, for a copy that gets its own when it is there."""
    stem, extension = split_name(name or "", is_folder=source.is_folder)
    return f"{stem[:150]} (copying {uuid4().hex[:12]}){extension}"


def _names_in(folder: ItemRef) -> Flow[set[str]]:
    return {(item.name or "").casefold() for item in (yield from list_items(folder))}


def _check_source(order: CopyOrder, item: DriveItem) -> None:
    if item.is_root:
        order.check_root()
    if order.children_only and item.kind == "file":
        raise DriveArgumentError(f"children_only is given, but {order.item} is a file.")


def _refuse_itself(job: CopyJob, item: DriveItem | None) -> None:
    """Refuse to copy an item over itself: Graph was seen to accept that, and to do nothing."""
    if item is None or job.children_only or job.conflict_behavior == "rename":
        return
    if Location(job.destination, None).holds(item) and (
        job.name is None or same_name(job.name, item.name or "")
    ):
        raise DriveNameConflictError(
            f"Could not make {job}: the item itself has that name there. Give another name, or "
            "conflict_behavior='rename'.",
            status=409,
            code="nameAlreadyExists",
            retryable=False,
        )


def _parent_of(item: DriveItem | None) -> ItemRef:
    if item is None or item.parent_id is None:
        raise DriveArgumentError("There is no folder to copy beside: give a destination.")
    return ItemRef(item.ref.drive_id, item.parent_id)


def post_copy(request: Request, tries: int) -> Flow[Response | None]:
    """Send the one POST. None if nobody can say whether Graph has taken it."""
    for attempt in range(tries):
        try:
            response = yield from send_with_retries(request, lambda response: response)
        except (DriveConnectionError, DriveResponseError) as error:
            if isinstance(error, DriveConnectionError) and not error.sent:
                raise
            return None
        if is_transient(response):
            return None
        if response.ok:  # a proxy's page is no acceptance
            return response if response.status == 202 or "location" in response.headers else None
        if response.status != 404 or attempt == tries - 1:
            raise error_from_response(response, request.action)
        yield Pause(min(4.0, 0.25 * 2**attempt), "the folder just made is not known everywhere yet")
    return None


def _dated(job: CopyJob, started: float, wait: Wait) -> Flow[CopyJob]:
    """Return the job with the time of its request by the service's clock."""
    if job.submitted_at:
        return job
    try:
        now = yield from send_with_retries(get_item_request(job.destination), lambda response: response.date)
    except (DriveRequestError, DriveConnectionError, DriveResponseError):
        now = None
    return replace(job, submitted_at=started if now is None else now - (wait.now() - started))
