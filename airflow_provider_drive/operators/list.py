"""Lists what is in folders of OneDrive and SharePoint."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

_FILTERS = (
    *("pattern", "exclude", "modified_before", "modified_after", "created_before", "created_after"),
    *("min_size", "max_size", "kind", "limit"),
)


class DriveListOperator(BaseOperator):
    """
    List what is in a folder and below, filtered.

    All that is found goes into one XCom, some 320 bytes for each item. For thousands of documents let
    :class:`~airflow_provider_drive.operators.archive.DriveArchiveOperator` select them by itself, or use
    :meth:`~airflow_provider_drive.hooks.drive.DriveHook.iter_items` in a task of your own.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-list-children

    :param folder: Address of the folder. (templated)
    :param recursive: List what is in its folders as well. Default is ``True``.
    :param pattern: Glob, or list of globs, of which an item's path below the folder has to match one:
        ``**/*.docx``. Default is any. (templated)
    :param exclude: Glob, or list of globs, of which it may match none. (templated)
    :param modified_before: Only what was last changed before: a time, or a duration (``P7Y``: more than seven
        years ago). (templated)
    :param modified_after: Only what was last changed since then. (templated)
    :param created_before: Only what was made before. (templated)
    :param created_after: Only what was made since then. (templated)
    :param min_size: Only files of so many bytes or more. (templated)
    :param max_size: Only files of so many bytes or less. (templated)
    :param kind: What to list: ``file``, ``folder`` or ``all``. A notebook is a file here. Default is
        ``file``. (templated)
    :param limit: How many items to list at most; no more is read then. Default is all. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: A list of mappings with ``driveId``, ``id``, ``name``, ``path`` (below the folder), ``size``,
        ``eTag`` and ``lastModifiedDateTime``. Each is an address for the other operators.
    :raises DriveArgumentError: If a filter makes no sense, or the folder is none.
    :raises DriveItemNotFoundError: If the folder does not exist.
    """

    template_fields: Sequence[str] = ("folder", *_FILTERS, "drive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"folder": "json"}
    ui_color = "#d5e8fb"

    def __init__(
        self,
        *,
        folder: Any,
        recursive: bool = True,
        pattern: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
        modified_before: Any = None,
        modified_after: Any = None,
        created_before: Any = None,
        created_after: Any = None,
        min_size: int | None = None,
        max_size: int | None = None,
        kind: str = "file",
        limit: int | None = None,
        drive_conn_id: str = DriveHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.folder = folder
        self.recursive = recursive
        self.pattern = pattern
        self.exclude = exclude
        self.modified_before = modified_before
        self.modified_after = modified_after
        self.created_before = created_before
        self.created_after = created_after
        self.min_size = min_size
        self.max_size = max_size
        self.kind = kind
        self.limit = limit
        self.drive_conn_id = drive_conn_id

    @cached_property
    def hook(self) -> DriveHook:
        """The hook of this task."""
        return DriveHook(self.drive_conn_id)

    def execute(self, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002  # Airflow's signature
        """List the folder."""
        filters = {name: getattr(self, name) for name in _FILTERS}
        with (
            fail_on_permanent_errors(),
            self.hook.report(f"Listing {self.hook.address(self.folder)}") as outcome,
        ):
            items = list(self.hook.iter_items(self.folder, recursive=self.recursive, **filters))
            size = sum(item["size"] or 0 for item in items)
            outcome.append(f"Listed: {len(items)} items of {size} bytes.")
            return items

    def on_kill(self) -> None:
        """Stop at once."""
        self.hook.stop()
