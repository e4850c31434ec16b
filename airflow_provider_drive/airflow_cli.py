"""The same commands in Airflow's own command line, from Airflow 3.2 on: ``airflow drive``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

from airflow_provider_drive.cli import COMMANDS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


class _Options(Arg):
    """All options of a command."""

    def __init__(self, add: Callable[[argparse.ArgumentParser], None]) -> None:
        super().__init__(flags=("options",))  # type: ignore[no-untyped-call]  # Airflow has no types there
        self._add = add

    def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add them to the command's parser."""
        self._add(parser)


def get_commands() -> list[Any]:
    """Return the commands. Airflow calls this for each of its own commands, so it imports nothing slow."""
    subcommands = [
        ActionCommand(name=name, help=text, description=description, func=_run, args=(_Options(add),))
        for name, (text, description, add) in COMMANDS.items()
    ]
    return [GroupCommand(name="drive", help="OneDrive and SharePoint", subcommands=subcommands)]


def _run(options: argparse.Namespace) -> None:
    if code := options.run(options):
        sys.exit(code)
