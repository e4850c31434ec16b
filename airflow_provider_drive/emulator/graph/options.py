"""
Query options, headers and body properties: which of them an operation knows.

Graph ignores some unknown options and refuses others. The emulator refuses all of them, so that a test does
not pass because an option that has no effect here was ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.requests import json_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_drive.emulator.messages import Request, Response
    from airflow_provider_drive.emulator.state.tenant import Tenant

_SYSTEM = {"select", "expand", "top", "skiptoken", "orderby", "filter", "count", "skip", "search", "format"}
_FORMS = {"$top": re.compile("[0-9]+"), "$count": re.compile("true|false")}
# Preferences are not here: https://www.rfc-editor.org/rfc/rfc7240#section-2 says to ignore unknown ones
_CONDITIONS = {
    *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"),
    *("content-range", "deltaexcludeparent", "consistencylevel"),
}

Properties: TypeAlias = "dict[str, type | Properties]"
"""The properties of an object in JSON, each with its type, or with the properties of its own object."""

ANY: Properties = {"*": object}
"""The properties of a body that its handler checks by itself."""


@dataclass(frozen=True)
class Operation:
    """
    An operation on something that a path names.

    :param handle: Handles a request.
    :param query: The query options that it knows, and the arguments of a function.
    :param body: The properties that its JSON body can have. A body of None is the content of a file.
    :param headers: The headers that it knows, of those that change what a request does.
    :param context: What ``@odata.context`` of the response says after ``#``. ``{drive}``, ``{item}`` and
        ``{select}`` stand for the ids and the selected properties. By default, the response has none.
    """

    handle: Callable[[Tenant, Request, Any], Response]
    query: frozenset[str] = frozenset()
    body: Properties | None = field(default_factory=dict)
    headers: frozenset[str] = frozenset()
    context: str = ""


def check_options(operation: Operation, request: Request) -> None:
    """
    Check that the operation knows everything that the request contains.

    :raises GraphError: If it does not.
    """
    _check_query(operation, request)
    for header in _CONDITIONS & request.headers.keys() - operation.headers:
        raise invalid_request(f"The header '{header}' is not supported for this request.")
    if operation.body not in (None, ANY) and request.body:
        check_object(json_body(request), operation.body or {})


def _check_query(operation: Operation, request: Request) -> None:
    """Write the system query options with their ``$``, which is optional, and check all options."""
    given = [_option_name(name) for name, _ in parse_qsl(request.raw_query, keep_blank_values=True)]
    for name in list(request.query):
        request.query[_option_name(name)] = request.query.pop(name)
    if "format" in operation.query and "$format" in request.query:  # of driveitem-get-content-format
        request.query["format"] = request.query.pop("$format")
    for name in request.query.keys() - operation.query:
        if name == "$skip":
            raise invalid_request(
                "$skip is not supported on this API. Only URLs returned by the API can be used to page."
            )
        raise invalid_request(f"The query option '{name}' is not supported for this request.")
    for name in given:
        if given.count(name) > 1:
            raise GraphError(400, "BadRequest", f"Query option '{name}' was specified more than once.")
    for name, form in _FORMS.items():
        if name in request.query and not form.fullmatch(request.query[name]):
            message = f"Invalid value '{request.query[name]}' for {name} query option found."
            raise GraphError(400, "BadRequest", message)


def _option_name(name: str) -> str:
    """Return a system query option with its ``$``. Graph's pages write both skiptoken and skipToken."""
    plain = name.removeprefix("$").lower()
    return f"${plain}" if plain in _SYSTEM and (name.startswith("$") or name == plain) else name


def check_object(body: dict[str, Any], known: Properties) -> None:
    """
    Check the names and types of properties. Annotations of OData, and null, are allowed everywhere.

    :raises GraphError: If a property is unknown, or of another type.
    """
    for name, value in body.items():
        if name.startswith("@odata."):
            continue
        if name not in known:
            raise GraphError(
                400,
                "BadRequest",
                f"The property '{name}' does not exist on this type or is not a parameter of this action. "
                "Make sure to only use property names that are defined by the type.",
            )
        kind = known[name]
        if isinstance(kind, dict) and isinstance(value, dict):
            check_object(value, kind)
        elif value is not None and not _is_of(value, kind):
            raise invalid_request(f"The value of the property '{name}' is not of the expected type.")


def _is_of(value: Any, kind: type | Properties) -> bool:
    if isinstance(kind, dict):
        return False
    return isinstance(value, kind) and (kind in {bool, object} or not isinstance(value, bool))
