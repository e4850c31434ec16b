"""
The flow that waits for a copy, or for a long move, by its monitor.

It needs no token and nothing but the URL, so it runs in the triggerer as well as in a worker.

https://learn.microsoft.com/graph/long-running-actions-overview
"""

from __future__ import annotations

import random
import time
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
from airflow_provider_drive.protocol.timing import POLL_INTERVAL
from airflow_provider_drive.protocol.wire.copy_job import CopyStatus, monitor_request, read_copy_status
from airflow_provider_drive.protocol.wire.errors import error_from_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_drive.protocol.flow import Flow, Request
    from airflow_provider_drive.protocol.wire.hosts import Hosts


_PARTS = 3
"""Of a pause: after each it is seen whether most of a crowd have ended."""


class PollResult(NamedTuple):
    """How a copy stands, and the seconds that its monitor wants to be left alone."""

    status: CopyStatus
    asked: float = 0.0


def poll_once(monitor_url: str, hosts: Hosts) -> Flow[PollResult]:
    """
    Ask how a copy stands.

    Whatever goes wrong is a passing fault: garbage, a 5xx, a lost connection, a refusal to answer so often.
    The copy counts as running then, and the message says why. A monitor that does not know the job is asked
    twice: one 404 in a hundred is a mistake.
    """
    return (yield from _look(monitor_request(monitor_url, hosts)))


def _look(request: Request) -> Flow[PollResult]:
    asked = 0.0
    try:
        for _ in range(2):
            response = yield request
            asked = retry_after(response) or 0.0
            if is_throttled(response):
                return PollResult(
                    CopyStatus("running", message=str(error_from_response(response, request.action))), asked
                )
            status = read_copy_status(response)
            if status.state != "unknown":
                return PollResult(status, asked)
            yield Pause(backoff(0))
    except (DriveConnectionError, DriveRequestError, DriveResponseError) as error:
        return PollResult(CopyStatus("running", message=str(error)), asked)
    return PollResult(CopyStatus("unknown", message="its monitor does not know it any more"))


def poll_monitors(
    monitors: Mapping[str, str], hosts: Hosts, *, deadline: float, poll_interval: float = POLL_INTERVAL
) -> Flow[dict[str, CopyStatus]]:
    """
    Look at many copies until all have ended, at each of them once in ``poll_interval`` seconds.

    When most have ended, the others are likely to: they are looked at sooner, while more of them end.

    :param monitors: Their URLs, by names of the caller's.
    """
    cohort = _Cohort(len(monitors))
    watches = [
        _watch_one(url, hosts, cohort, deadline=deadline, poll_interval=poll_interval)
        for url in monitors.values()
    ]
    ends = zip(monitors, (yield Gather(watches)), strict=True)
    return {
        name: CopyStatus("unknown", message=str(end)) if isinstance(end, DriveError) else end
        for name, end in ends
    }


class _Cohort:
    """Copies that were asked for together."""

    def __init__(self, size: int) -> None:
        self.size, self.ended = size, 0

    def wait(self, seconds: float) -> Flow[None]:
        """Wait, but not so long if meanwhile most have ended."""
        before = self.ended
        for _ in range(_PARTS):
            yield Pause(seconds / _PARTS)
            if self.ended > before and 2 * self.ended >= self.size:
                return


def _watch_one(
    url: str, hosts: Hosts, cohort: _Cohort, *, deadline: float, poll_interval: float
) -> Flow[CopyStatus]:
    yield Pause(random.uniform(0.0, poll_interval))  # noqa: S311  # nothing secret, but not all at once
    status = yield from poll_monitor(
        url, hosts, deadline=deadline, poll_interval=poll_interval, cohort=cohort
    )
    cohort.ended += 1
    return status


def poll_monitor(
    monitor_url: str,
    hosts: Hosts,
    *,
    deadline: float,
    poll_interval: float = POLL_INTERVAL,
    fresh: bool = False,
    looks: int | None = None,
    cohort: _Cohort | None = None,
    clock: Callable[[], float] = time.time,
) -> Flow[CopyStatus]:
    """
    Look at a copy again and again, until it ends.

    At the deadline there is one look more, since a copy that is done then is done.

    :param deadline: When to give up, in seconds since the epoch: the state is ``timeout`` then.
    :param poll_interval: Seconds between two looks at most; ``Retry-After`` counts more.
    :param fresh: The copy was submitted just now, so the first look comes after the first pause.
    :param looks: Give up after so many.
    :param crowd: Those that it is one of: all pauses are as long as ``poll_interval`` then, or end with most
        of the crowd. Without one they grow up to it.
    """
    request = monitor_request(monitor_url, hosts)
    pauses = poll_intervals(poll_interval) if cohort is None else repeat(poll_interval)
    percent: float | None = None
    if fresh:
        yield Pause(min(next(pauses), max(0.0, deadline - clock())))
    while True:
        looks = looks and looks - 1
        last = looks == 0 or clock() >= deadline
        status, asked = yield from _look(request)
        if not status.is_running:
            return status
        percent = percent if status.percent_complete is None else status.percent_complete
        status = replace(status, percent_complete=percent)
        if last:
            return replace(status, state="timeout")
        pause = max(next(pauses), spread(asked) if asked else 0.0)
        pause = max(0.0, min(pause, deadline - clock()))
        if cohort is not None and not asked:
            yield from cohort.wait(pause)
            continue
        note = f"the copy is at {status.progress}" if percent and percent >= 1 else ""
        yield Pause(pause, note)
