"""Waits for copies that were submitted elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
)
from airflow_provider_drive.links import DriveDestinationLink, DriveSourceLink, push_link_xcoms
from airflow_provider_drive.operators.base import DEFAULT_CONN_ID, DriveTask
from airflow_provider_drive.protocol.timing import DEFERRAL_MARGIN, POLL_INTERVAL
from airflow_provider_drive.utils.encryption import decrypt_url
from airflow_provider_drive.utils.failures import also_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

MIN_RESCHEDULE = 10.0
"""
Seconds between two polls in the mode ``reschedule``, at least.

Airflow 3.3.2 fails a task that is rescheduled before the scheduler has seen it leave
(https://github.com/apache/airflow/issues/72716).
"""


class DriveCopySensor(DriveTask, BaseSensorOperator):
    """
    Wait for a copy that was submitted elsewhere, and verify it.

    It takes the copy job that :class:`~airflow_provider_drive.operators.copy.DriveCopyOperator` returned, or
    a bare monitor URL; with a URL, the monitor's answer is the result. It waits in the triggerer, or in a
    worker in the modes ``poke`` and ``reschedule``. If the copy failed, the task fails without retries: no
    retry of a sensor changes that.

    .. seealso::
        https://learn.microsoft.com/graph/long-running-actions-overview

    :param copy_job: What the operator returned. (templated)
    :param monitor_url: Or the URL that Graph returned, in clear or encrypted. (templated)
    :param deferrable: Wait in the triggerer. Default is ``True``. (templated)
    :param poll_interval: The longest pause between two polls, in seconds or as a duration (``PT1M``);
        ``Retry-After`` takes precedence. In the triggerer the first pauses are shorter; in the other modes it
        is the default of ``poke_interval``. Default is ``15``. (templated)
    :param drive_conn_id: The connection. With a bare URL only its TLS, proxies and hosts are used. Default is
        ``drive_default``. (templated)
    :return: Graph's driveItem of the copy. With a bare URL the monitor's ``status``, ``resource_id`` and
        ``id``.
    :raises DriveArgumentError: If a parameter is invalid.
    :raises DriveCopyFailedError: If the copy failed.
    :raises DriveCopyUnknownError: If its outcome cannot be determined.
    :raises AirflowSensorTimeout: If it was not complete within ``timeout``. It is also a
        :class:`~airflow_provider_drive.exceptions.DriveCopyTimeoutError` if the progress is known.
    """

    template_fields: Sequence[str] = (
        "copy_job",
        "monitor_url",
        "deferrable",
        "poll_interval",
        "drive_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"copy_job": "json"}
    boolean_fields: ClassVar[Sequence[str]] = ("deferrable",)
    duration_fields: ClassVar[Sequence[str]] = ("poll_interval",)
    operator_extra_links = (DriveSourceLink(), DriveDestinationLink())
    ui_color = "#e8f2d5"

    def __init__(
        self,
        *,
        copy_job: Any = None,
        monitor_url: str | None = None,
        deferrable: bool = True,
        poll_interval: float = POLL_INTERVAL,
        drive_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        self._follows_poll_interval = "poke_interval" not in kwargs
        if self._follows_poll_interval and isinstance(poll_interval, (int, float)) and poll_interval > 0:
            kwargs["poke_interval"] = poll_interval  # anything else is read after it was rendered
        super().__init__(**kwargs)
        self.copy_job = copy_job
        self.monitor_url = monitor_url
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.drive_conn_id = drive_conn_id

    def execute(self, context: Context) -> Any:
        """Poll the copy once, and wait for it in the triggerer or here."""
        with self._skip_if_soft(), self._sensor_errors():
            self._read_parameters()
            if self._follows_poll_interval:
                self.poke_interval = self.poll_interval
            monitor_url, job = self._read_monitor_url(), self._read_job()
            push_link_xcoms(context, self._client.hosts, job)
            with self._logged(f"Waiting for {job or 'a copy'}") as run:
                found = self._wait(context, monitor_url)
                run.result = _describe_result(found)
                return found

    def _wait(self, context: Context, monitor_url: str | None) -> Any:
        if not self.deferrable or monitor_url is None:  # the triggerer can only poll a monitor
            return super().execute(context)
        polled = self.poke(context)
        if isinstance(polled, PokeReturnValue):
            return polled.xcom_value
        return self._defer(monitor_url)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll the copy once."""
        with self._sensor_errors():
            job = self._read_job()
            result = self._poll_monitor() if job is None else self._check_copy(context, job)
            return result is not None and PokeReturnValue(is_done=True, xcom_value=result)

    def _poll_monitor(self) -> dict[str, Any] | None:
        from airflow_provider_drive.protocol.copy.verify import result_from_status
        from airflow_provider_drive.protocol.monitor import poll_once

        status = self._client.run(poll_once(self._read_monitor_url() or "")).status
        return None if status.is_running else result_from_status(status)

    def _check_copy(self, context: Context, job: CopyJob) -> dict[str, Any] | None:
        from airflow_provider_drive.protocol.copy.verify import check_copy

        item = self._client.run(check_copy(job, self._client.wait()))
        if item is None:
            return None
        push_link_xcoms(context, self._client.hosts, job, item.raw)
        return dict(item.raw)

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, **_: Any
    ) -> dict[str, Any]:
        """Verify the copy after the deferral. Needs nothing but the event."""
        from airflow_provider_drive.protocol.wire.monitor_status import read_event

        with self._skip_if_soft(), self._sensor_errors():
            self._read_parameters()
            status, job = read_event(event), self._read_job()
            with self._logged(f"Verifying {job or 'a copy'}") as run:
                found = self._verify(context, job, status)
                run.result = _describe_result(found)
                return found

    def _verify(self, context: Context, job: CopyJob | None, status: CopyStatus) -> dict[str, Any]:
        from airflow_provider_drive.protocol.copy.verify import result_from_status, verify_copy

        if job is None:
            return result_from_status(status)
        item = dict(self._client.run(verify_copy(job, status, self._client.wait())).raw)
        push_link_xcoms(context, self._client.hosts, job, item)
        return item

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        """Do not return from ``reschedule`` before the scheduler has seen the task leave."""
        seconds = float(super()._get_next_poke_interval(*args, **kwargs))
        return max(seconds, MIN_RESCHEDULE) if self.reschedule else seconds

    def _defer(self, monitor_url: str) -> None:
        from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

        deadline = self._client.now() + self.timeout
        self.defer(
            trigger=CopyCompleteTrigger(monitor_url, self.poll_interval, deadline, self.drive_conn_id),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout + DEFERRAL_MARGIN),
        )

    def _read_job(self) -> CopyJob | None:
        from airflow_provider_drive.protocol.wire.copy_job import read_copy_job

        if (self.copy_job is None) == (self.monitor_url is None):
            raise DriveArgumentError(
                "Give either copy_job or monitor_url. DriveCopyOperator always returns a copy_job; it pushes "
                "no monitor_url if Graph returned none, or if the copy is to be renamed when it has arrived."
            )
        return None if self.copy_job is None else read_copy_job(self.copy_job, decrypt_url)

    def _read_monitor_url(self) -> str | None:
        if (job := self._read_job()) is not None:
            return job.monitor_url
        if not isinstance(self.monitor_url, str):
            raise DriveArgumentError(
                f"Invalid `monitor_url`: must be text, got {type(self.monitor_url).__name__}."
            )
        return decrypt_url(self.monitor_url)

    @contextmanager
    def _sensor_errors(self) -> Iterator[None]:
        """Raise what Airflow acts upon: a sensor's time-out, and a failure that no retry changes."""
        try:
            yield
        except DriveCopyTimeoutError as error:
            also_as(error, AirflowSensorTimeout)
            raise
        except DriveError as error:
            if not error.retryable or isinstance(error, (DriveCopyFailedError, DriveCopyUnknownError)):
                also_as(error, AirflowFailException)
            raise

    @contextmanager
    def _skip_if_soft(self) -> Iterator[None]:
        """Apply ``soft_fail`` and ``never_fail``, as Airflow does for sensors that are not deferrable."""
        try:
            yield
        except (AirflowFailException, AirflowSensorTimeout) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException("Skipping since soft_fail or never_fail is set.") from error
            raise

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:
        """Render, and mask the monitor URL: Airflow stores the rendered fields and shows them in its UI."""
        super()._do_render_template_fields(parent, *args, **kwargs)
        if parent is not self:
            return
        given = self.copy_job.get("monitor_url") if isinstance(self.copy_job, dict) else self.monitor_url
        if isinstance(given, str) and "://" in given:
            self._client.keep_secret(given)


def _describe_result(found: dict[str, Any]) -> str:
    return f"The copy is complete (id {found['id']})."
