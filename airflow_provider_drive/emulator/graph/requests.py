"""What all requests to Graph have in common: the token, the body and the precondition."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.state.directory import is_graph

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.credentials import Token
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant

CONFLICT_BEHAVIOR = "@microsoft.graph.conflictBehavior"
NAME_CONFLICT_BEHAVIOR = "@name.conflictBehavior"  # SharePoint's name for it
_CONFLICT_BEHAVIORS = ("fail", "replace", "rename")
_FILE_TIMES = {"createdDateTime", "lastModifiedDateTime", "lastAccessedDateTime"}


def authenticate(tenant: Tenant, request: Request) -> Token:
    """
    Return the access token of a request.

    :raises GraphError: If it is missing, unknown or expired: ``op-401-invalid-token``.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token = tenant.tokens.get(text.strip())
    if not text or scheme.lower() != "bearer":
        raise errors.unauthenticated("Access token is empty.")
    if token is None:
        reason = "there are no dots (.)" if "." not in text else "its signature is invalid"
        raise errors.unauthenticated(f"IDX14100: JWT is not well formed, {reason}.")
    if token.is_expired:
        raise errors.unauthenticated("Lifetime validation failed, the token is expired.")
    if not is_graph(token.audience, request.base):
        raise errors.unauthenticated("Access token validation failure. Invalid audience.")
    return token


def json_body(request: Request) -> dict[str, Any]:
    """
    Return the body of a request.

    :raises GraphError: If it is not a JSON object: https://learn.microsoft.com/graph/errors.
    """
    try:
        value = request.json()
    except (ValueError, RecursionError):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from None
    if not isinstance(value, dict):
        raise invalid_request("The request body must be an object.")
    return value


def file_system_info(body: dict[str, Any]) -> dict[str, dt.datetime]:
    """
    Return the times of a request's ``fileSystemInfo``: https://learn.microsoft.com/graph/api/resources/filesysteminfo.

    :raises GraphError: If one of them is not a time, or is of another name.
    """
    times = body.get("fileSystemInfo") or {}
    if not isinstance(times, dict) or not times.keys() <= _FILE_TIMES:
        raise invalid_request("fileSystemInfo contains an unknown property.")
    return {name: read_time(text, name) for name, text in times.items()}


def read_time(text: str, name: str) -> dt.datetime:
    """
    Return the time that a property contains. Without a zone it is in UTC.

    :raises GraphError: If it is not a time.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise invalid_request(f"The {name} is not a valid time.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


def conflict_behavior(options: dict[str, Any]) -> str | None:
    """
    Return the conflictBehavior in a query or a body; None if there is none.

    :raises GraphError: If it has another value than those of
        https://learn.microsoft.com/graph/api/resources/driveitem#instance-attributes.
    """
    value = options.get(CONFLICT_BEHAVIOR, options.get(NAME_CONFLICT_BEHAVIOR))
    if value is not None and value not in _CONFLICT_BEHAVIORS:
        raise invalid_request("Invalid value for conflictBehavior.")
    return value


def client_id(tenant: Tenant, request: Request) -> str:
    """Return the id of the user or the application that sends a request."""
    user = authenticate(tenant, request).user
    return tenant.client_id if user is None else user.id


def check_not_locked(tenant: Tenant, request: Request, item: Item, *, can_bypass: bool = False) -> None:
    """
    Check that an item is not locked, and not checked out by another user or application.

    :param can_bypass: Whether the request can ask to ignore that: https://learn.microsoft.com/graph/api/driveitem-delete.
    :raises GraphError: If it is.
    """
    ignored = {name for name in ("bypass-shared-lock", "bypass-checked-out") if request.prefers(name)}
    ignored = ignored if can_bypass else set()
    is_taken = item.checked_out_by not in {None, client_id(tenant, request)}
    if (item.locked and "bypass-shared-lock" not in ignored) or (
        is_taken and "bypass-checked-out" not in ignored
    ):
        raise errors.locked()


def is_unchanged(request: Request, item: Item) -> bool:
    """Whether ``If-None-Match`` has the eTag or the cTag of an item."""
    return request.headers.get("if-none-match") in {"*", item.etag, item.ctag}


def check_if_match(tenant: Tenant, request: Request, item: Item, *, can_bypass: bool = False) -> None:
    """
    Check ``If-Match``, which may be an eTag or a cTag: https://learn.microsoft.com/graph/api/driveitem-move.

    :param can_bypass: See :func:`check_not_locked`.
    :raises GraphError: If it does not match, or if the item is locked.
    """
    check_not_locked(tenant, request, item, can_bypass=can_bypass)
    if is_unchanged(request, item):
        raise errors.etag_mismatch(tenant.stale_status)
    expected = request.headers.get("if-match")
    if expected is None or expected in {"*", item.etag, item.ctag}:
        return
    if item.drive.is_personal:
        raise errors.etag_mismatch_personal()
    if not (expected.startswith('"') and expected.endswith('"')):
        raise invalid_request("The entity tag is not a quoted string.", "malformedEntityTag")
    raise errors.etag_mismatch(tenant.stale_status)
