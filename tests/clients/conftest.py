import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from transport.proxy import Proxy

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-clients/bin/python"
PYTHON_OF_PEERS = HERE.parents[1] / ".venv-peers/bin/python"  # with Airflow and its providers
OF_PEERS = {"with_msgraph_operator.py", "with_s3.py"}
MODULES = HERE / "npm/node_modules"
HOSTS = ("graph.microsoft.com", "login.microsoftonline.com", "contoso.sharepoint.com", "localhost")


@pytest.fixture
def tokens_go_to_graph_alone():
    """Disable the check: the clients here are not the package's, and use other host names."""


@pytest.fixture(scope="module")
def proxy(emulator):
    """A proxy that leads to the emulator for each of Microsoft's host names."""
    with Proxy(emulator.ca_file, HOSTS, f"localhost:{emulator.port}") as running:
        yield running


@pytest.fixture
def run(emulator, tenant, proxy, tmp_path):
    """Run a client's script in the client's own environment, and return the outcome of each step."""
    bundle = proxy.bundle(tmp_path)
    given = {
        "url": emulator.url,
        "token": tenant.issue_token(),
        "tenant_id": tenant.tenant_id,
        "client_id": tenant.client_id,
        "secret": tenant.client_secret,
        "legal": tenant.drive("legal").id,
        "archive": tenant.drive("archive").id,
        "archive_root": tenant.drive("archive").root.id,
    }
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(HERE),
        "HTTPS_PROXY": proxy.url,
        "NO_PROXY": "localhost,127.0.0.1",
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "NODE_EXTRA_CA_CERTS": bundle,
        "CLIENT": json.dumps(given),
    }

    def run(name):
        if name.endswith(".py"):
            python = PYTHON_OF_PEERS if name in OF_PEERS else PYTHON
            needed = python.with_name("moto_server") if name == "with_s3.py" else python
            command, is_installed = [str(python), str(HERE / name)], needed.exists()
        else:
            command, is_installed = [shutil.which("node") or "", str(HERE / "npm" / name)], MODULES.exists()
        if not is_installed:
            pytest.skip("`make clients` installs the clients")
        done = subprocess.run(  # noqa: S603 - the scripts beside this one
            command, env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        (tmp_path / "stderr").write_text(done.stderr)
        return json.loads(done.stdout.strip().splitlines()[-1]), done.stderr

    return run
