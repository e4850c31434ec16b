"""
The demo: archive documents with a real Airflow 3 and an emulated Microsoft Graph, on this machine.

``airflow-drive demo`` and ``python -m airflow_provider_drive.demo`` run it. It needs the extra ``emulator``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.emulator import Emulator, Tenant

DAG = "drive_archive_documents"
DOCUMENTS = {
    "Contracts/2026/lease.docx": 48_213,
    "Contracts/2026/merger agreement.pdf": 1_204_776,
    "Contracts/2026/supplier terms.xlsx": 31_007,  # the Dag archives .docx and .pdf
}
COPY_SECONDS = 15.0
"""How long a copy takes: long enough to be waited for in the triggerer."""
START_SECONDS, RUN_SECONDS = 600.0, 600.0
STATES = {
    "running": "runs in a worker",
    "deferred": "waits in the triggerer, and occupies no worker",
    "up_for_retry": "has failed and will be tried again",
    "success": "has succeeded",
    "failed": "has failed",
}
COUNTS = ("copied", "there", "failed", "deleted", "bytes", "requests", "resource_units")


class DemoError(RuntimeError):
    """Airflow did not do what the demo asked for."""


class Airflow:
    """
    ``airflow standalone`` with the example Dags, a stored connection and no login, while the context lasts.

    :param home: An empty folder, for the database and the logs.
    :param connection: The connection ``drive_default``.
    """

    def __init__(self, home: Path, connection: dict[str, Any]) -> None:
        self.home, self._connection = home, connection
        port, *log_ports = (_free_port() for _ in range(3))
        self.address = f"http://localhost:{port}"
        self._environment = _environment(home, port, log_ports)
        self._session = requests.Session()
        self._session.trust_env = False  # it is on this machine: no proxy

    def __enter__(self) -> Self:
        self._run("db", "migrate")
        file = self.home / "connection.json"
        file.write_text(json.dumps({"drive_default": self._connection}))
        self._run("connections", "import", str(file))
        file.unlink()  # it holds the secret of the emulated app
        with (self.home / "airflow.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "airflow", "standalone"],
                env=self._environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)  # it then stops its own processes
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603  # as above
            [sys.executable, "-m", "airflow", *arguments],
            env=self._environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"`airflow {' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}")

    def wait_for_dag(self) -> None:
        """Return when Airflow is up and knows the Dag."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise DemoError(f"Airflow ended by itself; see {self.home / 'airflow.log'}.")
            try:
                token = self._session.get(f"{self.address}/auth/token", timeout=5).json()["access_token"]
                self._session.headers["Authorization"] = f"Bearer {token}"
                self.call("GET", f"dags/{DAG}")
            except (requests.RequestException, ValueError, KeyError, DemoError):
                time.sleep(1.0)
            else:
                return
        raise DemoError(f"Airflow did not start within {START_SECONDS:.0f} s.")

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Send a request to Airflow's REST interface, and return its JSON."""
        url = f"{self.address}/api/v2/{path}"
        response = self._session.request(method, url, json=body or None, timeout=RUN_SECONDS)
        if not response.ok:
            raise DemoError(f"Airflow answered {response.status_code} to {method} {path}: {response.text}")
        return response.json()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo, and return its exit code: 0 if all went well."""
    parser = argparse.ArgumentParser(prog="airflow-drive demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave Airflow and the emulator running")
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Run the demo with its options, and return its exit code."""
    missing = [name for name in ("uvicorn", "trustme", "jwt") if find_spec(name) is None]
    if missing:
        _say("", 'The demo needs the emulator: pip install "airflow-provider-drive[emulator]"')
        return 1
    from airflow_provider_drive.emulator import CopyBehaviour, Emulator  # noqa: PLC0415  # an extra

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C
    try:
        with tempfile.TemporaryDirectory(prefix="airflow-drive-") as folder, Emulator() as graph:
            for path, size in DOCUMENTS.items():
                graph.tenant.drive("legal").put(path, size=size)
            graph.tenant.copies = CopyBehaviour(seconds=COPY_SECONDS)
            return 0 if demonstrate(Path(folder), graph, keep=options.keep) else 1
    except (DemoError, OSError) as error:
        _say("", f"The demo did not work. {error}")
        return 1
    except KeyboardInterrupt:
        _say("", "Stopped.")
        return 130


