"""Archive a folder each night. Another Dag starts when the archive is complete."""

from __future__ import annotations

import pendulum
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_drive.assets import drive_asset
from airflow_provider_drive.operators.copy import DriveCopyOperator

ARCHIVE = drive_asset("https://contoso.sharepoint.com/sites/Archive/Shared Documents/Nightly")

START = pendulum.datetime(2026, 1, 1, tz="UTC")

with DAG(
    dag_id="drive_nightly_archive",
    schedule="0 2 * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    tags=["example", "drive"],
    params={
        "source": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Contracts",
        "destination": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Nightly",
    },
):
    # A folder of up to 30,000 items is a single copy, which Microsoft's servers make.
    DriveCopyOperator(
        task_id="archive",
        item="{{ params.source }}",
        destination="{{ params.destination }}",
        name="Contracts {{ run_id | replace(':', '-') }}",
        create_destination=True,
        wait_for_completion=True,
        deferrable=True,
        copy_timeout=6 * 3600,
        retries=2,
        outlets=[ARCHIVE],
    )

with DAG(
    dag_id="drive_archive_report",
    schedule=[ARCHIVE],
    start_date=START,
    catchup=False,
    tags=["example", "drive"],
):

    @task
    def report(triggering_asset_events: dict | None = None) -> list[str]:
        """Return the runs that have filled the archive. A data job would start here."""
        events = [event for several in (triggering_asset_events or {}).values() for event in several]
        return [str(event.source_run_id) for event in events]

    report()
