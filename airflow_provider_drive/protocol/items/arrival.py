"""
Wait until a document, or enough of them, are there and settled.

A document is *settled* if it is not being uploaded, is not empty, and has not changed for some time by
Graph's clock: until then, a reader may find half of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveConnectionError,
    DriveItemNotFoundError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.protocol.items.filters import check_can_match, read_selection
from airflow_provider_drive.protocol.items.listing import ListedItem, Listing
from airflow_provider_drive.protocol.items.lookup import Pages, get_folder, get_item, in_library
from airflow_provider_drive.protocol.wire.addresses import (
    ItemRef,
    LibraryAddress,
    PathAddress,
    parse_address,
)
from airflow_provider_drive.protocol.wire.items import children_request, read_item
from airflow_provider_drive.protocol.wire.validation import check_globs, read_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.items.filters import Selection
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.hosts import Hosts
    from airflow_provider_drive.protocol.wire.items import DriveItem

SETTLE = 60.0
"""Seconds for which a document has not changed when it counts as complete."""
_TOLERANCE = 2.0
"""Seconds by which Graph's times may differ: they have whole seconds."""
_NAMED = 5
"""Documents of a kind that a log line names."""
_PASSING = (DriveConnectionError, DriveThrottledError, DriveServiceError)


class Version(NamedTuple):
    """
    What tells that a document has changed since an earlier look.

    :param seen: When the look was, by Graph's clock.
    :param changed: When it was last changed, by Graph's clock.
    """

    etag: str | None
    size: int | None
    seen: float
    changed: float


class SettleCheck:
    """
    Tells whether documents are settled, and remembers what it has seen of those that are not.

    The time of the last change is Graph's. A client that uploads may set it to that of its own file: if it is
    earlier than a look that has not seen the change yet, or in the future, the change counts from when it is
    seen.

    :param settle: Seconds without a change. With 0, an empty document is settled as well.
    """

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._seen: dict[str, Version] = {}

    def why_not(self, item: DriveItem, now: float) -> str:
        """
        Return why a document is not settled, in a few words; nothing if it is.

        :param now: The time by Graph's clock.
        """
        changed = self._last_change(item, now)
        if item.is_pending:
            return "is being uploaded"
        if self._settle <= 0 or item.is_container:
            return ""
        if not item.size:
            return "is empty"
        return f"changed {max(0.0, now - changed):.0f} s ago" if now - changed < self._settle else ""

    def _last_change(self, item: DriveItem, now: float) -> float:
        before, changed = self._seen.get(item.ref.item_id), item.modified or 0.0
        is_dated = changed <= now + _TOLERANCE and (before is None or changed >= before.seen - _TOLERANCE)
        if before is not None and (item.etag, item.size) == (before.etag, before.size):
            changed = max(changed, before.changed) if is_dated else before.changed
        elif not is_dated:
            changed = now
        self._seen[item.ref.item_id] = Version(item.etag, item.size, now, changed)
        return changed


