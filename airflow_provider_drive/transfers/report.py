"""The report of a transfer: counts and files for the XCom, and the lines of the manifest."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

from airflow_provider_drive.manifest import STATES, read_line, write_line
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.items import DriveItem, read_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.transfers.storage import StoredFile

State = Literal["copied", "there", "failed", "planned", "gone"]
MAX_FILES = 1_000
"""Files that the XCom lists; the manifest lists all."""
MAX_FAILURES = 100
KEPT, GONE = "kept", "gone"
PENDING = {"delete": "to be deleted", "move": "to be moved"}
DONE = {"delete": "deleted", "move": "moved"}
_NOT_PROVEN = "kept: Graph lists another size or hash, or none, so that the bytes could not be compared"
_NO_ETAG = "kept: it had no eTag"
_NOT_SELECTED = "kept: a later try found it, but not among what it was to hand over"
_GONE = "it was gone when the next try looked for it"
_LOOKUP_SIZE = 160
"""Lines of an earlier try that are compared with the drive at a time."""


class Outcome(NamedTuple):
    """
    What came of a document.

    :param state: ``copied``; ``there`` if the destination held its content; ``failed``; ``planned`` in a dry
        run; ``gone`` if it was deleted after it was listed.
    :param path: Below the destination.
    :param item: The document, as it was when its bytes were read.
    :param stored: The file in object storage; only its URL counts if it is planned.
    :param is_proven: Whether size and quickXorHash of the file are those that Graph lists.
    """

    state: State
    path: str
    item: DriveItem
    stored: StoredFile | None = None
    reason: str = ""
    is_proven: bool = False


class TransferReport:
    """
    The outcomes of the documents. Their lines are in a temporary file, as those of an archive.

    :param run: The task and its run, by which the lines of earlier tries are recognized; None for a dry run.
    :param after: What is done with the originals: ``keep``, ``move`` or ``delete``.
    """

    def __init__(self, run: str | None = None, after: str = "keep") -> None:
        self._run, self._after = run, after
        self._reset()

    def _reset(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys((*STATES, "gone"), 0)
        self.deleted = self.moved = self.bytes = 0
        self.failures: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.planned: list[dict[str, str]] = []
        self._file = _open()

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a document."""
        self._add_line(self._line(outcome))

    def _add_line(self, line: Mapping[str, Any]) -> None:
        """Count a line, and append it."""
        state, source, destination = line["outcome"], line["source"], line["destination"] or {}
        self.counts[state] += 1
        self.bytes += (read_size(source.get("size")) or 0) * (state in {"copied", "planned"})
        if state == "failed" and len(self.failures) < MAX_FAILURES:
            ids = {key: source[key] for key in ("driveId", "id", "uri") if key in source}
            self.failures.append({"path": line["path"], **ids, "reason": line["reason"]})
        if state == "planned" and len(self.planned) < MAX_FAILURES:
            self.planned.append({"path": line["path"], "to": destination["uri"]})
        if state in {"copied", "there"} and len(self.files) < MAX_FILES:
            self.files.append({"path": line["path"], **self._file_of(source, destination)})
        self.counts["gone"] += line["original"] == GONE
        self.deleted += line["original"] == DONE["delete"]
        self.moved += line["original"] == DONE["move"]
        write_line(self._file, line)

    @staticmethod
    def _file_of(source: Mapping[str, Any], destination: Mapping[str, Any]) -> dict[str, Any]:
        """Return the XCom's entry of a file."""
        told = {key: destination.get(key) for key in ("uri", "size", "quickXorHash")}
        return {**told, "eTag": source.get("eTag")}

    def _line(self, outcome: Outcome) -> dict[str, Any]:
        item = outcome.item
        return {
            "path": outcome.path,
            "outcome": outcome.state,
            "how": "document",
            "source": _describe(item),
            "destination": outcome.stored and outcome.stored.as_dict(),
            "shown": outcome.is_proven,
            "original": self._fate_of_original(outcome),
            "reason": outcome.reason or None,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "run": self._run,
        }

    def _fate_of_original(self, outcome: Outcome) -> str:
        """Return what happens to the original. Without an eTag it could be deleted after a change."""
        if self._after not in PENDING or outcome.state not in {"copied", "there"}:
            return KEPT
        if not outcome.is_proven:
            return _NOT_PROVEN
        return PENDING[self._after] if outcome.item.etag else _NO_ETAG

    @property
    def content(self) -> BinaryIO:
        """The lines, as a manifest has them."""
        self._file.seek(0)
        return self._file

    def lines(self) -> Iterator[dict[str, Any]]:
        """Return the lines, one by one."""
        for line in self.content:
            yield json.loads(line)

    def pending(self) -> Iterator[tuple[str, DriveItem]]:
        """Return the paths and the originals that are to be moved or deleted, one by one."""
        for line in self.lines():
            if line["original"] == PENDING.get(self._after):
                source = line["source"]
                yield (
                    line["path"],
                    DriveItem(
                        ItemRef(source["driveId"], source["id"]),
                        source["name"],
                        parent_id=source["parentId"],
                        kind="file",
                        etag=source["eTag"],
                        ctag=source["cTag"],
                    ),
                )

    def record_originals(self, kept: Mapping[str, str]) -> None:
        """
        Record in the lines which originals were moved or deleted.

        :param kept: Why the others were not, by their ids.
        """
        for line in self._start_over():
            if line["original"] == PENDING[self._after]:
                reason = kept.get(line["source"]["id"])
                line["original"] = DONE[self._after] if reason is None else f"kept: {reason}"
                if reason is not None:
                    text = f"handed over, but its original was not {DONE[self._after]}: {reason}"
                    line |= {"outcome": "failed", "reason": text}
            self._add_line(line)

    def merge_earlier(
        self,
        manifest: Iterator[bytes],
        find_items: Callable[[Sequence[ItemRef]], Sequence[DriveItem | DriveError | None]],
    ) -> None:
        """
        Add the lines of an earlier try about originals that it has moved or deleted, or was about to.

        :param manifest: The stored manifest, line by line. Lines of another run are ignored.
        :param find_items: Reads items by their ids.
        """
        seen = {line["source"]["id"] for line in self.lines() if line["outcome"] not in {"failed", "gone"}}
        earlier = [line for line in map(read_line, manifest) if line is not None and self._is_earlier(line)]
        earlier = [line for line in earlier if line["source"]["id"] not in seen]
        for start in range(0, len(earlier), _LOOKUP_SIZE):
            lines = earlier[start : start + _LOOKUP_SIZE]
            unsure = [line for line in lines if line["original"] == PENDING[self._after]]
            refs = [ItemRef(line["source"]["driveId"], line["source"]["id"]) for line in unsure]
            for line, item in zip(unsure, find_items(refs) if refs else (), strict=True):
                line["original"] = self._fate_after_crash(line, item)
                line["reason"] = _GONE if item is None else line["reason"]
        done = {key for line in earlier for key in (line["source"]["id"], line["path"])}
        for line in self._start_over():
            is_missing = line["outcome"] in {"failed", "gone"}
            if not (is_missing and done & {line["source"]["id"], line["path"]}):
                self._add_line(line)
        for line in earlier:
            self._add_line(line)

    def _is_earlier(self, line: Mapping[str, Any]) -> bool:
        is_done = line["original"] in {PENDING[self._after], DONE[self._after], GONE}
        return line.get("run") == self._run and line["shown"] and is_done

    def _fate_after_crash(self, line: Mapping[str, Any], item: DriveItem | DriveError | None) -> str:
        if item is None:
            return GONE
        if not isinstance(item, DriveItem):
            return str(PENDING[self._after])  # nothing is known: a later try may look again
        is_moved = self._after == "move" and item.parent_id != line["source"].get("parentId")
        return DONE["move"] if is_moved else _NOT_SELECTED

    def _start_over(self) -> Iterator[dict[str, Any]]:
        """Return all lines, which are to be added again."""
        file = self.content
        self._reset()
        with file:
            yield from map(json.loads, file)

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()


class UploadReport(TransferReport):
    """The report of an upload: the store is the source, and the drive the destination."""

    def _line(self, outcome: Outcome) -> dict[str, Any]:
        line = super()._line(outcome)
        is_there = outcome.state in {"copied", "there"}
        return {**line, "source": line["destination"], "destination": line["source"] if is_there else None}

    @staticmethod
    def _file_of(source: Mapping[str, Any], destination: Mapping[str, Any]) -> dict[str, Any]:
        ids = {key: destination[key] for key in ("driveId", "id", "name", "size", "eTag", "quickXorHash")}
        return {"uri": source["uri"], **ids}


def _describe(item: DriveItem) -> dict[str, Any]:
    return {
        **item.ref.as_dict(),
        "parentId": item.parent_id,
        "name": item.name,
        "eTag": item.etag,
        "cTag": item.ctag,
        "size": item.size,
        "quickXorHash": item.quick_xor_hash,
    }


def _open() -> BinaryIO:
    return tempfile.TemporaryFile()
