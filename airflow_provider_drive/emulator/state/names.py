"""
Rules for the names of files and folders.

https://learn.microsoft.com/graph/onedrive-addressing-driveitems and
https://support.microsoft.com/office/64883a5d-228e-48f5-b3d2-eb39e07630fa (SharePoint's restricted names).
"""

from __future__ import annotations

import re

from airflow_provider_drive.emulator.state.errors import InvalidNameError, NameTooLongError

_ILLEGAL = re.compile(r'["*:<>?/\\|\x00-\x1f]')
_RESERVED = re.compile(r"(?i)\.lock|con|prn|aux|nul|com\d|lpt\d|desktop\.ini|~\$.*|.*_vti_.*")
_MAX_NAME_LENGTH, MAX_PATH_LENGTH = 255, 400


def check_name(name: object, drive_type: str) -> str:
    """
    Return the name if the drive allows it.

    :raises InvalidNameError: If the name is empty, reserved or too long, or has an illegal character.
    """
    if not isinstance(name, str) or not name or name in {".", ".."} or _ILLEGAL.search(name):
        raise InvalidNameError("The provided name cannot be used.")
    if len(name) > _MAX_NAME_LENGTH:
        raise NameTooLongError("The provided name is too long.")
    if name != name.strip() or (drive_type != "personal" and _RESERVED.fullmatch(name)):
        raise InvalidNameError("The provided name is reserved.")
    return name


def key(name: str) -> str:
    """Return the key of a name in its folder. Names keep their case, but are unique without regard to it."""
    return name.casefold()


def numbered(name: str, number: int, *, is_folder: bool) -> str:
    """Append a number, as ``rename`` does: https://learn.microsoft.com/graph/api/driveitem-copy."""
    stem, dot, extension = name.rpartition(".")
    if is_folder or not stem:
        return f"{name} {number}"
    return f"{stem} {number}{dot}{extension}"
