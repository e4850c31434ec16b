"""Drives a flow with requests, in a worker."""

from __future__ import annotations

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import requests
import urllib3

from airflow_provider_drive.exceptions import DriveConnectionError, DriveError
from airflow_provider_drive.network import (
    PIECE,
    DeadlineAdapter,
    open_session,
    open_stream,
    read_whole,
    unrecorded,
)
from airflow_provider_drive.protocol.flow import Gather, Pause, Request, Response, Restore, Saved
from airflow_provider_drive.protocol.retry import is_throttled, retry_after
from airflow_provider_drive.protocol.wire.cost import resource_units
from airflow_provider_drive.protocol.wire.redaction import remember_secret
from airflow_provider_drive.transport.clock import ServiceClock
from airflow_provider_drive.transport.rate_limit import rate_limiter_for
from airflow_provider_drive.transport.request import describe, prepare
from airflow_provider_drive.transport.throttle import record_throttling, throttled_response
from airflow_provider_drive.transport.usage import NoteFilter, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_drive.auth import Login
    from airflow_provider_drive.protocol.flow import Checkpoint, Flow
    from airflow_provider_drive.settings import Settings
    from airflow_provider_drive.transport.request import Prepared
    from airflow_provider_drive.transport.usage import Log

_T = TypeVar("_T")
MAX_THREADS = 8
"""Threads that send requests of one task at the same time, at most."""
MAX_MASKED = 20
"""Monitor URLs that Airflow is told to mask: each makes its masker compile all its patterns again."""
_CHUNK = 256 << 10
"""Bytes of a file that is downloaded that are handed on at once."""
_STREAM_SECONDS = 300.0
"""Time-out of a request whose bytes come as a stream. One that takes longer goes on with another request."""
_SLICE = 0.25
"""Seconds after which a pause looks whether the task was stopped: a signal does not end ``time.sleep``."""
_NOT_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ProxyError,
)
_REFUSED = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.LocationValueError,  # a host that there cannot be
    UnicodeEncodeError,  # a header that cannot be sent
)


class StateStore(Protocol):
    """Where checkpoints are stored, and read again by a later try."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint."""

    def restore(self, name: str) -> Saved:
        """Return the state of the last checkpoint of that name."""


