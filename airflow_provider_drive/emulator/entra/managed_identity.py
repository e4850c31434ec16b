"""Token endpoints of managed identities: those of virtual machines (IMDS) and of App Service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.tenant import Tenant

_JSON = {"content-type": "application/json; charset=utf-8"}
_SELECTORS = ("client_id", "object_id", "principal_id", "msi_res_id", "mi_res_id")


def handle_managed_identity(tenant: Tenant, request: Request) -> Response:
    """Handle a request for a token: as IMDS below ``/metadata``, otherwise as App Service."""
    if request.path.startswith("/metadata/"):
        return _handle_imds(tenant, request)
    return _handle_app_service(tenant, request)


def _handle_imds(tenant: Tenant, request: Request) -> Response:
    """https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token."""
    if request.headers.get("metadata") != "true" or "x-forwarded-for" in request.headers:
        return _imds_error("bad_request_102", "Required metadata header not specified")
    if "api-version" not in request.query:
        return _imds_error("invalid_request", "Required query variable 'api-version' is missing")
    if not request.query.get("resource"):
        return _imds_error("invalid_request", "Required query variable 'resource' is missing")
    identity = _find_identity(tenant, request)
    if identity is None:
        return _imds_error("invalid_request", "Identity not found")
    lifetime = str(int(tenant.token_lifetime))
    return Response(200, {**_token_json(tenant, request, identity), "expires_in": lifetime}, dict(_JSON))


def _handle_app_service(tenant: Tenant, request: Request) -> Response:
    """https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference."""
    if request.headers.get("x-identity-header") != tenant.identity_header:
        return _app_service_error(401, "The header X-IDENTITY-HEADER is missing or wrong.")
    if request.query.get("api-version") != "2019-08-01" or not request.query.get("resource"):
        return _app_service_error(400, "api-version or resource is missing.")
    identity = _find_identity(tenant, request)
    if identity is None:
        return _app_service_error(
            400,
            "No User Assigned or Delegated Managed Identity found for specified "
            "ClientId/ResourceId/PrincipalId.",
        )
    return Response(200, _token_json(tenant, request, identity), dict(_JSON))


def _find_identity(tenant: Tenant, request: Request) -> str | None:
    """Return the client id of the requested identity; None if there is none."""
    selected = [request.query[name] for name in _SELECTORS if name in request.query]
    return tenant.user_identities.get(selected[0].lower()) if selected else tenant.system_identity


def _token_json(tenant: Tenant, request: Request, identity: str) -> dict[str, Any]:
    text = tenant.issue_token(app=identity, audience=request.query["resource"])
    return {
        "access_token": text,
        "client_id": identity,
        "expires_on": str(int(tenant.tokens[text].expires)),
        "resource": request.query["resource"],
        "token_type": "Bearer",
    }


def _imds_error(error: str, description: str) -> Response:
    return Response(400, {"error": error, "error_description": description}, dict(_JSON))


def _app_service_error(status: int, message: str) -> Response:
    return Response(status, {"statusCode": status, "message": message}, dict(_JSON))
