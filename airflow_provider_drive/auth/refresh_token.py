"""
A user's login, which goes on from one refresh token to the next.

https://learn.microsoft.com/entra/identity-platform/refresh-tokens

Each lives for 90 days, and brings its successor. Entra ID leaves the old one good; other authorities, and
policies, may not. A worker can write Airflow's Variables, and cannot write its connections: so it is a
Variable that can keep the newest one.
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
_EARLY = 300.0
"""Seconds before its end at which a token is replaced, as MSAL does it."""
_CONSUMERS = {"consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"}
_OWN_FILES = "Files.ReadWrite.All"


class RefreshLogin:
    """Logs in with the newest refresh token that there is."""

    def __init__(self, settings: Settings, application: ClientApplication) -> None:
        self._settings, self._application = settings, application
        self._seed = settings.refresh_token
        self._newest = self._seed
        self._answer: Any = {}
        self._until = 0.0

    def acquire(self, anew: bool) -> Any:
        """Return the authority's answer with a token."""
        if anew or time.time() >= self._until:
            self._answer = self._redeem()
            lifetime = self._answer.get("expires_in")
            self._until = time.time() + (lifetime if isinstance(lifetime, int) else 0) - _EARLY
        return self._answer

    def _redeem(self) -> dict[str, Any]:
        token = self._load()
        answer = self._send(token)
        if answer.get("error") == "invalid_grant" and (newer := self._load()) != token:
            token, answer = (
                newer,
                self._send(newer),
            )  # another worker used it first, and it is good for once only
        successor = answer.get("refresh_token")
        if isinstance(successor, str) and successor not in {"", token}:
            _mask(successor)
            self._newest = successor
            self._store(successor)
        return answer

    def _send(self, token: str) -> dict[str, Any]:
        scopes = delegated_scopes(self._settings)
        answer = self._application.acquire_token_by_refresh_token(token, scopes)
        return answer if isinstance(answer, dict) else {}

    def _load(self) -> str:
        """Return the newest token that comes from the connection's own: a new login there begins anew."""
        name = self._settings.refresh_token_variable
        if not name:
            return self._newest
        from airflow.providers.common.compat.sdk import Variable  # noqa: PLC0415  # only where one is asked for

        try:
            kept = json.loads(Variable.get(name, None) or "{}")
        except Exception as error:  # noqa: BLE001  # whatever keeps Variables: the connection's token may do
            _log.warning(
                "Could not read the refresh token from the Variable %s (%s): using the last known one.",
                name,
                type(error).__name__,
            )
            return self._newest
        token = kept.get("refresh_token") if isinstance(kept, dict) and kept.get("of") == self._mark else None
        if not isinstance(token, str) or not token:
            return self._newest
        _mask(token)
        return token

    def _store(self, token: str) -> None:
        name = self._settings.refresh_token_variable
        if not name:
            return
        from airflow.providers.common.compat.sdk import Variable  # noqa: PLC0415  # only where one is asked for

        try:
            Variable.set(name, json.dumps({"refresh_token": token, "of": self._mark}))
        except Exception as error:  # noqa: BLE001  # the login itself has succeeded
            _log.warning(
                "Could not save the new refresh token to the Variable %s (%s): other processes still use the "
                "old one.",
                name,
                type(error).__name__,
            )

    @property
    def _mark(self) -> str:
        """Tells which login a token comes from, and nothing else of it."""
        return hashlib.sha256(self._seed.encode()).hexdigest()


def delegated_scopes(settings: Settings) -> list[str]:
    """
    Return what to ask for in a user's name.

    Of personal accounts, ``.default`` is not to be had, and of a permission without Graph's address they give
    a token that Graph does not take: https://github.com/jordanburke/microsoft-todo-mcp-server/pull/13.
    """
    graph = settings.hosts.graph
    everything = f"{graph}/.default"
    if settings.tenant_id in _CONSUMERS and settings.scopes == (everything,):
        return [f"{graph}/{_OWN_FILES}"]
    named = (scope for scope in settings.scopes if scope not in {"openid", "profile", "offline_access"})
    return [scope if "://" in scope else f"{graph}/{scope}" for scope in named]


def _mask(token: str) -> None:
    from airflow.providers.common.compat.sdk import mask_secret  # noqa: PLC0415  # only where there is a secret

    mask_secret(token)
