"""
Delta: what has changed in a drive since a cursor.

A cursor is the link that Graph returned at the end of the changes. It is opaque, and never rebuilt.

https://learn.microsoft.com/graph/api/driveitem-delta
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.wire.addresses import same_drive
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import read_item, without_annotations

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Response
    from airflow_provider_drive.protocol.wire.items import DriveItem

_FIELDS = (
    "id,name,size,eTag,file,folder,package,root,remoteItem,parentReference,createdDateTime,"
    "lastModifiedDateTime,pendingOperations,deleted"
)
_HEADERS = {"deltaExcludeParent": "true"}  # else each change brings the folders above it


class DeltaEntry(NamedTuple):
    """An item that has changed, or is deleted: then Graph reports little more of it than its id."""

    item: DriveItem
    is_deleted: bool


class DeltaPage(NamedTuple):
    """
    One page of changes.

    :param link: The link to the next page, or, on the last one, the cursor.
    :param date: When it was read, by Graph's clock.
    """

    entries: list[DeltaEntry]
    link: str
    is_last: bool
    date: float | None


def latest_request(drive_id: str) -> Request:
    """Return the request for a cursor that stands for now: it lists nothing."""
    url = f"/drives/{drive_id.replace('!', '%21')}/root/delta?token=latest&$select={_FIELDS}"
    return Request("GET", url, f"read the changes of drives/{drive_id}", headers=_HEADERS)


def changes_request(cursor: str, drive_id: str) -> Request:
    """Return the request for what has changed since a cursor, or for the next page of it."""
    return Request("GET", cursor, f"read the changes of drives/{drive_id}", headers=_HEADERS, kind="page")


def delta_reader(action: str, drive_id: str) -> Callable[[Response], DeltaPage]:
    """Return a reader of pages of changes."""

    def read(response: Response) -> DeltaPage:
        if not response.ok:
            raise error_from_response(response, action)
        body = response.mapping()
        entries, link = body.get("value"), body.get("@odata.nextLink")
        cursor = body.get("@odata.deltaLink")
        told = cursor if link is None else link
        if not isinstance(entries, list) or not isinstance(told, str):
            raise DriveResponseError(f"Could not {action}: the answer is not a page of changes.")
        changes = [_read_entry(entry, drive_id) for entry in entries if isinstance(entry, dict)]
        if any(not same_drive(each.item.ref.drive_id, drive_id) for each in changes):
            raise DriveResponseError(f"Could not {action}: these are of another drive.", retryable=False)
        return DeltaPage(changes, told, link is None, response.date)

    return read


def _read_entry(entry: dict[str, Any], drive_id: str) -> DeltaEntry:
    item = read_item(without_annotations(entry), drive_id, bare=True)
    return DeltaEntry(item, isinstance(entry.get("deleted"), dict))
