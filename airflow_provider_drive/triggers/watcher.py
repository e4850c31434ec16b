"""Polls what has changed below a folder, and keeps what it has reported in Airflow's asset state store."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_drive.protocol.changes.watch import (
    begin,
    change_depth,
    is_watch_of,
    next_event,
    pack,
    read_interest,
    read_since,
    resync,
    take_delta,
    unpack,
)
from airflow_provider_drive.protocol.items.lookup import get_folder
from airflow_provider_drive.protocol.wire.addresses import parse_address
from airflow_provider_drive.protocol.wire.items import print_time
from airflow_provider_drive.protocol.wire.validation import read_seconds
from airflow_provider_drive.triggers import base
from airflow_provider_drive.triggers.feed import feed_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from airflow_provider_drive.protocol.changes.folder import Interest
    from airflow_provider_drive.protocol.changes.watch import Watch
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.transport.asynchronous import AsyncSession
    from airflow_provider_drive.triggers.changes import DriveChangesTrigger
    from airflow_provider_drive.triggers.feed import DriveFeed, Run

KEY = "watch"
"""The key of a watch in the asset state store."""
DELIVERY = 10.0
"""
Seconds after which an event counts as delivered.

Airflow stores an event about a second after it is yielded, and a busy triggerer later: if the state moved on
before that, a killed triggerer would lose the event.
"""
RECHECK = 600.0
"""Seconds after which the connection and the folder's address are read again."""
SAVE = 3_600.0
"""Seconds after which the cursor is stored though nothing has changed: cursors expire."""


class _Visit(NamedTuple):
    """
    Some minutes of polling, with what was read at their beginning.

    :param run: Runs a flow over the session.
    :param folder: The watched folder.
    :param address: Its address, for the log.
    """

    session: AsyncSession
    run: Run
    feed: DriveFeed
    folder: ItemRef
    address: str

    @property
    def now(self) -> float:
        return self.session.clock.now()


class FolderWatcher:
    """
    What a :class:`~airflow_provider_drive.triggers.changes.DriveChangesTrigger` does.

    :param trigger: Its parameters, which are checked here, and its asset state store.
    """

    def __init__(self, trigger: DriveChangesTrigger) -> None:
        self._parameters = trigger
        self._log = trigger.log
        self._store = getattr(trigger, "asset_state_store", None)
        self._watch: Watch | None = None
        self._is_untold = False
        self._saved = float("-inf")

    async def watch(self) -> AsyncGenerator[dict[str, Any] | None]:
        """
        Poll for some minutes, after which the connection and the address are to be read again.

        :return: After each poll an event, or None if there is nothing to report.
        """
        until = time.monotonic() + RECHECK
        async with base.open_session(self._parameters.drive_conn_id, self._log, 1.0) as (session, run):
            interval, interest = self._read_parameters(session)
            address = parse_address(self._parameters.folder, session.settings.hosts)
            folder = (await run(get_folder(address))).ref
            feed = feed_of(session.settings, folder.drive_id)
            visit = _Visit(session, run, feed, folder, str(address))
            watch = self._watch = await self._open(visit)
            if (event := await self._take_event(watch)) is not None:
                yield event
            while time.monotonic() < until:
                since = watch.polled
                await self._poll(visit, watch, interval)
                was_told, watch.event = watch.event is not None, next_event(watch, interest, since)
                self._is_untold = watch.event is not None
                if not self._is_untold and (was_told or time.monotonic() - self._saved > SAVE):
                    await self._save(watch)
                yield await self._take_event(watch)

    async def _take_event(self, watch: Watch) -> dict[str, Any] | None:
        """Return the event to report. It is stored first: if this process dies, it is reported again."""
        if not self._is_untold or watch.event is None:
            return None
        await self._save(watch)
        self._is_untold = False
        event: dict[str, Any] = json.loads(json.dumps(watch.event))
        return event

    def _read_parameters(self, session: AsyncSession) -> tuple[float, Interest]:
        """Return the poll interval, and what is reported."""
        given = self._parameters
        return read_seconds("poll_interval", given.poll_interval), read_interest(
            session.clock.now(),
            recursive=given.recursive,
            kinds=given.kinds,
            settle=given.settle,
            max_items=given.max_items,
            pattern=given.pattern,
            exclude=given.exclude,
        )

    async def _open(self, visit: _Visit) -> Watch:
        """Return the watch that is stored, or begin one."""
        watch, recursive = self._watch or await self._load(), self._parameters.recursive
        if watch is None or not is_watch_of(watch, visit.folder, visit.address):
            return await self._begin(visit, None if watch is None else watch.event)
        if watch.folder.folder_id != visit.folder.item_id:
            await self._compare(visit, watch, "There is another folder now")
        if watch.folder.recursive != recursive:
            await visit.run(change_depth(watch, recursive=recursive))
        watch.address = visit.address
        return watch

    async def _begin(self, visit: _Visit, event: dict[str, Any] | None) -> Watch:
        """Begin a watch, and store it with an event of the one before that may not have been reported."""
        given = self._parameters
        since = read_since(given.since, visit.now)
        latest = await visit.feed.latest(visit.run)
        watch: Watch = await visit.run(
            begin(visit.folder, visit.address, latest, visit.now, recursive=given.recursive, since=since)
        )
        watch.event = event
        self._log.info("Watching %s for %s from now on.", visit.address, given.label)
        await self._save(watch)
        return watch

    async def _compare(self, visit: _Visit, watch: Watch, reason: str) -> None:
        self._log.info("%s: comparing all documents in %s.", reason, visit.address)
        latest = await visit.feed.latest(visit.run)
        await visit.run(resync(watch, visit.folder, latest, visit.now))

    async def _poll(self, visit: _Visit, watch: Watch, interval: float) -> None:
        """Wait for the next poll, and record what it returns."""
        delivery = 0.0 if watch.event is None else DELIVERY
        earliest = time.monotonic() + delivery
        delta = await visit.feed.changes(watch.cursor, visit.run, max(interval, delivery))
        if delta is not None:
            await visit.run(take_delta(watch, delta, visit.now))
        else:
            since = print_time(watch.polled)
            await self._compare(visit, watch, f"The changes since {since} cannot be read any more")
        await asyncio.sleep(earliest - time.monotonic())

    async def _load(self) -> Watch | None:
        if self._store is None:
            self._log.warning(
                "This Airflow keeps no state for %s: what changes while the triggerer does not run is not "
                "reported. Airflow 3.3 does.",
                self._parameters.label,
            )
            return None
        stored = await self._store.aget(KEY)
        watch = None if stored is None else await asyncio.to_thread(unpack, stored)
        self._is_untold = watch is not None and watch.event is not None  # the process may have died before
        return watch

    async def _save(self, watch: Watch) -> None:
        if self._store is not None:
            await self._store.aset(KEY, await asyncio.to_thread(pack, watch))
        self._saved = time.monotonic()
