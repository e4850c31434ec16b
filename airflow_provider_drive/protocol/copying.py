"""
Flows that copy: ask for it, and show that it is there.

A copy is never asked for twice. When nobody can say whether Graph has taken the request, the destination is
looked at for an item that this request made.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import uuid4

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveConnectionError,
    DriveCopyFailedError,
    DriveCopyNameConflictError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.addresses import ItemRef, check_name, same_drive, same_name
from airflow_provider_drive.protocol.copies import CopyJob, CopyStatus, copy_request
from airflow_provider_drive.protocol.defaults import COPY_TIMEOUT, POLL_INTERVAL
from airflow_provider_drive.protocol.errors import error_of
from airflow_provider_drive.protocol.finding import (
    find_item,
    get_destination,
    get_folder,
    get_item,
    list_children,
    measure,
)
from airflow_provider_drive.protocol.items import (
    check_conflict_behavior,
    child,
    free_name,
    get_item_request,
    is_renamed,
    read_item,
)
from airflow_provider_drive.protocol.messages import Pause
from airflow_provider_drive.protocol.retries import ask, backoff, is_passing_fault, poll_pauses
from airflow_provider_drive.protocol.updating import Place, update_item
from airflow_provider_drive.protocol.watching import look_at_copy, watch_copy

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.addresses import Address
    from airflow_provider_drive.protocol.hosts import Hosts
    from airflow_provider_drive.protocol.items import DriveItem
    from airflow_provider_drive.protocol.messages import Flow, Request, Response

READ_BACK_SECONDS = 100.0
"""How long a completed copy may take to show itself: a minute and a half was seen."""
LEAST_READ_BACK_SECONDS = 10.0
"""How long it may take at least, however near the deadline is."""
FORGOTTEN_SECONDS = 120.0
"""How long the destination is looked at when the monitor has forgotten the job."""
CLOCK_SLACK = 2.0
"""Seconds by which a time of the service may be off: its Date has whole seconds."""
_PASSING = (
    DriveConnectionError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
    DriveItemNotFoundError,  # of the source: it may be gone by now
)
FRESH_FOLDER_TRIES = 6
"""How often a folder that was just made may be unknown to copy, though it reads 200."""


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """
    What is to be copied, where to and how.

    :param destination: The folder; None for the one that the item is in.
    :param name: The copy's name; None for the item's own.
    """

    item: Address
    destination: Address | None = None
    name: str | None = None
    conflict_behavior: str = "fail"
    children_only: bool = False
    include_all_version_history: bool = False
    create_destination: bool = False

    def check(self) -> None:
        """
        Refuse what Graph refuses, before anything is sent.

        https://learn.microsoft.com/graph/api/driveitem-copy#error-responses

        :raises DriveArgumentError: If these parameters do not go together.
        """
        check_conflict_behavior(self.conflict_behavior)
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


class _Plan(NamedTuple):
    """What to ask for, now that the addresses are ids."""

    job: CopyJob
    sent_name: str | None
    sent_behavior: str
    into_new_folder: bool


def copy_item(
    order: CopyOrder,
    hosts: Hosts,
    *,
    known: DriveItem | None = None,
    deadline: float | None = None,
    poll_interval: float = POLL_INTERVAL,
    clock: Callable[[], float] = time.time,
) -> Flow[CopyJob]:
    """
    Ask for a copy. Graph makes it after this has returned.

    By ids this is one request, the POST; each path is one GET more.

    :param known: The item, if it was read already.
    :param deadline: Until when to look for a copy if the answer was lost, in seconds since the epoch.
        Default is a day from now.
    :raises DriveCopyUnknownError: If the answer was lost, and no copy is seen until the deadline.
    :raises DriveResponseError: If the monitor is on a host that may not be called. The copy goes on.
    """
    order.check()
    deadline = clock() + COPY_TIMEOUT if deadline is None else deadline
    plan = yield from _plan(order, known, hosts)
    request = copy_request(
        cast("ItemRef", plan.job.source),
        plan.job.destination,
        name=plan.sent_name,
        conflict_behavior=plan.sent_behavior,
        children_only=order.children_only,
        include_all_version_history=order.include_all_version_history,
    )
    started = clock()
    response = yield from _post(request, tries=FRESH_FOLDER_TRIES if plan.into_new_folder else 1)
    if response is None:
        return (
            yield from _recover(
                plan.job, hosts, started=started, deadline=deadline, poll_interval=poll_interval, clock=clock
            )
        )
    location = response.headers.get("location")
    job = replace(plan.job, submitted_at=_date(response) or started, monitor_url=location or None)
    if location:
        _check_location(location, job, hosts)
    return job


def wait_for_copy(
    job: CopyJob,
    hosts: Hosts,
    *,
    deadline: float,
    poll_interval: float = POLL_INTERVAL,
    fresh: bool = False,
    clock: Callable[[], float] = time.time,
) -> Flow[DriveItem]:
    """
    Wait for a copy to end, and return the new item, read back from the destination.

    :raises DriveCopyFailedError: If it failed.
    :raises DriveCopyTimeoutError: If it was not done at the deadline.
    :raises DriveCopyUnknownError: If nobody can say how it ended.
    """
    if job.resource_id or not job.monitor_url:
        status = CopyStatus("completed" if job.resource_id else "unknown", job.resource_id)
    else:
        status = yield from watch_copy(
            job.monitor_url, hosts, deadline=deadline, poll_interval=poll_interval, fresh=fresh, clock=clock
        )
    return (
        yield from finish_copy(
            job, status, hosts, deadline=deadline, poll_interval=poll_interval, clock=clock
        )
    )


def check_copy(
    job: CopyJob, hosts: Hosts, *, deadline: float, clock: Callable[[], float] = time.time
) -> Flow[DriveItem | None]:
    """
    Look at a copy once, and return the new item, or None if it is still to come.

    :raises DriveError: As :func:`wait_for_copy` does, but never for the time.
    """
    if job.monitor_url and not job.resource_id:
        status, _ = yield from look_at_copy(job.monitor_url, hosts)
    elif job.resource_id:
        status = CopyStatus("completed", job.resource_id)
    else:
        job = yield from _described(job, hosts)
        item = yield from _look(job, hosts)
        status = CopyStatus("completed", item.ref.item_id) if item else CopyStatus("running")
    if status.is_running:
        return None
    return (yield from finish_copy(job, status, hosts, deadline=deadline, clock=clock))


def finish_copy(
    job: CopyJob,
    status: CopyStatus,
    hosts: Hosts,
    *,
    deadline: float,
    poll_interval: float = POLL_INTERVAL,
    clock: Callable[[], float] = time.time,
) -> Flow[DriveItem]:
    """
    Show that a copy which ended is what was asked for, and return it; or raise what it came to.

    Graph's word is not enough: items were seen beside their source, and monitors forget.
    """
    _raise_if_not_done(str(job), status)
    until = max(clock() + LEAST_READ_BACK_SECONDS, min(deadline, clock() + READ_BACK_SECONDS))
    if status.state == "unknown":  # with a monitor that has forgotten, or without one
        until = min(deadline, clock() + FORGOTTEN_SECONDS) if job.monitor_url else deadline
    if status.state == "completed" and (status.resource_id or job.children_only):
        item = yield from _read_back(job, status, hosts, until, clock)
    else:
        item = yield from find_copy(job, hosts, until=until, poll_interval=poll_interval, clock=clock)
    if job.children_only:
        return item
    yield from _verify(job, item)
    if job.landing_name and job.name:
        item = yield from update_item(
            item, Place(None, job.name), hosts, conflict_behavior=job.conflict_behavior, clock=clock
        )
    return item


def conclude(status: CopyStatus) -> dict[str, Any]:
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


def find_copy(
    job: CopyJob,
    hosts: Hosts,
    *,
    until: float,
    poll_interval: float = POLL_INTERVAL,
    clock: Callable[[], float] = time.time,
) -> Flow[DriveItem]:
    """
    Look at the destination until it shows what this job made.

    An item counts if it has the name, the kind and the size, and if it is not older than the request.

    :param until: When to give up, in seconds since the epoch. There is one look at least.
    :raises DriveNameConflictError: If an older item has the name, so that the copy cannot have been made.
    :raises DriveCopyUnknownError: If nothing is seen, or more than one that might be it.
    """
    for pause in poll_pauses(poll_interval):
        last, trouble = clock() >= until, "it is not to be seen at the destination"
        try:
            job = yield from _described(job, hosts)
            item = yield from _look(job, hosts)
            if item is not None:
                return item
        except _PASSING as error:
            trouble = f"the destination cannot be looked at: {error}"
        if last:
            break
        yield Pause(max(0.0, min(pause, until - clock())), f"looking at the destination for {job}")
    raise DriveCopyUnknownError(
        f"Nobody can say how {job} ended: Graph does not tell, and {trouble}. It may still come; look there "
        "before you copy again."
    )


def _plan(order: CopyOrder, known: DriveItem | None, hosts: Hosts) -> Flow[_Plan]:
    source, item = order.item, known
    if item is None and (order.destination is None or not isinstance(source, ItemRef)):
        item = yield from get_item(source, hosts)
    if item is not None:
        _check_source(order, item)
    ref = item.ref if item else cast("ItemRef", source)
    if order.destination is None:
        folder, read, new = _parent_of(item), None, False
    else:
        folder, read, new = yield from get_destination(
            order.destination, hosts, create=order.create_destination
        )
    job = CopyJob(
        None, ref, folder, order.name, order.conflict_behavior, 0.0, children_only=order.children_only
    )
    two_steps = order.include_all_version_history and order.name is not None
    personal = read.is_personal if read else folder.is_personal
    by_steps = not order.children_only and (two_steps or personal)
    if by_steps and item is None:
        item = yield from get_item(ref, hosts)
    job = _with(job, item)
    _refuse_itself(job, item)
    plain = _Plan(job, order.name, order.conflict_behavior, new)
    if item is None or not by_steps:
        return plain
    return (yield from _plan_by_steps(plain, item, two_steps=two_steps, hosts=hosts))


def _plan_by_steps(plain: _Plan, source: DriveItem, *, two_steps: bool, hosts: Hosts) -> Flow[_Plan]:
    """
    Do by steps what Graph does not do at once.

    With a name, Graph ignores the version history: so the copy is made without, and renamed when it is there.
    OneDrive personal ignores the conflict behaviour: so the name is looked up before.

    https://learn.microsoft.com/graph/api/driveitem-copy#optional-query-parameters
    """
    job, name = plain.job, plain.job.name or ""
    taken = yield from find_item(child(job.destination, name), hosts)
    if taken and (
        taken.ref == job.source
        or job.conflict_behavior == "fail"
        or (job.conflict_behavior == "replace" and taken.is_folder)
    ):
        raise DriveNameConflictError(
            f"Could not make {job}: there is {'a folder' if taken.is_folder else 'an item'} of that name "
            "already. Choose another name, or another conflict_behavior.",
            status=409,
            code="nameAlreadyExists",
        )
    if two_steps:
        return plain._replace(
            job=replace(job, landing_name=source.name), sent_name=None, sent_behavior="rename"
        )
    if not taken:
        return plain
    if job.conflict_behavior == "rename":
        names = {
            str(entry.get("name", "")).casefold()
            for entry in (yield from list_children(job.destination, hosts))
        }
        free = free_name(name, lambda candidate: candidate.casefold() in names)
        return plain._replace(job=replace(job, name=free), sent_name=free)
    landing = f"{uuid4().hex[:12]} {name}"  # arrives beside the old file, then takes its place
    return plain._replace(job=replace(job, landing_name=landing), sent_name=landing)


def _check_source(order: CopyOrder, item: DriveItem) -> None:
    if item.is_root:
        order.check_root()
    if order.children_only and item.kind == "file":
        raise DriveArgumentError(f"children_only is given, but {order.item} is a file.")


def _refuse_itself(job: CopyJob, item: DriveItem | None) -> None:
    """Refuse to copy an item over itself: Graph was seen to accept that, and to do nothing."""
    if item is None or job.children_only or job.conflict_behavior == "rename":
        return
    if Place(job.destination, None).holds(item) and (
        job.name is None or same_name(job.name, item.name or "")
    ):
        raise DriveNameConflictError(
            f"Could not make {job}: the item itself has that name there. Give another name, or "
            "conflict_behavior='rename'.",
            status=409,
            code="nameAlreadyExists",
            final=True,
        )


def _parent_of(item: DriveItem | None) -> ItemRef:
    if item is None or item.parent_id is None:
        raise DriveArgumentError("There is no folder to copy beside: give a destination.")
    return ItemRef(item.ref.drive_id, item.parent_id)


def _with(job: CopyJob, item: DriveItem | None) -> CopyJob:
    """Return the job with what is known of its source."""
    if item is None:
        return job
    name = job.name if job.name or job.children_only else item.name
    return replace(job, name=name, kind=item.kind, size=item.size, quick_xor_hash=item.quick_xor_hash)


def _described(job: CopyJob, hosts: Hosts) -> Flow[CopyJob]:
    """Return the job with what is to be known of its source before its copy can be told from others."""
    if job.source is None or (job.kind is not None and (job.name or job.children_only)):
        return job
    return _with(job, (yield from get_item(job.source, hosts)))


def _post(request: Request, tries: int) -> Flow[Response | None]:
    """Send the one POST. None if nobody can say whether Graph has taken it."""
    for attempt in range(tries):
        try:
            response = yield from ask(request, lambda response: response)
        except (DriveConnectionError, DriveResponseError) as error:
            if isinstance(error, DriveConnectionError) and not error.sent:
                raise
            return None
        if is_passing_fault(response):
            return None
        if response.ok:
            return response
        if response.status != 404 or attempt == tries - 1:
            raise error_of(response, request.doing)
        yield Pause(min(4.0, 0.25 * 2**attempt), "the folder just made is not known everywhere yet")
    return None


def _recover(
    job: CopyJob,
    hosts: Hosts,
    *,
    started: float,
    deadline: float,
    poll_interval: float,
    clock: Callable[[], float],
) -> Flow[CopyJob]:
    """Find what a request made whose answer was lost. When it was sent is told by the service's clock."""
    try:
        now = yield from ask(get_item_request(job.destination), _date)
    except (DriveRequestError, DriveConnectionError, DriveResponseError):
        now = None
    job = replace(job, submitted_at=started if now is None else now - (clock() - started))
    item = yield from find_copy(job, hosts, until=deadline, poll_interval=poll_interval, clock=clock)
    return replace(job, resource_id=item.ref.item_id)


