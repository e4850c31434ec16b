"""What came of the documents of an archive: counts for the XCom, a line of JSON for each in a manifest."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from airflow_provider_drive.protocol.addresses import ItemRef
from airflow_provider_drive.protocol.items import DriveItem
from airflow_provider_drive.protocol.listing import Found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_drive.protocol.pending import Outcome

MOST_FAILURES = MOST_PLANNED = 100
"""That are told in the summary; the manifest tells of all."""
DELETED, KEPT = "deleted", "kept"
_NOT_SHOWN = "kept: its copy was found, and was not shown to be the same byte for byte"


class Tally:
    """
    What came of the documents.

    The lines are in a temporary file, so that two hundred thousand take no more memory than ten.
    """

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("copied", "there", "failed", "planned"), 0)
        self.deleted = self.bytes = 0
        self.whole_folders: set[str] = set()
        self.documents_in_folders = 0
        self.failures: list[dict[str, Any]] = []
        self.planned: list[dict[str, str]] = []
        self.places: set[str] = set()
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
            if len(self.planned) < MOST_PLANNED:
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
            "shown": outcome.is_shown,
            "original": KEPT,
            "reason": outcome.reason or None,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        _write(self._file, line)

    def lines(self) -> Iterator[dict[str, Any]]:
        """Return the lines, one by one."""
        self._file.seek(0)
        for line in self._file:
            yield json.loads(line)

    def originals(self) -> Iterator[Found]:
        """Return the documents whose copies were shown to be whole, one by one: these may be deleted."""
        for line in self.lines():
            if line["shown"]:
                source = line["source"]
                ref = ItemRef(source["driveId"], source["id"])
                yield Found(line["path"], DriveItem(ref, source["name"], etag=source["eTag"]))

    def note_deletions(self, failures: Mapping[str, str]) -> None:
        """
        Note what became of the originals.

        :param failures: Why some could not be deleted, by their ids.
        """
        noted = _open()
        for line in self.lines():
            if line["shown"]:
                reason = failures.get(line["source"]["id"])
                line["original"] = DELETED if reason is None else f"kept: {reason}"
                self.deleted += reason is None
                if reason is not None:
                    self.counts["failed"] += 1
                    self._tell_failure(line["path"], line["source"], f"copied, but not deleted: {reason}")
            elif line["outcome"] in {"copied", "there"}:
                line["original"] = _NOT_SHOWN
            _write(noted, line)
        self._file.close()
        self._file = noted

    def keep_lines(self, before: Iterator[dict[str, Any]]) -> None:
        """Keep the lines of an earlier try about originals that it has deleted: they are gone."""
        ours = {line["source"]["id"] for line in self.lines()}
        self._file.seek(0, 2)
        for line in before:
            if line.get("original") == DELETED and line["source"]["id"] not in ours:
                self.counts[line["outcome"]] += 1
                self.deleted += 1
                _write(self._file, line)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def _tell_failure(self, path: str, item: Mapping[str, Any], reason: str) -> None:
        if len(self.failures) < MOST_FAILURES:
            ids = {key: item[key] for key in ("driveId", "id")}
            self.failures.append({"path": path, **ids, "reason": reason})


def _open() -> TextIO:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


def _write(file: TextIO, line: dict[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _told(item: DriveItem) -> dict[str, Any]:
    return {
        **item.ref.as_dict(),
        "name": item.name,
        "eTag": item.etag,
        "size": item.size,
        "quickXorHash": item.quick_xor_hash,
    }
