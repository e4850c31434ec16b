"""
The checkpoints of a task, in Airflow's task state store.

The store survives a retry, which deletes XComs. Airflow has it from 3.3 on; before, nothing is stored.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

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

    Clearing a task starts over: its checkpoints no longer count. A clear raises ``max_tries``, and a retry
    does not. Airflow retries a task that is cleared while it runs: that can be told from a retry only if it
    has no retries left. Checkpoints of a task whose Dag has changed meanwhile do not count either.

    :param context: The task's context.
    :param parameters: What the task does, as JSON or nearly so. Checkpoints of other parameters do not count.
    :ivar started: The copy or move that this try has started or resumed, stored or not; None before that.
    """

    def __init__(self, context: Mapping[str, Any], *parameters: Any) -> None:
        self._store, self._context = context.get("task_state_store"), context
        self._saved: dict[str, Any] = {}
        self.started: CopyJob | Move | None = None
        if self._store is None:
            return
        ti, text = context["ti"], json.dumps(parameters, sort_keys=True, default=str)
        self._task = {"max_tries": ti.max_tries, "about": hashlib.sha256(text.encode()).hexdigest()[:16]}
        self._try = {"try_number": ti.try_number}
        saved = self._store.get(STATE_KEY)
        if not isinstance(saved, dict) or not self._task.items() <= saved.items():
            return
        if ti.try_number <= ti.max_tries + 1 or saved.get("try_number") == ti.try_number:
            self._saved = saved

    @property
    def is_durable(self) -> bool:
        """Whether a later try finds the checkpoints of this one."""
        return self._store is not None

    def restore(self, name: str) -> Saved:
        """Return the state of the last checkpoint of a name, of this try or an earlier one."""
        saved = self._saved.get(name)
        if saved is not None:
            return Saved(_READERS[name](saved), self.is_durable)
        return Saved(self._guess_archive_start() if name == "archive" else None, self.is_durable)

    def _guess_archive_start(self) -> ArchiveState | None:
        """Without a store, an archive that is retried was begun after the start of its Dag run."""
        start = getattr(self._context.get("dag_run"), "start_date", None)
        if self._store is not None or start is None or self._context["ti"].try_number <= 1:
            return None
        return ArchiveState(start.timestamp())

    def save(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint, with its monitor URL encrypted."""
        state = checkpoint.state
        self.started = state or self.started
        if self._store is None:
            return
        saved = state.as_dict(encrypt_url) if isinstance(state, CopyJob) else state and state.as_dict()
        self._saved = {**self._saved, **self._task, **self._try, checkpoint.name: saved}
        self._store.set(STATE_KEY, self._saved)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "copy": lambda saved: read_copy_job(saved, decrypt_url),
    "move": read_move,
    "archive": read_archive_state,
}
