"""Creates folders in OneDrive and SharePoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_drive.links import DriveDestinationLink, push_link_xcoms
from airflow_provider_drive.operators.base import DriveOperator
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class DriveEnsureFolderOperator(DriveOperator):
    """
    Return a folder, and create it and its missing parents first. Two tasks may do so at once.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-post-children

    :param folder: Address of the folder, with a path. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: Graph's driveItem of the folder.
    :raises DriveNameConflictError: If an item that is not a folder has the name.
    """

    template_fields: Sequence[str] = ("folder", "drive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"folder": "json"}
    operator_extra_links = (DriveDestinationLink(),)
    lineage_outputs: ClassVar[Sequence[str]] = ("folder",)

    def __init__(self, *, folder: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.folder = folder

    def execute(self, context: Context) -> dict[str, Any]:
        """Find or create the folder."""
        from airflow_provider_drive.lineage import Lineage, uri_of_json

        self._read_parameters()
        with fail_on_permanent_errors():
            what = self._client.describe(self.folder, parameter="folder", follow=True)
            with self._logged(f"Ensuring the folder {what}", folder=self.folder) as run:
                folder = self.hook.ensure_folder(self.folder)
                push_link_xcoms(context, self._client.hosts, made=folder)
                self._report_lineage(lambda: Lineage(outputs=(uri_of_json(folder),)))
                run.result = f"The folder {what} exists (id {folder.get('id')})."
                return folder
