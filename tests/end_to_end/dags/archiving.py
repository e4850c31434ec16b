"""Archives of many documents, in the triggerer and in the worker."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_drive.operators.archive import DriveArchiveOperator

for place in ("triggerer", "worker"):
    with DAG(f"archive_in_{place}", schedule=None, params={"source": "", "destination": ""}):
        DriveArchiveOperator(
            task_id="archive",
            source="{{ params.source }}",
            destination="{{ params.destination }}",
            pattern="**/*.txt",
            deferrable=place == "triggerer",
            poll_interval=1.0,
            retries=1,
            retry_delay=timedelta(seconds=1),
        )
