"""See to it that what a program has started ends with it, in whatever way it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_IDLE_SECONDS = 8.0


class Keeper:
    """
    A process that ends sessions when this one has ended, be it by ``kill -9``.

    It learns of them through a pipe that nobody else holds, and acts when that closes. (A process group
    would not do: each Airflow task makes one of its own, while it stays in the session it was born into.)
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, start_new_session=True, text=True, bufsize=1
        )

    def watch(self, session: int) -> None:
        """End this session too; its number is the pid of the process that leads it."""
        assert self._process.stdin  # noqa: S101  # for the type checker: it was asked for
        self._process.stdin.write(f"{session}\n")

    def dismiss(self) -> None:
        """Say that it is over; what still runs is ended now."""
        self._process.communicate()


def end_sessions(sessions: Iterable[int], patience: float = MAX_IDLE_SECONDS) -> None:
    """Ask all processes of the sessions to end, and end those that have not after a while."""
    wanted = set(sessions)
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + patience
        for process in _members(wanted):
            _send(process, number)
        while _members(wanted):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        else:
            return


def kill_session(session: int) -> None:
    """End all processes of a session at once, without asking, and those that they have started meanwhile."""
    deadline = time.monotonic() + MAX_IDLE_SECONDS
    while (members := _members({session})) and time.monotonic() < deadline:
        for process in members:
            _send(process, signal.SIGKILL)


def _members(sessions: set[int]) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _is_member(process, sessions)]


def _is_member(process: psutil.Process, sessions: set[int]) -> bool:
    try:
        return os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
        return False


def _send(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


if __name__ == "__main__":
    end_sessions([int(line) for line in sys.stdin])
