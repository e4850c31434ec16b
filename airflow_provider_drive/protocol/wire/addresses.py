"""
Parse item addresses: Graph's resource paths, item references, sharing links and browser URLs.

https://learn.microsoft.com/graph/onedrive-addressing-driveitems
https://learn.microsoft.com/graph/api/shares-get
"""

from __future__ import annotations

import base64
import re
import reprlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard
from urllib.parse import quote, urlsplit

from airflow_provider_drive.exceptions import DriveAddressError
from airflow_provider_drive.protocol.wire.labels import join_labels, read_label

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.wire.hosts import Hosts

_SUPPORTED_FORMS = (
    "Supported forms: a Graph path (drives/{drive-id}/items/{item-id}, "
    "drives/{drive-id}/root:/folder/file.docx, me/drive/…, users/{id}/drive/…, groups/{id}/drive/…, "
    "sites/{host}:/{site path}:/drive/…, sites/{host}:/{site path}:/drives/{library}/…), a "
    "mapping with driveId and id, a driveItem returned by another task, or the URL shown in a browser."
)
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 200
_ID = r"[^/:?#%\\\s\x00-\x1f\x7f]+"
_OWNER = (
    rf"me|users/(?P<user>[^/:?%\\\s]+)|groups/(?P<group>{_ID})|sites/(?P<host>{_ID})(?::/(?P<site>[^:]+):)?"
)
_DRIVE = re.compile(
    rf"(?:drives/(?P<id>{_ID})|(?P<owner>{_OWNER})/(?:drive|drives/(?P<library>[^/:]+)))/(?P<item>.+)",
    re.DOTALL,
)
_ITEM = re.compile(
    rf"(?:root|items/(?P<id>{_ID})|special/(?P<special>[A-Za-z]+))(?::/(?P<path>.*?):?|:/?)?", re.DOTALL
)
_SHARE = re.compile(r"shares/(?P<token>[us]![A-Za-z0-9_\-]+|s![A-Za-z0-9_\-]+)/(?:driveItem|root)")


@dataclass(frozen=True, slots=True)
class ItemRef:
    """
    An item by its ids: the only form that needs no lookup.

    :param label: Its path in the drive, or only its name, as far as it is known: for messages.
    """

    drive_id: str
    item_id: str
    label: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return repr(self.label) if self.label else self.full

    @property
    def full(self) -> str:
        """The address as Graph's documentation writes it: the ids."""
        return f"drives/{self.drive_id}/items/{self.item_id}"

    @property
    def url(self) -> str:
        """The item's resource, below Graph's version root."""
        return f"/drives/{_encode_id(self.drive_id)}/items/{_encode_id(self.item_id)}"

    @property
    def is_root(self) -> bool:
        """Always false: an id does not show whether the item is a drive's root folder."""
        return False

    @property
    def is_personal(self) -> bool:
        """Whether it is in OneDrive personal, judged by the form of its id: ``4F62A7105C03556E!1375``."""
        return "!" in self.item_id and not self.drive_id.startswith("b!")

    def as_dict(self) -> dict[str, str]:
        """Return Graph's itemReference, with exactly the properties that copy and move accept."""
        return {"driveId": self.drive_id, "id": self.item_id}


@dataclass(frozen=True, slots=True)
class PathAddress:
    """
    An item by its drive and path.

    :param drive: The drive's resource, not encoded: ``drives/{id}``, ``me/drive``, ``sites/…:/drive``.
    :param start: The item the path starts at: ``root``, ``items/{id}`` or ``special/{name}``.
    :param names: The names on the path, not encoded.
    :param label: The path of the item it starts at, if ``drive`` and ``start`` are ids: for messages.
    """

    drive: str
    start: str = "root"
    names: tuple[str, ...] = ()
    label: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return repr(join_labels(self.label, *self.names)) if self.label else self.full

    @property
    def full(self) -> str:
        """The address as Graph's documentation writes it."""
        return f"{self.drive}/{self.start}" + (":/" + "/".join(self.names) if self.names else "")

    @property
    def url(self) -> str:
        """The item's resource, below Graph's version root, percent-encoded."""
        path = ":/" + "/".join(quote(name, safe="") for name in self.names) if self.names else ""
        return f"{encode_resource(f'{self.drive}/{self.start}')}{path}"

    @property
    def parent(self) -> PathAddress | None:
        """The parent folder; None if the address has no path."""
        return replace(self, names=self.names[:-1]) if self.names else None

    @property
    def is_root(self) -> bool:
        """Whether this is the drive's root folder."""
        return self.start == "root" and not self.names


