"""What an archive's parameters ask for, how it goes on after a deferral, and its summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.archive.order import ArchiveOrder
from airflow_provider_drive.protocol.archive.state import read_archive_state, read_completion_event
from airflow_provider_drive.protocol.items.filters import read_selection
from airflow_provider_drive.protocol.wire import validation
from airflow_provider_drive.summary import plan, summarize
from airflow_provider_drive.utils.encryption import decrypt_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.operators.archive import DriveArchiveOperator
    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.report import ArchiveReport
    from airflow_provider_drive.summary import Totals
    from airflow_provider_drive.utils.task_state import TaskState


def check_parameters(operator: DriveArchiveOperator) -> None:
    """
    Check an archive's own parameters, and give them their types.

    :raises DriveArgumentError: If one is invalid, or two do not go together.
    """
    operator.max_failures = validation.read_count("max_failures", operator.max_failures)
    validation.check_globs("pattern", operator.pattern)
    validation.check_globs("exclude", operator.exclude)
    if operator.items is not None:
        operator.items = validation.read_items(operator.items)
    if operator.delete_source and not operator.verify:
        raise DriveArgumentError("delete_source needs verify: a copy must be verified before that.")


def read_order(
    operator: DriveArchiveOperator, client: DriveClient, filters: Sequence[str], now: float
) -> ArchiveOrder:
    """
    Return what to archive.

    :param filters: The names of the parameters that select documents.
    :param now: When the archive started: durations in filters count from there in each try.
    """
    return ArchiveOrder(
        client.address(operator.destination, "destination"),
        client.optional_address(operator.source, "source"),
        read_selection(now, **{name: getattr(operator, name) for name in filters}),
        None if operator.items is None else [client.read_document(item) for item in operator.items],
        operator.keep_structure,
        operator.conflict_behavior,
        operator.verify,
        operator.is_dry_run,
    )


def resume(state: TaskState, pushed: Any, event: Any) -> None:
    """
    Let an archive go on with what it knew before its deferral, and what the trigger has seen.

    :param pushed: The state of the archive, as the XCom has it.
    :param event: The trigger's event.
    """
    before_deferral = read_archive_state(pushed, decrypt_url)
    stored: ArchiveState | None = state.restore("archive").state
    state.hand_on("archive", read_completion_event(event, before_deferral.with_monitors(stored)))


def describe_order(order: ArchiveOrder) -> str:
    """Return what an archive does, for its log."""
    verb = "Planning to archive" if order.dry_run else "Archiving"
    return f"{verb} {'items' if order.source is None else order.source} to {order.destination}"


def summarize_archive(
    operator: DriveArchiveOperator,
    client: DriveClient,
    report: ArchiveReport,
    totals: Totals,
    order: ArchiveOrder,
) -> dict[str, Any]:
    """Return the summary of an archive; that of a dry run has a plan."""
    summary = summarize(report, totals.plus(client.usage), order.selection)
    summary["manifest"] = str(operator.manifest) if report.is_stored else None
    if operator.is_dry_run:
        summary["plan"] = plan(report, client, deletes=operator.delete_source)
    return summary
