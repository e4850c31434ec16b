"""What an Airflow connection says, checked and in one place."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_drive import __version__
from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.wire.cost import SMALLEST_BUDGET
from airflow_provider_drive.protocol.wire.hosts import CLOUDS, Hosts

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

DEFAULT_TIMEOUT = 30.0
LONGEST_TIMEOUT = 86_400.0
"""A day: sockets know no time-out of centuries."""
_MOST_UNITS = 1e9
_HTTPS = 443
_VERSIONS = ("/v1.0", "/beta")
_TENANT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]+\.onmicrosoft\.com", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """
    One connection. Its secrets are left out of its repr.

    :param missing: The id of the connection, if Airflow has none of that id.
    :param send_certificate_chain: Send the certificate and those above it along with what it signs.
    :param refresh_token_variable: Name of the Airflow Variable that keeps the newest refresh token.
    :param verify: True, False or the path of a CA bundle; None leaves it to the environment.
    :param proxies: As ``requests`` takes them, in pairs; what is not here is left to the environment.
    """

    hosts: Hosts = field(default_factory=Hosts)
    authority: str = CLOUDS["global"].authority
    tenant_id: str = ""
    client_id: str = ""
    auth_type: str = ""
    client_secret: str = field(default="", repr=False)
    certificate_path: str = ""
    private_key: str = field(default="", repr=False)
    thumbprint: str = ""
    send_certificate_chain: bool = False
    federated_token_file: str = ""
    refresh_token: str = field(default="", repr=False)
    refresh_token_variable: str = ""
    scopes: tuple[str, ...] = ()
    verify: bool | str | None = None
    proxies: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout: float = DEFAULT_TIMEOUT
    user_agent: str = f"NONISV|Airflow|airflow-provider-drive/{__version__}"
    discover_instance: bool = True
    resource_units_per_minute: float = SMALLEST_BUDGET
    missing: str = ""

    @property
    def login_kind(self) -> str:
        """The kind of login: what ``auth_type`` says, or else what is filled in."""
        if self.auth_type:
            return self.auth_type
        if self.refresh_token:
            return "refresh_token"
        if self.certificate_path or self.private_key:
            return "certificate"
        return "workload_identity" if self.federated_token_file else "client_secret"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be quoted."""
        return self.client_secret, self.private_key, self.refresh_token


def read_settings(connection: Connection, extra: Any = None) -> Settings:
    """
    Read an Airflow connection, of this package's type or of the stock type ``msgraph``.

    :param extra: Its extra, where it was read before: reading it talks to Airflow, which a trigger does its
        own way.
    :raises DriveArgumentError: If a field makes no sense. The message names it.
    """
    extra = _extra(connection, extra)
    cloud_name = _text(extra, "cloud") or "global"
    if cloud_name not in CLOUDS:
        raise DriveArgumentError(
            f"Invalid `cloud` in the connection: must be one of {', '.join(CLOUDS)}, got {cloud_name!r}."
        )
    cloud = CLOUDS[cloud_name]
    host, tenant_id = connection.host or "", _text(extra, "tenant_id") or _text(extra, "tenantId")
    if _is_tenant(host, tenant_id, connection):
        host, tenant_id = "", tenant_id or host
    graph = _address("host", host, cloud.graph, connection.schema, connection.port)
    authority = _address("authority", _text(extra, "authority"), cloud.authority)
    known = authority in {cloud.authority for cloud in CLOUDS.values()}
    company = _text(extra, "user_agent_company") or "Airflow"
    if not company.isascii() or not company.isprintable():
        raise DriveArgumentError("Invalid `user_agent_company` in the connection: must be printable ASCII.")
    return Settings(
        hosts=Hosts(graph, cloud.suffixes, tuple(_list(extra, "allowed_hosts"))),
        authority=authority,
        tenant_id=tenant_id,
        client_id=connection.login or "",
        auth_type=_text(extra, "auth_type"),
        client_secret=connection.password or "",
        certificate_path=_text(extra, "certificate_path"),
        private_key=_text(extra, "private_key") or _text(extra, "certificate_data"),
        thumbprint=_text(extra, "thumbprint"),
        send_certificate_chain=_is_true(extra.get("send_certificate_chain")),
        federated_token_file=_text(extra, "federated_token_file"),
        refresh_token=_text(extra, "refresh_token"),
        refresh_token_variable=_variable(_text(extra, "refresh_token_variable")),
        scopes=tuple(_list(extra, "scopes")) or (f"{graph}/.default",),
        verify=_verify(extra.get("verify")),
        proxies=_proxies(extra.get("proxies")),
        timeout=_number(
            extra, "timeout", DEFAULT_TIMEOUT, LONGEST_TIMEOUT, "a positive number of seconds, at most a day"
        ),
        user_agent=f"NONISV|{company}|airflow-provider-drive/{__version__}",
        discover_instance=known and not _is_true(extra.get("disable_instance_discovery")),
        resource_units_per_minute=_number(
            extra, "resource_units_per_minute", SMALLEST_BUDGET, _MOST_UNITS, "a positive number of units"
        ),
    )


