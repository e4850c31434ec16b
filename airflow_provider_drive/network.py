"""
TLS, proxies and time-outs: the same for tokens, Graph and monitors, in the worker and in the triggerer.

What the connection says wins over the environment; what it leaves open, the environment decides.
"""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import certifi
import requests
import requests.adapters
import requests.utils

from airflow_provider_drive.exceptions import DriveArgumentError

if TYPE_CHECKING:
    from airflow_provider_drive.settings import Settings

_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def ca_bundle(settings: Settings) -> bool | str:
    """Return False, or the CA bundle to verify with."""
    verify = settings.verify
    if verify is None:
        verify = next(filter(None, (os.environ.get(name) for name in _BUNDLES)), True)
    if verify is True:
        return certifi.where()
    if verify and not os.path.exists(verify):  # noqa: PTH110  # requests wants the text, and so do we
        raise DriveArgumentError(f"There is no CA bundle at {verify!r}: check the connection's verify.")
    return verify


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """Return the TLS context for aiohttp. It is made once: reading the bundle takes its time."""
    return _ssl_context(ca_bundle(settings))


@lru_cache(maxsize=32)
def _ssl_context(verify: bool | str) -> ssl.SSLContext:  # requests' own parameter
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    place = str(verify)
    return ssl.create_default_context(
        cafile=place if os.path.isfile(place) else None,  # noqa: PTH113  # as above
        capath=place if os.path.isdir(place) else None,  # noqa: PTH112  # as above
    )


def proxy_for(url: str, settings: Settings) -> str | None:
    """Return the proxy to send a request through, by the rules of requests."""
    proxies = {**requests.utils.get_environ_proxies(url, no_proxy=None), **dict(settings.proxies)}
    return requests.utils.select_proxy(url, proxies)


def open_session(settings: Settings) -> requests.Session:
    """Return a new session with the connection's TLS, proxies, time-out and User-Agent."""
    return _Session(settings)


def _leave_as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from putting what ~/.netrc says of a host in the place of the token."""
    return request


class _Session(requests.Session):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.verify = ca_bundle(settings)
        self.proxies = dict(settings.proxies)
        self.headers["User-Agent"] = settings.user_agent
        self.auth = _leave_as_it_is
        self._timeout = settings.timeout

    def merge_environment_settings(  # requests lets the environment win over a session
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        verify = self.verify if verify is None else verify
        return super().merge_environment_settings(
            url, {**self.proxies, **(proxies or {})}, stream, verify, cert
        )

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, **kwargs)
