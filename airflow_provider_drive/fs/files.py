"""Open files: read by ranges, and written as a whole."""

from __future__ import annotations

import errno
import io
import shutil
import tempfile
import time
from typing import TYPE_CHECKING, Any

from fsspec.spec import AbstractBufferedFile

from airflow_provider_drive.fs.paths import os_errors
from airflow_provider_drive.protocol.items.download import download, read_download
from airflow_provider_drive.protocol.items.transfer import write_file
from airflow_provider_drive.protocol.wire.quick_xor_hash import QuickXorHash

if TYPE_CHECKING:
    from airflow_provider_drive.fs.filesystem import DriveFileSystem
    from airflow_provider_drive.protocol.wire.addresses import PathAddress

BLOCK = 5 << 20
_URL_SECONDS = 900.0
"""After which a download URL is read again. One lasts about an hour."""


class DriveReader(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """
    A file that is open for reading. A change of it while it is open is an error.

    Of an Office file or a photo, SharePoint may list another size than it sends, so that its end is not known
    before it was read: such a file is read whole.
    """

    def __init__(self, fs: DriveFileSystem, path: str, address: PathAddress, **kwargs: Any) -> None:
        with os_errors(path):
            self._address = address
            self._file = fs.client.run(read_download(address))
            if self._file.item.is_folder:
                raise IsADirectoryError(errno.EISDIR, "Is a folder", path)
            self._read_at, self._whole = time.monotonic(), None
            size = self._file.item.size or 0
            if self._file.item.may_be_rewritten:
                self._whole = tempfile.SpooledTemporaryFile(max_size=BLOCK)  # noqa: SIM115  # closed with this
                size = fs.client.run(download(self._file, self._whole.write)).size
        super().__init__(fs, path, "rb", size=size, **kwargs)

    def _fetch_range(self, start: int, end: int) -> bytes:
        end = min(end, self.size)
        if start >= end:
            return b""
        if self._whole is not None:
            self._whole.seek(start)
            return self._whole.read(end - start)
        content = bytearray()
        with os_errors(self.path):
            self._refresh()
            flow = download(self._file, content.extend, start=start, end=end, size=self.size)
            self.fs.client.run(flow)
        return bytes(content)

    def _refresh(self) -> None:
        if time.monotonic() - self._read_at < _URL_SECONDS:
            return
        now = self.fs.client.run(read_download(self._address))
        if now.item.ctag != self._file.item.ctag or now.item.size != self._file.item.size:
            raise OSError(errno.ESTALE, "The file was changed while it was read", self.path)
        self._file, self._read_at = now, time.monotonic()

    def close(self) -> None:
        """Close the file."""
        if self._whole is not None:
            self._whole.close()
        super().close()


class DriveWriter(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """
    A file that is open for writing. It is uploaded when it is closed, and not there before.

    If the block that writes it ends with an error, it is not uploaded at all.
    """

    def __init__(
        self, fs: DriveFileSystem, path: str, address: PathAddress, behavior: str, **kwargs: Any
    ) -> None:
        self._address, self._behavior = address, behavior
        self._spool: Any = None
        super().__init__(fs, path, "wb", **kwargs)

    def _initiate_upload(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(max_size=BLOCK)  # noqa: SIM115  # closed by discard
        self._hash = QuickXorHash()

    def _upload_chunk(self, final: bool = False) -> bool:
        self._hash.update(self.buffer.getbuffer())
        self.buffer.seek(0)
        shutil.copyfileobj(self.buffer, self._spool)
        if final and self.autocommit:
            self.commit()
        return True

    def commit(self) -> None:
        """Upload the file, and compare what has arrived with what was written."""
        try:
            with os_errors(self.path):
                flow = write_file(
                    self._address, self._hash.size, self._read, conflict_behavior=self._behavior
                )
                item = self.fs.client.run(flow)
        finally:
            self.discard()
        is_known = item.quick_xor_hash is not None and not item.may_be_rewritten
        if is_known and item.quick_xor_hash != self._hash.value:
            raise OSError(errno.EIO, "What has arrived is not what was sent", self.path)

    def _read(self, start: int, size: int) -> bytes:
        self._spool.seek(start)
        return bytes(self._spool.read(size))

    def discard(self) -> None:
        """Forget what was written."""
        if self._spool is not None:
            self._spool.close()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.closed = True
            self.discard()
        self.close()

    def __del__(self) -> None:
        self.closed = True  # fsspec would upload what was never closed


class TextWriter(io.TextIOWrapper):
    """A text file that is not uploaded if the block that writes it ends with an error."""

    def __exit__(self, kind: object, *details: object) -> None:
        if kind is not None:
            self.buffer.__exit__(kind, *details)  # type: ignore[attr-defined]  # it is a DriveWriter
        else:
            self.close()
