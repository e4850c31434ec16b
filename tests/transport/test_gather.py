"""Flows that need not wait for each other, and requests that travel together."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import asyncio
import logging
import signal
import threading
import time
from contextlib import AsyncExitStack

import pytest
from transport.flows import one

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import (
    DriveConnectionError,
    DriveError,
    DriveItemNotFoundError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
)
from airflow_provider_drive.protocol import retry
from airflow_provider_drive.protocol.batch import batched, in_batches
from airflow_provider_drive.protocol.flow import Checkpoint, Gather, Pause, Restore, Saved
from airflow_provider_drive.protocol.items.lookup import get_item
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.copy_job import copy_request
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.transport import asynchronous
from airflow_provider_drive.transport.asynchronous import arun, open_async_session
from airflow_provider_drive.transport.blocking import MAX_THREADS, run

LOG = logging.getLogger("tests.transport")


def together(*flows):
    return (yield Gather(flows))


def status(url):
    return (yield from one(url)).status


def waits(seconds):
    yield Pause(seconds)
    return seconds


def fails(error):
    yield Pause(0.0)
    raise error


def asks_for(name):
    return (yield Restore(name))


class Store:
    """Keeps checkpoints as a task's state store does."""

    def __init__(self, states):
        self.states = states

    def save(self, checkpoint):
        self.states[checkpoint.name] = checkpoint.state

    def restore(self, name):
        return Saved(self.states.get(name), is_durable=True)


# Flows side by side, in worker and triggerer


def test_gathered_flows_return_their_results_and_errors_in_order(drive, settings, monitor):
    refused = DriveResponseError("no")
    flows = (waits(0.1), fails(refused), status(monitor), status(monitor + "x"), waits(0.0))

    outcomes = drive(together(*flows), settings())

    assert outcomes[:3] == [0.1, refused, 200]
    assert outcomes[3] in {401, 404}
    assert outcomes[4] == 0.0


def test_gathering_no_flows_returns_an_empty_list(drive, settings, connection):
    assert drive(together(), settings()) == []


def test_gathered_flows_pause_at_the_same_time(drive, settings, connection):
    started = time.monotonic()

    drive(together(*(waits(0.3) for _ in range(MAX_THREADS))), settings())

    assert time.monotonic() - started < 1.2


def test_gathered_flows_send_at_the_same_time(drive, settings, tenant, monitor):
    tenant.faults.append(Fault(where="monitor", kind="delay", seconds=0.3, times=MAX_THREADS))
    started = time.monotonic()

    assert drive(together(*(status(monitor) for _ in range(MAX_THREADS))), settings()) == [200] * MAX_THREADS
    assert time.monotonic() - started < 1.5


def test_more_flows_than_threads_all_run(drive, settings, monitor):
    assert drive(together(*(status(monitor) for _ in range(50))), settings()) == [200] * 50


def test_gathered_flows_may_gather_flows(drive, settings, monitor):
    assert drive(together(together(waits(0.0), waits(0.01)), waits(0.02)), settings()) == [[0.0, 0.01], 0.02]


def test_an_unexpected_error_of_a_gathered_flow_ends_all_flows(drive, settings, connection):
    with pytest.raises(ZeroDivisionError):
        drive(together(fails(ZeroDivisionError()), waits(0.0)), settings())


def test_requests_that_no_batch_takes_are_sent_by_themselves(drive, settings, tenant, monitor):
    assert drive(batched([status(monitor), status(monitor)]), settings()) == [200, 200]
    assert len(tenant.calls(where="monitor")) == 2


def test_after_an_interrupt_in_one_flow_the_others_send_nothing_more(blocking, settings, tenant):
    session, asleep = blocking(settings()), threading.Event()

    def sleeps():
        asleep.set()
        yield Pause(60.0)
        return (yield from one("/me/drive", kind="graph"))

    def breaks():
        assert asleep.wait(10)
        yield Pause(0.0)
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        session.run(together(sleeps(), breaks(), *(waits(60.0) for _ in range(20))))

    assert time.monotonic() - started < 5
    assert tenant.calls() == []


def test_a_timeout_of_the_task_ends_all_gathered_flows(blocking, settings, tenant):
    def too_late(*_):
        raise TimeoutError

    def sleeps():
        yield Pause(60.0)
        return (yield from one("/me/drive", kind="graph"))

    before, started = signal.signal(signal.SIGALRM, too_late), time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeoutError):
            blocking(settings()).run(together(*(sleeps() for _ in range(20))))
    finally:
        signal.signal(signal.SIGALRM, before)

    assert time.monotonic() - started < 5
    assert tenant.calls() == []


