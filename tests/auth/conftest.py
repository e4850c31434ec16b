import time
from urllib.parse import parse_qsl

import jwt
import pytest
from auth.keys import Certificate

from airflow_provider_drive.hooks.drive import DriveHook

AUDIENCE = "api://AzureADTokenExchange"
ISSUER, SUBJECT = "https://cluster.example/", "system:serviceaccount:airflow:worker"
ENVIRONMENT = (
    *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"),
    *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_POD_IDENTITY_AUTHORITY_HOST"),
)


@pytest.fixture(autouse=True)
def no_azure(monkeypatch):
    """Remove the environment variables of Azure's services."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def read(plan, ids):
    """Read an item with a new hook, which logs in."""
    return lambda address=None: DriveHook().get_item(address or ids(plan))["name"]


@pytest.fixture
def forms(tenant):
    """The requests to the authority, in order."""

    def tell():
        return [dict(parse_qsl(call.body.decode())) for call in tenant.calls("POST", where="token")]

    return tell


@pytest.fixture(scope="session")
def certificate():
    return Certificate()


@pytest.fixture
def registered(tenant, certificate):
    tenant.register_certificate(certificate.pem)
    return certificate


@pytest.fixture(scope="session")
def cluster():
    """The key with which a cluster signs service account tokens."""
    return Certificate("cluster")


@pytest.fixture
def federated(tenant, cluster, tmp_path):
    """A file with a service account token that the app trusts, and a function to write another."""
    tenant.trust_issuer(ISSUER, SUBJECT, cluster.public_pem)
    path = tmp_path / "azure-identity-token"

    def write(**claims):
        now = time.time()
        claims = {"iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "iat": now, "exp": now + 3600, **claims}
        path.write_text(jwt.encode(claims, cluster.key, "RS256") + "\n")
        return path.read_text().strip()

    write()
    path_and_writer = type("File", (), {"path": str(path), "write": staticmethod(write)})
    return path_and_writer()


@pytest.fixture
def machine(emulator, monkeypatch):
    """Use the emulator as the IMDS of an Azure virtual machine."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.url)


@pytest.fixture
def app_service(emulator, tenant, monkeypatch):
    """Use the emulator as the identity endpoint of App Service."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{emulator.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", tenant.identity_header)
