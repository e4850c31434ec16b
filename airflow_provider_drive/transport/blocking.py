"""Drives a flow with requests, in a worker."""

from __future__ import annotations

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import requests
import urllib3

from airflow_provider_drive.exceptions import DriveConnectionError, DriveError
from airflow_provider_drive.network import open_session, read_whole, unrecorded
from airflow_provider_drive.protocol.flow import Gather, Pause, Request, Response
from airflow_provider_drive.protocol.retry import is_throttled, retry_after
from airflow_provider_drive.protocol.wire.cost import resource_units
from airflow_provider_drive.transport.request import describe, prepare
from airflow_provider_drive.transport.throttle import (
    NoteFilter,
    Usage,
    rate_limiter_for,
    record_throttling,
    throttled_response,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_drive.auth import Login
    from airflow_provider_drive.protocol.flow import Checkpoint, Flow
    from airflow_provider_drive.settings import Settings
    from airflow_provider_drive.transport.throttle import Log

_T = TypeVar("_T")
MAX_THREADS = 8
"""That send for one task at the same time."""
MAX_MASKED = 20
"""Monitor URLs: each makes Airflow's masker compile all that it knows anew. None is written down anyway."""
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


def run(flow: Flow[_T], session: Session, keep: Callable[[Checkpoint], None] | None = None) -> _T:
    """
    Drive a flow to its end: send what it asks for, sleep when it wants to, return what it returns.

    :param keep: Keeps a checkpoint where it outlives this process. Without it, nothing is kept.
    """
    step = partial(next, flow)
    try:
        while True:
            wanted = step()
            if isinstance(wanted, Gather):
                step = partial(flow.send, _run_gathered(wanted.flows, session, keep))
                continue
            if not isinstance(wanted, Request):
                if isinstance(wanted, Pause):
                    session.pause(wanted)
                elif keep is not None:
                    keep(wanted)
                step = partial(flow.send, None)
                continue
            answer = session.send(wanted)
            step = partial(flow.throw if isinstance(answer, DriveError) else flow.send, answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # a generator's value is what its annotation says


def _run_gathered(
    flows: Sequence[Flow[Any]], session: Session, keep: Callable[[Checkpoint], None] | None
) -> list[Any]:
    def outcome(flow: Flow[Any]) -> Any:
        try:
            return run(flow, session, keep)
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
        self._http = open_session(settings)
        self._budget = rate_limiter_for(
            (settings.hosts.root, settings.tenant_id, settings.client_id), settings.resource_units_per_minute
        )
        self._login, self._log, self._keep_secret = login, log, keep_secret
        self._notes, self._token = NoteFilter(), ""
        self._kept: set[str] = set()

    def pause(self, pause: Pause) -> None:
        """Sleep, and say why if that is news."""
        if note := self._notes.pick(pause):
            self._log.info("%s", note)
        if pause.refusal is not None:
            record_throttling(self.settings.hosts.root, pause.refusal)
            self._learn(pause.refusal)
        until = time.monotonic() + pause.seconds
        while not self.stopped and (remaining := until - time.monotonic()) > 0:
            time.sleep(min(remaining, _SLICE))

    def wait_for_budget(self, method: str, url: str) -> None:
        """Wait until a request that somebody else sends fits into the budget."""
        self._reserve(resource_units(Request(method, url, "")))

    def hear(self, response: requests.Response, **_: Any) -> None:
        """Learn from an answer that somebody else got."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        if self.settings.hosts.is_graph(response.url):
            self._learn(record_throttling(response.url, Response(response.status_code, headers)))

    def _reserve(self, units: int) -> bool:
        """Wait until so many units may be spent; tell whether that took any time."""
        wait = self._budget.reserve(units)
        if wait:
            self.usage.hold_back(wait)
            self.pause(Pause(wait))
        return wait > 0

    def send(self, request: Request) -> Response | DriveError:
        """Send one request. What goes wrong on the way is returned: the flow decides what that means."""
        url, headers = prepare(request, self.settings)
        answer = throttled_response(url)
        if answer is None and self._reserve(resource_units(request)):
            answer = throttled_response(url)  # others were answered meanwhile
        if self.stopped:
            raise DriveError(
                "The task was stopped. Graph offers no way to cancel a copy: one that runs goes on."
            )
        if answer is not None:
            return answer
        if request.authorized:
            headers["Authorization"] = f"Bearer {self._fetch_token(refused=request.refused_token)}"
        elif url not in self._kept and len(self._kept) < MAX_MASKED:
            self._keep_secret(url)
            self._kept.add(url)
        prepared = None
        try:
            prepared = self._http.prepare_request(
                requests.Request(
                    request.method, url, headers=headers, json=request.json, data=request.content
                )
            )
            prepared.url = url  # as it is: a monitor URL is opaque
            settings = self._http.merge_environment_settings(url, {}, True, None, None)  # noqa: FBT003  # stream
            self.usage.add(resource_units(request))
            with nullcontext() if request.authorized else unrecorded():
                response = self._http.send(prepared, allow_redirects=False, **settings)
            with response:
                answer = record_throttling(url, self._read(response))
            if request.authorized:
                self._learn(answer)
            return answer  # noqa: TRY300  # the reading belongs to what may fail
        except DriveError as error:
            failure = error
        except (requests.RequestException, ValueError) as error:  # some of urllib3's own come through
            sent = prepared is not None and _was_sent(error)
            failure = DriveConnectionError(describe(request, url, error), sent=sent)
        return failure

    def _learn(self, answer: Response) -> None:
        """Go more slowly after a refusal, or if an answer tells how little is left."""
        self._budget.record_throttling(answer)
        if is_throttled(answer):
            self.usage.hold_back(retry_after(answer) or 0.0)

    def _fetch_token(self, *, refused: bool) -> str:
        token = self._login.token(refused=self._token if refused else None)
        if token != self._token:
            self._keep_secret(token)
            self._token = token
        return token

    def _read(self, response: requests.Response) -> Response:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status_code, headers, read_whole(response, self.settings.timeout))


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
