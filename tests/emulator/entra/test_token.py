# ruff: noqa: PLR0917 - pytest passes fixtures by their names

import msal
import pytest

SCOPES = ["https://graph.microsoft.com/.default"]


DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


SCOPE = "offline_access https://graph.microsoft.com/Files.ReadWrite.All"


def codes(response):
    return response.json()["error"], response.json()["error_codes"]


@pytest.mark.parametrize("name", ["61180fa8-1f46-5b96-b889-7e46a4ed2e75", "contoso.onmicrosoft.com"])
def test_a_client_secret_logs_in(graph, tenant, legal, log_in, name):
    response = log_in(tenant.client_secret, name)
    assert response["expires_in"] == 3600
    graph.token = response["access_token"]
    assert graph.token.count(".") == 2
    assert graph.get(f"drives/{legal.id}").status_code == 200


def test_instance_discovery_is_answered(tenant, emulator, log_in):
    url = f"{emulator.url}/common/discovery/instance"
    assert "access_token" in log_in(tenant.client_secret, instance_discovery=url)


@pytest.mark.parametrize(
    ("credential", "client_id", "error", "number"),
    [
        ("wrong", None, "invalid_client", 7000215),
        ("wrong", "61180fa8-0000-0000-0000-000000000000", "unauthorized_client", 700016),
    ],
)
def test_a_wrong_secret_or_application_is_refused(log_in, credential, client_id, error, number):
    response = log_in(credential, client_id=client_id)
    assert (response["error"], response["error_codes"]) == (error, [number])
    assert response["error_description"].startswith(f"AADSTS{number}: ")


def test_client_credentials_can_be_in_the_authorization_header(emulator, tenant, http):
    url = f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": SCOPES[0]}

    def asked(secret):
        return http.post(url, form, auth=(tenant.client_id, secret)).json()

    assert "access_token" in asked(tenant.client_secret)
    assert "access_token" in asked(tenant.client_secret.replace("~", "%7E"))
    assert asked("wrong")["error_codes"] == [7000215]


@pytest.mark.parametrize("header", ["Basic", "Basic %%%", "Basic //8="])
def test_an_unreadable_authorization_header_is_ignored(emulator, tenant, http, header):
    url = f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": SCOPES[0]}
    response = http.post(url, form, headers={"Authorization": header})
    assert response.json()["error_codes"] == [700016]


def test_an_unknown_tenant_is_refused(emulator, tenant, http, log_in):
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        log_in(tenant.client_secret, "nowhere.onmicrosoft.com")
    body = http.post(f"{emulator.url}/nowhere/oauth2/v2.0/token").json()
    assert body["error_description"].startswith("AADSTS90002: ")


def test_a_refresh_token_gives_delegated_access(graph, tenant, emulator, http):
    app = msal.PublicClientApplication(
        tenant.client_id,
        authority=f"{emulator.url}/{tenant.tenant_id}",
        http_client=http,
        instance_discovery=False,
    )
    response = app.acquire_token_by_refresh_token(tenant.refresh_token, ["Files.ReadWrite.All"])
    graph.token = response["access_token"]
    assert graph.get("me/drive").status_code == 200
    assert app.acquire_token_by_refresh_token("old", ["Files.ReadWrite.All"])["error"] == "invalid_grant"


def poll(post_form, code, **form):
    return post_form("token", grant_type=DEVICE, device_code=code, **form)


def test_a_device_code_is_pending_until_the_user_has_signed_in(post_form, tenant):
    tenant.device_interval, tenant.device_looks = 0, 2
    device = post_form("devicecode", scope=SCOPE).json()
    assert device["user_code"] in device["message"]
    for _ in range(2):
        assert codes(poll(post_form, device["device_code"])) == ("authorization_pending", [70016])
    body = poll(post_form, device["device_code"]).json()
    assert tenant.tokens[body["access_token"]].user is tenant.me
    assert body["refresh_token"] in tenant.grants
    assert codes(poll(post_form, device["device_code"])) == ("bad_verification_code", [70018])


def test_a_device_that_polls_too_often_is_told_to_slow_down(post_form):
    code = post_form("devicecode", scope=SCOPE).json()["device_code"]
    poll(post_form, code)
    assert codes(poll(post_form, code)) == ("slow_down", [])


