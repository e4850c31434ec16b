"""Waits for many copies without holding a worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.archive.state import completion_event
from airflow_provider_drive.protocol.monitor import poll_monitors
from airflow_provider_drive.protocol.timing import POLL_INTERVAL
from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.timing import Wait


class CopiesCompleteTrigger(CopyCompleteTrigger):
    """
    Poll the monitors of many copies until all have ended, and fire once.

    The event is ``{"status": "ended", "completed": {…}, "failed": {…}}``: the ids of the copies, and why
    there are none, by the ids of the originals; or ``{"status": "unknown", "message": …}``.

    .. seealso::
        https://learn.microsoft.com/graph/long-running-actions-overview

    :param monitors: JSON, in clear or encrypted: the monitor URLs by the ids of the originals. It is stored
        encrypted where the deployment has a Fernet key.
    :param poll_interval: Seconds between two looks at a copy. Default is ``15``.
    :param deadline: When to give up, in seconds since the epoch. Default is a day from now.
    :param drive_conn_id: Connection whose TLS, proxies, time-out and hosts hold. Default is
        ``drive_default``.
    """

    def __init__(
        self,
        monitors: str,
        poll_interval: float = POLL_INTERVAL,
        deadline: float | None = None,
        drive_conn_id: str = "drive_default",
    ) -> None:
        super().__init__(monitors, poll_interval, deadline, drive_conn_id)

    def __repr__(self) -> str:
        return f"<CopiesCompleteTrigger poll_interval={self.poll_interval} deadline={self.deadline}>"

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what is stored."""
        path, arguments = super().serialize()
        return path, {"monitors": arguments.pop("monitor_url"), **arguments}

    def _flow(self, monitor_url: str, wait: Wait) -> Flow[dict[str, Any]]:
        try:
            monitors = json.loads(monitor_url)
        except ValueError:
            monitors = None
        if not isinstance(monitors, dict) or not all(isinstance(url, str) for url in monitors.values()):
            raise DriveArgumentError("The trigger's monitors make no sense.")
        ends = yield from poll_monitors(monitors, wait)
        return completion_event(ends)

    def _describe_end(self, event: dict[str, Any]) -> str:
        return f"{len(event['completed'])} copies are completed, {len(event['failed'])} have failed"
