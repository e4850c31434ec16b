"""The archive whose wall time is measured."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider_drive.operators.archive import DriveArchiveOperator

with DAG("wall_of_ours", schedule=None, params={"source": "", "destination": ""}):
    DriveArchiveOperator(
        task_id="archive",
        source="{{ params.source }}",
        destination="{{ params.destination }}",
        deferrable=True,
    )
