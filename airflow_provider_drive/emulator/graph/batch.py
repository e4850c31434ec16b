"""Batches: https://learn.microsoft.com/graph/json-batching."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import GraphError
from airflow_provider_drive.emulator.graph.requests import authenticate, json_body
from airflow_provider_drive.emulator.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.state.tenant import Tenant

    Entry = dict[str, Any]

_MAX_REQUESTS, _FIRST_ERROR_STATUS = 20, 400
_FAILED_DEPENDENCY = 424


def handle_batch(
    tenant: Tenant, request: Request, respond: Callable[[Tenant, Request], Response]
) -> Response:
    """
    Handle each request of a batch. The responses come in no particular order: ``pnp-batch-drives``.

    :param respond: Handles a single request.
    """
    authenticate(tenant, request)
    entries = json_body(request).get("requests") or []
    ids = [str(entry.get("id", "")).lower() for entry in entries]
    if len(entries) > _MAX_REQUESTS or len(set(ids)) < len(ids) or not all(ids):
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    responses: dict[str, Entry] = {}
    for entry in entries:
        if _depends_on_failure(entry, responses):
            responses[entry["id"]] = {"id": entry["id"], "status": _FAILED_DEPENDENCY, "headers": {}}
        else:
            responses[entry["id"]] = _write(entry["id"], respond(tenant, _read(request, entry)))
    return Response(200, {"responses": list(reversed(responses.values()))})


def _depends_on_failure(entry: Entry, responses: dict[str, Entry]) -> bool:
    return any(
        other not in responses or responses[other]["status"] >= _FIRST_ERROR_STATUS
        for other in entry.get("dependsOn") or []
    )


def _read(batch: Request, entry: Entry) -> Request:
    """Return an entry of the batch as a request."""
    headers = {key.lower(): value for key, value in (entry.get("headers") or {}).items()}
    headers.setdefault("authorization", batch.headers["authorization"])
    path, _, query = str(entry.get("url", "")).partition("?")
    raw_path = batch.raw_path.removesuffix("/$batch") + path
    body = json.dumps(entry["body"]).encode() if "body" in entry else b""
    method = str(entry.get("method", "GET")).upper()
    return Request(method, raw_path, query, headers, body, batch.base, is_batched=True, client=batch.client)


def _write(entry_id: str, response: Response) -> Entry:
    """Return a response as an entry of the batch."""
    headers = {key.title(): value for key, value in response.headers.items()}
    entry: Entry = {"id": entry_id, "status": response.status, "headers": headers}
    if isinstance(response.body, bytes) and response.body:
        entry["body"] = _body(response.body)
    return entry


def _body(body: bytes) -> Any:
    """Return JSON as it is, and anything else in base64."""
    try:
        return json.loads(body)
    except ValueError:
        return base64.b64encode(body).decode()
