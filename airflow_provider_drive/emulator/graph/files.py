"""Uploads and downloads."""

from __future__ import annotations

import datetime as dt
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
    is_unchanged,
    json_body,
)
from airflow_provider_drive.emulator.graph.serializers import (
    download_url,
    item_json,
    item_location,
    time_text,
)
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

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)  # msgraphfs leaves out the size
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))", re.ASCII)
UPLOAD_LIFETIME = dt.timedelta(days=7)
"""How long an upload session stays valid after its last fragment."""
_FRAGMENT_UNIT, _MAX_FRAGMENT = 320 << 10, 60 << 20
"""https://learn.microsoft.com/graph/api/driveitem-createuploadsession#upload-bytes-to-the-upload-session."""


def get_content(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-get-content: 302 to a URL that needs no token."""
    if item.is_folder:
        raise invalid_request("A folder has no content.")
    if "format" in request.query:
        # https://learn.microsoft.com/graph/api/driveitem-get-content-format: the emulator converts nothing
        raise GraphError(406, "notSupported", f"{item.name} cannot be converted.")
    if is_unchanged(request, item):
        return Response(304)
    return Response(302, None, {"location": download_url(item)})


def put_content(tenant: Tenant, request: Request, subject: Item | Missing) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-put-content: ``gnome-put-content-201``."""
    if not isinstance(subject, Missing):
        check_if_match(tenant, request, subject)
    folder, name = _folder_and_name(subject)
    upload = Upload(folder, name, conflict_behavior(request.query) or "replace", {}, tenant.now())
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
        tenant.now() + UPLOAD_LIFETIME,
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
        _check_is_folder(folder)
        folder = folder.child(step) or folder.drive.add(folder, step)
    _check_is_folder(folder)
    return folder, name


def _check_is_folder(item: Item) -> None:
    if not item.is_folder:
        raise invalid_request(f"{item.name} is a file, and cannot contain others.")


def _save(request: Request, upload: Upload, content: Content) -> Response:
    folder, name = upload.folder, upload.name
    if folder.drive.items.get(folder.id) is not folder:
        raise errors.not_found()
    folder.drive.check_quota(content.size)
    item = folder.child(name)
    if item is not None and upload.conflict == "rename":
        name, item = folder.free_name(name, is_folder=False), None
    if item is None:
        status, item = 201, folder.drive.add(folder, name, content)
    elif item.is_folder or upload.conflict == "fail":
        raise errors.name_taken()
    elif item.locked:  # since the upload session was created
        raise errors.locked()
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
    version = request.query.get("version", str(len(item.versions) + 1))
    number = int(version) if version.isascii() and version.isdigit() else 0
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
    first = found[1] or max(0, content.size - int(found[3]))  # or the last bytes
    start, end = int(first), min(int(found[2] or content.size), content.size - 1)
    if start > end:  # https://www.rfc-editor.org/rfc/rfc9110#status.416
        headers = {"content-range": f"bytes */{content.size}"}
        raise GraphError(416, "invalidRange", "The range is outside of the file.", headers=headers)
    piece = content.piece(start, end + 1)
    headers["content-range"] = f"bytes {start}-{end}/{content.size}"
    return Response(206, piece, headers | {"content-length": str(len(piece))})


def _handle_upload(tenant: Tenant, request: Request, key: str) -> Response:
    upload = tenant.uploads.get(key)
    if upload is None or upload.expires <= tenant.now():
        raise errors.not_found()
    _check_no_token(request, upload.folder.drive)
    match request.method:
        case "DELETE":
            del tenant.uploads[key]
            return Response(204)
        case "GET":
            return Response(200, _session_json(upload))
        case "PUT":
            _receive(upload, request)
            upload.expires = tenant.now() + UPLOAD_LIFETIME
            if upload.is_deferred or not upload.is_complete:
                return Response(202, _session_json(upload))
        case "POST":
            _check_is_commit(upload, request)
        case _:
            raise GraphError(405, "BadRequest", "The method is not supported for an upload session.")
    # a session whose file cannot be saved, because its name is taken, is kept, and can be committed later
    response = _save(request, upload, Content(bytes(upload.received)))
    del tenant.uploads[key]
    return response


def _check_is_commit(upload: Upload, request: Request) -> None:
    """Check that a POST has no content and that all bytes are there, if their number is known."""
    if request.body or (upload.size and not upload.is_complete) or not upload.received:
        raise invalid_request("The upload is not complete, and cannot be committed.")


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
    if is_known and upload.size not in {0, size}:
        raise invalid_request("The size of the file differs from that of the first fragment.")
    if end < size and length % _FRAGMENT_UNIT and size > _FRAGMENT_UNIT:
        raise invalid_request("The size of a fragment must be a multiple of 320 KiB.")
    upload.size = size if is_known else 0
    upload.received += request.body


def _session_json(upload: Upload) -> dict[str, Any]:
    ranges = [] if upload.is_complete else [f"{len(upload.received)}-"]
    expires = time_text(upload.expires, personal=upload.folder.drive.is_personal)
    return {"expirationDateTime": expires, "nextExpectedRanges": ranges}
