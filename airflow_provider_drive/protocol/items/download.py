"""
Flows that download a file: its bytes come as a stream, and are hashed as they come.

A download URL takes no token: it is a secret by itself, and is called only on the cloud's hosts or on the
connection's ``allowed_hosts``. It expires within an hour or so; then a new one is read. A download that
breaks goes on where it broke.

https://learn.microsoft.com/graph/api/driveitem-get-content
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveConnectionError,
    DriveItemChangedError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.items.lookup import find_item, get_item, in_library
from airflow_provider_drive.protocol.retry import (
    RetryBudget,
    is_throttled,
    is_transient,
    retry_after,
    send_with_retries,
)
from airflow_provider_drive.protocol.wire.addresses import ItemRef, LibraryAddress
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import download_url, get_item_request, read_item
from airflow_provider_drive.protocol.wire.quick_xor_hash import QuickXorHash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.retry import FaultKind
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.items import DriveItem

MAX_URLS = 4
"""How many download URLs may be refused, one after the other, without a byte between them."""
_EXPIRED = {401, 403, 404, 410}
_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")
_LENGTH = re.compile(r"[0-9]{1,15}")


class Download(NamedTuple):
    """
    A file as it is now, and where its bytes are.

    :param url: The download URL, a secret; None for an item that has no bytes of its own, or if Graph left
        it out.
    """

    item: DriveItem
    url: str | None

    def __repr__(self) -> str:
        return f"Download({self.item})"


def read_download(address: Address) -> Flow[Download]:
    """
    Read a file's metadata and its download URL in one request. It can be part of a batch.

    A shortcut is read itself, not what it leads to.

    https://learn.microsoft.com/graph/api/driveitem-get
    """
    if isinstance(address, LibraryAddress):
        address = yield from in_library(address)
    drive_id = address.drive_id if isinstance(address, ItemRef) else None
    request = get_item_request(address)

    def read(response: Response) -> Download:
        if not response.ok:
            raise error_from_response(response, request.action)
        body = response.mapping()
        return Download(read_item(body, drive_id, response.date).bare, download_url(body))

    return (yield from send_with_retries(request, read))


def download(
    file: Download,
    write: Callable[[bytes], object],
    *,
    start: int = 0,
    end: int | None = None,
    size: int | None = None,
) -> Flow[QuickXorHash]:
    """
    Read the bytes of a file, and return their hash, which knows their number.

    The caller compares it with the file's own: what is read may be newer than what was listed.

    :param write: Is given one piece after the other. What it raises ends the flow.
    :param start: The first byte. Default is that of the file.
    :param end: The byte after the last one. Default is the end of the file.
    :param size: How many bytes the file has to have. Default is what the first answer says: SharePoint lists
        another size for some Office files than they have.
    :raises DriveArgumentError: If it is a folder or a package, which has no bytes of its own.
    :raises DriveItemChangedError: If an answer tells another size of the file than the one before.
    """
    item = file.item
    if item.kind not in {None, "file"}:
        raise DriveArgumentError(f"{item} is a {item.kind}, which has no bytes of its own.")
    stream = _Stream(item, write, start, end, size)
    url, refused, budget = file.url, 0, RetryBudget()
    while not stream.is_whole:
        before = stream.position
        if url is None:
            url = yield from _read_url(item)
        fault = yield from _receive(stream, url)
        if stream.position > before:
            refused, budget = 0, RetryBudget()
        if fault is not None and fault.kind is not None:
            yield budget.pause(fault.kind, fault.error, fault.retry_after)
        elif fault is not None:
            if refused == MAX_URLS:
                raise fault.error
            url, refused = None, refused + 1
    return stream.hash


def read_file(address: Address, write: Callable[[bytes], object]) -> Flow[bool]:
    """
    Read a whole file, if there is one.

    :param write: Is given one piece after the other.
    :raises DriveArgumentError: If it is a folder.
    :raises DriveItemChangedError: If what was read is neither the version before nor the one after a change.
    """
    item = yield from find_item(address, follow=True)
    if item is None:
        return False
    if item.is_folder:
        raise DriveArgumentError(f"{address} is a folder, not a file.")
    found = yield from download(Download(item, None), write)
    if item.quick_xor_hash in {None, found.value}:
        return True
    now = yield from get_item(item.ref)
    if now.etag != item.etag and now.quick_xor_hash != found.value and not now.may_be_rewritten:
        raise DriveItemChangedError(f"{address} was changed while it was read.")
    return True


class _Fault(NamedTuple):
    """
    Why an answer brought no bytes, or not all.

    :param kind: None if the URL has expired.
    """

    kind: FaultKind | None
    error: DriveError
    retry_after: float | None = None


def _receive(stream: _Stream, url: str) -> Flow[_Fault | None]:
    """Send one request for the rest of a stream, and return what went wrong."""
    try:
        response = yield stream.request(url)
    except DriveConnectionError as error:
        return _Fault("transient", error)
    if response.ok:
        return None
    refusal = error_from_response(response, stream.action)
    if is_throttled(response) or is_transient(response):
        return _Fault("throttled" if is_throttled(response) else "transient", refusal, retry_after(response))
    if response.status in _EXPIRED:
        return _Fault(None, refusal)
    raise refusal


class _Stream:
    """
    The bytes of a file, from one answer after the other.

    :ivar position: Of the next byte in the file.
    """

    def __init__(
        self,
        item: DriveItem,
        write: Callable[[bytes], object],
        start: int,
        end: int | None,
        size: int | None,
    ) -> None:
        self.position, self.hash = start, QuickXorHash()
        self.action = f"read the bytes of {item}"
        self.is_whole = (item.size if end is None else end) == start
        self._end, self._size, self._write = end, size, write

    def request(self, url: str) -> Request:
        """https://learn.microsoft.com/graph/api/driveitem-get-content: ranges are for this URL alone."""
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if self.position or self._end is not None:
            headers["Range"] = f"bytes={self.position}-" + ("" if self._end is None else f"{self._end - 1}")
        return Request("GET", url, self.action, headers=headers, kind="transfer", receive=self.receive)

    def receive(self, head: Response, chunks: Iterator[bytes]) -> None:
        """Take the bytes of an answer, after a look at which they are."""
        skip, end = self._check(head)
        for chunk in chunks:
            piece = chunk[skip:]
            skip = max(0, skip - len(chunk))
            if end is not None:
                piece = piece[: end - self.position]
            if piece:
                self._write(piece)
                self.hash.update(piece)
                self.position += len(piece)
        if end is not None and self.position < end:
            raise DriveConnectionError(f"Could not {self.action}: the answer ended at byte {self.position}.")
        self.is_whole = True

    def _check(self, head: Response) -> tuple[int, int | None]:
        """Return how many bytes of the answer are known already, and where those that are wanted end."""
        found = _RANGE.fullmatch(head.headers.get("content-range", ""))
        if head.status == 206 and found is not None and int(found[1]) == self.position:
            skip, size = 0, _LENGTH.fullmatch(found[3])
        elif head.status == 200:  # a server may send all of a file instead
            skip, size = self.position, _LENGTH.fullmatch(head.headers.get("content-length", ""))
        else:
            raise DriveResponseError(f"Could not {self.action}: the answer is not what was asked for.")
        told = self._size if size is None else int(size[0])
        if self._size not in {None, told}:
            raise DriveItemChangedError(f"Could not {self.action}: it has changed meanwhile.")
        self._size = told
        return skip, self._size if self._end is None else self._end


def _read_url(item: DriveItem) -> Flow[str]:
    """https://learn.microsoft.com/graph/api/driveitem-get-content: 302 to a URL that needs no token."""
    request = Request("GET", f"{item.ref.url}/content", f"read the bytes of {item}")

    def read(response: Response) -> str:
        if response.status not in {301, 302, 303, 307, 308} or "location" not in response.headers:
            raise error_from_response(response, request.action)
        return response.headers["location"]

    return (yield from send_with_retries(request, read))
