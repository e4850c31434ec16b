"""Archive each document that arrives in a folder, and process it: on Airflow 3.3, without losing any."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_drive.assets import read_changes, watch_folder
from airflow_provider_drive.operators.archive import DriveArchiveOperator

INBOX = watch_folder(
    "legal_inbox",
    "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Inbox",
    exclude="**/~$*",  # files that Office leaves beside an open document
    kinds=("created", "updated"),
)

with DAG(
    dag_id="drive_on_arrival",
    schedule=[INBOX],
    catchup=False,
    max_active_runs=1,
    tags=["example", "drive"],
    params={"destination": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Arrived"},
):

    @task
    def list_arrivals(triggering_asset_events: dict | None = None) -> list[dict[str, Any]]:
        """Return the documents that have arrived. A run may be triggered by several events."""
        return read_changes(triggering_asset_events or {})

    @task
    def process(document: dict[str, Any]) -> str:
        """Process one document. A data job would start here."""
        return f"{document['kind']}: {document['path']} ({document['size']} bytes)"

    arrivals = list_arrivals()
    archived = DriveArchiveOperator(
        task_id="archive",
        items=arrivals,
        destination="{{ params.destination }}",
        conflict_behavior="replace",
        retries=2,
    )
    archived >> process.expand(document=arrivals)
