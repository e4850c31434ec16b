"""
Change documents in a watched folder, kill triggerers and the scheduler, and tell what was told of it.

Run it with ``make arrivals``: 200 changes in ten minutes, ten deaths, two triggerers.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import headless_airflow
from airflow_api import await_that
from headless_airflow import HeadlessAirflow

from airflow_provider_drive.emulator import Emulator

DAGS = Path(__file__).parent / "dags_of_arrivals"
TRIGGERERS = ("triggerer", "triggerer-2")
SETTLE = 5.0
SETTINGS = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "20",
}
PARTS = b"half of it, "


class Folder:
    """The watched folder, its documents, and what is to be told of them."""

    def __init__(self, drive, documents):
        self.drive = drive
        self.items = [drive.put(f"Inbox/old/{number}.txt", b"1") for number in range(documents)]
        self.outside = [drive.put(f"Outside/{number}.txt", b"1") for number in range(documents)]
        self.expected, self.uploads, self.made = [], [], {}

    def change(self, kind, number):
        """Change a document, and expect that it is told."""
        with self.drive.tenant.lock:
            item = getattr(self, f"_{kind}")(number)
            self.expect(kind, item)

    def expect(self, kind, item):
        version = "deleted" if kind in {"delete", "move_out"} else item.etag
        self.expected.append((item.id, version))
        self.made[item.id, version] = time.time()

    def _create(self, number):
        return self.drive.put(f"Inbox/new/{number}.txt", b"%d" % number)

    def _edit(self, number):
        item = self.items.pop()
        return self.drive.put(item.path, b"edited %d" % number)

    def _rename(self, number):
        item = self.items.pop()
        self.drive.move(item, f"Inbox/renamed/{number}.txt")
        return item

    def _move_in(self, number):
        item = self.outside.pop()
        self.drive.move(item, f"Inbox/moved/{number}.txt")
        return item

    def _move_out(self, number):
        item = self.items.pop()
        self.drive.move(item, f"Outside/out {number}.txt")
        return item

    def _delete(self, number):
        item = self.items.pop()
        self.drive.remove(item)
        return item

    def begin_upload(self, number):
        self.uploads.append(self.drive.begin_upload(f"Inbox/uploaded/{number}.bin", PARTS))

    def finish_uploads(self):
        for item in self.uploads:
            with self.drive.tenant.lock:
                self.drive.append(item, b"and the rest", complete=True)
                self.expect("create", item)
        self.uploads = []


KINDS = ("create", "edit", "rename", "move_in", "move_out", "delete", "upload")


def start(graph, home, *, triggerers=TRIGGERERS):
    """Start Airflow with a watcher of the folder, and return it with the file of what it was told."""
    recorded = home.parent / "events.jsonl"
    recorded.touch()
    if len(triggerers) > 1:
        headless_airflow.COMPONENTS["triggerer-2"] = headless_airflow.COMPONENTS["triggerer"]
    drive = graph.tenant.drive("legal")
    environment = {
        "AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(graph.connection()),
        "WATCHED_FOLDER": f"drives/{drive.id}/root:/Inbox",
        "RECORDED_EVENTS": str(recorded),
        **SETTINGS,
    }
    return HeadlessAirflow(home, [DAGS], postgresql=True, environment=environment), recorded


def let_change(airflow, graph, folder, *, changes, seconds, deaths, seed, victims, say):
    """Change documents in random order, and kill meanwhile."""
    chance = random.Random(seed)
    kinds = [KINDS[number % len(KINDS)] for number in range(changes)]
    chance.shuffle(kinds)
    kill_at = sorted(chance.uniform(0.1, 0.95) * seconds for _ in range(deaths))
    began, restarts = time.monotonic(), []
    for number, kind in enumerate(kinds):
        due = began + seconds * number / changes
        while (now := time.monotonic()) < due or (kill_at and now - began > kill_at[0]):
            for when, name in [entry for entry in restarts if entry[0] <= now]:
                restarts.remove((when, name))
                airflow.start(name)
            if kill_at and now - began > kill_at[0]:
                kill_at.pop(0)
                name = chance.choice([name for name in victims if name not in {each for _, each in restarts}])
                say(f"{now - began:.0f} s: SIGKILL to {name}")
                airflow.kill(name)
                restarts.append((now + chance.uniform(1, 20), name))
            time.sleep(0.1)
        if kind == "upload":
            folder.begin_upload(number)
        else:
            folder.change(kind, number)
        if number % 10 == 9:
            folder.finish_uploads()
    folder.finish_uploads()
    for _, name in restarts:
        airflow.start(name)


def read_told(recorded):
    """Return the events as the runs got them."""
    return [json.loads(line) for line in recorded.read_text().splitlines()]


def versions(events):
    return {
        (change["id"], "deleted" if change["kind"] == "deleted" else change["eTag"])
        for event in events
        for change in event["changes"]
    }


def judge(folder, events):
    """Return what was not as promised, each in a sentence, and counts."""
    told = versions(events)
    faults = [
        f"{item} {version} was not told" for item, version in folder.expected if (item, version) not in told
    ]
    by_id = {event["id"]: event for event in events}
    changes = [change for event in by_id.values() for change in event["changes"]]
    faults += [f"{change['path']} was told half" for change in changes if change["size"] == len(PARTS)]
    for event in by_id.values():
        for change in event["changes"]:
            made = folder.made.get((change["id"], change["eTag"]))
            if made and change["kind"] != "deleted" and event["at"] - made < SETTLE - 1.5:
                faults.append(f"{change['path']} was told after {event['at'] - made:.1f} s")
    counted = Counter((change["id"], change["eTag"], change["kind"]) for change in changes)
    faults += [
        f"{key} was told in {count} events with other ids" for key, count in counted.items() if count > 1
    ]
    distinct = {(event["run"], event["id"], event["at"]) for event in events}
    return faults, {"events": len(by_id), "repeated": len(distinct) - len(by_id), "changes": len(changes)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--deaths", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, Emulator() as graph:
        folder = Folder(graph.tenant.drive("legal"), arguments.changes)
        running, recorded = start(graph, Path(home) / "airflow")
        with running as airflow:
            faults, counts = run(
                airflow,
                graph,
                folder,
                recorded,
                changes=arguments.changes,
                seconds=arguments.minutes * 60,
                deaths=arguments.deaths,
                seed=arguments.seed,
                victims=(*TRIGGERERS, "scheduler"),
            )
            polls = graph.tenant.calls("GET", r"/root/delta$")
            units = sum(call.units for call in graph.tenant.calls(where="graph"))
            say(f"{len(polls)} polls, {units} resource units")
    say("\n".join([*faults, f"{arguments.changes} changes, {counts}: {len(faults)} not as promised"]))
    return 1 if faults else 0


def run(airflow, graph, folder, recorded, *, victims, say=None, **plan):
    """Let it happen, and judge it."""
    say = say or globals()["say"]
    begun = lambda: len(graph.tenant.calls("GET", r"/root/delta$")) >= 2  # noqa: E731  # one look is enough
    await_that(begun, "The watcher", 180)
    let_change(airflow, graph, folder, victims=victims, say=say, **plan)
    missing = lambda: set(folder.expected) - versions(read_told(recorded))  # noqa: E731  # likewise
    deadline = time.monotonic() + 180
    while missing() and time.monotonic() < deadline:
        time.sleep(1)
    return judge(folder, read_told(recorded))


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
