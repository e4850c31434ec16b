"""
What is below a watched folder, as it was told, and as it is.

Delta tells ids and parents, but no paths, and of a folder that is moved only the folder itself. So the tree
of the folders is held by ids, and each document as it was told last: what differs is a change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_drive.protocol.items.filters import Selection
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.wire.delta import DeltaEntry
    from airflow_provider_drive.protocol.wire.items import DriveItem

KINDS = ("created", "updated", "moved", "deleted")
_DOCUMENTS = ("file", "package")
_TOLERANCE = 2.0
"""Seconds by which Graph's times may differ: they have whole seconds."""
_READY = 0.0


class Folder(NamedTuple):
    """A folder below the watched one."""

    parent: str
    name: str


class Document(NamedTuple):
    """
    A document as it was told, or, if it has no path yet, as it is now.

    :param changed: When it was last changed, by Graph's clock, in seconds since the epoch.
    :param content: What tells one content from another.
    :param is_pending: Whether it is being uploaded.
    :param is_empty: Whether it is a file without content.
    """

    parent: str
    name: str
    path: str
    size: int | None
    etag: str | None
    modified: float | None
    content: str = ""
    changed: float = _READY
    is_pending: bool = False
    is_empty: bool = False


class Interest(NamedTuple):
    """
    Which changes are told, and when.

    :param settle: Seconds for which a document has not changed.
    :param most: The most changes in one event.
    """

    selection: Selection
    kinds: frozenset[str]
    settle: float
    most: int


class Change(NamedTuple):
    """A change to report."""

    item_id: str
    kind: str
    document: Document


