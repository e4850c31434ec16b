"""Many deferred copies: of one budget that all processes share, and of a pool."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_drive.operators.copy import DriveCopyOperator

RETRIES: dict[str, Any] = {"retries": 5, "retry_delay": timedelta(seconds=1)}
BUDGETS = {"shared": "default_pool", "pooled": "drive"}
"""The pool of each kind, which is also the name of its connection."""


@task
def copies() -> list[dict[str, Any]]:
    """Return what is to be copied."""
    return get_current_context()["params"]["copies"]


for budget, pool in BUDGETS.items():
    with DAG(
        f"cluster_{budget}",
        schedule=None,
        params={"copies": []},
        max_active_tasks=1_000,
        default_args=RETRIES,
    ):
        DriveCopyOperator.partial(
            task_id="copy",
            drive_conn_id=f"drive_{budget}",
            wait_for_completion=True,
            deferrable=True,
            poll_interval=2.0,
            pool=pool,
        ).expand_kwargs(copies())
