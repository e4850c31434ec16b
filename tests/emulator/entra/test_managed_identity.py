# ruff: noqa: PLR0917 - pytest passes fixtures by their names

import msal
import pytest


@pytest.fixture
def imds(emulator, http):
    """Request a token from IMDS."""

    def get(headers=None, **query):
        headers = {"Metadata": "true"} if headers is None else headers
        query = {"api-version": "2018-02-01", "resource": "https://graph.microsoft.com", **query}
        url = f"{emulator.url}/metadata/identity/oauth2/token"
        return http.get(url, params={key: value for key, value in query.items() if value}, headers=headers)

    return get


def test_imds_issues_a_token_of_the_system_assigned_identity(imds, tenant):
    body = imds().json()
    assert tenant.tokens[body["access_token"]].user is None
    assert (body["client_id"], body["resource"]) == (tenant.system_identity, "https://graph.microsoft.com")


@pytest.mark.parametrize("name", ["client_id", "object_id", "msi_res_id"])
def test_imds_issues_a_token_of_a_user_assigned_identity(imds, tenant, name):
    ids = dict(zip(["client_id", "object_id", "msi_res_id"], tenant.user_identities, strict=True))
    assert imds(**{name: ids[name].upper()}).json()["client_id"] == ids["client_id"]


@pytest.mark.parametrize(
    ("headers", "query", "error"),
    [
        ({}, {}, "bad_request_102"),
        ({"Metadata": "True"}, {}, "bad_request_102"),
        ({"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}, {}, "bad_request_102"),
        (None, {"api-version": ""}, "invalid_request"),
        (None, {"resource": ""}, "invalid_request"),
        (None, {"client_id": "unknown"}, "invalid_request"),
    ],
)
def test_imds_refuses_invalid_requests(imds, headers, query, error):
    response = imds(headers, **query)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_imds_reports_that_there_is_no_identity(imds, tenant):
    tenant.system_identity = None
    assert imds().json()["error_description"] == "Identity not found"


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        (None, {}, 200),
        ("wrong", {}, 401),
        (None, {"api-version": "2017-09-01"}, 400),
        (None, {"resource": ""}, 400),
        (None, {"client_id": "unknown"}, 400),
    ],
)
def test_app_service_checks_header_and_query(emulator, tenant, http, header, query, status):
    query = {"api-version": "2019-08-01", "resource": "https://graph.microsoft.com", **query}
    headers = {"X-IDENTITY-HEADER": header or tenant.identity_header}
    response = http.get(f"{emulator.url}/msi/token", params=query, headers=headers)
    assert response.status_code == response.json().get("statusCode", 200) == status


def test_msal_logs_in_with_a_managed_identity(graph, emulator, tenant, legal, http, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{emulator.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", tenant.identity_header)
    client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=http)
    graph.token = client.acquire_token_for_client(resource="https://graph.microsoft.com")["access_token"]
    assert graph.get(f"drives/{legal.id}").status_code == 200
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    client = msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=http)
    assert "error" in client.acquire_token_for_client(resource="https://graph.microsoft.com")
