"""
Flows that change an item where it is: give it another folder of its drive, or another name, or delete it.

https://learn.microsoft.com/graph/api/driveitem-move
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import (
    DriveConnectionError,
    DriveError,
    DriveItemChangedError,
    DriveNameConflictError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.lookup import find_item, get_item, list_children
from airflow_provider_drive.protocol.monitor import poll_monitor
from airflow_provider_drive.protocol.retry import backoff, send_with_retries
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef, same_drive
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import (
    child,
    delete_request,
    free_name,
    is_renamed,
    move_request,
    read_item,
)

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow, Request, Response
    from airflow_provider_drive.protocol.wire.items import DriveItem

MAX_ETAG_RETRIES = 3
"""How often an eTag that moved by itself is read again."""
MAX_LOST_ANSWERS = 3
"""How often a move whose answer was lost is sent again, if it had no effect."""
MAX_NAMES = 5
"""How many free names are tried, if others take them at the same time."""


@dataclass(frozen=True, slots=True)
class Location:
    """
    Where an item is to be.

    :param folder: None for the folder that it is in.
    :param name: None for the name that it has.
    """

    folder: ItemRef | None
    name: str | None

    def holds(self, item: DriveItem) -> bool:
        """Whether the item is there."""
        return self._is_parent(item) and self.name in {None, item.name}

    def was_reached(self, before: DriveItem, item: DriveItem, conflict_behavior: str) -> bool:
        """Whether an item has come here from where it was before, be it under a name that was free."""
        moved = (item.parent_id, item.name) != (before.parent_id, before.name)
        wanted = self.name or before.name or ""
        renamed = conflict_behavior == "rename" and is_renamed(item.name or "", wanted)
        return self.holds(item) or (moved and renamed and self._is_parent(item))

    def _is_parent(self, item: DriveItem) -> bool:
        if self.folder is None:
            return True
        return same_drive(item.ref.drive_id, self.folder.drive_id) and item.parent_id == self.folder.item_id

    def folder_of(self, item: DriveItem) -> ItemRef:
        """Return the folder that the item ends in."""
        return self.folder or ItemRef(item.ref.drive_id, item.parent_id or "root")


def update_item(
    item: DriveItem,
    place: Location,
    *,
    if_match: str | None = None,
    conflict_behavior: str = "fail",
    before: DriveItem | None = None,
    wait: Wait | None = None,
) -> Flow[DriveItem]:
    """
    Move an item within its drive, or rename it, or both. An item that is there already is left alone.

    :param item: The item as it was read; without ``if_match``, its eTag guards the change.
    :param if_match: The eTag or cTag that the item has to have; ``*`` for any.
    :param before: The item as an earlier try has read it, if there was one.
    :raises DriveItemChangedError: If it has another; nothing was changed then.
    :raises DriveNameConflictError: If the name is taken.
    """
    before, asked, wait = before or item, place, wait or Wait()
    drifts = losses = names = 0
    while not place.holds(item):
        guard = if_match or item.etag or item.ctag or "*"
        request = move_request(
            item.ref,
            parent=place.folder,
            name=place.name,
            if_match=guard,
            conflict_behavior=conflict_behavior,
        )
        outcome = yield from _patch(request, place, item, conflict_behavior=conflict_behavior, wait=wait)
        if not isinstance(outcome, DriveError):
            return outcome
        seen = yield from get_item(item.ref)
        if asked.was_reached(before, seen, conflict_behavior):
            return seen  # what was lost was the answer, not the move
        if isinstance(outcome, DriveItemChangedError):
            drifts += 1
            if if_match is not None or drifts > MAX_ETAG_RETRIES or not _is_same(item, seen):
                outcome.retryable = if_match is None
                raise _told(outcome, asked, before, seen)
        elif (
            isinstance(outcome, DriveNameConflictError) and conflict_behavior != "fail" and names < MAX_NAMES
        ):
            names += 1
            place = yield from _make_way(item, asked, conflict_behavior, outcome)
        elif _may_be_lost(outcome) and losses < MAX_LOST_ANSWERS:
            losses += 1
            yield Pause(
                backoff(losses - 1), "the answer to the move was lost, and it had no effect: sent again"
            )
        else:
            raise _told(outcome, asked, before, seen)
        item = seen
    return item


def delete_item(item: ItemRef, if_match: str | None = None) -> Flow[None]:
    """
    Delete an item: to the recycle bin. One that is gone already counts as deleted.

    https://learn.microsoft.com/graph/api/driveitem-delete
    """
    request = delete_request(item, if_match)

    def read(response: Response) -> None:
        if not response.ok and response.status != 404:
            raise error_from_response(response, request.action)
        if response.ok and response.body.strip():  # a proxy's page, say
            raise DriveResponseError(f"Could not {request.action}: the answer is not that of a deletion.")

    yield from send_with_retries(request, read)


def delete_unchanged(item: DriveItem, if_match: str | None = None) -> Flow[None]:
    """
    Delete an item if it is still as it was read. An eTag that moved by itself is read again.

    :raises DriveItemChangedError: If it is not. It is kept then.
    """
    for drift in range(MAX_ETAG_RETRIES + 1):
        try:
            return (yield from delete_item(item.ref, if_match or item.etag or item.ctag))
        except DriveItemChangedError:
            seen = yield from find_item(item.ref)
            if seen is None:
                return None
            if if_match is not None or drift == MAX_ETAG_RETRIES or not _is_same(item, seen):
                raise
            item = seen
    return None


def _patch(
    request: Request,
    place: Location,
    item: DriveItem,
    *,
    conflict_behavior: str,
    wait: Wait,
) -> Flow[DriveItem | DriveError]:
    """Send the change; return the moved item, or what went wrong."""
    try:
        response = yield from send_with_retries(request, lambda response: response)
    except DriveConnectionError as error:
        if not error.sent:
            raise
        return error
    if response.status == 202:
        return (yield from _wait(response, place, item, conflict_behavior=conflict_behavior, wait=wait))
    if not response.ok:
        return error_from_response(response, request.action)
    try:
        moved = read_item(response.mapping(), item.ref.drive_id)
    except DriveResponseError:
        moved = None
    if moved is None or not place.holds(moved):  # an answer may leave out what did not change
        moved = yield from get_item(item.ref)
    return moved if place.holds(moved) else DriveResponseError(_where(request.action, moved))


def _wait(
    response: Response,
    place: Location,
    item: DriveItem,
    *,
    conflict_behavior: str,
    wait: Wait,
) -> Flow[DriveItem | DriveError]:
    """Wait for a move that Graph makes after its answer, which may give the item a new id."""
    wait = wait.at_most(wait.timings.move)
    ref, location = item.ref, response.headers.get("location")
    if location:
        status = yield from poll_monitor(location, wait, fresh=True)
        if status.state == "failed":
            told = f"Graph could not move {item}: {status.code}: {status.message}"
            if status.is_name_conflict:
                return DriveNameConflictError(told, status=409, code=status.code)
            return DriveResponseError(told)
        ref = ItemRef(item.ref.drive_id, status.resource_id or item.ref.item_id)
    for attempt in range(10):
        moved = yield from find_item(ref)
        if moved and place.was_reached(item, moved, conflict_behavior):
            return moved
        yield Pause(backoff(attempt, longest=15.0), f"waiting for {item} to arrive")
    return DriveResponseError(_where(f"move {item}", moved))


def _make_way(
    item: DriveItem, place: Location, conflict_behavior: str, conflict: DriveError
) -> Flow[Location]:
    """Do by steps what this drive does not do by itself: find a free name, or remove the file that has it."""
    folder, name = place.folder_of(item), place.name or item.name or ""
    if conflict_behavior == "rename":
        taken = {str(entry.get("name", "")).casefold() for entry in (yield from list_children(folder))}
        free = free_name(name, lambda other: other.casefold() in taken, is_folder=item.is_folder)
        return Location(place.folder, free)
    other = yield from find_item(child(folder, name))
    if other and other.ref != item.ref:
        if other.is_folder:
            raise conflict  # only files are replaced
        yield from delete_unchanged(other)
    return place


def _may_be_lost(failure: DriveError) -> bool:
    """Whether nobody knows if the change was made, but for looking."""
    return isinstance(failure, (DriveConnectionError, DriveServiceError, DriveThrottledError))


def _is_same(one: DriveItem, other: DriveItem) -> bool:
    """Whether an item is what it was, though its eTag moved: with photos and Office files it does so."""
    return (one.parent_id, one.name, one.ctag) == (other.parent_id, other.name, other.ctag)


def _told(error: DriveError, place: Location, before: DriveItem, after: DriveItem) -> DriveError:
    """Say so if part of the change was made: a PATCH is not atomic."""
    renamed = after.name == place.name != before.name
    moved = place.folder is not None and after.parent_id == place.folder.item_id != before.parent_id
    if renamed or moved:
        error.args = (
            f"{error} Part of it was done: the item is {after.name!r} in the folder {after.parent_id} now.",
        )
    return error


def _where(action: str, item: DriveItem | None) -> str:
    if item is None:
        return f"Graph says that it did {action}, but the item is not to be seen."
    return f"Graph says that it did {action}, but the item is {item.name!r} in the folder {item.parent_id}."
