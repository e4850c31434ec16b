"""Microsoft Graph's drives for Airflow: one connection, and a method for each operation."""

from __future__ import annotations

import io
import os
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_drive.configuration import COPY_TIMEOUT, POLL_INTERVAL
from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveItemChangedError,
    DriveItemNotFoundError,
)
from airflow_provider_drive.hooks.graph import DEFAULT_CONN_ID, GraphHook
from airflow_provider_drive.lineage import Lineage, lineage_of_copy, lineage_of_move, uri_of_json
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.verify import result_from_status, wait_for_copy
from airflow_provider_drive.protocol.items.deletion import delete_item
from airflow_provider_drive.protocol.items.download import read_file
from airflow_provider_drive.protocol.items.filters import read_selection
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.items.lookup import ensure_folder, get_item, list_children
from airflow_provider_drive.protocol.items.transfer import check_file, write_file
from airflow_provider_drive.protocol.monitor import poll_monitor, poll_once
from airflow_provider_drive.protocol.move import MoveOrder, move_item
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.items import check_tag
from airflow_provider_drive.protocol.wire.uris import uri_of_address
from airflow_provider_drive.protocol.wire.validation import check_globs, read_count, read_seconds
from airflow_provider_drive.utils.task_state import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from airflow_provider_drive.protocol.wire.copy_job import CopyBehavior, GraphBehavior


