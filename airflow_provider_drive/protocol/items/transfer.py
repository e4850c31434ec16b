"""
Flows that upload a file, a piece at a time: no more than that is ever in memory.

The URLs that bytes go to take no token: they are secrets by themselves, like a monitor's. They are called
only where the cloud keeps its drives, or where the connection's ``allowed_hosts`` says so.

https://learn.microsoft.com/graph/api/driveitem-put-content
https://learn.microsoft.com/graph/api/driveitem-createuploadsession
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveItemNotFoundError,
    DriveRequestError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.items.lookup import in_library
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.addresses import LibraryAddress, PathAddress
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import DriveItem, conflict_query, item_reader, read_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.wire.addresses import Address

SIMPLE_UPLOAD_LIMIT = 4 << 20
"""Bytes that go up in one request of Graph's own. It takes 250 MB, but an interrupted one starts over."""
FRAGMENT_SIZE = 16 * (320 << 10)
"""Bytes of a piece: a multiple of 320 KiB, and less than 60 MiB. An answer may have 32 MiB."""
MAX_UPLOADS = 3
"""How often the upload of a file starts over if its session is gone before its end."""
MAX_SETBACKS = 5
"""How often a session may ask for what it was given before."""
_BINARY = "application/octet-stream"
_NEXT = re.compile(r"([0-9]{1,15})-(?:[0-9]{1,15})?")


def check_file(address: Address) -> PathAddress | LibraryAddress:
    """
    Return an address that a file can be written to.

    :raises DriveArgumentError: If it has no path: ids name what is there already, and so does a URL.
    """
    if isinstance(address, (PathAddress, LibraryAddress)) and address.names:
        return address
    raise DriveArgumentError(
        f"{address} is not a path to a file. Give one below a root, like drives/{{drive-id}}/root:/a/b.txt"
    )


def write_file(
    address: PathAddress | LibraryAddress,
    size: int,
    read: Callable[[int, int], bytes],
    *,
    conflict_behavior: str = "replace",
    resume: str | None = None,
    opened: Callable[[str], object] = bool,
) -> Flow[DriveItem]:
    """
    Write a file, by its path. Missing folders are made.

    It is there as a whole or not at all, whatever dies.

    :param size: How many bytes it is to have.
    :param read: Gives some of them: where they start, and how many.
    :param conflict_behavior: ``replace``: what has the name gets a new version; or ``fail``. A name that was
        taken by this upload, whose answer was lost, is a conflict as well.
    :param resume: The URL of an upload session that an earlier try has opened.
    :param opened: Is told the URL of each session that is opened, a secret.
    :raises DriveNameConflictError: With ``fail``, if the name is taken.
    """
    place = (yield from in_library(address)) if isinstance(address, LibraryAddress) else address
    action = f"write {address}"
    if size <= SIMPLE_UPLOAD_LIMIT:
        request = _put_request(place, read(0, size), action, conflict_behavior)
        return (yield from send_with_retries(request, item_reader(request)))
    if resume is not None:
        item = yield from _go_on(resume, size, read, action)
        if item is not None:
            return item
    for _ in range(MAX_UPLOADS):
        request = _open_request(place, action, conflict_behavior)
        url = yield from send_with_retries(request, _upload_url_reader(action))
        opened(url)
        item = yield from _send(url, size, read, action)
        if item is not None:
            return item
    raise DriveResponseError(f"Could not {action}: {MAX_UPLOADS} upload sessions were gone before their end.")


def cancel_upload(url: str, action: str) -> Flow[None]:
    """https://learn.microsoft.com/graph/api/driveitem-createuploadsession#cancel-an-upload-session."""
    yield from send_with_retries(Request("DELETE", url, action, kind="transfer"), lambda response: response)


def _go_on(url: str, size: int, read: Callable[[int, int], bytes], action: str) -> Flow[DriveItem | None]:
    """Send what a session still wants; return the file, or nothing if the session is gone."""
    try:
        told = yield from send_with_retries(
            Request("GET", url, action, kind="transfer"), _progress_reader(size, action)
        )
    except (DriveRequestError, DriveResponseError):
        return None
    return (yield from _send(url, size, read, action, told)) if isinstance(told, int) else None


