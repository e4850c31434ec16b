"""Deletes items of OneDrive and SharePoint."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class DriveDeleteOperator(BaseOperator):
    """
    Delete an item: to the recycle bin, from which people can take it back. A folder goes with all in it.

    What is gone already counts as deleted. So a second try finds its work done; but one that is given a path
    deletes what has that path by then. With ``if_match``, or by ids, it cannot be another item.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-delete

    :param item: Address of the item. (templated)
    :param if_match: The eTag or cTag that the item has to have, as Graph gave it. Default is any. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: The item's ``driveId`` and ``id``; none if nothing is at the path.
    :raises DriveItemChangedError: If the item has another tag. It is kept then.
    """

    template_fields: Sequence[str] = ("item", "if_match", "drive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"item": "json"}
    ui_color = "#d5e8fb"

    def __init__(
        self,
        *,
        item: Any,
        if_match: str | None = None,
        drive_conn_id: str = DriveHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.item = item
        self.if_match = if_match
        self.drive_conn_id = drive_conn_id

    @cached_property
    def hook(self) -> DriveHook:
        """The hook of this task."""
        return DriveHook(self.drive_conn_id)

    def execute(self, context: Context) -> dict[str, str] | None:  # noqa: ARG002  # Airflow's signature
        """Delete the item, if it is there."""
        with (
            fail_on_permanent_errors(),
            self.hook.report(f"Deleting {self.hook.address(self.item)}") as outcome,
        ):
            deleted = self.hook.delete_item(self.item, self.if_match)
            outcome.append("There was nothing." if deleted is None else f"Deleted: {deleted['id']}.")
            return deleted

    def on_kill(self) -> None:
        """Stop at once."""
        self.hook.stop()
