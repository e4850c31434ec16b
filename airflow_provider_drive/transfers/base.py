"""What the two transfers share: many documents at once, their report, and how the task ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError, DriveConnectionError, DriveTransferError
from airflow_provider_drive.operators.base import DriveOperator
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow.sdk import Context

    from airflow_provider_drive.manifest import Manifest
    from airflow_provider_drive.operators.base import RunLog
    from airflow_provider_drive.transfers.report import TransferReport

MAX_LOST = 20
"""How many documents in a row may fail for the network or the store before the task ends."""


class TransferOperator(DriveOperator):
    """Base of the transfers."""

    is_dry_run = False
    destination: Any
    manifest: Any
    max_failures: int
    parallel: int

    def on_kill(self) -> None:
        """Stop reading and writing at once."""
        self.log.warning("The task was stopped. Documents that were whole by then stay.")
        self._client.stop()

    def _read_parameters(self) -> None:
        from airflow_provider_drive.protocol.wire import validation

        super()._read_parameters()
        with fail_on_permanent_errors():
            self.max_failures = validation.read_count("max_failures", self.max_failures)
            self.parallel = validation.read_count("parallel", self.parallel, minimum=1)

    def _open_manifest(self, context: Context) -> Manifest | None:
        from airflow_provider_drive.manifest import describe_run, open_manifest

        if self.manifest is None:
            return None
        run = None if self.is_dry_run else describe_run(context)
        return open_manifest(self.manifest, self.hook, self._client.hosts, run)

    def _run_all(self, report: TransferReport, documents: Iterable[Any], do: Callable[[Any], Any]) -> None:
        """
        Do something with each document, several at a time, and report what came of each.

        :raises DriveError: What concerns all documents: no login, throttled for too long; or the network or
            the store, if so many documents failed for it without one that did not.
        """
        from airflow_provider_drive.transfers.parallel import run_parallel

        lost = 0
        for outcome, error in run_parallel(
            lambda document: _attempt(do, document), documents, self.parallel, self._client.stop
        ):
            report.add(outcome)
            lost = lost + 1 if isinstance(error, (DriveConnectionError, DriveTransferError)) else 0
            if error is not None:
                self.log.warning("%s: %s", outcome.path, error)
            if error is not None and lost >= MAX_LOST:
                raise error

    def _conclude(
        self,
        context: Context,
        report: TransferReport,
        manifest: Manifest | None,
        totals: Any,
        run: RunLog,
    ) -> dict[str, Any]:
        """Write the manifest, push the summary, and fail the task if too many documents failed."""
        from airflow_provider_drive.summary import check_counts, describe_summary, summarize

        is_written = manifest is not None and (not self.is_dry_run or manifest.takes_plans)
        if manifest is not None and is_written:
            manifest.write(report.content)
        used = totals.plus(self._client.usage)
        summary = summarize(report, used, moved=report.moved, files=report.files)
        summary["manifest"] = str(self.manifest) if is_written else None
        if self.is_dry_run:
            summary["plan"] = {"documents": report.planned}
        context["ti"].xcom_push(key="summary", value=summary)
        self._report_summary(summary)
        run.result = describe_summary(summary)
        if not self.is_dry_run:
            check_counts(summary, self.max_failures, kind=DriveTransferError, done="handed over")
            self._tell_outlets(context, lambda: self._outlet_extra(summary))
        return summary

    def _outlet_extra(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Return what the events of the outlets hold."""
        from airflow_provider_drive.summary import outlet_extra

        return outlet_extra(summary, self._client.find(self.destination))


def _attempt(do: Callable[[Any], Any], document: Any) -> tuple[Any, Exception | None]:
    """Return what came of a document, and the error that it failed with."""
    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.archive.context import about_one_item
    from airflow_provider_drive.transfers.report import Outcome

    try:
        return do(document), None
    except (DriveConnectionError, DriveTransferError, DriveArgumentError) as error:
        failure: DriveError = error
    except DriveError as error:
        failure = about_one_item(error)
    stored = getattr(document, "stored", None)
    return Outcome("failed", document.path, document.item, stored, reason=str(failure)), failure
