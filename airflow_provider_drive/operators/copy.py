"""Copies items of OneDrive and SharePoint."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_drive.exceptions import DriveError, DriveResponseError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.links import DriveDestinationLink, DriveSourceLink, push_link_xcoms
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT, DEFERRAL_MARGIN, POLL_INTERVAL
from airflow_provider_drive.protocol.wire.copy_job import read_copy_job
from airflow_provider_drive.protocol.wire.items import check_seconds
from airflow_provider_drive.protocol.wire.monitor_status import read_event
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url
from airflow_provider_drive.utils.failures import fail_on_permanent_errors
from airflow_provider_drive.utils.task_state import TaskState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus


class DriveCopyOperator(BaseOperator):
    """
    Copy an item to a folder, in the same drive or in another, on the server's side.

    Graph answers at once and copies afterwards. The operator submits the copy; with ``wait_for_completion``
    it also waits for its end and shows that the copy is there, without holding a worker if ``deferrable``.

    It is submitted once, whatever dies: on Airflow 3.3 and newer, a retry finds what an earlier try has asked
    for, and goes on from there. Who clears the task asks for another copy.

    The copy's monitor URL is pushed as the XCom ``monitor_url``. It is a secret: whoever has it can see how
    the copy stands, and what it is called.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-copy

    :param item: Address of the item to copy. A folder is copied with all that is in it. (templated)
    :param destination: Address of the folder to put the copy in. Default is the folder that the item is in.
        (templated)
    :param name: The copy's name. Default is the item's. (templated)
    :param conflict_behavior: What to do if the destination holds that name: ``fail``, ``replace`` (files
        only: the other file and its versions are gone), ``rename``, or ``skip``: what is there with the same
        content counts as the copy, and anything else fails. Default is ``fail``. (templated)
    :param children_only: Copy what is in the folder, not the folder itself. Default is ``False``.
    :param include_all_version_history: Copy all versions of files, not only the newest. Default is ``False``.
    :param create_destination: Make the folders of the destination's path that are missing. Default is
        ``False``.
    :param wait_for_completion: Wait for the copy to end. Default is ``False``.
    :param deferrable: Wait in the triggerer. Default is Airflow's ``[operators] default_deferrable``.
    :param poll_interval: Seconds between two looks at the copy at most, unless Graph asks for more; the first
        ones come sooner. Default is ``15``.
    :param copy_timeout: Seconds that the copy may take, from its submit. Default is ``86400``, a day.
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: The copy job, a mapping that :class:`~airflow_provider_drive.sensors.copy.DriveCopySensor` takes.
        With ``wait_for_completion`` Graph's driveItem of the copy instead; with ``children_only`` that of the
        destination.
    :raises DriveAddressError: If an address cannot be understood.
    :raises DriveNameConflictError: If the name is taken, and ``conflict_behavior`` does not help.
    :raises DriveCopyFailedError: If the copy ended in failure.
    :raises DriveCopyTimeoutError: If it was not done in time.
    :raises DriveCopyUnknownError: If nobody can say how it ended.
    """

    template_fields: Sequence[str] = ("item", "destination", "name", "conflict_behavior", "drive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"item": "json", "destination": "json"}
    operator_extra_links = (DriveSourceLink(), DriveDestinationLink())
    ui_color = "#d5e8fb"

    def __init__(
        self,
        *,
        item: Any,
        destination: Any = None,
        name: str | None = None,
        conflict_behavior: str = "fail",
        children_only: bool = False,
        include_all_version_history: bool = False,
        create_destination: bool = False,
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = POLL_INTERVAL,
        copy_timeout: float = COPY_TIMEOUT,
        drive_conn_id: str = DriveHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.item = item
        self.destination = destination
        self.name = name
        self.conflict_behavior = conflict_behavior
        self.children_only = children_only
        self.include_all_version_history = include_all_version_history
        self.create_destination = create_destination
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.copy_timeout = copy_timeout
        self.drive_conn_id = drive_conn_id

    @cached_property
    def hook(self) -> DriveHook:
        """The hook of this task."""
        return DriveHook(self.drive_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit the copy, or find what an earlier try has submitted, and wait for it if asked to."""
        memory = self._memory(context)
        with fail_on_permanent_errors(remembers=memory.is_durable):
            check_seconds("poll_interval", self.poll_interval)
            check_seconds("copy_timeout", self.copy_timeout)
            what = self.hook.describe(self.item, self.destination, self.name)
            with self.hook.report(f"Copying {what}") as outcome:
                return self._copy(context, memory, outcome)

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, **_: Any
    ) -> dict[str, Any]:
        """Show that what the trigger has seen is so. Needs only the event and the XCom ``copy_job``."""
        memory = self._memory(context)
        with fail_on_permanent_errors(remembers=memory.is_durable):
            status = read_event(event)
            ti = context["ti"]
            pushed = ti.xcom_pull(task_ids=self.task_id, key="copy_job", map_indexes=ti.map_index)
            if pushed is None:
                raise DriveResponseError(
                    "The XCom copy_job, which this task pushed before it was deferred, is gone."
                )
            job = read_copy_job(pushed, decrypt_url)
            asked = f"asked for {time.time() - job.asked:.0f} s ago"
            with self.hook.report(f"Looking at what came of {job}, {asked}") as outcome:
                item = self._finish(context, job, status, job.submitted_at + self.copy_timeout, memory)
                outcome.append(_copied(item))
                return item

    def on_kill(self) -> None:
        """Stop waiting at once."""
        self.log.warning("The task was stopped. Graph offers no way to cancel a copy: one that runs goes on.")
        self.hook.stop()

    def _memory(self, context: Context) -> TaskState:
        what = (self.item, self.destination, self.conflict_behavior, self.children_only)
        return TaskState(context, *what)

    def _copy(self, context: Context, memory: TaskState, outcome: list[str]) -> dict[str, Any]:
        now = time.time()
        try:
            job = self._submit(memory)
        except DriveError:
            push_link_xcoms(context, self.hook, memory.begun)
            raise
        if job.monitor_url:
            context["ti"].xcom_push(key="monitor_url", value=job.monitor_url)
        push_link_xcoms(context, self.hook, job)
        submitted = f"Found {job}." if job.state == "completed" else f"Graph has accepted {job}."
        if not self.wait_for_completion:
            outcome.append(submitted)
            return job.as_dict(encrypt_url)
        self.log.info("%s", submitted)
        deadline = min(now, job.submitted_at or now) + self.copy_timeout  # an earlier try may have begun
        item = self._finish(context, job, self._watch(context, job, deadline), deadline, memory)
        outcome.append(_copied(item))
        return item

    def _submit(self, memory: TaskState) -> CopyJob:
        return self.hook.submit_copy(
            self.item,
            self.destination,
            self.name,
            self.conflict_behavior,
            children_only=self.children_only,
            include_all_version_history=self.include_all_version_history,
            create_destination=self.create_destination,
            timeout=self.copy_timeout,
            poll_interval=self.poll_interval,
            awaited=self.wait_for_completion,
            memory=memory,
        )

    def _watch(self, context: Context, job: CopyJob, deadline: float) -> CopyStatus:
        """Look until the copy ends; if deferrable only twice, since most small ones are done in a second."""
        polls = 2 if self.deferrable else None
        status = self.hook.poll_job(job, deadline=deadline, poll_interval=self.poll_interval, polls=polls)
        if polls and job.monitor_url and status.state == "timeout" and time.time() < deadline:
            self._defer(context, job, job.monitor_url, deadline)
        return status

    def _defer(self, context: Context, job: CopyJob, monitor_url: str, deadline: float) -> None:
        from airflow_provider_drive.triggers.copy import CopyCompleteTrigger  # noqa: PLC0415  # Dag files need not pay for it

        context["ti"].xcom_push(key="copy_job", value=job.as_dict(encrypt_url))
        self.defer(
            trigger=CopyCompleteTrigger(monitor_url, self.poll_interval, deadline, self.drive_conn_id),
            method_name="execute_complete",
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + DEFERRAL_MARGIN),
        )

    def _finish(
        self,
        context: Context,
        job: CopyJob,
        status: CopyStatus,
        deadline: float,
        memory: TaskState,
    ) -> dict[str, Any]:
        item = self.hook.verify_job(
            job, status, deadline=deadline, poll_interval=self.poll_interval, memory=memory
        )
        push_link_xcoms(context, self.hook, job, item)
        return item


def _copied(item: dict[str, Any]) -> str:
    return f"Copied: {item.get('name')} is {item.get('id')} now."
