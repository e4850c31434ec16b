"""One connection's conversation with Graph: what the hook, the operators and the sensor run flows with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_drive.configuration import COPY_TIMEOUT, POLL_INTERVAL
from airflow_provider_drive.exceptions import (
    DriveAddressError,
    DriveError,
    DriveItemNotFoundError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.items.lookup import get_folder, get_item
from airflow_provider_drive.protocol.items.missing import describe_missing
from airflow_provider_drive.protocol.timing import Timings, Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef, PathAddress, parse_address
from airflow_provider_drive.protocol.wire.copy_job import Arrival, CopyJob
from airflow_provider_drive.protocol.wire.names import check_path
from airflow_provider_drive.protocol.wire.redaction import remember_secret, secret_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_drive.protocol.copy.plan import CopyOrder
    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.items.filters import Selection
    from airflow_provider_drive.protocol.items.listing import ListedItem, Listing
    from airflow_provider_drive.protocol.wire.addresses import Address
    from airflow_provider_drive.protocol.wire.hosts import Hosts
    from airflow_provider_drive.protocol.wire.items import DriveItem
    from airflow_provider_drive.settings import Settings
    from airflow_provider_drive.transport.blocking import Session, StateStore
    from airflow_provider_drive.transport.usage import Log, Usage

_T = TypeVar("_T")
_MAX_NAMES = 5
"""Items that a line of the log names."""


class DriveClient:
    """
    A connection, and the session that runs flows over it. It is opened when it is first needed.

    It is not part of the interface: Dags use
    :class:`~airflow_provider_drive.hooks.drive.DriveHook` and the operators.

    :param drive_conn_id: The id of the connection.
    :param get_connection: Returns Airflow's connection with an id.
    :param log: The logger for progress.
    """

    timings = Timings()

    def __init__(self, drive_conn_id: str, get_connection: Callable[[str], Connection], log: Log) -> None:
        self.drive_conn_id = drive_conn_id
        self._get_connection, self._log = get_connection, log
        self._session: Session | None = None
        self._submitted: dict[str | ItemRef, CopyJob] = {}

    @property
    def session(self) -> Session:
        """The session, opened now if it was not before."""
        if self._session is None:
            from airflow_provider_drive.auth import login  # noqa: PLC0415  # MSAL is slow to import
            from airflow_provider_drive.transport.blocking import Session  # noqa: PLC0415  # so is requests

            settings = self._read_settings()
            self._session = Session(settings, login(settings), self._log, self.keep_secret)
        return self._session

    def _read_settings(self) -> Settings:
        from airflow_provider_drive.settings import Settings, read_settings  # noqa: PLC0415  # needed by tasks only

        try:
            settings = read_settings(self._get_connection(self.drive_conn_id))
        except AirflowNotFoundException:
            return Settings(missing=self.drive_conn_id)  # enough to poll a bare monitor URL
        for warning in settings.warnings:
            self._log.warning("%s", warning)
        return settings

    @property
    def settings(self) -> Settings:
        """The connection's settings."""
        return self.session.settings

    @property
    def hosts(self) -> Hosts:
        """The hosts that may be called."""
        return self.settings.hosts

    @property
    def usage(self) -> Usage:
        """The requests and resource units that this session has used."""
        return self.session.usage

    def run(self, flow: Flow[_T], store: StateStore | None = None) -> _T:
        """
        Run a flow, and return its result.

        :param store: Stores its checkpoints. Default is none: then nothing survives this process.
        """
        from airflow_provider_drive.transport.blocking import run  # noqa: PLC0415  # requests is slow to import

        try:
            return run(flow, self.session, store)
        except DriveItemNotFoundError as error:
            if isinstance(error.address, PathAddress):
                with suppress(DriveError):  # what is raised is the first error
                    if text := run(describe_missing(error.address), self.session):
                        error.add(text)
            raise

    def now(self) -> float:
        """Return the time by Graph's clock, in seconds since the epoch; before its first answer, by ours."""
        return self.session.clock.now()

    def wait(
        self,
        seconds: float = math.inf,
        poll_interval: float = POLL_INTERVAL,
        *,
        deadline: float = math.inf,
    ) -> Wait:
        """
        Return how long a flow waits, by the session's clock.

        :param seconds: From now on, at most. Default is for ever.
        :param poll_interval: The longest pause between two polls, in seconds. Default is ``15``.
        :param deadline: In seconds since the epoch. Default is never.
        """
        clock = self.session.clock.now
        wait = Wait(deadline, poll_interval=poll_interval, clock=clock, timings=self.timings)
        return wait if seconds == math.inf else wait.at_most(seconds)

    def address(self, value: Any, parameter: str = "", *, follow: bool = True) -> Address:
        """
        Read an address in any of its forms.

        :param parameter: The parameter that it comes from, for an error. Default is none.
        :param follow: The driveItem of a shortcut is the address of what it leads to, not of itself.
        :raises DriveAddressError: If it has none of them.
        """
        with _about_parameter(parameter):
            return parse_address(value, self.hosts, follow=follow)

    def optional_address(self, value: Any, parameter: str = "") -> Address | None:
        """Read an address that may be left out."""
        return None if value is None else self.address(value, parameter)

    def read_document(self, item: Any) -> tuple[str, Address]:
        """Return the path that a document is to have below a destination, and its address."""
        path = (item.get("path") or item.get("name")) if isinstance(item, Mapping) else None
        with _about_parameter("items"):
            return check_path(path or ""), self.address(item, follow=False)

    def resolve(self, value: Any) -> ItemRef:
        """Return the ids of an item; to read them from a path takes a request."""
        address = self.address(value)
        return address if isinstance(address, ItemRef) else self.run(get_item(address)).ref

    def open_folder(self, value: Any) -> tuple[ItemRef, DriveItem | None]:
        """Return the ids of a folder, and what was read of it; nothing is read of an address of ids."""
        address = self.address(value)
        if isinstance(address, ItemRef):
            return address, None
        folder = self.run(get_folder(address))
        return folder.ref, folder

    def find(self, value: Any) -> ItemRef | None:
        """Return the ids of an item, or None if it does not exist."""
        try:
            return self.resolve(value)
        except DriveItemNotFoundError:
            return None

    def read_matches(self, listing: Listing, selection: Selection) -> Iterator[ListedItem]:
        """
        Read a folder page by page, while its items are used, and return those that are selected.

        At the end, log how many are left out for what they are, though they meet the other conditions.
        """
        left_out: list[str] = []
        while listing:
            for found in self.run(listing.read()):
                if selection.takes(found.path, found.item):
                    yield found
                elif selection.fault(found.path, found.item):
                    left_out.append(found.path)
        if left_out:
            names = ", ".join(map(repr, left_out[:_MAX_NAMES])) + ", …" * (len(left_out) > _MAX_NAMES)
            self._log.info(
                "Left out %d items that are neither files nor folders, such as shortcuts and albums, or that "
                "have no name: %s. kind='all' lists them.",
                len(left_out),
                names,
            )

    def submit_copy(self, order: CopyOrder, wait: Wait, store: StateStore | None = None) -> CopyJob:
        """
        Submit a copy, once. Graph makes it after this has returned.

        :param wait: How long the copy is searched for if Graph's answer was lost.
        :param store: Stores what a later try needs to find this copy instead of submitting another.
        :raises DriveResponseError: If the copy's monitor is on a host that may not be called.
        """
        job = self.run(copy_item(order, wait), store)
        if job.monitor_url:
            self.keep_secret(job.monitor_url)
            self._check_monitor(job, job.monitor_url)
        self._submitted[job.monitor_url or job.destination] = job
        return job

    def _check_monitor(self, job: CopyJob, monitor_url: str) -> None:
        try:
            self.hosts.check_monitor(monitor_url)
        except DriveResponseError as error:
            raise DriveResponseError(
                f"Graph has accepted {job} and is making it, but {error}. Check the destination for it.",
                retryable=False,
            ) from None

    def find_job(self, monitor_url: str | None, destination: Any, name: str | None) -> CopyJob | None:
        """
        Return a job that this client submitted, or what is known of one that another submitted.

        :param destination: Address of the folder that the copy goes to; None if that is not known.
        :param name: The copy's name; None if that is not known.
        """
        job = self._submitted.get(monitor_url or "")
        if job is not None or destination is None:
            return job
        folder = self.resolve(destination)
        job = None if monitor_url else self._submitted.get(folder)
        if job is not None and (name in {None, job.name} or job.name is None):
            return job
        return CopyJob(
            monitor_url=monitor_url,
            source=None,
            destination=folder,
            name=name,
            conflict_behavior="fail",
            submitted_at=self.session.clock.now() - COPY_TIMEOUT,
            arrival=Arrival(name, "fail"),
        )

    def describe(
        self,
        item: Any,
        destination: Any = None,
        name: str | None = None,
        *,
        parameter: str = "item",
        follow: bool = False,
    ) -> str:
        """
        Return what goes where, for a log. It holds no secret, unlike a sharing link.

        :param parameter: The parameter that the item's address comes from. Default is ``item``.
        :param follow: As for :meth:`address`.
        """
        what = self.address(item, parameter, follow=follow)
        folder = "" if destination is None else f" to {self.address(destination, 'destination')}"
        return f"{what}{folder}" + (f" as {name!r}" if name else "")

    def locate(self, **items: Any) -> str:
        """
        Return the addresses with their ids, one a line, as far as :meth:`describe` does not show them.

        :param items: The addresses, by their parameters.
        """
        addresses = {key: self.address(item) for key, item in items.items() if item is not None}
        return "".join(
            f"\n{key}: {address.full}"
            for key, address in addresses.items()
            if isinstance(address, (ItemRef, PathAddress)) and address.label
        )

    @property
    def identity(self) -> str:
        """The connection, and the login that it describes, for a log."""
        settings = self.settings
        if settings.missing:
            return f"no login: the connection {settings.missing} does not exist"
        login = f"app {settings.client_id}" if settings.client_id else "managed identity"
        login = f"a user of the {login}" if settings.login_kind == "refresh_token" else login
        tenant = f", tenant {settings.tenant_id}" if settings.tenant_id else ""
        return f"connection {self.drive_conn_id}, {login}{tenant}, cloud {settings.hosts.cloud}"

    def keep_secret(self, secret: str) -> None:
        """Mask a token or a monitor URL, and each part of it that grants access, in logs and errors."""
        from airflow.providers.common.compat.sdk import mask_secret  # noqa: PLC0415  # only where there is a secret

        remember_secret(secret)
        for part in secret_parts(secret):
            mask_secret(part)

    def stop(self) -> None:
        """End all waiting in this session at once. Graph offers no way to cancel a copy."""
        if self._session is not None:
            self._session.stopped = True


@contextmanager
def _about_parameter(parameter: str) -> Iterator[None]:
    """Name the parameter in the error about an address that comes from it, if it has one."""
    try:
        yield
    except DriveAddressError as error:
        if parameter:
            error.args = (f"Invalid `{parameter}`: {error}",)
        raise
