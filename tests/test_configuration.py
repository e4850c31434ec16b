"""A deployment's defaults: the section [drive] of Airflow's configuration."""

import inspect
import os
import re
import subprocess
import sys

import pytest

from airflow_provider_drive import configuration, settings
from airflow_provider_drive.auth import token_cache
from airflow_provider_drive.get_provider_info import SETTINGS
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.triggers import deferral
from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

WHO_POLLS = (DriveCopyOperator, DriveArchiveOperator, DriveCopySensor, CopyCompleteTrigger)
DEFAULTS = """
from inspect import signature
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor
parameters = signature(DriveCopyOperator.__init__).parameters
print(parameters["poll_interval"].default, parameters["copy_timeout"].default)
print(DriveCopySensor(task_id="wait").poke_interval)
"""


def defaults(**options):
    """The defaults in a new process of a deployment that sets these options."""
    variables = {f"AIRFLOW__DRIVE__{name.upper()}": value for name, value in options.items()}
    command = [sys.executable, "-c", DEFAULTS]
    done = subprocess.run(command, env=os.environ | variables, check=True, capture_output=True, text=True)  # noqa: S603  # ourselves
    return done.stdout.split()[-3:], done.stdout + done.stderr


def test_a_deployment_sets_the_defaults_of_operators_and_sensors():
    numbers, _ = defaults(poll_interval="42", copy_timeout="7200")

    assert numbers == ["42.0", "7200.0", "42.0"]


def test_an_invalid_setting_breaks_no_dag_and_is_named():
    numbers, told = defaults(poll_interval="often", copy_timeout="-1")

    assert [float(number) for number in numbers] == [15.0, 86_400.0, 15.0]
    assert "Invalid `poll_interval` in [drive]" in told
    assert "Invalid `copy_timeout` in [drive]" in told


def test_without_settings_the_defaults_are_those_of_the_documentation():
    assert (configuration.POLL_INTERVAL, configuration.COPY_TIMEOUT) == (15.0, 86_400.0)
    for kind in WHO_POLLS:
        assert inspect.signature(kind.__init__).parameters["poll_interval"].default == 15.0
    assert inspect.signature(DriveHook.wait_for_copy).parameters["timeout"].default == 86_400.0


@pytest.mark.parametrize(("fields", "units"), [({}, 6_000.0), ({"resource_units_per_minute": 100}, 100.0)])
def test_a_deployment_sets_the_units_of_connections_that_do_not(connect, monkeypatch, fields, units):
    monkeypatch.setenv("AIRFLOW__DRIVE__RESOURCE_UNITS_PER_MINUTE", "6000")

    conn_id = connect(**{"resource_units_per_minute": ""} | fields)

    assert DriveHook(conn_id)._client.settings.resource_units_per_minute == units


def test_airflow_knows_each_option_and_no_other():
    sources = (configuration, settings, deferral, token_cache)
    pattern = re.compile(r'read_(?:number|text)\(\s*"(\w+)"')
    read = {name for each in sources for name in pattern.findall(inspect.getsource(each))}

    assert read == {*SETTINGS}
