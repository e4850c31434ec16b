"""
What a task has to know after a crash: its checkpoints, in Airflow's task state store.

The store outlives a retry, where XComs are deleted. Airflow has it from 3.3 on; before, nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.archive.state import ArchiveState, read_archive_state
from airflow_provider_drive.protocol.flow import Saved
from airflow_provider_drive.protocol.move import read_move
from airflow_provider_drive.protocol.wire.copy_job import CopyJob, read_copy_job
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_drive.protocol.flow import Checkpoint
    from airflow_provider_drive.protocol.move import Move

STATE_KEY = "drive"


class TaskState:
    """
    The checkpoints of one task, from its first try to its last.

    Who clears a task asks for all of it again: nothing of before is known then. A clear raises ``max_tries``,
    and a retry does not; a task that is cleared while it runs is just tried again, which shows only where it
    has no retries left. The same goes for a task whose Dag has changed meanwhile.

    :param context: The task's context.
    :param about: What the task is to do, as JSON or nearly so. Checkpoints about something else do not count.
    :ivar begun: What this try has begun, wherever it is kept; None if it has not come so far.
    """

    def __init__(self, context: Mapping[str, Any], *about: Any) -> None:
        self._store, self._context = context.get("task_state_store"), context
        self._kept: dict[str, Any] = {}
        self._handed_on: dict[str, Any] = {}
        self.begun: CopyJob | Move | None = None
        if self._store is None:
            return
        ti, text = context["ti"], json.dumps(about, sort_keys=True, default=str)
        self._this = {"max_tries": ti.max_tries, "about": hashlib.sha256(text.encode()).hexdigest()[:16]}
        self._try = {"try_number": ti.try_number}
        kept = self._store.get(STATE_KEY)
        if not isinstance(kept, dict) or not self._this.items() <= kept.items():
            return
        if ti.try_number <= ti.max_tries + 1 or kept.get("try_number") == ti.try_number:
            self._kept = kept

    @property
    def is_durable(self) -> bool:
        """Whether a later try finds what this one stores."""
        return self._store is not None

    def hand_on(self, name: str, state: Any) -> None:
        """Let a checkpoint be what this task knew before it was deferred."""
        self._handed_on[name] = state

    def restore(self, name: str) -> Saved:
        """Return what an earlier try has stored under a checkpoint's name, or this one."""
        if name in self._handed_on:
            return Saved(self._handed_on[name], self.is_durable)
        kept = self._kept.get(name)
        if kept is not None:
            return Saved(_READERS.get(name, _as_it_is)(kept), self.is_durable)
        return Saved(self._begun_archive() if name == "archive" else None, self.is_durable)

    def _begun_archive(self) -> ArchiveState | None:
        """Without a store it is known at least that an earlier try has begun after its Dag run."""
        began = getattr(self._context.get("dag_run"), "start_date", None)
        if self._store is not None or began is None or self._context["ti"].try_number <= 1:
            return None
        return ArchiveState(begun=began.timestamp())

    def save(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint, before anything else happens. What of it is secret is encrypted."""
        state = checkpoint.state
        self._handed_on.pop(checkpoint.name, None)
        self.begun = state or self.begun
        if self._store is None:
            return
        kept = _as_json(state)
        self._kept = {**self._kept, **self._this, **self._try, checkpoint.name: kept}
        self._store.set(STATE_KEY, self._kept)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "copy": lambda kept: read_copy_job(kept, decrypt_url),
    "move": read_move,
    "archive": lambda kept: read_archive_state(kept, _decrypt_or_none),
}


def _as_it_is(kept: Any) -> Any:
    return kept


def _as_json(state: Any) -> Any:
    if isinstance(state, (CopyJob, ArchiveState)):
        return state.as_dict(encrypt_url)
    return state if state is None or isinstance(state, dict) else state.as_dict()


def _decrypt_or_none(text: str) -> str | None:
    """Return a monitor URL, or None if it was encrypted with another key: its copy is searched then."""
    try:
        return decrypt_url(text)
    except DriveArgumentError:
        return None
