"""The report of an archive: counts for the XCom, and the lines of the manifest."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.manifest import STATES, read_line, write_line
from airflow_provider_drive.protocol.archive.delete_originals import Deletion
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.items.listing import ListedItem
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.items import DriveItem, read_size

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from airflow_provider_drive.manifest import Manifest
    from airflow_provider_drive.protocol.archive.state import ArchiveState

    FindItems = Callable[[Sequence[ItemRef]], Sequence[DriveItem | DriveError | None]]

MAX_FAILURES = MAX_PLANNED = 100
"""Documents that the summary lists; the manifest lists all."""
KEPT, TO_BE_DELETED, DELETED, GONE = "kept", "to be deleted", "deleted", "gone"
_NOT_VERIFIED = "kept: its copy was found, and was not shown to be the same byte for byte"
_NO_ETAG = "kept: it had no eTag"
_RIVALLED = "another document of this archive has its name, and a later try might replace this copy with it"
_NOT_SELECTED = "kept: a later try found it, but not among what it was to archive"
_GONE = "it was gone when the next try looked for it"
_LOOKUP_SIZE = 160
"""Lines of an earlier try that are compared with the drive at a time."""


class ArchiveReport:
    """
    The outcomes of the documents.

    The lines are in a temporary file: 200,000 of them take no more memory than ten.

    :param run: The task and its run, by which the lines of earlier tries are recognized; None for a dry run.
    :param deletes: Whether originals are to be deleted.
    """

    def __init__(self, run: str | None = None, *, deletes: bool = False) -> None:
        self.counts = dict.fromkeys((*STATES, "gone"), 0)
        self.deleted = self.bytes = 0
        self.whole_folders: set[str] = set()
        self.documents_in_folders = 0
        self.failures: list[dict[str, Any]] = []
        self.planned: list[dict[str, str]] = []
        self.target_folders: set[str] = set()
        self.deletes, self.is_stored = deletes, False
        self._run = run
        self._not_deleted: dict[str, Deletion] = {}
        self._file = _open()

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a document."""
        item = outcome.found.item
        self.counts[outcome.state] += 1
        self.counts["gone"] += outcome.is_gone
        if outcome.state in {"copied", "planned"}:
            self.bytes += item.size or 0
        if outcome.state == "planned":
            self._add_to_plan(outcome)
        if outcome.state == "failed":
            self._add_failure(outcome.found.path, item.ref.as_dict(), outcome.reason)
        if outcome.rival:
            self._not_deleted[outcome.rival] = Deletion("kept", _RIVALLED)
        write_line(self._file, self._line(outcome))

    def _add_to_plan(self, outcome: Outcome) -> None:
        if outcome.how == "folder":
            self.whole_folders.add(outcome.reason)
            self.documents_in_folders += 1
        else:
            self.target_folders.add(outcome.to.rpartition("/")[0])
        if len(self.planned) < MAX_PLANNED:
            self.planned.append({"path": outcome.found.path, "to": outcome.to, "how": outcome.how})

    def _add_failure(self, path: str, item: Mapping[str, Any], reason: str) -> None:
        if len(self.failures) < MAX_FAILURES:
            ids = {key: item[key] for key in ("driveId", "id")}
            self.failures.append({"path": path, **ids, "reason": " ".join(reason.splitlines())})

    def _line(self, outcome: Outcome) -> dict[str, Any]:
        destination: dict[str, Any] | None = None
        if outcome.state == "planned":
            destination = {"path": outcome.to}
        elif outcome.copy is not None:
            destination = _describe(outcome.copy)
        return {
            "path": outcome.found.path,
            "outcome": outcome.state,
            "how": outcome.how,
            "source": _describe(outcome.found.item),
            "destination": destination,
            "shown": outcome.is_verified,
            "ours": outcome.is_ours,
            "original": self._fate_of_original(outcome),
            "reason": outcome.reason or None,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "run": self._run,
        }

    def _fate_of_original(self, outcome: Outcome) -> str:
        """Return what happens to the original. Without an eTag it could be deleted after a change."""
        if outcome.is_gone:
            return GONE
        if not self.deletes or outcome.state not in {"copied", "there"}:
            return KEPT
        if not outcome.is_verified:
            return _NOT_VERIFIED
        return TO_BE_DELETED if outcome.found.item.etag else _NO_ETAG

    @property
    def content(self) -> BinaryIO:
        """The lines, as a manifest has them."""
        self._file.seek(0)
        return self._file

    def store(self, manifest: Manifest) -> None:
        """Write the lines to where the manifest is."""
        manifest.write(self.content)
        self.is_stored = True

    def lines(self) -> Iterator[dict[str, Any]]:
        """Return the lines, one by one."""
        for line in self.content:
            yield json.loads(line)

    def to_be_deleted(self) -> Iterator[Outcome]:
        """Return the outcomes of the documents whose originals are to be deleted, one by one."""
        for line in self.lines():
            if line["original"] == TO_BE_DELETED and line["source"]["id"] not in self._not_deleted:
                found = ListedItem(line["path"], _read_item(line["source"], line["path"]))
                copy = _read_item(line["destination"], line["path"])
                yield Outcome(line["outcome"], found, copy=copy, is_verified=True, is_ours=line["ours"])

    def add_earlier(self, archived: ArchiveState, manifest: Manifest | None, find_items: FindItems) -> int:
        """
        Add what earlier tries archived and deleted, from their manifest and the saved state.

        :return: How many deleted originals the manifest does not list.
        """
        merged: dict[str, int] = {}
        if manifest is not None:
            ids = {source_id for source_id, done in archived.done.items() if done.original == "deleted"}
            merged = self.merge_earlier(manifest.lines(), find_items, ids)
        return self.add_deleted(archived.deleted, merged)

    def add_deleted(self, before: Mapping[str, int], merged: Mapping[str, int]) -> int:
        """
        Count the originals that an earlier try deleted, as far as no manifest lists them.

        :param before: How many, by the states of their documents; how many were ``deleted``; the ``bytes``.
        :param merged: The same of those that a manifest lists.
        :return: How many no manifest lists.
        """
        count = sum(before.get(state, 0) - merged.get(state, 0) for state in STATES)
        if count <= 0:
            return 0
        left = {name: max(0, number - merged.get(name, 0)) for name, number in before.items()}
        copied, deleted = (min(left.get(name, 0), count) for name in ("copied", "deleted"))
        self.counts["copied"] += copied
        self.counts["there"] += count - copied
        self.counts["gone"] += count - deleted
        self.deleted += deleted
        self.bytes += left.get("bytes", 0)
        return count

    def add_deletion(self, found: ListedItem, deletion: Deletion) -> None:
        """Count an original that was deleted, and keep what became of any other."""
        if deletion.state == "deleted":
            self.deleted += 1
        else:
            self._not_deleted[found.item.ref.item_id] = deletion

    def record_deletions(self) -> None:
        """Record in the lines what became of the originals that were to be deleted."""
        file = _open()
        for line in self.lines():
            if line["original"] == TO_BE_DELETED:
                self._record_deletion(line, self._not_deleted.get(line["source"]["id"]))
            write_line(file, line)
        self._replace(file)

    def _record_deletion(self, line: dict[str, Any], deletion: Deletion | None) -> None:
        if deletion is None:
            line["original"] = DELETED
        elif deletion.state == "gone":
            line["original"] = GONE
            self.counts["gone"] += 1
        else:
            line["original"] = f"kept: {deletion.reason}"
            self.counts["failed"] += 1
            self._add_failure(line["path"], line["source"], _kept(line["destination"], deletion.reason))

    def merge_earlier(
        self,
        manifest: Iterator[bytes],
        find_items: FindItems,
        deleted: Container[str] = (),
    ) -> dict[str, int]:
        """
        Add the lines of an earlier try about originals that are gone, or were about to be deleted.

        :param manifest: The stored manifest, line by line. Lines of another run are ignored.
        :param find_items: Reads items by their ids.
        :param deleted: Ids of originals whose deletion Graph has confirmed to an earlier try.
        :return: How many of the originals do not exist any more, as :meth:`add_deleted` takes it.
        """
        succeeded, failed = self._ids_by_success()
        archived_before: set[str] = set()
        file = _open()
        lines = self._lines_to_merge(manifest, succeeded)
        while chunk := list(islice(lines, _LOOKUP_SIZE)):
            unsure = [line for line in chunk if line["original"] != DELETED or line["source"]["id"] in failed]
            refs = [_ref(line) for line in unsure]
            items = dict(zip(refs, find_items(refs), strict=True))
            for line in chunk:
                item_id, item = line["source"]["id"], items.get(_ref(line))
                if item_id in failed:
                    if item is not None:
                        continue  # this try reports it
                    archived_before.add(item_id)
                _update_line(line, item, was_deleted=item_id in deleted)
                write_line(file, line)
                succeeded.add(item_id)
        self._drop_failures(archived_before)
        return self._append(file)

    def _ids_by_success(self) -> tuple[set[str], set[str]]:
        succeeded, failed = set[str](), set[str]()
        for line in self.lines():
            (failed if line["outcome"] == "failed" else succeeded).add(line["source"]["id"])
        return succeeded, failed

    def _lines_to_merge(self, manifest: Iterator[bytes], known: set[str]) -> Iterator[dict[str, Any]]:
        """Return the lines of this run about archived originals that this try did not find again."""
        for text in manifest:
            line = read_line(text)
            if line is None:
                continue
            if line.get("run") != self._run:
                return
            is_archived = line["shown"] and line["outcome"] in {"copied", "there"}
            if is_archived and line["original"] != KEPT and line["source"]["id"] not in known:
                yield line

    def _append(self, earlier: BinaryIO) -> dict[str, int]:
        """Append lines of an earlier try, and count their originals that do not exist any more."""
        missing: Counter[str] = Counter()
        self._file.seek(0, 2)
        earlier.seek(0)
        for line in map(json.loads, earlier):
            size = (line["outcome"] == "copied") * (read_size(line["source"].get("size")) or 0)
            self.counts[line["outcome"]] += 1
            self.bytes += size
            if line["original"] in {DELETED, GONE}:
                missing.update({line["outcome"]: 1, line["original"]: 1, "bytes": size})
            write_line(self._file, line)
        earlier.close()
        self.deleted += missing[DELETED]
        self.counts["gone"] += missing[GONE]
        return missing

    def _drop_failures(self, ids: set[str]) -> None:
        """Drop the failures of documents that are missing since an earlier try archived and deleted them."""
        if not ids:
            return
        file = _open()
        self.counts["failed"], self.failures = 0, []
        for line in self.lines():
            if line["outcome"] == "failed":
                if line["source"]["id"] in ids:
                    continue
                self.counts["failed"] += 1
                self._add_failure(line["path"], line["source"], line["reason"])
            write_line(file, line)
        self._replace(file)

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()

    def _replace(self, file: BinaryIO) -> None:
        self._file.close()
        self._file = file


