"""Which runs there are, and where each of them dies."""

from __future__ import annotations

import itertools
import random

from chaos.archives import BY_BATCH, ONE_BY_ONE, WHOLE, Archive
from chaos.points import (
    ARCHIVE_READ_AGAIN,
    ARCHIVES,
    BEGINNING,
    COPIES,
    CROSS_FOLDER,
    FOLLOWS,
    KINDS,
    LOOKS_OF_TRIGGERER,
    MOVE,
    MOVED,
    MOVED_READ,
    POINTS,
    READ_AGAIN,
    READ_DEFERRED,
    SCHEDULER,
    TOKEN,
)
from chaos.runs import SKIPPED, Run, Shot

SECOND_DEATHS, WIDE, FOLDERS, OUTLASTING = 0.3, 0.4, 0.25, 0.7
WAYS_BY = {
    "POST of the copy": {WHOLE},
    "$batch of copies": {BY_BATCH, ONE_BY_ONE},
    "POST of a folder": {ONE_BY_ONE},
    "first look": {WHOLE, BY_BATCH},
    "later look in a worker": {BY_BATCH},
    "listing that shows copies": {ONE_BY_ONE},
    "PATCH of a copy's name": {ONE_BY_ONE},
}
"""The ways of an archive that come by a step; by any other step all of them do."""


def plan(seed, count, points=POINTS, kinds=KINDS):
    """Spread the points over so many runs, and the kinds over the points; some runs are hit twice."""
    chance = random.Random(seed)
    met = {point: [kind for kind in point.kinds if kind in kinds] for point in points}
    points = [point for point in points if met[point]]
    dealt = [
        (point, met[point][(turn + turn // len(points)) % len(met[point])])
        for turn, point in enumerate(itertools.islice(itertools.cycle(points), count))
    ]
    chance.shuffle(dealt)
    return [_run(number, point, kind, chance) for number, (point, kind) in enumerate(dealt)]


def _run(number, point, kind, chance):
    points = [FOLLOWS[point], point] if point in FOLLOWS else [point]
    if len(points) == 1 and chance.random() < SECOND_DEATHS:
        points.append(_second(point, kind, chance))
    in_triggerer = point in LOOKS_OF_TRIGGERER or point == READ_DEFERRED
    in_worker = "look in a worker" in point.step
    seconds = 16.0 if in_triggerer else 6.0 if in_worker else chance.choice([0.0, 0.0, 3.0, 6.0])
    shots = [Shot(each, chance.random() < WIDE, chance.uniform(0.0, 0.08)) for each in points]
    if kind in ARCHIVES:
        return _archive(number, kind, seconds, shots, chance)
    is_folder = kind == CROSS_FOLDER or (kind in COPIES and chance.random() < FOLDERS)
    return Run(
        number,
        kind,
        _conflict(points, kind, is_folder, chance),
        is_folder,
        by_path="read before" in point.step or chance.random() < 0.5,
        seconds=seconds,
        shots=shots,
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
        others = [each for each in POINTS if kind in each.kinds and each.victim != SCHEDULER]
        return chance.choice([each for each in others if _ways({first.step, each.step})])
    if kind in ARCHIVES:
        return chance.choice([TOKEN, ARCHIVE_READ_AGAIN])
    again = MOVED_READ if first is MOVED else READ_AGAIN if kind != MOVE else TOKEN
    return chance.choice([TOKEN, again])


def _archive(number, kind, seconds, shots, chance):
    steps = {shot.point.step for shot in shots}
    way = chance.choice(sorted(_ways(steps)))
    many = "listing that shows copies" in steps  # of a folder that few copies go to there is none
    return Archive(
        number,
        kind,
        "replace"
        if "PATCH of a copy's name" in steps
        else chance.choice(["skip", "fail", "replace", "rename"]),
        is_folder=True,
        by_path=chance.random() < 0.5,
        seconds=seconds,
        shots=shots,
        way=way,
        count=chance.choice([24, 25] if many else [3, 7, 25]),
        is_to_delete="DELETE of originals" in steps or chance.random() < 0.4,
        outlasts=chance.random() < OUTLASTING,
        manifest_in="drive" if "PUT of the manifest" in steps else chance.choice(["", "storage", "drive"]),
    )


def _ways(steps):
    return {WHOLE, BY_BATCH, ONE_BY_ONE}.intersection(*(WAYS_BY[step] for step in steps & WAYS_BY.keys()))
