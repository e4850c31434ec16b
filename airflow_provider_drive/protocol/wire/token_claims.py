"""
The claims of an access token, for messages.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference

No request depends on them: only Graph verifies tokens, and knows what they allow.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

WRITING = ("Files.ReadWrite.All", "Sites.ReadWrite.All")
"""Copies and moves need one of these, least privileged first: https://learn.microsoft.com/graph/api/driveitem-copy."""
FINDING_SITES = ("Sites.Read.All", "Sites.ReadWrite.All")
"""Site addresses need one of these, least privileged first: https://learn.microsoft.com/graph/api/site-getbypath."""

_OWN_DRIVE = "Files.ReadWrite"  # https://learn.microsoft.com/graph/permissions-reference#filesreadwrite
_BROADER = ("Sites.Manage.All", "Sites.FullControl.All")
_MAX_NAME = 100
_FILE_PERMISSION = re.compile(r"(?:Files|Sites|Lists|ListItems)\.[\w.]+")


@dataclass(frozen=True, slots=True)
class Claims:
    """
    The claims of a token.

    :param is_user: Whether a user logged in, rather than an app.
    :param permissions: The permissions for files and sites.
    """

    is_user: bool = False
    app_id: str = ""
    app_name: str = ""
    user: str = ""
    tenant_id: str = ""
    permissions: tuple[str, ...] = ()

    @property
    def principal(self) -> str:
        """The user or app that logged in, for a sentence."""
        app = f"the app {self.app_name} ({self.app_id})" if self.app_name else f"the app {self.app_id}"
        return f"the user {self.user} through {app}" if self.is_user else app

    @property
    def may_write(self) -> bool:
        """Whether copies and moves can succeed in at least one drive."""
        return not {*WRITING, *_BROADER, _OWN_DRIVE, *self._selected}.isdisjoint(self.permissions)

    @property
    def _selected(self) -> list[str]:
        return [name for name in self.permissions if name.endswith(".Selected")]

    def describe_permissions(self) -> str:
        """Return sentences that list the permissions, and name missing ones and what needs them."""
        granted = ", ".join(self.permissions) or "no permission for files or sites"
        return " ".join([f"The token carries {granted}.", *self._describe_limits()])

    def _describe_limits(self) -> list[str]:
        permissions = {*self.permissions}
        limits = []
        if permissions.isdisjoint((*WRITING, *_BROADER)):
            if self._selected:
                limits.append(
                    f"{self._selected[0]} allows copies and moves only where an administrator has granted "
                    "this app write access."
                )
            elif _OWN_DRIVE in permissions:
                limits.append(f"{_OWN_DRIVE} allows copies and moves in this user's own drive.")
            else:
                limits.append(
                    f"Copies and moves need {' or '.join(WRITING)}, which is missing: add one to the app "
                    "and have an administrator consent to it."
                )
        if permissions.isdisjoint((*FINDING_SITES, *_BROADER, *self._selected)):
            limits.append(f"Addresses that name a site need {FINDING_SITES[0]}, which is missing.")
        return limits


def read_claims(token: str) -> Claims | None:
    """
    Read the claims of a token without verifying its signature.

    :return: None if the token is opaque, as those of personal accounts are.
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
        app_id=_read_text(claims, "appid", "azp"),
        app_name=_read_text(claims, "app_displayname"),
        user=_read_text(claims, "upn", "preferred_username", "unique_name", "name"),
        tenant_id=_read_text(claims, "tid"),
        permissions=_read_permissions(claims),
    )


def _read_text(claims: dict[str, Any], *names: str) -> str:
    values = (claims.get(name) for name in names)
    return next((value[:_MAX_NAME] for value in values if isinstance(value, str) and value.isprintable()), "")


def _read_permissions(claims: dict[str, Any]) -> tuple[str, ...]:
    """Return the file permissions of an app (``roles``, a list) or a user (``scp``, a string with spaces)."""
    roles, scopes = claims.get("roles"), claims.get("scp")
    given = [
        *(roles if isinstance(roles, list) else []),
        *(scopes.split() if isinstance(scopes, str) else []),
    ]
    return tuple(name for name in given if isinstance(name, str) and _FILE_PERMISSION.fullmatch(name))
