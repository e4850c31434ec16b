"""What both transports do before they send a request, and when sending failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from airflow_provider_drive.auth.error_hints import explain_connection_error
from airflow_provider_drive.exceptions import DriveResponseError

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Request
    from airflow_provider_drive.settings import Settings


class Prepared(NamedTuple):
    """
    A request that may be sent.

    :param authorized: Whether the token goes with it: to Graph alone.
    """

    url: str
    headers: dict[str, str]
    authorized: bool


def prepare(request: Request, settings: Settings) -> Prepared:
    """
    Return where to send a request, with its headers.

    :raises DriveResponseError: If its host may not be called. The message names the host, never the URL.
    """
    hosts = settings.hosts
    is_path = request.kind == "graph" and request.url.startswith("/")
    url = hosts.root + request.url if is_path else request.url
    if request.kind == "monitor":
        hosts.check_monitor(url)
    elif request.kind == "transfer":
        hosts.check_file(url)
    elif request.kind == "page":
        hosts.check_next_link(url)
    elif not hosts.is_graph(url):
        raise DriveResponseError(
            f"Could not {request.action}: the token would go to another host than Graph's.", retryable=False
        )
    headers = {"Accept": "application/json", "User-Agent": settings.user_agent, **request.headers}
    return Prepared(url, headers, request.is_to_graph and hosts.is_graph(url))


def describe(request: Request, url: str, error: BaseException) -> str:
    """Say what went wrong. Not in the library's words: they quote the URL, which may be a secret."""
    reason, advice = explain_connection_error(error)
    return f"Could not {request.action}: no answer from {urlsplit(url).hostname} ({reason}). {advice}"
