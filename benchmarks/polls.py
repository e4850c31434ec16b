"""
CPU of a poll, and holds of the event loop, with many copies pending in one triggerer.

Runs our triggers, the one for a copy and the one for many, and a bare aiohttp loop in turns, in one process,
against one emulator in another. All look at each copy as often, and are measured when they have got going:
``python benchmarks/polls.py [copies] [seconds]``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import random
import ssl
import statistics
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from holds import Holds
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
    from multiprocessing.connection import Connection

POLLS_A_SECOND = 400
"""Of all copies together: about what the emulator stands beside the loop, on two processors."""
EACH = 1000
"""Copies that one trigger for many watches, as an archive hands them over."""
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
        hook._client.keep_secret = lambda secret: None  # type: ignore[method-assign]  # this process logs nothing
        source = {"driveId": item.drive.id, "id": item.id}
        target = {"driveId": tenant.drive("archive").id, "id": tenant.drive("archive").root.id}
        urls = [hook.copy_item(source, target, f"{number}.pdf") for number in range(copies)]
        pipe.send((emulator.connection(), urls))
        while True:
            pipe.recv()
            pipe.send(len(tenant.calls(where="monitor")))
            tenant.journal.clear()


async def ours(urls: list[str], interval: float) -> None:
    """Wait for all copies by a trigger each."""
    from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

    await _run([CopyCompleteTrigger(url, interval) for url in urls])


async def ours_together(urls: list[str], interval: float) -> None:
    """Wait for all copies by few triggers, as archives do."""
    from airflow_provider_drive.triggers.archive import CopiesCompleteTrigger

    parts = [urls[start : start + EACH] for start in range(0, len(urls), EACH)]
    monitors = [json.dumps({str(number): url for number, url in enumerate(part)}) for part in parts]
    await _run([CopiesCompleteTrigger(part, interval) for part in monitors])


async def _run(triggers: list[Any]) -> None:
    async def one(trigger: Any) -> None:
        async for _ in trigger.run():
            pass

    await _begin(map(one, triggers))


async def _begin(waits: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Begin one after the other, as a triggerer does, and wait for all."""
    async with asyncio.TaskGroup() as group:
        for wait in waits:
            group.create_task(wait)
            await asyncio.sleep(0)


def bare(ca_file: str) -> Callable[[list[str], float], Awaitable[None]]:
    """Return the least that a poll can be: one aiohttp session, one GET, one JSON, one sleep."""

    async def poll(urls: list[str], interval: float) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:

            async def one(url: str) -> None:
                await asyncio.sleep(random.uniform(0.0, interval))
                while True:
                    async with session.get(URL(url, encoded=True), ssl=context) as response:
                        await response.json()
                    await asyncio.sleep(interval)

            await _begin(map(one, urls))

    return poll


class Pace(NamedTuple):
    """
    What a turn has shown.

    :param cpu: Seconds for a poll.
    :param clock: The longest hold of the loop by the clock, in seconds; ``net`` of the time for which the
        whole process had no processor, or was collecting garbage.
    :param collection: The longest that Python's garbage collection took, during which every loop is held.
    """

    polls: int
    cpu: float
    clock: float
    net: float
    collection: float


@contextmanager
def _collections() -> Iterator[list[float]]:
    """Note how long each garbage collection takes."""
    taken, begun = [0.0], [0.0]

    def note(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            begun[0] = time.perf_counter()
        else:
            taken.append(time.perf_counter() - begun[0])

    gc.callbacks.append(note)
    yield taken
    gc.callbacks.remove(note)


async def _measured(run: Awaitable[None], count: Callable[[], int], start: float, seconds: float) -> Pace:
    """
    Measure for some seconds.

    :param count: Tells how many polls there were since the last time.
    :param start: Seconds until all are under way. Holds are watched from the beginning.
    """
    gc.collect()
    gc.freeze()  # what is loaded is no poll's
    holds = Holds()
    with _collections() as collections:
        watch, work = asyncio.ensure_future(holds.watch()), asyncio.ensure_future(run)
        await asyncio.sleep(start)
        await asyncio.to_thread(count)
        cpu = time.process_time()
        await asyncio.sleep(seconds)
        cpu = time.process_time() - cpu
        polls = await asyncio.to_thread(count)
    work.cancel()
    watch.cancel()
    await asyncio.gather(work, watch, return_exceptions=True)
    return Pace(polls, cpu / polls, holds.longest, holds.longest_net, max(collections))


def main(copies: int = 1000, seconds: float = 20.0) -> list[list[str]]:
    """Measure in turns, print a line for each, and return what they come to: a row for each."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(copies, there), daemon=True)
    server.start()
    connection, urls = here.recv()
    os.environ["AIRFLOW_CONN_DRIVE_DEFAULT"] = json.dumps(connection)
    import_module("airflow_provider_drive.triggers.archive")  # what that costs is no poll's
    import_module("airflow.providers.common.compat.connection")  # and this a triggerer has loaded long since

    def count() -> int:
        here.send("how many")
        return int(here.recv())

    interval = copies / POLLS_A_SECOND
    turns: dict[str, list[Pace]] = {}
    for number in range(ROUNDS):
        for name, run in (
            ("bare aiohttp loop", bare(connection["extra"]["verify"])),
            ("CopyCompleteTrigger", ours),
            ("CopiesCompleteTrigger", ours_together),
        ):
            pace = asyncio.run(_measured(run(urls, interval), count, 2 * interval + 10.0, seconds))
            turns.setdefault(name, []).append(pace)
            each = f"{1000 * pace.cpu:.3f} ms of CPU for a poll"
            holds = ", ".join(f"{1000 * value:.0f} ms" for value in pace[2:])
            print(
                f"{number + 1} {name:21} {pace.polls} polls, {each}, held for {holds}",
                flush=True,
            )
    server.terminate()
    base = statistics.mean(pace.cpu for pace in turns["bare aiohttp loop"])
    rows = [
        [
            name,
            f"{copies:,}",
            f"{statistics.mean(pace.cpu for pace in paces) / base:.2f}",
            *(f"{1000 * max(pace[column] for pace in paces):.0f} ms" for column in (2, 3, 4)),
        ]
        for name, paces in turns.items()
    ]
    print(*rows, sep="\n")
    return rows


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
