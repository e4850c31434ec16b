"""Monitors of jobs: https://learn.microsoft.com/graph/long-running-actions-overview."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.serializers import item_json, job_json
from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.jobs import Job
    from airflow_provider_drive.emulator.state.tenant import Tenant

_SEE_OTHER = 303


def accepted_response(tenant: Tenant, job: Job) -> Response:
    """Return 202 without a body, and usually with a ``Location``: ``gnome-copy-202-personal``."""
    location = monitor_url(job, tenant.monitor_base or tenant.base_url)
    return Response(202, None, {} if location is None else {"location": location})


def monitor_url(job: Job, base: str) -> str | None:
    """Return the URL of a job's monitor, in one of the observed forms; None if it has none."""
    form, secret = job.url_form, f"tempauth={job.tempauth}"
    if not isinstance(form, str):
        return form(job)
    if form == "operations":
        query = f"c={quote(job.continuation, safe='')}&v=2.0&{secret}"
        return f"{base}/_api/v2.1/drives/{job.source.drive.id}/operations/{job.id}?{query}"
    if form == "item" and job.resource is not None:  # op-copy-202-sync-item-location-2024
        return f"{_item_url(job, base)}?force303=1&{secret}"
    others = {
        "monitor": f"{base}/_api/v2.0/monitor/{job.id}",
        "personal": f"{base}/v1.0/monitor/{job.id}",
        "none": None,
        "item": None,
    }
    return others.get(form, form)


def handle_monitor(tenant: Tenant, request: Request) -> Response:
    """Return the state of a job. The URL is the credential: a request that also has a token is refused."""
    if "authorization" in request.headers:
        raise errors.monitor_unauthenticated()
    job = _find_job(tenant, request)
    job.poll()
    behaviour = job.behaviour
    if behaviour.lost:
        raise errors.operation_not_found(404 if behaviour.lost is True else behaviour.lost)
    if job.is_running:
        status = behaviour.running_status or (202 if job.source.drive.is_personal else 200)
        return Response(status, job_json(job))
    headers = _location_header(job, request) if behaviour.done_status == _SEE_OTHER else {}
    if not behaviour.with_body:
        return Response(behaviour.done_status, b"", headers)
    if job.url_form == "item" and job.resource is not None:
        return Response(behaviour.done_status, item_json(job.resource, request), headers)
    return Response(behaviour.done_status, job_json(job), headers)


def _find_job(tenant: Tenant, request: Request) -> Job:
    """Return the job of a URL. A URL that was changed is refused."""
    name = request.path.rpartition("/")[2]
    secret = request.query.get("tempauth")
    job = tenant.jobs_by_id.get(name)
    if "force303" in request.query:
        job = next((job for job in tenant.jobs if job.tempauth == secret), None)
        if job is None:
            raise errors.monitor_unauthenticated()
    if job is None:
        raise errors.operation_not_found()
    if job.url_form == "operations" and (secret, request.query.get("c")) != (job.tempauth, job.continuation):
        raise errors.monitor_unauthenticated()
    return job


def _location_header(job: Job, request: Request) -> dict[str, str]:
    if job.resource is None or (job.behaviour.with_body and job.url_form != "item"):
        return {}  # as in doc-monitor-completed-303-odocs
    return {"location": _item_url(job, request.base)}


def _item_url(job: Job, base: str) -> str:
    item_id = job.resource.id if job.resource is not None else ""
    return f"{base}/_api/v2.0/drives/{job.drive.id}/items/{item_id}"
