"""
Parse item addresses: Graph's resource paths, item references, sharing links and browser URLs.

https://learn.microsoft.com/graph/onedrive-addressing-driveitems
https://learn.microsoft.com/graph/api/shares-get
"""

from __future__ import annotations

import base64
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard
from urllib.parse import quote

from airflow_provider_drive.exceptions import DriveAddressError
from airflow_provider_drive.protocol.wire.browser_urls import describe_url, encode_url, is_personal, locate
from airflow_provider_drive.protocol.wire.labels import join_labels, read_label
from airflow_provider_drive.protocol.wire.names import find_problem

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.wire.hosts import Hosts

_SUPPORTED_FORMS = (
    "Supported forms: a Graph path (drives/{drive-id}/items/{item-id}, "
    "drives/{drive-id}/root:/folder/file.docx, me/drive/…, users/{id}/drive/…, groups/{id}/drive/…, "
    "sites/{host}:/{site path}:/drive/…, sites/{host}:/{site path}:/drives/{library}/…), a "
    "mapping with driveId and id, a driveItem returned by another task, or the URL shown in a browser."
)
_NO_VALUE = "the template, or the other task that it names, gave no value"
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 200
_SHORT_ID = 15
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

    :param drive_id: The drive's id. One of OneDrive personal that has lost its leading zero gets it back.
    :param label: Its path in the drive, or only its name, as far as it is known: for messages.
    """

    drive_id: str
    item_id: str
    label: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.drive_id) == _SHORT_ID:
            object.__setattr__(self, "drive_id", complete_drive_id(self.drive_id))

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
        """
        The item's resource, below Graph's version root, percent-encoded.

        A colon closes the path: without it, one that ends in ``photo`` or ``…drive`` was seen to be refused.

        https://github.com/OneDrive/onedrive-api-docs/issues/1020
        https://github.com/OneDrive/onedrive-api-docs/issues/941
        """
        path = f":/{'/'.join(quote(name, safe='') for name in self.names)}:" if self.names else ""
        return f"{encode_resource(f'{self.drive}/{self.start}')}{path}"

    @property
    def parent(self) -> PathAddress | None:
        """The parent folder; None if the address has no path."""
        return replace(self, names=self.names[:-1]) if self.names else None

    @property
    def drive_id(self) -> str | None:
        """The drive's id, if the address has it."""
        return self.drive.removeprefix("drives/") if self.drive.startswith("drives/") else None

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
    """
    An item by a sharing link or browser URL.

    :param token: The URL, encoded as Graph requires.
    :param shown: The URL as it may be shown: a sharing link may grant access.
    """

    token: str = field(repr=False)
    shown: str

    def __str__(self) -> str:
        return self.shown

    @property
    def url(self) -> str:
        """The shared item's resource, below Graph's version root."""
        return f"/shares/{self.token}/driveItem"

    is_root = False
    drive_id = None


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
    if not isinstance(value, str):
        raise _address_error(value, _NO_VALUE if value is None else "must be a string or a mapping")
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


def complete_drive_id(drive_id: str) -> str:
    """
    Return a drive's id with the leading zero that some answers of OneDrive personal leave out.

    Without it, Graph calls the id malformed.

    https://github.com/OneDrive/onedrive-api-docs/issues/1890
    https://github.com/OneDrive/onedrive-api-docs/issues/1416
    """
    is_short = len(drive_id) == _SHORT_ID and re.fullmatch(r"[0-9A-Fa-f]+", drive_id)
    return f"0{drive_id}" if is_short else drive_id


def is_id(value: Any) -> TypeGuard[str]:
    """Whether this may be the id of an item or drive: it can be sent, and does not change the URL's path."""
    return isinstance(value, str) and re.fullmatch(_ID, value) is not None and not find_problem(value)


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
    url = text.partition("#")[0]
    try:
        url = encode_url(text)
        place = locate(url) if is_personal(url) or hosts.is_drive(url) else url
    except ValueError as error:
        raise _address_error(describe_url(url), str(error)) from None
    if place.startswith("drives/"):
        return _parse_path(place, describe_url(url))
    if not hosts.is_drive(place):
        suffixes = ", ".join(hosts.suffixes)
        raise _address_error(describe_url(url), f"not an https URL on one of this cloud's hosts ({suffixes})")
    return ShareAddress(encode_share(place), describe_url(place))


def _parse_path(text: str, value: str) -> Address:
    path = text.removeprefix("/")
    if share := _SHARE.fullmatch(path):
        return ShareAddress(share["token"], "shares/***/driveItem")
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
    drive_id = complete_drive_id(drive["id"] or drive["library"] or "")
    if drive["library"] and not _is_drive_id(drive["library"]):
        return LibraryAddress(drive["owner"], drive["library"], start, names)
    if drive_id and item["id"] and not names:
        return _address_from_ids(drive_id, item["id"])
    label = "/" if drive_id and start == "root" else ""
    return PathAddress(f"drives/{drive_id}" if drive_id else f"{drive['owner']}/drive", start, names, label)


def _is_drive_id(drive: str) -> bool:
    return drive.startswith("b!") or re.fullmatch(r"[0-9A-Fa-f]{15,16}", drive) is not None


def _check_part(part: str | None, value: str) -> None:
    if part is not None and (problem := find_problem(part)):
        raise _address_error(value, problem)


def _split_names(path: str | None, value: str) -> tuple[str, ...]:
    names = tuple(path.removesuffix("/").split("/")) if path else ()
    for name in names:
        if problem := find_problem(name) or ("a name contains a colon" if ":" in name else ""):
            raise _address_error(value, problem)
    return names


def _address_error(value: Any, why: str) -> DriveAddressError:
    return DriveAddressError(f"{_REPR.repr(value)} is not a valid item address: {why}. {_SUPPORTED_FORMS}")
