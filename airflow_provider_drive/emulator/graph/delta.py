"""Delta and search."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.pages import next_link, page, page_length, position
from airflow_provider_drive.emulator.graph.queries import item_body, order
from airflow_provider_drive.emulator.graph.serializers import deleted_json
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.drives import Drive

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


def list_changes(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-delta: only for roots, except on personal drives."""
    drive = item.drive
    if item.parent is not None and not drive.is_personal:
        raise invalid_request("Delta is supported for the root only.", "notSupported")
    token = request.query.get("token", "")
    here = f"{tenant.next_link_base or request.base}{request.raw_path.partition('(')[0]}"
    options = {"select", "expand", "top"}  # Graph encodes them in the token
    keep = [part for part in request.raw_query.split("&") if part.partition("=")[0].strip("$") in options]
    link = {"@odata.deltaLink": f"{here}?{'&'.join([*keep, f'token={drive.changes}'])}"}
    if token == "latest":  # noqa: S105 - a word of Graph's, not a secret
        return Response(body={"value": []} | link)
    since = _since(drive, token)
    if not drive.oldest_token <= since <= drive.changes:  # expired, or of the time before a reset
        raise GraphError(410, tenant.resync_code, "Resync required.", headers={"location": here})
    with_parents = not drive.is_personal and "deltaexcludeparent" not in request.headers
    changes = _changes_since(item, since, with_parents=with_parents)
    return Response(body=_page(tenant, request, changes, link))


def _page(
    tenant: Tenant,
    request: Request,
    changes: list[tuple[int, Callable[[Request], dict[str, Any]]]],
    link: dict[str, str],
) -> dict[str, Any]:
    """
    Return one page of changes.

    A link to the next page stands for the last change before it: what changes meanwhile comes later, and
    moves no other change to a page that was read before.
    """
    start = position(request)
    size = page_length(tenant, request)
    rest = [(change, serialize) for change, serialize in changes if change >= start]
    body = {"value": [serialize(request) for _, serialize in rest[:size]]}
    if len(rest) <= size:
        return {**body, **link}
    return {**body, "@odata.nextLink": next_link(tenant, request, rest[size - 1][0] + 1)}


def _since(drive: Drive, token: str) -> int:
    """Return the change that a token stands for. On work and school drives, a time is a token too."""
    if not token or (token.isascii() and token.isdigit()):
        return int(token or 0)
    try:
        moment = dt.datetime.fromisoformat(token.replace(" ", "+"))
    except ValueError:
        raise invalid_request("The delta token is invalid.") from None
    if drive.is_personal:
        raise invalid_request("A time is not supported as a delta token.", "notSupported")
    return drive.changes_until(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC))


def _changes_since(
    folder: Item, since: int, *, with_parents: bool
) -> list[tuple[int, Callable[[Request], dict[str, Any]]]]:
    """
    Return the number of each change, in order, with a function that serializes it.

    :param with_parents: Whether the folders above what has changed are listed too, as they are without the
        header ``deltaExcludeParent``.
    """
    deleted = [
        (change, partial(_deletion, each)) for change, each in folder.drive.deleted if change > since > 0
    ]
    changed = {each: None for each in folder.walk() if each.change > since or since == 0}
    parents = {parent: None for each in changed for parent in each.ancestors()} if with_parents else {}
    existing = [(each.change, partial(_change, each)) for each in {**parents, **changed}]
    return sorted([*deleted, *existing], key=lambda pair: pair[0])


def _deletion(item: Item, _: Request) -> dict[str, Any]:
    return deleted_json(item)


def _change(item: Item, request: Request) -> dict[str, Any]:
    body = item_body(item, request)
    body.get("parentReference", {}).pop("path", None)
    if not item.drive.is_personal:
        body.pop("cTag", None)
    return body


def search(tenant: Tenant, request: Request, subject: Item | Drive) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-search, by name only."""
    folder = subject.root if isinstance(subject, Drive) else subject
    text = request.query.get("q", "").lower()
    if not text:
        raise invalid_request("A search needs the argument 'q'.")
    found = [each for each in folder.walk() if text in each.name.lower() and each is not folder]
    found = order(found, request.query.get("$orderby", ""), personal=folder.drive.is_personal)
    return Response(body=page(tenant, request, found, lambda each: item_body(each, request)))
