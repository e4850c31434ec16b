"""The provider metadata that Airflow reads at start-up."""

import inspect
import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import airflow
import jsonschema
import pytest

from airflow_provider_drive.get_provider_info import get_provider_info
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.settings import read_settings


@pytest.fixture
def info():
    return get_provider_info()


@pytest.fixture
def connection_type(info):
    (only,) = info["connection-types"]
    return only


def test_the_provider_info_matches_airflows_schema(info):
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    jsonschema.validate(info, schema)
    assert json.loads(json.dumps(info)) == info


def test_the_entry_point_returns_the_provider_info(info):
    (entry,) = [
        entry
        for entry in entry_points(group="apache_airflow_provider")
        if entry.value.startswith("airflow_provider_drive")
    ]

    assert entry.load()() == info
    assert info["package-name"] == entry.dist.metadata["Name"] == "airflow-provider-drive"


def test_each_listed_module_can_be_imported(info):
    modules = [
        module
        for kind in ("hooks", "operators", "sensors", "triggers")
        for entry in info[kind]
        for module in entry["python-modules"]
    ]

    modules += [entry["python-module"] for entry in info["transfers"]] + info["filesystems"]

    assert len(modules) == 16
    assert all(import_module(module) for module in modules)


def test_the_connection_type_matches_the_hook(connection_type):
    module, _, name = connection_type["hook-class-name"].rpartition(".")
    hook = getattr(import_module(module), name)

    assert hook is DriveHook
    assert hook.conn_type == connection_type["connection-type"] == "microsoft_drive"
    assert hook.hook_name == connection_type["hook-name"] == "Microsoft Drive (OneDrive, SharePoint)"
    assert hook.default_conn_name == "drive_default"
    assert hook.conn_name_attr in inspect.signature(hook).parameters
    assert callable(hook.test_connection)


def test_the_form_has_a_field_for_each_extra_that_is_read(connection_type):
    read = inspect.getsource(sys.modules[read_settings.__module__])
    fields = connection_type["conn-fields"]

    assert {
        *("tenant_id", "auth_type", "certificate_path", "private_key", "thumbprint", "cloud", "authority"),
        *("scopes", "verify", "proxies", "allowed_hosts", "timeout", "user_agent_company"),
        *("send_certificate_chain", "federated_token_file", "refresh_token", "refresh_token_variable"),
    } <= fields.keys()
    assert [name for name in fields if f'"{name}"' not in read] == []
    assert (
        fields["private_key"]["schema"]["format"] == fields["refresh_token"]["schema"]["format"] == "password"
    )


def test_the_form_says_which_port_to_type(connection_type):
    """A number alone, in grey, looks as if it was filled in."""
    assert connection_type["ui-field-behaviour"]["placeholders"]["port"].startswith("type 443: ")


def test_the_form_offers_each_auth_type(connection_type):
    from airflow_provider_drive.auth.auth_types import _OPEN_BY_AUTH_TYPE  # noqa: PLC0415  # only here

    assert [*filter(None, connection_type["conn-fields"]["auth_type"]["schema"]["enum"])] == [
        *_OPEN_BY_AUTH_TYPE
    ]


def test_the_hook_gives_older_airflow_versions_the_same_field_behaviour(connection_type):
    behaviour = DriveHook.get_ui_field_behaviour()

    assert set(behaviour) == {"hidden_fields", "relabeling", "placeholders"}
    # Airflow 2.11 looks at the class itself, not at what it inherits
    assert vars(DriveHook).keys() >= {"get_ui_field_behaviour", "get_connection_form_widgets"}
    assert behaviour["relabeling"] == connection_type["ui-field-behaviour"]["relabeling"]


def test_the_hook_gives_older_airflow_versions_the_same_fields(connection_type):
    pytest.importorskip("flask_appbuilder", reason="only Airflow before 3 brings it")

    assert set(DriveHook.get_connection_form_widgets()) == set(connection_type["conn-fields"])


def test_the_provider_info_module_imports_nothing_else():
    code = (
        "import sys; before = set(sys.modules)\n"
        "import airflow_provider_drive.get_provider_info as module; module.get_provider_info()\n"
        "print(sorted(name for name in set(sys.modules) - before if '.' not in name))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)  # noqa: S603  # ourselves

    assert "airflow'" not in done.stdout
    assert "requests" not in done.stdout


def test_each_link_of_a_task_is_registered_since_airflow_2_shows_no_others(info):
    modules = [
        module
        for kind in ("operators", "sensors")
        for entry in info[kind]
        for module in entry["python-modules"]
    ]
    links = {
        f"{type(link).__module__}.{type(link).__qualname__}"
        for module in modules
        for task in vars(import_module(module)).values()
        for link in getattr(task, "operator_extra_links", ())
    }

    assert links == set(info["extra-links"])
