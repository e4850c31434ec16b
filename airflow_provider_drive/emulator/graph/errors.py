"""Errors of Graph, and how they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.messages import Response
from airflow_provider_drive.emulator.state import errors as state_errors

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.errors import StateError
    from airflow_provider_drive.emulator.state.tenant import Tenant


class GraphError(Exception):
    """
    An error response of Graph: https://learn.microsoft.com/graph/errors.

    :param code: The outer code. One recorded error has none (``iss-move-needs-respond-async``).
    :param inner: The code in ``innerError``, which can be more specific.
    :param details: Further errors below ``details``.
    :param bare: Leave out ``innerError``, as in ``op-drive-404`` and ``op-get-404-no-access``.
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


def error_response(tenant: Tenant, error: GraphError | StateError, request: Request) -> Response:
    """Build the response: https://learn.microsoft.com/graph/errors."""
    error = error if isinstance(error, GraphError) else from_state(error)
    body: dict[str, Any] = {"code": error.code} if error.code else {}
    body["message"] = error.message
    if error.details:
        body["details"] = error.details
    if not error.bare:
        ids = {"request-id": request.request_id, "client-request-id": request.client_request_id}
        inner = {"code": error.inner} if error.inner else {}
        body[error.inner_key] = {**inner, "date": tenant.now().strftime("%Y-%m-%dT%H:%M:%S"), **ids}
    return Response(error.status, {"error": body}, {"content-type": "application/json", **error.headers})


def from_state(error: StateError) -> GraphError:
    """Return the error of Graph for an operation that the state does not allow."""
    plain = {
        state_errors.DriveNotFoundError: drive_not_found,
        state_errors.ItemGoneError: not_found,
        state_errors.ItemLockedError: locked,
        state_errors.ItemHeldError: on_hold,
        state_errors.QuotaExceededError: quota_exceeded,
    }
    if type(error) in plain:
        return plain[type(error)]()
    match error:
        case state_errors.InvalidNameError():
            is_long = isinstance(error, state_errors.NameTooLongError)
            return invalid_request(str(error), "pathIsTooLong" if is_long else "invalidPath")
        case state_errors.NameTakenError():
            return name_taken([child.id for child in error.children])
        case state_errors.BudgetExceededError():
            return throttled(error.retry_after)
    raise error


def invalid_request(message: str, inner: str | None = None) -> GraphError:
    """``doc-copy-400-root``."""
    return GraphError(400, "invalidRequest", message, inner=inner)


def unauthenticated(message: str) -> GraphError:
    """``op-401-invalid-token``."""
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
        'client_id="00000003-0000-0000-c000-000000000000"'
    )
    return GraphError(401, "InvalidAuthenticationToken", message, headers={"www-authenticate": challenge})


def monitor_unauthenticated() -> GraphError:
    """``iss-monitor-401-with-bearer``."""
    return GraphError(401, "unauthenticated", "Authentication failed", bare=True)


def not_found() -> GraphError:
    """``op-copy-404-source-not-found``."""
    return GraphError(404, "itemNotFound", "Item not found")


def not_a_folder() -> GraphError:
    """Return the error for the children of a file."""
    return GraphError(422, "invalidRequest", "The item is not a folder and has no children.")


def subscription_not_found() -> GraphError:
    """https://learn.microsoft.com/graph/api/subscription-get."""
    return GraphError(404, "ResourceNotFound", "The object was not found.")


def on_hold() -> GraphError:
    """Return the error for an item that a retention label protects."""
    return GraphError(
        403, "accessDenied", "The item is on hold: a retention label does not allow to delete it."
    )


def drive_not_found() -> GraphError:
    """``op-drive-404``."""
    return GraphError(404, "itemNotFound", "Item not found", bare=True)


def operation_not_found(status: int = 404) -> GraphError:
    """Return the error for a job that is unknown, or known no longer: https://github.com/OneDrive/onedrive-api-docs/issues/766."""
    return GraphError(status, "operationNotFound", "The operation could not be found.", bare=True)


def destination_not_found() -> GraphError:
    """Return the error for a new folder: tonimelisma/onedrive-go, live incident LI-20260410-01."""
    return GraphError(404, "itemNotFound", "Failed to verify the existence of destination location")


def name_taken(children: list[str] | None = None) -> GraphError:
    """
    ``op-copy-409-sync-nameAlreadyExists``.

    :param children: Ids of the children that collide: example 5 of
        https://learn.microsoft.com/graph/api/driveitem-copy.
    """
    message = "Name already exists"
    if not children:
        return GraphError(409, "nameAlreadyExists", message)
    detail = {"code": "nameAlreadyExists", "message": message}
    details = [detail, *({**detail, "target": child} for child in children)]
    message = "Errors occurred during copy/move operation."
    return GraphError(409, "nameAlreadyExists", message, details=details)


def etag_mismatch(status: int = 412) -> GraphError:
    """Work and school drives; 409 was observed too: https://github.com/OneDrive/onedrive-api-docs/issues/1414."""
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


def throttled(retry_after: int | None) -> GraphError:
    """``iss-429-without-retry-after``; with the header if there is a value for it."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    message = "The request has been throttled"
    return GraphError(429, "activityLimitReached", message, inner="throttledRequest", headers=headers)
