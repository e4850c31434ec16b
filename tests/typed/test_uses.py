"""The types accept what the documentation says: templates, durations and outputs for every template field."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from airflow_provider_drive.get_provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
USES = Path(__file__).with_name("uses.py")
RENAMED = {"is_dry_run": "dry_run"}  # dry_run is a method of Airflow's operators


def test_mypy_accepts_the_documented_uses_in_strict_mode():
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(USES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603  # ourselves
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_the_uses_give_each_template_field_the_output_of_a_task():
    calls = [node for node in ast.walk(ast.parse(USES.read_text())) if isinstance(node, ast.Call)]
    given = {
        (call.func.id, keyword.arg)
        for call in calls
        if isinstance(call.func, ast.Name)
        for keyword in call.keywords
        if "x" in {name.id for name in ast.walk(keyword.value) if isinstance(name, ast.Name)}
    }
    info = get_provider_info()
    modules = [
        import_module(module)
        for kind in ("operators", "sensors")
        for entry in info[kind]
        for module in entry["python-modules"]
    ]
    modules += [import_module(entry["python-module"]) for entry in info["transfers"]]
    tasks = [
        kind for module in modules for kind in vars(module).values() if _is_task_of(kind, module.__name__)
    ]
    fields = {(kind.__name__, RENAMED.get(field, field)) for kind in tasks for field in kind.template_fields}
    assert fields
    assert fields - given == set()


def _is_task_of(kind, module):
    return isinstance(kind, type) and kind.__module__ == module and hasattr(kind, "template_fields")
