"""What the sensors share: pauses, and how they end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
)

from airflow_provider_drive.exceptions import DriveCopyUnknownError, DriveError
from airflow_provider_drive.operators.base import DriveTask
from airflow_provider_drive.utils.failures import also_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_drive.operators.base import Template

MIN_RESCHEDULE = 10.0
"""
Seconds between two polls in the mode ``reschedule``, at least, unless Airflow's configuration says otherwise.

Airflow 3.3.2 fails a task that is rescheduled before the scheduler has seen it leave
(https://github.com/apache/airflow/issues/72716).
"""


class DriveSensor(DriveTask, BaseSensorOperator):
    """Base of the sensors."""

    ui_color = "#e8f2d5"

    def __init__(self, *, poll_interval: float | Template, **kwargs: Any) -> None:
        self._follows_poll_interval = "poke_interval" not in kwargs
        if self._follows_poll_interval and isinstance(poll_interval, (int, float)) and poll_interval > 0:
            kwargs["poke_interval"] = poll_interval  # anything else is read after it was rendered
        super().__init__(**kwargs)
        self.poll_interval = poll_interval

    def _read_parameters(self) -> None:
        super()._read_parameters()
        if self._follows_poll_interval:
            self.poke_interval = self.poll_interval

    def _get_next_poke_interval(self, *args: Any, **kwargs: Any) -> float:
        """Do not return from ``reschedule`` before the scheduler has seen the task leave."""
        seconds = float(super()._get_next_poke_interval(*args, **kwargs))
        if not self.reschedule:
            return seconds
        from airflow_provider_drive.triggers.deferral import read_hold

        return max(seconds, read_hold(MIN_RESCHEDULE, self.log))

    @contextmanager
    def _sensor_errors(self) -> Iterator[None]:
        """Raise what Airflow acts upon: a sensor's time-out, and a failure that no retry changes."""
        try:
            yield
        except DriveError as error:
            if isinstance(error, TimeoutError):
                also_as(error, AirflowSensorTimeout)
            elif self._is_final(error):
                also_as(error, AirflowFailException)
            raise

    def _is_final(self, error: DriveError) -> bool:
        """Whether no retry of the sensor changes an error."""
        return not error.retryable

    @contextmanager
    def _skip_if_soft(self) -> Iterator[None]:
        """Apply ``soft_fail`` and ``never_fail``, as Airflow does for sensors that are not deferrable."""
        try:
            yield
        except (AirflowFailException, AirflowSensorTimeout, DriveCopyUnknownError) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException("Skipping since soft_fail or never_fail is set.") from error
            raise
