"""
When a request is sent again, and after how long.

https://learn.microsoft.com/graph/throttling
https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_drive.exceptions import DriveConnectionError, DriveResponseError
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.wire.errors import error_from_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.flow import Flow, Request, Response

RETRY_BUDGET_SECONDS = 300.0
"""How long one request may be put off, all its pauses together."""
MAX_THROTTLED = 8
"""How often one request may be throttled."""
MAX_TRANSIENT_FAULTS = 5
"""How often one request may meet a fault that passes: a lost connection, a 5xx."""
MAX_UNREADABLE = 3
"""How often one request may be answered with something unreadable."""
MAX_RETRY_AFTER = 3600.0
"""The longest that was seen. What is beyond is taken for it: a slip must not stop a triggerer for days."""

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
    """Whether the same request may well succeed later, though nobody knows whether it had an effect."""
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
    """How much longer one request may be put off. Says how long to wait, or raises what went wrong."""

    def __init__(self, budget: float = RETRY_BUDGET_SECONDS) -> None:
        self.budget = budget
        self.waited = 0.0
        self.counts: dict[int, int] = {}

    def pause(self, failure: DriveError, limit: int, asked: float | None = None) -> Pause:
        """
        Return the pause before the next try.

        :param failure: What went wrong; raised if there is no patience left.
        :param limit: How many such failures are borne.
        :param asked: The seconds that Graph asked for.
        """
        count = self.counts[limit] = self.counts.get(limit, 0) + 1
        seconds = backoff(count - 1) if asked is None else spread(asked)
        if seconds < 1.0:  # who is asked to come back at once would only hammer
            seconds = max(seconds, backoff(count - 1, base=0.25))
        if count >= limit or self.waited + seconds > self.budget:
            failure.args = (f"{failure} Gave up after {count} tries and {self._told(seconds)}.",)
            raise failure
        self.waited += seconds
        return Pause(seconds)

    def _told(self, seconds: float) -> str:
        told = f"{self.waited:.0f} s of waiting, with a budget of {self.budget:.0f} s"
        return (
            f"{told} (Graph asks for {seconds:.0f} s more)" if self.waited + seconds > self.budget else told
        )


def send_with_retries(
    request: Request, read: Callable[[Response], _T], budget: RetryBudget | None = None
) -> Flow[_T]:
    """
    Send a request until it is answered for good, and return what ``read`` makes of the answer.

    Sent again: anything that was refused as too much or never left; and after a lost answer, a 5xx or
    garbage, only what is :attr:`~Request.repeatable`. A refused token is replaced, once.

    :raises DriveConnectionError: If no answer came. With ``sent`` the request may have had its effect.
    """
    budget = budget or RetryBudget()
    sending = request
    while True:
        asked: float | None = None
        limit = MAX_TRANSIENT_FAULTS
        try:
            response = yield sending
            if response.status == 401 and request.authorized and not sending.refused_token:
                sending = replace(request, refused_token=True)
                continue
            sending = request
            if is_throttled(response):
                failure, limit, asked = (
                    error_from_response(response, request.action),
                    MAX_THROTTLED,
                    retry_after(response),
                )
            elif request.repeatable and is_transient(response):
                failure, asked = error_from_response(response, request.action), retry_after(response)
            else:
                return read(response)
        except DriveConnectionError as error:
            if error.sent and not request.repeatable:
                raise
            failure = error
        except DriveResponseError as error:
            if not error.retryable or not request.repeatable:
                raise
            failure, limit = error, MAX_UNREADABLE
        yield budget.pause(failure, limit, asked)
