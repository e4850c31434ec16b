"""One mapped task for each run of the kill test; a copy that a sensor waits for is a pair of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, get_current_context, task, task_group

from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

# Many: each death of the scheduler is one of all tasks that run.
RETRIES: dict[str, Any] = {"retries": 12, "retry_delay": timedelta(seconds=1)}
SETTINGS: dict[str, Any] = {"params": {"runs": []}, "max_active_tasks": 500, "default_args": RETRIES}


@task
def runs() -> list[dict[str, Any]]:
    return get_current_context()["params"]["runs"]


@task_group
def pair(item: Any, destination: Any, conflict_behavior: str) -> None:
    submit = DriveCopyOperator(
        task_id="submit", item=item, destination=destination, conflict_behavior=conflict_behavior
    )
    DriveCopySensor(task_id="wait", copy_job=submit.output, poll_interval=1.0, **RETRIES)


with DAG("deaths_of_copies", schedule=None, **SETTINGS):
    DriveCopyOperator.partial(task_id="copy", wait_for_completion=True, poll_interval=1.0).expand_kwargs(
        runs()
    )

with DAG("deaths_of_pairs", schedule=None, **SETTINGS):
    pair.expand_kwargs(runs())

with DAG("deaths_of_moves", schedule=None, **SETTINGS):
    DriveMoveOperator.partial(task_id="move").expand_kwargs(runs())

with DAG("deaths_of_archives", schedule=None, **SETTINGS):
    DriveArchiveOperator.partial(task_id="archive", poll_interval=1.0).expand_kwargs(runs())
