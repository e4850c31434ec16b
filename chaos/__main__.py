"""Kill Airflow's processes at planned points, some hundred times, and tell what has come of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from airflow_provider_drive.emulator import Emulator
from chaos import handover
from chaos.harness import kill_and_judge, start_airflow
from chaos.judging import compare, hits, table
from chaos.peers import PYTHON as PEERS_PYTHON
from chaos.peers import kill_stock, plan_resumable, plan_stock
from chaos.planning import plan
from chaos.points import KINDS, POINTS


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--runs", type=int, help="default is 480, and 100 hand-overs")
    parser.add_argument("--seconds", type=float, default=6000.0, help="for all runs together")
    parser.add_argument(
        "--home", type=Path, help="an empty folder for Airflow's logs; default is a temporary one"
    )
    parser.add_argument(
        "--only",
        default="",
        help="kinds of runs with this in their names, such as archive or handover, and no peers",
    )
    arguments = parser.parse_args()
    if arguments.only == "handover":
        return handover.main(arguments.seed, arguments.runs or 100, say)
    kinds = [kind for kind in KINDS if arguments.only in kind]
    points = [point for point in POINTS if set(kinds) & set(point.kinds)]
    runs = plan(arguments.seed, arguments.runs or 480, points, kinds)
    resumable = [] if arguments.only else plan_resumable(arguments.seed, len(runs), rounds=3)
    say(f"Seed {arguments.seed}, {len(runs)} runs, {sum(len(run.shots) for run in runs)} deaths planned")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Emulator() as graph:
        home = arguments.home or Path(folder)
        with start_airflow(graph, home / "airflow") as airflow:
            verdicts = kill_and_judge(airflow, graph, [*runs, *resumable], arguments.seconds, say)
        ours = [verdict for verdict in verdicts if verdict.run.kind in KINDS]
        broken = [verdict for verdict in ours if not verdict.is_kept]
        say("\n".join([*table(ours, points), "", *map(describe, broken)]))
        peers = [verdict for verdict in verdicts if verdict not in ours]
        if PEERS_PYTHON.exists() and not arguments.only:
            peers += kill_stock(graph, home / "stock", plan_stock(len(verdicts), 8))
        if peers:
            say("\n".join([*compare(peers), ""]))
    counts = hits(ours)
    say(
        f"Seed {arguments.seed}: {len(ours)} runs, {counts.total()} deaths, the rarest point "
        f"{min(counts[point] for point in points)} times, {len(broken)} runs not as promised, "
        f"{sum(len(run.shots) for run in runs)} deaths that nothing came by, "
        f"{time.monotonic() - started:.0f} s"
    )
    lost = 0 if arguments.only else handover.main(arguments.seed, say=say)
    return 1 if broken or lost else 0


def say(text):
    print(text, flush=True)


def describe(verdict):
    run = verdict.run
    return (
        f"{run.tag} ({run.kind}, {run.conflict}, {run.what}): {verdict.state}, "
        f"{verdict.made} made, {verdict.accepted} accepted; killed at {'; '.join(map(str, run.hits))}; "
        + "; ".join(verdict.problems)
        + "".join(f"\n    {line}" for line in run.journal)
    )


if __name__ == "__main__":
    sys.exit(main())
