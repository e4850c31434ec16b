"""
When a request is sent again, and after how long.

https://learn.microsoft.com/graph/throttling
https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from airflow_provider_drive.exceptions import DriveConnectionError, DriveResponseError
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.wire.errors import error_from_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.flow import Flow, Request, Response

RETRY_BUDGET_SECONDS = 300.0
"""How long one request may be put off, all its pauses together."""
FaultKind = Literal["throttled", "transient", "unreadable"]
MAX_TRIES: Mapping[FaultKind, int] = {"throttled": 15, "transient": 5, "unreadable": 3}
"""
How often one request may meet each kind of fault: throttling; a lost connection or a 5xx; an answer that
cannot be read. Throttling ends with the five minutes rather than with the tries.
"""
MAX_RETRY_AFTER = 3600.0
"""The longest ``Retry-After`` that was seen. A longer one is shortened to it."""

_NOT_GRAPH = "A proxy or a sign-in page may have answered instead of Graph: check the connection's proxies."

_T = TypeVar("_T")


def retry_after(response: Response) -> float | None:
    """
    Return the seconds that an answer asks to wait, given as seconds or as a date; an hour at most.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, response.headers.get("date", ""))
    return min(max(0.0, seconds), MAX_RETRY_AFTER) if math.isfinite(seconds) else None


def _seconds_until(moment: str, now: str) -> float:
    try:
        until = parsedate_to_datetime(moment).timestamp()
    except (ValueError, OverflowError):
        return math.nan
    try:
        return until - parsedate_to_datetime(now).timestamp()  # by the service's clock
    except (ValueError, OverflowError):
        return until - time.time()


def is_throttled(response: Response) -> bool:
    """Whether the request was one too many: it was refused, and had no effect, whatever it asked for."""
    return response.status == 429 or (response.status == 503 and retry_after(response) is not None)


def is_transient(response: Response) -> bool:
    """Whether the same request may succeed later, though its effect is unknown."""
    return response.status == 408 or (response.status >= 500 and response.status not in {501, 505, 507})


def backoff(attempt: int, *, base: float = 1.0, longest: float = 60.0) -> float:
    """Return the seconds before the next try: doubling, and spread so that callers do not come in step."""
    return min(longest, base * 2.0 ** min(attempt, 30)) * random.uniform(0.75, 1.25)  # noqa: S311  # nothing secret


def spread(seconds: float) -> float:
    """
    Return what Graph asked for, and up to a tenth more: two seconds at least, ten at most.

    That keeps apart the processes that were held back together. Those of one process come one by one besides.
    """
    return seconds + random.uniform(0.0, min(10.0, max(2.0, 0.1 * seconds)))  # noqa: S311  # nothing secret


def poll_intervals(poll_interval: float) -> Iterator[float]:
    """
    Yield the pauses between looks at a copy: from about a second up to ``poll_interval``, never beyond it.

    An interval under a second is kept as it is.
    """
    pause = 1.0
    while True:
        if poll_interval < 1.0:
            yield poll_interval
        else:
            yield min(poll_interval, pause * random.uniform(0.8, 1.2))  # noqa: S311  # nothing secret
            pause = min(poll_interval * 1.25, pause * 1.6)


class RetryBudget:
    """
    How often and how long one request may be sent again: the pause before the next try, or the error.

    :param seconds: How long all pauses together may be. Default is five minutes.
    """

    def __init__(self, seconds: float = RETRY_BUDGET_SECONDS) -> None:
        self.seconds = seconds
        self.waited = 0.0
        self.counts: Counter[FaultKind] = Counter()

    def pause(self, kind: FaultKind, failure: DriveError, retry_after: float | None = None) -> Pause:
        """
        Return the pause before the next try: what Graph asked for, or our own growing one if that is longer.

        :param kind: What went wrong: each kind is counted for itself.
        :param failure: The error, raised if the budget is used up.
        :param retry_after: The seconds that Graph asked to wait.
        """
        self.counts[kind] += 1
        count = self.counts[kind]
        left = self.seconds - self.waited
        asked = 0.0 if retry_after is None else spread(retry_after)
        # many that come back together after a short Retry-After would get the same answer again and again
        seconds = max(asked, min(backoff(count - 1), left))
        if count >= MAX_TRIES[kind] or not 0.0 < seconds <= left:
            failure.add(f"Gave up after {count} tries and {self._describe(seconds)}.")
            raise failure
        self.waited += seconds
        return Pause(seconds)

    def _describe(self, seconds: float) -> str:
        text = f"{self.waited:.0f} s of waiting, with a budget of {self.seconds:.0f} s"
        over = self.waited + seconds > self.seconds
        return f"{text} (Graph asks for {seconds:.0f} s more)" if over else text


def send_with_retries(
    request: Request,
    read: Callable[[Response], _T],
    budget: RetryBudget | None = None,
    check_again: Callable[[], Flow[None]] | None = None,
) -> Flow[_T]:
    """
    Send a request until it is answered for good, and return what ``read`` makes of the answer.

    A request that was throttled or never left is sent again. After a lost answer, a 5xx or an unreadable
    answer, only one that is :attr:`~Request.repeatable` is. A refused token is replaced, once.

    :param check_again: Looks once more, before the request is sent again, whether it may be.
    :raises DriveConnectionError: If no answer came. With ``sent`` the request may have had its effect.
    """
    budget = budget or RetryBudget()
    sending = request
    while True:
        seconds: float | None = None
        kind: FaultKind = "transient"
        try:
            response = yield sending
            if response.status == 401 and request.is_to_graph and not sending.refused_token:
                sending = replace(request, refused_token=True)
                continue
            sending = request
            if is_throttled(response):
                kind = "throttled"
            elif not (request.repeatable and is_transient(response)):
                return read(response)
            failure = error_from_response(response, request.action, request.trace)
            seconds = retry_after(response)
        except DriveConnectionError as error:
            if error.sent and not request.repeatable:
                raise
            failure, error.trace = error, request.trace
        except DriveResponseError as error:
            _describe_unreadable(error, request)
            if not (error.retryable and request.repeatable):
                raise
            failure, kind = error, "unreadable"
            sending = request = replace(request, is_alone=True)  # it may be only a batch that is unreadable
        yield budget.pause(kind, failure, seconds)
        if check_again is not None:
            yield from check_again()


def _describe_unreadable(error: DriveResponseError, request: Request) -> None:
    """Let an error say what the request was for, if it does not yet."""
    if not str(error).startswith("Could not "):
        error.args = (f"Could not {request.action}: {error}.\n{_NOT_GRAPH}",)
        error.trace = request.trace
