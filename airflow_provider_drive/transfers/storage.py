"""A place in Airflow's object storage, in which a file is there as a whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveError,
    DriveNameConflictError,
    DriveTransferError,
)
from airflow_provider_drive.protocol.wire.quick_xor_hash import QuickXorHash

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPLETED_AT_CLOSE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "msdrive"}
"""Protocols of stores that show a file when its upload is completed, and not before."""
_PIECE = 1 << 20
_BLOCK, _MAX_BLOCKS = 5 << 20, 9_000
"""S3 takes parts of at least 5 MiB, and at most 10,000 of them."""


class ExclusiveWriteError(DriveTransferError):
    """The store cannot write a file on the condition that no other has its name."""


class StoredFile(NamedTuple):
    """A file in object storage, with the size and hash of the bytes that were written or read."""

    uri: str
    size: int
    quick_xor_hash: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the file as JSON."""
        return {"uri": self.uri, "size": self.size, "quickXorHash": self.quick_xor_hash}


class Storage:
    """
    A folder in object storage. Its paths are relative to it.

    :param url: A URL of Airflow's object storage: ``s3://conn@bucket/raw``.
    :param owner: Who writes there, the same in each try: no other writes the same hidden files.
    :param is_checked: Whether a store that has confirmed an upload is asked for the file's size once more.
    :raises DriveArgumentError: If no file system has the URL's scheme.
    """

    def __init__(self, url: Any, owner: str = "", *, is_checked: bool = True) -> None:
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        if "://" not in str(url):
            raise DriveArgumentError(f"{str(url)!r} is not a URL of Airflow's object storage.")
        try:
            path: Any = ObjectStoragePath(url)
            self.fs = path.fs
        except (ValueError, ImportError) as error:
            raise DriveArgumentError(f"No file system can be opened for {str(url)!r}: {error}.") from error
        self.owner, self.url, self._root = owner, str(url).rstrip("/"), str(path.path).rstrip("/")
        protocols = self.fs.protocol
        self.shows_when_closed = not _COMPLETED_AT_CLOSE.isdisjoint(
            {protocols} if isinstance(protocols, str) else protocols
        )
        self.is_exclusive = self.shows_when_closed
        self.is_checked = is_checked or not self.shows_when_closed

    def uri(self, path: str) -> str:
        """Return the URL of a file."""
        return f"{self.url}/{path}"

    def locate(self, path: str) -> str:
        """Return a file's path in the file system."""
        return f"{self._root}/{path}"

    def list_files(self) -> Iterator[tuple[str, int]]:
        """
        Return the paths and sizes of all files; of a URL that is a file's own, that one.

        :raises DriveArgumentError: If there is neither a folder nor a file.
        """
        with self.named_errors("list", ""):
            if self.fs.isfile(self._root):
                folder, _, name = self._root.rpartition("/")
                self._root, self.url = folder, self.url.rpartition("/")[0]
                yield name, int(self.fs.size(self.locate(name)) or 0)
                return
            found = self.fs.find(self._root, detail=True)
        if not found and not self.fs.isdir(self._root):
            raise DriveArgumentError(f"There is nothing at {self.url}.")
        for path, info in found.items():
            below = self.fs._strip_protocol(path).removeprefix(self._root).lstrip("/")  # noqa: SLF001  # fsspec's own callers use it
            if below and info.get("type") != "directory":
                yield below, int(info.get("size") or 0)

    def is_empty(self) -> bool:
        """Whether nothing is in the folder yet."""
        with self.named_errors("look for", ""):
            return not self.fs.exists(self._root)

    def find_size(self, path: str) -> int | None:
        """Return a file's size, or None if there is none."""
        with self.named_errors("look for", path):
            try:
                info = self.fs.info(self.locate(path))
            except FileNotFoundError:
                return None
        if info.get("type") == "directory":
            raise DriveTransferError(f"{self.uri(path)} is a folder.")
        return int(info["size"] or 0)

    def read(self, path: str) -> QuickXorHash:
        """Read a file whole, and return its hash."""
        hashed = QuickXorHash()
        with self.named_errors("read", path), self.fs.open(self.locate(path), "rb") as file:
            for piece in iter(partial(file.read, _PIECE), b""):
                hashed.update(piece)
        return hashed

    @contextmanager
    def draft(self, path: str, size: int | None, *, exclusive: bool = False) -> Iterator[Draft]:
        """
        Write a file that nobody sees under its name before :meth:`Draft.complete` was called.

        :param size: How many bytes it is expected to have. The size of the store's parts depends on it.
        :param exclusive: Write it only if no file has the name.
        :raises ExclusiveWriteError: If the store cannot do that: ``is_exclusive`` is False from then on.
        :raises DriveNameConflictError: If a file has the name.
        """
        draft = Draft(self, path, size or 0, exclusive=exclusive)
        try:
            yield draft
        finally:
            draft.discard()

    @contextmanager
    def named_errors(self, action: str, path: str) -> Iterator[None]:
        """Name the file in what the store raises."""
        try:
            yield
        except DriveError:
            raise
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise DriveTransferError(f"Could not {action} {self.uri(path)}: {reason}") from error


