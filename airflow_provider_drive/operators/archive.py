"""Archives documents of OneDrive and SharePoint: thousands of them in one task."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import TaskDeferred, conf

from airflow_provider_drive.configuration import COPY_TIMEOUT, POLL_INTERVAL
from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.links import ARCHIVE_LINKS, push_link_xcoms
from airflow_provider_drive.operators.base import DriveOperator
from airflow_provider_drive.utils.encryption import encrypt_url
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.manifest import Manifest
    from airflow_provider_drive.operators.base import RunLog, Template
    from airflow_provider_drive.protocol.archive.order import ArchiveOrder
    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.report import ArchiveReport
    from airflow_provider_drive.summary import Totals
    from airflow_provider_drive.utils.task_state import TaskState

MAX_IDLE_SECONDS = 10.0
"""Seconds that a worker waits when there is nothing else to do, before the triggerer does."""
_FILTERS = (
    *("pattern", "exclude", "modified_before", "modified_after", "created_before", "created_after"),
    *("min_size", "max_size"),
)


class DriveArchiveOperator(DriveOperator):
    """
    Copy documents to an archive, verify each copy, and optionally delete the originals.

    One task archives any number of documents: they are copied with their folders if possible, else in
    batches, and waited for together. A document that fails does not stop the others. After a crash, a retry
    goes on: documents that are already archived are not copied again.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-copy

    :param source: Address of the folder whose documents are archived. (templated)
    :param destination: Address of the folder to copy them to. It is created if it is missing. (templated)
    :param pattern: Glob, or list of globs: a document's path below the folder must match one of them
        (``**/*.docx``). Default is any. (templated)
    :param exclude: Glob, or list of globs: a document's path must match none of them. Default is none.
        (templated)
    :param modified_before: Only documents last changed before this: a time, or a duration (``P7Y``: more
        than seven years ago). (templated)
    :param modified_after: Only documents last changed at or after this. (templated)
    :param created_before: Only documents created before this. (templated)
    :param created_after: Only documents created at or after this. (templated)
    :param min_size: Only documents of at least this many bytes. (templated)
    :param max_size: Only documents of at most this many bytes. (templated)
    :param items: Documents, instead of a ``source``: an address, a list of them, or what
        :class:`~airflow_provider_drive.operators.list.DriveListOperator` returned. (templated)
    :param keep_structure: Keep the documents' paths below the folder. Default is ``True``; else all go to the
        destination itself. (templated)
    :param conflict_behavior: What to do if a name is taken: ``skip`` (an item with the same content counts as
        copied, any other fails), ``fail``, ``replace`` or ``rename``. Default is ``skip``. (templated)
    :param delete_source: Delete the originals whose copies were verified, if they have not changed since.
        They go to the recycle bin; their folders stay. Where two documents would get one name, both originals
        are kept. Default is ``False``. (templated)
    :param verify: Compare size and hash of each copy with its original. Default is ``True``; else Graph's
        answer is trusted. (templated)
    :param max_failures: How many documents may fail before the task fails, at its end. Default is ``0``.
        (templated)
    :param manifest: Where to write a line of JSON for each document: a URL of Airflow's object storage
        (``s3://conn@bucket/{{ run_id }}.jsonl``), or a drive address with a path, outside the source. It
        keeps what earlier tries deleted; another task's manifest is not overwritten. (templated)
    :param dry_run: Change nothing, and report what would be done and what it would cost. Its template field
        is ``is_dry_run``, since ``dry_run`` is a method of Airflow's operators. Default is ``False``.
        (templated)
    :param fail_if_empty: Fail if there is no document to archive: nothing is below the source, or nothing
        matches. Default is ``False``. (templated)
    :param outlet_event_if_empty: Whether the ``outlets`` get an event if this run has copied nothing; a dry
        run never copies. Default is ``True``. (templated)
    :param deferrable: Wait in the triggerer. Default is Airflow's ``[operators] default_deferrable``.
        (templated)
    :param poll_interval: The longest pause between two polls, in seconds or as a duration (``PT1M``). Default
        is ``[drive] poll_interval`` of Airflow's configuration, else ``15``. (templated)
    :param copy_timeout: How long each copy may take, in seconds or as a duration (``PT2H``). Default is
        ``[drive] copy_timeout``, else ``86400``, a day. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: A summary: the counts of documents ``copied``, ``there``, ``failed`` and ``planned``, and of
        originals ``deleted`` and ``gone`` (an earlier try may have deleted them); ``bytes``, ``seconds``,
        ``requests``, ``resource_units``, ``throttled_seconds`` (by Graph), ``paced_seconds`` (by the
        connection's budget), what the ``filter`` did, a ``note`` if nothing was left to do, and at most a
        hundred ``failures``. It is also the XCom ``summary``, which is there even if the task fails.
    :raises DriveArchiveError: If more than ``max_failures`` documents failed, but not in a dry run.
    :raises DriveError: If there was no document, and ``fail_if_empty`` is true.
    :raises DriveArgumentError: If a parameter is invalid, or two do not go together.
    """

    template_fields: Sequence[str] = (
        *("source", "destination", *_FILTERS, "items", "keep_structure", "conflict_behavior"),
        *("delete_source", "verify", "max_failures", "manifest", "is_dry_run", "fail_if_empty"),
        *("outlet_event_if_empty", "deferrable", "poll_interval", "copy_timeout", "drive_conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = dict.fromkeys(
        ("source", "destination", "items"), "json"
    )
    boolean_fields: ClassVar[Sequence[str]] = (
        *(
            "keep_structure",
            "delete_source",
            "verify",
            "is_dry_run",
            "fail_if_empty",
            "outlet_event_if_empty",
        ),
        "deferrable",
    )
    duration_fields: ClassVar[Sequence[str]] = ("poll_interval", "copy_timeout")
    operator_extra_links = ARCHIVE_LINKS
    lineage_inputs: ClassVar[Sequence[str]] = ("source", "items")
    lineage_outputs: ClassVar[Sequence[str]] = ("destination",)

    def __init__(
        self,
        *,
        source: Any = None,
        destination: Any,
        pattern: str | Sequence[str] | Template | None = None,
        exclude: str | Sequence[str] | Template | None = None,
        modified_before: Any = None,
        modified_after: Any = None,
        created_before: Any = None,
        created_after: Any = None,
        min_size: int | Template | None = None,
        max_size: int | Template | None = None,
        items: Any = None,
        keep_structure: bool | Template = True,
        conflict_behavior: Literal["skip", "fail", "replace", "rename"] | Template = "skip",
        delete_source: bool | Template = False,
        verify: bool | Template = True,
        max_failures: int | Template = 0,
        manifest: Any = None,
        dry_run: bool | Template = False,
        fail_if_empty: bool | Template = False,
        outlet_event_if_empty: bool | Template = True,
        deferrable: bool | Template = conf.getboolean(  # noqa: B008  # as Airflow's operators do
            "operators", "default_deferrable", fallback=False
        ),
        poll_interval: float | Template = POLL_INTERVAL,
        copy_timeout: float | Template = COPY_TIMEOUT,
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
        self.is_dry_run = dry_run  # dry_run is a method of Airflow's operators
        self.fail_if_empty = fail_if_empty
        self.outlet_event_if_empty = outlet_event_if_empty
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.copy_timeout = copy_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Archive the documents, or go on with what an earlier try started."""
        from airflow_provider_drive.summary import Totals

        self._read_parameters()
        state = self._task_state(context)
        with fail_on_permanent_errors(remembers=state.is_durable):
            begun: ArchiveState | None = state.restore("archive").state
            totals = Totals(time.time(), begun.begun if begun else self._client.now())
            return self._archive(context, state, totals)

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, **_: Any
    ) -> dict[str, Any]:
        """Go on after the deferral. Needs only the event and the XCom ``archive``."""
        from airflow_provider_drive.operators.archive_order import resume
        from airflow_provider_drive.summary import read_totals

        self._read_parameters()
        state = self._task_state(context)
        with fail_on_permanent_errors(remembers=state.is_durable):
            ti = context["ti"]
            pushed = ti.xcom_pull(task_ids=self.task_id, key="archive", map_indexes=ti.map_index)
            if not isinstance(pushed, Mapping):
                raise DriveResponseError(
                    "The XCom archive, which this task pushed before its deferral, is missing."
                )
            self._log_unknown(event)
            resume(state, pushed.get("state"), event)
            return self._archive(context, state, read_totals(pushed.get("totals")))

    def _task_state(self, context: Context) -> TaskState:
        from airflow_provider_drive.utils.task_state import TaskState

        return TaskState(context, self.source, self.destination, self.conflict_behavior, self.keep_structure)

    def _read_parameters(self) -> None:
        from airflow_provider_drive.operators.archive_order import check_parameters

        super()._read_parameters()
        with fail_on_permanent_errors():
            check_parameters(self)

    def _archive(self, context: Context, state: TaskState, totals: Totals) -> dict[str, Any]:
        from airflow_provider_drive.manifest import describe_run, open_manifest
        from airflow_provider_drive.operators.archive_order import describe_order, read_order
        from airflow_provider_drive.report import ArchiveReport

        order = read_order(self, self._client, _FILTERS, totals.counted_from)
        is_real = not self.is_dry_run
        name = describe_run(context) if is_real else None
        opened = (self.hook, self._client.hosts, name)
        manifest = None if self.manifest is None else open_manifest(self.manifest, *opened)
        report = ArchiveReport(name, deletes=self.delete_source and is_real)
        places = {"source": self.source, "destination": self.destination}
        with closing(report), self._logged(describe_order(order), **places) as run:
            try:
                if manifest is not None:
                    manifest.prepare(order, self._client)
                archived = self._copy(order, report, state)
                self._publish(context, archived)
                if archived.pending:
                    self._defer(context, archived, totals.plus(self._client.usage))
                if report.deletes:
                    self._delete_originals(report, manifest, archived, state)
                if manifest is not None:
                    self._write_manifest(context, report, manifest)
            except Exception as error:
                self._publish(context, state.started)
                if not isinstance(error, TaskDeferred):
                    self._summarize(context, report, order, totals, run)
                if not any(report.counts.values()):
                    run.result = ""  # the error says it all
                raise
            summary = self._summarize(context, report, order, totals, run)
            self._conclude(context, summary)
            return summary

    def _conclude(self, context: Context, summary: dict[str, Any]) -> None:
        """Fail the task if too many documents failed; otherwise describe the run in its outlets' events."""
        from airflow_provider_drive.summary import check_counts, is_empty, outlet_extra

        if not self.is_dry_run:
            check_counts(summary, self.max_failures, fail_if_empty=self.fail_if_empty)
        if not self.outlet_event_if_empty and is_empty(summary, context["ti"].try_number):
            self._drop_outlet_events()
        elif not self.is_dry_run:
            self._tell_outlets(context, lambda: outlet_extra(summary, self._client.find(self.destination)))

    def _summarize(
        self, context: Context, report: ArchiveReport, order: ArchiveOrder, totals: Totals, run: RunLog
    ) -> dict[str, Any]:
        """Push the summary as an XCom, and put it into the log: of a run that failed, too."""
        from airflow_provider_drive.operators.archive_order import summarize_archive
        from airflow_provider_drive.summary import describe_summary

        summary = summarize_archive(self, self._client, report, totals, order)
        context["ti"].xcom_push(key="summary", value=summary)
        run.result = describe_summary(summary, order.selection)
        self._report_summary(summary)
        return summary

    def _copy(self, order: ArchiveOrder, report: ArchiveReport, state: TaskState) -> ArchiveState:
        """Copy the documents, and wait for them; if deferrable, not for long."""
        from airflow_provider_drive.protocol.archive.run import archive

        idle = {"max_idle": MAX_IDLE_SECONDS} if self.deferrable else {}
        flow = archive(
            order,
            report.add,
            self._client.wait(poll_interval=self.poll_interval),
            copy_timeout=self.copy_timeout,
            held=self._client.usage.describe_waits,
            **idle,
        )
        return self._client.run(flow, state)

    def _defer(self, context: Context, archived: ArchiveState, totals: Totals) -> None:
        from airflow_provider_drive.triggers.archive import CopiesCompleteTrigger

        context["ti"].xcom_push(key="archive", value={"state": archived.as_dict(), "totals": asdict(totals)})
        deadline = self._client.now() + self.copy_timeout
        self.log.info("%d copies are in progress.", len(archived.pending))
        self.defer(
            trigger=CopiesCompleteTrigger(
                encrypt_url(json.dumps(archived.monitors)), self.poll_interval, deadline, self.drive_conn_id
            ),
            method_name="execute_complete",
            timeout=self._deferral_timeout(context, self.copy_timeout),
        )

    def _delete_originals(
        self, report: ArchiveReport, manifest: Manifest | None, archived: ArchiveState, state: TaskState
    ) -> None:
        """Delete the originals whose copies were verified. The manifest is written before, for a retry."""
        from airflow_provider_drive.protocol.archive.delete_originals import delete_originals
        from airflow_provider_drive.protocol.items.lookup import find_items

        lost = report.add_earlier(archived, manifest, lambda refs: self._client.run(find_items(refs)))
        if manifest is not None:
            if lost:
                self.log.warning("The manifest lacks %d documents that an earlier try archived.", lost)
            elif report.deleted:
                self.log.info("An earlier try deleted %d originals: the manifest keeps them.", report.deleted)
            report.store(manifest)
        flow = delete_originals(report.to_be_deleted(), report.add_deletion, self._client.wait())
        self._client.run(flow, state)
        report.record_deletions()

    def _write_manifest(self, context: Context, report: ArchiveReport, manifest: Manifest) -> None:
        """Write the manifest, except a plan that would replace a real one."""
        if self.is_dry_run and not manifest.takes_plans:
            self.log.info("The plan is not written to %s: it would replace the manifest.", self.manifest)
            return
        report.store(manifest)
        push_link_xcoms(context, self._client.hosts, manifest_url=manifest.url)