@dataclass(frozen=True)
class Look:
    """
    What one look has found.

    :param settled: The documents that are settled.
    :param unsettled: Those that are not, and why.
    :param needed: How many have to be settled.
    :param note: What kept it from looking.
    """

    settled: Sequence[ListedItem] = ()
    unsettled: Sequence[tuple[ListedItem, str]] = ()
    needed: int = 1
    note: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether enough are settled."""
        return not self.note and len(self.settled) >= self.needed

    def __str__(self) -> str:
        if self.note:
            return self.note
        told = [
            *(f"{path} settled" for path, _ in self.settled[:_NAMED]),
            *(f"{each.path} {why}" for each, why in self.unsettled[:_NAMED]),
        ]
        if more := len(self.unsettled) + len(self.settled) - len(told):
            told.append(f"and {more} more")
        return f"{len(self.settled)} of {self.needed}: {', '.join(told) or 'nothing is there yet'}"


@dataclass(frozen=True)
class Arrival:
    """
    What is waited for: one item, or documents below a folder.

    :param address: Of the item, or of the folder.
    :param selection: Which documents below the folder; None for the item itself.
    :param needed: How many documents have to be settled.
    """

    address: Address
    selection: Selection | None = None
    recursive: bool = False
    needed: int = 1
    check: SettleCheck = field(default_factory=lambda: SettleCheck(SETTLE))

    def __str__(self) -> str:
        return str(self.address) if self.selection is None else f"{self.needed} documents in {self.address}"


def read_arrival(
    hosts: Hosts,
    now: float,
    *,
    item: Any = None,
    folder: Any = None,
    pattern: Any = None,
    exclude: Any = None,
    recursive: bool = False,
    min_count: Any = 1,
    settle: float = SETTLE,
) -> Arrival:
    """
    Return what the sensor's parameters say is waited for.

    :raises DriveArgumentError: If a parameter is invalid. The message names it.
    """
    if (item is None) == (folder is None):
        raise DriveArgumentError("Give either `item` or `folder`.")
    check = SettleCheck(settle)
    if folder is None:
        if pattern is not None or exclude is not None:
            raise DriveArgumentError("`pattern` and `exclude` select from a `folder`, not for an `item`.")
        return Arrival(parse_address(item, hosts), check=check)
    globs = {"pattern": check_globs("pattern", pattern), "exclude": check_globs("exclude", exclude)}
    selection = check_can_match(read_selection(now, **globs), recursive=recursive)
    needed = read_count("min_count", min_count, minimum=1)
    return Arrival(parse_address(folder, hosts), selection, recursive, needed, check)


def look(arrival: Arrival, wait: Wait) -> Flow[Look]:
    """
    Look once. What is not there, and a fault that passes, is what the look has found.

    :raises DriveArgumentError: If the folder is a file.
    """
    try:
        found = yield from _find(arrival)
    except DriveItemNotFoundError:
        return Look(needed=arrival.needed, note=f"{arrival.address} is not there yet")
    except _PASSING as error:
        return Look(needed=arrival.needed, note=f"Graph could not be asked: {error}")
    settled: list[ListedItem] = []
    unsettled: list[tuple[ListedItem, str]] = []
    for each in found:
        if why := arrival.check.why_not(each.item, each.item.read_at or wait.now()):
            unsettled.append((each, why))
        else:
            settled.append(each)
    return Look(settled, unsettled, arrival.needed)


def wait_for_arrival(arrival: Arrival, wait: Wait) -> Flow[Look]:
    """Look until enough documents are settled, or the time is over; return the last look."""
    while True:
        last = yield from look(arrival, wait)
        if last.is_complete or wait.is_over:
            return last
        yield Pause(min(wait.poll_interval, wait.remaining), f"{last}.")


class ArrivalEvent(NamedTuple):
    """
    What the trigger tells of the wait.

    :param status: ``arrived``, ``timeout``, or ``failed``.
    :param message: What the last look has found, or the error.
    :param deadline: When the wait ends, in seconds since the epoch.
    :param is_permanent: Whether no retry can heal a failure.
    """

    status: str
    message: str
    deadline: float
    is_permanent: bool = False


def read_arrival_event(event: Any) -> ArrivalEvent:
    """
    Read a trigger's event, which has crossed a database that others write to.

    :raises DriveResponseError: If it is not exactly one of ours.
    """
    kinds = {"status": str, "message": str, "deadline": float, "is_permanent": bool}
    if (
        not isinstance(event, Mapping)
        or event.keys() != kinds.keys()
        or not all(isinstance(event[name], kind) for name, kind in kinds.items())
        or event["status"] not in {"arrived", "timeout", "failed"}
    ):
        raise DriveResponseError("The trigger's event is refused: it is not one of DriveItemTrigger's.")
    return ArrivalEvent(**event)


def _find(arrival: Arrival) -> Flow[list[ListedItem]]:
    if arrival.selection is None:
        item = yield from get_item(arrival.address)
        return [ListedItem(item.name or "", item)]
    address = arrival.address
    if isinstance(address, LibraryAddress):
        address = yield from in_library(address)
    found = yield from _list_by_path(address, recursive=arrival.recursive)
    if found is None:
        folder = address if isinstance(address, ItemRef) else (yield from get_folder(address)).ref
        found = yield from _list(folder, recursive=arrival.recursive)
    return [each for each in found if arrival.selection.takes(each.path, each.item)]


def _list_by_path(address: Address, *, recursive: bool) -> Flow[list[ListedItem] | None]:
    """
    List a folder by its path, which saves the request that reads its id.

    :return: None if there is more than a page, or nothing: then it may be a file, or may not exist.
    """
    if not isinstance(address, PathAddress):
        return None
    pages = Pages(children_request(address, lean=True))
    try:
        entries = yield from pages.read()
    except _PASSING:
        raise
    except DriveRequestError:
        return None  # to read the folder tells more
    if pages or not entries:
        return None
    found = [ListedItem(item.name or "", item) for item in map(partial(read_item, bare=True), entries)]
    for path, item in found[:] if recursive else []:
        if item.is_folder:
            found += yield from _list(item.ref, prefix=path, recursive=True)
    return found


def _list(folder: ItemRef, *, recursive: bool, prefix: str = "") -> Flow[list[ListedItem]]:
    listing, found = Listing(folder, recursive=recursive, prefix=prefix), []
    while listing:
        found += yield from listing.read()
    return found
