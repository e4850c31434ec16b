"""
TLS, proxies and time-outs, the same for tokens, Graph and monitors, in the worker and the triggerer.

The connection takes precedence; the environment applies to what the connection does not set.
"""

from __future__ import annotations

import http.client
import io
import logging
import os
import ssl
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import certifi
import requests
import requests.adapters
import requests.utils
import urllib3
import urllib3.connection

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.flow import MAX_RESPONSE_BYTES

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from airflow_provider_drive.settings import Settings

_CA_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
PIECE = 64 << 10
"""Bytes of an answer that are read at once."""
_NO_PROXY_KEYS = ("no", "no_proxy")
"""Keys in ``proxies`` for hosts to connect to directly; ``msgraph`` connections use the first."""


def ca_bundle(settings: Settings) -> bool | str:
    """
    Return the path of the CA bundle, or False to disable verification.

    :raises DriveArgumentError: If the bundle does not exist.
    """
    verify = settings.verify
    if verify is None:
        verify = next(filter(None, (os.environ.get(name) for name in _CA_BUNDLE_VARIABLES)), True)
    if verify is True:
        return certifi.where()
    if verify and not os.path.exists(verify):  # noqa: PTH110  # requests takes a string
        raise DriveArgumentError(f"CA bundle {verify!r} not found: check the connection's verify.")
    return verify


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """
    Return the TLS context for aiohttp. It is cached until the CA bundle changes, since loading one is slow.

    :raises DriveArgumentError: If the bundle does not exist or cannot be read.
    """
    verify = ca_bundle(settings)
    try:
        status = os.stat(verify) if isinstance(verify, str) else None  # noqa: PTH116  # requests takes a string
    except OSError:
        status = None  # deleted just now: loading it raises the error
    return _ssl_context(verify, status and (status.st_mtime_ns, status.st_size, status.st_ino))


