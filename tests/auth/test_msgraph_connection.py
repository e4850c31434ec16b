"""
Connections of type ``msgraph``, of the Microsoft Azure provider, work unchanged.

Its fields are those of https://airflow.apache.org/docs/apache-airflow-providers-microsoft-azure/stable/connections/msgraph.html,
with the default values of its form.
"""

import asyncio
import json

import pytest
from airflow.providers.common.compat.sdk import BaseHook, Connection

from airflow_provider_drive.protocol.wire.hosts import CLOUDS
from airflow_provider_drive.settings import read_settings

FORM = {  # what the form has when it is opened
    "api_version": "v1.0",
    "scopes": "https://graph.microsoft.com/.default",
    "disable_instance_discovery": False,
    "verify": True,
    "trust_env": True,
    "drive_id": "",
    "authority": "",
    "certificate_path": "",
    "certificate_data": "",
    "allowed_hosts": "",
    "proxies": "",
    "base_url": "",
}
TENANT = "61180fa8-1f46-5b96-b889-7e46a4ed2e75"


def stock(extra=None, **fields):
    """Return an msgraph connection as documented by its provider."""
    standard = {"login": "client", "password": "secret", **fields}
    extra = {"tenant_id": TENANT} if extra is None else extra
    return Connection(conn_id="msgraph_default", conn_type="msgraph", extra=json.dumps(extra), **standard)


@pytest.fixture
def stored(emulator, tenant, fresh_process, monkeypatch):
    """Store an msgraph connection that points to the emulator."""

    def store(extra=None, **fields):
        place = {
            "tenant_id": tenant.tenant_id,
            "authority": emulator.url,
            "disable_instance_discovery": True,
            "scopes": f"{emulator.url}/.default",
            "verify": emulator.ca_file,
        }
        connection = {
            "conn_type": "msgraph",
            "host": f"localhost:{emulator.port}",
            "schema": "https",
            "port": 443,
            "login": tenant.client_id,
            "password": tenant.client_secret,
            "extra": {**FORM, **place, **(extra or {})},
            **fields,
        }
        connection["extra"] = {key: value for key, value in connection["extra"].items() if value is not None}
        monkeypatch.setenv("AIRFLOW_CONN_DRIVE_DEFAULT", json.dumps(connection))

    return store


def test_a_client_secret_of_an_msgraph_connection_logs_in(stored, read):
    stored()

    assert read() == "plan.txt"


def test_the_older_field_tenantid_is_read(stored, read, tenant):
    stored({"tenant_id": None, "tenantId": tenant.tenant_id})

    assert read() == "plan.txt"


def test_a_url_as_host_is_read(stored, read, emulator):
    stored(host=emulator.url)

    assert read() == "plan.txt"


@pytest.mark.parametrize("verify", ["False", False])
def test_verify_false_disables_tls_verification(stored, read, verify):
    stored({"verify": verify})

    assert read() == "plan.txt"


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_certificate_path_of_an_msgraph_connection_logs_in(stored, read, registered, tmp_path, passphrase):
    path = tmp_path / "drive.pem"
    path.write_text(registered.key_pem(passphrase) + registered.pem)
    stored({"certificate_path": str(path)}, password=passphrase)

    assert read() == "plan.txt"


def test_certificate_data_of_an_msgraph_connection_logs_in(stored, read, registered):
    stored({"certificate_data": registered.key_pem() + registered.pem}, password="")

    assert read() == "plan.txt"


def test_a_certificate_takes_precedence_over_a_password_as_in_msgraph(stored, read, registered, forms):
    stored({"certificate_data": registered.key_pem() + registered.pem})

    assert read() == "plan.txt"
    assert "client_secret" not in forms()[0]


def test_proxies_of_an_msgraph_connection_apply_except_to_excluded_hosts(stored, read, emulator):
    nowhere = "http://127.0.0.1:9"
    stored({"proxies": f"{{'http': '{nowhere}', 'https': '{nowhere}', 'no': 'localhost,.corp.example'}}"})

    assert read() == "plan.txt"


def test_the_unchanged_msgraph_form_selects_the_global_cloud():
    cloud = CLOUDS["global"]
    message = read_settings(
        stock({**FORM, "tenant_id": TENANT}, host="https://graph.microsoft.com", schema="https", port=443)
    )

    assert (message.hosts.graph, message.authority, message.verify) == (cloud.graph, cloud.authority, True)
    assert (message.scopes, message.hosts.allowed, message.proxies) == ((f"{cloud.graph}/.default",), (), ())
    assert (message.login_kind, message.is_known_authority) == ("client_secret", True)


