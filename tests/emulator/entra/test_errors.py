"""The authority's other doors: managed identities, device codes, refresh tokens; and Entra's own words."""

# ruff: noqa: PLR0917  # pytest passes fixtures by their names

import jwt
import pytest

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.emulator.entra.errors import ERRORS
from airflow_provider_drive.emulator.state.directory import guid

JWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ME, TENANT = guid("application"), guid("tenant")
GOOD = {"iss": ME, "sub": ME, "exp": 4_000_000_000, "jti": "1"}
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "offline_access https://graph.microsoft.com/Files.ReadWrite.All"


@pytest.fixture
def http(graph):
    graph.session.headers.clear()
    return graph.session


@pytest.fixture
def ask(emulator, tenant, http):
    """Post a form to a tenant's door, and give the response."""

    def post(door, name=None, **form):
        form = {"client_id": tenant.client_id, **form}
        url = f"{emulator.url}/{name or tenant.tenant_id}/oauth2/v2.0/{door}"
        return http.post(url, data={key: value for key, value in form.items() if value is not None})

    return post


def codes(response):
    return response.json()["error"], response.json()["error_codes"]


# Managed identities


@pytest.fixture
def machine(emulator, http):
    """Ask a virtual machine's own door."""

    def get(headers=None, **query):
        headers = {"Metadata": "true"} if headers is None else headers
        query = {"api-version": "2018-02-01", "resource": "https://graph.microsoft.com", **query}
        url = f"{emulator.url}/metadata/identity/oauth2/token"
        return http.get(url, params={key: value for key, value in query.items() if value}, headers=headers)

    return get


def test_a_machine_gives_its_own_identitys_token(machine, tenant):
    body = machine().json()
    assert tenant.tokens[body["access_token"]].user is None
    assert (body["client_id"], body["resource"]) == (tenant.system_identity, "https://graph.microsoft.com")


@pytest.mark.parametrize("name", ["client_id", "object_id", "msi_res_id"])
def test_a_machine_gives_a_user_assigned_identitys_token(machine, tenant, name):
    ids = dict(zip(["client_id", "object_id", "msi_res_id"], tenant.user_identities, strict=True))
    assert machine(**{name: ids[name].upper()}).json()["client_id"] == ids["client_id"]


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
def test_a_machine_refuses_what_it_is_not_to_answer(machine, headers, query, error):
    response = machine(headers, **query)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_a_machine_may_have_no_identity(machine, tenant):
    tenant.system_identity = None
    assert machine().json()["error_description"] == "Identity not found"


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
def test_an_app_service_wants_its_header_and_its_version(emulator, tenant, http, header, query, status):
    query = {"api-version": "2019-08-01", "resource": "https://graph.microsoft.com", **query}
    headers = {"X-IDENTITY-HEADER": header or tenant.identity_header}
    response = http.get(f"{emulator.url}/msi/token", params=query, headers=headers)
    assert response.status_code == response.json().get("statusCode", 200) == status


# Device codes


def poll(ask, code, **form):
    return ask("token", grant_type=DEVICE, device_code=code, **form)


def test_a_device_waits_for_its_user(ask, tenant):
    tenant.device_interval, tenant.device_looks = 0, 2
    device = ask("devicecode", scope=SCOPE).json()
    assert device["user_code"] in device["message"]
    for _ in range(2):
        assert codes(poll(ask, device["device_code"])) == ("authorization_pending", [70016])
    body = poll(ask, device["device_code"]).json()
    assert tenant.tokens[body["access_token"]].user is tenant.me
    assert body["refresh_token"] in tenant.grants
    assert codes(poll(ask, device["device_code"])) == ("bad_verification_code", [70018])


def test_a_device_that_asks_too_often_is_slowed_down(ask):
    code = ask("devicecode", scope=SCOPE).json()["device_code"]
    poll(ask, code)
    assert codes(poll(ask, code)) == ("slow_down", [])


def test_a_device_whose_time_is_over_gets_nothing(ask, tenant):
    tenant.device_lifetime = 0
    code = ask("devicecode", scope=SCOPE).json()["device_code"]
    assert codes(poll(ask, code)) == ("expired_token", [70020])


