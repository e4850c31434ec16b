"""Waits for copies that were submitted elsewhere."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
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
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.links import DriveDestinationLink, DriveSourceLink, push_link_xcoms
from airflow_provider_drive.protocol.copy.verify import result_from_status
from airflow_provider_drive.protocol.timing import DEFERRAL_MARGIN, POLL_INTERVAL
from airflow_provider_drive.protocol.wire.copy_job import read_copy_job
from airflow_provider_drive.protocol.wire.items import check_seconds
from airflow_provider_drive.protocol.wire.monitor_status import read_event
from airflow_provider_drive.utils.encryption import decrypt_url
from airflow_provider_drive.utils.failures import also_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

MIN_RESCHEDULE = 10.0
"""
Seconds between two looks in the mode ``reschedule``, at least.

As with a trigger's event, Airflow 3.3.2 fails a task that comes back before the scheduler has seen it leave
(https://github.com/apache/airflow/issues/72716).
"""


class DriveCopySensor(BaseSensorOperator):
    """
    Wait for a copy that was submitted elsewhere, and show that it is there.

    It takes the copy job that :class:`~airflow_provider_drive.operators.copy.DriveCopyOperator` returned, or
    a bare monitor URL; with that, the monitor's word is all there is. It waits in the triggerer, or in a
    worker in the modes ``poke`` and ``reschedule``. A copy that ended in failure fails the task at once: no
    retry of a sensor heals it.

    .. seealso::
        https://learn.microsoft.com/graph/long-running-actions-overview

    :param copy_job: What the operator returned. (templated)
    :param monitor_url: Or the URL that Graph gave, in clear or encrypted. (templated)
    :param deferrable: Wait in the triggerer. Default is ``True``.
    :param poll_interval: Seconds between two looks at the copy at most, unless Graph asks for more; in the
        triggerer the first ones come sooner. In the other modes it is the default of ``poke_interval``.
        Default is ``15``.
    :param drive_conn_id: The connection. With a bare URL only its TLS, proxies and hosts count. Default is
        ``drive_default``. (templated)
    :return: Graph's driveItem of the copy. With a bare URL what the monitor told: ``status``,
        ``resource_id``, ``id``.
    :raises DriveArgumentError: If ``copy_job`` is none.
    :raises DriveCopyFailedError: If the copy ended in failure.
    :raises DriveCopyUnknownError: If nobody can say how it ended.
    :raises AirflowSensorTimeout: If it was not done within ``timeout``; a
        :class:`~airflow_provider_drive.exceptions.DriveCopyTimeoutError` as well where it is known how far it
            was.
    """

    template_fields: Sequence[str] = ("copy_job", "monitor_url", "drive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"copy_job": "json"}
    operator_extra_links = (DriveSourceLink(), DriveDestinationLink())
    ui_color = "#e8f2d5"

    def __init__(
        self,
        *,
        copy_job: Any = None,
        monitor_url: str | None = None,
        deferrable: bool = True,
        poll_interval: float = POLL_INTERVAL,
        drive_conn_id: str = DriveHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"poke_interval": poll_interval, **kwargs})
        self.copy_job = copy_job
        self.monitor_url = monitor_url
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.drive_conn_id = drive_conn_id

    @cached_property
    def hook(self) -> DriveHook:
        """The hook of this task."""
        return DriveHook(self.drive_conn_id)

    def execute(self, context: Context) -> Any:
        """Look at the copy, and wait for it in the triggerer or here."""
        with self._skip_if_soft(), self._sensor_errors():
            url, job = self._monitor_url(), self._job()
            check_seconds("poll_interval", self.poll_interval)
            push_link_xcoms(context, self.hook, job)
            with self.hook.report(f"Waiting for {job or 'a copy'}") as outcome:
                found = self._wait(context, url)
                outcome.append(f"The copy is there: {found['id']}.")
                return found

    def _wait(self, context: Context, url: str | None) -> Any:
        if not self.deferrable or url is None:  # without a monitor there is nothing for the triggerer to ask
            return super().execute(context)
        looked = self.poke(context)
        if isinstance(looked, PokeReturnValue):
            return looked.xcom_value
        return self._defer(url)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look at the copy once."""
        with self._sensor_errors():
            job = self._job()
            if job is not None:
                item = self.hook.check_job(job, deadline=float("inf"))
                if item is not None:
                    push_link_xcoms(context, self.hook, job, item)
                return item is not None and PokeReturnValue(is_done=True, xcom_value=item)
            status = self.hook.look(self._monitor_url() or "")
            return not status.is_running and PokeReturnValue(
                is_done=True, xcom_value=result_from_status(status)
            )

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, **_: Any
    ) -> dict[str, Any]:
        """Show that what the trigger has seen is so. Needs nothing but the event."""
        with self._skip_if_soft(), self._sensor_errors():
            status, job = read_event(event), self._job()
            with self.hook.report(f"Looking at what came of {job or 'a copy'}") as outcome:
                found = self._finish(context, job, status)
                outcome.append(f"The copy is there: {found['id']}.")
                return found

    def _finish(self, context: Context, job: CopyJob | None, status: CopyStatus) -> dict[str, Any]:
        if job is None:
            return result_from_status(status)
        item = self.hook.verify_job(job, status, deadline=float("inf"))
        push_link_xcoms(context, self.hook, job, item)
        return item

    def on_kill(self) -> None:
        """Stop waiting at once."""
        self.log.warning("The task was stopped. Graph offers no way to cancel a copy: it goes on.")
        self.hook.stop()

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        """Do not come back from ``reschedule`` before the scheduler has seen the task leave."""
        seconds = float(super()._get_next_poke_interval(*args, **kwargs))
        return max(seconds, MIN_RESCHEDULE) if self.reschedule else seconds

    def _defer(self, monitor_url: str) -> None:
        from airflow_provider_drive.triggers.copy import CopyCompleteTrigger  # noqa: PLC0415  # Dag files need not pay for it

        deadline = time.time() + self.timeout
        self.defer(
            trigger=CopyCompleteTrigger(monitor_url, self.poll_interval, deadline, self.drive_conn_id),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout + DEFERRAL_MARGIN),
        )

    def _job(self) -> CopyJob | None:
        if (self.copy_job is None) == (self.monitor_url is None):
            raise DriveArgumentError("Give either copy_job or monitor_url.")
        return None if self.copy_job is None else read_copy_job(self.copy_job, decrypt_url)

    def _monitor_url(self) -> str | None:
        if (job := self._job()) is not None:
            return job.monitor_url
        if not isinstance(self.monitor_url, str):
            raise DriveArgumentError(f"monitor_url is {type(self.monitor_url).__name__}, not a text.")
        return decrypt_url(self.monitor_url)

    @contextmanager
    def _sensor_errors(self) -> Iterator[None]:
        """Tell Airflow what it can act upon: a sensor's time-out, and what no retry can heal."""
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
        """Do for a deferrable sensor what Airflow does for the others; after the deferral, all but 2 do."""
        try:
            yield
        except (AirflowFailException, AirflowSensorTimeout) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException("Skipping since soft_fail or never_fail is set.") from error
            raise

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:
        """Render, and mask the URL before the rendered fields are stored: they are shown in the UI."""
        super()._do_render_template_fields(parent, *args, **kwargs)
        if parent is not self:
            return
        given = self.copy_job.get("monitor_url") if isinstance(self.copy_job, dict) else self.monitor_url
        if isinstance(given, str) and "://" in given:
            self.hook.keep_secret(given)
