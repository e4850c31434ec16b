"""The resource units of an app in a tenant, spent by all processes together: kept in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.redis_client import SharedRedis

if TYPE_CHECKING:
    from redis import Redis

_RESERVE = """
local time = redis.call('TIME')
local now, cost, burst = time[1] + time[2] / 1e6, tonumber(ARGV[1]), tonumber(ARGV[2])
local spent_until = tonumber(redis.call('GET', KEYS[1]) or '0')
spent_until = math.max(spent_until, now - burst) + cost
local lease = math.ceil((spent_until + burst - now) * 1000)
redis.call('SET', KEYS[1], string.format('%.6f', spent_until), 'PX', lease)
return string.format('%.6f', spent_until - now)
"""
"""
Reserve units, as :meth:`RateLimiter.reserve` does, by the clock of Redis alone.

What a process has reserved and does not spend, because it has died, is free again when its time has passed.
The key expires when all of the burst is there again.
"""


class SharedBudget:
    """
    The budget of an app in a tenant.

    :param conn_id: Id of the Airflow connection to the Redis.
    :param app: The app in its tenant, which is the same in each process.
    """

    def __init__(self, conn_id: str, app: tuple[str, ...]) -> None:
        self._redis = SharedRedis(conn_id)
        self._key = ":".join(("airflow-provider-drive", "budget", *app))

    def reserve(self, cost: float, burst: float) -> float | None:
        """
        Reserve a time in which only this process spends; return the seconds to wait before it.

        :param cost: How long the units last at the budget's rate, in seconds.
        :param burst: How much may be spent at once after a pause, in the same seconds.
        :return: None if Redis cannot be used.
        """

        def send(redis: Redis) -> float:
            return max(0.0, float(redis.eval(_RESERVE, 1, self._key, str(cost), str(burst))))

        return self._redis.call(send, "each process spends the budget of its connection by itself")
