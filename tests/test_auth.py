"""A connection becomes tokens, at an authority that MSAL really talks to."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import datetime as dt
import json
from threading import Thread

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveAuthError
from airflow_provider_drive.hooks.drive import DriveHook

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def read(plan, ids):
    """Read an item with a new hook, and so with a login."""
    return lambda: DriveHook().get_item(ids(plan))["name"]


def test_a_client_secret_logs_in(connection, read, asked):
    assert read() == "plan.txt"
    assert asked("token") == ["GET token", "POST token"]


def test_a_process_asks_for_one_token_for_a_connection(connection, read, asked):
    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert asked("token") == ["GET token", "POST token"]


def test_another_connection_has_its_own_token(connect, read, asked):
    connect()
    read()
    connect(user_agent_company="Contoso")
    read()

    assert asked("token").count("POST token") == 2


def test_the_token_is_for_the_connections_scopes(connection, read, tenant, emulator):
    read()

    (call,) = tenant.calls("POST", where="token")
    assert f"{emulator.port}%2F.default" in call.body.decode()


def test_a_token_that_is_refused_is_replaced_by_all_hooks_at_once(connection, read, tenant):
    first, second = DriveHook(), DriveHook()
    first.request("GET", "/sites/root")
    second.request("GET", "/sites/root")
    tenant.revoke_tokens()
    first.request("GET", "/sites/root")
    second.request("GET", "/sites/root")

    assert len(tenant.calls("POST", where="token")) == 2


# What is missing or wrong


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"login": ""}, "login"),
        ({"password": ""}, "password"),
        ({"tenant_id": None}, "tenant_id"),
        ({"auth_type": "certificate"}, "certificate_path"),
        ({"auth_type": "password"}, "auth_type"),
        ({"auth_type": "certificate", "private_key": "no key"}, "private key"),
        ({"certificate_path": "/no/such/file.pem"}, "certificate_path"),
    ],
)
def test_what_a_login_needs_is_named_before_anything_is_sent(connect, read, asked, fields, named):
    connect(**fields)

    with pytest.raises(DriveAuthError, match=named):
        read()

    assert asked() == []


def test_a_wrong_secret_is_told_in_the_authoritys_words_and_without_the_secret(connect, read, helpers):
    connect(password="not-the-secret-at-all")

    with pytest.raises(DriveAuthError, match=r"AADSTS7000215.*password.*expired") as caught:
        read()

    assert "not-the-secret-at-all" not in helpers.told(caught.value)


def test_a_wrong_tenant_is_told_with_the_setting(connect, read):
    connect(tenant_id="fabrikam.example")

    with pytest.raises(DriveAuthError, match="tenant_id"):
        read()


def test_a_wrong_client_id_is_told_with_the_setting(connect, read):
    connect(login="00000000-0000-0000-0000-000000000000")

    with pytest.raises(DriveAuthError, match=r"AADSTS700016.*login"):
        read()


def test_a_wrong_scope_is_told_with_the_setting(connect, read):
    connect(scopes="https://graph.microsoft.com/Files.Read")

    with pytest.raises(DriveAuthError, match="scopes"):
        read()


def test_an_authority_of_an_unknown_certificate_is_told_with_verify(connect, read, asked, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    connect(verify=str(tmp_path / "other.pem"))

    with pytest.raises(DriveAuthError, match="verify"):
        read()

    assert asked() == []


@pytest.mark.parametrize("kind", ["html", "garbage", "huge", "nested", "truncate"])
@pytest.mark.parametrize("method", ["GET", "POST"], ids=["discovery", "token"])
def test_an_authority_that_answers_nonsense_is_an_error_of_the_login(connection, read, tenant, kind, method):
    tenant.faults.append(Fault(method, where="token", kind=kind, times=20))

    with pytest.raises(DriveAuthError, match="No token could be had"):
        read()


def test_an_authority_that_fails_once_is_asked_again(connection, read, tenant):
    tenant.faults.append(Fault("POST", where="token", kind="status", status=503))

    assert read() == "plan.txt"


def test_the_environments_bundle_does_not_override_the_connection(connect, read, monkeypatch):
    connect()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")

    assert read() == "plan.txt"


# Certificates


class Certificate:
    """A key and its certificate, which the application is registered with."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "drive")])
        now = dt.datetime.now(dt.UTC)
        self.certificate = (
            x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .sign(self.key, hashes.SHA256())
        )
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.thumbprint = self.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  # Entra's own

    def key_pem(self, passphrase=None):
        kind = (
            serialization.BestAvailableEncryption(passphrase.encode())
            if passphrase
            else serialization.NoEncryption()
        )
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, kind).decode()

    def pfx(self, passphrase):
        kind = serialization.BestAvailableEncryption(passphrase.encode())
        return pkcs12.serialize_key_and_certificates(b"drive", self.key, self.certificate, None, kind)