def _check_location(location: str, job: CopyJob, hosts: Hosts) -> None:
    try:
        hosts.check_monitor(location)
    except DriveResponseError as error:
        refusal = str(error)
    else:
        return
    raise DriveResponseError(
        f"Graph has accepted {job} and is making it, but {refusal}. Look at the destination for its outcome.",
        final=True,
    )


def _look(job: CopyJob, hosts: Hosts) -> Flow[DriveItem | None]:
    """Return what this job made, if it is there and whole."""
    name, behavior = job.arrives_as
    if job.children_only:
        return (yield from _look_for_children(job, hosts))
    if behavior != "rename":
        item = yield from find_item(child(job.destination, name or ""), hosts)
        if item and not _is_new(job, item):
            if behavior == "fail":
                raise DriveNameConflictError(
                    f"{job} cannot have been made: an older item has the name.",
                    status=409,
                    code="nameAlreadyExists",
                )
            item = None
        return item if item and (yield from _is_whole(job, item, hosts)) else None
    entries = [
        read_item(entry, job.destination.drive_id)
        for entry in (yield from list_children(job.destination, hosts))
    ]
    made = [item for item in entries if _is_new(job, item) and is_renamed(item.name or "", name or "")]
    if len(made) > 1:
        raise DriveCopyUnknownError(
            f"Nobody can say which is {job}: {len(made)} new items at the destination might be it."
        )
    return made[0] if made and (yield from _is_whole(job, made[0], hosts)) else None


