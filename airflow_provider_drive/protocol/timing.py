"""How long a flow waits, how often it looks, and by which clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

COPY_TIMEOUT = 86_400.0
"""Seconds that a copy may take: a monitor URL was seen to live a day."""
POLL_INTERVAL = 15.0
"""The longest pause between two polls of a monitor, in seconds."""
DEFERRAL_MARGIN = 120.0
"""Seconds by which Airflow's own limit of a deferral is later than the trigger's, whose message says more."""


@dataclass(frozen=True, slots=True)
class Timings:
    """
    How long Graph may take to show what it did. All in seconds.

    :param read_back: Until a completed copy can be read: a minute and a half was seen.
    :param min_read_back: The same at least, however near the deadline is.
    :param find: How long the destination is searched if no monitor knows the copy.
    :param resume_find: The same for what an earlier try may have requested: most copies take less.
    :param false_404: How long it is searched for a copy that Graph refused with a 404 and may make all the
        same: https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3426
    :param move: How long a move within a drive may take, if Graph makes it after its answer.
    :param filling: Pauses in which a completed folder may still be filling:
        https://github.com/OneDrive/onedrive-api-docs/issues/1239
    :param locked: How long a copy may be locked after it has arrived, while it is to get its final name.
    :param throttled: How long an archive submits no copies after Graph throttled it beyond the retry budget.
    :param progress: Between two lines in the log about an archive's progress.
    """

    read_back: float = 100.0
    min_read_back: float = 10.0
    find: float = 120.0
    resume_find: float = 20.0
    false_404: float = 5.0
    move: float = 3_600.0
    filling: tuple[float, ...] = (2.0, 8.0, 20.0)
    locked: float = 60.0
    throttled: float = 300.0
    progress: float = 10.0


@dataclass(frozen=True, slots=True)
class Wait:
    """
    How long a flow waits, how often it looks, and by which clock.

    :param deadline: When it gives up, by ``clock``: seconds since the epoch. Default is never.
    :param expires: When it gives up, by ``timer``. Default is never.
    :param poll_interval: The longest pause between two polls, in seconds. Default is 15.
    :param clock: Tells the time, in seconds since the epoch. A transport's clock tells Graph's time, from the
        first answer on. Default is this machine's.
    :param timer: Measures durations: unlike the clock, it is never adjusted. Default is the monotonic clock.
    """

    deadline: float = math.inf
    expires: float = math.inf
    poll_interval: float = POLL_INTERVAL
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.monotonic
    timings: Timings = field(default_factory=Timings)

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self.clock()

    @property
    def remaining(self) -> float:
        """Seconds until it is over, never negative."""
        return max(0.0, min(self.deadline - self.clock(), self.expires - self.timer()))

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.remaining <= 0.0

    def at_most(self, seconds: float) -> Wait:
        """Return a wait that ends after so many seconds, or with this one if that is earlier."""
        return replace(self, expires=min(self.expires, self.timer() + seconds))

    def at_least(self, seconds: float) -> Wait:
        """Return a wait that goes on for so many seconds, even if this one is over before."""
        if self.remaining >= seconds:
            return self
        return replace(self, deadline=math.inf, expires=self.timer() + seconds)
