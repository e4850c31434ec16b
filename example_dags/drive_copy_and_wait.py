"""Copy a document, and wait for the copy in the triggerer."""

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
    # One task that submits the copy and holds no worker while Graph makes it.
    DriveCopyOperator(
        task_id="copy_and_wait",
        item="{{ params.source }}",
        destination="{{ params.destination }}",
        name="{{ run_id | replace(':', '-') }} plan.docx",
        create_destination=True,
        wait_for_completion=True,
        deferrable=True,
    )

    # Or two tasks: one submits, the other waits, and may be retried without copying again.
    submitted = DriveCopyOperator(
        task_id="submit",
        item="{{ params.source }}",
        destination="{{ params.destination }}",
        conflict_behavior="rename",
        create_destination=True,
    )
    DriveCopySensor(task_id="wait", copy_job=submitted.output, timeout=3600)
