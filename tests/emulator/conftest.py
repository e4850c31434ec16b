import json
from pathlib import Path

import pytest
import requests

from airflow_provider_drive.emulator import Emulator

RECORDED = Path(__file__).parent.parent / "recorded"


class Client:
    """A session with a token. It follows no redirect and knows nothing of this machine's settings."""

    def __init__(self, server):
        self.base = f"{server.url}/v1.0/"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = server.ca_file
        self.token = server.tenant.issue_token()

    def __call__(self, method, path, **parameters):
        headers = {"Authorization": f"Bearer {self.token}", **parameters.pop("headers", {})}
        return self.send(method, self.base + path, headers=headers, **parameters)

    def send(self, method, url, **parameters):
        return self.session.request(method, url, **{"allow_redirects": False, "timeout": 10, **parameters})

    def get(self, path, **parameters):
        return self("GET", path, **parameters)

    def look(self, url, **parameters):
        """Look at a monitor, which wants no token."""
        return self.send("GET", url, **parameters)

    def copy(self, item, folder=None, query="", **body):
        if folder is not None:
            body["parentReference"] = {"driveId": folder.drive.id, "id": folder.id}
        return self("POST", f"drives/{item.drive.id}/items/{item.id}/copy{query}", json=body)

    def move(self, item, folder=None, query="", headers=None, **body):
        if folder is not None:
            body["parentReference"] = {"driveId": folder.drive.id, "id": folder.id}
        path = f"drives/{item.drive.id}/items/{item.id}{query}"
        return self("PATCH", path, json=body, headers=headers or {})


@pytest.fixture(scope="session")
def server():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def tenant(server):
    server.reset()
    return server.tenant


@pytest.fixture
def graph(server, tenant):
    client = Client(server)
    yield client
    client.session.close()


@pytest.fixture
def legal(tenant):
    return tenant.drive("legal")


@pytest.fixture
def archive(tenant):
    return tenant.drive("archive")


@pytest.fixture
def personal(tenant):
    return tenant.drive("personal")


@pytest.fixture
def recorded():
    def read(name):
        return json.loads((RECORDED / f"{name}.json").read_text())

    return read
