"""``airflow-drive login``: sign in with a browser and print the connection."""

import json
import re
import subprocess
import sys

import pytest

from airflow_provider_drive import cli, demo
from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.hooks.drive import DriveHook


@pytest.fixture
def log_in(emulator, tenant, capsys, fresh_process):
    """Run the command for a user who signs in; return its exit code, stdout and stderr."""
    tenant.device_interval = 0

    def run(*arguments):
        options = ["--client-id", tenant.client_id, "--authority", emulator.url, "--verify", emulator.ca_file]
        code = cli.main(["login", *options, *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def store(emulator, monkeypatch):
    """Store a connection that points to the emulator."""

    def write(connection):
        monkeypatch.setenv("AIRFLOW_CONN_DRIVE_DEFAULT", json.dumps({**connection, "host": emulator.url}))

    return write


def test_login_shows_a_code_and_prints_a_connection_that_airflow_imports(log_in, tenant, store):
    tenant.device_looks = 2
    tenant.drive("business").put("mine.txt", b"Mine.")
    code, out, err = log_in("--tenant", tenant.domain)

    assert code == 0
    assert re.fullmatch(
        r"Open https://microsoft\.com/devicelogin in a browser and enter the code \w{8}\.\n"
        r"Save this to a file and run: airflow connections import FILE\.json\n",
        err,
    )
    stored = json.loads(out)
    assert list(stored) == ["drive_default"]
    assert stored["drive_default"]["port"] == 443  # without one, Airflow 3.3.2 cannot test it
    store(stored["drive_default"])
    assert DriveHook().get_item("me/drive/root:/mine.txt")["name"] == "mine.txt"


def test_a_personal_account_logs_in(log_in, tenant, store):
    tenant.drive("personal").put("photo.jpg", b"A photo.")
    code, out, _ = log_in("--tenant", "consumers", "--json")

    assert code == 0
    store(json.loads(out))
    assert DriveHook().get_item("me/drive/root:/photo.jpg")["name"] == "photo.jpg"


def test_the_json_option_prints_a_single_airflow_connection(log_in, tenant, monkeypatch):
    _, out, _ = log_in("--json", "--conn-id", "mine", "--cloud", "global", "--scopes", "Files.ReadWrite.All")

    monkeypatch.setenv("AIRFLOW_CONN_MINE", out)
    connection = DriveHook.get_connection("mine")
    assert (connection.conn_type, connection.login) == ("microsoft_drive", tenant.client_id)
    assert connection.extra_dejson["auth_type"] == "refresh_token"
    assert connection.extra_dejson["refresh_token"] in tenant.grants


@pytest.mark.parametrize(
    ("steer", "expected"),
    [
        ({"device_declines": True}, "authorization_declined"),
        ({"device_lifetime": 0, "device_looks": 0}, r"AADSTS70020.*again"),
    ],
)
def test_login_fails_with_a_reason_if_the_user_does_not_sign_in(log_in, tenant, steer, expected):
    vars(tenant).update(steer)
    code, out, err = log_in()

    assert (code, out) == (1, "")
    assert re.search(expected, err)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--tenant", "fabrikam.example"], "tenant_id"),
        (["--client-id", "00000000-0000-0000-0000-000000000000"], "AADSTS700016"),
        (["--scopes", "Mail.Send"], "AADSTS65001"),
        (["--verify", "/no/such/bundle.pem"], "verify"),
        (["--authority", "http://localhost"], "authority"),
    ],
)
def test_invalid_options_print_a_message_without_a_traceback(log_in, arguments, expected):
    code, out, err = log_in(*arguments)

    assert (code, out) == (1, "")
    assert expected in err
    assert "Traceback" not in err


def test_login_fails_on_an_invalid_answer_to_the_token_request(log_in, tenant):
    garbage = Fault("POST", "/token$", where="token", kind="huge")
    tenant.faults.append(garbage)
    code, out, _ = log_in()

    assert (code, out) == (1, "")


def test_an_interrupted_login_exits_with_130(log_in, monkeypatch):
    monkeypatch.setattr(cli, "log_in", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))

    assert log_in()[0] == 130


def test_help_is_printed_without_importing_airflow_or_msal():
    code = (
        "import sys; from airflow_provider_drive.cli import main\n"
        "try: main(['login', '--help'])\n"
        "except SystemExit: print('airflow' in sys.modules, 'msal' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)  # noqa: S603  # ourselves

    assert "--client-id" in done.stdout
    assert done.stdout.endswith("False False\n")


def test_the_emulator_says_what_to_install_if_it_cannot_be_imported(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for name in [name for name in sys.modules if name.startswith("airflow_provider_drive.emulator")]:
        monkeypatch.delitem(sys.modules, name)

    assert cli.main(["emulator"]) == 1
    assert 'pip install "airflow-provider-drive[emulator]"' in capsys.readouterr().err


def test_the_help_of_the_emulator_tells_how_to_change_it_while_it_runs(capsys):
    with pytest.raises(SystemExit):
        cli.main(["emulator", "--help"])
    told = capsys.readouterr().out
    assert told.startswith("usage: airflow-drive emulator")
    assert all(f"/_emulator/{name}" in told for name in ("settings", "faults", "copies", "locks", "reset"))


def test_the_demo_says_what_to_install_if_the_emulator_is_not(monkeypatch, capsys):
    monkeypatch.setattr(demo, "find_spec", lambda name: None)

    assert cli.main(["demo"]) == 1
    assert 'pip install "airflow-provider-drive[emulator]"' in capsys.readouterr().out
