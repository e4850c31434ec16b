"""The command line: ``airflow-drive emulator``, or ``python -m airflow_provider_drive.emulator``."""

from __future__ import annotations

import argparse
import datetime as dt
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

_EPILOG = """\
While it runs, https://localhost:PORT/_emulator shows its drives, jobs and last requests in a browser.
To change how it behaves, send JSON to:
  PATCH  /_emulator/settings  {"budget": 100, "permissions": ["Files.Read.All"], "clock_offset": 90}
                              permissions that the token lacks, 429 beyond 100 resource units a minute
  POST   /_emulator/faults    {"path": "/copy$", "status": 503, "retry_after": 5, "times": 2}
  DELETE /_emulator/faults
  PATCH  /_emulator/copies    {"seconds": 30}                      all copies
  POST   /_emulator/copies    {"failure": "generalException"}      the next copy
  POST   /_emulator/locks     {"drive": "legal", "path": "Contracts/2026/plan.docx", "locked": true}
  POST   /_emulator/reset     {}
GET shows the settings, faults and copies."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the emulator until it is interrupted."""
    options = _parser().parse_args(arguments)
    stopped = _stop_event()
    with Emulator(options.port, ca_dir=options.ca_dir) as emulator:
        emulator.tenant.copies = CopyBehaviour(seconds=options.copy_seconds)
        emulator.tenant.budget = options.budget
        seed(emulator.tenant.drive("legal"), options.seed_folder)
        sys.stdout.write(_banner(emulator))
        sys.stdout.flush()
        stopped.wait()
    return 0


def seed(drive: Drive, folder: Path | None) -> None:
    """Copy the files of a folder, with their times, into a drive. Without a folder, create sample files."""
    if folder is None:
        for path, content in _SAMPLE.items():
            drive.put(path, content)
        return
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix()
        if file.is_dir():
            drive.mkdir(path)
        else:
            item = drive.put(path, file.read_bytes())
            item.created = item.modified = dt.datetime.fromtimestamp(file.stat().st_mtime, dt.UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="airflow-drive emulator",
        description="Emulate Microsoft Graph's drives on this machine, to try Dags without a tenant.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=int, default=8365, help="TCP port; 0 for any free port (default: %(default)s)"
    )
    parser.add_argument(
        "--seed-folder",
        type=Path,
        metavar="DIR",
        help="folder whose files are copied into the library of the site Legal (default: two sample files)",
    )
    parser.add_argument(
        "--copy-seconds",
        type=float,
        default=5.0,
        metavar="S",
        help="duration of a copy in seconds (default: %(default)s)",
    )
    parser.add_argument(
        "--budget",
        type=int,
        metavar="UNITS",
        help="resource units that can be used in a minute; further requests answer 429 (default: no limit)",
    )
    parser.add_argument(
        "--ca-dir",
        type=Path,
        metavar="DIR",
        help="folder that keeps the certificate authority between starts (default: a new one each time)",
    )
    return parser


def _banner(emulator: Emulator) -> str:
    fields = {**emulator.connection(), "port": emulator.port}  # Airflow 3.3.2 cannot test one without a port
    connection = shlex.quote(json.dumps(fields))
    addresses = "\n".join(
        f"  {key:10} {drive.drive_type:16} drives/{drive.id}" for key, drive in emulator.tenant.drives.items()
    )
    return (
        f"Microsoft Graph is emulated at {emulator.url}/v1.0\n"
        f"Drives, jobs and requests are shown at {emulator.url}/_emulator\n"
        f"Certificate authority: {emulator.ca_file}\n"
        f"Drives:\n{addresses}\n"
        "To connect Airflow, set in its environment:\n"
        f"export AIRFLOW_CONN_DRIVE_DEFAULT={connection}\n"
        "Press Ctrl-C to stop.\n"
    )


def _stop_event() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


if __name__ == "__main__":
    sys.exit(main())
