"""Waits for a copy without holding a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.configuration import POLL_INTERVAL
from airflow_provider_drive.protocol.monitor import poll_monitor
from airflow_provider_drive.triggers.base import DriveTrigger

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.timing import Wait


class CopyCompleteTrigger(DriveTrigger):
    """
    Poll the monitor of a copy until it ends, and fire once.

    The event is ``{"status": "completed", "resource_id": …}``, ``{"status": "failed", "code": …, "message":
    …}``, ``{"status": "timeout", "message": …}``, or ``{"status": "unknown", "message": …}`` if the monitor
    does not know the copy any more, or may not be called. It fires ten seconds after its start at the
    earliest.

    It needs no login: a monitor URL takes no token. A restart of the triggerer loses nothing.

    .. seealso::
        https://learn.microsoft.com/graph/long-running-actions-overview

    :param monitor_url: The copy's monitor URL, in clear or encrypted. It is stored encrypted if the
        deployment has a Fernet key.
    :param poll_interval: The longest pause between two polls, in seconds. The first pauses are shorter;
        ``Retry-After`` takes precedence. Default is ``15``.
    :param deadline: When to give up, in seconds since the epoch. Default is a day from now.
    :param drive_conn_id: The connection, for its TLS, proxies, time-out and hosts. If it does not exist,
        their defaults apply. Default is ``drive_default``.
    """

    def __init__(
        self,
        monitor_url: str,
        poll_interval: float = POLL_INTERVAL,
        deadline: float | None = None,
        drive_conn_id: str = "drive_default",
    ) -> None:
        super().__init__(poll_interval, deadline, drive_conn_id)
        self.monitor_url = monitor_url

    @property
    def _monitors(self) -> tuple[str, str]:
        return "monitor_url", self.monitor_url

    def _flow(self, monitors: str, wait: Wait) -> Flow[dict[str, Any]]:
        status = yield from poll_monitor(monitors, wait, fresh=True)
        return status.as_event()

    def _describe_event(self, event: dict[str, Any]) -> str:
        return f"the copy is {event['status']}"
