"""Waits for a copy without holding a worker."""

from __future__ import annotations

import asyncio
import math
import random
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_drive.exceptions import DriveArgumentError, DriveError
from airflow_provider_drive.protocol.monitor import poll_monitor
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT, POLL_INTERVAL, Wait
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus
from airflow_provider_drive.transport.single_flight import SingleFlightCache
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.settings import Settings

MIN_EVENT_DELAY = 10.0
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
            f"{type(self).__module__}.{type(self).__name__}",
            {
                "monitor_url": encrypt_url(self.monitor_url),
                "poll_interval": self.poll_interval,
                "deadline": time.time() + COPY_TIMEOUT if self.deadline is None else self.deadline,
                "drive_conn_id": self.drive_conn_id,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for the copy's end, and fire once."""
        earliest = time.monotonic() + MIN_EVENT_DELAY
        event = await self._end()
        await asyncio.sleep(earliest - time.monotonic())
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's is untyped

    async def on_kill(self) -> None:
        """Say what killing the task does not do. The polling ends by itself: Airflow cancels the trigger."""
        self.log.warning(
            "The task was stopped, and with it the waiting. Graph offers no way to cancel a copy: it goes on."
        )

    async def _end(self) -> dict[str, Any]:
        """Return how the copy ended, or why nobody can say: a trigger that dies says nothing to the task."""
        try:
            return await self._watch()
        except DriveError as error:
            return CopyStatus("unknown", message=str(error)).as_event()
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # else it is not this trigger that was cancelled, but something that it waits for
            reason = _describe(error)
            self.log.error("Waiting for the copy failed: %s", reason)  # noqa: TRY400  # no traceback: it may quote the URL
            return CopyStatus("unknown", message=f"the trigger failed: {reason}").as_event()

    async def _watch(self) -> dict[str, Any]:
        self._check()
        deadline = time.time() + COPY_TIMEOUT if self.deadline is None else self.deadline
        # a triggerer may start a thousand at once: not all in one turn of its loop
        await asyncio.sleep(random.uniform(0.0, min(1.0, self.poll_interval)))  # noqa: S311  # nothing secret
        # to import aiohttp, requests and cryptography takes longer than the loop may be held
        transport, monitor_url = await asyncio.to_thread(_load, self.monitor_url)
        settings = await _settings(self.drive_conn_id)
        async with transport.open_async_session(settings, self.log) as session:
            await session.stagger_start(self.poll_interval)
            wait = Wait(deadline, poll_interval=self.poll_interval, clock=session.clock.now)
            flow = self._flow(monitor_url, wait)
            event: dict[str, Any] = await transport.arun(flow, session)
            self.log.info("Looked %d times: %s.", session.usage.requests, self._describe_end(event))
            return event

    def _flow(self, monitor_url: str, wait: Wait) -> Flow[dict[str, Any]]:
        """Wait for the copy, and return the event."""
        status = yield from poll_monitor(monitor_url, wait, fresh=True)
        return status.as_event()

    def _describe_end(self, event: dict[str, Any]) -> str:
        return f"the copy is {event['status']}"

    def _check(self) -> None:
        """
        Look at the arguments, which have crossed a database.

        :raises DriveArgumentError: If one makes no sense. The message names it, and does not quote it.
        """
        sound = {
            "monitor_url": isinstance(self.monitor_url, str),
            "poll_interval": _is_number(self.poll_interval) and self.poll_interval > 0,
            "deadline": self.deadline is None or _is_number(self.deadline),
            "drive_conn_id": isinstance(self.drive_conn_id, str),
        }
        if faults := [name for name, is_sound in sound.items() if not is_sound]:
            raise DriveArgumentError(f"The trigger's {' and '.join(faults)} makes no sense.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _describe(error: BaseException) -> str:
    """Say what went wrong and where, not in its own words: they may quote the URL."""
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return f"{type(error).__name__} ({Path(places[-1][0]).name}:{places[-1][1]})"


def _load(monitor_url: str) -> tuple[ModuleType, str]:
    """Import what waiting takes, and return the transport and the monitor URL in clear."""
    for name in _IMPORTED:
        import_module(name)
    return import_module("airflow_provider_drive.transport.asynchronous"), decrypt_url(monitor_url)


_IMPORTED = (
    "asgiref.sync",  # compat's way to a connection
    "airflow.providers.common.compat.connection",
    "airflow_provider_drive.settings",
)

_known: WeakKeyDictionary[asyncio.AbstractEventLoop, SingleFlightCache[str, Settings]] = WeakKeyDictionary()


async def _settings(drive_conn_id: str) -> Settings:
    """Read a connection, but not for each of a thousand triggers that start at once: Airflow is asked."""
    known = _known.setdefault(asyncio.get_running_loop(), SingleFlightCache(_read_settings))
    return await known.get(drive_conn_id)


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
