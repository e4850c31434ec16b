"""
How long a Dag takes in a real Airflow: one task for all documents, beside mapped tasks for each.

Each contender has an Airflow of its own, with PostgreSQL, that a small run has warmed up.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import requests
from airflow_api import FINISHED, AirflowError
from field import PEERS, Field
from headless_airflow import HeadlessAirflow

OURS = "wall_of_ours"
CONTENDERS = {  # and how many tasks run at once: with 16, operators lost more of their deferrals
    OURS: ("DriveArchiveOperator, deferrable, one task", 8),
    "wall_of_hooks": ("KiotaRequestAdapterHook in a `@task`, {} mapped tasks, 16 at once", 16),
    "wall_of_operators": ("MSGraphAsyncOperator and MSGraphSensor, {} mapped tasks of each, 8 at once", 8),
}
COPY_SECONDS = 5.0
LONGEST = 600.0
"""Seconds after which a run is not waited for any more."""
SETTINGS = {
    "AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT": "1000",
    "AIRFLOW__CORE__MAX_MAP_LENGTH": "100000",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "20",
    # a deferral that ends before its worker has reported it is taken for a failure, and peers' end soon:
    # https://github.com/apache/airflow/issues/72716
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
}


def main(emulator, documents):
    """Let each archive the documents, and return what that took: a row for each."""
    rows, ours = [], None
    for dag_id, (name, together) in CONTENDERS.items():
        state, seconds, far, starts, result = _measure(emulator, documents, dag_id, together)
        ours = ours or seconds
        took, ratio = f"{seconds:.1f} s", f"{seconds / ours:.1f}"
        if state == "failed":
            took, ratio = f"failed after {took}: {far}", "-"
        elif state != "success":
            took, ratio = f"more than {took}: {far}", f"more than {ratio}"
        assert dag_id != OURS or (state == "success" and result.copies == documents)
        asked = f"{result.requests * documents:.0f}"
        rows.append([name.format(documents), took, ratio, f"{starts}", asked, f"{result.copies}"])
        print(rows[-1], flush=True)
    return rows


def _measure(emulator, documents, dag_id, together):
    """Start an Airflow, warm it up, and give what :func:`_run` does."""
    is_ours = dag_id == OURS
    few = Field(emulator, min(documents, together), COPY_SECONDS)
    settings = {**SETTINGS, "AIRFLOW__CORE__PARALLELISM": str(together)}
    settings |= few.connection() if is_ours else few.connections_of_peers()
    with (
        tempfile.TemporaryDirectory() as folder,
        HeadlessAirflow(
            Path(folder, "airflow"),
            [Path(__file__).parent / ("dags" if is_ours else "dags_of_peers")],
            postgresql=True,
            environment=settings,
            python=Path(sys.executable if is_ours else PEERS),
        ) as airflow,
    ):
        airflow.api.await_dags(dag_id)
        airflow.api.unpause(dag_id)
        _run(airflow, dag_id, few, Path(folder))
        return _run(airflow, dag_id, Field(emulator, documents, COPY_SECONDS), Path(folder))


def _run(airflow, dag_id, field, folder):
    """Tell how a run went: its state, its seconds, how far it is, the starts of workers, and the rest."""
    if dag_id != OURS:
        field.spare_monitors()
    order = folder / "order.json"
    order.write_text(json.dumps(field.order))
    conf = {"source": field.order["source_path"], "destination": field.order["destination_path"]}
    usage, begun = field.begin(), time.monotonic()
    run = airflow.api.trigger(dag_id, {**conf, "order": str(order)})
    told = begun
    while (state := _tell(run.state)) not in FINISHED and time.monotonic() < begun + LONGEST:
        if time.monotonic() > told + 30:
            told = time.monotonic()
            print(f"{dag_id} {told - begun:.0f} s: {_far(run, field)}", flush=True)
        time.sleep(0.5)
    far, seconds = _far(run, field), run.seconds() if state in FINISHED else LONGEST
    assert state != "success" or field.there() == field.documents
    return state, seconds, far, _tell(run.starts), field.result({}, seconds, usage)


def _far(run, field):
    done = _tell(lambda: run.count(state="success"))
    return f"{field.there()} of {field.documents} are there, tasks done: {done}"


def _tell(send_with_retries):
    """Ask an api-server that may be too busy to answer."""
    try:
        return send_with_retries()
    except (AirflowError, requests.RequestException):
        return None
