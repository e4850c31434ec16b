"""
Hand-overs whose worker is killed: a process of its own runs the operator, and gets a real SIGKILL.

It is killed when the emulator gets a request, which is answered to nobody then, or before or after one of its
own steps. The next try is another process. Meanwhile downloads break and people edit documents.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from airflow_provider_drive.emulator import Emulator, Fault

MOST_TRIES = 12
MOST_DEATHS = 4
AFTER = ("keep", "delete", "move")
WAYS = [("down", store, after) for store in ("file", "msdrive") for after in AFTER] + [("up", "file", "keep")]
FAULTS = [
    Fault(kind="truncate", path="/_file/download"),
    Fault(kind="drop_after", path="/_file/download"),
    Fault(status=401, code="unauthenticated", path="/_file/download"),
    Fault(kind="drop_after", path=r"\$batch"),
    Fault(status=500, path="/children"),
]
IMPORTED = [
    *(
        "airflow_provider_drive.transfers.hand_over",
        "airflow_provider_drive.transfers.drive_to_object_storage",
    ),
    *("airflow_provider_drive.transfers.object_storage_to_drive", "airflow_provider_drive.transfers.upload"),
    *("airflow_provider_drive.auth.application", "airflow_provider_drive.fs.filesystem", "chaos.handover"),
]


# -- the worker's process ------------------------------------------------------------------------------------


class Store(dict):
    """What Airflow 3.3 keeps of a task over its tries, in a file."""

    def __init__(self, path):
        super().__init__(json.loads(path.read_text()) if path.exists() else {})
        self.path = path

    def set(self, key, value):
        self[key] = value
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self))
        part.replace(self.path)


def work(order, answer):
    """Run one try of a task, and tell its summary, or the error that it ends with."""
    from airflow_provider_drive.exceptions import DriveTransferError  # noqa: PLC0415  # by the worker
    from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator  # noqa: PLC0415  # by the worker
    from airflow_provider_drive.transfers.object_storage_to_drive import ObjectStorageToDriveOperator  # noqa: PLC0415  # by the worker

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the log of the task
    os.environ |= order["environment"]
    _prepare_death(order["steps"])
    kind = DriveToObjectStorageOperator if order["way"] == "down" else ObjectStorageToDriveOperator
    ti = SimpleNamespace(task_id="task", dag_id="dag", run_id="run", map_index=-1, max_tries=MOST_TRIES)
    ti.try_number, ti.xcom_push = order["number"], lambda key, value: json.dumps(value)
    context = {"ti": ti, "task_instance": ti, "task_state_store": Store(Path(order["state"]))}
    try:
        answer.send(kind(task_id="task", **order["parameters"]).execute(context))
    except DriveTransferError as error:  # a document was edited after it was read
        answer.send(str(error))


def _prepare_death(steps):
    """Let this process die at one of its steps."""
    from airflow_provider_drive.transfers.storage import Draft  # noqa: PLC0415  # by the worker
    from airflow_provider_drive.transport.blocking import Session  # noqa: PLC0415  # by the worker

    left = [steps]

    def count():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(do):
        def step(*arguments):
            count()
            outcome = do(*arguments)
            count()
            return outcome

        return step

    for owner, name in ((Session, "send"), (Draft, "write"), (Draft, "complete")):
        setattr(owner, name, counted(getattr(owner, name)))
    Session.pause = lambda *_: None


# -- the judge -----------------------------------------------------------------------------------------------


class Judge:
    """Knows each content that a document had, and what must never be seen."""

    def __init__(self, source, files, contents):
        self.source, self.files = source, files
        self.contents = {path: [content] for path, content in contents.items()}

    def edit(self, path, content):
        self.contents[path].append(content)
        self.source.put(f"In/{path}", content)

    def check(self):
        """No half file has a name, and what is gone from the drive is whole in the store."""
        files = self.files()
        for path, content in files.items():
            assert content in self.contents[path], f"{path} is not whole"
        for path, contents in self.contents.items():
            item = self.source.find(f"In/{path}")
            assert item is not None or files.get(path) == contents[-1], f"{path} is lost"
        return files

    def check_versions(self, told):
        """Each file is the version that the summary names: only one that was edited later is an older one."""
        files = self.files()
        assert files.keys() == self.contents.keys()
        for file in told:
            item, path = self.source.find(f"In/{file['path']}"), file["path"]
            is_newest = item is None or item.etag == file["eTag"]
            assert not is_newest or files[path] == self.contents[path][-1], f"{path} is older than told"


def files_below(folder):
    """Read the files that anybody sees."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".part"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


