"""Hands one document over: its bytes are compared with what Graph says before they get their name."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import (
    DriveItemChangedError,
    DriveNameConflictError,
    DriveTransferError,
)
from airflow_provider_drive.protocol.items.download import download, read_download
from airflow_provider_drive.transfers.report import Outcome
from airflow_provider_drive.transfers.storage import ExclusiveWriteError, StoredFile

if TYPE_CHECKING:
    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.protocol.wire.items import DriveItem
    from airflow_provider_drive.protocol.wire.quick_xor_hash import QuickXorHash
    from airflow_provider_drive.transfers.selection import Document
    from airflow_provider_drive.transfers.storage import Storage

EXISTING = ("skip", "replace", "fail")
MAX_READS = 4
"""How often a document is read that changes while it is read."""
_OTHER_CONTENT = "is there already, with another content: on_existing='replace' would replace it"
_THERE = "is there already, and on_existing is 'fail'"
_UNEQUAL = "Graph lists another size or hash than the bytes have that it sends, as SharePoint does at times"


class HandOver:
    """
    Writes documents to object storage.

    :param on_existing: What to do about a file that has the name: ``skip``, ``replace`` or ``fail``.
    :param is_retry: An earlier try may have written files.
    """

    def __init__(self, client: DriveClient, storage: Storage, on_existing: str, *, is_retry: bool) -> None:
        self._client, self._storage = client, storage
        self._on_existing, self._is_retry = on_existing, is_retry
        self._is_new = storage.shows_when_closed and storage.is_empty()

    def write(self, document: Document) -> Outcome:
        """
        Write a document, if it is not there, and return what came of it.

        In a folder that was empty at the start, the store itself refuses to replace a file, which takes no
        request to look for it.
        """
        needs_no_look = self._is_new and (self._storage.is_exclusive or self._on_existing == "replace")
        outcome = None if needs_no_look else self.look_up(document)
        if outcome is not None:
            return outcome
        try:
            return self._write(document)
        except ExclusiveWriteError:
            return self.write(document)
        except (DriveNameConflictError, DriveTransferError) as error:
            outcome = self._look_after(document, error)
            if outcome is None:
                raise
            return outcome

    def _look_after(self, document: Document, error: DriveError) -> Outcome | None:
        """
        Return what came of a document all the same, after its file could not be written.

        Another may have written it, or the store has, and its answer was lost.
        """
        with suppress(DriveTransferError):  # what counts is the first error
            outcome = self.look_up(document, is_written=True)
            if outcome is not None and (outcome.is_proven or isinstance(error, DriveNameConflictError)):
                return outcome
        return None

    def look_up(self, document: Document, *, is_written: bool = False) -> Outcome | None:
        """
        Return what comes of a document without writing it; None if it is to be written.

        :param is_written: Whether this task may have written what is there.
        """
        path, item = document.path, document.item
        there = self._find(path, item)
        if there is None:
            return None
        if there.quick_xor_hash is not None and (self._on_existing != "fail" or self._is_retry or is_written):
            return Outcome("there", path, item, there, is_proven=True)
        if self._on_existing == "replace":
            return None
        fault = _THERE if self._on_existing == "fail" else _OTHER_CONTENT
        return Outcome("failed", path, item, reason=f"{there.uri} {fault}")

    def _find(self, path: str, item: DriveItem) -> StoredFile | None:
        """Return the file that has the name, with its hash if it has the document's content."""
        size = self._storage.find_size(path)
        if size is None:
            return None
        stored = StoredFile(self._storage.uri(path), size)
        if size != item.size:
            return stored
        hashed = self._storage.read(path)
        return stored._replace(quick_xor_hash=hashed.value) if _is_content_of(hashed, item) else stored

    def _write(self, document: Document) -> Outcome:
        path, file, before = document.path, document.file, ""
        is_exclusive = self._on_existing != "replace"
        for _ in range(MAX_READS):
            with self._storage.draft(path, file.item.size, exclusive=is_exclusive) as draft:
                try:
                    hashed = self._client.run(download(file, draft.write))
                except DriveItemChangedError:
                    file = self._client.run(read_download(file.item.ref))
                    continue
                if _is_content_of(hashed, file.item):
                    return Outcome("copied", path, file.item, draft.complete(hashed), is_proven=True)
                now = self._client.run(read_download(file.item.ref))
                if _has_same_tag(now.item, file.item) and _may_differ(file.item, hashed, before):
                    return Outcome("copied", path, now.item, draft.complete(hashed), reason=_UNEQUAL)
                file, before = now, f"{hashed.size} {hashed.value}"
        reason = f"its bytes were never those that Graph lists, though it was read {MAX_READS} times"
        return Outcome("failed", path, file.item, reason=reason)


def _is_content_of(hashed: QuickXorHash, item: DriveItem) -> bool:
    """Whether these bytes are those of a document, by size and hash. An empty one needs no hash."""
    is_same = hashed.value == item.quick_xor_hash or (item.quick_xor_hash is None and item.size == 0)
    return hashed.size == item.size and is_same


def _has_same_tag(now: DriveItem, before: DriveItem) -> bool:
    return now.etag is not None and now.etag == before.etag


def _may_differ(item: DriveItem, hashed: QuickXorHash, before: str) -> bool:
    """
    Whether a document whose content cannot be compared was read whole all the same.

    It has no hash but the size; or it is one that the service rewrites, and two readings brought the same.
    """
    if item.quick_xor_hash is None and item.size == hashed.size:
        return True
    return item.may_be_rewritten and before == f"{hashed.size} {hashed.value}"
