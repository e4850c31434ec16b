"""
A driveItem: what Graph reports of it, and the requests that read, make, move and delete one.

https://learn.microsoft.com/graph/api/resources/driveitem
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError, DriveResponseError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.wire.addresses import (
    ItemRef,
    PathAddress,
    is_id,
    same_drive,
    same_item,
)
from airflow_provider_drive.protocol.wire.content import STRONGEST_FIRST, may_rewrite
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.labels import read_label
from airflow_provider_drive.protocol.wire.names import is_encodable

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Response
    from airflow_provider_drive.protocol.wire.addresses import Address

CONFLICT_BEHAVIORS = ("fail", "replace", "rename")
"""Graph's own."""
SKIP = "skip"
"""Ours, for copies: what is there already, with the same content, counts as done."""
_LONG_PAGE = 1_000
_LEAN = (
    "id,name,size,eTag,file,folder,package,root,remoteItem,parentReference,createdDateTime,"
    "lastModifiedDateTime,pendingOperations"
)
_DOWNLOAD_URLS = ("@microsoft.graph.downloadUrl", "@content.downloadUrl")
_FACETS = ("package", "folder", "file")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DriveItem:
    """
    What is known of an item. Whatever Graph may leave out is None here.

    :param read_at: When it was read, by the service's clock.
    :param is_pending: Whether its content is still being written:
        https://learn.microsoft.com/graph/api/resources/pendingoperations
    :param raw: Graph's own JSON, without its annotations: some are links that open the content.
    """

    ref: ItemRef
    name: str | None = None
    parent_id: str | None = None
    drive_type: str | None = None
    kind: str | None = None
    size: int | None = None
    etag: str | None = None
    ctag: str | None = None
    hashes: Mapping[str, str] = field(default_factory=lambda: _NOTHING, repr=False)
    child_count: int | None = None
    web_url: str | None = None
    created: float | None = None
    modified: float | None = None
    read_at: float | None = None
    is_root: bool = False
    is_pending: bool = False
    remote: ItemRef | None = None
    raw: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, repr=False)

    def __str__(self) -> str:
        if "/" in self.ref.label:
            return repr(self.ref.label)
        return f"{self.name or 'item'!r} (id {self.ref.item_id})"

    @property
    def folder(self) -> ItemRef | None:
        """The folder that it is in, if that is known."""
        above = self.ref.label.rpartition("/")[0]
        label = above or "/" if self.ref.label.startswith("/") else above
        return ItemRef(self.ref.drive_id, self.parent_id, label) if self.parent_id else None

    @property
    def is_folder(self) -> bool:
        """Whether it can hold items."""
        return self.kind == "folder" or self.is_root

    @property
    def is_personal(self) -> bool:
        """Whether it is in OneDrive personal, which ignores conflict behaviours."""
        return self.drive_type == "personal" or (self.drive_type is None and self.ref.is_personal)

    @property
    def may_be_rewritten(self) -> bool:
        """Whether the service may change its bytes: it writes properties into Office files and photos."""
        return may_rewrite(self.name)

    def is_in(self, folder: ItemRef) -> bool:
        """Whether it is in that folder itself, not further below."""
        return self.parent_id is not None and same_item(ItemRef(self.ref.drive_id, self.parent_id), folder)

    @property
    def quick_xor_hash(self) -> str | None:
        """The hash that every drive reports, though not of every file."""
        return self.hashes.get("quickXorHash")

    @property
    def is_container(self) -> bool:
        """Whether it has items below it: a folder, or a package such as a OneNote notebook."""
        return self.is_folder or self.kind == "package"

    @property
    def content(self) -> tuple[int | None, str | None]:
        """What tells one content from another, as far as Graph says."""
        return self.size, self.quick_xor_hash

    @property
    def bare(self) -> DriveItem:
        """The item without Graph's own JSON, which takes most of the memory."""
        return replace(self, raw=_NOTHING) if self.raw else self


