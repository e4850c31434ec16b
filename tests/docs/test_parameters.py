"""Each parameter of what Dags use is described, in the docstring, from which its page is made."""

import inspect
import re

import pytest

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.delete import DriveDeleteOperator
from airflow_provider_drive.operators.folder import DriveEnsureFolderOperator
from airflow_provider_drive.operators.list import DriveListOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.sensors.item import DriveItemSensor
from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator
from airflow_provider_drive.transfers.object_storage_to_drive import ObjectStorageToDriveOperator
from airflow_provider_drive.triggers.changes import DriveChangesTrigger
from airflow_provider_drive.triggers.copy import CopyCompleteTrigger
from airflow_provider_drive.triggers.item import DriveItemTrigger

TASKS = [
    *(DriveCopyOperator, DriveMoveOperator, DriveCopySensor, DriveArchiveOperator),
    *(DriveListOperator, DriveDeleteOperator, DriveEnsureFolderOperator, DriveItemSensor),
    *(DriveToObjectStorageOperator, ObjectStorageToDriveOperator),
]
CLASSES = [*TASKS, CopyCompleteTrigger, DriveItemTrigger, DriveChangesTrigger]
METHODS = [
    method
    for name, method in inspect.getmembers(DriveHook, inspect.isfunction)
    if method.__module__.startswith("airflow_provider_drive.") and not name.startswith("_")
]
DESCRIBED = [*CLASSES, DriveHook, *(method for method in METHODS if ":param " in (method.__doc__ or ""))]
INTERFACE = [
    *("get_item", "list_children", "iter_items", "ensure_folder", "copy_item", "get_copy_status"),
    *("wait_for_copy", "move_item", "delete_item", "read_file", "write_file"),
    *("request", "get_conn", "test_connection"),
]
CHOICES = {"conflict_behavior", "cross_drive", "kind", "kinds", "on_existing", "after"}
CONFIGURED = {"deferrable": "[operators] default_deferrable"}  # its default is the deployment's


def parameters_of(subject):
    """Give the parameters by their names, without ``self`` and what is handed on to Airflow."""
    functions = [subject]
    if inspect.isclass(subject):  # what it hands on to a base of this package is its own, too
        ours = [base for base in subject.mro() if base.__module__.startswith("airflow_provider_drive.")]
        functions = [vars(base)["__init__"] for base in ours if "__init__" in vars(base)]
    parameters = {}
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            if name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                parameters.setdefault(name, parameter)
    return parameters


def templated(subject):
    """Give the names of the parameters that are template fields: the field of ``dry_run`` has another."""
    return [field.removeprefix("is_") for field in subject.template_fields]


def described(subject):
    """Give what the docstring says of each parameter, in its order."""
    text = inspect.getdoc(subject)
    entries = re.findall(r"^:param (\w+): (.*?)(?=^:|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len({name for name, _ in entries}) == len(entries)
    return {name: " ".join(description.split()) for name, description in entries}


def name_of(subject):
    return subject.__qualname__


def shown(subject, name, default):
    """Tell how a default is written."""
    if subject in {DriveArchiveOperator, DriveCopyOperator} and name in CONFIGURED:
        return CONFIGURED[name]
    return f"{default:g}" if isinstance(default, float) else str(default)


@pytest.mark.parametrize("subject", DESCRIBED, ids=name_of)
def test_a_docstring_describes_all_parameters_in_their_order(subject):
    assert list(described(subject)) == list(parameters_of(subject))


@pytest.mark.parametrize("subject", DESCRIBED, ids=name_of)
def test_a_docstring_tells_each_default_that_is_one(subject):
    for name, parameter in parameters_of(subject).items():
        if parameter.default not in {parameter.empty, None}:
            written = shown(subject, name, parameter.default)
            assert re.search(rf"[Dd]efault is .*``{re.escape(written)}``", described(subject)[name]), (
                name,
                written,
            )


@pytest.mark.parametrize("subject", CLASSES, ids=name_of)
def test_the_type_of_a_parameter_with_a_few_values_lists_them_as_the_docstring_does(subject):
    for name, parameter in parameters_of(subject).items():
        values = re.findall(r"['\"](\w+)['\"]", str(parameter.annotation))
        assert bool(values) == (name in CHOICES), name
        assert all(f"``{value}``" in described(subject)[name] for value in values), (name, values)


@pytest.mark.parametrize("subject", TASKS, ids=name_of)
def test_a_docstring_says_templated_of_template_fields_and_of_no_others(subject):
    marked = [name for name, text in described(subject).items() if text.endswith("(templated)")]
    assert marked == templated(subject)
    assert sum("templated" in text for text in described(subject).values()) == len(marked)


@pytest.mark.parametrize("subject", TASKS, ids=name_of)
def test_every_parameter_of_a_task_is_a_template_field(subject):
    assert sorted(templated(subject)) == sorted(parameters_of(subject))


@pytest.mark.parametrize("subject", TASKS, ids=name_of)
def test_a_docstring_says_what_comes_back(subject):
    assert re.search(r"^:return: ", inspect.getdoc(subject), re.MULTILINE)


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_each_method_of_the_hook_has_a_docstring(method):
    assert inspect.getdoc(method)


def test_the_hook_has_the_methods_of_its_interface_and_no_others():
    assert sorted(method.__name__ for method in METHODS) == sorted(INTERFACE)
