"""Copy a document and wait for the copy in the triggerer."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

with DAG(
    dag_id="drive_copy_and_wait",
    schedule=None,
    catchup=False,
    tags=["example", "drive"],
    params={
        "source": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Contracts/2026/plan.docx",
        "destination": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Contracts/2026",
    },
):
    # One task: it submits the copy and occupies no worker slot while Graph makes the copy.
    DriveCopyOperator(
        task_id="copy_and_wait",
        item="{{ params.source }}",
        destination="{{ params.destination }}",
        name="{{ run_id | replace(':', '-') }} plan.docx",
        create_destination=True,
        wait_for_completion=True,
        deferrable=True,
    )

    # Or two tasks: one submits the copy, the other waits. A retry of the sensor copies nothing.
    submitted = DriveCopyOperator(
        task_id="submit",
        item="{{ params.source }}",
        destination="{{ params.destination }}",
        conflict_behavior="rename",
        create_destination=True,
    )
    DriveCopySensor(task_id="wait", copy_job=submitted.output, timeout=3600)
