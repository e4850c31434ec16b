import json

import pytest
import requests

from airflow_provider_drive.emulator import Emulator


def test_a_connection_can_be_written_as_json(emulator, tenant):
    connection = json.loads(json.dumps(emulator.connection(timeout=5, verify=None)))
    assert connection["conn_type"] == "microsoft_drive"
    assert connection["password"] == tenant.client_secret
    assert connection["extra"] == {
        "tenant_id": tenant.tenant_id,
        "authority": emulator.url,
        "allowed_hosts": [tenant.file_url.removeprefix("https://")],
        "resource_units_per_minute": 1_000_000,
        "timeout": 5,
    }


def test_a_port_in_use_raises(emulator):
    with pytest.raises(OSError, match="in use"):
        Emulator(emulator.port).start()


def test_clients_must_trust_the_certificate_authority(emulator):
    with requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.SSLError):
            session.get(emulator.url, timeout=5)
        response = session.get(
            emulator.url.replace("localhost", "127.0.0.1"), verify=emulator.ca_file, timeout=5
        )
        assert response.status_code == 401


def test_the_path_of_the_certificate_is_absolute_even_if_its_folder_is_not(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with Emulator(ca_dir="authority") as emulator:
        assert emulator.connection()["extra"]["verify"] == str(tmp_path / "authority" / "ca.pem")
