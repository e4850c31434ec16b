"""Users, groups and sites, each with its drives."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.state.drives import Drive

HOST = "contoso.sharepoint.com"
_MY_HOST = "contoso-my.sharepoint.com"
_GRAPH = {
    "00000003-0000-0000-c000-000000000000",
    # https://learn.microsoft.com/graph/deployments
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
}


@dataclass(eq=False)
class Owner:
    """A user or a group, and its drive."""

    kind: str
    id: str
    name: str
    address: str
    drive: Drive


@dataclass(eq=False)
class Site:
    """A site. Its first drive is the default library: https://learn.microsoft.com/graph/api/resources/site."""

    path: str
    name: str
    collection: str
    web: str
    drives: list[Drive] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Host, site collection and site."""
        return f"{HOST},{self.collection},{self.web}"

    @property
    def names(self) -> set[str]:
        """All identifiers of the site that a path may contain, in lower case."""
        names = {self.id.lower(), self.web, f"{HOST}:{self.path.lower()}"}
        return names if self.path else names | {"root", HOST}

    @property
    def web_url(self) -> str:
        """The URL of the site in a browser."""
        return f"https://{HOST}{self.path}"


def is_graph(audience: str, base: str) -> bool:
    """
    Whether a token is for Graph: by default, or by a URL of Graph, of SharePoint, or of this machine.

    SharePoint's equivalent of Graph accepts both kinds of tokens here.

    :param base: The URL at which the client has reached Graph.
    """
    host = urlsplit(audience).hostname or audience
    graph = {*_GRAPH, "", "localhost", "127.0.0.1", urlsplit(base).hostname}
    return host in graph or host.endswith(".sharepoint.com")


def guid(name: str) -> str:
    """Return the GUID of this name, which is always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{HOST}"))


def business_drive_id(name: str) -> str:
    """Return an id such as ``b!dmVLG22QlE2PSW0AqVB7UOhZ8n7t…``: 48 bytes, which are three GUIDs."""
    parts = b"".join(uuid.UUID(guid(f"{name}.{part}")).bytes for part in ("site", "web", "list"))
    return "b!" + base64.urlsafe_b64encode(parts).decode()


def library_url(path: str, library: str) -> str:
    """Return the URL of a site's library."""
    return f"https://{HOST}{path}/{library}"


def my_url(user: str) -> str:
    """Return the URL of a user's OneDrive."""
    return f"https://{_MY_HOST}/personal/{user}/Documents"
