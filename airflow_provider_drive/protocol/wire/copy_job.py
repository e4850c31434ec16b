"""
A copy: the request for it, and the job that Graph makes of it.

https://learn.microsoft.com/graph/api/driveitem-copy
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.wire.addresses import ItemRef, is_id
from airflow_provider_drive.protocol.wire.items import (
    CONFLICT_BEHAVIORS,
    SKIP,
    conflict_query,
    print_time,
    read_time,
)
from airflow_provider_drive.protocol.wire.names import is_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.wire.items import DriveItem

COPY_BEHAVIORS = (*CONFLICT_BEHAVIORS, SKIP)
GraphBehavior = Literal["fail", "replace", "rename"]
CopyBehavior = Literal["fail", "replace", "rename", "skip"]
JobState = Literal["submitting", "accepted", "completed"]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy's source was when it was read. Times are in seconds since the epoch."""

    name: str | None
    kind: str | None
    size: int | None
    hashes: Mapping[str, str]
    etag: str | None
    created: float | None
    modified: float | None
    web_url: str | None

    @property
    def is_container(self) -> bool:
        """Whether it has items below it."""
        return self.kind in {"folder", "package"}


class Arrival(msgspec.Struct, frozen=True):
    """
    Under which name a copy arrives.

    :param name: None if it keeps the source's, which nobody has read.
    :param behavior: The conflict behavior that Graph is given.
    :param is_temporary: Nobody else can have this name, so that an item with it is this copy.
    """

    name: str | None
    behavior: GraphBehavior
    is_temporary: bool = False


class CopyJob(msgspec.Struct, frozen=True, kw_only=True):
    """
    A copy that was requested, with all that is needed to wait for it elsewhere, or to find it.

    :param monitor_url: URL that tells the status to whoever has it: a secret. None if Graph gave none.
    :param source: None where only the monitor URL was handed on.
    :param destination: The folder that it goes to.
    :param name: The name that the copy gets in the end; None if it keeps the source's, which nobody has read.
    :param submitted_at: When the last request was sent, by Graph's clock, in seconds since the epoch.
    :param arrival: The name under which it arrives first.
    :param state: ``submitting`` from before the request until its answer; ``accepted``; ``completed``.
    :param lost: Requests whose answer was lost, so that each may have made the copy.
    :param first_submitted_at: When the first request was sent: nothing that is older is its work.
    :param resource_id: The copy's id, once it is known.
    :param was_there: The copy was there before: nothing was requested (``skip``).
    :param snapshot: What the source was when it was read, if it was read.
    :param destination_url: Where a browser shows the folder, if it was read.
    """

    monitor_url: str | None
    source: ItemRef | None
    destination: ItemRef
    name: str | None
    conflict_behavior: CopyBehavior
    submitted_at: float
    arrival: Arrival
    state: JobState = "accepted"
    children_only: bool = False
    lost: int = 0
    first_submitted_at: float | None = None
    resource_id: str | None = None
    was_there: bool = False
    snapshot: Snapshot | None = None
    destination_url: str | None = None

    def __repr__(self) -> str:
        return f"<CopyJob: {self}>"

    def __str__(self) -> str:
        children = "the children of " if self.children_only else ""
        name = f" as {self.name!r}" if self.name else ""
        return f"the copy of {children}{self.source or 'an item'} to {self.destination}{name}"

    @property
    def asked(self) -> float:
        """When the first request was sent: nothing that is older is its work."""
        return self.submitted_at if self.first_submitted_at is None else self.first_submitted_at

    @property
    def source_url(self) -> str | None:
        """Where a browser shows the source, if it was read."""
        return self.snapshot.web_url if self.snapshot else None

    @property
    def is_repeatable(self) -> bool:
        """Whether a second request cannot make a second copy: in a folder, a name is there once."""
        return self.arrival.behavior != "rename"

    @property
    def is_renamed_later(self) -> bool:
        """Whether the copy arrives under another name first: the task that waits for this job renames it."""
        return self.arrival.name not in {None, self.name}

    @property
    def is_identifiable(self) -> bool:
        """Whether anything is known that tells its copy from an item that has its name by chance."""
        return bool(self.resource_id or self.source or self.snapshot or self.arrival.is_temporary)

    def described(self, item: DriveItem | None) -> CopyJob:
        """Return the job with what was read of its source."""
        if item is None:
            return self
        name = self.name if self.name or self.children_only else item.name
        arrival = self.arrival if self.arrival.name or self.children_only else _renamed(self.arrival, name)
        return msgspec.structs.replace(self, name=name, arrival=arrival, snapshot=snapshot_of(item))

    def changed(self, **changes: Any) -> CopyJob:
        """Return the job with other values."""
        return msgspec.structs.replace(self, **changes)

    def as_dict(self, encrypt: Callable[[str], str]) -> dict[str, Any]:
        """
        Return the job as JSON.

        :param encrypt: Encrypts the monitor URL.
        """
        first = self.first_submitted_at
        return {
            **msgspec.to_builtins(self),
            "monitor_url": self.monitor_url and encrypt(self.monitor_url),
            "source": self.source and self.source.as_dict(),
            "destination": self.destination.as_dict(),
            "submitted_at": print_time(self.submitted_at),
            "first_submitted_at": None if first is None else print_time(first),
        }


