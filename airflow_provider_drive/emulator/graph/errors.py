"""How the emulator says no: the statuses, codes and words of Graph's errors."""

from __future__ import annotations

from typing import Any


class GraphError(Exception):
    """
    Refuse a request, as Graph does: https://learn.microsoft.com/graph/errors.

    :param code: The outer code. One recorded refusal has none (``iss-move-needs-respond-async``).
    :param inner: The code inside ``innerError``, where Graph is more exact there.
    :param bare: Leave ``innerError`` out, as in ``op-drive-404`` and ``op-get-404-no-access``.
    :param inner_key: Personal drives write ``innererror`` (``iss-412-preconditionFailed-personal``).
    """

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        *,
        inner: str | None = None,
        details: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        bare: bool = False,
        inner_key: str = "innerError",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.details = details
        self.headers = headers or {}
        self.bare = bare
        self.inner_key = inner_key

    def error(self) -> dict[str, Any]:
        """Tell the refusal as a job that failed tells it: ``doc-monitor-failed-nameAlreadyExists``."""
        if self.details:  # example 5 of driveitem-copy: details, and no code beside them
            return {"message": self.message, "details": self.details}
        return {"code": self.code, "message": self.message}


def invalid_request(message: str, inner: str | None = None) -> GraphError:
    """``doc-copy-400-root``."""
    return GraphError(400, "invalidRequest", message, inner=inner)


def unauthenticated(message: str) -> GraphError:
    """``op-401-invalid-token``."""
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    )
    return GraphError(401, "InvalidAuthenticationToken", message, headers={"www-authenticate": challenge})


def monitor_unauthorized() -> GraphError:
    """``iss-monitor-401-with-bearer``."""
    return GraphError(401, "unauthenticated", "Authentication failed", bare=True)


def not_found() -> GraphError:
    """``op-copy-404-source-not-found``."""
    return GraphError(404, "itemNotFound", "Item not found")


def drive_not_found() -> GraphError:
    """``op-drive-404``."""
    return GraphError(404, "itemNotFound", "Item not found", bare=True)


def operation_not_found(status: int = 404) -> GraphError:
    """Know nothing of a job, or no longer: https://github.com/OneDrive/onedrive-api-docs/issues/766."""
    return GraphError(status, "operationNotFound", "The operation could not be found.", bare=True)


def destination_not_found() -> GraphError:
    """Do not see a folder made a moment ago: tonimelisma/onedrive-go, live incident LI-20260410-01."""
    return GraphError(404, "itemNotFound", "Failed to verify the existence of destination location")


def name_taken() -> GraphError:
    """``op-copy-409-sync-nameAlreadyExists``."""
    return GraphError(409, "nameAlreadyExists", "Name already exists")


def etag_mismatch(status: int = 412) -> GraphError:
    """Work and school drives; 409 was seen too: https://github.com/OneDrive/onedrive-api-docs/issues/1414."""
    message = "ETag does not match current item's value"
    return GraphError(status, "resourceModified", message, inner="entityTagDoesNotMatch")


def etag_mismatch_personal() -> GraphError:
    """``iss-412-preconditionFailed-personal``."""
    message = "ETag does not match current item's value"
    return GraphError(412, "notAllowed", message, inner="preconditionFailed", inner_key="innererror")


def locked() -> GraphError:
    """https://github.com/microsoftgraph/msgraph-sdk-java/issues/365."""
    return GraphError(423, "resourceLocked", "The resource you are attempting to access is locked")


def quota_exceeded() -> GraphError:
    """https://learn.microsoft.com/graph/errors, status 507."""
    return GraphError(507, "quotaLimitReached", "Insufficient Space Available", inner="insufficientStorage")


def throttled(retry_after: int | str | None) -> GraphError:
    """``iss-429-without-retry-after``, with the header where there is something to say."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    message = "The request has been throttled"
    return GraphError(429, "activityLimitReached", message, inner="throttledRequest", headers=headers)
