"""Microsoft Graph's drives for Airflow: one connection, and a method for each thing that Graph can do."""

from __future__ import annotations

import io
import math
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import (
    AirflowNotFoundException,
    AirflowSkipException,
    BaseHook,
    TaskDeferred,
)

from airflow_provider_drive.exceptions import (
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
)
from airflow_provider_drive.protocol.archive.delete_originals import delete_originals
from airflow_provider_drive.protocol.archive.run import archive
from airflow_provider_drive.protocol.connection_test import test_connection_flow
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import (
    check_copy,
    poll_job,
    result_from_status,
    verify_copy,
    wait_for_copy,
)
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.items.filters import read_selection
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.items.lookup import (
    ensure_folder,
    find_items,
    get_folder,
    get_item,
    list_children,
)
from airflow_provider_drive.protocol.items.transfer import check_file, read_file, write_file
from airflow_provider_drive.protocol.items.update import delete_item
from airflow_provider_drive.protocol.monitor import poll_monitor, poll_once
from airflow_provider_drive.protocol.move import MoveOrder, move_item
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT, POLL_INTERVAL, Timings, Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef, parse_address
from airflow_provider_drive.protocol.wire.copy_job import Arrival, CopyJob
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import check_count, check_seconds, check_tag
from airflow_provider_drive.protocol.wire.monitor_status import secret_parts
from airflow_provider_drive.protocol.wire.token_claims import read_claims

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    import requests

    from airflow_provider_drive.protocol.archive.delete_originals import Deletion
    from airflow_provider_drive.protocol.archive.order import ArchiveOrder
    from airflow_provider_drive.protocol.archive.outcome import Outcome
    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.protocol.flow import Flow, Response
    from airflow_provider_drive.protocol.items.listing import ListedItem
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.hosts import Hosts
    from airflow_provider_drive.protocol.wire.items import DriveItem
    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus
    from airflow_provider_drive.settings import Settings
    from airflow_provider_drive.transport.blocking import Session
    from airflow_provider_drive.transport.usage import Usage
    from airflow_provider_drive.utils.task_state import TaskState

_T = TypeVar("_T")


