"""
Runs flows against the emulator's state in this process: no socket, no sleep.

A pause moves the service's clock. Tasks run request by request, so that they can be stopped at any of them,
and side by side in any order.
"""

import json

from airflow_provider_drive.emulator.dispatch import respond
from airflow_provider_drive.emulator.messages import Request as Incoming
from airflow_provider_drive.emulator.state.tenant import Tenant
from airflow_provider_drive.exceptions import DriveConnectionError, DriveError
from airflow_provider_drive.protocol.archive.delete_originals import delete_originals
from airflow_provider_drive.protocol.archive.order import ArchiveOrder
from airflow_provider_drive.protocol.archive.run import archive
from airflow_provider_drive.protocol.archive.state import ArchiveState, read_archive_state
from airflow_provider_drive.protocol.flow import Checkpoint, Gather, Pause, Response, Restore, Saved
from airflow_provider_drive.protocol.timing import Timings, Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef, PathAddress

BASE = "https://graph.test"
MOST_STEPS = 20_000


class Killed(BaseException):
    """A task ends here, as its process does."""


class Store:
    """Keeps the state of a task over its tries, as JSON, as Airflow's task state store does."""

    def __init__(self, *, is_durable=True):
        self.is_durable = is_durable
        self.states, self.saves = {}, 0

    def save(self, checkpoint):
        self.saves += 1
        state = checkpoint.state
        if isinstance(state, ArchiveState):
            state = state.as_dict(lambda url: url)
        self.states[checkpoint.name] = json.loads(json.dumps(state))

    def restore(self, name):
        state = self.states.get(name)
        if state is not None and name == "archive":
            state = read_archive_state(state, self.decrypt)
        return Saved(state, self.is_durable)

    def decrypt(self, url):
        return url


class World:
    """A tenant, and what sends requests to it."""

    def __init__(self):
        self.tenant = Tenant()
        self.tenant.base_url = BASE
        self.token = self.tenant.issue_token()
        self.legal, self.vault = self.tenant.drive("legal"), self.tenant.drive("archive")
        self.store = Store()

    def now(self):
        return self.tenant.now().timestamp()

    def pass_time(self, seconds):
        """Move the clock of the service, and not the one by which its copies take time."""
        self.tenant.clock_offset += seconds

    def wait(self, **timings):
        return Wait(clock=self.now, timer=self.now, poll_interval=5.0, timings=Timings(**timings))

    def send(self, request):
        """Send a request of a flow's."""
        url = request.url if "://" in request.url else f"{BASE}/v1.0{request.url}"
        path, _, query = url.removeprefix(BASE).partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if request.is_to_graph:
            headers["authorization"] = f"Bearer {self.token}"
        if request.json is not None:
            headers["content-type"] = "application/json"
        body = b"" if request.json is None else json.dumps(request.json).encode()
        answer = respond(self.tenant, Incoming(request.method, path, query, headers, body, BASE))
        if answer.cut:
            return DriveConnectionError("cut", sent=True)
        return Response(answer.status, answer.headers, answer.body or b"")

    def steps(self, flow, store=None):
        """Drive a flow: a generator that goes on for one request or pause at a time."""
        reply = None
        for _ in range(MOST_STEPS):
            try:
                said = flow.throw(reply) if isinstance(reply, DriveError) else flow.send(reply)
            except StopIteration as end:
                return end.value
            if isinstance(said, Gather):
                reply = yield from self._gather(said, store)
            elif isinstance(said, Checkpoint):
                reply = None if store is None else store.save(said)
                yield said
            elif isinstance(said, Restore):
                reply = Saved() if store is None else store.restore(said.name)
            elif isinstance(said, Pause):
                self.pass_time(said.seconds)
                reply = None
                yield said
            else:
                yield said  # it is not sent yet
                reply = self.send(said)
                yield said
        raise AssertionError("the flow does not end")

    def _gather(self, said, store):
        results = []
        for flow in said.flows:
            try:
                results.append((yield from self.steps(flow, store)))
            except DriveError as error:
                results.append(error)
        return results

    def run(self, flow, store=None, *, kill_at=None):
        """
        Drive a flow to its end.

        :param kill_at: The step at which the process ends.
        """
        steps, count = self.steps(flow, store), 0
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            count += 1
            if count == kill_at:
                raise Killed

    def archive(
        self, outcomes=None, *, store=None, kill_at=None, max_idle=float("inf"), timings=None, **order
    ):
        """Run an archive of the folder In to the folder Out, and return what came of the documents."""
        outcomes = [] if outcomes is None else outcomes
        flow = self.flow(outcomes, max_idle=max_idle, timings=timings, **order)
        self.state = self.run(flow, self.store if store is None else store, kill_at=kill_at)
        return outcomes

    def flow(self, outcomes, *, max_idle=float("inf"), timings=None, **order):
        source, destination = self.address(self.legal, "In"), self.address(self.vault, "Out")
        defaults = {"source": None if "items" in order else source, "destination": destination}
        order = ArchiveOrder(**defaults | order)
        return archive(order, outcomes.append, self.wait(**timings or {}), max_idle=max_idle)

    def delete(self, outcomes, *, store=None, kill_at=None):
        """Delete the originals, and return what became of each, by their paths."""
        fates = {}
        verified = [each for each in outcomes if each.is_verified]
        flow = delete_originals(verified, lambda found, fate: fates.update({found.path: fate}), self.wait())
        self.run(flow, self.store if store is None else store, kill_at=kill_at)
        return fates

    @staticmethod
    def address(drive, path):
        return PathAddress(f"drives/{drive.id}", "root", tuple(path.split("/")))

    @staticmethod
    def given(*items):
        """Items as an archive takes them."""
        return [(item.name, ItemRef(item.drive.id, item.id)) for item in items]

    def contents(self, drive=None, path="Out"):
        """What a folder holds: contents by paths."""
        folder = (drive or self.vault).find(path)
        if folder is None:
            return {}
        start = len(folder.path) + 1
        return {item.path[start:]: item.content.data for item in folder.walk() if not item.is_folder}


def states(outcomes):
    return {outcome.found.path: outcome.state for outcome in outcomes}