def test_a_user_may_decline(ask, tenant):
    tenant.device_declines, tenant.device_looks = True, 0
    code = ask("devicecode", scope=SCOPE).json()["device_code"]
    assert codes(poll(ask, code)) == ("authorization_declined", [])


# Refresh tokens


def refresh(ask, token, name=None, scope=SCOPE, **form):
    return ask("token", name, grant_type="refresh_token", refresh_token=token, scope=scope, **form)


@pytest.mark.parametrize("once", [False, True])
def test_a_refresh_token_brings_its_successor_and_may_be_good_once(ask, tenant, once):
    tenant.refresh_tokens_once = once
    second = refresh(ask, tenant.refresh_token).json()["refresh_token"]
    assert second != tenant.refresh_token
    assert refresh(ask, tenant.refresh_token).ok is not once
    assert refresh(ask, second).ok


def test_no_refresh_token_comes_unasked(ask, tenant):
    response = refresh(ask, tenant.refresh_token, scope="Files.ReadWrite.All")
    assert response.ok
    assert "refresh_token" not in response.json()


@pytest.mark.parametrize(
    ("token", "name", "scope", "expected"),
    [
        ("unknown", None, SCOPE, ("invalid_grant", [9002313])),
        ("unknown", "consumers", SCOPE, ("invalid_grant", [70000])),
        (None, None, "https://graph.microsoft.com/Mail.Send", ("invalid_grant", [65001])),
        (None, None, "nonsense", ("invalid_scope", [70011])),
        (None, None, "offline_access", ("invalid_scope", [70011])),
        (None, "consumers", "https://graph.microsoft.com/.default", ("invalid_scope", [70011])),
    ],
)
def test_a_refresh_token_does_not_open_everything(ask, tenant, token, name, scope, expected):
    assert codes(refresh(ask, token or tenant.refresh_token, name, scope)) == expected


def test_a_personal_accounts_token_is_for_graph_only_if_graph_is_named(ask, tenant):
    texts = [
        refresh(ask, tenant.consumer_refresh_token, "consumers", scope).json()["access_token"]
        for scope in ("Files.ReadWrite.All", "https://graph.microsoft.com/Files.ReadWrite.All")
    ]
    assert [text in tenant.tokens for text in texts] == [False, True]
    assert all("." not in text for text in texts)


# Denials


@pytest.mark.parametrize("code", ERRORS)
def test_a_fault_denies_in_entras_words(ask, tenant, code):
    name = f"AADSTS{code}" if isinstance(code, int) else code
    tenant.faults.append(Fault("POST", where="token", code=name))
    response = ask("token", grant_type="client_credentials")
    body = response.json()
    assert response.status_code == ERRORS[code].status
    assert body["error"] == ERRORS[code].error
    if isinstance(code, int):
        assert body["error_codes"] == [code]
        assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert "{" not in body["error_description"]
    assert {"timestamp", "trace_id", "correlation_id"} <= set(body)


@pytest.mark.parametrize(
    ("kind", "claims", "header", "number"),
    [
        ("urn:ietf:params:oauth:client-assertion-type:saml2-bearer", {}, {}, 50027),
        (JWT, None, {}, 50027),
        (JWT, {"iss": "nobody"}, {}, 700211),
        (JWT, {"iss": ME, "aud": "x", "exp": 1, "sub": ME, "jti": "1"}, {}, 700023),
        (JWT, GOOD, {"x5c": ["no certificate"]}, 50027),
        (JWT, GOOD, {"x5c": 5}, 50027),
        (JWT, GOOD, {"x5t": "unknown"}, 700027),
    ],
)
def test_an_assertion_that_is_none_is_refused(ask, emulator, kind, claims, header, number):
    assertion = "nonsense"
    if claims is not None:
        claims = {**claims, "aud": claims.get("aud") or f"{emulator.url}/{TENANT}/v2.0"}
        assertion = jwt.encode(claims, "a key that is long enough for it", "HS256", headers=header)
    response = ask(
        "token", client_assertion=assertion, client_assertion_type=kind, grant_type="refresh_token"
    )
    assert codes(response) == ("invalid_client", [number])
