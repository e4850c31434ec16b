"""
Flows that compare what is below two containers: folders, OneNote notebooks and other packages.

Graph was seen to call folder copies completed that had left items out, so they are counted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.wire.content import Match, compare_files
from airflow_provider_drive.protocol.wire.names import NameIndex

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.protocol.wire.items import DriveItem

_SHOWN = 3


@dataclass(slots=True)
class TreeDifference:
    """
    How what is below a copy differs from what is below its source: paths of each kind.

    :ivar missing: In the source alone.
    :ivar extra: In the copy alone.
    :ivar different: In both, with other content.
    :ivar inexact: In both, with content that the service has rewritten, or tells no hash of; or that was
        changed in the source since the copy was requested.
    :ivar compared: How many items of the source were compared.
    """

    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    inexact: list[str] = field(default_factory=list)
    compared: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether everything of the source is in the copy."""
        return not (self.missing or self.different)

    @property
    def is_exact(self) -> bool:
        """Whether the copy holds exactly what the source holds, byte for byte."""
        return self.is_whole and not (self.extra or self.inexact)

    @property
    def is_partial(self) -> bool:
        """Whether all that is in the copy is exactly what the source holds, though not all of it is there."""
        return bool(self.missing) and not (self.extra or self.different or self.inexact)

    def __str__(self) -> str:
        parts = [
            f"{len(paths)} of {self.compared} items {what} ({', '.join(map(repr, paths[:_SHOWN]))}"
            f"{', …' if len(paths) > _SHOWN else ''})"
            for what, paths in (("are missing", self.missing), ("have other content", self.different))
            if paths
        ]
        return " and ".join(parts) or "nothing is missing"


def list_tree(container: ItemRef) -> Flow[NameIndex[DriveItem]]:
    """Read everything below a container, packages included, by its path there."""
    found: NameIndex[DriveItem] = NameIndex()
    listing = Listing(container, into_packages=True)
    while listing:
        for path, item in (yield from listing.read()):
            found.add(path, item)
    return found


def compare_trees(copy: ItemRef, source: ItemRef, since: float = inf) -> Flow[TreeDifference]:
    """
    Compare what is below two containers.

    :param since: What was added to the source later, or changed there, need not be in the copy. In seconds
        since the epoch.
    """
    wanted = yield from list_tree(source)
    there = yield from list_tree(copy)
    return compare_listings(there, wanted, since)


def compare_listings(
    there: NameIndex[DriveItem], wanted: NameIndex[DriveItem], since: float = inf
) -> TreeDifference:
    """Compare two listings, as :func:`compare_trees` does."""
    difference = TreeDifference(compared=len(wanted))
    for path, item, copy in wanted.pairs(there):
        if copy is None:
            if (item.created or 0.0) <= since:
                difference.missing.append(path)
        elif copy.kind != item.kind:
            difference.different.append(path)
        elif not item.is_container:
            match = compare_files(copy, item, is_personal=copy.is_personal)
            if match is Match.DIFFERENT and (item.modified or 0.0) <= since:
                difference.different.append(path)
            elif match is not Match.SAME:
                difference.inexact.append(path)
    difference.extra = [path for path, _, item in there.pairs(wanted) if item is None]
    return difference


def edited_meanwhile(
    difference: TreeDifference, there: NameIndex[DriveItem], wanted: NameIndex[DriveItem]
) -> list[str]:
    """
    Return files whose content tells nothing, and whose originals may have been edited since they were copied.

    Times have whole seconds, so that an edit in the second of the copy may come before it or after.
    """
    pairs = ((path, wanted.get(path), there.get(path)) for path in difference.inexact)
    return [
        path
        for path, original, copy in pairs
        if original is None or copy is None or (original.modified or inf) >= (copy.created or 0.0)
    ]


def compare_items(copy: DriveItem, source: DriveItem) -> Flow[Match]:
    """Compare an item with what it may be a copy of: a file by its bytes, a container by what is below."""
    if copy.kind != source.kind and not (copy.is_folder and source.is_folder):
        return Match.DIFFERENT
    if not source.is_container:
        return compare_files(copy, source, is_personal=copy.is_personal)
    difference = yield from compare_trees(copy.ref, source.ref)
    if difference.is_exact:
        return Match.SAME
    is_whole = difference.is_whole and not difference.extra
    return Match.REWRITTEN if is_whole else Match.DIFFERENT


def fingerprint(listing: NameIndex[DriveItem]) -> str:
    """Return a text that is the same for two listings only if nothing has changed between them."""
    told = sorted(f"{path} {item.ref.item_id} {item.etag}" for path, item in listing.items())
    return hashlib.sha256("\n".join(told).encode(errors="surrogatepass")).hexdigest()[:16]
