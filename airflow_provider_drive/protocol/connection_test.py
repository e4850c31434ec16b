"""
Test a connection: log in, read a drive, and report the permissions.

https://learn.microsoft.com/graph/api/drive-get
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveAccessDeniedError, DriveItemNotFoundError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.retry import RetryBudget, send_with_retries
from airflow_provider_drive.protocol.wire.errors import clean, error_from_response

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.wire.token_claims import Claims

_MAX_URL = 200
_BUDGET_SECONDS = 2.0
"""Limit on pauses between retries: a user waits for the answer."""


def test_connection_flow(claims: Claims | None, tenant_id: str, cloud: str) -> Flow[tuple[bool, str]]:
    """
    Read a drive, and report who logged in where and with which permissions.

    :param claims: The token's claims; None if the token is opaque.
    :param tenant_id: The connection's tenant.
    :param cloud: The connection's cloud.
    :return: Whether copies and moves can succeed, and the report.
    """
    drive, access = yield from _read_drive(is_user=claims is None or claims.is_user)
    if claims is None:
        principal = _describe_owner(drive)
        permissions = "The token does not list its permissions: tokens of personal accounts never do."
    else:
        principal, permissions = claims.principal, claims.describe_permissions()
    tenant = _describe_tenant(tenant_id, claims)
    can_write = bool(drive) if claims is None else claims.may_write
    return can_write, (
        f"Logged in as {principal} to the tenant {tenant} in the cloud {cloud}. {access} {permissions}"
    )


def _read_drive(*, is_user: bool) -> Flow[tuple[dict[str, Any], str]]:
    """Return the user's drive, or for an app, which has none, the root site's; and a sentence about it."""
    path, whose = (
        ("/me/drive", "the user's own drive") if is_user else ("/sites/root/drive", "the root site's drive")
    )
    request = Request("GET", f"{path}?$select=id,name,webUrl,owner", f"read {whose}")

    def read(response: Response) -> dict[str, Any]:
        if not response.ok:
            raise error_from_response(response, request.action, request.trace)
        return response.mapping()

    try:
        drive = yield from send_with_retries(request, read, RetryBudget(_BUDGET_SECONDS))
    except (DriveAccessDeniedError, DriveItemNotFoundError) as error:
        answer = f"HTTP {error.status} {error.code}".rstrip()
        return {}, f"Could not read {whose} ({answer}); copies and moves in other drives do not need it."
    return drive, f"Read {whose}, {_describe_location(drive)}."


def _describe_location(drive: dict[str, Any]) -> str:
    """Return the drive's web URL, which gives no access by itself, or else its id."""
    url = str(drive.get("webUrl")).partition("?")[0]
    return url[:_MAX_URL] if url.startswith("https://") and url.isprintable() else clean(str(drive.get("id")))


def _describe_owner(drive: dict[str, Any]) -> str:
    """Return the drive's owner, for tokens that do not say who logged in."""
    owner: Any = drive.get("owner")
    user = owner.get("user") if isinstance(owner, dict) else None
    name = user.get("displayName") if isinstance(user, dict) else None
    return f"the user {clean(name)}" if isinstance(name, str) and name else "a user"


def _describe_tenant(tenant_id: str, claims: Claims | None) -> str:
    """Return the connection's tenant, followed by the token's if that differs."""
    if claims is None or claims.tenant_id in {"", tenant_id}:
        return tenant_id
    return f"{tenant_id} ({claims.tenant_id})" if tenant_id else claims.tenant_id
