"""Permissions, sharing links and invitations: https://learn.microsoft.com/graph/api/resources/permission."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.errors import invalid_request
from airflow_provider_drive.emulator.graph.expressions import select
from airflow_provider_drive.emulator.graph.pages import page
from airflow_provider_drive.emulator.graph.requests import check_if_match, json_body, read_time
from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant

_ROLES = {"read", "write", "owner"}
_LINK_TYPES = {"view": "read", "edit": "write", "embed": "read"}
_LINK_SCOPES = {"anonymous", "organization", "users"}


def list_permissions(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-list-permissions: inherited ones too."""
    return Response(body=page(tenant, request, all_permissions(item), lambda each: select(request, each)))


def all_permissions(item: Item) -> list[dict[str, Any]]:
    """Return an item's permissions in JSON, with those that it inherits."""
    owner = {"id": item.drive.root.guid.lower(), "roles": ["owner"], "grantedToV2": item.drive.owner}
    found = list(item.permissions)
    for parent in _inherited_from(item):
        source = {"inheritedFrom": {"driveId": parent.drive.id, "id": parent.id}}
        found += [{**permission, **source} for permission in parent.permissions]
    return [*found, owner]


def _inherited_from(item: Item) -> Iterator[Item]:
    """Yield the folders whose permissions an item inherits."""
    for parent in item.ancestors():
        if not item.inherits_permissions:
            return
        yield parent
        item = parent


def get_permission(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/permission-get."""
    for permission in all_permissions(item):
        if permission["id"] == request.id_in_path:
            return Response(body=select(request, permission))
    raise errors.not_found()


def update_permission(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/permission-update: only its roles."""
    permission = _own_permission(request, item)
    permission["roles"] = _roles(json_body(request))
    return Response(body=dict(permission))


def delete_permission(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/permission-delete: not of inherited ones."""
    if "if-match" in request.headers:
        check_if_match(tenant, request, item)
    permission = _own_permission(request, item)
    item.permissions.remove(permission)
    tenant.links.pop(permission.get("link", {}).get("webUrl", ""), None)
    return Response(204)


def invite(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-invite. It sends no mail."""
    body = json_body(request)
    roles, recipients = _roles(body), body.get("recipients") or []
    if not recipients or not all(isinstance(each, dict) and _identity(each) for each in recipients):
        raise invalid_request("An invitation needs recipients, each with an email, an alias or an objectId.")
    limits = _limits(tenant, item, body)
    added = [
        {"id": str(uuid.uuid4()), "roles": roles, "grantedToV2": {"user": _identity(recipient)}, **limits}
        for recipient in recipients
    ]
    item.permissions += added
    _set_inheritance(item, body)
    return Response(body={"value": added})


def create_link(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-createlink: 200 if there is such a link."""
    body = json_body(request)
    kind, scope = body.get("type", "view"), body.get("scope", "organization")
    if item.drive.is_personal:
        scope = body.get("scope", "anonymous")
    if kind not in _LINK_TYPES or scope not in _LINK_SCOPES:
        raise invalid_request("The type or the scope of the link is invalid.")
    unsupported = scope == "organization" if item.drive.is_personal else kind == "embed"
    if unsupported:
        raise invalid_request(f"A link of the type '{kind}' and the scope '{scope}' is not supported here.")
    limits = _limits(tenant, item, body)
    for permission in item.permissions:
        link = permission.get("link", {})
        if (link.get("type"), link.get("scope")) == (kind, scope):
            return Response(200, dict(permission))
    link = {"type": kind, "scope": scope, "webUrl": tenant.share(item), "preventsDownload": False}
    permission = {
        "id": str(uuid.uuid4()),
        "roles": [_LINK_TYPES[kind]],
        "link": link,
        "hasPassword": False,
        **limits,
    }
    item.permissions.append(permission)
    _set_inheritance(item, body)
    return Response(201, dict(permission))


def _limits(tenant: Tenant, item: Item, body: dict[str, Any]) -> dict[str, Any]:
    """Return when a permission expires, and whether it has a password, as the body says."""
    if body.get("password") and not item.drive.is_personal:
        raise invalid_request("Only permissions of OneDrive personal can have a password.")
    limits: dict[str, Any] = {"hasPassword": True} if body.get("password") else {}
    if text := body.get("expirationDateTime"):
        if read_time(text, "expirationDateTime") <= tenant.now():
            raise invalid_request("The expirationDateTime is in the past.")
        limits["expirationDateTime"] = text
    return limits


def _set_inheritance(item: Item, body: dict[str, Any]) -> None:
    """``retainInheritedPermissions`` is true by default."""
    item.inherits_permissions = (
        item.inherits_permissions and body.get("retainInheritedPermissions") is not False
    )


def _own_permission(request: Request, item: Item) -> dict[str, Any]:
    for permission in item.permissions:
        if permission["id"] == request.id_in_path:
            return permission
    if any(permission["id"] == request.id_in_path for permission in all_permissions(item)):
        raise invalid_request("An inherited permission can only be changed where it was given.")
    raise errors.not_found()


def _roles(body: dict[str, Any]) -> list[str]:
    roles = body.get("roles")
    if not isinstance(roles, list) or not roles or not all(role in _ROLES for role in map(str, roles)):
        raise invalid_request("The roles must be a list of: read, write, owner.")
    return roles


def _identity(recipient: dict[str, Any]) -> dict[str, str]:
    keys = {"email": "email", "alias": "displayName", "objectId": "id"}
    return {name: recipient[key] for key, name in keys.items() if recipient.get(key)}