@pytest.fixture(scope="module")
def certificate():
    return Certificate()


@pytest.fixture
def registered(tenant, certificate):
    tenant.register_certificate(certificate.pem)
    return certificate


def test_a_pem_file_logs_in(connect, read, tenant, registered, tmp_path):
    path = tmp_path / "drive.pem"
    path.write_text(registered.key_pem() + registered.pem)
    connect(password="", certificate_path=str(path))

    assert read() == "plan.txt"
    assert b"client_assertion=" in tenant.calls("POST", where="token")[0].body


def test_a_pem_in_the_connection_logs_in(connect, read, registered):
    connect(password="", private_key=registered.key_pem() + registered.pem)

    assert read() == "plan.txt"


def test_an_encrypted_pem_logs_in_with_its_passphrase(connect, read, registered):
    connect(password=PASSPHRASE, private_key=registered.key_pem(PASSPHRASE) + registered.pem)

    assert read() == "plan.txt"


def test_a_pfx_file_logs_in_with_its_passphrase(connect, read, registered, tmp_path):
    (tmp_path / "drive.pfx").write_bytes(registered.pfx(PASSPHRASE))
    connect(password=PASSPHRASE, certificate_path=str(tmp_path / "drive.pfx"))

    assert read() == "plan.txt"


@pytest.mark.parametrize("separator", ["", ":"])
def test_a_key_and_a_thumbprint_log_in(connect, read, registered, separator):
    digits = registered.thumbprint
    thumbprint = separator.join(digits[place : place + 2] for place in range(0, len(digits), 2))
    connect(password="", private_key=registered.key_pem(), thumbprint=thumbprint)

    assert read() == "plan.txt"


def test_a_key_alone_is_told_what_is_missing(connect, read, asked, registered):
    connect(password="", private_key=registered.key_pem())

    with pytest.raises(DriveAuthError, match="thumbprint"):
        read()

    assert asked() == []


@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_a_wrong_passphrase_is_an_error_of_the_login(connect, read, helpers, registered, tmp_path, form):
    (tmp_path / "drive").write_bytes(
        registered.pfx(PASSPHRASE)
        if form == "pfx"
        else (registered.key_pem(PASSPHRASE) + registered.pem).encode()
    )
    connect(password="not-the-passphrase", certificate_path=str(tmp_path / "drive"))

    with pytest.raises(DriveAuthError) as caught:
        read()

    assert "not-the-passphrase" not in helpers.told(caught.value)


def test_a_certificate_that_is_not_registered_is_told_with_the_setting(connect, read, helpers, certificate):
    pem = certificate.key_pem() + certificate.pem
    connect(password="", private_key=pem)

    with pytest.raises(DriveAuthError, match=r"AADSTS700027.*certificate") as caught:
        read()

    assert certificate.key_pem()[40:100] not in helpers.told(caught.value)


def test_nothing_of_the_login_is_in_the_log(connection, read, log, secrets_of):
    read()

    assert json.dumps(log.lines)
    assert [secret for secret in secrets_of() if secret in log.text] == []
