"""
What is below a folder, without holding all of it.

A folder costs two units for each page of it. Delta, the other way that there is, costs one for a page, but
can only be asked of a whole drive of SharePoint or OneDrive for work. It lags behind by up to a minute, and
tells the same item more than once, the last time rightly: so all of it would have to be held.

A folder is listed by its id: the next page of one that was listed by its path was seen to be the root's. It
is listed even if its parent says that it is empty: such counts were seen that were wrong.

https://learn.microsoft.com/graph/api/driveitem-list-children
https://learn.microsoft.com/graph/api/driveitem-delta
https://github.com/microsoftgraph/microsoft-graph-docs/issues/3341
https://github.com/OneDrive/onedrive-api-docs/issues/1641
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_drive.exceptions import DriveItemNotFoundError
from airflow_provider_drive.protocol.items.lookup import Pages
from airflow_provider_drive.protocol.wire.items import children_request, download_url, print_time, read_item

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.protocol.wire.items import DriveItem


class ListedItem(NamedTuple):
    """An item, and its path below the folder that was listed."""

    path: str
    item: DriveItem

    def as_dict(self) -> dict[str, Any]:
        """Return what an XCom holds of it."""
        item = self.item
        modified = None if item.modified is None else print_time(item.modified)
        return {
            **item.ref.as_dict(),
            "name": item.name,
            "path": self.path,
            "size": item.size,
            "eTag": item.etag,
            "lastModifiedDateTime": modified,
        }


def describe_hidden(folder: DriveItem) -> str:
    """Say that a folder seems to hold items that this login does not see."""
    return (
        f"Graph says that {folder} holds {folder.child_count} items, and lists none: this login may lack "
        "the rights to see them."
    )


class Listing:
    """
    What is in a folder, page by page; then what is in the folders that are in it, if ``recursive``.

    A folder that is gone by the time that it is read counts as empty. An item that is moved meanwhile may be
    missed, but never comes twice.

    :param prefix: The path of the folder itself, if it is below another.
    :param into_packages: Read what is in OneNote notebooks and other packages as well.
    :ivar count: How many items were listed so far.
    :param with_urls: Read their download URLs as well.
    :param strict: Raise an error for a folder that is gone: some of Graph's 404 are wrong.
    :ivar urls: The download URLs of the last page, which are secrets.
    """

    def __init__(
        self,
        folder: ItemRef,
        *,
        recursive: bool = True,
        prefix: str = "",
        into_packages: bool = False,
        with_urls: bool = False,
        strict: bool = False,
    ) -> None:
        self._recursive, self._into_packages, self._with_urls = recursive, into_packages, with_urls
        self._strict = strict
        self.urls: dict[ItemRef, str] = {}
        self._listed: set[int] = set()
        self._path, self._folder, self._top = prefix, folder, folder
        self._pages: Pages | None = self._pages_of(folder)
        self._folders: list[tuple[str, ItemRef]] = []
        self._known = {folder}
        self.count = 0

    def __bool__(self) -> bool:
        """Whether there is more to read."""
        return bool(self._pages or self._folders)

    def read(self) -> Flow[list[ListedItem]]:
        """Read the next page."""
        if not self._pages:
            self._path, self._folder = self._folders.pop()
            self._pages = self._pages_of(self._folder)
        page = []
        self.urls.clear()
        for entry in (yield from self._entries(self._pages)):
            item = read_item(entry, self._folder.drive_id, bare=True)
            if hash(item.ref) in self._listed:
                continue  # it was moved meanwhile, from a folder that was read before
            self._listed.add(hash(item.ref))
            self.count += 1
            if url := download_url(entry):
                self.urls[item.ref] = url
            found = ListedItem(f"{self._path}/{item.name or ''}".removeprefix("/"), item)
            page.append(found)
            is_entered = item.is_container if self._into_packages else item.is_folder
            if self._recursive and is_entered and item.ref not in self._known:
                self._known.add(item.ref)  # a cycle would have no end
                self._folders.append((found.path, item.ref))
        return page

    def _pages_of(self, folder: ItemRef) -> Pages:
        request = children_request(folder, lean=True, with_urls=self._with_urls)
        return Pages(request, annotated=self._with_urls)

    def _entries(self, pages: Pages) -> Flow[list[dict[str, Any]]]:
        try:
            return (yield from pages.read())
        except DriveItemNotFoundError:
            if self._strict or self._folder == self._top:
                raise
            self._pages = None
            return []
