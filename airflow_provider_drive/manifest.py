"""What came of the documents of an archive: counts for the XCom, a line of JSON for each in a manifest."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from airflow_provider_drive.exceptions import DriveAddressError, DriveArgumentError, DriveError
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.items.listing import ListedItem
from airflow_provider_drive.protocol.items.transfer import check_file
from airflow_provider_drive.protocol.wire.addresses import ItemRef, is_id
from airflow_provider_drive.protocol.wire.items import DriveItem, read_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_drive.hooks.drive import DriveHook
    from airflow_provider_drive.protocol.archive.delete_originals import Deletion

MAX_FAILURES = MAX_PLANNED = 100
"""That are told in the summary; the manifest tells of all."""
KEPT, TO_BE_DELETED, DELETED, GONE = "kept", "to be deleted", "deleted", "gone"
_NOT_SHOWN = "kept: its copy was found, and was not shown to be the same byte for byte"
_NO_ETAG = "kept: it had no eTag"
_NOT_MET = "kept: a later try found it, but not among what it was to archive"
_GONE = "it was gone when the next try looked for it"
_STATES = ("copied", "there", "failed", "planned", "gone")
_LONGEST_LINE = 1 << 20
_AT_ONCE = 160
_LOCAL = {"file", "local"}


class ArchiveReport:
    """
    What came of the documents.

    The lines are in a temporary file, so that two hundred thousand take no more memory than ten.

    :param run: The task and its run, by which the lines of earlier tries are known; None for a dry run.
    :param deletes: Whether originals are to be deleted.
    """

    def __init__(self, run: str | None = None, *, deletes: bool = False) -> None:
        self.counts = dict.fromkeys(_STATES, 0)
        self.deleted = self.bytes = 0
        self.whole_folders: set[str] = set()
        self.documents_in_folders = 0
        self.failures: list[dict[str, Any]] = []
        self.planned: list[dict[str, str]] = []
        self.places: set[str] = set()
        self._run, self._deletes = run, deletes
        self._file = _open()

    def add(self, outcome: Outcome) -> None:
        """Note what came of a document."""
        self.counts[outcome.state] += 1
        found, copy = outcome.found, outcome.copy
        destination = None if copy is None else _told(copy)
        if outcome.state == "planned":
            destination = {"path": outcome.to}
            if outcome.how == "document":
                self.places.add(outcome.to.rpartition("/")[0])
            if len(self.planned) < MAX_PLANNED:
                self.planned.append({"path": found.path, "to": outcome.to, "how": outcome.how})
        if outcome.state in {"copied", "planned"}:
            self.bytes += found.item.size or 0
        if outcome.state == "planned" and outcome.how == "folder":
            self.whole_folders.add(outcome.reason)
            self.documents_in_folders += 1
        if outcome.state == "failed":
            self._tell_failure(found.path, found.item.ref.as_dict(), outcome.reason)
        line = {
            "path": found.path,
            "outcome": outcome.state,
            "how": outcome.how,
            "source": _told(found.item),
            "destination": destination,
            "shown": outcome.is_verified,
            "ours": outcome.is_ours,
            "original": self._fate_of_original(outcome),
            "reason": outcome.reason or None,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "run": self._run,
        }
        _write(self._file, line)

    def _fate_of_original(self, outcome: Outcome) -> str:
        """Say what is to become of it. Without an eTag nobody knows whether it is still what was copied."""
        if not self._deletes or outcome.state not in {"copied", "there"}:
            return KEPT
        if not outcome.is_verified:
            return _NOT_SHOWN
        return TO_BE_DELETED if outcome.found.item.etag else _NO_ETAG

    @property
    def content(self) -> BinaryIO:
        """All lines, as a manifest has them."""
        self._file.seek(0)
        return self._file

    def lines(self) -> Iterator[dict[str, Any]]:
        """Return the lines, one by one."""
        for line in self.content:
            yield json.loads(line)

    def to_be_deleted(self) -> Iterator[Outcome]:
        """Return, one by one, what came of the documents whose copies were shown to be whole."""
        for line in self.lines():
            if line["original"] == TO_BE_DELETED:
                original, copy = _item(line["source"]), _item(line["destination"])
                found = ListedItem(line["path"], original)
                yield Outcome(line["outcome"], found, copy=copy, is_verified=True, is_ours=line["ours"])

    def sources(self) -> set[str]:
        """Return the ids of the originals."""
        return {line["source"]["id"] for line in self.lines()}

    def count_deleted(self, before: Mapping[str, int]) -> None:
        """
        Count the originals that an earlier try has deleted, where no manifest tells of them.

        :param before: How many, by what came of their documents; how many were ``deleted`` and ``gone``; and
            ``bytes``.
        """
        for state, count in before.items():
            if state in self.counts:
                self.counts[state] += count
        self.bytes += before.get("bytes", 0)
        self.deleted += before.get("deleted", 0)

    def note_deletions(self, not_deleted: Mapping[str, Deletion]) -> None:
        """
        Note what became of the originals that were to be deleted.

        :param not_deleted: What became of those that were not, by their ids.
        """
        noted = _open()
        for line in self.lines():
            if line["original"] == TO_BE_DELETED:
                deletion = not_deleted.get(line["source"]["id"])
                self._note_deletion(line, deletion)
            _write(noted, line)
        self._replace(noted)

    def _note_deletion(self, line: dict[str, Any], deletion: Deletion | None) -> None:
        if deletion is None:
            line["original"] = DELETED
            self.deleted += 1
        elif deletion.state == "gone":
            line["original"] = GONE
            self.counts["gone"] += 1
        else:
            line["original"] = f"kept: {deletion.reason}"
            self.counts["failed"] += 1
            self._tell_failure(line["path"], line["source"], f"copied, but not deleted: {deletion.reason}")

    def keep_lines(
        self,
        before: Iterator[bytes],
        look: Callable[[Sequence[ItemRef]], Sequence[DriveItem | DriveError | None]],
    ) -> int:
        """
        Keep the lines of an earlier try about originals that are gone, or were about to be deleted.

        :param before: The manifest as it is, line by line. The lines of another run are left.
        :param look: Reads items by their ids.
        :return: How many originals the earlier try has deleted.
        """
        ours: set[str] = set()
        failed: set[str] = set()
        found: set[str] = set()
        for line in self.lines():
            (failed if line["outcome"] == "failed" else ours).add(line["source"]["id"])
        kept = _open()
        missed = self._missed(before, ours)
        while some := list(islice(missed, _AT_ONCE)):
            unknown = [line for line in some if line["original"] != DELETED or line["source"]["id"] in failed]
            seen = dict(zip(map(_ref, unknown), look([_ref(line) for line in unknown]), strict=True))
            for line in some:
                item_id, there = line["source"]["id"], seen.get(_ref(line))
                if item_id in failed:
                    if there is not None:
                        continue  # this try tells of it
                    found.add(item_id)
                _update(line, there)
                _write(kept, line)
                ours.add(item_id)
        self._leave_failures(found)
        return self._append(kept)

    def _missed(self, before: Iterator[bytes], ours: set[str]) -> Iterator[dict[str, Any]]:
        """Return the lines of this run that may be about originals which this try could not meet again."""
        for text in before:
            line = read_line(text)
            if line is None:
                continue
            if line.get("run") != self._run:
                return
            is_archived = line["shown"] and line["outcome"] in {"copied", "there"}
            if is_archived and line["original"] != KEPT and line["source"]["id"] not in ours:
                yield line

    def _append(self, kept: BinaryIO) -> int:
        """Count lines of an earlier try as this one's; return how many originals it has deleted."""
        deleted = 0
        self._file.seek(0, 2)
        kept.seek(0)
        for line in map(json.loads, kept):
            self.counts[line["outcome"]] += 1
            self.bytes += (line["outcome"] == "copied") * (read_size(line["source"].get("size")) or 0)
            deleted += line["original"] == DELETED
            _write(self._file, line)
        kept.close()
        self.deleted += deleted
        return deleted

    def _leave_failures(self, ids: set[str]) -> None:
        """Leave out that documents were not found which an earlier try has archived, and deleted."""
        if not ids:
            return
        rest = _open()
        self.counts["failed"], self.failures = 0, []
        for line in self.lines():
            if line["outcome"] == "failed":
                if line["source"]["id"] in ids:
                    continue
                self.counts["failed"] += 1
                self._tell_failure(line["path"], line["source"], line["reason"])
            _write(rest, line)
        self._replace(rest)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def _replace(self, file: BinaryIO) -> None:
        self._file.close()
        self._file = file

    def _tell_failure(self, path: str, item: Mapping[str, Any], reason: str) -> None:
        if len(self.failures) < MAX_FAILURES:
            ids = {key: item[key] for key in ("driveId", "id")}
            self.failures.append({"path": path, **ids, "reason": reason})


