"""Flows that find items: an address becomes ids, a folder is listed, missing folders are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.addresses import (
    ItemRef,
    LibraryAddress,
    PathAddress,
    encode_resource,
    is_id,
)
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import (
    child,
    children_request,
    create_folder_request,
    get_item_request,
    item_reader,
    read_item,
    without_annotations,
)
from airflow_provider_drive.protocol.wire.names import NameIndex, same_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.items import DriveItem

MAX_PAGES = 25_000
"""Pages of one collection, at most: five million items, at 200 a page. A longer one is taken for endless."""


def get_item(address: Address, *, follow: bool = True) -> Flow[DriveItem]:
    """
    Read an item: one GET, and one more for a library by its name or a shortcut to another drive.

    https://learn.microsoft.com/graph/api/driveitem-get
    """
    if isinstance(address, LibraryAddress):
        address = yield from in_library(address)
    request = get_item_request(address)
    try:
        item = yield from send_with_retries(request, item_reader(request, address.drive_id))
    except DriveItemNotFoundError as error:
        error.address = address
        raise
    if item.remote and follow:  # https://learn.microsoft.com/graph/api/resources/remoteitem
        item = yield from get_item(item.remote, follow=False)
    return item


def find_item(address: Address, *, follow: bool = False) -> Flow[DriveItem | None]:
    """Read an item, or None if there is none. Of a shortcut, the shortcut is read unless ``follow``."""
    try:
        return (yield from get_item(address, follow=follow))
    except DriveItemNotFoundError:
        return None


def find_items(refs: Sequence[ItemRef]) -> Flow[list[DriveItem | DriveError | None]]:
    """Read items, twenty in one request; return which are not there, and what was not to be learned."""
    return (yield from in_batches([find_item(ref) for ref in refs]))


def get_folder(address: Address) -> Flow[DriveItem]:
    """
    Read a folder.

    :raises DriveArgumentError: If it is not a folder.
    """
    item = yield from get_item(address)
    if not item.is_folder and item.kind != "package":
        raise DriveArgumentError(f"{address} is not a folder.")
    return item


def list_children(folder: ItemRef) -> Flow[list[dict[str, Any]]]:
    """
    Read what is in a folder, page after page, as Graph's JSON.

    https://learn.microsoft.com/graph/api/driveitem-list-children
    """
    return (yield from _collect(children_request(folder)))


def list_items(folder: ItemRef) -> Flow[list[DriveItem]]:
    """Read what is in a folder, as :func:`list_children` does."""
    return [read_item(entry, folder.drive_id) for entry in (yield from list_children(folder))]


def index(items: Iterable[DriveItem]) -> NameIndex[DriveItem]:
    """Return the items of one folder by their names."""
    by_name: NameIndex[DriveItem] = NameIndex()
    for item in items:
        by_name.add(item.name or "", item)
    return by_name


def find_nearest(address: Address) -> Flow[tuple[DriveItem | None, tuple[str, ...]]]:
    """Return the item at an address, or the nearest above it that exists, and the names that do not."""
    if isinstance(address, LibraryAddress):
        address = yield from in_library(address)
    missing: tuple[str, ...] = ()
    item = yield from find_item(address)
    while item is None and isinstance(address, PathAddress) and address.parent is not None:
        missing = (address.names[-1], *missing)
        address = address.parent
        item = yield from find_item(address)
    return item, missing


def find_ancestors(item: DriveItem | None) -> Flow[list[ItemRef]]:
    """Return an item, and the folders that it is in, up to the root."""
    found: list[ItemRef] = []
    while item is not None:
        found.append(item.ref)
        above = None if item.is_root else item.folder
        item = (yield from find_item(above)) if above else None
    return found


class Ensured(NamedTuple):
    """A folder that exists now, and whether it was made just now."""

    folder: DriveItem
    created: bool


def ensure_folder(address: Address) -> Flow[Ensured]:
    """
    Find a folder, or make it and what is missing above it.

    Two tasks may do so at once: the one that comes second takes what the first has made.

    https://learn.microsoft.com/graph/api/driveitem-post-children

    :raises DriveNameConflictError: If something else than a folder has the name.
    """
    if isinstance(address, LibraryAddress):
        address = yield from in_library(address)
    item = yield from find_item(address, follow=True)
    if item is None:
        above = address.parent if isinstance(address, PathAddress) else None
        if not isinstance(address, PathAddress) or above is None:
            item = yield from get_item(address)  # to say what is not there
        else:
            parent = yield from ensure_folder(above)
            return Ensured((yield from make_folder(parent.folder.ref, address.names[-1])), created=True)
    if not item.is_folder:
        raise DriveNameConflictError(
            f"{address} exists and is not a folder.", status=409, code="nameAlreadyExists", retryable=False
        )
    return Ensured(item, created=False)


def get_destination(address: Address, *, create: bool) -> Flow[tuple[ItemRef, DriveItem | None, bool]]:
    """Return a destination's ids, what was read of it (nothing, for an address of ids), and if it is new."""
    if isinstance(address, ItemRef):
        return address, None, False
    if create:
        folder, created = yield from ensure_folder(address)
    else:
        try:
            folder, created = (yield from get_folder(address)), False
        except DriveItemNotFoundError as error:
            error.add("To create a destination that is missing, set create_destination=True.")
            raise
    return folder.ref, folder, created


