"""The part of Airflow 3's REST interface that the demo and the end-to-end tests use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FINISHED = frozenset({"success", "failed"})


class AirflowError(RuntimeError):
    """Airflow did not do what it was asked to, in the time it was given."""


def await_that(
    condition: Callable[[], Any], what: str | Callable[[], str], seconds: float, *, pause: float = 0.3
) -> Any:
    """Look again and again until the condition holds, and return what it said; give up in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            what = what if isinstance(what, str) else what()
            raise AirflowError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(pause)
    return answer


class AirflowApi:
    """
    Airflow, as its REST interface shows it to an administrator.

    :param address: Where the api-server listens, as ``http://host:port``.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # it is on this machine: no proxy, no .netrc
        token = session.get(f"{self.address}/auth/token", timeout=30).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        return session

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request to a path under ``/api/v2`` and return its JSON."""
        response = self._session.request(method, f"{self.address}/api/v2/{path}", timeout=60, **arguments)
        if not response.ok:
            raise AirflowError(f"Airflow answered {response.status_code} to {method} {path}: {response.text}")
        return response.json() if response.content else None

    def unhealthy(self) -> list[str]:
        """Names of the components that do not run, or do not say so yet."""
        components = ("metadatabase", "scheduler", "dag_processor", "triggerer")
        try:
            answer = requests.get(
                f"{self.address}/api/v2/monitor/health", timeout=5, proxies={"http": "", "https": ""}
            )
            health = answer.json()
        except (requests.RequestException, ValueError):
            return ["api-server", *components]
        return [name for name in components if (health.get(name) or {}).get("status") != "healthy"]

    def await_dags(self, *dag_ids: str, seconds: float = 90) -> None:
        """Wait until Airflow knows these Dags, or says why it cannot read one."""

        def known() -> bool:
            if errors := self.call("GET", "importErrors")["import_errors"]:
                raise AirflowError("\n".join(error["stack_trace"] for error in errors))
            dags = self.call("GET", "dags", params={"limit": 100})["dags"]
            return set(dag_ids) <= {dag["dag_id"] for dag in dags}

        await_that(known, f"The reading of the Dags {', '.join(dag_ids)}", seconds)

    def start(self, dag_id: str, seconds: float = 60) -> DagRun:
        """Let a Dag run: as its schedule says if a run is due, by hand if not."""
        due = self.call("GET", f"dags/{dag_id}")["next_dagrun_run_after"]
        if due is None or datetime.fromisoformat(due) > datetime.now(UTC):
            return self.trigger(dag_id)
        self.unpause(dag_id)
        return self.await_run(dag_id, seconds)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> DagRun:
        """Start a run of a Dag by hand."""
        body = {"logical_date": None, "conf": conf or {}}
        answer = self.call("POST", f"dags/{dag_id}/dagRuns", json=body)
        self.unpause(dag_id)
        return DagRun(self, dag_id, answer["dag_run_id"])

    def unpause(self, dag_id: str) -> None:
        """Let a Dag run: a new one does not until it is told to."""
        self.call("PATCH", f"dags/{dag_id}", json={"is_paused": False})

    def await_run(self, dag_id: str, seconds: float) -> DagRun:
        """Wait until something has started a run of a Dag, such as an Asset."""

        def first() -> DagRun | None:
            answer = self.call("GET", f"dags/{dag_id}/dagRuns", params={"limit": 1})
            return next((DagRun(self, dag_id, run["dag_run_id"]) for run in answer["dag_runs"]), None)

        run: DagRun = await_that(first, f"A run of {dag_id}", seconds)
        return run


@dataclass(frozen=True)
class DagRun:
    """One run of a Dag."""

    api: AirflowApi
    dag_id: str
    run_id: str

    @property
    def _path(self) -> str:
        return f"dags/{self.dag_id}/dagRuns/{self.run_id}"

    def state(self) -> str:
        """Tell how the run stands."""
        return str(self.api.call("GET", self._path)["state"])

    def seconds(self) -> float | None:
        """Tell how long it took from being queued to its end, None if it is not over."""
        told = self.api.call("GET", self._path)
        queued, ended = (told[key] and datetime.fromisoformat(told[key]) for key in ("queued_at", "end_date"))
        return (ended - queued).total_seconds() if ended else None

    def starts(self) -> int:
        """Count how often a worker was started for a task of it, also to go on after a deferral."""
        which = {"dag_id": self.dag_id, "run_id": self.run_id, "event": "running"}
        return int(self.api.call("GET", "eventLogs", params={"limit": 1, **which})["total_entries"])

    def wait(self, seconds: float) -> str:
        """Wait for the end of the run and tell how it went."""
        return str(
            await_that(
                lambda: state if (state := self.state()) in FINISHED else None,
                f"The end of {self.dag_id}",
                seconds,
                pause=0.5,
            )
        )

    def _pages(self, **filters: Any) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self.api.call(
                "GET", f"{self._path}/taskInstances", params={"limit": 100, "offset": offset, **filters}
            )
            yield from page["task_instances"]
            offset += 100
            if offset >= page["total_entries"]:
                return

    def tasks(self, **filters: Any) -> list[dict[str, Any]]:
        """List the task instances, such as ``tasks(state="failed")``."""
        return list(self._pages(**filters))

    def task(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """Tell of one task instance."""
        answer: dict[str, Any] = self.api.call("GET", self._task_path(task_id, map_index))
        return answer

    def count(self, **filters: Any) -> int:
        """Count the task instances, such as ``count(state="deferred")``."""
        answer = self.api.call("GET", f"{self._path}/taskInstances", params={"limit": 1, **filters})
        return int(answer["total_entries"])

    def await_task(self, task_id: str, state: str, seconds: float) -> None:
        """Wait until a task is in a state, and not longer than until the run is over."""

        def there() -> bool:
            now = self.task(task_id)["state"]
            if now != state and now in FINISHED | {"upstream_failed", "skipped"}:
                raise AirflowError(f"{task_id} is {now}, not {state}:\n{self.log(task_id)}")
            return bool(now == state)

        await_that(there, f"{task_id} {state}", seconds)

    def log(self, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """Return the log of one try, a line for each event."""
        answer = self.api.call(
            "GET",
            f"{self._path}/taskInstances/{task_id}/logs/{try_number}",
            params={"map_index": map_index, "full_content": True},
            headers={"Accept": "application/json"},
        )
        return "\n".join(str(line) for line in answer["content"])

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task has pushed under a key, None if it has not."""
        path = f"{self._path}/taskInstances/{task_id}/xcomEntries"
        found = self.api.call("GET", path, params={"map_index": map_index, "xcom_key": key})
        if not found["total_entries"]:
            return None
        return self.api.call("GET", f"{path}/{key}", params={"map_index": map_index})["value"]

    def set_state(self, task_id: str, state: str) -> None:
        """Mark a task, as a person does in the UI."""
        self.api.call("PATCH", self._task_path(task_id), json={"new_state": state})

    def clear(self, task_id: str) -> None:
        """Clear a task, so that it runs anew."""
        body = {"dry_run": False, "only_failed": False, "dag_run_id": self.run_id, "task_ids": [task_id]}
        self.api.call("POST", f"dags/{self.dag_id}/clearTaskInstances", json=body)

    def _task_path(self, task_id: str, map_index: int = -1) -> str:
        mapped = f"/{map_index}" if map_index >= 0 else ""
        return f"{self._path}/taskInstances/{task_id}{mapped}"
