"""What Airflow offers to those who write Dags, in one Dag, by connections that come from different places."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG, setup, task, teardown

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

LEGAL = "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Idioms"
ARCHIVE = "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Idioms"

with DAG(
    dag_id="idioms",
    schedule=None,
    catchup=False,
    default_args={"drive_conn_id": "from_file", "poll_interval": 1.0},
):

    @setup
    def make_folder() -> dict[str, str]:
        """Make the destination, by a connection from the environment, written as a URI."""
        folder = DriveHook("from_uri").ensure_folder(ARCHIVE)
        return {"driveId": folder["parentReference"]["driveId"], "id": folder["id"]}

    @task
    def list_documents() -> list[dict[str, Any]]:
        """Tell the documents, by a connection that was added to the database."""
        return [item for item in DriveHook("from_fields").list_children(LEGAL) if "file" in item]

    @task
    def pair(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Tell what each mapped task is to do."""
        return [{"item": item, "name": f"second {item['name']}"} for item in items]

    @task
    def tell(item: dict[str, Any]) -> str:
        """Take what an operator returned."""
        return f"told {item['name']} {item['id']}"

    @teardown
    def remove(item: dict[str, Any]) -> None:
        """Remove what was there for the run alone, by a connection that was added as JSON."""
        DriveHook("from_json").delete_item(item)

    folder, documents = make_folder(), list_documents()
    draft = DriveCopyOperator(
        task_id="draft", item=f"{LEGAL}/one.txt", name="draft.txt", wait_for_completion=True
    ).as_setup()
    copy = DriveCopyOperator(
        task_id="copy",
        item=draft.output,
        destination=folder,
        name="copy.txt",
        wait_for_completion=True,
        deferrable=True,
    )
    told = tell(copy.output)
    each = DriveCopyOperator.partial(task_id="each", destination=folder).expand(item=documents)
    wait = DriveCopySensor.partial(task_id="wait", timeout=120).expand(copy_job=each.output)
    pairs = DriveCopyOperator.partial(
        task_id="pairs", destination=folder, drive_conn_id="from_json", wait_for_completion=True
    ).expand_kwargs(pair(documents))
    rename = DriveMoveOperator(task_id="rename", item=copy.output, name="renamed.txt")
    documents >> draft  # else it might be among them
    told >> rename >> remove(draft.output)
