"""Dispatch of requests to the services. Applies faults, and keeps the journal."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import time
from email.utils import format_datetime
from typing import TYPE_CHECKING

from airflow_provider_drive.emulator import faults
from airflow_provider_drive.emulator.admin.endpoints import handle_admin
from airflow_provider_drive.emulator.entra import token
from airflow_provider_drive.emulator.entra.errors import error_from_code
from airflow_provider_drive.emulator.graph.annotations import add_headers
from airflow_provider_drive.emulator.graph.batch import handle_batch
from airflow_provider_drive.emulator.graph.errors import GraphError, error_response
from airflow_provider_drive.emulator.graph.files import handle_file
from airflow_provider_drive.emulator.graph.monitor import handle_monitor
from airflow_provider_drive.emulator.graph.router import handle_graph
from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state.calls import Call
from airflow_provider_drive.emulator.state.errors import StateError

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.faults import Fault
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_SERVICES = {
    "graph": handle_graph,
    "monitor": handle_monitor,
    "token": token.handle_token,
    "file": handle_file,
}
_BATCH = re.compile(r"/(?:v1\.0|beta)/\$batch")
_HUGE = 33 << 20
_NESTED = 100_000
_DEFAULT_CODES = {
    400: "invalidRequest",
    401: "InvalidAuthenticationToken",
    403: "accessDenied",
    404: "itemNotFound",
    409: "nameAlreadyExists",
    412: "resourceModified",
    423: "resourceLocked",
    429: "activityLimitReached",
    503: "serviceNotAvailable",
    507: "quotaLimitReached",
}


def respond(tenant: Tenant, request: Request) -> Response:
    """Return the response to a request, which a fault may have changed, and record the request."""
    with tenant.lock:
        tenant.finish_due_jobs()
        if request.where == "admin":
            response = handle_admin(tenant, request)
            response.encode()
            return response
        fault = tenant.witness(request) if tenant.witness is not None else None
        fault = fault or faults.pop_fault(tenant.faults, request.method, request.path, request.where)
        response = _handle(tenant, request) if fault is None else _apply_fault(tenant, request, fault)
        response.headers.setdefault("request-id", request.request_id)
        response.headers.setdefault("client-request-id", request.client_request_id)
        if request.where == "graph":
            add_headers(response, request)
        if not request.is_batched:
            response.headers.setdefault("date", _date(tenant, request))
        tenant.record_call(_call(request, response))
        return response


def _date(tenant: Tenant, request: Request) -> str:
    """Return the time by the clock of the service."""
    return format_datetime(dt.datetime.now(dt.UTC) if request.where == "token" else tenant.now(), usegmt=True)


def _handle(tenant: Tenant, request: Request) -> Response:
    try:
        if _BATCH.fullmatch(request.path):
            response = handle_batch(tenant, request, respond)
        else:
            response = _SERVICES[request.where](tenant, request)
    except (GraphError, StateError) as error:
        response = error_response(tenant, error, request)
    response.encode()
    return response


def _apply_fault(tenant: Tenant, request: Request, fault: Fault) -> Response:
    response = _handle(tenant, request) if fault.has_effect else Response()
    if fault.act is not None:
        fault.act()
    if fault.kind in {"drop_before", "drop_after"}:
        return Response(0, cut=True)
    if fault.kind == "delay":
        return dataclasses.replace(response, delay=fault.seconds)
    if fault.kind == "truncate":
        return dataclasses.replace(response, truncated=True)
    if fault.kind == "refuse":
        return _refusal(tenant, request, fault)
    return _broken_response(fault)


def _refusal(tenant: Tenant, request: Request, fault: Fault) -> Response:
    """Return the error of Graph or Entra ID that a fault asks for."""
    if request.where == "token" and fault.code:
        response = token.error_response(tenant, request, error_from_code(fault.code))
    else:
        status = fault.http_status
        code = fault.code or _DEFAULT_CODES.get(status, "generalException")
        headers = _retry_after(fault)
        error = GraphError(status, code, fault.message, inner=fault.inner, headers=headers)
        response = error_response(tenant, error, request)
    response.encode()
    return response


def _broken_response(fault: Fault) -> Response:
    """Return the bare status, redirect or unreadable body that a fault asks for."""
    headers = _retry_after(fault)
    if fault.kind == "redirect":
        headers["location"] = fault.location
    headers["content-type"] = "text/html" if fault.kind == "html" else "application/json"
    return Response(fault.http_status, _broken_body(fault.kind), headers)


def _broken_body(kind: str) -> bytes:
    match kind:
        case "garbage":
            return b'\x00\xff{"status": "comp'
        case "html":
            return b"<!DOCTYPE html><html><body><h1>Service Unavailable</h1></body></html>"
        case "huge":
            return b'{"status":"completed","padding":"' + b"x" * _HUGE + b'"}'
        case "nested":
            return b'{"status":' + b"[" * _NESTED + b"]" * _NESTED + b"}"
    return b""


def _retry_after(fault: Fault) -> dict[str, str]:
    return {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}


def _call(request: Request, response: Response) -> Call:
    headers = dict(request.headers)
    authorization = headers.get("authorization")
    if authorization is not None:
        headers["authorization"] = authorization.partition(" ")[0]
    return Call(
        time.time(),
        request.method,
        request.path,
        request.raw_path,
        request.raw_query,
        response.status,
        authorization is not None,
        headers.get("host", ""),
        headers,
        request.body,
        request.units,
        request.where,
        request.is_batched,
        request.client,
    )
