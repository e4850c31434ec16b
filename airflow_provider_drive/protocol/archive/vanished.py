"""
Copies whose originals have vanished before a retry, or during a deferral.

They are known by what an earlier try has stored, so they still get their names. They are not compared: what
they were made of is gone, or is not to be archived any more; so such an original is never deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveRequestError
from airflow_provider_drive.protocol.archive.context import about_one_item
from airflow_provider_drive.protocol.archive.copy_task import CopyTask
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.archive.plan import is_copy_of_another
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.items.listing import ListedItem
from airflow_provider_drive.protocol.items.lookup import find_item
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.items import DriveItem

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.archive.context import ArchiveContext
    from airflow_provider_drive.protocol.archive.target import TargetFolder
    from airflow_provider_drive.protocol.archive.work import Work
    from airflow_provider_drive.protocol.flow import Flow


def finish_vanished(work: Work) -> Flow[None]:
    """Go on with copies whose originals were not found among what is to be archived."""
    unfinished, work.scan.unfinished = work.scan.unfinished, {}
    refs = [ItemRef(origin.drive_id, source_id) for source_id, origin in unfinished.items()]
    originals = yield from in_batches([find_item(ref) for ref in refs])
    for ref, origin, original in zip(refs, unfinished.values(), originals, strict=True):
        kind = "folder" if origin.is_folder else None
        found = ListedItem(origin.path, DriveItem(ref, origin.path.rpartition("/")[2], kind=kind))
        work.progress.found += 1
        planned = yield from _plan(found, work, is_gone=original is None)
        if isinstance(planned, Outcome):
            work.report(planned)
        else:
            work.waiting.append(planned)


def _plan(found: ListedItem, work: Work, *, is_gone: bool) -> Flow[Outcome | CopyTask]:
    """Return the copy to go on with, or why it cannot be finished."""
    state, source_id = work.state, found.item.ref.item_id
    failure = state.failed.get(source_id)
    if failure is not None:
        pending = state.pending.pop(source_id, None)
        name = work.context.arrival_name(found.item) if pending and pending.is_temporary else found.item.name
        late = f"if its copy still comes, its name is {name!r}"
        return Outcome("failed", found, reason=f"{failure}. The original is not found any more; {late}")
    try:
        target = yield from work.scan.target_of(found.path)
        yield from target.list_items()
    except DriveRequestError as error:
        return Outcome("failed", found, reason=str(about_one_item(error)))
    if target.ref is None:
        return Outcome("failed", found, reason="the folder that its copy has gone to is not there any more")
    there = target.items.get(found.item.name or "")
    if there is not None and is_copy_of_another(there, found, target, work.context):
        name = work.context.arrival_name(found.item)
        reason = f"another document of this archive has its name; if its copy has come, its name is {name!r}"
        return Outcome("failed", found, reason=reason)
    return _go_on(found, target, work.context, is_gone=is_gone)


def _go_on(found: ListedItem, target: TargetFolder, context: ArchiveContext, *, is_gone: bool) -> CopyTask:
    item, behavior = found.item, context.order.conflict_behavior
    name, arrival = item.name or "", context.arrival_name(item)
    copy = CopyTask(found, target, arrival, name, contents={} if item.is_folder else None)
    copy.is_temporary = behavior == "rename" or (behavior == "replace" and not item.is_folder)
    copy.vanished = "gone" if is_gone else "elsewhere"
    copy.resume(context.state, context.wait.now())
    copy.name = arrival if copy.is_temporary else name
    return copy
