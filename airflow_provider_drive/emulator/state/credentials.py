"""Tokens and other credentials that the tenant issues."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt

    from airflow_provider_drive.emulator.state.directory import Owner

_MONITOR_LIFETIME = (
    86_400  # exp - nbf of the token in https://github.com/OneDrive/onedrive-api-docs/issues/1239
)


@dataclass(frozen=True)
class Token:
    """
    An access token.

    :param expires: In seconds since the epoch.
    :param user: The signed-in user; None for an application.
    :param audience: URL or id of the service that it was issued for; empty for Graph.
    """

    expires: float
    user: Owner | None = None
    audience: str = ""

    @property
    def is_expired(self) -> bool:
        """Whether the token has expired."""
        return time.time() >= self.expires


@dataclass(frozen=True)
class Grant:
    """What a refresh token gives access to."""

    user: Owner


@dataclass
class Device:
    """
    A sign-in by device code: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code.

    :param scope: The scopes that the device asked for.
    :param expires: In seconds since the epoch.
    :param polls_left: Number of polls until the user has signed in.
    :param last_poll: Time of the last poll, in seconds since the epoch.
    """

    scope: str
    expires: float
    polls_left: int
    last_poll: float = 0.0


def access_token(claims: dict[str, Any], user: Owner | None, permissions: list[str]) -> str:
    """
    Return a unique text in the form of a JWT. Its signature is random.

    :param permissions: Roles of the application, or scopes if a user has signed in:
        https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    """
    header = {"typ": "JWT", "alg": "RS256", "kid": secrets.token_hex(8)}
    if user is None:
        claims = {**claims, "idtyp": "app", "roles": permissions}
    else:
        identity = {"idtyp": "user", "name": user.name, "oid": user.id, "upn": user.address}
        claims = {**claims, **identity, "scp": " ".join(permissions)}
    return f"{_encode(header)}.{_encode(claims)}.{secrets.token_urlsafe(48)}"


def opaque_access_token() -> str:
    """Return a unique text without claims, as personal accounts get it."""
    return "Ew" + secrets.token_urlsafe(96)


def tempauth(issued: dt.datetime) -> str:
    """Return the credential in the URL of a monitor or a file."""
    start = int(issued.timestamp())
    claims = {"aud": "00000003-0000-0ff1-ce00-000000000000", "nbf": start, "exp": start + _MONITOR_LIFETIME}
    return f"v1.{_encode(claims)}.{secrets.token_urlsafe(32)}"


def continuation(job_id: str) -> str:
    """
    Return the other credential in the URL of a monitor.

    It encodes the URL of an Azure queue: ``iss-copy-202-operations-location-2020``.
    """
    queue = f"https://spoeus1.queue.core.windows.net/{job_id}?sig={secrets.token_urlsafe(24)}&>>"
    return base64.b64encode(queue.encode()).decode()


def _encode(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
