"""Drives: their files and folders, quota, recycle bin, and the log of changes that delta reads."""

from __future__ import annotations

import base64
import bisect
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.state import names
from airflow_provider_drive.emulator.state.content import Content
from airflow_provider_drive.emulator.state.errors import QuotaExceededError
from airflow_provider_drive.emulator.state.items import Item

if TYPE_CHECKING:
    import datetime as dt

    from airflow_provider_drive.emulator.state.directory import Site
    from airflow_provider_drive.emulator.state.tenant import Tenant


@dataclass(eq=False)
class Drive:
    """
    A drive: https://learn.microsoft.com/graph/api/resources/drive.

    :param drive_type: ``personal``, ``business`` or ``documentLibrary``.
    :param web_url: URL of the root in a browser.
    :param columns: Names of the library's columns that clients can write.
    :param total: The quota in bytes, of which ``used`` are taken.
    """

    id: str
    drive_type: str
    name: str
    web_url: str
    owner: dict[str, Any]
    tenant: Tenant = field(repr=False)
    site: Site | None = field(default=None, repr=False)
    total: int = 1 << 40
    used: int = 0
    items: dict[str, Item] = field(default_factory=dict, repr=False)
    recycle_bin: list[Item] = field(default_factory=list, repr=False)
    deleted: list[tuple[int, Item]] = field(default_factory=list, repr=False)
    changes: int = 0
    oldest_token: int = 0
    columns: list[str] = field(default_factory=lambda: ["Title"], repr=False)

    def __post_init__(self) -> None:
        self._prefix = "01" + base64.b32encode(uuid.uuid5(uuid.NAMESPACE_URL, self.id).bytes).decode()[:6]
        self._counter = 101
        self._change_times: list[dt.datetime] = []
        self.root = Item(self, "root", None)
        # how all ids of root folders end: op-create-folder-201-etag1, doc-monitor-completed-v21
        library_root = f"{self._prefix}N6Y2GOVW7725BZO354PWSELRRZ"
        self.root.id = f"{self.id.upper()}!101" if self.is_personal else library_root
        self.items[self.root.id] = self.root

    @property
    def is_personal(self) -> bool:
        """Whether this is the OneDrive of a personal account."""
        return self.drive_type == "personal"

    @property
    def modified(self) -> dt.datetime:
        """The time of the last change."""
        return self._change_times[-1] if self._change_times else self.root.modified

    # For tests and programs

    def put(
        self,
        path: str,
        content: bytes = b"",
        *,
        size: int | None = None,
        facets: dict[str, Any] | None = None,
    ) -> Item:
        """
        Create a file and its parent folders. If the file exists, it gets a new version.

        :param size: Fill up with zero bytes to this size. They take no memory.
        """
        filled = Content(content, max(0, (size or 0) - len(content)))
        with self.tenant.lock:
            folder, _, name = path.strip("/").rpartition("/")
            parent = self.mkdir(folder)
            item = parent.child(name)
            if item is None:
                return self.add(parent, name, filled, facets)
            self.write(item, filled)
            return item

    def mkdir(self, path: str) -> Item:
        """Return the folder at this path. Create it and its parents if they are missing."""
        with self.tenant.lock:
            folder = self.root
            for name in filter(None, path.split("/")):
                folder = folder.child(name) or self.add(folder, name)
            return folder

    def find(self, path: str) -> Item | None:
        """Return the item at this path, ignoring case; None if there is none."""
        with self.tenant.lock:
            self.tenant.finish_due_jobs()
            item: Item | None = self.root
            for name in filter(None, path.split("/")):
                item = item.child(name) if item is not None else None
            return item

    def children(self, path: str = "") -> list[Item]:
        """Return the items in the folder at this path."""
        folder = self.find(path)
        return [] if folder is None else list(folder.children.values())

    def tree(self) -> dict[str, int | None]:
        """Return the size of each file by its path, and None for each folder."""
        with self.tenant.lock:
            self.tenant.finish_due_jobs()
            everything = list(self.root.walk())[1:]
        return {item.path: None if item.is_folder else item.size for item in everything}

    def expire_delta_tokens(self) -> None:
        """Let delta answer 410 to all tokens issued so far: https://learn.microsoft.com/graph/api/driveitem-delta."""
        with self.tenant.lock:
            self.oldest_token = self._next_change()

    def begin_upload(self, path: str, content: bytes = b"") -> Item:
        """
        Create a file that is being uploaded, which other clients see meanwhile.

        https://learn.microsoft.com/graph/api/resources/pendingoperations
        """
        queued = self.tenant.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        pending = {"pendingContentUpdate": {"queuedDateTime": queued}}
        return self.put(path, content, facets={"pendingOperations": pending})

    def append(self, item: Item, content: bytes, *, complete: bool = False) -> None:
        """
        Append to a file that is being uploaded.

        :param complete: Whether this is the end of the upload.
        """
        with self.tenant.lock:
            before = b"" if item.content is None else item.content.data
            self.write(item, Content(before + content))
            item.versions.pop()
            item.version_times.pop()
            if complete:
                item.facets.pop("pendingOperations", None)

    def move(self, item: Item, path: str) -> None:
        """Move or rename an item. Missing parent folders are created."""
        with self.tenant.lock:
            folder, _, name = path.strip("/").rpartition("/")
            parent = self.mkdir(folder)
            self.detach(item)
            item.name = name
            item.metadata_version += 1
            self.attach(item, parent)

    def delete(self, path: str) -> None:
        """Move the item at this path to the recycle bin, with everything below it."""
        with self.tenant.lock:
            if (item := self.find(path)) is not None:
                self.remove(item)

    # For the services

    def add(
        self,
        parent: Item,
        name: str,
        content: Content | None = None,
        facets: dict[str, Any] | None = None,
    ) -> Item:
        """Create an item in a folder in which the name is free."""
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
        """Move an item and everything below it to the recycle bin: https://learn.microsoft.com/graph/api/driveitem-delete."""
        self.detach(item)
        self.recycle_bin.append(item)
        for each in item.walk():
            del self.items[each.id]
            self.used -= each.content.size if each.content is not None else 0
            self.deleted.append((self._next_change(), each))

    def restore(self, item: Item, parent: Item) -> None:
        """Move an item from the recycle bin to a folder in which its name is free."""
        self.recycle_bin.remove(item)
        for each in item.walk():
            self.items[each.id] = each
            self.used += each.content.size if each.content is not None else 0
            self.record_change(each)
        self.attach(item, parent)

    def write(self, item: Item, content: Content) -> None:
        """Replace the content of a file, and keep the old content as a version."""
        if item.content is not None:
            item.versions.append(item.content)
            item.version_times.append(item.modified)
            self.used -= item.content.size
        self.used += content.size
        item.content = content
        item.content_version += 1
        item.metadata_version += 1
        self.record_change(item)

    def record_change(self, item: Item) -> None:
        """Record a change for delta. On personal drives the cTags of all parent folders change with it."""
        item.change = self._next_change()
        item.modified = self.tenant.now()
        for folder in item.ancestors():
            folder.content_version += 1

    def changes_until(self, moment: dt.datetime) -> int:
        """Return the number of the last change that was made before a time."""
        return bisect.bisect_left(self._change_times, moment)

    def _next_change(self) -> int:
        self.changes += 1
        self._change_times.append(self.tenant.now())
        self.tenant.notify(self)
        return self.changes

    def check_quota(self, size: int) -> None:
        """
        Check that a file of this size in bytes fits into the drive.

        :raises QuotaExceededError: If it does not.
        """
        if self.used + size > self.total:
            raise QuotaExceededError

    def _new_id(self, item: Item) -> str:
        self._counter += 1
        if self.is_personal:
            return f"{self.id.upper()}!{self._counter}"
        return self._prefix + base64.b32encode(uuid.UUID(item.guid).bytes).decode()[:26]


@dataclass
class Upload:
    """
    An upload session: https://learn.microsoft.com/graph/api/driveitem-createuploadsession.

    :param is_deferred: Whether the file is created only when the client asks for that: ``deferCommit``.
    """

    folder: Item
    name: str
    conflict: str
    file_system_info: dict[str, dt.datetime]
    expires: dt.datetime
    description: str | None = None
    is_deferred: bool = False
    size: int = 0
    received: bytearray = field(default_factory=bytearray)

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are there. Their number can be unknown."""
        return 0 < self.size <= len(self.received)
