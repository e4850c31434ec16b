import json
import os
import signal
import subprocess
import sys

import pytest
import requests

from airflow_provider_drive.emulator.__main__ import seed


@pytest.fixture
def start(tmp_path):
    started = []

    def start(*options):
        command = [sys.executable, "-m", "airflow_provider_drive.cli", "emulator", "--port", "0", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
        started.append(process)
        lines = []
        while not lines or not lines[-1].startswith("Press Ctrl-C"):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        return process, lines

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_command_serves_a_folder_until_it_is_interrupted(start, tmp_path):
    (tmp_path / "seed/Contracts/empty").mkdir(parents=True)
    (tmp_path / "seed/Contracts/a b.txt").write_bytes(b"content")
    process, lines = start(
        "--seed-folder", str(tmp_path / "seed"), "--copy-seconds", "0", "--ca-dir", str(tmp_path / "ca")
    )
    (line,) = [line for line in lines if line.startswith("export ")]
    paste = ["sh", "-c", f"{line}\nprintenv AIRFLOW_CONN_DRIVE_DEFAULT"]
    text = subprocess.run(paste, capture_output=True, text=True, check=True).stdout  # noqa: S603 - as people do
    connection = json.loads(text)
    assert connection["host"].endswith(f":{connection['port']}")  # without one, Airflow 3.3.2 cannot test it
    assert connection["extra"]["verify"] == str(tmp_path / "ca/ca.pem")
    with requests.Session() as session:
        session.trust_env, session.verify = False, connection["extra"]["verify"]
        form = {
            "grant_type": "client_credentials",
            "client_id": connection["login"],
            "client_secret": connection["password"],
            "scope": "https://graph.microsoft.com/.default",
        }
        endpoint = f"{connection['host']}/{connection['extra']['tenant_id']}/oauth2/v2.0/token"
        token = session.post(endpoint, data=form, timeout=10).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        drive = f"{connection['host']}/v1.0/sites/contoso.sharepoint.com:/sites/Legal:/drive"
        body = session.get(f"{drive}/root:/Contracts/a%20b.txt", timeout=10).json()
        assert body["size"] == 7
        assert session.get(f"{drive}/root:/Contracts/empty", timeout=10).json()["folder"]
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(10) == 0


def test_ca_dir_keeps_the_certificate_authority_between_starts(start, tmp_path):
    pems = []
    for _ in range(2):
        process, _lines = start("--ca-dir", str(tmp_path))
        pems.append((tmp_path / "ca.pem").read_bytes())
        process.terminate()
        assert process.wait(10) == 0
    assert pems[0] == pems[1]
    assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0


def test_the_command_without_options_prints_the_drives(start):
    lines = start()[1]
    assert any("drives/4f62a7105c03556e" in line for line in lines)


def test_the_files_of_a_folder_keep_their_times(tmp_path, tenant, hook):
    old = tmp_path / "old.txt"
    old.write_bytes(b"Old.")
    os.utime(old, (1_500_000_000, 1_500_000_000.7))
    (tmp_path / "new.txt").write_bytes(b"New.")

    seed(tenant.drive("legal"), tmp_path)

    address = f"drives/{tenant.drive('legal').id}/root:/old.txt"
    assert hook.get_item(address)["lastModifiedDateTime"] == "2017-07-14T02:40:00Z"
    archived = list(hook.iter_items(f"drives/{tenant.drive('legal').id}/root", modified_before="P5Y"))
    assert [item["name"] for item in archived] == ["old.txt"]
