"""
Which of the items below a folder are meant.

Names are compared without their case and their Unicode form, as Graph's drives do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.wire.addresses import normalize_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_drive.protocol.wire.items import DriveItem

KINDS = ("file", "folder", "all")
_PIECES = re.compile(r"(?<![^/])\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", re.DOTALL)
_RANGES = re.compile(r"(.)-(.)|(.)", re.DOTALL)
_MEANINGS = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}


@dataclass(frozen=True)
class Selection:
    """
    What an item has to be like. Whatever is left out does not matter.

    :param pattern: Globs of which its path below the folder has to match one: ``*`` is any part of a name,
        ``?`` a character of it, ``[a-z]`` one of these, ``[!a-z]`` none of these, ``**`` any part of the
        path, and ``**/`` any folders, or none.
    :param exclude: Globs of which it may match none.
    :param modified_before: Seconds since the epoch; so are the other times.
    :param min_size: Bytes; for files.
    :param kind: ``file``, ``folder`` or ``all``. A notebook is a file here; a shortcut to another drive is
        neither.
    """

    pattern: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    modified_before: float | None = None
    modified_after: float | None = None
    created_before: float | None = None
    created_after: float | None = None
    min_size: int | None = None
    max_size: int | None = None
    kind: str = field(default="file")

    @property
    def is_all(self) -> bool:
        """Whether every file is meant."""
        return self == Selection()

    def takes(self, path: str, item: DriveItem) -> bool:
        """Whether an item is meant. One whose time or size is not known is not, where that counts."""
        return (
            self.kind in {"all", _kind(item)}
            and (not self.pattern or self._pattern.fullmatch(normalize_name(path)) is not None)
            and not (self.exclude and self._exclude.fullmatch(normalize_name(path)))
            and _is_between(item.modified, self.modified_after, self.modified_before)
            and _is_between(item.created, self.created_after, self.created_before)
            and (item.is_folder or _is_between(item.size, self.min_size, self.max_size, and_most=True))
        )

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _compile(self.pattern)

    @cached_property
    def _exclude(self) -> re.Pattern[str]:
        return _compile(self.exclude)


def read_selection(
    now: float,
    *,
    pattern: Any = None,
    exclude: Any = None,
    min_size: Any = None,
    max_size: Any = None,
    kind: str = "file",
    **times: Any,
) -> Selection:
    """
    Read what people write.

    :param now: What a duration counts back from, in seconds since the epoch.
    :param times: The times that :class:`Selection` has: a ``datetime`` or a ``date``, a duration
        (``modified_before`` seven years: older than that), or either as a text of ISO 8601, such as
        ``2019-01-01`` or ``P7Y``.
    :raises DriveArgumentError: If something makes no sense. The message names it.
    """
    if kind not in KINDS:
        raise DriveArgumentError(f"Invalid `kind`: must be one of {', '.join(KINDS)}, got {kind!r}.")
    return Selection(
        _globs("pattern", pattern),
        _globs("exclude", exclude),
        min_size=_size("min_size", min_size),
        max_size=_size("max_size", max_size),
        kind=kind,
        **{name: _time(name, value, now) for name, value in times.items()},
    )


def _kind(item: DriveItem) -> str | None:
    return "folder" if item.is_folder else "file" if item.kind in {"file", "package"} else None


def _is_between(
    value: float | None, least: float | None, most: float | None, *, and_most: bool = False
) -> bool:
    if least is None and most is None:
        return True
    if value is None or (least is not None and value < least):
        return False
    return most is None or value < most or (and_most and value == most)


def _compile(globs: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_translate(glob)})" for glob in globs), re.DOTALL)


def _translate(glob: str) -> str:
    pieces = _PIECES.findall(normalize_name(glob).strip("/"))
    return "".join(_MEANINGS.get(piece) or _literally(piece) for piece in pieces)


def _literally(piece: str) -> str:
    """Return the pattern for a character, or for one of a few: ``[abc]``, ``[!a-z]``."""
    if len(piece) == 1:
        return re.escape(piece)
    is_none_of = piece.startswith("[!") and piece != "[!]"
    ranges = "".join(
        f"{re.escape(low)}-{re.escape(high)}" if low else re.escape(one)
        for low, high, one in _RANGES.findall(piece[2 if is_none_of else 1 : -1])
    )
    return f"(?!/)[{'^' if is_none_of else ''}{ranges}]"


def _globs(name: str, value: Any) -> tuple[str, ...]:
    globs = tuple(value) if isinstance(value, (list, tuple, set)) else () if value is None else (value,)
    if not all(isinstance(glob, str) and glob.strip("/") for glob in globs):
        raise DriveArgumentError(
            f"Invalid `{name}`: must be a glob such as '**/*.docx' or a list of globs, got {value!r}."
        )
    try:
        _compile(globs)
    except re.error:
        raise DriveArgumentError(f"Invalid `{name}`: {value!r} is not a valid glob.") from None
    return globs


def _size(name: str, value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):  # as a template gives it
        return int(value)
    raise DriveArgumentError(f"Invalid `{name}`: must be a number of bytes, got {value!r}.")


def _time(name: str, value: Any, now: float) -> float | None:
    import pendulum  # noqa: PLC0415  # Dag files need not pay for what only a task does

    if value is None:
        return None
    meant = value
    if isinstance(value, str):
        try:
            meant = pendulum.parse(value.strip(), exact=True)
        except (ValueError, TypeError, OverflowError):
            meant = None
    try:
        if isinstance(meant, pendulum.Interval):
            meant = None
        elif isinstance(meant, pendulum.Duration):
            meant = pendulum.from_timestamp(now) - meant  # which knows how long years are
        elif isinstance(meant, timedelta):
            return now - meant.total_seconds()
        if isinstance(meant, date) and not isinstance(meant, datetime):
            meant = datetime(meant.year, meant.month, meant.day)  # noqa: DTZ001  # it gets its zone below
        if isinstance(meant, datetime):
            return (meant if meant.tzinfo else meant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        pass
    raise DriveArgumentError(
        f"Invalid `{name}`: must be a time or a duration, such as '2019-01-01' or 'P7Y', got {value!r}."
    )
