"""
The flow that deletes the originals of documents whose copies were verified.

Batch by batch: the copies are read again, each is compared with its original as it was listed, and the
original is deleted if it has still the eTag that it had then. A copy that this archive cannot tell to be its
own is claimed first, so that two archives in opposite directions never delete both.

https://learn.microsoft.com/graph/api/driveitem-delete
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
)
from airflow_provider_drive.protocol.archive.state import ArchiveState, Deleting, Done
from airflow_provider_drive.protocol.archive.target import TargetFolder, Wanted
from airflow_provider_drive.protocol.batch import MAX_BATCH_SIZE, in_batches
from airflow_provider_drive.protocol.flow import Checkpoint, Pause, Restore
from airflow_provider_drive.protocol.items.compare import (
    compare_listings,
    edited_meanwhile,
    fingerprint,
    list_tree,
)
from airflow_provider_drive.protocol.items.deletion import delete_item
from airflow_provider_drive.protocol.items.lookup import find_item, get_item
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.content import Match, compare_files
from airflow_provider_drive.protocol.wire.items import item_reader, touch_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_drive.protocol.archive.outcome import Outcome
    from airflow_provider_drive.protocol.flow import Flow, Saved
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.items import DriveItem

BATCH_SIZE, MAX_BATCH = 8 * MAX_BATCH_SIZE, 2_000
"""Originals that are deleted after one look at their copies: more where the copies' folder is large."""
ORIGINALS_PER_UNIT = 10
"""Originals for each resource unit of a listing, up to the most."""


class Deletion(NamedTuple):
    """
    What became of an original.

    :param state: ``deleted``; ``gone`` if it did not exist any more; ``kept``, with the reason.
    """

    state: Literal["deleted", "gone", "kept"]
    reason: str = ""


def delete_originals(
    outcomes: Iterable[Outcome], report: Callable[[ListedItem, Deletion], None], wait: Wait
) -> Flow[None]:
    """
    Delete the originals of documents that were copied, if copy and original are still what was compared.

    If the worker dies here, the next try counts the originals of the last checkpoint in
    :func:`count_deleting`, before it copies anything.

    :param outcomes: What came of the documents, each with its copy.
    :param report: Receives what became of each original.
    :raises DriveError: If an original could not be read that an earlier try was deleting: the next try counts
        it.
    """
    saved: Saved = yield Restore("archive")
    state: ArchiveState = saved.state or ArchiveState(begun=wait.now())
    last_line, count, size = wait.now(), 0, BATCH_SIZE
    rest = iter(outcomes)
    while batch := list(islice(rest, size)):
        size = BATCH_SIZE
        copies, units = yield from _read_copies(batch)
        size = max(size, min(MAX_BATCH, ORIGINALS_PER_UNIT * units))
        reasons = yield from _check(batch, copies)
        doomed = {
            outcome.found.item.ref.item_id: _deleting(outcome)
            for outcome, reason in zip(batch, reasons, strict=True)
            if not reason
        }
        state.deleting |= doomed
        yield Checkpoint("archive", state.copied())
        deletions = yield from _delete(batch, reasons)
        for outcome, deletion in zip(batch, deletions, strict=True):
            _record(state, outcome, deletion)
            report(outcome.found, deletion)
        state.deleting = {key: each for key, each in state.deleting.items() if key not in doomed}
        count += len(batch)
        if wait.now() - last_line >= wait.timings.progress:
            last_line = wait.now()
            yield Pause(0.0, f"{count} originals deleted or kept so far")
    is_changed = count > 0 or bool(state.deleting)
    unread = yield from count_deleting(state)
    if is_changed:
        yield Checkpoint("archive", state.copied())
    if unread is not None:
        raise unread


def count_deleting(state: ArchiveState) -> Flow[DriveError | None]:
    """
    Count the originals that an earlier try was deleting, and that do not exist any more.

    :return: Why one could not be read, if any: those stay in the state, to be counted later.
    """
    refs = [ItemRef(each.drive_id, source_id) for source_id, each in state.deleting.items()]
    items = yield from in_batches([find_item(ref) for ref in refs])
    unread: DriveError | None = None
    for ref, item in zip(refs, items, strict=True):
        if isinstance(item, DriveError):
            unread = item
            continue
        original = state.deleting.pop(ref.item_id)
        if item is None:
            state.count_deleted(original, is_gone=True)
            _mark(state, ref.item_id, original.copy_id, "gone")
    return unread


def _deleting(outcome: Outcome) -> Deleting:
    item, copy = outcome.found.item, outcome.copy
    state: Literal["copied", "there"] = "copied" if outcome.state == "copied" else "there"
    return Deleting(item.ref.drive_id, state, item.size or 0, copy.ref.item_id if copy else "")


def _record(state: ArchiveState, outcome: Outcome, deletion: Deletion) -> None:
    if deletion.state != "kept":
        original = _deleting(outcome)
        state.count_deleted(original, is_gone=deletion.state == "gone")
        _mark(state, outcome.found.item.ref.item_id, original.copy_id, deletion.state)


def _mark(state: ArchiveState, source_id: str, copy_id: str, original: Literal["deleted", "gone"]) -> None:
    """Note that an original was deleted, so that a retry does not report it as missing."""
    done = state.done.get(source_id) or Done(copy_id, "")
    state.add_done(source_id, msgspec.structs.replace(done, original=original))


