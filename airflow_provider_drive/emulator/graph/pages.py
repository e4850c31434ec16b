"""Lists in pages: https://learn.microsoft.com/graph/paging."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_drive.emulator.graph.errors import invalid_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_T = TypeVar("_T")


def page(
    tenant: Tenant,
    request: Request,
    entries: Sequence[_T],
    serialize: Callable[[_T], dict[str, Any]],
    **last: Any,
) -> dict[str, Any]:
    """
    Return one page and the link to the next. Its length is ``$top``, up to the service's limit.

    :param serialize: Called for the entries of this page only.
    :param last: Additional fields of the last page.
    """
    size = page_length(tenant, request)
    start = position(request)
    first = max(0, start - tenant.repeats_items)  # https://github.com/OneDrive/onedrive-api-docs/issues/740
    body: dict[str, Any] = {"value": [serialize(entry) for entry in entries[first : start + size]]}
    if request.query.get("$count", "").lower() == "true":
        body = {"@odata.count": len(entries), **body}
    if start + size >= len(entries):
        return body | last
    return {"@odata.nextLink": next_link(tenant, request, start + size), **body}


def page_length(tenant: Tenant, request: Request) -> int:
    """Return the number of entries on a page: ``$top``, up to the service's limit."""
    top = request.query.get("$top", "")
    return min(int(top), tenant.longest_page) if int(top or 0) else tenant.page_size


def next_link(tenant: Tenant, request: Request, position: int) -> str:
    """Return the link to the page that begins at a position."""
    keep = "&".join(part for part in request.raw_query.split("&") if part and "skiptoken" not in part.lower())
    token = base64.urlsafe_b64encode(f"Paged=TRUE&p={position}".encode()).decode()
    query = f"{keep}&$skiptoken={token}" if keep else f"$skiptoken={token}"
    base = tenant.next_link_base or request.base
    return f"{base}{request.raw_path}?{query}"


def position(request: Request) -> int:
    """Return the position that a link to the next page stands for; 0 on the first page."""
    try:
        token = request.query.get("$skiptoken", "")
        return abs(int(base64.urlsafe_b64decode(token).decode().rpartition("=")[2] or 0))
    except ValueError:
        raise invalid_request("The skip token is invalid.") from None
