"""
Every reader of outside input as a function of bytes, for the tests and the fuzzer.

For any bytes, a target returns or raises a :class:`DriveError`. It also checks that what it read can be
sent, stored and logged.
"""

import json
import logging
import re
from contextlib import suppress
from types import SimpleNamespace
from unittest.mock import patch

import requests
from airflow.providers.common.compat.sdk import Connection

from airflow_provider_drive.auth import Login, application
from airflow_provider_drive.exceptions import DriveConnectionError, DriveError
from airflow_provider_drive.protocol.batch import batched
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import wait_for_copy
from airflow_provider_drive.protocol.flow import Checkpoint, Pause, Request, Response, Restore, Saved
from airflow_provider_drive.protocol.items.deletion import delete_item
from airflow_provider_drive.protocol.items.download import read_file
from airflow_provider_drive.protocol.items.filters import read_selection
from airflow_provider_drive.protocol.items.listing import Listing
from airflow_provider_drive.protocol.items.lookup import get_item, list_children
from airflow_provider_drive.protocol.items.transfer import FRAGMENT_SIZE, write_file
from airflow_provider_drive.protocol.monitor import poll_monitor
from airflow_provider_drive.protocol.move import MoveOrder, move_item
from airflow_provider_drive.protocol.retry import _NOT_GRAPH, retry_after
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.protocol.wire import errors
from airflow_provider_drive.protocol.wire.addresses import ItemRef, PathAddress, parse_address
from airflow_provider_drive.protocol.wire.copy_job import read_copy_job
from airflow_provider_drive.protocol.wire.errors import clean, error_from_response, is_gone
from airflow_provider_drive.protocol.wire.hosts import Hosts
from airflow_provider_drive.protocol.wire.items import check_tag, child, item_reader, read_time
from airflow_provider_drive.protocol.wire.monitor_status import read_copy_status, read_event
from airflow_provider_drive.protocol.wire.names import check_name
from airflow_provider_drive.protocol.wire.redaction import secret_parts
from airflow_provider_drive.report import ArchiveReport
from airflow_provider_drive.settings import Settings, read_settings
from airflow_provider_drive.transport.request import prepare
from airflow_provider_drive.utils import failures
from airflow_provider_drive.utils.encryption import decrypt_url, encrypt_url
from airflow_provider_drive.utils.task_state import STATE_KEY, TaskState

OUR_STARTS = (
    *("GET /", "POST /", "PATCH /", "PUT /", "DELETE /"),
    *("request id ", "Gave up after ", "It points to ", "Part of it was done: ", "At its destination is "),
    *(
        "The file that ",
        "Files that had ",
        "The copy ",
        "Its copy ",
        "An earlier try ",
        "A legal hold ",
        "A retry ",
    ),
)
OURS = {
    *(advice for _, advice in errors._BY_STATUS.values()),
    *(errors._MALWARE, errors._UNACCEPTED, errors._REVOKED, errors._NAME_TAKEN, errors._UNEXPECTED),
    *(errors._SUPPORT, _NOT_GRAPH),
}
APART = b"\n\n\n"
MONITOR = "https://contoso.sharepoint.com/_api/v2.1/monitor/46cf?tempauth=secret"
MOST_STEPS = 3_000
HOSTS = Hosts()
SELECTION = read_selection(1_790_000_000.0, pattern="**/*.pdf", modified_before="P1Y", min_size=1, kind="all")
SETTINGS = Settings(tenant_id="contoso.com", client_id="app", client_secret="s", is_known_authority=False)
logging.getLogger("msal").setLevel(logging.CRITICAL)


# Input formats


def answers(data):
    """Read answers separated by three line breaks: status, headers, an empty line, body."""
    return [_answer(part) for part in data.split(APART)]


def _answer(data):
    head, _, body = data.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    headers = dict(line.split(":", 1) for line in lines if ":" in line)
    return Response(
        int(status) if re.fullmatch(r"[1-5][0-9][0-9]", status, re.ASCII) else 200,
        {name.strip().lower(): value.strip() for name, value in headers.items()},
        body,
    )


