"""
Query options, headers and body properties: which of them an operation knows.

Graph ignores some unknown options and refuses others. The emulator refuses all of them, so that a test does
not pass because an option that has no effect here was ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.graph.requests import json_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_drive.emulator.messages import Request, Response
    from airflow_provider_drive.emulator.state.tenant import Tenant

    Properties = dict[str, Any]

_SYSTEM = {"select", "expand", "top", "skiptoken", "orderby", "filter", "count", "skip", "search", "format"}
# Preferences are not here: https://www.rfc-editor.org/rfc/rfc7240#section-2 says to ignore unknown ones
_CONDITIONS = {
    *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"),
    *("content-range", "deltaexcludeparent", "consistencylevel"),
}


ANY: Properties = {"*": None}
"""The properties of a body that its handler checks by itself."""


@dataclass(frozen=True)
class Operation:
    """
    An operation on something that a path names.

    :param handle: Handles a request.
    :param query: The query options that it knows, and the arguments of a function.
    :param body: The properties that its JSON body can have, each with those of the object that it contains,
        or None for any JSON. A body of None is the content of a file.
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
        for name in _unknown(json_body(request), operation.body):
            raise GraphError(
                400,
                "BadRequest",
                f"The property '{name}' does not exist on this type or is not a parameter of this action. "
                "Make sure to only use property names that are defined by the type.",
            )


def _check_query(operation: Operation, request: Request) -> None:
    """Write the system query options with their ``$``, which is optional, and check all options."""
    for name in list(request.query):
        plain = name.removeprefix("$").lower()  # Graph's pages write both skiptoken and skipToken
        if plain in _SYSTEM and (name.startswith("$") or name == plain):
            request.query[f"${plain}"] = request.query.pop(name)
    if "format" in operation.query and "$format" in request.query:  # of driveitem-get-content-format
        request.query["format"] = request.query.pop("$format")
    for name in request.query.keys() - operation.query:
        if name == "$skip":
            raise invalid_request(
                "$skip is not supported on this API. Only URLs returned by the API can be used to page."
            )
        raise invalid_request(f"The query option '{name}' is not supported for this request.")


def _unknown(body: Properties, known: Properties, path: str = "") -> Iterator[str]:
    """Yield the properties that are not known. Annotations of OData are known everywhere."""
    for name, value in body.items():
        if name not in known and not name.startswith("@odata."):
            yield path + name
        elif isinstance(value, dict) and known.get(name) is not None:
            yield from _unknown(value, known[name], f"{path}{name}/")
