"""A hand-over that is killed at any step, and tried again, while the network and people do what they do."""

import json
import random
from functools import partial

import pytest
from tries import Killed

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveTransferError
from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator
from airflow_provider_drive.transfers.storage import Draft
from airflow_provider_drive.transport.blocking import Session
from chaos.handover import FAULTS, Editor, Judge, files_below

SEEDS = 100
MOST_TRIES = 12


class Steps:
    """Counts the steps of a task, and ends its process at one of them."""

    def __init__(self, monkeypatch):
        self.left = self.read = 0
        self.downloads = []
        for owner, name in ((Session, "send"), (Draft, "write"), (Draft, "complete"), (Draft, "discard")):
            monkeypatch.setattr(owner, name, self.counted(getattr(owner, name), name))

    def counted(self, do, name):
        def step(*arguments):
            if name != "discard":
                self.count()
            if name == "discard" and self.left < 0:
                return None  # a killed process discards nothing
            outcome = do(*arguments)
            if name != "discard":
                self.count()
            return outcome

        return step

    def count(self):
        self.left -= 1
        if self.left < 0:
            raise Killed


def _hand_over(helpers, steps, number, parameters):
    worker = helpers.Worker()
    worker.ti.try_number, worker.ti.max_tries = number, MOST_TRIES
    worker.ti.dag_id, worker.ti.run_id = "dag", "run"
    try:
        return worker.run(DriveToObjectStorageOperator, **parameters)
    except (Killed, DriveTransferError):  # a document was edited after it was read
        return None


@pytest.mark.parametrize("after", ["keep", "delete", "move"])
def test_nothing_is_lost_halved_or_read_twice_wherever_a_task_is_killed(  # noqa: PLR0917  # fixtures
    after, connection, helpers, tenant, legal, tmp_path, monkeypatch
):
    steps = Steps(monkeypatch)
    monkeypatch.setattr(Session, "pause", lambda *_: None)
    for seed in range(SEEDS // 2 if after == "keep" else SEEDS // 4):
        chance = random.Random(f"{after} {seed}")
        tenant.reset()
        folder = tmp_path / str(seed)
        contents = {f"{n % 2}/{n}.csv": chance.randbytes(chance.choice([0, 10, 300_000])) for n in range(5)}
        legal = tenant.drive("legal")
        judge = Judge(legal, partial(files_below, folder / "out"), contents)
        for path, content in contents.items():
            legal.put(f"In/{path}", content)
        parameters = {
            "source": f"drives/{legal.id}/root:/In",
            "destination": f"file://{folder}/out",
            "manifest": f"file://{folder}/m.jsonl",
            "after": after,
            "on_existing": "replace",
            "parallel": chance.choice([1, 3]),
        }
        if after == "move":
            parameters["after_destination"] = f"drives/{legal.id}/root:/Done"
        tenant.witness = Editor(judge, chance)
        whole, summary = set(), None
        for number in range(1, MOST_TRIES):
            steps.left = 10_000 if number > 4 else chance.randrange(1, 60)
            tenant.faults[:] = [Fault(**vars(chance.choice(FAULTS)))] if number < 4 else []
            before = len(tenant.calls("GET", "/_file/download", "file"))
            summary = _hand_over(helpers, steps, number, parameters)
            read = [call.path for call in tenant.calls("GET", "/_file/download", "file")[before:]]
            for path in whole:
                item = legal.find(f"In/{path}")
                assert item is None or not any(item.id in url for url in read), f"{path} was read twice"
            whole = {path for path, content in judge.check().items() if content == judge.contents[path][-1]}
            if summary is not None:
                break
        assert summary is not None, "no try came to an end"
        judge.check_versions(summary["files"])
        assert (summary["failed"], summary["copied"] + summary["there"]) == (0, 5)
        done = summary["deleted"] + summary["moved"] + summary["gone"]
        assert done == (0 if after == "keep" else 5)
        lines = [json.loads(line) for line in (folder / "m.jsonl").read_text().splitlines()]
        assert {line["path"] for line in lines} == contents.keys()
        left = {item.path for item in legal.root.walk() if not item.is_folder}
        assert left == {f"{'Done' if after == 'move' else 'In'}/{path}" for path in contents} - (
            {f"In/{path}" for path in contents} if after == "delete" else set()
        )
