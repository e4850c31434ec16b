"""Moves items of OneDrive and SharePoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_drive.configuration import COPY_TIMEOUT
from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.links import DriveDestinationLink, DriveSourceLink, push_link_xcoms
from airflow_provider_drive.operators.base import DriveOperator
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.operators.base import Template
    from airflow_provider_drive.utils.task_state import TaskState


class DriveMoveOperator(DriveOperator):
    """
    Move an item to another folder of its drive, rename it, or both.

    The item keeps its id, its versions and its sharing links. The request carries ``If-Match``: if the item
    has changed since it was read, it is not moved. An item that is already there stays as it is. On Airflow
    3.3 and newer, a retry goes on with the move that an earlier try started, even if the item is no longer at
    its old path.

    Graph does not move between drives. ``cross_drive="copy"`` copies the item, verifies the copy, and then
    deletes the original: the item gets a new id, and loses its versions, permissions and metadata.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-move

    :param item: Address of the item to move. (templated)
    :param destination: Address of the folder to move it to. Default is the folder that it is in. (templated)
    :param name: The new name. Default is the current one. (templated)
    :param if_match: The eTag or cTag that the item must have, as Graph returned it; ``*`` for any. Default is
        the eTag that it has when the task reads it; if that changes without a change of the item, it is read
        again. (templated)
    :param conflict_behavior: What to do if the destination holds the name: ``fail``, ``replace`` (files only)
        or ``rename``. Default is ``fail``. (templated)
    :param create_destination: Create the missing folders of the destination's path. Default is ``False``.
        (templated)
    :param cross_drive: What to do if the destination is in another drive: ``fail``, or ``copy`` to copy the
        item, verify the copy and delete the original. Default is ``fail``. (templated)
    :param verify: Compare a copy with its source before the original is deleted. It has to be true with
        ``cross_drive="copy"``: nothing is deleted unverified. Default is ``True``. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: Graph's driveItem of the moved item.
    :raises DriveAddressError: If an address is invalid.
    :raises DriveArgumentError: If another parameter is invalid.
    :raises DriveItemChangedError: If ``if_match`` is not the item's tag. Nothing was changed then.
    :raises DriveNameConflictError: If the name is taken, and ``conflict_behavior`` does not resolve it.
    """

    template_fields: Sequence[str] = (
        "item",
        "destination",
        "name",
        "if_match",
        "conflict_behavior",
        "create_destination",
        "cross_drive",
        "verify",
        "drive_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"item": "json", "destination": "json"}
    boolean_fields: ClassVar[Sequence[str]] = ("create_destination", "verify")
    operator_extra_links = (DriveSourceLink(), DriveDestinationLink())
    lineage_inputs: ClassVar[Sequence[str]] = ("item",)

    def __init__(
        self,
        *,
        item: Any,
        destination: Any = None,
        name: str | Template | None = None,
        if_match: str | Template | None = None,
        conflict_behavior: Literal["fail", "replace", "rename"] | Template = "fail",
        create_destination: bool | Template = False,
        cross_drive: Literal["fail", "copy"] | Template = "fail",
        verify: bool | Template = True,
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
        self.verify = verify

    def execute(self, context: Context) -> dict[str, Any]:
        """Move the item, or go on with the move that an earlier try started."""
        from airflow_provider_drive.protocol.wire.labels import read_label
        from airflow_provider_drive.utils.task_state import TaskState

        self._read_parameters()
        state = TaskState(context, self.item, self.destination, self.name, self.cross_drive)
        with fail_on_permanent_errors(remembers=state.is_durable):
            what = self._client.describe(self.item, self.destination, self.name)
            with self._logged(f"Moving {what}", item=self.item, destination=self.destination) as run:
                item = self._move(context, state)
                run.result = f"Moved: it is {read_label(item)!r} now (id {item.get('id')})."
                return item

    def _move(self, context: Context, state: TaskState) -> dict[str, Any]:
        from airflow_provider_drive.lineage import lineage_of_move

        try:
            item = self._run_move(state)
        except DriveError:
            self._publish(context, state.started)
            raise
        push_link_xcoms(context, self._client.hosts, state.started, item)
        self._report_lineage(lambda: lineage_of_move(state.started, item))
        return item

    def _run_move(self, state: TaskState) -> dict[str, Any]:
        from airflow_provider_drive.protocol.move import MoveOrder, move_item

        order = MoveOrder(
            self._client.address(self.item, follow=False),
            self._client.optional_address(self.destination),
            self.name,
            self.if_match,
            self.conflict_behavior,
            self.create_destination,
            self.cross_drive,
            self.verify,
        )
        return dict(self._client.run(move_item(order, self._client.wait(COPY_TIMEOUT)), state).raw)
