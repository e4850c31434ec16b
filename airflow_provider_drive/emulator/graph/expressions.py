"""The expressions in ``$select`` and ``$expand``: https://learn.microsoft.com/graph/query-parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph.errors import invalid_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_drive.emulator.messages import Request

_NESTED = r"(?:[^()]|\([^()]*\))*"
_EXPANDED = re.compile(rf"(\w+)(?:\(({_NESTED})\))?(?:,|$)")
_OPTION = re.compile(rf"\$?(select|expand)=((?:[^();]|\({_NESTED}\))+)(?:;|$)")


def names(text: str) -> set[str]:
    """Return the properties that a ``$select`` names; none if it is empty."""
    return {name.strip() for name in text.split(",") if name.strip()}


def select(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Keep the properties that ``$select`` of a request names."""
    return keep(body, request.query.get("$select", ""))


def keep(body: dict[str, Any], text: str) -> dict[str, Any]:
    """Keep the properties that a ``$select`` names. Annotations always stay."""
    known = names(text)
    return {key: value for key, value in body.items() if key in known or "@" in key} if known else body


def expansions(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """
    Yield each property that ``$expand`` names, with the options ``select`` and ``expand`` in its parentheses.

    :raises GraphError: If the text is not valid, or if it contains other options.
    """
    position = 0
    while position < len(text):
        found = _EXPANDED.match(text, position)
        if found is None:
            raise invalid_request("The $expand clause is invalid.")
        yield found[1], _options(found[2] or "")
        position = found.end()


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    position = 0
    while position < len(text):
        found = _OPTION.match(text, position)
        if found is None or found[1] in options:
            name = text[position:].partition("=")[0]
            raise invalid_request(f"The option '{name}' is not supported in $expand.")
        options[found[1]] = found[2]
        position = found.end()
    return options
