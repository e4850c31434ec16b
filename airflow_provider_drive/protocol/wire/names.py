"""
Names of items: which may be sent, which are the same to a drive, which are free, and which are ours alone.

https://support.microsoft.com/office/restrictions-and-limitations-in-onedrive-and-sharepoint
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import uuid4

from airflow_provider_drive.exceptions import DriveAddressError, DriveArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

_Item = TypeVar("_Item")
_Other = TypeVar("_Other")
_TOKEN_LENGTH = 12
_TOKEN = re.compile(rf"~([0-9a-f]{{{_TOKEN_LENGTH}}})(?:\.[^.]*)?\Z")
_FORBIDDEN = re.compile(r'["*:<>?/\\|\x00-\x1f\x7f]')
_RESERVED = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10)),
}
_RESERVED_NAMES = {".lock", "desktop.ini"}


def check_path(path: Any) -> str:
    """
    Return a path relative to a folder, such as ``2026/plan.docx``, without empty names.

    :raises DriveAddressError: If one of its names is not valid.
    """
    if not isinstance(path, str):
        raise DriveAddressError(f"{path!r} is not a valid path: must be a string.")
    return "/".join(check_name(name) for name in path.split("/") if name)


def check_name(name: Any) -> str:
    """
    Return the name if an item may have it. Graph's further rules are left to Graph.

    :raises DriveAddressError: If it is empty, ``.`` or ``..``, or contains a slash or a control character.
    """
    if not isinstance(name, str):
        raise DriveAddressError(f"{name!r} is not a valid item name: must be a string.")
    problem = find_problem(name) or ("contains a slash" if "/" in name else "")
    if problem:
        raise DriveAddressError(f"{name!r} is not a valid item name: {problem}.")
    return name


def is_name(value: Any) -> bool:
    """Whether an item may have this name: it can be sent, and is a single path segment."""
    return isinstance(value, str) and "/" not in value and not find_problem(value)


def find_problem(name: str) -> str:
    """Return what is wrong with a name, or nothing: in words that follow the name in a message."""
    if not name:
        return "a name is empty"
    if name in {".", ".."}:
        return f"{name!r} is not allowed as a name"
    if any(unicodedata.category(character) == "Cc" for character in name):
        return "contains a control character"
    return "" if is_encodable(name) else "contains a lone surrogate, which cannot be sent"


def is_encodable(text: str) -> bool:
    """Whether a text can be sent: lone surrogates cannot be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def normalize_name(name: str) -> str:
    """Return the same text for names (or paths) that differ only in case and in Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same to a drive: it keeps case and Unicode form, and ignores them."""
    return normalize_name(one) == normalize_name(other)


class NameIndex(Generic[_Item]):
    """
    Items of one folder by their names, or of a tree by their paths.

    Names that differ only in case or Unicode form are the same, unless several items have them: then only
    the exact name counts. So ``Straße.txt`` and ``Strasse.txt`` are never taken for each other if both exist.
    """

    def __init__(self) -> None:
        self._items: dict[str, dict[str, _Item]] = {}

    def add(self, name: str, item: _Item) -> None:
        """Add an item, or replace the one that has exactly this name."""
        self._items.setdefault(normalize_name(name), {})[name] = item

    def get(self, name: str) -> _Item | None:
        """Return the item that has a name, or None if there is none or it cannot be told which one it is."""
        items = self._items.get(normalize_name(name), {})
        if name in items or len(items) != 1:
            return items.get(name)
        return next(iter(items.values()))

    def remove(self, name: str) -> None:
        """Forget the item that has a name."""
        key = normalize_name(name)
        items = self._items.get(key, {})
        items.pop(name if name in items or len(items) != 1 else next(iter(items)), None)
        if not items:
            self._items.pop(key, None)

    def items(self) -> list[tuple[str, _Item]]:
        """Return each name with its item."""
        return [pair for items in self._items.values() for pair in items.items()]

    def pairs(self, others: NameIndex[_Other]) -> list[tuple[str, _Item, _Other | None]]:
        """
        Return each name with its item, and the item that has the name in another index.

        Each item comes for one name only: where names fold together, only the exact name counts.
        """
        found: list[tuple[str, _Item, _Other | None]] = []
        for key, items in self._items.items():
            theirs = others._items.get(key, {})
            is_exact = len(items) > 1 or len(theirs) > 1
            only = None if is_exact else next(iter(theirs.values()), None)
            found += [(name, item, theirs.get(name) if is_exact else only) for name, item in items.items()]
        return found

    def __contains__(self, name: str) -> bool:
        """Whether an item has this name, in whatever case or Unicode form."""
        return normalize_name(name) in self._items

    def __len__(self) -> int:
        return sum(map(len, self._items.values()))


def check_new_name(name: str) -> str:
    """
    Return a name that a file or folder of SharePoint and OneDrive may be given.

    https://support.microsoft.com/office/restrictions-and-limitations-in-onedrive-and-sharepoint

    :raises DriveArgumentError: If it is forbidden. The message has a name that would do.
    """
    allowed = _FORBIDDEN.sub("-", name).strip(" ")
    stem = allowed.partition(".")[0].upper()
    if stem in _RESERVED or allowed.startswith("~$") or allowed.casefold() in _RESERVED_NAMES:
        allowed = f"_{allowed.removeprefix('~$')}"
    allowed = allowed.rstrip(".") or "_"
    if allowed == name:
        return name
    raise DriveArgumentError(f"SharePoint and OneDrive forbid the name {name!r}; {allowed!r} would do.")


def split_name(name: str, *, is_folder: bool) -> tuple[str, str]:
    """Return a name without its extension, and the extension; a folder's name has none."""
    stem, dot, extension = name.rpartition(".")
    return (name, "") if is_folder or not stem else (stem, dot + extension)


def temporary_name(name: str, token: str | None = None, *, is_folder: bool = False) -> str:
    """
    Return a name that nobody else can have, and that is no longer than the item's own if that is possible.

    It keeps the extension: the service treats files by it.

    :param token: What makes it unique. Default is a new random one.
    """
    stem, extension = split_name(name, is_folder=is_folder)
    token = (token or uuid4().hex)[:_TOKEN_LENGTH]
    return f"{stem[: max(0, len(stem) - len(token) - 1)]}~{token}{extension}"


def is_same_temporary_name(one: str, other: str) -> bool:
    """Whether two names are the same but for the item's own name, which may have changed since."""
    tokens = [match and match[1] for match in map(_TOKEN.search, (one, other))]
    return tokens[0] is not None and tokens[0] == tokens[1]


def free_name(name: str, taken: Callable[[str], bool], *, is_folder: bool = False) -> str:
    """Return the name, or the name with the lowest free number, as ``rename`` does: ``plan 1.docx``."""
    stem, extension = split_name(name, is_folder=is_folder)
    candidate, number = name, 0
    while taken(candidate):
        number += 1
        candidate = f"{stem} {number}{extension}"
    return candidate


def is_renamed(name: str, wanted: str) -> bool:
    """Whether a name is what ``rename`` may have made of the wanted one."""
    parts = (split_name(wanted, is_folder=is_folder) for is_folder in (False, True))
    patterns = (rf"{re.escape(stem)}(?: ?\(?[0-9]+\)?)?{re.escape(extension)}" for stem, extension in parts)
    return any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in patterns)