@dataclass(frozen=True, slots=True)
class LibraryAddress:
    """An item in a library given by name instead of id: ``sites/{host}:/{path}:/drives/{name}/…``."""

    site: str
    library: str
    start: str = "root"
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return PathAddress(f"{self.site}/drives/{self.library}", self.start, self.names).full

    @property
    def url(self) -> str:
        """The list of the site's libraries, below Graph's version root."""
        return f"{encode_resource(self.site)}/drives"

    def within(self, drive_id: str) -> PathAddress:
        """Return the address with the library's id."""
        label = f"{self.site}/drives/{self.library}/root:" if self.start == "root" else ""
        return PathAddress(f"drives/{drive_id}", self.start, self.names, label)

    @property
    def is_root(self) -> bool:
        """Whether this is the library's root folder."""
        return self.start == "root" and not self.names


@dataclass(frozen=True, slots=True)
class ShareAddress:
    """An item by a sharing link or browser URL."""

    token: str
    host: str

    def __str__(self) -> str:
        return f"the item shared as https://{self.host}/…"  # a sharing link may grant access

    @property
    def url(self) -> str:
        """The shared item's resource, below Graph's version root."""
        return f"/shares/{self.token}/driveItem"

    is_root = False


Address: TypeAlias = ItemRef | PathAddress | LibraryAddress | ShareAddress


def parse_address(value: Any, hosts: Hosts, *, follow: bool = True) -> Address:
    """
    Parse an address in any supported form.

    :param value: The address: a string or a mapping.
    :param hosts: The connection's hosts, which URLs must be on.
    :param follow: The driveItem of a shortcut is the address of what it leads to, not of the shortcut itself.
    :raises DriveAddressError: If the form is not supported. The message quotes the value and lists the forms.
    """
    if isinstance(value, Mapping):
        return _parse_mapping(value, follow=follow)
    if value is None:
        raise _address_error(value, "the template, or the other task that it names, gave no value")
    if not isinstance(value, str):
        raise _address_error(value, "must be a string or a mapping")
    text = value.strip()
    if text.startswith(f"{hosts.graph}/"):
        text = re.sub(r"^/+(?:v1\.0|beta)(?=/)", "", text[len(hosts.graph) :])
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", text):
        return _parse_url(text, hosts)
    if text.startswith(("{", "[")):
        raise _address_error(
            value, "a template rendered a mapping as a string; pass the other task's .output instead"
        )
    return _parse_path(text, value)


def same_item(one: ItemRef, other: ItemRef) -> bool:
    """Whether two references point to the same item."""
    is_same = one.item_id == other.item_id or (
        one.is_personal and one.item_id.casefold() == other.item_id.casefold()
    )
    return is_same and same_drive(one.drive_id, other.drive_id)


def same_drive(one: str, other: str) -> bool:
    """Whether two drive ids are the same: OneDrive personal changes their case and drops a leading zero."""
    return one.casefold().lstrip("0") == other.casefold().lstrip("0")


def check_name(name: Any) -> str:
    """
    Return the name if an item may have it. Graph's further rules are left to Graph.

    :raises DriveAddressError: If it is empty, ``.`` or ``..``, or contains a slash or a control character.
    """
    if not isinstance(name, str):
        raise DriveAddressError(f"{name!r} is not a valid item name: must be a string.")
    problem = _find_problem(name) or ("contains a slash" if "/" in name else "")
    if problem:
        raise DriveAddressError(f"{name!r} is not a valid item name: {problem}.")
    return name


def is_name(value: Any) -> bool:
    """Whether an item may have this name: it can be sent, and is a single path segment."""
    return isinstance(value, str) and "/" not in value and not _find_problem(value)


def is_id(value: Any) -> TypeGuard[str]:
    """Whether this may be the id of an item or drive: it can be sent, and does not change the URL's path."""
    return isinstance(value, str) and re.fullmatch(_ID, value) is not None and not _find_problem(value)


