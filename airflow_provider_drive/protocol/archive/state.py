"""
The state of an archive, which a later try or a deferred task reads.

It holds the ids of the copies that are made, because neither a name nor the content shows who made a copy.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from airflow_provider_drive.exceptions import DriveResponseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

MAX_DONE = 20_000
"""Finished documents whose copies' ids are saved."""
MAX_FAILED, MAX_REASON_LENGTH = 5_000, 300
"""Failures that are saved over a deferral, and the characters of each reason."""
_END_OF_TIME = 1e11


class Origin(msgspec.Struct, frozen=True, array_like=True):
    """
    Where an original was: with that its copy is finished if the original vanishes.

    :param path: Its path below the source.
    """

    drive_id: str
    path: str
    is_folder: bool = False


class Done(msgspec.Struct, frozen=True, array_like=True):
    """
    A document whose copy is known.

    :param copy_id: The copy's id, as Graph told it.
    :param mark: Fingerprint of the source when its copy was requested.
    :param original: What became of the original, if it was to be deleted: ``gone`` if it did not exist any
        more.
    :param origin: None once the copy has its final name and is reported.
    """

    copy_id: str
    mark: str
    original: Literal["kept", "deleted", "gone"] = "kept"
    origin: Origin | None = None


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """
    A copy that Graph has accepted and may still be making.

    :param mark: Fingerprint of the source when its copy was requested.
    :param is_temporary: It arrives under a name that only this archive's copy can have.
    :param monitor_url: A secret; empty where it is stored elsewhere, or cannot be decrypted.
    """

    mark: str
    is_temporary: bool = False
    monitor_url: str = ""
    origin: Origin | None = None

    def __repr__(self) -> str:
        return f"<Pending: {self.mark}>"


class Deleting(msgspec.Struct, frozen=True, array_like=True):
    """An original that is being deleted, and what came of its document."""

    drive_id: str
    state: Literal["copied", "there"]
    size: int
    copy_id: str = ""


class ArchiveState(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """
    How far an archive is. Keys are the ids of sources.

    :param begun: When it was begun, by Graph's clock: an item that is older is not its work.
    :param token: Random text of this archive, from which the names are derived that only its copies have.
    :param done: Documents whose copies are known, and folders that were copied whole.
    :param pending: Copies that are under way.
    :param failed: Why copies have failed, for the documents that are not requested again after a deferral.
    :param paths: Ids of items that were given by another address than their ids, by digests of the addresses.
    :param deleted: Originals that Graph has deleted, and those that were ``gone``: how many, by the state of
        their copies, and the ``bytes``.
    :param deleting: Originals that are being deleted.
    :param repeats: A copy was requested again after its answer was lost: two requests may be running.
    :param source_url: Where a browser shows the source folder; the same of the destination.
    """

    begun: float
    token: str = ""
    done: dict[str, Done] = {}
    pending: dict[str, Pending] = {}
    failed: dict[str, str] = {}
    paths: dict[str, str] = {}
    deleted: dict[str, int] = {}
    deleting: dict[str, Deleting] = {}
    repeats: bool = False
    source_url: str | None = None
    destination_url: str | None = None

    def copied(self) -> ArchiveState:
        """Return a copy, which later changes of this one do not change."""
        changes = {
            name: dict(value)
            for name in self.__struct_fields__
            if isinstance(value := getattr(self, name), dict)
        }
        return msgspec.structs.replace(self, **changes)

    def with_monitors(self, stored: ArchiveState | None) -> ArchiveState:
        """Return this state with the monitor URLs that another place has stored of the same archive."""
        state = self.copied()
        if stored is not None and stored.token == self.token:
            state.pending |= {key: each for key, each in stored.pending.items() if key in state.pending}
        return state

    def add_done(self, source_id: str, done: Done) -> bool:
        """Note a copy; return whether there is room for it."""
        if source_id not in self.done and len(self.done) >= MAX_DONE:
            return False
        self.done[source_id] = done
        return True

    def note_finished(self, source_id: str) -> None:
        """Note that a copy has its final name and is reported."""
        done = self.done.get(source_id)
        if done is not None and done.origin is not None:
            self.done[source_id] = msgspec.structs.replace(done, origin=None)

    def unfinished(self) -> dict[str, Origin]:
        """Return where the originals were whose copies are not finished yet, by their ids."""
        known: dict[str, Done | Pending] = {**self.done, **self.pending}
        return {source_id: each.origin for source_id, each in known.items() if each.origin is not None}

    def add_path(self, url: str, item_id: str) -> None:
        """Note the id of an item that was given by another address, which may be a secret."""
        if len(self.paths) < MAX_DONE:
            self.paths[_digest(url)] = item_id

    def id_at(self, url: str) -> str:
        """Return the id that the item at an address had; empty if it is not known."""
        return self.paths.get(_digest(url), "")

    def add_failed(self, source_id: str, reason: str) -> None:
        """Note why a copy has failed; the oldest are forgotten."""
        self.failed[source_id] = reason[:MAX_REASON_LENGTH]
        if len(self.failed) > MAX_FAILED:
            del self.failed[next(iter(self.failed))]

    def count_deleted(self, original: Deleting, *, is_gone: bool = False) -> None:
        """Count an original that Graph has deleted, or that was gone."""
        counts = {
            original.state: 1,
            "bytes": original.size if original.state == "copied" else 0,
            "gone" if is_gone else "deleted": 1,
        }
        for name, count in counts.items():
            self.deleted[name] = self.deleted.get(name, 0) + count

    @property
    def monitors(self) -> dict[str, str]:
        """The monitor URLs of the copies that are under way, by the ids of their sources."""
        return {key: pending.monitor_url for key, pending in self.pending.items() if pending.monitor_url}

    def as_dict(self, encrypt: Callable[[str], str] | None = None) -> dict[str, Any]:
        """
        Return the state as JSON.

        :param encrypt: Encrypts monitor URLs. Without it they are left out.
        """
        pending = _with_urls(self.pending, encrypt or (lambda _: ""))
        built: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self, pending=pending))
        return built


