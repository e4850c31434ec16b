"""
CPU of a poll, and holds of the event loop, with many copies pending in one triggerer.

Runs our triggers, the one for a copy and the one for many, and a bare aiohttp loop in turns, in one process,
against one emulator in another:
``python tests/benchmarks/polls.py [copies] [seconds]``.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import ssl
import statistics
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from multiprocessing.connection import Connection

INTERVAL = 2.0
ROUNDS = 2


def serve(copies: int, pipe: Connection) -> None:
    """Run a tenant with many copies that never end; hand out its connection and the monitor URLs."""
    from airflow_provider_drive.emulator import CopyBehaviour, Emulator

    with Emulator() as emulator:
        tenant = emulator.tenant
        tenant.copies = CopyBehaviour(seconds=86_400.0)
        item = tenant.drive("legal").put("plan.pdf", b"content")
        os.environ["AIRFLOW_CONN_DRIVE_DEFAULT"] = json.dumps(emulator.connection())
        from airflow_provider_drive.hooks.drive import DriveHook

        hook = DriveHook()
        hook.keep_secret = lambda secret: None  # type: ignore[method-assign]  # this process logs nothing
        source = {"driveId": item.drive.id, "id": item.id}
        target = {"driveId": tenant.drive("archive").id, "id": tenant.drive("archive").root.id}
        urls = [hook.copy_item(source, target, f"{number}.pdf") for number in range(copies)]
        pipe.send((emulator.connection(), urls))
        while True:
            pipe.recv()
            pipe.send(len(tenant.calls(where="monitor")))
            tenant.journal.clear()


async def ours(urls: list[str], seconds: float) -> None:
    """Wait for all copies by triggers."""
    from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

    async def one(url: str) -> None:
        async for _ in CopyCompleteTrigger(url, INTERVAL).run():
            pass

    await _for(seconds, [one(url) for url in urls])


async def ours_together(urls: list[str], seconds: float) -> None:
    """Wait for all copies by one trigger."""
    from airflow_provider_drive.triggers.archive import CopiesCompleteTrigger

    async def one() -> None:
        monitors = json.dumps({str(number): url for number, url in enumerate(urls)})
        async for _ in CopiesCompleteTrigger(monitors, INTERVAL).run():
            pass

    await _for(seconds, [one()])


def bare(ca_file: str) -> Callable[[list[str], float], Awaitable[None]]:
    """Return the least that a poll can be: one aiohttp session, one GET, one JSON, one sleep."""

    async def poll(urls: list[str], seconds: float) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:

            async def one(url: str) -> None:
                pause = 1.0
                while True:
                    await asyncio.sleep(pause * random.uniform(0.8, 1.2))
                    async with session.get(URL(url, encoded=True), ssl=context) as response:
                        await response.json()
                    pause = min(INTERVAL, pause * 1.6)

            await _for(seconds, [one(url) for url in urls])

    return poll


async def _for(seconds: float, waits: list[Any]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _hold() -> float:
    """Return the longest time for which the event loop was held, when this is cancelled."""
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.perf_counter() - last - 0.005), time.perf_counter()
    except asyncio.CancelledError:
        return longest


async def _measured(run: Awaitable[None]) -> tuple[float, float]:
    watch = asyncio.ensure_future(_hold())
    await asyncio.sleep(0)
    cpu = time.process_time()
    await run
    cpu = time.process_time() - cpu
    watch.cancel()
    return cpu, await watch


def main(copies: int = 1000, seconds: float = 20.0) -> list[list[str]]:
    """Measure in turns, print a line for each, and return what they come to: a row for each."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(copies, there), daemon=True)
    server.start()
    connection, urls = here.recv()
    os.environ["AIRFLOW_CONN_DRIVE_DEFAULT"] = json.dumps(connection)
    ca_file = connection["extra"]["verify"]
    import_module("airflow_provider_drive.triggers.archive")  # what that costs is no poll's
    import_module("airflow.providers.common.compat.connection")  # and this a triggerer has loaded long since

    costs: dict[str, list[float]] = {}
    holds: dict[str, float] = {}
    for number in range(ROUNDS):
        for name, run in (
            ("bare aiohttp loop", bare(ca_file)),
            ("CopyCompleteTrigger", ours),
            ("CopiesCompleteTrigger", ours_together),
        ):
            cpu, hold = asyncio.run(_measured(run(urls, seconds)))
            here.send("how many")
            polls = here.recv()
            costs.setdefault(name, []).append(cpu / polls)
            holds[name] = max(holds.get(name, 0.0), hold)
            each = f"{1000 * cpu / polls:.3f} ms of CPU for a poll"
            line = f"{name:21} {polls} polls, {each}, longest hold of the loop {1000 * hold:.0f} ms"
            print(number + 1, line, flush=True)
    server.terminate()
    base = statistics.mean(costs["bare aiohttp loop"])
    ratios = {name: statistics.mean(values) / base for name, values in costs.items()}
    rows = [
        [name, f"{copies:,}", f"{ratio:.2f}", f"{1000 * holds[name]:.0f} ms"]
        for name, ratio in ratios.items()
    ]
    print(*rows, sep="\n")
    return rows


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
