"""The two transports do the same: each test is run with requests and with aiohttp."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import re
import time

import pytest
import trustme
from transport.flows import one

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveConnectionError, DriveResponseError
from airflow_provider_drive.protocol.flow import Pause


def test_a_request_is_answered(drive, settings, monitor):
    response = drive(one(monitor), settings())

    assert (response.status, response.ok, response.json()["status"]) == (200, True, "completed")
    assert all(name == name.lower() for name in response.headers)


def test_a_pause_takes_its_time(drive, settings, connection):
    def flow():
        yield Pause(0.2)
        return "done"

    started = time.monotonic()

    assert drive(flow(), settings()) == "done"
    assert 0.2 <= time.monotonic() - started < 2


def test_notes_of_pauses_are_logged_once(drive, settings, log, connection):
    def flow():
        yield Pause(0.0, "one")
        yield Pause(0.0, "one")
        yield Pause(0.0, "two")
        yield Pause(0.01, "too soon after that")

    drive(flow(), settings())

    assert [line for line in log.lines if line in {"one", "two"} or "too soon" in line] == ["one", "two"]


def test_an_error_of_the_flow_is_raised(drive, settings, connection):
    def flow():
        yield Pause(0.0)
        raise DriveResponseError("from the flow")

    with pytest.raises(DriveResponseError, match="from the flow"):
        drive(flow(), settings())


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate"])
def test_a_lost_answer_is_thrown_into_the_flow_as_sent(drive, settings, tenant, monitor, kind):
    tenant.faults.append(Fault(where="monitor", kind=kind, times=2))  # aiohttp tries a GET twice by itself

    error = drive(one(monitor), settings())

    assert isinstance(error, DriveConnectionError)
    assert error.sent
    assert "localhost" in str(error)


def test_a_refused_connection_is_thrown_into_the_flow_as_not_sent(drive, settings, tenant):
    settings = settings(allowed_hosts=["localhost"])
    error = drive(one("https://localhost:1/x?tempauth=abcdefghijkl"), settings)

    assert isinstance(error, DriveConnectionError)
    assert not error.sent
    assert "abcdefghijkl" not in str(error)


def test_a_host_that_does_not_exist_is_thrown_into_the_flow_as_not_sent(drive, settings, tenant):
    error = drive(one("https://no-such-host.invalid/x"), settings(allowed_hosts=["no-such-host.invalid"]))

    assert isinstance(error, DriveConnectionError)
    assert not error.sent


def test_an_answer_after_the_timeout_is_lost(drive, settings, tenant, monitor):
    tenant.faults.append(Fault(where="monitor", kind="delay", seconds=2))
    started = time.monotonic()

    error = drive(one(monitor), settings(timeout=0.3))

    assert isinstance(error, DriveConnectionError)
    assert error.sent
    assert time.monotonic() - started < 1.5


def test_an_answer_that_is_too_large_is_not_read_to_its_end(drive, settings, tenant, monitor):
    tenant.faults.append(Fault(where="monitor", kind="huge"))

    error = drive(one(monitor), settings())

    assert isinstance(error, DriveResponseError)
    assert re.search("larger than (32|1) MiB", str(error))  # a monitor's answer, in the triggerer


def test_a_redirect_is_an_answer_and_is_not_followed(drive, settings, tenant, emulator, monitor):
    tenant.faults.append(Fault(where="monitor", kind="redirect", location=f"{emulator.url}/v1.0/elsewhere"))

    assert drive(one(monitor), settings()).status == 302
    assert tenant.calls(path="elsewhere") == []


@pytest.mark.parametrize("environment", [False, True], ids=["", "with a bundle in the environment"])
def test_a_certificate_of_an_unknown_authority_is_refused_with_a_hint(
    drive, settings, monitor, emulator, monkeypatch, tmp_path, environment
):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    wrong = settings(verify=str(tmp_path / "other.pem"))
    if environment:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", emulator.ca_file)
        monkeypatch.setenv("SSL_CERT_FILE", emulator.ca_file)

    error = drive(one(monitor), wrong)

    assert isinstance(error, DriveConnectionError)
    assert "verify" in str(error)
    assert emulator.tenant.calls(where="monitor") == []


def test_a_request_refused_for_the_servers_certificate_counts_as_not_sent(drive, settings, monitor, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")

    assert not drive(one(monitor), settings(verify=str(tmp_path / "other.pem"))).sent


def test_the_connections_bundle_takes_precedence_over_the_environments(
    drive, settings, monitor, monkeypatch, tmp_path
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    monkeypatch.setenv("CURL_CA_BUNDLE", "/no/such/file")

    assert drive(one(monitor), settings()).status == 200


def test_the_environments_bundle_is_used_if_the_connection_has_none(
    drive, settings, monitor, emulator, monkeypatch
):
    silent = settings(verify=None)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", emulator.ca_file)

    assert drive(one(monitor), silent).status == 200


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("verify", [False, "false"])
def test_certificates_are_not_verified_if_the_connection_says_so(drive, settings, monitor, verify):
    assert drive(one(monitor), settings(verify=verify)).status == 200


def test_the_connections_proxy_is_used(drive, settings, monitor):
    error = drive(one(monitor), settings(proxies={"https": "http://localhost:1"}))

    assert isinstance(error, DriveConnectionError)
    assert not error.sent


def test_the_environments_proxy_is_used_if_the_connection_has_none(drive, settings, monitor, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")

    assert isinstance(drive(one(monitor), settings()), DriveConnectionError)


def test_the_environments_exceptions_from_the_proxy_are_kept(drive, settings, monitor, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
    monkeypatch.setenv("NO_PROXY", "localhost")

    assert drive(one(monitor), settings()).status == 200
