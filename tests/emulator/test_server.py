import json
import socket
import ssl

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


def test_a_request_whose_client_goes_before_its_end_has_no_effect(emulator, tenant, legal):
    context = ssl.create_default_context(cafile=emulator.ca_file)
    head = (
        f"PUT /v1.0/drives/{legal.id}/root:/a.txt:/content HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {tenant.issue_token()}\r\nContent-Length: 100\r\n\r\n"
    )
    with (
        socket.create_connection(("127.0.0.1", emulator.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(head.encode() + b"half of it")
    session = requests.Session()
    session.trust_env = False
    with session:  # the server handles one request after the other
        for _ in range(20):
            session.get(emulator.url, verify=emulator.ca_file, timeout=5)
    assert legal.tree() == {}
    assert not tenant.calls("PUT")
