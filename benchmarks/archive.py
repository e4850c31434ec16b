"""
What an archive takes, beside what else a Dag could use: requests, resource units, and time.

``PYTHONPATH=.:scripts:tests python benchmarks/archive.py [--documents 1000] [--only wire whole …]`` prints a
table for each case, and writes it into ``docs/project/benchmarks.md``. Each contender is a process of its
own, and all are served by one emulator, with the same time for each copy.
"""

import argparse
import json
import multiprocessing
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from field import TOGETHER, Field

from airflow_provider_drive.emulator import Emulator

PAGE = Path("docs/project/benchmarks.md")
MEMORY = Path(__file__).parent / "contenders" / "memory.py"
HEADER = "resource units", "requests on the wire", "polls of monitors", "answered 429", "verified"
SMALLEST_BUDGET = 1250


def wire(emulator, documents):
    """Give what each document costs, one by one, with no budget to keep to."""
    runs = [
        ("DriveArchiveOperator, listing", lambda: Field(emulator, documents, 5.0).ours(), "yes"),
        (
            "DriveArchiveOperator, monitors (Office files)",
            lambda: Field(emulator, documents, 5.0, ending="docx").ours(),
            "by size or monitor",
        ),
        ("rclone copy", lambda: Field(emulator, documents, 5.0).rclone(), "yes"),
        ("HTTP provider, poke every 5 s", lambda: Field(emulator, documents, 5.0).http(), "no"),
        ("MSGraphAsyncOperator, poll every 5 s", lambda: Field(emulator, documents, 5.0).stock(), "no"),
        (
            "ObjectStoragePath, in one drive",
            lambda: Field(emulator, documents, 5.0, one_drive=True).object_storage(),
            "no",
        ),
        (
            "ObjectStoragePath, between drives: through the worker",
            lambda: Field(emulator, documents, 5.0).object_storage(),
            "no",
        ),
    ]
    rows = []
    for name, run, shown in runs:
        result = run()
        rows.append([name, *_figures(result), shown])
        print(rows[-1], flush=True)
    note = (
        f"{documents} documents into one destination, each copy takes 5 s, no budget; peers have {TOGETHER}"
    )
    return f"{note} documents in flight at once.", ["per document", *HEADER], rows


def whole(emulator, documents):
    """Give what each document of a folder costs that is taken whole."""
    result = Field(emulator, documents, 5.0, whole=True).ours()
    row = ["DriveArchiveOperator, one copy of the folder", *_figures(result), "yes"]
    note = f"A folder of {documents} documents to a destination that does not exist yet."
    return f"{note} Requests for a copy: {result.copies}.", ["per document", *HEADER], [row]


def budget(emulator, documents):
    """Give how much of a tenant's budget is used."""
    result = Field(emulator, documents, 2.0, budget=SMALLEST_BUDGET).ours()
    rate = documents / result.seconds * 60
    allowed = SMALLEST_BUDGET / result.units
    row = [f"{rate:.0f}", f"{allowed:.0f}", f"{rate / allowed:.0%}", f"{result.refused:.2%}"]
    note = f"{documents} documents, one by one, under {SMALLEST_BUDGET} units a minute, from start to end."
    return note, ["documents a minute", "the budget allows", "share", "calls answered 429"], [row]


def delay(emulator, documents):
    """Give how long after its end a copy is known to have ended."""
    documents, seconds, rows = min(documents, 100), 27.5, []  # no multiple of what the peers wait
    for name, run in (
        ("DriveArchiveOperator, listing", lambda: Field(emulator, documents, seconds).ours()),
        (
            "DriveArchiveOperator, monitors (Office files)",
            lambda: Field(emulator, documents, seconds, ending="docx").ours(),
        ),
        ("HTTP provider, poke every 5 s", lambda: Field(emulator, documents, seconds).http()),
        ("MSGraphAsyncOperator, poll every 5 s", lambda: Field(emulator, documents, seconds).stock()),
        (
            "ObjectStoragePath, in one drive",
            lambda: Field(emulator, documents, seconds, one_drive=True).object_storage(),
        ),
    ):
        result = run()
        rows.append([name, f"{result.delay:.2f} s", f"{result.delay / seconds:.1%}", f"{result.polls:.2f}"])
        print(rows[-1], flush=True)
    note = f"{documents} documents, each copy takes {seconds} s. rclone does not report when it detects it."
    return note, ["", "median delay", "share of the copy's time", "polls per document"], rows


