"""The report of a connection test, and the field that each failure names."""

import re
import socket

import pytest
import urllib3
from transport.proxy import Proxy

from airflow_provider_drive.auth.error_hints import AADSTS
from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.emulator.entra.errors import ERRORS as ENTRA_ERRORS
from airflow_provider_drive.hooks.drive import DriveHook


@pytest.fixture
def press(secret_parts, tenant, monkeypatch):
    """Test the connection, and check that the report contains no secrets."""
    monkeypatch.setattr(urllib3.Retry, "get_backoff_time", lambda _: 0.0)  # between tries for a token

    def tell():
        fine, message = DriveHook().test_connection()
        assert [secret for secret in {*secret_parts(), *tenant.grants} if secret in message] == []
        return fine, message

    return tell


@pytest.fixture
def nowhere():
    """An address on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


# Success


def test_the_report_names_the_app_tenant_cloud_drive_and_permissions(connection, press, tenant, emulator):
    fine, message = press()

    assert fine
    assert message == (
        f"Logged in as the app Archivist ({tenant.client_id}) to the tenant {tenant.tenant_id} in the cloud "
        f"{emulator.url}. Read the root site's drive, "
        "https://contoso.sharepoint.com/Shared%20Documents. "
        "The token carries Files.ReadWrite.All, Sites.Read.All."
    )


def test_a_tenant_given_by_domain_is_reported_with_its_id(connect, press, tenant):
    connect(tenant_id=tenant.domain)

    assert f"to the tenant {tenant.domain} ({tenant.tenant_id}) in" in press()[1]


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        (["Sites.ReadWrite.All"], "carries Sites.ReadWrite.All."),
        (["Sites.FullControl.All", "User.Read.All"], "carries Sites.FullControl.All."),
        (["Files.ReadWrite.All"], "Addresses that name a site need Sites.Read.All, which is missing."),
        (["Sites.Selected"], "only where an administrator has granted this app write access."),
    ],
)
def test_the_connection_test_passes_for_an_app_that_may_write(
    connection, press, tenant, permissions, expected
):
    tenant.permissions = permissions

    fine, message = press()

    assert fine
    assert message.endswith(expected)


@pytest.mark.parametrize("permissions", [["Files.Read.All", "Sites.Read.All"], [], ["Mail.Read"]])
def test_the_connection_test_fails_for_an_app_that_may_not_write(connection, press, tenant, permissions):
    tenant.permissions = permissions

    fine, message = press()

    assert not fine
    assert "Copies and moves need Files.ReadWrite.All or Sites.ReadWrite.All, which is missing" in message


@pytest.mark.parametrize(("status", "code"), [(403, "accessDenied"), (404, "itemNotFound")])
def test_the_connection_test_passes_if_only_the_root_site_is_unreadable(
    connection, press, tenant, status, code
):
    tenant.faults.append(Fault("GET", "/sites/root", status=status))

    fine, message = press()

    assert fine
    assert (
        f"Could not read the root site's drive (HTTP {status} {code}); copies and moves in other" in message
    )


def test_the_report_names_the_user_the_app_and_the_users_drive(connect, press, tenant):
    connect(auth_type="refresh_token", refresh_token=tenant.refresh_token)
    tenant.permissions = ["Files.ReadWrite"]

    fine, message = press()

    assert fine
    assert f"as the user {tenant.me.address} through the app Archivist" in message
    assert f"Read the user's own drive, {tenant.me.drive.web_url}." in message
    assert "Files.ReadWrite allows copies and moves in this user's own drive." in message


def test_the_user_of_a_personal_account_is_reported_from_the_drives_owner(connect, press, tenant):
    connect(auth_type="refresh_token", refresh_token=tenant.consumer_refresh_token, tenant_id="consumers")
    tenant.opaque_tokens = True

    fine, message = press()

    assert fine
    assert message.startswith("Logged in as the user User Two to the tenant consumers in the cloud ")
    assert message.endswith("The token does not list its permissions: tokens of personal accounts never do.")


def test_the_connection_test_fails_if_a_personal_drive_cannot_be_read(connect, press, tenant):
    connect(auth_type="refresh_token", refresh_token=tenant.consumer_refresh_token, tenant_id="consumers")
    tenant.opaque_tokens = True
    tenant.faults.append(Fault("GET", "/me/drive", status=403))

    fine, message = press()

    assert not fine
    assert "Logged in as a user" in message


# Failures


@pytest.mark.parametrize("code", sorted(AADSTS.keys() & ENTRA_ERRORS.keys()))
def test_each_error_of_the_authority_is_reported_with_its_advice(connection, press, tenant, code):
    tenant.faults.append(Fault("POST", where="token", code=f"AADSTS{code}", times=4))

    fine, message = press()

    assert not fine
    assert f"AADSTS{code}: " in message
    assert AADSTS[code] in message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"password": "wrong"}, "AADSTS7000215: .*connection's password is not a client secret of this app"),
        ({"login": "00000000-0000-0000-0000-000000000000"}, "AADSTS700016: .*connection's login"),
        ({"tenant_id": "fabrikam.example"}, "AADSTS90002: Tenant 'fabrikam.example' not found.*tenant_id"),
        (
            {"scopes": "https://graph.microsoft.com/Files.Read"},
            "AADSTS1002012: .*clear the connection's scopes",
        ),
        ({"cloud": "mars"}, "Invalid `cloud` in the connection: .*got 'mars'"),
        ({"password": ""}, "connection has no password"),
        ({"verify": "/no/such/ca.pem"}, "connection's verify"),
    ],
)
def test_an_invalid_field_is_named_in_the_report(connect, press, fields, expected):
    connect(**fields)

    fine, message = press()

    assert not fine
    assert_told(message, expected)


@pytest.fixture
def proxy(emulator):
    """A company proxy that inspects TLS with its own certificate authority."""
    with Proxy(emulator.ca_file) as running:
        yield running


def test_a_tls_inspecting_proxy_is_reported_with_the_field_verify(connect, press, proxy):
    connect(proxies={"https": proxy.url})

    assert_told(press()[1], "unable to get local issuer certificate.*connection's verify to the path")


def test_a_proxy_that_requires_a_login_is_reported_with_the_field_proxies(connect, press, proxy):
    proxy.credentials = "ann:guessed-by-nobody"
    connect(proxies={"https": proxy.url})

    assert_told(press()[1], r"the proxy answered 407 .*http://user:password@host:port in .*proxies")


def test_a_proxy_that_refuses_connections_is_reported_with_the_field_proxies(connect, press, proxy):
    proxy.refusal = 502
    connect(proxies={"https": proxy.url})

    assert_told(press()[1], r"\(the proxy answered 502 Bad Gateway\)\. Check the connection's proxies")


def test_a_missing_managed_identity_endpoint_is_reported_with_the_field_auth_type(
    connect, press, nowhere, monkeypatch
):
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://{nowhere}")
    connect(auth_type="managed_identity", login="", password="")

    assert_told(
        press()[1], "no answer from this machine's managed identity endpoint .* choose another auth_type"
    )


def test_an_unreachable_proxy_is_reported_with_the_field_proxies(connect, press, nowhere):
    connect(proxies={"https": f"http://{nowhere}"})

    assert_told(
        press()[1], r"no answer from https://localhost:\d+ \(Connection refused\).*connection's proxies"
    )


def test_an_unreachable_authority_is_reported(connect, press, nowhere):
    connect(authority=f"https://{nowhere}")

    assert_told(press()[1], rf"no answer from https://{nowhere} \(Connection refused\). Check the network")


def test_an_unresolvable_authority_is_reported_with_the_fields_that_name_hosts(connect, press):
    connect(authority="https://login.invalid")

    assert_told(
        press()[1], r"no answer from https://login.invalid \(.+\). Check the connection's host, authority"
    )


def test_a_slow_authority_is_reported_with_the_field_timeout(connect, press, tenant):
    connect(timeout=0.05)
    tenant.faults.append(Fault("GET", where="token", kind="delay", seconds=0.5, times=4))

    assert_told(press()[1], "no answer from .* raise the connection's timeout")


def test_an_unreachable_graph_is_reported(connect, press, nowhere):
    connect(host=f"https://{nowhere}", scopes="https://graph.microsoft.com/.default")

    assert_told(
        press()[1], "Could not read the root site's drive: no answer from 127.0.0.1 .*Connection refused"
    )


def test_a_token_that_graph_refuses_is_reported_with_the_field_scopes(connection, press, tenant):
    tenant.faults.append(Fault("GET", where="graph", status=401, times=2))

    assert_told(press()[1], "HTTP 401: InvalidAuthenticationToken(?s:.*) cloud, host, scopes and tenant_id")


def assert_told(message, pattern):
    assert re.search(pattern, message), message
