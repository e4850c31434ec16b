"""A peer in the kill test: the same copy as a request of the stock provider's operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.microsoft.azure.operators.msgraph import MSGraphAsyncOperator
from airflow.sdk import DAG, get_current_context, task


@task
def runs() -> list[dict[str, Any]]:
    return get_current_context()["params"]["runs"]


with DAG("deaths_of_stock", schedule=None, params={"runs": []}, max_active_tasks=500):
    MSGraphAsyncOperator.partial(
        task_id="copy", method="POST", retries=12, retry_delay=timedelta(seconds=1)
    ).expand_kwargs(runs())
