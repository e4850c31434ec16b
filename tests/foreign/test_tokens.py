"""A token reaches Graph's host and no other, wherever an answer says to go. A `foreign` host is watched."""

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
    """Where a foreign host listens: on another port, by the same name and by another."""
    return f"https://{request.param}:{foreign.port}"


@pytest.fixture
def netrc(monkeypatch, tmp_path):
    """Let this machine know a password for every host."""
    (tmp_path / "netrc").write_text("default login ann password of-this-machine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert requests.utils.get_netrc_auth("https://localhost/") == ("ann", "of-this-machine")


def schemes(emulator, where):
    """How the requests to a door were authorized."""
    return {call.headers.get("authorization") for call in emulator.tenant.calls(where=where)}


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_redirect_of_graph_is_followed(hook, tenant, foreign, elsewhere, netrc, status, method):
    redirect = Fault(kind="redirect", where="graph", status=status, location=f"{elsewhere}/v1.0/me", times=5)
    tenant.faults.append(redirect)

    with pytest.raises(DriveResponseError, match=f"HTTP {status}"):
        hook.request(method, "/sites/root", json=None if method == "GET" else {})

    assert foreign.tenant.calls() == []


@pytest.mark.parametrize("status", REDIRECTS)
def test_no_redirect_of_the_authority_is_followed(hook, tenant, foreign, elsewhere, netrc, status):
    redirect = Fault("POST", where="token", kind="redirect", status=status, location=f"{elsewhere}/token")
    tenant.faults.append(redirect)

    with pytest.raises(DriveAuthError, match="TooManyRedirects"):
        hook.get_item("me/drive/root")

    assert foreign.tenant.calls() == []


@pytest.mark.parametrize("status", REDIRECTS)
def test_no_redirect_of_a_monitor_is_followed(
    copy, waiting, tenant, foreign, elsewhere, netrc, plan, vault, status
):
    tenant.faults.append(Fault(where="monitor", kind="redirect", status=status, location=elsewhere, times=5))

    assert copy(plan, vault, **waiting)["name"] == "plan.txt"
    assert foreign.tenant.calls() == []


def test_a_monitor_elsewhere_is_not_called(copy, waiting, tenant, foreign, elsewhere, plan, vault):
    tenant.monitor_base = elsewhere

    with pytest.raises(DriveResponseError, match="allowed_hosts"):
        copy(plan, vault, **waiting)

    assert foreign.tenant.calls() == []


def test_a_monitor_that_is_allowed_is_called_without_a_token(
    connect, copy, waiting, tenant, foreign, elsewhere, netrc, plan, vault
):
    tenant.monitor_base = elsewhere
    connect(allowed_hosts=elsewhere.removeprefix("https://"))

    assert (
        copy(plan, vault, **waiting)["name"] == "plan.txt"
    )  # it knows no such job: so the folder is looked at
    assert schemes(foreign, "monitor") == {None}


@pytest.mark.parametrize("size", [3, SIMPLE_UPLOAD_LIMIT + 1])
def test_bytes_go_to_no_other_host_and_come_from_none(hook, tenant, legal, foreign, elsewhere, netrc, size):
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


def test_bytes_go_to_a_host_that_is_allowed_without_a_token(
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
def test_no_redirect_of_a_file_is_followed(hook, tenant, legal, foreign, elsewhere, netrc, status):
    legal.put("a.bin", b"abc")
    tenant.faults.append(Fault(where="file", kind="redirect", status=status, location=elsewhere, times=5))

    with pytest.raises(DriveResponseError):
        hook.read_file(f"drives/{legal.id}/root:/a.bin", io.BytesIO())

    assert foreign.tenant.calls() == []


def test_a_next_page_elsewhere_is_not_asked_for(hook, tenant, legal, foreign, elsewhere):
    tenant.next_link_base, tenant.page_size = elsewhere, 1
    legal.put("Contracts/a", b"a")
    legal.put("Contracts/b", b"b")

    with pytest.raises(DriveResponseError, match="not followed"):
        hook.list_children(f"drives/{legal.id}/root:/Contracts")

    assert foreign.tenant.calls() == []


def test_a_next_page_that_is_allowed_is_asked_for_without_a_token(
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
def test_a_session_follows_a_redirect_without_the_token(
    hook, tenant, foreign, elsewhere, netrc, emulator, status
):
    tenant.faults.append(
        Fault(kind="redirect", where="graph", status=status, location=f"{elsewhere}/v1.0/me")
    )

    with hook.get_conn() as session:
        session.post(f"{emulator.url}/v1.0/sites/root", json={})

    assert schemes(emulator, "graph") == {"Bearer"}
    assert schemes(foreign, "graph") == {None}


def test_a_session_shows_no_token_to_another_host(hook, foreign, elsewhere, netrc):
    with hook.get_conn() as session:
        session.get(f"{elsewhere}/v1.0/me")
        session.get(f"{elsewhere}/v1.0/me", auth=None)

    assert schemes(foreign, "graph") == {None}


def test_what_this_machine_knows_of_hosts_is_sent_to_none(
    copy, waiting, tenant, emulator, netrc, plan, vault
):
    tenant.copies = CopyBehaviour(looks=4)

    copy(plan, vault, **waiting)

    assert schemes(emulator, "graph") == {"Bearer"}
    assert schemes(emulator, "monitor") == schemes(emulator, "token") == {None}


def test_the_watch_over_tokens_sees_one_that_goes_astray(tenant, emulator, foreign):
    """The fixture which holds every test to it would tell."""
    from ledger import ledger  # noqa: PLC0415  # only this test speaks to it

    token = {"Authorization": f"Bearer {tenant.issue_token()}"}
    for url in (f"{emulator.url}/_api/v2.0/monitor/x", f"{foreign.url}/v1.0/me", f"{emulator.url}/_file/x"):
        requests.get(url, headers=token, verify=emulator.ca_file, timeout=10)
    requests.get(f"{foreign.url}/?x={tenant.client_secret}", verify=emulator.ca_file, timeout=10)
    requests.get(f"{emulator.url}/v1.0/me?tempauth=x", verify=emulator.ca_file, timeout=10)

    assert len(ledger.leaks) == 5
    ledger.begin()