@dataclass
class WatchedFolder:
    """
    The watched folder.

    :param folder_id: Its id.
    :param folders: The folders below it, by id. The folder itself is not among them.
    :param told: The documents as they were told, or as they were when the watch began, by id.
    :param seen: The documents that have changed since, and were not told yet, by id.
    :param gone: The documents that are not below the folder any more, and were not told yet.
    :param unlisted: The folders that have come from elsewhere: what is in them is not among the changes.
    """

    folder_id: str
    recursive: bool = True
    folders: dict[str, Folder] = field(default_factory=dict)
    told: dict[str, Document] = field(default_factory=dict)
    seen: dict[str, Document] = field(default_factory=dict)
    gone: dict[str, Document] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)

    def path_of(self, folder_id: str) -> str | None:
        """Return a folder's path with a slash at its end; None if it is not below the watched folder."""
        path, steps = "", 0
        while folder_id != self.folder_id:
            folder = self.folders.get(folder_id)
            if folder is None or steps > len(self.folders):
                return None
            path, folder_id, steps = f"{folder.name}/{path}", folder.parent, steps + 1
        return path

    def apply(self, entries: Iterable[DeltaEntry], now: float, before: float) -> None:
        """
        Take in what has changed in the drive.

        :param now: When the changes were read, by Graph's clock.
        :param before: When they were read before that.
        """
        latest = {entry.item.ref.item_id: entry for entry in entries}
        if not latest:
            return
        self._apply_folders(latest)
        for item_id, (item, is_deleted) in latest.items():
            if item.is_folder or item_id in self.folders:
                continue
            if is_deleted or self.path_of(item.parent_id or "") is None:
                self._lose(item_id)
            elif item.kind in _DOCUMENTS:
                self._see(item, now, before)
        self._follow_folders()

    def add_listed(self, listed: list[ListedItem], now: float, before: float) -> None:
        """Take in what a listing has found."""
        self._add_folders(listed)
        for _, item in listed:
            if item.kind in _DOCUMENTS:
                self._see(item, now, before)

    def compare(self, listed: list[ListedItem], now: float, before: float) -> None:
        """Take in a listing of all that there is: what it does not show is gone."""
        self.folders, self.seen, self.unlisted = {}, {}, set()
        self.add_listed(listed, now, before)
        for item_id in self.told.keys() - {item.ref.item_id for _, item in listed}:
            self._lose(item_id)

    def begin(self, listed: list[ListedItem], since: float | None) -> None:
        """
        Begin with a listing: nothing of it is told.

        :param since: What was created or changed at or after this time is told all the same.
        """
        self._add_folders(listed)
        for path, item in listed:
            if item.kind not in _DOCUMENTS:
                continue
            document = _document(item, path)
            if since is not None and max(item.modified or 0.0, item.created or 0.0) >= since:
                self.seen[item.ref.item_id] = document
                if (item.created or 0.0) >= since:
                    continue
                document = document._replace(etag="", content="")
            self.told[item.ref.item_id] = document

    def change_depth(self, listed: list[ListedItem] | None) -> None:
        """
        Watch the subfolders as well, or no longer. Their content is not reported as changed.

        :param listed: What there is now; None if the subfolders are not watched any more.
        """
        self.recursive = listed is not None
        if listed is None:
            self.folders, self.unlisted = {}, set()
            for documents in (self.told, self.seen):
                for item_id in [each for each, it in documents.items() if it.parent != self.folder_id]:
                    del documents[item_id]
            return
        self._add_folders(listed)
        for path, item in listed:
            if item.kind in _DOCUMENTS and "/" in path:
                self.told.setdefault(item.ref.item_id, _document(item, path))

    def take_changes(self, interest: Interest, now: float) -> tuple[list[Change], bool]:
        """Return what is settled and of interest, and whether there is more. It counts as reported then."""
        changes: list[Change] = []
        for change, current in self._settled_changes(interest, now):
            is_wanted = change.kind in interest.kinds
            if is_wanted and len(changes) == interest.most:
                return changes, True
            self.gone.pop(change.item_id, None)
            if current is not None:
                del self.seen[change.item_id]
                self.told[change.item_id] = current
            changes += [change] if is_wanted else []
        return changes, False

    def _settled_changes(self, interest: Interest, now: float) -> Iterator[tuple[Change, Document | None]]:
        """Give each change, the oldest first, and the document as it is then."""
        selection = interest.selection
        for item_id, document in list(self.gone.items()):
            kind = "deleted" if selection.takes_path(document.path) else ""
            yield Change(item_id, kind, document), None
        for item_id, document in sorted(self.seen.items(), key=lambda pair: pair[1].changed):
            if _is_settled(document, interest.settle, now):
                path = f"{self.path_of(document.parent) or ''}{document.name}"
                current, known = document._replace(path=path), self.told.get(item_id)
                kind = _kind(selection, known, current)
                yield Change(item_id, kind, (known or current) if kind == "deleted" else current), current

    def _add_folders(self, listed: Iterable[ListedItem]) -> None:
        for _, item in listed:
            if item.is_folder and self.recursive:
                self.folders[item.ref.item_id] = Folder(item.parent_id or "", item.name or "")

    def _apply_folders(self, latest: dict[str, DeltaEntry]) -> None:
        """Update the tree."""
        moved = {
            item_id: Folder(item.parent_id or "", item.name or "")
            for item_id, (item, is_deleted) in latest.items()
            if item.is_folder and not is_deleted and item_id != self.folder_id and self.recursive
        }
        known = set(self.folders)
        self.folders |= moved
        for item_id, (_, is_deleted) in latest.items():
            if is_deleted:
                self.folders.pop(item_id, None)
        paths = {folder_id: self.path_of(folder_id) for folder_id in self.folders}
        self.folders = {each: folder for each, folder in self.folders.items() if paths[each] is not None}
        self.unlisted = (self.unlisted | (moved.keys() - known)) & self.folders.keys()

    def _follow_folders(self) -> None:
        """See documents that have another path, or are gone, since a folder above them is."""
        paths = {folder_id: self.path_of(folder_id) for folder_id in (*self.folders, self.folder_id)}
        for item_id in [each for each, document in self.seen.items() if paths.get(document.parent) is None]:
            self._lose(item_id)
        for item_id, document in list(self.told.items()):
            above = paths.get(document.parent)
            if item_id in self.seen:
                continue
            if above is None:
                self._lose(item_id)
            elif above + document.name != document.path:
                self.seen[item_id] = document._replace(changed=_READY)

    def _see(self, item: DriveItem, now: float, before: float) -> None:
        item_id, document = item.ref.item_id, _document(item)
        if (gone := self.gone.pop(item_id, None)) is not None:  # it is back before that was told
            self.told[item_id] = gone
        known = self.told.get(item_id)
        path = f"{self.path_of(document.parent) or ''}{document.name}"
        if known is not None and (known.etag, known.path) == (document.etag, path):
            self.seen.pop(item_id, None)
            return
        last, changed = self.seen.get(item_id), document.changed
        # a client may have set the time, and a move leaves it as it was
        is_dated = before - _TOLERANCE <= changed <= now + _TOLERANCE
        if last is not None and (last.etag, last.size) == (document.etag, document.size):
            changed = max(changed, last.changed) if is_dated else last.changed
        elif not is_dated:
            changed = now
        self.seen[item_id] = document._replace(changed=changed)

    def _lose(self, item_id: str) -> None:
        self.seen.pop(item_id, None)
        if (document := self.told.pop(item_id, None)) is not None:
            self.gone[item_id] = document


def _document(item: DriveItem, path: str = "") -> Document:
    return Document(
        item.parent_id or "",
        item.name or "",
        path,
        item.size,
        item.etag,
        item.modified,
        content=f"{item.size} {item.quick_xor_hash or item.etag}",
        changed=item.modified or _READY,
        is_pending=item.is_pending,
        is_empty=item.kind == "file" and not item.size,
    )


def _is_settled(document: Document, settle: float, now: float) -> bool:
    if document.is_pending or settle <= 0:
        return not document.is_pending
    return not document.is_empty and now - document.changed >= settle


def _kind(selection: Selection, known: Document | None, current: Document) -> str:
    """Return what has happened, seen from the selection; nothing if it is the same there."""
    was, is_ = known is not None and selection.takes_path(known.path), selection.takes_path(current.path)
    if known is None or not was:
        return "created" if is_ else ""
    if not is_:
        return "deleted"
    if known.content != current.content:
        return "updated"
    if known.path != current.path:
        return "moved"
    return "updated" if known.etag != current.etag else ""
