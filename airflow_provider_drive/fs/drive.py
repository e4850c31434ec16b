"""
The scheme ``msdrive`` of Airflow's object storage.

Airflow imports this module to learn the scheme, and calls :func:`get_fs` also while it parses Dags: nothing
is read or sent there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_drive.fs.filesystem import DriveFileSystem

schemes = ["msdrive"]


def get_fs(conn_id: str | None, storage_options: Mapping[str, Any] | None = None) -> DriveFileSystem:
    """
    Return the file system of a connection.

    :param conn_id: The connection. None is ``drive_default``.
    :param storage_options: More arguments of fsspec's file systems. Default is none.
    """
    from airflow_provider_drive.fs.filesystem import DriveFileSystem  # noqa: PLC0415  # slow to import

    options = dict(storage_options or {})
    options.pop("conn_id", None)
    return DriveFileSystem(conn_id=conn_id, **options)
