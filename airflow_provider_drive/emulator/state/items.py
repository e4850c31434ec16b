"""Files and folders with their tags and versions."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.state import names
from airflow_provider_drive.emulator.state.errors import ItemHeldError, ItemLockedError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from airflow_provider_drive.emulator.state.content import Content
    from airflow_provider_drive.emulator.state.drives import Drive

_OFFICE = (
    *(".doc", ".docm", ".docx", ".dot", ".dotm", ".dotx"),
    *(".xla", ".xlam", ".xls", ".xlsb", ".xlsm", ".xlsx", ".xlt", ".xltm", ".xltx", ".xlw"),
    *(".pot", ".potm", ".potx", ".ppa", ".ppam", ".pps", ".ppsm", ".ppsx", ".ppt", ".pptm", ".pptx"),
)


@dataclass(eq=False)
class Item:
    """
    A driveItem: https://learn.microsoft.com/graph/api/resources/driveitem.

    :param content: None for a folder.
    :param facets: Additional facets, such as ``{"package": {"type": "oneNote"}}``.
    :param versions: Earlier contents, the oldest first.
    :param version_times: The times at which they were written.
    :param permissions: Permissions on this item itself, in Graph's JSON.
    :param fields: Values of the library's columns.
    :param retention_label: Name of one of the tenant's retention labels.
    :param checked_out_by: Id of the user or application that has checked the file out.
    :param before_check_out: The content at that time, and the number of earlier ones.
    :param hidden_reads: Number of reads that answer 404 before the item becomes visible.
    :param drifts: Number of reads after which the eTag changes by itself; None for never.
    :param drifts_on: Whether the eTag then changes on every read.
    """

    drive: Drive = field(repr=False)
    name: str
    parent: Item | None = field(repr=False)
    content: Content | None = field(default=None, repr=False)
    facets: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    guid: str = field(default_factory=lambda: str(uuid.uuid4()).upper())
    created: dt.datetime = field(init=False)
    modified: dt.datetime = field(init=False)
    file_system_info: dict[str, dt.datetime] = field(default_factory=dict)
    description: str | None = None
    children: dict[str, Item] = field(default_factory=dict, repr=False)
    versions: list[Content] = field(default_factory=list, repr=False)
    version_times: list[dt.datetime] = field(default_factory=list, repr=False)
    permissions: list[dict[str, Any]] = field(default_factory=list, repr=False)
    inherits_permissions: bool = True
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    retention_label: str | None = None
    checked_out_by: str | None = None
    before_check_out: tuple[Content, int] | None = field(default=None, repr=False)
    metadata_version: int = 1
    content_version: int = 1
    change: int = 0
    locked: bool = False
    hidden_reads: int = 0
    drifts: int | None = None
    drifts_on: bool = False

    def __post_init__(self) -> None:
        self.created = self.modified = self.drive.tenant.now()

    @property
    def is_folder(self) -> bool:
        """Whether the item is a folder."""
        return self.content is None

    @property
    def size(self) -> int:
        """The size in bytes; for a folder, the sum of everything below it."""
        if self.content is not None:
            return self.content.size
        return sum(child.size for child in list(self.children.values()))

    @property
    def is_office(self) -> bool:
        """Whether the name is that of a document, workbook or presentation of Office."""
        return not self.is_folder and self.name.lower().endswith(_OFFICE)

    @property
    def hashes(self) -> dict[str, str]:
        """The hashes that the drive reports: only personal drives report more than quickXorHash."""
        if self.content is None:
            return {}
        if self.drive.is_personal:
            return self.content.hashes
        has_hash = self.content.size > 0 or self.drive.tenant.hashes_of_empty_files
        return {"quickXorHash": self.content.quick_xor_hash} if has_hash else {}

    @property
    def hash(self) -> str | None:
        """The quickXorHash; None for a folder."""
        return None if self.content is None else self.content.quick_xor_hash

    @property
    def path(self) -> str:
        """The path from the drive's root, such as ``Contracts/plan.docx``; empty for the root."""
        steps = [self.name, *(parent.name for parent in self.ancestors())]
        return "/".join(reversed(steps[:-1]))

    @property
    def etag(self) -> str:
        """Quoted on work and school drives, unquoted on personal ones: ``gnome-create-folder-201``."""
        if self.drive.is_personal:
            return _personal_tag(f"{self.id}.{self.metadata_version}")
        return f'"{{{self.guid}}},{self.metadata_version}"'

    @property
    def ctag(self) -> str:
        """Changes only with the content."""
        if self.drive.is_personal:
            return _personal_tag(f"{'t' if self.is_folder else 'c'}:{self.id}.{self.content_version}")
        return f'"c:{{{self.guid}}},{0 if self.is_folder else self.content_version}"'

    def ancestors(self) -> Iterator[Item]:
        """Yield the parent, its parent, and so on up to the root."""
        parent = self.parent
        while parent is not None:
            yield parent
            parent = parent.parent

    def walk(self) -> Iterator[Item]:
        """Yield the item and everything below it."""
        yield self
        for child in list(self.children.values()):
            yield from child.walk()

    def child(self, name: str) -> Item | None:
        """Return the item of this name in the folder, ignoring case."""
        return self.children.get(names.key(name))

    def free_name(self, name: str, *, is_folder: bool) -> str:
        """Append the lowest number that makes the name unique in the folder."""
        number = 1
        while self.child(names.numbered(name, number, is_folder=is_folder)) is not None:
            number += 1
        return names.numbered(name, number, is_folder=is_folder)

    @property
    def is_held(self) -> bool:
        """Whether a retention label of the item, or of anything above or below it, forbids to delete it."""
        labels = {item.retention_label for item in (*self.walk(), *self.ancestors())}
        return any(self.drive.tenant.retention_labels.get(label or "", False) for label in labels)

    def check_can_be_deleted(self) -> None:
        """
        Check that nothing keeps an item from being replaced.

        :raises ItemLockedError: If it is locked or checked out.
        :raises ItemHeldError: If a retention label forbids it.
        """
        if self.locked or self.checked_out_by is not None:
            raise ItemLockedError
        if self.is_held:
            raise ItemHeldError

    def record_read(self) -> None:
        """Count a read, and change the eTag if it is to drift now."""
        if self.drifts is None:
            return
        self.drifts = max(0, self.drifts - 1)
        if self.drifts == 0:
            self.metadata_version += 1
            self.drifts = 0 if self.drifts_on else None


def _personal_tag(text: str) -> str:
    return "a" + base64.b64encode(text.encode()).decode().rstrip("=")
