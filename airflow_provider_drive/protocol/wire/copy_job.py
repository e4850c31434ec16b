"""
A copy: the request that asks for it, the job that Graph makes of it, and how the job stands.

https://learn.microsoft.com/graph/api/driveitem-copy
https://learn.microsoft.com/graph/long-running-actions-overview
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast, get_args
from urllib.parse import unquote, urlsplit

from airflow_provider_drive.exceptions import DriveArgumentError, DriveResponseError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.wire.addresses import ItemRef, is_id, is_name
from airflow_provider_drive.protocol.wire.errors import clean, error_from_response, is_gone, read_graph_error
from airflow_provider_drive.protocol.wire.items import (
    CONFLICT_BEHAVIORS,
    SKIP,
    conflict_query,
    print_time,
    read_size,
    read_time,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Response

COPY_BEHAVIORS = (*CONFLICT_BEHAVIORS, SKIP)
State = Literal["running", "completed", "failed", "timeout", "unknown"]
_TEXTS = (
    *("name", "temporary_name", "kind", "quickXorHash", "resource_id"),
    *("source_url", "destination_url"),
)
_LONG = 16
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
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
            raise DriveResponseError(f"The trigger's event is refused: {key} is no id.")
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


@dataclass(frozen=True, slots=True)
class CopyJob:
    """
    A copy that is asked for, with all that is needed to wait for it elsewhere, or to find it.

    :param monitor_url: Tells how the copy stands to whoever has it. None if Graph gave none.
    :param name: The name that the copy is to have; None if it keeps the source's, which nobody has read.
    :param temporary_name: The name under which it arrives first, where Graph needs two steps.
    :param source: None where only the monitor URL was handed on.
    :param submitted_at: When it was asked for, by the service's clock, in seconds since the epoch.
    :param kind: What the source is, where it was read: ``file``, ``folder`` or ``package``; so with size and
        hash.
    :param resource_id: The copy's id, if that is already known.
    :param requested_behavior: The conflict behaviour that Graph is given, if that is another.
    :param accepted: Graph has said that it makes the copy. Before that, nobody knows.
    :param repeated: An earlier request may have been taken too, so that a taken name may be its work.
    :param since: When it was asked for first, if more than once.
    :param found: It was found by what it looks like, and not told by Graph.
    :param source_url: Where a browser shows the source, where it was read; so with the destination.
    """

    monitor_url: str | None = field(repr=False)
    source: ItemRef | None
    destination: ItemRef
    name: str | None
    conflict_behavior: str
    submitted_at: float
    children_only: bool = False
    temporary_name: str | None = None
    kind: str | None = None
    size: int | None = None
    quick_xor_hash: str | None = None
    resource_id: str | None = None
    requested_behavior: str | None = None
    accepted: bool = True
    repeated: bool = False
    since: float | None = None
    found: bool = False
    source_url: str | None = None
    destination_url: str | None = None

    def __str__(self) -> str:
        children = "the children of " if self.children_only else ""
        name = f" as {self.name!r}" if self.name else ""
        source = self.source or "an item"
        return f"the copy of {children}{source} to {self.destination}{name}"

    @property
    def asked(self) -> float:
        """When it was asked for first: nothing that is older is its work."""
        return self.submitted_at if self.since is None else self.since

    @property
    def arrives_as(self) -> tuple[str | None, str]:
        """The name that it has when it arrives, and the conflict behaviour that Graph is given."""
        behavior = self.requested_behavior or ("rename" if self.temporary_name else self.conflict_behavior)
        return self.temporary_name or self.name, behavior

    def as_dict(self, encrypt_url: Callable[[str], str]) -> dict[str, Any]:
        """Return the job as JSON. ``seal`` encrypts the monitor URL."""
        return {
            "monitor_url": self.monitor_url and encrypt_url(self.monitor_url),
            "source": self.source and self.source.as_dict(),
            "destination": self.destination.as_dict(),
            "name": self.name,
            "conflict_behavior": self.conflict_behavior,
            "submitted_at": print_time(self.submitted_at),
            "children_only": self.children_only,
            "temporary_name": self.temporary_name,
            "kind": self.kind,
            "size": self.size,
            "quickXorHash": self.quick_xor_hash,
            "resource_id": self.resource_id,
            "requested_behavior": self.requested_behavior,
            "accepted": self.accepted,
            "repeated": self.repeated,
            "since": None if self.since is None else print_time(self.since),
            "found": self.found,
            "source_url": self.source_url,
            "destination_url": self.destination_url,
        }


def read_copy_job(value: Any, decrypt_url: Callable[[str], str]) -> CopyJob:
    """
    Read a copy job that another task returned.

    :param unseal: Decrypts the monitor URL.
    :raises DriveArgumentError: If it is none.
    """
    if not isinstance(value, Mapping):
        raise DriveArgumentError(
            f"copy_job is {type(value).__name__}, not the mapping that DriveCopyOperator returns. If a "
            "template made text of it, pass the task's .output instead."
        )
    monitor_url, submitted_at = value.get("monitor_url"), read_time(value.get("submitted_at"))
    texts = {key: value.get(key) for key in _TEXTS}
    faults = [key for key, text in texts.items() if text is not None and not isinstance(text, str)]
    faults += [
        key for key in ("name", "temporary_name") if isinstance(texts[key], str) and not is_name(texts[key])
    ]
    if monitor_url is not None and not isinstance(monitor_url, str):
        faults.append("monitor_url")
    if texts["resource_id"] is not None and not is_id(texts["resource_id"]):
        faults.append("resource_id")
    if submitted_at is None:
        faults.append("submitted_at")
    if value.get("conflict_behavior") not in COPY_BEHAVIORS:
        faults.append("conflict_behavior")
    if value.get("requested_behavior") not in (None, *CONFLICT_BEHAVIORS):
        faults.append("requested_behavior")
    if faults:
        raise DriveArgumentError(
            f"copy_job is not what DriveCopyOperator returns: {', '.join(faults)} makes no sense."
        )
    return CopyJob(
        monitor_url=decrypt_url(monitor_url) if monitor_url else None,
        source=_reference(value, "source"),
        destination=_reference(value, "destination"),
        name=texts["name"],
        conflict_behavior=value["conflict_behavior"],
        submitted_at=cast("float", submitted_at),
        children_only=value.get("children_only") is True,
        temporary_name=texts["temporary_name"],
        kind=texts["kind"],
        size=read_size(value.get("size")),
        quick_xor_hash=texts["quickXorHash"],
        resource_id=texts["resource_id"],
        requested_behavior=value.get("requested_behavior"),
        accepted=value.get("accepted") is not False,
        repeated=value.get("repeated") is True,
        since=read_time(value.get("since")),
        found=value.get("found") is True,
        source_url=texts["source_url"],
        destination_url=texts["destination_url"],
    )


def _reference(job: Mapping[str, Any], key: str) -> ItemRef:
    value = job.get(key)
    if isinstance(value, Mapping):
        drive_id, item_id = value.get("driveId"), value.get("id")
        if is_id(drive_id) and is_id(item_id):
            return ItemRef(drive_id, item_id)
    raise DriveArgumentError(f"copy_job is not what DriveCopyOperator returns: {key} has no driveId and id.")


def copy_request(
    source: ItemRef,
    destination: ItemRef,
    *,
    name: str | None,
    conflict_behavior: str,
    children_only: bool = False,
    include_all_version_history: bool = False,
) -> Request:
    """
    https://learn.microsoft.com/graph/api/driveitem-copy.

    The conflict behaviour is in the query: in the body it is ignored. OneDrive personal wants to be asked
    for an asynchronous answer; the others do not mind.
    """
    body: dict[str, Any] = {"parentReference": destination.as_dict()}
    if name is not None:
        body["name"] = name
    if children_only:
        body["childrenOnly"] = True
    if include_all_version_history:
        body["includeAllVersionHistory"] = True
    return Request(
        "POST",
        f"{source.url}/copy?{conflict_query(conflict_behavior)}",
        f"copy {source} to {destination}",
        json=body,
        headers={"Prefer": "respond-async"},
    )


def monitor_request(monitor_url: str) -> Request:
    """
    Ask how a copy stands, at the URL exactly as Graph gave it, without the token: with it, the answer is 401.

    https://learn.microsoft.com/graph/long-running-actions-overview
    """
    return Request("GET", monitor_url, "ask how the copy stands", kind="monitor")


def secret_parts(text: str) -> list[str]:
    """
    Return what must not be read in a log: a token; or what of a monitor URL opens it.

    That is its long query values, or all but its host if it has none. As few as will do: for each, Airflow's
    masker compiles all that it knows anew.
    """
    try:
        parts = urlsplit(text)
    except ValueError:  # a URL that nobody would call
        return [text]
    if not parts.scheme:
        return [text]
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    secrets = [value for value in values if len(value) > _LONG] or [f"{parts.path}?{parts.query}".rstrip("?")]
    as_sent = [
        _ESCAPE.sub(lambda escape: escape[0].upper(), secret) for secret in secrets
    ]  # urllib3 does that
    return [secret for secret in dict.fromkeys(secrets + as_sent) if len(secret) > 1]
