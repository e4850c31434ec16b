"""Deletes items of OneDrive and SharePoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_drive.operators.base import DriveOperator
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.operators.base import Template


class DriveDeleteOperator(DriveOperator):
    """
    Move an item to the recycle bin, from which it can be restored. A folder is deleted with its contents.

    An item that is already gone counts as deleted, so a retry succeeds. If the item is given by a path, a
    retry deletes whatever has that path by then; ``if_match`` or an address by ids prevents that.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-delete

    :param item: Address of the item. (templated)
    :param if_match: The eTag or cTag that the item must have, as Graph returned it. Default is any.
        (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: The item's ``driveId`` and ``id``; ``None`` if there is no item at the path.
    :raises DriveItemChangedError: If the item has another tag. It is not deleted then.
    """

    template_fields: Sequence[str] = ("item", "if_match", "drive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"item": "json"}

    def __init__(self, *, item: Any, if_match: str | Template | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.item = item
        self.if_match = if_match

    def execute(self, context: Context) -> dict[str, str] | None:  # noqa: ARG002  # Airflow's signature
        """Delete the item, if it exists."""
        from airflow_provider_drive.lineage import lineage_of_deletion, without_faults

        self._read_parameters()
        with fail_on_permanent_errors():
            what = self._client.describe(self.item)
            with self._logged(f"Deleting {what}", item=self.item) as run:
                deleted = self.hook.delete_item(self.item, self.if_match)
                nothing = "There was nothing to delete."
                run.result = f"Deleted {what} (id {deleted['id']})." if deleted else nothing
                if deleted:
                    self._lineage = without_faults(lambda: lineage_of_deletion(self.item, deleted))
            return deleted
