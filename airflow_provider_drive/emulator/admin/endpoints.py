"""
Endpoints that change the emulator while it runs. They need no token.

The server listens on a loopback address only. Web pages of other sites cannot use the endpoints either: the
header ``Host`` must name this machine, and a change must be JSON or a DELETE, which browsers do not send to
another site unless it allows that.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.admin.checks import InvalidError, check_fields, check_setting
from airflow_provider_drive.emulator.admin.page import page
from airflow_provider_drive.emulator.faults import Fault
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.errors import DriveNotFoundError
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_HOSTS = {"localhost", "127.0.0.1"}
_SIMPLE = (bool, int, float, str, list, dict, type(None))


def handle_admin(tenant: Tenant, request: Request) -> Response:
    """Handle a request to ``/_emulator`` and below."""
    if request.headers.get("host", "").partition(":")[0] not in _HOSTS:
        return Response(403, {"error": "The host must be localhost."})
    name = request.path.removeprefix("/_emulator").strip("/")
    handle = _ENDPOINTS.get((request.method, name))
    if handle is None:
        known = sorted(f"{method} /_emulator/{path}" for method, path in _ENDPOINTS)
        return Response(404, {"error": "Unknown endpoint.", "endpoints": known})
    if request.method in {"POST", "PATCH"} and "json" not in request.headers.get("content-type", ""):
        return Response(415, {"error": "The body must be of the type application/json."})
    try:
        return handle(tenant, request)
    except InvalidError as error:
        return Response(400, {"error": str(error)})


def _show(tenant: Tenant, _: Request) -> Response:
    return Response(200, page(tenant).encode(), {"content-type": "text/html; charset=utf-8"})


def _get_settings(tenant: Tenant, _: Request) -> Response:
    return Response(body=_settings(tenant))


def _change_settings(tenant: Tenant, request: Request) -> Response:
    settings, changes = _settings(tenant), _object(request)
    for name, value in changes.items():
        if name not in settings:
            raise InvalidError(f"Unknown setting {name!r}. Known settings: {', '.join(sorted(settings))}.")
        check_setting(name, value, settings[name])
    for name, value in changes.items():
        setattr(tenant, name, value)
    return _get_settings(tenant, request)


def _settings(tenant: Tenant) -> dict[str, Any]:
    """Return the settings whose value can be written as JSON."""
    names = vars(tenant).keys() & tenant.setting_names
    return {
        name: value
        for name in sorted(names)
        if isinstance(value := getattr(tenant, name), _SIMPLE) and name != "faults"
    }


def _list_faults(tenant: Tenant, _: Request) -> Response:
    return Response(body={"faults": [_plain(fault) for fault in tenant.faults]})


def _add_fault(tenant: Tenant, request: Request) -> Response:
    tenant.faults.append(Fault(**check_fields(_object(request), Fault)))
    return _list_faults(tenant, request)


def _clear_faults(tenant: Tenant, _: Request) -> Response:
    tenant.faults.clear()
    return Response(204)


def _get_copies(tenant: Tenant, _: Request) -> Response:
    return Response(
        body={"copies": _plain(tenant.copies), "next": [_plain(each) for each in tenant.next_copies]}
    )


def _change_copies(tenant: Tenant, request: Request) -> Response:
    tenant.copies = dataclasses.replace(tenant.copies, **check_fields(_object(request), CopyBehaviour))
    return _get_copies(tenant, request)


def _add_next_copy(tenant: Tenant, request: Request) -> Response:
    tenant.next_copies.append(CopyBehaviour(**check_fields(_object(request), CopyBehaviour)))
    return _get_copies(tenant, request)


def _lock(tenant: Tenant, request: Request) -> Response:
    body = _object(request)
    for name in body.keys() - {"drive", "path", "locked"}:
        raise InvalidError(f"Unknown field {name!r}. Known fields: drive, locked, path.")
    key, path, locked = body.get("drive"), body.get("path"), body.get("locked", True)
    if not isinstance(key, str) or not isinstance(path, str) or not isinstance(locked, bool):
        raise InvalidError("The fields drive and path must be texts, and locked must be true or false.")
    try:
        item = tenant.drive(key).find(path)
    except DriveNotFoundError:
        raise InvalidError(f"There is no drive {key!r}. Drives: {', '.join(tenant.drives)}.") from None
    if item is None:
        raise InvalidError(f"The drive {key!r} has no item {path!r}.")
    item.locked = locked
    return Response(body={"id": item.id, "path": item.path, "locked": item.locked})


def _reset(tenant: Tenant, _: Request) -> Response:
    tenant.reset()
    return Response(204)


def _object(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"The body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidError("The body must be an object.")
    return body


def _plain(value: Fault | CopyBehaviour) -> dict[str, Any]:
    """Return the fields that differ from their defaults, as JSON can hold them."""
    default = type(value)()
    fields = ((each.name, getattr(value, each.name)) for each in dataclasses.fields(value))
    changed = {name: field for name, field in fields if field != getattr(default, name)}
    return {name: field if isinstance(field, _SIMPLE) else str(field) for name, field in changed.items()}


_ENDPOINTS: dict[tuple[str, str], Callable[[Tenant, Request], Response]] = {
    ("GET", ""): _show,
    ("GET", "settings"): _get_settings,
    ("PATCH", "settings"): _change_settings,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "copies"): _get_copies,
    ("PATCH", "copies"): _change_copies,
    ("POST", "copies"): _add_next_copy,
    ("POST", "locks"): _lock,
    ("POST", "reset"): _reset,
}
