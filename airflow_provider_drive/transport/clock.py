"""Graph's time, whatever this machine's clock says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Response

_TOLERANCE = 2.0
"""Seconds by which an answer's Date may differ: it has whole seconds, and the answer took its time."""


class ServiceClock:
    """
    The time by the service's clock, from the first answer on; before that, this machine's.

    https://www.rfc-editor.org/rfc/rfc9110#field.date
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return time.monotonic() + self._offset

    def adjust(self, response: Response) -> None:
        """Set the clock by an answer's Date, if it differs by more than that can be off."""
        if (date := response.date) is not None and abs(date - self.now()) > _TOLERANCE:
            self._offset = date - time.monotonic()