def _update_line(line: dict[str, Any], item: DriveItem | DriveError | None, *, was_deleted: bool) -> None:
    """Update a line of an earlier try by what is left of the original."""
    if isinstance(item, DriveError):
        return  # the attempt to delete it will tell
    if item is not None:
        line["original"] = _NOT_SELECTED
    elif line["original"] == DELETED or was_deleted:
        line["original"] = DELETED
    else:
        line["original"], line["reason"] = GONE, _GONE


def _kept(copy: Mapping[str, Any] | None, reason: str) -> str:
    """Say that a document was copied, and why its original was not deleted."""
    which = f" ({copy['name']!r}, id {copy['id']})" if copy else ""
    return f"copied, but not deleted: the copy{which} stays, and the original was kept: {reason}"


def _open() -> BinaryIO:
    return tempfile.TemporaryFile()


def _ref(line: Mapping[str, Any]) -> ItemRef:
    return ItemRef(line["source"]["driveId"], line["source"]["id"])


def _describe(item: DriveItem) -> dict[str, Any]:
    return {
        **item.ref.as_dict(),
        "parentId": item.parent_id,
        "name": item.name,
        "kind": item.kind,
        "eTag": item.etag,
        "size": item.size,
        "quickXorHash": item.quick_xor_hash,
        "hashes": dict(item.hashes),
        "modified": item.modified,
    }


def _read_item(described: Mapping[str, Any], label: str) -> DriveItem:
    """Return an item as :func:`_describe` has described it."""
    return DriveItem(
        ItemRef(described["driveId"], described["id"], label),
        described["name"],
        parent_id=described["parentId"],
        kind=described["kind"],
        size=described["size"],
        etag=described["eTag"],
        hashes=described["hashes"],
        modified=described["modified"],
    )
