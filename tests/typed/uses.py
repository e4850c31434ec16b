"""Each template field with another task's output, and with a template or a duration: for mypy."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG

from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.delete import DriveDeleteOperator
from airflow_provider_drive.operators.folder import DriveEnsureFolderOperator
from airflow_provider_drive.operators.list import DriveListOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.sensors.item import DriveItemSensor
from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator
from airflow_provider_drive.transfers.object_storage_to_drive import ObjectStorageToDriveOperator

if TYPE_CHECKING:
    from airflow.sdk import XComArg


def outputs(x: XComArg) -> None:
    """Give each template field the output of another task."""
    DriveCopyOperator(
        task_id="copy",
        item=x,
        destination=x,
        name=x,
        conflict_behavior=x,
        children_only=x,
        include_all_version_history=x,
        create_destination=x,
        wait_for_completion=x,
        verify=x,
        deferrable=x,
        poll_interval=x,
        copy_timeout=x,
        drive_conn_id=x,
    )
    DriveMoveOperator(
        task_id="move",
        item=x,
        destination=x,
        name=x,
        if_match=x,
        conflict_behavior=x,
        create_destination=x,
        cross_drive=x,
        verify=x,
        drive_conn_id=x,
    )
    DriveArchiveOperator(
        task_id="archive",
        source=x,
        destination=x,
        pattern=x,
        exclude=x,
        modified_before=x,
        modified_after=x,
        created_before=x,
        created_after=x,
        min_size=x,
        max_size=x,
        items=x,
        keep_structure=x,
        conflict_behavior=x,
        delete_source=x,
        verify=x,
        max_failures=x,
        manifest=x,
        dry_run=x,
        fail_if_empty=x,
        outlet_event_if_empty=x,
        deferrable=x,
        poll_interval=x,
        copy_timeout=x,
        drive_conn_id=x,
    )
    DriveListOperator(
        task_id="list",
        folder=x,
        recursive=x,
        pattern=x,
        exclude=x,
        modified_before=x,
        modified_after=x,
        created_before=x,
        created_after=x,
        min_size=x,
        max_size=x,
        kind=x,
        limit=x,
        fail_if_empty=x,
        drive_conn_id=x,
    )
    DriveDeleteOperator(task_id="delete", item=x, if_match=x, drive_conn_id=x)
    DriveEnsureFolderOperator(task_id="folder", folder=x, drive_conn_id=x)
    DriveCopySensor(task_id="wait", copy_job=x, monitor_url=x, deferrable=x, poll_interval=x, drive_conn_id=x)
    DriveItemSensor(
        task_id="arrived",
        item=x,
        folder=x,
        pattern=x,
        exclude=x,
        recursive=x,
        min_count=x,
        settle=x,
        deferrable=x,
        poll_interval=x,
        drive_conn_id=x,
    )
    DriveToObjectStorageOperator(
        task_id="hand_over",
        source=x,
        items=x,
        destination=x,
        pattern=x,
        exclude=x,
        modified_before=x,
        modified_after=x,
        created_before=x,
        created_after=x,
        min_size=x,
        max_size=x,
        keep_structure=x,
        on_existing=x,
        after=x,
        after_destination=x,
        max_failures=x,
        manifest=x,
        dry_run=x,
        parallel=x,
        drive_conn_id=x,
    )
    ObjectStorageToDriveOperator(
        task_id="report",
        source=x,
        destination=x,
        pattern=x,
        exclude=x,
        keep_structure=x,
        conflict_behavior=x,
        create_destination=x,
        max_failures=x,
        manifest=x,
        parallel=x,
        drive_conn_id=x,
    )


def templates() -> None:
    """Give fields of other types a template, or a duration."""
    DriveCopyOperator(
        task_id="copy",
        item={"driveId": "d", "id": "i"},
        conflict_behavior="{{ params.behavior }}",
        wait_for_completion="{{ params.wait }}",
        deferrable="{{ params.deferrable }}",
        poll_interval="PT1M",
        copy_timeout=timedelta(hours=2),
    )
    DriveArchiveOperator(
        task_id="archive",
        source="{{ params.source }}",
        destination="{{ params.destination }}",
        pattern=["**/*.docx"],
        max_failures="{{ params.max_failures }}",
        min_size="{{ params.min_size }}",
        poll_interval="{{ params.poll_interval }}",
        copy_timeout="PT2H",
        dry_run="{{ params.dry_run }}",
    )
    DriveListOperator(task_id="list", folder="{{ params.source }}", limit="{{ params.limit }}")
    DriveCopySensor(task_id="wait", copy_job="{{ params.job }}", poll_interval=timedelta(minutes=1))


with DAG("typed", schedule=None):
    listed = DriveListOperator(task_id="list", folder="drives/d/root")
    outputs(listed.output)
    DriveCopyOperator.partial(task_id="mapped", destination="drives/d/root").expand(item=listed.output)
