"""User logins with refresh tokens, and the Variable that stores the newest one."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.providers.common.compat import sdk
from airflow.providers.common.compat.sdk import BaseHook
from auth.keys import Certificate

from airflow_provider_drive.auth import Login, refresh_token
from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveArgumentError, DriveAuthError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.settings import read_settings

VARIABLE = "drive_refresh_token"


@pytest.fixture
def user(connect, tenant):
    """Create the connection of a user login through a public client."""

    def write(**fields):
        return connect(**{"password": "", "refresh_token": tenant.refresh_token, **fields})

    return write


@pytest.fixture
def used(forms):
    """The refresh tokens sent to the authority, in order."""
    return lambda: [form["refresh_token"] for form in forms()]


class Variables(dict):
    """Airflow's Variables as a worker sees them; ``broken`` makes each access fail."""

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


def test_a_user_logs_in_and_reads_their_own_drive(user, read, tenant, forms):
    tenant.drive("business").put("mine.txt", b"Mine.")
    user()

    assert read("me/drive/root:/mine.txt") == "mine.txt"
    (form,) = forms()
    assert (form["grant_type"], "client_secret" in form) == ("refresh_token", False)


def test_a_confidential_app_sends_its_client_secret_with_the_refresh_token(user, read, tenant, forms):
    user(password=tenant.client_secret)

    assert read() == "plan.txt"
    assert forms()[0]["client_secret"] == tenant.client_secret


def test_a_confidential_app_sends_an_assertion_with_the_refresh_token(user, read, registered, forms):
    user(private_key=registered.key_pem() + registered.pem)

    assert read() == "plan.txt"
    assert "client_assertion" in forms()[0]


def test_a_user_login_with_an_unregistered_certificate_is_refused(user, read):
    own = Certificate()
    user(private_key=own.key_pem() + own.pem)

    with pytest.raises(DriveAuthError, match="AADSTS700027"):
        read()


def test_a_user_login_without_a_tenant_uses_common(user, read, tenant):
    user(tenant_id=None)

    assert read() == "plan.txt"
    assert tenant.calls("POST", "^/common/oauth2")


@pytest.mark.parametrize("scopes", [None, "Files.ReadWrite.All", "offline_access,Files.ReadWrite.All"])
def test_a_personal_account_reads_its_own_drive(user, read, tenant, emulator, forms, scopes):
    tenant.drive("personal").put("photo.jpg", b"A photo.")
    user(tenant_id="consumers", refresh_token=tenant.consumer_refresh_token, scopes=scopes)

    assert read("me/drive/root:/photo.jpg") == "photo.jpg"
    assert f"{emulator.url}/Files.ReadWrite.All" in forms()[0]["scope"].split()


def test_missing_user_consent_raises_an_error_that_says_so(user, read):
    user(scopes="Mail.Send")

    with pytest.raises(DriveAuthError, match=r"AADSTS65001.*[Cc]onsent"):
        read()


def test_an_access_token_is_reused_until_it_expires(user, tenant):
    user()
    hook = DriveHook()
    hook.request("GET", "/me/drive")
    hook.request("GET", "/me/drive")
    assert tenant.tokens_issued == 1


def test_an_access_token_is_replaced_shortly_before_it_expires(user, tenant, used):
    tenant.token_lifetime = 299
    user()
    hook = DriveHook()
    hook.request("GET", "/me/drive")
    hook.request("GET", "/me/drive")

    assert tenant.tokens_issued == 2
    assert used() == [tenant.refresh_token, list(tenant.grants)[-2]]


@pytest.mark.parametrize("code", [70043, 700082, 50173, 53003, 50034, 50076])
def test_an_ended_user_login_raises_an_error_with_advice(user, read, tenant, code):
    tenant.faults.append(Fault("POST", where="token", code=f"AADSTS{code}"))
    user()

    with pytest.raises(DriveAuthError, match=f"AADSTS{code}: "):
        read()


def test_an_unknown_refresh_token_raises_an_error_that_does_not_quote_it(user, read, helpers):
    user(refresh_token="not-a-refresh-token")

    with pytest.raises(DriveAuthError, match="refresh_token") as caught:
        read()

    assert "not-a-refresh-token" not in helpers.told(caught.value)


def test_a_missing_refresh_token_raises_an_error_before_any_request(connect, read, asked):
    connect(auth_type="refresh_token")

    with pytest.raises(DriveAuthError, match="no refresh_token"):
        read()

    assert asked() == []


# The Variable for the newest token


def test_refresh_tokens_are_not_stored_by_default(user, read, variables, fresh_process, used, tenant):
    user()
    read()
    fresh_process()
    read()

    assert variables == {}
    assert used() == [tenant.refresh_token] * 2


def test_the_newest_refresh_token_is_stored_in_the_configured_variable(
    user, read, variables, fresh_process, used, tenant
):
    tenant.refresh_tokens_once = True
    user(refresh_token_variable=VARIABLE)
    tenant.token_lifetime = 299  # too short to be used by another process
    for _ in range(3):
        read()
        fresh_process()

    assert len(set(used())) == 3
    assert used()[0] == tenant.refresh_token
    assert list(tenant.grants)[-1] in variables[VARIABLE]


