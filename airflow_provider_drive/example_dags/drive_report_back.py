"""Write the result of a data job to object storage, and upload it to a library."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath, task

from airflow_provider_drive.transfers.object_storage_to_drive import ObjectStorageToDriveOperator

with DAG(
    dag_id="drive_report_back",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["example", "drive"],
    params={
        "store": "file:///tmp/drive_report_back",  # or s3://aws_default@bucket/reports
        "destination": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Reports",
    },
):

    @task
    def report(params: dict[str, Any], run_id: str) -> str:
        """Write the report, and return its folder. A real job would compute it."""
        folder = ObjectStoragePath(params["store"]) / run_id.replace(":", "-")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orders.csv").write_text("country,amount\nAT,10\nCH,32\n")
        return str(folder)

    # In the library, the report of each day is a new version of the same file.
    ObjectStorageToDriveOperator(
        task_id="upload",
        source=report(),
        destination="{{ params.destination }}",
        conflict_behavior="replace",
        retries=3,
    )
