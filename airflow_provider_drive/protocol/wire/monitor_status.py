"""
A monitor: the request that asks it, and what its answer says of a copy or a move.

https://learn.microsoft.com/graph/long-running-actions-overview
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args
from urllib.parse import unquote

from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.wire.addresses import is_id
from airflow_provider_drive.protocol.wire.errors import (
    clean,
    error_from_response,
    is_gone,
    read_graph_error,
)
from airflow_provider_drive.protocol.wire.redaction import remember_secret

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Response

State = Literal["running", "completed", "failed", "timeout", "unknown"]
_NOTHING: tuple[Any, ...] = (None, "", [])
_FAILED = {"failed", "cancelled", "canceled", "deletefailed"}
_ITEM_URL = re.compile(r"/drives/(?P<drive>[^/?#]+)/items/(?P<item>[^/?#:]+)")


@dataclass(frozen=True, slots=True)
class CopyStatus:
    """
    How a copy stands.

    :param state: ``running``, ``completed``, ``failed``; ``unknown`` if its monitor no longer knows it;
        ``timeout`` if it was still running at the deadline.
    :param resource_id: The id of the new item; with ``childrenOnly`` that of the destination.
    :param drive_id: The drive that the new item is in, where the monitor tells.
    :param percent_complete: From 0 to 100, where the monitor tells.
    :param code: Why it failed, in Graph's word.
    """

    state: State
    resource_id: str | None = None
    drive_id: str | None = None
    percent_complete: float | None = None
    code: str = ""
    message: str = ""
    details: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether there is something left to wait for."""
        return self.state == "running"

    @property
    def progress(self) -> str:
        """How far it is, for a log: whole percents, lest a large copy fills it."""
        return "" if self.percent_complete is None else f"{self.percent_complete:.0f} %"

    @property
    def told(self) -> str:
        """Why it has not ended well, in a few words."""
        if self.state == "timeout":
            return "it was not copied in time; it may still be"
        return ": ".join(filter(None, [self.code, self.message])) or "Graph does not say why"

    @property
    def is_name_conflict(self) -> bool:
        """Whether it failed since the name was taken."""
        codes = (self.code, *(entry.get("code") for entry in self.details))
        return self.state == "failed" and "namealreadyexists" in {str(code).casefold() for code in codes}

    def as_event(self) -> dict[str, Any]:
        """Return the event that a trigger fires. It holds no secret: Airflow logs it."""
        told = {
            "resource_id": self.resource_id,
            "drive_id": self.drive_id,
            "percent_complete": self.percent_complete,
            "code": self.code,
            "message": self.message,
            "details": [dict(entry) for entry in self.details],
        }
        always = {"completed": ("resource_id",), "failed": ("code", "message")}.get(self.state, ("message",))
        return {
            "status": self.state,
            **{key: told[key] for key in told if told[key] not in _NOTHING or key in always},
        }


def read_event(event: Any) -> CopyStatus:
    """
    Read a trigger's event, which has crossed a database that others write to.

    :raises DriveResponseError: If it is not exactly one of ours.
    """
    kinds = {
        "resource_id": (str, type(None)),
        "drive_id": (str, type(None)),
        "percent_complete": (int, float, type(None)),
        "code": (str,),
        "message": (str,),
        "details": (list,),
    }
    if not isinstance(event, Mapping):
        raise DriveResponseError(
            f"The trigger's event is refused: it is {type(event).__name__}, not a mapping."
        )
    state: Any = event.get("status")
    told = {key: event[key] for key in event if key != "status"}
    if not isinstance(state, str) or state not in get_args(State) or state == "running":
        raise DriveResponseError("The trigger's event is refused: its status is none of a copy's ends.")
    for key, value in told.items():
        if key not in kinds or not isinstance(value, kinds[key]) or isinstance(value, bool):
            raise DriveResponseError(
                f"The trigger's event is refused: {clean(repr(key))} is not as expected."
            )
    for key in ("resource_id", "drive_id"):
        if told.get(key) is not None and not is_id(told[key]):
            raise DriveResponseError(f"The trigger's event is refused: {key} is not an id.")
    if not _is_percent(told.get("percent_complete") or 0):
        raise DriveResponseError("The trigger's event is refused: percent_complete is none.")
    details = told.pop("details", [])
    if not all(isinstance(entry, Mapping) for entry in details):
        raise DriveResponseError("The trigger's event is refused: details is not a list of mappings.")
    return CopyStatus(cast("State", state), details=tuple(details), **told)