def demonstrate(home: Path, graph: Emulator, *, keep: bool) -> bool:
    """Start Airflow, run the Dag, show what it did, and return whether it succeeded."""
    _say("Graph", f"is emulated at {graph.url}/_emulator; the site Legal has {len(DOCUMENTS)} documents")
    _say("Airflow", f"{version('apache-airflow')} is starting, which takes a minute or so")
    # without a port, Airflow 3.3.1 and 3.3.2 cannot test a connection
    with Airflow(home, {**graph.connection(), "port": graph.port}) as airflow:
        airflow.wait_for_dag()
        _say("", f"is at {airflow.address}, without a login")
        _say("", f"The connection is at {airflow.address}/connections; its Test button works")
        _say("Dag", DAG)
        airflow.call("PATCH", f"dags/{DAG}", is_paused=False)
        run_id = airflow.call("POST", f"dags/{DAG}/dagRuns", logical_date=None)["dag_run_id"]
        succeeded = follow(airflow, run_id)
        show_summary(airflow, run_id)
        show_drives(graph.tenant)
        _say(
            "Result",
            "the archive is complete" if succeeded else "the archive failed: see the log of its task",
        )
        if keep or not succeeded:
            _say("", f"Open {airflow.address}/dags/{DAG}; Ctrl-C stops all")
            threading.Event().wait()
        else:
            _say("", "To look around in Airflow's pages: airflow-drive demo --keep")
    return succeeded


def follow(airflow: Airflow, run_id: str) -> bool:
    """Print each change of a task's state until the run is over, and return whether it succeeded."""
    told: dict[str, str] = {}
    deadline = time.monotonic() + RUN_SECONDS
    path = f"dags/{DAG}/dagRuns/{run_id}"
    while time.monotonic() < deadline:
        state = airflow.call("GET", path)["state"]
        for task in airflow.call("GET", f"{path}/taskInstances")["task_instances"]:
            if told.get(task["task_id"]) != task["state"] and task["state"] in STATES:
                told[task["task_id"]] = task["state"]
                _say("", f"{time.strftime('%H:%M:%S')}  {task['task_id']:<10}{STATES[task['state']]}")
        if state in {"success", "failed"}:
            return bool(state == "success")
        time.sleep(0.5)
    raise DemoError(f"The Dag did not end within {RUN_SECONDS:.0f} s.")


def show_summary(airflow: Airflow, run_id: str) -> None:
    """Print what the archive operator has counted: its XCom ``summary``."""
    path = f"dags/{DAG}/dagRuns/{run_id}/taskInstances/archive/xcomEntries/summary?deserialize=true"
    summary = airflow.call("GET", path)["value"]
    summary = json.loads(summary) if isinstance(summary, str) else summary
    for number, name in enumerate(COUNTS):
        _say("" if number else "Summary", f"{name:<15}{summary[name]:>12,}")
    _say("", f"{'manifest':<15}{summary['manifest']}")


def show_drives(tenant: Tenant) -> None:
    """Print the documents that are in the two sites now."""
    for key, title in {"legal": "Legal", "archive": "Archive"}.items():
        files = {path: size for path, size in sorted(tenant.tree(key).items()) if size is not None}
        width = max(map(len, files), default=0)
        for number, (path, size) in enumerate(files.items()):
            _say("" if number else title, f"{path:<{width}}{size:>12,} bytes")


def _environment(home: Path, port: int, log_ports: Sequence[int]) -> dict[str, str]:
    """Return the environment of the demo's Airflow: this one, without the settings of another Airflow."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))
    }
    bundle = {
        "name": "examples",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(Path(__file__).with_name("example_dags"))},
    }
    settings = {
        "HOME": str(home),
        "_API__PORT": str(port),
        "_CORE__DEFAULT_TASK_RETRY_DELAY": "5",
        "_CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "_CORE__LOAD_EXAMPLES": "False",
        "_CORE__PARALLELISM": "4",
        "_CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "_CORE__TEST_CONNECTION": "Enabled",
        "_DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "_LOGGING__WORKER_LOG_SERVER_PORT": str(log_ports[0]),
        "_LOGGING__TRIGGER_LOG_SERVER_PORT": str(log_ports[1]),
        "_USAGE_DATA_COLLECTION__ENABLED": "False",
        "_WORKERS__EXECUTION_API_TIMEOUT": "60",  # for a machine that is busy
    }
    local = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    local["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**inherited, **local, **{f"AIRFLOW_{name}": value for name, value in settings.items()}}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _say(topic: str, text: str) -> None:
    sys.stdout.write(f"{topic:<10}{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
