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

from airflow_provider_drive.protocol.flow import Response
from airflow_provider_drive.protocol.retry import backoff, is_throttled, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Pause

STAGGER_SECONDS = 0.05
"""
Between two callers that come back to a host: 20 a second. A small tenant's app has 1,250 units a minute.

https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""
_SECONDS_BETWEEN_LINES = 5.0
_LEAST_BURST = 40.0
"""Units that may be spent at once: a batch of twenty copies."""
_LEAST_SHARE = 0.05
_SECONDS_TO_RECOVER = 300.0
"""In which a share of nothing would become all of the budget again."""
_SECONDS_BETWEEN_LESSONS = 5.0
_LONGEST_RESET = 3600.0
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
        self.last_turn = max(self.last_turn + STAGGER_SECONDS, self.until)
        return f"{self.last_turn - now:.3f}"


_holds: dict[str, _Hold] = {}
_lock = threading.Lock()


def throttled_response(url: str) -> Response | None:
    """Return what a host that must not be asked now would answer, or None if it may be asked."""
    if not _holds:
        return None
    with _lock:
        hold, now = _holds.get(host_of(url)), time.monotonic()
        if hold is None or now >= hold.until:
            return None
        return Response(429, {"retry-after": hold.next_turn(now)}, json.dumps(_HELD).encode())


def record_throttling(url: str, response: Response) -> Response:
    """Remember what an answer says of its host's patience. Who has to come again is given a turn for it."""
    refused = is_throttled(response)
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


class RateLimiter:
    """
    What one app may spend in a tenant, and how fast this process spends it.

    Whoever wants to send is told how long to wait, in the order in which they ask; what is spent in any
    minute stays below the limit, if no request by itself is more than half of it. A refusal shows that others
    spend as well: from then on it goes more slowly, and faster again by and by. So does what an answer tells
    of the rest of the budget.

    https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online

    :param units_per_minute: Resource units that may be spent in a minute.
    """

    def __init__(self, units_per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.units_per_minute = units_per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._share, self._learned = 1.0, clock()
        self._spent_until = self._refused = float("-inf")

    def reserve(self, units: float) -> float:
        """Reserve units, and return the seconds to wait before they may be spent."""
        if not units:
            return 0.0
        with self._lock:
            now = self._clock()
            burst = min(self.units_per_minute / 2, max(_LEAST_BURST, self.units_per_minute / 20))
            rate = (self.units_per_minute - burst) / 60 * self._share_at(now)
            start = max(self._spent_until, now - burst / rate)
            self._spent_until = start + units / rate
            return max(0.0, self._spent_until - now)

    def record_throttling(self, response: Response) -> None:
        """Learn from an answer."""
        if is_throttled(response):
            with self._lock:
                now = self._clock()
                if now - self._refused > _SECONDS_BETWEEN_LESSONS:  # those that were under way are one lesson
                    self._share = max(_LEAST_SHARE, self._share_at(now) * 0.7)
                    self._learned = self._refused = now
        elif told := _rest_of_budget(response):
            remaining, seconds = told
            with self._lock:
                now = self._clock()
                share = max(_LEAST_SHARE, remaining / seconds * 60 / self.units_per_minute)
                if share < self._share_at(now):
                    self._share, self._learned = share, now + seconds  # when there is a new budget

    def _share_at(self, now: float) -> float:
        return min(1.0, self._share + max(0.0, now - self._learned) / _SECONDS_TO_RECOVER)


def _rest_of_budget(response: Response) -> tuple[float, float] | None:
    """
    Return the units that are left, and the seconds that they have to last, where an answer tells.

    https://www.ietf.org/archive/id/draft-polli-ratelimit-headers-03.html
    """
    try:
        remaining = float(response.headers["ratelimit-remaining"])
        seconds = float(response.headers["ratelimit-reset"])
    except (KeyError, ValueError):
        return None
    return (remaining, seconds) if 0 <= remaining < 1e9 and 0 < seconds <= _LONGEST_RESET else None


_budgets: dict[tuple[str, ...], RateLimiter] = {}


def rate_limiter_for(app: tuple[str, ...], units_per_minute: float) -> RateLimiter:
    """Return the one budget that this process has for an app in a tenant."""
    with _lock:
        budget = _budgets.setdefault(app, RateLimiter(units_per_minute))
        budget.units_per_minute = units_per_minute
        return budget


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
