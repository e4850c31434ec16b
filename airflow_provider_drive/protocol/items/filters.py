"""
Select items below a folder by name, size, time and kind.

Names are compared without case and Unicode normalization, as drives do.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.wire.names import normalize_name
from airflow_provider_drive.protocol.wire.validation import check_choice

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from airflow_provider_drive.protocol.wire.items import DriveItem

KINDS = ("file", "folder", "all")
_PARTS = re.compile(r"(?<![^/])\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|.", re.DOTALL)
_IMPOSSIBLE = re.compile(r'[":<>|\\](?![^\[]*\])')
"""A character that no name has, outside of a set."""
_RANGES = re.compile(r"(.)-(.)|(.)", re.DOTALL)
_ACROSS_FOLDERS = {"": "", "**/": r"(?:.*?/)??", "**": r".*?"}


@dataclass(frozen=True)
class Selection:
    """
    Conditions that an item must meet. Omitted conditions do not apply.

    :param pattern: Globs, of which the path below the folder must match one: ``*`` is any part of a name,
        ``?`` one character, ``[a-z]`` one of these, ``[!a-z]`` one other than these, ``**`` any part of the
        path, and ``**/`` any number of folders, including none.
    :param exclude: Globs, of which the path must match none.
    :param modified_before: Seconds since the epoch, exclusive; so is ``created_before``.
    :param modified_after: Seconds since the epoch, inclusive; so is ``created_after``.
    :param min_size: Bytes, inclusive; so is ``max_size``. They apply to files only.
    :param kind: ``file``, ``folder`` or ``all``. A notebook counts as a file; a shortcut to another drive is
        neither.
    :param counts: How many items of this kind were selected (``""``), and how many each condition left out.
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
    counts: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    @property
    def is_all(self) -> bool:
        """Whether every file is selected."""
        return self == Selection()

    def takes(self, path: str, item: DriveItem) -> bool:
        """
        Whether an item is selected.

        An item whose size or time is unknown does not meet a condition on it.

        :param path: The item's path below the folder.
        """
        if self.kind not in {"all", _classify(item)}:
            return False
        condition = self._failed_condition(path, item)
        self.counts[condition] += 1
        return not condition

    def _failed_condition(self, path: str, item: DriveItem) -> str:
        """Return the parameter whose condition an item does not meet, or nothing."""
        name = normalize_name(path)
        ranges: dict[str, tuple[float | None, float | None, float | None]] = {
            "modified_after": (item.modified, self.modified_after, None),
            "modified_before": (item.modified, None, self.modified_before),
            "created_after": (item.created, self.created_after, None),
            "created_before": (item.created, None, self.created_before),
        }
        if self.pattern and self._pattern.fullmatch(name) is None:
            return "pattern"
        if self.exclude and self._exclude.fullmatch(name):
            return "exclude"
        failed = next((key for key, values in ranges.items() if not _is_between(*values)), "")
        if failed or item.is_folder:
            return failed
        if not _is_between(item.size, self.min_size, None):
            return "min_size"
        return "" if _is_between(item.size, None, self.max_size, inclusive=True) else "max_size"

    def as_dict(self) -> dict[str, int]:
        """Return how many items were seen, how many match, and how many each parameter left out."""
        left_out = {name: count for name, count in self.counts.items() if name}
        return {"seen": self.counts.total(), "matching": self.counts[""], **left_out}

    def describe(self) -> str:
        """Say what the conditions did, for a log; nothing if there are none."""
        if self.kind == "file" and self.is_all:
            return ""
        parts = [f"{count} by {name}" for name, count in self.counts.most_common() if name]
        left_out = f"; left out: {', '.join(parts)}" if parts else ""
        text = f"{self.counts.total()} seen, {self.counts['']} match{left_out}."
        return text if self.counts[""] else f"{text}{self._hint()}"

    def _hint(self) -> str:
        """Say what may be wrong with patterns that match nothing."""
        if any("\\" in glob for glob in self.pattern):
            return " Write paths with /, not with a backslash."
        if any("," in glob or "{" in glob for glob in self.pattern):
            return " Give several patterns as a list: ['**/*.docx', '**/*.pdf']."
        if self.counts["pattern"] and any("/" not in glob and "**" not in glob for glob in self.pattern):
            return " A pattern without **/ matches in the folder itself only: '**/*.docx' also matches below."
        return ""

    def fault(self, path: str, item: DriveItem) -> str:
        """
        Return why an item is left out for what it is, although it meets the other conditions; or nothing.

        Whether an item without a name matches a glob is not known: it counts as if it did.

        :param path: The item's path below the folder.
        """
        fault = fault_of(item)
        if not fault:
            return ""
        pattern, exclude = (self.pattern, self.exclude) if item.name else ((), ())
        wanted = replace(self, kind="all", pattern=pattern, exclude=exclude, counts=Counter())
        return fault if wanted.takes(path, item) else ""

    def takes_path(self, path: str) -> bool:
        """Whether the globs select a path."""
        path = normalize_name(path)
        return (not self.pattern or self._pattern.fullmatch(path) is not None) and not (
            self.exclude and self._exclude.fullmatch(path)
        )

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _compile_globs(self.pattern)

    @cached_property
    def _exclude(self) -> re.Pattern[str]:
        return _compile_globs(self.exclude)


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
    Return the selection for an operator's parameters.

    :param now: The time that durations are subtracted from, in seconds since the epoch.
    :param times: The times of :class:`Selection`: a ``datetime`` or ``date``, a duration before now
        (``modified_before`` with seven years: older than that), or either as an ISO 8601 string, such as
        ``2019-01-01`` or ``P7Y``.
    :raises DriveArgumentError: If a parameter is not valid. The message names it.
    """
    check_choice("kind", kind, KINDS)
    selection = Selection(
        _read_globs("pattern", pattern),
        _read_globs("exclude", exclude),
        min_size=_read_size("min_size", min_size),
        max_size=_read_size("max_size", max_size),
        kind=kind,
    )
    read = {name: _read_time(name, value, now) for name, value in times.items()}
    return replace(selection, **read)  # type: ignore[arg-type]  # the times are the fields that are left


def fault_of(item: DriveItem) -> str:
    """Return why an item is neither a folder nor a document that can be copied, or nothing."""
    if item.remote is not None:
        return "it is a shortcut: what it leads to is in another folder, and is neither copied nor deleted"
    if not item.name:
        return "it has no name"
    if item.kind is None and not item.is_root:
        return "it is neither a file nor a folder nor a package, but perhaps an album, so it cannot be copied"
    return ""


def check_can_match(selection: Selection, *, recursive: bool) -> Selection:
    """
    Return a selection whose globs can match, for those who would wait for a match for ever.

    :param recursive: Whether it selects from subfolders as well.
    :raises DriveArgumentError: If one of its globs matches no path that there can be.
    """
    for glob in selection.pattern:
        names = [name for name in glob.strip("/").split("/") if name != "**"]
        if any(name in {"", ".", ".."} or _IMPOSSIBLE.search(name) for name in names):
            raise DriveArgumentError(
                f"Invalid `pattern`: {glob!r} can match nothing. It is a path below the folder, with slashes "
                'between the names, and no name has one of these characters: " : < > | \\'
            )
        if not recursive and len(names) > 1:
            raise DriveArgumentError(
                f"Invalid `pattern`: {glob!r} matches only items in subfolders, which `recursive` leaves out."
            )
    return selection


def _classify(item: DriveItem) -> str | None:
    return "folder" if item.is_folder else "file" if item.kind in {"file", "package"} else None


def _is_between(
    value: float | None, least: float | None, most: float | None, *, inclusive: bool = False
) -> bool:
    if least is None and most is None:
        return True
    if value is None or (least is not None and value < least):
        return False
    return most is None or value < most or (inclusive and value == most)


def _compile_globs(globs: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_translate_glob(glob)})" for glob in globs), re.DOTALL)


def _translate_glob(glob: str) -> str:
    """
    Return the regular expression for a glob, whose time does not explode with the number of its wildcards.

    What is between two wildcards is taken where it is found first, in an atomic group: another place for it
    would leave less room for the rest. Only the last wildcard of each kind has to try further places.
    """
    *groups, (wildcard, last) = _split(_PARTS.findall(normalize_name(glob).strip("/")), _ACROSS_FOLDERS)
    found = (f"(?>{_ACROSS_FOLDERS[before]}{_translate_names(parts, '?')})" for before, parts in groups)
    return "".join(found) + _ACROSS_FOLDERS[wildcard] + _translate_names(last, "")


def _translate_names(parts: Sequence[str], lazily: str) -> str:
    """
    Return the regular expression for a part of a glob in which no wildcard goes across folders.

    :param lazily: ``?`` if its end is taken where it is found first, nothing if it is the end of the path.
    """
    (_, first), *others = [(star, "".join(map(_translate_one, some))) for star, some in _split(parts, {"*"})]
    inner = "".join(f"(?>[^/]*?{names})" for _, names in others[:-1])
    return first + inner + "".join(f"[^/]*{lazily}{names}" for _, names in others[-1:])


def _split(parts: Sequence[str], wildcards: Container[str]) -> list[tuple[str, list[str]]]:
    """Return the parts before the first wildcard, and those after each, with the wildcard before them."""
    groups: list[tuple[str, list[str]]] = [("", [])]
    for part in parts:
        if part in wildcards:
            groups.append((part, []))
        else:
            groups[-1][1].append(part)
    return groups


def _translate_one(part: str) -> str:
    """Return the regular expression for one character: ``a``, ``?``, ``[abc]``, ``[!a-z]``."""
    if len(part) == 1:
        return "[^/]" if part == "?" else re.escape(part)
    is_none_of = part.startswith("[!") and part != "[!]"
    ranges = "".join(
        f"{re.escape(low)}-{re.escape(high)}" if low else re.escape(one)
        for low, high, one in _RANGES.findall(part[2 if is_none_of else 1 : -1])
    )
    return f"(?!/)[{'^' if is_none_of else ''}{ranges}]"


def _read_globs(name: str, value: Any) -> tuple[str, ...]:
    globs = tuple(value) if isinstance(value, (list, tuple, set)) else () if value is None else (value,)
    if not all(isinstance(glob, str) and glob.strip("/") for glob in globs):
        raise DriveArgumentError(
            f"Invalid `{name}`: must be a glob such as '**/*.docx' or a list of globs, got {value!r}."
        )
    try:
        _compile_globs(globs)
    except re.error:
        raise DriveArgumentError(f"Invalid `{name}`: {value!r} is not a valid glob.") from None
    return globs


def _read_size(name: str, value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value.strip()):  # from a template
        return int(value)
    raise DriveArgumentError(f"Invalid `{name}`: must be a number of bytes, got {value!r}.")


def _read_time(name: str, value: Any, now: float) -> float | None:
    """Return a time or a duration before now in seconds since the epoch."""
    if value is None:
        return None
    try:
        time = _to_timestamp(_parse_time(value) if isinstance(value, str) else value, now)
    except (ValueError, TypeError, OverflowError, AttributeError):  # pendulum's, for "PT1M/PT2M"
        time = None
    if time is None:
        raise DriveArgumentError(
            f"Invalid `{name}`: must be a time or a duration, such as '2019-01-01' or 'P7Y', got {value!r}."
        )
    return time


def _parse_time(text: str) -> Any:
    import pendulum  # noqa: PLC0415  # slow import: only for tasks, not for Dag files

    return pendulum.parse(text.strip(), exact=True)


def _to_timestamp(value: Any, now: float) -> float | None:
    """Return None for a value that is neither a time nor a duration."""
    import pendulum  # noqa: PLC0415  # as above

    if isinstance(value, pendulum.Interval):
        return None
    if isinstance(value, pendulum.Duration):
        value = pendulum.from_timestamp(now) - value  # pendulum knows the lengths of months and years
    if isinstance(value, timedelta):
        return now - value.total_seconds()
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return None