def read_copy_status(response: Response) -> CopyStatus:
    """
    Read what a monitor answers. Only the JSON's ``status`` tells; the HTTP status does not.

    https://learn.microsoft.com/graph/long-running-actions-overview

    :raises DriveResponseError: If it tells nothing: a passing fault.
    :raises DriveRequestError: If it is a refusal: a passing fault too.
    """
    try:
        body = response.mapping()
    except DriveResponseError:
        if response.status in {302, 303}:
            return _redirected(response)
        if is_gone(response):
            return CopyStatus("unknown")
        if not response.ok:
            raise error_from_response(response, "ask how the copy stands") from None
        raise
    word = body.get("status")
    if isinstance(word, str):
        return _by_word(word.casefold(), body)
    if response.status in {302, 303}:
        return _redirected(response)
    if response.ok and is_id(body.get("id")):  # made at once: the finished item itself
        parent = body.get("parentReference")
        drive_id = parent.get("driveId") if isinstance(parent, Mapping) else None
        return CopyStatus("completed", body["id"], drive_id if is_id(drive_id) else None)
    if is_gone(response):
        return CopyStatus("unknown")
    raise error_from_response(response, "ask how the copy stands")


def _by_word(word: str, body: Mapping[str, Any]) -> CopyStatus:
    percent = next(
        (body[key] for key in ("percentageComplete", "percentComplete") if _is_percent(body.get(key))), None
    )
    if word == "completed":
        drive_id, item_id = _place(body.get("resourceLocation"))
        resource_id = body.get("resourceId")
        resource_id = resource_id if is_id(resource_id) else item_id
        return CopyStatus("completed", resource_id, drive_id, percent)
    if word in _FAILED:
        error = read_graph_error(body)
        code = error.code or next(iter(error.inner_codes), "") or "unknown"
        described = body.get("statusDescription")
        message = error.message or (clean(described) if isinstance(described, str) else "")
        return CopyStatus(
            "failed", percent_complete=percent, code=code, message=message, details=error.details
        )
    return CopyStatus("running", percent_complete=percent)  # also words yet to be invented


def _redirected(response: Response) -> CopyStatus:
    drive_id, item_id = _place(response.headers.get("location"))
    if response.status == 302 and item_id is None:
        raise DriveResponseError("the monitor redirects to something else than an item")
    return CopyStatus("completed", item_id, drive_id)


def _place(url: Any) -> tuple[str | None, str | None]:
    match = _ITEM_URL.search(url) if isinstance(url, str) else None
    drive_id, item_id = (unquote(match["drive"]), unquote(match["item"])) if match else (None, None)
    return (drive_id, item_id) if is_id(drive_id) and is_id(item_id) else (None, None)


def _is_percent(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100


def monitor_request(monitor_url: str) -> Request:
    """
    Ask how a copy stands, at the URL exactly as Graph gave it, without the token: with it, the answer is 401.

    https://learn.microsoft.com/graph/long-running-actions-overview
    """
    return Request("GET", monitor_url, "ask how the copy stands", kind="monitor")


def read_monitor_url(response: Response) -> str | None:
    """Return the URL of the monitor that an answer names. It is redacted from now on."""
    url = response.headers.get("location") or None
    if url:
        remember_secret(url)
    return url
