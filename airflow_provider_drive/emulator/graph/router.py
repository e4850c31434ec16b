"""Routes of Graph: authenticates a request, charges its resource units, and calls its handler."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.graph import addressing, errors
from airflow_provider_drive.emulator.graph.addressing import Missing
from airflow_provider_drive.emulator.graph.annotations import annotate
from airflow_provider_drive.emulator.graph.errors import GraphError
from airflow_provider_drive.emulator.graph.operations import OPERATIONS
from airflow_provider_drive.emulator.graph.options import check_options
from airflow_provider_drive.emulator.graph.requests import authenticate
from airflow_provider_drive.emulator.state.errors import StateError

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.graph.addressing import Target
    from airflow_provider_drive.emulator.messages import Request, Response
    from airflow_provider_drive.emulator.state.credentials import Token
    from airflow_provider_drive.emulator.state.tenant import Tenant

_FUNCTION = re.compile(r"(?:microsoft\.graph\.)?(\w+)(?:\((.*)\))?")
_PERMISSIONS = {"permissions", "permissions/{id}", "invite", "createLink"}
_COLLECTIONS = {"versions", "permissions", "subscriptions"}
_ARGUMENT = re.compile(r"(\w+)='((?:[^']|'')*)'")


def handle_graph(tenant: Tenant, request: Request) -> Response:
    """Handle a request to Graph, or to SharePoint's equivalent below ``/_api``."""
    token = authenticate(tenant, request)
    target = _resolve(tenant, request, token)
    name, arguments = _parse_function(_cut_out_id(request, target.action))
    request.query.update(arguments)
    request.units = _resource_units(request, name)
    tenant.charge(request.units)
    operation = OPERATIONS.get((type(target.subject), request.method, name))
    if operation is not None:
        check_options(operation, request)
        response = operation.handle(tenant, request, target.subject)
        annotate(response, request, operation.context, target.subject)
        return response
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


def _cut_out_id(request: Request, action: str) -> str:
    """Replace the id in ``versions/1.0/content`` by ``{id}``, and note it in the request."""
    head, _, tail = action.partition("/")
    if head not in _COLLECTIONS or not tail:
        return action
    request.id_in_path, slash, rest = tail.partition("/")
    return f"{head}/{{id}}{slash}{rest.removeprefix('microsoft.graph.')}"


def _parse_function(action: str) -> tuple[str, dict[str, str]]:
    """Split ``delta(token='latest')`` into name and arguments; ``microsoft.graph.copy`` is named ``copy``."""
    found = _FUNCTION.fullmatch(action)
    if found is None:
        return action, {}
    arguments = {key: value.replace("''", "'") for key, value in _ARGUMENT.findall(found[2] or "")}
    return found[1], arguments


def _resource_units(request: Request, action: str) -> int:
    """Return the cost from the table on SharePoint's page about throttling, which omits copy and move."""
    if action in _PERMISSIONS or "permissions" in request.query.get("$expand", ""):
        return 5
    is_cheap = action in {"", "content"} or (action == "delta" and "token" in request.query)
    return 1 if request.method == "GET" and is_cheap else 2
