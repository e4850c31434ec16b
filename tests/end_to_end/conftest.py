"""A real Airflow for each file of tests, and Graph as the emulator plays it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from browsing import browser, page, shoot  # noqa: F401  # fixtures
from headless_airflow import HeadlessAirflow
from searching import check

from airflow_provider_drive.emulator import CopyBehaviour, Emulator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "airflow_provider_drive" / "example_dags"
EXAMPLE_DAGS = (
    *("drive_archive_documents", "drive_copy_and_wait", "drive_copy_many", "drive_move_guarded"),
    "drive_nightly_archive",
)


def pytest_collection_modifyitems(items):
    """Begin with the tests of this folder: they wait for long, and other workers run the rest meanwhile."""
    items.sort(key=lambda item: HERE not in item.path.parents)


@pytest.fixture(scope="session")
def graph():
    """
    The Graph that both Airflows talk to, with what the example Dags look for.

    Nothing resets it, so that each secret that it ever gave away can be looked for.
    """
    with Emulator() as emulator:
        for path in ("Contracts/2026/plan.docx", "Contracts/lease.docx"):
            emulator.tenant.drive("legal").put(path, path.encode())
        yield emulator


class Library:
    """
    Documents in Legal and a folder in the archive, for one test.

    :param name: Of the folder, in both.
    """

    def __init__(self, tenant, name):
        self.tenant, self.name = tenant, name
        self.legal, self.archive = tenant.drive("legal"), tenant.drive("archive")
        self.source = f"drives/{self.legal.id}/root:/{name}"
        self.destination = f"drives/{self.archive.id}/root:/{name}"
        self.archive.put(f"{name}/.keep", b"")

    def put(self, count):
        """Put documents into Legal, and tell their addresses."""
        items = [self.legal.put(f"{self.name}/{number:03}.txt", b"%d" % number) for number in range(count)]
        return [f"drives/{self.legal.id}/items/{item.id}" for item in items]

    def archived(self):
        """The files in the archive's folder, by their paths in it."""
        inside = (path.partition("/") for path, size in self.archive.tree().items() if size is not None)
        return {rest for folder, _, rest in inside if folder == self.name} - {".keep"}

    def jobs(self):
        """The copies that this test has started."""
        return [job for job in list(self.tenant.jobs) if self.name in job.source.path]

    def release(self):
        """Let the copies end that were held."""
        for job in self.jobs():
            job.behaviour = CopyBehaviour()


@pytest.fixture
def library(graph, request):
    graph.tenant.copies = CopyBehaviour()
    yield Library(graph.tenant, request.node.name.replace("[", "-").strip("]"))
    graph.tenant.copies = CopyBehaviour()
    graph.tenant.next_copies.clear()


@pytest.fixture(scope="module")  # it ends with a file, and does not slow down the next one
def airflow(graph, tmp_path_factory):
    """Airflow 3 with PostgreSQL, and with its own settings for heartbeats and deferral."""
    environment = {
        "AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(graph.connection()),
        "AIRFLOW__CORE__PARALLELISM": "16",  # most of them only wait
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    }
    home = tmp_path_factory.mktemp("airflow-3") / "home"
    folders = [EXAMPLES, HERE / "dags"]
    with HeadlessAirflow(home, folders, postgresql=True, environment=environment) as running:
        pool = {"name": "drive", "slots": 20, "include_deferred": False}
        running.api.call("POST", "pools", json=pool)  # for drive_copy_many
        running.api.await_dags(*EXAMPLE_DAGS, "many_copies")
        yield running


@pytest.fixture(scope="module")
def environment_2(graph, tmp_path_factory):
    """The environment variables of an Airflow 2.11."""
    program = ROOT / ".venv-2.11" / "bin"
    assert (program / "airflow").exists(), "`make .venv-2.11/.ready` makes the environment for this"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return inherited | {
        "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",  # its webserver looks for its gunicorn there
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow-2")),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(graph.connection()),
    }


@pytest.fixture(scope="module")
def airflow_2(environment_2):
    """The ``airflow`` command of Airflow 2.11, with a database of its own."""
    home = Path(environment_2["AIRFLOW_HOME"])

    def run(*arguments):
        done = subprocess.run(  # noqa: S603  # our own environment's Airflow
            [ROOT / ".venv-2.11" / "bin" / "airflow", *arguments],
            env=environment_2,
            cwd=home,
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
    check(home, f"sqlite:///{home}/airflow.db")
