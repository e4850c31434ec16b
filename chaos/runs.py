"""A run: one thing asked for, with a source and a destination of its own, and what has to come of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from airflow_provider_drive.emulator import CopyBehaviour
from chaos.points import (
    ARCHIVES,
    CROSS,
    CROSS_FOLDER,
    CROSSES,
    DEFERRED,
    LOOKS_OF_TRIGGERER,
    MOVE,
    PAIR,
    READ_DEFERRED,
    RESUMABLE,
    SCHEDULER,
    STOCK,
    TASK,
    TRIGGERER,
)

DAG_IDS = {MOVE: "deaths_of_moves", CROSS: "deaths_of_moves", CROSS_FOLDER: "deaths_of_moves"}
DAG_IDS |= dict.fromkeys(ARCHIVES, "deaths_of_archives")
DAG_IDS |= {PAIR: "deaths_of_pairs", RESUMABLE: "deaths_of_resumables", STOCK: "deaths_of_stock"}
SKIPPED = "skip what is there"
HELD = CopyBehaviour(looks=1_000_000)
OLDER = b"what was there before"


@dataclass
class Shot:
    """
    A kill that is planned.

    :param wide: Whether more dies: the supervisor with its task, the tasks with their scheduler.
    :param seconds: How long after the answer, if it is to be just after it.
    """

    point: object
    wide: bool
    seconds: float

    @property
    def is_free(self):
        """Whether it is for any run that comes by, since Airflow needs a rest and the moment cannot wait."""
        return self.point.victim == SCHEDULER and self.point not in LOOKS_OF_TRIGGERER

    def __str__(self):
        names = {TASK: "supervisor", TRIGGERER: "triggerer", SCHEDULER: "tasks"}
        more = f" and its {names[self.point.victim]}" if self.wide and self.point.victim != TRIGGERER else ""
        return f"{self.point}{more}"


@dataclass
class Run:
    """
    :param seconds: How long the copy takes.
    :param by_path: Whether the addresses are paths, not ids.
    """

    number: int
    kind: str
    conflict: str
    is_folder: bool
    by_path: bool
    seconds: float
    shots: list[Shot]
    aimed: list[Shot] = field(default_factory=list)
    hits: list[Shot] = field(default_factory=list)
    jobs: list = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    looks: int = 0
    deferred: bool = False
    patches: int = 0
    released: float | None = None
    last_hit: float = 0.0
    too_soon: list[str] = field(default_factory=list)

    @property
    def tag(self):
        """The mark by which everything of this run is known, in each drive."""
        return f"r{self.number:04}"

    @property
    def dag_id(self):
        return DAG_IDS.get(self.kind, "deaths_of_copies")

    @property
    def name(self):
        return f"plan-{self.tag}" if self.is_folder else f"plan-{self.tag}.txt"

    @property
    def what(self):
        """What is copied or moved."""
        return "folder" if self.is_folder else "file"

    @property
    def asked(self):
        """How many documents it is to copy."""
        return self.wanted.total()

    @property
    def deletes(self):
        """Whether the source is to be gone in the end."""
        return self.kind == MOVE or self.kind in CROSSES

    @property
    def homes(self):
        """Where its things may be: nothing else may bear its mark."""
        return {f"in/{self.tag}", f"out/{self.tag}"}

    @property
    def needs_the_triggerer(self):
        """Whether the copy must not end yet, since a shot needs one that the triggerer has looked at."""
        awaited = LOOKS_OF_TRIGGERER if self.deferred else [*LOOKS_OF_TRIGGERER, READ_DEFERRED]
        return any(shot.point in awaited for shot in self.shots)

    @property
    def is_held(self):
        """Whether its copies must not end yet."""
        return self.needs_the_triggerer

    def behaviour(self):
        return HELD if self.is_held else CopyBehaviour(seconds=self.seconds)

    def prepare(self, tenant, home):
        """
        Put the source, and what is in the way of the result.

        :ivar sources: How many documents there are in each item of the source, by its id.
        :ivar wanted: The documents to be copied, by their hashes: no two have the same.
        """
        legal, archive = tenant.drive("legal"), tenant.drive("archive")
        self.target = legal if self.kind == MOVE else archive
        path = f"in/{self.tag}/{self.name}"
        parts = ("a.txt", "sub/b.txt", "sub/c.txt") if self.is_folder else ("",)
        for part in parts:
            legal.put(f"{path}/{part}".rstrip("/"), f"{self.tag} {part}".encode())
        self.source, self.folder = legal.find(path), self.target.mkdir(f"out/{self.tag}")
        self._remember()
        if self.conflict == SKIPPED:
            self.target.put(f"out/{self.tag}/{self.name}", f"{self.tag} ".encode())
            self.wanted.clear()
        self.older = None
        if self.conflict in {"replace", "rename"}:
            older = f"out/{self.tag}/{self.name}" + ("/older.txt" if self.is_folder else "")
            self.target.put(older, OLDER)
            self.older = self.folder.child(self.name)
            self.older_fingerprint = fingerprint(self.older)

    def _remember(self):
        """Note what the source is made of."""
        self.fingerprint = fingerprint(self.source)
        self.sources = {each.id: len(files(each)) for each in self.source.walk()}
        self.wanted = Counter(files(self.source))

    def note_delete(self, item_id):
        """Note a deletion of what is of the source: its copy has to be there, and whole."""
        item = self.source.drive.items.get(item_id) if item_id in self.sources else None
        if item is not None and Counter(files(item)) - Counter(files(self.folder)):
            self.too_soon.append(item.path)

    def address(self, item):
        """Give an item's address, as its task is to know it."""
        drive = f"drives/{item.drive.id}"
        return f"{drive}/root:/{item.path}" if self.by_path else f"{drive}/items/{item.id}"

    def arguments(self):
        """What the operator is given."""
        given = {
            "item": self.address(self.source),
            "destination": self.address(self.folder),
            "conflict_behavior": self.conflict.partition(" ")[0],
        }
        if self.dag_id == "deaths_of_moves":
            given["cross_drive"] = "copy" if self.kind in CROSSES else "fail"
        if self.dag_id == "deaths_of_copies":
            given["deferrable"] = self.kind == DEFERRED
        return given


def fingerprint(item):
    """What an item is made of, whatever its name and place: the content below it."""
    start = len(item.path)
    return sorted((each.path[start:], each.hash) for each in item.walk())


def files(item):
    """The hashes of the documents that an item is, or holds."""
    return [each.hash for each in item.walk() if not each.is_folder]
