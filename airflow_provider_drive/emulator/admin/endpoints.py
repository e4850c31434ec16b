"""
Endpoints that change the emulator while it runs. They need no token.

The server listens on a loopback address only. Web pages of other sites cannot use the endpoints either: the
header ``Host`` must name this machine, and a change must be JSON or a DELETE, which browsers do not send to
another site unless it allows that.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.admin.page import page
from airflow_provider_drive.emulator.faults import Fault
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.errors import StateError
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_HOSTS = {"localhost", "127.0.0.1"}
_SIMPLE = (bool, int, float, str, list, dict, type(None))


class _InvalidError(Exception):
    """The request is not valid. The message is for a person."""


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
    except (_InvalidError, StateError, ValueError, TypeError) as error:
        return Response(400, {"error": str(error) or type(error).__name__})


def _show(tenant: Tenant, _: Request) -> Response:
    return Response(200, page(tenant).encode(), {"content-type": "text/html; charset=utf-8"})


def _get_settings(tenant: Tenant, _: Request) -> Response:
    return Response(body=_settings(tenant))


def _change_settings(tenant: Tenant, request: Request) -> Response:
    settings, changes = _settings(tenant), _object(request)
    for name, value in changes.items():
        if name not in settings:
            raise _InvalidError(f"Unknown setting {name!r}. Known settings: {', '.join(sorted(settings))}.")
        if not _fits(value, settings[name]):
            raise _InvalidError(f"The setting {name!r} cannot be {value!r}.")
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


def _fits(value: Any, current: Any) -> bool:
    """Whether a value has the type of the current one. One that is None can become a number or a text."""
    if current is None or value is None:
        return not isinstance(value, list | dict)
    if isinstance(current, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, type(current)) and isinstance(value, bool) == isinstance(current, bool)


def _list_faults(tenant: Tenant, _: Request) -> Response:
    return Response(body={"faults": [_plain(fault) for fault in tenant.faults]})


def _add_fault(tenant: Tenant, request: Request) -> Response:
    tenant.faults.append(Fault(**_fields(request, Fault)))
    return _list_faults(tenant, request)


def _clear_faults(tenant: Tenant, _: Request) -> Response:
    tenant.faults.clear()
    return Response(204)


def _get_copies(tenant: Tenant, _: Request) -> Response:
    return Response(
        body={"copies": _plain(tenant.copies), "next": [_plain(each) for each in tenant.next_copies]}
    )


def _change_copies(tenant: Tenant, request: Request) -> Response:
    tenant.copies = dataclasses.replace(tenant.copies, **_fields(request, CopyBehaviour))
    return _get_copies(tenant, request)


def _add_next_copy(tenant: Tenant, request: Request) -> Response:
    tenant.next_copies.append(CopyBehaviour(**_fields(request, CopyBehaviour)))
    return _get_copies(tenant, request)


def _lock(tenant: Tenant, request: Request) -> Response:
    body = _object(request)
    item = tenant.drive(str(body.get("drive"))).find(str(body.get("path")))
    if item is None:
        raise _InvalidError("The drive has no such item.")
    item.locked = bool(body.get("locked", True))
    return Response(body={"id": item.id, "path": item.path, "locked": item.locked})


def _reset(tenant: Tenant, _: Request) -> Response:
    tenant.reset()
    return Response(204)


def _object(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise _InvalidError("The body must be an object.")
    return body


def _fields(request: Request, kind: type[Fault | CopyBehaviour]) -> dict[str, Any]:
    body = _object(request)
    known = {each.name for each in dataclasses.fields(kind)} - {"act"}
    for name in body.keys() - known:
        raise _InvalidError(f"Unknown field {name!r}. Known fields: {', '.join(sorted(known))}.")
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
