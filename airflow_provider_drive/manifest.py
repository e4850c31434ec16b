"""The manifest of an archive: a line of JSON for each document, in a drive or in Airflow's object storage."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from airflow_provider_drive.exceptions import DriveAddressError, DriveArgumentError
from airflow_provider_drive.protocol.items.transfer import check_file
from airflow_provider_drive.protocol.wire.addresses import is_id, parse_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_drive.hooks.drive import DriveHook
    from airflow_provider_drive.protocol.wire.hosts import Hosts

STATES = ("copied", "there", "failed", "planned", "gone")
_MAX_LINE_BYTES = 1 << 20
_LOCAL_PROTOCOLS = {"file", "local"}


class ManifestStore(Protocol):
    """
    Where a manifest is stored.

    :ivar takes_plans: Whether a dry run may write there: nothing is replaced but an older plan.
    :ivar url: Where a browser shows it, if it is in a drive and was written.
    """

    @property
    def url(self) -> str | None:
        """Where a browser shows the manifest."""

    @property
    def takes_plans(self) -> bool:
        """Whether a dry run may write there."""

    def write(self, content: BinaryIO) -> None:
        """Write the manifest, whole or not at all."""

    def lines(self) -> Iterator[bytes]:
        """Return the lines of the stored manifest; none if there is no manifest."""


def open_manifest(manifest: Any, hook: DriveHook, hosts: Hosts) -> ManifestStore:
    """
    Return the store of a manifest.

    :param manifest: A URL of Airflow's object storage, or a drive address with a path.
    :param hosts: The connection's hosts, to tell one from the other.
    :raises DriveArgumentError: If it is neither.
    """
    try:
        address = parse_address(manifest, hosts)
    except DriveAddressError as error:
        if "://" not in str(manifest) or str(manifest).startswith(("http://", "https://")):
            raise DriveArgumentError(
                "Invalid `manifest`: must be a URL of Airflow's object storage, or a drive address with a "
                f"path. {error}"
            ) from None
        return ObjectStorageManifest(manifest)
    check_file(address)
    return DriveManifest(manifest, hook)


class DriveManifest:
    """A manifest in a drive."""

    takes_plans = False

    def __init__(self, manifest: Any, hook: DriveHook) -> None:
        self._manifest, self._hook = manifest, hook
        self._url: str | None = None

    @property
    def url(self) -> str | None:
        """Where a browser shows the manifest, once it was written."""
        return self._url

    def write(self, content: BinaryIO) -> None:
        """Write the manifest, whole or not at all."""
        self._url = self._hook.write_file(self._manifest, content).get("webUrl")

    def lines(self) -> Iterator[bytes]:
        """Return the lines of the stored manifest."""
        with tempfile.TemporaryFile() as file:
            if self._hook.read_file(self._manifest, file):
                file.seek(0)
                yield from _lines_of(file)


class ObjectStorageManifest:
    """A manifest in Airflow's object storage."""

    url = None

    def __init__(self, manifest: Any) -> None:
        from airflow.providers.common.compat.sdk import ObjectStoragePath  # noqa: PLC0415  # slow to import

        try:
            self._path: Any = ObjectStoragePath(manifest)
            self._path.fs  # noqa: B018  # raises if no file system has the URL's scheme
        except (ValueError, ImportError) as error:
            raise DriveArgumentError(f"A manifest cannot be written to {manifest!r}: {error}.") from error

    @property
    def takes_plans(self) -> bool:
        """Whether there is no manifest yet, or only a plan."""
        first = next(self.lines(), b"")
        line = read_line(first)
        return not first or (line is not None and line.get("run", "") is None)

    def write(self, content: BinaryIO) -> None:
        """Write the manifest. A local one is replaced in one step: a killed process leaves the old one."""
        if self._path.protocol not in _LOCAL_PROTOCOLS:
            with self._path.open("wb") as file:
                shutil.copyfileobj(content, file)
            return
        path = Path(self._path.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            shutil.copyfileobj(content, file)
        part.replace(path)

    def lines(self) -> Iterator[bytes]:
        """Return the lines of the stored manifest."""
        if self._path.exists():
            with self._path.open("rb") as file:
                yield from _lines_of(file)


def _lines_of(file: Any) -> Iterator[bytes]:
    """Return a file's lines, each of a limited length: a file without line breaks may not fit into memory."""
    return iter(partial(file.readline, _MAX_LINE_BYTES), b"")


def write_line(file: BinaryIO, line: Mapping[str, Any]) -> None:
    """Append a line to a manifest."""
    file.write(_encode(line))


def read_line(text: bytes) -> dict[str, Any] | None:
    """Read a line of a manifest that an earlier try may have written; None if it is anything else."""
    try:
        line = json.loads(text)
        _encode(line)  # a lone surrogate or NaN cannot be written again
    except (ValueError, RecursionError):
        return None
    source = line.get("source") if isinstance(line, dict) else None
    if not isinstance(source, Mapping) or not all(is_id(source.get(key)) for key in ("driveId", "id")):
        return None
    has_texts = all(isinstance(line.get(key), str) for key in ("path", "original"))
    is_valid = has_texts and isinstance(line.get("shown"), bool) and line.get("outcome") in STATES
    return line if is_valid else None


def _encode(line: Any) -> bytes:
    return json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n"
