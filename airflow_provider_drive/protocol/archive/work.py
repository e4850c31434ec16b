"""What is left to do in an archive, and what came of the rest: shared by the steps of a run."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.archive.plan import plan_document
from airflow_provider_drive.protocol.archive.progress import Progress
from airflow_provider_drive.protocol.archive.scan import Scan
from airflow_provider_drive.protocol.archive.target import ITEMS_PER_PAGE, TargetFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.archive.context import ArchiveContext
    from airflow_provider_drive.protocol.archive.copy_task import CopyTask
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.wire.addresses import ItemRef


class Work:
    """
    What is left to do, and what came of the rest.

    :ivar scan: Documents that are still to be read.
    :ivar waiting: Copies that are still to be requested.
    """

    def __init__(
        self, context: ArchiveContext, report: Callable[[Outcome], None], held: Callable[[], str]
    ) -> None:
        self.context, self.state = context, context.state
        self.scan = Scan(context)
        self.waiting: deque[CopyTask] = deque()
        self.progress = Progress(context.wait, held)
        self._report = report

    def report(self, outcome: Outcome) -> None:
        """Report what came of a document."""
        self.progress.add(outcome.found.item.size or 0)
        self._report(outcome)

    def plan(self, found: ListedItem, target: TargetFolder, *, requests: int = 0) -> Flow[None]:
        """
        Decide what to do with a document.

        :param requests: How often its copy was requested before.
        """
        planned = yield from plan_document(found, target, self.context)
        if not isinstance(planned, Outcome):
            planned.requests = planned.requests or requests
            self.waiting.append(planned)
            return
        if planned.state == "failed" and not planned.rival:  # that is found again after a deferral
            self.state.pending.pop(found.item.ref.item_id, None)
            self.state.add_failed(found.item.ref.item_id, planned.reason)
        self.report(planned)

    def fail(self, copy: CopyTask, error: DriveError) -> None:
        """Report a copy that has failed; a folder whose request was refused is read document by document."""
        if not copy.can_be_split:
            self.state.add_failed(copy.id, str(error))
            self.report(Outcome("failed", copy.found, reason=str(error)))
        elif not copy.is_accepted and not copy.lost:
            self.read_folder(copy, None, str(error))
        else:
            for _, found in copy.documents():
                self.report(Outcome("failed", found, "folder", reason=str(error)))

    def read_folder(self, copy: CopyTask, there: ItemRef | None, reason: str) -> None:
        """
        Copy a folder's documents one by one, since it could not be copied as a whole.

        :param there: The folder of the destination that has its name.
        """
        self.state.add_failed(copy.id, reason)
        self.progress.found -= len(copy.documents())
        target = TargetFolder(copy.final_name, copy.target, ref=there)
        target.count, target.may_hold_copies = ITEMS_PER_PAGE, True
        self.scan.add_folder(copy.found, target)
