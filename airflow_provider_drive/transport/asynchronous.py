"""Drives a flow with aiohttp, in the triggerer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from airflow_provider_drive.exceptions import DriveConnectionError, DriveError, DriveResponseError
from airflow_provider_drive.network import proxy_for, ssl_context
from airflow_provider_drive.protocol.messages import MAX_RESPONSE_BYTES, Pause, Response
from airflow_provider_drive.transport.addressing import describe, prepare
from airflow_provider_drive.transport.pace import Notes, held, listen

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from airflow_provider_drive.protocol.messages import Flow, Request
    from airflow_provider_drive.settings import Settings
    from airflow_provider_drive.transport.pace import Log

_T = TypeVar("_T")
MAX_CONNECTIONS = 100


async def arun(flow: Flow[_T], session: AsyncSession) -> _T:
    """Drive a flow to its end: send what it asks for, sleep when it wants to, return what it returns."""
    step = partial(next, flow)
    try:
        while True:
            wanted = step()
            if isinstance(wanted, Pause):
                await session.pause(wanted)
                step = partial(flow.send, None)
                continue
            answer = await session.send(wanted)
            step = partial(flow.throw if isinstance(answer, DriveError) else flow.send, answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # a generator's value is what its annotation says


@asynccontextmanager
async def open_async_session(settings: Settings, log: Log) -> AsyncIterator[AsyncSession]:
    """Open a session without a login. All that are open in one event loop share their connections."""
    shared = _shared()
    shared.users += 1
    try:
        yield AsyncSession(settings, shared.client, await shared.context(settings), log)
    finally:
        shared.users -= 1
        if not shared.users:
            _clients.pop(asyncio.get_running_loop(), None)
            await shared.client.close()


class AsyncSession:
    """One connection, to send and to sleep with. It has no token: a monitor takes none."""

    def __init__(
        self, settings: Settings, client: aiohttp.ClientSession, context: ssl.SSLContext, log: Log
    ) -> None:
        self.settings = settings
        self._client, self._context, self._log = client, context, log
        self._notes = Notes()
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout)
        self._proxies: dict[str, str | None] = {}

    async def pause(self, pause: Pause) -> None:
        """Sleep, and say why if that is news."""
        if note := self._notes.pick(pause):
            self._log.info("%s", note)
        await asyncio.sleep(pause.seconds)

    async def send(self, request: Request) -> Response | DriveError:
        """Send one request. What goes wrong on the way is returned: the flow decides what that means."""
        url, headers = prepare(request, self.settings)
        if answer := held(url):
            return answer
        try:
            async with self._client.request(
                request.method,
                URL(url, encoded=True),  # as it is: a monitor URL is opaque
                headers=headers,
                json=request.json,
                allow_redirects=False,
                ssl=self._context,
                proxy=self._proxy_for(url),
                timeout=self._timeout,
            ) as response:
                return listen(url, await _read(response))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            sent = not isinstance(error, aiohttp.ClientConnectorError)
            failure: DriveError = DriveConnectionError(describe(request, url, error), sent=sent)
        except DriveError as error:
            failure = error
        return failure

    def _proxy_for(self, url: str) -> str | None:
        """Look once for each host: to go through the environment costs more than a poll."""
        host = urlsplit(url).netloc
        if host not in self._proxies:
            self._proxies[host] = proxy_for(url, self.settings)
        return self._proxies[host]


async def _read(response: aiohttp.ClientResponse) -> Response:
    """Read an answer, but not a larger one than any that Graph sends."""
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise DriveResponseError(f"the answer is larger than {MAX_RESPONSE_BYTES >> 20} MiB")
    return Response(
        response.status, {name.lower(): value for name, value in response.headers.items()}, bytes(body)
    )


@dataclass(slots=True)
class _Shared:
    client: aiohttp.ClientSession
    users: int = 0
    _contexts: dict[bool | str | None, asyncio.Task[ssl.SSLContext]] = field(default_factory=dict)

    async def context(self, settings: Settings) -> ssl.SSLContext:
        """Return the TLS context. To read a CA bundle would hold the loop, so a thread does, and once."""
        if settings.verify not in self._contexts:
            reading = asyncio.to_thread(ssl_context, settings)
            self._contexts[settings.verify] = asyncio.get_running_loop().create_task(reading)
        return await asyncio.shield(self._contexts[settings.verify])


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


def _shared() -> _Shared:
    """Return the connections of this event loop: opened by the first trigger, closed by the last."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
        _clients[loop] = _Shared(
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        )
    return _clients[loop]
