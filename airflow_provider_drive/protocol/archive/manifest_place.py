"""Whether a manifest in a drive has a place of its own: not a document's, and not among those to archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.exceptions import DriveArgumentError, DriveError
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.items.lookup import find_item, find_nearest, get_item
from airflow_provider_drive.protocol.wire.addresses import ItemRef, LibraryAddress, PathAddress, same_item
from airflow_provider_drive.protocol.wire.names import same_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.archive.order import ArchiveOrder
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.items import DriveItem

_ADVICE = (
    "Use a folder outside the source, and a name that no document has: "
    "…/Manifests/{{ run_id | replace(':', '-') }}.jsonl"
)


class _Place(NamedTuple):
    """
    Where a manifest is, or will be.

    :param item: The manifest, if it exists already.
    :param missing: The names on its path that do not exist yet.
    :param above: The folders that it is in, the nearest first, each with the manifest's path below it.
    """

    item: DriveItem | None
    missing: tuple[str, ...]
    above: list[tuple[ItemRef, tuple[str, ...]]]

    def below(self, folder: ItemRef) -> tuple[str, ...] | None:
        """Return the manifest's path below a folder; None if it is elsewhere."""
        return next((names for ref, names in self.above if same_item(ref, folder)), None)


def check_manifest_place(manifest: Address, order: ArchiveOrder) -> Flow[bool]:
    """
    Refuse a manifest that would overwrite a document, or that a later run would archive.

    :param manifest: Its address, with a path.
    :return: Whether it may be written before the documents are copied. Not if a folder of the destination
        would be made for it, since then no folder could be copied there as a whole.
    :raises DriveArgumentError: If it is in the source, or has the path of a document at the destination.
    """
    source = None if order.source is None else (yield from get_item(order.source, follow=False))
    place = yield from _find_place(manifest)
    in_source = None if source is None else place.below(source.ref)
    in_destination = yield from _path_in_destination(place, order.destination)
    if in_source is not None and (in_destination is None or len(in_source) < len(in_destination)):
        raise DriveArgumentError(
            f"The manifest {manifest} is in the source {order.source}: the next run would archive it. "
            f"{_ADVICE}"
        )
    if in_destination is not None and (yield from _is_of_a_document(in_destination, place, source, order)):
        raise DriveArgumentError(
            f"The manifest {manifest} has the path of a document that is to be archived: one would overwrite "
            f"the other. {_ADVICE}"
        )
    is_in_new_folder = len(place.missing) > 1
    return in_destination is None or not is_in_new_folder


def _find_place(manifest: Address) -> Flow[_Place]:
    nearest, missing = yield from find_nearest(manifest)
    item, names = (None if missing else nearest), missing
    above: list[tuple[ItemRef, tuple[str, ...]]] = []
    while nearest is not None:
        above.append((nearest.ref, names))
        names = (nearest.name or "", *names)
        parent_id = None if nearest.is_root else nearest.parent_id
        nearest = (yield from find_item(ItemRef(nearest.ref.drive_id, parent_id))) if parent_id else None
    return _Place(item, missing, above)


def _path_in_destination(place: _Place, destination: Address) -> Flow[tuple[str, ...] | None]:
    """Return the manifest's path below the destination, which may not exist yet; None if it is elsewhere."""
    folder = yield from find_item(destination, follow=True)
    missing: tuple[str, ...] = ()
    if folder is None:
        folder, missing = yield from find_nearest(destination)
    names = None if folder is None else place.below(folder.ref)
    if names is None or len(names) <= len(missing) or not all(map(same_name, names, missing)):
        return None
    return names[len(missing) :]


def _is_of_a_document(
    names: tuple[str, ...], place: _Place, source: DriveItem | None, order: ArchiveOrder
) -> Flow[bool]:
    """Whether a document of the archive gets a path below the destination."""
    if source is None:
        return (yield from _is_of_an_item(names, order))
    if order.keep_structure:
        there = yield from find_item(
            PathAddress(f"drives/{source.ref.drive_id}", f"items/{source.ref.item_id}", names)
        )
        return there is not None and (there.is_folder or order.selection.takes("/".join(names), there))
    return len(names) == 1 and (yield from _is_below(source.ref, names[0], place, order))


def _is_below(folder: ItemRef, name: str, place: _Place, order: ArchiveOrder) -> Flow[bool]:
    """Whether a document below a folder has a name, and is not the manifest itself."""
    listing = Listing(folder)
    while listing:
        for path, item in (yield from listing.read()):
            is_manifest = place.item is not None and same_item(item.ref, place.item.ref)
            if same_name(item.name or "", name) and not is_manifest and order.selection.takes(path, item):
                return True
    return False


def _is_of_an_item(names: tuple[str, ...], order: ArchiveOrder) -> Flow[bool]:
    """Whether one of the items that were given gets a path. Only items whose names are unknown are read."""
    unknown: list[Address] = []
    for path, address in order.items or ():
        *folders, name = path.split("/")
        known = name or _name_in(address)
        if not _are_same([*folders, names[-1]] if order.keep_structure else names[-1:], names):
            continue
        if not known:
            unknown.append(address)
        elif same_name(known, names[-1]):
            return True
    read = yield from in_batches([find_item(address) for address in unknown])
    found = (item for item in read if item is not None and not isinstance(item, DriveError))
    return any(same_name(item.name or "", names[-1]) for item in found)


def _name_in(address: Address) -> str:
    names = address.names if isinstance(address, (PathAddress, LibraryAddress)) else ()
    return names[-1] if names else ""


def _are_same(one: Sequence[str], other: Sequence[str]) -> bool:
    return len(one) == len(other) and all(map(same_name, one, other))
