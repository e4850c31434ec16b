"""The operations that the emulator supports, each with the options that it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.graph import (
    copies,
    delta,
    directory,
    files,
    items,
    lists,
    moves,
    permissions,
    subscriptions,
    versions,
)
from airflow_provider_drive.emulator.graph.addressing import Missing
from airflow_provider_drive.emulator.graph.options import ANY, Operation
from airflow_provider_drive.emulator.graph.requests import CONFLICT_BEHAVIOR, NAME_CONFLICT_BEHAVIOR
from airflow_provider_drive.emulator.state.directory import Owner, Site
from airflow_provider_drive.emulator.state.drives import Drive
from airflow_provider_drive.emulator.state.items import Item

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.graph.options import Properties


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _texts(text: str) -> Properties:
    return dict.fromkeys(text.split(), str)


_SHAPE = _names("$select $expand")
_LIST = _names("$select $top $skiptoken $count")
_CONFLICT = frozenset({CONFLICT_BEHAVIOR, NAME_CONFLICT_BEHAVIOR})
_CONFLICT_BODY: Properties = dict.fromkeys(_CONFLICT, str)
_IF_MATCH = _names("if-match")
# https://learn.microsoft.com/graph/api/resources/itemreference; only driveId, id and path are writable
_REFERENCE: Properties = {**_texts("driveId id path driveType name shareId siteId"), "sharepointIds": dict}
_COPY: Properties = {
    "parentReference": _REFERENCE,
    "name": str,
    "childrenOnly": bool,
    "includeAllVersionHistory": bool,
}
_UPDATE: Properties = {
    "parentReference": _REFERENCE,
    "fileSystemInfo": dict,
    **_texts("name description"),
    **_CONFLICT_BODY,
}
_FOLDER: Properties = {
    "folder": dict,
    "fileSystemInfo": dict,
    **_texts("name description"),
    **_CONFLICT_BODY,
}
_SESSION: Properties = {
    "item": {"fileSize": int, "fileSystemInfo": dict, **_texts("name description"), **_CONFLICT_BODY},
    "deferCommit": bool,
    CONFLICT_BEHAVIOR: str,  # an annotation that Graph ignores in this place; msgraphfs sends it
}
_ITEM = "drives('{drive}')/items{select}/$entity"  # gnome-put-content-201
_ITEMS = "Collection(driveItem)"  # https://learn.microsoft.com/graph/api/driveitem-delta
_CHILDREN = "drives('{drive}')/items('{item}')/children{select}"  # osf-root-metadata-children
_NEW_CHILD = f"{_CHILDREN}/$entity"  # gnome-create-folder-201
_LINK: Properties = {
    **_texts("type scope password expirationDateTime"),
    "retainInheritedPermissions": bool,
    # they concern mails, which are not sent
    "message": str,
    "recipients": list,
    "sendNotification": bool,
}
_INVITATION: Properties = {
    "recipients": list,
    "roles": list,
    "retainInheritedPermissions": bool,
    **_texts("message password expirationDateTime"),
    "requireSignIn": bool,
    "sendInvitation": bool,
}
_COLUMN: Properties = {**_texts("name displayName"), "text": {}}
_SUBSCRIPTION = _texts(
    "changeType notificationUrl resource expirationDateTime clientState latestSupportedTlsVersion"
)

_UPLOAD = Operation(files.put_content, _CONFLICT, None, _IF_MATCH, _ITEM)
_UPLOAD_SESSION = Operation(
    files.create_upload_session,
    body=_SESSION,
    headers=_names("if-match if-none-match"),
    context="microsoft.graph.uploadSession",
)
_SEARCH = Operation(delta.search, _SHAPE | _names("q $top $skiptoken $orderby"), context=_ITEMS)

OPERATIONS: dict[tuple[type, str, str], Operation] = {
    (Item, "GET", ""): Operation(items.get_item, _SHAPE, headers=_names("if-none-match"), context=_ITEM),
    (Item, "PATCH", ""): Operation(moves.update_item, _SHAPE | _CONFLICT, _UPDATE, _IF_MATCH, _ITEM),
    (Item, "DELETE", ""): Operation(items.delete_item, headers=_IF_MATCH),
    (Item, "GET", "children"): Operation(
        items.list_children, _LIST | _SHAPE | _names("$orderby $filter"), context=_CHILDREN
    ),
    (Item, "POST", "children"): Operation(items.create_folder, _SHAPE, _FOLDER, context=_NEW_CHILD),
    (Item, "POST", "copy"): Operation(copies.copy_item, _CONFLICT, _COPY),
    (Item, "POST", "permanentDelete"): Operation(items.permanently_delete_item, headers=_IF_MATCH),
    (Item, "POST", "restore"): Operation(
        items.restore_item, _SHAPE, {"parentReference": _REFERENCE, "name": str}, context=_ITEM
    ),
    (Item, "GET", "thumbnails"): Operation(items.list_thumbnails, _LIST),
    (Item, "GET", "versions"): Operation(versions.list_versions, _LIST),
    (Item, "GET", "versions/{id}"): Operation(versions.get_version),
    (Item, "GET", "versions/{id}/content"): Operation(versions.get_version_content),
    (Item, "POST", "versions/{id}/restoreVersion"): Operation(versions.restore_version),
    (Item, "GET", "permissions"): Operation(permissions.list_permissions, _LIST),
    (Item, "GET", "permissions/{id}"): Operation(permissions.get_permission, _names("$select")),
    (Item, "PATCH", "permissions/{id}"): Operation(permissions.update_permission, body={"roles": list}),
    (Item, "DELETE", "permissions/{id}"): Operation(permissions.delete_permission, headers=_IF_MATCH),
    (Item, "POST", "invite"): Operation(permissions.invite, body=_INVITATION),
    (Item, "POST", "createLink"): Operation(permissions.create_link, body=_LINK),
    (Item, "POST", "checkout"): Operation(lists.check_out),
    (Item, "POST", "checkin"): Operation(lists.check_in, body=_texts("comment checkInAs")),
    (Item, "POST", "discardCheckout"): Operation(lists.discard_check_out),
    (Item, "GET", "listItem"): Operation(lists.get_list_item, _SHAPE),
    (Item, "GET", "listItem/fields"): Operation(lists.get_fields, _names("$select")),
    (Item, "PATCH", "listItem/fields"): Operation(lists.update_fields, body=ANY, headers=_IF_MATCH),
    (Item, "GET", "retentionLabel"): Operation(lists.get_retention_label),
    (Item, "PATCH", "retentionLabel"): Operation(lists.set_retention_label, body=_texts("name")),
    (Item, "DELETE", "retentionLabel"): Operation(lists.remove_retention_label),
    (Item, "GET", "delta"): Operation(
        delta.list_changes,
        _SHAPE | _names("token $top $skiptoken"),
        headers=_names("deltaexcludeparent"),
        context=_ITEMS,
    ),
    (Item, "GET", "search"): _SEARCH,
    (Item, "GET", "content"): Operation(
        files.get_content, _names("format"), headers=_names("range if-none-match")
    ),
    (Item, "PUT", "content"): _UPLOAD,
    (Item, "POST", "createUploadSession"): _UPLOAD_SESSION,
    (Missing, "PUT", "content"): _UPLOAD,
    (Missing, "POST", "createUploadSession"): _UPLOAD_SESSION,
    (Drive, "GET", ""): Operation(directory.get_drive, _names("$select"), context="drives{select}/$entity"),
    (Drive, "GET", "search"): _SEARCH,
    (Drive, "GET", "list"): Operation(lists.get_list),
    (Drive, "GET", "list/columns"): Operation(lists.list_columns, _LIST),
    (Drive, "POST", "list/columns"): Operation(lists.create_column, body=_COLUMN),
    (Site, "GET", ""): Operation(directory.get_site, _names("$select"), context="sites{select}/$entity"),
    (Site, "GET", "drives"): Operation(directory.list_site_drives, _LIST, context="drives{select}"),
    (Owner, "GET", ""): Operation(directory.get_owner, _names("$select"), context="users{select}/$entity"),
    (Owner, "GET", "drives"): Operation(directory.list_owner_drives, _LIST, context="drives{select}"),
    (type(None), "GET", "subscriptions"): Operation(subscriptions.list_subscriptions, _LIST),
    (type(None), "POST", "subscriptions"): Operation(subscriptions.create_subscription, body=_SUBSCRIPTION),
    (type(None), "GET", "subscriptions/{id}"): Operation(subscriptions.get_subscription),
    (type(None), "PATCH", "subscriptions/{id}"): Operation(
        subscriptions.renew_subscription, body=_texts("expirationDateTime")
    ),
    (type(None), "DELETE", "subscriptions/{id}"): Operation(subscriptions.delete_subscription),
    (type(None), "GET", "sites"): Operation(
        directory.search_sites, _LIST | _names("$search"), context="sites{select}"
    ),
}
