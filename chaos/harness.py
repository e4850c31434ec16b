"""The kill test: a real Airflow whose processes are killed, and Graph as the emulator plays it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import requests
from airflow_api import FINISHED, AirflowError
from headless_airflow import HeadlessAirflow

from chaos.judging import judge
from chaos.killing import Killer

DAGS = Path(__file__).parent / "dags"
TASKS = {
    "deaths_of_copies": "copy",
    "deaths_of_pairs": "pair.wait",
    "deaths_of_moves": "move",
    "deaths_of_archives": "archive",
    "deaths_of_resumables": "copy",
    "deaths_of_stock": "copy",
}
SETTINGS = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",  # by default five minutes
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__CORE__PARALLELISM": "10",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "20",  # what waits for a dead one's lock holds a connection
}
AFTER_THE_LAST_DEATH = 900.0
"""Seconds in which Airflow has to come to an end when nothing is killed any more; what has not hangs."""


def start_airflow(graph, home):
    """Give an Airflow that looks for the dead more often than by default."""
    environment = {"AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(graph.connection()), **SETTINGS}
    return HeadlessAirflow(home, [DAGS], postgresql=True, environment=environment)


def kill_and_judge(airflow, graph, runs, seconds, tell=lambda text: None):
    """
    Let all runs go, kill as planned, and tell what has come of each.

    :param seconds: For all of them together.
    :param tell: Is told now and then how far it is.
    """
    for run in runs:
        run.prepare(graph.tenant, airflow.home)
    arguments = {}
    for run in runs:
        arguments.setdefault(run.dag_id, []).append(run.arguments())
    killer = graph.tenant.witness = Killer(airflow, graph, runs)
    verdicts = let_run(airflow, runs, arguments, seconds, tenant=graph.tenant, tick=killer.tick, tell=tell)
    graph.tenant.witness = None
    assert not killer.errors, killer.errors
    return verdicts


def let_run(airflow, runs, arguments, seconds, *, tenant, tick=lambda: None, tell=lambda text: None):
    """
    Start the Dags, wait for their end, and judge.

    :param arguments: What the task of each run is given, in order, by Dag.
    :param tick: Called twice a second.
    """
    airflow.api.await_dags(*arguments)
    dag_runs = {dag_id: airflow.api.trigger(dag_id, {"runs": given}) for dag_id, given in arguments.items()}
    started = told = time.time()
    while not _are_over(dag_runs):
        now = time.time()
        if now > started + seconds or now > AFTER_THE_LAST_DEATH + max([started, *_deaths(runs)]):
            break
        if now > told + 30:
            told = now
            tell(f"{now - started:4.0f} s, {len(_deaths(runs)):3} deaths, {_state(dag_runs)}")
        for _ in range(4):
            tick()
            time.sleep(0.5)
    with tenant.lock:
        for job in tenant.jobs:
            job.end()  # what is still under way would come as well
    return list(_verdicts(dag_runs, runs, tenant))


def _deaths(runs):
    return [run.last_hit for run in runs for _ in run.hits]


def _are_over(dag_runs):
    try:
        return all(dag_run.state() in FINISHED for dag_run in dag_runs.values())
    except (AirflowError, requests.RequestException):
        return False  # an api-server that is held up by all the dying may answer next time


def _state(dag_runs):
    try:
        ended = sum(run.count(state=state) for run in dag_runs.values() for state in FINISHED)
        return f"{sum(run.count() for run in dag_runs.values()) - ended} tasks to come"
    except (AirflowError, requests.RequestException) as error:
        return str(error)


def _verdicts(dag_runs, runs, tenant):
    for dag_id, dag_run in dag_runs.items():
        states = {
            task["map_index"]: task["state"] for task in dag_run.tasks() if task["task_id"] == TASKS[dag_id]
        }
        for index, run in enumerate(run for run in runs if run.dag_id == dag_id):
            returned = dag_run.xcom(TASKS[dag_id], map_index=index)
            yield judge(run, tenant, states.get(index), returned)
