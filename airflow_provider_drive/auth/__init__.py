"""
An Airflow connection becomes tokens, through MSAL.

https://learn.microsoft.com/graph/auth-v2-service
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import requests

from airflow_provider_drive.auth.application import send_with_retries, token_of
from airflow_provider_drive.auth.auth_types import open_login
from airflow_provider_drive.exceptions import DriveAuthError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.auth.application import Acquire
    from airflow_provider_drive.protocol.wire.hosts import Hosts
    from airflow_provider_drive.settings import Settings

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_lock = threading.Lock()
_logins: dict[Settings, Login] = {}


def login(settings: Settings) -> Login:
    """Return the one login that this process has for a connection."""
    with _lock:
        return _logins.setdefault(settings, Login(settings))


class Login:
    """Keeps one token, until shortly before it expires. MSAL does the keeping."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._opened: Acquire | None = None
        self._token = ""

    def token(self, refused: str | None = None) -> str:
        """
        Return a token for Graph.

        :param refused: A token that Graph has refused: not this one again.
        :raises DriveAuthError: If none can be had. The message names the setting to look at.
        """
        with self._lock:
            token = token_of(
                send_with_retries(self._settings, lambda: self._acquire(refused)), self._settings
            )
            if not _SENDABLE.fullmatch(token):
                raise DriveAuthError(
                    "Could not get a token: the authority returned one that is not valid in an HTTP header."
                )
            self._token = token
        return token

    def _acquire(self, refused: str | None) -> Any:
        if self._opened is None:
            self._opened = open_login(self._settings)
        return self._opened(refused is not None and refused == self._token)


class GraphAuth(requests.auth.AuthBase):
    """
    Puts the token on requests to Graph, and on no others.

    :param wait: Is called with such a request's method and URL before it is sent, and may take its time.
    """

    def __init__(
        self,
        hosts: Hosts,
        login: Login,
        keep_secret: Callable[[str], None],
        wait: Callable[[str, str], None],
    ) -> None:
        self._hosts, self._login, self._keep_secret, self._wait = hosts, login, keep_secret, wait

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request."""
        if self._hosts.is_graph(request.url or ""):
            self._wait(request.method or "", request.url or "")
            token = self._login.token()
            self._keep_secret(token)
            request.headers["Authorization"] = f"Bearer {token}"
        return request
