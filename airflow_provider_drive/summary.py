"""The summary of an archive: its XCom, the last line of its log, and its error."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_drive.exceptions import DriveArchiveError, DriveError, DriveResponseError
from airflow_provider_drive.manifest import STATES, describe_nothing
from airflow_provider_drive.protocol.archive.order import estimate_cost
from airflow_provider_drive.transport.usage import describe_waits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.protocol.items.filters import Selection
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.report import ArchiveReport
    from airflow_provider_drive.transport.usage import Usage

_FAILURES_SHOWN = 10
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
    :param throttled: Seconds in which Graph throttled.
    :param paced: Seconds in which the connection's budget held something back.
    """

    since: float
    counted_from: float
    requests: int = 0
    resource_units: int = 0
    throttled: float = 0.0
    paced: float = 0.0

    def plus(self, usage: Usage) -> Totals:
        """Return the totals with what a session has used."""
        return replace(
            self,
            requests=self.requests + usage.requests,
            resource_units=self.resource_units + usage.units,
            throttled=self.throttled + usage.throttled,
            paced=self.paced + usage.paced,
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


def summarize(
    report: Report, totals: Totals, selection: Selection | None = None, **more: Any
) -> dict[str, Any]:
    """
    Return the summary, as JSON.

    :param more: What else it has.
    """
    summary = {
        **report.counts,
        "deleted": report.deleted,
        "bytes": report.bytes,
        "seconds": round(time.time() - totals.since, 1),
        "requests": totals.requests,
        "resource_units": totals.resource_units,
        "throttled_seconds": round(totals.throttled, 1),
        "paced_seconds": round(totals.paced, 1),
        **({} if selection is None else {"filter": selection.as_dict()}),
        **more,
        "failures": report.failures,
    }
    return summary | {"note": describe_nothing(summary)}


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
        "documents_that_would_fail": report.counts["failed"],
        "resource_units": units,
        "requests": requests + usage.requests,
        "seconds_at_least": round(units / units_per_minute * 60),
    }


def describe_summary(summary: Mapping[str, Any], selection: Selection | None = None) -> str:
    """Return the summary for the log: some lines, of which the first has the counts and the costs."""
    counts = [f"{summary[key]} {words}" for key, words in _WORDS.items() if summary.get(key)]
    is_plan = "plan" in summary
    cost = f"{summary['seconds']:.0f} s, {summary['requests']} requests, {summary['resource_units']} units"
    waits = describe_waits(summary["throttled_seconds"], summary["paced_seconds"])
    filtered = "" if selection is None else selection.describe()
    lines = [
        f"Documents: {', '.join(counts) or 'none'}; {summary['bytes'] / 1e6:.1f} MB; {cost} in all.",
        waits and f"Requests were {waits}.",
        filtered and f"Documents below the source: {filtered}",
        summary["note"],
        *_describe_failures(summary, "would fail" if is_plan else "failed"),
        summary.get("manifest") and f"Manifest: {summary['manifest']}",
    ]
    return "\n".join(filter(None, lines))


def _describe_failures(summary: Mapping[str, Any], word: str) -> list[str]:
    shown = summary["failures"][:_FAILURES_SHOWN]
    lines = [f"{failure['path'] or 'An item'} {word}: {failure['reason']}" for failure in shown]
    more = summary["failed"] - len(shown)
    if more > 0:
        where = "the manifest lists all" if summary.get("manifest") else "the XCom summary lists a hundred"
        lines.append(f"… and {more} more: {where}.")
    return lines


def outlet_extra(summary: Mapping[str, Any], folder: ItemRef | None) -> dict[str, Any]:
    """
    Return what the events of a task's outlets hold.

    :param folder: The destination; None if it does not exist, or is not in a drive.
    """
    told = {name: value for name, value in summary.items() if name not in {"plan", "manifest", "files"}}
    ids = None if folder is None else folder.as_dict()
    return {"summary": told, "manifest": summary.get("manifest"), "folder": ids}


def is_empty(summary: Mapping[str, Any], try_number: int) -> bool:
    """
    Return whether an archive has done nothing.

    What a later try finds done already, an earlier one may have done, of which no event has told.
    """
    done = ("copied", "gone", "deleted") if try_number == 1 else ("copied", "gone", "deleted", "there")
    return not any(summary[name] for name in done)


def check_counts(
    summary: Mapping[str, Any],
    max_failures: int,
    *,
    fail_if_empty: bool = False,
    kind: type[DriveError] = DriveArchiveError,
    done: str = "archived",
) -> None:
    """
    Fail the task if more documents failed than may, or if there were none.

    :param kind: The class of the error if more than ``max_failures`` failed. It names the first failures.
    :param done: What was to be done with the documents, as a participle.
    :raises DriveError: As ``kind``; or if there was none, and ``fail_if_empty`` is true.
    """
    failed, total = summary["failed"], sum(summary.get(key, 0) for key in STATES)
    if fail_if_empty and not total:
        filtered = describe_filter(summary["filter"])
        raise DriveError(f"There is no document to archive, and fail_if_empty is set.{filtered}")
    if failed <= max_failures:
        return
    others = [
        f"{summary[key]} {words}" for key, words in _WORDS.items() if summary.get(key) and key != "failed"
    ]
    lines = [
        f"{failed} documents could not be {done}, and {max_failures} may fail.",
        f"Of all {total} documents: {', '.join(others) or 'none was copied'}.",
        *_describe_failures(summary, "failed"),
        summary.get("manifest") and f"Manifest: {summary['manifest']}",
    ]
    raise kind("\n".join(filter(None, lines)))


def describe_filter(counts: Mapping[str, int]) -> str:
    """Say what a filter saw, for an error; nothing if it left out nothing."""
    left_out = [f"{count} by {name}" for name, count in counts.items() if name not in {"seen", "matching"}]
    return f" {counts['seen']} were seen; left out: {', '.join(left_out)}." if left_out else ""
