"""Update, which is how an item is renamed and moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import copies
from airflow_provider_drive.emulator.graph.copies import Transfer
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.items import (
    CONFLICT_BEHAVIOR,
    accepted_response,
    check_if_match,
    select_fields,
)
from airflow_provider_drive.emulator.graph.serializers import item_json
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state import names

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.drives import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


def update_item(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-move and driveitem-update."""
    body = request.json()
    check_if_match(tenant, request, item)
    if item.parent is None:  # https://github.com/n8n-io/n8n/pull/32911
        raise invalid_request("Cannot update the root folder.")
    transfer = _transfer(tenant, request, item, body)
    if transfer.destination.drive is not item.drive and not request.prefers("respond-async"):
        message = "Requested move requires an async response, add 'Prefer: respond-async' to allow"
        raise GraphError(400, None, message, bare=True)  # iss-move-needs-respond-async
    is_moved = transfer.destination is not item.parent
    if transfer.destination.drive is not item.drive or (is_moved and tenant.move_answers_202):
        return accepted_response(tenant, copies.submit_move(tenant, transfer))
    _move(transfer)
    item.description = body.get("description", item.description)
    # without it, the stamps are reset: the comment on Move in rclone's onedrive.go
    item.file_system_info = dict(body.get("fileSystemInfo") or {})
    response = select_fields(item, request, item_json(item, request.base, created=True))
    return Response(200, response, {"etag": item.etag})


def _transfer(tenant: Tenant, request: Request, item: Item, body: dict[str, Any]) -> Transfer:
    name = names.check_name(body.get("name", item.name), item.drive.drive_type)
    # in the body it is ignored: iss-patch-409-nameAlreadyExists
    wish = request.query.get(CONFLICT_BEHAVIOR) if tenant.move_honours_conflict else None
    here = Transfer(
        item, item.parent or item, name, copies.check_conflict(wish, item.drive), with_versions=True
    )
    try:
        parent = _new_parent(tenant, item, body.get("parentReference") or {})
    except GraphError:
        if not tenant.atomic_moves:  # learn Q&A 854206: the name was changed all the same
            _move(here)
        raise
    return here if parent is None else replace(here, destination=parent)


def _new_parent(tenant: Tenant, item: Item, reference: dict[str, Any]) -> Item | None:
    """Find the folder to move to. The id of another drive's folder alone is not seen."""
    item_id = reference.get("id")
    elsewhere = any(item_id in drive.items for drive in tenant.drives.values() if drive is not item.drive)
    if elsewhere and not reference.get("driveId"):
        return None  # https://github.com/microsoftgraph/microsoft-graph-docs/issues/11165: only renamed
    parent = copies.find_parent(tenant, item, reference)
    if parent is None:
        return None
    if not parent.is_folder:
        raise invalid_request("The destination is not a folder.")
    copies.check_same_kind(item.drive, parent.drive)
    copies.check_no_cycle(item, parent)
    return parent


def _move(transfer: Transfer) -> None:
    """Keep the id and the cTag, and give a new eTag."""
    item, parent, name = transfer.source, transfer.destination, transfer.name
    if parent.child(name) is not item:
        name = copies.resolve_conflict(parent, name, transfer.conflict, item)
    item.drive.detach(item)
    item.name = name
    item.metadata_version += 1
    item.drive.attach(item, parent)
