"""A copy that an archive makes: of a document, or of a folder with all that is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_drive.protocol.archive.context import fingerprint
from airflow_provider_drive.protocol.archive.state import Origin
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.protocol.archive.target import TargetFolder
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.wire.items import DriveItem

CONFLICT = "nameAlreadyExists"


@dataclass(eq=False, slots=True)
class CopyTask:
    """
    A copy that is to be requested, or is under way. Times are in seconds since the epoch.

    :param name: The name under which it arrives.
    :param final_name: The name that it gets then.
    :param is_temporary: Only this archive's copy can have the first name: an item with it is this copy.
    :param contents: All that is in it, by path, if it is a folder.
    :param requests: How often it was requested.
    :param lost: Requests whose answer was lost, so that each may have made it; one that an earlier try may
        have sent counts as lost.
    :param is_accepted: Graph has said that it makes the copy.
    :param refusal: A 404 that Graph answered, though it may make the copy all the same.
    :param status: What the monitor has said in the end.
    :param ended: When the search for it at the destination began.
    :param next_look: When to poll its monitor, or to search for it, next. None before the first poll, if that
        depends on how long other copies take.
    :param vanished: The original was not found among what is to be archived any more: it is ``gone``, or
        ``elsewhere``. Its copy is finished without being compared.
    """

    found: ListedItem
    target: TargetFolder
    name: str
    final_name: str
    is_temporary: bool = False
    contents: Mapping[str, ListedItem] | None = None
    requests: int = 0
    lost: int = 0
    is_accepted: bool = False
    monitor_url: str | None = None
    refusal: DriveError | None = None
    status: CopyStatus | None = None
    submitted: float = 0.0
    ended: float = 0.0
    next_look: float | None = 0.0
    mark: str = ""
    vanished: Literal["gone", "elsewhere"] | None = None

    def __post_init__(self) -> None:
        self.mark = self.mark or fingerprint(self.source, self.contents)

    @property
    def source(self) -> DriveItem:
        """What is copied."""
        return self.found.item

    @property
    def id(self) -> str:
        """The id of what is copied."""
        return self.source.ref.item_id

    @property
    def origin(self) -> Origin:
        """Where the original was."""
        return Origin(self.source.ref.drive_id, self.found.path, self.contents is not None)

    @property
    def can_be_split(self) -> bool:
        """Whether it is of a folder whose documents can be copied one by one."""
        return self.contents is not None and not self.vanished

    @property
    def is_running(self) -> bool:
        """Whether its monitor has not said yet how it ended."""
        return self.monitor_url is not None and self.status is None

    @property
    def resource_id(self) -> str | None:
        """The copy's id, if Graph has reported it."""
        return self.status.resource_id if self.status and self.status.state == "completed" else None

    @property
    def other_requests(self) -> int:
        """How many requests whose answers were lost may be running besides the one that has made the copy."""
        return self.lost if self.resource_id else self.lost - 1

    @property
    def is_repeated(self) -> bool:
        """Whether it is requested though an earlier request for it may be running."""
        return self.is_temporary and self.lost > 0 and self.requests > 0

    @property
    def is_identified(self) -> bool:
        """Whether its copy is known by an id that Graph reported, or by a name that nothing else can have."""
        return self.is_temporary or self.resource_id is not None

    @property
    def is_edited(self) -> bool:
        """Whether the source has changed since the copy was requested, by an earlier try."""
        return self.mark != fingerprint(self.source, self.contents)

    @property
    def weight(self) -> int:
        """How much of the memory for copies it takes; a document takes one."""
        return 1 + len(self.contents or ()) // 10

    def documents(self) -> list[tuple[str, ListedItem]]:
        """Return the documents in a folder: files and packages, without what is in packages."""
        contents = self.contents or {}
        packages = tuple(f"{path}/" for path, found in contents.items() if found.item.kind == "package")
        return [
            (path, found)
            for path, found in contents.items()
            if not found.item.is_folder and not path.startswith(packages)
        ]

    def resume(self, state: ArchiveState, now: float) -> bool:
        """Go on with what an earlier try knows of this copy; return whether it knows anything."""
        done, pending = state.done.get(self.id), state.pending.get(self.id)
        if done is not None:
            self.end(CopyStatus("completed", done.copy_id), now)
            self.mark, self.is_accepted = done.mark, True
        elif pending is not None:
            self.mark, self.is_temporary, self.monitor_url = (
                pending.mark,
                pending.is_temporary,
                pending.monitor_url or None,
            )
            self.is_accepted, self.lost = bool(pending.monitor_url), int(not pending.monitor_url)
        if done is None and pending is None:
            return False
        self.lost += self.is_temporary and state.repeats
        self.requests, self.submitted = 1, now
        return True

    def end(self, status: CopyStatus, now: float) -> None:
        """Note what its monitor, or the answer to its request, has said in the end."""
        self.status, self.ended, self.next_look = status, now, now

    def restart(self, found: ListedItem) -> None:
        """Forget what was requested: the source has changed since."""
        self.found, self.mark = found, fingerprint(found.item, self.contents)
        self.lost, self.is_accepted, self.status, self.monitor_url = 0, False, None, None
