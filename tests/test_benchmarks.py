"""The benchmarks of this package run, and their figures hold, with a handful of documents."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FEW = """
import sys; sys.path.insert(0, "benchmarks")
import archive
import handover
from pathlib import Path
handover.PEERS, handover.ROUNDS = Path("none"), 1
from airflow_provider_drive.emulator import Emulator
with Emulator() as emulator:
    note, header, rows = archive.{name}(emulator, 5)
print(note, rows)
"""


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("whole", "Requests for a copy: 1."),
        ("memory", "'1,000'"),
        ("handover", "'DriveToObjectStorageOperator', 'disk', '5 of 200 kB'"),
    ],
)
def test_a_case_that_measures_this_package_alone_gives_its_row(name, figure):
    done = subprocess.run(  # noqa: S603  # the benchmark, on the emulator
        [sys.executable, "-c", FEW.format(name=name)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": ".:scripts:tests", "PATH": ""},
    )

    assert done.returncode == 0, done.stderr
    assert figure in done.stdout
