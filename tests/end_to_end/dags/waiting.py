"""Dags for what the examples do not show: many waits at once, waits that somebody ends, and bare URLs."""

from __future__ import annotations

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

PARAMS = {"items": [], "destination": ""}
FIRST_ITEM = "{{ params['items'][0] }}"
DESTINATION = "{{ params.destination }}"
MONITOR_URL = "{{ ti.xcom_pull(task_ids='submit', key='monitor_url') }}"


@task
def items() -> list[str]:
    return get_current_context()["params"]["items"]


with DAG("many_copies", schedule=None, params=PARAMS, max_active_tasks=200):
    DriveCopyOperator.partial(
        task_id="copy",
        destination=DESTINATION,
        wait_for_completion=True,
        deferrable=True,
        poll_interval=1.0,  # the trigger is to fire as soon as it may
    ).expand(item=items())

with DAG("many_sensors", schedule=None, params=PARAMS, max_active_tasks=200):
    jobs = DriveCopyOperator.partial(task_id="submit", destination=DESTINATION).expand(item=items())
    DriveCopySensor.partial(task_id="wait", poll_interval=1.0).expand(copy_job=jobs.output)

for place in ("triggerer", "worker"):
    with DAG(f"wait_in_{place}", schedule=None, params=PARAMS):
        DriveCopyOperator(
            task_id="copy",
            item=FIRST_ITEM,
            destination=DESTINATION,
            wait_for_completion=True,
            deferrable=place == "triggerer",
            poll_interval=1.0,
        )

with DAG("bare_urls", schedule=None, params=PARAMS):
    submit = DriveCopyOperator(task_id="submit", item=FIRST_ITEM, destination=DESTINATION)
    for mode, deferrable in {"deferred": True, "poke": False, "reschedule": False}.items():
        submit >> DriveCopySensor(
            task_id=mode,
            monitor_url=MONITOR_URL,
            deferrable=deferrable,
            mode="reschedule" if mode == "reschedule" else "poke",
            poll_interval=1.0,
        )
