"""Managed identities, workload identities, and what all app logins share."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import time
from pathlib import Path

import pytest
from auth.conftest import ISSUER, SUBJECT

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveAuthError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.settings import Settings

NOTHING = {"login": "", "password": "", "tenant_id": None}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "client_secret"),
        ({"client_secret": "x"}, "client_secret"),
        ({"certificate_path": "x", "client_secret": "x"}, "certificate"),
        ({"private_key": "x"}, "certificate"),
        ({"federated_token_file": "x"}, "workload_identity"),
        ({"refresh_token": "x", "private_key": "x", "client_secret": "x"}, "refresh_token"),
        ({"auth_type": "managed_identity", "client_secret": "x"}, "managed_identity"),
    ],
)
def test_the_auth_type_is_derived_from_the_fields_that_are_set(fields, kind):
    assert Settings(**fields).login_kind == kind


def test_an_unknown_auth_type_raises_an_error_that_lists_the_known_ones(connect, read, asked):
    connect(auth_type="kerberos")

    with pytest.raises(
        DriveAuthError, match=r"must be one of client_secret, certificate, man.*got 'kerberos'"
    ):
        read()

    assert asked() == []


def test_an_expired_client_secret_raises_an_error_that_says_so(connect, read, tenant):
    tenant.expired_secrets.add("last year's secret")
    connect(password="last year's secret")

    with pytest.raises(DriveAuthError, match=r"AADSTS7000222.*password"):
        read()


@pytest.mark.parametrize("name", ["common", "consumers", "organizations"])
def test_app_logins_do_not_work_with_multi_tenant_names(connect, read, name):
    connect(tenant_id=name)

    with pytest.raises(DriveAuthError, match=r"AADSTS9001023.*tenant_id"):
        read()


# The authority


@pytest.mark.parametrize("kind", ["secret", "refresh token"])
def test_credentials_are_not_sent_to_a_token_endpoint_on_another_host(
    connect, read, tenant, foreign, asked, kind
):
    tenant.token_base = f"https://localhost:{foreign.port}"
    connect(**({"password": "", "refresh_token": tenant.refresh_token} if kind == "refresh token" else {}))

    with pytest.raises(
        DriveAuthError, match=r"credential to be sent to another host, 'localhost', so nothing.*authority"
    ):
        read()

    assert foreign.tenant.calls() == []
    assert asked() == ["GET token"]


# Managed identities


def test_a_system_assigned_identity_of_a_virtual_machine_logs_in(connect, read, tenant, machine):
    connect(auth_type="managed_identity", **NOTHING)

    assert read() == "plan.txt"
    (call,) = tenant.calls(where="token")
    assert (call.method, call.path) == ("GET", "/metadata/identity/oauth2/token")
    assert call.headers["metadata"] == "true"
    assert "client_id" not in call.query


def test_a_system_assigned_identity_of_app_service_logs_in(connect, read, tenant, app_service):
    connect(auth_type="managed_identity", **NOTHING)

    assert read() == "plan.txt"
    (call,) = tenant.calls(where="token")
    assert call.headers["x-identity-header"] == tenant.identity_header


@pytest.mark.parametrize("place", ["machine", "app_service"])
@pytest.mark.parametrize("which", ["client id", "resource id"])
def test_a_user_assigned_identity_logs_in(connect, read, tenant, request, place, which):
    request.getfixturevalue(place)
    client_id, _, resource_id = tenant.user_identities
    tenant.system_identity = None
    name = client_id if which == "client id" else resource_id
    connect(auth_type="managed_identity", **{**NOTHING, "login": name})

    assert read() == "plan.txt"


@pytest.mark.parametrize("place", ["machine", "app_service"])
def test_a_missing_managed_identity_raises_an_error_that_names_the_login_field(
    connect, read, tenant, request, place
):
    request.getfixturevalue(place)
    connect(auth_type="managed_identity", **{**NOTHING, "login": "00000000-0000-0000-0000-000000000000"})

    with pytest.raises(
        DriveAuthError, match=r"(Identity not found|No User Assigned).*The connection's login"
    ):
        read()


def test_a_wrong_identity_header_raises_an_error_that_does_not_quote_it(
    connect, read, app_service, monkeypatch, helpers
):
    monkeypatch.setenv("IDENTITY_HEADER", "not-the-header")
    connect(auth_type="managed_identity", **NOTHING)

    with pytest.raises(DriveAuthError, match=r"401.*managed identity") as caught:
        read()

    assert "not-the-header" not in helpers.told(caught.value)


def test_an_unreachable_managed_identity_endpoint_raises_an_error_with_advice(connect, read, monkeypatch):
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    connect(auth_type="managed_identity", **NOTHING)

    with pytest.raises(
        DriveAuthError, match=r"this machine's managed identity endpoint \(.*choose another auth_type"
    ):
        read()


def test_the_managed_identity_endpoint_is_retried_while_it_is_updated(connect, read, tenant, machine):
    tenant.faults.append(Fault("GET", where="token", kind="status", status=410))
    connect(auth_type="managed_identity", **NOTHING)

    assert read() == "plan.txt"


# Workload identities


def test_a_workload_identity_logs_in_with_the_environment_variables_of_aks(
    connect, read, tenant, federated, monkeypatch
):
    monkeypatch.setenv("AZURE_TENANT_ID", tenant.tenant_id)
    monkeypatch.setenv("AZURE_CLIENT_ID", tenant.client_id)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", federated.path)
    connect(auth_type="workload_identity", **NOTHING)

    assert read() == "plan.txt"


def test_connection_fields_of_a_workload_identity_override_the_environment(
    connect, read, federated, monkeypatch
):
    monkeypatch.setenv("AZURE_TENANT_ID", "elsewhere.example")
    monkeypatch.setenv("AZURE_CLIENT_ID", "another")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", "/no/such/file")
    connect(password="", federated_token_file=federated.path)

    assert read() == "plan.txt"


def test_the_token_file_is_read_again_for_each_login(connect, tenant, federated, forms):
    connect(password="", federated_token_file=federated.path)
    hook = DriveHook()
    hook.request("GET", "/sites/root")
    first, second = Path(federated.path).read_text().strip(), federated.write(jti="the next one")
    tenant.revoke_tokens()
    hook.request("GET", "/sites/root")

    assert [form["client_assertion"] for form in forms()] == [first, second]
    assert first != second


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"iss": "https://elsewhere.example/"}, "AADSTS700211"),
        ({"aud": "api://AzureADTokenExchangeUSGov"}, "AADSTS700212"),
        ({"sub": "system:serviceaccount:airflow:other"}, "AADSTS700213"),
        ({"exp": 1}, "AADSTS700024"),
        ({"iat": time.time() + 10_000, "exp": time.time() + 20_000}, "AADSTS700024"),
    ],
)
def test_an_untrusted_federated_token_raises_the_authoritys_error(connect, read, federated, claims, expected):
    federated.write(**claims)
    connect(password="", federated_token_file=federated.path)

    with pytest.raises(DriveAuthError, match=rf"{expected}.*federated_token_file"):
        read()


def test_a_federated_token_signed_with_another_key_is_refused(connect, read, tenant, certificate, federated):
    tenant.trust_issuer(ISSUER, SUBJECT, certificate.public_pem)
    connect(password="", federated_token_file=federated.path)

    with pytest.raises(DriveAuthError, match="AADSTS700027"):
        read()


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_an_unreadable_token_file_raises_an_error_that_names_the_field(connect, read, tmp_path, content):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    connect(password="", federated_token_file=str(tmp_path / "token"))

    with pytest.raises(DriveAuthError, match=r"federated_token_file, and that the pod"):
        read()


def test_a_workload_identity_without_a_token_file_raises_before_any_request(connect, read, asked):
    connect(auth_type="workload_identity")

    with pytest.raises(DriveAuthError, match="no federated_token_file"):
        read()

    assert asked() == []


# Tokens that Graph refuses


@pytest.mark.parametrize("kind", ["machine", "workload", "user"])
def test_an_app_token_that_graph_refuses_is_replaced(connect, tenant, request, kind):
    fields = {
        "machine": lambda: {"auth_type": "managed_identity", **NOTHING},
        "workload": lambda: {"federated_token_file": request.getfixturevalue("federated").path},
        "user": lambda: {"refresh_token": tenant.refresh_token},
    }[kind]()
    request.getfixturevalue("machine")
    connect(**{"password": "", **fields})
    hook = DriveHook()
    hook.request("GET", "/sites/root")
    hook.request("GET", "/sites/root")
    tenant.revoke_tokens()

    assert hook.request("GET", "/sites/root").status == 200
    assert tenant.tokens_issued == 2
