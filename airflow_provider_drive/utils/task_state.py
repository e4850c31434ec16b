"""
The checkpoints of a task, in Airflow's task state store.

The store survives a retry, which deletes XComs. Airflow has it from 3.3 on; before, nothing is stored.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.archive.state import ArchiveState, read_archive_state
from airflow_provider_drive.protocol.flow import Saved
from airflow_provider_drive.protocol.move import Move, read_move
from airflow_provider_drive.protocol.wire.copy_job import CopyJob, read_copy_job
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_drive.protocol.flow import Checkpoint

STATE_KEY = "drive"


class TaskState:
    """
    The checkpoints of one task, from its first try to its last.

    Clearing a task starts over: its checkpoints no longer count. Clearing raises ``max_tries``, which a retry
    does not do. A task that is cleared while it runs keeps its ``max_tries``, so it resumes. The number of
    the try says nothing: a scheduler that resets tasks of one that has died raises it beyond ``max_tries``.
    Checkpoints of a task whose parameters have changed do not count either.

    :param context: The task's context.
    :param parameters: What the task does, as JSON or nearly so. Checkpoints of other parameters do not count.
    :ivar started: The copy, move or archive that this try has started or resumed, stored or not; None
        before that.
    """

    def __init__(self, context: Mapping[str, Any], *parameters: Any) -> None:
        self._store, self._context = context.get("task_state_store"), context
        self._key = STATE_KEY
        self._saved: dict[str, Any] = {}
        self._handed_on: dict[str, Any] = {}
        self.started: CopyJob | Move | ArchiveState | None = None
        if self._store is None:
            return
        ti, text = context["ti"], json.dumps(parameters, sort_keys=True, default=str)
        about = hashlib.sha256(text.encode()).hexdigest()[:16]
        self._task = {"max_tries": ti.max_tries, "about": about}
        saved = self._store.get(STATE_KEY)
        if isinstance(saved, dict) and saved.get("about") not in {None, about}:
            self._key = f"{STATE_KEY} {about}"  # a task may make several copies, one after the other
            saved = self._store.get(self._key)
        if isinstance(saved, dict) and self._task.items() <= saved.items():
            self._saved = saved

    @property
    def is_durable(self) -> bool:
        """Whether a later try finds the checkpoints of this one."""
        return self._store is not None

    def hand_on(self, name: str, state: Any) -> None:
        """Let a checkpoint be what this task knew before it was deferred."""
        self._handed_on[name] = state

    def restore(self, name: str) -> Saved:
        """Return the state of the last checkpoint of a name, of this try or an earlier one."""
        if name in self._handed_on:
            return Saved(self._handed_on[name], self.is_durable)
        saved = self._saved.get(name)
        if saved is not None:
            return Saved(_READERS.get(name, _unchanged)(saved), self.is_durable)
        return Saved(self._guess_archive_start() if name == "archive" else None, self.is_durable)

    def _guess_archive_start(self) -> ArchiveState | None:
        """Without a store, an archive that is retried was begun after the start of its Dag run."""
        start = getattr(self._context.get("dag_run"), "start_date", None)
        if self._store is not None or start is None or self._context["ti"].try_number <= 1:
            return None
        return ArchiveState(begun=start.timestamp())

    def save(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint, with its monitor URLs encrypted."""
        state = checkpoint.state
        self._handed_on.pop(checkpoint.name, None)
        if isinstance(state, (CopyJob, Move, ArchiveState)):
            self.started = state
        if self._store is None:
            return
        saved = {**self._saved, **self._task, checkpoint.name: _as_json(state)}
        if state is None:
            del saved[checkpoint.name]
        self._saved = saved
        self._store.set(self._key, saved)


def _unchanged(saved: Any) -> Any:
    return saved


def _as_json(state: Any) -> Any:
    if isinstance(state, (CopyJob, ArchiveState)):
        return state.as_dict(encrypt_url)
    return state.as_dict() if isinstance(state, Move) else state


def _decrypt_if_possible(text: str) -> str | None:
    """Return a monitor URL, or None if it was encrypted with another key: the copy is searched for then."""
    try:
        return decrypt_url(text)
    except DriveArgumentError:
        return None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "copy": lambda saved: read_copy_job(saved, _decrypt_if_possible),
    "move": read_move,
    "archive": lambda saved: read_archive_state(saved, _decrypt_if_possible),
}
