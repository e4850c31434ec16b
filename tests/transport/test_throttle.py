"""One answer of "slow down" slows everybody who talks to that host from this process, and nobody else."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import asyncio
import itertools
import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from transport.flows import one

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveThrottledError
from airflow_provider_drive.protocol.flow import Pause, Request, Response
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.transport import throttle
from airflow_provider_drive.triggers.copy import CopyCompleteTrigger

TURN = throttle.STAGGER_SECONDS


def seconds(response):
    """Return the wait that an answer asks for."""
    return float(response.headers["retry-after"])


def patient(url):
    """A flow that asks until it is answered."""
    return send_with_retries(Request("GET", url, "ask", kind="monitor"), lambda response: response.status)


def elsewhere(monitor):
    """The same monitor on what is another host, by its name."""
    return monitor.replace("//localhost:", "//127.0.0.1:")


@pytest.fixture
def refuse(tenant):
    """Let the next request, or so many, be one too many."""
    return lambda retry_after=None, **fault: tenant.faults.append(
        Fault(where="monitor", status=429, retry_after=retry_after, **fault)
    )


@pytest.fixture
def monitored(tenant):
    """Tell when monitors were asked, and how that was answered: pairs of time and status."""
    return lambda: [(call.time, call.status) for call in tenant.calls(where="monitor")]


# What one caller is told, all are


def test_a_host_that_throttles_one_session_is_not_called_by_another(
    drive, settings, refuse, monitor, monitored
):
    refuse(60)

    first, second = drive(one(monitor), settings()), drive(one(monitor), settings())

    assert (first.status, second.status) == (429, 429)
    assert 50 < seconds(second) <= 60 + TURN
    assert second.json()["error"]["code"] == "throttled"
    assert len(monitored()) == 1


def test_a_throttled_host_is_recognised_however_it_is_written(drive, settings, refuse, monitor, monitored):
    refuse(60)
    drive(one(monitor), settings())

    assert drive(one(monitor.replace("localhost", "LocalHost")), settings()).status == 429
    assert len(monitored()) == 1
    assert throttle.host_of("https://X.example/a") == throttle.host_of("https://x.example:443/b?c")


def test_a_retry_after_of_a_day_holds_back_for_an_hour(drive, settings, refuse, monitor, monitored):
    refuse(86_400)

    asked = [seconds(drive(one(monitor), settings())) for _ in range(2)]

    assert all(3590 < wait <= 3600 + TURN for wait in asked)
    assert len(monitored()) == 1


def test_a_flow_that_cannot_wait_so_long_gives_up_at_once_without_a_request(
    drive, settings, refuse, monitor, monitored
):
    refuse(400)
    drive(one(monitor), settings())
    started = time.monotonic()

    with pytest.raises(DriveThrottledError, match=r"(?s)asked this process to slow.*asks for 4\d\d s more"):
        drive(patient(monitor), settings())

    assert time.monotonic() - started < 5
    assert len(monitored()) == 1


def test_a_trigger_waits_for_a_throttled_host_until_its_deadline(
    drive, settings, refuse, monitor, monitored, helpers, quick_triggers
):
    refuse(400)
    drive(one(monitor), settings())
    path = "airflow_provider_drive.triggers.copy.CopyCompleteTrigger"

    stored = {"monitor_url": monitor, "poll_interval": 0.05, "deadline": time.time() + 1}
    event = helpers.fire(json.dumps([path, stored]))

    assert (event["status"], len(monitored())) == ("timeout", 1)
    assert "asked this process to slow down" in event["message"]


def test_throttling_without_retry_after_holds_back_longer_each_time(
    drive, settings, refuse, monitor, monitored
):
    refuse(times=2)

    def again_and_again():
        for _ in range(2):
            response = yield from one(monitor)
            waits.append(seconds(response))
            assert (yield from one(monitor)).status == 429  # not sent
            yield Pause(waits[-1] + TURN)
        return (yield from one(monitor)).status

    waits = []

    assert drive(again_and_again(), settings()) == 200
    assert 0.7 < waits[0] < 1.3
    assert 1.4 < waits[1] < 2.6
    assert [status for _, status in monitored()] == [429, 429, 200]
    assert throttle._throttled == {}  # what it was told is forgotten with the first good answer


def test_a_retry_after_of_a_running_copy_holds_back_no_other_request(drive, settings, refuse, monitor):
    refuse(60)
    settings = settings()
    hint = Response(202, {"retry-after": "60"}, b'{"status": "inProgress"}')

    assert throttle.record_throttling(monitor, hint) is hint
    assert throttle.throttled_response(monitor) is None
    assert drive(one(monitor), settings).status == 429


def test_another_host_is_called_meanwhile(drive, settings, refuse, monitor, monitored):
    refuse(60)

    assert drive(one(monitor), settings()).status == 429
    assert drive(one(elsewhere(monitor)), settings(allowed_hosts=["127.0.0.1"])).status == 200


def test_each_held_back_request_gets_its_own_slot_across_threads(fresh_process):
    url, callers, each = "https://contoso.sharepoint.com/x", 8, 3_000
    together = threading.Barrier(callers)
    throttle.record_throttling(url, Response(429, {"retry-after": "600"}))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(callers) as threads:
            list(
                threads.map(
                    lambda _: (together.wait(), [throttle.throttled_response(url) for _ in range(each)]),
                    range(callers),
                )
            )
    finally:
        sys.setswitchinterval(interval)

    (state,) = throttle._throttled.values()
    assert state.last_slot == pytest.approx(state.until + callers * each * TURN)


# Those who were held back come one by one


def returns(calls, seconds):
    """Return how many came while the host wanted to be left alone, and then at most in half a second."""
    (refused, _), *after = sorted(calls[next(i for i, call in enumerate(calls) if call[1] == 429) :])
    soon = [at for at, _ in after if at < refused + seconds]
    halves = Counter(int(2 * (at - refused)) for at, _ in after if at >= refused + seconds)
    return len(soon), max(halves.values())


@pytest.mark.slow
def test_throttled_triggers_return_one_after_the_other(tenant, monitor, monitored, quick_triggers):
    cohort = 120
    numbers = itertools.count()

    def slow_then_impatient(request):
        number = next(numbers)
        if number == 8:
            return Fault(status=429, retry_after=2)
        return Fault(kind="delay", seconds=0.5) if number < 8 else None  # meanwhile the others wait in line

    tenant.witness = slow_then_impatient

    async def wait():
        triggers = [CopyCompleteTrigger(monitor, 1.0) for _ in range(cohort)]
        return await asyncio.gather(*(anext(trigger.run()) for trigger in triggers))

    events = asyncio.run(wait())

    assert {event.payload["status"] for event in events} == {"completed"}
    assert len(monitored()) == cohort + 1  # each one more look, but for one that was refused
    soon, most = returns(monitored(), 2)
    assert soon <= 16  # those under way
    assert most <= cohort / 4


@pytest.mark.slow
def test_throttled_threads_return_one_after_the_other(drive, settings, refuse, monitor, monitored, request):
    cohort = 40
    refuse(2)
    settings = settings()
    drive(one(monitor), settings)

    with ThreadPoolExecutor(cohort) as threads:
        ends = list(threads.map(lambda _: drive(patient(monitor), settings), range(cohort)))

    assert ends == [200] * cohort
    soon, most = returns(monitored(), 2)
    assert soon == 0
    assert most <= cohort / 2


# Nothing else in the triggerer is held up


def test_throttling_of_one_host_holds_up_neither_other_hosts_nor_the_event_loop(
    connect, settings, refuse, hook, monitor, monitored, quick_triggers
):
    connect(allowed_hosts=["127.0.0.1"])
    refuse(3)
    ticks = []

    async def tick():
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def fire(url):
        await anext(CopyCompleteTrigger(url, 0.1).run())
        return time.monotonic()

    async def wait():
        ticking = asyncio.create_task(tick())
        throttled_response = [asyncio.create_task(fire(monitor))]
        while not throttle._throttled:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0.01)
        throttled_response += [asyncio.create_task(fire(monitor)) for _ in range(20)]
        others = await asyncio.gather(*(fire(elsewhere(monitor)) for _ in range(20)))
        ends = await asyncio.gather(*throttled_response)
        ticking.cancel()
        return max(others), min(ends)

    others, throttled_response = asyncio.run(wait())

    assert others < throttled_response
    assert max(after - before for before, after in itertools.pairwise(ticks)) < 1


def test_a_host_that_hangs_holds_up_no_other(connect, settings, tenant, monitor, quick_triggers):
    connect(allowed_hosts=["127.0.0.1"])
    hanging = threading.Event()

    def hang(request):
        if request.headers["host"].startswith("localhost"):
            hanging.set()
            return Fault(kind="delay", seconds=60)
        return None

    async def wait():
        hung = [asyncio.create_task(anext(CopyCompleteTrigger(monitor, 0.1).run())) for _ in range(120)]
        await asyncio.to_thread(hanging.wait, 10)
        event = await asyncio.wait_for(anext(CopyCompleteTrigger(elsewhere(monitor), 0.1).run()), 10)
        for task in hung:
            task.cancel()
        await asyncio.wait(hung)
        return event.payload["status"]

    tenant.witness = hang

    assert asyncio.run(wait()) == "completed"
