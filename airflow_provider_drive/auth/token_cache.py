"""
A cache of tokens that processes share, so that not each of them logs in: MSAL's, encrypted.

``[drive] token_cache`` in Airflow's configuration says where it is: a folder of the worker, or the
id of a connection to a Redis. It is off by default. The deployment's Fernet key encrypts it; without a key
nothing is stored.

https://learn.microsoft.com/entra/msal/python/advanced/msal-python-token-cache-serialization
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from airflow_provider_drive.auth.application import RENEWAL_MARGIN, open_application
from airflow_provider_drive.configuration import read_text
from airflow_provider_drive.fernet import get_fernet
from airflow_provider_drive.redis_client import SharedRedis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from msal import SerializableTokenCache

    from airflow_provider_drive.settings import Settings

_log = logging.getLogger(__name__)
MAX_WAIT = 60.0
"""Seconds for which a process waits while another one logs in. After that it logs in, too."""
_PAUSE = 0.1
_LIFETIME = 86_400
"""Seconds after which Redis drops what was not renewed: the longest lifetime of a token."""
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class _Place(Protocol):
    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, content: bytes) -> None: ...

    def try_lock(self, name: str, stack: ExitStack) -> bool:
        """Lock an entry until the stack is closed; return whether that was possible."""


class SharedTokens:
    """
    The tokens of one login, for all processes that have the same place and the same credential.

    :param settings: The connection. Its credential is part of the entry's name, as a digest.
    :param place: Where the entries are.
    """

    def __init__(self, settings: Settings, place: _Place) -> None:
        self._name, self._place = _digest(settings), place

    @contextmanager
    def use(self, cache: SerializableTokenCache) -> Iterator[None]:
        """Fill MSAL's cache with what others have stored, and store what is new in it afterwards."""
        with ExitStack() as stack:
            deadline = time.monotonic() + MAX_WAIT
            while not self._place.try_lock(self._name, stack) and time.monotonic() < deadline:
                time.sleep(_PAUSE)
            if stored := self._place.read(self._name):
                with suppress(Exception):  # another key has encrypted it, or it is none of ours
                    cache.deserialize(get_fernet().decrypt(stored).decode())
            yield
            if cache.has_state_changed:
                self._place.write(self._name, get_fernet().encrypt(cache.serialize().encode()))


class SharedLogin:
    """Logs in with an application's credential, unless another process has done so."""

    def __init__(
        self, settings: Settings, credential: str | Callable[[str], str | bytes], shared: SharedTokens
    ) -> None:
        from msal import SerializableTokenCache  # noqa: PLC0415  # slow import: only for tasks that log in

        self._scopes, self._shared = list(settings.scopes), shared
        self._cache = SerializableTokenCache()
        self._application = open_application(settings, credential, self._cache)
        self._answer: dict[str, Any] = {}
        self._renew_at = 0.0

    def acquire(self, renew: bool) -> Any:
        """
        Return the authority's answer with a token.

        :param renew: The current token was refused: request a new one, unless another process has.
        """
        if renew or time.time() >= self._renew_at:
            refused = self._answer.get("access_token") if renew else None
            with self._shared.use(self._cache):
                self._answer = self._application.acquire_token_for_client(self._scopes) or {}
                if refused is not None and self._answer.get("access_token") == refused:
                    self._application.remove_tokens_for_client()
                    self._answer = self._application.acquire_token_for_client(self._scopes) or {}
            lifetime = self._answer.get("expires_in")
            self._renew_at = time.time() + (lifetime if isinstance(lifetime, int) else 0) - RENEWAL_MARGIN
        return self._answer


def shared_tokens(settings: Settings) -> SharedTokens | None:
    """Return the shared cache for a connection's login, or None if Airflow's configuration names none."""
    place = read_text("token_cache")
    if not place:
        return None
    if get_fernet() is None:
        _log.warning("`token_cache` in [drive] has no effect: Airflow has no Fernet key.")
        return None
    return SharedTokens(settings, _Folder(Path(place)) if place.startswith("/") else _Redis(place))


def _digest(settings: Settings) -> str:
    """Name a login: only who has the credential finds its tokens."""
    login = {**asdict(settings), "warnings": None}
    return hashlib.sha256(json.dumps(login, sort_keys=True, default=str).encode()).hexdigest()[:32]


class _Folder:
    """A folder that is private to the user of the workers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._has_warned = False

    def read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(error)
            return None

    def write(self, name: str, content: bytes) -> None:
        part = self._path / f"{name}.{uuid4().hex}"
        try:
            with os.fdopen(self._open(part, os.O_EXCL), "wb") as file:
                file.write(content)
            part.replace(self._path / name)
        except OSError as error:
            self._warn(error)
            with suppress(OSError):
                part.unlink()

    def try_lock(self, name: str, stack: ExitStack) -> bool:
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = self._open(self._path / f"{name}.lock")
        except OSError as error:
            self._warn(error)
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        stack.callback(os.close, descriptor)  # which unlocks it, as the end of the process does
        return True

    @staticmethod
    def _open(path: Path, flags: int = 0) -> int:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | flags, 0o600)

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "The token cache in %s cannot be used (%s): each process logs in by itself.",
                self._path,
                error.strerror,
            )


class _Redis:
    """A Redis, whose locks end by themselves."""

    def __init__(self, conn_id: str) -> None:
        self._redis = SharedRedis(conn_id)

    def read(self, name: str) -> bytes | None:
        content: Any = self._call(lambda redis: redis.get(_key(name)))
        return content if isinstance(content, bytes) else None

    def write(self, name: str, content: bytes) -> None:
        self._call(lambda redis: redis.set(_key(name), content, ex=_LIFETIME))

    def try_lock(self, name: str, stack: ExitStack) -> bool:
        key, mine = _key(f"{name}:lock"), uuid4().hex
        locked = self._call(lambda redis: bool(redis.set(key, mine, nx=True, px=int(MAX_WAIT * 1000))))
        if locked:
            stack.callback(self._call, lambda redis: redis.eval(_UNLOCK, 1, key, mine))
        return locked is not False  # without Redis there is nothing to wait for

    def _call(self, use: Any) -> Any:
        return self._redis.call(use, "each process logs in by itself")


def _key(name: str) -> str:
    return f"airflow-provider-drive:tokens:{name}"
