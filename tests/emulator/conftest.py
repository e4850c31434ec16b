import json
from pathlib import Path

import pytest
import requests

RECORDED = Path(__file__).parents[1] / "recorded"


class Client:
    """A session with a token. It ignores redirects, and the proxies and certificates of the environment."""

    def __init__(self, emulator):
        self.base = f"{emulator.url}/v1.0/"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = emulator.ca_file
        self.token = emulator.tenant.issue_token()

    def __call__(self, method, path, **parameters):
        headers = {"Authorization": f"Bearer {self.token}", **parameters.pop("headers", {})}
        return self.send(method, self.base + path, headers=headers, **parameters)

    def send(self, method, url, **parameters):
        return self.session.request(method, url, **{"allow_redirects": False, "timeout": 10, **parameters})

    def get(self, path, **parameters):
        return self("GET", path, **parameters)

    def poll(self, url, **parameters):
        """Poll a monitor, which refuses tokens."""
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


@pytest.fixture
def graph(emulator, tenant):
    client = Client(emulator)
    yield client
    client.session.close()


@pytest.fixture
def tokens_go_to_graph_alone():
    """Disable the check: the clients here are not the package's, and send tokens to the wrong services."""


@pytest.fixture
def recorded():
    def read(name):
        return json.loads((RECORDED / f"{name}.json").read_text())

    return read
