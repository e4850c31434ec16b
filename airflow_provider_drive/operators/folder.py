"""Makes folders of OneDrive and SharePoint."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.links import DriveDestinationLink, push_link_xcoms
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class DriveEnsureFolderOperator(BaseOperator):
    """
    Find a folder, or make it and what is missing above it. Two tasks may do so at once.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-post-children

    :param folder: Address of the folder, with a path. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: Graph's driveItem of the folder.
    :raises DriveNameConflictError: If something else than a folder has the name.
    """

    template_fields: Sequence[str] = ("folder", "drive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"folder": "json"}
    operator_extra_links = (DriveDestinationLink(),)
    ui_color = "#d5e8fb"

    def __init__(
        self, *, folder: Any, drive_conn_id: str = DriveHook.default_conn_name, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.drive_conn_id = drive_conn_id

    @cached_property
    def hook(self) -> DriveHook:
        """The hook of this task."""
        return DriveHook(self.drive_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Find or make the folder."""
        with (
            fail_on_permanent_errors(),
            self.hook.report(f"Ensuring {self.hook.address(self.folder)}") as outcome,
        ):
            folder = self.hook.ensure_folder(self.folder)
            push_link_xcoms(context, self.hook, None, folder)
            outcome.append(f"The folder {folder.get('name')} is {folder.get('id')}.")
            return folder

    def on_kill(self) -> None:
        """Stop at once."""
        self.hook.stop()
