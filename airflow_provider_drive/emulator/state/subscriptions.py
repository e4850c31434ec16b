"""Subscriptions to the changes of a drive: https://learn.microsoft.com/graph/api/resources/subscription."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.tenant import Tenant


@dataclass(eq=False)
class Subscription:
    """
    A subscription.

    :param properties: What the client sent: ``resource``, ``notificationUrl``, ``clientState`` and others.
    :param send: Sends one notification. It is called in a thread of its own.
    """

    drive: Drive
    properties: dict[str, Any]
    expires: dt.datetime
    send: Callable[[Subscription], None] = field(repr=False)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _is_pending: bool = False

    def notify(self, tenant: Tenant) -> None:
        """Send a notification soon. All changes of one request make one notification."""
        if not self._is_pending and self.expires > tenant.now():
            self._is_pending = True
            threading.Thread(target=self._send_soon, args=(tenant,), daemon=True).start()

    def _send_soon(self, tenant: Tenant) -> None:
        with tenant.lock:
            self._is_pending = False
        self.send(self)
