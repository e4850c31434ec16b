"""How fast this process spends the resource units that an app has in a tenant."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from airflow_provider_drive.process import Registry
from airflow_provider_drive.protocol.retry import is_throttled
from airflow_provider_drive.transport.shared_budget import SharedBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Response
    from airflow_provider_drive.settings import Settings

_MIN_BURST = 40.0
"""Units that may be spent at once: a batch of twenty copies."""
_START_UNITS = 4.0
"""Units that a new process may spend at once: a copy between two paths. More have to be saved up first."""
_MIN_SHARE = 0.05
_SECONDS_TO_RECOVER = 300.0
"""In which a share of nothing would become all of the budget again."""
_SECONDS_BETWEEN_LESSONS = 5.0
_MAX_RESET = 3600.0


class RateLimiter:
    """
    What one app may spend in a tenant, and how fast this process spends it.

    Whoever wants to send is told how long to wait, in the order in which they ask; what is spent in any
    minute stays below the limit, if no request by itself is more than half of it. It begins with a few units,
    so that many processes that start after each other do not spend a burst each. A refusal shows that others
    spend as well: from then on it goes more slowly, and faster again by and by. So does what an answer tells
    of the rest of the budget.

    https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online

    :param units_per_minute: Resource units that may be spent in a minute.
    :param shared: The budget that it spends together with other processes. Default is one of its own.
    """

    def __init__(
        self,
        units_per_minute: float,
        clock: Callable[[], float] = time.monotonic,
        shared: SharedBudget | None = None,
    ) -> None:
        self.units_per_minute = units_per_minute
        self.shared = shared
        self._clock = clock
        self._lock = threading.Lock()
        self._share, self._learned = 1.0, clock()
        self._spent_until: float | None = None
        self._refused = float("-inf")

    def reserve(self, units: float) -> float:
        """Reserve units, of the shared budget if there is one; return the seconds to wait before spending."""
        if not units:
            return 0.0
        with self._lock:
            now = self._clock()
            burst = min(self.units_per_minute / 2, max(_MIN_BURST, self.units_per_minute / 20))
            rate = (self.units_per_minute - burst) / 60 * self._share_at(now)
        wait = self.shared.reserve(units / rate, burst / rate) if self.shared else None
        return self._reserve_own(units, burst, rate) if wait is None else wait

    def _reserve_own(self, units: float, burst: float, rate: float) -> float:
        with self._lock:
            now = self._clock()
            spent_until = now - _START_UNITS / rate if self._spent_until is None else self._spent_until
            self._spent_until = max(spent_until, now - burst / rate) + units / rate
            return max(0.0, self._spent_until - now)

    def adapt(self, response: Response) -> None:
        """Learn from an answer."""
        if is_throttled(response):
            with self._lock:
                now = self._clock()
                if now - self._refused > _SECONDS_BETWEEN_LESSONS:  # those that were under way are one lesson
                    self._share = max(_MIN_SHARE, self._share_at(now) * 0.7)
                    self._learned = self._refused = now
        elif told := _rest_of_budget(response):
            remaining, seconds = told
            with self._lock:
                now = self._clock()
                share = max(_MIN_SHARE, remaining / seconds * 60 / self.units_per_minute)
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
    return (remaining, seconds) if 0 <= remaining < 1e9 and 0 < seconds <= _MAX_RESET else None


def _open(key: tuple[str, ...]) -> RateLimiter:
    *app, backend = key
    return RateLimiter(1.0, shared=SharedBudget(backend, tuple(app)) if backend else None)


_limiters: Registry[tuple[str, ...], RateLimiter] = Registry(_open)


def rate_limiter_for(settings: Settings) -> RateLimiter:
    """Return the one rate limiter that this process has for the app of a connection in its tenant."""
    app = settings.hosts.root, settings.tenant_id, settings.client_id, settings.budget_backend
    limiter = _limiters.get(app)
    limiter.units_per_minute = settings.resource_units_per_minute
    return limiter