def _renamed(arrival: Arrival, name: str | None) -> Arrival:
    return msgspec.structs.replace(arrival, name=name)


def snapshot_of(item: DriveItem) -> Snapshot:
    """Return what is kept of an item that is copied."""
    return Snapshot(
        name=item.name,
        kind=item.kind,
        size=item.size,
        hashes=dict(item.hashes),
        etag=item.etag,
        created=item.created,
        modified=item.modified,
        web_url=item.web_url,
    )


def read_copy_job(value: Any, decrypt: Callable[[str], str | None]) -> CopyJob:
    """
    Read a copy job that another task returned.

    :param decrypt: Decrypts the monitor URL.
    :raises DriveArgumentError: If it is not a copy job. The message names the field.
    """
    if not isinstance(value, Mapping):
        raise DriveArgumentError(
            f"Invalid copy_job: it is {type(value).__name__}, not the mapping that DriveCopyOperator "
            "returns. If a template made text of it, pass the task's .output instead."
        )
    monitor_url, first = value.get("monitor_url"), value.get("first_submitted_at")
    behavior = value.get("conflict_behavior")
    told = {
        "arrival": {"name": value.get("name"), "behavior": "fail" if behavior == SKIP else behavior},
        **value,
        "monitor_url": None,
        "source": value.get("source") and _reference(value, "source"),
        "destination": _reference(value, "destination"),
        "submitted_at": read_time(value.get("submitted_at")),
        "first_submitted_at": read_time(first),
    }
    if not isinstance(monitor_url, str | None):
        raise _invalid("monitor_url")
    if first is not None and told["first_submitted_at"] is None:
        raise _invalid("first_submitted_at")
    try:
        job = msgspec.convert(told, CopyJob, from_attributes=True)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise _invalid(str(error)) from None
    names = (job.name, job.arrival.name)
    if not all(name is None or is_name(name) for name in names) or not (
        job.resource_id is None or is_id(job.resource_id)
    ):
        raise _invalid("name or resource_id")
    return _labelled(job).changed(monitor_url=decrypt(monitor_url) if monitor_url else None)


def _labelled(job: CopyJob) -> CopyJob:
    """Return the job with what it tells of the names of its source and its destination."""
    name = (job.snapshot.name if job.snapshot else None) or ""
    folder = unquote(urlsplit(job.destination_url or "").path)
    source = job.source and dataclasses.replace(job.source, label=name)
    return job.changed(source=source, destination=dataclasses.replace(job.destination, label=folder))


def _invalid(what: str) -> DriveArgumentError:
    return DriveArgumentError(f"Invalid copy_job: it is not what DriveCopyOperator returns ({what}).")


def _reference(job: Mapping[str, Any], key: str) -> ItemRef:
    value = job.get(key)
    if isinstance(value, Mapping):
        drive_id, item_id = value.get("driveId"), value.get("id")
        if is_id(drive_id) and is_id(item_id):
            return ItemRef(drive_id, item_id)
    raise _invalid(f"{key} has no driveId and id")


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
