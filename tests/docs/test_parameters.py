"""Each parameter of what Dags use is described, in the docstring and on the page."""

import inspect
import re

import pytest
from docs.pages import page, section, table

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.delete import DriveDeleteOperator
from airflow_provider_drive.operators.folder import DriveEnsureFolderOperator
from airflow_provider_drive.operators.list import DriveListOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

TASKS = [
    *(DriveCopyOperator, DriveMoveOperator, DriveCopySensor, DriveArchiveOperator),
    *(DriveListOperator, DriveDeleteOperator, DriveEnsureFolderOperator),
]
CLASSES = [*TASKS, CopyCompleteTrigger]
METHODS = [
    method
    for name, method in vars(DriveHook).items()
    if inspect.isfunction(method) and not name.startswith("_")
]
FOR_USERS = [method for method in METHODS if ":param " in (method.__doc__ or "")]
DESCRIBED = [*CLASSES, DriveHook, *FOR_USERS]
CONFIGURED = {"deferrable": "[operators] default_deferrable"}  # its default is the deployment's


def parameters_of(subject):
    """Give the parameters by their names, without ``self`` and what is handed on to Airflow."""
    function = subject.__init__ if inspect.isclass(subject) else subject
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    }


def described(subject):
    """Give what the docstring says of each parameter, in its order; first what it says by naming a method."""
    text = inspect.getdoc(subject)
    if other := re.search(r"as :meth:`(\w+)`\s+does", text):
        own = text.replace(other[0], "")
        return {**described(getattr(DriveHook, other[1])), **_entries(own)}
    return _entries(text)


def _entries(text):
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


@pytest.mark.parametrize("subject", TASKS, ids=name_of)
def test_a_docstring_says_templated_of_template_fields_and_of_no_others(subject):
    templated = [name for name, text in described(subject).items() if text.endswith("(templated)")]
    assert templated == list(subject.template_fields)
    assert sum("templated" in text for text in described(subject).values()) == len(templated)


@pytest.mark.parametrize("subject", TASKS, ids=name_of)
def test_a_docstring_says_what_comes_back(subject):
    assert re.search(r"^:return: ", inspect.getdoc(subject), re.MULTILINE)


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_each_method_of_the_hook_has_a_docstring(method):
    assert inspect.getdoc(method)


@pytest.mark.parametrize("subject", CLASSES, ids=name_of)
def test_the_page_has_a_row_for_each_parameter_with_its_default(subject):
    head = section(page("reference/operators.md"), name_of(subject)).partition("\n### ")[0]
    found = {name: rest for name, rest in table(head).items() if len(rest) == 2}
    parameters = parameters_of(subject)
    assert set(parameters) <= set(found)
    assert [name for name in found if name in parameters] == list(parameters)
    for name, parameter in parameters.items():
        is_required = parameter.default is parameter.empty
        written = "" if is_required else f"`{shown(subject, name, parameter.default)}`"
        assert found[name][0] == written, name


@pytest.mark.parametrize("subject", TASKS, ids=name_of)
def test_the_page_says_templated_of_template_fields_and_of_no_others(subject):
    found = table(section(page("reference/operators.md"), name_of(subject)))
    templated = [name for name, rest in found.items() if rest[-1].endswith("*templated*")]
    assert templated == list(subject.template_fields)


def test_the_page_gives_the_signature_of_each_method_of_the_hook():
    signatures = []
    for method in METHODS:
        plain = [
            parameter.replace(annotation=parameter.empty)
            for name, parameter in inspect.signature(method).parameters.items()
            if name != "self"
        ]
        signatures.append(f"{method.__name__}{inspect.Signature(plain)}")
    assert set(table(section(page("reference/operators.md"), "DriveHook"))) == set(signatures)
