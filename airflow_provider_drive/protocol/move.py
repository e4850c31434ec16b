"""
The flow that moves an item: within its drive by one PATCH, to another drive by copy, proof and delete.

https://learn.microsoft.com/graph/api/driveitem-move
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveRequestError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.proof import kept, not_whole, prove
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import poll_job, verify_copy
from airflow_provider_drive.protocol.flow import Checkpoint, Pause, Restore
from airflow_provider_drive.protocol.items.compare import compare_items, fingerprint, list_tree
from airflow_provider_drive.protocol.items.deletion import delete_unchanged
from airflow_provider_drive.protocol.items.lookup import (
    find_item,
    get_destination,
    get_item,
)
from airflow_provider_drive.protocol.items.update import Location, find_displaced, update_item
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT, Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef, is_id, same_drive
from airflow_provider_drive.protocol.wire.content import Match
from airflow_provider_drive.protocol.wire.items import CONFLICT_BEHAVIORS, check_tag, child, read_item
from airflow_provider_drive.protocol.wire.names import check_name
from airflow_provider_drive.protocol.wire.validation import check_choice

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow, Saved
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.items import DriveItem

CROSS_DRIVE = ("fail", "copy")
_RETRY_DELETES = "A retry only deletes the original: it makes no second copy."
_RETRY_CONFLICTS = "A retry would find the name taken by the copy: delete the original yourself."
_REMEMBERED = (
    *("id", "name", "size", "eTag", "@odata.etag", "cTag", "createdDateTime", "lastModifiedDateTime"),
    *("file", "folder", "package", "parentReference", "webUrl"),
)


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """
    What is to be moved, where to and how.

    :param destination: The folder; None for the one that the item is in.
    :param name: The new name; None for the one that it has.
    :param if_match: The eTag or cTag that it has to have; None for the one that it has when it is read.
    :param cross_drive: What to do if the destination is in another drive: ``fail`` or ``copy``.
    :param verify: Compare a copy with its source. It has to be true where the original is deleted.
    """

    item: Address
    destination: Address | None = None
    name: str | None = None
    if_match: str | None = None
    conflict_behavior: str = "fail"
    create_destination: bool = False
    cross_drive: str = "fail"
    verify: bool = True

    def check(self) -> None:
        """
        Refuse what makes no sense, before anything is sent.

        :raises DriveArgumentError: If these parameters do not go together.
        """
        check_choice("conflict_behavior", self.conflict_behavior, CONFLICT_BEHAVIORS)
        check_choice("cross_drive", self.cross_drive, CROSS_DRIVE)
        if self.cross_drive == "copy" and not self.verify:
            raise DriveArgumentError(
                'verify=False is not possible with cross_drive="copy": an original is deleted only if its '
                "copy was verified."
            )
        if self.name is not None:
            check_name(self.name)
        if self.if_match is not None:
            check_tag(self.if_match)
        if self.destination is None and (self.name is None or self.create_destination):
            raise DriveArgumentError("There is nowhere to move to: give a destination, a name or both.")
        if self.item.is_root:
            raise DriveArgumentError(f"{self.item} is a root folder, which cannot be moved.")


@dataclass(frozen=True, slots=True)
class Move:
    """
    A move that has begun, with all that is needed to go on with it.

    :param item: The item as it was before.
    :param folder: Where it is to go; None for where it is.
    :param is_proven: Its copy in another drive was verified: what is left is to delete the original.
    :param tree: Fingerprint of what was below the item before its copy to another drive was requested.
    """

    item: DriveItem
    folder: ItemRef | None
    is_proven: bool = False
    tree: str = ""

    @property
    def source(self) -> ItemRef:
        """The item."""
        return self.item.ref

    @property
    def source_url(self) -> str | None:
        """Where a browser showed the item."""
        return self.item.web_url

    @property
    def destination_url(self) -> None:
        """Nothing: of the folder only the ids are kept."""

    def as_dict(self) -> dict[str, Any]:
        """Return the move as JSON."""
        return {
            "drive_id": self.item.ref.drive_id,
            "item": {key: value for key, value in self.item.raw.items() if key in _REMEMBERED},
            "folder": self.folder and self.folder.as_dict(),
            "is_proven": self.is_proven,
            "tree": self.tree,
        }


def read_move(value: Any) -> Move:
    """
    Read a move that an earlier try has begun.

    :raises DriveArgumentError: If it is none.
    """
    try:
        item = read_item(value["item"], value["drive_id"])
        folder = value["folder"] and ItemRef(value["folder"]["driveId"], value["folder"]["id"])
        if folder is None or (is_id(folder.drive_id) and is_id(folder.item_id)):
            return Move(item, folder, value["is_proven"] is True, str(value.get("tree", "")))
    except (DriveResponseError, AttributeError, LookupError, TypeError):
        pass
    raise DriveArgumentError("What an earlier try has left of this move cannot be read. Clear the task.")


def move_item(order: MoveOrder, wait: Wait | None = None) -> Flow[DriveItem]:
    """
    Move an item, and return it. One that is already there is left alone.

    :param wait: For a copy to another drive. Default is a day.
    :raises DriveItemChangedError: If it is not the item that ``if_match`` means; nothing was changed then.
    :raises DriveNameConflictError: If the name is taken.
    :raises DriveArgumentError: If the destination is in another drive, and ``cross_drive`` is ``fail``.
    """
    order.check()
    wait = wait or Wait().at_most(COPY_TIMEOUT)
    saved: Saved = yield Restore("move")
    copy: Saved = yield Restore("copy")
    begun: Move | None = saved.state
    if begun is not None and copy.state is not None:
        return (yield from _move_across(order, begun, wait))
    if begun is None:
        item = yield from get_item(order.item, follow=False)
    else:
        item = yield from _find_again(order, begun)
        if _is_there(order, begun, item):
            return (yield from _move_within(order, item, Location(None, None), begun.item, wait))
    folder = yield from _destination(order, item)
    across = folder is not None and not same_drive(folder.drive_id, item.ref.drive_id)
    before = begun.item if begun and not across else item
    tree = fingerprint((yield from list_tree(item.ref))) if across and item.is_container else ""
    move = Move(before, folder, tree=tree)
    yield Checkpoint("move", move)
    if across:
        return (yield from _move_across(order, move, wait))
    return (yield from _move_within(order, item, Location(folder, order.name), before, wait))


def _move_within(
    order: MoveOrder, item: DriveItem, place: Location, before: DriveItem, wait: Wait
) -> Flow[DriveItem]:
    """Move an item within its drive; one that is there already may have a file left that it has replaced."""
    return (
        yield from update_item(
            item,
            place,
            if_match=order.if_match,
            conflict_behavior=order.conflict_behavior,
            before=before,
            wait=wait,
        )
    )


def _find_again(order: MoveOrder, move: Move) -> Flow[DriveItem]:
    """Read the item of an earlier try. A move that Graph makes after its answer may give it a new id."""
    try:
        return (yield from get_item(move.item.ref, follow=False))
    except DriveItemNotFoundError as error:
        if order.conflict_behavior == "rename":
            raise  # what has the name may be another's
        folder, name = Location(move.folder, None).folder_of(move.item), order.name or move.item.name or ""
        there = yield from find_item(child(folder, name))
        if there is not None and (yield from compare_items(there, move.item)) is Match.SAME:
            return there
        displaced = yield from find_displaced(move.item)
        if there is not None:
            error.add(f"At its destination is {there}: it may be the item, with a new id.")
        if displaced is not None:
            error.add(f"An earlier try has renamed the file that had the name {name!r}: it is {displaced}.")
        raise


def _is_there(order: MoveOrder, move: Move, item: DriveItem) -> bool:
    """
    Whether an earlier try has moved the item.

    :raises DriveItemChangedError: If somebody else has, to another place.
    """
    place = Location(move.folder, order.name)
    if place.was_reached(move.item, item, order.conflict_behavior):
        return True
    if item.parent_id not in {move.item.parent_id, move.folder and move.folder.item_id}:
        raise DriveItemChangedError(
            f"Could not move {move.item}: it is {item} now, where an earlier try has "
            "neither found nor put it. It was left there. Clear the task to move it from there.",
            status=412,
            code="resourceModified",
            retryable=False,
        )
    return False


def _destination(order: MoveOrder, item: DriveItem) -> Flow[ItemRef | None]:
    """Find out where an item is to be moved, and refuse what cannot be."""
    if item.is_root:
        raise DriveArgumentError(f"{order.item} is a root folder, which cannot be moved.")
    if order.destination is None:
        return None
    folder, _, _ = yield from get_destination(order.destination, create=order.create_destination)
    if same_drive(folder.drive_id, item.ref.drive_id):
        return folder
    if order.cross_drive == "fail":
        raise DriveArgumentError(
            f"{order.item} and {order.destination} are in different drives, between which Graph does not "
            "move. cross_drive='copy' copies, checks the copy and then deletes the original: its ids, "
            "permissions, versions and metadata are lost with that."
        )
    if item.remote is not None:
        raise DriveArgumentError(
            f"{item} is a shortcut to an item of another drive: a copy of it would be a copy of that item."
        )
    if order.if_match not in {None, "*", item.etag, item.ctag}:
        raise DriveItemChangedError(
            f"Could not move {item}: its eTag is not the one that if_match means. Nothing was done.",
            status=412,
            code="resourceModified",
            retryable=False,
        )
    return folder


def _move_across(order: MoveOrder, move: Move, wait: Wait) -> Flow[DriveItem]:
    """Copy, wait, verify, and only then delete the source, if it has not changed."""
    item = move.item
    saved: Saved = yield Restore("copy")
    copy = CopyOrder(item.ref, move.folder, order.name, order.conflict_behavior, is_awaited=True)
    job = yield from copy_item(copy, wait, known=item)
    status = yield from poll_job(job, wait, fresh=saved.state is None)
    is_counted_below = status.state == "completed"
    made = yield from verify_copy(job, status, wait, verify=not is_counted_below)
    if move.is_proven and (yield from find_item(item.ref)) is None:
        return made  # an earlier try has deleted the original
    yield from _prove(item, made, move, wait)
    yield Checkpoint("move", replace(move, is_proven=True))
    try:
        is_deleted = yield from delete_unchanged(
            item, order.if_match, lambda: _prove_again(item, made, move, wait)
        )
    except DriveItemChangedError as error:
        raise kept(item, made, str(error)) from None
    except DriveRequestError as error:
        error.add(f"The copy is complete: {made}. The original was kept: {item}.")
        error.add(_RETRY_DELETES if saved.is_durable else _RETRY_CONFLICTS)
        raise
    if not is_deleted:
        yield Pause(0.0, f"{item} was gone already when it was to be deleted; its copy is {made}")
    return made


def _prove_again(item: DriveItem, copy: DriveItem, move: Move, wait: Wait) -> Flow[None]:
    """Prove it once more before the source is deleted, unless the source is gone."""
    if (yield from find_item(item.ref)) is not None:
        yield from _prove(item, copy, move, wait)


def _prove(item: DriveItem, copy: DriveItem, move: Move, wait: Wait) -> Flow[None]:
    """Prove that a copy is whole, or raise and keep the source."""
    try:
        yield from prove(item, copy, wait, tree=move.tree)
    except DriveItemNotFoundError as error:
        raise not_whole(item, copy, f"one of them is gone: {error}") from None
