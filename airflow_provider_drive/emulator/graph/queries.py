"""The system query options of OData: https://learn.microsoft.com/graph/query-parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import serializers
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.expressions import expansions, keep, names
from airflow_provider_drive.emulator.graph.lists import expanded_list_item
from airflow_provider_drive.emulator.graph.permissions import all_permissions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.items import Item

_FILTER = re.compile(
    r"\s*(?:name\s+eq\s+'((?:[^']|'')*)'|startswith\(\s*name\s*,\s*'((?:[^']|'')*)'\s*\))\s*"
)
# https://learn.microsoft.com/graph/api/driveitem-list-children; for work and school drives:
# https://learn.microsoft.com/onedrive/developer/rest-api/getting-started/release-notes
_ORDERS = {"personal": {"name", "size", "lastModifiedDateTime"}, "other": {"name"}}


def item_body(item: Item, request: Request, *, created: bool = False) -> dict[str, Any]:
    """
    Return a driveItem with the properties that ``$select`` and ``$expand`` name.

    SharePoint always sends ``@odata.etag`` (``pnp-shares-driveItem-select``), personal drives do not.
    Sizes are strings if the client asks for that (``pnp-patch-rename-file-200``).

    :param created: See :func:`.serializers.item_json`.
    """
    selected = names(request.query.get("$select", ""))
    body = _select_of_item(item, serializers.item_json(item, request, created=created), selected)
    if "size" in body and "IEEE754Compatible=true" in request.headers.get("accept", ""):
        body["size"] = str(body["size"])
    for name, options in expansions(request.query.get("$expand", "")):
        body |= _expand(item, request, name, options)
    return body if item.drive.is_personal else {"@odata.etag": item.etag, **body}


def _select_of_item(item: Item, body: dict[str, Any], selected: set[str]) -> dict[str, Any]:
    """Keep these properties. Unknown ones are allowed: msgraphfs selects ``driveId`` of an item."""
    if not selected:
        return body
    if "sharepointIds" in selected and not item.drive.is_personal:
        body["sharepointIds"] = serializers.sharepoint_ids(item)
    if {"content.downloadUrl", "@content.downloadUrl"} & selected:
        selected |= serializers.DOWNLOAD_URLS
    return {key: value for key, value in body.items() if key in selected}


def _expand(item: Item, request: Request, name: str, options: dict[str, str]) -> dict[str, Any]:
    """Return the property that ``$expand`` adds."""
    selected = options.get("select", "")
    if "expand" in options and name != "listItem":
        raise invalid_request(f"$expand in the expanded '{name}' is not supported.")
    match name:
        case "children":
            children = [item.children[key] for key in sorted(item.children)]
            bodies = [
                _select_of_item(child, serializers.item_json(child, request), names(selected))
                for child in children
            ]
            return {"children": bodies}
        case "permissions":
            return {"permissions": [keep(permission, selected) for permission in all_permissions(item)]}
        case "listItem":
            return {"listItem": expanded_list_item(item, selected, options.get("expand", ""))}
        case "thumbnails":
            return {"thumbnails": []}
    raise _unknown_property(name)


def _unknown_property(name: str) -> GraphError:
    message = f"Could not find a property named '{name}' on type 'microsoft.graph.driveItem'."
    return GraphError(400, "BadRequest", f"Parsing OData Select and Expand failed: {message}")


def sort_and_filter(item: Item, request: Request) -> list[Item]:
    """Return the children of a folder as ``$orderby`` and ``$filter`` ask; by default, all by name."""
    children = [item.children[key] for key in sorted(item.children)]  # a folder may have a hundred thousand
    if "$filter" in request.query:
        children = _filter(children, request.query["$filter"])
    return order(children, request.query.get("$orderby", ""), personal=item.drive.is_personal)


def _filter(children: Sequence[Item], text: str) -> list[Item]:
    found = _FILTER.fullmatch(text)
    if found is None:
        raise invalid_request("The $filter clause is not supported: children can be filtered by name only.")
    if found[1] is not None:
        name = found[1].replace("''", "'").casefold()
        return [child for child in children if child.name.casefold() == name]
    start = found[2].replace("''", "'").casefold()
    return [child for child in children if child.name.casefold().startswith(start)]


def order(children: list[Item], text: str, *, personal: bool) -> list[Item]:
    """Return items in the order that ``$orderby`` asks for."""
    name, _, direction = text.strip().partition(" ")
    if not name:
        return children
    known = _ORDERS["personal" if personal else "other"]
    if name not in known or direction not in {"", "asc", "desc"}:
        raise invalid_request(f"The $orderby clause '{text}' is not supported.")
    keys = {
        "name": lambda child: child.name.casefold(),
        "size": lambda child: child.size,
        "lastModifiedDateTime": lambda child: child.modified,
    }
    return sorted(children, key=keys[name], reverse=direction == "desc")
