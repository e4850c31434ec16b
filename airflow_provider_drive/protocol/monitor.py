"""
Polls a monitor, Graph's resource for a long-running copy or move, until it ends.

A monitor takes no token and nothing but its URL, so these flows run in the triggerer as well as in a worker.

https://learn.microsoft.com/graph/long-running-actions-overview
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.exceptions import (
    DriveConnectionError,
    DriveError,
    DriveRequestError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.flow import Gather, Pause
from airflow_provider_drive.protocol.retry import backoff, is_throttled, poll_intervals, retry_after, spread
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus, monitor_request, read_copy_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_drive.protocol.flow import Flow, Request
    from airflow_provider_drive.protocol.timing import Wait


_PAUSE_PARTS = 3
"""Parts of a pause: after each, a group of polls checks whether most of its copies have ended."""


class PollResult(NamedTuple):
    """
    What a monitor has answered.

    :param retry_after: Seconds that it asks to wait before the next poll; 0 if it does not ask.
    """

    status: CopyStatus
    retry_after: float = 0.0


def poll_once(monitor_url: str) -> Flow[PollResult]:
    """
    Ask a monitor once for the status of its copy.

    A fault that passes (an unreadable answer, a 5xx, a lost connection, throttling) counts as running, with
    the reason in its message. A monitor that does not know the job is asked twice: one 404 in a hundred is
    wrong.

    :raises DriveResponseError: If the monitor is on a host that may not be called.
    """
    return (yield from _poll(monitor_request(monitor_url)))


def _poll(request: Request) -> Flow[PollResult]:
    seconds = 0.0
    try:
        for _ in range(2):
            response = yield request
            seconds = retry_after(response) or 0.0
            if is_throttled(response):
                message = str(error_from_response(response, request.action))
                return PollResult(CopyStatus("running", message=message), seconds)
            status = read_copy_status(response)
            if status.state != "unknown":
                return PollResult(status, seconds)
            yield Pause(backoff(0))
    except (DriveConnectionError, DriveRequestError, DriveResponseError) as error:
        if isinstance(error, DriveResponseError) and not error.retryable:
            raise
        return PollResult(CopyStatus("running", message=str(error)), seconds)
    return PollResult(CopyStatus("unknown", message="its monitor does not know it any more"))


def poll_monitors(monitors: Mapping[str, str], wait: Wait) -> Flow[dict[str, CopyStatus]]:
    """
    Poll many monitors until all copies have ended, each once per poll interval.

    When most copies have ended, the others are likely to: they are polled sooner while more of them end.

    :param monitors: Their URLs, by keys of the caller's.
    """
    cohort = _Cohort(len(monitors))
    polls = [_poll_in_cohort(url, wait, cohort) for url in monitors.values()]
    ends = zip(monitors, (yield Gather(polls)), strict=True)
    return {
        key: CopyStatus("unknown", message=str(end)) if isinstance(end, DriveError) else end
        for key, end in ends
    }


class _Cohort:
    """Copies that were submitted together."""

    def __init__(self, size: int) -> None:
        self.size, self.ended = size, 0

    def wait(self, seconds: float) -> Flow[None]:
        """Wait, but less long if most of the cohort end meanwhile."""
        before = self.ended
        for _ in range(_PAUSE_PARTS):
            yield Pause(seconds / _PAUSE_PARTS)
            if self.ended > before and 2 * self.ended >= self.size:
                return


def _poll_in_cohort(url: str, wait: Wait, cohort: _Cohort) -> Flow[CopyStatus]:
    yield Pause(random.uniform(0.0, wait.poll_interval))  # noqa: S311  # nothing secret, but not all at once
    status = yield from poll_monitor(url, wait, cohort=cohort)
    cohort.ended += 1
    return status


def poll_monitor(
    monitor_url: str,
    wait: Wait,
    *,
    fresh: bool = False,
    polls: int | None = None,
    cohort: _Cohort | None = None,
) -> Flow[CopyStatus]:
    """
    Poll a monitor until its copy ends, and once more at the deadline: a copy that is done then is done.

    :param wait: At its deadline the state is ``timeout``. A ``Retry-After`` takes precedence over its poll
        interval.
    :param fresh: The copy was submitted just now: pause before the first poll.
    :param polls: Give up after so many, with the state ``timeout``.
    :param cohort: The copies that it was submitted with: then all pauses are as long as the poll interval, or
        end when most of the cohort end. Without one they grow up to the poll interval.
    :raises DriveResponseError: If the monitor is on a host that may not be called.
    """
    request = monitor_request(monitor_url)
    pauses = poll_intervals(wait.poll_interval) if cohort is None else repeat(wait.poll_interval)
    percent: float | None = None
    if fresh:
        yield Pause(min(next(pauses), wait.remaining))
    while True:
        polls = polls and polls - 1
        is_last = polls == 0 or wait.is_over
        status, seconds = yield from _poll(request)
        if not status.is_running:
            return status
        percent = percent if status.percent_complete is None else status.percent_complete
        status = replace(status, percent_complete=percent)
        if is_last and (polls == 0 or wait.is_over):  # the answer may have corrected the clock
            return replace(status, state="timeout")
        pause = min(max(next(pauses), spread(seconds) if seconds else 0.0), wait.remaining)
        if cohort is not None and not seconds:
            yield from cohort.wait(pause)
            continue
        yield Pause(pause, f"the copy is at {status.progress}" if percent and percent >= 1 else "")
