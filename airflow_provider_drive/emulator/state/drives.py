"""Drives and the items in them: names, ids, tags, and the log of changes that delta reads."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.state import names
from airflow_provider_drive.emulator.state.content import Content

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

OFFICE = (".docx", ".xlsx", ".pptx")


def now() -> dt.datetime:
    """Tell the time in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(eq=False)
class Item:
    """
    A driveItem: https://learn.microsoft.com/graph/api/resources/driveitem.

    :param content: None for a folder.
    :param facets: What its answer says besides, such as ``{"package": {"type": "oneNote"}}``.
    :param hidden_reads: So many reads answer 404 before the item shows.
    :param drifts: After so many reads the eTag moves by itself; ``drifts_on`` lets it do so on every read.
    """

    drive: Drive = field(repr=False)
    name: str
    parent: Item | None = field(repr=False)
    content: Content | None = field(default=None, repr=False)
    facets: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    guid: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    created: dt.datetime = field(default_factory=now)
    modified: dt.datetime = field(default_factory=now)
    file_system_info: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    children: dict[str, Item] = field(default_factory=dict, repr=False)
    versions: list[Content] = field(default_factory=list, repr=False)
    metadata_version: int = 1
    content_version: int = 1
    change: int = 0
    locked: bool = False
    hidden_reads: int = 0
    drifts: int | None = None
    drifts_on: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is no file."""
        return self.content is None

    @property
    def size(self) -> int:
        """A folder's is the sum of all below it."""
        if self.content is not None:
            return self.content.size
        return sum(child.size for child in list(self.children.values()))

    @property
    def hash(self) -> str | None:
        """quickXorHash; a folder has none."""
        return None if self.content is None else self.content.quick_xor_hash

    @property
    def path(self) -> str:
        """The names from the drive's root down, such as ``Contracts/plan.docx``; empty for the root."""
        steps = [self.name, *(parent.name for parent in self.ancestors())]
        return "/".join(reversed(steps[:-1]))

    @property
    def etag(self) -> str:
        """Quoted on work and school drives, a bare word on personal ones: ``gnome-create-folder-201``."""
        if self.drive.is_personal:
            return _personal_tag(f"{self.id}.{self.metadata_version}")
        return f'"{{{self.guid}}},{self.metadata_version}"'

    @property
    def ctag(self) -> str:
        """Moves with the content only."""
        if self.drive.is_personal:
            return _personal_tag(f"{'t' if self.is_folder else 'c'}:{self.id}.{self.content_version}")
        return f'"c:{{{self.guid}}},{0 if self.is_folder else self.content_version}"'

    def ancestors(self) -> Iterator[Item]:
        """Give the parent, its parent, and so on to the root."""
        parent = self.parent
        while parent is not None:
            yield parent
            parent = parent.parent

    def walk(self) -> Iterator[Item]:
        """Give the item and everything below it."""
        yield self
        for child in list(self.children.values()):
            yield from child.walk()

    def child(self, name: str) -> Item | None:
        """Find what is in the folder by its name, without regard to case."""
        return self.children.get(names.key(name))

    def free_name(self, name: str, *, is_folder: bool) -> str:
        """Find the lowest number that makes the name free."""
        number = 1
        while self.child(names.numbered(name, number, is_folder=is_folder)) is not None:
            number += 1
        return names.numbered(name, number, is_folder=is_folder)


def _personal_tag(text: str) -> str:
    return "a" + base64.b64encode(text.encode()).decode().rstrip("=")


