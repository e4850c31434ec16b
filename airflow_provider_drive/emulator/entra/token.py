"""Entra ID's endpoints for tokens, device codes and discovery. https://learn.microsoft.com/entra/identity-platform/v2-protocols."""

from __future__ import annotations

import base64
import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus

from airflow_provider_drive.emulator.entra.client_assertions import check_credential
from airflow_provider_drive.emulator.entra.errors import EntraError
from airflow_provider_drive.emulator.entra.managed_identity import handle_managed_identity
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.credentials import Device, Grant

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_COMMON = {"common", "organizations", "consumers"}
_OPENID_SCOPES = {"openid", "profile", "email", "offline_access"}
_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_PERMISSION = re.compile(r"[A-Z]\w*(?:\.\w+)+")
_SIGN_IN_PAGE = "https://microsoft.com/devicelogin"


def handle_token(tenant: Tenant, request: Request) -> Response:
    """Handle a request to the authority or to an endpoint of managed identities."""
    if request.path.startswith(("/msi/", "/metadata/")):
        return handle_managed_identity(tenant, request)
    try:
        return _handle(tenant, request)
    except EntraError as error:
        return error_response(tenant, request, error)


def error_response(tenant: Tenant, request: Request, error: EntraError) -> Response:
    """Build an error response. Its text names the application and the tenant of the request."""
    name = request.path.strip("/").partition("/")[0]
    return error.response(
        request, app=_form(request).get("client_id", tenant.client_id), tenant=name, user=tenant.me.address
    )


def _handle(tenant: Tenant, request: Request) -> Response:
    name, _, rest = request.path.strip("/").partition("/")
    if rest == "discovery/instance":
        return _instances(tenant, request)
    if name.lower() not in {tenant.tenant_id, tenant.domain, *_COMMON}:
        raise EntraError(90002)
    if rest.endswith(".well-known/openid-configuration"):
        return Response(body=_configuration(tenant, tenant.token_base or request.base, name))
    if request.method != "POST" or not rest.endswith(("/token", "/devicecode")):
        return Response(404, b"")
    form = _form(request)
    if form.get("client_id") != tenant.client_id:
        raise EntraError(700016)
    if rest.endswith("/devicecode"):
        return _device_code(tenant, form)
    return _token(tenant, request, form, name)


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)) | _basic(request)


def _basic(request: Request) -> dict[str, str]:
    """
    Read an application's credentials from the header ``Authorization``.

    As in RFC 6749, section 2.3.1, each is form-encoded, and both together are encoded in base64:
    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:  # not base64, or not UTF-8
        return {}
    return {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret)}


def _instances(tenant: Tenant, request: Request) -> Response:
    host = request.base.partition("//")[2]
    metadata = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    endpoint = f"{request.base}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration"
    return Response(
        body={"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [metadata]}
    )


def _configuration(tenant: Tenant, base: str, name: str) -> dict[str, Any]:
    """Return the metadata. The endpoints of a tenant always contain its id."""
    name = name if name in _COMMON else tenant.tenant_id
    return {
        "issuer": f"{base}/{tenant.tenant_id}/v2.0",
        "authorization_endpoint": f"{base}/{name}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/{name}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{base}/{name}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/{name}/discovery/v2.0/keys",
        "response_types_supported": ["code", "token"],
        "subject_types_supported": ["pairwise"],
    }


def _token(tenant: Tenant, request: Request, form: dict[str, str], name: str) -> Response:
    grant = form.get("grant_type", "")
    if grant == "client_credentials":
        return _client_credentials(tenant, request, form, name)
    if "client_secret" in form or "client_assertion" in form:
        check_credential(tenant, request, form)
    if grant == "refresh_token":
        return _redeem_refresh_token(tenant, form, name)
    if grant == _DEVICE_CODE_GRANT:
        return _redeem_device_code(tenant, form, name)
    raise EntraError(70003, grant=grant)


def _client_credentials(tenant: Tenant, request: Request, form: dict[str, str], name: str) -> Response:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
    if name in _COMMON:
        raise EntraError(9001023)
    check_credential(tenant, request, form)
    scope = form.get("scope", "")
    if " " in scope or (scope != ".default" and not scope.endswith("/.default")):
        raise EntraError(1002012, scope=scope)
    return _token_response(tenant, tenant.issue_token(audience=_audience([scope])))


def _audience(scopes: list[str]) -> str:
    """Return the resource that scopes name. Without one, a token is for Graph."""
    return next((scope.rpartition("/")[0] for scope in scopes if "/" in scope), "")


# Users


def _redeem_refresh_token(tenant: Tenant, form: dict[str, str], name: str) -> Response:
    """
    https://learn.microsoft.com/entra/identity-platform/refresh-tokens.

    The old token stays valid unless ``tenant.refresh_tokens_once`` is set.
    """
    text = form.get("refresh_token", "")
    grant = tenant.grants.get(text)
    if grant is None:
        raise EntraError(70000 if name == "consumers" else 9002313)
    if tenant.refresh_tokens_once:
        del tenant.grants[text]
    return _user_token(tenant, form, name, grant)


def _device_code(tenant: Tenant, form: dict[str, str]) -> Response:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code."""
    user_code, code = secrets.token_hex(4).upper(), secrets.token_urlsafe(48)
    expires = time.time() + tenant.device_lifetime
    tenant.devices[code] = Device(form.get("scope", ""), expires, tenant.device_looks)
    body = {
        "user_code": user_code,
        "device_code": code,
        "verification_uri": _SIGN_IN_PAGE,
        "expires_in": int(tenant.device_lifetime),
        "interval": int(tenant.device_interval),
        "message": f"To sign in, use a web browser to open the page {_SIGN_IN_PAGE} and enter the code "
        f"{user_code} to authenticate.",
    }
    return Response(200, body, {"content-type": "application/json; charset=utf-8"})


