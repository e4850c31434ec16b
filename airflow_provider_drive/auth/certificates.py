"""
Certificates, whose private keys sign the assertions that an app logs in with.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import base64
import binascii
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12

from airflow_provider_drive.exceptions import DriveAuthError

if TYPE_CHECKING:
    from airflow_provider_drive.settings import Settings

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_WHITESPACE = re.compile(r"(?:\\r|\\n|\s)+")
_SHA1_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Certificate:
    """
    A private key and its certificates.

    :param thumbprint: The certificate's SHA-256 thumbprint in hexadecimal digits, or SHA-1 if configured so.
    :param chain: The certificate and its issuers, as far as known.
    """

    key: RSAPrivateKey = field(repr=False)
    thumbprint: str
    chain: tuple[x509.Certificate, ...]

    def sign(self, client_id: str, audience: str, *, with_chain: bool = False) -> bytes:
        """
        Return a signed assertion, valid for ten minutes.

        :param audience: The authority's token endpoint.
        :param with_chain: Include the certificates (``x5c``), for an app that trusts a subject name and
            issuer instead of one certificate. Default is ``False``.
        """
        from msal.oauth2cli import JwtAssertionCreator  # noqa: PLC0415  # slow import: only for tasks that log in

        headers = {"x5c": [_encode_der(certificate) for certificate in self.chain]} if with_chain else {}
        is_sha1 = len(self.thumbprint) == _SHA1_DIGITS
        creator = JwtAssertionCreator(
            self.key,
            "RS256" if is_sha1 else "PS256",
            headers=headers,
            **{"sha1_thumbprint" if is_sha1 else "sha256_thumbprint": self.thumbprint},
        )
        signed: bytes = creator.create_normal_assertion(audience, client_id)
        return signed


def read_certificate(settings: Settings) -> Certificate:
    """
    Read a connection's certificate, PEM or PFX, from a file or from the connection itself.

    :raises DriveAuthError: If it cannot be read or is incomplete. The message names the field.
    """
    passphrase = settings.client_secret.encode()
    content = _load_content(settings)
    if b"-----BEGIN" in content:
        key, certificates = _read_pem(content, passphrase)
    else:
        key, certificates = _read_pfx(content, passphrase)
    if not isinstance(key, RSAPrivateKey):
        raise DriveAuthError(
            "Cannot use the connection's certificate: its key is not RSA, the only kind Entra ID accepts."
        )
    own = [certificate for certificate in certificates if certificate.public_key() == key.public_key()]
    others = [certificate for certificate in certificates if certificate not in own]
    return Certificate(key, _get_thumbprint(settings, own), (*own, *others))


def _load_content(settings: Settings) -> bytes:
    if text := settings.private_key:
        if "-----BEGIN" in text:
            return text.encode()
        try:
            return base64.b64decode(_WHITESPACE.sub("", text), validate=True)
        except (binascii.Error, ValueError):
            raise DriveAuthError(
                "Invalid `private_key` in the connection: must be the text of a PEM file, or a PFX file in "
                "base64."
            ) from None
    if not settings.certificate_path:
        raise DriveAuthError(
            "Could not get a token: the connection has no certificate_path or private_key (in the extra)."
        )
    try:
        return Path(settings.certificate_path).read_bytes()
    except OSError as error:
        raise DriveAuthError(f"Cannot read the connection's certificate_path: {error.strerror}.") from None


def _read_pem(content: bytes, passphrase: bytes) -> tuple[object, list[x509.Certificate]]:
    """Read a PEM, even if a one-line form field has removed its line breaks."""
    blocks = [(found[1], found[2]) for found in _BLOCK.finditer(content.decode("utf-8", "replace"))]
    keys = [_format_pem(label, body) for label, body in blocks if label.endswith("PRIVATE KEY")]
    if not keys:
        raise DriveAuthError("The connection's certificate contains no private key.")
    is_encrypted = b"ENCRYPTED" in keys[0]
    if is_encrypted and not passphrase:
        raise DriveAuthError(
            "The connection's private key is encrypted: set the connection's password to its passphrase."
        )
    failure = (
        f"Cannot read the connection's private key{_with_passphrase(passphrase if is_encrypted else b'')}."
    )
    try:
        key = serialization.load_pem_private_key(keys[0], passphrase if is_encrypted else None)
        failure = "Cannot read the connection's certificate."
        pems = [_format_pem(label, body) for label, body in blocks if label == "CERTIFICATE"]
        return key, [x509.load_pem_x509_certificate(pem) for pem in pems]
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DriveAuthError(failure) from None


def _read_pfx(content: bytes, passphrase: bytes) -> tuple[object, list[x509.Certificate]]:
    try:
        pfx = pkcs12.load_pkcs12(content, passphrase or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise DriveAuthError(
            f"Cannot read the connection's certificate{_with_passphrase(passphrase)}: it is neither PEM nor "
            "PFX."
        ) from None
    if pfx.key is None:
        raise DriveAuthError("The connection's certificate contains no private key.")
    bags = [*([pfx.cert] if pfx.cert else []), *pfx.additional_certs]
    return pfx.key, [bag.certificate for bag in bags]


def _with_passphrase(passphrase: bytes) -> str:
    return " with the passphrase in the connection's password" if passphrase else ""


def _format_pem(label: str, body: str) -> bytes:
    if ":" not in body:  # the old encrypted form has headers, where line breaks matter
        body = "\n{}\n".format("\n".join(textwrap.wrap(_WHITESPACE.sub("", body), 64)))
    return f"-----BEGIN {label}-----{body}-----END {label}-----\n".encode()


def _get_thumbprint(settings: Settings, own: list[x509.Certificate]) -> str:
    if settings.thumbprint:
        digits = settings.thumbprint.replace(":", "").replace(" ", "")
        if not re.fullmatch(r"(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})", digits):
            raise DriveAuthError(
                "Invalid `thumbprint` in the connection: must be 40 (SHA-1) or 64 (SHA-256) hex digits."
            )
        return digits
    if not own:
        raise DriveAuthError(
            "The connection has a private key without its certificate: add the certificate or set thumbprint."
        )
    return own[0].fingerprint(hashes.SHA256()).hex()


def _encode_der(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
