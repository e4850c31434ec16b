"""Tokens are sent to Graph's host only, whatever an answer says. The `foreign` host records requests."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import io

import pytest
import requests

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import DriveAuthError, DriveItemNotFoundError, DriveResponseError
from airflow_provider_drive.protocol.items.transfer import SIMPLE_UPLOAD_LIMIT

REDIRECTS = [302, 307]  # the second one keeps method and body


@pytest.fixture(params=["localhost", "127.0.0.1"])
def elsewhere(foreign, request):
    """Addresses of the foreign host: on another port, under the same name and another one."""
    return f"https://{request.param}:{foreign.port}"


@pytest.fixture
def netrc(monkeypatch, tmp_path):
    """Write a ~/.netrc with a password for every host."""
    (tmp_path / "netrc").write_text("default login ann password of-this-machine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert requests.utils.get_netrc_auth("https://localhost/") == ("ann", "of-this-machine")


def schemes(emulator, where):
    """The Authorization headers of the requests to one part of the emulator."""
    return {call.headers.get("authorization") for call in emulator.tenant.calls(where=where)}


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirects_of_graph_are_not_followed(hook, tenant, foreign, elsewhere, netrc, status, method):
    redirect = Fault(kind="redirect", where="graph", status=status, location=f"{elsewhere}/v1.0/me", times=5)
    tenant.faults.append(redirect)

    with pytest.raises(DriveResponseError, match=f"HTTP {status}"):
        hook.request(method, "/sites/root", json=None if method == "GET" else {})

    assert foreign.tenant.calls() == []


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirects_of_the_authority_are_not_followed(hook, tenant, foreign, elsewhere, netrc, status):
    redirect = Fault("POST", where="token", kind="redirect", status=status, location=f"{elsewhere}/token")
    tenant.faults.append(redirect)

    with pytest.raises(DriveAuthError, match="TooManyRedirects"):
        hook.get_item("me/drive/root")

    assert foreign.tenant.calls() == []


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirects_of_a_monitor_are_not_followed(
    copy, waiting, tenant, foreign, elsewhere, netrc, plan, vault, status
):
    tenant.faults.append(Fault(where="monitor", kind="redirect", status=status, location=elsewhere, times=5))

    assert copy(plan, vault, **waiting)["name"] == "plan.txt"
    assert foreign.tenant.calls() == []


def test_a_monitor_on_another_host_is_not_called(copy, waiting, tenant, foreign, elsewhere, plan, vault):
    tenant.monitor_base = elsewhere

    with pytest.raises(DriveResponseError, match="allowed_hosts"):
        copy(plan, vault, **waiting)

    assert foreign.tenant.calls() == []


def test_a_monitor_on_an_allowed_host_is_called_without_a_token(
    connect, copy, waiting, tenant, foreign, elsewhere, netrc, plan, vault
):
    tenant.monitor_base = elsewhere
    connect(allowed_hosts=elsewhere.removeprefix("https://"))

    assert (
        copy(plan, vault, **waiting)["name"] == "plan.txt"
    )  # it knows no such job: so the folder is looked at
    assert schemes(foreign, "monitor") == {None}


@pytest.mark.parametrize("size", [3, SIMPLE_UPLOAD_LIMIT + 1])
def test_file_content_is_neither_sent_to_nor_read_from_another_host(
    hook, tenant, legal, foreign, elsewhere, netrc, size
):
    tenant.file_base = elsewhere
    path = f"drives/{legal.put('a.bin', b'abc').drive.id}/root:/a.bin"

    with pytest.raises(DriveResponseError, match="allowed_hosts"):
        hook.read_file(path, io.BytesIO())
    if size > SIMPLE_UPLOAD_LIMIT:
        with pytest.raises(DriveResponseError, match="allowed_hosts"):
            hook.write_file(path, bytes(size))
    else:
        hook.write_file(path, bytes(size))  # in one request of Graph's

    assert foreign.tenant.calls() == []


def test_file_content_is_sent_to_an_allowed_host_without_a_token(
    connect, hook, tenant, legal, foreign, elsewhere, netrc
):
    connect(allowed_hosts=elsewhere.removeprefix("https://"))
    tenant.file_base = elsewhere
    legal.put("a.bin", b"abc")

    with pytest.raises(DriveItemNotFoundError):
        hook.read_file(f"drives/{legal.id}/root:/a.bin", io.BytesIO())
    with pytest.raises(DriveResponseError, match="upload sessions were gone"):
        hook.write_file(f"drives/{legal.id}/root:/b.bin", bytes(SIMPLE_UPLOAD_LIMIT + 1))

    assert schemes(foreign, "file") == {None}


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirects_of_a_file_url_are_not_followed(hook, tenant, legal, foreign, elsewhere, netrc, status):
    legal.put("a.bin", b"abc")
    tenant.faults.append(Fault(where="file", kind="redirect", status=status, location=elsewhere, times=5))

    with pytest.raises(DriveResponseError):
        hook.read_file(f"drives/{legal.id}/root:/a.bin", io.BytesIO())

    assert foreign.tenant.calls() == []


def test_a_next_page_on_another_host_is_not_requested(hook, tenant, legal, foreign, elsewhere):
    tenant.next_link_base, tenant.page_size = elsewhere, 1
    legal.put("Contracts/a", b"a")
    legal.put("Contracts/b", b"b")

    with pytest.raises(DriveResponseError, match="not followed"):
        hook.list_children(f"drives/{legal.id}/root:/Contracts")

    assert foreign.tenant.calls() == []


def test_a_next_page_on_an_allowed_host_is_requested_without_a_token(
    connect, hook, tenant, legal, foreign, elsewhere, netrc
):
    tenant.next_link_base, tenant.page_size = elsewhere, 1
    legal.put("Contracts/a", b"a")
    legal.put("Contracts/b", b"b")
    connect(allowed_hosts=elsewhere.removeprefix("https://"))

    with pytest.raises(DriveAuthError):  # as that host wants one
        hook.list_children(f"drives/{legal.id}/root:/Contracts")

    assert schemes(foreign, "graph") == {None}


@pytest.mark.parametrize("status", REDIRECTS)
def test_the_hooks_session_follows_a_redirect_without_the_token(
    hook, tenant, foreign, elsewhere, netrc, emulator, status
):
    tenant.faults.append(
        Fault(kind="redirect", where="graph", status=status, location=f"{elsewhere}/v1.0/me")
    )

    with hook.get_conn() as session:
        session.post(f"{emulator.url}/v1.0/sites/root", json={})

    assert schemes(emulator, "graph") == {"Bearer"}
    assert schemes(foreign, "graph") == {None}


def test_the_hooks_session_sends_no_token_to_another_host(hook, foreign, elsewhere, netrc):
    with hook.get_conn() as session:
        session.get(f"{elsewhere}/v1.0/me")
        session.get(f"{elsewhere}/v1.0/me", auth=None)

    assert schemes(foreign, "graph") == {None}


def test_credentials_in_netrc_are_not_sent(copy, waiting, tenant, emulator, netrc, plan, vault):
    tenant.copies = CopyBehaviour(looks=4)

    copy(plan, vault, **waiting)

    assert schemes(emulator, "graph") == {"Bearer"}
    assert schemes(emulator, "monitor") == schemes(emulator, "token") == {None}


def test_the_fixture_detects_a_token_sent_to_another_host(tenant, emulator, foreign):
    """Check the fixture that guards all these tests."""
    from ledger import ledger  # noqa: PLC0415  # only this test speaks to it

    token = {"Authorization": f"Bearer {tenant.issue_token()}"}
    for url in (f"{emulator.url}/_api/v2.0/monitor/x", f"{foreign.url}/v1.0/me", f"{emulator.url}/_file/x"):
        requests.get(url, headers=token, verify=emulator.ca_file, timeout=10)
    requests.get(f"{foreign.url}/?x={tenant.client_secret}", verify=emulator.ca_file, timeout=10)
    requests.get(f"{emulator.url}/v1.0/me?tempauth=x", verify=emulator.ca_file, timeout=10)

    assert len(ledger.leaks) == 5
    ledger.begin()
