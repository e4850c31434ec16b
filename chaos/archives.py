"""A run that archives a small library: many documents, and as many promises."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from chaos.points import ARCHIVE_ASKED, ARCHIVE_DEFERRED
from chaos.runs import OLDER, Run, files, fingerprint

WHOLE, BY_BATCH, ONE_BY_ONE = "whole", "by batch", "one by one"
FOLDERS = {WHOLE: ("", "2025/", "2025/q1/"), BY_BATCH: ("", "2025/", "2026/q1/"), ONE_BY_ONE: ("", "2025/")}
LONG_AGO = timedelta(hours=1)


@dataclass
class Archive(Run):
    """
    :param way: How its documents go: with the one folder that they are in, some with their folders and some
        alone in one batch, or each alone.
    :param count: How many there are.
    :param manifest_in: ``storage``, ``drive``, or nothing for none.
    :param outlasts: Whether copies that a death has followed last until the next try asks for them again.
    """

    way: str = BY_BATCH
    count: int = 7
    is_to_delete: bool = False
    manifest_in: str = ""
    outlasts: bool = False

    @property
    def what(self):
        more = [f"manifest in {self.manifest_in}"] * bool(self.manifest_in) + ["delete"] * self.is_to_delete
        return ", ".join([f"{self.count} documents {self.way}", *more])

    @property
    def deletes(self):
        return False  # the folder of the originals stays, in any case

    @property
    def homes(self):
        return super().homes | {f"reports/{self.tag}.jsonl"}

    @property
    def is_held(self):
        to_come = any(shot.point in ARCHIVE_ASKED for shot in (*self.shots, *self.aimed))
        asked = any(shot.point in ARCHIVE_ASKED for shot in self.hits)
        asked_again = any(job.submitted > self.last_hit for job in self.jobs)
        return super().is_held or (self.outlasts and (to_come or (asked and not asked_again)))

    def behaviour(self):
        """Let some copies be there before others, and folders be seen before they are full."""
        behaviour, turn = super().behaviour(), (len(self.jobs) + 1) % 4
        return replace(
            behaviour, seconds=behaviour.seconds * turn / 3, appears="start" if self.number % 2 else "end"
        )

    def prepare(self, tenant, home):
        legal, archive = tenant.drive("legal"), tenant.drive("archive")
        folders = FOLDERS[self.way]
        self.paths = [f"{folders[each % len(folders)]}{each:02}.txt" for each in range(self.count)]
        for path in self.paths:
            legal.put(f"in/{self.tag}/{self.name}/{path}", f"{self.tag} {path}".encode())
        self.source, self.folder = legal.find(f"in/{self.tag}/{self.name}"), archive.mkdir(f"out/{self.tag}")
        self.older, self.reports = None, legal
        self._remember()
        self.before, wanted = self.fingerprint, dict(self.fingerprint)
        place = f"out/{self.tag}/{self.name}"
        if self.way != WHOLE:
            archive.mkdir(place)
        if self.way == ONE_BY_ONE and self.conflict != "fail":
            original = self.source.child("00.txt")
            older = archive.put(f"{place}/00.txt", OLDER)
            older.created -= LONG_AGO
            if self.conflict == "skip":
                archive.write(older, original.content)
                self.wanted -= Counter(files(original))
            if self.conflict == "rename":
                wanted |= {"/00.txt": older.hash, "/00 1.txt": original.hash}
        self.fingerprint = sorted(wanted.items())
        self.manifest = {
            "": None,
            "storage": f"file://{home}/{self.tag}.jsonl",
            "drive": f"drives/{legal.id}/root:/reports/{self.tag}.jsonl",
        }[self.manifest_in]

    def arguments(self):
        there = self.folder.child(self.name)
        path = f"drives/{self.folder.drive.id}/root:/{self.folder.path}/{self.name}"
        return {
            "source": self.address(self.source),
            "destination": path if there is None else self.address(there),
            "conflict_behavior": self.conflict,
            "pattern": "**" if self.way == ONE_BY_ONE else None,
            "delete_source": self.is_to_delete,
            "manifest": self.manifest,
            "deferrable": self.kind == ARCHIVE_DEFERRED,
        }

    def problems(self, returned):
        """Tell what is not as it should be with the originals, the summary and the manifest."""
        if self.is_to_delete and files(self.source):
            yield f"{len(files(self.source))} originals are still there"
        if not self.is_to_delete and fingerprint(self.source) != self.before:
            yield "the originals have changed"
        told = {key: (returned or {}).get(key, 0) for key in ("copied", "there", "failed", "deleted", "gone")}
        deleted = self.count if self.is_to_delete else 0
        expected = {"copied": self.asked, "there": self.count - self.asked, "failed": 0, "deleted": deleted}
        if not self._may_tell(told, deleted):
            yield f"the summary tells of {told}, and {expected} was to come"
        if self.manifest is not None:
            yield from self._problems_of_manifest()

    def _may_tell(self, told, deleted):
        """
        Whether a summary is right.

        What a try that was killed has copied may be there for the next, and what it has deleted gone.
        """
        there = self.count - self.asked
        is_told = told["there"] >= there if self.hits and self.conflict == "skip" else told["there"] == there
        is_whole = told["copied"] + told["there"] == self.count and not told["failed"]
        gone = told["gone"] if self.hits else 0
        return is_told and is_whole and told["deleted"] + gone == deleted

    def _problems_of_manifest(self):
        lines = self._lines()
        if Counter(line["path"] for line in lines) != Counter(self.paths):
            yield f"the manifest has lines of {sorted(line['path'] for line in lines)}"
        copies = {each.id: each.hash for each in self.folder.walk()}
        for line in lines:
            wanted = "copied" if self.wanted[line["source"]["quickXorHash"]] else "there"
            copy = copies.get((line["destination"] or {}).get("id"))
            originals = {"deleted", "gone" if self.hits else "deleted"} if self.is_to_delete else {"kept"}
            outcomes = {wanted, "there" if self.hits and self.conflict == "skip" else wanted}
            if line["outcome"] not in outcomes or line["original"] not in originals or copy is None:
                yield f"the manifest tells {line}"
            elif copy != line["source"]["quickXorHash"]:
                yield f"the manifest takes another document for the copy of {line['path']}"

    def _lines(self):
        if self.manifest_in == "storage":
            text = Path(self.manifest.removeprefix("file://")).read_text()
        else:
            text = b"".join(self.reports.find(f"reports/{self.tag}.jsonl").content.blocks()).decode()
        return list(map(json.loads, text.splitlines()))
