"""``airflow drive``: the package's commands in Airflow's own command line, from Airflow 3.2 on."""

import argparse
import json
import subprocess
import sys

import pytest

from airflow_provider_drive import cli
from airflow_provider_drive.get_provider_info import get_provider_info

cli_parser = pytest.importorskip("airflow.cli.cli_parser")


@pytest.fixture
def parser():
    """A parser with what the provider adds to Airflow's."""
    from airflow_provider_drive.airflow_cli import get_commands  # noqa: PLC0415  # only where Airflow has it

    parser = argparse.ArgumentParser(prog="airflow")
    commands = parser.add_subparsers()
    for command in get_commands():
        cli_parser._add_command(commands, command)
    return parser


def test_the_provider_names_its_commands():
    assert get_provider_info()["cli"] == ["airflow_provider_drive.airflow_cli.get_commands"]


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_has_the_same_options_there(parser, name, capsys):
    for read in (parser.parse_args, cli._build_parser().parse_args):
        with pytest.raises(SystemExit):
            read([*(["drive"] if read == parser.parse_args else []), name, "--help"])
    theirs, ours = capsys.readouterr().out.split("usage: airflow-drive")

    def options(text):
        return {word for word in text.split() if word.startswith("--")}

    assert options(theirs) == options(ours) != set()


def test_a_login_from_there_prints_the_connection(parser, emulator, tenant, capsys, fresh_process):
    tenant.device_interval = 0
    options = ["--client-id", tenant.client_id, "--authority", emulator.url, "--verify", emulator.ca_file]
    parsed = parser.parse_args(["drive", "login", *options, "--json"])
    parsed.func(parsed)

    assert json.loads(capsys.readouterr().out)["conn_type"] == "microsoft_drive"


def test_a_login_that_fails_ends_with_its_exit_code(parser, emulator, fresh_process):
    options = ["--client-id", "unknown", "--authority", emulator.url, "--verify", emulator.ca_file]
    parsed = parser.parse_args(["drive", "login", *options])

    with pytest.raises(SystemExit) as ended:
        parsed.func(parsed)
    assert ended.value.code == 1


def test_the_module_imports_nothing_slow():
    slow = "print({'requests', 'msal', 'aiohttp'} & {*sys.modules})"
    code = f"import airflow.cli.cli_config, sys; {slow}; import airflow_provider_drive.airflow_cli; {slow}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603  # ourselves

    before, after = done.stdout.splitlines()[-2:]
    assert before == after
