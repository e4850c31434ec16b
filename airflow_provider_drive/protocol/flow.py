"""
The contract between the rules of Graph's drives and what sends their requests.

A *flow* is a generator that holds a conversation with Graph and does no I/O. It yields

* a :class:`Request`, and receives the :class:`Response`; or, if no complete answer came, the
  :class:`~airflow_provider_drive.exceptions.DriveConnectionError` is thrown into it;
* a :class:`Pause`, and receives ``None`` when the time has passed;
* a :class:`Checkpoint`, and receives ``None`` when its state is stored;
* a :class:`Restore`, and receives the :class:`Saved` state of the last checkpoint of that name;
* a :class:`Gather`, and receives the results of its flows.

The value that a flow returns is its result. A transport (``transport.blocking.run``,
``transport.asynchronous.arun``) sends, sleeps and stores, and knows no rule of Graph, but one: the kind of a
request decides which hosts it may go to.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from airflow_provider_drive.exceptions import DriveResponseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 64
_UNREADABLE = object()

_T = TypeVar("_T")
Kind = Literal["graph", "page", "monitor", "transfer"]


@dataclass(frozen=True, slots=True)
class Request:
    """
    One HTTP request.

    :param url: Absolute, or, for a request of the kind ``graph``, a path below Graph's version root.
    :param action: What this is for, to whom, in the words of an error: ``copy drives/d/items/i``.
    :param kind: What the URL is. It decides which hosts the transport may call, and whether the token goes
        with the request: it goes to Graph alone. ``monitor`` and ``transfer`` URLs are secrets that Graph
        returned; ``page`` is the link to the next page of a collection.
    :param refused_token: The last token was refused: get a fresh one first.
    :param idempotent: Sending it twice does what sending it once does, though its method does not say so.
    :param parts: The requests that this one carries, if it is a batch.
    :param content: The body, if it is not JSON.
    :param is_alone: It is not sent in a batch.
    :param receive: Is given the head of a 2xx answer and its bytes, as they come. The answer that the flow
        receives has no body then. Only the blocking driver knows it.
    """

    method: str
    url: str = field(repr=False)  # a monitor URL is a secret
    action: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = "graph"
    refused_token: bool = False
    idempotent: bool = False
    parts: tuple[Request, ...] = field(default=(), repr=False)
    content: bytes | None = field(default=None, repr=False)
    is_alone: bool = False
    receive: Callable[[Response, Iterator[bytes]], None] | None = field(default=None, repr=False)

    @property
    def trace(self) -> str:
        """The request without its query, for an error; nothing if its URL is a secret, or Graph's own."""
        if self.kind != "graph" or not self.url.startswith("/"):
            return ""
        path = re.sub(r"(?<=^/shares/)[^/]+", "***", self.url.partition("?")[0])  # the link grants access
        return f"{self.method} {path}"

    @property
    def is_to_graph(self) -> bool:
        """Whether Graph answers it, and charges resource units for it."""
        return self.kind in {"graph", "page"}

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return self.idempotent or self.method in {"GET", "DELETE"}


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer, whole. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def date(self) -> float | None:
        """When it was given, by the service's clock, in whole seconds since the epoch."""
        return _read_date(self.headers.get("date", ""))

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """
        Return the body, read as JSON.

        :raises DriveResponseError: If it is none, or one that nests absurdly deep.
        """
        try:
            value = json.loads(self.body, parse_constant=_refuse_constant, parse_float=_finite)
        except (ValueError, RecursionError):
            value = _UNREADABLE  # what the parser says quotes the body, which may hold a secret
        if value is _UNREADABLE or _nests_too_deep(value):
            raise DriveResponseError(f"the answer (HTTP {self.status}, {len(self.body)} bytes) is not JSON")
        return value

    def mapping(self) -> dict[str, Any]:
        """
        Return the body, read as a JSON object.

        :raises DriveResponseError: If it is anything else.
        """
        value = self.json()
        if not isinstance(value, dict):
            raise DriveResponseError(f"the answer (HTTP {self.status}) is JSON, but not an object")
        return value


@dataclass(frozen=True, slots=True)
class Pause:
    """
    A wait.

    :param seconds: How long.
    :param note: How things stand, for the log: the transport logs it if it is news.
    :param throttled: An answer inside a batch that throttles: the transport holds back all requests to Graph.
    """

    seconds: float
    note: str = ""
    throttled: Response | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """
    State that must survive this process before the flow goes on, since what follows cannot be undone.

    :param name: A later checkpoint of the same name takes its place.
    :param state: What is stored; None forgets it.
    """

    name: str
    state: Any


@dataclass(frozen=True, slots=True)
class Restore:
    """
    Asks for the state of the last checkpoint, of this try or an earlier one.

    :param name: The checkpoint's name.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Saved:
    """
    What an earlier checkpoint has left.

    :param state: The checkpoint's state; None if there is none.
    :param is_durable: Whether a later try will find the checkpoints of this one.
    """

    state: Any = None
    is_durable: bool = False


@dataclass(frozen=True, slots=True)
class Gather:
    """
    Flows that need not wait for each other. A transport may run some of them at the same time.

    What is sent back is a list, in their order: what each has returned, or the
    :class:`~airflow_provider_drive.exceptions.DriveError` that it has raised.
    """

    flows: Sequence[Flow[Any]]


Flow: TypeAlias = Generator[Request | Pause | Checkpoint | Restore | Gather, Any, _T]


@lru_cache(maxsize=64)  # many answers are given in one second
def _read_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _nests_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(digits: str) -> float | None:
    """Read a number, or nothing if JSON has no way to write it again: ``1e999``."""
    number = float(digits)
    return number if math.isfinite(number) else None
