"""A connection in the environment, as a URI: https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html."""

from urllib.parse import quote, urlencode

import pytest

from airflow_provider_drive.hooks.drive import DriveHook


@pytest.fixture
def write_uri(emulator, connection, monkeypatch):
    """Write the connection to the emulator as a URI, with these extras."""

    def write(place, **extra):
        stored = emulator.connection(**extra)
        login = f"{quote(stored['login'])}:{quote(stored['password'], safe='')}"
        uri = f"microsoft-drive://{login}@{place}?{urlencode(stored['extra'])}"
        monkeypatch.setenv("AIRFLOW_CONN_DRIVE_DEFAULT", uri)

    return write


@pytest.mark.parametrize(
    "place", ["localhost:{port}/https", "localhost:{port}/", "https%3A%2F%2Flocalhost:{port}"]
)
def test_a_uri_names_graph_with_its_port(write_uri, emulator, plan, ids, place):
    write_uri(place.format(port=emulator.port), timeout="10")

    hook = DriveHook()

    assert hook.get_item(ids(plan))["name"] == "plan.txt"
    assert hook._client.settings.timeout == 10


def test_a_uri_without_a_host_is_in_its_cloud(write_uri):
    write_uri("/", cloud="usgov", authority=None, verify="false")

    settings = DriveHook()._client.settings

    assert (settings.hosts.graph, settings.verify) == ("https://graph.microsoft.us", False)
