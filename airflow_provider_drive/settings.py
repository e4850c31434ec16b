"""Read and check the fields of an Airflow connection."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_drive import __version__
from airflow_provider_drive.configuration import read_number
from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.get_provider_info import CONNECTION_FIELDS
from airflow_provider_drive.protocol.wire.cost import SMALLEST_BUDGET
from airflow_provider_drive.protocol.wire.errors import clean
from airflow_provider_drive.protocol.wire.hosts import CLOUDS, Hosts
from airflow_provider_drive.protocol.wire.validation import read_bool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.common.compat.sdk import Connection

DEFAULT_TIMEOUT = 30.0
LONGEST_TIMEOUT = 86_400.0
"""Seconds: sockets do not accept time-outs of any length."""
_MAX_UNITS = 1e9
_HTTPS = 443
_API_VERSIONS = ("/v1.0", "/beta")
_EXTRAS = {*CONNECTION_FIELDS, "certificate_data", "disable_instance_discovery", "tenantId"}
_EXTRAS_OF_MSGRAPH = {"api_version", "base_url", "drive_id", "trust_env"}
"""What connections of that type have besides, and this package does not need."""
_FIELDS = {"client_id": "login", "client_secret": "password"}
"""Names of other packages for the standard fields."""
_ALL_NAMES = "The connection's reference lists all names."
_LONGEST_NAME = 100
_TENANT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]+\.onmicrosoft\.com", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The settings of one connection. Secrets are not part of its repr.

    :param missing: The connection id, if Airflow has no such connection.
    :param send_certificate_chain: Whether signed assertions include the certificate and its issuers.
    :param refresh_token_variable: Name of the Airflow Variable that keeps the newest refresh token.
    :param verify: True, False or the path of a CA bundle; None leaves it to the environment.
    :param warnings: What is ignored in the connection, as sentences.
    :param is_known_authority: Whether the authority is one of Microsoft's, whose endpoints are known.
    :param budget_backend: Id of the connection to a Redis in which all processes share the budget.
    :param proxies: Pairs of scheme and proxy URL, as in ``requests``; the environment's apply otherwise.
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
    is_known_authority: bool = True
    resource_units_per_minute: float = SMALLEST_BUDGET
    budget_backend: str = ""
    missing: str = ""
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def login_kind(self) -> str:
        """The kind of login: ``auth_type``, or else derived from the fields that are set."""
        if self.auth_type:
            return self.auth_type
        if self.refresh_token:
            return "refresh_token"
        if self.certificate_path or self.private_key:
            return "certificate"
        return "workload_identity" if self.federated_token_file else "client_secret"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must not appear in messages."""
        return self.client_secret, self.private_key, self.refresh_token


def read_settings(connection: Connection, extra: Any = None) -> Settings:
    """
    Read an Airflow connection of type ``microsoft_drive``, or ``msgraph`` of the Microsoft Azure provider.

    :param extra: The connection's extra, if it was read before: reading it may send a request to Airflow,
        which a trigger has to do asynchronously.
    :raises DriveArgumentError: If a field is not valid. The message names it.
    """
    if connection.conn_type in {"http", "https"}:
        raise DriveArgumentError(
            f"The connection {connection.conn_id} is of type {connection.conn_type}: drive_conn_id must name "
            "one of type microsoft_drive."
        )
    extra = _read_extra(connection, extra)
    cloud_name = _read_text(extra, "cloud") or "global"
    if cloud_name not in CLOUDS:
        raise DriveArgumentError(
            f"Invalid `cloud` in the connection: must be one of {', '.join(CLOUDS)}, got {cloud_name!r}."
        )
    cloud = CLOUDS[cloud_name]
    host, tenant_id = connection.host or "", _read_text(extra, "tenant_id") or _read_text(extra, "tenantId")
    if _is_tenant_host(host, tenant_id, connection):
        host, tenant_id = "", tenant_id or host
    graph = _read_address("host", host, cloud.graph, connection.schema, connection.port)
    authority = _read_address("authority", _read_text(extra, "authority"), cloud.authority)
    company = _read_text(extra, "user_agent_company") or "Airflow"
    if not company.isascii() or not company.isprintable():
        raise DriveArgumentError("Invalid `user_agent_company` in the connection: must be printable ASCII.")
    return Settings(
        hosts=Hosts(graph, cloud.suffixes, tuple(_check_hosts(_read_list(extra, "allowed_hosts")))),
        authority=authority,
        tenant_id=tenant_id,
        client_id=connection.login or "",
        auth_type=_read_text(extra, "auth_type"),
        client_secret=connection.password or "",
        certificate_path=_read_text(extra, "certificate_path"),
        private_key=_read_text(extra, "private_key") or _read_text(extra, "certificate_data"),
        thumbprint=_read_text(extra, "thumbprint"),
        send_certificate_chain=_read_flag(extra, "send_certificate_chain"),
        federated_token_file=_read_text(extra, "federated_token_file"),
        refresh_token=_read_text(extra, "refresh_token"),
        refresh_token_variable=_check_variable_name(_read_text(extra, "refresh_token_variable")),
        scopes=tuple(_read_list(extra, "scopes")) or (f"{graph}/.default",),
        verify=_read_verify(extra.get("verify")),
        proxies=_read_proxies(extra.get("proxies")),
        timeout=_read_number(
            extra, "timeout", DEFAULT_TIMEOUT, LONGEST_TIMEOUT, "a positive number of seconds, at most a day"
        ),
        user_agent=f"NONISV|{company}|airflow-provider-drive/{__version__}",
        is_known_authority=authority in {cloud.authority for cloud in CLOUDS.values()},
        resource_units_per_minute=_read_number(
            extra,
            "resource_units_per_minute",
            read_number("resource_units_per_minute", SMALLEST_BUDGET, _MAX_UNITS),
            _MAX_UNITS,
            "a positive number of units",
        ),
        budget_backend=_read_text(extra, "budget_backend"),
        warnings=tuple(_find_ignored(extra, connection.conn_type)),
    )


