"""Who and what is in the tenant: users, a group, sites with their libraries, and the applications' tokens."""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_drive.emulator.state.drives import Drive

HOST = "contoso.sharepoint.com"
_MY_HOST = "contoso-my.sharepoint.com"


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
    """A site, whose first drive is its default library: https://learn.microsoft.com/graph/api/resources/site."""

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
        """How paths call it, in lower case."""
        names = {self.id.lower(), self.web, f"{HOST}:{self.path.lower()}"}
        return names if self.path else names | {"root", HOST}

    @property
    def web_url(self) -> str:
        """Where a browser finds it."""
        return f"https://{HOST}{self.path}"


@dataclass(frozen=True)
class Token:
    """
    An access token that was issued.

    :param user: Who has signed in; None for an application.
    """

    expires: float
    user: Owner | None = None

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return time.time() >= self.expires


@dataclass(frozen=True)
class Grant:
    """What a refresh token stands for."""

    user: Owner


@dataclass
class Device:
    """
    A device whose user is to sign in.

    :param scope: What it asks for.
    :param polls_left: So many looks until the user has signed in.
    :param last_poll: When it has looked last.
    """

    scope: str
    expires: float
    polls_left: int
    last_poll: float = 0.0


def guid(name: str) -> str:
    """Make an id that is the same each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{HOST}"))


def business_drive_id(name: str) -> str:
    """Make an id such as ``b!dmVLG22QlE2PSW0AqVB7UOhZ8n7t…``: 48 bytes, which are three GUIDs."""
    parts = b"".join(uuid.UUID(guid(f"{name}.{part}")).bytes for part in ("site", "web", "list"))
    return "b!" + base64.urlsafe_b64encode(parts).decode()


def encode_jwt(claims: dict[str, Any]) -> str:
    """Make a text that looks like a JWT, and that nobody has seen before. Only the emulator can read it."""
    parts = [{"typ": "JWT", "alg": "RS256", "kid": secrets.token_hex(8)}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, secrets.token_urlsafe(48)])


def user_claims(user: Owner | None, permissions: list[str]) -> dict[str, Any]:
    """https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference."""
    if user is None:
        return {"idtyp": "app", "roles": permissions}
    who = {"idtyp": "user", "name": user.name, "oid": user.id, "upn": user.address}
    return {**who, "scp": " ".join(permissions)}


def library_url(path: str, library: str) -> str:
    """Make the address of a library in a site."""
    return f"https://{HOST}{path}/{library}"


def my_url(user: str) -> str:
    """Make the address of a user's drive."""
    return f"https://{_MY_HOST}/personal/{user}/Documents"
