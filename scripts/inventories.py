"""Update the inventories of other projects' documentation: builds of the site read them without a network."""

from __future__ import annotations

import runpy
from pathlib import Path

import requests

DOCS = Path(__file__).resolve().parents[1] / "docs"


def main() -> None:
    """Download each inventory; keep the one that is there if its host cannot be reached."""
    for name, url in runpy.run_path(str(DOCS / "conf.py"))["INVENTORIES"].items():
        try:
            answer = requests.get(f"{url}objects.inv", timeout=30)
            answer.raise_for_status()
        except requests.RequestException as error:
            print(f"{name}: not updated, because {url} could not be read ({type(error).__name__})")
        else:
            (DOCS / "inventories" / f"{name}.inv").write_bytes(answer.content)


if __name__ == "__main__":
    main()
