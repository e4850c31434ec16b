"""A peer in the kill test: a copy with Airflow's own means against a death, used as documented."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, ResumableJobMixin, get_current_context, task

from airflow_provider_drive.hooks.drive import DriveHook

if TYPE_CHECKING:
    from airflow.sdk import Context


class ResumableCopy(ResumableJobMixin, BaseOperator):
    """Submit, store the monitor's URL, poll."""

    template_fields = ("item", "destination")

    def __init__(self, *, item: Any, destination: Any, conflict_behavior: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.item = item
        self.destination = destination
        self.conflict_behavior = conflict_behavior

    def execute(self, context: Context) -> Any:
        return self.execute_resumable(context)

    def submit_job(self, context: Context) -> str | None:
        return DriveHook().copy_item(self.item, self.destination, conflict_behavior=self.conflict_behavior)

    def get_job_status(self, external_id: Any, context: Context) -> str:
        return DriveHook().get_copy_status(external_id)["status"]

    def is_job_active(self, status: str) -> bool:
        return status == "running"

    def is_job_succeeded(self, status: str) -> bool:
        return status == "completed"

    def poll_until_complete(self, external_id: Any, context: Context) -> None:
        DriveHook().wait_for_copy(external_id, poll_interval=1.0)

    def get_job_result(self, external_id: Any, context: Context) -> Any:
        return DriveHook().wait_for_copy(external_id)


@task
def runs() -> list[dict[str, Any]]:
    return get_current_context()["params"]["runs"]


with DAG("deaths_of_resumables", schedule=None, params={"runs": []}, max_active_tasks=500):
    ResumableCopy.partial(task_id="copy", retries=12, retry_delay=timedelta(seconds=1)).expand_kwargs(runs())
