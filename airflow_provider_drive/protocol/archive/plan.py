"""
What to do with a document or a folder, given what its place at the destination holds.

A copy keeps its name if that is free: its request is refused if another item has the name by then. With
``rename``, and where a file is replaced, it arrives under a temporary name first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.archive.copy_task import CopyTask
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.archive.state import MAX_DONE
from airflow_provider_drive.protocol.items.compare import compare_items
from airflow_provider_drive.protocol.wire.addresses import same_item
from airflow_provider_drive.protocol.wire.content import Match, compare_files
from airflow_provider_drive.protocol.wire.items import SKIP, print_time
from airflow_provider_drive.protocol.wire.names import free_name, split_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_drive.protocol.archive.context import ArchiveContext
    from airflow_provider_drive.protocol.archive.outcome import State
    from airflow_provider_drive.protocol.archive.target import TargetFolder
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.wire.items import DriveItem


_WAS_THERE = "its content was there: this task has not copied it"
_TAKEN = {
    Match.DIFFERENT: ", with another content",
    Match.REWRITTEN: ", and the service rewrites such files, so that it cannot be known whose copy it is",
    Match.UNKNOWN: ", and Graph reports no hash to compare",
}


def plan_document(
    found: ListedItem, target: TargetFolder, context: ArchiveContext
) -> Flow[Outcome | CopyTask]:
    """Return the copy to make of a document, or what came of it already."""
    name, source_id, behavior = found.item.name or "", found.item.ref.item_id, context.order.conflict_behavior
    known = _known_outcome(found, target, context)
    if known is not None:
        return known
    if behavior == "rename":
        return _plan_renamed(found, target, context)
    target.assign(name, source_id)
    copy = CopyTask(found, target, name, name, is_temporary=behavior == "replace")
    if copy.resume(context.state, context.wait.now()):
        copy.name = context.arrival_name(found.item) if copy.is_temporary else name
        return copy
    copy.is_temporary = False
    there = target.get(name, source_id)
    if there is not None:
        return (yield from _plan_taken(found, there, target, context))
    if behavior == "replace" and context.arrival_name(found.item) in target.items:
        return _own_copy(found, target, context)  # an earlier try has moved the old file out of the way
    return _planned(copy, context)


def _known_outcome(found: ListedItem, target: TargetFolder, context: ArchiveContext) -> Outcome | None:
    """Return what came of a document that is not to be copied, whatever has its name."""
    name, source_id = found.item.name or "", found.item.ref.item_id
    there = target.get(name, source_id)
    if there is not None and same_item(there.ref, found.item.ref):
        target.assign(name, source_id)
        return Outcome("there", found, copy=there, reason="it is in its place already")
    reason = context.state.failed.get(source_id)
    if reason is not None:
        return Outcome("failed", found, reason=reason)
    rival = "" if context.order.conflict_behavior == "rename" else target.rival(name, source_id)
    if not rival:
        return None
    return Outcome("failed", found, reason="another document of this archive has its name", rival=rival)


def plan_folder(
    folder: ListedItem,
    parent: TargetFolder,
    name: str,
    contents: Mapping[str, ListedItem],
    context: ArchiveContext,
) -> CopyTask:
    """Return the copy to make of a folder as a whole."""
    is_temporary = context.order.conflict_behavior == "rename"
    arrival = context.arrival_name(folder.item) if is_temporary else name
    copy = CopyTask(folder, parent, arrival, name, is_temporary, contents)
    if not copy.resume(context.state, context.wait.now()) and is_temporary and context.is_resumed:
        copy.lost = 1 + context.state.repeats
    return copy


def names_of_interest(item: DriveItem, context: ArchiveContext) -> list[str]:
    """Return the names at the destination that matter for a document."""
    name = item.name or ""
    if context.is_resumed and context.order.conflict_behavior == "replace":
        return [name, context.arrival_name(item), context.displaced_name(item)]
    return [name]


def describe(item: DriveItem) -> str:
    """Say what an item is, for an error about a name that it has."""
    kind = item.kind or ("shortcut" if item.remote else "item")
    size = "" if item.size is None or item.is_container else f" of {item.size} bytes"
    created = "" if item.created is None else f", created {print_time(item.created)}"
    return f"{kind}{size}{created}, id {item.ref.item_id}"


def _plan_renamed(found: ListedItem, target: TargetFolder, context: ArchiveContext) -> Outcome | CopyTask:
    if context.order.dry_run:
        name = free_name(found.item.name or "", target.is_taken)
        target.assign(name, found.item.ref.item_id)
        return Outcome("planned", found, to=target.path_of(name))
    copy = _own_copy(found, target, context)
    if copy.requests:
        return copy
    if len(context.state.done) >= MAX_DONE:
        reason = f"one archive with conflict_behavior='rename' copies {MAX_DONE} documents at most"
        return Outcome("failed", found, reason=f"{reason}: archive the others with another task")
    twin = _twin(found, target, context)
    if twin is None:
        return copy
    return Outcome(
        "failed",
        found,
        reason=f"its content is there as {twin.name!r}, and before Airflow 3.3 it is not known whether an "
        "earlier try has made that copy",
    )


def _own_copy(found: ListedItem, target: TargetFolder, context: ArchiveContext) -> CopyTask:
    """Return a copy that arrives under a temporary name."""
    name = found.item.name or ""
    copy = CopyTask(found, target, context.arrival_name(found.item), name, is_temporary=True)
    if not copy.resume(context.state, context.wait.now()) and context.is_resumed:
        copy.lost = 1 + context.state.repeats
    return copy


def _twin(found: ListedItem, target: TargetFolder, context: ArchiveContext) -> DriveItem | None:
    """Return a copy that an earlier try may have made, where no state says whether it has."""
    if context.is_durable or not context.is_resumed or context.state.done:
        return None
    stem, extension = split_name(found.item.name or "", is_folder=False)
    number, name = 0, found.item.name or ""
    while (item := target.items.get(name)) is not None:
        if context.is_newer(item) and compare_files(item, found.item) is Match.SAME:
            return item
        number += 1
        name = f"{stem} {number}{extension}"
    return None


def _plan_taken(
    found: ListedItem, there: DriveItem, target: TargetFolder, context: ArchiveContext
) -> Flow[Outcome | CopyTask]:
    """Return what to do with a document whose name another item has."""
    behavior, source_id = context.order.conflict_behavior, found.item.ref.item_id
    may_be_ours = (context.is_resumed or target.may_hold_copies) and context.is_newer(there)
    match = Match.DIFFERENT
    if behavior == SKIP or may_be_ours:
        try:
            match = yield from compare_items(there, found.item)
        except DriveError as error:
            return Outcome("failed", found, reason=f"{describe(there)} cannot be compared: {error}")
    is_exact = match is Match.SAME
    if (is_exact or (behavior == SKIP and match is Match.REWRITTEN)) and target.claim(
        there.ref.item_id, source_id
    ):
        state: State = "there" if behavior == SKIP else "copied"
        is_verified = context.order.verify and is_exact
        is_first = context.is_durable and not context.is_resumed  # else an earlier try may have made it
        reason = _WAS_THERE if state == "there" and is_first else ""
        return Outcome(state, found, copy=there, reason=reason, is_verified=is_verified)
    if (
        behavior == "replace"
        and not there.is_container
        and not is_copy_of_another(there, found, target, context)
    ):
        return _planned(_own_copy(found, target, context), context)
    reason = _TAKEN.get(match, "") if behavior == SKIP or may_be_ours else ""
    return Outcome("failed", found, reason=f"{there.name!r} is there already{reason}: {describe(there)}")


def is_copy_of_another(
    there: DriveItem, found: ListedItem, target: TargetFolder, context: ArchiveContext
) -> bool:
    """Whether an item is the copy of another document of this archive, whose original may be gone by now."""
    copy_id, source_id = there.ref.item_id, found.item.ref.item_id
    if target.is_claimed(copy_id, source_id):
        return True
    done = context.state.done.items() if context.is_resumed and context.is_newer(there) else ()
    return any(each.copy_id == copy_id and key != source_id for key, each in done)


def _planned(copy: CopyTask, context: ArchiveContext) -> Outcome | CopyTask:
    if not context.order.dry_run:
        return copy
    return Outcome("planned", copy.found, to=copy.target.path_of(copy.final_name))
