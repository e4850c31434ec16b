"""The door of Entra ID: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from airflow_provider_drive.emulator.messages import Answer

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.tenant import Tenant

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGE = "api://AzureADTokenExchange"
_COMMON = {"common", "organizations", "consumers"}


class _Denied(Exception):  # noqa: N818 - it is an answer of Entra's, not an error of the emulator's
    """https://learn.microsoft.com/entra/identity-platform/reference-error-codes."""

    def __init__(self, error: str, number: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.error, self.number, self.status = error, number, status


def serve_token(tenant: Tenant, request: Request) -> Answer:
    """Answer MSAL: discovery, and tokens."""
    try:
        if request.path.startswith("/msi/"):
            return _managed_identity(tenant, request)
        name, _, rest = request.path.strip("/").partition("/")
        if rest == "discovery/instance":
            return _instances(tenant, request)
        _check_tenant(tenant, name)
        if rest.endswith(".well-known/openid-configuration"):
            return Answer(body=_configuration(tenant, request.base, name))
        return _token(tenant, request)
    except _Denied as denied:
        return _denial(denied, request)


def _denial(denied: _Denied, request: Request) -> Answer:
    trace = f"Trace ID: {uuid.uuid4()} Correlation ID: {request.client_request_id}"
    body = {
        "error": denied.error,
        "error_description": f"AADSTS{denied.number}: {denied} {trace}",
        "error_codes": [denied.number],
        "correlation_id": request.client_request_id,
        "error_uri": f"https://login.microsoftonline.com/error?code={denied.number}",
    }
    return Answer(denied.status, body, {"content-type": "application/json; charset=utf-8"})


def _instances(tenant: Tenant, request: Request) -> Answer:
    host = request.base.partition("//")[2]
    metadata = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    endpoint = f"{request.base}/{tenant.tenant_id}/v2.0/.well-known/openid-configuration"
    return Answer(body={"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [metadata]})


def _check_tenant(tenant: Tenant, name: str) -> None:
    if name.lower() not in {tenant.tenant_id, tenant.domain, *_COMMON}:
        text = f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID."
        raise _Denied("invalid_request", 90002, text)


def _configuration(tenant: Tenant, base: str, name: str) -> dict[str, Any]:
    return {
        "issuer": f"{base}/{tenant.tenant_id}/v2.0",
        "authorization_endpoint": f"{base}/{name}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/{name}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{base}/{name}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/{name}/discovery/v2.0/keys",
        "response_types_supported": ["code", "token"],
        "subject_types_supported": ["pairwise"],
    }


def _token(tenant: Tenant, request: Request) -> Answer:
    form = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    if form.get("client_id") != tenant.client_id:
        text = f"Application with identifier '{form.get('client_id')}' was not found in the directory."
        raise _Denied("unauthorized_client", 700016, text)
    grant = form.get("grant_type")
    if grant == "client_credentials":
        _check_credential(tenant, request, form)
        _check_scope(form)
        return _issued(tenant, delegated=False)
    if grant == "refresh_token":
        if "client_secret" in form or "client_assertion" in form:
            _check_credential(tenant, request, form)
        if form.get("refresh_token") != tenant.refresh_token:
            raise _Denied("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
        return _issued(tenant, delegated=True)
    raise _Denied("unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant}'.")


def _managed_identity(tenant: Tenant, request: Request) -> Answer:
    """https://learn.microsoft.com/azure/app-service/overview-managed-identity: IDENTITY_ENDPOINT."""
    if request.headers.get("x-identity-header") != tenant.identity_header:
        raise _Denied("invalid_client", 7000218, "The identity header is wrong.", 401)
    text = tenant.issue_token()
    body = {
        "access_token": text,
        "expires_on": str(int(tenant.tokens[text].expires)),
        "resource": request.query.get("resource", ""),
        "token_type": "Bearer",
        "client_id": tenant.client_id,
    }
    return Answer(200, body, {"content-type": "application/json; charset=utf-8"})


def _check_scope(form: dict[str, str]) -> None:
    """Applications ask for ``/.default`` only: https://learn.microsoft.com/graph/auth-v2-service."""
    if not form.get("scope", "").endswith("/.default"):
        text = f"The provided value for scope {form.get('scope')} is not valid."
        raise _Denied("invalid_scope", 1002012, text)


def _issued(tenant: Tenant, *, delegated: bool) -> Answer:
    lifetime = int(tenant.token_lifetime)
    body: dict[str, Any] = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}
    body["access_token"] = tenant.issue_token(delegated=delegated)
    if delegated:
        body |= {"refresh_token": tenant.refresh_token, "scope": "Files.ReadWrite.All"}
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store, no-cache"}
    return Answer(200, body, headers)


def _check_credential(tenant: Tenant, request: Request, form: dict[str, str]) -> None:
    if "client_assertion" in form:
        _check_assertion(tenant, request, form)
    elif "client_secret" not in form:
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise _Denied("invalid_client", 7000218, text, 401)
    elif form["client_secret"] != tenant.client_secret:
        text = "Invalid client secret provided. Ensure the secret being sent is the client secret value."
        raise _Denied("invalid_client", 7000215, text, 401)


def _check_assertion(tenant: Tenant, request: Request, form: dict[str, str]) -> None:
    """https://learn.microsoft.com/entra/identity-platform/certificate-credentials."""
    assertion = form["client_assertion"]
    try:
        if form.get("client_assertion_type") != _ASSERTION:
            raise _Denied("invalid_request", 50027, "Invalid assertion type.")
        claims = jwt.decode(assertion, options={"verify_signature": False})
        federated = tenant.federations.get((claims.get("iss", ""), claims.get("sub", "")))
        if federated is not None:
            _verify(assertion, federated, _EXCHANGE)
        elif claims.get("iss") != tenant.client_id or claims.get("sub") != tenant.client_id:
            raise _Denied("invalid_client", 70021, "No matching federated identity record found.", 401)
        else:
            _verify(assertion, _certificate_key(tenant, assertion), f"{request.base}{request.path}")
    except jwt.ExpiredSignatureError:
        raise _Denied(
            "invalid_client", 700024, "Client assertion is not within its valid time range.", 401
        ) from None
    except jwt.InvalidTokenError as error:
        raise _Denied(
            "invalid_client", 700027, f"Client assertion failed signature validation. {error}", 401
        ) from None


def _certificate_key(tenant: Tenant, assertion: str) -> bytes:
    """Find the registered certificate whose thumbprint the assertion's header tells."""
    header = jwt.get_unverified_header(assertion)
    for pem in tenant.certificates:
        certificate = x509.load_pem_x509_certificate(pem)
        der = certificate.public_bytes(serialization.Encoding.DER)
        prints = {"x5t": hashlib.sha1(der).digest(), "x5t#S256": hashlib.sha256(der).digest()}  # noqa: S324 - x5t is SHA-1
        if any(header.get(name, "").rstrip("=") == _base64url(digest) for name, digest in prints.items()):
            spki = serialization.PublicFormat.SubjectPublicKeyInfo
            return certificate.public_key().public_bytes(serialization.Encoding.PEM, spki)
    raise _Denied("invalid_client", 700027, "The certificate with the thumbprint is not registered.", 401)


def _verify(assertion: str, key: bytes, audience: str) -> None:
    options: Any = {"require": ["exp", "aud", "iss", "sub"]}
    jwt.decode(assertion, key, algorithms=["RS256", "PS256"], audience=audience, options=options, leeway=0)


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
