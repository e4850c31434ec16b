"""Runs Dags when documents below a folder change. Dag files import this: what polls is imported later."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from airflow.triggers.base import TriggerEvent

from airflow_provider_drive.triggers.failures import describe_failure, ends_trigger

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError:  # Airflow 2 has no watchers
    from airflow.triggers.base import BaseTrigger as BaseEventTrigger  # type: ignore[assignment]  # its base

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from airflow_provider_drive.triggers.watcher import FolderWatcher

MAX_BACKOFF = 900.0
"""Seconds between two tries while something is wrong, at most."""
_PARAMETERS = (
    *("folder", "pattern", "exclude", "recursive", "kinds", "settle", "max_items", "since"),
    *("poll_interval", "drive_conn_id", "asset"),
)


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

    :param folder: Address of the folder. Not a sharing link: Airflow stores the parameters in clear.
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

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores, as JSON: other types could change the trigger's hash."""
        path = f"{type(self).__module__}.{type(self).__name__}"
        return path, {name: _plain(getattr(self, name)) for name in _PARAMETERS}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Report changes, for ever: a watcher that raises is started again every two seconds."""
        watcher: FolderWatcher | None = None
        failures, logged = 0, ""
        while True:
            try:
                if watcher is None:
                    watcher = await asyncio.to_thread(_make_watcher, self)
                async with aclosing(watcher.watch()) as polls:
                    async for event in polls:
                        failures, logged = 0, ""
                        if event is not None:
                            yield TriggerEvent(event)  # type: ignore[no-untyped-call]  # Airflow's is untyped
            except BaseException as error:
                if ends_trigger(error):
                    raise
                failures, logged = failures + 1, self._log_failure(error, logged)
                await asyncio.sleep(self._backoff(failures))

    async def on_kill(self) -> None:
        """Do nothing: a watcher is also killed when its Dag is paused or parsed again."""

    @property
    def label(self) -> str:
        """The watcher, for the log. The folder's address may be a sharing link, which is a secret."""
        return f"the watcher of the asset {self.asset!r}" if self.asset else "a watcher of a folder"

    def _backoff(self, failures: int) -> float:
        """Return the seconds before the next try, whatever the parameter is."""
        given = self.poll_interval
        is_usable = isinstance(given, (int, float)) and given > 0
        return min(MAX_BACKOFF, given * 2.0 ** min(failures - 1, 10)) if is_usable else MAX_BACKOFF

    def _log_failure(self, error: BaseException, logged: str) -> str:
        """Log what is wrong, unless that was logged before, and return its kind."""
        code = getattr(error, "code", "")  # a text of Graph's has the id of the request in it
        what = describe_failure(error)
        kind = f"{type(error).__name__} {code}" if code else what
        if kind != logged:
            label = self.label[0].upper() + self.label[1:]
            self.log.error("%s cannot go on: %s It tries again.", label, what)
        return kind


def _make_watcher(trigger: DriveChangesTrigger) -> FolderWatcher:
    """Import what polls, which takes too long for the loop, and for a Dag file."""
    module = import_module("airflow_provider_drive.triggers.watcher")
    watcher: FolderWatcher = module.FolderWatcher(trigger)
    return watcher


def _plain(value: Any) -> Any:
    if isinstance(value, (tuple, list, set)):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
