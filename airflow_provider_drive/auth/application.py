"""MSAL applications on this package's HTTP session, with errors that name the setting to check."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests
import requests.adapters
import urllib3

from airflow_provider_drive.auth.error_hints import (
    explain_auth_error,
    explain_msal_exception,
    explain_no_answer,
)
from airflow_provider_drive.exceptions import DriveArgumentError, DriveAuthError
from airflow_provider_drive.network import PIECE, DeadlineAdapter, open_session, read_whole
from airflow_provider_drive.protocol.wire.hosts import host_of, is_authority

if TYPE_CHECKING:
    from collections.abc import Callable

    from msal import ClientApplication, TokenCache

    from airflow_provider_drive.settings import Settings

    AcquireToken = Callable[[bool], Any]
    """Returns the authority's answer with a token; ``True`` requests a new one instead of the cached one."""

RENEWAL_MARGIN = 300.0
"""Seconds before its expiry at which a token is replaced, as in MSAL."""
_RETRIED_STATUSES = (429, 500, 502, 503, 504)
_RETRIED_IMDS_STATUSES = (404, 410, *_RETRIED_STATUSES)
"""https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#retry-guidance"""
_IMDS_TIMEOUT = 10.0


def call_msal(settings: Settings, call: Callable[[], Any]) -> Any:
    """
    Call MSAL, and return what it returns.

    :raises DriveAuthError: If MSAL or the HTTP library raises. The message names the setting to check.
    """
    kind, place = settings.login_kind, settings.authority
    try:
        return call()
    except (DriveAuthError, DriveArgumentError):
        raise
    except (OSError, requests.RequestException) as error:
        place = "this machine's managed identity endpoint" if kind == "managed_identity" else place
        failure = explain_no_answer(error, place, kind)
    except Exception as error:  # noqa: BLE001  # MSAL does not check the authority's answers before it uses them
        failure = explain_msal_exception(error, settings.secrets, kind)
    raise DriveAuthError(failure)


def extract_token(answer: Any, settings: Settings, name: str = "access_token") -> str:
    """
    Return the token in the authority's answer.

    :param name: The key of the token. Default is ``access_token``.
    :raises DriveAuthError: If there is none. The message quotes the authority's error and says what to do.
    """
    token = answer.get(name) if isinstance(answer, dict) else None
    if isinstance(token, str) and token:
        return token
    raise DriveAuthError(
        explain_auth_error(answer if isinstance(answer, dict) else {}, settings.secrets, settings.login_kind)
    )


def open_application(
    settings: Settings,
    credential: str | Callable[[str], str | bytes] | None = None,
    token_cache: TokenCache | None = None,
) -> ClientApplication:
    """
    Return an MSAL application: a confidential client if there is a credential, else a public client.

    :param credential: A client secret, or a function that creates an assertion for an audience.
    :param token_cache: Where MSAL keeps tokens. Default is its own, in memory.
    :raises DriveAuthError: If the authority asks for the credential to be sent to another host.
    """
    import msal  # noqa: PLC0415  # slow import: only for tasks that log in

    def sign() -> str | bytes:
        return credential(application.authority.token_endpoint) if callable(credential) else ""

    session, authority = open_token_session(settings), f"{settings.authority}/{settings.tenant_id}"
    if settings.is_known_authority:
        session.mount(f"{authority}/v2.0/.well-known/", _KnownEndpoints(authority))
    common: dict[str, Any] = {
        "authority": authority,
        "instance_discovery": False,
        "http_client": session,
        "token_cache": token_cache,
    }
    if credential is None:
        application = msal.PublicClientApplication(settings.client_id, **common)
    else:
        client_credential = {"client_assertion": sign} if callable(credential) else credential
        application = msal.ConfidentialClientApplication(
            settings.client_id, client_credential=client_credential, **common
        )
    _check_endpoints(application, settings)
    return application


def _check_endpoints(application: ClientApplication, settings: Settings) -> None:
    """Raise if the authority's discovery document names an endpoint on another host."""
    authority = application.authority
    for endpoint in filter(None, (authority.token_endpoint, authority.device_authorization_endpoint)):
        if not is_authority(endpoint, settings.authority):
            raise DriveAuthError(
                f"Could not get a token: {settings.authority} asks for the credential to be sent to another "
                f"host, {host_of(endpoint)!r}, so nothing was sent. Check the connection's authority and who "
                "operates it."
            )


class _KnownEndpoints(requests.adapters.BaseAdapter):
    """
    Answers MSAL's request for the endpoints of an authority whose endpoints are known, without sending it.

    https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud

    :param authority: Address of one of Microsoft's authorities, with the tenant.
    """

    def __init__(self, authority: str) -> None:
        super().__init__()
        names = {"authorization": "authorize", "token": "token", "device_authorization": "devicecode"}
        endpoints = {f"{kind}_endpoint": f"{authority}/oauth2/v2.0/{name}" for kind, name in names.items()}
        self._body = json.dumps(endpoints).encode()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the endpoints."""
        response = requests.Response()
        response.status_code, response.url, response.request = 200, str(request.url), request
        response.raw = io.BytesIO(self._body)
        return response

    def close(self) -> None:
        """Do nothing: there is no connection."""


def open_token_session(settings: Settings, *, managed_identity: bool = False) -> requests.Session:
    """
    Return an HTTP session for token requests, which retries what may be temporary.

    :param managed_identity: Whether the requests go to this machine's managed identity endpoint: without a
        proxy, and with a short time-out, since machines outside of Azure have none. Default is ``False``.
    """
    if managed_identity:
        settings = replace(settings, proxies=(("no", "*"),), timeout=min(settings.timeout, _IMDS_TIMEOUT))
    session = open_session(settings)
    session.max_redirects = 0  # a 307 redirect would send the secret to its target
    session.hooks["response"].append(_read_body)
    retries = urllib3.Retry(
        3,
        connect=0 if managed_identity else None,
        backoff_factor=0.5,
        status_forcelist=_RETRIED_IMDS_STATUSES if managed_identity else _RETRIED_STATUSES,
        allowed_methods=None,  # repeating a token request does no harm
        respect_retry_after_header=False,  # it may be hours
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):  # managed identity endpoints use plain http
        session.mount(scheme, DeadlineAdapter(max_retries=retries))
    return session


def _read_body(response: requests.Response, **_: Any) -> None:
    """Read the body with a limit on its size, before requests reads it without any."""
    response._content = read_whole(response.iter_content(PIECE))  # noqa: SLF001  # requests has no public attribute for it
