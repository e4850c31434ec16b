"""Archives documents of OneDrive and SharePoint: thousands of them in one task."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_drive.exceptions import (
    DriveArchiveError,
    DriveArgumentError,
    DriveResponseError,
)
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.protocol.archive.order import ArchiveOrder, estimate_cost
from airflow_provider_drive.protocol.archive.state import read_archive_state, read_completion_event
from airflow_provider_drive.protocol.items.filters import read_selection
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT, DEFERRAL_MARGIN, POLL_INTERVAL
from airflow_provider_drive.protocol.wire.addresses import check_path
from airflow_provider_drive.protocol.wire.items import check_seconds
from airflow_provider_drive.utils.encryption import encrypt_url
from airflow_provider_drive.utils.failures import fail_on_permanent_errors
from airflow_provider_drive.utils.task_state import TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.manifest import ArchiveReport, ManifestStore
    from airflow_provider_drive.protocol.archive.delete_originals import Deletion
    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.protocol.wire.addresses import Address

MAX_IDLE_SECONDS = 10.0
"""Seconds that a worker waits when there is nothing else to do, before the triggerer does."""
_SHOWN = 5
"""Failures that an error tells of."""
_FILTERS = (
    *("pattern", "exclude", "modified_before", "modified_after", "created_before", "created_after"),
    *("min_size", "max_size"),
)


class DriveArchiveOperator(BaseOperator):
    """
    Copy documents to an archive, show of each that it has arrived, and delete the originals if asked to.

    It is one task, whatever the number of documents: they are copied with their folders where that can be,
    else in batches, and waited for together. What goes wrong with one does not stop the others. Whatever
    dies, a retry goes on: what has arrived is not copied again.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-copy

    :param source: Address of the folder whose documents are meant. (templated)
    :param destination: Address of the folder that they go to. It is made if it is not there. (templated)
    :param pattern: Glob, or list of globs, of which a document's path below the folder has to match one:
        ``**/*.docx``. Default is any. (templated)
    :param exclude: Glob, or list of globs, of which it may match none. (templated)
    :param modified_before: Only documents that were last changed before: a time, or a duration (``P7Y``: more
        than seven years ago). (templated)
    :param modified_after: Only documents that were last changed since then. (templated)
    :param created_before: Only documents that were made before. (templated)
    :param created_after: Only documents that were made since then. (templated)
    :param min_size: Only documents of so many bytes or more. (templated)
    :param max_size: Only documents of so many bytes or less. (templated)
    :param items: Documents, instead of a ``source``: addresses, or what
        :class:`~airflow_provider_drive.operators.list.DriveListOperator` has returned. (templated)
    :param keep_structure: Whether documents keep their path below the folder. Default is ``True``; else all
        go to the destination itself.
    :param conflict_behavior: What to do if a name is taken: ``skip`` (the same content counts as copied, any
        other fails), ``fail``, ``replace`` or ``rename``. Default is ``skip``. (templated)
    :param delete_source: Delete the originals whose copies were shown to be whole, if they have not changed
        since. They go to the recycle bin; their folders stay. Default is ``False``.
    :param verify: Hold size and hash of each copy against its original. Default is ``True``; else Graph's
        word is taken for it.
    :param max_failures: How many documents may fail before the task does, in the end. Default is ``0``.
    :param manifest: Where a line of JSON for each document goes: a URL of Airflow's object storage
        (``s3://conn@bucket/{{ ds }}.jsonl``), or a drive address with a path. It keeps what earlier
        tries of the same run have deleted, and is written over by another run. (templated)
    :param dry_run: Change nothing, and tell what would be done, and at what cost. Default is ``False``.
    :param deferrable: Wait in the triggerer. Default is Airflow's ``[operators] default_deferrable``.
    :param poll_interval: Seconds between two looks at a copy at most. Default is ``15``.
    :param copy_timeout: Seconds that each copy may take. Default is ``86400``, a day.
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: A summary: the counts ``copied``, ``there``, ``failed``, ``planned`` and ``deleted``, ``bytes``,
        ``seconds``, ``requests``, ``resource_units``, ``throttled_seconds``, and the ``failures``, a hundred
        at most. It is the XCom ``summary`` as well, which is there also if the task fails.
    :raises DriveArchiveError: If more documents have failed than may.
    :raises DriveArgumentError: If parameters make no sense, or do not go together.
    """

    template_fields: Sequence[str] = (
        *("source", "destination", *_FILTERS, "items", "conflict_behavior", "manifest", "drive_conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "source": "json",
        "destination": "json",
        "items": "json",
    }
    ui_color = "#d5e8fb"

    def __init__(
        self,
        *,
        source: Any = None,
        destination: Any,
        pattern: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
        modified_before: Any = None,
        modified_after: Any = None,
        created_before: Any = None,
        created_after: Any = None,
        min_size: int | None = None,
        max_size: int | None = None,
        items: Any = None,
        keep_structure: bool = True,
        conflict_behavior: str = "skip",
        delete_source: bool = False,
        verify: bool = True,
        max_failures: int = 0,
        manifest: Any = None,
        dry_run: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = POLL_INTERVAL,
        copy_timeout: float = COPY_TIMEOUT,
        drive_conn_id: str = DriveHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.destination = destination
        self.pattern = pattern
        self.exclude = exclude
        self.modified_before = modified_before
        self.modified_after = modified_after
        self.created_before = created_before
        self.created_after = created_after
        self.min_size = min_size
        self.max_size = max_size
        self.items = items
        self.keep_structure = keep_structure
        self.conflict_behavior = conflict_behavior
        self.delete_source = delete_source
        self.verify = verify
        self.max_failures = max_failures
        self.manifest = manifest
        self.is_dry_run = dry_run  # Airflow has a method of that name
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.copy_timeout = copy_timeout
        self.drive_conn_id = drive_conn_id

    @cached_property
    def hook(self) -> DriveHook:
        """The hook of this task."""
        return DriveHook(self.drive_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Archive the documents, or go on with what an earlier try has begun."""
        memory = self._memory(context)
        with fail_on_permanent_errors(remembers=memory.is_durable):
            return self._archive(context, memory, memory.restore("archive").state, {})

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, **_: Any
    ) -> dict[str, Any]:
        """Go on when what was under way has ended. Needs only the event and the XCom ``archive``."""
        memory = self._memory(context)
        with fail_on_permanent_errors(remembers=memory.is_durable):
            ti = context["ti"]
            pushed = ti.xcom_pull(task_ids=self.task_id, key="archive", map_indexes=ti.map_index)
            if not isinstance(pushed, Mapping) or not isinstance(pushed.get("usage"), Mapping):
                raise DriveResponseError(
                    "The XCom archive, which this task pushed before it was deferred, is gone."
                )
            before = read_archive_state(pushed.get("standing"))
            before = read_completion_event(event, before.with_monitors(memory.restore("archive").state))
            memory.hand_on("archive", before)
            return self._archive(context, memory, before, dict(pushed["usage"]))

    def on_kill(self) -> None:
        """Stop at once."""
        self.log.warning("The task was stopped. Graph offers no way to cancel a copy: those that run go on.")
        self.hook.stop()

    def _memory(self, context: Context) -> TaskState:
        return TaskState(context, self.source, self.destination, self.conflict_behavior, self.keep_structure)

    def _archive(
        self, context: Context, memory: TaskState, before: ArchiveState | None, usage: dict[str, Any]
    ) -> dict[str, Any]:
        from airflow_provider_drive.manifest import ArchiveReport, open_manifest  # noqa: PLC0415  # Dag files need not pay for it

        begun = time.time() if before is None else before.begun
        usage = {
            "since": time.time(),
            "counted_from": begun,
            "requests": 0,
            "resource_units": 0,
            "throttled": 0.0,
        } | usage
        order = self._order(usage["counted_from"])
        manifest = None if self.manifest is None else open_manifest(self.manifest, self.hook)
        is_real = not self.is_dry_run
        tally = ArchiveReport(_run_of(context) if is_real else None, deletes=self.delete_source and is_real)
        seconds = check_seconds("copy_timeout", self.copy_timeout)
        check_seconds("poll_interval", self.poll_interval)
        what = f"{'what' if order.source is None else order.source} to {order.destination}"
        with self.hook.report(
            f"{'Planning to archive' if self.is_dry_run else 'Archiving'} {what}"
        ) as outcome:
            standing = self.hook.archive(
                order,
                tally.add,
                max_idle=MAX_IDLE_SECONDS if self.deferrable else None,
                poll_interval=self.poll_interval,
                copy_timeout=seconds,
                memory=memory,
            )
            if standing.pending:
                tally.close()
                self._defer(context, standing, self._spent(usage))
            is_written = self._clear_up(tally, manifest, standing, memory)
            summary = self._summary(tally, self._spent(usage), is_written=is_written)
            tally.close()
            context["ti"].xcom_push(key="summary", value=summary)
            outcome.append(_told(summary))
            self._raise_if_too_many(tally)
            return summary

    def _order(self, now: float) -> ArchiveOrder:
        """
        Read the parameters.

        :param now: When the archive was begun: durations count from there, so that each try means the same.
        """
        if self.delete_source and not self.verify:
            raise DriveArgumentError("delete_source is given without verify: nothing is deleted unseen.")
        if not isinstance(self.max_failures, int) or self.max_failures < 0:
            raise DriveArgumentError(f"max_failures is {self.max_failures!r}; it has to be a count.")
        return ArchiveOrder(
            self.hook.address(self.destination),
            None if self.source is None else self.hook.address(self.source),
            read_selection(now, **{name: getattr(self, name) for name in _FILTERS}),
            None if self.items is None else [self._item(item) for item in self.items],
            self.keep_structure,
            self.conflict_behavior,
            self.verify,
            self.is_dry_run,
        )

    def _item(self, item: Any) -> tuple[str, Address]:
        """Return a document's path below the destination, and its address."""
        path = item.get("path") if isinstance(item, Mapping) else None
        name = item.get("name") if isinstance(item, Mapping) else None
        return check_path(path or name or ""), self.hook.address(item)

    def _defer(self, context: Context, standing: ArchiveState, usage: dict[str, Any]) -> None:
        from airflow_provider_drive.triggers.archive import CopiesCompleteTrigger  # noqa: PLC0415  # Dag files need not pay for it

        context["ti"].xcom_push(key="archive", value={"standing": standing.as_dict(), "usage": usage})
        deadline = time.time() + self.copy_timeout
        urls = {source_id: pending.monitor_url for source_id, pending in standing.pending.items()}
        monitors = encrypt_url(json.dumps(urls))
        self.log.info("%d copies are under way.", len(standing.pending))
        self.defer(
            trigger=CopiesCompleteTrigger(monitors, self.poll_interval, deadline, self.drive_conn_id),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.copy_timeout + DEFERRAL_MARGIN),
        )

    def _clear_up(
        self, tally: ArchiveReport, manifest: ManifestStore | None, standing: ArchiveState, memory: TaskState
    ) -> bool:
        """
        Write the manifest, and delete the originals if asked to: first the one, for whatever dies.

        :return: Whether there is a manifest of this run.
        """
        if self.delete_source and not self.is_dry_run:
            if manifest is None:
                tally.count_deleted(standing.deleted)
            else:
                deleted = tally.keep_lines(manifest.lines(), self.hook.find_items)
                if deleted:
                    self.log.info(
                        "An earlier try has deleted %d originals: the manifest keeps them.", deleted
                    )
                manifest.write(tally.content)
            not_deleted: dict[str, Deletion] = {}
            self.hook.delete_originals(tally.to_be_deleted(), not_deleted, memory=memory)
            tally.note_deletions(not_deleted)
        if manifest is None:
            return False
        if self.is_dry_run and not manifest.takes_plans:
            self.log.info("A dry run changes nothing: its plan is not written to %s.", self.manifest)
            return False
        manifest.write(tally.content)
        return True

    def _spent(self, before: dict[str, Any]) -> dict[str, Any]:
        """Return what this task has spent, with what it had spent before it was deferred."""
        usage = self.hook.usage
        return {
            "since": before["since"],
            "counted_from": before["counted_from"],
            "requests": before["requests"] + usage.requests,
            "resource_units": before["resource_units"] + usage.units,
            "throttled": before["throttled"] + usage.throttled,
        }

    def _summary(self, tally: ArchiveReport, usage: dict[str, Any], *, is_written: bool) -> dict[str, Any]:
        summary = {
            **tally.counts,
            "deleted": tally.deleted,
            "bytes": tally.bytes,
            "seconds": round(time.time() - usage["since"], 1),
            "requests": usage["requests"],
            "resource_units": usage["resource_units"],
            "throttled_seconds": round(usage["throttled"], 1),
            "failures": tally.failures,
            "manifest": str(self.manifest) if is_written else None,
        }
        if self.is_dry_run:
            summary["plan"] = self._plan(tally)
        return summary

    def _plan(self, tally: ArchiveReport) -> dict[str, Any]:
        """Return what it would take, about: what planning has taken, and the rest."""
        planned, with_folders = tally.counts["planned"], tally.documents_in_folders
        alone = planned - with_folders
        requests, units = estimate_cost(
            alone,
            with_folders,
            folders=len(tally.whole_folders),
            places=len(tally.places),
            deletions=planned if self.delete_source else 0,
        )
        requests, units = requests + self.hook.usage.requests, units + self.hook.usage.units
        a_minute = self.hook.settings.resource_units_per_minute
        return {
            "documents": tally.planned,
            "whole_folders": sorted(tally.whole_folders)[:100],
            "documents_with_folders": with_folders,
            "documents_in_batches": alone,
            "resource_units": units,
            "requests": requests,
            "seconds_at_least": round(units / a_minute * 60),
        }

    def _raise_if_too_many(self, tally: ArchiveReport) -> None:
        failed, shown = tally.counts["failed"], tally.failures[:_SHOWN]
        if failed > self.max_failures:
            told = "; ".join(f"{failure['path']}: {failure['reason']}" for failure in shown)
            raise DriveArchiveError(
                f"{failed} documents could not be archived, and {self.max_failures} may fail: {told}"
                f"{' …' if failed > _SHOWN else ''}. The XCom summary tells of more, the manifest of all."
            )


def _run_of(context: Context) -> str:
    """Return the task and its run, as the lines of a manifest name them: the same for each try."""
    ti = context["ti"]
    names = [str(getattr(ti, name, "")) for name in ("dag_id", "run_id", "task_id", "map_index")]
    return " ".join(names).removesuffix(" -1")


def _told(summary: Mapping[str, Any]) -> str:
    parts = [f"{summary[key]} {word}" for key, word in _WORDS.items() if summary[key]]
    return f"Documents: {', '.join(parts) or 'none'}; {summary['bytes'] / 1e6:.1f} MB."


_WORDS = {
    "planned": "would be copied",
    "copied": "copied",
    "there": "there already",
    "failed": "failed",
    "deleted": "originals deleted",
    "gone": "originals gone",
}
