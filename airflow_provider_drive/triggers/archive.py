"""Waits for many copies without holding a worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.configuration import POLL_INTERVAL
from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.archive.state import completion_event
from airflow_provider_drive.protocol.monitor import poll_monitors
from airflow_provider_drive.triggers.base import DriveTrigger

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.timing import Wait


class CopiesCompleteTrigger(DriveTrigger):
    """
    Poll the monitors of many copies until all have ended, and fire once.

    The event is ``{"status": "ended", "completed": {…}, "failed": {…}}``: the ids of the copies, and the
    reasons of the failures, by the ids of the originals; or ``{"status": "unknown", "message": …}``.

    .. seealso::
        https://learn.microsoft.com/graph/long-running-actions-overview

    :param monitors: The monitor URLs by the ids of the originals, as JSON, in clear or encrypted. It is
        stored encrypted if the deployment has a Fernet key.
    :param poll_interval: The longest pause between two polls of a copy, in seconds. Default is ``15``.
    :param deadline: When to give up, in seconds since the epoch. Default is a day from now.
    :param drive_conn_id: The connection, for its TLS, proxies, time-out and hosts. Default is
        ``drive_default``.
    """

    def __init__(
        self,
        monitors: str,
        poll_interval: float = POLL_INTERVAL,
        deadline: float | None = None,
        drive_conn_id: str = "drive_default",
    ) -> None:
        super().__init__(poll_interval, deadline, drive_conn_id)
        self.monitors = monitors

    @property
    def _monitors(self) -> tuple[str, str]:
        return "monitors", self.monitors

    def _flow(self, monitors: str, wait: Wait) -> Flow[dict[str, Any]]:
        ends = yield from poll_monitors(_read_monitors(monitors), wait)
        return completion_event(ends)

    def _describe_event(self, event: dict[str, Any]) -> str:
        return f"{len(event['completed'])} copies completed, {len(event['failed'])} failed"


def _read_monitors(text: str) -> dict[str, str]:
    try:
        monitors = json.loads(text)
    except ValueError:
        monitors = None
    if not isinstance(monitors, dict) or not all(isinstance(url, str) for url in monitors.values()):
        raise DriveArgumentError("Invalid arguments of the trigger: monitors.")
    return monitors
