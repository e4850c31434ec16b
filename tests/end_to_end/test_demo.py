"""The demo, as somebody runs it who has installed the package: from any folder, without this repository."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_the_demo_archives_documents_and_shows_the_summary(tmp_path):
    command = [sys.executable, "-m", "airflow_provider_drive.demo"]
    done = subprocess.run(  # noqa: S603  # our own program
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"archive +waits in the triggerer", done.stdout)
    assert re.search(r"Summary +copied +2$", done.stdout, re.MULTILINE)
    assert "Contracts/2026/lease.docx" in done.stdout
    assert list(tmp_path.iterdir()) == []
