"""Jobs that take time, and what their monitors tell: https://learn.microsoft.com/graph/long-running-actions-overview."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_drive.emulator.graph.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_drive.emulator.state.drives import Drive, Item

_NULL_DATE = "0001-01-01T00:00:00Z"  # doc-monitor-completed-v21
_URL_LIFETIME = 86_400  # exp - nbf of the token in https://github.com/OneDrive/onedrive-api-docs/issues/1239


@dataclass
class CopyBehaviour:
    """
    How a copy goes, and what its monitor tells.

    :param looks: The monitor says "running" to so many GETs. Default is ``0``: done at the first look.
    :param seconds: The copy takes at least so long after it was submitted.
    :param location: The monitor URL's shape: ``operations``, ``monitor``, ``personal``, ``item`` (the copy
        was made at once, and the URL is the new item's), ``none``; any other string, or what a callable makes
        of the job, is the URL itself. Default is ``operations``, and ``personal`` for personal drives.
    :param running_status: HTTP status while it runs. Default is 200, and 202 for personal drives:
        https://github.com/OneDrive/onedrive-api-docs/issues/852
    :param done_status: HTTP status at the end: 200, 202 (``doc-monitor-completed-202-graphdocs``) or 303
        (``doc-monitor-completed-303-odocs``).
    :param words: The ``status`` at each look while it runs; the last one stays.
    :param final: The ``status`` at the end, if neither ``completed`` nor ``failed``.
    :param percent_key: ``percentageComplete``, ``percentComplete``, ``both``, or None for neither.
    :param failure: ``code``, ``details``, ``errorCode``, ``nothing`` (the shapes that were seen), a mapping
        (the end of the body itself), or any other word: that error code, in the shape ``code``.
    :param partial: So many items are there when it fails.
    :param lost: The monitor does not know the job: True for 404, or the status. The copy is made even so.
    :param with_body: Say something at the end. Without it 303 has a Location only.
    :param resource_id: Tell the new item's id at the end.
    :param appears: ``end``, or ``start``: a folder shows at once, and what is in it comes look by look.
    :param conflict: Where a taken name is told: ``async`` as in the docs, or ``sync``
        (``op-copy-409-sync-nameAlreadyExists``).
    :param misplaced: The copy lands beside its source: https://github.com/OneDrive/onedrive-api-docs/issues/1381
    :param read_lag: So many reads of the new item answer 404: https://github.com/microsoftgraph/microsoft-graph-docs/issues/13773
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
    misplaced: bool = False
    read_lag: int = 0


