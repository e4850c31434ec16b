"""Virtual time: it passes only where something waits, so that hours take milliseconds."""

import asyncio
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import time_machine
from urllib3 import Retry

from airflow_provider_drive.emulator import app
from airflow_provider_drive.protocol import batch
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.transport import asynchronous, blocking, rate_limit, usage
from airflow_provider_drive.triggers import base as trigger_module

START = datetime(2030, 1, 1, tzinfo=UTC)
REQUEST_SECONDS = 0.05
"""The duration of a request."""
_TIMERS = (Wait, rate_limit.RateLimiter, usage.Usage)


class Clock:
    """The time of this process: of the package, the emulator and Airflow."""

    def __init__(self, traveller):
        self._traveller = traveller

    def restart(self):
        """Begin each sequence at the same time, so that one that failed can be repeated."""
        self._traveller.move_to(START)

    def wait(self, seconds):
        if seconds > 0:
            self._traveller.shift(seconds)


@contextmanager
def virtual_time(patch, emulator):
    """Let every wait of the package advance the virtual time instead of blocking."""
    with time_machine.travel(START, tick=False) as traveller:
        clock = Clock(traveller)
        _replace_timers(patch)
        _replace_pauses(patch, clock)

        def respond(tenant, request, answer=app.respond):
            clock.wait(REQUEST_SECONDS)
            return answer(tenant, request)

        patch.setattr(app, "respond", respond)
        patch.setattr(emulator._server.config, "date_header", False)  # uvicorn's is not virtual
        emulator._server.server_state.default_headers = []
        yield clock


def _replace_timers(patch):
    """Let durations be measured in virtual time: time-machine leaves the monotonic clock alone."""
    virtual = SimpleNamespace(**vars(time) | {"monotonic": time.time})
    for name, module in list(sys.modules.items()):
        is_ours = name.startswith("airflow_provider_drive.") and ".emulator" not in name
        if is_ours and getattr(module, "time", None) is time:
            patch.setattr(module, "time", virtual)
    for function in (*(kind.__init__ for kind in _TIMERS), batch.batched):
        defaults, keywords = function.__defaults__ or (), function.__kwdefaults__ or {}
        timers = [each for each in (*defaults, *keywords.values()) if each is time.monotonic]
        assert timers, f"{function} measures no time"
        patch.setattr(function, "__defaults__", tuple(map(_virtual, defaults)))
        patch.setattr(function, "__kwdefaults__", {key: _virtual(value) for key, value in keywords.items()})


def _virtual(default):
    return time.time if default is time.monotonic else default


def _replace_pauses(patch, clock):
    async def sleep(seconds):
        clock.wait(seconds)
        await asyncio.sleep(0)

    async def pause_async(_, pause):
        clock.wait(pause.seconds)

    patch.setattr(blocking.Session, "pause", lambda _, pause: clock.wait(pause.seconds))
    patch.setattr(asynchronous.AsyncSession, "pause", pause_async)
    patch.setattr(blocking, "MAX_THREADS", 1)  # requests come in the same order each time
    patch.setattr(Retry, "sleep", lambda retry, *_: clock.wait(retry.get_backoff_time()))  # of logins
    patch.setattr(trigger_module, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
