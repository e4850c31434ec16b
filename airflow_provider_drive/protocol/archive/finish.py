"""
What is done with a copy that has arrived: it is compared with its source, and gets its final name.

https://learn.microsoft.com/graph/api/driveitem-move
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.exceptions import DriveCopyFailedError, DriveError, DriveNameConflictError
from airflow_provider_drive.protocol.archive.context import fingerprint
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.compare import (
    compare_items,
    compare_listings,
    compare_trees,
    list_tree,
)
from airflow_provider_drive.protocol.items.deletion import delete_item
from airflow_provider_drive.protocol.items.listing import ListedItem
from airflow_provider_drive.protocol.items.lookup import find_item, get_item
from airflow_provider_drive.protocol.items.update import Location, update_item
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.content import Match, compare_files
from airflow_provider_drive.protocol.wire.items import SKIP, DriveItem
from airflow_provider_drive.protocol.wire.names import NameIndex, is_same_temporary_name

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.archive.context import ArchiveContext
    from airflow_provider_drive.protocol.archive.copy_task import CopyTask
    from airflow_provider_drive.protocol.archive.outcome import State
    from airflow_provider_drive.protocol.flow import Flow


_VANISHED = {
    "gone": "the original does not exist any more",
    "elsewhere": "the original is not among what is to be archived any more",
}


class Verified(NamedTuple):
    """
    A copy of a document that was compared with its source.

    :param found: The document, as it was when it was compared.
    :param is_verified: Whether the copy holds the source's content.
    :param is_outdated: The copy holds an earlier version of the source.
    """

    found: ListedItem
    is_verified: bool
    is_outdated: bool = False


class VerifiedFolder(NamedTuple):
    """
    A copy of a folder that was compared with its source.

    :param outcomes: What came of the documents that are in it.
    :param missing: Documents that are not, or have another content.
    :param reason: What is wrong with it, for a message.
    """

    outcomes: list[Outcome]
    missing: list[ListedItem]
    reason: str = ""


def verify_document(copy: CopyTask, item: DriveItem, context: ArchiveContext) -> Flow[Verified]:
    """
    Compare a copy with its source, and with what the source is now if they differ.

    :raises DriveCopyFailedError: If the copy has another content.
    """
    is_told = copy.is_identified
    if copy.vanished or not context.order.verify:
        return _unverified(copy, item)
    match = yield from compare_items(item, copy.source)
    is_edited = copy.is_edited
    if match is Match.SAME or (match is not Match.DIFFERENT and not is_edited):
        return Verified(copy.found, is_verified=is_told or match is Match.SAME)
    now = yield from (find_item if is_told else get_item)(copy.source.ref, follow=False)
    if now is None:  # its copy may be all that is left of it
        copy.vanished = "gone"
        return _unverified(copy, item)
    found = ListedItem(copy.found.path, now.bare)
    match = yield from compare_items(item, now)
    if match is Match.SAME:
        return Verified(found, is_verified=True)
    is_edited = copy.mark != fingerprint(now)
    if match is not Match.DIFFERENT:
        return Verified(found, is_verified=is_told and not is_edited)
    is_older = (now.modified or 0.0) > (item.created or 0.0)
    if (is_edited or is_older) and is_unnamed(copy, item):
        return Verified(found, is_verified=False, is_outdated=True)
    raise DriveCopyFailedError(
        f"{item} has arrived with {item.size} bytes, and the original has {now.size}, or another hash. "
        "It was left there",
        code="notAsAsked",
    )


def _unverified(copy: CopyTask, item: DriveItem) -> Verified:
    source = replace(copy.source, size=item.size) if copy.vanished else copy.source
    return Verified(ListedItem(copy.found.path, source), is_verified=False)


def place_document(
    copy: CopyTask, item: DriveItem, verified: Verified, context: ArchiveContext
) -> Flow[Outcome]:
    """Give a copy its final name, and return what came of the document."""
    if needs_final_name(copy, item, context):
        item = yield from _rename(copy, item, context)
    is_told = copy.is_identified
    state: State = "there" if context.order.conflict_behavior == SKIP and not is_told else "copied"
    is_ours = is_told and not copy.is_edited  # since it was requested, nobody has claimed the original
    return Outcome(
        state,
        verified.found,
        copy=item.bare,
        reason=_VANISHED.get(copy.vanished or "", ""),
        is_verified=verified.is_verified,
        is_ours=is_ours,
        is_gone=copy.vanished == "gone",
    )


def is_unnamed(copy: CopyTask, item: DriveItem) -> bool:
    """Whether a copy still has the temporary name under which it has arrived."""
    return copy.is_temporary and is_same_temporary_name(item.name or "", copy.name)


def needs_final_name(copy: CopyTask, item: DriveItem, context: ArchiveContext) -> bool:
    """Whether a copy has not got its final name yet, or a file that it replaces may be left."""
    is_replacing = copy.is_temporary and context.is_resumed and context.order.conflict_behavior == "replace"
    return is_replacing or is_unnamed(copy, item)


def discard(copy: CopyTask, item: DriveItem) -> Flow[bool]:
    """
    Delete a copy with a temporary name that is not needed, unless somebody has changed it.

    The copy of an original that has vanished may be all that is left of it, so it stays.

    :return: Whether it is gone.
    """
    if copy.vanished:
        return False
    try:
        if (yield from _was_changed(copy, item)):
            return False
        yield from delete_item(item.ref, item.etag)
    except DriveError:
        return False
    return True


def _was_changed(copy: CopyTask, item: DriveItem) -> Flow[bool]:
    """Whether somebody has written into a copy since it was made, or has put something into it."""
    if item.is_container:
        difference = yield from compare_trees(item.ref, copy.source.ref)
        return bool(difference.extra or difference.different)
    is_touched = (item.modified or 0.0) > (item.created or 0.0)
    return is_touched and compare_files(item, copy.source) is Match.DIFFERENT


def verify_folder(copy: CopyTask, item: DriveItem, context: ArchiveContext) -> Flow[VerifiedFolder]:
    """
    Count and compare what is in a folder's copy.

    Folders were seen to fill for a while after they were completed:
    https://github.com/OneDrive/onedrive-api-docs/issues/1239
    """
    if copy.vanished:
        return VerifiedFolder((yield from _outcomes_of_vanished(copy, item)), [])
    wanted: NameIndex[DriveItem] = NameIndex()
    for path, found in (copy.contents or {}).items():
        wanted.add(path, found.item)
    for pause in (*context.wait.timings.filling, None):
        there = yield from list_tree(item.ref)
        difference = compare_listings(there, wanted)
        is_missing = bool(difference.missing) or (context.order.verify and not difference.is_whole)
        if not is_missing or copy.resource_id is None or pause is None:
            break
        yield Pause(pause)
    wrong = _with_parents([*difference.missing, *(difference.different if context.order.verify else ())])
    inexact = _with_parents(difference.inexact)
    outcomes, missing = [], []
    for path, found in copy.documents():
        if path in wrong:
            missing.append(found)
        else:
            is_exact = path not in inexact
            outcomes.append(_outcome_in_folder(copy, found, there.get(path) or item, is_exact, context))
    return VerifiedFolder(outcomes, missing, "" if not wrong else str(difference))


def _outcomes_of_vanished(copy: CopyTask, item: DriveItem) -> Flow[list[Outcome]]:
    """Return what came of the documents in a folder that is gone, as its copy shows them."""
    there = yield from list_tree(item.ref)
    copy.contents = {path: ListedItem(f"{copy.found.path}/{path}", each) for path, each in there.items()}
    unknown = ItemRef(copy.source.ref.drive_id, "")
    return [
        Outcome(
            "copied",
            ListedItem(found.path, DriveItem(unknown, found.item.name, size=found.item.size)),
            "folder",
            found.item.bare,
            _VANISHED[copy.vanished or "gone"],
            is_gone=copy.vanished == "gone",
        )
        for _, found in copy.documents()
    ]


def _with_parents(paths: list[str]) -> set[str]:
    """Return paths, and those of all folders and packages that they are in."""
    found = set()
    for path in paths:
        above = path
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return found


def _outcome_in_folder(
    copy: CopyTask, found: ListedItem, there: DriveItem, is_exact: bool, context: ArchiveContext
) -> Outcome:
    is_ours = copy.is_identified
    is_verified = context.order.verify and (is_exact or (is_ours and not copy.is_edited))
    state: State = "there" if context.order.conflict_behavior == SKIP and not is_ours else "copied"
    return Outcome(state, found, "folder", there.bare, is_verified=is_verified, is_ours=is_ours)


def place_folder(copy: CopyTask, item: DriveItem, context: ArchiveContext) -> Flow[DriveItem]:
    """Give a folder's copy its final name, and return it."""
    if needs_final_name(copy, item, context):
        return (yield from _rename(copy, item, context))
    return item


def _rename(copy: CopyTask, item: DriveItem, context: ArchiveContext) -> Flow[DriveItem]:
    behavior = context.order.conflict_behavior
    displaced_name = displaced = None
    if behavior == "replace":
        displaced_name = context.displaced_name(copy.source)
        displaced = copy.target.items.get(displaced_name)
    try:
        return (
            yield from update_item(
                item,
                Location(None, copy.final_name),
                conflict_behavior=behavior,
                wait=context.wait,
                displaced_name=displaced_name,
                displaced=displaced,
                is_new=True,
            )
        )
    except DriveError as error:
        is_discarded = isinstance(error, DriveNameConflictError) and is_unnamed(copy, item)
        if not (is_discarded and (yield from discard(copy, item))):
            error.add(f"Its copy has arrived, and did not get its name: it stays behind as {item}.")
        raise
