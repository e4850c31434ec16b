"""
Read Graph's error answers, and map them to exceptions.

https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveAuthError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveLockedError,
    DriveNameConflictError,
    DriveQuotaError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.wire.redaction import redact
from airflow_provider_drive.protocol.wire.token_claims import WRITING

if TYPE_CHECKING:
    from airflow_provider_drive.exceptions import (
        DriveError,
    )
    from airflow_provider_drive.protocol.flow import Response

_MAX_TEXT = 400
_MAX_READ, _MAX_SECRET = 8_000, 6_000
_MAX_DETAILS = 100
_URL_SECRETS = re.compile(
    r"(https?(?::|%(?:25)*3A)(?:\\*/|%(?:25)*2F){2})(?:[^\s/?#@]*@)?([^\s/?#%\\\"'<>]+)"
    r"\S*?(?=[\"'<>)\]]*(?:\s|$))",
    re.IGNORECASE,
)
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")

_BY_STATUS: dict[int, tuple[type[DriveRequestError], str]] = {
    400: (DriveRequestError, "The request is invalid, so a retry does not help: check the parameters."),
    403: (
        DriveAccessDeniedError,
        (
            f"The app needs {' or '.join(WRITING)} with admin consent or, with Sites.Selected, write access "
            "to this site. With a user login, the user also needs access. Test the connection to see the "
            "token's permissions."
        ),
    ),
    404: (
        DriveItemNotFoundError,
        "Check the address. Graph also answers 404 for items that this login may not see.",
    ),
    412: (DriveItemChangedError, "The item was changed after its eTag was read; nothing was done."),
    423: (DriveLockedError, "The item is open or checked out, or its site is locked."),
    429: (DriveThrottledError, "Run fewer tasks at once, for example with an Airflow pool."),
    503: (DriveThrottledError, "The service is overloaded, or has blocked the app. Try later."),
    507: (DriveQuotaError, "Free up space at the destination."),
}
_MALWARE = "Microsoft has flagged the file as malware, which cannot be copied or moved."
_UNACCEPTED = (
    "Graph does not accept this token: it must be issued for this Graph address and this tenant. Check the "
    "connection's cloud, host, scopes and tenant_id, and the app's permissions."
)
_REVOKED = (
    "A tenant policy or an administrator has revoked this token before it expired: see the sign-in log. The "
    "app may have to be excluded from the policy; a user must sign in again for a new refresh_token."
)
_MOVED = "the site's URL has changed. Use its new URL in the addresses."
_UNEXPECTED = "This is not a valid answer to the request."
_SUPPORT = "Try later. Microsoft support needs the request id."
_NAME_TAKEN = "Choose another name or another conflict_behavior."


@dataclass(frozen=True, slots=True)
class GraphError:
    """The ``error`` object of an answer; empty fields if it has none."""

    code: str = ""
    message: str = ""
    inner_codes: tuple[str, ...] = ()
    request_id: str = ""
    details: tuple[Mapping[str, Any], ...] = ()

    def has(self, *codes: str) -> bool:
        """Whether the error or one of its inner errors has one of these codes, whatever their case."""
        given = {code.casefold() for code in (self.code, *self.inner_codes)}
        return any(code.casefold() in given for code in codes)


def read_graph_error(body: Any) -> GraphError:
    """
    Read the ``error`` of a JSON body of any shape. Never raises.

    The inner error is spelled ``innerError`` or ``innererror`` and may nest. A failed copy may have only
    ``details``, or a flat ``errorCode``.
    """
    body = body if isinstance(body, Mapping) else {}
    error = body.get("error")
    if not isinstance(error, Mapping):
        error = {"code": body.get("errorCode") or error, "message": body.get("error_description")}
    inner = list(_inner_errors(error))
    details = [entry for entry in _as_list(error.get("details"))[:_MAX_DETAILS] if isinstance(entry, Mapping)]
    return GraphError(
        code=_first_text(error.get("code"), *(entry.get("code") for entry in details)),
        message=_first_text(error.get("message")),
        inner_codes=tuple(code for entry in inner if (code := _first_text(entry.get("code")))),
        request_id=_first_text(*(entry.get("request-id") for entry in inner)),
        details=tuple(
            {key: clean(entry[key]) for key in ("code", "message", "target") if _first_text(entry.get(key))}
            for entry in details
        ),
    )


def read_response_error(response: Response) -> GraphError:
    """Read the error of an answer, whose body may also be empty or not JSON."""
    try:
        error = read_graph_error(response.json())
    except DriveResponseError:
        error = GraphError()
    if error.request_id:
        return error
    return GraphError(
        error.code,
        error.message,
        error.inner_codes,
        _first_text(response.headers.get("request-id")),
        error.details,
    )


def error_from_response(response: Response, action: str, trace: str = "") -> DriveError:
    """
    Return the exception for an unexpected answer.

    :param action: What the request was to do, for the message: ``copy …``.
    :param trace: The request itself, for the last line of the message.
    """
    error = read_response_error(response)
    exception = _exception(response, _describe(action, response.status, error), error)
    request_id = f"request id {error.request_id}" if error.request_id else ""
    exception.trace = ", ".join(filter(None, [trace, request_id]))
    return exception


def _exception(response: Response, text: str, error: GraphError) -> DriveError:
    if response.status == 401:
        return DriveAuthError(f"{text}\n{_REVOKED if _is_challenge(response) else _UNACCEPTED}")
    if response.status in {301, 302, 307, 308} and (host := _redirect_host(response)):
        return DriveResponseError(f"{text}\nIt points to {host}: {_MOVED}")
    if response.status < 400:
        return DriveResponseError(f"{text}\n{_UNEXPECTED}")
    kind, advice = _classify(response.status, error)
    return kind(
        f"{text}\n{advice}".rstrip(),
        status=response.status,
        code=error.code,
        inner_codes=error.inner_codes,
        message=error.message,
        request_id=error.request_id,
        retryable=response.status != 400,
    )


def _redirect_host(response: Response) -> str:
    try:
        return clean(urlsplit(response.headers.get("location", "")).hostname or "")
    except ValueError:
        return ""


def _is_challenge(response: Response) -> bool:
    """https://learn.microsoft.com/entra/identity-platform/claims-challenge."""
    return "insufficient_claims" in response.headers.get("www-authenticate", "")


