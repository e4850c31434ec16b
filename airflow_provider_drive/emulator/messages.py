"""A request and a response, as the doors of the emulator see them."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONITOR = re.compile(r"/v1\.0/monitor/|/_api/v2\.[01]/(?:monitor|drives/[^/]+/operations)/")
_SIGN_IN = re.compile(r"/msi/|/metadata/identity/|/[^/]+/(?:oauth2|v2\.0/\.well-known|discovery)/")
JSON_TYPE = (  # gnome-create-folder-201
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
)


@dataclass
class Request:
    """
    A request.

    :param base: The address under which the client knows the emulator.
    :param client: Host and port that it came from.
    """

    method: str
    raw_path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes
    base: str
    is_batched: bool = False
    units: int = 0
    client: tuple[str, int] | None = None

    @cached_property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.raw_path)

    @cached_property
    def where(self) -> str:
        """Who answers: ``graph``, ``monitor``, ``token`` or ``file``."""
        if _MONITOR.match(self.raw_path) or "force303=1" in self.raw_query:
            return "monitor"
        if _SIGN_IN.match(self.raw_path):
            return "token"
        return "file" if self.raw_path.startswith("/_file/") else "graph"

    @cached_property
    def query(self) -> dict[str, str]:
        """The query options, decoded."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @cached_property
    def request_id(self) -> str:
        """The id by which Microsoft's support finds it."""
        return str(uuid.uuid4())

    @property
    def client_request_id(self) -> str:
        """The client's own id, if it sent one."""
        return self.headers.get("client-request-id", self.request_id)

    def json(self) -> dict[str, Any]:
        """Read the body: https://learn.microsoft.com/graph/errors, ``invalidRequest`` for what is no JSON."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from None
        if not isinstance(value, dict):
            raise invalid_request("The request body must be an object.")
        return value

    def prefers(self, preference: str) -> bool:
        """Whether the header ``Prefer`` holds a preference."""
        return preference in [each.strip().lower() for each in self.headers.get("prefer", "").split(",")]


@dataclass
class Response:
    """
    A response.

    :param body: JSON if it is a mapping; bytes, or pieces of bytes, as they are.
    :param delay: Wait so many seconds before it is sent.
    :param cut: Send nothing and cut the connection.
    :param truncated: Send the first half of the body and cut the connection.
    """

    status: int = 200
    body: dict[str, Any] | bytes | Iterator[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    truncated: bool = False

    def encode(self) -> None:
        """Turn JSON into bytes."""
        if isinstance(self.body, dict):
            self.body = json.dumps(self.body, separators=(",", ":")).encode()
            self.headers.setdefault("content-type", JSON_TYPE)


def error_response(error: GraphError, request: Request) -> Response:
    """Put an error into the envelope of https://learn.microsoft.com/graph/errors."""
    body: dict[str, Any] = {"code": error.code} if error.code else {}
    body["message"] = error.message
    if error.details:
        body["details"] = error.details
    if not error.bare:
        ids = {"request-id": request.request_id, "client-request-id": request.client_request_id}
        inner = {"code": error.inner} if error.inner else {}
        body[error.inner_key] = {**inner, "date": _date(), **ids}
    return Response(error.status, {"error": body}, dict(error.headers))


def _date() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
