# ruff: noqa: PLR0917 - pytest passes fixtures by their names
import datetime as dt
import time

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from airflow_provider_drive.emulator.state.directory import guid

JWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


ME, TENANT = guid("application"), guid("tenant")


VALID = {"iss": ME, "sub": ME, "exp": 4_000_000_000, "jti": "1"}


def codes(response):
    return response.json()["error"], response.json()["error_codes"]


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def pem(key):
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain).decode()


@pytest.fixture(scope="module")
def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


@pytest.fixture
def registered(tenant, certificate):
    text = certificate.public_bytes(serialization.Encoding.PEM)
    tenant.register_certificate(text)
    return text.decode()


def test_a_registered_certificate_logs_in(log_in, pem, registered, certificate):
    assert "access_token" in log_in({"private_key": pem, "public_certificate": registered})
    sha1 = certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - x5t is SHA-1
    assert "access_token" in log_in({"private_key": pem, "thumbprint": sha1})


def test_a_certificate_that_is_not_registered_is_refused(log_in, pem, certificate):
    text = certificate.public_bytes(serialization.Encoding.PEM).decode()
    assert log_in({"private_key": pem, "public_certificate": text})["error_codes"] == [700027]


def test_a_signature_of_another_key_is_refused(log_in, registered):
    other = rsa.generate_private_key(65537, 2048)
    plain = serialization.NoEncryption()
    pem = other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    response = log_in({"private_key": pem, "public_certificate": registered})
    assert response["error_codes"] == [700027]


def assertion(key, certificate, **claims):
    thumbprint = jwt.utils.base64url_encode(certificate.fingerprint(hashes.SHA256())).decode()
    return jwt.encode(claims, key, "PS256", headers={"x5t#S256": thumbprint})


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({}, None),
        ({"aud": "https://elsewhere.example"}, 700023),
        ({"exp": 1}, 700024),
        ({"nbf": 4_000_000_000, "exp": 4_000_000_600}, 700024),
        ({"sub": "someone"}, 50027),
        ({"jti": ""}, 50027),
        ({"iss": "someone"}, 700211),
    ],
)
def test_the_claims_of_an_assertion_are_checked(
    tenant, emulator, log_in, key, certificate, registered, change, number
):
    me, endpoint = tenant.client_id, f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    exp = int(time.time()) + 60
    claims = {"aud": endpoint, "exp": exp, "iss": me, "sub": me, "jti": "unique", **change}
    response = log_in({"client_assertion": lambda: assertion(key, certificate, **claims)})
    assert response.get("error_codes", [None]) == [number]


def test_a_token_of_a_trusted_issuer_logs_in(tenant, log_in, key):
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    tenant.trust_issuer("https://cluster.example", "system:serviceaccount:airflow:worker", public)
    claims = {
        "iss": "https://cluster.example",
        "sub": "system:serviceaccount:airflow:worker",
        "exp": time.time() + 60,
    }
    good = jwt.encode({**claims, "aud": "api://AzureADTokenExchange"}, key, "RS256")
    assert "access_token" in log_in({"client_assertion": lambda: good})
    bad = jwt.encode({**claims, "aud": "other"}, key, "RS256")
    assert "access_token" not in log_in({"client_assertion": lambda: bad})


@pytest.mark.parametrize(
    ("kind", "claims", "header", "number"),
    [
        ("urn:ietf:params:oauth:client-assertion-type:saml2-bearer", {}, {}, 50027),
        (JWT, None, {}, 50027),
        (JWT, {"iss": "nobody"}, {}, 700211),
        (JWT, {"iss": ME, "aud": "x", "exp": 1, "sub": ME, "jti": "1"}, {}, 700023),
        (JWT, VALID, {"x5c": ["no certificate"]}, 50027),
        (JWT, VALID, {"x5c": 5}, 50027),
        (JWT, VALID, {"x5t": "unknown"}, 700027),
    ],
)
def test_a_malformed_assertion_is_refused(post_form, emulator, kind, claims, header, number):
    assertion = "nonsense"
    if claims is not None:
        claims = {**claims, "aud": claims.get("aud") or f"{emulator.url}/{TENANT}/v2.0"}
        assertion = jwt.encode(claims, "a key that is long enough for it", "HS256", headers=header)
    response = post_form(
        "token", client_assertion=assertion, client_assertion_type=kind, grant_type="refresh_token"
    )
    assert codes(response) == ("invalid_client", [number])
