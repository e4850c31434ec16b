"""What OData and Graph add to a response: ``@odata.context``, and headers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_drive.emulator.graph.addressing import Missing
from airflow_provider_drive.emulator.state.drives import Drive
from airflow_provider_drive.emulator.state.items import Item

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.graph.addressing import Subject
    from airflow_provider_drive.emulator.messages import Request, Response

_SERVER = {
    "DataCenter": "Emulator",
    "Slice": "E",
    "Ring": "5",
    "ScaleUnit": "000",
    "RoleInstance": "EMULATOR0000",
}


def annotate(response: Response, request: Request, context: str, subject: Subject | None) -> None:
    """
    Add ``@odata.context`` to a body, and the header ``OData-Version``.

    :param context: See :class:`.options.Operation`.
    """
    item = subject.folder if isinstance(subject, Missing) else subject
    drive = item.drive if isinstance(item, Item) else item
    if isinstance(drive, Drive) and drive.is_personal:
        response.headers["cache-control"] = "no-store"  # gnome-me-drives-personal
    if not isinstance(response.body, dict):
        return
    response.headers["odata-version"] = "4.0"
    if not context:
        return
    ids = {"drive": "", "item": ""}
    if isinstance(item, Item):
        ids = {"drive": quote(item.drive.id, safe=""), "item": quote(item.id, safe="")}
    names = request.query.get("$select")
    select = f"({names})" if names else ""
    version = "/".join(request.raw_path.split("/")[1 : 3 if request.is_to_sharepoint else 2])
    url = f"{request.base}/{version}/$metadata#{context.format(select=select, **ids)}"
    response.body = {"@odata.context": url, **response.body}


def add_headers(response: Response, request: Request) -> None:
    """Add the headers that Graph sends with every response, as in the recordings."""
    response.headers.setdefault("cache-control", "no-store, no-cache")
    if not request.is_batched:
        response.headers["strict-transport-security"] = "max-age=31536000"
        response.headers["x-ms-ags-diagnostic"] = json.dumps({"ServerInfo": _SERVER}, separators=(",", ":"))
