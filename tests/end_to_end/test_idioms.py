"""Mapping, TaskFlow, default arguments, setup and teardown, and connections from wherever there are some."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from searching import check

from airflow_provider_drive.emulator import CopyBehaviour

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS = ROOT / ".venv"
PYTHONS = [Path(sys.prefix), *([ROOT / ".venv-2.11"] if Path(sys.prefix) == OURS else [])]


@pytest.fixture(params=PYTHONS, ids=lambda prefix: prefix.name)
def airflow(request, graph, tmp_path):
    """The ``airflow`` command of an environment, with a database of its own and a file of connections."""
    program = request.param / "bin" / "airflow"
    assert program.exists(), "`make .venv-2.11/.ready` makes the environment for this"
    connections = tmp_path / "connections.json"
    stored = graph.connection()
    connections.write_text(json.dumps({"from_file": stored | {"extra_dejson": stored.pop("extra")}}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(connections)}),
        "AIRFLOW_CONN_FROM_URI": _uri(graph.connection()),
    }

    def run(*arguments):
        done = subprocess.run(  # noqa: S603  # that environment's Airflow
            [program, *arguments],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,  # a busy machine may take minutes
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout

    run("db", "migrate")
    yield run
    check(tmp_path / "home", f"sqlite:///{tmp_path}/home/airflow.db")


def _uri(connection):
    """Write a connection as a person does: what the secrets and the extra hold is percent-encoded."""
    login = f"{quote(connection['login'])}:{quote(connection['password'], safe='')}"
    host = connection["host"].removeprefix("https://")
    return f"microsoft-drive://{login}@{host}/https?{urlencode(connection['extra'])}"


def test_a_dag_that_uses_all_of_them_runs(airflow, graph, library):
    connection = graph.connection()
    for drive in (library.legal, library.archive):
        if left := drive.find("Idioms"):
            drive.remove(left)  # by another Airflow
    for name in ("one.txt", "two.txt"):
        library.legal.put(f"Idioms/{name}", name.encode())
    graph.tenant.copies = CopyBehaviour(looks=3)
    fields = [f"--conn-{name}={connection[name]}" for name in ("login", "password", "host")]
    extra = f"--conn-extra={json.dumps(connection['extra'])}"
    airflow("connections", "add", "from_fields", "--conn-type=microsoft_drive", *fields, extra)
    airflow("connections", "add", "from_json", "--conn-json", json.dumps(connection))

    said = airflow("dags", "test", "idioms")

    archived = {path for path in graph.tenant.tree("archive") if path.startswith("Idioms/")}
    documents = {"one.txt", "two.txt", "second one.txt", "second two.txt", "renamed.txt"}
    assert archived == {f"Idioms/{name}" for name in documents}
    assert "Idioms/draft.txt" not in graph.tenant.tree("legal")
    assert f"told copy.txt {library.archive.find('Idioms/renamed.txt').id}" in said
    lines = [line for line in said.splitlines() if "MaskSecret" not in line]  # 3.0 tells what it will mask
    assert not any(graph.tenant.client_secret in line for line in lines)