def test_an_expired_device_code_is_refused(post_form, tenant):
    tenant.device_lifetime = 0
    code = post_form("devicecode", scope=SCOPE).json()["device_code"]
    assert codes(poll(post_form, code)) == ("expired_token", [70020])


def test_a_user_can_decline_a_device_code(post_form, tenant):
    tenant.device_declines, tenant.device_looks = True, 0
    code = post_form("devicecode", scope=SCOPE).json()["device_code"]
    assert codes(poll(post_form, code)) == ("authorization_declined", [])


def refresh(post_form, token, name=None, scope=SCOPE, **form):
    return post_form("token", name, grant_type="refresh_token", refresh_token=token, scope=scope, **form)


@pytest.mark.parametrize("once", [False, True])
def test_a_refresh_token_is_renewed_and_can_be_valid_once_only(post_form, tenant, once):
    tenant.refresh_tokens_once = once
    second = refresh(post_form, tenant.refresh_token).json()["refresh_token"]
    assert second != tenant.refresh_token
    assert refresh(post_form, tenant.refresh_token).ok is not once
    assert refresh(post_form, second).ok


def test_a_refresh_token_is_issued_only_with_offline_access(post_form, tenant):
    response = refresh(post_form, tenant.refresh_token, scope="Files.ReadWrite.All")
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
def test_an_invalid_refresh_token_or_scope_is_refused(post_form, tenant, token, name, scope, expected):
    assert codes(refresh(post_form, token or tenant.refresh_token, name, scope)) == expected


def test_a_personal_account_needs_scopes_that_name_graph(post_form, tenant):
    texts = [
        refresh(post_form, tenant.consumer_refresh_token, "consumers", scope).json()["access_token"]
        for scope in ("Files.ReadWrite.All", "https://graph.microsoft.com/Files.ReadWrite.All")
    ]
    assert [text in tenant.tokens for text in texts] == [False, True]
    assert all("." not in text for text in texts)


def test_a_refresh_token_without_a_scope_keeps_the_scopes_of_the_sign_in(graph, tenant, post_form):
    form = {"grant_type": "refresh_token", "refresh_token": tenant.refresh_token}
    response = post_form("token", **form)
    assert response.status_code == 200
    assert "Files.ReadWrite.All" in response.json()["scope"]
    graph.token = response.json()["access_token"]
    assert graph.get("me/drive").status_code == 200


def test_the_default_scope_without_a_resource_is_for_graph(graph, tenant, legal, http, emulator):
    url = f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token"
    form = {"grant_type": "client_credentials", "scope": ".default", "client_id": tenant.client_id}
    response = http.post(url, {**form, "client_secret": tenant.client_secret})
    graph.token = response.json()["access_token"]
    assert graph.get(f"drives/{legal.id}").status_code == 200


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ("https://graph.microsoft.com/.default", 200),
        ("https://microsoftgraph.chinacloudapi.cn/.default", 200),
        (".default", 200),
        ("https://storage.azure.com/.default", 401),
        ("https://vault.azure.net//.default", 401),
    ],
)
def test_graph_refuses_tokens_of_other_services(graph, tenant, legal, post_form, scope, status):
    form = {"grant_type": "client_credentials", "client_secret": tenant.client_secret, "scope": scope}
    graph.token = post_form("token", **form).json()["access_token"]
    response = graph.get(f"drives/{legal.id}")
    assert response.status_code == status
    if status == 401:
        assert "audience" in response.json()["error"]["message"]


def test_an_application_can_ask_for_one_service_only(tenant, post_form):
    scope = "https://storage.azure.com/.default https://graph.microsoft.com/.default"
    form = {"grant_type": "client_credentials", "client_secret": tenant.client_secret, "scope": scope}
    assert post_form("token", **form).json()["error_codes"] == [1002012]


@pytest.mark.parametrize(
    ("method", "endpoint"), [("GET", "token"), ("POST", "tokens"), ("POST", "authorize")]
)
def test_only_the_endpoints_of_the_authority_issue_tokens(emulator, tenant, http, method, endpoint):
    form = {
        "grant_type": "client_credentials",
        "client_id": tenant.client_id,
        "client_secret": tenant.client_secret,
        "scope": SCOPES[0],
    }
    before = tenant.tokens_issued
    response = http.request(method, f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/{endpoint}", data=form)
    assert (response.status_code, tenant.tokens_issued) == (404, before)
