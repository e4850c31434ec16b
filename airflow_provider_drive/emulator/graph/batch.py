"""Batches: https://learn.microsoft.com/graph/json-batching."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import GraphError
from airflow_provider_drive.emulator.graph.options import check_object
from airflow_provider_drive.emulator.graph.requests import authenticate, json_body
from airflow_provider_drive.emulator.messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.graph.options import Properties
    from airflow_provider_drive.emulator.state.tenant import Tenant


Entry = dict[str, Any]

_PROPERTIES: Properties = {
    **dict.fromkeys(("id", "method", "url"), str),
    "headers": dict,
    "body": object,
    "dependsOn": list,
}
_REQUIRED = ("id", "method", "url")
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
        if any(responses[other]["status"] >= _FIRST_ERROR_STATUS for other in _dependencies(entry)):
            responses[entry["id"].lower()] = {"id": entry["id"], **_FAILED_DEPENDENCY}
        else:
            responses[entry["id"].lower()] = _write(entry["id"], respond(tenant, part))
    return Response(200, {"responses": list(reversed(responses.values()))})


def _check(entries: Any) -> list[Entry]:
    """
    Return the entries of a batch.

    :raises GraphError: If there are too many, if one is not valid or is a batch, or if an id is not unique
        or not that of an entry.
    """
    if not isinstance(entries, list) or len(entries) > _MAX_REQUESTS:
        raise _invalid_batch()
    for entry in entries:
        _check_entry(entry)
    ids = [entry["id"].lower() for entry in entries]
    others = {other for entry in entries for other in _dependencies(entry)}
    if len(set(ids)) < len(ids) or not others <= set(ids):
        raise _invalid_batch()
    return entries


def _check_entry(entry: Any) -> None:
    """Check the types of an entry. ``id``, ``method`` and ``url`` are required."""
    if not isinstance(entry, dict):
        raise _invalid_batch()
    check_object(entry, _PROPERTIES)
    texts = [*(entry.get("headers") or {}).values(), *(entry.get("dependsOn") or [])]
    if not all(entry.get(name) for name in _REQUIRED) or not all(isinstance(text, str) for text in texts):
        raise _invalid_batch()
    if entry["url"].strip("/").lower() == "$batch":
        raise _invalid_batch()


def _dependencies(entry: Entry) -> list[str]:
    return [other.lower() for other in entry.get("dependsOn") or []]


def _invalid_batch() -> GraphError:
    return GraphError(400, "BadRequest", "Invalid batch payload format.")


def _sort(entries: list[Entry]) -> list[Entry]:
    """
    Return the entries, each after those that it depends on, which can come later in the batch.

    :raises GraphError: If entries depend on each other.
    """
    waiting, in_order = list(entries), list[Entry]()
    while waiting:
        done = {entry["id"].lower() for entry in in_order}
        ready = [entry for entry in waiting if done.issuperset(_dependencies(entry))]
        if not ready:
            raise _invalid_batch()
        in_order += ready
        waiting = [entry for entry in waiting if entry not in ready]
    return in_order


def _read(batch: Request, entry: Entry) -> Request:
    """Return an entry of the batch as a request."""
    headers = {key.lower(): value for key, value in (entry.get("headers") or {}).items()}
    headers.setdefault("authorization", batch.headers["authorization"])
    path, _, query = entry["url"].partition("?")
    raw_path = f"{batch.raw_path.removesuffix('/$batch')}/{path.removeprefix('/')}"
    body = _read_body(entry, headers) if "body" in entry else b""
    method, client = entry["method"].upper(), batch.client
    return Request(method, raw_path, query, headers, body, batch.base, is_batched=True, client=client)


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