def test_checkpoints_of_gathered_flows_are_stored_and_restored(blocking, settings, connection):
    def keeps(name):
        yield Checkpoint(name, name.upper())
        return (yield Restore(name))

    store = Store({"before": "KEPT"})
    session = blocking(settings())

    found = run(together(keeps("one"), keeps("two")), session, store)

    assert found == [Saved("ONE", is_durable=True), Saved("TWO", is_durable=True)]
    assert store.states == {"before": "KEPT", "one": "ONE", "two": "TWO"}
    assert run(asks_for("before"), session, store) == Saved("KEPT", is_durable=True)


def test_without_a_store_checkpoints_are_not_restored(drive, settings, connection):
    def keeps():
        told = yield Checkpoint("copy", 1)
        return told, (yield from asks_for("copy"))

    assert drive(keeps(), settings()) == (None, Saved())


# Requests in one


@pytest.fixture
def session(blocking, settings, monkeypatch):
    """A worker's session whose pauses are as short as may be."""
    monkeypatch.setattr(retry.random, "uniform", lambda low, high: low)
    return blocking(settings())


@pytest.fixture
def documents(legal):
    return [legal.put(f"Contracts/{name}.txt", name.encode()) for name in "abc"]


@pytest.fixture
def copies(documents, vault):
    """Flows that each ask for a copy."""

    def copy(item):
        request = copy_request(reference(item), reference(vault), name=None, conflict_behavior="fail")

        def read(response):
            if not response.ok:
                raise error_from_response(response, request.action)
            return response.headers["location"]

        return send_with_retries(request, read)

    return [copy(item) for item in documents]


@pytest.fixture
def posts(tenant):
    """How often each document was asked to be copied, and how often it was."""

    def count(documents):
        calls = [tenant.calls("POST", f"{item.id}/copy$") for item in documents]
        return [len(mine) for mine in calls], [tenant.copies_made(item.id) for item in documents]

    return count


def reference(item):
    return ItemRef(item.drive.id, item.id)


def reads(items):
    return [get_item(reference(item)) for item in items]


def batches(tenant):
    return tenant.calls("POST", r"/\$batch$")


def test_several_copies_share_a_batch(session, tenant, copies, documents, posts, vault):
    locations = session.run(batched(copies))

    assert len(set(locations)) == 3
    assert posts(documents) == ([1, 1, 1], [1, 1, 1])
    assert sorted(vault.children) == ["a.txt", "b.txt", "c.txt"]
    assert len(batches(tenant)) == session.usage.requests == 1
    assert session.usage.units == tenant.units_spent == 6


def test_many_requests_are_sent_in_several_batches(session, tenant, legal):
    items = [legal.put(f"{number}.txt") for number in range(45)]

    found = session.run(in_batches(reads(items)))

    assert [item.ref.item_id for item in found] == [item.id for item in items]
    assert len(batches(tenant)) == 3


def test_each_request_of_a_batch_has_its_own_answer(session, legal, documents):
    legal.remove(documents[1])

    outcomes = session.run(batched(reads(documents)))

    assert isinstance(outcomes[1], DriveItemNotFoundError)
    assert [outcomes[0].name, outcomes[2].name] == ["a.txt", "c.txt"]


def test_only_the_throttled_part_of_a_batch_is_sent_again(session, tenant, copies, documents, posts):
    tenant.faults.append(Fault("POST", "/copy$", status=429, retry_after=0.05, after=1))

    session.run(batched(copies))

    assert posts(documents) == ([1, 2, 1], [1, 1, 1])
    assert len(batches(tenant)) == 1
    assert tenant.calls()[-1].is_batched is False


def test_a_throttled_part_of_a_batch_holds_back_other_sessions(
    session, blocking, settings, tenant, documents
):
    tenant.faults.append(Fault("GET", documents[1].id, status=429, retry_after=0.3))
    other = blocking(settings())
    statuses = []

    def watch(pause):
        session.__class__.pause(session, pause)
        if pause.throttled is not None:
            statuses.append(other.send(get_request(documents[0])).status)

    session.pause = watch
    session.run(batched(reads(documents)))

    assert statuses == [429]


def get_request(item):
    return next(get_item(reference(item)))


@pytest.mark.parametrize("kind", ["drop_after", "truncate"])
def test_after_a_lost_answer_each_copy_of_the_batch_counts_as_sent(
    session, tenant, copies, documents, posts, kind
):
    tenant.faults.append(Fault("POST", r"\$batch", kind=kind))

    outcomes = session.run(batched(copies))

    assert [(type(each), each.sent) for each in outcomes] == [(DriveConnectionError, True)] * 3
    assert posts(documents) == ([1, 1, 1], [1, 1, 1])
    assert len(batches(tenant)) == 1


