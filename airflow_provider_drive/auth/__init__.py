"""
Get access tokens for an Airflow connection, through MSAL.

https://learn.microsoft.com/graph/auth-v2-service
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any

import requests

from airflow_provider_drive.auth.application import call_msal, extract_token
from airflow_provider_drive.auth.auth_types import open_login
from airflow_provider_drive.exceptions import DriveAuthError
from airflow_provider_drive.process import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.auth.application import AcquireToken
    from airflow_provider_drive.protocol.wire.hosts import Hosts
    from airflow_provider_drive.settings import Settings

_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


class Login:
    """Gets the tokens of one connection. MSAL caches a token until shortly before it expires."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._acquire_token: AcquireToken | None = None
        self._token = ""

    def token(self, refused: str | None = None) -> str:
        """
        Return a token for Graph.

        :param refused: A token that Graph has refused. If it is the current one, a new token is requested.
        :raises DriveAuthError: If there is no token. The message names the setting to check.
        """
        with self._lock:
            token = extract_token(
                call_msal(self._settings, lambda: self._request_token(refused)), self._settings
            )
            if not _HEADER_VALUE.fullmatch(token):
                raise DriveAuthError(
                    "Could not get a token: the authority returned one that is not valid in an HTTP header."
                )
            self._token = token
        return token

    def _request_token(self, refused: str | None) -> Any:
        if self._acquire_token is None:
            self._acquire_token = open_login(self._settings)
        return self._acquire_token(refused is not None and refused == self._token)


_logins: Registry[Settings, Login] = Registry(Login)


def login(settings: Settings) -> Login:
    """Return the one login that this process has for a connection."""
    return _logins.get(settings)


class GraphAuth(requests.auth.AuthBase):
    """
    Adds the token to requests to Graph, and to no others.

    :param keep_secret: Called with the token, to mask it in logs.
    :param wait: Called with the method and URL of such a request before it is sent; may block.
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
        """Add the token to a request to Graph."""
        if self._hosts.is_graph(request.url or ""):
            self._wait(request.method or "", request.url or "")
            token = self._login.token()
            self._keep_secret(token)
            request.headers["Authorization"] = f"Bearer {token}"
        return request