def memory(emulator, documents):
    """Give how much memory a worker needs for many documents. Its emulator is a process of its own."""
    folders, each = max(1, documents // 5), 1000
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(folders, each, there))
    server.start()
    try:
        connection, order = here.recv()
        done = subprocess.run(  # noqa: S603  # this package
            [sys.executable, MEMORY],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(connection)},
            check=True,
        )
    finally:
        server.terminate()
    told = json.loads(done.stdout.splitlines()[-1])
    row = [f"{told['documents']:,}", f"{told['listed']:.0f} MB", f"{told['archived']:.0f} MB"]
    note = f"{folders} folders of {each} documents; growth of the worker's peak memory after the first ones."
    return note, ["documents", "after listing", "after archiving"], [row]


def _serve(folders, each, pipe):
    with Emulator() as emulator:
        tenant = emulator.tenant
        legal, archive = tenant.drive("legal"), tenant.drive("archive")
        for folder in range(folders):
            for number in range(each):
                legal.put(f"in/{folder:03}/{number:04}.bin", b"x%d" % number)
        archive.mkdir("out")
        order = {
            "source": f"drives/{legal.id}/root:/in",
            "destination": f"drives/{archive.id}/root:/out",
            "first": f"drives/{legal.id}/root:/in/000",
        }
        pipe.send((emulator.connection(resource_units_per_minute=1_000_000), order))
        pipe.recv()


def _figures(result):
    return [
        f"{result.units:.3f}",
        f"{result.requests:.3f}",
        f"{result.polls:.3f}",
        f"{result.refused:.2%}",
    ]


def polls(emulator, documents):
    """Give what a poll costs a triggerer. Its emulator is a process of its own."""
    from polls import main  # the module has this function's name

    note = (
        "Copies in flight in one process; mean of two runs, longest block of either. The loop is also "
        'blocked while its process has no processor or collects garbage; "net" excludes that.'
    )
    header = [
        *("", "copies", "CPU per poll, relative to a bare loop"),
        *("longest block of the loop", "net", "longest garbage collection"),
    ]
    return note, header, main(documents) + main(10 * documents)


def wall(emulator, documents):
    """Give how long a Dag takes in a real Airflow."""
    from wall import COPY_SECONDS, main  # the module has this function's name

    note = (
        f"{documents} documents, each copy takes {COPY_SECONDS:.0f} s, no budget; from triggering to the "
        "end of the Dag run, in an Airflow with PostgreSQL that has run the same Dag before."
    )
    header = ["", "wall time", "relative to the first row", "worker starts", "requests", "copies made"]
    return note, header, main(emulator, documents)


def handover(emulator, documents):
    """Give what a hand-over costs. Its emulator is a process of its own."""
    from handover import HEADER, PARALLEL, ROUNDS, main  # the module has this function's name

    note = (
        f"{PARALLEL} documents at once, but one in the loop. S3 is moto's server. CPU is the contender's "
        f"process; requests and units are for each document. The first two rows are the best of {ROUNDS} "
        "rounds, in turns; the others ran once. rclone's memory is its whole process."
    )
    return note, HEADER, main(max(1, documents * 1024 // 1000), documents)


CASES = {case.__name__: case for case in (wire, whole, budget, delay, memory, polls, wall, handover)}


def write(name, note, header, rows, command):
    """Put a table in its place on the page, and print it."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    lines = [f"<!-- {name} -->", f"## {TITLES[name]}", "", note, ""]
    lines += ["| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *rows)]
    lines += ["", f"`{command}`, {machine}, {datetime.now(UTC):%Y-%m-%d}", f"<!-- end of {name} -->"]
    text, page = "\n".join(lines), PAGE.read_text()
    print(text, flush=True)
    place = re.compile(f"<!-- {name} -->.*<!-- end of {name} -->", re.DOTALL)
    page = place.sub(lambda _: text, page) if place.search(page) else f"{page.rstrip()}\n\n{text}\n"
    PAGE.write_text(page)


TITLES = {
    "wire": "Cost per document",
    "whole": "Cost per document of a whole folder",
    "budget": "Throughput under the smallest budget",
    "delay": "Delay until completion is detected",
    "memory": "Memory",
    "polls": "Cost of a poll in the triggerer",
    "wall": "Duration of a Dag run",
    "handover": "Hand-over to object storage",
}


def main():
    """Measure, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    given = parser.parse_args()
    for name in given.only:
        with Emulator() as emulator:
            told = CASES[name](emulator, given.documents)
        write(name, *told, f"make bench DOCUMENTS={given.documents} ONLY={name}")


if __name__ == "__main__":
    main()
