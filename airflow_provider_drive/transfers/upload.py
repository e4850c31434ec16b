"""Uploads one file of object storage: what arrives is compared with what was sent."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_drive.exceptions import DriveArgumentError, DriveNameConflictError, DriveTransferError
from airflow_provider_drive.protocol.flow import Checkpoint
from airflow_provider_drive.protocol.items.lookup import find_item, get_item
from airflow_provider_drive.protocol.items.transfer import cancel_upload, write_file
from airflow_provider_drive.protocol.wire.items import DriveItem, child
from airflow_provider_drive.protocol.wire.names import check_new_name, free_name, same_name
from airflow_provider_drive.protocol.wire.quick_xor_hash import QuickXorHash
from airflow_provider_drive.transfers.report import Outcome
from airflow_provider_drive.transfers.storage import StoredFile
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url

if TYPE_CHECKING:
    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.transfers.storage import Storage
    from airflow_provider_drive.utils.task_state import TaskState

_PIECE = 4 << 20
RESUMABLE = 16 << 20
"""Bytes of the smallest file whose upload session is stored for a retry."""
MAX_NAMES = 100
_REWRITTEN = "SharePoint has written properties into it, so that its bytes cannot be compared"
_NO_HASH = "Graph reports no hash of it, so that its bytes cannot be compared"


class Upload(NamedTuple):
    """
    A file that is to be uploaded.

    :param path: Below the source, as the store has it.
    :param folder: Where it goes to.
    :param name: The name that it is to have.
    """

    path: str
    stored: StoredFile
    folder: ItemRef
    name: str

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.stored.size

    @property
    def item(self) -> DriveItem:
        """What it will be."""
        return DriveItem(self.folder, self.name, size=self.size)


class Sessions:
    """The open upload sessions of a task, for its next try. Their URLs are stored encrypted."""

    def __init__(self, state: TaskState) -> None:
        self._state, self._lock = state, threading.Lock()
        saved = state.restore("uploads").state
        self._open: dict[str, dict[str, str]] = dict(saved) if isinstance(saved, dict) else {}

    def find(self, key: str, version: str) -> str | None:
        """Return the URL of a file's session, if the file has not changed since."""
        saved = self._open.get(key, {})
        if saved.get("version") != version:
            return None
        try:
            return decrypt_url(saved["url"])
        except DriveArgumentError:  # it was encrypted with another key
            return None

    def keep(self, key: str, version: str, url: str) -> None:
        """Store a session."""
        with self._lock:
            self._open[key] = {"url": encrypt_url(url), "version": version}
            self._save()

    def forget(self, key: str) -> None:
        """Forget a session."""
        with self._lock:
            if self._open.pop(key, None) is not None:
                self._save()

    def _save(self) -> None:
        self._state.save(Checkpoint("uploads", dict(self._open) or None))


