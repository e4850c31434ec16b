"""
What a token allows, as far as it tells.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference

Nothing is decided by it: Graph alone verifies a token, and knows what it allows.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

WRITING = ("Files.ReadWrite.All", "Sites.ReadWrite.All")
"""Least first, one of which copies and moves need: https://learn.microsoft.com/graph/api/driveitem-copy."""
FINDING_SITES = ("Sites.Read.All", "Sites.ReadWrite.All")
"""Least first, one of which addresses that name a site need: https://learn.microsoft.com/graph/api/site-getbypath."""

_OWN_DRIVE = "Files.ReadWrite"  # https://learn.microsoft.com/graph/permissions-reference#filesreadwrite
_WIDER = ("Sites.Manage.All", "Sites.FullControl.All")
_MAX_NAME = 100
_OF_FILES = re.compile(r"(?:Files|Sites|Lists|ListItems)\.[\w.]+")


@dataclass(frozen=True, slots=True)
class Claims:
    """
    What a token says of itself.

    :param is_user: Whether a user logged in, and not an app by itself.
    :param permissions: Those that are about files and sites.
    """

    is_user: bool = False
    app_id: str = ""
    app_name: str = ""
    user: str = ""
    tenant_id: str = ""
    permissions: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """Who logged in, in words."""
        app = f"the app {self.app_name} ({self.app_id})" if self.app_name else f"the app {self.app_id}"
        return f"the user {self.user} through {app}" if self.is_user else app

    @property
    def may_write(self) -> bool:
        """Whether copies and moves may succeed somewhere."""
        return not {*WRITING, *_WIDER, _OWN_DRIVE, *self._selected}.isdisjoint(self.permissions)

    @property
    def _selected(self) -> list[str]:
        return [name for name in self.permissions if name.endswith(".Selected")]

    def describe_permissions(self) -> str:
        """Say in a sentence or two which permissions are there, and which are missing for what."""
        granted = ", ".join(self.permissions) or "no permission for files or sites"
        return " ".join([f"The token carries {granted}.", *self._remarks()])

    def _remarks(self) -> list[str]:
        permissions = {*self.permissions}
        remarks = []
        if permissions.isdisjoint((*WRITING, *_WIDER)):
            if self._selected:
                remarks.append(
                    f"{self._selected[0]} allows copies and moves only where an administrator has granted "
                    "this app write access."
                )
            elif _OWN_DRIVE in permissions:
                remarks.append(f"{_OWN_DRIVE} allows copies and moves in this user's own drive.")
            else:
                remarks.append(
                    f"Copies and moves need {' or '.join(WRITING)}, which is missing: add one to the app "
                    "and have an administrator consent to it."
                )
        if permissions.isdisjoint((*FINDING_SITES, *_WIDER, *self._selected)):
            remarks.append(f"Addresses that name a site need {FINDING_SITES[0]}, which is missing.")
        return remarks


def read_claims(token: str) -> Claims | None:
    """
    Read what a token tells without a look at its signature; return None if it tells nothing.

    Tokens of personal accounts are opaque.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    return Claims(
        is_user="scp" in claims,
        app_id=_text(claims, "appid", "azp"),
        app_name=_text(claims, "app_displayname"),
        user=_text(claims, "upn", "preferred_username", "unique_name", "name"),
        tenant_id=_text(claims, "tid"),
        permissions=_permissions(claims),
    )


def _text(claims: dict[str, Any], *names: str) -> str:
    values = (claims.get(name) for name in names)
    return next((value[:_MAX_NAME] for value in values if isinstance(value, str) and value.isprintable()), "")


def _permissions(claims: dict[str, Any]) -> tuple[str, ...]:
    """Return those of an app, a list, or those that a user gave it, a text with blanks."""
    roles, scopes = claims.get("roles"), claims.get("scp")
    given = [
        *(roles if isinstance(roles, list) else []),
        *(scopes.split() if isinstance(scopes, str) else []),
    ]
    return tuple(name for name in given if isinstance(name, str) and _OF_FILES.fullmatch(name))
