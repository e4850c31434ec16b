"""Time that passes only where somebody waits, so that hours take no time."""

import asyncio
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import formatdate
from types import SimpleNamespace

import time_machine
from urllib3 import Retry

from airflow_provider_drive.emulator import app
from airflow_provider_drive.transport import asynchronous, blocking, throttle
from airflow_provider_drive.triggers import base as trigger_module

START = datetime(2030, 1, 1, tzinfo=UTC)
REQUEST_SECONDS = 0.05
"""What one request takes."""


class Clock:
    """
    The time of this process: package, emulator and Airflow alike.

    :ivar paused: Seconds that flows and triggers have waited.
    """

    def __init__(self, traveller):
        self._traveller, self.paused = traveller, 0.0

    def restart(self):
        """Let it be the same time again for each sequence: one that failed can be repeated."""
        self._traveller.move_to(START)
        self.paused = 0.0

    def wait(self, seconds):
        if seconds > 0:
            self._traveller.shift(seconds)
            self.paused += seconds


@contextmanager
def virtual_time(patch, emulator):
    """Let every wait of the package move the time, instead of taking it."""
    with time_machine.travel(START, tick=False) as traveller:
        clock = Clock(traveller)

        async def sleep(seconds):
            clock.wait(seconds)
            await asyncio.sleep(0)

        async def pause_async(_, pause):
            clock.wait(pause.seconds)

        def respond(tenant, request, answer=app.respond):
            clock.wait(REQUEST_SECONDS)
            answered = answer(tenant, request)
            answered.headers["date"] = formatdate(time.time(), usegmt=True)
            return answered

        patch.setattr(blocking.Session, "pause", lambda _, pause: clock.wait(pause.seconds))
        patch.setattr(asynchronous.AsyncSession, "pause", pause_async)
        patch.setattr(Retry, "sleep", lambda retry, *_: clock.wait(retry.get_backoff_time()))  # of logins
        patch.setattr(trigger_module, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
        patch.setattr(throttle, "time", SimpleNamespace(monotonic=time.time))
        patch.setattr(emulator._server.config, "date_header", False)  # uvicorn's is up to a second old
        emulator._server.server_state.default_headers = []
        patch.setattr(app, "respond", respond)
        yield clock