def read_line(text: bytes) -> dict[str, Any] | None:
    """Read a line of a manifest that an earlier try may have written; None if it is anything else."""
    try:
        line = json.loads(text)
        _written(line)  # half a character, or a number that is none, cannot be kept
    except (ValueError, RecursionError):
        return None
    source = line.get("source") if isinstance(line, dict) else None
    if not isinstance(source, Mapping) or not all(is_id(source.get(key)) for key in ("driveId", "id")):
        return None
    texts = all(isinstance(line.get(key), str) for key in ("path", "original"))
    sound = texts and isinstance(line.get("shown"), bool) and line.get("outcome") in _STATES
    return line if sound else None


class ManifestStore(Protocol):
    """
    Where a manifest goes.

    :ivar takes_plans: Whether a dry run may write there: nothing would be lost but an older plan.
    """

    @property
    def takes_plans(self) -> bool:
        """Whether a dry run may write there."""

    def write(self, content: BinaryIO) -> None:
        """Write it, as a whole or not at all."""

    def lines(self) -> Iterator[bytes]:
        """Return the lines of what is there."""


def open_manifest(manifest: Any, hook: DriveHook) -> ManifestStore:
    """
    Find out where a manifest goes.

    :param manifest: A URL of Airflow's object storage, or a drive address with a path.
    :raises DriveArgumentError: If it cannot be written there.
    """
    try:
        address = hook.address(manifest)
    except DriveAddressError as error:
        if "://" not in str(manifest) or str(manifest).startswith(("http://", "https://")):
            raise DriveArgumentError(
                f"A manifest goes to a URL of Airflow's object storage, or to a drive. {error}"
            ) from None
        return _Stored(manifest)
    check_file(address)
    return _InADrive(manifest, hook)


