"""
What a task has to know after a crash: its checkpoints, in Airflow's task state store.

The store outlives a retry, where XComs are deleted. Airflow has it from 3.3 on; before, nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.protocol.archive.state import ArchiveState, read_archive_state
from airflow_provider_drive.protocol.move import read_move
from airflow_provider_drive.protocol.wire.copy_job import CopyJob, read_copy_job
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    def __bool__(self) -> bool:
        return self._store is not None

    @property
    def copy(self) -> CopyJob | None:
        """The copy that an earlier try has asked for."""
        kept = self._kept.get("copy")
        return None if kept is None else read_copy_job(kept, decrypt_url)

    @property
    def move(self) -> Move | None:
        """The move that an earlier try has begun."""
        kept = self._kept.get("move")
        return None if kept is None else read_move(kept)

    @property
    def archive(self) -> ArchiveState | None:
        """
        How far an earlier try has come with an archive.

        Without a store it is known at least that there was one, and that it began after its Dag run.
        """
        if self._store is None:
            began = getattr(self._context.get("dag_run"), "start_date", None)
            if began is None or self._context["ti"].try_number <= 1:
                return None
            return ArchiveState(began.timestamp())
        kept = self._kept.get("archive")
        return None if kept is None else read_archive_state(kept)

    def keep(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, before anything else happens. What of it is secret is encrypted."""
        state = checkpoint.state
        self.begun = state or self.begun
        if self._store is None:
            return
        kept = state.as_dict(encrypt_url) if isinstance(state, CopyJob) else state and state.as_dict()
        self._kept = {**self._kept, **self._this, **self._try, checkpoint.name: kept}
        self._store.set(STATE_KEY, self._kept)
