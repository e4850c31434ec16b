"""A client of the Redis that workers and triggerers share, if the connection names one."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_TIMEOUT = 2.0
_PORT = 6379
_SECONDS_OUT = 60.0
"""For which a Redis that did not answer is not asked again."""
_TLS_EXTRAS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")


class SharedRedis:
    """
    A Redis, which may be out: then this process goes on by itself, and says so once.

    :param conn_id: Id of an Airflow connection of the type ``redis``.
    """

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id
        self._client: Redis | None = None
        self._out_until = float("-inf")
        self._has_warned = False

    def call(self, use: Callable[[Redis], _T], otherwise: str) -> _T | None:
        """
        Return what a function makes of the client, or None if Redis cannot be used.

        :param otherwise: What happens without it, for the log.
        """
        if time.monotonic() < self._out_until:
            return None
        try:
            self._client = self._client or _open(self._conn_id)
            return use(self._client)
        except Exception as error:  # noqa: BLE001  # a secrets backend or Redis may raise anything
            self._out_until = time.monotonic() + _SECONDS_OUT
            if not self._has_warned:
                self._has_warned = True
                _log.warning(
                    "The Redis of the connection %s cannot be used (%s): %s.",
                    self._conn_id,
                    _describe(error),
                    otherwise,
                )
            return None


def _describe(error: Exception) -> str:
    """Return an error's class, since its message may quote a password."""
    if isinstance(error, ModuleNotFoundError):
        return "pip install 'airflow-provider-drive[redis]'"
    return type(error).__name__


def _open(conn_id: str) -> Redis:
    from airflow.providers.common.compat.sdk import BaseHook  # noqa: PLC0415  # only for connections that use Redis
    from redis import Redis  # noqa: PLC0415  # an extra of the package
    from redis.backoff import NoBackoff  # noqa: PLC0415  # likewise
    from redis.retry import Retry  # noqa: PLC0415  # likewise

    connection = BaseHook.get_connection(conn_id)
    extra: dict[str, Any] = connection.extra_dejson
    tls = {name: extra[name] for name in _TLS_EXTRAS if extra.get(name)}
    return Redis(
        host=connection.host or "localhost",
        port=connection.port or _PORT,
        username=connection.login or None,
        password=connection.password or None,
        db=int(extra.get("db") or connection.schema or 0),
        ssl=bool(extra.get("ssl") or tls),
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
        retry=Retry(NoBackoff(), 1),
        **tls,
    )
