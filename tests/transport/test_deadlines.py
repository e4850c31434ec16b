"""The time-out of a request applies to all of it, in a worker and in the triggerer."""

import time
from pathlib import Path

import pytest
import requests
from transport.dripping import DrippingServer
from transport.flows import one

from airflow_provider_drive.exceptions import DriveAuthError, DriveConnectionError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.network import DeadlineAdapter

TIMEOUT = 0.2
ANSWERS = {
    "the status line": (b"HTTP/1.1 200 ", b"O"),
    "a header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "many headers": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "many interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "a body in chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "the length of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "a body without an end": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
}


@pytest.fixture
def dripping(tmp_path):
    servers = []

    def start(*args, **kwargs):
        servers.append(DrippingServer(tmp_path, *args, **kwargs).__enter__())
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture
def bundle(tmp_path, emulator):
    """Write a file that verifies the emulator and a dripping server."""

    def write(server):
        path = tmp_path / "bundle.pem"
        path.write_bytes(Path(emulator.ca_file).read_bytes() + Path(server.ca_file).read_bytes())
        return str(path)

    return write


def ended(started):
    return time.monotonic() - started < 5  # each of these answers takes a minute and more


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_drips_ends_at_the_timeout(drive, settings, dripping, what):
    server = dripping(*ANSWERS[what])
    quick = settings(verify=server.ca_file, allowed_hosts=["localhost"], timeout=TIMEOUT)
    started = time.monotonic()

    error = drive(one(server.url + "/x"), quick)

    assert ended(started)
    assert isinstance(error, DriveConnectionError)
    assert error.sent
    assert "raise the connection's timeout" in str(error)


def test_a_tls_handshake_that_drips_ends_at_the_timeout(drive, settings, dripping):
    """A record of TLS, which says that it has 16 KB."""
    server = dripping(b"\x16\x03\x03\x40\x00", b"\x02", tls=False)
    started = time.monotonic()
    quick = settings(allowed_hosts=["localhost"], timeout=TIMEOUT)

    assert isinstance(drive(one(server.url + "/x"), quick), DriveConnectionError)
    assert ended(started)


@pytest.mark.parametrize(
    "quick", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 407 Who?\r\nX: "]
)
def test_a_proxys_answer_that_drips_ends_at_the_timeout(drive, settings, dripping, monitor, quick):
    proxy = dripping(quick, b"O", tls=False).url.replace("https", "http")
    started = time.monotonic()

    error = drive(one(monitor), settings(proxies={"https": proxy}, timeout=TIMEOUT))

    assert ended(started)
    assert isinstance(error, DriveConnectionError)


def test_an_answer_that_drips_to_its_end_in_time_is_whole(drive, settings, dripping):
    server = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"x")

    answer = drive(one(server.url + "/x"), settings(verify=server.ca_file, allowed_hosts=["localhost"]))

    assert answer.body == b"xxxxx"


def test_a_login_that_drips_ends_at_the_timeout(dripping, connect, bundle):
    server = dripping(*ANSWERS["a header"])
    connect(authority=server.url, verify=bundle(server), timeout=TIMEOUT)
    started = time.monotonic()

    with pytest.raises((DriveConnectionError, DriveAuthError)):
        DriveHook().request("GET", "/me/drive")

    assert time.monotonic() - started < 20  # it is tried four times, with pauses


def test_an_answer_leaves_its_connections_timeout_as_it_was(emulator):
    with requests.Session() as session:
        session.mount("https://", DeadlineAdapter())
        answer = session.get(f"{emulator.url}/v1.0/me", timeout=5, verify=emulator.ca_file, stream=True)
        connection = answer.raw._connection
        while_read = connection.sock.gettimeout()
        assert answer.content

    assert connection.sock is None or connection.sock.gettimeout() > while_read
