"""What many ask for in one event loop, and is made once."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

_Key = TypeVar("_Key", bound="Hashable")
_Value = TypeVar("_Value")


class SingleFlightCache(Generic[_Key, _Value]):
    """
    Values that are made once for all who ask for them in a minute.

    Who is cancelled leaves the making to the others. A failure is told to those who wait, and forgotten.
    """

    SECONDS = 60.0

    def __init__(self, make: Callable[[_Key], Coroutine[None, None, _Value]]) -> None:
        self._make = make
        self._making: dict[_Key, asyncio.Task[_Value]] = {}
        self._made: dict[_Key, tuple[float, _Value]] = {}

    async def get(self, key: _Key) -> _Value:
        """Return the value of a key."""
        stale, value = self._made.get(key, (0.0, None))
        if value is not None and time.monotonic() < stale:
            return value
        if key not in self._making:
            self._making[key] = asyncio.get_running_loop().create_task(self._make(key))
            self._making[key].add_done_callback(partial(self._keep, key))
        task = self._making[key]
        await asyncio.wait([task])  # which, if cancelled, does not cancel the task
        return task.result()

    def _keep(self, key: _Key, task: asyncio.Task[_Value]) -> None:
        del self._making[key]
        now = time.monotonic()
        self._made = {kept: made for kept, made in self._made.items() if now < made[0]}
        if not task.cancelled() and not task.exception():
            self._made[key] = now + self.SECONDS, task.result()
