"""The door of the monitors: https://learn.microsoft.com/graph/long-running-actions-overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.serializers import item_json
from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.jobs import Job
    from airflow_provider_drive.emulator.state.tenant import Tenant


def handle_monitor(tenant: Tenant, request: Request) -> Response:
    """Tell how a job stands to whoever has its URL, but not to who shows a token as well."""
    if "authorization" in request.headers:
        raise errors.monitor_unauthorized()
    job = _find_job(tenant, request)
    job.poll()
    behaviour = job.behaviour
    if behaviour.lost:
        raise errors.operation_not_found(404 if behaviour.lost is True else behaviour.lost)
    if job.is_running:
        status = behaviour.running_status or (202 if job.source.drive.is_personal else 200)
        return Response(status, job.status())
    headers = _location_header(job, request) if behaviour.done_status == 303 else {}  # noqa: PLR2004 - See Other
    if not behaviour.with_body:
        return Response(behaviour.done_status, b"", headers)
    if job.url_form == "item" and job.resource is not None:
        return Response(behaviour.done_status, item_json(job.resource, request.base), headers)
    return Response(behaviour.done_status, job.status(), headers)


def _find_job(tenant: Tenant, request: Request) -> Job:
    """Find the job of a URL, which is the credential: a changed one is refused."""
    name = request.path.rpartition("/")[2]
    secret = request.query.get("tempauth")
    job = tenant.jobs_by_id.get(name)
    if "force303" in request.query:
        job = next((job for job in tenant.jobs if job.tempauth == secret), None)
        if job is None:
            raise errors.monitor_unauthorized()
    if job is None:
        raise errors.operation_not_found()
    if job.url_form == "operations" and (secret, request.query.get("c")) != (job.tempauth, job.continuation):
        raise errors.monitor_unauthorized()
    return job


def _location_header(job: Job, request: Request) -> dict[str, str]:
    if job.resource is None or (job.behaviour.with_body and job.url_form != "item"):
        return {}  # doc-monitor-completed-303-odocs has none
    return {"location": f"{request.base}/_api/v2.0/drives/{job.drive.id}/items/{job.resource.id}"}
