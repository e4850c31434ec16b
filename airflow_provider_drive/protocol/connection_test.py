"""
What a connection's test tells: who logged in where, which drive can be read, and what is missing.

https://learn.microsoft.com/graph/api/drive-get
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveAccessDeniedError, DriveItemNotFoundError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.retry import RetryBudget, send_with_retries
from airflow_provider_drive.protocol.wire.errors import clean, error_from_response
from airflow_provider_drive.protocol.wire.hosts import CLOUDS

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.wire.hosts import Hosts
    from airflow_provider_drive.protocol.wire.token_claims import Claims

_MAX_URL = 200
_BUDGET_SECONDS = 2.0
"""For pauses between tries: somebody sits and waits."""


def test_connection_flow(claims: Claims | None, tenant_id: str, hosts: Hosts) -> Flow[tuple[bool, str]]:
    """
    Read a drive, and tell what there is to tell.

    :param claims: What the token says of itself; None if it says nothing.
    :param tenant_id: The tenant that the connection names.
    :return: Whether copies and moves may succeed, and the words.
    """
    drive, seen = yield from _look(is_user=claims is None or claims.is_user)
    if claims is None:
        who = _owner(drive)
        told = "The token does not list its permissions: tokens of personal accounts never do."
    else:
        who, told = claims.who, claims.describe_permissions()
    tenant = tenant_id if claims is None or claims.tenant_id in {"", tenant_id} else _both(tenant_id, claims)
    cloud = next((name for name, cloud in CLOUDS.items() if cloud.graph == hosts.graph), hosts.graph)
    is_good = bool(drive) if claims is None else claims.may_write
    return is_good, f"Logged in as {who} to the tenant {tenant} in the cloud {cloud}. {seen} {told}"


def _look(*, is_user: bool) -> Flow[tuple[dict[str, Any], str]]:
    """Read the user's drive, or that of the root site for an app: an app has none."""
    path, whose = (
        ("/me/drive", "the user's own drive") if is_user else ("/sites/root/drive", "the root site's drive")
    )
    request = Request("GET", f"{path}?$select=id,name,webUrl,owner", f"read {whose}")

    def read(response: Response) -> dict[str, Any]:
        if not response.ok:
            raise error_from_response(response, request.action)
        return response.mapping()

    try:
        drive = yield from send_with_retries(request, read, RetryBudget(_BUDGET_SECONDS))
    except (DriveAccessDeniedError, DriveItemNotFoundError) as error:
        refusal = f"HTTP {error.status} {error.code}".rstrip()
        return {}, f"Could not read {whose} ({refusal}); copies and moves in other drives do not need it."
    return drive, f"Read {whose}, {_place(drive)}."


def _place(drive: dict[str, Any]) -> str:
    """Return where a browser finds the drive. That opens nothing to who may not see it."""
    url = str(drive.get("webUrl")).partition("?")[0]
    return url[:_MAX_URL] if url.startswith("https://") and url.isprintable() else clean(str(drive.get("id")))


def _owner(drive: dict[str, Any]) -> str:
    """Return whose drive it is, where the token does not tell who logged in."""
    owner: Any = drive.get("owner")
    user = owner.get("user") if isinstance(owner, dict) else None
    name = user.get("displayName") if isinstance(user, dict) else None
    return f"the user {clean(name)}" if isinstance(name, str) and name else "a user"


def _both(tenant_id: str, claims: Claims) -> str:
    return f"{tenant_id} ({claims.tenant_id})" if tenant_id else claims.tenant_id
