import pytest
from tries import Killed, StateStore

from airflow_provider_drive.hooks.client import DriveClient
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.protocol.timing import Timings
from airflow_provider_drive.transport.blocking import Session


class Tries:
    """
    A task of Airflow 3.3, from its first try to its last.

    :ivar kills: Where its process ends: method, part of the URL, and whether the answer has come.
    """

    def __init__(self, new_worker, kind, parameters):
        self.new_worker, self.kind, self.parameters = new_worker, kind, parameters
        self.store, self.kills = StateStore(), []
        self.try_number, self.max_tries = 0, 3

    def run(self, **changes):
        """Run it once more, as Airflow does: with its store, and without its XComs."""
        self.worker = self.new_worker()
        self.worker.context["task_state_store"] = self.store
        self.try_number += 1
        self.worker.ti.try_number, self.worker.ti.max_tries = self.try_number, self.max_tries
        return self.worker.run(self.kind, **self.parameters | changes)

    def die(self, method, path, *, answered):
        """Let the process end at a request: before it has left, or when its answer has come."""
        self.kills.append((method, path, answered))
        with pytest.raises(Killed):
            self.run()
        assert not self.kills

    def clear(self):
        """Ask for all of it again, as a person does when the task has ended, or is deferred."""
        self.max_tries = self.try_number + 3

    def meet(self, request, *, answered):
        for kill in self.kills:
            method, path, when = kill
            if method == request.method and path in request.url and when == answered:
                self.kills.remove(kill)
                raise Killed


@pytest.fixture
def copy(worker, ids):
    """Run the operator that copies; items may be the emulator's."""

    def run(item, destination=None, **parameters):
        addresses = {"item": _address(item, ids), "destination": _address(destination, ids)}
        return worker.run(DriveCopyOperator, **addresses, **{"poll_interval": 0.05, **parameters})

    return run


@pytest.fixture
def move(worker, ids):
    """Run the operator that moves; items may be the emulator's."""

    def run(item, destination=None, **parameters):
        return worker.run(
            DriveMoveOperator, item=_address(item, ids), destination=_address(destination, ids), **parameters
        )

    return run


@pytest.fixture(params=[False, True], ids=["blocking", "deferrable"])
def waiting(request):
    return {"wait_for_completion": True, "deferrable": request.param}


@pytest.fixture
def posts(tenant):
    """How often a copy was asked for."""
    return lambda: len(tenant.calls("POST", "/copy$"))


@pytest.fixture
def short_searches(monkeypatch):
    """Search only for a moment for what a crash or a lost answer has left."""
    timings = Timings(read_back=0.5, find=0.3, resume_find=0.3, false_404=0.3)
    monkeypatch.setattr(DriveClient, "timings", timings)


@pytest.fixture
def path_of():
    """The address of an item by its drive's id and its path."""
    return lambda item: f"drives/{item.drive.id}/root:/{item.path}"


def _address(value, ids):
    return ids(value) if hasattr(value, "metadata_version") else value


@pytest.fixture
def tries(worker, ids, helpers, monkeypatch):
    """Make a task that may be killed, and run again: ``tries(DriveCopyOperator, item, folder)``."""
    send, running = Session.send, []

    def send_or_die(session, request):
        for task in running:
            task.meet(request, answered=False)
        answer = send(session, request)
        for task in running:
            task.meet(request, answered=True)
        return answer

    monkeypatch.setattr(Session, "send", send_or_die)

    def make(kind, item, destination=None, **parameters):
        addresses = {"item": _address(item, ids), "destination": _address(destination, ids)}
        if kind is DriveCopyOperator:
            parameters = {"poll_interval": 0.05, **parameters}
        task = Tries(helpers.Worker, kind, addresses | parameters)
        running.append(task)
        return task

    return make
