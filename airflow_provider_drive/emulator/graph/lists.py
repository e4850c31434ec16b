"""SharePoint's side of a library: list items, columns, retention labels, check-out and check-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.expressions import expansions, keep, select
from airflow_provider_drive.emulator.graph.pages import page
from airflow_provider_drive.emulator.graph.requests import (
    check_if_match,
    check_not_locked,
    client_id,
    json_body,
)
from airflow_provider_drive.emulator.graph.serializers import sharepoint_ids, time_text, web_url
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.directory import guid

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


def get_list(_: Tenant, __: Request, drive: Drive) -> Response:
    """https://learn.microsoft.com/graph/api/list-get."""
    _check_has_list(drive)
    facet = {"template": "documentLibrary", "hidden": False, "contentTypesEnabled": False}
    body = {"id": guid(drive.id), "name": drive.name, "displayName": drive.name, "webUrl": drive.web_url}
    return Response(body={**body, "list": facet})


def list_columns(tenant: Tenant, request: Request, drive: Drive) -> Response:
    """https://learn.microsoft.com/graph/api/list-list-columns."""
    _check_has_list(drive)
    return Response(
        body=page(tenant, request, drive.columns, lambda name: select(request, _column_json(name)))
    )


def create_column(_: Tenant, request: Request, drive: Drive) -> Response:
    """https://learn.microsoft.com/graph/api/list-post-columns: every column is a text."""
    _check_has_list(drive)
    name = json_body(request).get("name")
    if not isinstance(name, str) or not name or name in drive.columns:
        raise invalid_request("The name of the column is missing, or taken.")
    drive.columns.append(name)
    return Response(201, _column_json(name))


def _column_json(name: str) -> dict[str, Any]:
    flags = {"readOnly": False, "required": False, "hidden": False}
    return {"id": guid(f"column {name}"), "name": name, "displayName": name, "text": {}, **flags}


def get_list_item(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/listitem-get: ``$expand=fields`` adds the columns."""
    query = request.query
    return Response(body=expanded_list_item(item, query.get("$select", ""), query.get("$expand", "")))


def expanded_list_item(item: Item, selected: str, expanded: str) -> dict[str, Any]:
    """Return a listItem as its ``$select`` and ``$expand`` ask."""
    body = keep(_list_item_json(item), selected)
    for name, options in expansions(expanded):
        if name != "fields" or "expand" in options:
            raise invalid_request(f"'{expanded}' of a list item is not supported.")
        body["fields"] = keep(_fields_json(item), options.get("select", ""))
    return body


def _list_item_json(item: Item) -> dict[str, Any]:
    """
    Return a listItem: https://learn.microsoft.com/graph/api/resources/listitem.

    :raises GraphError: If the drive is personal, or if the item is its root.
    """
    _check_has_list(item.drive)
    if item.parent is None:
        raise errors.not_found()
    content_type = (
        {"id": "0x0120", "name": "Folder"} if item.is_folder else {"id": "0x0101", "name": "Document"}
    )
    return {
        "id": str(list(item.drive.items).index(item.id)),
        "eTag": item.etag,
        "createdDateTime": time_text(item.created, personal=False),
        "lastModifiedDateTime": time_text(item.modified, personal=False),
        "webUrl": web_url(item),
        "contentType": content_type,
        "sharepointIds": sharepoint_ids(item),
    }


def get_fields(_: Tenant, request: Request, item: Item) -> Response:
    """Return the values of the columns."""
    _check_has_list(item.drive)
    return Response(body=select(request, _fields_json(item)))


def update_fields(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/listitem-update."""
    _check_has_list(item.drive)
    check_if_match(tenant, request, item)
    values = {name: value for name, value in json_body(request).items() if not name.startswith("@odata.")}
    for name in values.keys() - set(item.drive.columns):
        raise invalid_request(f"Field '{name}' is not recognized")
    if any(isinstance(value, dict | list) for value in values.values()):
        raise invalid_request("The columns of the emulator contain texts.")
    item.fields |= values
    item.metadata_version += 1
    item.drive.record_change(item)
    return Response(body=_fields_json(item))


def _fields_json(item: Item) -> dict[str, Any]:
    return {"@odata.etag": item.etag, "FileLeafRef": item.name, **item.fields}


def _check_has_list(drive: Drive) -> None:
    if drive.is_personal:
        raise invalid_request("Personal drives have no lists.", "notSupported")


# Retention labels


def get_retention_label(tenant: Tenant, _: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-getretentionlabel: empty if there is none."""
    _check_has_list(item.drive)
    return Response(body=_label_json(tenant, item))


def set_retention_label(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-setretentionlabel."""
    _check_has_list(item.drive)
    name = json_body(request).get("name")
    if name not in tenant.retention_labels:
        raise GraphError(404, "itemNotFound", f"The retention label '{name}' was not found.")
    item.retention_label = name
    item.metadata_version += 1
    return Response(body=_label_json(tenant, item))


def remove_retention_label(_: Tenant, __: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-removeretentionlabel."""
    _check_has_list(item.drive)
    item.retention_label = None
    return Response(204)


def _label_json(tenant: Tenant, item: Item) -> dict[str, Any]:
    if item.retention_label is None:
        return {}
    is_held = tenant.retention_labels.get(item.retention_label, False)
    settings = {
        "behaviorDuringRetentionPeriod": "retain" if is_held else "doNotRetain",
        "isDeleteAllowed": not is_held,
        "isRecordLocked": False,
        "isMetadataUpdateAllowed": True,
        "isContentUpdateAllowed": True,
        "isLabelUpdateAllowed": True,
    }
    return {"name": item.retention_label, "isLabelAppliedExplicitly": True, "retentionSettings": settings}


# Check-out and check-in


def check_out(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-checkout. Until it is checked in, others get 423."""
    _check_is_file(item)
    check_not_locked(tenant, request, item)
    if item.checked_out_by is None and item.content is not None:
        item.before_check_out = item.content, len(item.versions)
    item.checked_out_by = client_id(tenant, request)
    return Response(204)


def check_in(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-checkin."""
    _check_is_file(item)
    check_not_locked(tenant, request, item)
    if item.checked_out_by is None:
        raise invalid_request("The file is not checked out.")
    item.checked_out_by = None
    item.metadata_version += 1
    item.drive.record_change(item)
    return Response(204)


def discard_check_out(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-discardcheckout: what was written since is lost."""
    _check_is_file(item)
    check_not_locked(tenant, request, item)
    if item.checked_out_by is not None and item.before_check_out is not None:
        content, versions = item.before_check_out
        if item.content is not content:
            item.drive.write(item, content)
            del item.versions[versions:], item.version_times[versions:]
    item.checked_out_by = None
    return Response(204)


def _check_is_file(item: Item) -> None:
    _check_has_list(item.drive)
    if item.is_folder:
        raise invalid_request("Only files can be checked out and in.")
