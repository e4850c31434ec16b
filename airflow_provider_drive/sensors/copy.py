"""Waits for copies that were submitted elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_drive.configuration import POLL_INTERVAL
from airflow_provider_drive.exceptions import DriveArgumentError, DriveCopyFailedError, DriveCopyUnknownError
from airflow_provider_drive.links import DriveDestinationLink, DriveSourceLink, push_link_xcoms
from airflow_provider_drive.operators.base import DEFAULT_CONN_ID
from airflow_provider_drive.sensors.base import DriveSensor
from airflow_provider_drive.utils.encryption import decrypt_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.exceptions import DriveError
    from airflow_provider_drive.operators.base import Template
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus


class DriveCopySensor(DriveSensor):
    """
    Wait for a copy that was submitted elsewhere, and verify it.

    It takes the copy job that :class:`~airflow_provider_drive.operators.copy.DriveCopyOperator` returned, or
    a bare monitor URL; with a URL, the monitor's answer is the result. It waits in the triggerer, or in a
    worker in the modes ``poke`` and ``reschedule``. If the copy failed, the task fails without retries: no
    retry of a sensor changes that. If its outcome is unknown, a retry searches for it again.

    .. seealso::
        https://learn.microsoft.com/graph/long-running-actions-overview

    :param copy_job: What the operator returned. (templated)
    :param monitor_url: Or the URL that Graph returned, in clear or encrypted. (templated)
    :param deferrable: Wait in the triggerer. Default is ``True``. (templated)
    :param poll_interval: The longest pause between two polls, in seconds or as a duration (``PT1M``);
        ``Retry-After`` takes precedence. In the triggerer the first pauses are shorter; in the other modes it
        is the default of ``poke_interval``. Default is ``[drive] poll_interval`` of Airflow's configuration,
        else ``15``. (templated)
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

    def __init__(
        self,
        *,
        copy_job: Any = None,
        monitor_url: str | Template | None = None,
        deferrable: bool | Template = True,
        poll_interval: float | Template = POLL_INTERVAL,
        drive_conn_id: str | Template = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(poll_interval=poll_interval, **kwargs)
        self.copy_job = copy_job
        self.monitor_url = monitor_url
        self.deferrable = deferrable
        self.drive_conn_id = drive_conn_id

    def execute(self, context: Context) -> Any:
        """Poll the copy once, and wait for it in the triggerer or here."""
        with self._skip_if_soft(), self._sensor_errors():
            self._read_parameters()
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
        return self._defer(context, monitor_url)

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
        from airflow_provider_drive.protocol.copy.verify import confirm_event
        from airflow_provider_drive.protocol.wire.monitor_status import read_event

        with self._skip_if_soft(), self._sensor_errors():
            self._read_parameters()
            status, job = read_event(event), self._read_job()
            push_link_xcoms(context, self._client.hosts, job)  # the links are written again after each part
            with self._logged(f"Verifying {job or 'a copy'}") as run:
                wait = self._client.wait(self.timeout, self.poll_interval)
                status = self._client.run(confirm_event(status, self._read_monitor_url(), wait))
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

    def _defer(self, context: Context, monitor_url: str) -> None:
        from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

        deadline = self._client.now() + self.timeout
        self.defer(
            trigger=CopyCompleteTrigger(monitor_url, self.poll_interval, deadline, self.drive_conn_id),
            method_name="execute_complete",
            timeout=self._deferral_timeout(context, self.timeout),
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

    def _is_final(self, error: DriveError) -> bool:
        """Whether no retry changes an error. After an unknown outcome, a retry searches again."""
        if isinstance(error, DriveCopyUnknownError):
            return False
        return isinstance(error, DriveCopyFailedError) or super()._is_final(error)

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
