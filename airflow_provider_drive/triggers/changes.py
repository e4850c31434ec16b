"""Runs Dags when documents below a folder change."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Literal

from airflow.triggers.base import TriggerEvent

from airflow_provider_drive.exceptions import DriveError, DriveRequestError, DriveResponseError
from airflow_provider_drive.protocol.changes.watch import (
    begin,
    next_event,
    pack,
    read_interest,
    resync,
    take_delta,
    unpack,
)
from airflow_provider_drive.protocol.items.filters import read_selection
from airflow_provider_drive.protocol.items.lookup import get_folder
from airflow_provider_drive.protocol.wire.addresses import parse_address
from airflow_provider_drive.protocol.wire.validation import read_seconds
from airflow_provider_drive.triggers import base
from airflow_provider_drive.triggers.feed import feed_of

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError:  # Airflow 2 has no watchers
    from airflow.triggers.base import BaseTrigger as BaseEventTrigger  # type: ignore[assignment]  # its base

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from airflow_provider_drive.protocol.changes.watch import Interest, Watch
    from airflow_provider_drive.protocol.wire.items import DriveItem
    from airflow_provider_drive.transport.asynchronous import AsyncSession
    from airflow_provider_drive.triggers.feed import DriveFeed, Run

KEY = "watch"
"""The key of a watch in the asset state store."""
MAX_BACKOFF = 900.0
DELIVERY = 10.0
"""
Seconds after which an event counts as told.

Airflow stores an event about a second after it is yielded, and a busy triggerer later: if the state moved on
before that, a killed triggerer would lose the event.
"""
RECHECK = 600.0
"""Seconds after which the connection and the folder's address are read again."""
SAVE = 3_600.0
"""Seconds after which the cursor is stored though nothing has changed: cursors expire."""
_PARAMETERS = ("folder", "pattern", "exclude", "recursive", "kinds", "settle", "max_items", "since")


