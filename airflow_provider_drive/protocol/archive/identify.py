"""
Whether an item at the destination is a copy that this archive has requested.

It is if Graph told its id, if only this archive can have given it its name, or if it has exactly the content
of the original and this archive may have made it. With ``skip`` the content is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.copy.find import Sighting
from airflow_provider_drive.protocol.copy.recovery import Found
from airflow_provider_drive.protocol.items.compare import compare_items, compare_trees
from airflow_provider_drive.protocol.wire.content import Match
from airflow_provider_drive.protocol.wire.items import SKIP

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.archive.context import ArchiveContext
    from airflow_provider_drive.protocol.archive.copy_task import CopyTask
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.items import DriveItem


def identify(copy: CopyTask, item: DriveItem | DriveError | None, context: ArchiveContext) -> Flow[Sighting]:
    """Tell whether an item is a copy, and whole."""
    if isinstance(item, DriveError):
        return unseen(item)
    if item is None:
        is_taken = copy.status is not None and copy.status.is_name_conflict
        return Sighting(Found.UNSEEN if is_taken else Found.NOTHING, reason="it is not to be seen")
    if copy.resource_id is not None:
        return _identify_by_id(copy, item)
    if copy.is_temporary:
        return (yield from _identify_own(copy, item))
    if copy.target.is_claimed(item.ref.item_id, copy.id) or not _may_be_ours(copy, item, context):
        return Sighting(Found.OTHER, item, "another item has its name")
    return (yield from _identify_by_content(copy, item))


def unseen(error: DriveError) -> Sighting:
    """Return what a search has found that went wrong."""
    return Sighting(Found.UNSEEN, reason=f"the destination cannot be searched: {error}")


def _identify_by_id(copy: CopyTask, item: DriveItem) -> Sighting:
    """Tell whether the item that Graph called the copy is where it was to go."""
    folder = copy.target.ref
    if item.parent_id is None or (folder is not None and item.is_in(folder)):
        return Sighting(Found.OURS, item)
    where = f"it is in the folder {item.parent_id} of the drive {item.ref.drive_id}"
    return Sighting(Found.ELSEWHERE, item, where)


def _identify_own(copy: CopyTask, item: DriveItem) -> Flow[Sighting]:
    """Tell whether an item that only this archive can have made is whole, or of an earlier version."""
    cannot_be_compared = copy.vanished or copy.contents is not None
    if cannot_be_compared or (yield from compare_items(item, copy.source)) is not Match.DIFFERENT:
        return Sighting(Found.OURS, item)
    if (copy.source.modified or 0.0) > (item.created or 0.0):
        return Sighting(Found.OURS, item)  # of an earlier version: it is discarded
    return Sighting(Found.FILLING, item, f"it has {item.size} bytes, and another content")


def _may_be_ours(copy: CopyTask, item: DriveItem, context: ArchiveContext) -> bool:
    """Whether an item that has the copy's name counts as the copy, if it has exactly its content."""
    if context.order.conflict_behavior == SKIP:
        return True
    has_failed = copy.status is not None and copy.status.state == "failed"
    may_be_made = copy.lost > 0 or copy.refusal is not None or (copy.is_accepted and not has_failed)
    return may_be_made and context.is_newer(item)


def _identify_by_content(copy: CopyTask, item: DriveItem) -> Flow[Sighting]:
    if copy.contents is not None and item.is_folder:
        difference = yield from compare_trees(item.ref, copy.source.ref)
        found = Found.FILLING if difference.is_partial else Found.OTHER
        return Sighting(Found.OURS if difference.is_exact else found, item, str(difference))
    match = yield from compare_items(item, copy.source)
    found = Found.OURS if match is Match.SAME else Found.OTHER
    return Sighting(found, item, "it does not have exactly the content of the original")
