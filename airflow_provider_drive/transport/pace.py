"""
What this process knows of each host's patience.

One answer of "slow down" holds back everybody who talks to that host from this process. Who is held back
is told so as Graph would have told it, without a request: the rules for a 429 then apply as ever. Each is
given a turn of its own, so that a thousand do not come back in one instant.

An answer that names no time holds the host back for a second, and each further one for twice as long, up to
a minute, until the host answers something else: https://learn.microsoft.com/graph/throttling

https://learn.microsoft.com/onedrive/developer/rest-api/concepts/scan-guidance
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from airflow_provider_drive.protocol.messages import Response
from airflow_provider_drive.protocol.retries import backoff, retry_after, says_slow_down

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.messages import Pause

SECONDS_BETWEEN_TURNS = 0.05
"""
Between two callers that come back to a host: 20 a second. A small tenant's app has 1,250 units a minute.

https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""
_SECONDS_BETWEEN_LINES = 5.0
_HELD = {"error": {"code": "heldBack", "message": "the host had asked this process to slow down; not sent"}}


@dataclass(slots=True)
class _Hold:
    """
    A host that has asked to be left alone. Times are of the monotonic clock.

    :param until: When it may be asked again.
    :param last_turn: When the last of those that it holds back is to come.
    :param unnamed: How many refusals in a row named no time.
    """

    until: float = 0.0
    last_turn: float = 0.0
    unnamed: int = 0

    def next_turn(self, now: float) -> str:
        """Return the seconds until the next turn, as a header has them."""
        self.last_turn = max(self.last_turn + SECONDS_BETWEEN_TURNS, self.until)
        return f"{self.last_turn - now:.3f}"


_holds: dict[str, _Hold] = {}
_lock = threading.Lock()


def held(url: str) -> Response | None:
    """Return what a host that must not be asked now would answer, or None if it may be asked."""
    if not _holds:
        return None
    with _lock:
        hold, now = _holds.get(host_of(url)), time.monotonic()
        if hold is None or now >= hold.until:
            return None
        return Response(429, {"retry-after": hold.next_turn(now)}, json.dumps(_HELD).encode())


def listen(url: str, response: Response) -> Response:
    """Remember what an answer says of its host's patience. Who has to come again is given a turn for it."""
    refused = says_slow_down(response)
    if not refused and not _holds:
        return response
    host, now = host_of(url), time.monotonic()
    with _lock:
        if not refused:
            hold = _holds.get(host)
            if hold and now >= max(hold.until, hold.last_turn):
                del _holds[host]
            return response
        hold = _holds.setdefault(host, _Hold())
        asked = retry_after(response)
        if not asked and now >= hold.until:  # else it was under way when the host lost its patience
            asked, hold.unnamed = backoff(hold.unnamed), hold.unnamed + 1
        hold.until = max(hold.until, now + (asked or 0.0))
        return replace(response, headers={**response.headers, "retry-after": hold.next_turn(now)})


def host_of(url: str) -> str:
    """Return the host and port of an https URL, the same however they are written."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 443}"


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
