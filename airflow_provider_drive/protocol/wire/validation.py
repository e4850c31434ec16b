"""
Checks of parameters that a template may have rendered, before anything is sent.

A template renders to text: ``"{{ params.verify }}"`` gives ``"False"``, which is true to Python, and a list
becomes ``"['a', 'b']"``. So each value is accepted as itself or as its text, and any other value is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SECONDS = 10 * 366 * 86_400.0
"""The longest duration, in seconds: ten years."""
_DIGITS = re.compile(r"[0-9]{1,18}")
_RENDERED = re.compile(
    r"None"
    r"|\[\s*(?:['\"{\[(].*)?\]"  # a list of texts, mappings or lists; [abc] is a glob
    r"|\(\s*(?:['\"{\[(].*)?\)"
    r"|\{\s*(?:['\"].*)?\}",
    re.DOTALL,
)
_NO_VALUE = "What it names has no value, such as an XCom that was not pushed. If None is meant: "
_KINDS = {"N": "None", "[": "a list", "(": "a tuple", "{": "a mapping"}


def refuse_rendered_text(name: str, value: Any) -> None:
    """
    Refuse the text that a template made of None, a list or a mapping, also as an element of a list.

    :raises DriveArgumentError: If it is such a text. The message says how to pass the value itself, and does
        not quote it: it may hold a monitor URL.
    """
    if isinstance(value, (list, tuple)):
        for element in value:
            refuse_rendered_text(name, element)
    if isinstance(value, str) and _RENDERED.fullmatch(value.strip()):
        kind = _KINDS[value.strip()[0]]
        raise DriveArgumentError(
            f"Invalid `{name}`: a template rendered {kind} to text. {_NO_VALUE if kind == 'None' else ''}Set "
            "render_template_as_native_obj=True on the Dag, or pass an XComArg (the other task's .output) "
            "instead of a template."
        )


def check_choice(name: str, value: Any, known: Sequence[str]) -> None:
    """
    Check a parameter that has a few values.

    :raises DriveArgumentError: If it is none of them.
    """
    if value not in known:
        raise DriveArgumentError(
            f"Invalid `{name}`: must be one of {', '.join(known)}, got {_shorten(value)}."
        )


def check_connection_id(value: Any) -> None:
    """
    Check the id of a connection.

    :raises DriveArgumentError: If it is not a text, or empty.
    """
    if not isinstance(value, str) or not value.strip():
        raise DriveArgumentError(
            f"Invalid `drive_conn_id`: must be the id of a connection, got {_shorten(value)}."
        )


def read_bool(name: str, value: Any) -> bool:
    """
    Return a boolean, given as such or as ``true`` or ``false`` in any case.

    :raises DriveArgumentError: If it is anything else.
    """
    word = value.strip().casefold() if isinstance(value, str) else value
    if word is True or word == "true":
        return True
    if word is False or word == "false":
        return False
    raise DriveArgumentError(f"Invalid `{name}`: must be true or false, got {_shorten(value)}.")


def read_count(name: str, value: Any, *, minimum: int = 0) -> int:
    """
    Return a whole number, given as such or as its digits.

    :raises DriveArgumentError: If it is anything else, or below the minimum.
    """
    number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value.strip()) else value
    if isinstance(number, int) and not isinstance(number, bool) and number >= minimum:
        return number
    raise DriveArgumentError(
        f"Invalid `{name}`: must be a whole number of {minimum} or more, got {_shorten(value)}."
    )


def read_seconds(name: str, value: Any) -> float:
    """
    Return a duration in seconds, given as a number, its text, a ``timedelta`` or an ISO 8601 duration.

    :raises DriveArgumentError: If it is anything else, not positive, or longer than ten years.
    """
    seconds = _to_seconds(value)
    if 0 < seconds <= MAX_SECONDS:
        return seconds
    raise DriveArgumentError(
        f"Invalid `{name}`: must be a positive number of seconds, or a duration such as 'PT2H', got "
        f"{_shorten(value)}."
    )


def check_globs(name: str, value: Any) -> Any:
    """
    Return one or more globs unchanged. What a glob is, the selection checks.

    :raises DriveArgumentError: If it is an empty list.
    """
    if isinstance(value, (list, tuple, set)) and not value:
        raise DriveArgumentError(
            f"Invalid `{name}`: the list is empty, which would select everything. If you mean that, leave "
            f"{name} out or set it to None."
        )
    return value


def read_items(value: Any) -> list[Any]:
    """
    Return a list of addresses. A text or a mapping is one address.

    :raises DriveArgumentError: If it is neither that nor a list.
    """
    if isinstance(value, (str, Mapping)):
        return [value]
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        return list(value)
    raise DriveArgumentError(f"Invalid `items`: must be a list of addresses, got {_shorten(value)}.")


def _to_seconds(value: Any) -> float:
    """Return NaN for what is not a duration."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return _parse_duration(value) if isinstance(value, str) else math.nan


def _parse_duration(text: str) -> float:
    import pendulum  # noqa: PLC0415  # slow to import, and needed for durations as text only

    try:
        duration = pendulum.parse(text.strip(), exact=True)
    except (ValueError, TypeError, OverflowError, AttributeError):  # pendulum's, for "PT1M/PT2M"
        return math.nan
    return duration.total_seconds() if type(duration) is pendulum.Duration else math.nan


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
