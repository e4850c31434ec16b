"""Uploads and downloads."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.addressing import Missing
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.requests import (
    check_if_match,
    conflict_behavior,
    file_system_info,
    json_body,
)
from airflow_provider_drive.emulator.graph.serializers import download_url, item_json, item_location
from airflow_provider_drive.emulator.graph.versions import version_content
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state import names
from airflow_provider_drive.emulator.state.content import Content
from airflow_provider_drive.emulator.state.drives import Upload

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")  # msgraphfs does not tell the size
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_FRAGMENT_UNIT, _MAX_FRAGMENT = 320 << 10, 60 << 20
"""https://learn.microsoft.com/graph/api/driveitem-createuploadsession#upload-bytes-to-the-upload-session."""


def get_content(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-get-content: 302 to a URL that needs no token."""
    if item.is_folder:
        raise invalid_request("A folder has no content.")
    if "format" in request.query:
        # https://learn.microsoft.com/graph/api/driveitem-get-content-format: the emulator converts nothing
        raise GraphError(406, "notSupported", f"{item.name} cannot be converted.")
    return Response(302, None, {"location": download_url(item)})


def put_content(tenant: Tenant, request: Request, subject: Item | Missing) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-put-content: ``gnome-put-content-201``."""
    if not isinstance(subject, Missing):
        check_if_match(tenant, request, subject)
    folder, name = _folder_and_name(subject)
    upload = Upload(folder, name, conflict_behavior(request.query) or "replace", {})
    return _save(request, upload, Content(request.body))


def create_upload_session(tenant: Tenant, request: Request, subject: Item | Missing) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-createuploadsession."""
    body = json_body(request)
    item = body.get("item") or {}
    if not isinstance(subject, Missing):
        check_if_match(tenant, request, subject)
    folder, name = _folder_and_name(subject)
    folder.drive.check_quota(int(item.get("fileSize") or 0))
    upload = Upload(
        folder,
        names.check_name(item.get("name") or name, folder.drive.drive_type),
        conflict_behavior(item) or "replace",
        file_system_info(item),
        description=item.get("description"),
        is_deferred=bool(body.get("deferCommit")),
    )
    key = secrets.token_urlsafe(24)
    tenant.uploads[key] = upload
    url = f"{tenant.file_base or tenant.file_url}/_file/upload/{key}"
    return Response(200, {"uploadUrl": url, **_session_json(upload)})


def _folder_and_name(subject: Item | Missing) -> tuple[Item, str]:
    """Return where to save a file. Missing folders are created."""
    if not isinstance(subject, Missing):
        if subject.parent is None or subject.is_folder:
            raise invalid_request("A folder has no content.")
        return subject.parent, subject.name
    folder = subject.folder
    *steps, name = [
        names.check_name(step, folder.drive.drive_type) for step in subject.path.split("/") if step
    ]
    for step in steps:
        folder = folder.child(step) or folder.drive.add(folder, step)
    return folder, name


def _save(request: Request, upload: Upload, content: Content) -> Response:
    folder, name = upload.folder, upload.name
    folder.drive.check_quota(content.size)
    item = folder.child(name)
    if item is not None and upload.conflict == "rename":
        name, item = folder.free_name(name, is_folder=False), None
    if item is None:
        status, item = 201, folder.drive.add(folder, name, content)
    elif item.is_folder or upload.conflict == "fail":
        raise errors.name_taken()
    else:
        status = 200
        item.drive.write(item, content)
    item.file_system_info = dict(upload.file_system_info)
    item.description = upload.description or item.description
    headers = {"etag": item.etag, "location": item_location(item)}
    return Response(status, item_json(item, request, created=True), headers)


# The URLs for content, which need no token: they are secrets themselves


def handle_file(tenant: Tenant, request: Request) -> Response:
    """Handle a request to the URL of a download or an upload session."""
    kind, _, rest = request.path.removeprefix("/_file/").partition("/")
    if kind == "upload":
        return _handle_upload(tenant, request, rest)
    drive_id, _, item_id = rest.partition("/")
    item = tenant.find_drive(drive_id).items.get(item_id)
    if item is None or item.content is None or item.guid.lower() not in request.query.get("tempauth", ""):
        raise errors.not_found()
    _check_no_token(request, item.drive)
    number = int(request.query.get("version", len(item.versions) + 1))
    return _download(version_content(item, number), request.headers.get("range", ""))


def _check_no_token(request: Request, drive: Drive) -> None:
    """
    Refuse a token on personal drives. Work and school drives ignore it.

    https://github.com/OneDrive/onedrive-api-docs/issues/1901 (downloads) and
    https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8249 (uploads)
    """
    if "authorization" in request.headers and drive.is_personal:
        raise GraphError(401, "unauthenticated", "Unauthenticated")


def _download(content: Content, byte_range: str) -> Response:
    headers = {"content-type": "application/octet-stream", "content-length": str(content.size)}
    found = _RANGE.fullmatch(byte_range)
    if found is None:
        return Response(200, content.blocks(), headers)
    start, end = int(found[1]), min(int(found[2] or content.size), content.size - 1)
    if start > end:  # https://www.rfc-editor.org/rfc/rfc9110#status.416
        headers = {"content-range": f"bytes */{content.size}"}
        raise GraphError(416, "invalidRange", "The range is outside of the file.", headers=headers)
    piece = b"".join(content.blocks())[start : end + 1]
    headers["content-range"] = f"bytes {start}-{end}/{content.size}"
    return Response(206, piece, headers | {"content-length": str(len(piece))})


def _handle_upload(tenant: Tenant, request: Request, key: str) -> Response:
    upload = tenant.uploads.get(key)
    if upload is None:
        raise errors.not_found()
    _check_no_token(request, upload.folder.drive)
    if request.method == "DELETE":
        del tenant.uploads[key]
        return Response(204)
    if request.method == "GET":
        return Response(200, _session_json(upload))
    is_commit = request.method == "POST" and not request.body
    if not is_commit:
        _receive(upload, request)
    is_complete = 0 < upload.size <= len(upload.received) and not upload.is_deferred
    if not is_commit and not is_complete:
        return Response(202, _session_json(upload))
    del tenant.uploads[key]
    return _save(request, upload, Content(bytes(upload.received)))


def _receive(upload: Upload, request: Request) -> None:
    """Append a fragment if it is the next one and has a valid size."""
    found = _CONTENT_RANGE.fullmatch(request.headers.get("content-range", ""))
    if found is None or int(found[1]) != len(upload.received):
        raise GraphError(416, "invalidRange", "The range is not the next one.", inner="fragmentOverlap")
    start, end = int(found[1]), int(found[2]) + 1
    is_known = found[3] != "*"
    size = int(found[3]) if is_known else end
    length = len(request.body)
    if end - start != length or length > _MAX_FRAGMENT or end > size:
        raise invalid_request("The fragment does not fit the range, or is too large.")
    if end < size and length % _FRAGMENT_UNIT and size > _FRAGMENT_UNIT:
        raise invalid_request("The size of a fragment must be a multiple of 320 KiB.")
    upload.size = size if is_known else 0
    upload.received += request.body


def _session_json(upload: Upload) -> dict[str, Any]:
    is_complete = 0 < upload.size <= len(upload.received)
    ranges = [] if is_complete else [f"{len(upload.received)}-"]
    return {"expirationDateTime": "2099-01-01T00:00:00Z", "nextExpectedRanges": ranges}
