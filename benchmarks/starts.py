"""
CPU of many triggers that start at once and poll five times each, their start-up included.

Each turn is a process of its own that has loaded what a triggerer has; the emulator is another one. The bare
aiohttp loop sends the same requests as often: ``python benchmarks/starts.py [triggers] [rounds]``.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import ssl
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from holds import Holds

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from multiprocessing.connection import Connection

POLLS = 5
INTERVAL = 4.0
"""Seconds between two polls, at most: as much as the emulator stands beside the loop, on two processors."""
_spawn = multiprocessing.get_context("spawn")


def serve(triggers: int, pipe: Connection) -> None:
    """Run a tenant with copies that end at the fifth poll; hand out its connection and what is polled."""
    from airflow_provider_drive.emulator import CopyBehaviour, Emulator

    with Emulator() as emulator:
        tenant = emulator.tenant
        item, target = tenant.drive("legal").put("plan.pdf", b"content"), tenant.drive("archive").root
        connection = emulator.connection()

        os.environ["AIRFLOW_CONN_DRIVE_DEFAULT"] = json.dumps(connection)
        from airflow_provider_drive.hooks.drive import DriveHook

        hook = DriveHook()
        hook._client.keep_secret = lambda secret: None  # type: ignore[method-assign]  # this process logs nothing
        tenant.copies = CopyBehaviour(seconds=86_400.0)
        source, folder = ({"driveId": each.drive.id, "id": each.id} for each in (item, target))
        urls = [hook.copy_item(source, folder, f"{number}.pdf") for number in range(triggers)]
        pipe.send((connection, urls, f"drives/{item.drive.id}/root:/missing.txt", tenant.issue_token()))
        while True:
            if pipe.recv() == "clear":
                tenant.journal.clear()
            pipe.send(len(tenant.calls("GET")))


async def bare(urls: list[str], context: ssl.SSLContext, headers: dict[str, str]) -> None:
    """Poll with the least that there can be: one session, one GET, one JSON, one sleep."""
    import aiohttp
    from yarl import URL

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100), headers=headers) as session:

        async def one(url: str) -> None:
            while True:
                await asyncio.sleep(INTERVAL)
                async with session.get(URL(url, encoded=True), ssl=context) as response:
                    await response.json()

        await asyncio.gather(*map(one, urls))


async def ours(triggers: list[Any]) -> None:
    """Run triggers, which all start in one turn of the loop."""
    await asyncio.gather(*(anext(trigger.run()) for trigger in triggers))


def polling(name: str, told: Any) -> Coroutine[Any, Any, None]:
    """Return what a contender runs."""
    connection, urls, address, token = told
    context = ssl.create_default_context(cafile=connection["extra"]["verify"])
    if name == "bare aiohttp loop, monitors":
        return bare(urls, context, {})
    if name == "bare aiohttp loop, an item":
        url = f"{connection['host']}/v1.0/{address.replace('!', '%21')}:"
        return bare([url] * len(urls), context, {"Authorization": f"Bearer {token}"})
    if name == "CopyCompleteTrigger":
        module = import_module("airflow_provider_drive.triggers.copy")
        return ours([module.CopyCompleteTrigger(url, INTERVAL) for url in urls])
    module = import_module("airflow_provider_drive.triggers.item")
    return ours([module.DriveItemTrigger(item=address, poll_interval=INTERVAL) for _ in urls])


def run(name: str, told: Any, server: Connection, parent: Connection) -> None:
    """Run a contender in this process until it has polled enough; tell CPU, polls and longest work."""
    os.environ["AIRFLOW_CONN_DRIVE_DEFAULT"] = json.dumps(told[0])
    for module in ("airflow.jobs.triggerer_job_runner", "airflow.providers.common.compat.connection"):
        import_module(module)

    def count() -> int:
        server.send("count")
        return int(server.recv())

    async def work() -> tuple[int, float]:
        holds = Holds()
        watching, work = asyncio.ensure_future(holds.watch()), asyncio.ensure_future(polling(name, told))
        while (polls := await asyncio.to_thread(count)) < POLLS * len(told[1]):  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.5)
        work.cancel()
        watching.cancel()
        await asyncio.gather(work, watching, return_exceptions=True)
        return polls, holds.longest_work

    began = time.process_time()
    polls, held = asyncio.run(work())
    parent.send((time.process_time() - began, polls, held))


def main(triggers: int = 1000, rounds: int = 3) -> list[list[str]]:
    """Measure in turns, print a line for each, and return a row for each."""
    here, there = _spawn.Pipe()
    server = _spawn.Process(target=serve, args=(triggers, there), daemon=True)
    server.start()
    told = here.recv()
    bases = {
        "CopyCompleteTrigger": "bare aiohttp loop, monitors",
        "DriveItemTrigger": "bare aiohttp loop, an item",
    }
    turns: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds):
        for name in [name for pair in bases.items() for name in pair]:
            mine, theirs = _spawn.Pipe()
            child = _spawn.Process(target=run, args=(name, told, here, theirs))
            child.start()
            cpu, polls, held = mine.recv()
            child.join()
            here.send("clear")
            here.recv()
            turns.setdefault(name, []).append((cpu / polls, held))
            print(
                f"{number + 1} {name:28} {polls} polls, {1000 * cpu / polls:.3f} ms of CPU a poll", flush=True
            )
    server.terminate()
    rows = [
        [
            name,
            f"{triggers:,}",
            f"{min(turns[name])[0] / min(turns[base])[0]:.2f}",
            f"{1000 * max(held for _, held in turns[name]):.0f} ms",
        ]
        for name, base in bases.items()
    ]
    print(*rows, sep="\n")
    return rows


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