@dataclass(eq=False)
class Drive:
    """
    A drive: https://learn.microsoft.com/graph/api/resources/drive.

    :param drive_type: ``personal``, ``business`` or ``documentLibrary``.
    :param web_url: Where a browser finds the root; ``{sharepoint}`` stands for the tenant's host.
    :param finish_due_jobs: Called before the drive is looked at, so that copies which are due show.
    :param total: Its quota in bytes, of which it has ``used`` some.
    """

    id: str
    drive_type: str
    name: str
    web_url: str
    owner: dict[str, Any]
    lock: threading.RLock = field(repr=False)
    finish_due_jobs: Callable[[], None] = field(repr=False)
    site: Any = field(default=None, repr=False)
    total: int = 1 << 40
    used: int = 0
    items: dict[str, Item] = field(default_factory=dict, repr=False)
    recycle_bin: list[Item] = field(default_factory=list, repr=False)
    deleted: list[tuple[int, Item]] = field(default_factory=list, repr=False)
    changes: int = 0
    oldest_token: int = 0

    def __post_init__(self) -> None:
        self._prefix = "01" + base64.b32encode(uuid.uuid5(uuid.NAMESPACE_URL, self.id).bytes).decode()[:6]
        self._counter = 100
        self.root = Item(self, "root", None)
        # the tail of all root ids: op-create-folder-201-etag1, doc-monitor-completed-v21
        tail = f"{self.id.upper()}!101" if self.is_personal else f"{self._prefix}N6Y2GOVW7725BZO354PWSELRRZ"
        self.root.id = tail
        self._counter += 1
        self.items[tail] = self.root

    @property
    def is_personal(self) -> bool:
        """Whether it is a OneDrive that no organization owns."""
        return self.drive_type == "personal"

    # What tests and programs ask for

    def put(
        self,
        path: str,
        content: bytes = b"",
        *,
        size: int | None = None,
        facets: dict[str, Any] | None = None,
    ) -> Item:
        """
        Put a file, and the folders on the way to it. A file that is there gets a new version.

        :param size: Fill up with zero bytes to this size; they take no memory.
        """
        filling = Content(content, max(0, (size or 0) - len(content)))
        with self.lock:
            folder, _, name = path.strip("/").rpartition("/")
            parent = self.mkdir(folder)
            item = parent.child(name)
            if item is None:
                return self.add(parent, name, filling, facets)
            self.write(item, filling)
            return item

    def mkdir(self, path: str) -> Item:
        """Give the folder of this path, and make it and those on the way if they are missing."""
        with self.lock:
            folder = self.root
            for name in filter(None, path.split("/")):
                folder = folder.child(name) or self.add(folder, name)
            return folder

    def find(self, path: str) -> Item | None:
        """Find an item by its path, without regard to case."""
        with self.lock:
            self.finish_due_jobs()
            item: Item | None = self.root
            for name in filter(None, path.split("/")):
                item = item.child(name) if item is not None else None
            return item

    def children(self, path: str = "") -> list[Item]:
        """Give what is in a folder."""
        folder = self.find(path)
        return [] if folder is None else list(folder.children.values())

    def tree(self) -> dict[str, int | None]:
        """Give the size of each file by its path, and None for each folder."""
        with self.lock:
            self.finish_due_jobs()
            everything = list(self.root.walk())[1:]
        return {item.path: None if item.is_folder else item.size for item in everything}

    # What the service does

    def add(
        self,
        parent: Item,
        name: str,
        content: Content | None = None,
        facets: dict[str, Any] | None = None,
    ) -> Item:
        """Make a new item in a folder that has no such name."""
        item = Item(self, name, None, content, dict(facets or {}))
        item.id = self._new_id(item)
        self.items[item.id] = item
        self.used += content.size if content is not None else 0
        self.attach(item, parent)
        return item

    def attach(self, item: Item, parent: Item) -> None:
        """Put an item into a folder."""
        item.parent = parent
        parent.children[names.key(item.name)] = item
        self.record_change(item)

    def detach(self, item: Item) -> None:
        """Take an item out of its folder."""
        if item.parent is not None:
            self.record_change(item)
            del item.parent.children[names.key(item.name)]

    def remove(self, item: Item) -> None:
        """Put an item and all below it into the recycle bin: https://learn.microsoft.com/graph/api/driveitem-delete."""
        self.detach(item)
        self.recycle_bin.append(item)
        for each in item.walk():
            del self.items[each.id]
            self.used -= each.content.size if each.content is not None else 0
            self.changes += 1
            self.deleted.append((self.changes, each))

    def write(self, item: Item, content: Content) -> None:
        """Give a file a new content, and keep the old one as a version."""
        if item.content is not None:
            item.versions.append(item.content)
            self.used -= item.content.size
        self.used += content.size
        item.content = content
        item.content_version += 1
        item.metadata_version += 1
        self.record_change(item)

    def record_change(self, item: Item) -> None:
        """Note a change for delta; a personal folder's cTag moves with whatever is below it."""
        self.changes += 1
        item.change = self.changes
        item.modified = now()
        for folder in item.ancestors():
            folder.content_version += 1

    def check_quota(self, size: int) -> None:
        """Refuse what does not fit."""
        if self.used + size > self.total:
            raise errors.quota_exceeded()

    def _new_id(self, item: Item) -> str:
        self._counter += 1
        if self.is_personal:
            return f"{self.id.upper()}!{self._counter}"
        return self._prefix + base64.b32encode(uuid.UUID(item.guid).bytes).decode()[:26]
