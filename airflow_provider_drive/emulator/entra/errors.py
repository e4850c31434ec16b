"""
Errors of Entra ID, with its codes and texts.

Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes. The texts come from reports
in public issues. Their placeholders are filled from the request, and by the code that raises the error.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request


class ErrorKind(NamedTuple):
    """The fixed parts of an error response."""

    error: str
    text: str
    status: int = 400
    suberror: str = ""


_FEDERATED = (
    "Please check your federated identity credential Subject, Audience and Issuer against the presented "
    "assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
)
ERRORS: dict[int | str, ErrorKind] = {
    # The tenant and the application
    50059: ErrorKind(
        "invalid_request",
        "No tenant-identifying information found in either the request or implied by any provided "
        "credentials.",
    ),
    90002: ErrorKind(
        "invalid_request",
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into "
        "the correct cloud. Check with your subscription administrator, this may happen if there are no "
        "active subscriptions for the tenant.",
    ),
    700016: ErrorKind(
        "unauthorized_client",
        "Application with identifier '{app}' was not found in the directory '{tenant}'. This can happen if "
        "the application has not been installed by the administrator of the tenant or consented to by any "
        "user in the tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    7000112: ErrorKind("unauthorized_client", "Application '{app}' is disabled."),
    9001023: ErrorKind(
        "invalid_request",
        "The grant type is not supported over the /common or /consumers endpoints. Please use the "
        "/organizations or tenant-specific endpoint.",
    ),
    # The application's credential
    7000215: ErrorKind(
        "invalid_client",
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
        "value, not the client secret ID, for a secret added to app '{app}'.",
        401,
    ),
    7000218: ErrorKind(
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        401,
    ),
    7000222: ErrorKind(
        "invalid_client",
        "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to create new "
        "keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for "
        "added security: https://aka.ms/certCreds.",
        401,
    ),
    50027: ErrorKind("invalid_client", "JWT token is invalid or malformed. {reason}", 401),
    700023: ErrorKind("invalid_client", "Client assertion audience claim does not match Realm issuer.", 401),
    700024: ErrorKind(
        "invalid_client",
        "Client assertion is not within its valid time range. Current time: {now}, assertion valid from "
        "{start}, expiry time of assertion {end}.",
        401,
    ),
    700027: ErrorKind(
        "invalid_client",
        "The certificate with identifier used to sign the client assertion is not registered on "
        "application. [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}', Please visit the "
        "Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{app}'.]",
        401,
    ),
    700030: ErrorKind(
        "invalid_client",
        "Invalid certificate - subject name in certificate is not authorized. SubjectNames/"
        "SubjectAlternativeNames (up to 10) in token certificate are: {subject}.",
        401,
    ),
    700211: ErrorKind(
        "invalid_client",
        "No matching federated identity record found for presented assertion issuer '{issuer}'. "
        f"{_FEDERATED}",
        401,
    ),
    700212: ErrorKind(
        "invalid_client",
        "No matching federated identity record found for presented assertion audience '{audience}'. "
        f"{_FEDERATED}",
        401,
    ),
    700213: ErrorKind(
        "invalid_client",
        "No matching federated identity record found for presented assertion subject '{subject}'. "
        f"{_FEDERATED}",
        401,
    ),
    # Permissions, grants and scopes
    65001: ErrorKind(
        "invalid_grant",
        "The user or administrator has not consented to use the application with ID '{app}'. Send an "
        "interactive authorization request for this user and resource.",
        suberror="consent_required",
    ),
    70003: ErrorKind("unsupported_grant_type", "The app requested an unsupported grant type '{grant}'."),
    70011: ErrorKind(
        "invalid_scope",
        "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.",
    ),
    1002012: ErrorKind(
        "invalid_scope",
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value "
        "with /.default suffixed to the resource identifier (application ID URI).",
    ),
    # Users and policies
    50034: ErrorKind(
        "invalid_grant",
        "The user account {user} does not exist in the {tenant} directory. To sign into this application, "
        "the account must be added to the directory.",
    ),
    50076: ErrorKind(
        "invalid_grant",
        "Due to a configuration change made by your administrator, or because you moved to a new location, "
        "you must use multi-factor authentication to access '{app}'.",
        suberror="basic_action",
    ),
    53003: ErrorKind(
        "invalid_grant",
        "Access has been blocked by Conditional Access policies. The access policy does not allow token "
        "issuance.",
        suberror="message_only",
    ),
    # Refresh tokens
    50173: ErrorKind(
        "invalid_grant",
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user "
        "might have changed or reset their password.",
        suberror="bad_token",
    ),
    70000: ErrorKind(
        "invalid_grant",
        "The provided value for the input parameter 'refresh_token' or 'assertion' is not valid.",
    ),
    70043: ErrorKind(
        "invalid_grant",
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. "
        "The token was issued on {start} and the maximum allowed lifetime for this request is 86400.",
        suberror="bad_token",
    ),
    700082: ErrorKind(
        "invalid_grant",
        "The refresh token has expired due to inactivity. The token was issued on {start} and was inactive "
        "for 90.00:00:00.",
        suberror="bad_token",
    ),
    9002313: ErrorKind("invalid_grant", "Invalid request. Request is malformed or invalid."),
    # Device codes: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
    70016: ErrorKind(
        "authorization_pending",
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    ),
    70018: ErrorKind("bad_verification_code", "The device code is not recognized."),
    70020: ErrorKind(
        "expired_token",
        "The provided value for the input parameter 'device_code' is not valid. This device code has "
        "expired.",
    ),
    "authorization_declined": ErrorKind(
        "authorization_declined", "The end user denied the authorization request."
    ),
    "slow_down": ErrorKind("slow_down", "The device polls more often than it was told to."),
}


class EntraError(Exception):
    """
    An error response of Entra ID.

    :param code: The number after ``AADSTS``; a word of OAuth 2.0 where Entra's number is not known.
    :param values: Values of the placeholders in the text.
    """

    def __init__(self, code: int | str, **values: str) -> None:
        super().__init__(code)
        self.code, self.values = code, values

    def response(self, request: Request, **values: str) -> Response:
        """Build the response: https://www.rfc-editor.org/rfc/rfc6749#section-5.2, with Entra's additions."""
        kind = ERRORS[self.code]
        now = _format_time(time.time())
        text = kind.text.format_map(_Placeholders({"now": now, **values, **self.values}))
        prefix = f"AADSTS{self.code}: " if isinstance(self.code, int) else ""
        trace = str(uuid.uuid4())
        body = {
            "error": kind.error,
            "error_description": f"{prefix}{text} Trace ID: {trace} Correlation ID: "
            f"{request.client_request_id} Timestamp: {now}",
            "error_codes": [self.code] if prefix else [],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": request.client_request_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        if kind.suberror:
            body["suberror"] = kind.suberror
        return Response(kind.status, body, {"content-type": "application/json; charset=utf-8"})


def error_from_code(code: str) -> EntraError:
    """Return the error of a code such as ``AADSTS53003``, or of a word of OAuth 2.0."""
    number = code.removeprefix("AADSTS")
    return EntraError(int(number) if number.isdigit() else code)


def validity(start: float, end: float) -> dict[str, str]:
    """Return the values of the placeholders for a period, which is given in seconds since the epoch."""
    return {"start": _format_time(start), "end": _format_time(end)}


class _Placeholders(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"({key})"


def _format_time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
