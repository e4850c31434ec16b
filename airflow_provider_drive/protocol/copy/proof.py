"""
The flow that proves that a copy in another drive is whole, before its original is deleted.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveCopyFailedError, DriveItemChangedError
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.compare import (
    compare_listings,
    edited_meanwhile,
    fingerprint,
    list_tree,
)
from airflow_provider_drive.protocol.items.lookup import get_item
from airflow_provider_drive.protocol.retry import backoff
from airflow_provider_drive.protocol.wire.content import Match, compare_files

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.items import DriveItem
    from airflow_provider_drive.protocol.wire.names import NameIndex


def prove(item: DriveItem, copy: DriveItem, wait: Wait, *, tree: str) -> Flow[None]:
    """
    Prove that a copy is whole, or raise and keep the source.

    A container is compared down to its last item, and listed once more after that: its own eTag does not tell
    that something below it was changed.

    :param tree: Fingerprint of what was below a container before its copy was requested.
    :raises DriveCopyFailedError: If the copy is not whole.
    :raises DriveItemChangedError: If the source has changed meanwhile.
    """
    before = (yield from list_tree(item.ref)) if item.is_container else None
    is_as_requested = before is not None and fingerprint(before) == tree
    seconds = wait.timings.read_back
    search = wait.at_least(seconds).at_most(seconds)
    for attempt in count():
        fault = yield from _compare(item, copy, before, is_as_requested=is_as_requested)
        if fault is None:
            break
        if search.is_over:
            raise not_whole(item, copy, fault)
        yield Pause(backoff(attempt, longest=10.0), f"{copy} is not complete yet")
        copy = yield from get_item(copy.ref)
    if before is not None and fingerprint(before) != fingerprint((yield from list_tree(item.ref))):
        raise kept(item, copy, "Something below it was changed while it was copied.")


def _compare(
    item: DriveItem, copy: DriveItem, wanted: NameIndex[DriveItem] | None, *, is_as_requested: bool
) -> Flow[str | None]:
    """
    Return how a copy, which is known by its id, differs from its source; None if it is whole.

    :param wanted: Everything below the source, if it is a container.
    :param is_as_requested: Nothing below the source has changed since before its copy was requested.
    """
    if copy.is_container != item.is_container:
        return "they are not of one kind"
    if wanted is None:
        match = compare_files(copy, item, is_personal=copy.is_personal)
        return "it has another size or hash" if match is Match.DIFFERENT else None
    there = yield from list_tree(copy.ref)
    difference = compare_listings(there, wanted)
    if not difference.is_whole:
        return str(difference)
    doubtful = [] if is_as_requested else edited_meanwhile(difference, there, wanted)
    return (
        f"the original of {doubtful[0]!r} may have been edited since its copy was made" if doubtful else None
    )


def not_whole(item: DriveItem, copy: DriveItem, reason: str) -> DriveCopyFailedError:
    """Return the error that says that a copy is not whole, as far as can be known."""
    return DriveCopyFailedError(
        f"The copy of {item} is not shown to be whole: {copy}: {reason.rstrip('.')}. The original was kept.",
        code="notWhole",
    )


def kept(item: DriveItem, copy: DriveItem, reason: str) -> DriveItemChangedError:
    """Return the error that says that the copy was made, and the original was kept."""
    return DriveItemChangedError(
        f"Could not delete {item} after it was copied: {reason} The copy was made ({copy}), and the original "
        "was kept.",
        status=412,
        code="resourceModified",
        retryable=False,  # a retry would find the same
    )
