"""
Flows that delete an item: to the recycle bin.

https://learn.microsoft.com/graph/api/driveitem-delete
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import DriveItemChangedError, DriveRequestError, DriveResponseError
from airflow_provider_drive.protocol.items.lookup import find_item
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import delete_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.wire.addresses import ItemRef
    from airflow_provider_drive.protocol.wire.items import DriveItem

_HELD = {403, 423, 500}
"""What Graph was seen to answer if a hold or a retention label keeps an item."""
MAX_ETAG_RETRIES = 3
"""How often an eTag that moved by itself is read again."""


def delete_item(
    item: ItemRef, if_match: str | None = None, check_again: Callable[[], Flow[None]] | None = None
) -> Flow[bool]:
    """
    Delete an item: to the recycle bin.

    :param check_again: Looks once more, before the request is sent again, whether the item may be deleted.
    :return: Whether Graph has deleted it; false if it was gone already.
    """
    request = delete_request(item, if_match)

    def read(response: Response) -> bool:
        if response.status == 404:
            return False
        if not response.ok:
            raise error_from_response(response, request.action, request.trace)
        if response.body.strip():  # a proxy's page, say
            raise DriveResponseError(f"Could not {request.action}: the answer is not that of a deletion.")
        return True

    try:
        return (yield from send_with_retries(request, read, check_again=check_again))
    except DriveRequestError as error:
        if error.status in _HELD:
            error.add("A legal hold or a retention label may forbid that it is deleted.")
        raise


def delete_unchanged(
    item: DriveItem, if_match: str | None = None, check_again: Callable[[], Flow[None]] | None = None
) -> Flow[bool]:
    """
    Delete an item if it is still as it was read. An eTag that moved by itself is read again.

    :param check_again: Looks once more, before the request is sent again, whether the item may be deleted.
    :return: Whether Graph has deleted it; false if it was gone already.
    :raises DriveItemChangedError: If it has changed. It is kept then.
    """
    for attempt in count():
        try:
            return (yield from delete_item(item.ref, if_match or item.etag or item.ctag, check_again))
        except DriveItemChangedError:
            seen = yield from find_item(item.ref)
            if seen is None:
                break
            if if_match is not None or attempt == MAX_ETAG_RETRIES or not is_unchanged(item, seen):
                raise
            item = seen
    return False


def is_unchanged(one: DriveItem, other: DriveItem) -> bool:
    """Whether an item is what it was, though its eTag moved: with photos and Office files it does so."""
    told = (one.parent_id, one.name, one.ctag)
    return one.ctag is not None and told == (other.parent_id, other.name, other.ctag)
