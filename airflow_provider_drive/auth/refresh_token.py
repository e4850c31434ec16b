"""
User logins with a refresh token.

https://learn.microsoft.com/entra/identity-platform/refresh-tokens

A refresh token is valid for 90 days, and each use returns a new one. Entra ID keeps the old one valid; other
authorities and policies may not. The newest one can be stored in an Airflow Variable: workers can write
Variables, but not connections.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from msal import ClientApplication

    from airflow_provider_drive.settings import Settings

_log = logging.getLogger(__name__)
_RENEWAL_MARGIN = 300.0
"""Seconds before its expiry at which a token is replaced, as in MSAL."""
_CONSUMER_TENANTS = {"consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"}
_PERSONAL_SCOPE = "Files.ReadWrite.All"


class RefreshLogin:
    """Logs in with the newest refresh token."""

    def __init__(self, settings: Settings, application: ClientApplication) -> None:
        self._settings, self._application = settings, application
        self._initial_token = settings.refresh_token
        self._newest = self._initial_token
        self._answer: Any = {}
        self._renew_at = 0.0

    def acquire(self, renew: bool) -> Any:
        """
        Return the authority's answer with a token.

        :param renew: Request a new token even if the current one is still valid.
        """
        if renew or time.time() >= self._renew_at:
            self._answer = self._redeem()
            lifetime = self._answer.get("expires_in")
            self._renew_at = time.time() + (lifetime if isinstance(lifetime, int) else 0) - _RENEWAL_MARGIN
        return self._answer

    def _redeem(self) -> dict[str, Any]:
        token = self._load_newest()
        answer = self._request_token(token)
        if answer.get("error") == "invalid_grant" and (newer := self._load_newest()) != token:
            # Another worker has used the token, and this authority accepts each token only once.
            token, answer = newer, self._request_token(newer)
        successor = answer.get("refresh_token")
        if isinstance(successor, str) and successor not in {"", token}:
            _mask(successor)
            self._newest = successor
            self._save_newest(successor)
        return answer

    def _request_token(self, token: str) -> dict[str, Any]:
        scopes = delegated_scopes(self._settings)
        answer = self._application.acquire_token_by_refresh_token(token, scopes)
        return answer if isinstance(answer, dict) else {}

    def _load_newest(self) -> str:
        """Return the newest token derived from the connection's; one of an earlier login is ignored."""
        name = self._settings.refresh_token_variable
        if not name:
            return self._newest
        from airflow.providers.common.compat.sdk import Variable  # noqa: PLC0415  # only for connections that use a Variable

        try:
            stored = json.loads(Variable.get(name, None) or "{}")
        except Exception as error:  # noqa: BLE001  # secrets backends raise anything; the known token may still work
            _log.warning(
                "Could not read the refresh token from the Variable %s (%s): using the last known one.",
                name,
                type(error).__name__,
            )
            return self._newest
        token = (
            stored.get("refresh_token")
            if isinstance(stored, dict) and stored.get("of") == self._fingerprint
            else None
        )
        if not isinstance(token, str) or not token:
            return self._newest
        _mask(token)
        return token

    def _save_newest(self, token: str) -> None:
        name = self._settings.refresh_token_variable
        if not name:
            return
        from airflow.providers.common.compat.sdk import Variable  # noqa: PLC0415  # only for connections that use a Variable

        try:
            Variable.set(name, json.dumps({"refresh_token": token, "of": self._fingerprint}))
        except Exception as error:  # noqa: BLE001  # the login itself has succeeded
            _log.warning(
                "Could not save the new refresh token to the Variable %s (%s): other processes still use the "
                "old one.",
                name,
                type(error).__name__,
            )

    @property
    def _fingerprint(self) -> str:
        """Identifies the connection's refresh token without revealing it."""
        return hashlib.sha256(self._initial_token.encode()).hexdigest()


def delegated_scopes(settings: Settings) -> list[str]:
    """
    Return the scopes of a user login.

    Personal accounts do not support ``.default``, and for a permission without Graph's address they return a
    token that Graph does not accept: https://github.com/jordanburke/microsoft-todo-mcp-server/pull/13.
    """
    graph = settings.hosts.graph
    everything = f"{graph}/.default"
    if settings.tenant_id in _CONSUMER_TENANTS and settings.scopes == (everything,):
        return [f"{graph}/{_PERSONAL_SCOPE}"]
    named = (scope for scope in settings.scopes if scope not in {"openid", "profile", "offline_access"})
    return [scope if "://" in scope else f"{graph}/{scope}" for scope in named]


def _mask(token: str) -> None:
    from airflow.providers.common.compat.sdk import mask_secret  # noqa: PLC0415  # only needed with a new secret

    mask_secret(token)
