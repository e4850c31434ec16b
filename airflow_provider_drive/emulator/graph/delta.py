"""Delta and search."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.pages import page
from airflow_provider_drive.emulator.graph.serializers import deleted_json, item_json
from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


def list_changes(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-delta: only for roots, except on personal drives."""
    drive = item.drive
    if item.parent is not None and not drive.is_personal:
        raise invalid_request("Delta is supported for the root only.", "notSupported")
    token = request.query.get("token", "")
    here = f"{tenant.next_link_base or request.base}{request.raw_path.partition('(')[0]}"
    link = {"@odata.deltaLink": f"{here}?token={drive.changes}"}
    if token == "latest":  # noqa: S105 - a word of Graph's, not a secret
        return Response(body={"value": []} | link)
    since = int(token) if token.isdigit() else 0
    if since < drive.oldest_token:
        headers = {"location": here}
        raise GraphError(410, "resyncChangesApplyDifferences", "Resync required.", headers=headers)
    changes = _changes_since(drive, item, since)
    return Response(body=page(tenant, request, changes, lambda serialize: serialize(request.base), **link))


def _changes_since(drive: Drive, folder: Item, since: int) -> list[Callable[[str], dict[str, Any]]]:
    """Return a function for each change, in order, that serializes it."""
    deleted = [(change, partial(_deletion, each)) for change, each in drive.deleted if change > since > 0]
    existing = [each for each in folder.walk() if each.change > since or since == 0]
    changes = [(each.change, partial(_change, each)) for each in existing]
    return [serialize for _, serialize in sorted([*deleted, *changes], key=lambda pair: pair[0])]


def _deletion(item: Item, _: str) -> dict[str, Any]:
    return deleted_json(item)


def _change(item: Item, base: str) -> dict[str, Any]:
    body = item_json(item, base)
    body["parentReference"].pop("path", None)
    return body


def search(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-search, by name only."""
    text = request.query.get("q", "").lower()
    found = [each for each in item.walk() if text in each.name.lower() and each is not item]
    return Response(body=page(tenant, request, found, lambda each: item_json(each, request.base)))
