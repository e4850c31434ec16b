"""Drives, items, sites and jobs in JSON. Their form is that of the recorded responses."""

from __future__ import annotations

import datetime as dt
import mimetypes
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_drive.emulator.graph.errors import from_state
from airflow_provider_drive.emulator.state import directory
from airflow_provider_drive.emulator.state.errors import StateError

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.directory import Owner, Site
    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.jobs import Job

_SAFE = "!$&'()*+,;=:@"
DOWNLOAD_URLS = {"@microsoft.graph.downloadUrl", "@content.downloadUrl"}
_NULL_DATE = "0001-01-01T00:00:00Z"  # doc-monitor-completed-v21


def time_text(moment: dt.datetime, *, personal: bool) -> str:
    """Return the time in seconds, or in milliseconds for personal drives: ``gnome-create-folder-201``."""
    text = moment.astimezone(dt.UTC).isoformat(timespec="milliseconds" if personal else "seconds")
    return text.replace("+00:00", "Z")


def web_url(item: Item) -> str:
    """Return the URL in a browser. Office files open in an editor: ``pnp-patch-rename-file-200``."""
    drive = item.drive
    if drive.is_personal:
        return f"https://1drv.ms/{'f' if item.is_folder else 'u'}/s!{item.guid.replace('-', '')[:19]}"
    if item.is_office and drive.site is not None:
        document = f"sourcedoc=%7B{item.guid}%7D&file={quote(item.name)}"
        return f"{drive.site.web_url}/_layouts/15/Doc.aspx?{document}&action=default&mobileredirect=true"
    return "/".join(
        [drive.web_url, *(quote(step, safe=_SAFE) for step in filter(None, item.path.split("/")))]
    )


def item_json(item: Item, request: Request, *, created: bool = False) -> dict[str, Any]:
    """
    Return a driveItem.

    Recordings: ``pnp-patch-rename-file-200``, ``op-create-folder-201-etag1``, ``gnome-put-content-201``.

    :param created: Whether this is the response to a POST or PATCH. There, folders of work and school drives
        have a cTag.
    """
    drive = item.drive
    author = {"application": {"displayName": "Emulator", "id": directory.guid("application")}, **drive.owner}
    body: dict[str, Any] = {
        "createdDateTime": time_text(item.created, personal=drive.is_personal),
        "eTag": item.etag,
        "id": item.id,
        "lastModifiedDateTime": time_text(item.modified, personal=drive.is_personal),
        "name": item.name,
        "size": item.size,
        "webUrl": web_url(item),
        "createdBy": author,
        "lastModifiedBy": author,
        "parentReference": reference_json(item),
        "fileSystemInfo": _file_system_info(item),
    }
    if not item.is_folder or drive.is_personal or created:  # "not returned for folders": resources/driveitem
        body["cTag"] = item.ctag
    if drive.site is not None and not (item.is_folder and not created):
        body["shared"] = {"scope": "users"}  # pnp-patch-rename-file-200: the members of the site
    if item.description is not None:
        body["description"] = item.description
    return body | _kind(item, request) | item.facets


def reference_json(item: Item) -> dict[str, Any]:
    """Return a parentReference: https://learn.microsoft.com/graph/api/resources/itemreference."""
    drive, parent = item.drive, item.parent
    body: dict[str, Any] = {"driveId": drive.id, "driveType": drive.drive_type}
    if drive.site is not None:
        body["siteId"] = drive.site.collection
    if parent is None:
        return body
    root = "/drive/root:" if drive.is_personal else f"/drives/{drive.id}/root:"
    path = "".join(f"/{quote(step, safe=_SAFE)}" for step in filter(None, parent.path.split("/")))
    return {**body, "id": parent.id, "name": parent.name, "path": root + path}


def drive_json(drive: Drive) -> dict[str, Any]:
    """Return a drive: ``gnome-me-drives-personal``, ``pnp-batch-drives``."""
    used = drive.used
    quota = {
        "deleted": 0,
        "remaining": drive.total - used,
        "state": "normal",
        "total": drive.total,
        "used": used,
    }
    body = {"id": drive.id, "driveType": drive.drive_type, "owner": drive.owner, "quota": quota}
    if drive.is_personal:
        return {**body, "quota": {**quota, "storagePlanInformation": {"upgradeAvailable": True}}}
    root = drive.root
    times = {"createdDateTime": root.created, "lastModifiedDateTime": drive.modified}
    author = {"user": {"displayName": "System Account"}}
    return {
        **body,
        **{name: time_text(moment, personal=False) for name, moment in times.items()},
        "name": drive.name,
        "webUrl": drive.web_url,
        "description": "",
        "createdBy": author,
        "lastModifiedBy": author,
    }


def site_json(site: Site) -> dict[str, Any]:
    """Return a site: https://learn.microsoft.com/graph/api/site-get."""
    where = {
        "id": site.id,
        "name": site.path.rpartition("/")[2],
        "displayName": site.name,
        "webUrl": site.web_url,
    }
    collection = {"siteCollection": {"hostname": directory.HOST}}
    return where | collection | ({"root": {}} if not site.path else {})


def owner_json(owner: Owner) -> dict[str, Any]:
    """Return a user or a group."""
    key = "userPrincipalName" if owner.kind == "user" else "mail"
    return {"id": owner.id, "displayName": owner.name, key: owner.address}


def sharepoint_ids(item: Item) -> dict[str, Any]:
    """Return the ids that are sent only if ``$select`` names them: ``pnp-shares-driveItem-select``."""
    site = item.drive.site
    ids = {"listId": directory.guid(item.drive.id), "listItemUniqueId": item.guid.lower()}
    return ids | ({"siteId": site.collection, "siteUrl": site.web_url, "webId": site.web} if site else {})


