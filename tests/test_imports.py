"""Airflow parses Dag files again and again: the modules that they import are cheap to import."""

import json
import pkgutil
import subprocess
import sys
from functools import cache
from importlib import import_module

from airflows import not_on_airflow_2

import airflow_provider_drive

MAX_MILLISECONDS = 30
LIBRARIES = ["requests", "msal", "aiohttp", "urllib3", "cryptography", "jwt", "flask", "wtforms", "pendulum"]
OPERATORS = ["archive", "copy", "delete", "folder", "list", "move"]
TRANSFERS = ["transfers.drive_to_object_storage", "transfers.object_storage_to_drive"]
TASKS = [*(f"operators.{name}" for name in OPERATORS), "sensors.copy", "sensors.item", *TRANSFERS]
OTHERS = ["assets", *(f"triggers.{name}" for name in ("archive", "changes", "copy", "item")), "hooks.drive"]
CHEAP = {
    *(
        "configuration",
        "exceptions",
        "fernet",
        "links",
        "operators",
        "operators.base",
        "protocol",
        "protocol.timing",
        "sensors",
    ),
    *("sensors.base", "utils", "utils.encryption", "utils.failures", "transfers", "transfers.base", *TASKS),
}
"""All of this package that operators and sensors may import."""
WIRE = ("addresses", "browser_urls", "labels", "names", "uris")
ADDRESSES = {"protocol", "protocol.wire", *(f"protocol.wire.{name}" for name in WIRE)}
"""What reads the address of an asset."""
CODE = """
import json, sys, time
try:
    import airflow.sdk
except ImportError:
    pass  # Airflow 2
import airflow.providers.common.compat.sdk as compat
compat.BaseOperator, compat.BaseSensorOperator, compat.BaseHook, compat.BaseOperatorLink, compat.conf
before, started = set(sys.modules), time.process_time()
then, *names = sys.argv[1:]
for name in names:
    __import__("airflow_provider_drive." + name)
exec(then)
took = time.process_time() - started
print(json.dumps([1000 * took, sorted(set(sys.modules) - before)]))
"""
WATCH = "sys.modules['airflow_provider_drive.assets'].watch_folder('inbox', 'drives/d/root:/In')"


@cache
def bring(*modules, then="", tries=1):
    """Import modules of ours in new processes, and give the fewest milliseconds of CPU, and all imports."""
    command = [sys.executable, "-c", CODE, then, *modules]
    runs = [
        json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)  # noqa: S603  # ourselves
        for _ in range(tries)
    ]
    return min(milliseconds for milliseconds, _ in runs), set(runs[0][1])


def ours(brought):
    return {name.partition(".")[2] for name in brought if name.startswith("airflow_provider_drive.")}


def test_modules_that_dag_files_import_bring_no_slow_library():
    _, brought = bring(*TASKS, *OTHERS)

    assert brought.isdisjoint(LIBRARIES)
    slow = {"emulator", "transport.blocking", "transport.asynchronous", "auth", "network"}
    assert ours(brought).isdisjoint(slow)


def test_operators_and_sensors_import_no_rule_of_graph_and_no_hook():
    _, brought = bring(*TASKS, tries=3)

    assert ours(brought) == CHEAP


def test_importing_all_operators_and_sensors_takes_at_most_thirty_milliseconds():
    milliseconds, _ = bring(*TASKS, tries=3)

    assert milliseconds <= MAX_MILLISECONDS


@not_on_airflow_2("it has no watchers")
def test_a_dag_file_that_watches_a_folder_pays_at_most_thirty_milliseconds_and_brings_nothing_that_polls():
    milliseconds, brought = bring("assets", then=WATCH, tries=3)

    assert milliseconds <= MAX_MILLISECONDS
    watching = {"assets", "exceptions", "triggers", "triggers.changes", "triggers.failures"}
    assert {name for name in ours(brought) if not name.startswith("protocol")} == watching
    assert {name for name in ours(brought) if name.startswith("protocol")} == ADDRESSES
    assert brought.isdisjoint(LIBRARIES)


def test_each_module_can_be_imported():
    found = pkgutil.walk_packages(airflow_provider_drive.__path__, "airflow_provider_drive.")
    names = [module.name for module in found if not module.name.endswith("__main__")]

    assert all(import_module(name) for name in names)
    assert {"airflow_provider_drive.emulator.app", "airflow_provider_drive.operators.copy"} <= set(names)