class DriveHook(BaseHook):
    """
    Talk to Microsoft Graph about the items of OneDrive and SharePoint.

    Addresses of items are Graph's resource paths, mappings with ``driveId`` and ``id``, driveItems of other
    tasks, or URLs that a browser shows.

    .. seealso::
        https://learn.microsoft.com/graph/api/resources/driveitem

    :param drive_conn_id: The connection, of type ``microsoft_drive`` or ``msgraph``.
        Default is ``drive_default``.
    """

    conn_name_attr = "drive_conn_id"
    timings = Timings()
    default_conn_name = "drive_default"
    conn_type = "microsoft_drive"
    hook_name = "Microsoft Drive (OneDrive, SharePoint)"

    def __init__(self, drive_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drive_conn_id = drive_conn_id
        self._opened: Session | None = None
        self._submitted: dict[str | ItemRef, CopyJob] = {}

    # -- items -----------------------------------------------------------------------------------------------

    def get_item(self, item: Any) -> dict[str, Any]:
        """
        Read an item.

        https://learn.microsoft.com/graph/api/driveitem-get

        :param item: Address of the item.
        :return: Graph's driveItem, without the links that open its content.
        :raises DriveItemNotFoundError: If it does not exist, or this login may not see it.
        """
        return dict(self._run(get_item(self.address(item))).raw)

    def list_children(self, folder: Any) -> list[dict[str, Any]]:
        """
        Read what is in a folder, all pages of it, but not what is in its folders.

        https://learn.microsoft.com/graph/api/driveitem-list-children

        :param folder: Address of the folder.
        :return: Graph's driveItems.
        :raises DriveItemNotFoundError: If the folder does not exist.
        """
        return self._run(list_children(self._ref(folder)))

    def iter_items(
        self,
        folder: Any,
        *,
        recursive: bool = True,
        kind: str = "file",
        limit: int | None = None,
        **filters: Any,
    ) -> Iterator[dict[str, Any]]:
        """
        Give what is in a folder and below, in short, while it is read: a page is held at a time.

        What somebody moves meanwhile may be missed, or come twice. The filters are those of
        :class:`~airflow_provider_drive.operators.list.DriveListOperator`: ``pattern``, ``exclude``,
        ``modified_before``, ``modified_after``, ``created_before``, ``created_after``, ``min_size`` and
        ``max_size``.

        https://learn.microsoft.com/graph/api/driveitem-list-children

        :param folder: Address of the folder.
        :param recursive: What is in its folders as well. Default is ``True``.
        :param kind: ``file``, ``folder`` or ``all``. Default is ``file``.
        :param limit: How many to give at most; no more is read then. Default is all.
        :return: Mappings with ``driveId``, ``id``, ``name``, ``path`` (below the folder), ``size``, ``eTag``
            and ``lastModifiedDateTime``.
        :raises DriveItemNotFoundError: If the folder does not exist.
        """
        selection = read_selection(time.time(), kind=kind, **filters)
        most = check_count("limit", limit)
        address = self.address(folder)
        if not isinstance(address, ItemRef):
            address = self._run(get_folder(address)).ref
        listing, given = Listing(address, recursive=recursive), 0
        while listing:
            for found in self._run(listing.read()):
                if selection.takes(found.path, found.item):
                    yield found.as_dict()
                    given += 1
                    if given == most:
                        return

    def ensure_folder(self, folder: Any) -> dict[str, Any]:
        """
        Find a folder, or make it and what is missing above it. Two tasks may do so at once.

        https://learn.microsoft.com/graph/api/driveitem-post-children

        :param folder: Address of the folder, with a path.
        :return: Graph's driveItem of the folder.
        :raises DriveNameConflictError: If something else than a folder has the name.
        """
        return dict(self._run(ensure_folder(self.address(folder))).folder.raw)

    def move_item(
        self,
        item: Any,
        destination: Any = None,
        name: str | None = None,
        if_match: str | None = None,
        conflict_behavior: str = "fail",
        *,
        create_destination: bool = False,
        cross_drive: str = "fail",
        memory: TaskState | None = None,
    ) -> dict[str, Any]:
        """
        Move an item to another folder, or rename it, or both. One that is already there is left alone.

        https://learn.microsoft.com/graph/api/driveitem-move

        :param item: Address of the item.
        :param destination: Address of the folder. Default is the one that the item is in.
        :param name: The new name. Default is the one that it has.
        :param if_match: The eTag or cTag that the item has to have, ``*`` for any. Default is the one that it
            has when it is read.
        :param conflict_behavior: What to do if the name is taken: ``fail``, ``replace`` (files only) or
            ``rename``. Default is ``fail``.
        :param create_destination: Make the folders that are missing. Default is ``False``.
        :param cross_drive: What to do if the destination is in another drive: ``fail``, or ``copy`` for copy,
            check and delete. Default is ``fail``.
        :param memory: Keeps what a later try has to know. Default is none.
        :return: Graph's driveItem of the moved item.
        :raises DriveItemChangedError: If it is not the item that ``if_match`` means. Nothing was changed
            then.
        :raises DriveNameConflictError: If the name is taken.
        """
        order = MoveOrder(
            self.address(item),
            self._address_or_none(destination),
            name,
            if_match,
            conflict_behavior,
            create_destination,
            cross_drive,
        )
        return dict(self._run(move_item(order, self._wait(COPY_TIMEOUT)), memory).raw)

    def delete_item(self, item: Any, if_match: str | None = None) -> dict[str, str] | None:
        """
        Delete an item: to the recycle bin. One that is gone already counts as deleted.

        Of a shortcut to another drive the shortcut is deleted, not what it leads to.

        https://learn.microsoft.com/graph/api/driveitem-delete

        :param item: Address of the item.
        :param if_match: The eTag or cTag that it has to have. Default is any.
        :return: Its ``driveId`` and ``id``; none if nothing is at the path.
        :raises DriveItemChangedError: If it has another tag.
        """
        if_match = None if if_match is None else check_tag(if_match)
        address = self.address(item)
        if not isinstance(address, ItemRef):
            try:
                address = self._run(get_item(address, follow=False)).ref
            except DriveItemNotFoundError:
                return None
        try:
            self._run(delete_item(address, if_match))
        except DriveItemChangedError as error:
            error.retryable = False  # a retry would find the same
            raise
        return address.as_dict()

    # -- copies ----------------------------------------------------------------------------------------------

    def copy_item(
        self,
        item: Any,
        destination: Any = None,
        name: str | None = None,
        conflict_behavior: str = "fail",
        *,
        children_only: bool = False,
        include_all_version_history: bool = False,
        create_destination: bool = False,
    ) -> str | None:
        """
        Ask for a copy of an item. Graph makes it after this has returned.

        https://learn.microsoft.com/graph/api/driveitem-copy

        :param item: Address of the item. A folder is copied with all that is in it.
        :param destination: Address of the folder to put the copy in. Default is the one that the item is in.
        :param name: The copy's name. Default is the item's.
        :param conflict_behavior: What to do if the name is taken: ``fail``, ``replace`` (files only),
            ``rename``, or ``skip``: what is there with the same content is the copy. Default is ``fail``.
        :param children_only: Copy what is in the folder, not the folder. Default is ``False``.
        :param include_all_version_history: Copy all versions, not only the newest. Default is ``False``.
        :param create_destination: Make the folders that are missing. Default is ``False``.
        :return: URL that tells how the copy stands to whoever has it, without a token: a secret. None if
            Graph gave none.
        :raises DriveItemNotFoundError: If the item or the folder does not exist.
        :raises DriveCopyUnknownError: If the answer was lost, and no copy is seen in a day.
        """
        job = self.submit_copy(
            item,
            destination,
            name,
            conflict_behavior,
            children_only=children_only,
            include_all_version_history=include_all_version_history,
            create_destination=create_destination,
        )
        return job.monitor_url

    def submit_copy(
        self,
        item: Any,
        destination: Any = None,
        name: str | None = None,
        conflict_behavior: str = "fail",
        *,
        children_only: bool = False,
        include_all_version_history: bool = False,
        create_destination: bool = False,
        timeout: float = COPY_TIMEOUT,
        poll_interval: float = POLL_INTERVAL,
        awaited: bool = False,
        memory: TaskState | None = None,
    ) -> CopyJob:
        """
        Ask for a copy of an item, as :meth:`copy_item` does, and return all that is needed to wait for it.

        :param timeout: Seconds to look at the destination for the copy, if Graph's answer was lost. Default
            is ``86400``, a day.
        :param poll_interval: Seconds between two such looks, at most. Default is ``15``.
        :param awaited: The job is waited for and finished: so with a ``memory`` and ``rename`` the copy may
            arrive under a name of its own first. Default is ``False``.
        :param memory: Keeps what a later try has to know; with it, that try finds this copy instead of asking
            for another. Default is none.
        """
        order = CopyOrder(
            self.address(item),
            self._address_or_none(destination),
            name,
            conflict_behavior,
            children_only,
            include_all_version_history,
            create_destination,
            awaited,
        )
        wait = self._wait(check_seconds("timeout", timeout), poll_interval)
        job = self._run(copy_item(order, wait), memory)
        if job.monitor_url:
            self.keep_secret(job.monitor_url)
        self._submitted[job.monitor_url or job.destination] = job
        return job

    def get_copy_status(self, monitor_url: str) -> dict[str, Any]:
        """
        Ask how a copy stands, and do not wait.

        https://learn.microsoft.com/graph/long-running-actions-overview

        :param monitor_url: What :meth:`copy_item` returned.
        :return: A mapping: its ``status`` is ``running``, ``completed``, ``failed``, or ``unknown`` if the
            monitor does not know the copy any more; with ``resource_id``, ``percent_complete``, ``code`` and
            ``message`` where they are known.
        """
        return self.look(monitor_url).as_event()

    def look(self, monitor_url: str) -> CopyStatus:
        """Look once at a copy of which nothing but the monitor URL is known."""
        return self._run(poll_once(monitor_url)).status

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
        Wait for a copy to end, and show that it is there.

        :param monitor_url: What :meth:`copy_item` returned.
        :param destination: Address of the folder that the copy was to go to. Without it, the monitor's word
            is all there is, unless this hook has submitted the copy.
        :param name: The copy's name. If the monitor does not tell how the copy ended, the destination is
            looked at for an item of that name, no older than a day.
        :param timeout: Seconds to wait. Default is ``86400``, a day.
        :param poll_interval: Seconds between two looks, at most; the first ones come sooner. Default is
            ``15``.
        :return: Graph's driveItem of the copy; without a destination what the monitor told.
        :raises DriveCopyFailedError: If it failed.
        :raises DriveCopyTimeoutError: If it was not done in time.
        :raises DriveCopyUnknownError: If nobody can say how it ended.
        """
        deadline = time.time() + check_seconds("timeout", timeout)
        job = self._submitted.get(monitor_url or "")
        if job is None and destination is not None:
            folder, since = self._ref(destination), time.time() - COPY_TIMEOUT
            job = None if monitor_url else self._submitted.get(folder)
            if job is None or name not in {None, job.name}:
                job = CopyJob(
                    monitor_url=monitor_url,
                    source=None,
                    destination=folder,
                    name=name,
                    conflict_behavior="fail",
                    submitted_at=since,
                    arrival=Arrival(name, "fail"),
                )
        if job is not None:
            return self.wait_for_job(job, deadline=deadline, poll_interval=poll_interval)
        if monitor_url is None:
            raise DriveError(
                "There is nothing to wait for: give a monitor URL, or a destination and a name.",
                retryable=False,
            )
        status = self._run(poll_monitor(monitor_url, self._wait_until(deadline, poll_interval)))
        return result_from_status(status)

    def wait_for_job(
        self,
        job: CopyJob,
        *,
        deadline: float,
        poll_interval: float = POLL_INTERVAL,
    ) -> dict[str, Any]:
        """Wait for a copy job to end, as :meth:`wait_for_copy` does."""
        flow = wait_for_copy(job, self._wait_until(deadline, poll_interval))
        return dict(self._run(flow).raw)

    def poll_job(
        self, job: CopyJob, *, deadline: float, poll_interval: float, polls: int | None = None
    ) -> CopyStatus:
        """Look at a copy job that was submitted just now, until it ends, or so many times."""
        return self._run(poll_job(job, self._wait_until(deadline, poll_interval), fresh=True, polls=polls))

    def check_job(self, job: CopyJob, *, deadline: float) -> dict[str, Any] | None:
        """Look once at a copy job. None if it is not done yet."""
        item = self._run(check_copy(job, self._wait_until(deadline)))
        return None if item is None else dict(item.raw)

    def verify_job(
        self,
        job: CopyJob,
        status: CopyStatus,
        *,
        deadline: float,
        poll_interval: float = POLL_INTERVAL,
        memory: TaskState | None = None,
    ) -> dict[str, Any]:
        """Show that a copy job which ended is what was asked for, and return the driveItem; or raise."""
        flow = verify_copy(job, status, self._wait_until(deadline, poll_interval))
        return dict(self._run(flow, memory).raw)

    # -- many documents --------------------------------------------------------------------------------------

    def archive(
        self,
        order: ArchiveOrder,
        report: Callable[[Outcome], None],
        *,
        max_idle: float | None = None,
        poll_interval: float = POLL_INTERVAL,
        copy_timeout: float = COPY_TIMEOUT,
        memory: TaskState | None = None,
    ) -> ArchiveState:
        """
        Copy many documents, and wait for them.

        :param order: What is to be copied, where to and how.
        :param report: Is told what came of each document.
        :param max_idle: Seconds to wait when there is nothing else to do. Default is until all have ended.
        :param poll_interval: Seconds between two looks at a copy at most. Default is ``15``.
        :param copy_timeout: Seconds that each copy may take. Default is ``86400``, a day.
        :param memory: Stores and restores how far the archive is. Default is none.
        :return: How far it is: what is under way after all that patience.
        """
        flow = archive(
            order,
            report,
            Wait(poll_interval=poll_interval, clock=self._session.clock.now, timings=self.timings),
            max_idle=math.inf if max_idle is None else max_idle,
            copy_timeout=copy_timeout,
            throttled=lambda: self.usage.throttled,
        )
        return self._run(flow, memory)

    def delete_originals(
        self,
        outcomes: Iterable[Outcome],
        not_deleted: dict[str, Deletion],
        *,
        memory: TaskState | None = None,
    ) -> None:
        """
        Delete the originals of documents that were copied, if copy and original have not changed since.

        https://learn.microsoft.com/graph/api/driveitem-delete

        :param outcomes: What came of the documents, with the originals as they were when they were copied.
        :param not_deleted: Gets what became of the others, by the ids of the originals.
        :param memory: Stores which originals are deleted. Default is none.
        """

        def report(found: ListedItem, deletion: Deletion) -> None:
            if deletion.state != "deleted":
                not_deleted[found.item.ref.item_id] = deletion

        self._run(delete_originals(outcomes, report, self._wait()), memory)

    def find_items(self, refs: Sequence[ItemRef]) -> list[DriveItem | DriveError | None]:
        """
        Read items by their ids, twenty in one request.

        https://learn.microsoft.com/graph/json-batching

        :param refs: Their ids.
        :return: Each of them; none where there is nothing; what went wrong where that is not known.
        """
        return self._run(find_items(refs))

    # -- the bytes of a file ---------------------------------------------------------------------------------

    def write_file(self, file: Any, content: bytes | BinaryIO) -> dict[str, Any]:
        """
        Write a file. What has its name gets a new version; missing folders are made.

        https://learn.microsoft.com/graph/api/driveitem-put-content
        https://learn.microsoft.com/graph/api/driveitem-createuploadsession

        :param file: Address of the file, with a path.
        :param content: What it is to hold: bytes, or a file that can be read anywhere, of which only a piece
            is in memory at a time.
        :return: Graph's driveItem.
        """
        address, source = check_file(self.address(file)), _opened(content)

        def read(start: int, size: int) -> bytes:
            source.seek(start)
            return source.read(size)

        size = source.seek(0, os.SEEK_END)
        return dict(self._run(write_file(address, size, read)).raw)

    def read_file(self, file: Any, into: BinaryIO) -> bool:
        """
        Read a file, piece by piece.

        https://learn.microsoft.com/graph/api/driveitem-get-content

        :param file: Address of the file.
        :param into: What its bytes are written to.
        :return: Whether there is one.
        """
        return self._run(read_file(self.address(file), into.write))

    # -- the connection --------------------------------------------------------------------------------------

    def request(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """
        Send any request to Graph, with the token, harmless retries, and the errors of this package.

        :param method: HTTP method. GET and DELETE are sent again after a lost answer or a 5xx; all are after
            a refusal for being too many.
        :param path: Below the version root: ``/me/drive``; percent-encoded, with its query.
        :param json: The body, if there is one.
        :param headers: More headers.
        :return: Graph's answer: its ``status``, ``headers``, ``body`` and ``json()``.
        :raises DriveRequestError: If Graph refused.
        """
        path = path if path.startswith("/") else f"/{path}"
        wanted = Request(method.upper(), path, f"{method.upper()} {path}", json=json, headers=headers or {})

        def read(response: Response) -> Response:
            if not response.ok:
                raise error_from_response(response, wanted.action)
            return response

        return self._run(send_with_retries(wanted, read))

    def get_conn(self) -> requests.Session:
        """Return a session of ``requests`` that logs in at Graph, and only there, and keeps to the budget."""
        from airflow_provider_drive.auth import GraphAuth, login  # noqa: PLC0415  # Dag files must not pay for MSAL
        from airflow_provider_drive.network import open_session  # noqa: PLC0415  # nor for requests

        session = open_session(self.settings)
        session.auth = GraphAuth(
            self.settings.hosts, login(self.settings), self.keep_secret, self._session.wait_for_rate_limit
        )
        session.hooks["response"].append(self._session.record_foreign)
        return session

    def test_connection(self) -> tuple[bool, str]:
        """
        Log in, read a drive, and see what the token allows.

        :return: Whether copies and moves may succeed; and who logged in where, which drive could be read, and
            which permissions there are and are missing; or which field of the connection to change.
        """
        from airflow_provider_drive.auth import login  # noqa: PLC0415  # Dag files must not pay for MSAL

        try:
            token = login(self.settings).token()
            self.keep_secret(token)
            claims = read_claims(token)
            return self._run(test_connection_flow(claims, self.settings.tenant_id, self.hosts.cloud))
        except DriveError as error:
            return False, str(error)

    @property
    def settings(self) -> Settings:
        """What the connection says."""
        return self._session.settings

    @property
    def usage(self) -> Usage:
        """What this hook has sent so far."""
        return self._session.usage

    @property
    def hosts(self) -> Hosts:
        """The hosts that may be spoken to."""
        return self.settings.hosts

    def address(self, value: Any) -> Address:
        """
        Read an address in any of its forms.

        :raises DriveAddressError: If it is none of them.
        """
        return parse_address(value, self.hosts)

    def describe(self, item: Any, destination: Any, name: str | None) -> str:
        """Say what is to go where, with nothing in it that opens anything."""
        where = "" if destination is None else f" to {self.address(destination)}"
        return f"{self.address(item)}{where}" + (f" as {name!r}" if name else "")

    @contextmanager
    def report(self, action: str) -> Iterator[list[str]]:
        """
        Log a line about who does what in which cloud, and one at the end: what came of it, and what it took.

        :param action: What is being done, to what: ``Copying … to …``.
        :return: A list, for what has come of it: a sentence. An error needs none.
        """
        session, started, outcome = self._session, time.monotonic(), ["It was interrupted."]
        self.log.info("%s, as %s, by the connection %s.", action, _who(session.settings), self.drive_conn_id)
        try:
            yield outcome
        except TaskDeferred:
            outcome.append("The triggerer waits for it from now on.")
            raise
        except AirflowSkipException:
            outcome.append("Skipped.")
            raise
        except Exception as error:
            later = type(error).__name__ == "AirflowRescheduleException"  # which is not to be had everywhere
            outcome.append("Not done yet." if later else "It did not succeed.")
            raise
        finally:
            seconds, usage = time.monotonic() - started, session.usage
            self.log.info(
                "%s That took %.1f s and %d requests (%d resource units).",
                *(outcome[-1], seconds, usage.requests, usage.units),
            )

    def stop(self) -> None:
        """Let whatever is waiting in this hook end at once. Graph offers no way to cancel a copy."""
        if self._opened is not None:
            self._opened.stopped = True

    def keep_secret(self, secret: str) -> None:
        """Mask a token or a monitor URL, and each part that opens it, in this process's logs."""
        from airflow.providers.common.compat.sdk import mask_secret  # noqa: PLC0415  # only where there is a secret

        for part in secret_parts(secret):
            mask_secret(part)

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's fields for Airflow before 3.2; later ones read the provider's metadata."""
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget  # noqa: PLC0415  # Airflow 2's
        from wtforms import PasswordField, StringField, validators  # noqa: PLC0415  # likewise

        from airflow_provider_drive.get_provider_info import CONNECTION_FIELDS  # noqa: PLC0415  # only for the form

        def widget(label: str, description: str, schema: dict[str, Any]) -> Any:
            if schema.get("format") == "password":
                return PasswordField(label, description=description, widget=BS3PasswordFieldWidget())
            checks = []
            if "enum" in schema:  # these forms have no lists to choose from
                _, *known = schema["enum"]
                checks = [validators.any_of(["", *known])]
                description = f"{description} One of: {', '.join(known)}."
            return StringField(label, checks, description=description, widget=BS3TextFieldWidget())

        return {name: widget(**field) for name, field in CONNECTION_FIELDS.items()}

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the form's standard fields look in Airflow before 3.2."""
        from airflow_provider_drive.get_provider_info import FIELD_BEHAVIOUR  # noqa: PLC0415  # only for the form

        return {key.replace("-", "_"): value for key, value in FIELD_BEHAVIOUR.items()}

    @property
    def _session(self) -> Session:
        if self._opened is None:
            from airflow_provider_drive.auth import login  # noqa: PLC0415  # Dag files must not pay for MSAL
            from airflow_provider_drive.settings import Settings, read_settings  # noqa: PLC0415  # nor for this
            from airflow_provider_drive.transport.blocking import Session  # noqa: PLC0415  # nor for requests

            try:
                settings = read_settings(self.get_connection(self.drive_conn_id))
            except AirflowNotFoundException:
                settings = Settings(missing=self.drive_conn_id)  # a bare monitor URL can be asked without
            self._opened = Session(settings, login(settings), self.log, self.keep_secret)
        return self._opened

    def _run(self, flow: Flow[_T], memory: TaskState | None = None) -> _T:
        from airflow_provider_drive.transport.blocking import run  # noqa: PLC0415  # Dag files must not pay for requests

        return run(flow, self._session, memory)

    def _wait(self, seconds: float = math.inf, poll_interval: float = POLL_INTERVAL) -> Wait:
        return self._wait_until(math.inf, poll_interval).at_most(seconds)

    def _wait_until(self, deadline: float, poll_interval: float = POLL_INTERVAL) -> Wait:
        return Wait(
            deadline, poll_interval=poll_interval, clock=self._session.clock.now, timings=self.timings
        )

    def _ref(self, value: Any) -> ItemRef:
        address = self.address(value)
        return address if isinstance(address, ItemRef) else self._run(get_item(address)).ref

    def _address_or_none(self, value: Any) -> Address | None:
        return None if value is None else self.address(value)


def _opened(content: bytes | BinaryIO) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content


def _who(settings: Settings) -> str:
    """Say who logs in where, as far as the connection tells."""
    if settings.missing:
        return "nobody, since there is no such connection"
    who = f"the app {settings.client_id}" if settings.client_id else "this machine's identity"
    who = f"a user of {who}" if settings.login_kind == "refresh_token" else who
    tenant = f" of the tenant {settings.tenant_id}" if settings.tenant_id else ""
    return f"{who}{tenant} in the cloud {settings.hosts.cloud}"
