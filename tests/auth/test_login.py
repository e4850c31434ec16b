"""Logins with MSAL at the emulated authority."""

import gc
import json
from threading import Thread

import pytest
import trustme

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveAuthError
from airflow_provider_drive.hooks.drive import DriveHook


def test_a_client_secret_logs_in(connection, read, asked):
    assert read() == "plan.txt"
    assert asked("token") == ["GET token", "POST token"]


def test_a_process_requests_one_token_per_connection(connection, read, asked):
    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert asked("token") == ["GET token", "POST token"]


def test_each_connection_has_its_own_token(connect, read, asked):
    connect()
    read()
    connect(user_agent_company="Contoso")
    read()

    assert asked("token").count("POST token") == 2


def test_the_token_is_requested_for_the_connections_scopes(connection, read, tenant, emulator):
    read()

    (call,) = tenant.calls("POST", where="token")
    assert f"{emulator.port}%2F.default" in call.body.decode()


def test_hooks_replace_a_refused_token_with_one_request(connection, read, tenant):
    first, second = DriveHook(), DriveHook()
    first.request("GET", "/sites/root")
    second.request("GET", "/sites/root")
    tenant.revoke_tokens()
    first.request("GET", "/sites/root")
    second.request("GET", "/sites/root")

    assert len(tenant.calls("POST", where="token")) == 2


# Missing and invalid fields


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"login": ""}, "login"),
        ({"password": ""}, "password"),
        ({"tenant_id": None}, "tenant_id"),
        ({"auth_type": "certificate"}, "certificate_path"),
        ({"auth_type": "password"}, "auth_type"),
        ({"auth_type": "certificate", "private_key": "no key"}, "private_key"),
        ({"certificate_path": "/no/such/file.pem"}, "certificate_path"),
    ],
)
def test_a_missing_field_is_named_before_any_request(connect, read, asked, fields, named):
    connect(**fields)

    with pytest.raises(DriveAuthError, match=named):
        read()

    assert asked() == []


def test_a_wrong_client_secret_raises_the_authoritys_error_without_the_secret(connect, read, helpers):
    connect(password="not-the-secret-at-all")

    with pytest.raises(DriveAuthError, match=r"AADSTS7000215.*password.*expired") as caught:
        read()

    assert "not-the-secret-at-all" not in helpers.told(caught.value)


def test_a_wrong_tenant_raises_an_error_that_names_tenant_id(connect, read):
    connect(tenant_id="fabrikam.example")

    with pytest.raises(DriveAuthError, match="tenant_id"):
        read()


def test_a_wrong_client_id_raises_an_error_that_names_the_login_field(connect, read):
    connect(login="00000000-0000-0000-0000-000000000000")

    with pytest.raises(DriveAuthError, match=r"AADSTS700016.*login"):
        read()


def test_a_wrong_scope_raises_an_error_that_names_scopes(connect, read):
    connect(scopes="https://graph.microsoft.com/Files.Read")

    with pytest.raises(DriveAuthError, match="scopes"):
        read()


def test_an_untrusted_authority_certificate_raises_an_error_that_names_verify(connect, read, asked, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    connect(verify=str(tmp_path / "other.pem"))

    with pytest.raises(DriveAuthError, match="verify"):
        read()

    assert asked() == []


@pytest.mark.parametrize("kind", ["html", "garbage", "huge", "nested", "truncate"])
@pytest.mark.parametrize("method", ["GET", "POST"], ids=["discovery", "token"])
def test_an_invalid_answer_of_the_authority_raises_a_drive_auth_error(connection, read, tenant, kind, method):
    tenant.faults.append(Fault(method, where="token", kind=kind, times=20))
    gc.collect()  # what earlier tests left must not be finalized at the bottom of a deep recursion

    with pytest.raises(DriveAuthError, match="Could not get a token"):
        read()


def test_a_token_request_is_retried_after_a_server_error(connection, read, tenant):
    tenant.faults.append(Fault("POST", where="token", kind="status", status=503))

    assert read() == "plan.txt"


def test_the_connections_ca_bundle_overrides_the_environments(connect, read, monkeypatch):
    connect()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")

    assert read() == "plan.txt"


def test_logs_contain_no_secrets_of_the_login(connection, read, log, secret_parts):
    read()

    assert json.dumps(log.lines)
    assert [secret for secret in secret_parts() if secret in log.text] == []
