"""Archive documents with a real Airflow 3 and an emulated Microsoft Graph, and tell what happens."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import threading
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_api import FINISHED, AirflowError
from headless_airflow import HeadlessAirflow

from airflow_provider_drive.emulator import CopyBehaviour, Emulator

if TYPE_CHECKING:
    from airflow_api import AirflowApi, DagRun

    from airflow_provider_drive.emulator import Tenant

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".demo"
EXAMPLES = ROOT / "airflow_provider_drive" / "example_dags"
ARCHIVE, REPORT = "drive_nightly_archive", "drive_archive_report"
DOCUMENTS = {
    "Contracts/2026/lease.docx": 48_213,
    "Contracts/2026/merger agreement.pdf": 1_204_776,
    "Contracts/supplier terms.xlsx": 31_007,
}
COPY_SECONDS = 12.0  # long enough to be waited for in the triggerer
RUN_SECONDS = 120.0
STATES = {
    "running": "runs in a worker",
    "deferred": "waits in the triggerer, and holds no worker",
    "up_for_retry": "has failed, and will be tried again",
}


def main() -> int:
    """Run the demo; the status is 0 if all went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave all running until Ctrl-C")
    arguments = parser.parse_args()
    shutil.rmtree(HOME, ignore_errors=True)
    try:
        return 0 if demonstrate(keep=arguments.keep) else 1
    except (AirflowError, OSError) as error:
        print(f"\nThe demo did not work. {error}\nThe logs are in {HOME.name}/services and {HOME.name}/logs.")
        return 1
    except KeyboardInterrupt:
        say("", "stopped")
        return 130


def demonstrate(*, keep: bool) -> bool:
    """Start an emulated Graph and a real Airflow, run the Dags, and tell whether they succeeded."""
    with Emulator() as graph:
        tenant = graph.tenant
        for path, size in DOCUMENTS.items():
            tenant.drive("legal").put(path, size=size)
        tenant.copies = CopyBehaviour(seconds=COPY_SECONDS)
        say("Graph", f"is emulated at {graph.url}; the site Legal has {len(DOCUMENTS)} documents")
        say("Airflow", f"{version('apache-airflow')} is starting, which takes half a minute or so")
        started = time.monotonic()
        environment = {"AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(graph.connection())}
        with HeadlessAirflow(HOME, [EXAMPLES], environment=environment) as airflow:
            api = airflow.api
            api.await_dags(ARCHIVE, REPORT)
            say("", f"is up after {time.monotonic() - started:.0f} s at {api.address}")
            succeeded = run_dags(api)
            show_drives(tenant)
            say(
                "Result",
                "the archive is complete" if succeeded else f"not as it should be; see {HOME.name}/logs",
            )
            if keep:
                say("PollResult", f"at {api.address}/dags/{ARCHIVE} (no login); Ctrl-C ends it all")
                threading.Event().wait()
            say("", "to look around in Airflow's pages yourself: make demo KEEP=1")
    return succeeded


def run_dags(api: AirflowApi) -> bool:
    """Run the archive; the report follows by itself, since it is scheduled on the archive's Asset."""
    api.unpause(REPORT)
    run = api.start(ARCHIVE)
    say("Dag", ARCHIVE)
    if not follow(run):
        return False
    say("", f"its Asset was updated, which starts {REPORT}")
    report = api.await_run(REPORT, RUN_SECONDS)
    say("Dag", REPORT)
    return follow(report)


def follow(run: DagRun) -> bool:
    """Print each change of a task's state until the run is over, and tell whether it succeeded."""
    told: dict[str, str] = {}
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        state = run.state()
        for task in run.tasks():
            if task["state"] in FINISHED | STATES.keys() and told.get(task["id"]) != task["state"]:
                told[task["id"]] = task["state"]
                show_task(run, task)
        if state in FINISHED:
            return state == "success"
        if time.monotonic() > deadline:
            raise AirflowError(f"{run.dag_id} did not end within {RUN_SECONDS:.0f} s.")
        time.sleep(0.25)


def show_task(run: DagRun, task: dict[str, Any]) -> None:
    """Print what a task does now."""
    state = task["state"]
    text = STATES.get(state) or f"{state} after {task['duration'] or 0:.1f} s"
    say("", f"{datetime.now().astimezone():%H:%M:%S}  {task['task_id']:<9}{text}")
    if state == "deferred" and (url := run.xcom(task["task_id"], "monitor_url", task["map_index"])):
        say("", f"{'':19}and asks {masked(url)}")


def masked(url: str) -> str:
    """Tell where a monitor URL leads, without what makes it a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/***"


def show_drives(tenant: Tenant) -> None:
    """Print the documents that are in the two sites now."""
    for key, title in {"legal": "Legal", "archive": "Archive"}.items():
        files = {path: size for path, size in sorted(tenant.tree(key).items()) if size is not None}
        width = max(map(len, files), default=0)
        for number, (path, size) in enumerate(files.items()):
            say("" if number else title, f"{path:<{width}}{size:>12,} bytes")


def say(topic: str, text: str) -> None:
    """Print one aligned line."""
    print(f"{topic:<10}{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
