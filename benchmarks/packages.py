"""
Packages that an install adds to a bare Airflow: ``python benchmarks/packages.py [airflow version]``.

Counts by resolving, not by installing: ``uv`` has to be there (``make venv`` puts it into ``.venv-uv``).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_UV = shutil.which("uv") or str(_ROOT / ".venv-uv" / "bin" / "uv")


def resolve(*requirements: str) -> set[str]:
    """Return the names of all packages that these need."""
    done = subprocess.run(  # noqa: S603  # our own tool
        [_UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "-"],
        input="\n".join(requirements),
        cwd=_ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {line.partition("==")[0] for line in done.stdout.splitlines() if "==" in line}


def main(version: str = "3.3.2") -> None:
    """Compare, and print the names."""
    import tomllib

    airflow = f"apache-airflow=={version}"
    ours = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    added = resolve(airflow, *ours) - resolve(airflow)
    print(f"on top of {airflow}: {len(added) + 1} packages, this one and {', '.join(sorted(added))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
