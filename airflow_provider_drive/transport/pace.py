"""
What this process knows of each host's patience.

One answer of "slow down" holds back everybody who talks to that host from this process. Who is held back
is told so as Graph would have told it, without a request: the rules for a 429 then apply as ever.

https://learn.microsoft.com/onedrive/developer/rest-api/concepts/scan-guidance
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from airflow_provider_drive.protocol.messages import Response
from airflow_provider_drive.protocol.retries import BUDGET_SECONDS, retry_after, says_slow_down

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.messages import Pause

_SECONDS_BETWEEN_LINES = 5.0
_held_until: dict[str, float] = {}


def held(url: str) -> Response | None:
    """Return what a host that must not be asked now would answer, or None if it may be asked."""
    if not _held_until:
        return None
    remaining = _held_until.get(urlsplit(url).netloc, 0.0) - time.monotonic()
    return Response(429, {"retry-after": f"{remaining:.3f}"}) if remaining > 0 else None


def listen(url: str, response: Response) -> Response:
    """Remember what an answer says of its host's patience."""
    if says_slow_down(response) and 0 < (seconds := retry_after(response) or 0.0) <= BUDGET_SECONDS:
        host, until = urlsplit(url).netloc, time.monotonic() + seconds
        _held_until[host] = max(until, _held_until.get(host, 0.0))
    return response


class Log(Protocol):
    """What a session needs of a logger: Airflow's are not those of the standard library."""

    def info(self, event: str, /, *args: Any) -> Any:
        """Log a line."""


class Notes:
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
