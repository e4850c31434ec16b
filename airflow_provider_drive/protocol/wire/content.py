"""
Whether two files have the same content, as far as Graph tells.

Same means: the same size and the same hash. It is never told by a name, an age or a size alone.

https://learn.microsoft.com/graph/api/resources/hashes
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

STRONGEST_FIRST = ("sha256Hash", "sha1Hash", "quickXorHash")
"""
The hashes that count, the strongest first: the first that both files have is compared.

quickXorHash is not cryptographic: whoever wants to can make two files that share it. SharePoint has no other.
"""
REWRITE_SECONDS = 3_600.0
"""How long after its arrival the service may still write properties into a file."""
_OFFICE = (
    *(".docx", ".docm", ".dotx", ".dotm", ".doc", ".dot", ".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb"),
    *(".xlam", ".xls", ".xlt", ".xla", ".xlw", ".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm"),
    *(".ppam", ".ppt", ".pot", ".pps", ".ppa"),
    *(".vsdx", ".vsd", ".one", ".onetoc2", ".aspx", ".html", ".htm"),
)
_MEDIA = (".jpg", ".jpeg", ".heic", ".png", ".tif", ".tiff", ".mp3", ".m4a", ".wma")
_OFFICE_BYTES = 12_288
"""
By which SharePoint was seen to change the size of an Office file: 1,536 bytes
(https://github.com/rclone/rclone/issues/3564) to 11,264 (https://github.com/rclone/rclone/issues/4890).
"""
_MEDIA_BYTES = 1_024
"""The same for photos: 11 or 12 bytes, https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8903."""


class Match(Enum):
    """How the content of a copy compares with its source's."""

    SAME = "same"
    REWRITTEN = "rewritten by the service"
    UNKNOWN = "not known"
    DIFFERENT = "different"


class Content(Protocol):
    """What is known of a file's content. Times are in seconds since the epoch."""

    @property
    def name(self) -> str | None:
        """Its name."""

    @property
    def kind(self) -> str | None:
        """``file``, ``folder`` or ``package``."""

    @property
    def size(self) -> int | None:
        """Its size in bytes."""

    @property
    def hashes(self) -> Mapping[str, str]:
        """Its hashes, by Graph's names."""

    @property
    def created(self) -> float | None:
        """When it was made."""

    @property
    def modified(self) -> float | None:
        """When it was last changed."""


def compare_files(copy: Content, source: Content, *, is_personal: bool = False) -> Match:
    """
    Compare a file with what it may be a copy of.

    SharePoint writes properties into Office files and photos after they have arrived, so that size and hash
    differ though nobody has changed them. Such a file is ``REWRITTEN`` if it is no older than the source's
    last change, was not touched after the service was done with it, and has nearly the size: more than
    half of it at least, however small it is.

    :param is_personal: The copy is in OneDrive personal, which rewrites nothing.
    """
    if copy.kind != source.kind:
        return Match.DIFFERENT
    match = _compare_bytes(copy, source)
    if match is Match.DIFFERENT and not is_personal and _may_be_rewritten(copy, source):
        return Match.REWRITTEN
    return match


def may_rewrite(name: str | None) -> bool:
    """Whether the service may change the bytes of a file with this name, so that its copy cannot be told."""
    return (name or "").casefold().endswith(_OFFICE + _MEDIA)


def _compare_bytes(copy: Content, source: Content) -> Match:
    if copy.size is None or source.size is None:
        return Match.UNKNOWN
    if copy.size != source.size:
        return Match.DIFFERENT
    for name in STRONGEST_FIRST:
        if name in copy.hashes and name in source.hashes:
            return Match.SAME if copy.hashes[name] == source.hashes[name] else Match.DIFFERENT
    return Match.SAME if copy.size == 0 else Match.UNKNOWN


def _may_be_rewritten(copy: Content, source: Content) -> bool:
    name = (copy.name or "").casefold()
    most = _OFFICE_BYTES if name.endswith(_OFFICE) else _MEDIA_BYTES if name.endswith(_MEDIA) else -1
    if None in {copy.size, source.size, copy.created, copy.modified, source.modified}:
        return False
    size, before = copy.size or 0, source.size or 0
    is_near = abs(size - before) <= most and 2 * size > before
    is_newer = (copy.created or 0.0) >= (source.modified or 0.0)
    is_untouched = (copy.modified or 0.0) <= (copy.created or 0.0) + REWRITE_SECONDS
    return is_near and is_newer and is_untouched
