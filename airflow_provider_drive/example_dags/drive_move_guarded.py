"""Move a document only if it has not changed since an upstream task read it."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.move import DriveMoveOperator

with DAG(
    dag_id="drive_move_guarded",
    schedule=None,
    catchup=False,
    tags=["example", "drive"],
    params={
        "item": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Inbox/signed.pdf",
        "destination": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Signed",
    },
):

    @task
    def inspect(params: dict[str, Any]) -> dict[str, Any]:
        """Read the document. The driveItem contains its eTag."""
        return DriveHook().get_item(params["item"])

    inspected = inspect()
    DriveMoveOperator(
        task_id="move",
        item=inspected,
        if_match="{{ ti.xcom_pull(task_ids='inspect')['eTag'] }}",
        destination="{{ params.destination }}",
        name="{{ run_id | replace(':', '-') }} signed.pdf",
        create_destination=True,
    )
