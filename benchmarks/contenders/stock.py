"""
Copies documents with the stock provider's operator, and waits with its sensor, in one event loop.

Both are run as Airflow runs them, leg by leg, but nothing is scheduled or stored in between.
"""

import asyncio
import json
import logging
import sys
import time

from airflow.providers.microsoft.azure.operators.msgraph import MSGraphAsyncOperator
from airflow.providers.microsoft.azure.triggers.msgraph import MSGraphTrigger
from airflow.sdk.exceptions import TaskDeferred

logging.disable(logging.CRITICAL)
order, known = json.load(sys.stdin), {}


async def fire(trigger):
    async for event in trigger.run():
        if event.payload["status"] != "success":
            raise RuntimeError(event.payload["message"])
        return json.loads(event.payload["response"])
    raise RuntimeError("The trigger has fired nothing.")


async def copy(drive, item, name, turns):
    to_drive, to_folder = order["destination"]
    async with turns:
        operator = MSGraphAsyncOperator(  # noqa: AIR001  # no Dag looks for its name
            task_id="copy",
            url=f"drives/{drive}/items/{item}/copy",
            method="POST",
            data={"parentReference": {"driveId": to_drive, "id": to_folder}},
        )
        try:
            operator.execute({})
        except TaskDeferred as deferral:
            headers = await fire(deferral.trigger)
        while True:  # MSGraphSensor: a trigger for each look, and a pause of `retry_delay` after it
            status = await fire(MSGraphTrigger(url=headers["location"], method="GET"))
            if status["status"] == "completed":
                break
            await asyncio.sleep(order["interval"])
        known[name] = time.time()


async def main():
    turns = asyncio.Semaphore(order["together"])
    await asyncio.gather(*(copy(*item, turns) for item in order["items"]))


started = time.time()
asyncio.run(main())
print(json.dumps({"known": known, "seconds": time.time() - started}))
