import subprocess
import sys

CODE = """
import sys
from airflow_provider_drive.emulator import __main__
print(*(name for name in sys.modules if name.startswith("airflow_provider_drive.")))
"""


def test_the_emulator_imports_nothing_of_the_rest_of_the_package():
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 - our own code
    names = done.stdout.split()
    assert "airflow_provider_drive.emulator.graph.router" in names
    assert [name for name in names if not name.startswith("airflow_provider_drive.emulator")] == []