def read_item(
    value: Any, drive_id: str | None = None, read_at: float | None = None, *, bare: bool = False
) -> DriveItem:
    """
    Read a driveItem.

    :param drive_id: The id by which the drive was asked. It is kept if the answer means the same drive.
    :param read_at: When, by the service's clock.
    :param bare: Leave out Graph's own JSON: this is one of very many.
    :raises DriveResponseError: If it is none.
    """
    if not isinstance(value, Mapping):
        raise DriveResponseError("the answer is no driveItem: it is not an object")
    parent = _mapping(value.get("parentReference"))
    told = _text(parent.get("driveId")) or drive_id
    is_asked = told and drive_id and same_drive(told, drive_id)
    drive_id = drive_id if is_asked else told  # answers change its case, and drop its leading zero
    item_id = _text(value.get("id"))
    for key, given in (("driveId", drive_id), ("id", item_id)):
        if not is_id(given):
            raise DriveResponseError(f"the answer is no driveItem: it has no {key} that can be used")
    name = _text(value.get("name"))
    is_one_of_many = bare and "folder" not in value
    return DriveItem(
        ref=ItemRef(str(drive_id), str(item_id), (name or "") if is_one_of_many else read_label(value)),
        name=name,
        parent_id=_text(parent.get("id")),
        drive_type=_text(parent.get("driveType")),
        kind=next((facet for facet in _FACETS if isinstance(value.get(facet), Mapping)), None),
        size=read_size(value.get("size")),
        etag=_text(value.get("eTag")) or _text(value.get("@odata.etag")),
        ctag=_text(value.get("cTag")),
        hashes=_hashes(value),
        child_count=read_size(_mapping(value.get("folder")).get("childCount")),
        web_url=_text(value.get("webUrl")),
        created=read_time(value.get("createdDateTime")),
        modified=read_time(value.get("lastModifiedDateTime")),
        read_at=read_at,
        is_root=isinstance(value.get("root"), Mapping),
        is_pending=bool(value.get("pendingOperations")),
        remote=_remote(value.get("remoteItem")),
        raw=_NOTHING if bare else without_annotations(value),
    )


def item_reader(request: Request, drive_id: str | None = None) -> Callable[[Response], DriveItem]:
    """Return a reader of answers that are a driveItem, or a refusal."""

    def read(response: Response) -> DriveItem:
        if not response.ok:
            raise error_from_response(response, request.action, request.trace)
        return read_item(response.mapping(), drive_id, response.date)

    return read


def without_annotations(value: Any) -> Any:
    """Return JSON without annotations: ``@microsoft.graph.downloadUrl`` opens the content to anyone."""
    if isinstance(value, Mapping):
        return {
            key: without_annotations(entry)
            for key, entry in value.items()
            if isinstance(key, str) and (not key.startswith("@") or key == "@odata.etag")
        }
    return [without_annotations(entry) for entry in value] if isinstance(value, list) else value


def download_url(value: Mapping[str, Any]) -> str | None:
    """Return the download URL that Graph gave with an item, a secret; None if it gave none."""
    return next((_text(value[name]) for name in _DOWNLOAD_URLS if name in value), None)


def read_size(value: Any) -> int | None:
    """Read a count of bytes or items, which some answers give as text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def read_time(value: Any) -> float | None:
    """Read a time as seconds since the epoch; the null date ``0001-01-01T00:00:00Z`` is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.timestamp() if moment.year > 1970 else None


def print_time(seconds: float) -> str:
    """Return a time as Graph writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def get_item_request(address: Address) -> Request:
    """https://learn.microsoft.com/graph/api/driveitem-get."""
    return Request("GET", address.url, f"read {address}")


def child(folder: ItemRef, name: str) -> PathAddress:
    """Return the address of what a folder holds under a name."""
    return PathAddress(f"drives/{folder.drive_id}", f"items/{folder.item_id}", (name,), folder.label)


