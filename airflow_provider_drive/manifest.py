"""The manifest of an archive: a line of JSON for each document, in a drive or in Airflow's object storage."""

from __future__ import annotations

import io
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from airflow_provider_drive.exceptions import DriveAddressError, DriveArgumentError, DriveNameConflictError
from airflow_provider_drive.protocol.archive.manifest_place import check_manifest_place
from airflow_provider_drive.protocol.items.transfer import check_file
from airflow_provider_drive.protocol.wire.addresses import is_id, parse_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.hooks.drive import DriveHook
    from airflow_provider_drive.protocol.archive.order import ArchiveOrder
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.hosts import Hosts

STATES = ("copied", "there", "failed", "planned")
_MAX_LINE_BYTES = 1 << 20
_MAX_LINES_WITHOUT_OWNER = 100
_NO_DOCUMENT = "There was no document: nothing was done."
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

    def create(self, content: bytes) -> None:
        """
        Write the manifest if there is none.

        :raises FileExistsError: If there is one.
        :raises DriveNameConflictError: The same, in a drive.
        """

    def write(self, content: BinaryIO) -> None:
        """Write the manifest, whole or not at all."""

    def lines(self) -> Iterator[bytes]:
        """Return the lines of the stored manifest; none if there is no manifest."""


class Manifest:
    """
    The manifest of one task in one run, which overwrites no other file.

    :param store: Where it is stored.
    :param manifest: Its address, for errors.
    :param run: The task and its run, as each line names them: whose manifest it is; None for a dry run.
    :param address: Its address in a drive; None if it is in object storage.
    """

    def __init__(self, store: ManifestStore, manifest: Any, run: str | None, address: Address | None) -> None:
        self._store, self._manifest, self._run = store, manifest, run
        self.address = address
        self.lines = store.lines

    @property
    def takes_plans(self) -> bool:
        """Whether a dry run may write there."""
        return self._store.takes_plans

    @property
    def url(self) -> str | None:
        """Where a browser shows the manifest, if it is in a drive and was written."""
        return self._store.url

    def prepare(self, order: ArchiveOrder, client: DriveClient) -> None:
        """
        Check that the manifest has an address of its own, and write a first line if there is none.

        Another task that is given the same address is refused from then on.

        :param order: What is to be archived.
        :raises DriveArgumentError: If the address is in the source, or a document's, or if another task's
            manifest or another file is there.
        """
        self.claim(create=self.address is None or client.run(check_manifest_place(self.address, order)))

    def claim(self, *, create: bool = True) -> None:
        """
        Write a first line if there is no manifest yet, so that another task is refused its address.

        :param create: Whether it may be written now. Default is ``True``.
        :raises DriveArgumentError: If another task's manifest or another file is there.
        """
        if self._run is not None and self._check_owner() is None and create:
            with suppress(FileExistsError, DriveNameConflictError):
                self._store.create(_encode({"run": self._run}))
            self._check_owner()

    def write(self, content: BinaryIO) -> None:
        """
        Write the manifest, whole or not at all. Without a document it has one line, which says so.

        :raises DriveArgumentError: If another task's manifest is there, or another file.
        """
        self._check_owner()
        if self._run is not None and not content.read(1):
            content = io.BytesIO(_encode({"run": self._run, "note": _NO_DOCUMENT}))
        content.seek(0)
        self._store.write(content)

    def _check_owner(self) -> str | None:
        owner = _read_owner(self._store.lines())
        if owner not in {None, self._run}:
            raise DriveArgumentError(
                f"The manifest {self._manifest} cannot be written: "
                f"{f'{owner!r} has its manifest there' if owner else 'another file is there'}, and it is not "
                "overwritten. Give each task of each run a manifest of its own: "
                "…/{{ run_id | replace(':', '-') }}-{{ ti.map_index }}.jsonl"
            )
        return owner


def open_manifest(manifest: Any, hook: DriveHook, hosts: Hosts, run: str | None) -> Manifest:
    """
    Return a task's manifest.

    :param manifest: A URL of Airflow's object storage, or a drive address with a path.
    :param hosts: The connection's hosts, to tell one from the other.
    :param run: The task and its run; None for a dry run.
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
        storage = ObjectStorageManifest(manifest)
        if storage.is_local and _has_many_workers():
            hook.log.warning(
                "The manifest %s is a file of this worker: a retry on another worker does not find it. Give "
                "a drive address, or a URL of a storage that all workers have.",
                manifest,
            )
        return Manifest(storage, manifest, run, None)
    check_file(address)
    return Manifest(DriveManifest(manifest, hook), manifest, run, address)


def _has_many_workers() -> bool:
    """Whether one of Airflow's executors runs tasks on other machines than the scheduler's."""
    from airflow.providers.common.compat.sdk import conf  # noqa: PLC0415  # only for a manifest in object storage

    executors = conf.get("core", "executor", fallback="LocalExecutor").split(",")
    return any(not re.search(r"\b(?:Local|Sequential)Executor$", name.strip()) for name in executors)


def describe_run(context: Mapping[str, Any]) -> str:
    """Return the task and its run, as the lines of a manifest name them: the same in each try."""
    ti = context["ti"]
    names = [str(getattr(ti, name, "")) for name in ("dag_id", "run_id", "task_id", "map_index")]
    return " ".join(names).removesuffix(" -1")


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

    def create(self, content: bytes) -> None:
        """Write the manifest if there is none."""
        self._hook.write_file(self._manifest, content, conflict_behavior="fail")

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

        is_local = self._path.protocol in _LOCAL_PROTOCOLS
        if str(manifest).endswith("/") or (is_local and Path(self._path.path).is_dir()):
            raise DriveArgumentError(f"A manifest cannot be written to {manifest!r}: it is a folder.")

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine."""
        return self._path.protocol in _LOCAL_PROTOCOLS

    @property
    def takes_plans(self) -> bool:
        """Whether there is no manifest yet, or only a plan."""
        return _read_owner(self.lines()) is None

    def create(self, content: bytes) -> None:
        """Write the manifest if there is none. Only a local one is certain not to replace a file."""
        if not self.is_local:
            self.write(io.BytesIO(content))
            return
        path = Path(self._path.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)

    def write(self, content: BinaryIO) -> None:
        """Write the manifest. A local one is replaced in one step: a killed process leaves the old one."""
        if not self.is_local:
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


def _read_owner(lines: Iterator[bytes]) -> str | None:
    """
    Return the task and run of a manifest, as its first valid line names them.

    None if there is no content, or the plan of a dry run; empty if it is no manifest.
    """
    first_lines = list(islice(lines, _MAX_LINES_WITHOUT_OWNER))
    for text in first_lines:
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        run = line.get("run") if isinstance(line, dict) else None
        if isinstance(run, str):
            return run
        if (valid := read_line(text)) is not None and valid.get("run", "") is None:
            return None
    return "" if first_lines else None


def describe_nothing(counts: Mapping[str, Any]) -> str | None:
    """
    Say so if a run found nothing to do; None if it has done something.

    :param counts: Documents by the state of their outcome, and originals that were deleted or moved.
    """
    if any(counts.get(key) for key in ("copied", "failed", "planned", "gone", "deleted", "moved")):
        return None
    if counts["there"]:
        return "Nothing was left to copy: an earlier try, another run or somebody else had copied all of it."
    return _NO_DOCUMENT


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
