"""Drives, sites and their owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_drive.emulator.graph.errors import invalid_request
from airflow_provider_drive.emulator.graph.expressions import select
from airflow_provider_drive.emulator.graph.pages import page
from airflow_provider_drive.emulator.graph.serializers import drive_json, owner_json, site_json
from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.directory import Owner, Site
    from airflow_provider_drive.emulator.state.drives import Drive
    from airflow_provider_drive.emulator.state.tenant import Tenant


def get_drive(_: Tenant, request: Request, drive: Drive) -> Response:
    """https://learn.microsoft.com/graph/api/drive-get."""
    return Response(body=select(request, drive_json(drive)))


def get_site(_: Tenant, request: Request, site: Site) -> Response:
    """https://learn.microsoft.com/graph/api/site-get."""
    return Response(body=select(request, site_json(site)))


def get_owner(_: Tenant, request: Request, owner: Owner) -> Response:
    """https://learn.microsoft.com/graph/api/user-get and group-get."""
    return Response(body=select(request, owner_json(owner)))


def list_site_drives(tenant: Tenant, request: Request, site: Site) -> Response:
    """https://learn.microsoft.com/graph/api/drive-list."""
    return Response(body=page(tenant, request, site.drives, lambda drive: select(request, drive_json(drive))))


def list_owner_drives(tenant: Tenant, request: Request, owner: Owner) -> Response:
    """``gnome-me-drives-personal``."""
    return Response(
        body=page(tenant, request, [owner.drive], lambda drive: select(request, drive_json(drive)))
    )


def search_sites(tenant: Tenant, request: Request, _: None) -> Response:
    """https://learn.microsoft.com/graph/api/site-search: by name; ``*`` finds all."""
    text = request.query.get("$search", "").strip('"').lower()
    if not text:
        raise invalid_request("A search for sites needs the query option 'search'.")
    found = [site for site in tenant.sites if text == "*" or text.rstrip("*") in site.name.lower()]
    return Response(body=page(tenant, request, found, lambda site: select(request, site_json(site))))