def _look_for_children(job: CopyJob, hosts: Hosts) -> Flow[DriveItem | None]:
    there = [
        read_item(entry, job.destination.drive_id)
        for entry in (yield from list_children(job.destination, hosts))
    ]
    if job.source is None:
        raise DriveCopyUnknownError(f"Nobody can say how {job} ended: what it was made of is not known.")
    for entry in (yield from list_children(job.source, hosts)):
        original = read_item(entry, job.source.drive_id)
        of_child = replace(_with(replace(job, children_only=False, name=None), original), source=original.ref)
        made = [
            item for item in there if _is_new(job, item) and is_renamed(item.name or "", original.name or "")
        ]
        if not made or not (yield from _is_whole(of_child, made[0], hosts)):
            return None
    return (yield from get_folder(job.destination, hosts))


def _is_new(job: CopyJob, item: DriveItem) -> bool:
    return item.created is not None and item.created >= job.submitted_at - CLOCK_SLACK


def _is_whole(job: CopyJob, item: DriveItem, hosts: Hosts) -> Flow[bool]:
    """Whether an item has all that the source has, as far as can be told."""
    if job.kind not in {None, item.kind}:
        return False
    if item.is_folder and job.source:
        return (yield from measure(job.source, hosts)) == (yield from measure(item.ref, hosts))
    return item.may_be_rewritten or None in {job.size, item.size} or job.size == item.size


