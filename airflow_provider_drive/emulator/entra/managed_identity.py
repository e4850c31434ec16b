"""The doors of managed identities: what Azure's machines and App Service have inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_JSON = {"content-type": "application/json; charset=utf-8"}
_SELECTORS = ("client_id", "object_id", "principal_id", "msi_res_id", "mi_res_id")


def handle_identity(tenant: Tenant, request: Request) -> Response:
    """Answer what is asked inside of Azure: below ``/metadata`` as a machine does, else as App Service."""
    serve = _imds if request.path.startswith("/metadata/") else _app_service
    return serve(tenant, request)


def _imds(tenant: Tenant, request: Request) -> Response:
    """https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token."""
    if request.headers.get("metadata") != "true" or "x-forwarded-for" in request.headers:
        return _imds_error("bad_request_102", "Required metadata header not specified")
    if "api-version" not in request.query:
        return _imds_error("invalid_request", "Required query variable 'api-version' is missing")
    if not request.query.get("resource"):
        return _imds_error("invalid_request", "Required query variable 'resource' is missing")
    identity = _identity(tenant, request)
    if identity is None:
        return _imds_error("invalid_request", "Identity not found")
    lifetime = str(int(tenant.token_lifetime))
    return Response(200, {**_token_json(tenant, request, identity), "expires_in": lifetime}, dict(_JSON))


def _app_service(tenant: Tenant, request: Request) -> Response:
    """https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference."""
    if request.headers.get("x-identity-header") != tenant.identity_header:
        return _app_service_error(401, "The header X-IDENTITY-HEADER is missing or wrong.")
    if request.query.get("api-version") != "2019-08-01" or not request.query.get("resource"):
        return _app_service_error(400, "api-version or resource is missing.")
    identity = _identity(tenant, request)
    if identity is None:
        return _app_service_error(
            400,
            "No User Assigned or Delegated Managed Identity found for specified "
            "ClientId/ResourceId/PrincipalId.",
        )
    return Response(200, _token_json(tenant, request, identity), dict(_JSON))


def _identity(tenant: Tenant, request: Request) -> str | None:
    """Give the client id of the identity that is asked for, if this place has it."""
    asked = [request.query[name] for name in _SELECTORS if name in request.query]
    return tenant.user_identities.get(asked[0].lower()) if asked else tenant.system_identity


def _token_json(tenant: Tenant, request: Request, identity: str) -> dict[str, Any]:
    text = tenant.issue_token(app=identity)
    return {
        "access_token": text,
        "client_id": identity,
        "expires_on": str(int(tenant.tokens[text].expires)),
        "resource": request.query["resource"],
        "token_type": "Bearer",
    }


def _imds_error(error: str, text: str) -> Response:
    return Response(400, {"error": error, "error_description": text}, dict(_JSON))


def _app_service_error(status: int, text: str) -> Response:
    return Response(status, {"statusCode": status, "message": text}, dict(_JSON))
