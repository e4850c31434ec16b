"""
Microsoft's clouds, and the hosts that requests may go to.

A monitor URL is a credential, and Graph may return one on any host. Such URLs, and those that open a file,
are called only on the cloud's drive hosts and on the connection's ``allowed_hosts``.

https://learn.microsoft.com/graph/deployments
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from airflow_provider_drive.exceptions import DriveResponseError


@dataclass(frozen=True, slots=True)
class Cloud:
    """
    One of Microsoft's clouds.

    :param authority: Address of the authority that issues tokens.
    :param graph: Address of Graph. The default scope is this address with ``/.default``.
    :param suffixes: Domains of the hosts of drives and monitors.
    :param aliases: Further host names of the authority, which its discovery document may contain.
    """

    authority: str
    graph: str
    suffixes: tuple[str, ...]
    aliases: tuple[str, ...] = ()


CLOUDS = {
    "global": Cloud(
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
        (
            "sharepoint.com",
            "sharepoint-df.com",
            "onedrive.com",  # api.onedrive.com: monitors of OneDrive personal
            "microsoftpersonalcontent.com",  # the same, for migrated accounts
            "1drv.com",
            "1drv.ms",
            "svc.ms",
            "storage.live.com",
        ),
        ("login.microsoft.com", "login.windows.net", "sts.windows.net"),
    ),
    "usgov": Cloud(
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
        ("sharepoint.us",),
        ("login.usgovcloudapi.net",),
    ),
    "dod": Cloud(
        "https://login.microsoftonline.us",
        "https://dod-graph.microsoft.us",
        ("sharepoint-mil.us", "sharepoint.us"),
        ("login.usgovcloudapi.net",),
    ),
    "china": Cloud(
        "https://login.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        ("sharepoint.cn",),
        ("login.partner.microsoftonline.cn",),
    ),
}

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]+")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Hosts:
    """
    The hosts of one connection.

    :param graph: Graph's address, ``https://host[:port]``.
    :param suffixes: Domains of the cloud's drive hosts.
    :param allowed: Further allowed hosts: names or IP addresses, with a port or for any port.
    """

    graph: str = CLOUDS["global"].graph
    suffixes: tuple[str, ...] = CLOUDS["global"].suffixes
    allowed: tuple[str, ...] = ()

    @property
    def cloud(self) -> str:
        """The cloud's name, or Graph's address if it belongs to none of Microsoft's clouds."""
        return next((name for name, cloud in CLOUDS.items() if cloud.graph == self.graph), self.graph)

    @property
    def root(self) -> str:
        """Graph's version root, to which the paths of requests are relative."""
        return f"{self.graph}/v1.0"

    def is_graph(self, url: str) -> bool:
        """Whether the URL is on Graph's own host and port, the only one that tokens are sent to."""
        return _origin(_split(url)) == _origin(_split(self.graph)) is not None

    def is_drive(self, url: str) -> bool:
        """Whether the URL is on a drive host of the cloud, or on an allowed host."""
        origin = _origin(_split(url))
        return origin is not None and _is_drive(self, origin)

    def _is_drive_host(self, host: str, port: int) -> bool:
        if self._is_allowed(host, port):
            return True
        if _is_ip(host):
            return False  # even Graph's own: IP addresses must be listed in allowed_hosts
        return port == 443 and any(host == known or host.endswith(f".{known}") for known in self.suffixes)

    def check_monitor(self, url: str) -> str:
        """
        Return the monitor URL if it may be called.

        :raises DriveResponseError: If it may not. The message names the host, never the URL.
        """
        return self._check_secret_url("the copy's monitor is", url)

    def check_file(self, url: str) -> str:
        """
        Return the URL if a file's content may be sent to it or read from it.

        :raises DriveResponseError: If it may not. The message names the host, never the URL.
        """
        return self._check_secret_url("the file's bytes are", url)

    def _check_secret_url(self, what: str, url: str) -> str:
        """Return a URL that is itself a credential, if it may be called."""
        if self.is_drive(url):
            return url
        host = host_of(url)
        if self.is_graph(url) and not _is_ip(host):
            return url
        raise DriveResponseError(
            f"{what} on the host {host!r}, which is not one of this cloud's hosts, or its URL is not https "
            "or contains user info; if you trust that host, add it to the connection's allowed_hosts",
            retryable=False,
        )

    def check_next_link(self, url: str) -> str:
        """
        Return the link to a collection's next page if it may be followed.

        :raises DriveResponseError: If its host is neither Graph's nor in ``allowed_hosts``.
        """
        parts = _split(url)
        trusted = parts is not None and parts.scheme == "https" and "@" not in parts.netloc
        if parts and trusted and (self.is_graph(url) or self._is_allowed(parts.hostname or "", _port(parts))):
            return url
        raise DriveResponseError(
            f"the link to the next page was not followed: its host {host_of(url)!r} is neither Graph's nor "
            "in the connection's allowed_hosts",
            retryable=False,
        )

    def _is_allowed(self, host: str, port: int) -> bool:
        return any(_matches_entry(entry, host, port) for entry in self.allowed)


