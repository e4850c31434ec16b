"""Waits for documents without holding a worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.items.arrival import (
    SETTLE,
    ArrivalEvent,
    read_arrival,
    wait_for_arrival,
)
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.triggers import base
from airflow_provider_drive.triggers.deferral import hold_event, read_hold
from airflow_provider_drive.triggers.failures import describe_failure, ends_trigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from airflow_provider_drive.protocol.items.arrival import Look

_WHAT = ("item", "folder", "pattern", "exclude", "recursive", "min_count", "settle")
ITEM_POLL_INTERVAL = 60.0
"""Seconds between two looks."""


class DriveItemTrigger(BaseTrigger):
    """
    Look for documents until enough of them are settled, and fire once.

    The event is ``{"status": "arrived", …}``, ``{"status": "timeout", …}`` or ``{"status": "failed", …}``,
    with a ``message`` that says what the last look has found, and the ``deadline``. It fires ten seconds
    after its start at the earliest. A thread logs in, once for each connection and process.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-list-children

    :param item: Address of the item to wait for.
    :param folder: Or the address of the folder whose documents are waited for.
    :param pattern: Glob, or list of globs, of which a document's path below the folder must match one.
        Default is any.
    :param exclude: Glob, or list of globs, of which it must match none. Default is none.
    :param recursive: Include documents in subfolders. Default is ``False``.
    :param min_count: How many documents are needed. Default is ``1``.
    :param settle: Seconds for which a document has not changed. Default is ``60``.
    :param poll_interval: Seconds between two looks. Default is ``60``.
    :param deadline: When to give up, in seconds since the epoch. Default is seven days from now.
    :param drive_conn_id: The connection. Default is ``drive_default``.
    """

    def __init__(
        self,
        *,
        item: Any = None,
        folder: Any = None,
        pattern: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
        recursive: bool = False,
        min_count: int = 1,
        settle: float = SETTLE,
        poll_interval: float = ITEM_POLL_INTERVAL,
        deadline: float | None = None,
        drive_conn_id: str = "drive_default",
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is untyped
        self.item = item
        self.folder = folder
        self.pattern = pattern
        self.exclude = exclude
        self.recursive = recursive
        self.min_count = min_count
        self.settle = settle
        self.poll_interval = poll_interval
        self.deadline = time.time() + 7 * 86_400.0 if deadline is None else deadline
        self.drive_conn_id = drive_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores."""
        names = (*_WHAT, "poll_interval", "deadline", "drive_conn_id")
        path = f"{type(self).__module__}.{type(self).__name__}"
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until enough documents are settled, and fire once."""
        started = time.monotonic()
        event = await self._event()
        hold = read_hold(base.MIN_EVENT_DELAY, self.log)
        await hold_event(self.task_instance, started, hold, self.log)
        yield TriggerEvent(event._asdict())  # type: ignore[no-untyped-call]  # Airflow's is untyped

    async def _event(self) -> ArrivalEvent:
        """Return the event, also of an error: if a trigger raises, the task gets no reason."""
        try:
            last = await self._wait()
        except DriveError as error:
            return ArrivalEvent("failed", str(error), self.deadline, is_permanent=not error.retryable)
        except BaseException as error:
            if ends_trigger(error):
                raise
            return ArrivalEvent("failed", describe_failure(error), self.deadline)
        return ArrivalEvent("arrived" if last.is_complete else "timeout", str(last), self.deadline)

    async def _wait(self) -> Look:
        async with base.open_session(self.drive_conn_id, self.log, self.poll_interval) as (session, run):
            wait = Wait(self.deadline, poll_interval=self.poll_interval, clock=session.clock.now)
            arrival = read_arrival(
                session.settings.hosts,
                wait.now(),
                item=self.item,
                folder=self.folder,
                pattern=self.pattern,
                exclude=self.exclude,
                recursive=self.recursive,
                min_count=self.min_count,
                settle=self.settle,
            )
            last: Look = await run(wait_for_arrival(arrival, wait))
            self.log.info(
                "%s. %d requests, %d resource units.", last, session.usage.requests, session.usage.units
            )
            return last