def deleted_json(item: Item) -> dict[str, Any]:
    """https://learn.microsoft.com/graph/api/driveitem-delta: no cTag, no path; on work drives no name."""
    kind: dict[str, Any] = {"folder": {}} if item.is_folder else {"file": {}}
    name = {"name": item.name} if item.drive.is_personal else {}
    return {
        "id": item.id,
        "deleted": {"state": "deleted"},
        "parentReference": {"driveId": item.drive.id},
        **name,
        **kind,
    }


def item_location(item: Item) -> str:
    """Return the ``Location`` of a new item, which is on SharePoint: ``op-create-folder-201-etag1``."""
    return f"{item.drive.tenant.file_url}/_api/v2.0/drives('{item.drive.id}')/items('{item.id}')"


def download_url(item: Item) -> str:
    """Return the URL of a file's content. It needs no token."""
    tenant = item.drive.tenant
    secret = f"tempauth=v1.{item.guid.lower()}.{item.content_version}"
    return f"{tenant.file_base or tenant.file_url}/_file/download/{item.drive.id}/{item.id}?{secret}"


def _kind(item: Item, request: Request) -> dict[str, Any]:
    if {"package", "remoteItem"} & item.facets.keys():  # neither a file nor a folder: resources/driveitem
        return {}
    if item.parent is None:
        return {"root": {}, "folder": {"childCount": len(item.children)}}
    if item.is_folder:
        return {"folder": {"childCount": len(item.children)}}
    mime = mimetypes.guess_type(item.name)[0] or "application/octet-stream"
    file: dict[str, Any] = {"mimeType": mime} | ({"hashes": item.hashes} if item.hashes else {})
    key = "@content.downloadUrl" if request.is_to_sharepoint else "@microsoft.graph.downloadUrl"
    return {key: download_url(item), "file": file}


def _file_system_info(item: Item) -> dict[str, str]:
    times = {"createdDateTime": item.created, "lastModifiedDateTime": item.modified} | item.file_system_info
    return {name: time_text(moment, personal=item.drive.is_personal) for name, moment in times.items()}


def job_json(job: Job) -> dict[str, Any]:
    """Return the body of a monitor's response."""
    behaviour = job.behaviour
    if job.is_running:
        word = behaviour.words[min(job.looks, len(behaviour.words)) - 1]
        return {"operation": "ItemCopy", **_percentages(job, job.percentage), "status": word}
    body = _completed_json(job) if job.state == "completed" else _failed_json(job)
    return body | ({"status": behaviour.final} if behaviour.final else {})


def _completed_json(job: Job) -> dict[str, Any]:
    body: dict[str, Any] = {**_job_dates(job), **_percentages(job, 100.0)}
    if job.behaviour.resource_id and job.resource is not None:
        body["resourceId"] = job.resource.id
        if job.url_form == "operations":  # doc-monitor-completed-v21
            path = f"_api/v2.0/drives/{job.drive.id}/items/{job.resource.id}"
            body["resourceLocation"] = f"{job.drive.web_url.rpartition('/')[0]}/{path}"
    return {**body, "status": "completed"}


def _failed_json(job: Job) -> dict[str, Any]:
    failure = _failure_json(job.failure)
    personal = {  # https://github.com/OneDrive/onedrive-api-docs/issues/666
        "operation": "ItemCopy",
        "percentageComplete": 0,
        "statusDescription": f"Completed 0/{job.total} files; 0/{job.source.size} bytes",
    }
    head = personal if failure == {} else _job_dates(job)
    return {**head, "status": "failed", **failure}


def _failure_json(failure: str | dict[str, Any] | StateError | None) -> dict[str, Any]:
    """Return the fields that describe a failure, in one of the observed forms."""
    if isinstance(failure, dict):
        return failure
    if isinstance(failure, StateError):
        return {"error": _job_error(failure)}
    detail = {"code": "nameAlreadyExists", "message": "Name already exists"}
    forms: dict[str | None, dict[str, Any]] = {
        "code": {"error": detail},  # doc-monitor-failed-nameAlreadyExists
        # example 5 of https://learn.microsoft.com/graph/api/driveitem-copy
        "details": {"error": {"message": "Errors occurred during copy/move operation.", "details": [detail]}},
        # what rclone's waitForJob reads
        "errorCode": {"errorCode": "AccessDenied_SharingLinkDisabled"},
        "nothing": {},
    }
    # any other code as in iss-monitor-failed-generalException
    return forms.get(failure, {"error": {"code": failure, "message": "General exception while processing"}})


def _job_error(error: StateError) -> dict[str, Any]:
    """``doc-monitor-failed-nameAlreadyExists``; example 5 of driveitem-copy has details instead of a code."""
    reason = from_state(error)
    if reason.details:
        return {"message": reason.message, "details": reason.details}
    return {"code": reason.code, "message": reason.message}


def _job_dates(job: Job) -> dict[str, Any]:
    if job.url_form == "personal":
        return {"operation": "ItemCopy"}
    dates = {"id": job.id, "createdDateTime": _NULL_DATE, "lastActionDateTime": _NULL_DATE}
    if job.url_form != "operations":
        return dates
    site, drive_id = job.drive.web_url.rpartition("/")[0], quote(job.drive.id, safe="")
    context = f"{site}/_api/v2.1/$metadata#drives('{drive_id}')/operations/$entity"
    return {"@odata.context": context, **dates}  # doc-monitor-completed-v21


def _percentages(job: Job, value: float) -> dict[str, float]:
    key = job.behaviour.percent_key
    if key == "both":
        return {"percentageComplete": value, "percentComplete": value}
    return {} if key is None else {key: value}
