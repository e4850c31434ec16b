"""Lists the items of folders of OneDrive and SharePoint."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.links import DriveSourceLink, push_link_xcoms
from airflow_provider_drive.operators.base import DriveOperator
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.operators.base import Template
    from airflow_provider_drive.protocol.wire.items import DriveItem

_FILTERS = (
    *("pattern", "exclude", "modified_before", "modified_after", "created_before", "created_after"),
    *("min_size", "max_size", "kind"),
)


class DriveListOperator(DriveOperator):
    """
    List the items in a folder and below, filtered.

    All of them go into one XCom, about 320 bytes each. For thousands of documents let
    :class:`~airflow_provider_drive.operators.archive.DriveArchiveOperator` select them itself, or use
    :meth:`~airflow_provider_drive.hooks.drive.DriveHook.iter_items` in a task of your own.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-list-children

    :param folder: Address of the folder. (templated)
    :param recursive: Include the items in subfolders. Default is ``True``. (templated)
    :param pattern: Glob, or list of globs: an item's path below the folder must match one of them
        (``**/*.docx``). Default is any. (templated)
    :param exclude: Glob, or list of globs: an item's path must match none of them. Default is none.
        (templated)
    :param modified_before: Only items last changed before this: a time, or a duration (``P7Y``: more than
        seven years ago). (templated)
    :param modified_after: Only items last changed at or after this. (templated)
    :param created_before: Only items created before this. (templated)
    :param created_after: Only items created at or after this. (templated)
    :param min_size: Only files of at least this many bytes. (templated)
    :param max_size: Only files of at most this many bytes. (templated)
    :param kind: What to list: ``file``, ``folder`` or ``all``. A notebook counts as a file. The
        log names items that are neither, such as shortcuts and albums. Default is ``file``. (templated)
    :param limit: Stop after this many items, and read no more. Default is all. (templated)
    :param fail_if_empty: Fail if there is nothing to list, or nothing matches. Default is ``False``.
        (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: A list of mappings with ``driveId``, ``id``, ``name``, ``path`` (below the folder), ``size``,
        ``eTag`` and ``lastModifiedDateTime``. Each is an address for the other operators.
    :raises DriveArgumentError: If a parameter is invalid, or the address is not a folder's.
    :raises DriveItemNotFoundError: If the folder does not exist.
    :raises DriveError: If nothing was found, and ``fail_if_empty`` is true.
    """

    template_fields: Sequence[str] = (
        *("folder", "recursive", *_FILTERS, "limit", "fail_if_empty", "drive_conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"folder": "json"}
    boolean_fields: ClassVar[Sequence[str]] = ("recursive", "fail_if_empty")
    operator_extra_links = (DriveSourceLink(),)
    lineage_inputs: ClassVar[Sequence[str]] = ("folder",)

    def __init__(
        self,
        *,
        folder: Any,
        recursive: bool | Template = True,
        pattern: str | Sequence[str] | Template | None = None,
        exclude: str | Sequence[str] | Template | None = None,
        modified_before: Any = None,
        modified_after: Any = None,
        created_before: Any = None,
        created_after: Any = None,
        min_size: int | Template | None = None,
        max_size: int | Template | None = None,
        kind: Literal["file", "folder", "all"] | Template = "file",
        limit: int | Template | None = None,
        fail_if_empty: bool | Template = False,
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
        self.fail_if_empty = fail_if_empty

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """List the folder."""
        from airflow_provider_drive.lineage import Lineage
        from airflow_provider_drive.protocol.items.filters import read_selection
        from airflow_provider_drive.protocol.items.listing import Listing, describe_hidden
        from airflow_provider_drive.protocol.wire.uris import uri_of_item
        from airflow_provider_drive.protocol.wire.validation import check_globs, read_count

        self._read_parameters()
        filters = {name: getattr(self, name) for name in _FILTERS}
        with fail_on_permanent_errors():
            check_globs("pattern", self.pattern)
            check_globs("exclude", self.exclude)
            limit = None if self.limit is None else read_count("limit", self.limit, minimum=1)
        with (
            fail_on_permanent_errors(),
            self._logged(
                f"Listing {self._client.describe(self.folder, parameter='folder', follow=True)}",
                folder=self.folder,
            ) as run,
        ):
            selection = read_selection(self._client.now(), **filters)
            ref, folder = self._client.open_folder(self.folder)
            push_link_xcoms(context, self._client.hosts, source_url=_web_url(self.folder, folder))
            listing = Listing(ref, recursive=self.recursive)
            matches = self._client.read_matches(listing, selection)
            items = [found.as_dict() for found in islice(matches, limit)]
            if folder is not None and folder.child_count and not listing.count:
                self.log.warning("%s", describe_hidden(folder))
            url = None if folder is None else folder.web_url
            self._report_lineage(lambda: Lineage((uri_of_item(url, ref),)))
            size = sum(item["size"] or 0 for item in items)
            told = f"{len(items)} items ({size} bytes). {selection.describe()}".strip()
            run.result = f"Listed {told}"
            if self.fail_if_empty and not items:
                raise DriveError(f"Nothing was found, and fail_if_empty is set: {told}")
            return items


def _web_url(given: Any, folder: DriveItem | None) -> Any:
    """Return where a browser shows a folder, if it was read, or if another task returned it."""
    if folder is not None:
        return folder.web_url
    return given.get("webUrl") if isinstance(given, Mapping) else None
