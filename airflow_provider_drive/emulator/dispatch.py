"""From a request to a response: the four doors, the faults before them, and the journal behind them."""

from __future__ import annotations

import dataclasses
import re
import time
from typing import TYPE_CHECKING

from airflow_provider_drive.emulator import faults
from airflow_provider_drive.emulator.entra.errors import error_from_code
from airflow_provider_drive.emulator.entra.token import error_response as entra_error_response
from airflow_provider_drive.emulator.entra.token import handle_token
from airflow_provider_drive.emulator.graph.batch import handle_batch
from airflow_provider_drive.emulator.graph.errors import GraphError
from airflow_provider_drive.emulator.graph.files import handle_file
from airflow_provider_drive.emulator.graph.monitor import handle_monitor
from airflow_provider_drive.emulator.graph.router import handle_graph
from airflow_provider_drive.emulator.messages import Response, error_response
from airflow_provider_drive.emulator.state.tenant import Call

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.faults import Fault
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_SERVICES = {"graph": handle_graph, "monitor": handle_monitor, "token": handle_token, "file": handle_file}
_BATCH = re.compile(r"/(?:v1\.0|beta)/\$batch")
_HUGE = 33 << 20
_NESTED = 100_000


def respond(tenant: Tenant, request: Request) -> Response:
    """Answer a request, or spoil it as a fault says, and write it down."""
    with tenant.lock:
        tenant.finish_due_jobs()
        fault = tenant.witness(request) if tenant.witness is not None else None
        fault = fault or faults.pop_fault(tenant.faults, request.method, request.path, request.where)
        response = _handle(tenant, request) if fault is None else _apply_fault(tenant, request, fault)
        response.headers.setdefault("request-id", request.request_id)
        response.headers.setdefault("client-request-id", request.client_request_id)
        tenant.record_call(_call(request, response))
        return response


def _handle(tenant: Tenant, request: Request) -> Response:
    try:
        if _BATCH.fullmatch(request.path):
            response = handle_batch(tenant, request, respond)
        else:
            response = _SERVICES[request.where](tenant, request)
    except GraphError as error:
        response = error_response(error, request)
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
    return _faulty_response(tenant, fault, request)


def _faulty_response(tenant: Tenant, fault: Fault, request: Request) -> Response:
    """Make the answer that a fault gives instead of the true one."""
    status = fault.http_status
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.kind == "refuse" and request.where == "token" and fault.code:
        response = entra_error_response(tenant, request, error_from_code(fault.code))
        response.encode()
        return response
    if fault.kind == "refuse":
        response = error_response(_graph_error(fault, status, headers), request)
        response.encode()
        return response
    bodies = {
        "garbage": b'\x00\xff{"status": "comp',
        "html": b"<!DOCTYPE html><html><body><h1>Service Unavailable</h1></body></html>",
        "huge": b'{"status":"completed","padding":"' + b"x" * (_HUGE if fault.kind == "huge" else 0) + b'"}',
        "nested": b'{"status":' + (b"[" * _NESTED + b"]" * _NESTED if fault.kind == "nested" else b"") + b"}",
    }
    if fault.kind == "redirect":
        headers["location"] = fault.location
    headers["content-type"] = "text/html" if fault.kind == "html" else "application/json"
    return Response(status, bodies.get(fault.kind, b""), headers)


def _graph_error(fault: Fault, status: int, headers: dict[str, str]) -> GraphError:
    codes = {
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
    code = fault.code or codes.get(status, "generalException")
    return GraphError(status, code, fault.message, inner=fault.inner, headers=headers)


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