class _InADrive:
    """A manifest in a drive."""

    takes_plans = False

    def __init__(self, manifest: Any, hook: DriveHook) -> None:
        self._manifest, self._hook = manifest, hook

    def write(self, content: BinaryIO) -> None:
        self._hook.write_file(self._manifest, content)

    def lines(self) -> Iterator[bytes]:
        with tempfile.TemporaryFile() as file:
            if self._hook.read_file(self._manifest, file):
                file.seek(0)
                yield from _lines(file)


class _Stored:
    """A manifest in Airflow's object storage."""

    def __init__(self, manifest: Any) -> None:
        from airflow.providers.common.compat.sdk import ObjectStoragePath  # noqa: PLC0415  # it takes its time

        try:
            self._path: Any = ObjectStoragePath(manifest)
            self._path.fs  # noqa: B018  # it is an error where nothing can write to such URLs
        except (ValueError, ImportError) as error:
            raise DriveArgumentError(f"A manifest cannot be written to {manifest!r}: {error}.") from error

    @property
    def takes_plans(self) -> bool:
        first = next(self.lines(), b"")
        line = read_line(first)
        return not first or (line is not None and line.get("run", "") is None)

    def write(self, content: BinaryIO) -> None:
        if self._path.protocol not in _LOCAL:
            with self._path.open("wb") as file:
                shutil.copyfileobj(content, file)
            return
        path = Path(self._path.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            shutil.copyfileobj(content, file)
        part.replace(path)  # a process that is killed meanwhile leaves what was there

    def lines(self) -> Iterator[bytes]:
        if self._path.exists():
            with self._path.open("rb") as file:
                yield from _lines(file)


def _lines(file: Any) -> Iterator[bytes]:
    """Return a file's lines; what has none is not read into memory as one."""
    return iter(partial(file.readline, _LONGEST_LINE), b"")


def _update(line: dict[str, Any], there: DriveItem | DriveError | None) -> None:
    """Write into a line of an earlier try what has become of the original."""
    if isinstance(there, DriveError):
        return  # if it is to be deleted, to delete it tells
    if there is not None:
        line["original"] = _NOT_MET
    elif line["original"] == TO_BE_DELETED:
        line["original"], line["reason"] = DELETED, _GONE
    elif line["original"] != DELETED:
        line["reason"] = _GONE


def _open() -> BinaryIO:
    return tempfile.TemporaryFile()


def _write(file: BinaryIO, line: Mapping[str, Any]) -> None:
    file.write(_written(line))


def _written(line: Any) -> bytes:
    return json.dumps(line, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _ref(line: Mapping[str, Any]) -> ItemRef:
    return ItemRef(line["source"]["driveId"], line["source"]["id"])


def _item(told: Mapping[str, Any]) -> DriveItem:
    """Return an item as :func:`_told` has told it."""
    return DriveItem(
        ItemRef(told["driveId"], told["id"]),
        told["name"],
        parent_id=told["parentId"],
        kind=told["kind"],
        size=told["size"],
        etag=told["eTag"],
        hashes=told["hashes"],
        modified=told["modified"],
    )


def _told(item: DriveItem) -> dict[str, Any]:
    return {
        **item.ref.as_dict(),
        "parentId": item.parent_id,
        "kind": item.kind,
        "hashes": dict(item.hashes),
        "modified": item.modified,
        "name": item.name,
        "eTag": item.etag,
        "size": item.size,
        "quickXorHash": item.quick_xor_hash,
    }