def _read_back(
    job: CopyJob, status: CopyStatus, hosts: Hosts, until: float, clock: Callable[[], float]
) -> Flow[DriveItem]:
    """
    Read the new item by its id, which is known at once where its path may lag.

    With ``childrenOnly`` the monitor names the destination, or one of the children: so that one is read.
    """
    ref = (
        job.destination if job.children_only else ItemRef(job.destination.drive_id, status.resource_id or "")
    )
    attempt = 0
    while True:
        item = yield from find_item(ref, hosts)
        if item is not None:
            return item
        if clock() >= until:
            raise DriveCopyUnknownError(
                f"Graph says that {job} is completed, as {ref}, but that item is not to be seen."
            )
        yield Pause(backoff(attempt, longest=10.0), f"{job} is completed, and not to be seen yet")
        attempt += 1


def _verify(job: CopyJob, item: DriveItem) -> Flow[None]:
    """Hold the new item against what was asked for."""
    name, behavior = job.arrives_as
    faults = []
    if not same_drive(item.ref.drive_id, job.destination.drive_id) or not _same_id(
        item, job.destination.item_id
    ):
        faults.append(f"it is in the folder {item.parent_id} of the drive {item.ref.drive_id}")
    if (
        name
        and item.name
        and not same_name(item.name, name)
        and not (behavior == "rename" and is_renamed(item.name, name))
    ):
        faults.append(f"its name is {item.name!r}")
    if job.kind and item.kind and job.kind != item.kind:
        faults.append(f"it is a {item.kind}, not a {job.kind}")
    if faults:
        raise DriveCopyFailedError(
            f"Graph says that {job} is completed, but {' and '.join(faults)}: {item}. It was left there.",
            code="notAsAsked",
        )
    if job.kind == "file" and _differs(job.size, item.size) | _differs(
        job.quick_xor_hash, item.quick_xor_hash
    ):
        yield Pause(
            0.0,
            f"{item} has {item.size} bytes and the source had {job.size}, or another hash: either the "
            "source has changed since, or the service has written properties into the copy, as it does "
            "with Office files.",
        )


