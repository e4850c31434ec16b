"""Drives a flow with aiohttp, in the triggerer."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from airflow_provider_drive.exceptions import DriveConnectionError, DriveError, DriveResponseError
from airflow_provider_drive.network import proxy_for, ssl_context, unrecorded
from airflow_provider_drive.protocol.flow import (
    MAX_RESPONSE_BYTES,
    Gather,
    Pause,
    Request,
    Response,
    Restore,
    Saved,
)
from airflow_provider_drive.protocol.wire.cost import resource_units
from airflow_provider_drive.protocol.wire.redaction import remember_secret, secret_parts
from airflow_provider_drive.transport.clock import ServiceClock
from airflow_provider_drive.transport.rate_limit import rate_limiter_for
from airflow_provider_drive.transport.request import describe, prepare
from airflow_provider_drive.transport.single_flight import SingleFlightCache
from airflow_provider_drive.transport.throttle import host_of, record_throttling, throttled_response
from airflow_provider_drive.transport.usage import NoteFilter, Usage

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.settings import Settings
    from airflow_provider_drive.transport.usage import Log

_T = TypeVar("_T")
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL)
FIRST_CONNECTIONS = 8
MAX_CONNECTIONS = 100
"""To one host."""
STARTS_PER_SECOND = 1_000
"""Of flows that run side by side, and of triggers, where there are more than that."""
MAX_GATE_WAIT = 1.0
"""Seconds for which a request waits for others to end, before it is let through beside them."""
MAX_MONITOR_BYTES = 1024 * 1024
"""To read more JSON at once would hold the loop; a monitor's answer has some hundred bytes."""


async def arun(flow: Flow[_T], session: AsyncSession) -> _T:
    """Drive a flow to its end: send its requests, sleep its pauses, and return what it returns."""
    step = partial(next, flow)
    try:
        while True:
            answer = await _perform(step(), session)
            step = partial(flow.throw if isinstance(answer, DriveError) else flow.send, answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # a generator's value is what its annotation says


async def _perform(wanted: Any, session: AsyncSession) -> Any:
    """Do what a flow has yielded, and return what it is to receive. Nothing is stored in the triggerer."""
    if isinstance(wanted, Request):
        return await session.send(wanted)
    if isinstance(wanted, Pause):
        return await session.pause(wanted)
    if isinstance(wanted, Gather):
        outcomes = (_outcome(each, session, number) for number, each in enumerate(wanted.flows))
        return await asyncio.gather(*outcomes)
    return Saved() if isinstance(wanted, Restore) else None


async def _outcome(flow: Flow[Any], session: AsyncSession, number: int) -> Any:
    await asyncio.sleep(number / STARTS_PER_SECOND)  # a thousand in one turn would hold the loop
    try:
        return await arun(flow, session)
    except DriveError as error:
        return error


@asynccontextmanager
async def open_async_session(settings: Settings, log: Log) -> AsyncIterator[AsyncSession]:
    """
    Open a session. All that are open in one event loop share their connections, and the logins' tokens.

    It logs in before its first request to Graph: a monitor takes no token.
    """
    shared = _shared()
    shared.users += 1
    try:
        yield AsyncSession(settings, shared, log)
    finally:
        shared.users -= 1
        if not shared.users:
            _clients.pop(asyncio.get_running_loop(), None)
            await shared.client.close()


class AsyncSession:
    """One connection, to send and to sleep with."""

    def __init__(self, settings: Settings, shared: _Shared, log: Log) -> None:
        self.settings = settings
        self.usage = Usage()
        self.clock = ServiceClock()
        self._shared, self._log = shared, log
        self._notes = NoteFilter()
        self._limiter = rate_limiter_for(settings)
        self._token, self._refused = "", ""
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout)
        self._proxies = shared.proxies.setdefault(settings, {})

    async def stagger_start(self, most: float) -> None:
        """
        Wait until it is this session's turn to begin, where very many are open.

        A triggerer that was started anew gets all its triggers at once.

        :param most: Seconds.
        """
        cohort = self._shared.users / STARTS_PER_SECOND
        if cohort > 1.0:
            await asyncio.sleep(random.uniform(0.0, min(most, cohort)))  # noqa: S311  # nothing secret

    async def pause(self, pause: Pause) -> None:
        """Sleep, and say why if that is news."""
        if note := self._notes.pick(pause):
            self._log.info("%s", note)
        if pause.throttled is not None:
            self._record(self.settings.hosts.root, pause.throttled)
        await asyncio.sleep(pause.seconds)

    async def send(self, request: Request) -> Response | DriveError:
        """Send one request. What goes wrong on the way is returned: the flow decides what that means."""
        try:
            url, headers, authorized = prepare(request, self.settings)
            if authorized:
                headers["Authorization"] = f"Bearer {await self._fetch_token(refused=request.refused_token)}"
        except DriveError as error:
            return error
        if answer := throttled_response(url):
            return answer
        if wait := await self._reserve(resource_units(request)):
            self.usage.pace(wait)
            await asyncio.sleep(wait)
        async with self._shared.gate(url):
            with unrecorded():  # others were answered while this one waited
                return throttled_response(url) or await self._send(request, url, headers)

    async def _reserve(self, units: int) -> float:
        """Reserve units. A shared budget is asked over the network, so a thread does."""
        if units and self._limiter.shared:
            return await asyncio.to_thread(self._limiter.reserve, units)
        return self._limiter.reserve(units)

    async def _send(self, request: Request, url: str, headers: dict[str, str]) -> Response | DriveError:
        try:
            if not request.is_to_graph:
                remember_secret(url)
            self.usage.add(resource_units(request))
            async with self._shared.client.request(
                request.method,
                URL(url, encoded=True),  # as it is: a monitor URL is opaque
                headers=headers,
                json=request.json,
                data=request.content,
                allow_redirects=False,
                ssl=await self._shared.contexts.get(self.settings),
                proxy=self._proxy_for(url),
                timeout=self._timeout,
            ) as response:
                most = MAX_RESPONSE_BYTES if request.is_to_graph else MAX_MONITOR_BYTES
                return self._record(url, await _read(response, most))
        except DriveError as error:
            failure = error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            sent = not isinstance(error, _NOT_SENT)
            failure = DriveConnectionError(describe(request, url, error), sent=sent)
        return failure

    def _record(self, url: str, response: Response) -> Response:
        """Learn the service's time and whether it throttles; slow down if it says so."""
        self.clock.adjust(response)
        response = record_throttling(url, response)
        if self.settings.hosts.is_graph(url):
            self._limiter.adapt(response)
        return response

    async def _fetch_token(self, *, refused: bool) -> str:
        """Return the token: one login for all sessions of this connection."""
        if refused:
            self._refused = self._token
        self._token = await self._shared.tokens.get((self.settings, self._refused))
        return self._token

    def _proxy_for(self, url: str) -> str | None:
        """Look once for each host: to go through the environment costs more than a poll."""
        host = urlsplit(url).netloc
        if host not in self._proxies:
            self._proxies[host] = proxy_for(url, self.settings)
        return self._proxies[host]


