"""The command ``airflow-drive``: sign in with a browser to create a connection, run the emulator or demo."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.wire.hosts import CLOUDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOGIN = (
    "Sign in with a browser, on this or any other machine, and print the connection to import into Airflow. "
    "The output contains a refresh token: treat it like a password."
)
_DEMO = (
    "Archive documents with a real Airflow 3 and an emulated Microsoft Graph, on this machine. Needs the "
    "extra emulator."
)
_DEFAULT_SCOPES = "Files.ReadWrite.All"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["emulator"]:  # it has a parser of its own
        return _run_emulator(arguments[1:])
    options = _build_parser().parse_args(arguments)
    return int(options.run(options))


def _run_emulator(arguments: Sequence[str]) -> int:
    try:
        from airflow_provider_drive.emulator import __main__ as emulator  # noqa: PLC0415  # it needs an extra
    except ModuleNotFoundError as error:
        sys.stderr.write(f'The emulator needs {error.name}: pip install "airflow-provider-drive[emulator]"\n')
        return 1
    return emulator.main(arguments)


def _run_demo(options: argparse.Namespace) -> int:
    from airflow_provider_drive import demo  # noqa: PLC0415  # requests is slow to import

    return demo.run(options)


def _run_login(options: argparse.Namespace) -> int:
    try:
        connection = log_in(options)
    except DriveError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    stored = connection if options.json else {options.conn_id: connection}
    sys.stdout.write(json.dumps(stored, indent=None if options.json else 2) + "\n")
    if not options.json:
        sys.stderr.write("Save this to a file and run: airflow connections import FILE.json\n")
    return 0


def log_in(options: argparse.Namespace) -> dict[str, Any]:
    """
    Let a user sign in with a browser, and return a connection with the refresh token.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code

    :return: The connection's fields, as Airflow imports them.
    :raises DriveAuthError: If the user does not sign in, or may not.
    """
    from airflow.providers.common.compat.sdk import Connection  # noqa: PLC0415  # slow import, not needed for --help

    from airflow_provider_drive.auth.application import call_msal, extract_token, open_application  # noqa: PLC0415  # likewise
    from airflow_provider_drive.auth.refresh_token import delegated_scopes  # noqa: PLC0415  # likewise
    from airflow_provider_drive.settings import read_settings  # noqa: PLC0415  # likewise

    optional = {
        "cloud": options.cloud,
        "authority": options.authority,
        "verify": options.verify,
        "scopes": options.scopes,
    }
    extra = {"auth_type": "refresh_token", "tenant_id": options.tenant}
    extra |= {name: value for name, value in optional.items() if value}
    fields: dict[str, Any] = {"conn_type": "microsoft_drive", "login": options.client_id}
    settings = read_settings(Connection(conn_id=options.conn_id, **fields), extra)
    scopes = delegated_scopes(settings)

    application = call_msal(settings, lambda: open_application(settings))
    flow = call_msal(settings, lambda: application.initiate_device_flow(scopes))
    code, page = (extract_token(flow, settings, name) for name in ("user_code", "verification_uri"))
    sys.stderr.write(
        _remove_control_characters(f"Open {page} in a browser and enter the code {code}.") + "\n"
    )
    answer = call_msal(settings, lambda: application.acquire_token_by_device_flow(flow))
    fields["port"] = (
        443  # without one, Airflow 3.3.1 and 3.3.2 cannot test it: https://github.com/apache/airflow/pull/73298
    )
    return {**fields, "extra": {**extra, "refresh_token": extract_token(answer, settings, "refresh_token")}}


def _remove_control_characters(text: str) -> str:
    """Remove characters that could control the terminal."""
    return "".join(filter(str.isprintable, text))


def add_login_options(login: argparse.ArgumentParser) -> None:
    """Add the options of ``login`` to its parser."""
    login.add_argument("--conn-id", default="drive_default", help="connection ID (%(default)s)")
    login.add_argument(
        "--client-id", required=True, help="application (client) ID of an app that allows public client flows"
    )
    login.add_argument(
        "--tenant",
        default="common",
        help="tenant ID or domain; consumers for a personal account (%(default)s)",
    )
    login.add_argument("--cloud", choices=list(CLOUDS), help="Microsoft's cloud (global)")
    login.add_argument(
        "--scopes",
        default=_DEFAULT_SCOPES,
        help="permissions to ask the user for, comma-separated (%(default)s)",
    )
    login.add_argument("--authority", help="address that issues tokens (default: the cloud's)")
    login.add_argument("--verify", help="path of a CA bundle (default: the environment's)")
    login.add_argument("--json", action="store_true", help="print only the connection, as one line of JSON")
    login.set_defaults(run=_run_login)


def add_demo_options(demo: argparse.ArgumentParser) -> None:
    """Add the options of ``demo`` to its parser."""
    demo.add_argument(
        "--keep", action="store_true", help="leave Airflow and the emulator running until Ctrl-C"
    )
    demo.set_defaults(run=_run_demo)


COMMANDS = {
    "login": (
        "sign in with a browser and print the connection",
        _LOGIN,
        add_login_options,
    ),
    "demo": (
        "archive documents with a real Airflow and an emulated Graph",
        _DEMO,
        add_demo_options,
    ),
}
"""What each command does, in few words and in more, and what adds its options to a parser."""


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="airflow-drive", description="OneDrive and SharePoint for Apache Airflow."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, (text, description, add_options) in COMMANDS.items():
        add_options(commands.add_parser(name, help=text, description=description))
    commands.add_parser(
        "emulator", help="emulate Microsoft Graph on this machine; see airflow-drive emulator --help"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
