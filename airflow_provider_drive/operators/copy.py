"""Copies items of OneDrive and SharePoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import conf

from airflow_provider_drive.configuration import COPY_TIMEOUT, POLL_INTERVAL
from airflow_provider_drive.exceptions import DriveError, DriveResponseError
from airflow_provider_drive.links import DriveDestinationLink, DriveSourceLink, push_link_xcoms
from airflow_provider_drive.operators.base import DriveOperator
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url
from airflow_provider_drive.utils.failures import fail_on_permanent_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_drive.operators.base import Template
    from airflow_provider_drive.protocol.copy.plan import CopyOrder
    from airflow_provider_drive.protocol.timing import Wait
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus
    from airflow_provider_drive.utils.task_state import TaskState

POLLS_BEFORE_DEFERRAL = 2
"""Most small copies are done within a second: then a deferral would cost a second worker start."""


class DriveCopyOperator(DriveOperator):
    """
    Copy an item to a folder, in the same drive or in another, on the server's side.

    Graph accepts the copy at once and makes it afterwards. The operator submits it; with
    ``wait_for_completion`` it also waits until the copy is complete, and verifies it. If ``deferrable``, the
    triggerer waits, and no worker is held.

    The copy is submitted once: on Airflow 3.3 and newer, a retry finds the copy that an earlier try submitted
    and goes on from there. Clearing the task starts over with another copy.

    The copy's monitor URL is pushed as the XCom ``monitor_url``. It is a secret: it shows the copy's status
    and name to anyone who has it.

    .. seealso::
        https://learn.microsoft.com/graph/api/driveitem-copy

    :param item: Address of the item to copy. A folder is copied with all that is in it. (templated)
    :param destination: Address of the folder to put the copy in. Default is the folder that the item is in.
        (templated)
    :param name: The copy's name. Default is the item's. (templated)
    :param conflict_behavior: What to do if the destination holds that name: ``fail``, ``replace`` (files
        only: the other file and its versions are deleted), ``rename``, or ``skip``: an item with the same
        content counts as the copy, any other fails. Default is ``fail``. (templated)
    :param children_only: Copy the items in the folder, not the folder itself. Default is ``False``.
        (templated)
    :param include_all_version_history: Copy all versions of files, not only the newest. Default is ``False``.
        (templated)
    :param create_destination: Create the missing folders of the destination's path. Default is ``False``.
        (templated)
    :param wait_for_completion: Wait until the copy is complete. Default is ``False``. (templated)
    :param verify: With ``wait_for_completion``, compare a copied folder with its source, down to its last
        item, because Graph has reported folder copies as completed that lacked items. If false, the monitor's
        report is trusted. Default is ``True``. (templated)
    :param deferrable: Wait in the triggerer. Default is Airflow's ``[operators] default_deferrable``.
        (templated)
    :param poll_interval: The longest pause between two polls, in seconds or as a duration (``PT1M``). The
        first pauses are shorter; ``Retry-After`` takes precedence. Default is ``[drive] poll_interval`` of
        Airflow's configuration, else ``15``. (templated)
    :param copy_timeout: How long the copy may take from its submit on, in seconds or as a duration
        (``PT2H``). Default is ``[drive] copy_timeout``, else ``86400``, a day. (templated)
    :param drive_conn_id: The connection. Default is ``drive_default``. (templated)
    :return: The copy job, a mapping that :class:`~airflow_provider_drive.sensors.copy.DriveCopySensor` takes.
        With ``wait_for_completion`` Graph's driveItem of the copy instead; with ``children_only`` that of the
        destination.
    :raises DriveAddressError: If an address is invalid.
    :raises DriveArgumentError: If another parameter is invalid.
    :raises DriveNameConflictError: If the name is taken, and ``conflict_behavior`` does not resolve it.
    :raises DriveResponseError: If the monitor is on a host that may not be called. Graph makes the copy.
    :raises DriveCopyFailedError: If the copy failed.
    :raises DriveCopyTimeoutError: If it was not complete in time.
    :raises DriveCopyUnknownError: If its outcome cannot be determined.
    """

    template_fields: Sequence[str] = (
        "item",
        "destination",
        "name",
        "conflict_behavior",
        "children_only",
        "include_all_version_history",
        "create_destination",
        "wait_for_completion",
        "verify",
        "deferrable",
        "poll_interval",
        "copy_timeout",
        "drive_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"item": "json", "destination": "json"}
    boolean_fields: ClassVar[Sequence[str]] = (
        "children_only",
        "include_all_version_history",
        "create_destination",
        "wait_for_completion",
        "verify",
        "deferrable",
    )
    duration_fields: ClassVar[Sequence[str]] = ("poll_interval", "copy_timeout")
    operator_extra_links = (DriveSourceLink(), DriveDestinationLink())
    lineage_inputs: ClassVar[Sequence[str]] = ("item",)

    def __init__(
        self,
        *,
        item: Any,
        destination: Any = None,
        name: str | Template | None = None,
        conflict_behavior: Literal["fail", "replace", "rename", "skip"] | Template = "fail",
        children_only: bool | Template = False,
        include_all_version_history: bool | Template = False,
        create_destination: bool | Template = False,
        wait_for_completion: bool | Template = False,
        verify: bool | Template = True,
        deferrable: bool | Template = conf.getboolean(  # noqa: B008  # as Airflow's operators do
            "operators", "default_deferrable", fallback=False
        ),
        poll_interval: float | Template = POLL_INTERVAL,
        copy_timeout: float | Template = COPY_TIMEOUT,
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
        self.verify = verify
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.copy_timeout = copy_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit the copy, or find the one that an earlier try submitted, and wait for it if asked to."""
        from airflow_provider_drive.lineage import lineage_of_copy

        self._read_parameters()
        state = self._task_state(context)
        with fail_on_permanent_errors(remembers=state.is_durable):
            what = self._client.describe(self.item, self.destination, self.name, follow=True)
            with self._logged(f"Copying {what}", item=self.item, destination=self.destination) as run:
                job = self._submit(context, state)
                submitted = f"Found {job}." if job.state == "completed" else f"Graph has accepted {job}."
                if not self.wait_for_completion:
                    self._report_lineage(lambda: lineage_of_copy(job))
                    run.result = submitted
                    return job.as_dict(encrypt_url)
                self.log.info("%s", submitted)
                item = self._wait_for_copy(context, job, state)
                run.result = _describe_result(item)
                return item

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, **_: Any
    ) -> dict[str, Any]:
        """Verify the copy after the deferral. Needs only the event and the XCom ``copy_job``."""
        from airflow_provider_drive.protocol.copy.verify import confirm_event
        from airflow_provider_drive.protocol.wire.copy_job import read_copy_job
        from airflow_provider_drive.protocol.wire.monitor_status import read_event

        self._read_parameters()
        state = self._task_state(context)
        with fail_on_permanent_errors(remembers=state.is_durable):
            status, ti = read_event(event), context["ti"]
            pushed = ti.xcom_pull(task_ids=self.task_id, key="copy_job", map_indexes=ti.map_index)
            if pushed is None:
                raise DriveResponseError(
                    "The XCom copy_job, which this task pushed before its deferral, is missing."
                )
            job = read_copy_job(pushed, decrypt_url)
            self._publish(context, job)  # the links are written again after each part
            age = self._client.now() - job.asked
            with self._logged(f"Verifying {job}, requested {age:.0f} s ago") as run:
                wait = self._wait_until(job.submitted_at + self.copy_timeout)
                status = self._client.run(confirm_event(status, job.monitor_url, wait))
                item = self._verify(context, job, status, wait, state)
                run.result = _describe_result(item)
                return item

    def _task_state(self, context: Context) -> TaskState:
        from airflow_provider_drive.utils.task_state import TaskState

        return TaskState(context, self.item, self.destination, self.conflict_behavior, self.children_only)

    def _submit(self, context: Context, state: TaskState) -> CopyJob:
        """Submit the copy, and push the XComs that are known from then on."""
        wait = self._client.wait(self.copy_timeout, self.poll_interval)
        try:
            job = self._client.submit_copy(self._order(), wait, state)
        except DriveError:
            self._publish(context, state.started)
            raise
        if job.is_renamed_later and not self.wait_for_completion:
            self.log.info(
                "The copy arrives as %r, and gets its name %r when a sensor waits for this copy_job. No XCom "
                "monitor_url is pushed, since a sensor that has only that cannot rename it.",
                job.arrival.name,
                job.name,
            )
        elif job.monitor_url:
            context["ti"].xcom_push(key="monitor_url", value=job.monitor_url)
        self._publish(context, job)
        return job

    def _order(self) -> CopyOrder:
        from airflow_provider_drive.protocol.copy.plan import CopyOrder

        return CopyOrder(
            self._client.address(self.item),
            self._client.optional_address(self.destination),
            self.name,
            self.conflict_behavior,
            self.children_only,
            self.include_all_version_history,
            self.create_destination,
            is_awaited=self.wait_for_completion,
        )

    def _wait_for_copy(self, context: Context, job: CopyJob, state: TaskState) -> dict[str, Any]:
        """Wait until the copy is complete, and return it verified; or defer."""
        deadline = (job.submitted_at or self._client.now()) + self.copy_timeout
        status = self._poll(job, self._wait_until(deadline))
        is_late = self._client.now() >= deadline
        if status.state == "timeout" and self.deferrable and job.monitor_url and not is_late:
            self._defer(context, job, job.monitor_url, deadline)
        return self._verify(context, job, status, self._wait_until(deadline), state)

    def _wait_until(self, deadline: float) -> Wait:
        return self._client.wait(poll_interval=self.poll_interval, deadline=deadline)

    def _poll(self, job: CopyJob, wait: Wait) -> CopyStatus:
        from airflow_provider_drive.protocol.copy.verify import poll_job

        polls = POLLS_BEFORE_DEFERRAL if self.deferrable else None
        return self._client.run(poll_job(job, wait, fresh=True, polls=polls))

    def _verify(
        self, context: Context, job: CopyJob, status: CopyStatus, wait: Wait, state: TaskState
    ) -> dict[str, Any]:
        from airflow_provider_drive.lineage import lineage_of_copy
        from airflow_provider_drive.protocol.copy.verify import verify_copy

        item = dict(self._client.run(verify_copy(job, status, wait, verify=self.verify), state).raw)
        push_link_xcoms(context, self._client.hosts, job, item)
        self._report_lineage(lambda: lineage_of_copy(job, item))
        self._tell_outlets(context, lambda: _describe_copy(item))
        return item

    def _defer(self, context: Context, job: CopyJob, monitor_url: str, deadline: float) -> None:
        from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

        context["ti"].xcom_push(key="copy_job", value=job.as_dict(encrypt_url))
        seconds = max(0.0, min(deadline - self._client.now(), self._execution_seconds(context)))
        until = self._client.now() + seconds
        self.defer(
            trigger=CopyCompleteTrigger(monitor_url, self.poll_interval, until, self.drive_conn_id),
            method_name="execute_complete",
            timeout=self._deferral_timeout(context, seconds),
        )


def _describe_copy(item: dict[str, Any]) -> dict[str, Any]:
    """Return what the events of the outlets hold."""
    parent = item.get("parentReference") or {}
    return {
        "summary": {"copied": 1, "bytes": item.get("size")},
        "item": {"driveId": parent.get("driveId"), "id": item.get("id"), "name": item.get("name")},
        "folder": {"driveId": parent.get("driveId"), "id": parent.get("id")},
    }


def _describe_result(item: dict[str, Any]) -> str:
    from airflow_provider_drive.protocol.wire.labels import read_label

    return f"Copied: {read_label(item)!r} (id {item.get('id')})."
