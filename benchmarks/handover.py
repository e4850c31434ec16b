"""
What a hand-over costs: throughput as a share of a bare download, memory, and requests for each document.

The service is the emulator in a process of its own, the storage is a folder on the disk:
``PYTHONPATH=. python benchmarks/handover.py [megabytes of the large document] [number of small ones]``.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SMALL = 200_000
PARALLEL = 8


def serve(megabytes: int, documents: int, pipe: Connection) -> None:
    """Run a tenant with a large document and many small ones; hand out its connection and the folders."""
    from airflow_provider_drive.emulator import Emulator
    from airflow_provider_drive.emulator.graph.serializers import download_url

    with Emulator() as emulator:
        drive = emulator.tenant.drive("legal")
        drive.put("Large/large.bin", size=megabytes << 20)
        for number in range(documents):
            drive.put(f"Small/{number:06}.bin", os.urandom(1_000) * (SMALL // 1_000))
        urls = {
            name: [(item.name, download_url(item)) for item in drive.children(name)]
            for name in ("Large", "Small")
        }
        pipe.send((emulator.connection(), emulator.ca_file, f"drives/{drive.id}/root:", urls))
        pipe.recv()


def bare(urls: list[tuple[str, str]], ca_file: str, out: Path) -> float:
    """Download with aiohttp, without a check of any kind, and return the seconds."""
    import ssl

    import aiohttp

    async def fetch(session: aiohttp.ClientSession, slots: asyncio.Semaphore, name: str, url: str) -> None:
        async with slots, session.get(url) as response:
            with (out / name).open("wb") as file:
                async for chunk in response.content.iter_chunked(256 << 10):
                    file.write(chunk)

    async def fetch_all() -> None:
        context, slots = ssl.create_default_context(cafile=ca_file), asyncio.Semaphore(PARALLEL)
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(fetch(session, slots, name, url) for name, url in urls))

    started = time.perf_counter()
    asyncio.run(fetch_all())
    return time.perf_counter() - started


def ours(source: str, out: Path) -> tuple[float, dict, float]:
    """Hand a folder over; return the seconds, the summary, and the MiB that the process has grown."""
    from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator

    pushed: dict = {}
    ti = SimpleNamespace(try_number=1, max_tries=0, map_index=-1)
    ti.xcom_push = lambda key, value: pushed.update({key: value})
    task = DriveToObjectStorageOperator(
        task_id="hand_over", source=source, destination=f"file://{out}", parallel=PARALLEL
    )
    before, started = psutil.Process().memory_info().rss, time.perf_counter()
    summary = task.execute({"ti": ti})
    return time.perf_counter() - started, summary, (_peak() - before) / 2**20


def _peak() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def main(megabytes: int, documents: int) -> None:
    """Measure both, one after the other, three times; the best time of each counts."""
    context = multiprocessing.get_context("spawn")
    pipe, there = context.Pipe()
    service = context.Process(target=serve, args=(megabytes, documents, there))
    service.start()
    connection, ca_file, root, urls = pipe.recv()
    os.environ["AIRFLOW_CONN_DRIVE_DEFAULT"] = json.dumps(connection)
    folder = Path(tempfile.mkdtemp(prefix="handover-"))
    try:
        for name in ("Large", "Small"):
            times, cpu, summary, grown = {"bare": [], "ours": []}, {"bare": [], "ours": []}, {}, 0.0
            for attempt in range(3):
                out = folder / f"{name} {attempt}"
                (out / "bare").mkdir(parents=True)
                started = time.process_time()
                times["bare"].append(bare(urls[name], ca_file, out / "bare"))
                between = time.process_time()
                seconds, summary, more = ours(f"{root}/{name}", out / "ours")
                times["ours"].append(seconds)
                cpu["bare"].append(between - started)
                cpu["ours"].append(time.process_time() - between)
                grown = max(grown, more)
            fastest = {who: min(seconds) for who, seconds in times.items()}
            size = summary["bytes"] / 1e6
            print(
                f"{name}: {summary['copied']} documents, {size:.0f} MB: {size / fastest['ours']:.0f} MB/s, "
                f"a bare download {size / fastest['bare']:.0f} MB/s, "
                f"a share of {fastest['bare'] / fastest['ours']:.2f}; "
                f"{min(cpu['ours']):.2f} s of CPU, bare {min(cpu['bare']):.2f} s; "
                f"{summary['requests'] / summary['copied']:.2f} requests and "
                f"{summary['resource_units'] / summary['copied']:.2f} units a document; "
                f"grown by {grown:.0f} MiB at most"
            )
    finally:
        pipe.send(None)
        service.join()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*(int(text) for text in (sys.argv[1:] + ["1024", "1000"][len(sys.argv) - 1 :])))
