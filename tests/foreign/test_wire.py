"""Any bytes on the wire give an answer or a DriveError, in both transports."""

import asyncio
import contextlib
import gzip
import logging
import socket
import ssl
import threading
import tracemalloc
from dataclasses import replace

import pytest
import trustme
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airflow_provider_drive.exceptions import DriveConnectionError, DriveError, DriveResponseError
from airflow_provider_drive.protocol.flow import MAX_RESPONSE_BYTES, Request, Response
from airflow_provider_drive.protocol.wire.hosts import Hosts
from airflow_provider_drive.settings import Settings
from airflow_provider_drive.transport import throttle
from airflow_provider_drive.transport.asynchronous import open_async_session
from airflow_provider_drive.transport.blocking import Session

LOG = logging.getLogger("tests.foreign")


class Wire:
    """A server that answers every request with the same bytes and closes the connection."""

    def __init__(self, folder):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self._listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.url = f"https://localhost:{self._listener.getsockname()[1]}"
        self.settings = Settings(hosts=Hosts(self.url), verify=str(folder / "ca.pem"), timeout=5)
        self.answer, self.requests = b"", 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self):
        while self._listener.fileno() >= 0:
            with contextlib.suppress(OSError):  # a client that has had enough, or the end
                connection, _ = self._listener.accept()
                with connection:
                    connection.settimeout(5)
                    self._talk(connection)

    def _talk(self, connection):
        heard = b""
        while not heard.endswith(b"{}"):  # the body of each request here
            piece = connection.recv(65_536)
            if not piece:
                return
            heard += piece
        self.requests += 1
        connection.sendall(self.answer)
        connection.unwrap()


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "localhost")
        running = Wire(tmp_path_factory.mktemp("wire"))
        yield running
        running.close()


@pytest.fixture(params=["requests", "aiohttp"])
def post(wire, request):
    """Send a POST, and return the answer or the error."""
    asked = Request("POST", f"{wire.url}/x", "send it", json={}, kind="monitor")

    async def go():
        async with open_async_session(wire.settings, LOG) as session:
            return await session.send(asked)

    def send(answer):
        throttle.reset()
        wire.answer, before = answer, wire.requests
        message = asyncio.run(go()) if request.param == "aiohttp" else send_once(wire.settings, asked)
        assert wire.requests == before + 1
        return message

    return send


def send_once(expected, asked):
    session = Session(expected, None, LOG, str)
    with session._http:
        return session.send(asked)


HEADERS = st.sampled_from(
    [
        *(
            "Content-Length: 5",
            "Content-Length: 5, 6",
            "Content-Length: -1",
            "Content-Length: x",
            "Content-Length: 0",
        ),
        *(
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: x",
            "Content-Encoding: gzip",
            "Content-Encoding: br",
        ),
        *(
            "Location: \xff",
            "Location: https://[",
            "Retry-After: \udcff",
            "Set-Cookie: a=b; Max-Age=x",
            "Date: 0",
        ),
        *(
            "Content-Type: application/json; charset=x",
            "X: \x00",
            ": y",
            "no colon",
            " folded",
            "X" * 70_000 + ": y",
        ),
    ]
)
STATUS = st.sampled_from(
    [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 202",
        "HTTP/1.0 204 x",
        "HTTP/2 200",
        "HTTP/1.1 100 Continue",
        "HTTP/1.1 999 x",
    ]
) | st.text(max_size=8)
ANSWERS = st.tuples(STATUS, st.lists(HEADERS, max_size=4), st.binary(max_size=40)).map(
    lambda parts: "\r\n".join([parts[0], *parts[1], "", ""]).encode("utf-8", "surrogateescape") + parts[2]
)


@settings(suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60) | ANSWERS)
@example(b"HTTP/1.1 202 Accepted\r\nContent-Length: 5, 6\r\n\r\nxxxxx")
@example(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
@example(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip")
def test_any_bytes_give_an_answer_or_a_drive_error_that_marks_the_request_as_sent(post, data):
    message = post(data)

    if isinstance(message, DriveConnectionError):
        assert message.sent  # so that a copy is not asked for again
    else:
        assert isinstance(message, Response | DriveResponseError)


def test_a_compressed_answer_is_not_unpacked_beyond_the_size_limit(post):
    bomb = gzip.compress(bytes(12 * MAX_RESPONSE_BYTES), 1)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    tracemalloc.start()
    try:
        message = post(head.encode() + bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert isinstance(message, DriveResponseError)
    assert peak < 2 * MAX_RESPONSE_BYTES


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_an_invalid_ca_bundle_raises_a_drive_argument_error(wire, tmp_path, content):
    (tmp_path / "ca.pem").write_bytes(content)
    wrong = replace(wire.settings, verify=str(tmp_path / "ca.pem"))
    asked = Request("GET", f"{wire.url}/x", "send it", kind="monitor")

    async def go():
        async with open_async_session(wrong, LOG) as session:
            return await session.send(asked)

    assert isinstance(send_once(wrong, asked), DriveError)
    try:
        message = asyncio.run(go())
    except DriveError as refusal:
        message = refusal
    assert "verify" in str(message)
