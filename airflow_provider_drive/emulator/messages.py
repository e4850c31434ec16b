"""HTTP requests and responses."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONITOR = re.compile(r"/v1\.0/monitor/|/_api/v2\.[01]/(?:monitor|drives/[^/]+/operations)/")
_LOGIN = re.compile(r"/msi/|/metadata/identity/|/[^/]+/(?:oauth2|v2\.0/\.well-known|discovery)/")
JSON_TYPE = (  # gnome-create-folder-201
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
)


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python knows and JSON does not."""
    raise ValueError(f"{name} is not JSON.")


@dataclass
class Request:
    """
    A request.

    :param raw_path: The encoded path.
    :param headers: Names in lower case.
    :param base: URL at which the client reached the emulator.
    :param is_batched: Whether it is part of a ``$batch``.
    :param id_in_path: The id after ``versions``, ``permissions`` or ``subscriptions`` in the path.
    :param units: The resource units that it was charged.
    :param client: Host and port of the client.
    """

    method: str
    raw_path: str
    raw_query: str
    headers: dict[str, str]
    body: bytes
    base: str
    is_batched: bool = False
    id_in_path: str = ""
    units: int = 0
    client: tuple[str, int] | None = None

    @cached_property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.raw_path)

    @cached_property
    def where(self) -> str:
        """The service that the request is for: ``graph``, ``monitor``, ``token``, ``file`` or ``admin``."""
        if self.raw_path == "/_emulator" or self.raw_path.startswith("/_emulator/"):
            return "admin"
        if _MONITOR.match(self.raw_path) or "force303=1" in self.raw_query:
            return "monitor"
        if _LOGIN.match(self.raw_path):
            return "token"
        return "file" if self.raw_path.startswith("/_file/") else "graph"

    @property
    def is_to_sharepoint(self) -> bool:
        """Whether it is for SharePoint's equivalent of Graph."""
        return self.raw_path.startswith("/_api/")

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query options."""
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @cached_property
    def request_id(self) -> str:
        """The id that the emulator gives the request."""
        return str(uuid.uuid4())

    @property
    def client_request_id(self) -> str:
        """The id that the client sent, or else the emulator's."""
        return self.headers.get("client-request-id", self.request_id)

    def json(self) -> Any:
        """
        Decode the body. An empty one is an empty object.

        :raises ValueError: If it is not JSON, or contains text that UTF-8 cannot express.
        """
        value = json.loads(self.body or b"{}", parse_constant=_refuse_constant)
        if b"\\u" in self.body:
            json.dumps(value, ensure_ascii=False).encode()
        return value

    def prefers(self, preference: str) -> bool:
        """Whether the header ``Prefer`` contains a preference."""
        return preference in [each.strip().lower() for each in self.headers.get("prefer", "").split(",")]


@dataclass
class Response:
    """
    A response.

    :param body: A mapping is sent as JSON; bytes, or an iterator of bytes, are sent unchanged.
    :param delay: Seconds to wait before the response is sent.
    :param cut: Whether to cut the connection instead.
    :param truncated: Whether to cut the connection after half of the body.
    """

    status: int = 200
    body: dict[str, Any] | bytes | Iterator[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    truncated: bool = False

    def encode(self) -> None:
        """Encode a body that is JSON."""
        if isinstance(self.body, dict):
            self.body = json.dumps(self.body, separators=(",", ":")).encode()
            self.headers.setdefault("content-type", JSON_TYPE)
