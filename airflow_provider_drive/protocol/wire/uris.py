"""
The URIs of documents, for assets and lineage: ``msdrive://{host}/{site path}/{library}/{path}``.

They are written as people read them; only ``%``, ``#`` and ``?`` in names are percent-encoded. An item whose
path is not known is ``msdrive://graph.microsoft.com/drives/{drive-id}/items/{item-id}``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from airflow_provider_drive.protocol.wire.addresses import is_id
from airflow_provider_drive.protocol.wire.browser_urls import is_personal, locate

if TYPE_CHECKING:
    from airflow_provider_drive.protocol.wire.addresses import ItemRef

SCHEME = "msdrive"
GRAPH_HOST = "graph.microsoft.com"
"""The host in the URIs of items that are known by their ids alone, whatever the cloud."""
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_SITE = re.compile(r"((?:sites|teams|personal)/[^/]+)(?:/(.*))?", re.IGNORECASE | re.DOTALL)
_NO_PATH = re.compile(r"/:\w+:/|/_(?:layouts|api|vti_\w+)/|^/(?:v1\.0|beta)/", re.IGNORECASE)
"""What is in the path of a sharing link, of a page that shows a document, or of a resource of Graph."""


def is_host(host: str) -> bool:
    """Return whether a text may be the host of a site."""
    return _HOST.fullmatch(host) is not None


def encode_path(path: str) -> str:
    """Return a path as it is in a URI: in Unicode's form NFC, and encoded where it would end there."""
    return re.sub("[%#?]", lambda found: quote(found[0]), unicodedata.normalize("NFC", path))


def uri_from_url(url: Any) -> str | None:
    """
    Return the URI of the item that a URL of SharePoint or OneDrive shows.

    :return: None if the URL does not show the item's path, such as a sharing link, which is a secret, or an
        Office document that opens in the browser.
    """
    if not isinstance(url, str) or not url.startswith("https://"):
        return None
    try:
        parts = urlsplit(locate(url))
    except ValueError:
        return None
    host, path = parts.netloc.lower(), unquote(parts.path).strip("/")
    is_known = is_host(host) and not is_personal(url) and not host.endswith("1drv.ms")
    if not is_known or parts.query or parts.fragment or _NO_PATH.search(f"/{path}") or not path:
        return None
    site = _SITE.fullmatch(path)
    return None if site and not site[2] else f"{SCHEME}://{host}/{encode_path(path)}"


def uri_of_item(url: str | None, ref: ItemRef | None) -> str | None:
    """
    Return the URI of an item: by its path, if that is known, else by its ids.

    :param url: Where a browser shows it.
    """
    by_ids = f"{SCHEME}://{GRAPH_HOST}/drives/{ref.drive_id}/items/{ref.item_id}" if ref else None
    return uri_from_url(url) or by_ids


def uri_of_address(address: Any) -> str | None:
    """Return the URI of an address without a request: a URL, or a driveItem with one."""
    return uri_from_url(address.get("webUrl") if isinstance(address, Mapping) else address)


def uri_of_storage(url: Any) -> str | None:
    """
    Return a URL of object storage without its connection, ``s3://conn@bucket/key``; None if it is none.

    :param url: Text or a path. Anything else is none, and is not looked into: that might send a request.
    """
    text = str(url) if isinstance(url, str) or hasattr(url, "protocol") else ""
    scheme, found, rest = text.partition("://")
    if not found or not scheme.isalnum() or scheme in {"http", "https"}:
        return None
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path.rstrip('/')}"


def child_uri(folder: str, name: str) -> str:
    """Return the URI of an item in a folder."""
    return f"{folder.rstrip('/')}/{encode_path(name)}"


def folder_uri(uri: str) -> str:
    """Return the URI of the folder that an item is in; of one that is known by its ids, its own."""
    return uri if is_by_ids(uri) else uri.rpartition("/")[0]


def is_by_ids(uri: str) -> bool:
    """Return whether a URI has the ids of an item, and not its path."""
    host, _, path = uri.removeprefix(f"{SCHEME}://").partition("/")
    names = path.split("/")
    return host == GRAPH_HOST and names[::2] == ["drives", "items"] and all(map(is_id, names[1::2]))


def dataset_name(uri: str) -> tuple[str, str]:
    """
    Return the namespace and name that OpenLineage has for a URI.

    https://openlineage.io/docs/spec/naming: ``mssharepoint://{host}:{port}/{site}`` and ``{object key}``.
    """
    scheme, _, rest = uri.partition("://")
    authority, _, path = rest.partition("/")
    if scheme == "file":
        return (f"file://{authority}" if authority else "file"), f"/{path}"
    if scheme != SCHEME:
        return f"{scheme}://{authority}", path or "/"
    site = _SITE.fullmatch(path)
    namespace = f"mssharepoint://{authority}:443" + (f"/{unquote(site[1])}" if site else "")
    return namespace, unquote((site[2] if site else path) or "/")
