"""The door of Graph: who may come in, what it costs, and which handler answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import addressing, delta, errors, files, items, moves
from airflow_provider_drive.emulator.graph.addressing import Missing
from airflow_provider_drive.emulator.graph.errors import GraphError
from airflow_provider_drive.emulator.graph.serializers import drive_json, owner_json, site_json
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.directory import Owner, Site
from airflow_provider_drive.emulator.state.drives import Drive, Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.graph.addressing import Target
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.directory import Token
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
    return Response(body=items.page(tenant, request, site.drives, drive_json))


def _list_owner_drives(tenant: Tenant, request: Request, owner: Owner) -> Response:
    """``gnome-me-drives-personal``."""
    return Response(body=items.page(tenant, request, [owner.drive], drive_json))


_HANDLERS: dict[tuple[type, str, str], Callable[[Tenant, Request, Any], Response]] = {
    (Item, "GET", ""): items.get_item,
    (Item, "PATCH", ""): moves.update_item,
    (Item, "DELETE", ""): items.delete_item,
    (Item, "GET", "children"): items.list_children,
    (Item, "POST", "children"): items.create_folder,
    (Item, "POST", "copy"): items.copy_item,
    (Item, "POST", "permanentDelete"): items.permanently_delete,
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
    """Answer a request of Graph's, or of SharePoint's twin of it below ``/_api``."""
    token = tenant.check_token(request.headers.get("authorization", ""))
    target = _resolve(tenant, request, token)
    name, arguments = _function(target.action)
    request.query.update(arguments)
    request.units = _units(request, name)
    tenant.charge(request.units)
    handler = _HANDLERS.get((type(target.subject), request.method, name))
    if handler is not None:
        return handler(tenant, request, target.subject)
    if isinstance(target.subject, Missing):
        raise errors.not_found()
    raise GraphError(400, "BadRequest", f"Resource not found for the segment '{target.action}'.")


def _resolve(tenant: Tenant, request: Request, token: Token) -> Target:
    """Find what the path names. To look in vain costs as well."""
    try:
        return addressing.resolve(tenant, request.raw_path, token)
    except GraphError:
        request.units = 1
        tenant.charge(request.units)
        raise


def _function(action: str) -> tuple[str, dict[str, str]]:
    """``delta(token='latest')`` is ``delta`` with an argument; ``microsoft.graph.copy`` is ``copy``."""
    found = _FUNCTION.fullmatch(action)
    if found is None:
        return action, {}
    arguments = {key: value.replace("''", "'") for key, value in _ARGUMENT.findall(found[2] or "")}
    return found[1], arguments


def _units(request: Request, action: str) -> int:
    """Resource units, from the table of SharePoint's page about throttling. Copy and move are not in it."""
    if action == "permissions" or "permissions" in request.query.get("$expand", ""):
        return 5
    cheap = action in {"", "content"} or (action == "delta" and "token" in request.query)
    return 1 if request.method == "GET" and cheap else 2
