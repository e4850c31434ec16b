"""
How far an archive is: what a task remembers of it, from one try or one deferral to the next.

The destination is the memory. This is what it does not tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_drive.exceptions import DriveResponseError

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

_END_OF_TIME = 1e11


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """
    How far an archive is.

    :param begun: When it was begun, by the service's clock.
    :param failed: Why copies have failed that were under way, by the ids of their sources.
    :param completed: What copies have become whose monitors said so, by the ids of their sources.
    :param marks: What the sources of these, and of those that are under way, were like when it was asked for.
    :param gone: Originals that were deleted: how many by the state of their copies, and ``bytes``.
    :param leaving: Originals that are being deleted: state of the copy and size, by their ids.
    :param pending: The monitors of those that are under way, by the ids of their sources.
    """

    begun: float
    failed: Mapping[str, str] = field(default_factory=dict)
    completed: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, int] = field(default_factory=dict)
    leaving: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    pending: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_deleting(self) -> bool:
        """Whether originals were being deleted: so all copies were shown, and the manifest was written."""
        return bool(self.gone or self.leaving)

    def as_dict(self) -> dict[str, Any]:
        """Return what has to be remembered, as JSON, but for the monitors, which are secrets."""
        told = {name: dict(getattr(self, name)) for name in (*_TEXTS, "gone")}
        leaving = {key: list(value) for key, value in self.leaving.items()}
        return {"begun": self.begun, **told, "leaving": leaving}

    def count_gone_originals(self, seen: Container[str]) -> ArchiveState:
        """
        Count what was being deleted as gone, if it is not there any more.

        :param seen: The ids of all originals that are there.
        """
        gone = Counter(self.gone)
        for key, (state, size) in self.leaving.items():
            if key not in seen:
                gone += count_of(state, size)
        return replace(self, gone=dict(gone), leaving={})


def read_archive_state(value: Any) -> ArchiveState:
    """
    Read what :meth:`ArchiveState.as_dict` has made, and a database has kept.

    :raises DriveResponseError: If it is anything else.
    """
    told = value if isinstance(value, Mapping) else {}
    begun, *texts, gone, leaving = (told.get(name) for name in _REMEMBERED)
    sound = isinstance(begun, (int, float)) and not isinstance(begun, bool) and 0 < begun < _END_OF_TIME
    if (
        not sound
        or told.keys() != set(_REMEMBERED)
        or not _are_texts(*texts)
        or not (isinstance(gone, Mapping) and isinstance(leaving, Mapping))
        or not all(name in (*_STATES, "bytes") and _is_count(count) for name, count in gone.items())
        or not all(isinstance(key, str) and _is_leaving(value) for key, value in leaving.items())
    ):
        raise DriveResponseError("What was remembered of the archive is not as this package writes it.")
    failed, completed, marks = cast("Any", texts)
    return ArchiveState(cast("float", begun), failed, completed, marks, gone, leaving)


_TEXTS = ("failed", "completed", "marks")
_REMEMBERED = ("begun", *_TEXTS, "gone", "leaving")
_STATES = ("copied", "there")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_leaving(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and value[0] in _STATES and _is_count(value[1])


def count_of(state: str, size: int) -> Counter[str]:
    """Count one document; only what was copied has bytes."""
    return Counter({state: 1, "bytes": size if state == "copied" else 0})


def completion_event(ends: Mapping[str, CopyStatus]) -> dict[str, Any]:
    """
    Return the event that says how copies have ended. It holds no secret: Airflow logs it.

    The destination tells of those whose end nobody knows, and of those whose name was taken: perhaps by
    themselves.
    """
    lasting = {
        name: end
        for name, end in ends.items()
        if end.state in {"failed", "timeout"} and not end.is_name_conflict
    }
    return {
        "status": "ended",
        "completed": {name: end.resource_id for name, end in ends.items() if end.resource_id},
        "failed": {name: end.told for name, end in lasting.items()},
    }


def read_completion_event(event: Any, standing: ArchiveState) -> ArchiveState:
    """
    Read what :func:`completion_event` has made, and return how far the archive is by that.

    :raises DriveResponseError: If it is not exactly that. An event that says why the trigger could not wait
        is none of these, but no fault: the destination tells all there is to know.
    """
    told = event if isinstance(event, Mapping) else {}
    if told.get("status") == "unknown":
        return standing
    if told.keys() != {"status", "completed", "failed"} or not _are_texts(told["completed"], told["failed"]):
        raise DriveResponseError("The trigger's event is refused: it is not as this package writes it.")
    return replace(
        standing,
        failed={**standing.failed, **told["failed"]},
        completed={**standing.completed, **told["completed"]},
    )


def _are_texts(*values: Any) -> bool:
    return all(
        isinstance(value, Mapping) and all(isinstance(text, str) for pair in value.items() for text in pair)
        for value in values
    )
