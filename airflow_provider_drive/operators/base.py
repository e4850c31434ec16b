"""What the operators and the sensor share: hook, client, checked parameters, log lines, and ``on_kill``."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator, TaskDeferred

from airflow_provider_drive.links import push_link_xcoms
from airflow_provider_drive.protocol.timing import DEFERRAL_MARGIN
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.hooks.drive import DriveHook
    from airflow_provider_drive.lineage import Lineage
    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.protocol.move import Move
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob

Template: TypeAlias = Any
"""
What a template field takes instead of its own type: a template, an XComArg (``.output`` of another task), or
a duration. A task checks the values after it has rendered them.
"""
DEFAULT_CONN_ID = "drive_default"
"""``DriveHook.default_conn_name``, for Dag files: to import the hook takes longer."""


class RunLog:
    """
    The last line in the log of a run.

    :ivar result: What was done. Of a run that failed, it comes after the word for that.
    """

    result = ""


class DriveTask:
    """Mixin: what a task needs of its connection, whether it is an operator or a sensor."""

    drive_conn_id: str
    template_fields: Collection[str]
    boolean_fields: ClassVar[Sequence[str]] = ()
    duration_fields: ClassVar[Sequence[str]] = ()
    execution_timeout: timedelta | None
    log: Any

    @cached_property
    def hook(self) -> DriveHook:
        """The hook of this task."""
        from airflow_provider_drive.hooks.drive import DriveHook

        return DriveHook(self.drive_conn_id)

    @property
    def _client(self) -> DriveClient:
        return self.hook._client  # noqa: SLF001  # the hook's interface is for Dags, the client is for this package

    def on_kill(self) -> None:
        """Stop waiting at once."""
        self.log.warning("The task was stopped. Graph offers no way to cancel a copy: a running one goes on.")
        self._client.stop()

    def _read_parameters(self) -> None:
        """
        Check the rendered template fields, and give the booleans and durations their types.

        :raises DriveArgumentError: If one is invalid.
        """
        from airflow_provider_drive.protocol.wire import validation

        with fail_on_permanent_errors():
            validation.check_connection_id(self.drive_conn_id)
            for field in self.template_fields:
                validation.refuse_rendered_text(_parameter(field), getattr(self, field))
            for field in self.boolean_fields:
                setattr(self, field, validation.read_bool(_parameter(field), getattr(self, field)))
            for field in self.duration_fields:
                setattr(self, field, validation.read_seconds(_parameter(field), getattr(self, field)))

    def _execution_seconds(self, context: Context) -> float:
        """
        Return the seconds until ``execution_timeout``, from the task's start: infinite without it.

        Airflow 3 enforces it in a worker, and not while a task is deferred.
        """
        if self.execution_timeout is None:
            return math.inf
        start = getattr(context["ti"], "start_date", None)
        elapsed = time.time() - start.timestamp() if start else 0.0
        return max(0.0, self.execution_timeout.total_seconds() - elapsed)

    def _deferral_timeout(self, context: Context, seconds: float) -> timedelta:
        """
        Return Airflow's limit of a deferral: later than the trigger's, whose message says more.

        :param seconds: The trigger's limit.
        """
        return timedelta(seconds=min(seconds + DEFERRAL_MARGIN, self._execution_seconds(context)))

    def _log_unknown(self, event: Any) -> None:
        """Log why a trigger could not wait, if its event says so: the worker goes on without it."""
        from airflow_provider_drive.protocol.wire.errors import clean

        if isinstance(event, dict) and event.get("status") == "unknown":
            self.log.warning("The triggerer could not wait: %s", clean(str(event.get("message"))))

    @contextmanager
    def _logged(self, action: str, **items: Any) -> Iterator[RunLog]:
        """
        Log what is being done and by which login, and at the end the result and what it took.

        :param action: What is being done: ``Copying … to …``.
        :param items: The addresses, by their parameters: their ids are logged on lines of their own.
        :return: Takes the result, a sentence. An error needs none.
        """
        run, started = RunLog(), time.monotonic()
        self.log.info("%s.%s\n%s", action, self._client.locate(**items), self._client.identity)
        try:
            yield run
        except (Exception, TaskDeferred) as error:  # a deferral is not an Exception in Airflow 3
            run.result = f"{_result_of(error)} {run.result}".strip()
            raise
        finally:
            seconds, usage = time.monotonic() - started, self._client.usage
            self.log.info(
                "%s Took %.1f s, %d requests, %d resource units.",
                *(run.result or "Interrupted.", seconds, usage.requests, usage.units),
            )


class DriveOperator(DriveTask, BaseOperator):
    """
    Base of the operators.

    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :cvar lineage_inputs: Parameters whose addresses or URLs are what the task reads.
    :cvar lineage_outputs: Parameters whose addresses or URLs are what it writes.
    """

    ui_color = "#d5e8fb"
    lineage_inputs: ClassVar[Sequence[str]] = ()
    lineage_outputs: ClassVar[Sequence[str]] = ()
    _lineage: Lineage | None = None

    def __init__(self, *, drive_conn_id: str | Template = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drive_conn_id = drive_conn_id

    def _tell_outlets(self, context: Context, extra: Callable[[], dict[str, Any]]) -> None:
        """
        Put what was done into the events of the task's outlets: in its last leg, for a deferral loses it.

        :param extra: Returns it. It is called only if there is an outlet.
        """
        events = context.get("outlet_events")
        assets = [outlet for outlet in self.outlets if _has_events(outlet)]
        if events is None or not assets:
            return
        told = extra()
        for asset in assets:
            events[asset].extra = {**events[asset].extra, **told}

    def _drop_outlet_events(self) -> None:
        """
        Let the task's outlets have no event.

        Airflow makes the events of the outlets that a task has at its end. It runs a copy of the operator, so
        that the next run has them again.
        """
        self.log.info("Nothing was copied: the outlets get no event.")
        self.outlets = [outlet for outlet in self.outlets if not _has_events(outlet)]

    def _report_lineage(self, lineage: Callable[[], Lineage]) -> None:
        """Report what the task has read and written: in its last leg, for a deferral loses it."""
        self._lineage = self.hook._lineage.report(lineage)  # noqa: SLF001  # as the client, it is for this package

    def _publish(self, context: Context, started: CopyJob | Move | ArchiveState | None) -> None:
        """Push the links of what the task works on, and keep where it reads, for the lineage of a failure."""
        from airflow_provider_drive.lineage import lineage_of_started, without_faults

        push_link_xcoms(context, self._client.hosts, started)
        if started is not None:
            self._lineage = without_faults(lambda: lineage_of_started(self, started))

    def _keep_places(self, **urls: str | None) -> None:
        """
        Keep where a task reads and writes, for its lineage.

        :param urls: Where a browser shows the folders, by the parameters that name them.
        """
        from airflow_provider_drive.lineage import lineage_of_parameters

        self._lineage = lineage_of_parameters(self, urls)

    def _report_summary(self, summary: Mapping[str, Any]) -> None:
        """Report what a task has done with many documents; of a dry run, only what it has read."""
        from airflow_provider_drive.lineage import lineage_of_parameters, lineage_of_summary

        places = self._lineage or lineage_of_parameters(self)
        self._report_lineage(lambda: lineage_of_summary(places, summary))

    def get_openlineage_facets_on_start(self) -> Any:
        """Return the lineage that is known from the parameters. OpenLineage's listener calls this."""
        from airflow_provider_drive.lineage import as_openlineage, lineage_of_parameters

        return as_openlineage(lambda: lineage_of_parameters(self))

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002  # its signature
        """Return the lineage of what was done, in the last leg of the task; no request is sent."""
        from airflow_provider_drive.lineage import as_openlineage, lineage_of_parameters

        return as_openlineage(lambda: self._lineage or lineage_of_parameters(self))

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:
        """Return the lineage of what was done before the task failed."""
        return self.get_openlineage_facets_on_complete(task_instance)


def _has_events(outlet: Any) -> bool:
    """Return whether an outlet gets an event at the end of its task: an asset, or a reference to one."""
    return hasattr(outlet, "uri") or type(outlet).__name__ == "AssetNameRef"


def _parameter(field: str) -> str:
    """Return a parameter's name. ``is_dry_run`` is ``dry_run``, which is a method of Airflow's operators."""
    return field.removeprefix("is_")


def _result_of(error: BaseException) -> str:
    if isinstance(error, TaskDeferred):
        return "Deferred: the triggerer now waits for the copy."
    if isinstance(error, AirflowSkipException):
        return "Skipped."
    if type(error).__name__ == "AirflowRescheduleException":  # its module depends on Airflow's version
        return "Not done yet: rescheduled."
    return "Failed."