@dataclass(eq=False)
class Job:
    """
    A copy, or a move to another drive, which is under way or over.

    :param steps: Does the work, one item at each step, and gives the items it made.
    :param finish: Does what is left when all items are made, such as removing the source of a move.
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
    error: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.source_id = self.source.id
        now = int(self.submitted)
        claims = {"aud": "00000003-0000-0ff1-ce00-000000000000", "nbf": now, "exp": now + _URL_LIFETIME}
        self.tempauth = f"v1.{_encoded(claims)}.{secrets.token_urlsafe(32)}"
        # an opaque continuation with an Azure queue's URL in it: iss-copy-202-operations-location-2020
        queue = f"https://spoeus1.queue.core.windows.net/{self.id}?sig={secrets.token_urlsafe(24)}&>>"
        self.continuation = base64.b64encode(queue.encode()).decode()

    @property
    def drive(self) -> Drive:
        """The drive where the result is."""
        return self.destination.drive

    @property
    def is_running(self) -> bool:
        """Whether it is not over yet."""
        return self.state == "running"

    @property
    def due(self) -> float:
        """When it can be over at the soonest, in seconds since the epoch."""
        return self.submitted + self.behaviour.seconds

    @property
    def url_form(self) -> str | Callable[[Job], str]:
        """Which kind of URL its monitor has."""
        return self.behaviour.location or ("personal" if self.source.drive.is_personal else "operations")

    @property
    def waits_for_polls(self) -> bool:
        """Whether it waits for looks at its monitor."""
        return self.looks < self.behaviour.looks and self.url_form not in {"none", "item"}

    def start(self) -> None:
        """Let a folder show at once, if it is to."""
        if self.behaviour.appears == "start":
            self._advance(1)

    def poll(self) -> None:
        """Note that somebody asked how it stands."""
        if self.is_running and not self.waits_for_polls and time.time() >= self.due:
            self.end()
        elif self.is_running:
            self.looks += 1
            if self.behaviour.appears == "start":
                self._advance(self.total // (self.behaviour.looks + 1))

    def end(self) -> None:
        """Make what is left to make, or fail."""
        failure = self.behaviour.failure
        self._advance(None if failure is None else self.behaviour.partial)
        if self.is_running and failure is not None:
            self.state, self.error = "failed", _failure(failure)
        elif self.is_running:
            self.finish()
            self.state = "completed"

    def _advance(self, count: int | None) -> None:
        """Make so many items, or all. A name that is taken ends it all."""
        try:
            for item in itertools.islice(self.steps, count):
                self.made.append(item)
                if self.resource is None:
                    self.resource = item
                    item.hidden_reads = self.behaviour.read_lag
        except GraphError as error:
            self.state, self.error = "failed", {"error": error.error()}

    # What its monitor tells

    def location(self, base: str) -> str | None:
        """Give the monitor's URL: five shapes were seen."""
        url_form, secret = self.url_form, f"tempauth={self.tempauth}"
        if not isinstance(url_form, str):
            return url_form(self)
        if url_form == "operations":
            query = f"c={quote(self.continuation, safe='')}&v=2.0&{secret}"
            return f"{base}/_api/v2.1/drives/{self.source.drive.id}/operations/{self.id}?{query}"
        if url_form == "item" and self.resource is not None:  # op-copy-202-sync-item-location-2024
            path = f"drives/{self.drive.id}/items/{self.resource.id}"
            return f"{base}/_api/v2.0/{path}?force303=1&{secret}"
        shapes = {
            "monitor": f"{base}/_api/v2.0/monitor/{self.id}",
            "personal": f"{base}/v1.0/monitor/{self.id}",
            "none": None,
            "item": None,
        }
        return shapes.get(url_form, url_form)

    def status(self) -> dict[str, Any]:
        """Give the monitor's body."""
        if self.is_running:
            word = self.behaviour.words[min(self.looks, len(self.behaviour.words)) - 1]
            return {"operation": "ItemCopy", **self._percentages(self._progress()), "status": word}
        body = self._done() if self.state == "completed" else self._failed()
        return body | ({"status": self.behaviour.final} if self.behaviour.final else {})

    def _done(self) -> dict[str, Any]:
        body: dict[str, Any] = {**self._dates(), **self._percentages(100.0)}
        if self.behaviour.resource_id and self.resource is not None:
            body["resourceId"] = self.resource.id
            if self.url_form == "operations":  # doc-monitor-completed-v21
                address = f"_api/v2.0/drives/{self.drive.id}/items/{self.resource.id}"
                body["resourceLocation"] = f"{self.drive.web_url.rpartition('/')[0]}/{address}"
        return {**body, "status": "completed"}

    def _failed(self) -> dict[str, Any]:
        personal = {  # https://github.com/OneDrive/onedrive-api-docs/issues/666
            "operation": "ItemCopy",
            "percentageComplete": 0,
            "statusDescription": f"Completed 0/{self.total} files; 0/{self.source.size} bytes",
        }
        head = personal if self.error == {} else self._dates()
        return {**head, "status": "failed", **(self.error or {})}

    def _dates(self) -> dict[str, Any]:
        if self.url_form == "personal":
            return {"operation": "ItemCopy"}
        return {"id": self.id, "createdDateTime": _NULL_DATE, "lastActionDateTime": _NULL_DATE}

    def _percentages(self, value: float) -> dict[str, float]:
        key = self.behaviour.percent_key
        if key == "both":
            return {"percentageComplete": value, "percentComplete": value}
        return {} if key is None else {key: value}

    def _progress(self) -> float:
        looked = self.looks / (self.behaviour.looks + 1)
        waited = (time.time() - self.submitted) / self.behaviour.seconds if self.behaviour.seconds else 1.0
        return round(100 * min(looked if self.behaviour.looks else waited, 0.99), 1)


def _failure(wish: str | dict[str, Any]) -> dict[str, Any]:
    """Make the end of a failed job's body, in one of the shapes that were seen."""
    message = "Name already exists"
    detail = {"code": "nameAlreadyExists", "message": message}
    shapes: dict[str, dict[str, Any]] = {
        "code": {"error": detail},  # doc-monitor-failed-nameAlreadyExists
        # example 5 of https://learn.microsoft.com/graph/api/driveitem-copy
        "details": {"error": {"message": "Errors occurred during copy/move operation.", "details": [detail]}},
        # what rclone's waitForJob looks for
        "errorCode": {"errorCode": "AccessDenied_SharingLinkDisabled"},
        "nothing": {},
    }
    if isinstance(wish, dict):
        return wish
    # any other code as in iss-monitor-failed-generalException
    return shapes.get(wish, {"error": {"code": wish, "message": "General exception while processing"}})


def _encoded(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
