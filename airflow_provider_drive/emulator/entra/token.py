"""The door of Entra ID: https://learn.microsoft.com/entra/identity-platform/v2-protocols."""

from __future__ import annotations

import base64
import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus

from airflow_provider_drive.emulator.entra.client_assertions import check_credential
from airflow_provider_drive.emulator.entra.errors import Denied
from airflow_provider_drive.emulator.entra.managed_identity import serve_identity
from airflow_provider_drive.emulator.messages import Answer
from airflow_provider_drive.emulator.state.directory import Device, Grant

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_COMMON = {"common", "organizations", "consumers"}
_OPENID = {"openid", "profile", "email", "offline_access"}
_DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
_PERMISSION = re.compile(r"[A-Z]\w*(?:\.\w+)+")
_PLACE = "https://microsoft.com/devicelogin"


def serve_token(tenant: Tenant, request: Request) -> Answer:
    """Answer MSAL: discovery, and tokens."""
    if request.path.startswith(("/msi/", "/metadata/")):
        return serve_identity(tenant, request)
    try:
        return _serve(tenant, request)
    except Denied as denied:
        return deny(tenant, request, denied)


def deny(tenant: Tenant, request: Request, denied: Denied) -> Answer:
    """Answer with a denial, whose text tells the request's application and tenant."""
    name = request.path.strip("/").partition("/")[0]
    return denied.answer(
        request, app=_form(request).get("client_id", tenant.client_id), tenant=name, user=tenant.me.address
    )


def _serve(tenant: Tenant, request: Request) -> Answer:
    name, _, rest = request.path.strip("/").partition("/")
    if rest == "discovery/instance":
        return _instances(tenant, request)
    if name.lower() not in {tenant.tenant_id, tenant.domain, *_COMMON}:
        raise Denied(90002)
    if rest.endswith(".well-known/openid-configuration"):
        return Answer(body=_configuration(tenant, tenant.token_base or request.base, name))
    form = _form(request)
    if form.get("client_id") != tenant.client_id:
        raise Denied(700016)
    return _device_code(tenant, form) if rest.endswith("/devicecode") else _token(tenant, request, form, name)


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)) | _basic(request)


def _basic(request: Request) -> dict[str, str]:
    """
    Read an application's credentials from the header ``Authorization``.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow allows that as in
    RFC 6749, section 2.3.1: each is form-encoded, and both together are in base64.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:  # no base64, or no UTF-8
        return {}
    return {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret)}


def _instances(tenant: Tenant, request: Request) -> Answer:
    host = request.base.partition("//")[2]
    metadata = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    endpoint = f"{request.base}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration"
    return Answer(body={"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [metadata]})


def _configuration(tenant: Tenant, base: str, name: str) -> dict[str, Any]:
    """Give the endpoints; a tenant's own have its id in them, by whatever name they are asked for."""
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


def _token(tenant: Tenant, request: Request, form: dict[str, str], name: str) -> Answer:
    grant = form.get("grant_type", "")
    if grant == "client_credentials":
        return _to_application(tenant, request, form, name)
    if "client_secret" in form or "client_assertion" in form:
        check_credential(tenant, request, form)
    if grant == "refresh_token":
        return _refreshed(tenant, form, name)
    if grant == _DEVICE:
        return _signed_in(tenant, form, name)
    raise Denied(70003, grant=grant)


def _to_application(tenant: Tenant, request: Request, form: dict[str, str], name: str) -> Answer:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
    if name in _COMMON:
        raise Denied(9001023)
    check_credential(tenant, request, form)
    scope = form.get("scope", "")
    if not scope.endswith("/.default"):
        raise Denied(1002012, scope=scope)
    return _issued(tenant, tenant.issue_token())


# Users


def _refreshed(tenant: Tenant, form: dict[str, str], name: str) -> Answer:
    """
    https://learn.microsoft.com/entra/identity-platform/refresh-tokens.

    The old token stays good, unless ``tenant.refresh_tokens_once`` says otherwise.
    """
    text = form.get("refresh_token", "")
    grant = tenant.grants.get(text)
    if grant is None:
        raise Denied(70000 if name == "consumers" else 9002313)
    if tenant.refresh_tokens_once:
        del tenant.grants[text]
    return _to_user(tenant, form, name, grant)


def _device_code(tenant: Tenant, form: dict[str, str]) -> Answer:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code."""
    user_code, code = secrets.token_hex(4).upper(), secrets.token_urlsafe(48)
    expires = time.time() + tenant.device_lifetime
    tenant.devices[code] = Device(form.get("scope", ""), expires, tenant.device_looks)
    body = {
        "user_code": user_code,
        "device_code": code,
        "verification_uri": _PLACE,
        "expires_in": int(tenant.device_lifetime),
        "interval": int(tenant.device_interval),
        "message": f"To sign in, use a web browser to open the page {_PLACE} and enter the code {user_code} "
        "to authenticate.",
    }
    return Answer(200, body, {"content-type": "application/json; charset=utf-8"})


def _signed_in(tenant: Tenant, form: dict[str, str], name: str) -> Answer:
    device = tenant.devices.get(form.get("device_code", ""))
    now = time.time()
    if device is None:
        raise Denied(70018)
    if now >= device.expires:
        raise Denied(70020)
    asked, device.asked = device.asked, now
    if now < asked + tenant.device_interval:
        raise Denied("slow_down")
    if device.looks > 0:
        device.looks -= 1
        raise Denied(70016)
    if tenant.device_declines:
        raise Denied("authorization_declined")
    del tenant.devices[form["device_code"]]
    user = tenant.consumer if name == "consumers" else tenant.me
    return _to_user(tenant, {**form, "scope": device.scope}, name, Grant(user))


def _to_user(tenant: Tenant, form: dict[str, str], name: str, grant: Grant) -> Answer:
    asked = form.get("scope", "").split()
    permissions = _permissions(tenant, asked, name)
    personal = grant.user.drive.is_personal
    text = tenant.issue_token(user=grant.user, permissions=permissions)
    if personal and not any("://" in scope for scope in asked):
        # so https://github.com/jordanburke/microsoft-todo-mcp-server/pull/13 saw Graph refuse it
        del tenant.tokens[text]
    answer = _issued(tenant, text)
    body: Any = answer.body
    body["scope"] = " ".join(f"https://graph.microsoft.com/{permission}" for permission in permissions)
    if "offline_access" in asked:
        body["refresh_token"] = tenant.issue_refresh_token(grant.user)
    return answer


def _permissions(tenant: Tenant, asked: list[str], name: str) -> list[str]:
    """https://learn.microsoft.com/entra/identity-platform/scopes-oidc."""
    wanted = [scope.rpartition("/")[2] for scope in asked if scope not in _OPENID]
    if ".default" in wanted and name != "consumers":
        return list(tenant.permissions)
    for permission in wanted or [""]:
        if not _PERMISSION.fullmatch(permission):
            raise Denied(70011, scope=" ".join(asked))
        if permission not in tenant.permissions:
            raise Denied(65001)
    return wanted


def _issued(tenant: Tenant, text: str) -> Answer:
    lifetime = int(tenant.token_lifetime)
    body = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": text}
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store, no-cache"}
    return Answer(200, body, headers)
