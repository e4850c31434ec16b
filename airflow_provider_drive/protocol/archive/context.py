"""What holds for all documents of an archive: the order, its state, and how long to wait."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveRequestError, DriveThrottledError
from airflow_provider_drive.protocol.copy.find import CLOCK_SLACK
from airflow_provider_drive.protocol.flow import Checkpoint
from airflow_provider_drive.protocol.wire.names import temporary_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.archive.order import ArchiveOrder
    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.items import DriveItem


@dataclass(frozen=True, slots=True)
class ArchiveContext:
    """
    What holds for all documents of an archive.

    :param state: Changes while the archive runs.
    :param copy_timeout: Seconds that each copy may take.
    :param is_resumed: An earlier try, or this task before it was deferred, may have made copies.
    :param is_durable: A later try finds the state.
    """

    order: ArchiveOrder
    state: ArchiveState
    wait: Wait
    copy_timeout: float
    is_resumed: bool = False
    is_durable: bool = True

    def is_newer(self, item: DriveItem) -> bool:
        """Whether an item is not older than this archive. One that is older is not its work."""
        return item.created is not None and item.created >= self.state.begun - CLOCK_SLACK

    def arrival_name(self, source: DriveItem) -> str:
        """Return the name under which only this archive's copy of an item arrives, at each try the same."""
        return self._temporary_name(source, "arrival")

    def displaced_name(self, source: DriveItem) -> str:
        """Return the name of the file that the copy of an item replaces, until that file is deleted."""
        return self._temporary_name(source, "displaced")

    def _temporary_name(self, source: DriveItem, purpose: str) -> str:
        token = hashlib.sha256(f"{self.state.token} {source.ref.full} {purpose}".encode()).hexdigest()
        return temporary_name(source.name or "", token, is_folder=source.is_folder)

    def save(self) -> Flow[None]:
        """Store the state, but for the failures: a retry requests those copies again."""
        if not self.order.dry_run:
            state = self.state.copied()
            state.failed = {}
            yield Checkpoint("archive", state)


def fingerprint(source: DriveItem, contents: Mapping[str, ListedItem] | None = None) -> str:
    """
    Return a text that changes if an item changes, or anything in a folder that is copied whole.

    It is empty if Graph reports no eTag: then nothing shows a change.
    """
    if contents is None:
        told = source.etag or ""
    else:
        told = "\n".join(sorted(f"{each.item.ref.item_id} {each.item.etag}" for each in contents.values()))
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()[:12] if told else ""


def about_one_item(error: DriveError) -> DriveError:
    """
    Return an error that concerns one item or folder.

    :raises DriveError: If it concerns all of them: no login, no network, throttled for too long.
    """
    if isinstance(error, DriveRequestError) and not isinstance(error, DriveThrottledError):
        return error
    raise error
