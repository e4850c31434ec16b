"""
Every auth_type in every cloud, with the cloud's own host names.

A proxy routes these names to the emulator, so that the connection sets only the cloud.
"""

# ruff: noqa: PLR0917  # fixtures are asked for by name

from urllib.parse import urlsplit

import pytest
from transport.proxy import Proxy

from airflow_provider_drive.exceptions import DriveAuthError
from airflow_provider_drive.protocol.wire.hosts import CLOUDS, Cloud

CUSTOM = Cloud("https://login.cloud.example", "https://graph.cloud.example", ())
EVERY = {**CLOUDS, "custom": CUSTOM}
NAMES = sorted({urlsplit(url).hostname for cloud in EVERY.values() for url in (cloud.authority, cloud.graph)})


@pytest.fixture(scope="module")
def internet(emulator):
    """A proxy that routes each cloud's host names to the emulator."""
    with Proxy(emulator.ca_file, NAMES, f"localhost:{emulator.port}") as running:
        yield running


@pytest.fixture
def logs_in(tenant, connect, internet, tmp_path, request):
    """Create a connection with an auth_type in a cloud."""
    bundle = internet.bundle(tmp_path)  # managed identities go past it

    def write(kind, cloud):
        fields = FIELDS[kind](request)
        place = (
            {"authority": CUSTOM.authority, "host": CUSTOM.graph}
            if cloud == "custom"
            else {"authority": None, "host": "", "cloud": cloud}
        )
        proxies = {"https": internet.url}
        connect(**{"auth_type": kind, "verify": bundle, "proxies": proxies, **place, **fields})

    return write


def _secret(request):
    return {}


def _certificate(request):
    registered = request.getfixturevalue("registered")
    return {"password": "", "private_key": registered.key_pem() + registered.pem}


def _machine(request):
    request.getfixturevalue("machine")
    return {"login": "", "password": "", "tenant_id": None}


def _workload(request):
    return {"password": "", "federated_token_file": request.getfixturevalue("federated").path}


def _user(request):
    return {"password": "", "refresh_token": request.getfixturevalue("tenant").refresh_token}


FIELDS = {
    "client_secret": _secret,
    "certificate": _certificate,
    "managed_identity": _machine,
    "workload_identity": _workload,
    "refresh_token": _user,
}


@pytest.mark.parametrize("cloud", EVERY)
@pytest.mark.parametrize("kind", FIELDS)
def test_each_auth_type_logs_in_to_each_cloud(kind, cloud, logs_in, read, tenant, emulator, forms):
    logs_in(kind, cloud)

    assert read() == "plan.txt"

    authority, graph = (urlsplit(url).hostname for url in (EVERY[cloud].authority, EVERY[cloud].graph))
    asked = {call.host for call in tenant.calls(where="token")}
    assert {call.host for call in tenant.calls(where="graph")} == {graph}
    if kind == "managed_identity":
        (call,) = tenant.calls(where="token")
        assert call.host == f"localhost:{emulator.port}"  # and through no proxy
        assert f"resource=https%3A%2F%2F{graph}" in call.query
    else:
        assert asked == {authority}
        assert f"https://{graph}/.default" in forms()[0]["scope"].split()
        assert [call.method for call in tenant.calls(where="token")].count("GET") == (cloud == "custom")


@pytest.mark.parametrize("tenant_id", ["contoso.onmicrosoft.com", "00000000-0000-0000-0000-00000000dead"])
def test_a_tenant_is_named_to_a_known_authority_as_the_connection_names_it(
    logs_in, connect, internet, tenant, read, tmp_path, tenant_id
):
    place = {"authority": None, "host": "", "proxies": {"https": internet.url}}
    connect(verify=internet.bundle(tmp_path), tenant_id=tenant_id, **place)

    if tenant_id == tenant.domain:
        assert read() == "plan.txt"
    else:
        with pytest.raises(DriveAuthError, match=r"AADSTS90002: .*This cloud has no such tenant"):
            read()
    assert [call.path for call in tenant.calls(where="token")] == [f"/{tenant_id}/oauth2/v2.0/token"]
