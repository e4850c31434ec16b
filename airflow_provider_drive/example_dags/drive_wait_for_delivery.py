"""Wait for a delivery of three files, and archive it as a whole."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.sensors.item import DriveItemSensor

with DAG(
    dag_id="drive_wait_for_delivery",
    schedule="0 6 * * 1-5",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["example", "drive"],
    params={
        "folder": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Delivery",
        "destination": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Deliveries",
    },
):
    # All three have to be complete four hours after the start. The log says which of them is missing.
    delivery = DriveItemSensor(
        task_id="wait",
        folder="{{ params.folder }}",
        pattern=["orders.csv", "customers.csv", "prices.csv"],
        min_count=3,
        timeout=timedelta(hours=4).total_seconds(),
    )
    DriveArchiveOperator(
        task_id="archive",
        items=delivery.output,
        destination="{{ params.destination }}/{{ run_id | replace(':', '-') }}",
    )
