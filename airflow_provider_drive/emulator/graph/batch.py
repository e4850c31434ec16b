"""Many requests in one: https://learn.microsoft.com/graph/json-batching."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import Refusal
from airflow_provider_drive.emulator.messages import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.state.tenant import Tenant

    Responses = dict[str, dict[str, Any]]

_MOST, _ERRORS_BEGIN = 20, 400
_FAILED_DEPENDENCY = 424


def serve_batch(tenant: Tenant, request: Request, respond: Callable[[Tenant, Request], Answer]) -> Answer:
    """Answer each request of a batch as if it had come alone, in any order: ``pnp-batch-drives``."""
    tenant.check_token(request.headers.get("authorization", ""))
    wishes = request.json().get("requests") or []
    ids = [str(wish.get("id", "")).lower() for wish in wishes]
    if len(wishes) > _MOST or len(set(ids)) < len(ids) or not all(ids):
        raise Refusal(400, "BadRequest", "Invalid batch payload format.")
    responses: Responses = {}
    for wish in wishes:
        if _waits_for_a_failure(wish, responses):
            responses[wish["id"]] = {"id": wish["id"], "status": _FAILED_DEPENDENCY, "headers": {}}
        else:
            responses[wish["id"]] = _response(wish["id"], respond(tenant, _request(request, wish)))
    return Answer(200, {"responses": list(reversed(responses.values()))})


def _waits_for_a_failure(wish: dict[str, Any], responses: Responses) -> bool:
    return any(
        parent not in responses or responses[parent]["status"] >= _ERRORS_BEGIN
        for parent in wish.get("dependsOn") or []
    )


def _request(request: Request, wish: dict[str, Any]) -> Request:
    headers = {key.lower(): value for key, value in (wish.get("headers") or {}).items()}
    headers.setdefault("authorization", request.headers["authorization"])
    path, _, query = str(wish.get("url", "")).partition("?")
    raw_path = request.raw_path.removesuffix("/$batch") + path
    body = json.dumps(wish["body"]).encode() if "body" in wish else b""
    method = str(wish.get("method", "GET")).upper()
    return Request(
        method, raw_path, query, headers, body, request.base, is_batched=True, client=request.client
    )


def _response(wish_id: str, answer: Answer) -> dict[str, Any]:
    headers = {key.title(): value for key, value in answer.headers.items()}
    response: dict[str, Any] = {"id": wish_id, "status": answer.status, "headers": headers}
    if isinstance(answer.body, bytes) and answer.body:
        response["body"] = _body(answer.body)
    return response


def _body(body: bytes) -> Any:
    """Give JSON as it is, and anything else in base64."""
    try:
        return json.loads(body)
    except ValueError:
        return base64.b64encode(body).decode()
