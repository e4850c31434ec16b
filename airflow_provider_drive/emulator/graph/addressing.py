"""Addresses: find what a path names. https://learn.microsoft.com/graph/onedrive-addressing-driveitems."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.errors import GraphError, invalid_request
from airflow_provider_drive.emulator.state.directory import Owner, Site
from airflow_provider_drive.emulator.state.drives import Drive
from airflow_provider_drive.emulator.state.items import Item
from airflow_provider_drive.emulator.state.names import MAX_PATH_LENGTH

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.state.credentials import Token
    from airflow_provider_drive.emulator.state.tenant import Tenant

_SPECIAL = {  # https://learn.microsoft.com/graph/api/drive-get-specialfolder
    "documents": "Documents",
    "photos": "Pictures",
    "cameraroll": "Pictures/Camera Roll",
    "approot": "Apps/Emulator",
    "music": "Music",
}
_VERSION = re.compile(r"/(?:v1\.0|beta|_api/v2\.[01])(?=/|$)")
_SOURCE_DOCUMENT = re.compile(r"sourcedoc=(?:%7B|\{)([0-9A-Fa-f-]{36})")
_SITE = re.compile(r"(?:contoso\.sharepoint\.com|root)(?:[,:].*)?|[0-9a-f]{8}-[0-9a-f-]{27}")
_DRIVE_ID = re.compile(r"b![\w-]{64}")
_COLON = re.compile(r":(?:/|$)")


@dataclass(frozen=True)
class Missing:
    """A path below a folder at which nothing exists."""

    folder: Item
    path: str


Subject = Drive | Item | Missing | Site | Owner


@dataclass(frozen=True)
class Target:
    """What a path names, and the action on it, such as ``children`` or ``copy``; empty for none."""

    subject: Subject | None
    action: str


def resolve(tenant: Tenant, raw_path: str, token: Token) -> Target:
    """
    Find what a path names.

    :param raw_path: The encoded path. msgraph-sdk sends ``/v1.0//drives``.
    :raises GraphError: If the path is not valid, or names nothing.
    :raises StateError: If its drive does not exist.
    """
    version = _VERSION.match(raw_path)
    if version is None:
        raise GraphError(400, "BadRequest", "Invalid version.")
    collection, _, rest = raw_path[version.end() :].strip("/").partition("/")
    if collection == "me":
        return _resolve_owner(_me(token), rest)
    finders = {
        "drives": _resolve_drive,
        "users": _resolve_user,
        "groups": _resolve_group,
        "sites": _resolve_site,
        "shares": _resolve_share,
    }
    if collection not in finders or not rest:
        return Target(None, unquote(f"{collection}/{rest}".rstrip("/")))
    return finders[collection](tenant, rest)


def _me(token: Token) -> Owner:
    if token.user is None:
        raise GraphError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
    return token.user


def _resolve_drive(tenant: Tenant, rest: str) -> Target:
    drive_id, _, rest = rest.partition("/")
    drive_id = unquote(drive_id)
    if drive_id.startswith("b!") and not _DRIVE_ID.fullmatch(drive_id):
        raise invalid_request(
            "The provided drive id appears to be malformed, or does not represent a valid drive."
        )
    return _resolve_in_drive(tenant.find_drive(drive_id), rest)


def _resolve_user(tenant: Tenant, rest: str) -> Target:
    name, _, rest = rest.partition("/")
    return _resolve_owner(_find_owner(tenant.users, unquote(name)), rest)


def _resolve_group(tenant: Tenant, rest: str) -> Target:
    name, _, rest = rest.partition("/")
    return _resolve_owner(_find_owner(tenant.groups, unquote(name)), rest)


def _find_owner(owners: list[Owner], name: str) -> Owner:
    for owner in owners:
        if name.lower() in {owner.id, owner.address.lower()}:
            return owner
    raise GraphError(404, "ResourceNotFound", "Resource could not be discovered.")


def _resolve_owner(owner: Owner, rest: str) -> Target:
    head, _, tail = rest.partition("/")
    if head == "drive":
        return _resolve_in_drive(owner.drive, tail)
    return (
        _resolve_in_drives([owner.drive], tail) if head == "drives" and tail else Target(owner, unquote(rest))
    )


def _resolve_site(tenant: Tenant, rest: str) -> Target:
    """``{site-id}``, ``root``, or ``{host}:/{path}[:…]``: https://learn.microsoft.com/graph/api/site-getbypath."""
    name, _, rest = rest.partition("/")
    name = unquote(name)
    if name.endswith(":") and "/" not in name:
        path, rest = _split_at_colon(rest)
        name = f"{name}/{path}".rstrip("/")
    name = name.removesuffix(":").lower()  # the SDK for Python encodes a whole path as one segment
    site = next((site for site in tenant.sites if name in site.names), None)
    if site is None and not _SITE.fullmatch(name):
        raise invalid_request("Invalid hostname for this tenancy")
    if site is None:
        raise errors.not_found()
    head, _, tail = rest.partition("/")
    if head == "drive":
        return _resolve_in_drive(site.drives[0], tail)
    if head == "drives" and tail:
        return _resolve_in_drives(site.drives, tail)
    return Target(site, unquote(rest))


def _resolve_in_drives(drives: list[Drive], rest: str) -> Target:
    drive_id, _, rest = rest.partition("/")
    for drive in drives:
        if drive.id.lower() == unquote(drive_id).lower():
            return _resolve_in_drive(drive, rest)
    raise errors.drive_not_found()