def children_request(
    folder: ItemRef | PathAddress, *, lean: bool = False, with_urls: bool = False
) -> Request:
    """
    https://learn.microsoft.com/graph/api/driveitem-list-children.

    :param folder: By its path, the first page only: the next one was seen to be the root's.
    :param lean: Only what tells one item from another, on pages as long as the service likes to make them.
    :param with_urls: Their cTags and download URLs as well, which are secrets.
    """
    more = ",cTag,@microsoft.graph.downloadUrl" if with_urls else ""
    query = f"?$top={_LONG_PAGE}&$select={_LEAN}{more}" if lean else ""
    return Request("GET", f"{folder.url}/children{query}", f"list {folder}")


def create_folder_request(parent: ItemRef, name: str) -> Request:
    """
    https://learn.microsoft.com/graph/api/driveitem-post-children.

    The conflict behaviour is in the body here, and in the query for a copy. Since it is ``fail``, a second
    request makes no second folder.
    """
    body = {"name": name, "folder": {}, "@microsoft.graph.conflictBehavior": "fail"}
    action = f"make the folder {name!r} in {parent}"
    return Request("POST", f"{parent.url}/children", action, json=body, idempotent=True)


def move_request(
    item: ItemRef, *, parent: ItemRef | None, name: str | None, if_match: str, conflict_behavior: str = "fail"
) -> Request:
    """
    https://learn.microsoft.com/graph/api/driveitem-move.

    The tag goes back byte for byte, with the quotes inside it. ``replace`` and ``rename`` are not on that
    page; services that know them here take them from the query, as for a copy.
    """
    query = "" if conflict_behavior == "fail" else f"?{conflict_query(conflict_behavior)}"
    body = {
        key: value
        for key, value in (("parentReference", parent and parent.as_dict()), ("name", name))
        if value
    }
    return Request("PATCH", item.url + query, f"move {item}", json=body, headers={"If-Match": if_match})


def touch_request(item: DriveItem) -> Request | None:
    """
    https://learn.microsoft.com/graph/api/driveitem-update.

    It sets the times that the item has, so that only its eTag changes.

    :return: None if its eTag or its times are not known.
    """
    times = _mapping(item.raw.get("fileSystemInfo"))
    if not item.etag or not times:
        return None
    body = {"fileSystemInfo": dict(times)}
    return Request("PATCH", item.ref.url, f"claim {item}", json=body, headers={"If-Match": item.etag})


def delete_request(item: ItemRef, if_match: str | None) -> Request:
    """https://learn.microsoft.com/graph/api/driveitem-delete: to the recycle bin."""
    return Request("DELETE", item.url, f"delete {item}", headers={"If-Match": if_match} if if_match else {})


def conflict_query(conflict_behavior: str) -> str:
    """Return the query that says what to do if the name is taken."""
    return f"@microsoft.graph.conflictBehavior={conflict_behavior}"


def check_tag(value: Any) -> str:
    """
    Return an eTag or cTag that can be sent.

    :raises DriveArgumentError: If it is empty, or cannot stand in a header.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*", value):
        raise DriveArgumentError(
            f"Invalid `if_match`: must be an eTag or cTag as Graph returned it, or '*', got {value!r}."
        )
    return value


def _hashes(value: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the hashes that count: https://learn.microsoft.com/graph/api/resources/hashes."""
    told = _mapping(_mapping(value.get("file")).get("hashes"))
    return {name: text for name in STRONGEST_FIRST if (text := _text(told.get(name)))} or _NOTHING


def _remote(value: Any) -> ItemRef | None:
    remote = _mapping(value)
    drive_id, item_id = _text(_mapping(remote.get("parentReference")).get("driveId")), _text(remote.get("id"))
    return ItemRef(drive_id, item_id) if is_id(drive_id) and is_id(item_id) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and is_encodable(value) else None
