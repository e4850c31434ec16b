"""The summary of an archive: its XCom, the last line of its log, and its error."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_drive.exceptions import DriveArchiveError, DriveResponseError
from airflow_provider_drive.protocol.archive.order import estimate_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.report import ArchiveReport
    from airflow_provider_drive.transport.usage import Usage

_FAILURES_IN_ERROR = 5
_FOLDERS_IN_PLAN = 100
_WORDS = {
    "planned": "would be copied",
    "copied": "copied",
    "there": "already there",
    "gone": "gone",
    "failed": "failed",
    "deleted": "originals deleted",
    "moved": "originals moved",
}


@dataclass(frozen=True, slots=True)
class Totals:
    """
    What a task has used, before and after its deferrals.

    :param since: When this try started, in seconds since the epoch.
    :param counted_from: When the archive started: durations in filters count from there in each try.
    :param throttled: Seconds in which something could not be sent.
    """

    since: float
    counted_from: float
    requests: int = 0
    resource_units: int = 0
    throttled: float = 0.0

    def plus(self, usage: Usage) -> Totals:
        """Return the totals with what a session has used."""
        return replace(
            self,
            requests=self.requests + usage.requests,
            resource_units=self.resource_units + usage.units,
            throttled=self.throttled + usage.throttled,
        )


def read_totals(value: Any) -> Totals:
    """
    Read the totals that a task stored before its deferral.

    :raises DriveResponseError: If it is anything else.
    """
    try:
        totals = Totals(**value)
        if all(isinstance(number, (int, float)) for number in asdict(totals).values()):
            return totals
    except TypeError:
        pass
    raise DriveResponseError("The XCom archive is refused: it is not what this task pushed.")


class Report(Protocol):
    """
    What a summary needs of the report of an archive or a transfer.

    :ivar counts: Documents by the state of their outcome.
    :ivar deleted: How many originals were deleted.
    :ivar bytes: Of the documents that were copied.
    :ivar failures: Some of the documents that failed, with ``path`` and ``reason``.
    """

    counts: dict[str, int]
    deleted: int
    bytes: int
    failures: list[dict[str, Any]]


def summarize(report: Report, totals: Totals) -> dict[str, Any]:
    """Return the summary, as JSON."""
    return {
        **report.counts,
        "deleted": report.deleted,
        "bytes": report.bytes,
        "seconds": round(time.time() - totals.since, 1),
        "requests": totals.requests,
        "resource_units": totals.resource_units,
        "throttled_seconds": round(totals.throttled, 1),
        "failures": report.failures,
    }


def plan(report: ArchiveReport, client: DriveClient, *, deletes: bool) -> dict[str, Any]:
    """
    Return what an archive would do, and an estimate of its cost, the planning included.

    :param client: Knows what planning has used, and the rate limit.
    :param deletes: Whether the originals are to be deleted.
    """
    usage, units_per_minute = client.usage, client.settings.resource_units_per_minute
    planned, with_folders = report.counts["planned"], report.documents_in_folders
    requests, units = estimate_cost(
        planned - with_folders,
        with_folders,
        folders=len(report.whole_folders),
        places=len(report.target_folders),
        deletions=planned if deletes else 0,
    )
    units += usage.units
    return {
        "documents": report.planned,
        "whole_folders": sorted(report.whole_folders)[:_FOLDERS_IN_PLAN],
        "documents_with_folders": with_folders,
        "documents_in_batches": planned - with_folders,
        "resource_units": units,
        "requests": requests + usage.requests,
        "seconds_at_least": round(units / units_per_minute * 60),
    }


def describe_summary(summary: Mapping[str, Any]) -> str:
    """Return the summary in a sentence, for the log."""
    counts = [f"{summary[key]} {words}" for key, words in _WORDS.items() if summary.get(key)]
    return f"Documents: {', '.join(counts) or 'none'}; {summary['bytes'] / 1e6:.1f} MB."


def raise_if_too_many_failed(
    report: Report, max_failures: int, kind: type[DriveError] = DriveArchiveError, done: str = "archived"
) -> None:
    """
    Fail the task if more documents failed than may.

    :param kind: The class of the error.
    :param done: What was to be done with them, as a participle.
    :raises DriveError: If so. The message names the first failures.
    """
    failed = report.counts["failed"]
    if failed <= max_failures:
        return
    shown = report.failures[:_FAILURES_IN_ERROR]
    reasons = "; ".join(f"{failure['path']}: {failure['reason']}" for failure in shown)
    raise kind(
        f"{failed} documents could not be {done}, and {max_failures} may fail: {reasons}"
        f"{' …' if failed > len(shown) else ''}. The XCom summary lists more, the manifest all."
    )
