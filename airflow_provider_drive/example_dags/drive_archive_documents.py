"""Archive thousands of matching documents in one task, and handle those that could not be archived."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_drive.operators.archive import DriveArchiveOperator

with DAG(
    dag_id="drive_archive_documents",
    schedule=None,  # "0 3 * * *" archives every night
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    tags=["example", "drive"],
    params={
        "source": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Contracts",
        "destination": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Documents",
    },
):
    # Put all archives of a tenant into one pool with one slot: a single archive can use the whole budget.
    archive = DriveArchiveOperator(
        task_id="archive",
        source="{{ params.source }}",
        destination="{{ params.destination }}",
        pattern=["**/*.docx", "**/*.pdf"],
        exclude="**/~*",
        # modified_before="P7Y" selects documents that have not changed for seven years.
        # With delete_source=True, originals go to the recycle bin after their copies were verified.
        manifest="{{ params.destination }}/Manifests/{{ run_id | replace(':', '-') }}.jsonl",
        max_failures=10,
        deferrable=True,
        retries=3,
    )

    @task
    def failures(summary: dict[str, Any]) -> list[str]:
        """Return which documents failed, and why: a hundred at most; the manifest has all of them."""
        return [f"{failure['path']}: {failure['reason']}" for failure in summary["failures"]]

    failures(archive.output)
