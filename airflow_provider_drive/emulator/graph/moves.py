"""Updates of an item, which also rename and move it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import copies
from airflow_provider_drive.emulator.graph.copies import Transfer
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.monitor import accepted_response
from airflow_provider_drive.emulator.graph.queries import item_body
from airflow_provider_drive.emulator.graph.requests import (
    check_if_match,
    conflict_behavior,
    file_system_info,
    json_body,
)
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state import names
from airflow_provider_drive.emulator.state.errors import StateError

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


def update_item(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-move and driveitem-update."""
    body = json_body(request)
    times = file_system_info(body)
    check_if_match(tenant, request, item)
    if item.parent is None:  # https://github.com/n8n-io/n8n/pull/32911
        raise invalid_request("Cannot update the root folder.")
    transfer = _transfer(tenant, request, item, body)
    leaves_drive = transfer.destination.drive is not item.drive
    if leaves_drive and not request.prefers("respond-async"):
        message = "Requested move requires an async response, add 'Prefer: respond-async' to allow"
        raise GraphError(400, None, message, bare=True)  # iss-move-needs-respond-async
    is_moved = transfer.destination is not item.parent
    if leaves_drive or (is_moved and tenant.move_answers_202):
        return accepted_response(tenant, copies.submit_move(tenant, transfer))
    _move(transfer)
    item.description = body.get("description", item.description)
    # a move or rename without them resets the times: the comment on Move in rclone's onedrive.go
    resets = {"name", "parentReference"} & body.keys()
    item.file_system_info = times if resets else item.file_system_info | times
    return Response(200, item_body(item, request, created=True), {"etag": item.etag})


def _transfer(tenant: Tenant, request: Request, item: Item, body: dict[str, Any]) -> Transfer:
    name = names.check_name(body.get("name", item.name), item.drive.drive_type)
    # in the body it is ignored: iss-patch-409-nameAlreadyExists
    conflict = conflict_behavior(request.query) if tenant.move_honours_conflict else None
    conflict = copies.conflict_on(item.drive, conflict)
    rename = Transfer(item, item.parent or item, name, conflict, with_versions=True)
    try:
        parent = _new_parent(tenant, item, body.get("parentReference") or {})
    except (GraphError, StateError):
        if not tenant.atomic_moves:  # learn Q&A 854206: the item was renamed anyway
            _move(rename)
        raise
    return rename if parent is None else replace(rename, destination=parent)


def _new_parent(tenant: Tenant, item: Item, reference: dict[str, Any]) -> Item | None:
    """Return the folder to move to. Without its ``driveId``, a folder in another drive is ignored."""
    item_id = reference.get("id")
    elsewhere = any(item_id in drive.items for drive in tenant.drives.values() if drive is not item.drive)
    if elsewhere and not reference.get("driveId"):
        return None  # https://github.com/microsoftgraph/microsoft-graph-docs/issues/11165: only renamed
    parent = copies.find_parent(tenant, item, reference)
    if parent is not None:
        copies.check_destination(item, parent)
    return parent


def _move(transfer: Transfer) -> None:
    """Move the item. Its id and cTag stay, its eTag changes."""
    item, parent, name = transfer.source, transfer.destination, transfer.name
    if parent.child(name) is not item:
        name = copies.resolve_name_conflict(parent, name, transfer.conflict, item)
    item.drive.detach(item)
    item.name = name
    item.metadata_version += 1
    item.drive.attach(item, parent)
