"""Airflow parses Dag files again and again: what they import is cheap."""

import json
import pkgutil
import subprocess
import sys
from importlib import import_module

import airflow_provider_drive

SLOW = ["requests", "msal", "aiohttp", "urllib3", "cryptography", "jwt", "flask", "wtforms"]
OPERATORS = ["archive", "copy", "delete", "folder", "list", "move"]
MODULES = [*(f"operators.{name}" for name in OPERATORS), "sensors.copy", "triggers.copy", "hooks.drive"]
CODE = f"""
import json, sys
try:
    import airflow.sdk
except ImportError:
    pass  # Airflow 2
import airflow.providers.common.compat.sdk as compat
compat.BaseOperator, compat.BaseSensorOperator, compat.BaseHook, compat.conf
there, brought = set(sys.modules), {{}}
for name in {MODULES}:
    __import__("airflow_provider_drive." + name)
    brought[name] = [slow for slow in {SLOW} if slow in sys.modules and slow not in there]
brought["ours"] = [name for name in sys.modules if name.startswith("airflow_provider_drive.")]
print(json.dumps(brought))
"""


def test_what_a_dag_file_imports_brings_no_http_library_and_nothing_that_speaks_http():
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603  # ourselves
    brought = json.loads(done.stdout.splitlines()[-1])

    ours = brought.pop("ours")
    assert brought == {module: [] for module in MODULES}
    parts = {name.removeprefix("airflow_provider_drive.") for name in ours}
    assert {"operators", "sensors", "hooks", "protocol"} <= parts
    assert {"emulator", "transport.blocking", "transport.asynchronous", "auth", "network"}.isdisjoint(parts)


def test_each_module_can_be_imported():
    found = pkgutil.walk_packages(airflow_provider_drive.__path__, "airflow_provider_drive.")
    names = [module.name for module in found if not module.name.endswith("__main__")]

    assert all(import_module(name) for name in names)
    assert {"airflow_provider_drive.emulator.app", "airflow_provider_drive.operators.copy"} <= set(names)