def is_authority(url: str, authority: str) -> bool:
    """
    Whether the URL is on the authority's host and port, or on those of one of its aliases.

    Credentials go nowhere else, whatever the authority's discovery document says.

    :param authority: The authority's address, ``https://host[:port]``.
    """
    own, asked = _origin(_split(authority)), _origin(_split(url))
    names = [{cloud.authority, *(f"https://{alias}" for alias in cloud.aliases)} for cloud in CLOUDS.values()]
    same = {name for known in names if authority in known for name in known}
    return asked is not None and asked in {own, *(_origin(_split(name)) for name in same)}


def host_of(url: str) -> str:
    """Return a URL's host for a message; ``?`` if the URL is not valid."""
    parts = _split(url)
    return (parts.hostname or "") if parts else "?"


def _matches_entry(entry: str, host: str, port: int) -> bool:
    parts = _split_entry(entry)
    if parts is None or parts.hostname is None or _normalize_ip(parts.hostname) != _normalize_ip(host):
        return False
    return parts.port in {None, port}


@lru_cache(maxsize=256)
def _split_entry(entry: str) -> SplitResult | None:
    return _split(f"https://{entry}") or _split(f"https://[{entry}]")  # an IPv6 address may have no brackets


def _normalize_ip(host: str) -> str:
    return str(ipaddress.ip_address(host)) if _is_ip(host) else host


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _split(url: str) -> SplitResult | None:
    """Split a URL that all HTTP clients parse alike; return None for any other."""
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if _is_unambiguous(parts.netloc) else None


@lru_cache(maxsize=1_000)  # each poll asks for the same few
def _is_unambiguous(netloc: str) -> bool:
    parts = SplitResult("https", netloc, "", "", "")
    try:
        _ = parts.port
    except ValueError:
        return False
    return _HOST.fullmatch(parts.hostname or "") is not None


@lru_cache(maxsize=1_000)
def _is_drive(hosts: Hosts, origin: tuple[str, str, int]) -> bool:
    _, host, port = origin
    return hosts._is_drive_host(host, port)  # noqa: SLF001  # a method with a cache


def _port(parts: SplitResult) -> int:
    return 443 if parts.port is None else parts.port


def _origin(parts: SplitResult | None) -> tuple[str, str, int] | None:
    return None if parts is None else _origin_of(parts.scheme, parts.netloc)


@lru_cache(maxsize=1_000)
def _origin_of(scheme: str, netloc: str) -> tuple[str, str, int] | None:
    if scheme != "https" or "@" in netloc:
        return None
    parts = SplitResult(scheme, netloc, "", "", "")
    return scheme, parts.hostname or "", _port(parts)