def _is_tenant(host: str, tenant_id: str, connection: Connection) -> bool:
    """
    Whether the host of a connection of the stock type is the tenant, for which its file systems take it.

    https://airflow.apache.org/docs/apache-airflow-providers-microsoft-azure/stable/filesystems/msgraph.html
    """
    if connection.conn_type != "msgraph" or "://" in host:
        return False
    return _TENANT.fullmatch(host.strip()) is not None or not (connection.schema or tenant_id)


def _extra(connection: Connection, extra: Any) -> Mapping[str, Any]:
    try:
        extra = connection.extra_dejson if extra is None else extra
    except (ValueError, RecursionError, TypeError):
        extra = None
    if not isinstance(extra, Mapping):
        raise DriveArgumentError("Invalid `extra` in the connection: must be a JSON object.")
    return extra


def _text(extra: Mapping[str, Any], key: str) -> str:
    value = extra.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DriveArgumentError(f"Invalid `{key}` in the connection: must be a string.")
    return value.strip()


def _list(extra: Mapping[str, Any], key: str) -> list[str]:
    value = extra.get(key) or []
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise DriveArgumentError(
            f"Invalid `{key}` in the connection: must be a list of strings or a comma-separated string."
        )
    return [
        entry.strip().lower() if key == "allowed_hosts" else entry.strip()
        for entry in entries
        if entry.strip()
    ]


def _address(
    name: str, value: str | None, default: str, schema: str | None = None, number: int | None = None
) -> str:
    """Return ``https://host[:port]``; the stock type gives a bare host, and the scheme apart."""
    if not value:
        return default
    text = value.strip()
    if "://" not in text:
        text = f"{schema or 'https'}://{text}"
    for ending in ("/", *_VERSIONS):
        text = text.removesuffix(ending)
    try:
        parts = urlsplit(text)
        number = (number or None) if parts.port is None else parts.port
        port = "" if number in {None, _HTTPS} else f":{number}"
    except ValueError:
        parts, port = urlsplit(""), ""
    host = parts.hostname or ""
    if (
        parts.scheme != "https"
        or not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host)
        or parts.username
        or parts.query
        or parts.fragment
        or parts.path
        or parts.netloc.endswith(":")
    ):
        raise DriveArgumentError(
            f"Invalid `{name}` in the connection: must be an address like {default}, with https, a host and "
            "optionally a port. Tokens are never sent over plain http."
        )
    address = f"https://[{host}]{port}" if ":" in host else f"https://{host}{port}"
    if not Hosts(address).is_graph(address):
        raise DriveArgumentError(f"Invalid `{name}` in the connection: not a valid host name.")
    return address


def _verify(value: Any) -> bool | str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), value.strip())
    raise DriveArgumentError(
        "Invalid `verify` in the connection: must be true, false or the path of a CA bundle."
    )


def _proxies(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, str) and value.strip():
        value = _literal(value)
    if not value:
        return ()
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and isinstance(entry, str) for key, entry in value.items()
    ):
        raise DriveArgumentError(
            'Invalid `proxies` in the connection: must be a mapping like {"https": "http://proxy:3128"}.'
        )
    return tuple(sorted(value.items()))


def _literal(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _number(extra: Mapping[str, Any], key: str, default: float, most: float, wanted: str) -> float:
    value = extra.get(key)
    try:
        number = default if value in {None, ""} else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number <= most:
        raise DriveArgumentError(f"Invalid `{key}` in the connection: must be {wanted}.")
    return number


def _variable(name: str) -> str:
    if name and "token" not in name.lower():
        raise DriveArgumentError(
            "Invalid `refresh_token_variable` in the connection: the name must contain the word token, so "
            "that Airflow masks the Variable's value."
        )
    return name


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
