"""The door of the monitors: https://learn.microsoft.com/graph/long-running-actions-overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.serializers import item_json
from airflow_provider_drive.emulator.messages import Answer

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.jobs import Job
    from airflow_provider_drive.emulator.state.tenant import Tenant


def serve_monitor(tenant: Tenant, request: Request) -> Answer:
    """Tell how a job stands to whoever has its URL, but not to who shows a token as well."""
    if "authorization" in request.headers:
        raise errors.monitor_refusal()
    job = _find(tenant, request)
    job.look()
    behaviour = job.behaviour
    if behaviour.lost:
        raise errors.job_not_found(404 if behaviour.lost is True else behaviour.lost)
    if job.is_running:
        status = behaviour.running_status or (202 if job.source.drive.is_personal else 200)
        return Answer(status, job.status())
    headers = _where(job, request) if behaviour.done_status == 303 else {}  # noqa: PLR2004 - See Other
    if not behaviour.with_body:
        return Answer(behaviour.done_status, b"", headers)
    if job.shape == "item" and job.resource is not None:
        return Answer(behaviour.done_status, item_json(job.resource, request.base), headers)
    return Answer(behaviour.done_status, job.status(), headers)


def _find(tenant: Tenant, request: Request) -> Job:
    """Find the job of a URL, which is the credential: a changed one is refused."""
    name = request.path.rpartition("/")[2]
    secret = request.query.get("tempauth")
    job = tenant.jobs_by_id.get(name)
    if "force303" in request.query:
        job = next((job for job in tenant.jobs if job.tempauth == secret), None)
        if job is None:
            raise errors.monitor_refusal()
    if job is None:
        raise errors.job_not_found()
    if job.shape == "operations" and (secret, request.query.get("c")) != (job.tempauth, job.continuation):
        raise errors.monitor_refusal()
    return job


def _where(job: Job, request: Request) -> dict[str, str]:
    if job.resource is None or (job.behaviour.with_body and job.shape != "item"):
        return {}  # doc-monitor-completed-303-odocs has none
    return {"location": f"{request.base}/_api/v2.0/drives/{job.drive.id}/items/{job.resource.id}"}
