"""
User logins with a refresh token.

https://learn.microsoft.com/entra/identity-platform/refresh-tokens

A refresh token is valid for 90 days, and each use returns a new one. Entra ID keeps the old one valid; other
authorities and policies may not. The newest one can be stored in an Airflow Variable: workers can write
Variables, but not connections. The access token is stored with it, so that one login serves all processes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_drive.auth.application import RENEWAL_MARGIN
from airflow_provider_drive.protocol.retry import backoff

if TYPE_CHECKING:
    from msal import ClientApplication

    from airflow_provider_drive.settings import Settings

_log = logging.getLogger(__name__)
_MAX_WAIT = 30.0
"""Seconds for which a refused login waits for another process to store newer tokens."""
_CONSUMER_TENANTS = {"consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"}
_PERSONAL_SCOPE = "Files.ReadWrite.All"


@dataclass(frozen=True, slots=True)
class _Tokens:
    """
    The newest tokens that are known.

    :param expires_at: Of the access token, in seconds since the epoch.
    """

    refresh_token: str = field(repr=False)
    access_token: str = field(default="", repr=False)
    expires_at: float = 0.0

    @property
    def is_fresh(self) -> bool:
        return bool(self.access_token) and time.time() < self.expires_at - RENEWAL_MARGIN

    def as_answer(self) -> dict[str, Any]:
        return {"access_token": self.access_token, "expires_in": int(self.expires_at - time.time())}


class RefreshLogin:
    """
    Logs in with the newest refresh token.

    With a Variable, one process logs in for all: it stores the access token with the new refresh token, and
    the others read both. If several log in at the same moment and the authority accepts each refresh token
    only once, those that are refused wait until the one that was accepted has stored its tokens.
    """

    def __init__(self, settings: Settings, application: ClientApplication) -> None:
        self._settings, self._application = settings, application
        self._scopes = delegated_scopes(settings)
        self._variable = settings.refresh_token_variable
        self._tokens = _Tokens(settings.refresh_token)

    def acquire(self, renew: bool) -> Any:
        """
        Return the authority's answer with a token.

        :param renew: Request a new token even if the current one is still valid.
        """
        if not renew and self._tokens.is_fresh:
            return self._tokens.as_answer()
        refused = self._tokens.access_token if renew else ""
        stored = self._load()
        if stored.is_fresh and stored.access_token != refused:
            self._tokens = stored
            return stored.as_answer()
        return self._redeem(stored)

    def _redeem(self, tokens: _Tokens) -> Any:
        deadline = time.monotonic() + _MAX_WAIT
        while True:
            answer = self._request_token(tokens.refresh_token)
            if answer.get("error") != "invalid_grant" or not self._variable:
                break
            newer = self._await_newer(tokens, deadline)
            if newer is None:
                break
            if newer.is_fresh:
                self._tokens = newer
                return newer.as_answer()
            tokens = newer
        if answer.get("access_token"):
            self._keep(answer, tokens.refresh_token)
        return answer

    def _request_token(self, token: str) -> dict[str, Any]:
        answer = self._application.acquire_token_by_refresh_token(token, self._scopes)
        return answer if isinstance(answer, dict) else {}

    def _await_newer(self, tokens: _Tokens, deadline: float) -> _Tokens | None:
        """Wait for another process to store newer tokens; return None if none has in time."""
        _log.info("The authority refused the refresh token: another process may just have used it.")
        pauses = (backoff(attempt, base=0.25, longest=2.0) for attempt in itertools.count())
        while (newer := self._load()).refresh_token == tokens.refresh_token:
            pause = next(pauses)
            if time.monotonic() + pause > deadline:
                return None
            time.sleep(pause)
        return newer

    def _keep(self, answer: dict[str, Any], used: str) -> None:
        """Keep and store the tokens of an answer; without a new refresh token, the one that was used."""
        lifetime, successor = answer.get("expires_in"), answer.get("refresh_token")
        newest = successor if isinstance(successor, str) and successor else used
        expires_at = time.time() + (lifetime if isinstance(lifetime, int) else 0)
        _mask(newest)
        self._tokens = _Tokens(newest, str(answer["access_token"]), expires_at)
        self._save()

    def _load(self) -> _Tokens:
        """Return the newest tokens derived from the connection's; those of an earlier login are ignored."""
        if not self._variable:
            return self._tokens
        from airflow.providers.common.compat.sdk import Variable  # noqa: PLC0415  # only for connections that use a Variable

        try:
            stored = json.loads(Variable.get(self._variable, None) or "{}")
        except Exception as error:  # noqa: BLE001  # secrets backends raise anything; the known token may still work
            _log.warning(
                "Could not read the refresh token from the Variable %s (%s): using the last known one.",
                self._variable,
                type(error).__name__,
            )
            return self._tokens
        return self._read_stored(stored) or self._tokens

    def _read_stored(self, stored: Any) -> _Tokens | None:
        if not isinstance(stored, dict) or stored.get("of") != self._fingerprint:
            return None
        token, access = stored.get("refresh_token"), stored.get("access_token")
        expires_at = stored.get("expires_at")
        if not isinstance(token, str) or not token:
            return None
        _mask(token)
        is_complete = isinstance(access, str) and isinstance(expires_at, (int, float))
        if not is_complete or stored.get("scopes") != self._scopes:
            return _Tokens(token)
        _mask(str(access))
        return _Tokens(token, str(access), float(expires_at or 0.0))

    def _save(self) -> None:
        if not self._variable:
            return
        from airflow.providers.common.compat.sdk import Variable  # noqa: PLC0415  # only for connections that use a Variable

        stored = {**asdict(self._tokens), "scopes": self._scopes, "of": self._fingerprint}
        try:
            Variable.set(self._variable, json.dumps(stored))
        except Exception as error:  # noqa: BLE001  # the login itself has succeeded
            _log.warning(
                "Could not save the new refresh token to the Variable %s (%s): other processes still use the "
                "old one.",
                self._variable,
                type(error).__name__,
            )

    @property
    def _fingerprint(self) -> str:
        """Identifies the connection's refresh token without revealing it."""
        return hashlib.sha256(self._settings.refresh_token.encode()).hexdigest()


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
