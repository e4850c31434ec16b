"""Links of the tasks in Airflow's web pages: the source and the destination, as a browser shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_provider_drive.hooks.drive import DriveHook
    from airflow_provider_drive.protocol.move import Move
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob


class DriveSourceLink(BaseOperatorLink):
    """What is copied or moved, where it was when the task read it: the XCom ``source_url``."""

    name = "Source"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """Return the URL, or nothing where it is not known."""
        return XCom.get_value(ti_key=ti_key, key="source_url") or ""


class DriveDestinationLink(BaseOperatorLink):
    """What the task has made; until then, the folder that it is to be in: the XCom ``destination_url``."""

    name = "Destination"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """Return the URL, or nothing where it is not known."""
        return XCom.get_value(ti_key=ti_key, key="destination_url") or ""


def push_link_xcoms(
    context: Context, hook: DriveHook, begun: CopyJob | Move | None, made: Mapping[str, Any] | None = None
) -> None:
    """
    Push the XComs that the links are made of, as far as they are known.

    A ``webUrl`` is foreign, and people click on it: one that is not https, or not on a host that keeps the
    cloud's drives, is left out.

    https://learn.microsoft.com/graph/api/resources/driveitem#properties

    :param begun: What the task is at; nothing if it has not come so far.
    :param made: The driveItem that came of it.
    """
    urls = {
        "source_url": begun and begun.source_url,
        "destination_url": made.get("webUrl") if made else begun and begun.destination_url,
    }
    for key, url in urls.items():
        if isinstance(url, str) and hook.hosts.is_drive(url):
            context["ti"].xcom_push(key=key, value=url)