@lru_cache(maxsize=32)
def _ssl_context(
    verify: bool | str,  # requests' own parameter
    version: tuple[int, ...] | None,  # noqa: ARG001  # part of the cache key
) -> ssl.SSLContext:
    if verify is False:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    path = str(verify)
    try:
        return ssl.create_default_context(
            cafile=path if os.path.isfile(path) else None,  # noqa: PTH113  # as above
            capath=path if os.path.isdir(path) else None,  # noqa: PTH112  # as above
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise DriveArgumentError(f"Cannot read the CA bundle {path!r} ({reason}): check the connection's verify.")


def proxy_for(url: str, settings: Settings) -> str | None:
    """
    Return the URL of the proxy for a request, by the rules of requests; None to connect directly.

    :raises DriveArgumentError: If requests and aiohttp do not both support the proxy.
    """
    proxies = dict(settings.proxies)
    exceptions = ",".join(filter(None, (proxies.pop(name, "") for name in _NO_PROXY_KEYS)))
    if exceptions and requests.utils.should_bypass_proxies(url, exceptions):
        return None
    proxies = {**requests.utils.get_environ_proxies(url, no_proxy=None), **proxies}
    proxy = requests.utils.select_proxy(url, proxies)
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_proxy(proxy):
        raise DriveArgumentError(
            f"Invalid proxy for {urlsplit(url).hostname}: must be like http://proxy:3128 or "
            "http://user:password@proxy:3128. Check the connection's proxies and the environment's "
            "HTTPS_PROXY. SOCKS proxies are not supported."
        )
    return proxy


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    printable = url.isascii() and url.isprintable() and " " not in url
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0 and printable


def open_session(settings: Settings) -> requests.Session:
    """Return a new session with the connection's TLS, proxies, time-out and User-Agent."""
    return _Session(settings)


def open_stream(
    session: requests.Session, url: str, headers: dict[str, str], timeout: float
) -> urllib3.BaseHTTPResponse:
    """
    Send a GET over a session's connections, and return the answer before its bytes are read.

    For a small file, most of the time of a download is what requests does besides.

    :param timeout: Seconds until its last byte has to be there.
    """
    adapter: Any = session.get_adapter(url)
    settings = session.merge_environment_settings(url, {}, True, None, None)  # noqa: FBT003  # stream
    request = requests.PreparedRequest()
    request.url = url
    pool = adapter.get_connection_with_tls_context(
        request, settings["verify"], settings["proxies"], settings["cert"]
    )
    parts = urlsplit(url)
    answer: urllib3.BaseHTTPResponse = pool.urlopen(
        "GET",
        f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
        headers=headers,
        retries=False,
        redirect=False,
        assert_same_host=False,
        preload_content=False,
        timeout=urllib3.Timeout(total=timeout),
    )
    return answer


def read_whole(chunks: Iterator[bytes]) -> bytes:
    """
    Return an answer's body.

    :raises DriveResponseError: If it is larger than ``MAX_RESPONSE_BYTES``.
    """
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise DriveResponseError(f"the answer is larger than {MAX_RESPONSE_BYTES >> 20} MiB")
    return bytes(body)


class DeadlineAdapter(requests.adapters.HTTPAdapter):
    """Applies the time-out to a whole request, from the connection to the last byte of the answer."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request. Without this class, its time-out would begin again with each byte that arrives."""
        kwargs["timeout"] = urllib3.Timeout(total=kwargs["timeout"])
        return super().send(*args, **kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pool of connections to a host."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _CONNECTIONS[pool.scheme]
        return pool


class _Reader(io.RawIOBase):
    """Reads from a socket until its time-out, which applies to all reads together."""

    def __init__(self, reader: io.RawIOBase, sock: socket.socket) -> None:
        self._reader, self._sock, self._seconds = reader, sock, sock.gettimeout()
        self._deadline = time.monotonic() + (self._seconds or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(remaining)
        return self._reader.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            with suppress(OSError):  # closed before its answer was read
                self._sock.settimeout(self._seconds)  # for the next request
            self._reader.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer, of the service or of a proxy, for which the socket's time-out is a deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_Reader(self.fp.detach(), sock))


class _HTTPConnection(urllib3.connection.HTTPConnection):
    response_class = _Answer


class _HTTPSConnection(urllib3.connection.HTTPSConnection):
    response_class = _Answer


_CONNECTIONS = {"http": _HTTPConnection, "https": _HTTPSConnection}


@contextmanager
def unrecorded() -> Iterator[None]:
    """
    Suppress everything that records URLs: a monitor URL is a secret.

    These are OpenTelemetry's instrumentation of HTTP libraries, if installed, and urllib3's log.
    """
    instrumentation = sys.modules.get("opentelemetry.instrumentation.utils")
    token = _url_is_secret.set(True)
    try:
        with instrumentation.suppress_http_instrumentation() if instrumentation else nullcontext():
            yield
    finally:
        _url_is_secret.reset(token)


_url_is_secret: ContextVar[bool] = ContextVar("is_secret", default=False)
logging.getLogger("urllib3.connectionpool").addFilter(lambda _: not _url_is_secret.get())


def _keep_authorization(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request as it is: without an ``auth``, requests replaces the token by what ~/.netrc has."""
    return request


class _Session(requests.Session):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.verify = ca_bundle(settings)
        self.headers["User-Agent"] = settings.user_agent
        self.auth = _keep_authorization
        self.trust_env = False  # what applies of the environment is read below, once for each host
        self._settings = settings
        self._proxies: dict[tuple[str, str], str | None] = {}

    def merge_environment_settings(  # in requests the environment overrides the session
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        return {
            "proxies": {**self._proxies_for(url), **(proxies or {})},
            "stream": self.stream if stream is None else stream,
            "verify": self.verify if verify is None else verify,
            "cert": self.cert if cert is None else cert,
        }

    def rebuild_proxies(self, prepared_request: requests.PreparedRequest, proxies: Any) -> Any:  # noqa: ARG002  # signature of requests
        return self._proxies_for(prepared_request.url)

    def _proxies_for(self, url: Any) -> dict[str, str]:
        parts = urlsplit(url)
        host = parts.scheme, parts.netloc
        if host not in self._proxies:
            self._proxies[host] = proxy_for(url, self._settings)
        proxy = self._proxies[host]
        return {"all": proxy, **self.proxies} if proxy else dict(self.proxies)

    def rebuild_auth(  # requests would look up the host of a redirect in ~/.netrc
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        if self.should_strip_auth(response.request.url, prepared_request.url):  # type: ignore[no-untyped-call]  # requests has no annotation for it
            prepared_request.headers.pop("Authorization", None)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._settings.timeout
        if "proxies" not in kwargs:
            kwargs["proxies"] = self._proxies_for(request.url)
        return super().send(request, **kwargs)
