"""What came of a document of an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.wire.items import DriveItem

State = Literal["copied", "there", "failed", "planned"]


class Outcome(NamedTuple):
    """
    What came of a document.

    :param state: ``copied``; ``there`` if the destination holds its content, and nothing tells that this
        archive has made that copy; ``failed``; ``planned`` in a dry run.
    :param how: ``folder`` if it was copied with its folder, else ``document``.
    :param copy: The item at the destination.
    :param is_verified: Whether size and hash are those of the original; or, where the service rewrites them
        or tells none, whether the copy is known by its id and does not differ.
    :param is_ours: Whether Graph told this archive the copy's id, or the copy arrived under a name of its
        own; and the original has the eTag that it had when its copy was requested.
    :param is_gone: The original does not exist any more.
    :param rival: Id of the document of this archive that gets the name, if it failed for that.
    :param to: Where it would go, below the destination, if it is planned.
    """

    state: State
    found: ListedItem
    how: Literal["folder", "document"] = "document"
    copy: DriveItem | None = None
    reason: str = ""
    is_verified: bool = False
    is_ours: bool = False
    is_gone: bool = False
    rival: str = ""
    to: str = ""
