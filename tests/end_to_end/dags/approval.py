"""Archive documents after a person has approved the plan."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG

from airflow_provider_drive.operators.archive import DriveArchiveOperator

ORDER = {
    "source": "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Contracts",
    "destination": "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/Approved",
    "pattern": "**/*.docx",
}

with DAG("archive_with_approval", schedule=None):
    plan = DriveArchiveOperator(task_id="plan", dry_run=True, **ORDER)
    approve = ApprovalOperator(
        task_id="approve",
        subject="Archive {{ ti.xcom_pull(task_ids='plan')['planned'] }} documents?",
        body="{{ ti.xcom_pull(task_ids='plan')['plan'] }}",
        response_timeout=timedelta(days=2),
    )
    archive = DriveArchiveOperator(task_id="archive", **ORDER)
    plan >> approve >> archive
