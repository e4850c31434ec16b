"""A folder that many copies go to: whether it is there, and what it holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveError,
    DriveRequestError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.items.lookup import ensure_folder, find_item, make_folder
from airflow_provider_drive.protocol.wire.items import child, unnumbered
from airflow_provider_drive.protocol.wire.names import normalize_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.addresses import Address, ItemRef
    from airflow_provider_drive.protocol.wire.items import DriveItem

UNITS_PER_PAGE, ITEMS_PER_PAGE = 2, 200


def item_error(error: DriveError) -> DriveError:
    """
    Return an error that is about one item or folder.

    :raises DriveError: If it is about all of them: without a login, a network or patience none fares better.
    """
    if isinstance(error, DriveRequestError) and not isinstance(error, DriveThrottledError):
        return error
    raise error


@dataclass(eq=False, slots=True)
class TargetFolder:
    """
    A folder at the destination.

    :param parent: The folder that it is in; or its address is known.
    :param ref: None as long as it is not there.
    :param count: How many items it holds, about.
    :param is_new: It was made just now, and is not known everywhere yet.
    :param there: What is known to be in it, by its name in one case.
    :param is_read: Whether that was all, when it was listed.
    :param given: Names that belong to documents of this archive, done or on their way.
    :param awaited: Those of them that are on their way.
    """

    name: str
    parent: TargetFolder | None = None
    address: Address | None = None
    ref: ItemRef | None = None
    count: int = 0
    is_new: bool = False
    is_read: bool = False
    there: dict[str, DriveItem] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    _numbered: dict[str, list[DriveItem]] | None = None

    def path_of(self, name: str) -> str:
        """Return the path that a name here has, or would have, below the folder whose address is known."""
        return name if self.parent is None or self.address else self.parent.path_of(f"{self.name}/{name}")

    def get(self, name: str) -> DriveItem | None:
        """Return what is known to have a name here."""
        return self.there.get(normalize_name(name))

    def is_given(self, name: str) -> bool:
        """Whether a name belongs to a document of this archive, done or on its way."""
        return normalize_name(name) in self.given

    def is_taken(self, name: str) -> bool:
        """Whether nothing else can have a name here."""
        return self.is_given(name) or self.get(name) is not None

    def renamed(self, name: str) -> list[DriveItem]:
        """Return what has a name here, or that name with a number."""
        if self._numbered is None:
            self._numbered = {}
            for item in self.there.values():
                for wanted in unnumbered(item.name or ""):
                    self._numbered.setdefault(normalize_name(wanted), []).append(item)
        return self._numbered.get(normalize_name(name), [])

    def learn(self, name: str, item: DriveItem) -> None:
        """Note what has a name here."""
        self.there[normalize_name(name)], self._numbered = item.bare, None

    def plan(self, name: str, final_name: str) -> None:
        """Note the names of a document that is on its way: when it arrives, and in the end."""
        self.given |= {normalize_name(name), normalize_name(final_name)}
        self.awaited.add(normalize_name(name))

    def give(self, name: str) -> None:
        """Note that a name belongs to a document that is done: what has it need not be known any more."""
        self.there.pop(normalize_name(name), None)
        self.awaited.discard(normalize_name(name))
        self.given.add(normalize_name(name))

    def forget(self) -> None:
        """Forget what is here: there may be thousands of folders, with thousands of items."""
        self.there, self.given, self.awaited = {}, set(), set()
        self.is_read, self._numbered = False, None

    @property
    def units(self) -> int:
        """What it costs to list it."""
        return UNITS_PER_PAGE * max(1, math.ceil(self.count / ITEMS_PER_PAGE))

    def see(self, names: Sequence[str]) -> Flow[dict[str, DriveError]]:
        """
        Learn what has some names: by a listing, or name by name if that costs less.

        :return: What went wrong with some of them.
        :raises DriveError: If it is not for the sake of a name.
        """
        folder, faults = self.ref, {}
        if folder is None or self.is_read:
            return {}
        if self.units <= len(names):
            try:
                yield from self.read()
            except DriveRequestError as error:
                return dict.fromkeys(names, item_error(error))
            return {}
        found = yield from in_batches([find_item(child(folder, name)) for name in names])
        for name, item in zip(names, found, strict=True):
            if isinstance(item, DriveError):
                faults[name] = item_error(item)
            elif item is not None:
                self.learn(name, item)
        return faults

    def read(self) -> Flow[None]:
        """Read all that is here, and keep what is not done."""
        if self.ref is None:
            return
        there: dict[str, DriveItem] = {}
        count, done = 0, self.given - self.awaited
        listing = Listing(self.ref, recursive=False)
        while listing:
            page = yield from listing.read()
            count += len(page)
            there |= {name: found.item for found in page if (name := normalize_name(found.path)) not in done}
        self.there, self.is_read, self.count, self._numbered = there, True, count, None

    def ensure(self) -> Flow[ItemRef]:
        """Return the folder; make it, and those above it, if it is not there."""
        if self.ref is None and self.address is not None:
            ensured = yield from ensure_folder(self.address)
            self.ref, self.is_new = ensured.folder.ref, ensured.created
        elif self.ref is None and self.parent is not None:
            above = yield from self.parent.ensure()
            made = yield from make_folder(above, self.name)
            self.ref, self.is_new = made.ref, True
        if self.ref is None:
            raise DriveArgumentError(f"There is no folder to put {self.name!r} in.")
        return self.ref
