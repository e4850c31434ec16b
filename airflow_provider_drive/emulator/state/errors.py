"""Operations that the tenant's state does not allow. :mod:`..graph.errors` maps each to an error of Graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.emulator.state.items import Item


class StateError(Exception):
    """The operation is not possible."""


class DriveNotFoundError(StateError):
    """No drive has this id."""


class InvalidNameError(StateError):
    """The drive does not allow this name."""


class NameTooLongError(InvalidNameError):
    """The name has more than 255 characters."""


class NameTakenError(StateError):
    """
    The folder already contains an item of this name.

    :param children: Items at the destination whose names collide, if the children of a folder are copied.
    """

    def __init__(self, children: Sequence[Item] = ()) -> None:
        super().__init__("Name already exists")
        self.children = children


class ItemGoneError(StateError):
    """The item was deleted or moved before the job began."""


class ItemLockedError(StateError):
    """The item is locked or checked out."""


class ItemHeldError(StateError):
    """A retention label does not allow to delete the item."""


class QuotaExceededError(StateError):
    """The drive has less space left than the operation needs."""


class BudgetExceededError(StateError):
    """
    The tenant's resource units are used up.

    :param retry_after: Seconds until the client may try again; None if the service does not say.
    """

    def __init__(self, retry_after: int | None) -> None:
        super().__init__("The request has been throttled")
        self.retry_after = retry_after
