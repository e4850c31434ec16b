"""
What the URL in a browser's address bar shows: an item, or something else.

SharePoint and OneDrive show a folder as a view of its library, with the folder's path in the query.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from airflow_provider_drive.protocol.wire.names import find_problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_PERSONAL_HOST = "onedrive.live.com"
_TO_PATH = re.compile(r"^/:[a-z]+:/r(?=/)", re.IGNORECASE)
_SHARING_LINK = re.compile(r"(/:[a-z]+:/[a-z]/(?:[^/]+/)*)[^/]+/?", re.IGNORECASE)
_SHORT_LINK = re.compile(r"(/(?:[a-z]/)?(?:c/[^/]+/)?)[^/]+/?", re.IGNORECASE)
_LIBRARY = re.compile(r"(.*[^/])/Forms/[^/]+\.aspx", re.IGNORECASE)
_FORM = re.compile(r".*/Forms/(?:Disp|Edit|New|Upload)(?:Form)?\.aspx", re.IGNORECASE)
"""A page that shows one item, or none, and not which."""
_FRAGMENT = re.compile(r"[\w:!-]+=.*", re.DOTALL)
"""A place in a document: ``#page=2``. Anything else after a # belongs to a name whose # is not encoded."""
_ONEDRIVE = re.compile(r"(/personal/[^/]+)(?:/_layouts/15/onedrive\.aspx)?/?", re.IGNORECASE)
_SITE = re.compile(r"((?:/(?:sites|teams)/[^/]+)?)(?:/(?:SitePages/Home\.aspx)?)?", re.IGNORECASE)
_PAGE = re.compile(r"(.*)/(?:_layouts|_forms|Lists|SitePages)/.*\.aspx(?:/.*)?", re.IGNORECASE)
_MY_FILES = re.compile(
    r"[^/]+/(?:my|_layouts/15/onedrive\.aspx)/?|[^/]+-my\.[^/]+/(?:shared|recent|favorites)/?", re.IGNORECASE
)
_PERSONAL_PATH = re.compile(r"/personal/([0-9a-f]{15,16})/Documents(?:/(.*[^/]))?/?", re.IGNORECASE)
_PERSONAL_ID = re.compile(r"([0-9A-F]{15,16})!\w+", re.IGNORECASE)
_NAME_ITEMS = {"sourcedoc", "sourceurl", "uniqueid", "docid", "share", "guestaccesstoken"}
"""Parameters of pages that show a document."""


def encode_url(text: str) -> str:
    """
    Return a URL as a person writes it with its spaces and other characters encoded, without its fragment.

    :raises ValueError: If what follows a ``#`` may be a part of a name.
    """
    url, mark, fragment = text.partition("#")
    is_page = url.partition("?")[0].lower().endswith(".aspx") or "?" in url
    if mark and not is_page and not _FRAGMENT.fullmatch(fragment):
        raise ValueError("a # ends the path of a URL: write %23 if it belongs to a name")
    return quote(url, safe="%/:=&?~+!$,;'@()*[]\\", errors="replace")


def is_personal(url: str) -> bool:
    """Whether a URL is one of OneDrive personal, which has other hosts than that for work."""
    return re.match(rf"https://{re.escape(_PERSONAL_HOST)}(?:[/?]|$)", url) is not None


def locate(url: str) -> str:
    """
    Return the item that a browser shows: by its own URL, or by its path in Graph.

    :param url: A URL of SharePoint or OneDrive, percent-encoded.
    :raises ValueError: If it shows no item. The message says what to give instead.
    """
    parts = urlsplit(url)
    query = _read_query(parts)
    path, origin = _TO_PATH.sub("", parts.path), f"{parts.scheme}://{parts.netloc}"
    shown = _read_path(query.get("id") or query.get("rootfolder") or "")
    if is_personal(url):
        return _locate_in_personal(url, parts, query)
    if shown.startswith("/"):
        return locate(f"{_origin_of_list(query) or origin}{_encode_path(shown)}")
    if _SHARING_LINK.fullmatch(path):
        return url
    if query.keys() & _NAME_ITEMS:
        return f"{origin}{path}?{parts.query}"
    if shown or _FORM.fullmatch(path):
        raise ValueError("it does not say where the item that it shows is. Give the URL of that item itself")
    folder = _find_root(path)
    if not folder:
        _check_item(parts.netloc, path)
    return url if (folder or path) == parts.path else f"{origin}{folder or path}"


