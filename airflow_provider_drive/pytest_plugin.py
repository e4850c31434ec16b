"""
A plugin for pytest: the fixture ``drive_emulator``, for tests of Dags.

pytest imports it wherever the package is installed, so it imports the emulator only when a test uses it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_drive.emulator import Emulator


@pytest.fixture(scope="session")
def _drive_emulator_server() -> Iterator[Emulator]:
    try:
        from airflow_provider_drive.emulator import Emulator  # noqa: PLC0415 - it needs an extra of the package
    except ModuleNotFoundError as error:
        pytest.fail(
            f"The fixture drive_emulator needs {error.name}: pip install 'airflow-provider-drive[emulator]'",
            pytrace=False,
        )
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def drive_emulator(_drive_emulator_server: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """
    Return a running emulator with empty drives and default settings.

    The server runs as long as the test session. ``AIRFLOW_CONN_DRIVE_DEFAULT`` is set to its connection.
    """
    _drive_emulator_server.reset()
    monkeypatch.setenv("AIRFLOW_CONN_DRIVE_DEFAULT", json.dumps(_drive_emulator_server.connection()))
    return _drive_emulator_server
