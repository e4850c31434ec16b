"""Copies: which requests are valid, and what a copy creates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.monitor import accepted_response
from airflow_provider_drive.emulator.graph.requests import conflict_behavior, json_body
from airflow_provider_drive.emulator.state import names
from airflow_provider_drive.emulator.state.errors import ItemGoneError, NameTakenError
from airflow_provider_drive.emulator.state.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from airflow_provider_drive.emulator.messages import Request, Response
    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


@dataclass(frozen=True)
class Transfer:
    """A copy or a move as it was requested."""

    source: Item
    destination: Item
    name: str
    conflict: str = "fail"
    children_only: bool = False
    with_versions: bool = False
    rewrites_office: bool = False
    left_out: Collection[Item] = ()


def copy_item(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-copy: conflictBehavior is in the query."""
    job = submit_copy(tenant, item, json_body(request), conflict_behavior(request.query))
    return accepted_response(tenant, job)


def submit_copy(tenant: Tenant, source: Item, body: dict[str, Any], conflict: str | None) -> Job:
    """
    Check a request to copy, and start its job.

    :param body: ``parentReference``, ``name``, ``childrenOnly``, ``includeAllVersionHistory``.
    :param conflict: ``@microsoft.graph.conflictBehavior``.
    :raises GraphError: If the request is not valid.
    """
    children_only = bool(body.get("childrenOnly"))
    _check_source(source, body, children_only=children_only)
    destination = _destination(tenant, source, body.get("parentReference"))
    transfer = Transfer(
        source,
        destination,
        names.check_name(body.get("name") or source.name, destination.drive.drive_type),
        conflict_on(destination.drive, conflict),
        children_only,
        # known issue: if a name is given, the service ignores the versions
        bool(body.get("includeAllVersionHistory")) and not body.get("name"),
        tenant.rewrites_office and destination.drive.drive_type == "documentLibrary",
    )
    destination.drive.check_quota(source.size)
    return _start(tenant, "copy", transfer)


def submit_move(tenant: Tenant, transfer: Transfer) -> Job:
    """Start the job of a move: https://github.com/microsoftgraph/microsoft-graph-docs/issues/2890."""
    if transfer.destination.drive is not transfer.source.drive:
        transfer.destination.drive.check_quota(transfer.source.size)
    return _start(tenant, "move", transfer)


# Checks


def conflict_on(drive: Drive, value: str | None) -> str:
    """Return the conflictBehavior of a copy or move. Personal drives ignore it: https://learn.microsoft.com/graph/api/driveitem-copy."""
    return "fail" if value is None or drive.is_personal else value


def check_destination(source: Item, destination: Item) -> None:
    """
    Check that an item can be copied or moved into a folder.

    Between personal and other drives nothing can: https://github.com/rclone/rclone/issues/4342. How Graph
    refuses to put a folder into itself is not documented.
    """
    if not destination.is_folder:
        raise invalid_request("The destination is not a folder.")
    if source.drive.is_personal != destination.drive.is_personal:
        raise invalid_request("ObjectHandle is Invalid")
    if destination is source or source in destination.ancestors():
        raise invalid_request("Cannot copy or move an item into itself or into a folder below it.")


def _check_source(source: Item, body: dict[str, Any], *, children_only: bool) -> None:
    """Examples 7 to 9 of driveitem-copy, ``doc-copy-400-root`` and ``doc-copy-400-childrenOnly-file``."""
    if source.parent is None and not children_only:
        raise invalid_request("Cannot copy the root folder.")
    if children_only and not source.is_folder:
        raise GraphError(400, "invalidRequest", "childrenOnly option is not valid for file items.", bare=True)
    if children_only and body.get("name"):
        raise invalid_request("Cannot use name parameter alongside childrenOnly.")


# Destinations


def find_parent(tenant: Tenant, source: Item, reference: dict[str, Any] | None) -> Item | None:
    """
    Return the folder that a parentReference names; None if it does not name one.

    A ``driveId`` alone does not name a folder: https://github.com/n8n-io/n8n/pull/32911. The literal id
    ``root`` is refused: https://learn.microsoft.com/graph/api/driveitem-move.
    """
    reference = reference or {}
    drive = tenant.find_drive(reference["driveId"]) if reference.get("driveId") else source.drive
    if reference.get("id") == "root":
        raise invalid_request("Invalid parentReference: use the id of the root folder.")
    if reference.get("id"):
        if reference["id"] not in drive.items:
            raise errors.not_found()
        return drive.items[reference["id"]]
    if reference.get("path"):
        return _find_by_path(tenant, drive, reference["path"])
    return None


def _find_by_path(tenant: Tenant, drive: Drive, path: str) -> Item:
    """``/drive/root:/a%20b`` or ``/drives/{id}/root:/a``: https://learn.microsoft.com/graph/api/resources/itemreference."""
    head, _, tail = path.partition("root:")
    steps = head.strip("/").split("/")
    if steps[0] == "drives" and len(steps) > 1:
        drive = tenant.find_drive(steps[1])
    item = drive.find(unquote(tail.rstrip(":")))
    if item is None:
        raise errors.not_found()
    return item


