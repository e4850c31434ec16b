"""A watched folder: the lives of its watcher, the people beside it, and what has to be told of them."""

import asyncio
import json
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from types import SimpleNamespace
from urllib.parse import urlsplit

import time_machine
from machine.clock import START, Clock

from airflow_provider_drive.emulator.dispatch import respond
from airflow_provider_drive.emulator.messages import Request as Wire
from airflow_provider_drive.exceptions import DriveConnectionError, DriveError
from airflow_provider_drive.protocol.flow import Request, Response
from airflow_provider_drive.settings import Settings
from airflow_provider_drive.transport.clock import ServiceClock
from airflow_provider_drive.triggers import base, changes, feed, watcher
from airflow_provider_drive.triggers.changes import DriveChangesTrigger

POLL, SETTLE, SECONDS = 60.0, 90.0, 0.05
FOLDERS = ("In", "In/a", "In/a/b", "In/c", "Out", "Out/d")
STORED_AFTER = 5.0
"""Seconds after which Airflow has an event that was yielded, at most."""


class Killed(SystemExit):  # no exception of the program's
    """The process of the triggerer was killed."""


class Store:
    """The asset state store. The process may be killed before or after a value is written."""

    def __init__(self, world):
        self.world, self.values = world, {}

    async def aget(self, key):
        return json.loads(self.values[key]) if key in self.values else None

    async def aset(self, key, value):
        self.world.step("before a state is stored")
        self.values[key] = json.dumps(value)
        self.world.step("after a state was stored")


