"""Read, list, create and delete items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.copies import find_parent
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.pages import page
from airflow_provider_drive.emulator.graph.queries import item_body, sort_and_filter
from airflow_provider_drive.emulator.graph.requests import (
    check_if_match,
    conflict_behavior,
    file_system_info,
    is_unchanged,
    json_body,
)
from airflow_provider_drive.emulator.graph.serializers import item_location
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state import names

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


def get_item(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-get."""
    if item.hidden_reads > 0:
        item.hidden_reads -= 1
        raise errors.not_found()
    if is_unchanged(request, item):
        return Response(304)
    body = item_body(item, request)
    item.record_read()
    return Response(200, body, {"etag": item.etag})


def list_children(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-list-children."""
    if not item.is_folder:
        raise errors.not_a_folder()
    visible = [child for child in sort_and_filter(item, request) if child.hidden_reads == 0]
    body = page(tenant, request, visible, lambda child: item_body(child, request))
    # personal drives always count: osf-root-metadata-children
    return Response(body={"@odata.count": len(visible), **body} if item.drive.is_personal else body)


def create_folder(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-post-children: conflictBehavior is in the body."""
    body = json_body(request)
    if not item.is_folder or "folder" not in body:
        raise invalid_request("The parent must be a folder, and only folders can be created here.")
    name = names.check_name(body.get("name"), item.drive.drive_type)
    times = file_system_info(body)
    conflict, existing = conflict_behavior(body) or "fail", item.child(name)
    if existing is not None and conflict == "replace" and existing.is_folder:
        # https://github.com/OneDrive/onedrive-api-docs/issues/1702
        return Response(200, item_body(existing, request, created=True))
    if existing is not None and conflict == "rename":
        name = item.free_name(name, is_folder=True)
    elif existing is not None:
        raise errors.name_taken()
    folder = item.drive.add(item, name)
    folder.file_system_info = times
    folder.description = body.get("description")
    tenant.fresh_folders[folder.id] = tenant.fresh_folder_404
    return _created(folder, request, empty=tenant.empty_created)


def _created(item: Item, request: Request, *, empty: bool) -> Response:
    body = b"" if empty else item_body(item, request, created=True)
    return Response(201, body, {"location": item_location(item), "etag": item.etag})


def delete_item(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-delete, ``gnome-delete-204``."""
    check_if_match(tenant, request, item, can_bypass=True)
    if item.parent is None:
        raise invalid_request("Cannot delete the root folder.")
    if item.is_held:
        raise errors.on_hold()
    item.drive.remove(item)
    return Response(204)


def permanently_delete_item(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-permanentdelete; 405 on personal drives."""
    if item.drive.is_personal:
        raise GraphError(405, "notAllowed", "The operation is not supported for this drive.")
    response = delete_item(tenant, request, item)
    item.drive.recycle_bin.remove(item)
    return response


def restore_item(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-restore: personal drives only."""
    body = json_body(request)
    drive = item.drive
    if not drive.is_personal:
        raise invalid_request("Only OneDrive personal can restore items.", "notSupported")
    if item not in drive.recycle_bin:
        raise errors.not_found()
    parent = find_parent(tenant, item, body.get("parentReference")) or item.parent
    if parent is None or drive.items.get(parent.id) is not parent:
        raise errors.not_found()
    if not parent.is_folder:
        raise invalid_request("The parent is not a folder.")
    name = names.check_name(body.get("name") or item.name, drive.drive_type)
    if parent.child(name) is not None:
        raise errors.name_taken()
    item.name = name
    drive.restore(item, parent)
    return Response(200, item_body(item, request, created=True))


def list_thumbnails(tenant: Tenant, request: Request, _: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-list-thumbnails: there are none."""
    return Response(body=page(tenant, request, [], dict))