def text_of(data):
    """Read a text; invalid UTF-8 becomes lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def stored(data):
    """Read JSON as Airflow does, including ``NaN``."""
    return json.loads(text_of(data))


# Readers


def item(data):
    (response, *_) = answers(data)
    found = item_reader(Request("GET", "/drives/d/items/i", "read it"), "d")(response)
    str(found.ref.url.encode("ascii"))
    json.dumps(dict(found.raw), allow_nan=False)
    logged(str(found))


def status(data):
    (response, *_) = answers(data)
    read = read_copy_status(response)
    if not read.is_running:
        event = read.as_event()
        logged(json.dumps(event, allow_nan=False))
        assert read_event(event) == read


def error(data):
    (response, *_) = answers(data)
    found = error_from_response(response, "read it")
    is_gone(response)
    logged(str(found))
    try:
        with failures.fail_on_permanent_errors():
            raise found
    except DriveError as raised:
        assert str(raised) == str(found)  # noqa: PT017  # it is the same error, of two classes


def wait(data):
    (response, *_) = answers(data)
    seconds = retry_after(response)
    assert seconds is None or 0 <= seconds < float("inf")


def event(data):
    read = read_event(stored(data))
    assert read.as_event()["status"] == read.state


def job(data):
    read = read_copy_job(stored(data), decrypt_url)
    logged(str(read))
    json.dumps(read.as_dict(encrypt_url))
    for name in filter(None, (read.name, read.arrival.name)):
        child(read.destination, name).url.encode("ascii")


def task_state(data):
    """State that an earlier try left in the task state store."""
    saved, ti = stored(data), SimpleNamespace(max_tries=1, try_number=1)
    written = {}
    TaskState({"task_state_store": Store(written), "ti": ti}).save(Checkpoint("copy", None))
    saved = written[STATE_KEY] | (saved if isinstance(saved, dict) else dict.fromkeys(STATES, saved))
    state = TaskState({"task_state_store": Store({STATE_KEY: saved}), "ti": ti})
    refusals = []
    for name_ in STATES:
        try:
            restored = state.restore(name_).state
        except DriveError as refusal:
            refusals.append(refusal)  # either is right
        else:
            state.save(Checkpoint(name_, restored))
            logged(str(restored))
    if len(refusals) == len(STATES):
        raise refusals[0]


STATES = ("copy", "move", "archive")


class Store:
    def __init__(self, kept):
        self.kept = kept

    def get(self, key):
        return self.kept.get(key)

    def set(self, key, value):
        self.kept[key] = json.loads(json.dumps(value))


def extra(data):
    host, _, rest = text_of(data).partition("\n")
    schema, _, rest = rest.partition("\n")
    connection = Connection(
        conn_id="x", conn_type="microsoft_drive", host=host or None, schema=schema or None, extra=rest
    )
    given = None
    with suppress(*NOT_JSON):
        given = json.loads(rest)  # Airflow would have its masker learn all that it reads
    settings = read_settings(connection, given)
    assert settings.hosts.graph.startswith("https://")
    assert settings.authority.startswith("https://")
    hash(settings)
    logged(repr(settings))


def address(data):
    given = text_of(data)
    values = [given]
    with suppress(*NOT_JSON):
        values.append(json.loads(given))
    for value in values:
        try:
            found = parse_address(value, HOSTS)
        except DriveError as refusal:
            assert len(str(refusal)) < 5_000  # noqa: PT017  # either is right
        else:
            found.url.encode("ascii")
            str(found)


def name(data):
    check_name(text_of(data)).encode()


def tag(data):
    requests.Request("GET", "https://x.example", headers={"If-Match": check_tag(text_of(data))}).prepare()


def url(data):
    entry, _, given = text_of(data).rpartition("\n")
    hosts = Hosts(allowed=(entry,)) if entry else HOSTS
    for check in (hosts.check_monitor, hosts.check_file, hosts.check_next_link):
        try:
            called = check(given)
        except DriveError as refusal:
            assert len(str(refusal)) < len(given) + 500  # noqa: PT017  # either is right
        else:
            assert called == given
            assert called.startswith("https://") or called[:8].lower() == "https://"
            called.encode("ascii")


def sealed(data):
    assert "://" in decrypt_url(text_of(data))


def text(data):
    given = text_of(data)
    logged(clean(given))
    secret_parts(given)
    read_time(given)


def token(data):
    with patch.object(application, "open_session", lambda _: Told(answers(data))):
        found = Login(SETTINGS).token()
    requests.Request("GET", "https://x.example", headers={"Authorization": f"Bearer {found}"}).prepare()
    found.encode("ascii")


def listing(data):
    converse(list_children(ItemRef("d", "f")), answers(data))


def tree(data):
    """Everything below a folder."""

    def flow():
        below = Listing(ItemRef("d", "f"))
        while below:
            for found in (yield from below.read()):
                json.dumps(found.as_dict(), allow_nan=False)
                SELECTION.takes(found.path, found.item)

    converse(flow(), answers(data))


def batch(data):
    """Two reads and a deletion in one batch."""
    clock = Clock()
    flows = [get_item(ItemRef("d", "i")), get_item(ItemRef("d", "f"))]
    read_, *outcomes = converse(
        batched([*flows, delete_item(ItemRef("d", "g"))], clock=clock), answers(data), clock
    )
    for refusal in (read_, *outcomes):
        if isinstance(refusal, DriveError):
            logged(str(refusal))
    if isinstance(read_, DriveError):
        raise read_
    json.dumps(dict(read_.raw), allow_nan=False)


def library(data):
    address_ = parse_address("sites/contoso.sharepoint.com:/sites/Legal:/drives/Contracts/root:/a", HOSTS)
    converse(get_item(address_), answers(data))


def copy(data):
    """A whole copy, whatever Graph and the monitor answer."""
    clock = Clock()
    order = CopyOrder(PathAddress("me/drive", "root", ("a",)), PathAddress("drives/e"), "b", "rename")

    def flow():
        submitted = yield from copy_item(order, clock.wait())
        json.dumps(submitted.as_dict(str))
        found = yield from wait_for_copy(submitted, clock.wait())
        json.dumps(dict(found.raw), allow_nan=False)

    converse(flow(), answers(data), clock)


def move(data):
    order = MoveOrder(PathAddress("me/drive", "root", ("a",)), ItemRef("d", "f"), "b")
    clock = Clock()
    converse(move_item(order, clock.wait()), answers(data), clock)


def upload(data):
    """An upload in fragments."""
    size = 2 * FRAGMENT_SIZE + 5
    flow = write_file(PathAddress("me/drive", "root", ("a",)), size, lambda _, count: bytes(count))
    found = converse(flow, answers(data))
    json.dumps(dict(found.raw), allow_nan=False)


def download(data):
    converse(read_file(PathAddress("me/drive", "root", ("a",)), len), answers(data))


def manifest(data):
    """A manifest that an earlier try left."""
    report = ArchiveReport("run", deletes=True)
    lines = [line + b"\n" for line in data.split(b"\n")]
    report.merge_earlier(iter(lines), lambda refs: [None] * len(refs))
    for line in report.lines():
        ItemRef(line["source"]["driveId"], line["source"]["id"]).url.encode("ascii")
    documents = sum(report.counts.values()) - report.counts["gone"]  # that counts originals, as deleted does
    assert report.deleted + report.counts["gone"] <= documents <= len(lines)
    report.close()


def monitor(data):
    clock = Clock()
    converse(poll_monitor(MONITOR, clock.wait()), answers(data), clock)


TARGETS = {
    target.__name__: target
    for target in (
        *(item, status, error, wait, event, job, task_state, extra, address, name, tag, url, sealed),
        *(text, token, listing, tree, batch, library, copy, move, monitor, upload, download, manifest),
    )
}
NOT_JSON = (ValueError, RecursionError)  # of Airflow's own reader, before ours begin


def read(target, data):
    """Run a target; return the error, if it raised one."""
    try:
        target(data)
    except DriveError as refusal:
        logged(str(refusal))
        return refusal
    except NOT_JSON:
        if target not in {event, job, task_state} or is_json(data):
            raise
    return None


def is_json(data):
    try:
        stored(data)
    except NOT_JSON:
        return False
    return True


def logged(text):
    """Check that a text can be logged: it can be encoded, and no foreign text in it begins a line."""
    text.encode()
    assert all(line in OURS or line.startswith(OUR_STARTS) for line in text.split("\n")[1:])


class Told(requests.Session):
    """Sends nothing, and returns given answers; the last one repeats."""

    def __init__(self, expected):
        super().__init__()
        self.rest = expected

    def send(self, request, **_):
        message = self.rest.pop(0) if len(self.rest) > 1 else self.rest[0]
        response = requests.Response()
        response.status_code, response._content, response.url = message.status, message.body, request.url
        response.headers.update(message.headers)
        response.request = request
        return response


class Clock:
    def __init__(self):
        self.now = 1_790_000_000.0

    def __call__(self):
        return self.now

    def wait(self):
        """Give a wait of 100 seconds."""
        return Wait(self.now + 100, clock=self, timer=self)


def _stream(request, response):
    """Hand the bytes of an answer on as the blocking driver does."""
    try:
        request.receive(response, iter([response.body]))
    except DriveError as error:
        return error
    return response


def converse(flow, expected, clock=None):
    """Answer each request of a flow, check that it can be sent, and that the flow ends."""
    reply = None
    for _ in range(MOST_STEPS):
        try:
            said = flow.throw(reply) if isinstance(reply, DriveError) else flow.send(reply)
        except StopIteration as end:
            return end.value
        if isinstance(said, Pause):
            logged(said.note)
            if clock:
                clock.now += said.seconds
        if isinstance(said, Checkpoint | Pause | Restore):
            reply = Saved() if isinstance(said, Restore) else None
            continue
        try:
            prepared = prepare(said, SETTINGS)
            assert not prepared.authorized or HOSTS.is_graph(prepared.url)
            requests.Request(said.method, prepared.url, headers=prepared.headers, json=said.json).prepare()
        except DriveError as refusal:  # of its host, by the driver
            reply = refusal
        except requests.exceptions.InvalidHeader:  # of a tag that Graph gave: the transport says so
            reply = DriveConnectionError("cannot be sent", sent=False)
        else:
            reply = expected.pop(0) if len(expected) > 1 else expected[0]
            reply = _stream(said, reply) if said.receive and reply.ok else reply
    raise AssertionError("the flow does not end")
