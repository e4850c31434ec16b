"""What changed in a drive, and what is in it: delta and search."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.items import page
from airflow_provider_drive.emulator.graph.serializers import deleted_json, item_json
from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.drives import Drive, Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


def list_changes(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-delta: the root only, but for personal drives."""
    drive = item.drive
    if item.parent is not None and not drive.is_personal:
        raise invalid_request("Delta is supported for the root only.", "notSupported")
    token = request.query.get("token", "")
    here = f"{tenant.next_link_base or request.base}{request.raw_path.partition('(')[0]}"
    link = {"@odata.deltaLink": f"{here}?token={drive.changes}"}
    if token == "latest":  # noqa: S105 - Graph's word, not a secret
        return Response(body={"value": []} | link)
    since = int(token) if token.isdigit() else 0
    if since < drive.oldest_token:
        restart = GraphError(
            410, "resyncChangesApplyDifferences", "Resync required.", headers={"location": here}
        )
        raise restart
    changes = _changes_since(drive, item, since)
    return Response(body=page(tenant, request, changes, lambda write: write(request.base), **link))


def _changes_since(drive: Drive, folder: Item, since: int) -> list[Callable[[str], dict[str, Any]]]:
    """Give what writes each change, in their order."""
    gone = [(change, partial(_write_gone, each)) for change, each in drive.deleted if change > since > 0]
    left = [each for each in folder.walk() if each.change > since or since == 0]
    changes = [(each.change, partial(_write_change, each)) for each in left]
    return [write for _, write in sorted([*gone, *changes], key=lambda pair: pair[0])]


def _write_gone(item: Item, _: str) -> dict[str, Any]:
    return deleted_json(item)


def _write_change(item: Item, base: str) -> dict[str, Any]:
    return _without_path(item_json(item, base))


def _without_path(body: dict[str, Any]) -> dict[str, Any]:
    body["parentReference"].pop("path", None)
    return body


def search(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-search, by name only."""
    text = request.query.get("q", "").lower()
    found = [each for each in item.walk() if text in each.name.lower() and each is not item]
    return Response(body=page(tenant, request, found, lambda each: item_json(each, request.base)))
