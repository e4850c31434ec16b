# ruff: noqa: PLR0917 - pytest passes fixtures by their names
import datetime as dt
import time

import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

SCOPES = ["https://graph.microsoft.com/.default"]


@pytest.fixture
def http(graph):
    graph.session.headers.clear()
    return graph.session


@pytest.fixture
def sign_in(emulator, tenant, http):
    def sign_in(credential, name=None, client_id=None, **options):
        authority = f"{emulator.url}/{name or tenant.tenant_id}"
        app = msal.ConfidentialClientApplication(
            client_id or tenant.client_id,
            client_credential=credential,
            authority=authority,
            http_client=http,
            **{"instance_discovery": False, **options},
        )
        return app.acquire_token_for_client(SCOPES)

    return sign_in


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


@pytest.mark.parametrize("name", ["61180fa8-1f46-5b96-b889-7e46a4ed2e75", "contoso.onmicrosoft.com"])
def test_a_secret_signs_in(graph, tenant, legal, sign_in, name):
    response = sign_in(tenant.client_secret, name)
    assert response["expires_in"] == 3600
    graph.token = response["access_token"]
    assert graph.token.count(".") == 2
    assert graph.get(f"drives/{legal.id}").status_code == 200


def test_discovery_answers_too(tenant, emulator, sign_in):
    url = f"{emulator.url}/common/discovery/instance"
    assert "access_token" in sign_in(tenant.client_secret, instance_discovery=url)


@pytest.mark.parametrize(
    ("credential", "client_id", "error", "number"),
    [
        ("wrong", None, "invalid_client", 7000215),
        ("wrong", "61180fa8-0000-0000-0000-000000000000", "unauthorized_client", 700016),
    ],
)
def test_a_wrong_secret_or_application_is_refused(sign_in, credential, client_id, error, number):
    response = sign_in(credential, client_id=client_id)
    assert (response["error"], response["error_codes"]) == (error, [number])
    assert response["error_description"].startswith(f"AADSTS{number}: ")


def test_credentials_may_be_in_the_header_form_encoded(emulator, tenant, http):
    url = f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": SCOPES[0]}

    def asked(secret):
        return http.post(url, form, auth=(tenant.client_id, secret)).json()

    assert "access_token" in asked(tenant.client_secret)
    assert "access_token" in asked(tenant.client_secret.replace("~", "%7E"))
    assert asked("wrong")["error_codes"] == [7000215]


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Basic //8="])
def test_a_header_that_cannot_be_read_names_no_application(emulator, tenant, http, header):
    url = f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": SCOPES[0]}
    response = http.post(url, form, headers={"Authorization": header})
    assert response.json()["error_codes"] == [700016]


def test_an_unknown_tenant_is_refused(emulator, tenant, http, sign_in):
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        sign_in(tenant.client_secret, "nowhere.onmicrosoft.com")
    body = http.post(f"{emulator.url}/nowhere/oauth2/v2.0/token").json()
    assert body["error_description"].startswith("AADSTS90002: ")


def test_a_certificate_signs_in(sign_in, pem, registered, certificate):
    assert "access_token" in sign_in({"private_key": pem, "public_certificate": registered})
    sha1 = certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - x5t is SHA-1
    assert "access_token" in sign_in({"private_key": pem, "thumbprint": sha1})


def test_a_certificate_that_is_not_registered_does_not(sign_in, pem, certificate):
    text = certificate.public_bytes(serialization.Encoding.PEM).decode()
    assert sign_in({"private_key": pem, "public_certificate": text})["error_codes"] == [700027]


def test_a_certificate_of_another_key_does_not(sign_in, registered):
    other = rsa.generate_private_key(65537, 2048)
    plain = serialization.NoEncryption()
    pem = other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    response = sign_in({"private_key": pem, "public_certificate": registered})
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
def test_an_assertion_is_read_closely(
    tenant, emulator, sign_in, key, certificate, registered, change, number
):
    me, endpoint = tenant.client_id, f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    exp = int(time.time()) + 60
    claims = {"aud": endpoint, "exp": exp, "iss": me, "sub": me, "jti": "one of a kind", **change}
    response = sign_in({"client_assertion": lambda: assertion(key, certificate, **claims)})
    assert response.get("error_codes", [None]) == [number]


def test_another_issuer_can_be_trusted(tenant, sign_in, key):
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
    assert "access_token" in sign_in({"client_assertion": lambda: good})
    bad = jwt.encode({**claims, "aud": "other"}, key, "RS256")
    assert "access_token" not in sign_in({"client_assertion": lambda: bad})


def test_a_refresh_token_gives_delegated_access(graph, tenant, emulator, http):
    app = msal.PublicClientApplication(
        tenant.client_id,
        authority=f"{emulator.url}/{tenant.tenant_id}",
        http_client=http,
        instance_discovery=False,
    )
    response = app.acquire_token_by_refresh_token(tenant.refresh_token, ["Files.ReadWrite.All"])
    graph.token = response["access_token"]
    assert graph.get("me/drive").status_code == 200
    assert app.acquire_token_by_refresh_token("old", ["Files.ReadWrite.All"])["error"] == "invalid_grant"


def test_a_managed_identity_signs_in(graph, emulator, tenant, legal, http, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{emulator.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", tenant.identity_header)
    client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=http)
    graph.token = client.acquire_token_for_client(resource="https://graph.microsoft.com")["access_token"]
    assert graph.get(f"drives/{legal.id}").status_code == 200
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=http)
    assert "error" in client.acquire_token_for_client(resource="https://graph.microsoft.com")


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_no_token_no_drive(graph, legal, token, recorded):
    graph.token = token
    response = graph.get(f"drives/{legal.id}")
    expected = recorded("op-401-invalid-token")
    assert response.status_code == expected["status"]
    assert response.json()["error"]["code"] == expected["body"]["error"]["code"]
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm=""')


def test_tokens_end(graph, tenant, legal):
    graph.token = tenant.issue_token(lifetime=-1)
    assert "expired" in graph.get(f"drives/{legal.id}").json()["error"]["message"]
    graph.token = tenant.issue_token()
    assert graph.get(f"drives/{legal.id}").status_code == 200
    tenant.revoke_tokens()
    assert graph.get(f"drives/{legal.id}").status_code == 401
    assert tenant.tokens_issued == 3  # the client's own one, too


def test_only_who_trusts_the_authority_gets_in(emulator):
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(emulator.url, timeout=5)
        response = session.get(
            emulator.url.replace("localhost", "127.0.0.1"), verify=emulator.ca_file, timeout=5
        )
        assert response.status_code == 401
