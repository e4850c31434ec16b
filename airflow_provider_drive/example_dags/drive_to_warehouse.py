"""
Wait for documents, hand them over to object storage, load them with DuckDB, and archive the originals.

The sensor takes no document that is still being uploaded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, AirflowSkipException, task

from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.item import DriveItemSensor
from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator

with DAG(
    dag_id="drive_to_warehouse",
    schedule=None,  # "*/15 * * * *" looks for new documents every quarter of an hour
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["example", "drive"],
    params={
        "source": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Inbox",
        "archive": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Loaded",
        "store": "file:///tmp/drive_to_warehouse",  # or s3://aws_default@bucket/raw
    },
):
    arrived = DriveItemSensor(
        task_id="wait",
        folder="{{ params.source }}",
        pattern="**/*.csv",
        recursive=True,
        timeout=timedelta(hours=4).total_seconds(),
        soft_fail=True,  # skip the run if there is nothing to load
    )
    hand_over = DriveToObjectStorageOperator(
        task_id="hand_over",
        items=arrived.output,
        destination="{{ params.store }}/{{ run_id | replace(':', '-') }}",
        retries=3,
    )

    @task
    def load(summary: dict[str, Any]) -> int:
        """Count the rows of all files. A real job would write them to a table."""
        import duckdb  # noqa: PLC0415  # only this task needs it

        files = [file["uri"] for file in summary["files"]]
        if not files:
            raise AirflowSkipException("There are no new documents.")
        return len(duckdb.read_csv(files, union_by_name=True).fetchall())

    @task
    def originals(summary: dict[str, Any], params: dict[str, Any]) -> list[dict[str, str]]:
        """Return the documents that were loaded, each with the eTag that it had when it was read."""
        return [
            {"item": f"{params['source']}/{file['path']}", "if_match": file["eTag"]}
            for file in summary["files"]
        ]

    # A document that has changed since is not moved: the next run loads it again.
    archive = DriveMoveOperator.partial(
        task_id="archive",
        destination="{{ params.archive }}",
        create_destination=True,
        conflict_behavior="rename",
        cross_drive="copy",
        retries=3,
    ).expand_kwargs(originals(hand_over.output))

    load(hand_over.output) >> archive
