"""
The flow that moves an item: within its drive by one PATCH, to another drive by copy, proof and delete.

https://learn.microsoft.com/graph/api/driveitem-move
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveArgumentError, DriveCopyFailedError, DriveItemChangedError
from airflow_provider_drive.protocol.addresses import check_name, same_drive
from airflow_provider_drive.protocol.copying import READ_BACK_SECONDS, CopyOrder, copy_item, wait_for_copy
from airflow_provider_drive.protocol.defaults import COPY_TIMEOUT, POLL_INTERVAL
from airflow_provider_drive.protocol.finding import get_destination, get_item, measure
from airflow_provider_drive.protocol.items import check_conflict_behavior, check_tag
from airflow_provider_drive.protocol.messages import Pause
from airflow_provider_drive.protocol.retries import backoff
from airflow_provider_drive.protocol.updating import Place, delete_unchanged, update_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.addresses import Address, ItemRef
    from airflow_provider_drive.protocol.hosts import Hosts
    from airflow_provider_drive.protocol.items import DriveItem
    from airflow_provider_drive.protocol.messages import Flow

CROSS_DRIVE = ("fail", "copy")


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """
    What is to be moved, where to and how.

    :param destination: The folder; None for the one that the item is in.
    :param name: The new name; None for the one that it has.
    :param if_match: The eTag or cTag that it has to have; None for the one that it has when it is read.
    :param cross_drive: What to do if the destination is in another drive: ``fail`` or ``copy``.
    """

    item: Address
    destination: Address | None = None
    name: str | None = None
    if_match: str | None = None
    conflict_behavior: str = "fail"
    create_destination: bool = False
    cross_drive: str = "fail"

    def check(self) -> None:
        """
        Refuse what makes no sense, before anything is sent.

        :raises DriveArgumentError: If these parameters do not go together.
        """
        check_conflict_behavior(self.conflict_behavior)
        if self.cross_drive not in CROSS_DRIVE:
            raise DriveArgumentError(
                f"cross_drive is {self.cross_drive!r}; it has to be one of {', '.join(CROSS_DRIVE)}."
            )
        if self.name is not None:
            check_name(self.name)
        if self.if_match is not None:
            check_tag(self.if_match)
        if self.destination is None and (self.name is None or self.create_destination):
            raise DriveArgumentError("There is nowhere to move to: give a destination, a name or both.")
        if self.item.is_root:
            raise DriveArgumentError(f"{self.item} is a root folder, which cannot be moved.")


def move_item(order: MoveOrder, hosts: Hosts, clock: Callable[[], float] = time.time) -> Flow[DriveItem]:
    """
    Move an item, and return it. One that is already there is left alone.

    :raises DriveItemChangedError: If it is not the item that ``if_match`` means; nothing was changed then.
    :raises DriveNameConflictError: If the name is taken.
    :raises DriveArgumentError: If the destination is in another drive, and ``cross_drive`` is ``fail``.
    """
    order.check()
    item = yield from get_item(order.item, hosts)
    if item.is_root:
        raise DriveArgumentError(f"{order.item} is a root folder, which cannot be moved.")
    folder = None
    if order.destination is not None:
        folder, _, _ = yield from get_destination(order.destination, hosts, create=order.create_destination)
    if folder is None or same_drive(folder.drive_id, item.ref.drive_id):
        place = Place(folder, order.name)
        behavior = order.conflict_behavior
        return (
            yield from update_item(
                item, place, hosts, if_match=order.if_match, conflict_behavior=behavior, clock=clock
            )
        )
    if order.cross_drive == "fail":
        raise DriveArgumentError(
            f"{order.item} and {order.destination} are in different drives, between which Graph does not "
            "move. cross_drive='copy' copies, checks the copy and then deletes the original: its ids, "
            "permissions, versions and metadata are lost with that."
        )
    return (yield from _move_across(order, item, folder, hosts, clock))


def _move_across(
    order: MoveOrder, item: DriveItem, folder: ItemRef, hosts: Hosts, clock: Callable[[], float]
) -> Flow[DriveItem]:
    """Copy, wait, show that the copy is whole, and only then delete the source, if it has not changed."""
    if order.if_match not in {None, "*", item.etag, item.ctag}:
        raise DriveItemChangedError(
            f"Could not move {item}: its eTag is not the one that if_match means. Nothing was done.",
            status=412,
            code="resourceModified",
            final=True,
        )
    deadline = clock() + COPY_TIMEOUT
    copying = CopyOrder(item.ref, folder, order.name, order.conflict_behavior)
    job = yield from copy_item(copying, hosts, known=item, deadline=deadline, clock=clock)
    copy = yield from wait_for_copy(
        job, hosts, deadline=deadline, poll_interval=POLL_INTERVAL, fresh=True, clock=clock
    )
    yield from _prove(item, copy, hosts, clock)
    try:
        yield from delete_unchanged(item, hosts, order.if_match)
    except DriveItemChangedError as error:
        error.args = (f"{error} The copy was made ({copy}), and the original was kept.",)
        error.final = True  # a retry would copy again
        raise
    return copy


def _prove(item: DriveItem, copy: DriveItem, hosts: Hosts, clock: Callable[[], float]) -> Flow[None]:
    """
    Show that a copy is whole, or raise and keep the source.

    What the service rewrites by itself (Office files, photos) is counted, but its bytes are not compared.
    """
    until, attempt = clock() + READ_BACK_SECONDS, 0
    while not (yield from _is_whole(item, copy, hosts)):
        if clock() >= until:
            raise DriveCopyFailedError(
                f"The copy of {item} is not the same as the original: {copy}. The original was kept.",
                code="notWhole",
            )
        yield Pause(backoff(attempt, longest=10.0), f"{copy} is not whole yet")
        attempt += 1
        copy = yield from get_item(copy.ref, hosts)


def _is_whole(item: DriveItem, copy: DriveItem, hosts: Hosts) -> Flow[bool]:
    if item.kind != copy.kind:
        return False
    if item.is_folder:
        return (yield from measure(item.ref, hosts)) == (yield from measure(copy.ref, hosts))
    if item.may_be_rewritten and copy.drive_type != "personal":
        return True
    return not any(
        one is not None and other is not None and one != other
        for one, other in zip(item.content, copy.content, strict=True)
    )