class Uploader:
    """
    Uploads files.

    :param conflict_behavior: ``fail``, ``replace``, ``rename`` or ``skip``.
    :param is_retry: An earlier try may have uploaded files.
    """

    def __init__(
        self, client: DriveClient, storage: Storage, sessions: Sessions, behavior: str, *, is_retry: bool
    ) -> None:
        self._client, self._storage, self._sessions = client, storage, sessions
        self._behavior, self._is_retry = behavior, is_retry

    def upload(self, upload: Upload) -> Outcome:
        """Upload a file, if it is not there, and return what came of it."""
        check_new_name(upload.name)
        with closing(_Source(self._storage, upload.path, upload.size)) as source:
            return self._upload(upload, source)

    def _upload(self, upload: Upload, source: _Source) -> Outcome:
        taken: list[str] = []
        for _ in range(MAX_NAMES):
            name = free_name(upload.name, lambda name: any(same_name(name, other) for other in taken))
            outcome = self._upload_as(upload._replace(name=name), source)
            if outcome is not None:
                return outcome
            taken.append(name)
        raise DriveTransferError(f"No free name was found for {upload.name!r} in {upload.folder}.")

    def _upload_as(self, upload: Upload, source: _Source) -> Outcome | None:
        """Upload a file under one name; None if that is taken, and another may be."""
        there = self._client.run(find_item(child(upload.folder, upload.name)))
        if there is not None:
            is_same = source.is_content_of(there)
            if is_same and (self._behavior in {"skip", "replace"} or self._is_retry):
                return Outcome("there", upload.path, there, source.stored, is_proven=True)
            if self._behavior == "rename":
                return None
            if self._behavior != "replace" or there.is_container:
                told = "with another content" if self._behavior == "skip" else "under its name"
                reason = f"{there.name!r} is there already, {told}"
                return Outcome("failed", upload.path, there, source.stored, reason=reason)
        try:
            item = self._send(upload, source)
        except DriveNameConflictError:
            found = self._client.run(find_item(child(upload.folder, upload.name)))
            if found is None or not source.is_content_of(found):
                if self._behavior == "rename":
                    return None
                raise
            item = found  # the answer to the request that made it was lost
        return self._verify(upload, item, source)

    def _send(self, upload: Upload, source: _Source) -> DriveItem:
        behavior = "replace" if self._behavior == "replace" else "fail"
        key, is_large = f"{upload.folder} {upload.name}", upload.size >= RESUMABLE
        version = source.version if is_large else ""
        resume = self._sessions.find(key, version) if is_large else None
        urls: list[str] = [] if resume is None else [resume]

        def opened(url: str) -> None:
            self._client.keep_secret(url)
            urls.append(url)
            if is_large:
                self._sessions.keep(key, version, url)

        flow = write_file(
            child(upload.folder, upload.name),
            upload.size,
            source.read,
            conflict_behavior=behavior,
            resume=resume,
            opened=opened,
        )
        try:
            item = self._client.run(flow)
        except DriveTransferError:  # the store does not give it any more
            if urls:
                self._client.run(cancel_upload(urls[-1], f"cancel the upload of {upload.name!r}"))
            self._sessions.forget(key)
            raise
        self._sessions.forget(key)
        return item

    def _verify(self, upload: Upload, item: DriveItem, source: _Source) -> Outcome:
        """Compare what Graph reports of a file with what was read of it."""
        if item.quick_xor_hash is None or item.size is None:
            item = self._client.run(get_item(item.ref))
        source.read_all()
        if source.is_content_of(item):
            return Outcome("copied", upload.path, item, source.stored, is_proven=True)
        is_unknown = item.quick_xor_hash is None and item.size == upload.size
        if not (is_unknown or item.may_be_rewritten):
            reason = f"{item} has another size or hash than what was uploaded"
            return Outcome("failed", upload.path, item, source.stored, reason=reason)
        reason = _NO_HASH if is_unknown else _REWRITTEN
        return Outcome("copied", upload.path, item, source.stored, reason=reason)


class _Source:
    """A file in the store, which is hashed as it is read from its beginning to its end."""

    def __init__(self, storage: Storage, path: str, size: int) -> None:
        self._storage, self._path, self._size = storage, path, size
        self._hash = QuickXorHash()
        self._file: Any = None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    @property
    def stored(self) -> StoredFile:
        """The file, with its hash if it was read to its end."""
        is_whole = self._hash.size == self._size
        return StoredFile(self._storage.uri(self._path), self._size, self._hash.value if is_whole else None)

    @property
    def version(self) -> str:
        """A text that changes when the file does."""
        with self._storage.named_errors("look for", self._path):
            return str(self._storage.fs.ukey(self._storage.locate(self._path)))

    def read(self, start: int, size: int) -> bytes:
        """Return some of its bytes; those before them are read as well, if they were not."""
        while self._hash.size < start:
            before = self._hash.size
            self.read(before, min(_PIECE, start - before))
        with self._storage.named_errors("read", self._path):
            content = self._read(start, size)
        if len(content) != size:
            raise DriveTransferError(f"{self._storage.uri(self._path)} is shorter than it was.")
        known = self._hash.size - start
        self._hash.update(content[known:])
        return content

    def _read(self, start: int, size: int) -> bytes:
        if self._file is None:
            self._file = self._storage.fs.open(self._storage.locate(self._path), "rb")
        self._file.seek(start)
        return bytes(self._file.read(size))

    def read_all(self) -> None:
        """Read what was not read yet."""
        if self._hash.size < self._size:
            self.read(self._size - 1, 1)

    def is_content_of(self, item: DriveItem) -> bool:
        """Whether an item of a drive has its size and hash. It is read for that if the sizes are the same."""
        if item.size != self._size or item.is_container:
            return False
        self.read_all()
        return item.quick_xor_hash == self._hash.value or (item.quick_xor_hash is None and self._size == 0)
