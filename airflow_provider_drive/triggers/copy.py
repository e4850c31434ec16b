"""Waits for a copy without holding a worker."""

from __future__ import annotations

import asyncio
import random
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.copies import CopyStatus
from airflow_provider_drive.protocol.defaults import COPY_TIMEOUT, POLL_INTERVAL
from airflow_provider_drive.protocol.watching import watch_copy
from airflow_provider_drive.sealing import seal, unseal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_drive.settings import Settings

EARLIEST_EVENT = 10.0
"""
Seconds before which a trigger does not fire, whatever it has to say.

Airflow 3.3.2 marks a task failed whose deferral ends before the scheduler has seen that it began
(https://github.com/apache/airflow/issues/72716): a worker reports it every five seconds.
"""


class CopyCompleteTrigger(BaseTrigger):
    """
    Poll the monitor of a copy until it ends, and fire once.

    The event is ``{"status": "completed", "resource_id": …}``, ``{"status": "failed", "code": …, "message":
    …}``, ``{"status": "timeout", "message": …}``, or ``{"status": "unknown", "message": …}`` if the monitor
    does not know the copy any more, or may not be asked. It fires ten seconds after it began to run, or
    later.

    It needs no login: a monitor URL takes none. A restart of the triggerer loses nothing.

    .. seealso::
        https://learn.microsoft.com/graph/long-running-actions-overview

    :param monitor_url: URL that tells how the copy stands, in clear or encrypted. It is stored encrypted
        where the deployment has a Fernet key.
    :param poll_interval: Seconds between two looks at most, unless Graph asks for more; the first ones come
        sooner. Default is ``15``.
    :param deadline: When to give up, in seconds since the epoch. Default is a day from now.
    :param drive_conn_id: Connection whose TLS, proxies, time-out and hosts hold. Without such a connection
        the defaults do. Default is ``drive_default``.
    """

    def __init__(
        self,
        monitor_url: str,
        poll_interval: float = POLL_INTERVAL,
        deadline: float | None = None,
        drive_conn_id: str = "drive_default",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is untyped
        self.monitor_url = monitor_url
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.drive_conn_id = drive_conn_id

    def __repr__(self) -> str:
        return f"<CopyCompleteTrigger poll_interval={self.poll_interval} deadline={self.deadline}>"

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what is stored. A deadline left out is set now, so that it survives a restart."""
        return (
            f"{__name__}.{type(self).__name__}",
            {
                "monitor_url": seal(self.monitor_url),
                "poll_interval": self.poll_interval,
                "deadline": time.time() + COPY_TIMEOUT if self.deadline is None else self.deadline,
                "drive_conn_id": self.drive_conn_id,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for the copy's end, and fire once."""
        earliest = time.monotonic() + EARLIEST_EVENT
        try:
            # a triggerer may start a thousand at once: not all in one turn of its loop
            await asyncio.sleep(random.uniform(0.0, min(1.0, self.poll_interval)))  # noqa: S311  # nothing secret
            status = await self._watch()
        except DriveError as error:
            status = CopyStatus("unknown", message=str(error))
        except Exception as error:  # noqa: BLE001  # a trigger that dies says nothing to the task
            self.log.error("Waiting for the copy failed: %s", type(error).__name__)  # noqa: TRY400  # no traceback: it may quote the URL
            status = CopyStatus("unknown", message=f"the trigger failed: {type(error).__name__}")
        await asyncio.sleep(earliest - time.monotonic())
        yield TriggerEvent(status.as_event())  # type: ignore[no-untyped-call]  # Airflow's is untyped

    async def on_kill(self) -> None:
        """Say what killing the task does not do. The polling ends by itself: Airflow cancels the trigger."""
        self.log.warning(
            "The task was stopped, and with it the waiting. Graph offers no way to cancel a copy: it goes on."
        )

    async def _watch(self) -> CopyStatus:
        # aiohttp and requests take longer to import than a loop may be held
        transport = await asyncio.to_thread(import_module, "airflow_provider_drive.transport.asynchronous")
        deadline = time.time() + COPY_TIMEOUT if self.deadline is None else self.deadline
        settings = await _settings(self.drive_conn_id)
        async with transport.open_async_session(settings, self.log) as session:
            flow = watch_copy(
                unseal(self.monitor_url),
                settings.hosts,
                deadline=deadline,
                poll_interval=self.poll_interval,
                fresh=True,
            )
            status: CopyStatus = await transport.arun(flow, session)
            return status


_SETTINGS_SECONDS = 60.0
_loading: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, tuple[float, asyncio.Task[Settings]]]] = (
    WeakKeyDictionary()
)


async def _settings(drive_conn_id: str) -> Settings:
    """Read a connection, but not for each of a thousand triggers that start at once: Airflow is asked."""
    loop = asyncio.get_running_loop()
    known = _loading.setdefault(loop, {})
    stale, task = known.get(drive_conn_id, (0.0, None))
    if task is None or loop.time() >= stale or (task.done() and (task.cancelled() or task.exception())):
        task = loop.create_task(_read_settings(drive_conn_id))
        known[drive_conn_id] = (loop.time() + _SETTINGS_SECONDS, task)
    return await asyncio.shield(task)  # one trigger that is cancelled leaves it to the others


async def _read_settings(drive_conn_id: str) -> Settings:
    from airflow.providers.common.compat.connection import (  # noqa: PLC0415  # it needs asgiref
        get_async_connection,
        get_async_extra_dejson,
    )
    from airflow.providers.common.compat.sdk import AirflowNotFoundException  # noqa: PLC0415  # with the line above

    from airflow_provider_drive.settings import Settings, read_settings  # noqa: PLC0415  # for the triggerer

    try:
        connection = await get_async_connection(drive_conn_id)
    except AirflowNotFoundException:
        return Settings()
    return read_settings(connection, await get_async_extra_dejson(connection))