def make_folder(parent: ItemRef, name: str) -> Flow[DriveItem]:
    """Make a folder, or find the one that somebody else has made at the same time."""
    request = create_folder_request(parent, name)

    def read(response: Response) -> DriveItem | None:
        if not response.ok:
            raise error_from_response(response, request.action, request.trace)
        return (
            read_item(response.mapping(), parent.drive_id) if response.body.strip() else None
        )  # empty in the wild

    try:
        made = yield from send_with_retries(request, read)
    except DriveNameConflictError as error:  # somebody was quicker, or it was this request, its answer lost
        made = yield from find_item(child(parent, name))
        if made is None or not made.is_folder:
            raise error from None
    return made or (yield from get_item(child(parent, name)))


def list_libraries(site: str) -> Flow[list[dict[str, Any]]]:
    """
    Read the libraries of a site, as Graph's JSON.

    https://learn.microsoft.com/graph/api/drive-list

    :param site: Graph's resource of the site, not encoded: ``sites/contoso.sharepoint.com:/sites/Legal:``.
    """
    request = Request("GET", LibraryAddress(site, "").url, f"list the libraries of {site}")
    return (yield from _collect(request))


def in_library(address: LibraryAddress) -> Flow[PathAddress]:
    """
    Find a site's library by its name, or by the last part of its URL.

    https://learn.microsoft.com/graph/api/drive-list
    """
    libraries = yield from list_libraries(address.site)
    named = [entry for entry in libraries if same_name(str(entry.get("name", "")), address.library)]
    in_url = encode_resource(address.library).removeprefix("/")
    found = named or [
        entry for entry in libraries if same_name(str(entry.get("webUrl", "")).rpartition("/")[2], in_url)
    ]
    if len(found) != 1 or not is_id(found[0].get("id")):
        names = ", ".join(sorted(repr(entry.get("name")) for entry in libraries)[:20])
        raise DriveArgumentError(
            f"{address.site} has {len(found)} libraries named {address.library!r}; this login sees: "
            f"{names or 'none'}."
        )
    return address.within(found[0]["id"])


class Pages:
    """
    A collection, page by page. A page may be short, or empty, and yet not be the last. Each item comes once.

    https://learn.microsoft.com/graph/paging

    :param annotated: Keep the annotations: some are links that open the content.
    """

    def __init__(self, request: Request, *, annotated: bool = False) -> None:
        self._action, self._annotated = request.action, annotated
        self._next: Request | None = request
        self._seen: set[str] = set()
        self._listed: set[int] = set()

    def __bool__(self) -> bool:
        """Whether there is a page still to read."""
        return self._next is not None

    def read(self) -> Flow[list[dict[str, Any]]]:
        """
        Read the next page.

        :raises DriveResponseError: If the pages have no end.
        """
        if self._next is None:
            return []
        page, link = yield from send_with_retries(self._next, _page_reader(self._action))
        page = page if self._annotated else [without_annotations(entry) for entry in page]
        self._next = None
        if link is not None:
            if link in self._seen:
                raise DriveResponseError(f"Could not {self._action}: its pages lead in a circle.")
            if len(self._seen) == MAX_PAGES - 1:
                raise DriveResponseError(
                    f"Could not {self._action}: it has more than {MAX_PAGES} pages.", retryable=False
                )
            self._seen.add(link)
            self._next = Request("GET", link, self._action, kind="page")
        return [entry for entry in page if self._is_first(entry)]

    def _is_first(self, entry: dict[str, Any]) -> bool:
        """
        Whether this is the first time that the item is listed: later pages were seen to repeat some.

        https://github.com/OneDrive/onedrive-api-docs/issues/740
        """
        key = hash(str(entry.get("id")))  # of two hundred thousand ids, not the texts
        if "id" in entry and key in self._listed:
            return False
        self._listed.add(key)
        return True


def _collect(request: Request) -> Flow[list[dict[str, Any]]]:
    """Read a collection whole."""
    entries: list[dict[str, Any]] = []
    pages = Pages(request)
    while pages:
        entries += yield from pages.read()
    return entries


def _page_reader(action: str) -> Callable[[Response], tuple[list[dict[str, Any]], str | None]]:
    def read(response: Response) -> tuple[list[dict[str, Any]], str | None]:
        if not response.ok:
            raise error_from_response(response, action)
        body = response.mapping()
        page, link = body.get("value"), body.get("@odata.nextLink")
        if not isinstance(page, list) or not isinstance(link, str | None):
            raise DriveResponseError(f"Could not {action}: the answer is not a page of a collection.")
        return [entry for entry in page if isinstance(entry, dict)], link

    return read
