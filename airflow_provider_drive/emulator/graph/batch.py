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
_NAMES = {"odata-version": "OData-Version", "etag": "ETag"}  # pnp-batch-drives
_FAILED_DEPENDENCY: Entry = {
    "status": 424,
    "headers": {"Content-Type": "application/json"},
    "body": {"error": {"code": "Failed Dependency", "message": "A request that this one depends on failed."}},
}


def handle_batch(
    tenant: Tenant, request: Request, respond: Callable[[Tenant, Request], Response]
) -> Response:
    """
    Handle each request of a batch. The responses come in no particular order: ``pnp-batch-drives``.

    :param respond: Handles a single request.
    """
    authenticate(tenant, request)
    entries = _sort(_check(json_body(request).get("requests")))
    requests = [_read(request, entry) for entry in entries]  # one that is invalid fails the whole batch
    responses: dict[str, Entry] = {}
    for entry, part in zip(entries, requests, strict=True):
        others = entry.get("dependsOn") or []
        if any(responses[other]["status"] >= _FIRST_ERROR_STATUS for other in others):
            responses[entry["id"]] = {"id": entry["id"], **_FAILED_DEPENDENCY}
        else:
            responses[entry["id"]] = _write(entry["id"], respond(tenant, part))
    return Response(200, {"responses": list(reversed(responses.values()))})


def _check(entries: Any) -> list[Entry]:
    """
    Return the entries of a batch.

    :raises GraphError: If there are too many, or if an id is missing, not unique or not that of an entry.
    """
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _invalid_batch()
    ids = [str(entry.get("id", "")).lower() for entry in entries]
    others = {str(other).lower() for entry in entries for other in entry.get("dependsOn") or []}
    if len(entries) > _MAX_REQUESTS or len(set(ids)) < len(ids) or not all(ids) or not others <= set(ids):
        raise _invalid_batch()
    return entries


def _invalid_batch() -> GraphError:
    return GraphError(400, "BadRequest", "Invalid batch payload format.")


def _sort(entries: list[Entry]) -> list[Entry]:
    """
    Return the entries, each after those that it depends on, which can come later in the batch.

    :raises GraphError: If entries depend on each other.
    """
    waiting, in_order = list(entries), list[Entry]()
    while waiting:
        done = {entry["id"] for entry in in_order}
        ready = [entry for entry in waiting if done.issuperset(entry.get("dependsOn") or [])]
        if not ready:
            raise _invalid_batch()
        in_order += ready
        waiting = [entry for entry in waiting if entry not in ready]
    return in_order


def _read(batch: Request, entry: Entry) -> Request:
    """Return an entry of the batch as a request."""
    headers = {key.lower(): value for key, value in (entry.get("headers") or {}).items()}
    headers.setdefault("authorization", batch.headers["authorization"])
    path, _, query = str(entry.get("url", "")).partition("?")
    raw_path = f"{batch.raw_path.removesuffix('/$batch')}/{path.removeprefix('/')}"
    body = _read_body(entry, headers) if "body" in entry else b""
    method = str(entry.get("method", "GET")).upper()
    return Request(method, raw_path, query, headers, body, batch.base, is_batched=True, client=batch.client)


def _read_body(entry: Entry, headers: dict[str, str]) -> bytes:
    """Return JSON as it is. A body of any other type is in base64 or base64url."""
    body, content_type = entry["body"], headers.get("content-type", "")
    if not content_type:
        raise GraphError(
            400,
            "BadRequest",
            f"Write request id : {entry['id']} does not contain Content-Type header or body.",
        )
    if "json" in content_type or not isinstance(body, str):
        return json.dumps(body).encode()
    try:
        text = body.translate({ord("-"): "+", ord("_"): "/"})
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise GraphError(400, "BadRequest", "The body of the request is not in base64.") from None


def _write(entry_id: str, response: Response) -> Entry:
    """Return a response as an entry of the batch."""
    headers = {_NAMES.get(key, key.title()): value for key, value in response.headers.items()}
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
