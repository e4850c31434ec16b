"""Flows that read a drive's changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.exceptions import DriveRequestError, DriveResponseError
from airflow_provider_drive.protocol.items.lookup import MAX_PAGES
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.delta import changes_request, delta_reader, latest_request

if TYPE_CHECKING:
    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.flow import Flow, Request
    from airflow_provider_drive.protocol.wire.delta import DeltaEntry


class Delta(NamedTuple):
    """
    What has changed since a cursor.

    :param entries: In order. An item may come more than once: the last time counts.
    :param cursor: Where the next reading begins.
    :param date: When it was read, by Graph's clock.
    """

    entries: list[DeltaEntry]
    cursor: str
    date: float | None = None


def is_expired(error: DriveError) -> bool:
    """Whether a cursor has expired, or is none of this drive: then all has to be compared."""
    if isinstance(error, DriveRequestError):
        return error.status in {400, 410}
    return isinstance(error, DriveResponseError) and not error.retryable


def read_delta(drive_id: str, cursor: str | None = None) -> Flow[Delta]:
    """
    Read what has changed since a cursor; without one, only the cursor that stands for now.

    :raises DriveError: If the cursor cannot be used any more: :func:`is_expired`.
    """
    request = latest_request(drive_id) if cursor is None else changes_request(cursor, drive_id)
    return (yield from _read_pages(request, drive_id))


def _read_pages(request: Request, drive_id: str) -> Flow[Delta]:
    entries: list[DeltaEntry] = []
    read = delta_reader(request.action, drive_id)
    for _ in range(MAX_PAGES):
        page = yield from send_with_retries(request, read)
        entries += page.entries
        if page.is_last:
            return Delta(entries, page.link, page.date)
        if page.link == request.url:
            break
        request = changes_request(page.link, drive_id)
    raise DriveResponseError(f"Could not {request.action}: its pages have no end.")