class World:
    """A drive with a watched folder, people, and triggerers that live one after the other."""

    def __init__(self, tenant, clock):
        self.tenant, self.clock = tenant, clock
        self.begin()

    def begin(self):
        """Begin a sequence with an empty tenant."""
        self.clock.restart()
        self.tenant.reset()
        self.drive = self.tenant.drive("legal")
        self.token = self.tenant.issue_token(10**9)
        self.store, self.delivered, self.yielded = Store(self), [], []
        self.plan, self.notes, self.steps, self.ends = [], [], None, float("inf")
        self.content_changes, self.number, self.waiting = {}, 0, []
        for folder in FOLDERS:
            self.drive.mkdir(folder)
        for path in ("In/old.txt", "In/a/old.txt", "Out/old.txt", "Out/d/old.txt"):
            self.drive.put(path, self.new_content())
        self.clock.wait(1000.0)
        self.known = self.documents()

    # Time, and what ends a process

    def wait(self, seconds):
        """Let time pass, people act, and Airflow store events."""
        until = time.time() + max(0.0, seconds)
        while self.plan and self.plan[0][0] <= until:
            moment, action = self.plan.pop(0)
            self.clock.wait(moment - time.time())
            self.notes.append(f"{time.time() - START.timestamp():.0f} s: {action}")
            People(self).act(*action)
        if self.ends <= until:
            self.clock.wait(self.ends - time.time())
            self.step("at its end", is_end=True)
        self.clock.wait(until - time.time())
        self.deliver()

    def step(self, where, *, is_end=False):
        """Count a step of the process, and end it if it is to be killed there."""
        if self.steps is not None:
            self.steps -= 1
        if is_end or self.steps == 0:
            self.notes.append(f"killed {where}")
            raise Killed

    def deliver(self):
        due = [event for moment, event in self.waiting if moment <= time.time()]
        self.waiting = [each for each in self.waiting if each[0] > time.time()]
        self.delivered += due

    def live(self, seconds, *, actions=(), steps=None, **parameters):
        """Let a triggerer run the watcher until it is killed."""
        now = time.time()
        self.plan = sorted(((now + delay, action) for delay, *action in actions), key=lambda each: each[0])
        self.ends, self.steps = now + seconds, steps
        arguments = {
            "poll_interval": POLL,
            "settle": SETTLE,
            "kinds": ["created", "updated", "moved", "deleted"],
        }
        trigger = DriveChangesTrigger(f"drives/{self.drive.id}/root:/In", **(arguments | parameters))
        trigger.asset_state_store = self.store
        with suppress(Killed):
            asyncio.run(self._run(trigger))
        self.deliver()
        self.waiting = []  # what Airflow has not stored dies with the process
        self.ends, self.steps = float("inf"), None
        for moment, action in self.plan:  # while nothing watches
            self.clock.wait(moment - time.time())
            People(self).act(*action)
        self.plan = []

    async def _run(self, trigger):
        async for event in trigger.run():
            payload = json.loads(json.dumps(event.payload))
            self.notes.append(
                f"event {payload['id'][:6]} {[(c['kind'], c['path']) for c in payload['changes']]}"
            )
            self.check_settled(payload)
            self.yielded.append(payload)
            self.waiting.append((time.time() + STORED_AFTER, payload))
            self.step("after an event")

    # Requests

    def send(self, request):
        """Send a request straight to the emulator."""
        self.step("before a request")
        self.wait(SECONDS)
        url = urlsplit(request.url if "://" in request.url else f"https://graph.test/v1.0{request.url}")
        headers = {
            "authorization": f"Bearer {self.token}",
            **{k.lower(): v for k, v in request.headers.items()},
        }
        wire = Wire(request.method, url.path, url.query, headers, b"", "https://graph.test")
        answer = respond(self.tenant, wire)
        self.step("after a request")
        if answer.cut:
            return DriveConnectionError(f"Could not {request.action}: cut.", sent=True)
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status, found, answer.body or b"")

    @asynccontextmanager
    async def open_session(self, *_):
        session = SimpleNamespace(settings=Settings(), clock=ServiceClock())

        async def run(flow):
            step = lambda: next(flow)  # noqa: E731  # as the transports have it
            try:
                while True:
                    wanted, answer = step(), None
                    if isinstance(wanted, Request):
                        answer = self.send(wanted)
                        if isinstance(answer, Response):
                            session.clock.adjust(answer)
                    else:
                        self.wait(wanted.seconds)
                    method = flow.throw if isinstance(answer, DriveError) else flow.send
                    step = lambda method=method, answer=answer: method(answer)  # noqa: E731  # as above
            except StopIteration as end:
                return end.value

        yield session, run

    # What is there, and what was told

    def new_content(self):
        self.number += 1
        return b"%06d" % self.number

    def documents(self):
        """Return path, size and content version of each document in the watched folder, by id."""
        folder = self.drive.find("In")
        found = [each for each in folder.walk() if not each.is_folder] if folder is not None else []
        return {
            each.id: (each.path.removeprefix(f"{folder.path}/"), each.size)
            for each in found
            if each.size and "pendingOperations" not in each.facets
        }

    def touch(self, item):
        """Note that the content of a document has changed now."""
        self.content_changes.setdefault(item.id, []).append(self.tenant.now().timestamp())

    def check_settled(self, event):
        """Check that nothing is told before it has settled, by Graph's clock."""
        until = datetime.fromisoformat(event["until"]).timestamp()
        for change in event["changes"]:
            if change["kind"] in {"created", "updated"}:
                times = [each for each in self.content_changes.get(change["id"], []) if each <= until]
                assert not times or until - max(times) >= SETTLE - 2.0, f"{change} was told too early"
                assert change["size"], f"{change} is empty"

    def problems(self):
        """Return what is wrong with what was told in the end."""
        told, found, seen = dict(self.known), [], {}
        for event in self.delivered:
            if seen.setdefault(event["id"], event) is not event:
                if seen[event["id"]] != event:
                    found.append(f"the event {event['id']} was told in two forms")
                continue
            for change in event["changes"]:
                is_known = change["id"] in told
                if is_known == (change["kind"] == "created"):
                    found.append(
                        f"{change} is told of a document that was {'' if is_known else 'not '}told before"
                    )
                if change["kind"] == "deleted":
                    told.pop(change["id"], None)
                else:
                    told[change["id"]] = change["path"], change["size"]
        if lost := {event["id"] for event in self.yielded} - seen.keys():
            found.append(f"the events {lost} were lost")
        there = self.documents()
        if told != there:
            found.append(f"told {told}, but there is {there}")
        return found


