"""What both transports do before they send, and when sending failed."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_drive.auth.error_hints import explain_connection_error
from airflow_provider_drive.exceptions import DriveResponseError

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.flow import Request
    from airflow_provider_drive.settings import Settings


def prepare(request: Request, settings: Settings) -> tuple[str, dict[str, str]]:
    """
    Return the URL and the headers, but for the token.

    :raises DriveResponseError: If the token would go anywhere but to Graph. The rules never ask for that.
    """
    url = settings.hosts.root + request.url if request.url.startswith("/") else request.url
    if request.authorized and not settings.hosts.is_graph(url):
        raise DriveResponseError("a token was about to leave for another host than Graph's", retryable=False)
    return url, {"Accept": "application/json", "User-Agent": settings.user_agent, **request.headers}


def describe(request: Request, url: str, error: BaseException) -> str:
    """Say what went wrong. Not in the library's words: they quote the URL, which may be a secret."""
    reason, advice = explain_connection_error(error)
    return f"Could not {request.action}: no answer from {urlsplit(url).hostname} ({reason}). {advice}"
