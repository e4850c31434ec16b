"""Many requests in one: https://learn.microsoft.com/graph/json-batching."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import GraphError
from airflow_provider_drive.emulator.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.state.tenant import Tenant

    Responses = dict[str, dict[str, Any]]

_MAX_REQUESTS, _FIRST_ERROR_STATUS = 20, 400
_FAILED_DEPENDENCY = 424


def handle_batch(
    tenant: Tenant, request: Request, respond: Callable[[Tenant, Request], Response]
) -> Response:
    """Answer each request of a batch as if it had come alone, in any order: ``pnp-batch-drives``."""
    tenant.check_token(request.headers.get("authorization", ""))
    entries = request.json().get("requests") or []
    ids = [str(entry.get("id", "")).lower() for entry in entries]
    if len(entries) > _MAX_REQUESTS or len(set(ids)) < len(ids) or not all(ids):
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    responses: Responses = {}
    for entry in entries:
        if _depends_on_failure(entry, responses):
            responses[entry["id"]] = {"id": entry["id"], "status": _FAILED_DEPENDENCY, "headers": {}}
        else:
            responses[entry["id"]] = _response(entry["id"], respond(tenant, _request(request, entry)))
    return Response(200, {"responses": list(reversed(responses.values()))})


def _depends_on_failure(entry: dict[str, Any], responses: Responses) -> bool:
    return any(
        parent not in responses or responses[parent]["status"] >= _FIRST_ERROR_STATUS
        for parent in entry.get("dependsOn") or []
    )


def _request(request: Request, entry: dict[str, Any]) -> Request:
    headers = {key.lower(): value for key, value in (entry.get("headers") or {}).items()}
    headers.setdefault("authorization", request.headers["authorization"])
    path, _, query = str(entry.get("url", "")).partition("?")
    raw_path = request.raw_path.removesuffix("/$batch") + path
    body = json.dumps(entry["body"]).encode() if "body" in entry else b""
    method = str(entry.get("method", "GET")).upper()
    return Request(
        method, raw_path, query, headers, body, request.base, is_batched=True, client=request.client
    )


def _response(entry_id: str, response: Response) -> dict[str, Any]:
    headers = {key.title(): value for key, value in response.headers.items()}
    entry: dict[str, Any] = {"id": entry_id, "status": response.status, "headers": headers}
    if isinstance(response.body, bytes) and response.body:
        entry["body"] = _body(response.body)
    return entry


def _body(body: bytes) -> Any:
    """Give JSON as it is, and anything else in base64."""
    try:
        return json.loads(body)
    except ValueError:
        return base64.b64encode(body).decode()