def run(flow: Flow[_T], session: Session, store: StateStore | None = None) -> _T:
    """
    Drive a flow to its end: send its requests, sleep its pauses, and return what it returns.

    :param store: Stores its checkpoints. Without it, nothing is stored.
    """
    step = partial(next, flow)
    try:
        while True:
            answer = _perform(step(), session, store)
            step = partial(flow.throw if isinstance(answer, DriveError) else flow.send, answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # a generator's value is what its annotation says


def _perform(wanted: Any, session: Session, store: StateStore | None) -> Any:
    """Do what a flow has yielded, and return what it is to receive."""
    if isinstance(wanted, Request):
        return session.send(wanted)
    if isinstance(wanted, Pause):
        return session.pause(wanted)
    if isinstance(wanted, Gather):
        return _run_gathered(wanted.flows, session, store)
    if isinstance(wanted, Restore):
        return Saved() if store is None else store.restore(wanted.name)
    return None if store is None else store.save(wanted)


def _run_gathered(flows: Sequence[Flow[Any]], session: Session, store: StateStore | None) -> list[Any]:
    def outcome(flow: Flow[Any]) -> Any:
        try:
            return run(flow, session, store)
        except DriveError as error:
            return error
        except BaseException:
            session.stopped = True
            raise

    with ThreadPoolExecutor(max_workers=MAX_THREADS, thread_name_prefix="drive") as pool:
        try:
            outcomes = list(pool.map(outcome, flows))
        except BaseException:  # the task is to end now: let no thread begin anything more
            session.stopped = True
            raise
    if session.stopped:
        for error in outcomes:
            if isinstance(error, DriveError):
                raise error  # no flow is to take it for the outcome of one request
    return outcomes


class Session:
    """One connection, to send and to sleep with."""

    def __init__(
        self, settings: Settings, login: Login, log: Log, keep_secret: Callable[[str], None]
    ) -> None:
        """
        Open a session.

        :param keep_secret: Is told each token and each monitor URL before a library can log it.
        """
        self.settings = settings
        self.stopped = False
        self.usage = Usage()
        self.clock = ServiceClock()
        self._http = open_session(settings)
        self._http.mount("https://", DeadlineAdapter())
        self._limiter = rate_limiter_for(settings)
        self._login, self._log, self._keep_secret = login, log, keep_secret
        self._notes, self._token = NoteFilter(), ""
        self._masked: set[str] = set()

    def pause(self, pause: Pause) -> None:
        """Sleep, and log its note if that is news."""
        if note := self._notes.pick(pause):
            self._log.info("%s", note)
        if pause.throttled is not None:
            self._record(self.settings.hosts.root, pause.throttled)
        until = time.monotonic() + pause.seconds
        while not self.stopped and (remaining := until - time.monotonic()) > 0:
            time.sleep(min(remaining, _SLICE))

    def wait_for_rate_limit(self, method: str, url: str) -> None:
        """Wait until a request that somebody else sends keeps to the rate limit."""
        self._reserve(resource_units(Request(method, url, "")))

    def record_foreign(self, response: requests.Response, **_: Any) -> None:
        """Learn from an answer to a request that somebody else sent."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        if self.settings.hosts.is_graph(response.url):
            self._record(response.url, Response(response.status_code, headers))

    def send(self, request: Request) -> Response | DriveError:
        """Send one request. What goes wrong on the way is returned: the flow decides what that means."""
        try:
            prepared = prepare(request, self.settings)
        except DriveError as error:
            return error
        answer = throttled_response(prepared.url)
        if answer is None and self._reserve(resource_units(request)):
            answer = throttled_response(prepared.url)  # others were answered meanwhile
        if self.stopped:
            raise DriveError(
                "The task was stopped. Graph offers no way to cancel a copy: one that runs goes on."
            )
        return answer or self._send(request, prepared)

    def _send(self, request: Request, prepared: Prepared) -> Response | DriveError:
        url, headers, authorized = prepared
        if authorized:
            headers["Authorization"] = f"Bearer {self._fetch_token(refused=request.refused_token)}"
        else:
            self._mask(url)
        is_prepared = False
        try:
            if request.receive is not None:
                self.usage.add(resource_units(request))
                return self._record(url, self._receive(request, url, headers))
            wire = self._http.prepare_request(
                requests.Request(
                    request.method, url, headers=headers, json=request.json, data=request.content
                )
            )
            wire.url, is_prepared = url, True  # as it is: a monitor URL is opaque
            settings = self._http.merge_environment_settings(url, {}, True, None, None)  # noqa: FBT003  # stream
            self.usage.add(resource_units(request))
            with nullcontext() if authorized else unrecorded():
                response = self._http.send(
                    wire, allow_redirects=False, timeout=self.settings.timeout, **settings
                )
            with response:
                body = read_whole(response.iter_content(PIECE))
                return self._record(url, Response(response.status_code, _lower(response.headers), body))
        except DriveError as error:
            failure = error
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            failure = DriveConnectionError(
                describe(request, url, error), sent=is_prepared and _was_sent(error)
            )
        return failure

    def _receive(self, request: Request, url: str, headers: dict[str, str]) -> Response:
        """Send a request whose answer's bytes its flow receives as they come."""
        with unrecorded():
            answer = open_stream(self._http, url, headers, max(self.settings.timeout, _STREAM_SECONDS))
        try:
            head = Response(answer.status, _lower(answer.headers))
            if request.receive is None or not head.ok:
                return replace(head, body=read_whole(answer.stream(PIECE)))
            request.receive(head, self._chunks(request, url, answer))
            return head
        finally:
            answer.close()  # the connection too, unless the answer was read to its end

    def _mask(self, url: str) -> None:
        """Mask a URL that is a secret."""
        remember_secret(url)
        if url not in self._masked and len(self._masked) < MAX_MASKED:
            self._keep_secret(url)
            self._masked.add(url)

    def _reserve(self, units: int) -> bool:
        """Wait until so many units may be spent; return whether that took any time."""
        wait = self._limiter.reserve(units)
        if wait:
            self.usage.pace(wait)
            self.pause(Pause(wait))
        return wait > 0

    def _record(self, url: str, response: Response) -> Response:
        """Learn the service's time and whether it throttles; slow down if it says so."""
        self.clock.adjust(response)
        response = record_throttling(url, response)
        if self.settings.hosts.is_graph(url):
            self._limiter.adapt(response)
            if is_throttled(response):
                self.usage.throttle(retry_after(response) or 0.0)
        return response

    def _fetch_token(self, *, refused: bool) -> str:
        token = self._login.token(refused=self._token if refused else None)
        if token != self._token:
            self._keep_secret(token)
            self._token = token
        return token

    def _chunks(self, request: Request, url: str, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        """Yield an answer's bytes as they come; no more of them are in memory than one chunk."""
        chunks = answer.stream(_CHUNK)
        while True:
            try:
                chunk = next(chunks, None)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise DriveConnectionError(describe(request, url, error)) from None
            if chunk is None:
                return
            if self.stopped:
                raise DriveError(f"Could not {request.action}: the task was stopped.")
            yield chunk


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _was_sent(error: Exception) -> bool:
    """Whether the request may have left: not if there was no connection to send it on."""
    cause: Any = error.args[0] if error.args else None
    cause = getattr(cause, "reason", cause)
    if any(isinstance(inner, ssl.SSLCertVerificationError) for inner in getattr(cause, "args", ())):
        return False
    return not (isinstance(cause, _NOT_SENT) or isinstance(error, _REFUSED) or _is_proxys(cause))


def _is_proxys(error: object) -> bool:
    """Whether the time was out before the proxy had made way: urllib3 names the proxy's URL then."""
    return isinstance(error, urllib3.exceptions.ReadTimeoutError) and "://" in (error.url or "")
