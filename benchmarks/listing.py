"""
What listing costs: time, requests, resource units, and the growth of the process, with many documents.

Lists an emulated drive in a process of its own: ``python benchmarks/listing.py [documents]``.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

MOST_MIB = 100


def serve(documents: int, in_a_folder: int, pipe: Connection) -> None:
    """Run a tenant with many small documents; hand out its connection and the folder's address."""
    from airflow_provider_drive.emulator import Emulator

    with Emulator() as emulator:
        drive = emulator.tenant.drive("legal")
        for number in range(documents):
            drive.put(f"Contracts/{number // in_a_folder:04}/document {number:06}.docx", b"content")
        pipe.send((emulator.connection(), f"drives/{drive.id}/root:/Contracts"))
        pipe.recv()


def stream(folder: str) -> tuple[int, int, int]:
    """Read all that the hook gives, and hold none of it; return how much it was, and what it took."""
    from airflow_provider_drive.hooks.drive import DriveHook

    hook = DriveHook()
    count = sum(1 for _ in hook.iter_items(folder))
    return count, hook._client.usage.requests, hook._client.usage.units


def collect(folder: str) -> tuple[int, int, int]:
    """Do what the operator does, which holds all; return the bytes of its XCom for each document besides."""
    from airflow_provider_drive.operators.list import DriveListOperator

    task = DriveListOperator(task_id="list", folder=folder)
    items = task.execute({})
    text = json.dumps(items)
    print(f"An XCom of it has {len(text) / 2**20:.0f} MiB, {len(text) / len(items):.0f} bytes a document.")
    return len(items), task._client.usage.requests, task._client.usage.units


def measure(name: str, work: Callable[[str], tuple[int, int, int]], folder: str) -> float:
    """Print what a listing took, and return by how many MiB the process has grown at its end, and at most."""
    process, started = psutil.Process(), time.perf_counter()
    before = process.memory_info().rss
    count, requests, units = work(folder)
    seconds = time.perf_counter() - started
    grown = (_peak() - before) / 2**20
    print(
        f"{name}: {count} documents in {seconds:.1f} s, {requests} requests, {units} resource units; "
        f"the process has grown by {grown:.0f} MiB at most"
    )
    return grown


def _peak() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(documents: int = 200_000, in_a_folder: int = 1_000) -> None:
    """Measure a listing that is read as it comes, and one that is held."""
    here, there = multiprocessing.Pipe()
    spawning = multiprocessing.get_context("spawn")
    server = spawning.Process(target=serve, args=(documents, in_a_folder, there), daemon=True)
    server.start()
    connection, folder = here.recv()
    os.environ["AIRFLOW_CONN_DRIVE_DEFAULT"] = json.dumps(connection)
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
    from airflow_provider_drive.hooks.drive import DriveHook

    next(DriveHook().iter_items(folder))  # libraries are loaded, and a login is there
    grown = measure("DriveHook.iter_items", stream, folder)
    measure("DriveListOperator", collect, folder)
    here.send(None)
    server.join(10)
    server.terminate()
    if grown > MOST_MIB:
        sys.exit(f"That is more than {MOST_MIB} MiB.")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
