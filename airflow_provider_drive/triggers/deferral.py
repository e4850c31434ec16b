"""
How long a trigger holds its event back.

Airflow 3.3.2 fails a task if its deferral ends before the scheduler has seen the worker leave it
(https://github.com/apache/airflow/issues/72716): "finished with state success, but … queued". A trigger can
read a task's state, but that says ``deferred`` as soon as the worker has asked for it. What the scheduler
waits for is the end of the worker's process, which a trigger sees only if it runs on the same machine.
"""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from typing import Any

from airflow_provider_drive.configuration import read_number

MAX_HOLD = 3_600.0
"""Seconds that an event may be held back, at most."""
MAX_LINGERING = 120.0
"""Seconds after a trigger's start in which the worker's process may still be there."""


def read_hold(default: float, log: Any) -> float:
    """Return the seconds that an event is held back, as Airflow's configuration says."""
    return read_number("deferral_hold", default, MAX_HOLD, least=0.0, log=log)


async def hold_event(task_instance: Any, started: float, hold: float, log: Any) -> None:
    """
    Return when the task may resume: some seconds after the trigger's start, and after the worker's end.

    :param task_instance: The deferred task; None if it is not known.
    :param started: When the trigger was started, by the monotonic clock.
    :param hold: The seconds to wait.
    """
    await asyncio.sleep(started + hold - time.monotonic())
    task_id = getattr(task_instance, "id", None)  # Airflow 2.11 has none, and does not need it
    if task_id is None or not await _is_in_worker(str(task_id), started):
        return
    log.info(
        "The worker has deferred this task, and its process has not ended yet. The task resumes after that."
    )
    while await _is_in_worker(str(task_id), started):  # noqa: ASYNC110  # nothing tells of the end of a process
        await asyncio.sleep(1.0)
    await asyncio.sleep(hold)


async def _is_in_worker(task_id: str, started: float) -> bool:
    if time.monotonic() - started > MAX_LINGERING:
        return False
    return task_id in await asyncio.to_thread(_read_titles, int(time.monotonic()))


@lru_cache(maxsize=1)
def _read_titles(_second: int) -> str:
    """
    Return the titles of this machine's processes: a worker's contains the id of its task instance.

    They are read once a second, however many triggers ask.
    """
    import psutil  # noqa: PLC0415  # only for triggers that fire

    return "\n".join(" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
