"""
The supported kinds of login (``auth_type``).

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview,
https://learn.microsoft.com/azure/aks/workload-identity-overview,
https://learn.microsoft.com/entra/identity-platform/refresh-tokens
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.auth.application import open_application, open_token_session
from airflow_provider_drive.auth.certificates import read_certificate
from airflow_provider_drive.auth.refresh_token import RefreshLogin
from airflow_provider_drive.auth.token_cache import SharedLogin, shared_tokens
from airflow_provider_drive.exceptions import DriveAuthError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.auth.application import AcquireToken
    from airflow_provider_drive.settings import Settings


def open_login(settings: Settings) -> AcquireToken:
    """
    Return a function that gets tokens for a connection.

    :raises DriveAuthError: If a field that this ``auth_type`` requires is missing. The message names it.
    """
    if settings.missing:
        raise DriveAuthError(f"Could not get a token: Airflow has no connection {settings.missing!r}.")
    kind = settings.login_kind
    if kind not in _OPEN_BY_AUTH_TYPE:
        raise DriveAuthError(
            f"Invalid `auth_type` in the connection: must be one of {', '.join(_OPEN_BY_AUTH_TYPE)}, "
            f"got {kind!r}."
        )
    return _OPEN_BY_AUTH_TYPE[kind](settings)


def _open_client_secret(settings: Settings) -> AcquireToken:
    _require_application(settings)
    return _open_confidential_client(
        settings, _require(settings.client_secret, "password (the client secret)")
    )


def _open_certificate(settings: Settings) -> AcquireToken:
    _require_application(settings)
    return _open_confidential_client(settings, _load_signer(settings))


def _open_workload_identity(settings: Settings) -> AcquireToken:
    """https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html."""
    settings = replace(
        settings,
        tenant_id=settings.tenant_id or os.environ.get("AZURE_TENANT_ID", ""),
        client_id=settings.client_id or os.environ.get("AZURE_CLIENT_ID", ""),
    )
    _require_application(settings)
    path = settings.federated_token_file or os.environ.get("AZURE_FEDERATED_TOKEN_FILE", "")
    _require(path, "federated_token_file (in the extra), and AZURE_FEDERATED_TOKEN_FILE is not set")
    return _open_confidential_client(settings, lambda _: _read_token_file(path))


def _open_managed_identity(settings: Settings) -> AcquireToken:
    """MSAL detects the Azure service it runs on, and the endpoint, from the environment."""
    import msal  # noqa: PLC0415  # slow import: only for tasks that log in

    name = settings.client_id
    identity: Any = msal.SystemAssignedManagedIdentity()
    if name:
        which = {"resource_id" if name.startswith("/") else "client_id": name}
        identity = msal.UserAssignedManagedIdentity(**which)
    resource = settings.scopes[0].removesuffix("/.default")
    session = open_token_session(settings, managed_identity=True)
    client = msal.ManagedIdentityClient(identity, http_client=session)

    def acquire(renew: bool) -> Any:
        nonlocal client
        if renew:
            client = msal.ManagedIdentityClient(identity, http_client=session)
        answer = client.acquire_token_for_client(resource=resource)
        is_guess = answer.get("error") == "invalid_scope"  # MSAL's guess for any error of App Service
        return {**answer, "error": "refused"} if is_guess else answer

    return acquire


def _open_refresh_token(settings: Settings) -> AcquireToken:
    settings = replace(settings, tenant_id=settings.tenant_id or "common")
    _require_application(settings)
    _require(settings.refresh_token, "refresh_token (in the extra)")
    has_certificate = settings.certificate_path or settings.private_key
    credential = _load_signer(settings) if has_certificate else settings.client_secret or None
    return RefreshLogin(settings, open_application(settings, credential)).acquire


_OPEN_BY_AUTH_TYPE: dict[str, Callable[[Settings], AcquireToken]] = {
    "client_secret": _open_client_secret,
    "certificate": _open_certificate,
    "managed_identity": _open_managed_identity,
    "workload_identity": _open_workload_identity,
    "refresh_token": _open_refresh_token,
}


def _open_confidential_client(
    settings: Settings, credential: str | Callable[[str], str | bytes]
) -> AcquireToken:
    shared = shared_tokens(settings)
    if shared is not None:
        return SharedLogin(settings, credential, shared).acquire
    application = open_application(settings, credential)

    def acquire(renew: bool) -> Any:
        if renew:
            application.remove_tokens_for_client()
        return application.acquire_token_for_client(list(settings.scopes))

    return acquire


def _load_signer(settings: Settings) -> Callable[[str], bytes]:
    certificate = read_certificate(settings)
    return partial(certificate.sign, settings.client_id, with_chain=settings.send_certificate_chain)


def _read_token_file(path: str) -> str:
    """Read the workload identity's token at each login: Kubernetes renews the file."""
    try:
        token = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
    else:
        reason = "" if token else "empty file"
    if reason:
        raise DriveAuthError(
            f"Could not get a token: cannot read the workload identity's token file {path} ({reason}). Check "
            "the connection's federated_token_file, and that the pod has the label "
            "azure.workload.identity/use."
        )
    return token


def _require_application(settings: Settings) -> None:
    _require(settings.tenant_id, "tenant_id (in the extra)")
    _require(settings.client_id, "login (the application's client id)")


def _require(value: str, name: str) -> str:
    if not value:
        raise DriveAuthError(f"Could not get a token: the connection has no {name}.")
    return value