class Draft:
    """
    A file that is being written.

    Where the store shows a file only when its upload is completed, it is written under its own name; else
    under a hidden one, the same in each try, and renamed at the end.
    """

    def __init__(self, storage: Storage, path: str, size: int, *, exclusive: bool) -> None:
        self._storage, self._path = storage, path
        self._is_exclusive = exclusive and (storage.is_exclusive or not storage.shows_when_closed)
        self._target = storage.locate(path)
        self._part = self._target if storage.shows_when_closed else _hidden_name(self._target, storage.owner)
        self._file: Any = None
        with storage.named_errors("write", path), self._conflicts():
            if not storage.shows_when_closed:
                storage.fs.makedirs(self._part.rpartition("/")[0], exist_ok=True)
            block = max(_BLOCK, -(-size // _MAX_BLOCKS // _PIECE) * _PIECE)
            mode = "xb" if self._is_exclusive and self._part == self._target else "wb"
            self._file = storage.fs.open(self._part, mode, block_size=block)

    def write(self, content: bytes) -> None:
        """Append bytes."""
        with self._storage.named_errors("write", self._path):
            self._file.write(content)

    def complete(self, hashed: QuickXorHash) -> StoredFile:
        """
        Let the file have its name, in place of what has it.

        :param hashed: What was written.
        :raises DriveTransferError: If the store does not show it with this size then.
        """
        fs = self._storage.fs
        with self._storage.named_errors("write", self._path), self._conflicts():
            self._file.close()
            if self._part != self._target:
                _rename(fs, self._part, self._target, exclusive=self._is_exclusive)
            self._file = None
            fs.invalidate_cache(self._target.rpartition("/")[0])
        size = self._storage.find_size(self._path) if self._storage.is_checked else hashed.size
        if size != hashed.size:
            raise DriveTransferError(
                f"{self._storage.uri(self._path)} has {size} bytes in the store, and not {hashed.size}."
            )
        return StoredFile(self._storage.uri(self._path), hashed.size, hashed.value)

    @contextmanager
    def _conflicts(self) -> Iterator[None]:
        """Tell a name that is taken, and a store that cannot look for that, from other faults."""
        try:
            yield
        except (OSError, NotImplementedError, ValueError) as error:
            if not self._is_exclusive:
                raise
            uri = self._storage.uri(self._path)
            if isinstance(error, FileExistsError):
                raise DriveNameConflictError(f"{uri} is there already.") from error
            is_refused = not isinstance(error, OSError) or error.errno in {errno.ENOSYS, errno.ENOTSUP}
            if not is_refused or self._part != self._target:
                raise
            self._storage.is_exclusive = False
            raise ExclusiveWriteError(f"Could not write {uri}: {error}") from error

    def discard(self) -> None:
        """Forget what was written, unless it was completed."""
        file, self._file = self._file, None
        if file is None:
            return
        with suppress(Exception):  # what was interrupted counts, and not what fails afterwards
            if self._part != self._target:
                file.close()
                self._storage.fs.rm_file(self._part)
            else:
                file.closed = True  # else fsspec completes the upload when it forgets the file
                file.discard()


def _rename(fs: Any, part: str, target: str, *, exclusive: bool) -> None:
    """
    Give a file its name.

    :param exclusive: Only if no other has it. On a disk with hard links, no other can take it meanwhile.
    :raises FileExistsError: If another has it.
    """
    if exclusive and fs.protocol == LocalFileSystem.protocol:
        try:
            os.link(part, target)
        except FileExistsError:
            raise
        except OSError:
            pass  # there are no hard links here
        else:
            fs.rm_file(part)
            return
    if exclusive and fs.exists(target):
        raise FileExistsError(errno.EEXIST, "It exists", target)
    fs.mv(part, target)


def _hidden_name(target: str, owner: str) -> str:
    token = hashlib.sha256(f"{owner} {target}".encode(errors="surrogatepass")).hexdigest()
    return f"{target.rpartition('/')[0]}/.{token[:16]}.part"
