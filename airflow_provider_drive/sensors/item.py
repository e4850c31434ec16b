"""Waits for documents in OneDrive and SharePoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSensorTimeout, PokeReturnValue

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.operators.base import DEFAULT_CONN_ID
from airflow_provider_drive.sensors.base import DriveSensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.operators.base import Template
    from airflow_provider_drive.protocol.items.arrival import Arrival, Look

_WHAT = ("item", "folder", "pattern", "exclude", "recursive", "min_count", "settle")


class DriveItemSensor(DriveSensor):
    """
    Wait until an item, or enough documents below a folder, are there and settled.

    A document counts if it is *settled*: it is not being uploaded, is not empty, and has not changed for
    ``settle`` seconds by Graph's clock. The log says what the last look has found. A folder or an item that
    does not exist yet is waited for; a folder that is a file fails the task without retries. A fault that
    passes, such as throttling or a lost connection, is logged, and the sensor looks again.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-get,
        https://learn.microsoft.com/graph/api/driveitem-list-children

    :param item: Address of the item to wait for. (templated)
    :param folder: Or the address of the folder whose documents are waited for. (templated)
    :param pattern: Glob, or list of globs, of which a document's path below the folder must match one
        (``*.csv``). Default is any. (templated)
    :param exclude: Glob, or list of globs, of which it must match none. Default is none. (templated)
    :param recursive: Include documents in subfolders. Default is ``False``. (templated)
    :param min_count: How many documents are needed. Default is ``1``. (templated)
    :param settle: For how long a document must not have changed, in seconds or as a duration (``PT5M``). With
        ``0``, an empty document counts as well. Default is ``60``. (templated)
    :param deferrable: Wait in the triggerer. Default is ``True``. (templated)
    :param poll_interval: The time between two looks, in seconds or as a duration; in the modes ``poke`` and
        ``reschedule`` it is the default of ``poke_interval``. Default is ``60``. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: Graph's driveItem; with ``folder``, a list of all documents that are settled, in the form of
        :class:`~airflow_provider_drive.operators.list.DriveListOperator`.
    :raises DriveArgumentError: If a parameter is invalid, or the folder is a file.
    :raises DriveError: If Graph refuses to show the folder or the item.
    :raises AirflowSensorTimeout: If ``timeout`` has passed. The message says what the last look has found.
    """

    template_fields: Sequence[str] = (*_WHAT, "deferrable", "poll_interval", "drive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"item": "json", "folder": "json"}
    boolean_fields: ClassVar[Sequence[str]] = ("recursive", "deferrable")
    duration_fields: ClassVar[Sequence[str]] = ("poll_interval",)

    def __init__(
        self,
        *,
        item: Any = None,
        folder: Any = None,
        pattern: str | Sequence[str] | Template | None = None,
        exclude: str | Sequence[str] | Template | None = None,
        recursive: bool | Template = False,
        min_count: int | Template = 1,
        settle: float | Template = 60.0,
        deferrable: bool | Template = True,
        poll_interval: float | Template = 60.0,
        drive_conn_id: str | Template = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(poll_interval=poll_interval, **kwargs)
        self.item = item
        self.folder = folder
        self.pattern = pattern
        self.exclude = exclude
        self.recursive = recursive
        self.min_count = min_count
        self.settle = settle
        self.deferrable = deferrable
        self.drive_conn_id = drive_conn_id
        self._arrival: Arrival | None = None

    def execute(self, context: Context) -> Any:
        """Look once, and wait in the triggerer or here."""
        with self._skip_if_soft(), self._sensor_errors():
            self._read_parameters()
            with self._logged(f"Waiting for {self._read_arrival()}") as run:
                found = self._wait(context) if self.deferrable else super().execute(context)
                run.result = "Arrived."
                return found

    def poke(self, context: Context) -> bool | PokeReturnValue:  # noqa: ARG002  # Airflow's signature
        """Look once."""
        with self._sensor_errors():
            last = self._look()
            return last.is_complete and PokeReturnValue(is_done=True, xcom_value=self._result(last))

    def execute_complete(self, context: Context, event: Any = None, **_: Any) -> Any:
        """Look again after the deferral, and wait on if it is not so any more. Needs only the event."""
        from airflow_provider_drive.protocol.items.arrival import read_arrival_event

        with self._skip_if_soft(), self._sensor_errors():
            self._read_parameters()
            told = read_arrival_event(event)
            if told.status == "timeout":
                raise AirflowSensorTimeout(f"Gave up waiting for {self._read_arrival()}: {told.message}.")
            if told.status == "failed":
                raise DriveError(told.message, retryable=not told.is_permanent)
            with self._logged(f"Reading {self._read_arrival()}") as run:
                found = self._wait(context, told.deadline)
                run.result = "Arrived."
                return found

    def on_kill(self) -> None:
        """Stop waiting at once."""
        self._client.stop()

    def _wait(self, context: Context, deadline: float | None = None) -> Any:
        """Look, and return what is there, or defer until the deadline, by Graph's clock."""
        last = self._look()
        if last.is_complete:
            return self._result(last)
        return self._defer(context, self._client.now() + self.timeout if deadline is None else deadline)

    def _look(self) -> Look:
        from airflow_provider_drive.protocol.items.arrival import look

        last = self._client.run(look(self._read_arrival(), self._client.wait()))
        self.log.info("%s.", str(last))
        return last

    def _result(self, last: Look) -> Any:
        if self.folder is None:
            return dict(last.settled[0].item.raw)
        return [found.as_dict() for found in last.settled]

    def _read_arrival(self) -> Arrival:
        """Read the parameters once: what is waited for remembers what the looks have seen."""
        from airflow_provider_drive.protocol.items.arrival import read_arrival
        from airflow_provider_drive.protocol.wire.validation import read_seconds

        if self._arrival is None:
            self.settle = 0.0 if self.settle in {0, "0"} else read_seconds("settle", self.settle)
            what = {name: getattr(self, name) for name in _WHAT}
            self._arrival = read_arrival(self._client.hosts, self._client.now(), **what)
        return self._arrival

    def _defer(self, context: Context, deadline: float) -> None:
        from airflow_provider_drive.triggers.item import DriveItemTrigger

        what = {name: getattr(self, name) for name in _WHAT}
        what["item" if self.folder is None else "folder"] = self._stored_address()
        self.defer(
            trigger=DriveItemTrigger(
                **what, poll_interval=self.poll_interval, deadline=deadline, drive_conn_id=self.drive_conn_id
            ),
            method_name="execute_complete",
            timeout=self._deferral_timeout(context, max(0.0, deadline - self._client.now())),
        )

    def _stored_address(self) -> Any:
        """Return the address for the database: ids instead of a sharing link, which is a secret."""
        from airflow_provider_drive.protocol.wire.addresses import ItemRef, ShareAddress

        given, address = self.folder or self.item, self._read_arrival().address
        if isinstance(given, str) and not isinstance(address, ShareAddress):
            return given
        return (address if isinstance(address, ItemRef) else self._client.resolve(given)).as_dict()
