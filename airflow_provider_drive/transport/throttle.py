"""
Per-host throttling, shared by this process.

When a host answers "slow down", every task and trigger of this process waits for that host. A request that
has to wait is not sent: its flow receives the 429 that the host would have sent, and retries by the usual
rules. Each gets its own time to come back, so that a thousand do not return at the same moment.

An answer without Retry-After holds requests back for one second, and each further one for twice as long, up
to a minute, until the host answers something else: https://learn.microsoft.com/graph/throttling

https://learn.microsoft.com/onedrive/developer/rest-api/concepts/scan-guidance
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from airflow_provider_drive.protocol.flow import Response
from airflow_provider_drive.protocol.retry import backoff, is_throttled, retry_after

STAGGER_SECONDS = 0.05
"""
Between two requests that return to a host: 20 per second. A small tenant's app has 1,250 units a minute.

https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""
_BODY = {"error": {"code": "throttled", "message": "the host had asked this process to slow down; not sent"}}


@dataclass(slots=True)
class _Throttling:
    """
    A host that throttles. Times are of the monotonic clock.

    :ivar until: When requests may be sent again.
    :ivar last_slot: The latest time that a waiting request was given.
    :ivar without_delay: How many answers in a row had no Retry-After.
    """

    until: float = 0.0
    last_slot: float = 0.0
    without_delay: int = 0

    def next_slot(self, now: float) -> str:
        """Return the seconds until the next free slot, as Retry-After has them."""
        self.last_slot = max(self.last_slot + STAGGER_SECONDS, self.until)
        return f"{self.last_slot - now:.3f}"


_throttled: dict[str, _Throttling] = {}
_lock = threading.Lock()


def throttled_response(url: str) -> Response | None:
    """Return the 429 of a host that must not be called yet, or None if a request may be sent."""
    if not _throttled:
        return None
    with _lock:
        state, now = _throttled.get(host_of(url)), time.monotonic()
        if state is None or now >= state.until:
            return None
        return Response(429, {"retry-after": state.next_slot(now)}, json.dumps(_BODY).encode())


def record_throttling(url: str, response: Response) -> Response:
    """Record whether an answer throttles its host. A throttled answer is returned with its own slot."""
    throttled = is_throttled(response)
    if not throttled and not _throttled:
        return response
    host, now = host_of(url), time.monotonic()
    with _lock:
        if not throttled:
            state = _throttled.get(host)
            if state and now >= max(state.until, state.last_slot):
                del _throttled[host]
            return response
        state = _throttled.setdefault(host, _Throttling())
        seconds = retry_after(response)
        if not seconds and now >= state.until:  # else it was sent before the host began to throttle
            seconds, state.without_delay = backoff(state.without_delay), state.without_delay + 1
        state.until = max(state.until, now + (seconds or 0.0))
        return replace(response, headers={**response.headers, "retry-after": state.next_slot(now)})


def host_of(url: str) -> str:
    """Return the host and port of an https URL, the same however they are written."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 443}"


def reset() -> None:
    """Forget all throttling, as in a new process."""
    _throttled.clear()
