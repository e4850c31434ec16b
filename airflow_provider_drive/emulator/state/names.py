"""
Which names a drive takes.

https://learn.microsoft.com/graph/onedrive-addressing-driveitems, and SharePoint's restricted names.
"""

from __future__ import annotations

import re

from airflow_provider_drive.emulator.graph.errors import invalid_request

_ILLEGAL = re.compile(r'["*:<>?/\\|\x00-\x1f]')
_RESERVED = re.compile(r"(?i)\.lock|con|prn|aux|nul|com\d|lpt\d|desktop\.ini|~\$.*|.*_vti_.*")
_LONGEST_NAME, LONGEST_PATH = 255, 400


def check_name(name: object, drive_type: str) -> str:
    """Refuse a name that the service refuses."""
    if not isinstance(name, str) or not name or name in {".", ".."} or _ILLEGAL.search(name):
        raise invalid_request("The provided name cannot be used.", "invalidPath")
    if len(name) > _LONGEST_NAME:
        raise invalid_request("The provided name is too long.", "pathIsTooLong")
    if name != name.strip() or (drive_type != "personal" and _RESERVED.fullmatch(name)):
        raise invalid_request("The provided name is reserved.", "invalidPath")
    return name


def key(name: str) -> str:
    """Two names of one key cannot be in one folder: names keep their case, and are unique without it."""
    return name.casefold()


def numbered(name: str, number: int, *, is_folder: bool) -> str:
    """Append an integer, as ``rename`` does: https://learn.microsoft.com/graph/api/driveitem-copy."""
    stem, dot, extension = name.rpartition(".")
    if is_folder or not stem:
        return f"{name} {number}"
    return f"{stem} {number}{dot}{extension}"