def _same_id(item: DriveItem, folder_id: str) -> bool:
    parent_id = item.parent_id or ""
    return parent_id == folder_id or (item.is_personal and parent_id.casefold() == folder_id.casefold())


def _differs(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _raise_if_not_done(what: str, status: CopyStatus) -> None:
    if status.state == "failed":
        raise _failure(what, status)
    if status.state in {"timeout", "running"}:
        far = f"at {status.progress}" if status.progress else "not said how far"
        trouble = f" The last look said: {status.message}" if status.message else ""
        raise DriveCopyTimeoutError(
            f"{what} was not done at the deadline ({far}). It may still end: Graph offers no way to cancel "
            f"it.{trouble}"
        )


def _failure(what: str, status: CopyStatus) -> DriveCopyFailedError:
    codes = {status.code, *(str(entry.get("code", "")) for entry in status.details)}
    told = ": ".join(filter(None, [status.code, status.message]))
    if status.details:
        told += f" ({len(status.details)} details, the first: {dict(status.details[0])})"
    if "namealreadyexists" in {code.casefold() for code in codes}:
        kind: type[DriveCopyFailedError] = DriveCopyNameConflictError
        advice = "Choose another name, or another conflict_behavior."
    else:
        kind, advice = (
            DriveCopyFailedError,
            "Part of a folder may be at the destination: Graph rolls nothing back.",
        )
    return kind(f"{what} failed: {told}. {advice}", code=status.code, details=status.details)


def _date(response: Response) -> float | None:
    try:
        return parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
