"""What a trigger does about an error: it may neither die in silence nor swallow its own cancellation."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path

from airflow_provider_drive.exceptions import DriveError


def ends_trigger(error: BaseException) -> bool:
    """Whether an error is to end the trigger. A ``CancelledError`` may be of something that it waited for."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, (GeneratorExit, KeyboardInterrupt, SystemExit))


def describe_failure(error: BaseException) -> str:
    """Return an error's message; of one that is not ours only its class and place: it may quote a URL."""
    return str(error) if isinstance(error, DriveError) else f"the trigger failed: {locate(error)}"


def locate(error: BaseException) -> str:
    """Return an error's class and place, without its message, which may quote the URL."""
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return f"{type(error).__name__} ({Path(places[-1][0]).name}:{places[-1][1]})"
