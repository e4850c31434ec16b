"""A user's login goes on from one refresh token to the next."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json

import pytest
from airflow.providers.common.compat import sdk
from auth.keys import Certificate

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveArgumentError, DriveAuthError
from airflow_provider_drive.hooks.drive import DriveHook

VARIABLE = "drive_refresh_token"


@pytest.fixture
def user(connect, tenant):
    """Write the connection of a user, of a public client."""

    def write(**fields):
        return connect(**{"password": "", "refresh_token": tenant.refresh_token, **fields})

    return write


@pytest.fixture
def used(forms):
    """The refresh tokens that were shown, in order."""
    return lambda: [form["refresh_token"] for form in forms()]


class Variables(dict):
    """Where Airflow keeps its Variables, as a worker sees it; ``broken`` says that nobody answers."""

    broken = False

    def get(self, key, default=None):
        if self.broken:
            raise ConnectionError
        return super().get(key, default)

    def set(self, key, value):
        if self.broken:
            raise PermissionError
        self[key] = value


@pytest.fixture
def variables(monkeypatch):
    kept = Variables()
    monkeypatch.setattr(sdk, "Variable", kept, raising=False)
    return kept


def test_a_user_logs_in_and_has_a_drive(user, read, tenant, forms):
    tenant.drive("business").put("mine.txt", b"Mine.")
    user()

    assert read("me/drive/root:/mine.txt") == "mine.txt"
    (form,) = forms()
    assert (form["grant_type"], "client_secret" in form) == ("refresh_token", False)


def test_a_confidential_app_shows_its_secret_too(user, read, tenant, forms):
    user(password=tenant.client_secret)

    assert read() == "plan.txt"
    assert forms()[0]["client_secret"] == tenant.client_secret


def test_a_confidential_app_shows_its_certificate_too(user, read, registered, forms):
    user(private_key=registered.key_pem() + registered.pem)

    assert read() == "plan.txt"
    assert "client_assertion" in forms()[0]


def test_an_app_that_is_not_registered_so_is_told(user, read):
    own = Certificate()
    user(private_key=own.key_pem() + own.pem)

    with pytest.raises(DriveAuthError, match="AADSTS700027"):
        read()


def test_a_user_without_a_tenant_is_looked_for_everywhere(user, read, tenant):
    user(tenant_id=None)

    assert read() == "plan.txt"
    assert tenant.calls("POST", "^/common/oauth2")


@pytest.mark.parametrize("scopes", [None, "Files.ReadWrite.All", "offline_access,Files.ReadWrite.All"])
def test_a_personal_account_has_its_drive(user, read, tenant, emulator, forms, scopes):
    tenant.drive("personal").put("photo.jpg", b"A photo.")
    user(tenant_id="consumers", refresh_token=tenant.consumer_refresh_token, scopes=scopes)

    assert read("me/drive/root:/photo.jpg") == "photo.jpg"
    assert f"{emulator.url}/Files.ReadWrite.All" in forms()[0]["scope"].split()


def test_a_permission_that_the_user_has_not_given_is_told(user, read):
    user(scopes="Mail.Send")

    with pytest.raises(DriveAuthError, match=r"AADSTS65001.*[Cc]onsent"):
        read()


def test_one_token_is_asked_for_until_it_ends(user, tenant):
    user()
    hook = DriveHook()
    hook.request("GET", "/me/drive")
    hook.request("GET", "/me/drive")
    assert tenant.tokens_issued == 1


def test_a_token_that_ends_soon_is_replaced(user, tenant, used):
    tenant.token_lifetime = 299
    user()
    hook = DriveHook()
    hook.request("GET", "/me/drive")
    hook.request("GET", "/me/drive")

    assert tenant.tokens_issued == 2
    assert used() == [tenant.refresh_token, list(tenant.grants)[-2]]


@pytest.mark.parametrize("code", [70043, 700082, 50173, 53003, 50034, 50076])
def test_what_ends_a_users_login_is_told(user, read, tenant, code):
    tenant.faults.append(Fault("POST", where="token", code=f"AADSTS{code}"))
    user()

    with pytest.raises(DriveAuthError, match=f"AADSTS{code}: "):
        read()


def test_a_refresh_token_that_nobody_issued_is_told_without_it(user, read, helpers):
    user(refresh_token="not-a-refresh-token")

    with pytest.raises(DriveAuthError, match="refresh_token") as caught:
        read()

    assert "not-a-refresh-token" not in helpers.told(caught.value)


def test_no_refresh_token_is_told(connect, read, asked):
    connect(auth_type="refresh_token")

    with pytest.raises(DriveAuthError, match="no refresh_token"):
        read()

    assert asked() == []


# Where the newest one is kept


def test_nothing_is_written_anywhere_by_default(user, read, variables, fresh_process, used, tenant):
    user()
    read()
    fresh_process()
    read()

    assert variables == {}
    assert used() == [tenant.refresh_token] * 2


def test_the_newest_token_is_kept_where_the_connection_says(
    user, read, variables, fresh_process, used, tenant
):
    tenant.refresh_tokens_once = True
    user(refresh_token_variable=VARIABLE)
    for _ in range(3):
        read()
        fresh_process()

    assert len(set(used())) == 3
    assert used()[0] == tenant.refresh_token
    assert list(tenant.grants)[-1] in variables[VARIABLE]


def test_a_token_that_another_worker_has_used_up_is_looked_up_again(user, read, variables, tenant, used):
    tenant.refresh_tokens_once = True
    user(refresh_token_variable=VARIABLE)
    read()
    kept = variables.pop(VARIABLE)
    newest = json.loads(kept)["refresh_token"]

    def meanwhile():
        variables[VARIABLE] = kept

    from airflow_provider_drive import auth  # noqa: PLC0415  # only here

    auth._logins.clear()
    tenant.faults.append(Fault("POST", where="token", kind="refuse", code="AADSTS70000", act=meanwhile))
    assert read() == "plan.txt"
    assert used() == [tenant.refresh_token, tenant.refresh_token, newest]


def test_a_new_login_in_the_connection_begins_anew(user, read, variables, fresh_process, tenant, used):
    user(refresh_token_variable=VARIABLE)
    read()
    fresh_process()
    another = tenant.issue_refresh_token(tenant.me)
    user(refresh_token_variable=VARIABLE, refresh_token=another)
    read()

    assert used() == [tenant.refresh_token, another]


@pytest.mark.parametrize("value", ["no JSON", "[]", "null", "", '{"of": "x", "refresh_token": "y"}'])
def test_what_else_is_in_the_variable_is_passed_over(user, read, variables, value):
    variables[VARIABLE] = value
    user(refresh_token_variable=VARIABLE)

    assert read() == "plan.txt"


def test_a_variable_that_cannot_be_kept_does_not_fail_the_task(user, read, variables, log):
    variables.broken = True
    user(refresh_token_variable=VARIABLE)

    assert read() == "plan.txt"
    assert log.has(rf"Could not read .* Variable {VARIABLE} \(ConnectionError\)")
    assert log.has(rf"Could not save .* Variable {VARIABLE} \(PermissionError\)")


def test_no_refresh_token_is_in_a_log_line(user, read, variables, tenant, log):
    user(refresh_token_variable=VARIABLE)
    read()

    assert [token for token in tenant.grants if token in log.text] == []
    newest = json.loads(variables[VARIABLE])["refresh_token"]
    assert newest not in str(sdk.redact(f"It is {newest}."))


def test_a_variable_whose_value_airflow_would_show_is_refused(user, read):
    user(refresh_token_variable="drive_login")

    with pytest.raises(DriveArgumentError, match="the word token"):
        read()