def _redeem_device_code(tenant: Tenant, form: dict[str, str], name: str) -> Response:
    device = tenant.devices.get(form.get("device_code", ""))
    now = time.time()
    if device is None:
        raise EntraError(70018)
    if now >= device.expires:
        raise EntraError(70020)
    last_poll, device.last_poll = device.last_poll, now
    if now < last_poll + tenant.device_interval:
        raise EntraError("slow_down")
    if device.polls_left > 0:
        device.polls_left -= 1
        raise EntraError(70016)
    if tenant.device_declines:
        raise EntraError("authorization_declined")
    del tenant.devices[form["device_code"]]
    user = tenant.consumer if name == "consumers" else tenant.me
    return _user_token(tenant, {**form, "scope": device.scope}, name, Grant(user))


def _user_token(tenant: Tenant, form: dict[str, str], name: str, grant: Grant) -> Response:
    scopes = form.get("scope", "").split()
    permissions = _permissions(tenant, scopes, name)
    is_personal = grant.user.drive.is_personal
    text = tenant.issue_token(user=grant.user, permissions=permissions, audience=_audience(scopes))
    if is_personal and scopes and not any("://" in scope for scope in scopes):
        # Graph refuses it: https://github.com/jordanburke/microsoft-todo-mcp-server/pull/13
        del tenant.tokens[text]
    response = _token_response(tenant, text)
    body: Any = response.body
    body["scope"] = " ".join(f"https://graph.microsoft.com/{permission}" for permission in permissions)
    if "offline_access" in scopes:
        body["refresh_token"] = tenant.issue_refresh_token(grant.user)
    return response


def _permissions(tenant: Tenant, scopes: list[str], name: str) -> list[str]:
    """https://learn.microsoft.com/entra/identity-platform/scopes-oidc."""
    permissions = [scope.rpartition("/")[2] for scope in scopes if scope not in _OPENID_SCOPES]
    if (
        not scopes
    ):  # "defaults to the scopes of the first leg": https://www.rfc-editor.org/rfc/rfc6749#section-6
        return list(tenant.permissions)
    if ".default" in permissions and name != "consumers":
        return list(tenant.permissions)
    for permission in permissions or [""]:
        if not _PERMISSION.fullmatch(permission):
            raise EntraError(70011, scope=" ".join(scopes))
        if permission not in tenant.permissions:
            raise EntraError(65001)
    return permissions


def _token_response(tenant: Tenant, text: str) -> Response:
    lifetime = int(tenant.token_lifetime)
    body = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": text}
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store, no-cache"}
    return Response(200, body, headers)