def read_archive_state(value: Any, decrypt: Callable[[str], str | None] = lambda _: None) -> ArchiveState:
    """
    Read what :meth:`ArchiveState.as_dict` has returned, and a database has kept.

    :param decrypt: Decrypts monitor URLs; returns None for one that it cannot read.
    :raises DriveResponseError: If it is anything else.
    """
    try:
        state = msgspec.convert(value, ArchiveState)
    except msgspec.ValidationError as error:
        raise DriveResponseError(f"The saved state of the archive is not valid: {error}") from None
    counts = (*state.deleted.values(), *(each.size for each in state.deleting.values()))
    if not (math.isfinite(state.begun) and 0 < state.begun < _END_OF_TIME) or min(counts, default=0) < 0:
        raise DriveResponseError("The saved state of the archive is not valid: a number is out of range.")
    state.pending = _with_urls(state.pending, lambda url: decrypt(url) or "")
    return state


def _with_urls(pending: Mapping[str, Pending], change: Callable[[str], str]) -> dict[str, Pending]:
    """Return copies with their monitor URLs encrypted or decrypted."""
    return {
        key: msgspec.structs.replace(each, monitor_url=each.monitor_url and change(each.monitor_url))
        for key, each in pending.items()
    }


def completion_event(ends: Mapping[str, CopyStatus]) -> dict[str, Any]:
    """
    Return the event that says how copies have ended. It holds no secret: Airflow logs it.

    A copy whose end is unknown, or whose name was taken, is in neither list: the destination shows what
    became of it.
    """
    failed = {
        name: end
        for name, end in ends.items()
        if end.state in {"failed", "timeout"} and not end.is_name_conflict
    }
    return {
        "status": "ended",
        "completed": {name: end.resource_id for name, end in ends.items() if end.resource_id},
        "failed": {name: end.told for name, end in failed.items()},
    }


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    status: Literal["ended"]
    completed: dict[str, str]
    failed: dict[str, str]


def read_completion_event(event: Any, state: ArchiveState) -> ArchiveState:
    """
    Read what :func:`completion_event` has returned, and return the state of the archive after it.

    An event that says why the trigger could not wait leaves the state as it is.

    :raises DriveResponseError: If the event is anything else.
    """
    if isinstance(event, dict) and event.get("status") == "unknown":
        return state
    try:
        ended = msgspec.convert(event, _Event)
    except msgspec.ValidationError as error:
        raise DriveResponseError(f"The trigger's event is refused: {error}") from None
    state = state.copied()
    for source_id, copy_id in ended.completed.items():
        if (pending := state.pending.pop(source_id, None)) is not None:
            state.done[source_id] = Done(copy_id, pending.mark, origin=pending.origin)
    for source_id, reason in ended.failed.items():
        if (pending := state.pending.get(source_id)) is not None:
            state.pending[source_id] = msgspec.structs.replace(pending, monitor_url="")
        state.add_failed(source_id, reason)
    return state


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
