"""From a request to an answer: the four doors, the faults before them, and the journal behind them."""

from __future__ import annotations

import dataclasses
import re
import time
from typing import TYPE_CHECKING

from airflow_provider_drive.emulator import faults
from airflow_provider_drive.emulator.entra.errors import named
from airflow_provider_drive.emulator.entra.token import deny, serve_token
from airflow_provider_drive.emulator.graph.batch import serve_batch
from airflow_provider_drive.emulator.graph.errors import Refusal
from airflow_provider_drive.emulator.graph.files import serve_file
from airflow_provider_drive.emulator.graph.monitor import serve_monitor
from airflow_provider_drive.emulator.graph.router import serve_graph
from airflow_provider_drive.emulator.messages import Answer, refusal_answer
from airflow_provider_drive.emulator.state.tenant import Call

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.faults import Fault
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_DOORS = {"graph": serve_graph, "monitor": serve_monitor, "token": serve_token, "file": serve_file}
_BATCH = re.compile(r"/(?:v1\.0|beta)/\$batch")
_HUGE = 33 << 20
_NESTED = 100_000


def respond(tenant: Tenant, request: Request) -> Answer:
    """Answer a request, or spoil it as a fault says, and write it down."""
    with tenant.lock:
        tenant.settle()
        fault = tenant.witness(request) if tenant.witness is not None else None
        fault = fault or faults.take(tenant.faults, request.method, request.path, request.door)
        answer = _answer(tenant, request) if fault is None else _spoilt(tenant, request, fault)
        answer.headers.setdefault("request-id", request.request_id)
        answer.headers.setdefault("client-request-id", request.client_request_id)
        tenant.note(_call(request, answer))
        return answer


def _answer(tenant: Tenant, request: Request) -> Answer:
    try:
        if _BATCH.fullmatch(request.path):
            answer = serve_batch(tenant, request, respond)
        else:
            answer = _DOORS[request.door](tenant, request)
    except Refusal as refusal:
        answer = refusal_answer(refusal, request)
    answer.encode()
    return answer


def _spoilt(tenant: Tenant, request: Request, fault: Fault) -> Answer:
    answer = _answer(tenant, request) if fault.has_effect else Answer()
    if fault.act is not None:
        fault.act()
    if fault.kind in {"drop_before", "drop_after"}:
        return Answer(0, cut=True)
    if fault.kind == "delay":
        return dataclasses.replace(answer, delay=fault.seconds)
    if fault.kind == "truncate":
        return dataclasses.replace(answer, truncated=True)
    return _instead(tenant, fault, request)


def _instead(tenant: Tenant, fault: Fault, request: Request) -> Answer:
    """Make the answer that a fault gives instead of the true one."""
    status = fault.http_status
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.kind == "refuse" and request.door == "token" and fault.code:
        answer = deny(tenant, request, named(fault.code))
        answer.encode()
        return answer
    if fault.kind == "refuse":
        answer = refusal_answer(_refusal(fault, status, headers), request)
        answer.encode()
        return answer
    bodies = {
        "garbage": b'\x00\xff{"status": "comp',
        "html": b"<!DOCTYPE html><html><body><h1>Service Unavailable</h1></body></html>",
        "huge": b'{"status":"completed","padding":"' + b"x" * (_HUGE if fault.kind == "huge" else 0) + b'"}',
        "nested": b'{"status":' + (b"[" * _NESTED + b"]" * _NESTED if fault.kind == "nested" else b"") + b"}",
    }
    if fault.kind == "redirect":
        headers["location"] = fault.location
    headers["content-type"] = "text/html" if fault.kind == "html" else "application/json"
    return Answer(status, bodies.get(fault.kind, b""), headers)


def _refusal(fault: Fault, status: int, headers: dict[str, str]) -> Refusal:
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
    return Refusal(status, code, fault.message, inner=fault.inner, headers=headers)


def _call(request: Request, answer: Answer) -> Call:
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
        answer.status,
        authorization is not None,
        headers.get("host", ""),
        headers,
        request.body,
        request.units,
        request.door,
        request.is_batched,
        request.client,
    )
