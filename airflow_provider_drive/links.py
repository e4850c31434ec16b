"""Links from a task in Airflow's UI to the source and the destination in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_provider_drive.protocol.archive.state import ArchiveState
    from airflow_provider_drive.protocol.move import Move
    from airflow_provider_drive.protocol.wire.copy_job import CopyJob
    from airflow_provider_drive.protocol.wire.hosts import Hosts


class DriveSourceLink(BaseOperatorLink):
    """Link to the item that is copied or moved, where the task read it: the XCom ``source_url``."""

    name = "Source"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """Return the URL, or an empty text if it is not known."""
        return _look_up(ti_key, "source_url")


class DriveDestinationLink(BaseOperatorLink):
    """Link to the result; until it is there, to its folder: the XCom ``destination_url``."""

    name = "Destination"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """Return the URL, or an empty text if it is not known."""
        return _look_up(ti_key, "destination_url")


class DriveManifestLink(BaseOperatorLink):
    """Link to the manifest of an archive, if it is in a drive: the XCom ``manifest_url``."""

    name = "Manifest"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """Return the URL, or an empty text if it is not known."""
        return _look_up(ti_key, "manifest_url")


ARCHIVE_LINKS = (DriveSourceLink(), DriveDestinationLink(), DriveManifestLink())


def push_link_xcoms(
    context: Context,
    hosts: Hosts,
    started: ArchiveState | CopyJob | Move | None = None,
    made: Mapping[str, Any] | None = None,
    **urls: str | None,
) -> None:
    """
    Push the XComs that the links read, as far as the URLs are known.

    People click on a ``webUrl``, and it comes from outside: it is left out if it is not https, or not on a
    host of the cloud's drives.

    https://learn.microsoft.com/graph/api/resources/driveitem#properties

    :param started: The copy or move that the task works on. Default is none yet.
    :param made: The driveItem that is the result. Default is none yet.
    :param urls: Other URLs, by the names of their XComs.
    """
    known: dict[str, Any] = {
        **urls,
        "source_url": started.source_url if started else urls.get("source_url"),
        "destination_url": made.get("webUrl") if made else started and started.destination_url,
    }
    ti = context.get("ti")  # none, if a test executes an operator without Airflow
    for key, url in known.items():
        if ti is not None and isinstance(url, str) and hosts.is_drive(url):
            ti.xcom_push(key=key, value=url)
            _remember(ti, key, url)


_pushed: dict[tuple[Any, str], str] = {}
"""What the task of this process has pushed, by the id of its instance and the key."""


def _remember(ti: Any, key: str, url: str) -> None:
    ti_id = getattr(ti, "id", None)
    if not any(pushed_by == ti_id for pushed_by, _ in _pushed):
        _pushed.clear()
    _pushed[ti_id, key] = url


def _look_up(ti_key: Any, key: str) -> str:
    """
    Return the URL that a task instance has pushed, or an empty text.

    Airflow 3 asks at the end of the task, in the worker, with the task instance. There, reading an XCom that
    does not exist would log an error. Airflow 2 asks in its web server.
    """
    if hasattr(ti_key, "xcom_push"):
        return _pushed.get((getattr(ti_key, "id", None), key), "")
    return XCom.get_value(ti_key=ti_key, key=key) or ""
