"""MSAL on a session of our own, and what goes wrong with it in words."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
import requests.adapters
import urllib3

from airflow_provider_drive.auth.error_hints import explain_failure, explain_refusal, explain_silence
from airflow_provider_drive.exceptions import DriveArgumentError, DriveAuthError
from airflow_provider_drive.network import open_session, read_whole
from airflow_provider_drive.protocol.wire.hosts import host_of, is_authority

if TYPE_CHECKING:
    from collections.abc import Callable

    from msal import ClientApplication

    from airflow_provider_drive.settings import Settings

    Acquire = Callable[[bool], Any]
    """Gives the authority's answer with a token: with another one than before, if that was refused."""

_BUSY = (429, 500, 502, 503, 504)
_UPDATING = (404, 410, *_BUSY)
"""https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#retry-guidance"""
_INSIDE_SECONDS = 10.0


def send_with_retries(settings: Settings, question: Callable[[], Any]) -> Any:
    """
    Return the answer to a question that MSAL asks.

    :raises DriveAuthError: If there is none. The message names the setting to look at.
    """
    kind, place = settings.login_kind, settings.authority
    try:
        return question()
    except (DriveAuthError, DriveArgumentError):
        raise
    except (OSError, requests.RequestException) as error:
        place = "this machine's managed identity endpoint" if kind == "managed_identity" else place
        failure = explain_silence(error, place, kind)
    except Exception as error:  # noqa: BLE001  # MSAL reads whatever the authority says as if it were well
        failure = explain_failure(error, settings.secrets, kind)
    raise DriveAuthError(failure)


def token_of(answer: Any, settings: Settings, name: str = "access_token") -> str:
    """
    Return the token that the authority gave.

    :param name: Which one.
    :raises DriveAuthError: If it gave none. The message tells what it said instead, and what to do.
    """
    token = answer.get(name) if isinstance(answer, dict) else None
    if isinstance(token, str) and token:
        return token
    raise DriveAuthError(
        explain_refusal(answer if isinstance(answer, dict) else {}, settings.secrets, settings.login_kind)
    )


def open_application(
    settings: Settings, credential: str | Callable[[str], str | bytes] | None = None
) -> ClientApplication:
    """
    Return MSAL's application: a confidential one with a credential, a public one without.

    :param credential: A secret; or what makes an assertion for an audience, each time that one is needed.
    :raises DriveAuthError: If the authority would have the credential sent to another host.
    """
    import msal  # noqa: PLC0415  # only a task that logs in pays for it

    def sign() -> str | bytes:
        return credential(application.authority.token_endpoint) if callable(credential) else ""

    common: dict[str, Any] = {
        "authority": f"{settings.authority}/{settings.tenant_id}",
        "instance_discovery": None if settings.discover_instance else False,
        "http_client": open_token_session(settings),
    }
    if credential is None:
        application = msal.PublicClientApplication(settings.client_id, **common)
    else:
        shown = {"client_assertion": sign} if callable(credential) else credential
        application = msal.ConfidentialClientApplication(
            settings.client_id, client_credential=shown, **common
        )
    authority = application.authority
    for endpoint in filter(None, (authority.token_endpoint, authority.device_authorization_endpoint)):
        if not is_authority(endpoint, settings.authority):
            raise DriveAuthError(
                f"Could not get a token: {settings.authority} asks for the credential to be sent to another "
                f"host, {host_of(endpoint)!r}, so nothing was sent. Check the connection's authority and who "
                "operates it."
            )
    return application


def open_token_session(settings: Settings, *, inside: bool = False) -> requests.Session:
    """
    Return a session to ask for tokens with.

    :param inside: Ask inside of Azure, where the machine itself answers: through no proxy, and not for long,
        since elsewhere nobody does. Default is ``False``.
    """
    if inside:
        settings = replace(settings, proxies=(("no", "*"),), timeout=min(settings.timeout, _INSIDE_SECONDS))
    session = open_session(settings)
    session.max_redirects = 0  # a 307 would have the secret sent to wherever it leads
    session.hooks["response"].append(partial(_read_answer, seconds=settings.timeout))
    again = urllib3.Retry(
        3,
        connect=0 if inside else None,
        backoff_factor=0.5,
        status_forcelist=_UPDATING if inside else _BUSY,
        allowed_methods=None,  # to ask for a token twice does no harm
        respect_retry_after_header=False,  # it may ask for hours
        raise_on_status=False,
    )
    for scheme in ("https://", "http://"):  # managed identities are asked in clear, on the machine itself
        session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=again))
    return session


def _read_answer(response: requests.Response, *, seconds: float, **_: Any) -> None:
    """Read an answer before requests does, which would read without end."""
    response._content = read_whole(response, seconds)  # noqa: SLF001  # requests has no other place for it
