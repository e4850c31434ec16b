"""The judge: looks at what is in the drives, and at what Airflow says of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from chaos.points import ARCHIVES, KINDS, MOVE, POINTS
from chaos.runs import fingerprint


@dataclass(frozen=True)
class Verdict:
    """
    What has come of a run.

    :param made: Copies of documents that Graph has made; for a move whether the item has arrived.
    :param accepted: Copies of documents that it was asked for, and has accepted.
    :param too_many: How many it has made of what was copied already, or was not to be copied.
    :param problems: All that is not as it should be.
    """

    run: object
    state: str | None
    made: int
    accepted: int
    too_many: int
    missing: bool
    problems: tuple[str, ...]

    @property
    def false_success(self):
        return self.state == "success" and bool(self.problems)

    @property
    def false_failure(self):
        return self.state in {"failed", "upstream_failed", "skipped"}

    @property
    def hanging(self):
        return not self.false_failure and self.state != "success"

    @property
    def is_kept(self):
        """Whether the promise is."""
        return self.state == "success" and not self.problems and not self.too_many


def judge(run, tenant, state, returned):
    """
    Hold the drives, and what the task has returned, against what was asked for.

    :param state: Airflow's, of the task; None if it has not ended.
    """
    problems = []
    here = {item.name: item for item in run.folder.children.values()}
    older = run.older if run.conflict == "rename" else None
    if older is not None and here.pop(run.name, None) is not older:
        problems.append("what was there before is gone")
    elif older is not None and fingerprint(older) != run.older_fingerprint:
        problems.append("what was there before has changed")
    right = [item for item in here.values() if fingerprint(item) == run.fingerprint and _named(item, run)]
    if not right:
        problems.append(f"missing; there is {sorted(here)}{_difference(here.get(run.name), run)}")
    if len(here) > len(right[:1]):
        problems.append(f"more than asked for: {sorted(here)}")
    is_there = run.source.id in run.source.drive.items and run.source.parent is not run.folder
    if is_there == run.deletes:
        problems.append("the source is still there" if run.deletes else "the source is gone")
    problems += [f"{path} was deleted before its copy was whole" for path in run.too_soon]
    problems += _strays(run, tenant)
    if run.kind in ARCHIVES and state == "success":
        problems += run.problems(returned)
    elif run.kind in KINDS and state == "success" and right:
        problems += _untold(returned, right)
    jobs = [job for job in tenant.jobs if job.source_id in run.sources]
    made = Counter(item.hash for job in jobs for item in job.made if not item.is_folder)
    accepted = sum(run.sources[job.source_id] for job in jobs)
    if run.kind == MOVE:
        made, accepted = +run.wanted if right else Counter(), run.patches
    too_many = (made - run.wanted).total()
    return Verdict(run, state, made.total(), accepted, too_many, not right, tuple(problems))


def _untold(returned, right):
    """Whether the task has told of another item than the one that is there."""
    told = (returned or {}).get("id")
    return (
        [] if told in {item.id for item in right} else [f"the task has returned {told!r}, not what is there"]
    )


def _difference(item, run):
    """Tell what a folder lacks, and what it has beyond that."""
    if item is None or not item.is_folder:
        return ""
    there, wanted = set(fingerprint(item)), set(run.fingerprint)
    lacks, more = (sorted(path for path, _ in some) for some in (wanted - there, there - wanted))
    return f", which lacks {lacks} and has {more}"


def _named(item, run):
    if run.conflict != "rename":
        return item.name == run.name
    stem = run.name.removesuffix(".txt")
    return item.name.startswith(stem) and item.name.endswith(run.name.removeprefix(stem))


def _strays(run, tenant):
    """Whatever bears the run's mark, and is neither in its own folder nor in its destination."""
    for drive in tenant.drives.values():
        for path in drive.tree():
            if run.tag in path and not any(f"{path}/".startswith(f"{home}/") for home in run.homes):
                yield f"{path} in {drive.name}"
    rest = sorted(set(tenant.drive("legal").find(f"in/{run.tag}").children.values()) - {run.source}, key=str)
    yield from (f"{item.name} beside the source" for item in rest)


COLUMNS = (
    "runs",
    "hits",
    "accepted",
    "made",
    "asked",
    "missing",
    "false success",
    "false failure",
    "hanging",
)


def table(verdicts, points=POINTS):
    """Lines: for each point what has come of the runs that were hit there, then of each kind, then of all."""
    counts = hits(verdicts)
    rows = [_row(str(point), _hit_at(point, verdicts), counts[point]) for point in points]
    rows += [_row(kind, some, hits(some).total()) for kind, some in _by_kind(verdicts).items()]
    return _aligned("killed at", [*rows, _row("all", verdicts, counts.total())])


def compare(verdicts):
    """Lines: how many copies each operator has made for those that it was asked for."""
    rows = [_row(kind, some, hits(some).total()) for kind, some in _by_kind(verdicts).items()]
    return _aligned("the same with", rows)


def hits(verdicts):
    """How often each point was hit."""
    return Counter(shot.point for verdict in verdicts for shot in verdict.run.hits)


def _hit_at(point, verdicts):
    return [verdict for verdict in verdicts if any(shot.point == point for shot in verdict.run.hits)]


def _by_kind(verdicts):
    kinds = dict.fromkeys(verdict.run.kind for verdict in verdicts)
    return {kind: [verdict for verdict in verdicts if verdict.run.kind == kind] for kind in sorted(kinds)}


def _aligned(head, rows):
    width = max(len(name) for name, *_ in rows)
    figures = [
        "".join(f"  {figure:>{len(column)}}" for column, figure in zip(COLUMNS, row, strict=True))
        for _, *row in rows
    ]
    lines = [f"{name:<{width}}{figure}" for (name, *_), figure in zip(rows, figures, strict=True)]
    return [f"{head:<{width}}  {'  '.join(COLUMNS)}", *lines]


def _row(name, verdicts, count):
    return (
        name,
        len(verdicts),
        count,
        sum(verdict.accepted for verdict in verdicts),
        sum(verdict.made for verdict in verdicts),
        sum(verdict.run.asked for verdict in verdicts),
        sum(verdict.missing for verdict in verdicts),
        sum(verdict.false_success for verdict in verdicts),
        sum(verdict.false_failure for verdict in verdicts),
        sum(verdict.hanging for verdict in verdicts),
    )
