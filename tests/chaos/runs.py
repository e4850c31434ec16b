"""A run: one thing asked for, with a source and a destination of its own, and what has to come of it."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

from chaos.points import (
    BEGINNING,
    COPIES,
    CROSS,
    CROSS_FOLDER,
    CROSSES,
    DEFERRED,
    FOLLOWS,
    LOOKS_OF_TRIGGERER,
    MOVE,
    MOVED,
    MOVED_READ,
    PAIR,
    POINTS,
    READ_AGAIN,
    READ_DEFERRED,
    RESUMABLE,
    SCHEDULER,
    STOCK,
    TASK,
    TOKEN,
    TRIGGERER,
)

from airflow_provider_drive.emulator import CopyBehaviour

DAG_IDS = {MOVE: "deaths_of_moves", CROSS: "deaths_of_moves", CROSS_FOLDER: "deaths_of_moves"}
DAG_IDS |= {PAIR: "deaths_of_pairs", RESUMABLE: "deaths_of_resumables", STOCK: "deaths_of_stock"}
SKIPPED = "skip what is there"
HELD = CopyBehaviour(looks=1_000_000)
OLDER = b"what was there before"
SECOND_DEATHS, WIDE, FOLDERS = 0.3, 0.4, 0.25


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
    hits: list[Shot] = field(default_factory=list)
    jobs: list = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    looks: int = 0
    deferred: bool = False
    patches: int = 0
    released: float | None = None
    last_hit: float = 0.0

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
    def asked(self):
        """How many copies it is to make."""
        return int(self.conflict != SKIPPED)

    @property
    def needs_the_triggerer(self):
        """Whether the copy must not end yet, since a shot needs one that the triggerer has looked at."""
        awaited = LOOKS_OF_TRIGGERER if self.deferred else [*LOOKS_OF_TRIGGERER, READ_DEFERRED]
        return any(shot.point in awaited for shot in self.shots)

    def behaviour(self):
        return HELD if self.needs_the_triggerer else CopyBehaviour(seconds=self.seconds)

    def prepare(self, tenant):
        """Put the source, and what is in the way of the result."""
        legal, archive = tenant.drive("legal"), tenant.drive("archive")
        self.target = legal if self.kind == MOVE else archive
        path = f"in/{self.tag}/{self.name}"
        parts = ("a.txt", "sub/b.txt", "sub/c.txt") if self.is_folder else ("",)
        for part in parts:
            legal.put(f"{path}/{part}".rstrip("/"), f"{self.tag} {part}".encode())
        self.source, self.folder = legal.find(path), self.target.mkdir(f"out/{self.tag}")
        self.fingerprint = fingerprint(self.source)
        if self.conflict == SKIPPED:
            self.target.put(f"out/{self.tag}/{self.name}", f"{self.tag} ".encode())
        self.older = None
        if self.conflict in {"replace", "rename"}:
            older = f"out/{self.tag}/{self.name}" + ("/older.txt" if self.is_folder else "")
            self.target.put(older, OLDER)
            self.older = self.folder.child(self.name)
            self.older_fingerprint = fingerprint(self.older)

    def arguments(self):
        """What the operator is given."""

        def address(item):
            drive = f"drives/{item.drive.id}"
            return f"{drive}/root:/{item.path}" if self.by_path else f"{drive}/items/{item.id}"

        given = {
            "item": address(self.source),
            "destination": address(self.folder),
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


def plan(seed, count, points=POINTS):
    """Spread the points over so many runs, and the kinds over the points; some runs are hit twice."""
    chance = random.Random(seed)
    dealt = [
        (point, point.kinds[(turn + turn // len(points)) % len(point.kinds)])
        for turn, point in enumerate(itertools.islice(itertools.cycle(points), count))
    ]
    chance.shuffle(dealt)
    return [_run(number, point, kind, chance) for number, (point, kind) in enumerate(dealt)]


def _run(number, point, kind, chance):
    points = [FOLLOWS[point], point] if point in FOLLOWS else [point]
    if len(points) == 1 and chance.random() < SECOND_DEATHS:
        points.append(_second(point, kind, chance))
    is_folder = kind == CROSS_FOLDER or (kind in COPIES and chance.random() < FOLDERS)
    in_triggerer = point in LOOKS_OF_TRIGGERER or point == READ_DEFERRED
    in_worker = "look in a worker" in point.step
    return Run(
        number,
        kind,
        _conflict(points, kind, is_folder, chance),
        is_folder,
        by_path="read before" in point.step or chance.random() < 0.5,
        seconds=16.0 if in_triggerer else 6.0 if in_worker else chance.choice([0.0, 0.0, 3.0, 6.0]),
        shots=[Shot(each, chance.random() < WIDE, chance.uniform(0.0, 0.08)) for each in points],
    )


def _conflict(points, kind, is_folder, chance):
    choices = ["fail", "rename"] if is_folder else ["fail", "replace", "rename"]
    if kind in COPIES and not is_folder:
        choices.append("skip")
        if all(point in BEGINNING and "POST" not in point.step for point in points):
            choices.append(SKIPPED)
    return chance.choice(choices)


def _second(first, kind, chance):
    """Choose where the retry dies: anywhere if nothing has happened yet, else where it finds out what has."""
    if first in BEGINNING:
        return chance.choice([each for each in POINTS if kind in each.kinds and each.victim != SCHEDULER])
    again = MOVED_READ if first is MOVED else READ_AGAIN if kind != MOVE else TOKEN
    return chance.choice([TOKEN, again])