class DriveChangesTrigger(BaseEventTrigger):
    """
    Report which documents below a folder have changed: for the watchers of an asset, from Airflow 3.0 on.

    Use :func:`~airflow_provider_drive.assets.watch_folder`, which makes the asset and its watcher.

    It reads the delta of the folder's drive, one resource unit a poll, however many documents there are and
    however many folders of the drive are watched in this triggerer. It fires at most once a poll, with
    ``{"id": …, "changes": […], "count": …, "more": …, "from": …, "until": …}``. Each change has the keys
    ``driveId``, ``id``, ``name``, ``path`` (below the folder), ``kind``, ``size``, ``eTag`` and
    ``lastModifiedDateTime``, and is an address for operators. What was there before the first poll is not
    reported.

    From Airflow 3.3 on its state is kept in the asset state store: a change is reported at least once, and if
    the triggerer is killed, an event may be repeated with the same ``id``. On Airflow 3.0 to 3.2 there is no
    such store: what happens while the triggerer does not run is not reported.

    It never ends. Whatever goes wrong (no access, a folder that was deleted, a connection that does not
    exist) is logged once, and it tries again, after at most 15 minutes.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-delta

    :param folder: Address of the folder.
    :param pattern: Glob, or list of globs, of which a document's path below the folder must match one
        (``**/*.csv``). Default is any.
    :param exclude: Glob, or list of globs, of which it must match none. Default is none.
    :param recursive: Include documents in subfolders. Default is ``True``.
    :param kinds: What is reported: ``created`` (also moved, restored or renamed into the selection),
        ``updated``, ``moved`` (within the selection), ``deleted`` (also moved or renamed out of it).
        Default is ``('created', 'updated')``.
    :param settle: Seconds for which a document has not changed, by Graph's clock, before it is reported.
        Until it is complete and has content, it is not reported at all. With ``0``, empty documents are
        reported too. Default is ``60``.
    :param max_items: The most changes in one event; the rest comes with the next poll. Default is ``500``.
    :param since: At the first start, report what was created or changed at or after this time too: an ISO
        8601 time, or a duration before now (``P1D``). Default is nothing.
    :param poll_interval: Seconds between two polls. Default is ``60``.
    :param drive_conn_id: The connection. Default is ``drive_default``.
    :param asset: Name of the watched asset, which keeps triggers of different assets apart. Default is none.
    """

    def __init__(
        self,
        folder: Any,
        *,
        pattern: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
        recursive: bool = True,
        kinds: Sequence[Literal["created", "updated", "moved", "deleted"]] = ("created", "updated"),
        settle: float = 60.0,
        max_items: int = 500,
        since: Any = None,
        poll_interval: float = 60.0,
        drive_conn_id: str = "drive_default",
        asset: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is untyped
        self.folder = folder
        self.pattern = pattern
        self.exclude = exclude
        self.recursive = recursive
        self.kinds = kinds
        self.settle = settle
        self.max_items = max_items
        self.since = since
        self.poll_interval = poll_interval
        self.drive_conn_id = drive_conn_id
        self.asset = asset
        self._watch: Watch | None = None
        self._is_untold = False
        self._saved = float("-inf")
        self._told = ""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores, as JSON: other types could change the trigger's hash."""
        names = (*_PARAMETERS, "poll_interval", "drive_conn_id", "asset")
        path = f"{type(self).__module__}.{type(self).__name__}"
        return path, {name: _plain(getattr(self, name)) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Tell changes, for ever."""
        failures = 0
        while True:
            try:
                async with base.open_session(self.drive_conn_id, self.log, 1.0) as (session, run):
                    async for event in self._session(session, run):
                        yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's is untyped
                        failures = 0
                failures = 0
            except Exception as error:  # noqa: BLE001  # a watcher that raises is started again every two seconds
                failures += 1
                self._log_failure(error)
                await asyncio.sleep(min(MAX_BACKOFF, self._interval * 2.0 ** min(failures - 1, 10)))

    async def on_kill(self) -> None:
        """Do nothing: a watcher is also killed when its Dag is paused or parsed again."""

    @property
    def _interval(self) -> float:
        return self.poll_interval if isinstance(self.poll_interval, (int, float)) else MAX_BACKOFF

    def _log_failure(self, error: Exception) -> None:
        """Log what is wrong, once; of what is not ours only its place, since it may quote a URL."""
        what = str(error) if isinstance(error, DriveError) else f"the trigger failed: {base.locate(error)}"
        kind = f"{type(error).__name__} {error.code}" if isinstance(error, DriveRequestError) else what
        if kind != self._told:  # a text of Graph's has the id of the request in it
            self._told = kind
            self.log.error(
                "The watcher of %s%s cannot go on: %s It tries again.", self.folder, self._named, what
            )

    @property
    def _named(self) -> str:
        return f" (asset {self.asset})" if self.asset else ""

    async def _session(self, session: AsyncSession, run: Run) -> AsyncIterator[dict[str, Any]]:
        """Poll for some minutes, after which the connection and the address are read again."""
        until = time.monotonic() + RECHECK
        interest = self._interest(session)
        address = parse_address(self.folder, session.settings.hosts)
        folder: DriveItem = await run(get_folder(address))
        feed = feed_of(session.settings, folder.ref.drive_id)
        watch = await self._open(session, run, feed, folder, str(address))
        while time.monotonic() < until:
            if self._is_untold and watch.event is not None:
                await self._save(watch)
                self._is_untold = False
                yield json.loads(json.dumps(watch.event))
            since = watch.polled
            await self._poll(session, run, feed, watch, folder)
            was_told, watch.event = watch.event is not None, next_event(watch, interest, since)
            self._is_untold, self._told = watch.event is not None, ""
            if not self._is_untold and (was_told or time.monotonic() - self._saved > SAVE):
                await self._save(watch)

    def _interest(self, session: AsyncSession) -> Interest:
        self.poll_interval = read_seconds("poll_interval", self.poll_interval)
        return read_interest(
            session.clock.now(),
            recursive=self.recursive,
            kinds=self.kinds,
            settle=self.settle,
            max_items=self.max_items,
            pattern=self.pattern,
            exclude=self.exclude,
        )

    async def _open(
        self, session: AsyncSession, run: Run, feed: DriveFeed, folder: DriveItem, address: str
    ) -> Watch:
        """Return the watch that is stored, or begin one."""
        watch = self._watch or await self._load()
        if watch is None or watch.drive_id != folder.ref.drive_id or watch.address != address:
            latest = await feed.latest(run)
            since = read_selection(session.clock.now(), modified_after=self.since).modified_after
            recursive = self.recursive
            now = session.clock.now()
            event = None if watch is None else watch.event
            watch = await run(begin(folder.ref, address, latest, now, recursive=recursive, since=since))
            watch.event = event
            self.log.info("Watching %s%s from now on.", address, self._named)
            await self._save(watch)
        elif watch.folder.folder_id != folder.ref.item_id or watch.folder.recursive != self.recursive:
            watch.folder.recursive = self.recursive
            await run(resync(watch, folder.ref, await feed.latest(run), session.clock.now()))
        self._watch = watch
        return watch

    async def _poll(
        self, session: AsyncSession, run: Run, feed: DriveFeed, watch: Watch, folder: DriveItem
    ) -> None:
        """Wait for the next poll, and record what it returns."""
        interval = self.poll_interval if watch.event is None else max(self.poll_interval, DELIVERY)
        earliest = time.monotonic() + (DELIVERY if watch.event is not None else 0.0)
        try:
            delta = await feed.changes(watch.cursor, run, interval)
        except (DriveRequestError, DriveResponseError) as error:
            is_expired = isinstance(error, DriveRequestError) and error.status in {400, 410}
            if not is_expired and (isinstance(error, DriveRequestError) or error.retryable):
                raise
            feed.forget(watch.cursor)
            self.log.info(
                "The changes since %s cannot be read any more: comparing all documents.", watch.polled
            )
            await run(resync(watch, folder.ref, await feed.latest(run), session.clock.now()))
        else:
            await run(take_delta(watch, delta, session.clock.now()))
        await asyncio.sleep(earliest - time.monotonic())

    async def _load(self) -> Watch | None:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            self.log.warning(
                "This Airflow keeps no state for the watcher of %s%s: what changes while the triggerer does "
                "not run is not reported. Airflow 3.3 does.",
                *(self.folder, self._named),
            )
            return None
        stored = await store.aget(KEY)
        watch = None if stored is None else await asyncio.to_thread(unpack, stored)
        self._is_untold = watch is not None and watch.event is not None  # the process may have died before
        return watch

    async def _save(self, watch: Watch) -> None:
        if (store := getattr(self, "asset_state_store", None)) is not None:
            await store.aset(KEY, await asyncio.to_thread(pack, watch))
        self._saved = time.monotonic()


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list, set)):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
