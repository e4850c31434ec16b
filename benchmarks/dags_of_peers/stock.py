"""
The same archive by mapped tasks of the stock provider, in two ways.

Which documents there are is in a file, so that nobody has to list them. A retry may ask for a copy again, so
each replaces what has its name.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.microsoft.azure.hooks.msgraph import KiotaRequestAdapterHook
from airflow.providers.microsoft.azure.operators.msgraph import MSGraphAsyncOperator
from airflow.providers.microsoft.azure.sensors.msgraph import MSGraphSensor
from airflow.sdk import DAG, get_current_context, task

REPLACE = {"@microsoft.graph.conflictBehavior": "replace"}
PAUSE = 1.0
SETTINGS = {
    "params": {"order": ""},
    "max_active_tasks": 10_000,
    "default_args": {"retries": 12, "retry_delay": timedelta(seconds=1)},
}


@task
def documents() -> list[dict[str, Any]]:
    order = json.loads(Path(get_current_context()["params"]["order"]).read_text())
    drive, folder = order["destination"]
    data = {"parentReference": {"driveId": drive, "id": folder}}
    return [
        {"url": f"drives/{drive}/items/{item}/copy", "data": data} for drive, item, name in order["items"]
    ]


def monitor(headers, **_):
    return headers["location"]


def is_completed(status, **_):
    return status["status"] == "completed"


with DAG("wall_of_operators", schedule=None, **SETTINGS):
    copies = MSGraphAsyncOperator.partial(
        task_id="copy", method="POST", query_parameters=REPLACE, result_processor=monitor
    ).expand_kwargs(documents())
    MSGraphSensor.partial(
        task_id="wait", event_processor=is_completed, retry_delay=timedelta(seconds=PAUSE)
    ).expand(url=copies.output)

with DAG("wall_of_hooks", schedule=None, **SETTINGS):

    @task
    async def copy(document: dict[str, Any]) -> None:
        hook = KiotaRequestAdapterHook()
        headers = await hook.run(**document, method="POST", query_parameters=REPLACE)
        while not is_completed(await hook.run(headers["location"])):  # noqa: ASYNC110  # Graph sets no Event
            await asyncio.sleep(PAUSE)

    copy.expand(document=documents())
