"""An emulated tenant to which flows talk without a socket, and whose time passes in their pauses."""

import datetime as dt
import json
import re
import time
from urllib.parse import urlsplit

from airflow_provider_drive.emulator import messages
from airflow_provider_drive.emulator.dispatch import respond
from airflow_provider_drive.emulator.state.content import Content
from airflow_provider_drive.emulator.state.tenant import Tenant
from airflow_provider_drive.exceptions import DriveConnectionError, DriveError
from airflow_provider_drive.protocol.flow import Checkpoint, Gather, Pause, Response, Restore, Saved
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef

BASE = "https://graph.emulator"


class Crash(BaseException):
    """The worker's process ends here."""


class Service:
    """
    A tenant, and the worker that talks to it.

    :ivar states: The checkpoints, which survive a crash.
    :ivar is_durable: Whether flows are told that a later try finds their checkpoints.
    :ivar skew: Seconds by which the worker's clock is ahead, until an answer has told it the service's time.
    """

    def __init__(self, skew=0.0):
        self.tenant = Tenant()
        self.tenant.base_url = BASE
        self._token = self.tenant.issue_token()
        self.states, self.notes, self.lines = {}, [], []
        self.skew, self.elapsed = skew, 0.0
        self._hooks, self.is_durable = [], True

    def second_worker(self):
        """Return another worker of the same tenant, with a memory of its own."""
        other = Service()
        other.tenant, other._token = self.tenant, self._token
        return other

    def wait(self, seconds=600.0, **options):
        """Return a wait for so many seconds, by the worker's clock, which answers correct."""
        return Wait(clock=self.now, timer=lambda: self.elapsed, **options).at_most(seconds)

    def now(self):
        return time.time() + self.elapsed + self.skew

    def put(self, path, content=b"content", drive="legal"):
        return self.tenant.drive(drive).put(path, content)

    def folder(self, path, drive="archive"):
        return self.tenant.drive(drive).mkdir(path)

    def edit(self, item, content=b"another content"):
        item.drive.write(item, Content(content))
        item.modified += dt.timedelta(seconds=1)  # times have whole seconds: it is later than what was before

    def move(self, item, parent):
        item.drive.detach(item)
        item.drive.attach(item, parent)
        item.metadata_version += 1

    def tree(self, drive="archive"):
        return self.tenant.tree(drive)

    def before(self, method, pattern, action, *, nth=1):
        """Let something happen before the nth request of its kind."""
        self._hooks.append(["before", method, pattern, nth, action])

    def after(self, method, pattern, action, *, nth=1):
        """Let something happen after the nth request of its kind was answered, before the answer is read."""
        self._hooks.append(["after", method, pattern, nth, action])

    def crash_after(self, method, pattern):
        """End the worker's process when such a request has had its effect."""
        self.after(method, pattern, crash)

    def forget_hooks(self):
        self._hooks.clear()

    def run(self, flow):
        """Drive a flow to its end, and return its result or the error that it raises."""
        reply = None
        while True:
            try:
                said = flow.throw(reply) if isinstance(reply, DriveError) else flow.send(reply)
            except StopIteration as end:
                return end.value
            except DriveError as error:
                return error
            reply = self._reply(said)

    def _reply(self, said):
        if isinstance(said, Pause):
            self.notes.append(said.note)
            self.elapsed += said.seconds
            self.tenant.clock_offset += said.seconds
            return None
        if isinstance(said, Checkpoint):
            self.states[said.name] = said.state
            return None
        if isinstance(said, Restore):
            return Saved(self.states.get(said.name), self.is_durable)
        if isinstance(said, Gather):
            return [self.run(flow) for flow in said.flows]
        return self._send(said)

    def _send(self, request):
        self.lines.append(f"{request.method} {request.url}")
        self._call("before", request)
        answer = respond(self.tenant, self._message(request))
        self._call("after", request)
        if answer.cut:
            return DriveConnectionError("the connection was cut")
        answer.encode()
        response = Response(
            answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.body or b""
        )
        if response.date is not None:
            self.skew = 0.0
        return response

    def _message(self, request):
        url = request.url if "://" in request.url else f"{BASE}/v1.0{request.url}"
        parts = urlsplit(url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers |= {"authorization": f"Bearer {self._token}"} if request.is_to_graph else {}
        body = b"" if request.json is None else json.dumps(request.json).encode()
        headers |= {"content-type": "application/json"} if body else {}
        return messages.Request(request.method, parts.path, parts.query, headers, body, BASE)

    def _call(self, when, request):
        for hook in list(self._hooks):
            kind, method, pattern, nth, action = hook
            if kind == when and method == request.method and re.search(pattern, request.url):
                hook[3] = nth - 1
                if hook[3] == 0:
                    self._hooks.remove(hook)
                    action()


def crash():
    raise Crash


def ref(item):
    return ItemRef(item.drive.id, item.id)