class DriveHook(GraphHook):
    """
    Read, copy, move and delete items of OneDrive and SharePoint through Microsoft Graph.

    An item's address is a Graph resource path, a mapping with ``driveId`` and ``id``, the driveItem that
    another task returned, or the URL that a browser shows.

    .. seealso::
        https://learn.microsoft.com/graph/api/resources/driveitem

    :param drive_conn_id: The connection, of type ``microsoft_drive`` or ``msgraph``.
        Default is ``drive_default``.
    """

    conn_name_attr = "drive_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "microsoft_drive"
    hook_name = "Microsoft Drive (OneDrive, SharePoint)"
    # Airflow 2.11 looks for these at the class itself, not at what it inherits.
    get_connection_form_widgets = GraphHook.get_connection_form_widgets
    get_ui_field_behaviour = GraphHook.get_ui_field_behaviour

    def get_item(self, item: Any) -> dict[str, Any]:
        """
        Read an item.

        https://learn.microsoft.com/graph/api/driveitem-get

        :param item: Address of the item.
        :return: Graph's driveItem, without the links that open its content.
        :raises DriveItemNotFoundError: If it does not exist, or this login may not see it.
        """
        return dict(self._client.run(get_item(self._client.address(item))).raw)

    def list_children(self, folder: Any) -> list[dict[str, Any]]:
        """
        Read all items in a folder, but not those in its subfolders.

        https://learn.microsoft.com/graph/api/driveitem-list-children

        :param folder: Address of the folder.
        :return: Graph's driveItems.
        :raises DriveItemNotFoundError: If the folder does not exist.
        """
        return self._client.run(list_children(self._client.resolve(folder)))

    def iter_items(
        self,
        folder: Any,
        *,
        recursive: bool = True,
        kind: Literal["file", "folder", "all"] = "file",
        limit: int | None = None,
        **filters: Any,
    ) -> Iterator[dict[str, Any]]:
        """
        Iterate over the items in a folder and below, while they are read: one page is in memory at a time.

        An item that is moved meanwhile may be missed, or come twice. The filters are those of
        :class:`~airflow_provider_drive.operators.list.DriveListOperator`: ``pattern``, ``exclude``,
        ``modified_before``, ``modified_after``, ``created_before``, ``created_after``, ``min_size`` and
        ``max_size``.

        https://learn.microsoft.com/graph/api/driveitem-list-children

        :param folder: Address of the folder.
        :param recursive: Include the items in subfolders. Default is ``True``.
        :param kind: ``file``, ``folder`` or ``all``. Default is ``file``.
        :param limit: Stop after this many items, and read no more. Default is all.
        :return: Mappings with ``driveId``, ``id``, ``name``, ``path`` (below the folder), ``size``, ``eTag``
            and ``lastModifiedDateTime``.
        :raises DriveArgumentError: If a filter is invalid.
        :raises DriveItemNotFoundError: If the folder does not exist.
        """
        for name in ("pattern", "exclude"):
            check_globs(name, filters.get(name))
        selection = read_selection(self._client.now(), kind=kind, **filters)
        most = None if limit is None else read_count("limit", limit, minimum=1)
        ref, _ = self._client.open_folder(folder)
        matches = self._client.read_matches(Listing(ref, recursive=recursive), selection)
        yield from (found.as_dict() for found in islice(matches, most))

    def ensure_folder(self, folder: Any) -> dict[str, Any]:
        """
        Return a folder, and create it and its missing parents first. Two tasks may do so at once.

        https://learn.microsoft.com/graph/api/driveitem-post-children

        :param folder: Address of the folder, with a path.
        :return: Graph's driveItem of the folder.
        :raises DriveNameConflictError: If an item that is not a folder has the name.
        """
        return dict(self._client.run(ensure_folder(self._client.address(folder))).folder.raw)

    def move_item(
        self,
        item: Any,
        destination: Any = None,
        name: str | None = None,
        if_match: str | None = None,
        conflict_behavior: GraphBehavior = "fail",
        *,
        create_destination: bool = False,
        cross_drive: Literal["fail", "copy"] = "fail",
    ) -> dict[str, Any]:
        """
        Move an item to another folder, rename it, or both. An item that is already there stays as it is.

        https://learn.microsoft.com/graph/api/driveitem-move

        :param item: Address of the item.
        :param destination: Address of the folder. Default is the one that the item is in.
        :param name: The new name. Default is the current one.
        :param if_match: The eTag or cTag that the item must have, ``*`` for any. Default is the eTag that it
            has when it is read.
        :param conflict_behavior: What to do if the name is taken: ``fail``, ``replace`` (files only) or
            ``rename``. Default is ``fail``.
        :param create_destination: Create the missing folders of the destination. Default is ``False``.
        :param cross_drive: What to do if the destination is in another drive: ``fail``, or ``copy`` to copy
            the item, verify the copy and delete the original. Default is ``fail``.
        :return: Graph's driveItem of the moved item.
        :raises DriveItemChangedError: If ``if_match`` is not the item's tag. Nothing was changed then.
        :raises DriveNameConflictError: If the name is taken.
        """
        order = MoveOrder(
            self._client.address(item, follow=False),
            self._client.optional_address(destination),
            name,
            if_match,
            conflict_behavior,
            create_destination,
            cross_drive,
        )
        state = TaskState({})  # it stores nothing, and knows what the item was before
        moved = dict(self._client.run(move_item(order, self._client.wait(COPY_TIMEOUT)), state).raw)
        self._lineage.report(lambda: lineage_of_move(state.started, moved))
        return moved

    def delete_item(self, item: Any, if_match: str | None = None) -> dict[str, str] | None:
        """
        Delete an item: it goes to the recycle bin. An item that is already gone counts as deleted.

        For a shortcut to another drive, the shortcut is deleted, not the item that it leads to.

        https://learn.microsoft.com/graph/api/driveitem-delete

        :param item: Address of the item.
        :param if_match: The eTag or cTag that the item must have. Default is any.
        :return: Its ``driveId`` and ``id``; ``None`` if there is no item at the path.
        :raises DriveItemChangedError: If it has another tag.
        """
        if_match = None if if_match is None else check_tag(if_match)
        address = self._client.address(item, follow=False)
        if not isinstance(address, ItemRef):
            try:
                address = self._client.run(get_item(address, follow=False)).ref
            except DriveItemNotFoundError:
                return None
        try:
            self._client.run(delete_item(address, if_match))
        except DriveItemChangedError as error:
            error.retryable = False  # a retry would find the same tag
            raise
        return address.as_dict()

    def copy_item(
        self,
        item: Any,
        destination: Any = None,
        name: str | None = None,
        conflict_behavior: CopyBehavior = "fail",
        *,
        children_only: bool = False,
        include_all_version_history: bool = False,
        create_destination: bool = False,
    ) -> str | None:
        """
        Submit a copy of an item. Graph makes it after this has returned.

        https://learn.microsoft.com/graph/api/driveitem-copy

        :param item: Address of the item. A folder is copied with all that is in it.
        :param destination: Address of the folder to put the copy in. Default is the one that the item is in.
        :param name: The copy's name. Default is the item's.
        :param conflict_behavior: What to do if the name is taken: ``fail``, ``replace`` (files only),
            ``rename``, or ``skip``: an item with the same content counts as the copy. Default is ``fail``.
        :param children_only: Copy the items in the folder, not the folder. Default is ``False``.
        :param include_all_version_history: Copy all versions, not only the newest. Default is ``False``.
        :param create_destination: Create the missing folders of the destination. Default is ``False``.
        :return: The monitor URL, a secret: it shows the copy's status without a token. ``None`` if Graph
            returned none.
        :raises DriveItemNotFoundError: If the item or the folder does not exist.
        :raises DriveResponseError: If the monitor is on a host that may not be called. Graph makes the copy.
        :raises DriveCopyUnknownError: If Graph's answer was lost, and no copy shows up within a day.
        """
        order = CopyOrder(
            self._client.address(item),
            self._client.optional_address(destination),
            name,
            conflict_behavior,
            children_only,
            include_all_version_history,
            create_destination,
        )
        job = self._client.submit_copy(order, self._client.wait(COPY_TIMEOUT))
        self._lineage.report(lambda: lineage_of_copy(job))
        return job.monitor_url

    def get_copy_status(self, monitor_url: str) -> dict[str, Any]:
        """
        Poll a copy's monitor once.

        https://learn.microsoft.com/graph/long-running-actions-overview

        :param monitor_url: The URL that :meth:`copy_item` returned.
        :return: A mapping with ``status``: ``running``, ``completed``, ``failed``, or ``unknown`` if the
            monitor does not know the copy any more; and with ``resource_id``, ``percent_complete``, ``code``
            and ``message`` if they are known.
        """
        return self._client.run(poll_once(monitor_url)).status.as_event()

    def wait_for_copy(
        self,
        monitor_url: str | None,
        destination: Any = None,
        name: str | None = None,
        *,
        timeout: float = COPY_TIMEOUT,
        poll_interval: float = POLL_INTERVAL,
    ) -> dict[str, Any]:
        """
        Wait for a copy to end, and verify it.

        Without a destination, the copy is verified only if this hook submitted it; else the monitor's answer
        is the result.

        :param monitor_url: The URL that :meth:`copy_item` returned.
        :param destination: Address of the folder that the copy goes to. Default is the one that
            :meth:`copy_item` of this hook was given.
        :param name: The copy's name. It says where to look if the monitor does not say how the copy ended.
            What is there counts as the copy only if it has the source's content, so only the hook that
            submitted the copy can say.
        :param timeout: Seconds to wait. Default is ``86400``, a day.
        :param poll_interval: The longest pause between two polls, in seconds; the first ones are shorter.
            Default is ``15``.
        :return: Graph's driveItem of the copy; without a destination the monitor's ``status``,
            ``resource_id`` and ``id``.
        :raises DriveCopyFailedError: If the copy failed.
        :raises DriveCopyTimeoutError: If it was not done in time.
        :raises DriveCopyUnknownError: If its outcome cannot be determined.
        """
        wait = self._client.wait(
            read_seconds("timeout", timeout), read_seconds("poll_interval", poll_interval)
        )
        job = self._client.find_job(monitor_url, destination, name)
        if job is not None:
            return dict(self._client.run(wait_for_copy(job, wait)).raw)
        if monitor_url is None:
            raise DriveArgumentError(
                "There is no copy to wait for: give a monitor URL, or a destination and a name."
            )
        return result_from_status(self._client.run(poll_monitor(monitor_url, wait)))

    def write_file(
        self, file: Any, content: bytes | BinaryIO, *, conflict_behavior: str = "replace"
    ) -> dict[str, Any]:
        """
        Write a file. Missing folders are created.

        https://learn.microsoft.com/graph/api/driveitem-put-content
        https://learn.microsoft.com/graph/api/driveitem-createuploadsession

        :param file: Address of the file, with a path.
        :param content: The new content: bytes, or a seekable binary file, which is read in pieces.
        :param conflict_behavior: ``replace``: an existing file gets a new version; or ``fail``. Default is
            ``replace``.
        :return: Graph's driveItem.
        :raises DriveArgumentError: If the address has no path.
        :raises DriveNameConflictError: With ``fail``, if the file exists.
        """
        address = check_file(self._client.address(file))
        source = io.BytesIO(content) if isinstance(content, bytes) else content

        def read(start: int, size: int) -> bytes:
            source.seek(start)
            return source.read(size)

        size = source.seek(0, os.SEEK_END)
        flow = write_file(address, size, read, conflict_behavior=conflict_behavior)
        written = dict(self._client.run(flow).raw)
        self._lineage.report(lambda: Lineage(outputs=(uri_of_json(written),)))
        return written

    def read_file(self, file: Any, into: BinaryIO) -> bool:
        """
        Read a file, piece by piece. A download that breaks goes on where it broke.

        https://learn.microsoft.com/graph/api/driveitem-get-content

        :param file: Address of the file.
        :param into: A binary file that the content is written to.
        :return: Whether the file exists.
        :raises DriveItemChangedError: If it was changed while it was read: what was read may be a mixture.
        """
        is_there = self._client.run(read_file(self._client.address(file), into.write))
        self._lineage.report(lambda: Lineage((uri_of_address(file),) if is_there else ()))
        return is_there
