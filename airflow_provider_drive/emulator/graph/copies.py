"""Copy and move, the two actions all this is about: what is allowed, and what comes of it."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.state import names
from airflow_provider_drive.emulator.state.drives import OFFICE
from airflow_provider_drive.emulator.state.jobs import Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_drive.emulator.state.drives import Drive, Item
    from airflow_provider_drive.emulator.state.jobs import CopyBehaviour
    from airflow_provider_drive.emulator.state.tenant import Tenant

_CONFLICTS = ("fail", "replace", "rename")


@dataclass(frozen=True)
class Transfer:
    """What a request to copy asks for."""

    source: Item
    destination: Item
    name: str
    conflict: str = "fail"
    children_only: bool = False
    with_versions: bool = False
    rewrites_office: bool = False


def submit_copy(tenant: Tenant, source: Item, body: dict[str, Any], conflict: str | None) -> Job:
    """
    Accept a copy or refuse it: https://learn.microsoft.com/graph/api/driveitem-copy.

    :param body: ``parentReference``, ``name``, ``childrenOnly``, ``includeAllVersionHistory``.
    :param conflict: ``@microsoft.graph.conflictBehavior`` of the query.
    """
    children_only = bool(body.get("childrenOnly"))
    _check_source(source, body, children_only=children_only)
    destination = _destination(tenant, source, body.get("parentReference"))
    transfer = Transfer(
        source,
        destination,
        names.check_name(body.get("name") or source.name, destination.drive.drive_type),
        check_conflict(conflict, destination.drive),
        children_only,
        # known issue: a name lets the service forget about the versions
        bool(body.get("includeAllVersionHistory")) and not body.get("name"),
        tenant.rewrites_office and destination.drive.drive_type == "documentLibrary",
    )
    destination.drive.check_quota(source.size)
    return _start(tenant, "copy", transfer, tenant.next_copy_behaviour())


def submit_move(tenant: Tenant, transfer: Transfer) -> Job:
    """Move by a job: https://github.com/microsoftgraph/microsoft-graph-docs/issues/2890."""
    return _start(tenant, "move", transfer, tenant.next_copy_behaviour())


def check_conflict(value: str | None, drive: Drive) -> str:
    """Read a conflictBehavior, which personal drives ignore: https://learn.microsoft.com/graph/api/driveitem-copy."""
    if value is None or drive.is_personal:
        return "fail"
    if value not in _CONFLICTS:
        raise invalid_request("Invalid value for conflictBehavior.")
    return value


def resolve_conflict(parent: Item, name: str, conflict: str, source: Item) -> str:
    """Find the name that an item gets in a folder, and remove what it replaces."""
    taken = parent.child(name)
    if taken is None:
        return name
    if conflict == "rename":
        return parent.free_name(name, is_folder=source.is_folder)
    if conflict == "replace" and not (taken.is_folder or source.is_folder or taken is source):
        parent.drive.remove(taken)  # "deleted and replaced", files only: driveitem-copy
        return name
    raise errors.name_taken()


def check_no_cycle(source: Item, destination: Item) -> None:
    """Refuse to put a folder into itself. Which words Graph has for that is not documented."""
    if destination is source or source in destination.ancestors():
        raise invalid_request("Cannot copy or move an item into itself or into what is below it.")


def check_same_kind(source: Drive, destination: Drive) -> None:
    """https://github.com/rclone/rclone/issues/4342: nothing passes between personal and other drives."""
    if source.is_personal != destination.is_personal:
        raise invalid_request("ObjectHandle is Invalid")


def _check_source(source: Item, body: dict[str, Any], *, children_only: bool) -> None:
    """Examples 7 to 9 of driveitem-copy, ``doc-copy-400-root`` and ``doc-copy-400-childrenOnly-file``."""
    if source.parent is None and not children_only:
        raise invalid_request("Cannot copy the root folder.")
    if children_only and not source.is_folder:
        raise GraphError(400, "invalidRequest", "childrenOnly option is not valid for file items.", bare=True)
    if children_only and body.get("name"):
        raise invalid_request("Cannot use name parameter alongside childrenOnly.")


