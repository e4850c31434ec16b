"""When to poll copies, learned from how long copies take."""

from __future__ import annotations

from collections import deque
from statistics import median

SHORTEST_PAUSE = 1.0
"""Seconds after its request that a copy is polled first, unless the poll interval is shorter."""
MIN_SAMPLE = 5
"""Copies that are polled often, until it is known how long one takes."""
GROWTH = 0.15
"""The pause before the next poll, as a fraction of the copy's age."""


class PollSchedule:
    """
    When to poll copies.

    :param poll_interval: The longest pause between two polls, in seconds.
    """

    def __init__(self, poll_interval: float) -> None:
        self._longest, self.shortest = poll_interval, min(SHORTEST_PAUSE, poll_interval)
        self._durations: deque[float] = deque(maxlen=50)

    def add(self, seconds: float) -> None:
        """Note how long a copy took."""
        self._durations.append(seconds)

    @property
    def sample_size(self) -> int:
        """How many copies to poll often, because it is not known yet how long a copy takes."""
        return max(0, MIN_SAMPLE - len(self._durations))

    def first_poll(self) -> float:
        """Return the seconds from the request for a copy to its first poll, if it is not of the sample."""
        return self._longest if self.sample_size else max(self.shortest, min(self._typical, self._longest))

    def pause_after(self, age: float) -> float:
        """Return the seconds until a copy of an age is polled, or searched, again."""
        until_most_end = 0.9 * self._typical - age
        return min(self._longest, max(self.shortest, GROWTH * age, until_most_end))

    @property
    def _typical(self) -> float:
        """How long copies take; 0 if it is not known yet."""
        return median(self._durations) if len(self._durations) >= MIN_SAMPLE else 0.0