def _find_ignored(extra: Mapping[str, Any], conn_type: str | None) -> Iterator[str]:
    """Yield a sentence for each extra that nothing reads, with the name that was probably meant."""
    others = _EXTRAS_OF_MSGRAPH if conn_type == "msgraph" else set()
    for name in map(str, extra):
        if name in _EXTRAS or name in others:
            continue
        bare = re.sub(r"^extra__[^_]+(?:_[^_]+)*__", "", name)
        word = re.sub(r"(?<=[a-z])(?=[A-Z])|[- ]", "_", bare).lower()
        near = get_close_matches(word, [*_FIELDS, *CONNECTION_FIELDS], 1)
        meant = f"Did you mean `{_FIELDS.get(near[0], near[0])}`?" if near else _ALL_NAMES
        yield f"The connection's extra `{clean(name)[:_LONGEST_NAME]}` is ignored. {meant}"


def _is_tenant_host(host: str, tenant_id: str, connection: Connection) -> bool:
    """
    Whether the host of an ``msgraph`` connection is the tenant, as the file systems of that provider read it.

    https://airflow.apache.org/docs/apache-airflow-providers-microsoft-azure/stable/filesystems/msgraph.html
    """
    if connection.conn_type != "msgraph" or "://" in host:
        return False
    return _TENANT.fullmatch(host.strip()) is not None or not (connection.schema or tenant_id)


def _read_extra(connection: Connection, extra: Any) -> Mapping[str, Any]:
    try:
        extra = connection.extra_dejson if extra is None else extra
    except (ValueError, RecursionError, TypeError):
        extra = None
    if not isinstance(extra, Mapping):
        raise DriveArgumentError("Invalid `extra` in the connection: must be a JSON object.")
    return extra


def _read_text(extra: Mapping[str, Any], key: str) -> str:
    value = extra.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DriveArgumentError(f"Invalid `{key}` in the connection: must be a string.")
    return value.strip()


def _read_list(extra: Mapping[str, Any], key: str) -> list[str]:
    value = extra.get(key) or []
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise DriveArgumentError(
            f"Invalid `{key}` in the connection: must be a list of strings or a comma-separated string."
        )
    return [entry.strip() for entry in entries if entry.strip()]


def _check_hosts(hosts: list[str]) -> list[str]:
    for host in hosts:
        if re.search(r"[/*@?#\s]", host):
            raise DriveArgumentError(
                "Invalid `allowed_hosts` in the connection: must be host names such as files.example.com, "
                f"without https:// and without *, got {clean(host)!r}."
            )
    return [host.lower() for host in hosts]


def _read_address(
    name: str, value: str | None, default: str, schema: str | None = None, number: int | None = None
) -> str:
    """Return ``https://host[:port]``; ``msgraph`` connections have only a host name, and ``schema``."""
    if not value:
        return default
    text = value.strip()
    if "://" not in text:
        text = f"{schema or 'https'}://{text}"
    for ending in ("/", *_API_VERSIONS):
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


def _read_verify(value: Any) -> bool | str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), value.strip())
    raise DriveArgumentError(
        "Invalid `verify` in the connection: must be true, false or the path of a CA bundle."
    )


def _read_proxies(value: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(value, str) and value.strip():
        value = _parse_literal(value)
    if not value:
        return ()
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and isinstance(entry, str) for key, entry in value.items()
    ):
        raise DriveArgumentError(
            'Invalid `proxies` in the connection: must be a mapping like {"https": "http://proxy:3128"}.'
        )
    return tuple(sorted(value.items()))


def _parse_literal(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _read_number(extra: Mapping[str, Any], key: str, default: float, most: float, requirement: str) -> float:
    value = extra.get(key)
    try:
        number = default if value in {None, ""} else math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number <= most:
        raise DriveArgumentError(f"Invalid `{key}` in the connection: must be {requirement}.")
    return number


def _check_variable_name(name: str) -> str:
    if name and "token" not in name.lower():
        raise DriveArgumentError(
            "Invalid `refresh_token_variable` in the connection: the name must contain the word token, so "
            "that Airflow masks the Variable's value."
        )
    return name


def _read_flag(extra: Mapping[str, Any], key: str) -> bool:
    value = extra.get(key)
    if value is None or value == "":
        return False
    try:
        return read_bool(key, value)
    except DriveArgumentError:
        raise DriveArgumentError(f"Invalid `{key}` in the connection: must be true or false.") from None
