"""
How messages name an item: by its path in its drive, or only by its name.

https://learn.microsoft.com/graph/api/resources/itemreference
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote


def read_label(item: Mapping[Any, Any]) -> str:
    """
    Return the path of a driveItem in its drive, or its name, as far as it tells them.

    A mapping of :class:`~airflow_provider_drive.operators.list.DriveListOperator` tells its path below the
    folder that was listed.
    """
    parent, name = item.get("parentReference"), item.get("name")
    above = parent.get("path") if isinstance(parent, Mapping) else None
    if isinstance(item.get("root"), Mapping):
        return "/"
    if not isinstance(name, str):
        return ""
    if isinstance(above, str) and (root := re.search(r"root:(?=/|$)", above)):
        return join_labels(unquote(above[root.end() :]) or "/", name)
    path = item.get("path")
    return path if isinstance(path, str) and path else name


def join_labels(folder: str, *names: str) -> str:
    """Return the label of what is in a folder; only its name, if nothing is known of the folder."""
    return "/".join([folder.rstrip("/"), *names] if folder else names) or "/"
