"""The emulator as an ASGI application: https://asgi.readthedocs.io/en/latest/specs/www.html."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_drive.emulator.dispatch import respond
from airflow_provider_drive.emulator.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from airflow_provider_drive.emulator.state.tenant import Tenant

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)


class App:
    """An ASGI application that serves a tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Receive,
        send: Send,
    ) -> None:
        """Read a request, and send its response or cut the connection."""
        request = await _read(scope, receive)
        if request is None:
            return
        try:
            response = respond(self.tenant, request)
        except Exception:  # noqa: BLE001 - the client needs a response to any error, and the log its reason
            _log.exception("The emulator failed to handle %s %s", request.method, request.path)
            response = Response(500, b"The emulator failed. Its log contains the reason.")
        if response.delay:
            await asyncio.sleep(response.delay)
        if response.cut:
            await _cut(receive, send)
        else:
            await _send(response, receive, send)


async def _read(scope: dict[str, Any], receive: Receive) -> Request | None:
    """Return the request; None if the client has gone before its end."""
    message = await receive()
    body = bytearray(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        return None
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    base = f"{scope['scheme']}://{headers.get('host', '')}"
    raw_path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return Request(scope["method"], raw_path, query, headers, bytes(body), base, client=scope.get("client"))


async def _send(
    response: Response,
    receive: Receive,
    send: Send,
) -> None:
    body = response.body or b""
    headers = dict(response.headers)
    if isinstance(body, bytes):
        headers["content-length"] = str(len(body))
    wire = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": wire})
    if isinstance(body, bytes) and response.truncated:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await _cut(receive, send, flush=True)
    elif isinstance(body, bytes):
        await send({"type": "http.response.body", "body": body})
    else:
        await _stream(cast("Iterator[bytes]", body), send)


async def _stream(blocks: Iterator[bytes], send: Send) -> None:
    for block in blocks:
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body"})


async def _cut(
    receive: Receive,
    send: Send,
    *,
    flush: bool = False,
) -> None:
    """
    Close the TCP connection. ASGI has no message for that.

    In both of uvicorn's HTTP implementations, ``send`` is a method of an object that has the transport.
    """
    transport = cast("Any", send).__self__.transport
    if flush:
        transport.close()
    else:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass  # until uvicorn notices it; otherwise it would send 500
