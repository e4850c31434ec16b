"""Assets for documents in OneDrive and SharePoint: their names, and Dags that run because they changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_provider_drive.exceptions import DriveAddressError
from airflow_provider_drive.protocol.wire.uris import SCHEME, dataset_name, encode_path, is_by_ids, is_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from urllib.parse import SplitResult

    from airflow.sdk import Asset

_SITE_PATH = re.compile(
    r"(?:https://[^/]+/v1\.0)?/?sites/(?P<host>[^:/]+):/(?P<site>[^:]+):/drives/(?P<library>[^/:]+)/root"
    r"(?::(?P<path>/.*?):?/?|:?/?)?",
    re.DOTALL,
)
_FORMS = (
    "Give the URL that a browser shows (https://contoso.sharepoint.com/sites/Legal/Shared Documents/2026), "
    "sites/{host}:/{site path}:/drives/{library}/root:/{path}, or "
    "msdrive://{host}/{site path}/{library}/{path}. Ids and sharing links do not say where a folder is."
)


def drive_asset(address: str) -> Asset:
    """
    Return the asset of a folder or document, for ``outlets``, ``inlets`` and ``schedule``.

    Its URI is ``msdrive://{host}/{site path}/{library}/{path}``, the same for each form of the
    address, so that producers and consumers name a folder alike. No request is made.

    :param address: The URL that a browser shows, the Graph path of an item in a library of a site, or such a
        URI.
    :return: An asset whose name is its URI.
    :raises DriveAddressError: If the address does not name host, site, library and path.
    """
    from airflow.providers.common.compat.sdk import Asset  # noqa: PLC0415  # its module depends on the version

    uri = _uri(address)
    return Asset(uri=uri)


def watch_folder(name: str, folder: Any, **trigger_parameters: Any) -> Asset:
    """
    Return an asset that gets an event when documents below a folder change, for ``Dag(schedule=…)``.

    From Airflow 3.0 on, and the state of the watch outlives the triggerer from Airflow 3.3 on.

    :param name: The asset's name. The state of the watch belongs to it: with another name it begins again.
    :param folder: Address of the folder.
    :param trigger_parameters: The other parameters of
        :class:`~airflow_provider_drive.triggers.changes.DriveChangesTrigger`.
    """
    from airflow.sdk import Asset, AssetWatcher  # noqa: PLC0415  # Airflow 2 has none

    from airflow_provider_drive.triggers.changes import DriveChangesTrigger  # noqa: PLC0415  # with the line above

    trigger = DriveChangesTrigger(folder, asset=name, **trigger_parameters)
    return Asset(name=name, watchers=[AssetWatcher(name=f"{name} changes", trigger=trigger)])


def read_changes(events: Mapping[Any, Iterable[Any]]) -> list[dict[str, Any]]:
    """
    Return the changes that triggered a run. An event may come twice, and a run may get several.

    Events that others have made for the asset hold no changes, and are passed over.

    :param events: ``triggering_asset_events`` of the task's context.
    :return: Changes as :class:`~airflow_provider_drive.triggers.changes.DriveChangesTrigger` describes them,
        in order.
    """
    changes: list[dict[str, Any]] = []
    seen = set()
    for event in (event for events_of_asset in events.values() for event in events_of_asset):
        extra = getattr(event, "extra", None)
        payload = extra.get("payload") if isinstance(extra, dict) else None
        if not isinstance(payload, dict) or not isinstance(reported := payload.get("changes"), list):
            continue
        if payload.get("id") in seen:
            continue
        seen.add(payload.get("id"))
        changes += [change for change in reported if isinstance(change, dict)]
    return changes


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """
    Return the one form of a URI: Airflow calls this for each asset of the scheme ``msdrive``.

    :raises ValueError: If it can name no item.
    """
    _, _, host = uri.netloc.lower().rpartition("@")  # a path of object storage has the connection in it
    if not is_host(host):
        raise ValueError(
            f"msdrive:// is followed by the host of a SharePoint site, not by {host!r}. {_FORMS}"
        )
    if uri.query:
        raise ValueError(f"A msdrive:// URI has no query, which could hold a token. {_FORMS}")
    path = encode_path(unquote(uri.path)).strip("/")
    names = path.split("/")
    is_resource = names[0] in {"drives", "shares", "me", "users"}
    if {"", ".", ".."} & {*names} or (is_resource and not is_by_ids(f"{SCHEME}://{host}/{path}")):
        raise ValueError(f"The path of a msdrive:// URI names a site, a library and folders. {_FORMS}")
    return uri._replace(scheme=SCHEME, netloc=host, path=f"/{path}", fragment="")


def convert_to_openlineage(asset: Asset, lineage_context: Any) -> Any:  # noqa: ARG001  # Airflow's signature
    """Return the OpenLineage dataset of an asset: Airflow calls this for the scheme ``msdrive``."""
    from airflow.providers.common.compat.openlineage.facet import Dataset  # noqa: PLC0415  # only with OpenLineage

    namespace, name = dataset_name(asset.uri)
    return Dataset(namespace=namespace, name=name)


def _uri(address: Any) -> str:
    if not isinstance(address, str):
        raise DriveAddressError(f"The address of an asset is text, not {type(address).__name__}. {_FORMS}")
    found = _SITE_PATH.fullmatch(address.strip())
    if found is not None:
        path = f"/{found['site']}/{found['library']}{found['path'] or ''}"
        address = f"{SCHEME}://{found['host']}{path}"
    parts = urlsplit(address.strip())
    if parts.scheme not in {SCHEME, "https"} or re.match(r"/:\w:/", parts.path):
        raise DriveAddressError(f"{address[:100]!r} is not a valid address of an asset. {_FORMS}")
    try:
        return sanitize_uri(parts).geturl()
    except ValueError as error:
        raise DriveAddressError(str(error)) from None
