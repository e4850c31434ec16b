"""
What exists of a path that does not: asked for only if a task fails because of it.

https://learn.microsoft.com/graph/onedrive-addressing-driveitems
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import unquote

from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.items.lookup import Pages, find_item, find_nearest
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.addresses import encode_resource
from airflow_provider_drive.protocol.wire.items import children_request
from airflow_provider_drive.protocol.wire.names import normalize_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.flow import Flow
    from airflow_provider_drive.protocol.wire.addresses import PathAddress
    from airflow_provider_drive.protocol.wire.items import DriveItem

_LIBRARY_NAMES = {"documents", "shared documents"}
_NAMES_SHOWN = 5


def describe_missing(address: PathAddress) -> Flow[str]:
    """Return what exists of a path that does not, and what may be meant instead; nothing if it does exist."""
    nearest, missing = yield from find_nearest(address)
    if nearest is None:
        return (yield from _describe_drive(address))
    if not missing:
        return ""
    if nearest.is_root and _is_library(missing[0], nearest):
        return (yield from _describe_library(address, missing))
    page = yield from Pages(children_request(nearest.ref, lean=True)).read()
    names = [name for entry in page if isinstance(name := entry.get("name"), str)]
    where = "The root folder" if nearest.is_root else str(nearest)
    return f"{where} exists, and holds no {missing[0]!r}. {_describe_names(missing[0], names)}"


def _describe_names(name: str, names: Sequence[str]) -> str:
    """Say what a folder holds: the names that are similar, else the first ones."""
    by_normal = {normalize_name(each): each for each in names}
    near = [by_normal[key] for key in get_close_matches(normalize_name(name), by_normal, _NAMES_SHOWN, 0.7)]
    if near:
        return f"There is {', '.join(map(repr, near))}."
    if not names:
        return "It is empty, or this login may not see what is in it."
    more = " …" if len(names) > _NAMES_SHOWN else ""
    return f"It holds {', '.join(map(repr, sorted(names)[:_NAMES_SHOWN]))}{more}"


def _is_library(name: str, root: DriveItem) -> bool:
    """Whether a name is that of the library itself: people copy it from a URL."""
    in_url = unquote((root.web_url or "").rpartition("/")[2])
    return normalize_name(name) in {*_LIBRARY_NAMES, normalize_name(in_url)}


def _describe_library(address: PathAddress, missing: tuple[str, ...]) -> Flow[str]:
    inside = replace(address, names=missing[1:])
    text = f"Leave {missing[0]!r} out: it is the library itself, and a path begins inside it."
    if inside.names and (yield from find_item(inside)) is not None:
        text += f" {'/' + '/'.join(inside.names)!r} exists."
    return text


def _describe_drive(address: PathAddress) -> Flow[str]:
    """Say what is missing if not even the root folder is to be seen."""
    if not address.drive.startswith("sites/"):
        return "The drive itself does not exist, or this login may not see it."
    site = address.drive.removesuffix("/drive")
    request = Request("GET", encode_resource(site), f"read the site {site}")
    response = yield from send_with_retries(request, lambda response: response)
    if response.ok:
        return "The site exists, but not its library, or this login may not see it."
    return f"There is no site {site.removeprefix('sites/').rstrip(':')!r}, or this login may not see it."
