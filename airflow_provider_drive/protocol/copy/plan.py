"""
What to ask Graph for, so that a copy can be found again and cannot be made twice.

In a folder a name is there once. So a second request for the same name is refused (``fail``) or takes the
first one's place (``replace``). A copy that could not be told from other items arrives under a name that
nobody else can have, and gets its own when it is there.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from airflow_provider_drive.exceptions import DriveArgumentError, DriveNameConflictError
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.compare import compare_items
from airflow_provider_drive.protocol.items.lookup import (
    find_item,
    get_destination,
    get_folder,
    get_item,
    index,
    list_items,
)
from airflow_provider_drive.protocol.items.update import Location
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.content import Match, may_rewrite
from airflow_provider_drive.protocol.wire.copy_job import COPY_BEHAVIORS, Arrival, CopyJob
from airflow_provider_drive.protocol.wire.items import SKIP, child
from airflow_provider_drive.protocol.wire.names import (
    check_name,
    free_name,
    normalize_name,
    same_name,
    temporary_name,
)
from airflow_provider_drive.protocol.wire.validation import check_choice

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.copy_job import CopyBehavior, GraphBehavior
    from airflow_provider_drive.protocol.wire.items import DriveItem


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
        check_choice("conflict_behavior", self.conflict_behavior, COPY_BEHAVIORS)
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

    @property
    def takes_two_steps(self) -> bool:
        """With a name Graph ignores the versions: https://learn.microsoft.com/graph/api/driveitem-copy."""
        return self.include_all_version_history and self.name is not None


class Plan(NamedTuple):
    """
    What to ask for, now that the addresses are ids.

    :param job: The job to submit; one that is ``completed`` needs no request.
    :param into_new_folder: The destination was made just now, and is not known everywhere yet.
    """

    job: CopyJob
    into_new_folder: bool

    @property
    def is_name_picked(self) -> bool:
        """Whether the name was found to be free: if it is taken after all, another one will do."""
        job = self.job
        picks = job.conflict_behavior in {"rename", "replace"}
        return picks and job.arrival.behavior == "fail" and not job.arrival.is_temporary


def plan_copy(order: CopyOrder, wait: Wait, known: DriveItem | None, *, is_durable: bool) -> Flow[Plan]:
    """
    Resolve the addresses, and choose the name under which the copy arrives.

    :param known: The item, if it was read already.
    :param is_durable: A later try can find out what this one has begun.
    """
    item = known
    by_ids = isinstance(order.item, ItemRef) and order.destination is not None
    if item is None and (is_durable or order.conflict_behavior == SKIP or not by_ids):
        item = yield from get_item(order.item)
    if item is not None:
        _check_source(order, item)
    if order.destination is None:
        folder, read, is_new = _parent_of(item), None, False
    else:
        folder, read, is_new = yield from get_destination(order.destination, create=order.create_destination)
    is_personal = read.is_personal if read else folder.is_personal
    if item is None and not order.children_only and (is_personal or order.takes_two_steps):
        item = yield from get_item(order.item)
    job = _new_job(order, item, folder, read, wait)
    _refuse_itself(job, item)
    if item is not None:
        needs_name = is_personal or order.takes_two_steps
        job = yield from _choose_arrival(job, item, order, is_durable=is_durable, needs_name=needs_name)
    if is_new and job.arrival.behavior == "rename":
        job = _arriving(job, job.arrival.name, "fail")  # the folder is empty, so any name is free
    return Plan(job, is_new)


def _new_job(
    order: CopyOrder, item: DriveItem | None, folder: ItemRef, read: DriveItem | None, wait: Wait
) -> CopyJob:
    behavior = cast("CopyBehavior", order.conflict_behavior)
    job = CopyJob(
        monitor_url=None,
        source=item.ref if item else cast("ItemRef", order.item),
        destination=folder,
        name=order.name,
        conflict_behavior=behavior,
        submitted_at=((item and item.read_at) or wait.now()),
        arrival=Arrival(order.name, "fail" if behavior == "skip" else behavior),
        state="submitting",
        children_only=order.children_only,
        destination_url=read.web_url if read else None,
    )
    return job.described(item)


def _choose_arrival(
    job: CopyJob, item: DriveItem, order: CopyOrder, *, is_durable: bool, needs_name: bool
) -> Flow[CopyJob]:
    """Choose the name to ask for, so that a later try knows the copy and no request makes a second one."""
    if order.conflict_behavior == SKIP:
        there = yield from find_same(job, item)
        if there is not None:
            yield Pause(0.0, f"{there} is there already, with the same content: there is nothing to copy")
            return job.changed(state="completed", resource_id=there.ref.item_id, was_there=True)
    if order.children_only:
        renames = is_durable and order.conflict_behavior == "rename"
        return (yield from _keep_names(job)) if renames else job
    can_rename = is_durable and order.is_awaited and not order.include_all_version_history
    if can_rename and (order.conflict_behavior == "rename" or _cannot_be_told(job, item)):
        yield from _refuse_taken(job, item)
        return _arriving(
            job, temporary_name(job.name or "", is_folder=item.is_folder), "fail", is_temporary=True
        )
    picks = is_durable and (
        order.conflict_behavior == "rename" or (order.is_awaited and order.conflict_behavior == "replace")
    )
    return (yield from _pick_name(job, item, order)) if needs_name or picks else job


def _cannot_be_told(job: CopyJob, item: DriveItem) -> bool:
    """Whether a copy of this item cannot be told from another item by its content."""
    return item.is_container or may_rewrite(job.name) or not item.hashes


