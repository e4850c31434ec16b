"""What the triggers share: run a flow in the triggerer's event loop, and fire once."""

from __future__ import annotations

import asyncio
import math
import random
import time
from abc import abstractmethod
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_drive.configuration import COPY_TIMEOUT
from airflow_provider_drive.exceptions import DriveArgumentError, DriveError
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus
from airflow_provider_drive.transport.single_flight import SingleFlightCache
from airflow_provider_drive.triggers.deferral import hold_event, read_hold
from airflow_provider_drive.triggers.failures import describe_failure, ends_trigger, locate
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import ModuleType

    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.settings import Settings
    from airflow_provider_drive.transport.asynchronous import AsyncSession
    from airflow_provider_drive.transport.usage import Log

MIN_EVENT_DELAY = 10.0
"""Seconds before which a trigger does not fire, unless Airflow's configuration says otherwise."""
_MODULES = (
    "asgiref.sync",  # common.compat reads a connection with it
    "airflow.providers.common.compat.connection",
    "airflow_provider_drive.settings",
)


class DriveTrigger(BaseTrigger):
    """
    Base of the triggers that poll monitors.

    A monitor URL takes no token, so a trigger needs no login. A restart of the triggerer loses nothing.

    :param poll_interval: The longest pause between two polls, in seconds.
    :param deadline: When to give up, in seconds since the epoch. Default is a day from now.
    :param drive_conn_id: The connection.
    """

    def __init__(self, poll_interval: float, deadline: float | None, drive_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is untyped
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.drive_conn_id = drive_conn_id
        self._missing = ""

    @property
    def _advice(self) -> str:
        """What to do, if the triggerer does not see the connection (https://github.com/apache/airflow/issues/57145)."""
        if not self._missing:
            return ""
        return (
            f" The triggerer sees no connection {self._missing!r}: give it the same secrets backend and "
            "environment variables as the workers."
        )

    @property
    @abstractmethod
    def _monitors(self) -> tuple[str, str]:
        """The name and the value of the argument with the monitor URLs: a secret, in clear or encrypted."""

    @abstractmethod
    def _flow(self, monitors: str, wait: Wait) -> Flow[dict[str, Any]]:
        """Poll the monitors until all copies have ended, and return the event."""

    @abstractmethod
    def _describe_event(self, event: dict[str, Any]) -> str:
        """Return the outcome, for the log."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} poll_interval={self.poll_interval} deadline={self.deadline}>"

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores. A deadline that was left out is set now: it must survive a restart."""
        name, monitors = self._monitors
        return (
            f"{type(self).__module__}.{type(self).__name__}",
            {
                name: encrypt_url(monitors),
                "poll_interval": self.poll_interval,
                "deadline": self._deadline,
                "drive_conn_id": self.drive_conn_id,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until all copies have ended, and fire once."""
        started = time.monotonic()
        event = await self._event()
        await hold_event(self.task_instance, started, read_hold(MIN_EVENT_DELAY, self.log), self.log)
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's is untyped

    async def on_kill(self) -> None:
        """
        Log that the copy goes on. The polling ends by itself: Airflow cancels it.

        The task need not have ended: Airflow also calls this if the task is cleared, and in a triggerer that
        was cut off so long that another one polls by now: https://github.com/apache/airflow/pull/73454
        """
        self.log.info("This trigger stops polling. The copy goes on: Graph offers no way to cancel a copy.")

    async def _event(self) -> dict[str, Any]:
        """Return the event, also of an error: if a trigger raises, the task gets no reason."""
        try:
            return await self._poll()
        except DriveError as error:
            return CopyStatus("unknown", message=f"{error}{self._advice}").as_event()
        except BaseException as error:
            if ends_trigger(error):
                raise
            self.log.error("Waiting for the copy failed: %s", locate(error))  # noqa: TRY400  # a traceback may quote the URL
            return CopyStatus("unknown", message=describe_failure(error)).as_event()

    async def _poll(self) -> dict[str, Any]:
        self._check()
        deadline = self._deadline
        async with open_session(self.drive_conn_id, self.log, self.poll_interval) as (session, run):
            self._missing = session.settings.missing
            text = self._monitors[1]
            is_plain = "://" in text
            monitors = decrypt_url(text) if is_plain else await asyncio.to_thread(decrypt_url, text)
            wait = Wait(deadline, poll_interval=self.poll_interval, clock=session.clock.now)
            event: dict[str, Any] = await run(self._flow(monitors, wait))
            self.log.info("Polled %d times: %s.", session.usage.requests, self._describe_event(event))
            return event

    @property
    def _deadline(self) -> float:
        return time.time() + COPY_TIMEOUT if self.deadline is None else self.deadline

    def _check(self) -> None:
        """
        Check the arguments, which others can write to in the database.

        :raises DriveArgumentError: If one is invalid. The message names it, and does not quote it.
        """
        name, monitors = self._monitors
        valid = {
            name: isinstance(monitors, str),
            "poll_interval": _is_number(self.poll_interval) and self.poll_interval > 0,
            "deadline": self.deadline is None or _is_number(self.deadline),
            "drive_conn_id": isinstance(self.drive_conn_id, str),
        }
        if invalid := [name for name, is_valid in valid.items() if not is_valid]:
            raise DriveArgumentError(f"Invalid arguments of the trigger: {', '.join(invalid)}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


@asynccontextmanager
async def open_session(
    drive_conn_id: str, log: Log, poll_interval: float
) -> AsyncIterator[tuple[AsyncSession, Callable[[Flow[Any]], Awaitable[Any]]]]:
    """
    Open a session for a trigger, when it is its turn, and return it with what runs a flow over it.

    A triggerer may start a thousand triggers at once: they are spread over the turns of its loop.

    :param poll_interval: The longest time to wait for the turn, in seconds.
    """
    await asyncio.sleep(random.uniform(0.0, min(1.0, poll_interval)))  # noqa: S311  # not a secret
    if not _loaded:  # importing aiohttp, requests and cryptography would block the loop for too long
        _loaded.append(await asyncio.to_thread(_load))
    transport = _loaded[0]
    settings = await _read_settings_once(drive_conn_id)
    async with transport.open_async_session(settings, log) as session:
        await session.stagger_start(poll_interval)
        yield session, partial(transport.arun, session=session)


_loaded: list[ModuleType] = []
"""The transport, once it is imported: a thread for each trigger would cost more than a poll."""


def _load() -> ModuleType:
    """Import what polling needs, and return the transport."""
    for name in _MODULES:
        import_module(name)
    return import_module("airflow_provider_drive.transport.asynchronous")


_settings: WeakKeyDictionary[asyncio.AbstractEventLoop, SingleFlightCache[str, Settings]] = (
    WeakKeyDictionary()
)


async def _read_settings_once(drive_conn_id: str) -> Settings:
    """Read a connection once, not for each of a thousand triggers that start together."""
    cache = _settings.setdefault(asyncio.get_running_loop(), SingleFlightCache(_read_settings))
    return await cache.get(drive_conn_id)


async def _read_settings(drive_conn_id: str) -> Settings:
    from airflow.providers.common.compat.connection import (  # noqa: PLC0415  # it needs asgiref
        get_async_connection,
        get_async_extra_dejson,
    )
    from airflow.providers.common.compat.sdk import AirflowNotFoundException  # noqa: PLC0415  # with the line above

    from airflow_provider_drive.settings import Settings, read_settings  # noqa: PLC0415  # only for the triggerer

    try:
        connection = await get_async_connection(drive_conn_id)
    except AirflowNotFoundException:
        return Settings(missing=drive_conn_id)
    return read_settings(connection, await get_async_extra_dejson(connection))