def _resolve_share(tenant: Tenant, rest: str) -> Target:
    """https://learn.microsoft.com/graph/api/shares-get: the URL in base64url after ``u!``."""
    token, _, rest = rest.partition("/")
    text = unquote(token).removeprefix("u!")
    try:
        url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:  # not base64, or not UTF-8
        raise invalid_request("The sharing token is invalid.") from None
    item = _find_by_url(tenant, url)
    if item is None:
        raise errors.not_found()
    head, _, rest = rest.partition("/")
    return Target(item, unquote(rest)) if head in {"driveItem", "root"} else Target(None, "share")


def _find_by_url(tenant: Tenant, url: str) -> Item | None:
    """Return the item of a sharing link, or of the URL in a browser's address bar."""
    if url in tenant.links:
        return tenant.links[url]
    if found := _SOURCE_DOCUMENT.search(url):
        everything = (item for drive in tenant.drives.values() for item in drive.items.values())
        return next((item for item in everything if item.guid == found[1].upper()), None)
    plain = unquote(url.partition("?")[0]).rstrip("/")
    for drive in tenant.drives.values():
        root = unquote(drive.web_url)
        if plain == root or plain.startswith(f"{root}/"):
            return drive.find(plain[len(root) :])
    return None


def _resolve_in_drive(drive: Drive, rest: str) -> Target:
    head, _, tail = rest.partition("/")
    if head in {"root", "root:"}:
        return _resolve_from_item(drive.root, rest.removeprefix("root"))
    if head == "items" and tail:
        name, tail = _split_item(tail)
        if tail in {"/restore", "/microsoft.graph.restore"}:
            deleted = next((item for item in drive.recycle_bin if item.id == name), None)
            return Target(deleted or _find_item(drive, name), "restore")
        return _resolve_from_item(_find_item(drive, name), tail)
    if head == "special" and tail:
        name, tail = _split_segment(tail)
        if name not in _SPECIAL:
            raise invalid_request("The special folder identifier isn't valid.")
        return _resolve_from_item(drive.mkdir(_SPECIAL[name]), tail)
    if head.startswith("delta"):
        return Target(drive.root, unquote(rest))
    return Target(drive, unquote(rest))


def _split_item(rest: str) -> tuple[str, str]:
    """
    Split after the id of an item.

    The SDK for Python encodes the path below an item with it, as one segment: ``root%3A%2Ff.txt%3A``.
    """
    head, slash, tail = rest.partition("/")
    name, colon, path = unquote(head).partition(":")
    if colon and ":" not in head:
        return name, f":{quote(path, safe='/:')}{slash}{tail}"
    return _split_segment(rest)


def _split_segment(rest: str) -> tuple[str, str]:
    """Split before the next slash or colon."""
    end = next((index for index, sign in enumerate(rest) if sign in "/:"), len(rest))
    return unquote(rest[:end]), rest[end:]


def _find_item(drive: Drive, item_id: str) -> Item:
    """Return the item of an id, which is case-sensitive: onedrive-api-docs, concepts/case-sensitivity."""
    if item_id == "root":
        return drive.root
    if item_id not in drive.items:
        raise errors.not_found()
    return drive.items[item_id]


def _resolve_from_item(item: Item, rest: str) -> Target:
    """Follow ``:/{path}[:[/{action}]]`` or ``[/{action}]`` after an item."""
    if not rest.startswith(":"):
        return _resolve_child(item, rest.strip("/"))
    path, action = _split_at_colon(rest[1:].removeprefix("/"))
    if not _COLON.search(rest, 1):
        _check_open_path(item, path)
    found = _descend(item, _decode_path(path))
    return Target(found, unquote(action)) if isinstance(found, Missing) else _resolve_child(found, action)


def _check_open_path(item: Item, path: str) -> None:
    """
    Refuse what the service takes for a property of the item, unless a colon closes the path.

    https://github.com/OneDrive/onedrive-api-docs/issues/1020
    https://github.com/OneDrive/onedrive-api-docs/issues/941
    """
    name = path.rpartition("/")[2]
    if name == "photo":
        raise invalid_request(
            "The Path property of ODataMessageWriterSetting.ODataUri must end with the navigation property "
            "which the contained elements being written belong to."
        )
    if name.endswith("drive") and item.drive.is_personal:
        raise GraphError(
            400, "generalException", "Could not find a property named 'quota' on type 'oneDrive.item'."
        )


def _resolve_child(item: Item, action: str) -> Target:
    """Follow ``children/{id}`` or ``children/{name}``: Office365-REST-Python-Client sends it."""
    head, _, rest = action.partition("/")
    if head != "children" or not rest:
        return Target(item, unquote(action))
    name, rest = _split_segment(rest)
    for child in item.children.values():
        if name in {child.id, child.name}:
            return _resolve_from_item(child, rest)
    raise errors.not_found()


def _split_at_colon(rest: str) -> tuple[str, str]:
    """Split at the second colon. Names cannot contain one, and it would be ``%3A``."""
    colon = _COLON.search(rest)
    if colon is None:
        return rest.rstrip("/"), ""
    return rest[: colon.start()].rstrip("/"), rest[colon.end() :].strip("/")


def _decode_path(path: str) -> str:
    try:
        text = unquote(path, errors="strict")
    except UnicodeDecodeError:
        raise invalid_request("The path is not UTF-8.", "invalidPath") from None
    if len(text) > MAX_PATH_LENGTH:
        raise invalid_request("The path is too long.", "pathIsTooLong")
    return text


def _descend(item: Item, path: str) -> Item | Missing:
    found: Item | None = item
    for name in filter(None, path.split("/")):
        found = found.child(name) if found is not None else None
    return found if found is not None else Missing(item, path)