def describe_url(url: str) -> str:
    """Return a URL as it may be shown: without its query, and without the token of a sharing link."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        return "https://…"
    is_short = host.endswith(("1drv.ms", _PERSONAL_HOST))
    shown = _TO_PATH.sub("", parts.path)
    link = _SHARING_LINK.fullmatch(shown) or (_SHORT_LINK.fullmatch(parts.path) if is_short else None)
    file = _read_query(parts).get("file")
    path = f"{link[1]}***" if link else shown
    return f"{parts.scheme}://{host}{port}{path}" + (f"?file={file}" if file else "")


def _locate_in_personal(url: str, parts: SplitResult, query: Mapping[str, str]) -> str:
    """Return an item of OneDrive personal, whose URLs have the drive's id, ``cid``, and the item's."""
    shown, drive_id = unquote(query.get("id") or query.get("resid") or ""), query.get("cid", "")
    if query.keys() & {"authkey", "redeem"}:
        return url
    if path := _PERSONAL_PATH.fullmatch(shown or unquote(parts.path)):
        return f"drives/{path[1]}/root:/{path[2] or ''}"
    if item := _PERSONAL_ID.fullmatch(shown):
        return f"drives/{item[1]}/items/{shown}"
    if shown in {"", "root"} and drive_id:
        return f"drives/{drive_id}/root"
    raise ValueError(
        "it does not say whose files it shows. Give me/drive/root:/… for the files of the connection's user, "
        "or the link of a document's Share > Copy link"
    )


def _find_root(path: str) -> str:
    """Return the path of the library or OneDrive whose page a path is, or nothing."""
    library, onedrive = _LIBRARY.fullmatch(path), _ONEDRIVE.fullmatch(path)
    return library[1] if library else f"{onedrive[1]}/Documents" if onedrive else ""


def _check_item(host: str, path: str) -> None:
    """Raise ValueError if a path is that of a site, or of a page that shows no item."""
    if _MY_FILES.fullmatch(f"{host}{path}"):
        raise ValueError(
            "it shows the files of whoever is logged in to the browser. Open a folder and give its URL, "
            "or give users/{user}/drive/root:/…"
        )
    site, page = _SITE.fullmatch(path), _PAGE.fullmatch(path)
    if not site and not page:
        return
    name = unquote((site or page)[1])  # type: ignore[index]  # one of the two matches
    drive = f"sites/{host}:{name}:/drive/root" if name else f"sites/{host}/drive/root"
    raise ValueError(
        f"it shows {'a site' if site else 'a page of a site'}, not a file or a folder. Open the library or "
        f"the folder there and give its URL, or give {drive} for the site's default library"
    )


def _read_path(value: str) -> str:
    """Return a path of a query, whose spaces some write as ``+``, and which some encode twice."""
    path = unquote_plus(value)
    return unquote(path) if path.lower().startswith("%2f") else path


def _read_query(parts: SplitResult) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in parts.query.split("&"))
    return {name.lower(): value for name, _, value in pairs}


def _origin_of_list(query: Mapping[str, str]) -> str:
    """Return the origin of the library that a view of another site shows, or nothing."""
    parts = urlsplit(unquote(query.get("listurl", "")))
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _encode_path(path: str) -> str:
    names = [name for name in path.split("/") if name]
    for name in names:
        if problem := find_problem(name):
            raise ValueError(f"in the path that it shows, {problem}")
    return "".join(f"/{quote(name, safe='')}" for name in names)