def test_an_access_token_in_the_variable_is_used_by_other_processes(
    user, read, variables, fresh_process, tenant
):
    user(refresh_token_variable=VARIABLE)
    for _ in range(3):
        read()
        fresh_process()

    assert tenant.tokens_issued == 1


def test_an_access_token_in_the_variable_that_graph_refuses_is_replaced(
    user, read, variables, fresh_process, tenant
):
    user(refresh_token_variable=VARIABLE)
    read()
    fresh_process()
    tenant.revoke_tokens()

    assert read() == "plan.txt"
    assert tenant.tokens_issued == 2


def test_an_access_token_in_the_variable_with_other_scopes_is_not_used(
    user, read, variables, fresh_process, tenant
):
    user(refresh_token_variable=VARIABLE)
    read()
    fresh_process()
    user(refresh_token_variable=VARIABLE, scopes="Files.ReadWrite.All")
    read()

    assert tenant.tokens_issued == 2


@pytest.mark.parametrize("expires_at", [None, "soon", 0])
def test_an_access_token_in_the_variable_without_a_future_expiry_is_not_used(
    user, read, variables, fresh_process, tenant, expires_at
):
    user(refresh_token_variable=VARIABLE)
    read()
    variables[VARIABLE] = json.dumps(json.loads(variables[VARIABLE]) | {"expires_at": expires_at})
    fresh_process()

    assert read() == "plan.txt"
    assert tenant.tokens_issued == 2


PROCESSES = 24


def test_of_many_processes_that_log_in_at_once_with_a_token_that_is_good_once_none_fails(
    user, variables, tenant, monkeypatch
):
    tenant.refresh_tokens_once = True
    settings = read_settings(BaseHook.get_connection(user(refresh_token_variable=VARIABLE)))
    together, refused = threading.Barrier(PROCESSES), threading.Event()
    firsts, get, store = threading.local(), variables.get, variables.set

    def get_together(key, default=None):
        found = get(key, default)
        if not hasattr(firsts, "done"):
            firsts.done = together.wait(30)
        return found

    def store_after_the_others_are_refused(key, value):
        assert refused.wait(30)
        store(key, value)

    monkeypatch.setattr(variables, "get", get_together)
    monkeypatch.setattr(variables, "set", store_after_the_others_are_refused)
    tenant.journal = Refusals(refused, PROCESSES - 1)
    with ThreadPoolExecutor(PROCESSES) as processes:
        tokens = set(processes.map(lambda _: Login(settings).token(), range(PROCESSES)))

    assert len(tokens) == tenant.tokens_issued == 1


class Refusals(list):
    """A journal that tells when so many logins were refused."""

    def __init__(self, event, most):
        super().__init__()
        self.event, self.left = event, most

    def append(self, call):
        super().append(call)
        self.left -= call.where == "token" and call.status == 400
        if not self.left:
            self.event.set()


def test_a_refused_refresh_token_that_no_process_replaces_fails_after_a_while(
    user, variables, tenant, monkeypatch
):
    monkeypatch.setattr(refresh_token, "_MAX_WAIT", 1.0)
    settings = read_settings(
        BaseHook.get_connection(user(refresh_token_variable=VARIABLE, refresh_token="unknown"))
    )

    with pytest.raises(DriveAuthError, match="refresh_token"):
        Login(settings).token()
    assert len(tenant.calls("POST", where="token")) == 1


def test_a_refresh_token_used_by_another_worker_is_read_again_from_the_variable(
    user, read, variables, tenant, used
):
    tenant.refresh_tokens_once = True
    tenant.token_lifetime = 299
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


def test_a_new_refresh_token_in_the_connection_replaces_the_stored_one(
    user, read, variables, fresh_process, tenant, used
):
    user(refresh_token_variable=VARIABLE)
    read()
    fresh_process()
    another = tenant.issue_refresh_token(tenant.me)
    user(refresh_token_variable=VARIABLE, refresh_token=another)
    read()

    assert used() == [tenant.refresh_token, another]


@pytest.mark.parametrize("value", ["no JSON", "[]", "null", "", '{"of": "x", "refresh_token": "y"}'])
def test_invalid_content_of_the_variable_is_ignored(user, read, variables, value):
    variables[VARIABLE] = value
    user(refresh_token_variable=VARIABLE)

    assert read() == "plan.txt"


def test_a_variable_that_cannot_be_read_or_written_does_not_fail_the_task(user, read, variables, log):
    variables.broken = True
    user(refresh_token_variable=VARIABLE)

    assert read() == "plan.txt"
    assert log.has(rf"Could not read .* Variable {VARIABLE} \(ConnectionError\)")
    assert log.has(rf"Could not save .* Variable {VARIABLE} \(PermissionError\)")


def test_logs_contain_no_refresh_token(user, read, variables, tenant, log):
    user(refresh_token_variable=VARIABLE)
    read()

    assert [token for token in tenant.grants if token in log.text] == []
    newest = json.loads(variables[VARIABLE])["refresh_token"]
    assert newest not in str(sdk.redact(f"It is {newest}."))


def test_a_variable_name_that_airflow_does_not_mask_is_refused(user, read):
    user(refresh_token_variable="drive_login")

    with pytest.raises(DriveArgumentError, match="the word token"):
        read()
