"""Run the quick tests, and a Dag, with each Airflow and Python that is supported, one after the other."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".matrix"
UV = ROOT / ".venv-uv" / "bin" / "uv"
COMPAT = "apache-airflow-providers-common-compat"
NEEDS = (
    *("hypothesis", "playwright", "pytest", "pytest-asyncio", "pytest-cov", "pytest-xdist", "sybil"),
    "time-machine",
)
TESTS = (
    *("tests/transport/test_blocking.py", "tests/transport/test_proxies.py", "tests/hooks", "tests/auth"),
    *(f"tests/operators/test_{name}.py" for name in ("copy", "move", "archive", "log", "secrets")),
    *("tests/sensors", "tests/triggers", "tests/transfers", "tests/fs"),
    *(
        "tests/utils/test_failures.py",
        "tests/test_imports.py",
        "tests/test_provider_info.py",
        "tests/utils/test_encryption.py",
    ),
    *("tests/test_settings.py", "tests/test_lineage.py", "tests/end_to_end/test_idioms.py"),
)


@dataclass(frozen=True)
class Release:
    """
    The latest release of one minor version of Airflow.

    :param until: The day until which its dependencies are taken: newer ones break it.
    :param pythons: Those that it supports, of those that this package does.
    """

    version: str
    until: str
    pythons: tuple[str, ...] = ("3.11", "3.12", "3.13")


RELEASES = (
    Release("2.11.2", "2026-04-15", ("3.11", "3.12")),
    Release("3.0.6", "2025-09-15", ("3.11", "3.12")),
    Release("3.1.8", "2026-04-15"),
    Release("3.2.2", "2026-06-15"),
    Release("3.3.2", "2026-11-20", ("3.11", "3.12", "3.13", "3.14")),
)


def main() -> int:
    """Run what is asked for, print a table, and fail if anything did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="such as 3.0 or 3.0-py3.12; default is all of them")
    only = parser.parse_args().only
    rows = [
        (release.version, python, *try_out(release, python))
        for release in RELEASES
        for python in release.pythons
        if not only or {name_of(release), f"{name_of(release)}-py{python}"} & {*only}
    ]
    print(f"\n{'Airflow':9}{'Python':8}{'passed':>7}{'failed':>7}{'skipped':>8}{'seconds':>9}")
    for version, python, counts, seconds in rows:
        told = (
            f"{counts[0]:7}{counts[1]:7}{counts[2]:8}{seconds:9.0f}"
            if counts
            else "  this Python is not here"
        )
        print(f"{version:9}{python:8}{told}")
    ran = [counts for *_, counts, _ in rows if counts]
    return 1 if not ran or any(failed or not passed for passed, failed, _ in ran) else 0


def name_of(release: Release) -> str:
    """Return the minor version."""
    return release.version.rpartition(".")[0]


def try_out(release: Release, python: str) -> tuple[tuple[int, int, int] | None, float]:
    """Make the environment and run the tests in it; give how many passed, failed and were skipped."""
    started = time.monotonic()
    name = f"{name_of(release)}-py{python}"
    interpreter = find_python(python)
    if interpreter is None:
        return None, 0.0
    print(f"{name}: {release.version} on {interpreter}", flush=True)
    place, report = HOME / name, HOME / f"{name}.xml"
    report.unlink(missing_ok=True)
    if install(release, interpreter, place):
        log = HOME / f"{name}.log"
        command = [str(place / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2"]
        options = ["--dist", "loadgroup", "--hypothesis-profile", "quick", f"--junit-xml={report}"]
        with log.open("w") as output:
            subprocess.run([*command, *options, *TESTS], cwd=ROOT, stdout=output, stderr=output, check=False)
        lines = log.read_text().splitlines()
        failures = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
        for line in failures if report.exists() else lines[-3:]:
            print(line, flush=True)
    return counts_in(report), time.monotonic() - started


def find_python(version: str) -> Path | None:
    """Find an interpreter: where uv looks, and among pyenv's, whose stand-ins in the PATH are none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    kept = os.pathsep.join(str(found) for found in sorted(pyenv.glob(f"{version}.*/bin")))
    paths = os.pathsep.join(filter(None, [kept, os.environ.get("PATH", "")]))
    done = subprocess.run(
        [UV, "python", "find", "--no-project", version],
        env=os.environ | {"PATH": paths, "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def install(release: Release, interpreter: Path, place: Path) -> bool:
    """Make an environment with that Airflow, this package and what its tests need; tell if that worked."""
    until = ["--exclude-newer", release.until, "--exclude-newer-package", f"{COMPAT}=2026-11-20"]
    what = [f"apache-airflow=={release.version}", "--editable", f"{ROOT}[emulator]", *NEEDS]
    return all(
        subprocess.run([UV, *command], check=False).returncode == 0
        for command in (
            ["venv", "--quiet", "--clear", "--python", str(interpreter), str(place)],
            ["pip", "install", "--quiet", "--python", str(place), *until, *what],
        )
    )


def counts_in(report: Path) -> tuple[int, int, int]:
    """Read how many tests passed, failed and were skipped. Without a report, one thing failed: all of it."""
    if not report.exists():
        return 0, 1, 0
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314  # our own
    numbers = [
        [int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")] for suite in suites
    ]
    tests, failures, errors, skipped = (sum(column) for column in zip(*numbers, strict=True))
    return tests - failures - errors - skipped, failures + errors, skipped


if __name__ == "__main__":
    sys.exit(main())
