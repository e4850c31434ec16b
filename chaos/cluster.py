"""
Copy many documents on Airflow's CeleryExecutor, with two workers and two triggerers, and kill some of them.

Run it with ``make cluster``. Each worker and each triggerer has a folder for its logs and one for its tokens,
as on a machine of its own. Redis comes from Debian.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import headless_airflow
import requests
from airflow_api import FINISHED, AirflowError, await_that
from headless_airflow import HeadlessAirflow
from redis_server import run_redis

from airflow_provider_drive.emulator import CopyBehaviour, Emulator

DAGS = Path(__file__).parent / "dags_of_cluster"
WORKERS, TRIGGERERS = ("worker-1", "worker-2"), ("triggerer", "triggerer-2")
CONCURRENCY = 8
"""Tasks at a time in each worker."""
POOL_SLOTS = 4
COPY_SECONDS = 4.0
SETTINGS = {
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__PARALLELISM": "12",  # what waits for a worker for too long is queued again
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",  # by default five minutes
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",  # what a dead worker has fetched; by default ten minutes
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "20",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(CONCURRENCY),
    "C_FORCE_ROOT": "true",
}


@dataclass
class Outcome:
    """
    What has come of the copies.

    :ivar states: How many tasks are in each state.
    :ivar made: How many documents have so many copies.
    :ivar refusals: Answers 429.
    :ivar logins: Tokens that were issued.
    """

    states: Counter
    made: Counter
    refusals: int
    logins: int
    seconds: float
    deaths: list

    @property
    def faults(self):
        """What is not as promised, each in a sentence."""
        faults = [f"{count} tasks are {state}" for state, count in self.states.items() if state != "success"]
        return faults + [f"{count} documents have {n} copies" for n, count in self.made.items() if n != 1]

    def __str__(self):
        return (
            f"{self.made.total()} copies in {self.seconds:.0f} s, {self.states['success']} succeeded, "
            f"{self.refusals} answers 429, {self.logins} logins; killed: {', '.join(self.deaths) or 'none'}"
        )


def start_cluster(graph, redis, home, units):
    """
    Return an Airflow with two workers and two triggerers.

    :param units: Resource units that the tenant has in a minute: one half for each kind of budget.
    """
    graph.tenant.budget = units
    budgets = {
        "shared": {"resource_units_per_minute": units / 2, "budget_backend": "redis_default"},
        "pooled": {"resource_units_per_minute": units / 2 / POOL_SLOTS},
    }
    connections = {
        f"AIRFLOW_CONN_DRIVE_{name.upper()}": json.dumps(graph.connection(**budget))
        for name, budget in budgets.items()
    }
    environment = {
        **SETTINGS,
        **connections,
        "AIRFLOW_CONN_REDIS_DEFAULT": json.dumps(redis.connection(extra={"db": 1})),
        "AIRFLOW__CELERY__BROKER_URL": f"redis://127.0.0.1:{redis.port}/0",
    }
    components = dict(headless_airflow.COMPONENTS)
    components["triggerer-2"] = components["triggerer"]
    for name in WORKERS:
        options = ("--skip-serve-logs", "--celery-hostname", name, "--pid", str(home / f"{name}.pid"))
        components[name] = ["celery", "worker", *options]
    own = {
        name: {
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / name / "logs"),
            "AIRFLOW__DRIVE__TOKEN_CACHE": str(home / name / "tokens"),
        }
        for name in (*WORKERS, *TRIGGERERS)
    }
    return HeadlessAirflow(
        home, [DAGS], postgresql=True, environment=environment, components=components, own=own
    )


def copy_many(airflow, graph, counts, victims, *, seconds, say=lambda text: None):
    """
    Copy documents, kill the victims one after the other meanwhile, and tell what has come of it.

    A victim is killed when its part of the copies has been requested. The scheduler is started again at once,
    since there is only one.

    :param counts: How many documents there are for each kind of budget.
    :param seconds: In which all has to be done.
    """
    tenant, began = graph.tenant, time.monotonic()
    tenant.copies = CopyBehaviour(seconds=COPY_SECONDS)
    sources = {budget: _put(tenant, budget, count) for budget, count in counts.items()}
    ids = {source.id for each in sources.values() for source in each}
    runs = [
        airflow.api.trigger(f"cluster_{budget}", {"copies": _arguments(tenant, budget, each)})
        for budget, each in sources.items()
    ]
    for number, victim in enumerate(victims, 1):
        due = number * len(ids) // (len(victims) + 2)
        await_that(lambda due=due: _requested(tenant, ids) >= due, f"The request of {due} copies", seconds)
        say(f"{time.monotonic() - began:.0f} s: SIGKILL to {victim}")
        airflow.kill(victim)
        if victim == "scheduler":
            airflow.start(victim)
    for run in runs:
        await_that(lambda run=run: _is_over(run), f"The end of {run.dag_id}", seconds, pause=2)
    tasks = [task for run in runs for task in run.tasks() if task["task_id"] == "copy"]
    return Outcome(
        Counter(str(task["state"]) for task in tasks),
        Counter(tenant.copies_made(source) for source in ids),
        sum(call.status == 429 for call in tenant.calls()),
        tenant.tokens_issued,
        time.monotonic() - began,
        list(victims),
    )


def _put(tenant, budget, count):
    legal = tenant.drive("legal")
    return [legal.put(f"in/{budget}/{number}.txt", b"%d" % number) for number in range(count)]


def _arguments(tenant, budget, sources):
    folder = tenant.drive("archive").mkdir(f"out/{budget}")
    destination = f"drives/{folder.drive.id}/items/{folder.id}"
    return [
        {"item": f"drives/{source.drive.id}/items/{source.id}", "destination": destination}
        for source in sources
    ]


def _requested(tenant, ids):
    """How many of the documents have a copy that was requested."""
    return len({job.source_id for job in list(tenant.jobs)} & ids)


def _is_over(run):
    try:
        return run.state() in FINISHED
    except (AirflowError, requests.RequestException):
        return False  # an api-server that is held up by all the dying may answer next time


def errors_of_xcoms(home):
    """Return the lines of all logs that tell of an XCom that is not there."""
    logs = [path for path in home.rglob("*.log") if path.is_file()]
    return [line for path in logs for line in path.read_text(errors="replace").splitlines() if _tells(line)]


def _tells(line):
    return "XCom not found" in line and "_url" in line


def make_pool(airflow):
    """Make the pool of the tasks whose processes share no budget."""
    body = {"name": "drive", "slots": POOL_SLOTS, "include_deferred": False}
    airflow.api.call("POST", "pools", json=body)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=1_000)
    parser.add_argument("--units", type=int, default=1_250)
    parser.add_argument("--seconds", type=float, default=3_600.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Emulator() as graph, run_redis(folder) as redis:
        home = Path(folder) / "airflow"
        with start_cluster(graph, redis, home, arguments.units) as airflow:
            make_pool(airflow)
            airflow.api.await_dags("cluster_shared", "cluster_pooled")
            outcome = copy_many(
                airflow,
                graph,
                {"shared": arguments.copies // 2, "pooled": arguments.copies // 2},
                ("worker-1", "triggerer", "scheduler"),
                seconds=arguments.seconds,
                say=say,
            )
            faults = [*outcome.faults, *errors_of_xcoms(home)[:10]]
    say(str(outcome))
    say("\n".join([*faults, f"{len(faults)} not as promised"]))
    return 1 if faults else 0


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
