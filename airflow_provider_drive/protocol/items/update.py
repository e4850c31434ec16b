"""
Flows that change an item where it is: give it another folder of its drive, or another name.

https://learn.microsoft.com/graph/api/driveitem-move
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import (
    DriveConnectionError,
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveLockedError,
    DriveNameConflictError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.flow import Checkpoint, Pause, Restore
from airflow_provider_drive.protocol.items.deletion import MAX_ETAG_RETRIES, delete_unchanged, is_unchanged
from airflow_provider_drive.protocol.items.lookup import find_item, get_item, list_children
from airflow_provider_drive.protocol.monitor import poll_monitor
from airflow_provider_drive.protocol.retry import backoff, send_with_retries
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef, same_drive
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import child, move_request, read_item
from airflow_provider_drive.protocol.wire.names import free_name, is_renamed, normalize_name, temporary_name

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow, Response, Saved
    from airflow_provider_drive.protocol.wire.items import DriveItem

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
        return self.folder or item.folder or ItemRef(item.ref.drive_id, "root")


def update_item(
    item: DriveItem,
    place: Location,
    *,
    if_match: str | None = None,
    conflict_behavior: str = "fail",
    before: DriveItem | None = None,
    wait: Wait | None = None,
    displaced_name: str | None = None,
    displaced: DriveItem | None = None,
    is_new: bool = False,
) -> Flow[DriveItem]:
    """
    Move an item within its drive, or rename it, or both. An item that is there already is left alone.

    With ``replace`` the file that has the name is renamed first, and deleted when the item has its name; if
    that fails, it gets its name back. So nothing is deleted before the item is there.

    :param item: The item as it was read; without ``if_match``, its eTag guards the change.
    :param if_match: The eTag or cTag that the item has to have; ``*`` for any.
    :param before: The item as an earlier try has read it, if there was one.
    :param displaced_name: The name of a replaced file until it is deleted. Default is stored by a checkpoint.
    :param displaced: The file that an earlier try has given that name.
    :param is_new: It is a copy that has just arrived: it may be locked for a moment.
    :raises DriveItemChangedError: If it has another; nothing was changed then.
    :raises DriveNameConflictError: If the name is taken.
    """
    update = _Update(item, place, if_match, conflict_behavior, before=before or item, wait=wait or Wait())
    update.may_be_locked = is_new
    if conflict_behavior != "replace":
        return (yield from update.run())
    if displaced_name is None:
        yield from update.restore()
    else:
        update.temporary_name, update.other, update.is_stored = displaced_name, displaced, False
    try:
        updated = yield from update.run()
    except DriveError as error:
        yield from update.put_back(error)
        raise
    yield from update.delete_displaced()
    return updated


def find_displaced(item: DriveItem) -> Flow[DriveItem | None]:
    """Return the file that an earlier try has renamed to make way for an item, if it still has that name."""
    saved: Saved = yield Restore(_checkpoint_of(item))
    if saved.state is None:
        return None
    other = yield from find_item(ItemRef(saved.state["driveId"], saved.state["id"]))
    return other if other and other.name == saved.state["name"] else None


def _checkpoint_of(item: DriveItem) -> str:
    return f"displaced by {item.ref.item_id}"


class _Update:
    """
    One change of an item.

    :ivar other: The file that had the name, and was renamed to make way.
    :ivar temporary_name: The name that it was given, which no other item can have.
    :ivar older: Files that had the name before that one, and made way as well.
    :ivar displaced: The checkpoint that says so, if it ``is_stored``; ``is_durable`` if a later try finds it.
    """

    def __init__(
        self,
        item: DriveItem,
        place: Location,
        if_match: str | None,
        conflict_behavior: str,
        *,
        before: DriveItem,
        wait: Wait,
    ) -> None:
        self.item, self.place, self.asked = item, place, place
        self.if_match, self.conflict_behavior = if_match, conflict_behavior
        self.before, self.wait, self.is_durable = before, wait, False
        self.other: DriveItem | None = None
        self.older: list[DriveItem] = []
        self.is_stored, self.may_be_locked = True, False
        self.waited_for_lock = 0.0
        self.tries: Counter[str] = Counter()
        self.temporary_name = temporary_name(place.name or before.name or "")
        self.displaced = _checkpoint_of(before)

    def restore(self) -> Flow[None]:
        """Find the file that an earlier try has renamed: by its id, and the name that it was given."""
        saved: Saved = yield Restore(self.displaced)
        self.is_durable = saved.is_durable
        self.other = yield from find_displaced(self.before)
        if self.other is not None:
            self.temporary_name = self.other.name or self.temporary_name

    def run(self) -> Flow[DriveItem]:
        """Send the change until the item is where it is to be, or it is known that it cannot be."""
        while not self.place.holds(self.item):
            outcome = yield from self._patch()
            if not isinstance(outcome, DriveError):
                return outcome
            seen = yield from get_item(self.item.ref, follow=False)
            if self.asked.was_reached(self.before, seen, self.conflict_behavior):
                return seen  # what was lost was the answer, not the move
            yield from self._recover(outcome, seen)
            self.item = seen
        return self.item

    def _recover(self, error: DriveError, seen: DriveItem) -> Flow[None]:
        """Prepare another try after an error, or raise it."""
        if isinstance(error, DriveItemChangedError):
            may_go_on = self.if_match is None and is_unchanged(self.item, seen)
            if not may_go_on or self._count("changed") > MAX_ETAG_RETRIES:
                error.retryable = self.if_match is None
                raise _with_part_done(error, self.asked, self.before, seen)
        elif isinstance(error, DriveNameConflictError) and self.conflict_behavior != "fail":
            if self._count("conflict") > MAX_NAMES:
                raise _with_part_done(error, self.asked, self.before, seen)
            yield from self._make_way(error)
        elif isinstance(error, DriveLockedError) and self._may_wait_for_lock():
            seconds = backoff(self._count("locked") - 1, longest=10.0)
            self.waited_for_lock += seconds
            yield Pause(seconds, f"{seen} is locked: waiting for at most {self.wait.timings.locked:.0f} s")
        elif _may_be_lost(error) and self._count("lost") <= MAX_LOST_ANSWERS:
            seconds = backoff(self.tries["lost"] - 1)
            yield Pause(seconds, "the answer to the move was lost, and it had no effect: it is sent again")
        else:
            raise _with_part_done(error, self.asked, self.before, seen)

    def _may_wait_for_lock(self) -> bool:
        return self.may_be_locked and self.waited_for_lock < self.wait.timings.locked

    def _count(self, what: str) -> int:
        self.tries[what] += 1
        return self.tries[what]

    def _make_way(self, conflict: DriveError) -> Flow[None]:
        """Do what this drive does not do by itself: find a free name, or rename the file that has it."""
        folder, name = self.asked.folder_of(self.item), self.asked.name or self.item.name or ""
        if self.conflict_behavior == "rename":
            taken = {
                normalize_name(str(entry.get("name", ""))) for entry in (yield from list_children(folder))
            }
            free = free_name(
                name, lambda other: normalize_name(other) in taken, is_folder=self.item.is_folder
            )
            self.place = Location(self.asked.folder, free)
            return
        other = yield from find_item(child(folder, name))
        if other is None or other.ref == self.item.ref:
            return
        if other.is_container:
            raise conflict  # only files are replaced
        if self.other is not None and self.other.ref != other.ref:  # another task has taken the name since
            self.older, self.temporary_name = [*self.older, self.other], temporary_name(name)
        self.other = other
        yield from self._save_displaced({**other.ref.as_dict(), "name": self.temporary_name})
        try:
            self.other = yield from update_item(other, Location(None, self.temporary_name), wait=self.wait)
        except (DriveItemChangedError, DriveItemNotFoundError):  # another task has moved it meanwhile
            self.other = None

    def _save_displaced(self, state: dict[str, str] | None) -> Flow[None]:
        """Store which file is renamed to make way, unless its name tells."""
        if self.is_stored:
            yield Checkpoint(self.displaced, state)

    def put_back(self, error: DriveError) -> Flow[None]:
        """Give the file that was renamed its name back; if that fails, say so in the error."""
        if self.other is None:
            return
        name = self.asked.name or self.before.name
        if self.older:  # their name belongs to the file that came after them
            left = ", ".join(map(str, self.older))
            error.add(f"Files that had the name {name!r} before made way, and are left: {left}.")
        try:
            other = yield from find_item(self.other.ref)
            if other and other.name == self.temporary_name:
                yield from update_item(other, Location(None, name), wait=self.wait)
        except DriveError as fault:
            where = f"look for {self.temporary_name!r} ({self.other.ref.full}). {fault}"
            error.add(f"The file that had the name {name!r} made way, and did not get it back: {where}")
            return
        yield from self._save_displaced(None)

    def delete_displaced(self) -> Flow[None]:
        """Delete the file that was replaced, if it is still as it was. A later try can do it, too."""
        others = [other for other in (*self.older, self.other) if other is not None]
        for other in others:
            try:
                yield from delete_unchanged(other)
            except DriveError as error:
                if self.is_durable and not isinstance(error, DriveItemChangedError):
                    error.add(f"The file that was replaced is {other} now.")
                    raise
                yield Pause(0.0, f"The file that was replaced stays behind as {other}: {error}")
                return
        if others:
            yield from self._save_displaced(None)

    def _patch(self) -> Flow[DriveItem | DriveError]:
        """Send the change once; return the item as it is then, or what went wrong."""
        item, place = self.item, self.place
        request = move_request(
            item.ref,
            parent=place.folder,
            name=place.name,
            if_match=self.if_match or item.etag or item.ctag or "*",
            conflict_behavior=self.conflict_behavior,
        )
        try:
            response = yield from send_with_retries(request, lambda response: response)
        except DriveConnectionError as error:
            if not error.sent:
                raise
            return error
        except DriveResponseError as error:  # its answer cannot be read
            return DriveConnectionError(str(error), sent=True)
        if response.status == 202:
            return (yield from self._await_move(response))
        if not response.ok:
            return error_from_response(response, request.action, request.trace)
        try:
            moved = read_item(response.mapping(), item.ref.drive_id)
        except DriveResponseError:
            moved = None
        if moved is None or not moved.kind or not place.holds(moved):  # it may leave out what did not change
            moved = yield from get_item(item.ref, follow=False)
        return moved if place.holds(moved) else DriveResponseError(_describe_place(request.action, moved))

    def _await_move(self, response: Response) -> Flow[DriveItem | DriveError]:
        """Wait for a move that Graph makes after its answer, which may give the item a new id."""
        item, wait = self.item, self.wait.at_most(self.wait.timings.move)
        ref, location = item.ref, response.headers.get("location")
        if location:
            status = yield from poll_monitor(location, wait, fresh=True)
            if status.state == "failed":
                text = f"Graph could not move {item}: {status.code}: {status.message}"
                if status.is_name_conflict:
                    return DriveNameConflictError(text, status=409, code=status.code)
                return DriveResponseError(text)
            ref = ItemRef(item.ref.drive_id, status.resource_id or item.ref.item_id)
        for attempt in range(10):
            moved = yield from find_item(ref)
            if moved and self.place.was_reached(item, moved, self.conflict_behavior):
                return moved
            yield Pause(backoff(attempt, longest=15.0), f"waiting for {item} to arrive")
        return DriveResponseError(_describe_place(f"move {item}", moved))


def _may_be_lost(failure: DriveError) -> bool:
    """Whether the change may have been made, though no answer says so."""
    return isinstance(failure, (DriveConnectionError, DriveServiceError, DriveThrottledError))


def _with_part_done(error: DriveError, place: Location, before: DriveItem, after: DriveItem) -> DriveError:
    """Say so if part of the change was made: a PATCH is not atomic."""
    renamed = after.name == place.name != before.name
    moved = place.folder is not None and after.parent_id == place.folder.item_id != before.parent_id
    if renamed or moved:
        error.add(f"Part of it was done: the item is {after} now.")
    return error


def _describe_place(action: str, item: DriveItem | None) -> str:
    if item is None:
        return f"Graph says that it did {action}, but the item is not to be seen."
    return f"Graph says that it did {action}, but the item is {item}."