def _destination(tenant: Tenant, source: Item, reference: dict[str, Any] | None) -> Item:
    """Find the folder that a parentReference names; without one, the copy goes beside its source."""
    destination = find_parent(tenant, source, reference)
    if destination is None:
        destination = source.parent or source
    elif destination.id in tenant.fresh_folders and tenant.fresh_folders[destination.id] > 0:
        tenant.fresh_folders[destination.id] -= 1
        raise errors.destination_not_found()
    if not destination.is_folder:
        raise invalid_request("The destination is not a folder.")
    check_same_kind(source.drive, destination.drive)
    check_no_cycle(source, destination)
    return destination


def find_parent(tenant: Tenant, source: Item, reference: dict[str, Any] | None) -> Item | None:
    """
    Find the folder that a parentReference names, or None if it names no folder.

    A ``driveId`` alone moves nothing: https://github.com/n8n-io/n8n/pull/32911. The literal id ``root`` is
    refused: https://learn.microsoft.com/graph/api/driveitem-move.
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
        return _by_path(tenant, drive, reference["path"])
    return None


def _by_path(tenant: Tenant, drive: Drive, path: str) -> Item:
    """``/drive/root:/a%20b`` or ``/drives/{id}/root:/a``: https://learn.microsoft.com/graph/api/resources/itemreference."""
    head, _, tail = path.partition("root:")
    steps = head.strip("/").split("/")
    if steps[0] == "drives" and len(steps) > 1:
        drive = tenant.find_drive(steps[1])
    item = drive.find(urllib.parse.unquote(tail.rstrip(":")))
    if item is None:
        raise errors.not_found()
    return item


def _start(tenant: Tenant, kind: str, transfer: Transfer, behaviour: CopyBehaviour) -> Job:
    if behaviour.misplaced and transfer.source.parent is not None:
        transfer = replace(transfer, destination=transfer.source.parent, conflict="rename")
    if behaviour.conflict == "sync" or behaviour.location == "item":
        _check_name_is_free(transfer)
    steps = _steps(transfer)
    total = sum(1 for _ in transfer.source.walk())
    job = Job(kind, transfer.source, transfer.destination, behaviour, steps, total)
    if total > tenant.most_items:
        job.behaviour = replace(behaviour, failure="maxItemCountExceeded")
    if kind == "move":
        job.finish = lambda: _remove_source(transfer.source)
    if transfer.children_only:  # example 2 of driveitem-copy tells the destination folder's id
        job.resource = transfer.destination
    return tenant.start_job(job)


def _remove_source(source: Item) -> None:
    if source.id in source.drive.items:
        source.drive.remove(source)


def _steps(transfer: Transfer) -> Iterator[Item]:
    if not transfer.children_only:
        yield from _copy(transfer, transfer.source, transfer.destination, transfer.name)
        return
    children = list(transfer.source.children.values())
    _check_children_are_free(transfer, children)
    for child in children:
        yield from _copy(transfer, child, transfer.destination, child.name)


def _copy(transfer: Transfer, item: Item, parent: Item, name: str) -> Iterator[Item]:
    children = list(item.children.values())  # before the copy is there, which may be among them
    content = item.content
    if content is not None and transfer.rewrites_office and item.name.lower().endswith(OFFICE):
        content = content.rewritten()
    new = parent.drive.add(
        parent, resolve_conflict(parent, name, transfer.conflict, item), content, item.facets
    )
    if transfer.with_versions:
        new.versions = list(item.versions)
    yield new
    for child in children:
        yield from _copy(transfer, child, new, child.name)


def _check_name_is_free(transfer: Transfer) -> None:
    taken = transfer.destination.child(transfer.name)
    if transfer.children_only or taken is None or transfer.conflict == "rename":
        return
    if (
        transfer.conflict == "fail"
        or taken.is_folder
        or transfer.source.is_folder
        or taken is transfer.source
    ):
        raise errors.name_taken()


def _check_children_are_free(transfer: Transfer, children: list[Item]) -> None:
    """Make a detail of each taken name; ``replace`` is for files only: example 5 of driveitem-copy."""
    if transfer.conflict == "rename":
        return
    taken = [found for child in children if (found := transfer.destination.child(child.name))]
    if transfer.conflict == "replace":
        taken = [item for item in taken if item.is_folder]
    if taken:
        first = {"code": "nameAlreadyExists", "message": "Name already exists"}
        details = [first, *({**first, "target": item.id} for item in taken)]
        raise GraphError(
            409, "nameAlreadyExists", "Errors occurred during copy/move operation.", details=details
        )
