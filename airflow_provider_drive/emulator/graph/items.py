"""What can be done with an item: get, list, make folders, copy, move, delete."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_drive.emulator.graph import copies, errors
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.serializers import item_json, sharepoint_ids
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state import names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.drives import Item
    from airflow_provider_drive.emulator.state.jobs import Job
    from airflow_provider_drive.emulator.state.tenant import Tenant

_T = TypeVar("_T")
CONFLICT_BEHAVIOR = "@microsoft.graph.conflictBehavior"


def get_item(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-get."""
    if item.hidden_reads > 0:
        item.hidden_reads -= 1
        raise errors.not_found()
    if request.headers.get("if-none-match") == item.etag:
        return Response(304)
    body = select_fields(item, request, item_json(item, request.base))
    _drift(item)
    return Response(200, body, {"etag": item.etag})


def _drift(item: Item) -> None:
    if item.drifts is None:
        return
    item.drifts = max(0, item.drifts - 1)
    if item.drifts == 0:
        item.metadata_version += 1
        item.drifts = 0 if item.drifts_on else None


def select_fields(item: Item, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """
    Leave what ``$select`` names.

    SharePoint sends ``@odata.etag`` all the same (``pnp-shares-driveItem-select``), personal drives do not.
    Sizes are strings for clients which say so (``pnp-patch-rename-file-200``).
    """
    if "IEEE754Compatible=true" in request.headers.get("accept", ""):
        body["size"] = str(body["size"])
    if "$select" in request.query:
        wanted = {field.strip() for field in request.query["$select"].split(",")}
        if "sharepointIds" in wanted and not item.drive.is_personal:
            body["sharepointIds"] = sharepoint_ids(item)
        body = {key: value for key, value in body.items() if key in wanted}
    return body if item.drive.is_personal else {"@odata.etag": item.etag, **body}


def list_children(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-list-children."""
    by_name = [item.children[key] for key in sorted(item.children)]  # a folder may hold a hundred thousand
    visible = [child for child in by_name if child.hidden_reads == 0]
    return Response(
        body=page(
            tenant, request, visible, lambda each: select_fields(each, request, item_json(each, request.base))
        )
    )


def page(
    tenant: Tenant,
    request: Request,
    entries: Sequence[_T],
    write: Callable[[_T], dict[str, Any]],
    **last: Any,
) -> dict[str, Any]:
    """
    Give one page, as long as ``$top`` says if the service makes such long ones, and the link to the next.

    :param write: Writes an entry of the page.
    :param last: What the last page says besides.
    """
    wanted = request.query.get("$top", "")
    size = min(int(wanted), tenant.longest_page) if wanted.isdigit() and int(wanted) else tenant.page_size
    start = _offset(request.query.get("$skiptoken") or request.query.get("$skipToken") or "")
    body: dict[str, Any] = {"value": [write(entry) for entry in entries[start : start + size]]}
    if start + size >= len(entries):
        return body | last
    keep = "&".join(part for part in request.raw_query.split("&") if part and "skiptoken" not in part.lower())
    token = base64.urlsafe_b64encode(f"Paged=TRUE&p={start + size}".encode()).decode()
    query = f"{keep}&$skiptoken={token}" if keep else f"$skiptoken={token}"
    base = tenant.next_link_base or request.base
    return {"@odata.nextLink": f"{base}{request.raw_path}?{query}", **body}


def _offset(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token).decode().rpartition("=")[2] or 0)
    except ValueError:
        raise invalid_request("The skip token is invalid.") from None


def create_folder(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-post-children: conflictBehavior is in the body here."""
    body = request.json()
    if not item.is_folder or "folder" not in body:
        raise invalid_request("The parent must be a folder, and only folders can be made like this.")
    name = names.check_name(body.get("name"), item.drive.drive_type)
    conflict, taken = body.get(CONFLICT_BEHAVIOR, "fail"), item.child(name)
    if taken is not None and conflict == "replace" and taken.is_folder:
        # https://github.com/OneDrive/onedrive-api-docs/issues/1702
        return Response(200, item_json(taken, request.base, created=True))
    if taken is not None and conflict == "rename":
        name = item.free_name(name, is_folder=True)
    elif taken is not None:
        raise errors.name_taken()
    folder = item.drive.add(item, name)
    folder.file_system_info = dict(body.get("fileSystemInfo") or {})
    tenant.fresh_folders[folder.id] = tenant.fresh_folder_404
    return _created(folder, request, empty=tenant.empty_created)


def _created(item: Item, request: Request, *, empty: bool = False) -> Response:
    location = f"{request.base}/_api/v2.0/drives('{item.drive.id}')/items('{item.id}')"
    body = b"" if empty else {"@odata.etag": item.etag, **item_json(item, request.base, created=True)}
    return Response(201, body, {"location": location, "etag": item.etag})


def copy_item(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-copy: the conflictBehavior is in the query here."""
    return accepted_response(
        tenant, copies.submit_copy(tenant, item, request.json(), request.query.get(CONFLICT_BEHAVIOR))
    )


def accepted_response(tenant: Tenant, job: Job) -> Response:
    """202, no body, and usually a Location: ``gnome-copy-202-personal``."""
    location = job.location(tenant.monitor_base or tenant.base_url)
    headers = {"cache-control": "no-store, no-cache"}
    return Response(202, None, headers | ({"location": location} if location is not None else {}))


def delete_item(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-delete, ``gnome-delete-204``."""
    if request.prefers("bypass-shared-lock"):
        item.locked = False
    check_if_match(tenant, request, item)
    if item.parent is None:
        raise invalid_request("Cannot delete the root folder.")
    item.drive.remove(item)
    return Response(204)


def permanently_delete(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-permanentdelete; 405 on personal drives."""
    if item.drive.is_personal:
        raise GraphError(405, "notAllowed", "The operation is not supported for this drive.")
    response = delete_item(tenant, request, item)
    item.drive.recycle_bin.remove(item)
    return response


def check_if_match(tenant: Tenant, request: Request, item: Item) -> None:
    """``If-Match`` takes an eTag or a cTag: https://learn.microsoft.com/graph/api/driveitem-move."""
    if item.locked:
        raise errors.locked()
    wanted = request.headers.get("if-match")
    if wanted is None or wanted in {"*", item.etag, item.ctag}:
        return
    if item.drive.is_personal:
        raise errors.etag_mismatch_personal()
    if not (wanted.startswith('"') and wanted.endswith('"')):
        raise invalid_request("The entity tag is not a quoted string.", "malformedEntityTag")
    raise errors.etag_mismatch(tenant.stale_status)


def create_link(tenant: Tenant, _: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-createlink."""
    return Response(201, {"id": item.guid, "link": {"type": "view", "webUrl": tenant.share(item)}})
