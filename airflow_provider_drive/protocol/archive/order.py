"""What an archive is to copy, where to and how; and what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.archive.target import ITEMS_PER_PAGE
from airflow_provider_drive.protocol.batch import MAX_BATCH_SIZE
from airflow_provider_drive.protocol.items.filters import Selection
from airflow_provider_drive.protocol.wire.copy_job import COPY_BEHAVIORS
from airflow_provider_drive.protocol.wire.items import SKIP
from airflow_provider_drive.protocol.wire.validation import check_choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.wire.addresses import Address


@dataclass(frozen=True, slots=True)
class ArchiveOrder:
    """
    What is to be archived, where to and how.

    :param source: The folder; None if ``items`` are given.
    :param items: Documents, each with its path below the destination.
    :param keep_structure: Whether a document keeps its path, or only its name.
    :param verify: Whether each copy is compared with its source.
    """

    destination: Address
    source: Address | None = None
    selection: Selection = field(default_factory=Selection)
    items: Sequence[tuple[str, Address]] | None = None
    keep_structure: bool = True
    conflict_behavior: str = SKIP
    verify: bool = True
    dry_run: bool = False

    def check(self) -> None:
        """
        Refuse parameters that do not go together, before anything is sent.

        :raises DriveArgumentError: If they do not.
        """
        check_choice("conflict_behavior", self.conflict_behavior, COPY_BEHAVIORS)
        if (self.source is None) == (self.items is None):
            raise DriveArgumentError("Give either a source or items.")


def estimate_cost(
    alone: int, with_folders: int, *, folders: int, places: int, deletions: int
) -> tuple[int, int]:
    """
    Return about how many requests and resource units it takes to copy and verify what was found.

    Requests to monitors are not counted: they cost no units, and their number depends on how long copies
    take.

    :param alone: Documents that are copied one by one.
    :param with_folders: Documents that are copied with their folders.
    :param folders: Folders that are copied whole.
    :param places: Folders of the destination that the other documents go to.
    :param deletions: Originals that are deleted.
    """
    batches = math.ceil(alone / MAX_BATCH_SIZE) + math.ceil(deletions / MAX_BATCH_SIZE)
    pages = places + folders + (alone + with_folders + deletions) // ITEMS_PER_PAGE
    return batches + folders + places + pages, 2 * (alone + folders + places + pages + deletions)
