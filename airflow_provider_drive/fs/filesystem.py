"""Drives of OneDrive and SharePoint as an fsspec file system."""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow.providers.common.compat.sdk import BaseHook
from fsspec.core import has_magic
from fsspec.spec import AbstractFileSystem

from airflow_provider_drive.configuration import COPY_TIMEOUT
from airflow_provider_drive.fs.files import BLOCK, DriveReader, DriveWriter, TextWriter
from airflow_provider_drive.fs.paths import (
    SCHEME,
    connection_of,
    find_drive,
    os_errors,
    parse_path,
    strip_path,
)
from airflow_provider_drive.hooks.client import DriveClient
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.verify import wait_for_copy
from airflow_provider_drive.protocol.items.deletion import delete_unchanged
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.items.lookup import (
    ensure_folder,
    find_item,
    get_folder,
    get_item,
    list_libraries,
)
from airflow_provider_drive.protocol.items.lookup import make_folder as make
from airflow_provider_drive.protocol.move import MoveOrder, move_item
from airflow_provider_drive.protocol.wire.addresses import PathAddress
from airflow_provider_drive.protocol.wire.names import check_new_name

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.protocol.wire.items import DriveItem

DEFAULT_CONN_ID = "drive_default"
_CLIENT_SECONDS = 600.0
"""After which the connection is read again: a file system lives as long as its process."""
_APPEND = (
    "Graph cannot append to a file, since each upload replaces it as a whole. Read it and write it again, "
    "or write another file."
)
_log = logging.getLogger(__name__)


class DriveFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """
    Files of OneDrive and SharePoint.

    A path is ``msdrive://conn@contoso.sharepoint.com/sites/Legal/Shared Documents/a.csv``. Copies are made by
    Graph, and verified; moves are conditional on the eTag. Nothing is cached but the ids of libraries. Many
    threads may use it.

    :param conn_id: The connection. Default is ``drive_default``.
    """

    protocol = SCHEME
    cachable = False
    root_marker = ""

    def __init__(self, conn_id: str | None = None, **storage_options: Any) -> None:
        super().__init__(use_listings_cache=False, **storage_options)
        self.conn_id = conn_id or DEFAULT_CONN_ID
        self._client: tuple[int, float, DriveClient] | None = None
        self._drives: dict[tuple[str | None, str | None], PathAddress] = {}

    @property
    def client(self) -> DriveClient:
        """The client of this process, with the connection as it is now."""
        pid, now = os.getpid(), time.monotonic()
        if self._client is None or self._client[0] != pid or now - self._client[1] > _CLIENT_SECONDS:
            self._client = pid, now, DriveClient(self.conn_id, BaseHook.get_connection, _log)
        return self._client[2]

    # -- paths -----------------------------------------------------------------------------------------------

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return [strip_path(each) for each in path] if isinstance(path, list) else strip_path(path)

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        conn_id = connection_of(path)
        return {} if conn_id is None else {"conn_id": conn_id}

    def _address(self, path: str) -> PathAddress:
        """
        Return the address of a path. The id of a library is read once.

        :raises FileNotFoundError: If there is no such library.
        """
        parsed = parse_path(path)
        if parsed.library is None:
            raise FileNotFoundError(errno.ENOENT, "This is a site, not a library or what is in one", path)
        key = parsed.site, parsed.library
        if key in self._drives:
            return PathAddress(self._drives[key].drive, names=parsed.names)
        with os_errors(path):
            address = self.client.run(find_drive(parsed))
        if address.names == parsed.names:  # else the library is that of a subsite
            self._drives[key] = address
        return address

    def _new_address(self, path: str) -> PathAddress:
        """
        Return the address of a path that is to be made.

        :raises DriveArgumentError: If SharePoint forbids its name. The message has one that would do.
        """
        path = self._strip_protocol(path)
        for name in path.split("/")[1:]:
            check_new_name(name)
        return self._address(path)

    def _get(self, path: str) -> DriveItem:
        with os_errors(path):
            return self.client.run(get_item(self._address(path)))

    # -- what is there ---------------------------------------------------------------------------------------

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Read what a path is: one request."""
        path = self._strip_protocol(path)
        if parse_path(path).library is None:
            return {"name": path, "size": 0, "type": "directory"}
        return _describe(path, self._get(path))

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List a folder; a site's libraries; or the file itself."""
        path = self._strip_protocol(path)
        parsed = parse_path(path)
        if parsed.site is not None and parsed.library is None:
            with os_errors(path):
                found = self.client.run(list_libraries(parsed.site))
            names = [unquote(str(each.get("webUrl", "")).rpartition("/")[2]) for each in found]
            entries = [{"name": f"{path}/{name}", "size": 0, "type": "directory"} for name in names]
        else:
            item = self._get(path)
            entries = self._list(path, item) if item.is_folder else [_describe(path, item)]
        return entries if detail else [entry["name"] for entry in entries]

    def _list(self, path: str, folder: DriveItem) -> list[dict[str, Any]]:
        with os_errors(path):
            listing, found = Listing(folder.ref, recursive=False), []
            while listing:
                found += self.client.run(listing.read())
        return [_describe(f"{path}/{each.path}", each.item) for each in found]

    def _find(self, path: str) -> dict[str, Any] | None:
        """
        Return what :meth:`info` does, or None if nothing is there. That Graph does not answer is an error.

        It does not look for what is there instead, as an error does that names what is missing.
        """
        path = self._strip_protocol(path)
        try:
            if parse_path(path).library is None:
                return self.info(path)
            address = self._address(path)
        except FileNotFoundError:
            return None
        with os_errors(path):
            item = self.client.run(find_item(address, follow=True))
        return None if item is None else _describe(path, item)

    def exists(self, path: str, **_: Any) -> bool:
        """Whether something is there. That Graph does not answer is an error, and not a no."""
        return self._find(path) is not None

    def isfile(self, path: str) -> bool:
        """Whether a file is there."""
        return (self._find(path) or {}).get("type") == "file"

    def isdir(self, path: str) -> bool:
        """Whether a folder is there."""
        return (self._find(path) or {}).get("type") == "directory"

    def created(self, path: str) -> datetime:
        """Return when it was made."""
        return datetime.fromtimestamp(self.info(path)["created"], UTC)

    def modified(self, path: str) -> datetime:
        """Return when it was last changed."""
        return datetime.fromtimestamp(self.info(path)["mtime"], UTC)

    def ukey(self, path: str) -> str:
        """Return a text that changes when the file does."""
        return hashlib.sha256(str(self.info(path).get("etag")).encode()).hexdigest()

    def checksum(self, path: str) -> int:
        """Return a number that changes when the file does."""
        return int(self.ukey(path), 16)

    # -- files -----------------------------------------------------------------------------------------------

    def open(self, path: str, mode: str = "rb", block_size: int | None = None, **kwargs: Any) -> Any:
        """Open a file; modes are ``r``, ``w`` and ``x``, as bytes or text."""
        if "b" in mode or "w" not in mode or kwargs.get("compression"):
            return super().open(path, mode, block_size=block_size, **kwargs)
        text = {key: kwargs.pop(key) for key in ("encoding", "errors", "newline") if key in kwargs}
        return TextWriter(super().open(path, "wb", block_size=block_size, **kwargs), **text)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        options = {"block_size": block_size or BLOCK, "autocommit": autocommit, **kwargs}
        if mode == "rb":
            return DriveReader(self, path, self._address(path), cache_options=cache_options, **options)
        if mode in {"wb", "xb"}:
            behavior = "replace" if mode == "wb" else "fail"
            return DriveWriter(self, path, self._new_address(path), behavior, **options)
        raise io.UnsupportedOperation(_APPEND if "a" in mode else f"Mode {mode!r} is not supported.")

    # -- folders ---------------------------------------------------------------------------------------------

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Make a folder."""
        address = self._new_address(path)
        if self.exists(path):
            raise FileExistsError(errno.EEXIST, "It exists", path)
        with os_errors(path):
            if create_parents or address.parent is None:
                self.client.run(ensure_folder(address))
            else:
                parent = self.client.run(get_folder(address.parent))
                self.client.run(make(parent.ref, address.names[-1]))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder, and those above it."""
        if not exist_ok:
            self.mkdir(path)
            return
        with os_errors(path):
            self.client.run(ensure_folder(self._new_address(path)))

    def rmdir(self, path: str) -> None:
        """Delete an empty folder."""
        folder = self._get(self._strip_protocol(path))
        if not folder.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "Is not a folder", path)
        if self.ls(path):
            raise OSError(errno.ENOTEMPTY, "The folder is not empty", path)
        self._delete(path, folder)

    def rm_file(self, path: str) -> None:
        """Delete a file: it goes to the recycle bin."""
        item = self._get(self._strip_protocol(path))
        if item.is_folder:
            raise IsADirectoryError(errno.EISDIR, "Is a folder", path)
        self._delete(path, item)

    _rm = rm_file

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """
        Delete files, or with ``recursive`` folders with all that is in them: they go to the recycle bin.

        A path with ``*``, ``?`` or ``[`` is a glob, unless something has that name.
        """
        for each in [path] if isinstance(path, str) else path:
            is_glob = has_magic(str(each)) and not self.exists(each)
            for found in self.expand_path(each, maxdepth=maxdepth) if is_glob else [each]:
                if recursive:
                    self._delete(found, self._get(self._strip_protocol(found)))
                else:
                    self.rm_file(found)

    def _delete(self, path: str, item: DriveItem) -> None:
        with os_errors(path):
            self.client.run(delete_unchanged(item))

    # -- copies and moves, made by Graph ---------------------------------------------------------------------

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Copy a file, in place of what has the name. Graph makes the copy, and it is verified."""
        source = self._get(self._strip_protocol(path1))
        if source.is_folder:
            self.makedirs(path2, exist_ok=True)
            return
        folder, name = self._target(path2)
        order = CopyOrder(source.ref, folder, name, "replace")
        with os_errors(path2):
            wait = self.client.wait(COPY_TIMEOUT)
            self.client.run(wait_for_copy(self.client.submit_copy(order, wait), wait))

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        """
        Move or rename a file or folder, if it has not changed since. A file that has the name is replaced.

        To another drive, it is copied, verified and deleted. What is moved to a folder goes into it.
        """
        item = self._get(self._strip_protocol(path1))
        if str(path2).endswith("/") or self.isdir(path2):
            path2 = f"{self._strip_protocol(path2)}/{item.name}"
        folder, name = self._target(path2)
        order = MoveOrder(
            item.ref, folder, name, item.etag, "replace" if not item.is_folder else "fail", cross_drive="copy"
        )
        with os_errors(path2):
            self.client.run(move_item(order, self.client.wait(COPY_TIMEOUT)))

    mv_file = mv

    def _target(self, path: str) -> tuple[ItemRef, str]:
        """Return the folder that a path is in, which is made if it is missing, and the name."""
        address = self._new_address(path)
        if address.parent is None:
            raise IsADirectoryError(errno.EISDIR, "Is the root of a library", path)
        with os_errors(path):
            return self.client.run(ensure_folder(address.parent)).folder.ref, address.names[-1]


def _describe(path: str, item: DriveItem) -> dict[str, Any]:
    kind = "directory" if item.is_folder else "file" if item.kind == "file" else "other"
    return {
        "name": path,
        "size": 0 if item.is_folder else item.size,
        "type": kind,
        "created": item.created,
        "mtime": item.modified,
        "ino": int(hashlib.sha256(str(item.ref).encode()).hexdigest()[:15], 16),
        "etag": item.etag,
        "quickXorHash": item.quick_xor_hash,
        **item.ref.as_dict(),
    }