def test_after_a_lost_answer_the_repeatable_requests_of_the_batch_are_sent_again(
    session, tenant, copies, documents, posts
):
    tenant.faults.append(Fault("POST", r"\$batch", kind="drop_after"))

    lost, *found = session.run(batched([copies[0], *reads(documents)]))

    assert lost.sent
    assert [item.name for item in found] == ["a.txt", "b.txt", "c.txt"]
    assert posts(documents)[0] == [1, 0, 0]


@pytest.mark.parametrize("kind", ["garbage", "html", "nested"])
def test_an_unreadable_answer_is_an_error_of_each_copy_of_the_batch(
    session, tenant, copies, documents, posts, kind
):
    tenant.faults.append(Fault("POST", r"\$batch", kind=kind, status=200, effect=True))

    outcomes = session.run(batched(copies))

    assert [type(each) for each in outcomes] == [DriveResponseError] * 3
    assert posts(documents) == ([1, 1, 1], [1, 1, 1])


@pytest.mark.parametrize(("status_", "error"), [(400, DriveRequestError), (504, DriveServiceError)])
def test_the_refusal_of_a_batch_refuses_each_of_its_requests(
    session, tenant, copies, documents, posts, status_, error
):
    tenant.faults.append(Fault("POST", r"\$batch", status=status_, code="x"))

    outcomes = session.run(batched(copies))

    assert [isinstance(each, error) for each in outcomes] == [True] * 3
    assert posts(documents)[0] == [0, 0, 0]


@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 0.05}, {"status": 503, "retry_after": 0}])
def test_a_throttled_batch_is_sent_again_whole(session, tenant, copies, documents, posts, fault):
    tenant.faults.append(Fault("POST", r"\$batch", **fault))

    session.run(batched(copies))

    assert posts(documents) == ([1, 1, 1], [1, 1, 1])
    assert [call.status for call in batches(tenant)] == [fault["status"], 200]


def test_a_batch_that_was_not_sent_is_sent_again(session, tenant, copies, documents, posts, monkeypatch):
    send, unsent = session.send, [DriveConnectionError("no way", sent=False)]
    monkeypatch.setattr(session, "send", lambda request: unsent.pop() if unsent else send(request))

    session.run(batched(copies))

    assert posts(documents) == ([1, 1, 1], [1, 1, 1])


def test_a_refused_token_is_replaced_for_a_whole_batch(session, tenant, copies, documents, posts):
    session.run(batched(reads(documents)))
    tenant.revoke_tokens()

    session.run(batched(copies))

    assert posts(documents) == ([1, 1, 1], [1, 1, 1])
    assert [call.status for call in batches(tenant)] == [200, 401, 200]


def test_a_part_whose_token_is_refused_is_sent_again_with_a_fresh_one(
    session, tenant, copies, documents, posts
):
    tenant.faults.append(Fault("POST", "/copy$", status=401, code="InvalidAuthenticationToken", after=2))

    session.run(batched(copies))

    assert sum(posts(documents)[0]) == 4
    assert posts(documents)[1] == [1, 1, 1]


def test_a_task_that_is_stopped_sends_nothing_more(session, tenant, copies):
    session.stopped = True

    with pytest.raises(DriveError, match="The task was stopped"):
        session.run(batched(copies))

    assert tenant.calls() == []


# Many at once


@pytest.mark.asyncio
async def test_the_starts_of_very_many_sessions_are_staggered(settings, monkeypatch):
    longest = []
    monkeypatch.setattr(asynchronous, "STARTS_PER_SECOND", 2)
    monkeypatch.setattr(asynchronous.random, "uniform", lambda _, most: longest.append(most) or 0.0)
    async with AsyncExitStack() as stack:
        for _ in range(6):
            session = await stack.enter_async_context(open_async_session(settings(), LOG))
            await session.stagger_start(2.5)
    assert longest == [1.5, 2.0, 2.5, 2.5]


@pytest.mark.asyncio
async def test_the_starts_of_gathered_flows_are_staggered(settings, monkeypatch):
    monkeypatch.setattr(asynchronous, "STARTS_PER_SECOND", 50)
    begun = []

    def notes(number):
        begun.append((number, asyncio.get_running_loop().time()))
        yield Pause(0.0)
        return number

    async with open_async_session(settings(), LOG) as session:
        assert await arun(together(*map(notes, range(5))), session) == list(range(5))
    assert [number for number, _ in begun] == list(range(5))
    assert begun[-1][1] - begun[0][1] >= 4 / 50