class Editor:
    """Edits a document while its bytes, or those of another, are asked for: once, or not at all."""

    def __init__(self, judge, chance):
        self.judge, self.path = judge, chance.choice(list(judge.contents))
        self.after, self.content = chance.randrange(12), chance.randbytes(100)

    def __call__(self, request):
        self.after -= request.path.startswith("/_file/download") and self.judge.source.id in request.path
        if self.after == 0 and self.judge.source.find(f"In/{self.path}"):
            self.judge.edit(self.path, self.content)


# -- one run -------------------------------------------------------------------------------------------------


class Run:
    """
    A task, its tries, and what has to come of it.

    :ivar deaths: How often its worker was killed, by what it was doing.
    """

    def __init__(self, emulator, folder, seed):
        self.emulator, self.folder, self.chance = emulator, folder, random.Random(seed)
        self.way, self.store, self.after = WAYS[seed % len(WAYS)]
        self.deaths, self.process, self.countdown = Counter(), None, 0
        emulator.reset()
        self.tenant = emulator.tenant
        self.legal, self.archive = self.tenant.drive("legal"), self.tenant.drive("archive")
        sizes = [0, 10, 300_000] if self.way == "down" else [0, 10, 5_000_000, 17_000_000]
        contents = {f"{n % 2}/{n}.csv": self.chance.randbytes(self.chance.choice(sizes)) for n in range(5)}
        self.contents = contents
        self.parameters = {"manifest": f"file://{folder}/m.jsonl", "parallel": self.chance.choice([1, 3])}
        getattr(self, f"_prepare_{self.way}")()

    def _prepare_down(self):
        for path, content in self.contents.items():
            self.legal.put(f"In/{path}", content)
        out = f"file://{self.folder}/out" if self.store == "file" else f"msdrive://{self.archive.id}/out"
        self.parameters |= {
            "source": f"drives/{self.legal.id}/root:/In",
            "destination": out,
            "after": self.after,
            "on_existing": "replace",
        }
        if self.after == "move":
            self.parameters["after_destination"] = f"drives/{self.legal.id}/root:/Done"
        self.judge = Judge(
            self.legal,
            partial(files_below, Path(self.folder, "out")) if self.store == "file" else self.in_archive,
            self.contents,
        )
        self.editor = Editor(self.judge, self.chance)

    def _prepare_up(self):
        for path, content in self.contents.items():
            place = Path(self.folder, "out", path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        self.parameters |= {
            "source": f"file://{self.folder}/out",
            "destination": f"drives/{self.archive.id}/root:/out",
        }

    def in_archive(self):
        found = (item for item in self.archive.root.walk() if not item.is_folder)
        return {item.path.removeprefix("out/"): b"".join(item.content.blocks()) for item in found}

    def carry_out(self):
        """Run tries until one comes to an end, judge each, and judge the end."""
        whole, summary = set(), None
        for number in range(1, MOST_TRIES):
            before = len(self.tenant.journal)
            summary = self._try(number)
            self._check_requests(self.tenant.journal[before:], whole)
            whole = self._find_whole()
            if isinstance(summary, dict):
                break
        assert isinstance(summary, dict), f"no try came to an end: {summary}"
        assert (summary["failed"], summary["copied"] + summary["there"]) == (0, 5), summary
        lines = [json.loads(line) for line in Path(self.folder, "m.jsonl").read_text().splitlines()]
        assert {line["path"] for line in lines} == self.contents.keys(), "the manifest is not complete"
        getattr(self, f"_judge_{self.way}")(summary)

    def _try(self, number):
        """Run one process, which may die."""
        chance, steps = self.chance, 0
        self.countdown = 0
        if number <= MOST_DEATHS:
            steps, self.countdown = chance.choice(
                [(chance.randrange(1, 60), 0), (0, chance.randrange(1, 25))]
            )
            self.tenant.faults[:] = [Fault(**vars(chance.choice(FAULTS)))] if number < MOST_DEATHS else []
        else:
            self.tenant.faults.clear()
        order = {
            "way": self.way,
            "number": number,
            "steps": steps,
            "state": f"{self.folder}/state.json",
            "parameters": self.parameters,
            "environment": {"AIRFLOW_CONN_DRIVE_DEFAULT": json.dumps(self.emulator.connection())},
        }
        here, there = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.get_context("forkserver").Process(target=work, args=(order, there))
        self.tenant.witness = self._witness
        self.process.start()
        there.close()
        try:
            told = here.recv()
        except EOFError:
            told = None
        self.process.join()
        self.tenant.witness = None
        if self.process.exitcode == -signal.SIGKILL:
            self.deaths["a step of its own" if steps else "a request"] += 1
            return None
        assert told is not None, f"the worker ended with {self.process.exitcode}"
        return told

    def _witness(self, request):
        """Edit a document, or kill the worker, when the emulator gets a request."""
        if self.way == "down":
            self.editor(request)
        self.countdown -= 1
        if self.countdown == 0:
            os.kill(self.process.pid, signal.SIGKILL)

    def _find_whole(self):
        if self.way == "down":
            files = self.judge.check()
            return {path for path, content in files.items() if content == self.judge.contents[path][-1]}
        files = self.in_archive()
        assert all(self.contents[path] == content for path, content in files.items()), "a half file"
        return set(files)

    def _check_requests(self, calls, whole):
        """Nothing is read or sent again that was whole before this try."""
        for path in whole:
            if self.way == "up":
                place = f"{self.archive.id}/root:/out/{path}"
                assert not any(call.method in {"PUT", "POST"} and place in call.path for call in calls), path
            elif item := self.legal.find(f"In/{path}"):
                place = f"/_file/download/{self.legal.id}/{item.id}"
                assert not any(place in call.path for call in calls), f"{path} was read twice"

    def _judge_down(self, summary):
        self.judge.check_versions(summary["files"])
        done = summary["deleted"] + summary["moved"] + summary["gone"]
        assert done == (0 if self.after == "keep" else 5), summary
        left = {item.path for item in self.legal.root.walk() if not item.is_folder}
        folder = {"keep": "In", "move": "Done", "delete": None}[self.after]
        assert left == ({f"{folder}/{path}" for path in self.contents} if folder else set())

    def _judge_up(self, summary):
        assert self.in_archive() == self.contents
        assert {file["name"] for file in summary["files"]} == {Path(path).name for path in self.contents}


def main(seed=7, runs=100, say=print):
    """Carry out runs, tell what has come of them, and return how many were not as promised."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(IMPORTED)
    deaths, broken, ways, started = Counter(), [], Counter(), time.monotonic()
    with Emulator() as emulator, tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("AIRFLOW_HOME", folder)
        for number in range(seed * 1000, seed * 1000 + runs):
            place = Path(folder, str(number))
            place.mkdir()
            run = Run(emulator, str(place), number)
            try:
                run.carry_out()
            except AssertionError as error:
                broken.append(f"{number} {run.way} {run.store} {run.after}: {error}")
                say(broken[-1])
            deaths += run.deaths
            ways[f"{run.way} {run.store} {run.after}"] += run.deaths.total()
    say(
        f"Hand-overs, seed {seed}: {runs} runs, {deaths.total()} deaths ({dict(deaths)}; {dict(ways)}), "
        f"{len(broken)} runs not as promised, {time.monotonic() - started:.0f} s"
    )
    return len(broken)
