"""Routes of Graph: authenticates a request, charges its resource units, and calls its handler."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import addressing, copies, delta, errors, files, items, moves
from airflow_provider_drive.emulator.graph.addressing import Missing
from airflow_provider_drive.emulator.graph.errors import GraphError
from airflow_provider_drive.emulator.graph.pages import page
from airflow_provider_drive.emulator.graph.requests import authenticate
from airflow_provider_drive.emulator.graph.serializers import drive_json, owner_json, site_json
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.directory import Owner, Site
from airflow_provider_drive.emulator.state.drives import Drive
from airflow_provider_drive.emulator.state.errors import StateError
from airflow_provider_drive.emulator.state.items import Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.graph.addressing import Target
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.credentials import Token
    from airflow_provider_drive.emulator.state.tenant import Tenant

_FUNCTION = re.compile(r"(?:microsoft\.graph\.)?(\w+)(?:\((.*)\))?")
_ARGUMENT = re.compile(r"(\w+)='((?:[^']|'')*)'")


def _get_drive(_: Tenant, __: Request, drive: Drive) -> Response:
    return Response(body=drive_json(drive))


def _get_site(_: Tenant, __: Request, site: Site) -> Response:
    return Response(body=site_json(site))


def _get_owner(_: Tenant, __: Request, owner: Owner) -> Response:
    return Response(body=owner_json(owner))


def _list_site_drives(tenant: Tenant, request: Request, site: Site) -> Response:
    """https://learn.microsoft.com/graph/api/drive-list."""
    return Response(body=page(tenant, request, site.drives, drive_json))


def _list_owner_drives(tenant: Tenant, request: Request, owner: Owner) -> Response:
    """``gnome-me-drives-personal``."""
    return Response(body=page(tenant, request, [owner.drive], drive_json))


_HANDLERS: dict[tuple[type, str, str], Callable[[Tenant, Request, Any], Response]] = {
    (Item, "GET", ""): items.get_item,
    (Item, "PATCH", ""): moves.update_item,
    (Item, "DELETE", ""): items.delete_item,
    (Item, "GET", "children"): items.list_children,
    (Item, "POST", "children"): items.create_folder,
    (Item, "POST", "copy"): copies.copy_item,
    (Item, "POST", "permanentDelete"): items.permanently_delete_item,
    (Item, "POST", "createLink"): items.create_link,
    (Item, "GET", "delta"): delta.list_changes,
    (Item, "GET", "search"): delta.search,
    (Item, "GET", "content"): files.get_content,
    (Item, "PUT", "content"): files.put_content,
    (Item, "POST", "createUploadSession"): files.create_upload_session,
    (Missing, "PUT", "content"): files.put_content,
    (Missing, "POST", "createUploadSession"): files.create_upload_session,
    (Drive, "GET", ""): _get_drive,
    (Site, "GET", ""): _get_site,
    (Site, "GET", "drives"): _list_site_drives,
    (Owner, "GET", ""): _get_owner,
    (Owner, "GET", "drives"): _list_owner_drives,
}


def handle_graph(tenant: Tenant, request: Request) -> Response:
    """Handle a request to Graph, or to SharePoint's equivalent below ``/_api``."""
    token = authenticate(tenant, request)
    target = _resolve(tenant, request, token)
    name, arguments = _parse_function(target.action)
    request.query.update(arguments)
    request.units = _resource_units(request, name)
    tenant.charge(request.units)
    handler = _HANDLERS.get((type(target.subject), request.method, name))
    if handler is not None:
        return handler(tenant, request, target.subject)
    if isinstance(target.subject, Missing):
        raise errors.not_found()
    raise GraphError(400, "BadRequest", f"Resource not found for the segment '{target.action}'.")


def _resolve(tenant: Tenant, request: Request, token: Token) -> Target:
    """Find what the path names. A path that names nothing costs one unit."""
    try:
        return addressing.resolve(tenant, request.raw_path, token)
    except (GraphError, StateError):
        request.units = 1
        tenant.charge(request.units)
        raise


def _parse_function(action: str) -> tuple[str, dict[str, str]]:
    """Split ``delta(token='latest')`` into name and arguments; ``microsoft.graph.copy`` is named ``copy``."""
    found = _FUNCTION.fullmatch(action)
    if found is None:
        return action, {}
    arguments = {key: value.replace("''", "'") for key, value in _ARGUMENT.findall(found[2] or "")}
    return found[1], arguments


def _resource_units(request: Request, action: str) -> int:
    """Return the cost from the table on SharePoint's page about throttling, which omits copy and move."""
    if action == "permissions" or "permissions" in request.query.get("$expand", ""):
        return 5
    is_cheap = action in {"", "content"} or (action == "delta" and "token" in request.query)
    return 1 if request.method == "GET" and is_cheap else 2
