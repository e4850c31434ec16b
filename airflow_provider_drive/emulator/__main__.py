"""Start the emulator by hand: ``python -m airflow_provider_drive.emulator``."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.server import Emulator
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.emulator.state.drives import Drive

_SAMPLE = {"Contracts/2026/plan.docx": b"A plan.", "Contracts/2026/offer.pdf": b"An offer."}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until somebody presses Ctrl-C."""
    options = _parser().parse_args(arguments)
    over = _ended()
    with Emulator(options.port, ca_dir=options.ca_dir) as emulator:
        emulator.tenant.copies = CopyBehaviour(seconds=options.copy_seconds)
        seed(emulator.tenant.drive("legal"), options.seed_folder)
        sys.stdout.write(_greeting(emulator))
        sys.stdout.flush()
        over.wait()
    return 0


def seed(drive: Drive, folder: Path | None) -> None:
    """Put a folder's files into a drive, or a few of our own."""
    if folder is None:
        for path, content in _SAMPLE.items():
            drive.put(path, content)
        return
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix()
        if file.is_dir():
            drive.mkdir(path)
        else:
            drive.put(path, file.read_bytes())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_drive.emulator",
        description="A Microsoft Graph drive server on this machine, to try Dags without a tenant.",
    )
    parser.add_argument(
        "--port", type=int, default=8365, help="TCP port; 0 takes any that is free (%(default)s)"
    )
    parser.add_argument(
        "--seed-folder", type=Path, metavar="DIR", help="files to put into the library of Legal"
    )
    parser.add_argument(
        "--copy-seconds", type=float, default=5.0, metavar="S", help="how long a copy takes (%(default)s)"
    )
    parser.add_argument("--ca-dir", type=Path, metavar="DIR", help="keep the certificate authority here")
    return parser


def _greeting(emulator: Emulator) -> str:
    connection = shlex.quote(json.dumps(emulator.connection()))
    addresses = "\n".join(
        f"  {key:10} {drive.drive_type:16} drives/{drive.id}" for key, drive in emulator.tenant.drives.items()
    )
    return (
        f"Graph is served at {emulator.url}/v1.0, and trusted by {emulator.ca_file}\n"
        f"Drives:\n{addresses}\n"
        "Paste this where Airflow runs:\n"
        f"export AIRFLOW_CONN_DRIVE_DEFAULT={connection}\n"
        "Ctrl-C ends it.\n"
    )


def _ended() -> threading.Event:
    """Give what is set when somebody ends the program."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    return over


if __name__ == "__main__":
    sys.exit(main())
