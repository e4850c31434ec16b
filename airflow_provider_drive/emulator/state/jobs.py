"""Copies and moves that run as jobs: https://learn.microsoft.com/graph/long-running-actions-overview."""

from __future__ import annotations

import itertools
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.state import credentials
from airflow_provider_drive.emulator.state.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.items import Item


@dataclass
class CopyBehaviour:
    """
    How a copy runs, and what its monitor answers.

    :param looks: Number of polls that the monitor answers with "running". Default is ``0``: completed at the
        first poll.
    :param seconds: Minimum duration of the copy, from its submission.
    :param location: Form of the monitor URL: ``operations``, ``monitor``, ``personal``, ``item`` (the copy is
        made at once, and the URL is that of the new item), ``none``. Any other string is the URL itself, and
        a callable returns the URL for a job. Default is ``operations``, and ``personal`` for personal drives.
    :param running_status: HTTP status while the job runs. Default is 200, and 202 for personal drives:
        https://github.com/OneDrive/onedrive-api-docs/issues/852
    :param done_status: HTTP status at the end: 200, 202 (``doc-monitor-completed-202-graphdocs``) or 303
        (``doc-monitor-completed-303-odocs``).
    :param words: Value of ``status`` at each poll while the job runs; the last one repeats.
    :param final: Value of ``status`` at the end. Default is ``completed`` or ``failed``.
    :param percent_key: ``percentageComplete``, ``percentComplete``, ``both``, or None for neither.
    :param failure: Let the copy fail. ``code``, ``details``, ``errorCode`` and ``nothing`` are the observed
        forms of the error, a mapping is the end of the body itself, and any other string is an error code in
        the form ``code``.
    :param partial: Number of items that exist when the copy fails.
    :param lost: The monitor does not know the job: True for 404, or the status. The copy is made anyway.
    :param with_body: Whether the final response has a body. Without one, 303 has only a ``Location``.
    :param resource_id: Whether the final response contains the id of the new item.
    :param appears: When the result becomes visible: ``end``, or ``start``: a folder is there at once, and its
        content follows poll by poll.
    :param conflict: How a name that is taken is reported: ``async`` by the monitor, as documented, or
        ``sync`` in the response to the copy (``op-copy-409-sync-nameAlreadyExists``).
    :param misplaced: The copy is created next to its source, or in this folder:
        https://github.com/OneDrive/onedrive-api-docs/issues/1381
    :param leaves_out: Items that are missing from the copy, although it completes: the last ``n`` of those
        below the source, or all of these names with everything below them:
        https://github.com/OneDrive/onedrive-api-docs/issues/1239 and
        https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/6884
    :param read_lag: Number of reads of the new item that answer 404: https://github.com/microsoftgraph/microsoft-graph-docs/issues/13773
    """

    looks: int = 0
    seconds: float = 0.0
    location: str | Callable[[Job], str] | None = None
    running_status: int | None = None
    done_status: int = 200
    words: tuple[str, ...] = ("notStarted", "inProgress")
    final: str | None = None
    percent_key: str | None = "percentageComplete"
    failure: str | dict[str, Any] | None = None
    partial: int = 0
    lost: bool | int = False
    with_body: bool = True
    resource_id: bool = True
    appears: str = "end"
    conflict: str = "async"
    misplaced: bool | Item = False
    leaves_out: int | Collection[str] = ()
    read_lag: int = 0


@dataclass(eq=False)
class Job:
    """
    A copy, or a move to another drive.

    :param kind: ``copy`` or ``move``.
    :param steps: Creates one item at each step, and yields it.
    :param total: Number of items to create.
    :param finish: Called when all items are created; the job of a move then removes the source.
    :param looks: Number of polls so far.
    :param state: ``running``, ``completed`` or ``failed``.
    :param made: The items created so far.
    :param resource: The first of them: the result.
    :param failure: Why the job failed, as in :class:`CopyBehaviour`, or the error of a step.
    """

    kind: str
    source: Item
    destination: Item
    behaviour: CopyBehaviour
    steps: Iterator[Item] = field(repr=False)
    total: int
    finish: Callable[[], None] = field(default=lambda: None, repr=False)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    submitted: float = field(default_factory=time.time)
    looks: int = 0
    state: str = "running"
    made: list[Item] = field(default_factory=list, repr=False)
    resource: Item | None = None
    failure: str | dict[str, Any] | StateError | None = None

    def __post_init__(self) -> None:
        self.source_id = self.source.id
        self.tempauth = credentials.tempauth(self.source.drive.tenant.now())
        self.continuation = credentials.continuation(self.id)

    @property
    def drive(self) -> Drive:
        """The drive that contains the result."""
        return self.destination.drive

    @property
    def is_running(self) -> bool:
        """Whether the job has not ended."""
        return self.state == "running"

    @property
    def due(self) -> float:
        """The earliest time at which the job ends, in seconds since the epoch."""
        return self.submitted + self.behaviour.seconds

    @property
    def url_form(self) -> str | Callable[[Job], str]:
        """The form of its monitor's URL."""
        return self.behaviour.location or ("personal" if self.source.drive.is_personal else "operations")

    @property
    def waits_for_polls(self) -> bool:
        """Whether the job runs until its monitor has been polled more often."""
        return self.looks < self.behaviour.looks and self.url_form not in {"none", "item"}

    @property
    def percentage(self) -> float:
        """The progress of a running job, by polls or else by time: at most 99."""
        if self.behaviour.looks:
            share = self.looks / (self.behaviour.looks + 1)
        elif self.behaviour.seconds:
            share = (time.time() - self.submitted) / self.behaviour.seconds
        else:
            share = 1.0
        return round(100 * min(share, 0.99), 1)

    def start(self) -> None:
        """Create the folder itself if it is to appear at the start."""
        if self.behaviour.appears == "start":
            self._advance(1)

    def poll(self) -> None:
        """Count a poll of the monitor, and end the job if it is due."""
        if self.is_running and not self.waits_for_polls and time.time() >= self.due:
            self.end()
        elif self.is_running:
            self.looks += 1
            if self.behaviour.appears == "start":
                self._advance(self.total // (self.behaviour.looks + 1))

    def end(self) -> None:
        """Create all remaining items, or fail."""
        failure = self.behaviour.failure
        self._advance(None if failure is None else self.behaviour.partial)
        if self.is_running and failure is not None:
            self.state, self.failure = "failed", failure
        elif self.is_running:
            self.finish()
            self.state = "completed"

    def _advance(self, count: int | None) -> None:
        """Create the next ``count`` items, or all. The job fails if a name is taken."""
        try:
            for item in itertools.islice(self.steps, count):
                self.made.append(item)
                if self.resource is None:
                    self.resource = item
                    item.hidden_reads = self.behaviour.read_lag
        except StateError as error:
            self.state, self.failure = "failed", error
