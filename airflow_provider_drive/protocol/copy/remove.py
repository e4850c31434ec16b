"""The flow that removes a copy under a temporary name, which only this task knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.compare import compare_trees
from airflow_provider_drive.protocol.items.deletion import delete_unchanged
from airflow_provider_drive.protocol.wire.content import Match, compare_files

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.items import DriveItem


def remove_copy(job: CopyJob, item: DriveItem) -> Flow[bool]:
    """
    Delete a copy that is not needed any more, if nobody has changed it, or put something into it.

    https://learn.microsoft.com/graph/api/driveitem-delete

    :return: Whether it is gone. If not, the log says why.
    """
    try:
        if (yield from _was_changed(job, item)):
            yield Pause(0.0, f"{item} is left, because it was changed since it was copied")
            return False
        yield from delete_unchanged(item)
    except DriveError as error:
        yield Pause(0.0, f"{item} is left: {error}")
        return False
    return True


def _was_changed(job: CopyJob, item: DriveItem) -> Flow[bool]:
    """Whether a copy, whole or in part, holds something that its source does not hold."""
    if not item.is_container:
        return job.snapshot is not None and compare_files(item, job.snapshot) is Match.DIFFERENT
    if job.source is None:
        return True
    difference = yield from compare_trees(item.ref, job.source)
    return bool(difference.extra or difference.different)