async def _read(response: aiohttp.ClientResponse, most: int) -> Response:
    """Read an answer, but not a larger one than the service sends."""
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > most:
            raise DriveResponseError(f"the answer is larger than {most >> 20} MiB")
    return Response(
        response.status, {name.lower(): value for name, value in response.headers.items()}, bytes(body)
    )


class _Gate:
    """
    Lets a few requests to one host be under way, and one more for each that has waited too long.

    So that a thousand triggers which start at once do not open a hundred connections in one turn of the loop,
    nor have all asked by the time that the host says "slow down". One host that hangs holds up no other.
    """

    def __init__(self) -> None:
        self._width = FIRST_CONNECTIONS
        self._free = asyncio.Semaphore(FIRST_CONNECTIONS)

    async def __aenter__(self) -> None:
        if self._free.locked() and self._width < MAX_CONNECTIONS:
            with suppress(TimeoutError):
                async with asyncio.timeout(MAX_GATE_WAIT):
                    await self._free.acquire()
                return
            if self._width < MAX_CONNECTIONS:  # others have waited as well
                self._width += 1
                self._free.release()
        await self._free.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._free.release()


async def _context(settings: Settings) -> ssl.SSLContext:
    """Return the TLS context. To read a CA bundle would hold the loop, so a thread does."""
    return await asyncio.to_thread(ssl_context, settings)


async def _log_in(key: tuple[Settings, str]) -> str:
    """Return a token, and mask it in the logs. MSAL blocks, so a thread asks it."""
    return await asyncio.to_thread(_log_in_blocking, *key)


def _log_in_blocking(settings: Settings, refused: str) -> str:
    from airflow.providers.common.compat.sdk import mask_secret  # noqa: PLC0415  # with the next line

    from airflow_provider_drive.auth import login  # noqa: PLC0415  # MSAL is slow to import, and monitors need none

    token = login(settings).token(refused or None)
    remember_secret(token)
    for part in secret_parts(token):
        mask_secret(part)
    return token


@dataclass(slots=True)
class _Shared:
    client: aiohttp.ClientSession
    users: int = 0
    contexts: SingleFlightCache[Settings, ssl.SSLContext] = field(
        default_factory=partial(SingleFlightCache, _context)
    )
    tokens: SingleFlightCache[tuple[Settings, str], str] = field(
        default_factory=partial(SingleFlightCache, _log_in)
    )
    proxies: dict[Settings, dict[str, str | None]] = field(default_factory=dict)
    _gates: dict[str, _Gate] = field(default_factory=dict)

    def gate(self, url: str) -> _Gate:
        host = host_of(url)
        if host not in self._gates:
            self._gates[host] = _Gate()
        return self._gates[host]


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared] = WeakKeyDictionary()


def _shared() -> _Shared:
    """Return the connections of this event loop: opened by the first trigger, closed by the last."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        connector = aiohttp.TCPConnector(limit=0)  # the gates have limits
        _clients[loop] = _Shared(
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        )
    return _clients[loop]