# -- is the copy still there, and whole? ---------------------------------------------------------------------


def _read_copies(batch: Sequence[Outcome]) -> Flow[tuple[dict[ItemRef, DriveItem], int]]:
    """
    Read the copies again, folder by folder.

    :return: Those that are there, and what the listings have cost, in resource units.
    """
    folders: dict[ItemRef, set[str]] = {}
    for outcome in batch:
        if outcome.copy is not None:
            ref = outcome.copy.ref
            folder = ItemRef(ref.drive_id, outcome.copy.parent_id or "")
            folders.setdefault(folder, set()).add(ref.item_id)
    found: dict[ItemRef, DriveItem] = {}
    units = 0
    for folder, ids in folders.items():
        target = TargetFolder("", ref=folder, count=len(ids))
        if len(ids) >= MAX_BATCH_SIZE and folder.item_id:
            read = yield from find_item(folder)
            target.count = (read and read.child_count) or 0
        units += target.units
        items = yield from target.search([Wanted("", item_id) for item_id in sorted(ids)])
        found |= {item.ref: item for item in items if item is not None and not isinstance(item, DriveError)}
    return found, units


def _check(batch: Sequence[Outcome], copies: dict[ItemRef, DriveItem]) -> Flow[list[str]]:
    """Return for each original why it is kept, or nothing if it may be deleted."""
    reasons = yield from in_batches(
        [_check_one(outcome, copies.get(outcome.copy.ref) if outcome.copy else None) for outcome in batch]
    )
    return [str(reason) for reason in reasons]


def _check_one(outcome: Outcome, copy: DriveItem | None) -> Flow[str]:
    original, verified = outcome.found.item, outcome.copy
    if not original.etag:
        return "it had no eTag, so nothing shows whether it has changed"
    if copy is None or verified is None:
        return "its copy is not to be seen any more"
    if verified.parent_id and copy.parent_id and copy.parent_id != verified.parent_id:
        return "its copy was moved to another folder"
    if original.is_container:
        reason = yield from _check_container(outcome, copy)
    else:
        match = compare_files(copy, original, is_personal=copy.is_personal)
        is_proven = match is Match.SAME or (outcome.is_ours and match is not Match.DIFFERENT)
        reason = "" if is_proven else "its copy does not have its content any more"
    if reason or outcome.is_ours:
        return reason
    return (yield from _claim(copy))


def _check_container(outcome: Outcome, copy: DriveItem) -> Flow[str]:
    """
    Compare a container with its original, down to the last item, and look whether the original has changed.

    An eTag does not guard what is below a container: so it is listed again after the comparison.
    """
    original = outcome.found.item
    wanted = yield from list_tree(original.ref)
    there = yield from list_tree(copy.ref)
    difference = compare_listings(there, wanted)
    if not (difference.is_whole if outcome.is_ours else difference.is_exact):
        return f"its copy is not complete: {difference}"
    if doubtful := edited_meanwhile(difference, there, wanted):
        return f"{doubtful[0]!r} in it may have been edited since its copy was made"
    again = yield from list_tree(original.ref)
    return "" if fingerprint(again) == fingerprint(wanted) else "it was changed while it was compared"


def _claim(copy: DriveItem) -> Flow[str]:
    """
    Claim a copy that was there before, by a change that changes nothing but its eTag.

    Another archive, for which this copy is the original, cannot delete it then.

    https://learn.microsoft.com/graph/api/driveitem-update
    """
    now = yield from get_item(copy.ref, follow=False)
    if now.etag != copy.etag:
        return "its copy was changed while it was compared"
    request = touch_request(now)
    if request is None:
        return "its copy was not made by this archive, and cannot be claimed: it has neither eTag nor times"
    claimed = yield from send_with_retries(request, item_reader(request, copy.ref.drive_id))
    return (
        ""
        if claimed.etag not in {None, now.etag}
        else "its copy was not made by this archive, and cannot be claimed"
    )


# -- deletion ------------------------------------------------------------------------------------------------


def _delete(batch: Sequence[Outcome], reasons: Sequence[str]) -> Flow[list[Deletion]]:
    """Delete the originals that may be deleted."""
    doomed = [outcome for outcome, reason in zip(batch, reasons, strict=True) if not reason]
    answers = iter((yield from in_batches([_delete_one(outcome) for outcome in doomed])))
    return [Deletion("kept", reason) if reason else _deletion(next(answers)) for reason in reasons]


def _delete_one(outcome: Outcome) -> Flow[bool]:
    original = outcome.found.item
    return (yield from delete_item(original.ref, original.etag, lambda: _check_again(outcome)))


def _check_again(outcome: Outcome) -> Flow[None]:
    """Check the copy again before a deletion that had to wait is repeated, unless the original is gone."""
    if outcome.copy is None or (yield from find_item(outcome.found.item.ref)) is None:
        return
    reason = yield from _check_one(outcome, (yield from find_item(outcome.copy.ref)))
    if reason:
        raise DriveCopyFailedError(reason)


def _deletion(answer: bool | DriveError) -> Deletion:
    if isinstance(answer, DriveItemNotFoundError):
        return Deletion("gone")
    if isinstance(answer, DriveItemChangedError):
        return Deletion("kept", f"it was changed since it was copied: {answer}")
    if isinstance(answer, DriveError):
        return Deletion("kept", str(answer))
    return Deletion("deleted" if answer else "gone")
