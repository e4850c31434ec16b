"""
Paths of the file system: ``{host}/{site path}/{library}/{path}``, or ``{drive id}/{path}``.

Nothing in the path below the library is decoded: ``%20`` and ``#`` are parts of a name there. The site and
the library may be percent-encoded, as a browser shows them.
"""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveArgumentError,
    DriveItemNotFoundError,
    DriveLockedError,
    DriveNameConflictError,
    DriveQuotaError,
)
from airflow_provider_drive.protocol.items.lookup import in_library
from airflow_provider_drive.protocol.wire.addresses import LibraryAddress, PathAddress
from airflow_provider_drive.protocol.wire.names import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_drive.protocol.flow import Flow

SCHEME = "msdrive"
_SITES = {"sites", "teams", "personal"}
"""The first part of the path of a site that is not its host's root site."""
_DRIVE_ID = re.compile(r"b![A-Za-z0-9_-]+|[0-9A-Fa-f]{15,16}")
_CONNECTION = re.compile(r"[^/@]*@")
_ERRORS = {
    DriveItemNotFoundError: (FileNotFoundError, errno.ENOENT),
    DriveNameConflictError: (FileExistsError, errno.EEXIST),
    DriveAccessDeniedError: (PermissionError, errno.EACCES),
    DriveLockedError: (OSError, errno.EBUSY),
    DriveQuotaError: (OSError, errno.ENOSPC),
}


def strip_path(path: Any) -> str:
    """
    Return a path without scheme, connection, and slashes at its ends.

    Airflow 2.11 hands ``/host/…`` on, Airflow 3 ``host/…``, and some callers the URL: ``msdrive://conn@host/…``.
    """
    text = str(path).removeprefix(f"{SCHEME}://").removeprefix(f"{SCHEME}:").strip("/")
    return text[found.end() :].strip("/") if (found := _CONNECTION.match(text)) else text


def connection_of(path: Any) -> str | None:
    """Return the connection that a URL names, if it names one."""
    text = str(path).removeprefix(f"{SCHEME}://").lstrip("/")
    found = _CONNECTION.match(text)
    return (found[0].removesuffix("@") or None) if found else None


@dataclass(frozen=True, slots=True)
class DrivePath:
    """
    A path.

    :param site: Graph's resource of the site; None if the drive is given by its id.
    :param library: The library's name, or the last part of its URL, or the drive's id; None in the path of a
        site.
    :param names: Below the library's root.
    """

    site: str | None
    library: str | None
    names: tuple[str, ...] = ()

    def in_subsite(self) -> DrivePath | None:
        """Return the path if what looks like a library is a site below the site."""
        if self.site is None or self.library is None or not self.names:
            return None
        is_root_site = ":" not in self.site
        site = f"{self.site}:/{self.library}:" if is_root_site else f"{self.site[:-1]}/{self.library}:"
        return DrivePath(site, unquote(self.names[0]), self.names[1:])


def parse_path(path: str) -> DrivePath:
    """
    Parse a path without scheme and connection.

    :raises FileNotFoundError: If nothing can have the path: a name is empty, or ``..``.
    """
    first, *rest = path.split("/")
    if not all(is_name(name) and ":" not in name for name in (first, *rest)):
        raise FileNotFoundError(errno.ENOENT, "Nothing in a drive can have this path", path)
    if _DRIVE_ID.fullmatch(first):
        return DrivePath(None, first, tuple(rest))
    site = f"sites/{first}"
    if rest and rest[0] in _SITES:
        if len(rest) == 1:
            raise FileNotFoundError(
                errno.ENOENT, "Give a site: msdrive://{host}/sites/{name}/{library}", path
            )
        site, rest = f"{site}:/{rest[0]}/{unquote(rest[1])}:", rest[2:]
    return DrivePath(site, unquote(rest[0]) if rest else None, tuple(rest[1:]))


def find_drive(path: DrivePath) -> Flow[PathAddress]:
    """
    Return the address of a path by its drive's id.

    :raises DriveItemNotFoundError: If there is no such site or library.
    """
    if path.site is None:
        return PathAddress(f"drives/{path.library}", names=path.names)
    try:
        return (yield from in_library(LibraryAddress(path.site, path.library or "", names=path.names)))
    except (DriveArgumentError, DriveItemNotFoundError) as error:
        below = path.in_subsite()
        if below is not None:
            try:
                return (yield from find_drive(below))
            except DriveItemNotFoundError:
                pass
        raise DriveItemNotFoundError(str(error), status=404) from error


@contextmanager
def os_errors(path: str) -> Iterator[None]:
    """Raise what goes wrong as the errors that callers of a file system know."""
    try:
        yield
    except tuple(_ERRORS) as error:
        kind, number = next(_ERRORS[ours] for ours in _ERRORS if isinstance(error, ours))
        raise kind(number, str(error), path) from error
