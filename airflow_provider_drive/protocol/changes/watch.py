"""
A watch: a folder, the cursor of its drive, and the event that was made last.

All of it is stored at once, before the event is told. Should the process die, the same event is told again,
with the same id, and the next one begins where it ended: nothing is lost.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError, DriveItemNotFoundError, DriveResponseError
from airflow_provider_drive.protocol.changes.folder import KINDS, Document, Folder, Interest, WatchedFolder
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.filters import check_can_match, read_selection
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.retry import backoff
from airflow_provider_drive.protocol.wire.addresses import ItemRef, same_drive
from airflow_provider_drive.protocol.wire.items import print_time
from airflow_provider_drive.protocol.wire.validation import check_globs, read_count, read_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_drive.protocol.changes.delta import Delta
    from airflow_provider_drive.protocol.changes.folder import Change
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.items.listing import ListedItem

_VERSION = 1


@dataclass
class Watch:
    """
    A watch, as it is stored.

    :param address: The folder's address, as a parameter gave it.
    :param cursor: Where the next reading of the drive's changes begins.
    :param polled: When the changes were read last, by Graph's clock.
    :param event: The event that was made last, which may not have been reported.
    """

    drive_id: str
    address: str
    folder: WatchedFolder
    cursor: str
    polled: float
    event: dict[str, Any] | None = None


def read_interest(
    now: float, *, recursive: bool, kinds: Sequence[str], settle: Any, max_items: Any, **globs: Any
) -> Interest:
    """
    Return what a trigger's parameters say is told.

    :raises DriveArgumentError: If a parameter is invalid. The message names it.
    """
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, (list, tuple)) or not kinds or not all(kind in KINDS for kind in kinds):
        raise DriveArgumentError(f"Invalid `kinds`: must be some of {', '.join(KINDS)}, got {kinds!r}.")
    selection = read_selection(now, **{name: check_globs(name, value) for name, value in globs.items()})
    return Interest(
        check_can_match(selection, recursive=recursive),
        frozenset(kinds),
        0.0 if settle == 0 else read_seconds("settle", settle),
        read_count("max_items", max_items, minimum=1),
    )


def read_since(value: Any, now: float) -> float | None:
    """
    Return from when on changes are told that were made before the watch, in seconds since the epoch.

    :raises DriveArgumentError: If it is neither a time nor a duration.
    """
    try:
        return read_selection(now, modified_after=value).modified_after
    except DriveArgumentError as error:
        raise DriveArgumentError(str(error).replace("modified_after", "since")) from None


def is_watch_of(watch: Watch, folder: ItemRef, address: str) -> bool:
    """Whether a watch is of this folder, or of one that it has replaced at the same address."""
    is_same = watch.folder.folder_id == folder.item_id or watch.address == address
    return is_same and same_drive(watch.drive_id, folder.drive_id)


def list_all(folder: ItemRef, *, recursive: bool) -> Flow[list[ListedItem]]:
    """
    List a folder whole. A listing in which a folder was not found is made once more.

    :raises DriveItemNotFoundError: If a folder was not found again: what is in it may be there all the same.
    """
    try:
        return (yield from _list(folder, recursive=recursive))
    except DriveItemNotFoundError:
        yield Pause(backoff(1))
        return (yield from _list(folder, recursive=recursive))


def _list(folder: ItemRef, *, recursive: bool) -> Flow[list[ListedItem]]:
    listing, found = Listing(folder, recursive=recursive, strict=True), []
    while listing:
        found += yield from listing.read()
    return found


def begin(
    folder: ItemRef, address: str, latest: Delta, now: float, *, recursive: bool, since: float | None
) -> Flow[Watch]:
    """
    Begin a watch: what is there is not told.

    :param latest: The cursor that stands for a time before the folder is listed.
    :param since: What was created or changed at or after this is told all the same.
    """
    watched = WatchedFolder(folder.item_id, recursive)
    watched.begin((yield from list_all(folder, recursive=recursive)), since)
    return Watch(folder.drive_id, address, watched, latest.cursor, latest.date or now)


def take_delta(watch: Watch, delta: Delta, now: float) -> Flow[None]:
    """
    Take in what has changed in the drive.

    :raises DriveItemNotFoundError: If the watched folder is deleted. The watch is as it was then.
    """
    now = delta.date or now
    last = {entry.item.ref.item_id: entry.is_deleted for entry in delta.entries}
    if last.get(watch.folder.folder_id):
        raise DriveItemNotFoundError(f"The watched folder {watch.address} was deleted.", status=404)
    watch.folder.apply(delta.entries, now, watch.polled)
    for folder_id in sorted(watch.folder.unlisted):
        found = yield from list_all(ItemRef(watch.drive_id, folder_id), recursive=True)
        watch.folder.add_listed(found, now, watch.polled)
        watch.folder.unlisted.discard(folder_id)
    watch.cursor, watch.polled = delta.cursor, now


def resync(watch: Watch, folder: ItemRef, latest: Delta, now: float) -> Flow[None]:
    """
    Compare what was told with what is there, where the changes in between cannot be read any more.

    https://learn.microsoft.com/graph/api/driveitem-delta: the two kinds of resync differ for those who write.

    :param folder: The watched folder: another one, if the first was replaced.
    """
    listed = yield from list_all(folder, recursive=watch.folder.recursive)
    watch.folder.folder_id = folder.item_id
    watch.folder.compare(listed, latest.date or now, watch.polled)
    watch.cursor, watch.polled = latest.cursor, latest.date or now


def change_depth(watch: Watch, *, recursive: bool) -> Flow[None]:
    """Watch the subfolders as well from now on, or no longer. Their content is not reported as changed."""
    folder = ItemRef(watch.drive_id, watch.folder.folder_id)
    watch.folder.change_depth((yield from list_all(folder, recursive=True)) if recursive else None)


def next_event(watch: Watch, interest: Interest, since: float) -> dict[str, Any] | None:
    """
    Return the event with what has changed and is settled, or None if there is nothing.

    :param since: When the changes of the event before were read.
    """
    changes, has_more = watch.folder.take_changes(interest, watch.polled)
    told = [_as_dict(watch.drive_id, change) for change in changes]
    if not told:
        return None
    until = print_time(watch.polled)
    digest = hashlib.sha256(json.dumps([watch.folder.folder_id, until, told], sort_keys=True).encode())
    return {
        "id": digest.hexdigest()[:32],
        "changes": told,
        "count": len(told),
        "more": has_more,
        "from": print_time(since),
        "until": until,
    }


def _as_dict(drive_id: str, change: Change) -> dict[str, Any]:
    document = change.document
    return {
        **ItemRef(drive_id, change.item_id).as_dict(),
        "name": document.name,
        "path": document.path,
        "kind": change.kind,
        "size": document.size,
        "eTag": document.etag,
        "lastModifiedDateTime": None if document.modified is None else print_time(document.modified),
    }


def pack(watch: Watch) -> dict[str, Any]:
    """Return what is stored of a watch, as JSON."""
    items = json.dumps({name: getattr(watch.folder, name) for name in ("folders", "told", "seen", "gone")})
    return {
        "version": _VERSION,
        "driveId": watch.drive_id,
        "folderId": watch.folder.folder_id,
        "recursive": watch.folder.recursive,
        "address": watch.address,
        "cursor": watch.cursor,
        "polled": watch.polled,
        "event": watch.event,
        "items": base64.b64encode(zlib.compress(items.encode())).decode(),
    }


def unpack(stored: Any) -> Watch:
    """
    Read what is stored of a watch, which others can write to.

    :raises DriveResponseError: If it is none.
    """
    try:
        return _unpack(stored)
    except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
        raise DriveResponseError(
            "The stored state of the watch cannot be read, so nothing is reported until that is fixed. "
            "Delete it to begin again: what has changed in the meantime is not reported then. "
            f"({type(error).__name__})"
        ) from None


def _unpack(stored: Mapping[str, Any]) -> Watch:
    items = json.loads(zlib.decompress(base64.b64decode(stored["items"], validate=True)))
    documents = {
        name: {str(item_id): Document(*fields) for item_id, fields in items[name].items()}
        for name in ("told", "seen", "gone")
    }
    folders = {str(item_id): Folder(*fields) for item_id, fields in items["folders"].items()}
    texts = (stored[name] for name in ("driveId", "folderId", "address", "cursor"))
    is_ours = stored["version"] == _VERSION and all(isinstance(text, str) for text in texts)
    if not is_ours or not isinstance(stored["event"], dict | None):
        raise ValueError
    told, seen, gone = documents["told"], documents["seen"], documents["gone"]
    folder = WatchedFolder(stored["folderId"], bool(stored["recursive"]), folders, told, seen, gone)
    watch = Watch(stored["driveId"], stored["address"], folder, stored["cursor"], float(stored["polled"]))
    watch.event = stored["event"]
    return watch
