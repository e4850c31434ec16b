"""The fixture ``drive_emulator``, as the tests of users' Dags use it."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/reference/emulator.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
(EXAMPLE,) = [text for text in EXAMPLES if "def test_" in text]
NEXT = """

def test_the_next_test_begins_with_empty_drives(drive_emulator):
    assert drive_emulator.tenant.tree("archive") == {}
"""


def run(tmp_path, tests, **environment):
    (tmp_path / "test_dag.py").write_text(tests)
    (tmp_path / "pytest.ini").write_text("[pytest]")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow"), **environment}
    return subprocess.run(  # noqa: S603 - pytest
        command, capture_output=True, text=True, env=environment, timeout=120, check=False
    )


def test_the_example_of_the_page_runs_against_the_emulator(tmp_path):
    done = run(tmp_path, EXAMPLE + NEXT)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_without_the_extra_only_the_fixture_fails(tmp_path):
    (tmp_path / "uvicorn.py").write_text("raise ModuleNotFoundError('uvicorn', name='uvicorn')")
    tests = "def test_a(): pass\ndef test_b(drive_emulator): pass\n"
    done = run(tmp_path, tests, PYTHONPATH=str(tmp_path))
    assert "1 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "pip install 'airflow-provider-drive[emulator]'" in done.stdout
