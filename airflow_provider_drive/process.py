"""What the tasks and triggers of one process share: a login, a rate limit, a host's throttling."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakSet, WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_Key = TypeVar("_Key", bound="Hashable")
_Value = TypeVar("_Value")
UNUSED_SECONDS = 3_600.0
"""How long a value is kept that nothing uses."""
_registries: WeakSet[Registry[object, object]] = WeakSet()


class Registry(Generic[_Key, _Value]):
    """
    Shared values, made when they are first asked for.

    One that was not asked for in an hour is dropped, once nothing else holds it.

    :param make: Makes the value of a key.
    """

    def __init__(self, make: Callable[[_Key], _Value]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._entries: dict[_Key, tuple[float, _Value]] = {}
        self._held: WeakValueDictionary[_Key, _Value] = WeakValueDictionary()
        _registries.add(self)  # type: ignore[arg-type]  # whatever its keys and values are

    def get(self, key: _Key) -> _Value:
        """Return the value of a key."""
        with self._lock:
            value = self._held.get(key)
            now = time.monotonic()
            if value is None:
                value = self._held[key] = self._make(key)
                self._entries = {
                    other: entry for other, entry in self._entries.items() if now - entry[0] <= UNUSED_SECONDS
                }
            self._entries[key] = now, value
            return value

    def clear(self) -> None:
        """Drop all values."""
        with self._lock:
            self._entries.clear()
            self._held.clear()


def reset() -> None:
    """Drop everything that is shared, as in a new process."""
    for registry in list(_registries):
        registry.clear()
