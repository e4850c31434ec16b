"""The journal of requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request that the emulator received, and the status of its response.

    :param raw_path: The path as it was sent; ``path`` is decoded. Neither contains the query.
    :param status: HTTP status of the response; 0 if the connection was cut instead.
    :param headers: Names in lower case. Of ``authorization`` only the scheme is recorded.
    :param units: Resource units: https://learn.microsoft.com/sharepoint/dev/general-development/how-to-avoid-getting-throttled-or-blocked-in-sharepoint-online
    :param where: ``graph``, ``monitor``, ``token`` or ``file`` (uploads and downloads).
    :param is_batched: Whether it was part of a ``$batch``.
    :param client: Host and port of the client.
    """

    time: float
    method: str
    path: str
    raw_path: str
    query: str
    status: int
    authorized: bool
    host: str
    headers: dict[str, str]
    body: bytes
    units: int
    where: str
    is_batched: bool = False
    client: tuple[str, int] | None = None
