"""
One reading of a drive's changes for all who watch folders in it, in one process.

Airflow's own shared streams are not used for this: they exist from Airflow 3.3 on, one exception in the
stream ends all of its triggers, and their crash safety does not reach the state of each trigger.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.process import Registry
from airflow_provider_drive.protocol.changes.delta import is_expired, read_delta

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from airflow_provider_drive.protocol.changes.delta import Delta
    from airflow_provider_drive.protocol.flow import Flow

    Run = Callable[[Flow[Any]], Awaitable[Any]]

_KEPT = 30
"""Readings that are kept for those who are behind. Who is further behind reads for itself."""


class _ExpiredError(Exception):
    """A cursor cannot be used any more."""


class _Reading(NamedTuple):
    since: str
    delta: Delta


class DriveFeed:
    """
    The changes of one drive.

    Whoever is at the newest cursor waits until it is time to read again; the first one whose time has come
    reads for all. Whoever is at an older one is given what has been read since, and then goes on with the
    others.

    :param drive_id: The drive.
    """

    def __init__(self, drive_id: str) -> None:
        self._drive_id = drive_id
        self._readings: deque[_Reading] = deque(maxlen=_KEPT)
        self._count = 0
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._news = asyncio.Event()

    async def latest(self, run: Run) -> Delta:
        """Return a cursor that stands for now, without changes."""
        async with self._lock:
            if self._readings:
                with suppress(_ExpiredError):
                    return (await self._read(self._readings[-1].delta.cursor, run))._replace(entries=[])
            return self._keep("", await run(read_delta(self._drive_id)))

    async def changes(self, cursor: str, run: Run, interval: float) -> Delta | None:
        """
        Return what has changed since a cursor; None if that cannot be read any more.

        :param run: Runs a flow over the session of the one who asks.
        :param interval: Seconds between two readings, at least.
        """
        count = self._count
        await self._wait_for_news(cursor, interval)
        async with self._lock:
            with suppress(_ExpiredError):
                return await self._changes(cursor, run, interval, is_due=self._count == count)
            return None

    async def _changes(self, cursor: str, run: Run, interval: float, *, is_due: bool) -> Delta:
        if not self._readings or (is_due and self._readings[-1].delta.cursor == cursor):
            return await self._read(cursor, run)
        if self._read_at + interval <= time.monotonic():
            await self._read(self._readings[-1].delta.cursor, run)
        if (delta := self._since(cursor)) is not None:
            return delta
        shared = self._readings[-1].delta
        own = await _read_or_expire(read_delta(self._drive_id, cursor), run)
        return shared._replace(entries=own.entries)  # a change that comes again has no effect

    async def _wait_for_news(self, cursor: str, interval: float) -> None:
        """Wait until there is something newer than the newest cursor, or it is time to read."""
        if self._readings and self._readings[-1].delta.cursor == cursor:
            remaining = self._read_at + interval - time.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, remaining)):
                    await self._news.wait()

    def _since(self, cursor: str) -> Delta | None:
        """Return what has been read since a cursor; None if that is not known."""
        entries, is_found = [], False
        for reading in self._readings:
            is_found = is_found or reading.since == cursor
            entries += reading.delta.entries if is_found else []
        return self._readings[-1].delta._replace(entries=entries) if is_found else None

    async def _read(self, cursor: str, run: Run) -> Delta:
        self._read_at = time.monotonic()  # also if it fails: the others are not to try at once
        try:
            return self._keep(cursor, await _read_or_expire(read_delta(self._drive_id, cursor), run))
        except _ExpiredError:
            self._readings.clear()  # they end at this cursor
            raise

    def _keep(self, cursor: str, delta: Delta) -> Delta:
        self._readings.append(_Reading(cursor, delta))
        self._count += 1
        self._read_at = time.monotonic()
        self._news.set()
        self._news = asyncio.Event()
        return delta


async def _read_or_expire(flow: Flow[Delta], run: Run) -> Delta:
    try:
        delta: Delta = await run(flow)
    except DriveError as error:
        if is_expired(error):
            raise _ExpiredError from error
        raise
    return delta


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, Registry[tuple[Hashable, str], DriveFeed]]
_feeds = WeakKeyDictionary()


def feed_of(connection: Hashable, drive_id: str) -> DriveFeed:
    """Return the one feed that this process has for a drive, as a connection sees it."""
    loop = asyncio.get_running_loop()
    feeds = _feeds.get(loop) or _feeds.setdefault(loop, Registry(lambda key: DriveFeed(key[1])))
    return feeds.get((connection, drive_id))
