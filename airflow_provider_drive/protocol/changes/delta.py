"""Flows that read a drive's changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.protocol.items.lookup import MAX_PAGES
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.delta import changes_request, delta_reader, latest_request

if TYPE_CHECKING:
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


def read_delta(drive_id: str, cursor: str | None = None) -> Flow[Delta]:
    """
    Read what has changed since a cursor; without one, only the cursor that stands for now.

    :raises DriveRequestError: With the status 410 if the cursor has expired.
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
