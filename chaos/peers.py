"""What else a Dag could use for a copy, killed at the same points: how many copies are made for one asked."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

from headless_airflow import HeadlessAirflow

from airflow_provider_drive.emulator import Fault
from chaos import dying
from chaos.harness import SETTINGS, let_run
from chaos.points import AFTER, COPY, POINTS, RESUMABLE, STOCK, TASK, TRIGGERER, Point
from chaos.runs import Run, Shot

PYTHON = Path(".venv-peers/bin/python")
DAGS = Path(__file__).parent / "dags_of_peers"
POST_IN_TRIGGERER = Point("POST of the copy", AFTER, (STOCK,), TRIGGERER)
HELD_SECONDS = 60.0
"""How long Graph's answers take while the triggerer dies."""


def plan_resumable(seed, first, rounds):
    """Give each point of a blocking copy so many runs; their numbers begin with ``first``."""
    chance = random.Random(seed)
    points = [point for point in POINTS if COPY in point.kinds and point.victim == TASK]
    points = [point for point in points if not point.step.startswith(("read-back", "look for"))]
    shots = [Shot(point, wide=False, seconds=chance.uniform(0.0, 0.08)) for point in points * rounds]
    return [_run(number, RESUMABLE, [shot]) for number, shot in enumerate(shots, first)]


def plan_stock(first, count):
    """Give so many runs for :func:`kill_stock`."""
    return [_run(number, STOCK, []) for number in range(first, first + count)]


def _run(number, kind, shots):
    """Make a run whose copies are all to be seen, since none takes the name of another."""
    return Run(number, kind, "rename", is_folder=False, by_path=True, seconds=6.0, shots=shots)


def kill_stock(graph, home, runs, seconds=240.0):
    """
    Submit copies with the stock provider, kill the triggerer when Graph has accepted all of them and answered
    none, and judge.
    """
    tenant = graph.tenant
    for run in runs:
        run.prepare(tenant, home)
    with HeadlessAirflow(
        home, [DAGS], postgresql=True, python=PYTHON, environment=_environment(graph)
    ) as airflow:
        airflow.api.await_dags("deaths_of_stock")
        tenant.witness = _Wave(airflow, runs)
        requests = [_request(run) for run in runs]
        verdicts = let_run(airflow, runs, {"deaths_of_stock": requests}, seconds, tenant=tenant)
        tenant.witness = None
    return verdicts


class _Wave:
    """Holds Graph's answers to the copies until the triggerer is dead, once."""

    def __init__(self, airflow, runs):
        self.airflow, self.runs, self.awaited = airflow, runs, len(runs)

    def __call__(self, request):
        if self.awaited == 0 or not request.path.endswith("/copy"):
            return None
        self.awaited -= 1
        if self.awaited:
            return Fault(kind="delay", seconds=HELD_SECONDS)
        return Fault(kind="drop_after", act=self._kill)

    def _kill(self):
        self.airflow.kill(TRIGGERER)
        dying.bury(self.airflow, TRIGGERER)
        self.airflow.start(TRIGGERER)
        for run in self.runs:
            run.hits.append(Shot(POST_IN_TRIGGERER, wide=True, seconds=0.0))
            run.last_hit = time.time()


def _environment(graph):
    given = graph.connection()
    extra = {
        **given["extra"],
        "scopes": f"{graph.url}/.default",
        "allowed_hosts": "localhost",
        "disable_instance_discovery": True,
    }
    connection = {**given, "conn_type": "msgraph", "host": graph.url.partition("//")[2], "schema": "https"}
    return {
        **SETTINGS,
        "AIRFLOW_CONN_MSGRAPH_DEFAULT": json.dumps({**connection, "extra": extra}),
        "SSL_CERT_FILE": graph.ca_file,  # its `verify` is a yes or no
        "REQUESTS_CA_BUNDLE": graph.ca_file,
    }


def _request(run):
    source, folder = run.source, run.folder
    return {
        "url": f"drives/{source.drive.id}/items/{source.id}/copy",
        "query_parameters": {"@microsoft.graph.conflictBehavior": run.conflict},
        "data": {"parentReference": {"driveId": folder.drive.id, "id": folder.id}},
    }