def _send(
    url: str, size: int, read: Callable[[int, int], bytes], action: str, start: int = 0
) -> Flow[DriveItem | None]:
    """Send a file's bytes to its session; return the file, or nothing if the session is gone."""
    setbacks = 0
    while setbacks <= MAX_SETBACKS:
        piece = read(start, min(FRAGMENT_SIZE, size - start))
        try:
            told = yield from _send_fragment(url, piece, start, size, action)
        except DriveItemNotFoundError:
            return None
        if isinstance(told, DriveItem):
            if told.size not in {None, size} and not told.may_be_rewritten:
                raise DriveResponseError(f"Could not {action}: it has {told.size} bytes, not {size}.")
            return told
        setbacks += told <= start
        start = told
    raise DriveResponseError(
        f"Could not {action}: the upload session asks for the same bytes again and again."
    )


def _send_fragment(url: str, piece: bytes, start: int, size: int, action: str) -> Flow[DriveItem | int]:
    """
    Send some bytes; return where the next are to start, or the file if these were the last.

    What was received already is refused: its answer was lost, and the session tells what it wants.
    """
    read = _progress_reader(size, action)
    try:
        return (yield from send_with_retries(_fragment_request(url, piece, start, size, action), read))
    except DriveRequestError as error:
        if error.status != 416:
            raise
    return (yield from send_with_retries(Request("GET", url, action, kind="transfer"), read))


def _put_request(place: PathAddress, content: bytes, action: str, conflict_behavior: str) -> Request:
    """https://learn.microsoft.com/graph/api/driveitem-put-content."""
    query = "" if conflict_behavior == "replace" else f"?{conflict_query(conflict_behavior)}"
    url, headers = f"{place.url}/content{query}", {"Content-Type": _BINARY}
    return Request("PUT", url, action, headers=headers, idempotent=True, content=content)


def _open_request(place: PathAddress, action: str, conflict_behavior: str) -> Request:
    """https://learn.microsoft.com/graph/api/driveitem-createuploadsession: it makes no item yet."""
    body = {"item": {"@microsoft.graph.conflictBehavior": conflict_behavior}}
    return Request("POST", f"{place.url}/createUploadSession", action, json=body, idempotent=True)


def _fragment_request(url: str, piece: bytes, start: int, size: int, action: str) -> Request:
    """
    https://learn.microsoft.com/graph/api/driveitem-createuploadsession.

    A token would be refused, and a second request for the same bytes is.
    """
    headers = {"Content-Type": _BINARY, "Content-Range": f"bytes {start}-{start + len(piece) - 1}/{size}"}
    return Request("PUT", url, action, headers=headers, kind="transfer", idempotent=True, content=piece)


def _upload_url_reader(action: str) -> Callable[[Response], str]:
    def read(response: Response) -> str:
        if not response.ok:
            raise error_from_response(response, action)
        url = response.mapping().get("uploadUrl")
        if not isinstance(url, str):
            raise DriveResponseError(f"Could not {action}: the answer is not an upload session.")
        return url

    return read


def _progress_reader(size: int, action: str) -> Callable[[Response], DriveItem | int]:
    """Return a reader of a session's answers: where the next bytes are to start, or the file."""

    def read(response: Response) -> DriveItem | int:
        if not response.ok:
            raise error_from_response(response, action)
        body = response.mapping()
        if "nextExpectedRanges" not in body:
            return read_item(body, read_at=response.date)
        ranges = body["nextExpectedRanges"]
        first = ranges[0] if isinstance(ranges, list) and ranges else None
        wanted = _NEXT.fullmatch(first) if isinstance(first, str) else None
        if wanted is None or int(wanted[1]) >= size:
            raise DriveResponseError(f"Could not {action}: the upload session does not say what it wants.")
        return int(wanted[1])

    return read