class People:
    """Those who work in the drive meanwhile."""

    KINDS = (
        *("upload", "upload", "pieces", "edit", "rename", "move", "move_folder", "rename_folder"),
        *("delete", "delete_folder", "restore", "replace", "elsewhere"),
    )

    def __init__(self, world):
        self.world, self.drive = world, world.drive

    def act(self, kind, which, where):
        """Do something with one of the documents or folders."""
        files = [each for each in self.drive.root.walk() if not each.is_folder]
        folders = [each for each in self.drive.root.walk() if each.is_folder and each.parent is not None]
        folder = folders[where % len(folders)] if folders else self.drive.mkdir("In")
        item = files[which % len(files)] if files else None
        if kind in {"upload", "elsewhere"}:
            at = folder.path.strip("/") if kind == "upload" else "Out"
            self._written(self.drive.put(f"{at}/{which}.txt", self.world.new_content()))
        elif kind == "pieces":
            self._write_pieces(folder, which)
        elif kind == "restore":
            self._restore(folder, which)
        elif item is not None:
            getattr(self, f"_{kind}")(item, folder, where)

    def _written(self, item):
        item.facets.pop("pendingOperations", None)
        self.world.touch(item)

    def _write_pieces(self, folder, which):
        pending = [each for each in self.drive.root.walk() if "pendingOperations" in each.facets]
        if pending:
            item = pending[which % len(pending)]
            self.drive.append(item, self.world.new_content(), complete=which % 3 == 0)
        else:
            item = self.drive.begin_upload(f"{folder.path.strip('/')}/piece {which}.bin")
        self.world.touch(item)

    def _edit(self, item, *_):
        self.drive.write(item, type(item.content)(self.world.new_content() * 2))
        self._written(item)

    def _rename(self, item, _, where):
        self._relocate(item, item.parent, f"{where} {item.name[-8:]}")

    def _move(self, item, folder, _):
        self._relocate(item, folder, item.name)

    def _move_folder(self, _, folder, where):
        others = [
            each
            for each in self.drive.root.walk()
            if each.is_folder and folder not in {each, *each.ancestors()}
        ]
        if folder.path != "/In" and others:
            self._relocate(folder, others[where % len(others)], folder.name)

    def _rename_folder(self, _, folder, where):
        if folder.path != "/In":
            self._relocate(folder, folder.parent, f"{where} {folder.name[-8:]}")

    def _relocate(self, item, folder, name):
        if folder.child(name) is None:
            self.drive.move(item, f"{folder.path}/{name}".strip("/"))

    def _delete(self, item, *_):
        self.drive.remove(item)

    def _delete_folder(self, _, folder, where):
        if folder.path != "/In" or where % 4 == 0:
            self.drive.remove(folder)

    def _restore(self, folder, which):
        if self.drive.recycle_bin:
            item = self.drive.recycle_bin[which % len(self.drive.recycle_bin)]
            if item.name == "In" and item.is_folder:
                folder = self.drive.root
            if folder.child(item.name) is None:
                self.drive.restore(item, folder)

    def _replace(self, item, *_):
        path = item.path.strip("/")
        self.drive.remove(item)
        self._written(self.drive.put(path, self.world.new_content()))


@contextmanager
def watching(patch, tenant):
    """Let watchers run in virtual time, without sockets, threads and waits."""
    with time_machine.travel(START, tick=False) as traveller:
        world = World(tenant, Clock(traveller))

        async def sleep(seconds):
            world.wait(seconds)

        async def call(function, *arguments):
            return function(*arguments)

        @asynccontextmanager
        async def timeout(seconds):
            world.wait(seconds)
            raise TimeoutError
            yield

        virtual = SimpleNamespace(**vars(asyncio) | {"sleep": sleep, "to_thread": call, "timeout": timeout})
        for module in (changes, watcher, feed):
            patch.setattr(module, "asyncio", virtual)
        for module in (watcher, feed):
            patch.setattr(module, "time", SimpleNamespace(monotonic=time.time))
        patch.setattr(
            "airflow_provider_drive.transport.clock.time",
            SimpleNamespace(monotonic=time.time, time=time.time),
        )
        patch.setattr(base, "open_session", world.open_session)
        yield world
