"""
Submit many copies with dynamic task mapping and wait for all of them.

The pool keeps them to SharePoint's budget. Create it before: ``airflow pools set drive 20 "SharePoint"``.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

with DAG(
    dag_id="drive_copy_many",
    schedule=None,
    catchup=False,
    tags=["example", "drive"],
    params={
        "source": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Contracts",
        "destination": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Many",
    },
):

    @task
    def list_documents(params: dict[str, Any]) -> list[dict[str, str]]:
        """Return the ids and names of the documents in the source folder. Ids need no lookup."""
        children = DriveHook().list_children(params["source"])
        return [
            {"driveId": child["parentReference"]["driveId"], "id": child["id"], "name": child["name"]}
            for child in children
            if "file" in child
        ]

    @task
    def make_folder(params: dict[str, Any]) -> dict[str, str]:
        """Create the destination once, and return its ids."""
        folder = DriveHook().ensure_folder(params["destination"])
        return {"driveId": folder["parentReference"]["driveId"], "id": folder["id"]}

    submitted = DriveCopyOperator.partial(
        task_id="submit",
        destination=make_folder(),
        conflict_behavior="rename",
        pool="drive",
        map_index_template="{{ task.item.name }}",
    ).expand(item=list_documents())
    DriveCopySensor.partial(
        task_id="wait", timeout=3600, pool="drive", map_index_template="{{ task.copy_job.name }}"
    ).expand(copy_job=submitted.output)
