"""
An Airflow connection becomes tokens, through MSAL.

https://learn.microsoft.com/graph/auth-v2-service
"""

from __future__ import annotations

import re
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import requests.adapters
import urllib3

from airflow_provider_drive.exceptions import DriveAuthError
from airflow_provider_drive.network import open_session, read_whole
from airflow_provider_drive.protocol.advice import explain_failure, explain_refusal, explain_silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from msal import ConfidentialClientApplication

    from airflow_provider_drive.protocol.hosts import Hosts
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
        self._app: ConfidentialClientApplication | None = None
        self._token = ""

    def token(self, refused: str | None = None) -> str:
        """
        Return a token for Graph.

        :param refused: A token that Graph has refused: not this one again.
        :raises DriveAuthError: If none can be had. The message names the setting to look at.
        """
        with self._lock:
            answer = self._acquire(refused)
        if "access_token" not in answer:
            raise DriveAuthError(explain_refusal(answer, self._secrets, _kind(self._settings)))
        token = answer["access_token"]
        if not isinstance(token, str) or not _SENDABLE.fullmatch(token):
            raise DriveAuthError("No token could be had: what the authority gave cannot stand in a header.")
        self._token = token
        return token

    def _acquire(self, refused: str | None) -> dict[str, Any]:
        failure = ""
        try:
            if self._app is None:
                self._app = _application(self._settings)
            if refused is not None and refused == self._token:
                self._app.remove_tokens_for_client()
            answer = self._app.acquire_token_for_client(list(self._settings.scopes))
        except (OSError, requests.RequestException) as error:
            failure = explain_silence(error, self._settings.authority, _kind(self._settings))
        except DriveAuthError:
            raise
        except Exception as error:  # noqa: BLE001  # MSAL reads whatever the authority says as if it were well
            failure = explain_failure(error, self._secrets, _kind(self._settings))
        if failure:
            raise DriveAuthError(failure)
        return answer if isinstance(answer, dict) else {}

    @property
    def _secrets(self) -> tuple[str, ...]:
        return self._settings.client_secret, self._settings.private_key


class GraphAuth(requests.auth.AuthBase):
    """Puts the token on requests to Graph, and on no others."""

    def __init__(self, hosts: Hosts, login: Login, keep_secret: Callable[[str], None]) -> None:
        self._hosts, self._login, self._keep_secret = hosts, login, keep_secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request."""
        if self._hosts.is_graph(request.url or ""):
            token = self._login.token()
            self._keep_secret(token)
            request.headers["Authorization"] = f"Bearer {token}"
        return request


def _application(settings: Settings) -> ConfidentialClientApplication:
    import msal  # noqa: PLC0415  # only a task that logs in pays for it

    credential = _credential(settings)
    session = open_session(settings)
    session.max_redirects = 0  # a 307 would have the secret sent to wherever it leads
    session.hooks["response"].append(partial(_read_answer, seconds=settings.timeout))
    again = urllib3.Retry(
        3,
        backoff_factor=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,  # to ask for a token twice does no harm
        respect_retry_after_header=False,  # it may ask for hours
        raise_on_status=False,
    )
    session.mount("https://", requests.adapters.HTTPAdapter(max_retries=again))
    return msal.ConfidentialClientApplication(
        settings.client_id,
        authority=f"{settings.authority}/{settings.tenant_id}",
        client_credential=credential,
        instance_discovery=None if settings.discover_instance else False,
        http_client=session,
    )


def _read_answer(response: requests.Response, *, seconds: float, **_: Any) -> None:
    """Read an answer before requests does, which would read without end."""
    response._content = read_whole(response, seconds)  # noqa: SLF001  # requests has no other place for it


def _credential(settings: Settings) -> Any:
    if settings.missing:
        raise DriveAuthError(f"No token could be had: Airflow has no connection {settings.missing!r}.")
    kind = _kind(settings)
    _require(settings.tenant_id, "tenant_id (in the extra)")
    _require(settings.client_id, "login (the application's client id)")
    if kind == "client_secret":
        return _require(settings.client_secret, "password (the client secret)")
    if kind == "certificate":
        return _certificate(settings)
    raise DriveAuthError(
        f"The connection's auth_type is {kind!r}; it has to be client_secret or certificate."
    )


def _kind(settings: Settings) -> str:
    has_certificate = settings.certificate_path or settings.private_key
    return settings.auth_type or ("certificate" if has_certificate else "client_secret")


def _require(value: str, name: str) -> str:
    if not value:
        raise DriveAuthError(f"No token could be had: the connection has no {name}.")
    return value


def _certificate(settings: Settings) -> dict[str, Any]:
    """Return the certificate as MSAL takes it: https://learn.microsoft.com/entra/msal/python/advanced/client-credentials."""
    passphrase = {"passphrase": settings.client_secret} if settings.client_secret else {}
    pem = settings.private_key
    if not pem:
        path = Path(_require(settings.certificate_path, "certificate_path or private_key (in the extra)"))
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DriveAuthError(
                f"The connection's certificate_path cannot be read: {error.strerror}."
            ) from None
        if b"-----BEGIN" not in content:
            return {"private_key_pfx_path": str(path), **passphrase}
        pem = content.decode("utf-8", "replace")
    if "PRIVATE KEY-----" not in pem:
        raise DriveAuthError("The connection's certificate has no private key in it.")
    credential: dict[str, Any] = {"private_key": pem, **(passphrase if "ENCRYPTED" in pem else {})}
    if settings.thumbprint:
        return {**credential, "thumbprint": settings.thumbprint.replace(":", "")}
    begin = pem.find("-----BEGIN CERTIFICATE-----")
    if begin < 0:
        raise DriveAuthError(
            "The connection has a private key without its certificate: add the certificate, or thumbprint."
        )
    return {**credential, "public_certificate": pem[begin:]}