@pytest.mark.parametrize(
    ("extra", "name", "expected"),
    [
        ({"scopes": "a/.default,b/.default"}, "scopes", ("a/.default", "b/.default")),
        ({"authority": "login.microsoftonline.us"}, "authority", "https://login.microsoftonline.us"),
        ({"authority": "https://login.microsoftonline.us/"}, "authority", "https://login.microsoftonline.us"),
        ({"verify": "/etc/ssl/ca.pem"}, "verify", "/etc/ssl/ca.pem"),
        (
            {"proxies": '{"https": "http://p:1", "no": "a,b"}'},
            "proxies",
            (("https", "http://p:1"), ("no", "a,b")),
        ),
        ({"proxies": "{'https': 'http://p:1'}"}, "proxies", (("https", "http://p:1"),)),
        ({"proxies": {"https": "http://p:1"}}, "proxies", (("https", "http://p:1"),)),
    ],
)
def test_further_fields_of_an_msgraph_connection_are_read(extra, name, expected):
    assert getattr(read_settings(stock({**FORM, **extra})), name) == expected


@pytest.mark.parametrize(
    ("host", "schema", "tenant"),
    [
        (TENANT, "", TENANT),
        (TENANT, "https", TENANT),
        ("contoso.onmicrosoft.com", "https", "contoso.onmicrosoft.com"),
        ("contoso.com", None, "contoso.com"),
    ],
)
def test_a_host_that_the_msgraph_file_systems_read_as_tenant_is_the_tenant(host, schema, tenant):
    message = read_settings(stock({}, host=host, schema=schema))

    assert (message.tenant_id, message.hosts.graph) == (tenant, CLOUDS["global"].graph)


def test_a_host_next_to_a_tenant_is_graphs_address():
    message = read_settings(stock(host="graph.microsoft.us"))

    assert (message.tenant_id, message.hosts.graph) == (TENANT, CLOUDS["usgov"].graph)


def test_allowed_hosts_of_an_msgraph_connection_are_split_at_commas():
    message = read_settings(stock({"allowed_hosts": "graph.microsoft.com,contoso.sharepoint.com"}))

    assert message.hosts.allowed == ("graph.microsoft.com", "contoso.sharepoint.com")


class TestItsOwnHook:
    """If the Microsoft Azure provider is installed, its hook reads each connection in the same way."""

    @pytest.fixture
    def hook(self, monkeypatch):
        module = pytest.importorskip(
            "airflow.providers.microsoft.azure.hooks.msgraph", reason="the stock provider is not installed"
        )

        def read(connection):
            monkeypatch.setattr(BaseHook, "get_connection", lambda *_, **__: connection)
            return module.KiotaRequestAdapterHook("drive_default")

        return read

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"host": "graph.microsoft.us", "schema": "https"},
            {"host": "https://graph.microsoft.com", "schema": ""},
        ],
        ids=repr,
    )
    def test_the_msgraph_hook_reads_the_same_host(self, hook, fields):
        connection = stock(**fields)

        message = hook(connection).get_host(connection)
        assert read_settings(connection).hosts.graph == message

    @pytest.mark.parametrize(
        "proxies",
        ['{"https": "http://p:1"}', "{'https': 'http://p:1', 'no': 'localhost'}", {"http": "http://p:1"}],
        ids=repr,
    )
    def test_the_msgraph_hook_reads_the_same_proxies(self, hook, proxies):
        connection = stock({"proxies": proxies})

        message = hook(connection).get_proxies(connection.extra_dejson)
        assert dict(read_settings(connection).proxies) == message

    @pytest.mark.parametrize(
        "authority", ["login.microsoftonline.us", "https://login.microsoftonline.us/", None]
    )
    def test_the_msgraph_hook_uses_the_same_authority_and_tenant(self, hook, authority):
        connection = stock({"tenantId": TENANT, "authority": authority})
        credential = hook(connection).get_credentials(
            login=connection.login,
            password=connection.password,
            config=connection.extra_dejson,
            authority=authority,
            verify=True,
            proxies=None,
        )

        message = read_settings(connection)
        client = credential._credential._client
        assert message.tenant_id == client._tenant_id
        assert message.authority == client._authority

    def test_each_field_of_the_msgraph_form_is_documented(self, hook):
        from airflow.providers.microsoft.azure.get_provider_info import get_provider_info  # noqa: PLC0415  # where it is

        (form,) = [
            one for one in get_provider_info()["connection-types"] if one["connection-type"] == "msgraph"
        ]
        assert set(form["conn-fields"]) <= {*FORM, "tenant_id"}

    def test_the_msgraph_hook_reads_the_same_item_with_the_same_connection(self, hook, stored, read, plan):
        stored({"allowed_hosts": "localhost", "base_url": None})
        name = read()
        connection = BaseHook.get_connection("drive_default")

        answer = asyncio.run(_run(hook(connection), f"drives/{plan.drive.id}/items/{plan.id}"))
        assert answer["name"] == name == "plan.txt"


async def _run(hook, url):
    try:
        return await hook.run(url)
    finally:
        await hook.close()