def encode_resource(path: str) -> str:
    """Percent-encode a resource path, but not Graph's colons and commas: ``sites/host,guid,guid/drive``."""
    return "/" + quote(path, safe="/:,!@$-._~()'")


def encode_share(url: str) -> str:
    """Return the token of a sharing URL: https://learn.microsoft.com/graph/api/shares-get#encoding-sharing-urls."""
    return "u!" + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def _encode_id(identifier: str) -> str:
    return quote(identifier, safe="!")


def _parse_mapping(value: Mapping[Any, Any], *, follow: bool) -> ItemRef | PathAddress:
    remote = value.get("remoteItem") if follow else None
    if isinstance(remote, Mapping):  # https://learn.microsoft.com/graph/api/resources/remoteitem
        value = remote
    parent = value.get("parentReference")
    drive_id = value.get("driveId") or (parent.get("driveId") if isinstance(parent, Mapping) else None)
    item_id = value.get("id")
    for name, given in (("driveId", drive_id), ("id", item_id)):
        if not is_id(given):
            raise _address_error(dict(value), f"the mapping needs {name}, a string")
    return _address_from_ids(str(drive_id), str(item_id), read_label(value))


def _address_from_ids(drive_id: str, item_id: str, label: str = "") -> ItemRef | PathAddress:
    """Return the address. ``root`` needs a lookup: copy and move do not accept it as an id."""
    if item_id == "root":
        return PathAddress(f"drives/{drive_id}", label="/")
    return ItemRef(drive_id, item_id, label)


def _parse_url(text: str, hosts: Hosts) -> Address:
    url = quote(text.partition("#")[0], safe="%/:=&?~+!$,;'@()*[]\\", errors="replace")
    if not hosts.is_drive(url):
        raise _address_error(
            text, f"not an https URL on one of this cloud's hosts ({', '.join(hosts.suffixes)})"
        )
    parts = urlsplit(url)
    if not parts.path.strip("/"):
        raise _address_error(text, "the URL has no path to an item")
    return ShareAddress(encode_share(url), parts.hostname or "")


def _parse_path(text: str, value: str) -> Address:
    path = text.removeprefix("/")
    if share := _SHARE.fullmatch(path):
        return ShareAddress(share["token"], "graph")
    drive = _DRIVE.fullmatch(path)
    item = _ITEM.fullmatch(drive["item"]) if drive else None
    if not drive or not item:
        raise _address_error(value, "unknown form")
    for part in ("id", "user", "group", "host", "library"):
        _check_part(drive[part], value)
    _check_part(item["id"], value)
    _split_names(drive["site"], value)
    names = _split_names(item["path"], value)
    start = f"special/{item['special']}" if item["special"] else f"items/{item['id']}"
    start = "root" if not item["special"] and item["id"] in {None, "root"} else start
    drive_id = drive["id"] or drive["library"]
    if drive["library"] and not _is_drive_id(drive["library"]):
        return LibraryAddress(drive["owner"], drive["library"], start, names)
    if drive_id and item["id"] and not names:
        return _address_from_ids(drive_id, item["id"])
    label = "/" if drive_id and start == "root" else ""
    return PathAddress(f"drives/{drive_id}" if drive_id else f"{drive['owner']}/drive", start, names, label)


def _is_drive_id(drive: str) -> bool:
    return drive.startswith("b!") or re.fullmatch(r"[0-9A-Fa-f]{15,16}", drive) is not None


def _check_part(part: str | None, value: str) -> None:
    if part is not None and (problem := _find_problem(part)):
        raise _address_error(value, problem)


def _split_names(path: str | None, value: str) -> tuple[str, ...]:
    names = tuple(path.removesuffix("/").split("/")) if path else ()
    for name in names:
        if problem := _find_problem(name) or ("a name contains a colon" if ":" in name else ""):
            raise _address_error(value, problem)
    return names


def _find_problem(name: str) -> str:
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


def _address_error(value: Any, why: str) -> DriveAddressError:
    return DriveAddressError(f"{_REPR.repr(value)} is not a valid item address: {why}. {_SUPPORTED_FORMS}")
