"""Checks of what programs send to the admin endpoints: a wrong value must not break later requests."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.faults import KINDS

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.faults import Fault
    from airflow_provider_drive.emulator.state.jobs import CopyBehaviour

_TYPES: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "None": type(None),
    "dict[str, Any]": dict,
    "tuple[str, ...]": list,
    "Collection[str]": list,
}
_CHOICES: dict[str, set[str]] = {
    "kind": KINDS,
    "where": {"graph", "monitor", "token", "file"},
    "appears": {"end", "start"},
    "conflict": {"async", "sync"},
}
_AT_LEAST_ONE = {"times", "page_size", "longest_page"}
_TEXTS = {"monitor_base", "file_base", "next_link_base", "token_base", "system_identity"}
_MAX_OFFSET = 1e9  # seconds: about 31 years


class InvalidError(Exception):
    """The request is not valid. The message is for a person."""


def check_setting(name: str, value: Any, current: Any) -> None:
    """
    Check the new value of a setting.

    :raises InvalidError: If it does not have the type of the current value, or is out of range.
    """
    if name in _TEXTS:
        fits = value is None or isinstance(value, str)
    elif name == "budget":
        fits = value is None or _is_of(value, "int")
    elif isinstance(current, list):
        fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
    elif isinstance(current, dict):
        kind = bool if name == "retention_labels" else str
        fits = isinstance(value, dict) and all(isinstance(each, kind) for each in value.values())
    else:
        fits = _is_of(value, type(current).__name__)
    if not fits or not _is_in_range(name, value):
        raise InvalidError(f"The setting {name!r} cannot be {value!r}.")


def check_fields(body: dict[str, Any], kind: type[Fault | CopyBehaviour]) -> dict[str, Any]:
    """
    Return the fields of a fault or of the behaviour of copies. Their types are those of its annotations.

    :raises InvalidError: If a field is unknown, or has a wrong value.
    """
    known = {each.name: str(each.type) for each in dataclasses.fields(kind) if each.name != "act"}
    for name, value in body.items():
        if name not in known:
            raise InvalidError(f"Unknown field {name!r}. Known fields: {', '.join(sorted(known))}.")
        if value is None and "None" in known[name]:
            continue
        if not any(_is_of(value, each) for each in known[name].split(" | ")) or not _is_in_range(name, value):
            raise InvalidError(f"The field {name!r} cannot be {value!r}.")
        if name in _CHOICES and value not in _CHOICES[name]:
            choices = ", ".join(sorted(_CHOICES[name]))
            raise InvalidError(f"The field {name!r} cannot be {value!r}. Possible values: {choices}.")
    _check_pattern(body.get("path", ""))
    return {name: tuple(value) if name == "words" else value for name, value in body.items()}


def _is_of(value: Any, name: str) -> bool:
    """Whether a value has a type. JSON's true and false are not numbers."""
    expected = _TYPES.get(name)
    if expected is None or (isinstance(value, bool) and name != "bool"):
        return False
    if isinstance(value, list) and not (value and all(isinstance(each, str) for each in value)):
        return False
    return isinstance(value, expected)


def _is_in_range(name: str, value: Any) -> bool:
    if not isinstance(value, int | float):
        return True
    smallest = -_MAX_OFFSET if name == "clock_offset" else int(name in _AT_LEAST_ONE)
    return smallest <= value <= _MAX_OFFSET


def _check_pattern(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise InvalidError(f"The path {text!r} is not a regular expression: {error}.") from None