def _destination(tenant: Tenant, source: Item, reference: dict[str, Any] | None) -> Item:
    """Return the folder that a parentReference names; by default, the parent of the source."""
    destination = find_parent(tenant, source, reference)
    if destination is None:
        destination = source.parent or source
    elif tenant.fresh_folders.get(destination.id, 0) > 0:
        tenant.fresh_folders[destination.id] -= 1
        raise errors.destination_not_found()
    check_destination(source, destination)
    return destination


# Jobs


def _start(tenant: Tenant, kind: str, transfer: Transfer) -> Job:
    behaviour = tenant.next_copy_behaviour()
    if behaviour.misplaced:
        folder = transfer.source.parent if behaviour.misplaced is True else behaviour.misplaced
        transfer = replace(transfer, destination=folder or transfer.destination, conflict="rename")
    transfer = replace(transfer, left_out=_left_out(transfer.source, behaviour.leaves_out))
    if behaviour.conflict == "sync" or behaviour.location == "item":
        _check_name_is_free(transfer)
    total = sum(1 for _ in transfer.source.walk()) - len(transfer.left_out)
    job = Job(kind, transfer.source, transfer.destination, behaviour, _create_items(transfer), total)
    if total > tenant.most_items:
        job.behaviour = replace(behaviour, failure="maxItemCountExceeded")
    if kind == "move":
        job.steps = _create_if_there(transfer, job.steps)
        job.finish = lambda: _remove_source(transfer.source)
    if transfer.children_only:  # example 2 of driveitem-copy returns the id of the destination folder
        job.resource = transfer.destination
    return tenant.start_job(job)


def _left_out(source: Item, leaves_out: int | Collection[str]) -> set[Item]:
    """Return the items that a copy leaves out. The last items of a walk have nothing else below them."""
    everything = list(source.walk())
    if isinstance(leaves_out, int):
        return set(everything[max(1, len(everything) - leaves_out) :])
    named = [item for item in everything if item.name in leaves_out]
    return {below for item in named for below in item.walk()}


def _create_if_there(transfer: Transfer, steps: Iterator[Item]) -> Iterator[Item]:
    """Move nothing that another job has moved meanwhile."""
    if transfer.source.id not in transfer.source.drive.items:
        raise ItemGoneError
    yield from steps


def _remove_source(source: Item) -> None:
    if source.id in source.drive.items:
        source.drive.remove(source)


def _create_items(transfer: Transfer) -> Iterator[Item]:
    if not transfer.children_only:
        yield from _copy(transfer, transfer.source, transfer.destination, transfer.name)
        return
    children = [child for child in transfer.source.children.values() if child not in transfer.left_out]
    _check_names_are_free(transfer, children)
    for child in children:
        yield from _copy(transfer, child, transfer.destination, child.name)


def _copy(transfer: Transfer, item: Item, parent: Item, name: str) -> Iterator[Item]:
    if item in transfer.left_out:
        return
    if parent.drive.items.get(parent.id) is not parent:
        raise ItemGoneError
    children = list(item.children.values())  # before the copy is created, which can be one of them
    content = item.content
    if content is not None and transfer.rewrites_office and item.is_office:
        content = content.rewritten(parent.drive.tenant.office_growth)
    name = resolve_name_conflict(parent, name, transfer.conflict, item)
    new = parent.drive.add(parent, name, content, item.facets)
    if transfer.with_versions:
        new.versions, new.version_times = list(item.versions), list(item.version_times)
    yield new
    for child in children:
        yield from _copy(transfer, child, new, child.name)


# Name conflicts


def resolve_name_conflict(parent: Item, name: str, conflict: str, source: Item) -> str:
    """Return the name that an item gets in a folder, and remove the file that it replaces."""
    existing = parent.child(name)
    if existing is None:
        return name
    if conflict == "rename":
        return parent.free_name(name, is_folder=source.is_folder)
    if conflict == "replace" and not (existing.is_folder or source.is_folder or existing is source):
        existing.check_can_be_deleted()
        parent.drive.remove(existing)  # "deleted and replaced", files only: driveitem-copy
        return name
    raise NameTakenError


def _check_name_is_free(transfer: Transfer) -> None:
    existing = transfer.destination.child(transfer.name)
    if transfer.children_only or existing is None or transfer.conflict == "rename":
        return
    is_folder = existing.is_folder or transfer.source.is_folder
    if transfer.conflict == "fail" or is_folder or existing is transfer.source:
        raise NameTakenError


def _check_names_are_free(transfer: Transfer, children: list[Item]) -> None:
    """Report all names that are taken; ``replace`` works for files only: example 5 of driveitem-copy."""
    if transfer.conflict == "rename":
        return
    existing = [found for child in children if (found := transfer.destination.child(child.name))]
    if transfer.conflict == "replace":
        existing = [item for item in existing if item.is_folder]
    if existing:
        raise NameTakenError(existing)
