"""
Credentials of the application: its secret, its certificate, or a token of another issuer.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials and
https://learn.microsoft.com/entra/workload-id/workload-identity-federation.
"""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from airflow_provider_drive.emulator.entra.errors import EntraError, validity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
_CLOCK_SKEW = 300.0
"""The tolerance for differing clocks, in seconds."""


def check_credential(tenant: Tenant, request: Request, form: dict[str, str]) -> None:
    """
    Check the secret or the client assertion in a request.

    :raises EntraError: If it is missing or not valid.
    """
    if "client_assertion" in form:
        _check_assertion(tenant, request, form)
    elif "client_secret" not in form:
        raise EntraError(7000218)
    elif form["client_secret"] in tenant.expired_secrets:
        raise EntraError(7000222)
    elif form["client_secret"] != tenant.client_secret:
        raise EntraError(7000215)


def _check_assertion(tenant: Tenant, request: Request, form: dict[str, str]) -> None:
    assertion = form["client_assertion"]
    if form.get("client_assertion_type") != _JWT_BEARER:
        raise EntraError(50027, reason="The assertion's type is not supported.")
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise EntraError(50027, reason=str(error)) from None
    if claims.get("iss") == tenant.client_id:
        _check_certificate_assertion(tenant, request, assertion, header, claims)
    else:
        _check_federated_assertion(tenant, assertion, claims)


def _check_certificate_assertion(
    tenant: Tenant, request: Request, assertion: str, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    if missing := [name for name in ("aud", "exp", "jti", "sub") if not claims.get(name)]:
        raise EntraError(50027, reason=f"The claim {missing[0]} is missing.")
    if claims["sub"] != tenant.client_id:
        raise EntraError(50027, reason="The subject is not the issuer.")
    audiences = [
        f"{request.base}/{name}/{end}"
        for name in (tenant.tenant_id, tenant.domain)
        for end in ("oauth2/v2.0/token", "v2.0")
    ]
    if claims["aud"] not in audiences:
        raise EntraError(700023)
    certificate = _signing_certificate(tenant, header)
    _check_signature(assertion, certificate.public_key(), _thumbprint(certificate))
    _check_times(claims)


def _check_federated_assertion(tenant: Tenant, assertion: str, claims: dict[str, Any]) -> None:
    issuer, subject = str(claims.get("iss", "")), str(claims.get("sub", ""))
    if issuer not in {known for known, _ in tenant.federations}:
        raise EntraError(700211, issuer=issuer)
    if claims.get("aud") not in (_EXCHANGE_AUDIENCE, [_EXCHANGE_AUDIENCE]):
        raise EntraError(700212, audience=str(claims.get("aud")))
    if (issuer, subject) not in tenant.federations:
        raise EntraError(700213, subject=subject)
    key = serialization.load_pem_public_key(tenant.federations[issuer, subject])
    _check_signature(assertion, key, "")
    _check_times(claims)


def _signing_certificate(tenant: Tenant, header: dict[str, Any]) -> x509.Certificate:
    """Return the certificate that the header names: registered, or in ``x5c`` and with a trusted name."""
    thumbprints = {str(header[name]).rstrip("=") for name in ("x5t", "x5t#S256") if name in header}
    try:
        chain = [x509.load_der_x509_certificate(base64.b64decode(der)) for der in header.get("x5c", [])]
    except (ValueError, TypeError):
        raise EntraError(50027, reason="The header x5c does not contain valid certificates.") from None
    registered = [x509.load_pem_x509_certificate(pem) for pem in tenant.certificates]
    found = _find_certificate(thumbprints, registered)
    if found is None and tenant.subjects and _find_certificate(thumbprints, chain[:1]) is not None:
        _check_subject_name(tenant, chain)
        found = chain[0]
    if found is None:
        raise EntraError(700027, reason="The key was not found.", thumbprint=", ".join(thumbprints))
    if found.not_valid_after_utc.timestamp() < time.time():
        raise EntraError(700027, reason="The key used is expired.", thumbprint=_thumbprint(found))
    return found


def _find_certificate(
    thumbprints: set[str], certificates: Iterable[x509.Certificate]
) -> x509.Certificate | None:
    for certificate in certificates:
        der = certificate.public_bytes(serialization.Encoding.DER)
        prints = {hashlib.sha1(der).digest(), hashlib.sha256(der).digest()}  # noqa: S324 - x5t is SHA-1
        if thumbprints & {base64.urlsafe_b64encode(digest).decode().rstrip("=") for digest in prints}:
            return certificate
    return None


def _check_subject_name(tenant: Tenant, chain: list[x509.Certificate]) -> None:
    """Check subject name and issuer: https://github.com/AzureAD/microsoft-authentication-library-for-python/issues/60."""
    subject = str(chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    issuer = tenant.subjects.get(subject)
    try:
        if issuer is None:
            raise EntraError(700030, subject=subject)
        issuers = [*chain[1:], x509.load_pem_x509_certificate(issuer)]
        for certificate, parent in zip(chain, issuers, strict=True):
            if certificate != parent:
                certificate.verify_directly_issued_by(parent)
    except (InvalidSignature, ValueError, TypeError):
        raise EntraError(700030, subject=subject) from None


def _check_signature(assertion: str, key: Any, thumbprint: str) -> None:
    signature_only = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    try:
        jwt.decode(assertion, key, algorithms=["RS256", "PS256"], options=signature_only)  # type: ignore[arg-type] # PyJWT documents this mapping, its types are narrower
    except jwt.InvalidTokenError:
        reason = "The key was found, but use of the key to verify the signature failed."
        raise EntraError(700027, reason=reason, thumbprint=thumbprint) from None


def _check_times(claims: dict[str, Any]) -> None:
    end = float(claims.get("exp", 0))
    start = float(claims.get("nbf", claims.get("iat", 0)))
    if not start - _CLOCK_SKEW <= time.time() <= end + _CLOCK_SKEW:
        raise EntraError(700024, **validity(start, end))


def _thumbprint(certificate: x509.Certificate) -> str:
    der = certificate.public_bytes(serialization.Encoding.DER)
    return hashlib.sha1(der).hexdigest().upper()  # noqa: S324 - Entra shows the SHA-1
