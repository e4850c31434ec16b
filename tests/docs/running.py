"""Runs the tasks of a Dag one after the other in this process, with XComs that are JSON."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import patch

from airflow.sdk import DAG
from airflow.sdk.definitions._internal.contextmanager import (
    DagContext,
)  # where Airflow itself finds a file's Dags
from airflow.sdk.definitions.mappedoperator import MappedOperator


class Xcoms:
    """What a task sees of its instance."""

    def __init__(self):
        self.task_id, self.map_index, self.values = "", -1, {}
        self.try_number, self.max_tries = 1, 0

    def xcom_push(self, key, value):
        self.values[self.task_id, key] = json.dumps(value)

    def xcom_pull(self, task_ids=None, key="return_value", default=None, **_):
        task_id = task_ids or self.task_id
        return json.loads(self.values[task_id, key]) if (task_id, key) in self.values else default


@contextmanager
def new_dags():
    """
    Give a list which holds, at the end, all Dags that were defined meanwhile.

    The first one has the tasks that were given no Dag.
    """
    before, DagContext.autoregistered_dags = DagContext.autoregistered_dags, set()
    DagContext.current_autoregister_module_name = __name__
    found = []
    try:
        with DAG("tasks_without_a_dag", schedule=None) as homeless:
            yield found
        found += [homeless]
        found += [dag for dag, _ in DagContext.autoregistered_dags if dag is not homeless]
    finally:
        DagContext.autoregistered_dags = before
        DagContext.current_autoregister_module_name = None


KINDS = ("manual", "scheduled", "asset_triggered")
"""What starts a run: a person, the clock, or an asset."""


def run_context(kind, hour):
    """Give what Airflow 3 tells the tasks of a run about it: only a scheduled run has a logical date."""
    date = datetime(2026, 1, 1, hour, 0, 0, 123456, tzinfo=UTC)
    context = {"run_id": f"{kind}__{date.isoformat()}"}
    if kind == "scheduled":
        context |= {"logical_date": date, "ds": f"{date:%Y-%m-%d}", "ts": date.isoformat()}
    if kind == "asset_triggered":
        context["triggering_asset_events"] = {"asset": [SimpleNamespace(source_run_id="scheduled__2026")]}
    return context


def run(dag, kind="scheduled", hour=2, *, events=None, **params):
    """
    Run all tasks of a Dag; give what they returned by their ids.

    :param events: What a run that assets have triggered is given.
    """
    ti = Xcoms()
    context = {
        "ti": ti,
        "task_instance": ti,
        "dag": dag,
        "params": {**dag.params.dump(), **params},
        **run_context(kind, hour),
        **({"triggering_asset_events": events} if events else {}),
    }
    with patch("airflow.sdk.definitions.xcom_arg.LazyXComSequence", _results_of_mapped_tasks):
        _run_all(dag, ti, context)
    return {
        task_id: json.loads(value) for (task_id, key), value in ti.values.items() if key == "return_value"
    }


def _results_of_mapped_tasks(xcom_arg, ti):
    """Give what a task that follows mapped ones gets: Airflow reads it lazily, and from its database."""
    return ti.xcom_pull(xcom_arg.operator.task_id)


def _run_all(dag, ti, context):
    for task in dag.topological_sort():
        ti.task_id = task.task_id
        if isinstance(task, MappedOperator):
            given = task.expand_input.value or {"op_kwargs": task.op_kwargs_expand_input.value}
            result = [_run(task.unmap(each), context) for each in _each(given, ti)]
        else:
            result = _run(task, context)
        ti.xcom_push("return_value", result)


def _run(task, context):
    task.render_template_fields(context)
    return task.execute(context)


def _each(given, ti):
    """
    Give the arguments of each mapped task, from ``expand`` or ``expand_kwargs``.

    Those of a function are one deeper.
    """
    if not isinstance(given, dict):
        return ti.xcom_pull(given.operator.task_id)
    ((name, source),) = given.items()
    if isinstance(source, dict):
        return [{name: arguments} for arguments in _each(source, ti)]
    return [{name: element} for element in ti.xcom_pull(source.operator.task_id)]
