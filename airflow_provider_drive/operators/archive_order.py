"""What an archive's parameters ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.protocol.archive.order import ArchiveOrder
from airflow_provider_drive.protocol.items.filters import read_selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.operators.archive import DriveArchiveOperator


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
