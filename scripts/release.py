"""Check that a tag, the version in the code and the changelog agree, before a release is built."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Print what does not agree; the status is 0 if nothing does not."""
    problems = check(
        tag=sys.argv[1],
        code=(ROOT / "airflow_provider_drive" / "__init__.py").read_text(encoding="utf-8"),
        changelog=(ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    )
    print("\n".join(problems) or f"{sys.argv[1]} can be released.")
    return 1 if problems else 0


def check(tag: str, code: str, changelog: str) -> list[str]:
    """Return a sentence for each thing that has to change before the release."""
    version = re.findall(r'^__version__ = "(.+)"$', code, re.MULTILINE)[0]
    unreleased, _, released = changelog.partition("\n## [Unreleased]\n")[2].partition("\n## ")
    problems = []
    if tag != f"v{version}":
        problems.append(f"The tag is {tag}, but the version in the code is {version}.")
    if not re.match(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n", released):
        problems.append(f"The changelog's top entry is not '## [{version}] - ' with the date.")
    if unreleased.strip():
        problems.append(f"The changelog still has changes under 'Unreleased': move them to {version}.")
    return problems


if __name__ == "__main__":
    sys.exit(main())
