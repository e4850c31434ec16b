"""Versions of files: https://learn.microsoft.com/graph/api/resources/driveitemversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.emulator.graph import errors
from airflow_provider_drive.emulator.graph.expressions import select
from airflow_provider_drive.emulator.graph.pages import page
from airflow_provider_drive.emulator.graph.requests import check_not_locked
from airflow_provider_drive.emulator.graph.serializers import download_url, time_text
from airflow_provider_drive.emulator.messages import Response

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.messages import Request
    from airflow_provider_drive.emulator.state.content import Content
    from airflow_provider_drive.emulator.state.items import Item
    from airflow_provider_drive.emulator.state.tenant import Tenant


def list_versions(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitem-list-versions: the newest first."""
    numbers = range(len(item.versions) + 1 if item.content is not None else 0, 0, -1)
    return Response(
        body=page(tenant, request, numbers, lambda number: select(request, _version_json(item, number)))
    )


def get_version(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitemversion-get."""
    return Response(body=_version_json(item, _number(request, item)))


def get_version_content(_: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitemversion-get-contents."""
    return Response(302, None, {"location": f"{download_url(item)}&version={_number(request, item)}"})


def restore_version(tenant: Tenant, request: Request, item: Item) -> Response:
    """https://learn.microsoft.com/graph/api/driveitemversion-restore: the content becomes a new version."""
    check_not_locked(tenant, request, item)
    item.drive.write(item, version_content(item, _number(request, item)))
    return Response(204)


def version_content(item: Item, number: int) -> Content:
    """
    Return the content of a version, of which 1 is the oldest.

    :raises GraphError: If there is no such version.
    """
    contents = [*item.versions, *([item.content] if item.content is not None else [])]
    if not 1 <= number <= len(contents):
        raise errors.not_found()
    return contents[number - 1]


def _number(request: Request, item: Item) -> int:
    whole, _, part = request.id_in_path.partition(".")
    if whole == "current":
        return len(item.versions) + 1
    if not whole.isdigit() or part != "0":
        raise errors.not_found()
    version_content(item, int(whole))
    return int(whole)


def _version_json(item: Item, number: int) -> dict[str, Any]:
    time = [*item.version_times, item.modified][number - 1]
    return {
        "id": f"{number}.0",
        "lastModifiedBy": item.drive.owner,
        "lastModifiedDateTime": time_text(time, personal=item.drive.is_personal),
        "size": version_content(item, number).size,
    }
