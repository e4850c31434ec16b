"""What a session has sent, and which of its notes are worth a line in the log."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Pause

_SECONDS_BETWEEN_LINES = 5.0


class Usage:
    """
    What a session has sent so far, tries that failed included; logins are not in it.

    :ivar throttled: Seconds in which something could not be sent yet, since Graph had said "slow down" (429);
        a second in which that held for several requests is one.
    :ivar paced: The same for the connection's own budget of resource units.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.requests, self.units = 0, 0
        self._clock = clock
        self._throttled, self._paced = _Held(), _Held()
        self._lock = threading.Lock()

    def add(self, units: int) -> None:
        """Count one request."""
        with self._lock:
            self.requests, self.units = self.requests + 1, self.units + units

    @property
    def throttled(self) -> float:
        """Seconds in which Graph throttled."""
        return self._throttled.seconds

    @property
    def paced(self) -> float:
        """Seconds in which the budget held something back."""
        return self._paced.seconds

    def throttle(self, seconds: float) -> None:
        """Count a time, from now on, in which Graph throttles."""
        with self._lock:
            self._throttled.extend(self._clock(), seconds)

    def pace(self, seconds: float) -> None:
        """Count a time, from now on, in which the budget holds something back."""
        with self._lock:
            self._paced.extend(self._clock(), seconds)

    def describe_waits(self) -> str:
        """Say what held requests back, for a log; nothing if it was less than a second."""
        return describe_waits(self.throttled, self.paced)


@dataclass(slots=True)
class _Held:
    """A time in which requests are held back."""

    seconds: float = 0.0
    until: float = float("-inf")

    def extend(self, now: float, seconds: float) -> None:
        until = max(self.until, now + seconds)
        self.seconds += until - max(self.until, now)
        self.until = until


def describe_waits(throttled: float, paced: float) -> str:
    """Say how long Graph throttled, and how long our own budget paced requests."""
    waits = {"throttled by Graph (429)": throttled, "paced to keep to the budget": paced}
    return ", ".join(f"{what} for {seconds:.0f} s" for what, seconds in waits.items() if seconds >= 1.0)


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