def _classify(status: int, error: GraphError) -> tuple[type[DriveRequestError], str]:
    if status == 403 and error.has("malwareDetected", "virusSuspicious"):
        return DriveAccessDeniedError, _MALWARE
    if status == 409 and error.has("nameAlreadyExists"):
        return DriveNameConflictError, _NAME_TAKEN
    if status == 409 and error.has("resourceModified"):
        return _BY_STATUS[412]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return DriveServiceError, _SUPPORT
    return DriveRequestError, ""


def is_gone(response: Response) -> bool:
    """Whether a monitor no longer knows its job, or no longer accepts its URL."""
    return response.status in {401, 403, 404, 410} or (
        response.status >= 400 and read_response_error(response).has("operationNotFound")
    )


def clean(text: str) -> str:
    """
    Return text from outside in a form safe to log: one line, of limited length.

    Known secrets are redacted, and URLs cut to their host.
    """
    line = _URL_SECRETS.sub(r"\1\2/***", redact(text[:_MAX_READ]))
    if len(text) > _MAX_READ:
        line = line[:-_MAX_SECRET] + "…"  # at its end may be a part of a secret
    line = _CONTROL_CHARACTERS.sub(" ", line).strip()
    return line if len(line) <= _MAX_TEXT else f"{line[:_MAX_TEXT]}…"


def _describe(action: str, status: int, error: GraphError) -> str:
    codes = " / ".join((*filter(None, [error.code]), *error.inner_codes))
    description = ": ".join(filter(None, [codes, error.message]))
    description = f": {description}" if description else ""
    return f"Could not {action}: Graph answered HTTP {status}{description.rstrip('.')}."


def _inner_errors(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    chain: list[Mapping[str, Any]] = []
    while len(chain) < 10:
        inner = error.get("innerError", error.get("innererror"))
        if not isinstance(inner, Mapping):
            break
        chain.append(inner)
        error = inner
    return chain


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first_text(*values: Any) -> str:
    return next((clean(value) for value in values if isinstance(value, str) and value), "")