def _refuse_taken(job: CopyJob, item: DriveItem) -> Flow[None]:
    """Refuse a taken name at once: a copy under a temporary name would meet it only when it has arrived."""
    if job.conflict_behavior in {"rename", SKIP}:
        return
    taken = yield from find_item(child(job.destination, job.name or ""))
    if taken and (job.conflict_behavior == "fail" or taken.is_folder or taken.ref == item.ref):
        raise name_conflict(job, f"{taken} has that name")


def _keep_names(job: CopyJob) -> Flow[CopyJob]:
    """Let all children keep their names, if these are free: the request can be repeated then."""
    taken = yield from _names_in(job.destination)
    names = yield from _names_in(cast("ItemRef", job.source))
    return job if names & taken else _arriving(job, None, "fail")


def _pick_name(job: CopyJob, source: DriveItem, order: CopyOrder) -> Flow[CopyJob]:
    """
    Pick the name under which the copy arrives, and what is to be done about it then.

    With a name, Graph ignores the version history: so the copy is made without, and renamed when it is there.
    OneDrive personal ignores the conflict behavior. And a copy whose name Graph chooses cannot be requested
    twice: so it is chosen here.

    https://learn.microsoft.com/graph/api/driveitem-copy#optional-query-parameters
    """
    name, behavior = job.name or "", job.conflict_behavior
    taken = yield from find_item(child(job.destination, name))
    if taken and (
        taken.ref == job.source or behavior in {"fail", SKIP} or (behavior == "replace" and taken.is_folder)
    ):
        raise name_conflict(job, f"{taken} has that name")
    if order.takes_two_steps:
        is_free = (yield from find_item(child(job.destination, source.name or ""))) is None
        return _arriving(job, source.name, "fail" if is_free else "rename")
    if taken and order.include_all_version_history:
        return job
    if taken and behavior == "replace":
        return _arriving(job, temporary_name(name, is_folder=source.is_folder), "fail", is_temporary=True)
    if taken:
        names = yield from _names_in(job.destination)
        name = free_name(name, lambda other: normalize_name(other) in names, is_folder=source.is_folder)
    return _arriving(job.changed(name=name), name, "fail")


def _arriving(
    job: CopyJob, name: str | None, behavior: GraphBehavior, *, is_temporary: bool = False
) -> CopyJob:
    return job.changed(arrival=Arrival(name, behavior, is_temporary))


def _names_in(folder: ItemRef) -> Flow[set[str]]:
    return {normalize_name(item.name or "") for item in (yield from list_items(folder))}


def find_same(job: CopyJob, source: DriveItem) -> Flow[DriveItem | None]:
    """
    Return what the destination holds under the job's name, if that counts as the copy (``skip``).

    It counts if it has exactly the content; or, where the service rewrites content, if it has nearly the
    size, is no older than the source's last change, and was not touched since it was made.

    :raises DriveNameConflictError: If it has another content.
    """
    if job.children_only:
        return (yield from _find_same_children(job, source))
    taken = yield from find_item(child(job.destination, job.name or ""))
    if taken is None or (yield from counts_as_same(taken, source)):
        return taken
    raise name_conflict(job, f"{taken} has that name, and another content")


def counts_as_same(there: DriveItem, source: DriveItem) -> Flow[bool]:
    """Whether ``skip`` takes an item for the copy."""
    return (yield from compare_items(there, source)) in {Match.SAME, Match.REWRITTEN}


def _find_same_children(job: CopyJob, source: DriveItem) -> Flow[DriveItem | None]:
    there = index((yield from list_items(job.destination)))
    children = index((yield from list_items(source.ref)))
    taken = [(copy, original) for _, original, copy in children.pairs(there) if copy is not None]
    for copy, original in taken:
        if not (yield from counts_as_same(copy, original)):
            raise name_conflict(job, f"{copy} has the name of one, and another content")
    if not taken:
        return None
    if len(taken) < len(children):
        raise name_conflict(
            job, f"{len(taken)} of {len(children)} are there already: copy the others one by one"
        )
    return (yield from get_folder(job.destination))


def name_conflict(job: CopyJob, reason: str, *, retryable: bool = True) -> DriveNameConflictError:
    """Return the error that says that the name is taken."""
    return DriveNameConflictError(
        f"Could not make {job}: {reason}. Choose another name, or another conflict_behavior.",
        status=409,
        code="nameAlreadyExists",
        retryable=retryable,
    )


def _check_source(order: CopyOrder, item: DriveItem) -> None:
    if item.is_root:
        order.check_root()
    if order.children_only and item.kind == "file":
        raise DriveArgumentError(f"children_only is given, but {order.item} is a file.")


def _refuse_itself(job: CopyJob, item: DriveItem | None) -> None:
    """Refuse to copy an item over itself: Graph was seen to accept that, and to do nothing."""
    if item is None or job.children_only or job.conflict_behavior == "rename":
        return
    is_its_name = job.name is None or same_name(job.name, item.name or "")
    if Location(job.destination, None).holds(item) and is_its_name:
        raise DriveNameConflictError(
            f"Could not make {job}: the item itself has that name there. Give another name, or "
            "conflict_behavior='rename'.",
            status=409,
            code="nameAlreadyExists",
            retryable=False,
        )


def _parent_of(item: DriveItem | None) -> ItemRef:
    if item is None or item.folder is None:
        raise DriveArgumentError("There is no folder to copy beside: give a destination.")
    return item.folder
