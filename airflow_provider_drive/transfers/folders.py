"""The folders of a drive that documents go to, found or made once each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_drive.protocol.items.lookup import ensure_folder, get_folder, make_folder
from airflow_provider_drive.protocol.wire.items import child
from airflow_provider_drive.protocol.wire.names import check_new_name

if TYPE_CHECKING:
    from airflow_provider_drive.hooks.client import DriveClient
    from airflow_provider_drive.protocol.wire.addresses import ItemRef


class Folders:
    """
    A folder, and those below it.

    :param create: Make those that are missing.
    :ivar root: The folder's ids.
    :ivar url: Where a browser shows it.
    """

    def __init__(self, client: DriveClient, destination: Any, *, create: bool) -> None:
        address = client.address(destination)
        folder = client.run(ensure_folder(address)).folder if create else client.run(get_folder(address))
        self.root, self.url, self._client, self._create = folder.ref, folder.web_url, client, create
        self._known = {"": folder.ref}

    def get(self, path: str) -> ItemRef:
        """
        Return the folder at a path below the root.

        :raises DriveArgumentError: If SharePoint forbids its name.
        """
        if path not in self._known:
            above, _, name = path.rpartition("/")
            parent = self.get(above)
            if self._create:
                folder = self._client.run(make_folder(parent, check_new_name(name)))
            else:
                folder = self._client.run(get_folder(child(parent, name)))
            self._known[path] = folder.ref
        return self._known[path]
