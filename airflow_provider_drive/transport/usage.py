"""What a session has sent, and which of its notes are worth a line in the log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Pause

_SECONDS_BETWEEN_LINES = 5.0


class Usage:
    """
    What a session has sent so far, tries that failed included; logins are not in it.

    :ivar throttled: Seconds in which something could not be sent yet, for the budget or since Graph had said
        "slow down"; a second in which that held for several requests is one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.requests, self.units, self.throttled = 0, 0, 0.0
        self._clock = clock
        self._throttled_until = float("-inf")
        self._lock = threading.Lock()

    def add(self, units: int) -> None:
        """Count one request."""
        with self._lock:
            self.requests, self.units = self.requests + 1, self.units + units

    def hold_back(self, seconds: float) -> None:
        """Count a time, from now on, in which something cannot be sent."""
        with self._lock:
            now = self._clock()
            until = max(self._throttled_until, now + seconds)
            self.throttled += until - max(self._throttled_until, now)
            self._throttled_until = until


class Log(Protocol):
    """What a session needs of a logger: Airflow's are not those of the standard library."""

    def info(self, event: str, /, *args: Any) -> Any:
        """Log a line."""

    def warning(self, event: str, /, *args: Any) -> Any:
        """Log a line that a person should see."""


class NoteFilter:
    """Decides which of a flow's notes are worth a line in the log: news, and not too many."""

    def __init__(self) -> None:
        self._last, self._at = "", float("-inf")

    def pick(self, pause: Pause) -> str:
        """Return the note to log now, or nothing. A pause of no length is there for its note."""
        now = time.monotonic()
        quiet = now - self._at < _SECONDS_BETWEEN_LINES and pause.seconds > 0
        if not pause.note or pause.note == self._last or quiet:
            return ""
        self._last, self._at = pause.note, now
        return pause.note
