"""Talks to a flow as a driver does, with answers from a list: no socket, no sleep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from airflow_provider_drive.exceptions import DriveError, DriveResponseError
from airflow_provider_drive.protocol.flow import (
    Checkpoint,
    Gather,
    Pause,
    Request,
    Response,
    Restore,
    Saved,
)
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT, Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.hosts import Hosts

RECORDED = Path(__file__).parents[1] / "recorded"
HOSTS = Hosts()
NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
TODAY = "2026-09-21T14:13:20Z"
DATE = "Mon, 21 Sep 2026 14:13:20 GMT"
MONITOR = "https://contoso.sharepoint.com/_api/v2.1/monitor/46cf980a?tempauth=secret"
MOST_STEPS = 50_000


class Clock:
    """A clock that goes forward by the pauses of a conversation, and by nothing else."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


def wait(clock=None, *, deadline=NOW + COPY_TIMEOUT, **options):
    """Return a wait for which the clock of a conversation tells the time and measures durations."""
    clock = clock or Clock()
    return Wait(deadline, clock=clock, timer=clock, **options)


class Conversation:
    """What a flow asked, and what it came to."""

    def __init__(self):
        self.requests = []
        self.pauses = []
        self.checkpoints = []
        self.outcome = None
        self.failure = None

    @property
    def result(self):
        """What the flow returned; what it raised is raised again."""
        if self.failure:
            raise self.failure
        return self.outcome

    @property
    def error(self):
        """What the flow raised."""
        assert self.failure is not None, f"nothing was raised, but {self.outcome!r} returned"
        return self.failure

    @property
    def lines(self):
        """The requests, each as ``GET /drives/d/items/i``."""
        return [f"{request.method} {request.url}" for request in self.requests]

    @property
    def kinds(self):
        return [request.kind for request in self.requests]

    @property
    def posts(self):
        return [line for line in self.lines if line.startswith("POST")]

    @property
    def notes(self):
        return [pause.note for pause in self.pauses if pause.note]

    @property
    def waited(self):
        return sum(pause.seconds for pause in self.pauses)

    def sent(self, method):
        """Return the only request with this method."""
        (request,) = [request for request in self.requests if request.method == method]
        return request


def converse(flow, *answers, then=None, clock=None, saved=None, durable=False):
    """
    Answer what a flow asks, request by request. Flows that need not wait for each other run in their order.

    :param answers: Responses, or exceptions that are thrown into the flow. All have to be used.
    :param then: The answer to every request after these, or a function that gives it.
    :param clock: Goes forward by each pause.
    :param saved: What an earlier try has stored, by the names of its checkpoints. Those of this conversation
        take its place.
    :param durable: Whether a later try finds the checkpoints of this one.
    """
    talk, rest, states = Conversation(), list(answers), dict(saved or {})

    def reply_to(said):
        if isinstance(said, Pause):
            talk.pauses.append(said)
            assert said.seconds >= 0
            if clock:
                clock.now += said.seconds
            return None
        if isinstance(said, Checkpoint):
            talk.checkpoints.append((said.name, said.state, len(talk.requests)))
            states[said.name] = said.state
            return None
        if isinstance(said, Restore):
            return Saved(states.get(said.name), durable)
        if isinstance(said, Gather):
            ends = [_drive(each, reply_to) for each in said.flows]
            return [failure or outcome for outcome, failure in ends]
        assert isinstance(said, Request)
        talk.requests.append(said)
        assert rest or then, f"no answer is left for {talk.lines}"
        reply = rest.pop(0) if rest else then(said) if callable(then) else then
        return _stream(said, reply) if isinstance(reply, Stream) else reply

    talk.outcome, talk.failure = _drive(flow, reply_to)
    assert not rest, f"not asked for: {rest}; asked: {talk.lines}, {talk.failure!r}"
    return talk


class Stream(NamedTuple):
    """An answer whose bytes come piece by piece; a piece that is an exception is raised."""

    head: Response
    pieces: tuple


def _stream(request, stream):
    """Hand the pieces on as the blocking driver does."""

    def pieces():
        for piece in stream.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    try:
        request.receive(stream.head, pieces())
    except DriveError as error:
        return error
    return stream.head


def _drive(flow, reply_to):
    """Answer all that a flow asks, and return what it returned and what it raised: one of them is None."""
    reply = None
    for _ in range(MOST_STEPS):
        try:
            said = flow.throw(reply) if isinstance(reply, Exception) else flow.send(reply)
        except StopIteration as end:
            return end.value, None
        except Exception as error:  # noqa: BLE001  # a test asks which it is
            return None, error
        reply = reply_to(said)
    raise AssertionError(f"the flow does not end; its last word: {said}")


def answer(status=200, body=None, **headers):
    """Return a response. The names of its headers are written as Python writes names: ``retry_after``."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def refusal(status, code="generalException", inner=None, message="No.", **headers):
    """Return an answer in which Graph refuses."""
    error = {"code": code, "message": message}
    if inner:
        error["innerError"] = {"code": inner, "request-id": "r-1"}
    return answer(status, {"error": error}, **headers)


def missing():
    return refusal(404, "itemNotFound")


def wrong_host():
    """Return what a driver throws into a flow whose request is for a host that may not be called."""
    return DriveResponseError("the host may not be called", retryable=False)


def accepted(location=MONITOR, date=DATE):
    return answer(202, **{"location": location} if location else {}, **{"date": date} if date else {})


def page(*entries, link=None):
    """Return one page of a collection."""
    return answer(200, {"value": list(entries), **({"@odata.nextLink": link} if link else {})})


def item(item_id="i", name="plan.pdf", parent="f", drive="d", *, kind="file", **fields):
    """Return a driveItem as Graph tells of it."""
    facets = {
        "file": {"file": {"hashes": {"quickXorHash": "hash="}}, "size": 7},
        "folder": {"folder": {"childCount": 0}, "size": 0},
        "package": {"package": {"type": "oneNote"}},
        "root": {"root": {}, "folder": {}},
    }
    return {
        "id": item_id,
        "name": name,
        "eTag": f'"{{{item_id}}},1"',
        "cTag": f'"c:{{{item_id}}},1"',
        "createdDateTime": TODAY,
        "parentReference": {"driveId": drive, "id": parent, "driveType": "documentLibrary"},
        **facets[kind],
        **fields,
    }


def personal(entry):
    """Return the driveItem as OneDrive personal tells of it."""
    return {**entry, "parentReference": {**entry["parentReference"], "driveType": "personal"}}


def here(*arguments, **fields):
    """Return an answer that is a driveItem."""
    return answer(200, item(*arguments, **fields))


def ref(item_id, drive="d"):
    return ItemRef(drive, item_id)


def recording(name):
    """Return a recorded exchange's JSON."""
    return json.loads((RECORDED / f"{name}.json").read_text())


def recorded_answer(name, status=200):
    """Return a recorded answer: a whole exchange, or a body by itself."""
    told = recording(name)
    if "body" not in told:
        return answer(status, told)
    status = told.get("status", status)
    headers = {key.lower(): value for key, value in told.get("headers", {}).items()}
    body = b"" if told["body"] == "" else json.dumps(told["body"]).encode()
    return Response(status if isinstance(status, int) else int(status.split()[1]), headers, body)
