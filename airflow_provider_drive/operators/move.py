"""Moves items of OneDrive and SharePoint."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.links import DriveDestinationLink, DriveSourceLink, push_link_xcoms
from airflow_provider_drive.utils.failures import fail_on_permanent_errors
from airflow_provider_drive.utils.task_state import TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class DriveMoveOperator(BaseOperator):
    """
    Move an item to another folder of its drive, or rename it, or both.

    The item keeps its id, its versions and its sharing links. It is moved only if it still is what was read
    (``If-Match``). An item that is there already is left alone. On Airflow 3.3 and newer, a retry goes on
    with what an earlier try has begun, also if the item is not found under its old path any more.

    Graph does not move between drives. ``cross_drive="copy"`` copies the item, shows that the copy is whole,
    and then deletes the original: a new id, and no versions, permissions or metadata of the old one.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-move

    :param item: Address of the item to move. (templated)
    :param destination: Address of the folder to move it to. Default is the folder that it is in. (templated)
    :param name: The new name. Default is the one that it has. (templated)
    :param if_match: The eTag or cTag that the item has to have, as Graph gave it; ``*`` for any. Default is
        the eTag that it has when the task reads it; one that then moves by itself is read again. (templated)
    :param conflict_behavior: What to do if the destination holds the name: ``fail``, ``replace`` (files only)
        or ``rename``. Default is ``fail``. (templated)
    :param create_destination: Make the folders of the destination's path that are missing. Default is
        ``False``.
    :param cross_drive: What to do if the destination is in another drive: ``fail``, or ``copy`` for copy,
        check and delete. Default is ``fail``. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: Graph's driveItem of the moved item.
    :raises DriveAddressError: If an address cannot be understood.
    :raises DriveItemChangedError: If the item is not the one that ``if_match`` means. Nothing was changed
        then.
    :raises DriveNameConflictError: If the name is taken, and ``conflict_behavior`` does not help.
    """

    template_fields: Sequence[str] = (
        "item",
        "destination",
        "name",
        "if_match",
        "conflict_behavior",
        "cross_drive",
        "drive_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"item": "json", "destination": "json"}
    operator_extra_links = (DriveSourceLink(), DriveDestinationLink())
    ui_color = "#d5e8fb"

    def __init__(
        self,
        *,
        item: Any,
        destination: Any = None,
        name: str | None = None,
        if_match: str | None = None,
        conflict_behavior: str = "fail",
        create_destination: bool = False,
        cross_drive: str = "fail",
        drive_conn_id: str = DriveHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.item = item
        self.destination = destination
        self.name = name
        self.if_match = if_match
        self.conflict_behavior = conflict_behavior
        self.create_destination = create_destination
        self.cross_drive = cross_drive
        self.drive_conn_id = drive_conn_id

    @cached_property
    def hook(self) -> DriveHook:
        """The hook of this task."""
        return DriveHook(self.drive_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Move the item, or go on with what an earlier try has begun."""
        memory = TaskState(context, self.item, self.destination, self.name, self.cross_drive)
        with fail_on_permanent_errors(remembers=memory.is_durable):
            what = self.hook.describe(self.item, self.destination, self.name)
            with self.hook.report(f"Moving {what}") as outcome:
                item = self._move(context, memory)
                folder = item.get("parentReference", {}).get("id")
                outcome.append(f"Moved: {item.get('name')} is in the folder {folder} now.")
                return item

    def _move(self, context: Context, memory: TaskState) -> dict[str, Any]:
        try:
            item = self.hook.move_item(
                self.item,
                self.destination,
                self.name,
                self.if_match,
                self.conflict_behavior,
                create_destination=self.create_destination,
                cross_drive=self.cross_drive,
                memory=memory,
            )
        except DriveError:
            push_link_xcoms(context, self.hook, memory.begun)
            raise
        push_link_xcoms(context, self.hook, memory.begun, item)
        return item

    def on_kill(self) -> None:
        """Stop waiting at once."""
        self.log.warning("The task was stopped. Graph offers no way to cancel a copy: one that runs goes on.")
        self.hook.stop()
