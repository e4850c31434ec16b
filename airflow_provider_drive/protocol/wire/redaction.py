"""
The secrets that this process knows, and their removal from what the service says.

A message may quote a monitor URL as JSON or percent-encoded, without its host, or only its token.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

MAX_KNOWN = 2_000
"""Tokens and URLs of copies in progress. Those that have not been used for longest are forgotten."""
_LONG = 16
_SHORTEST = 8
"""Characters of a secret that is redacted: a shorter one would be found in anything."""
_MAX_ROUNDS = 10
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPE = re.compile(
    r"\\+u([0-9A-Fa-f]{4})|%(?:25)*([0-9A-Fa-f]{2})|&#[xX]0*([0-9A-Fa-f]{1,4});|&#0*([0-9]{1,5});|\\+"
)
"""Of JSON, of URLs and of HTML."""

_known: dict[str, tuple[str, ...]] = {}


def remember_secret(secret: str) -> None:
    """Redact a token, or a URL that is a secret, from now on."""
    parts = _known.pop(secret, None)
    if parts is None:
        unescaped = dict.fromkeys(_unescape(part) for part in secret_parts(secret))
        parts = tuple(part for part in unescaped if len(part) >= _SHORTEST)
    _known[secret] = parts
    while len(_known) > MAX_KNOWN:
        _known.pop(next(iter(_known)), None)


def redact(text: str) -> str:
    r"""Replace known secrets in a text, however they are written: ``\/``, ``\u002f``, ``%2F``, ``%252F``."""
    plain = _unescape(text)
    hidden = sorted(
        found.span()
        for parts in list(_known.values())
        for part in parts
        if part in plain
        for found in re.finditer(re.escape(part), plain)
    )
    if not hidden:
        return text
    places, kept, end = _locate(text), [], 0
    for first, last in hidden:
        start = places[first][0]
        if start >= end:
            kept += [text[end:start], "***"]
        end = max(end, places[last - 1][1])
    return "".join([*kept, text[end:]])


def forget_secrets() -> None:
    """Forget all secrets, as in a new process."""
    _known.clear()


def secret_parts(text: str) -> list[str]:
    """
    Return what must not be read in a log: a token; or what of a monitor URL opens it.

    That is its long query values, or all but its host if it has none. As few as will do: for each, Airflow's
    masker compiles all that it knows anew.
    """
    try:
        parts = urlsplit(text)
    except ValueError:  # a URL that nobody would call
        return [text]
    if not parts.scheme:
        return [text]
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    secrets = [value for value in values if len(value) > _LONG] or [f"{parts.path}?{parts.query}".rstrip("?")]
    as_sent = [
        _PERCENT.sub(lambda escape: escape[0].upper(), secret) for secret in secrets
    ]  # urllib3 does that
    return [secret for secret in dict.fromkeys(secrets + as_sent) if len(secret) > 1]


def _unescape(text: str) -> str:
    """Return a text without the escapes of JSON, URLs and HTML, also if it was escaped more than once."""
    for _ in range(_MAX_ROUNDS):
        text, count = _ESCAPE.subn(_read_escape, text)
        if not count:
            break
    return text


def _read_escape(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    if escape[4]:
        return chr(int(escape[4]))
    return chr(int(code, 16)) if code else ""


def _locate(text: str) -> list[tuple[int, int]]:
    """Return where in a text each character of it without escapes starts and ends."""
    places = [(start, start + 1) for start in range(len(text))]
    for _ in range(_MAX_ROUNDS):
        located, end = [], 0
        for escape in _ESCAPE.finditer(text):
            located += places[end : escape.start()]
            if _read_escape(escape):
                located.append((places[escape.start()][0], places[escape.end() - 1][1]))
            end = escape.end()
        places = located + places[end:]
        text, count = _ESCAPE.subn(_read_escape, text)
        if not count:
            break
    return places
