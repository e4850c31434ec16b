"""Moves or deletes the originals of documents that were handed over, if they have not changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.archive.context import about_one_item
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.items.deletion import delete_unchanged
from airflow_provider_drive.protocol.items.update import Location, update_item
from airflow_provider_drive.protocol.move import MoveOrder, move_item
from airflow_provider_drive.protocol.wire.addresses import same_drive
from airflow_provider_drive.transfers.folders import Folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.protocol.wire.items import DriveItem

_AT_ONCE = 160


def delete_originals(client: DriveClient, originals: Iterable[tuple[str, DriveItem]]) -> Mapping[str, str]:
    """Delete originals, and return why the others were kept, by their ids."""
    kept: dict[str, str] = {}
    for chunk in _chunks(originals):
        outcomes = client.run(in_batches([delete_unchanged(item) for _, item in chunk]))
        kept |= _reasons(chunk, outcomes)
    return kept


def move_originals(
    client: DriveClient, originals: Iterable[tuple[str, DriveItem]], destination: Any
) -> Mapping[str, str]:
    """
    Move originals to a folder, and return why the others were kept, by their ids.

    They keep their paths there. The folder and those below it are made if they are missing.
    """
    folders, kept = Folders(client, destination, create=True), dict[str, str]()
    for chunk in _chunks(originals):
        targets = [(item, folders.get(path.rpartition("/")[0])) for path, item in chunk]
        if all(same_drive(item.ref.drive_id, folders.root.drive_id) for item, _ in targets):
            flows: list[Flow[Any]] = [update_item(item, Location(folder, None)) for item, folder in targets]
            kept |= _reasons(chunk, client.run(in_batches(flows)))
        else:
            kept |= _reasons(chunk, [_move_across(client, item, folder) for item, folder in targets])
    return kept


def _move_across(client: DriveClient, item: DriveItem, folder: ItemRef) -> Any:
    order = MoveOrder(item.ref, folder, if_match=item.etag, cross_drive="copy")
    try:
        return client.run(move_item(order))
    except DriveError as error:
        return error


def _chunks(originals: Iterable[tuple[str, DriveItem]]) -> Iterable[Sequence[tuple[str, DriveItem]]]:
    chunk: list[tuple[str, DriveItem]] = []
    for each in originals:
        chunk.append(each)
        if len(chunk) == _AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _reasons(chunk: Sequence[tuple[str, DriveItem]], outcomes: Sequence[Any]) -> dict[str, str]:
    pairs = zip(chunk, outcomes, strict=True)
    return {
        item.ref.item_id: str(about_one_item(outcome))
        for (_, item), outcome in pairs
        if isinstance(outcome, DriveError)
    }
