"""How far an archive is, as a line for the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.timing import Wait


class Progress:
    """
    Counts documents, and tells from time to time how many are done.

    :ivar found: Documents that were found so far.
    """

    def __init__(self, wait: Wait, held: Callable[[], str]) -> None:
        self.found = self._done = self._bytes = 0
        self._wait, self._held = wait, held
        self._started = self._last_line = wait.now()

    def add(self, size: int) -> None:
        """Count a document that is done."""
        self._done += 1
        self._bytes += size

    def line(self, *, is_reading: bool) -> str:
        """
        Return a line for the log, or nothing if the last one is not old enough.

        :param is_reading: There may be more documents than were found.
        """
        now = self._wait.now()
        if now - self._last_line < self._wait.timings.progress:
            return ""
        self._last_line = now
        per_minute = self._done / max(1.0, now - self._started) * 60
        parts = [
            f"{self._done} documents done, {self.found} found so far"
            if is_reading
            else f"{self._done} of {self.found} documents done",
            f"{self._bytes / 1e6:.1f} MB",
            f"{per_minute:.0f} a minute",
        ]
        if per_minute and not is_reading:
            parts.append(f"about {(self.found - self._done) / per_minute * 60:.0f} s to go")
        if held := self._held():
            parts.append(f"{held} so far")
        return ", ".join(parts)
