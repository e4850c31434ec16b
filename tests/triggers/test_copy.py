# fixtures are asked for by name

import asyncio
import gc
import json
import time
import warnings

import pytest

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.transport import asynchronous
from airflow_provider_drive.triggers import base as module
from airflow_provider_drive.triggers.copy import CopyCompleteTrigger
from airflow_provider_drive.utils.encryption import decrypt_url

PATH = "airflow_provider_drive.triggers.copy.CopyCompleteTrigger"


@pytest.fixture
def url(hook, quick_triggers, plan, vault, ids):
    """Submit a copy, and give its monitor URL."""
    return lambda **parameters: hook.copy_item(ids(plan), ids(vault), **parameters)


@pytest.fixture
def fire(helpers):
    """Store a trigger, make it anew and let it fire."""

    def run(url, **parameters):
        trigger = CopyCompleteTrigger(url, **{"poll_interval": 0.05, **parameters})
        return helpers.fire(json.dumps(trigger.serialize()))

    return run


async def events(trigger):
    return [event.payload async for event in trigger.run()]


# What is stored of it


def test_a_stored_trigger_has_its_url_encrypted(url):
    monitor = url()
    path, arguments = CopyCompleteTrigger(monitor, 5, 12345.0, "other").serialize()

    assert path == PATH
    assert "://" not in arguments["monitor_url"]
    assert decrypt_url(arguments["monitor_url"]) == monitor
    assert {**arguments, "monitor_url": ""} == {
        "monitor_url": "",
        "poll_interval": 5,
        "deadline": 12345.0,
        "drive_conn_id": "other",
    }
    assert json.loads(json.dumps(arguments)) == arguments


def test_a_trigger_that_is_stored_again_stays_the_same(url):
    _, arguments = CopyCompleteTrigger(url()).serialize()
    _, again = CopyCompleteTrigger(**arguments).serialize()

    assert again == arguments


def test_a_deadline_left_out_is_a_day_from_the_first_storing_and_survives(url):
    before = time.time()
    _, arguments = CopyCompleteTrigger(url()).serialize()
    _, again = CopyCompleteTrigger(**arguments).serialize()

    assert before + 86_390 < arguments["deadline"] < time.time() + 86_410
    assert again["deadline"] == arguments["deadline"]


def test_a_trigger_does_not_show_its_url(url):
    monitor = url()

    assert monitor not in repr(CopyCompleteTrigger(monitor)) + str(CopyCompleteTrigger(monitor))


# What it fires


@pytest.mark.parametrize("encrypted", [True, False])
def test_a_completed_copy_is_told_with_the_new_items_id(url, tenant, vault, encrypted):
    tenant.copies = CopyBehaviour(looks=2)
    monitor = url()
    _, stored = CopyCompleteTrigger(monitor).serialize()

    (event,) = asyncio.run(events(CopyCompleteTrigger(stored["monitor_url"] if encrypted else monitor, 0.05)))

    assert event["status"] == "completed"
    assert event["resource_id"] == vault.child("plan.txt").id


def test_a_failed_copy_is_told_with_its_code(url, fire, tenant):
    tenant.copies = CopyBehaviour(failure="generalException")

    event = fire(url())

    assert (event["status"], event["code"]) == ("failed", "generalException")
    assert event["message"]


def test_a_copy_that_is_not_done_at_the_deadline_is_told_as_a_timeout(url, fire, tenant):
    tenant.copies = CopyBehaviour(looks=60)

    event = fire(url(), deadline=time.time() + 0.3)

    assert event["status"] == "timeout"
    assert 0 < event["percent_complete"] < 100


def test_a_deadline_that_has_passed_leaves_one_look(url, fire, tenant, vault):
    event = fire(url(), deadline=time.time() - 1000)

    assert event["resource_id"] == vault.child("plan.txt").id
    assert len(tenant.calls(where="monitor")) == 1


def test_a_monitor_that_has_forgotten_is_told_as_unknown(url, fire, tenant):
    tenant.copies = CopyBehaviour(lost=True)

    assert fire(url())["status"] == "unknown"


@pytest.mark.parametrize(
    "monitor",
    [
        "https://example.org/monitor/1?tempauth=abcdefghijkl",
        "http://localhost/monitor/1?tempauth=abcdefghijkl",
        "https://user:pw@localhost/monitor/1?tempauth=abcdefghijkl",
        "https://169.254.169.254/monitor/1?tempauth=abcdefghijkl",
        "gAAAAABnothing-that-can-be-read",
    ],
)
def test_a_url_that_may_not_be_asked_is_told_as_unknown(connection, fire, quick_triggers, asked, monitor):
    event = fire(monitor)

    assert event["status"] == "unknown"
    assert "abcdefghijkl" not in json.dumps(event)
    assert event["message"]
    assert asked() == []


def test_a_connection_that_makes_no_sense_is_told_as_unknown(url, fire, connect):
    monitor = url()
    connect(timeout="soon")

    assert "timeout" in fire(monitor)["message"]


def test_without_the_connection_the_defaults_hold(url, fire, tenant, asked):
    monitor = url()
    before = asked()

    event = fire(monitor, drive_conn_id="no_such_connection")

    assert event["status"] == "unknown"  # this machine is none of Microsoft's
    assert "'localhost'" in event["message"]
    assert asked() == before


def test_an_event_holds_no_secret(url, fire, secret_parts):
    event = json.dumps(fire(url()))

    assert [secret for secret in secret_parts() if secret in event] == []


def test_a_trigger_logs_no_secret(url, fire, log, tenant, secret_parts):
    tenant.copies = CopyBehaviour(looks=2)
    monitor = url()
    log.lines.clear()
    log.redact = str  # a triggerer masks no monitor URL

    fire(monitor)

    assert log.has(r"the copy is at [0-9.]+ %")
    assert [secret for secret in secret_parts() if secret in log.text] == []


def test_a_monitor_is_asked_without_a_token_and_with_our_name(url, fire, tenant):
    tenant.copies = CopyBehaviour(looks=2)

    fire(url())

    calls = tenant.calls(where="monitor")
    assert len(calls) == 3
    assert not any(call.authorized for call in calls)
    assert all(
        call.headers["user-agent"].startswith("NONISV|Airflow|airflow-provider-drive/") for call in calls
    )
    assert not any("cookie" in call.headers for call in calls)


def test_a_monitor_is_asked_at_the_url_exactly_as_graph_gave_it(url, fire, tenant):
    monitor = url()

    fire(monitor)

    (call,) = tenant.calls(where="monitor")
    assert monitor == f"{tenant.base_url}{call.raw_path}?{call.query}"


def test_a_trigger_asks_for_no_token(url, fire, tenant, asked):
    monitor = url()
    before = asked("token")

    fire(monitor)

    assert asked("token") == before


@pytest.mark.parametrize("kind", ["html", "garbage", "nested", "drop_before", "truncate"])
def test_an_unreadable_answer_of_the_monitor_is_polled_again(url, fire, tenant, kind):
    tenant.faults.append(Fault(where="monitor", kind=kind, times=2))

    assert fire(url())["status"] == "completed"


def test_a_redirect_of_the_monitor_is_not_followed(url, fire, tenant, emulator):
    elsewhere = f"https://localhost:{emulator.port}/v1.0/elsewhere"
    tenant.faults.append(Fault(where="monitor", kind="redirect", location=elsewhere))

    assert fire(url())["status"] == "completed"
    assert tenant.calls(path="elsewhere") == []


# When it fires


def test_no_event_comes_before_the_tenth_second():
    assert module.MIN_EVENT_DELAY == 10.0


@pytest.mark.parametrize("monitor", ["good", "https://example.org/refused"])
def test_an_event_is_held_back_until_then_whatever_it_says(url, monkeypatch, monitor):
    monkeypatch.setattr(module, "MIN_EVENT_DELAY", 0.6)
    monitor = url() if monitor == "good" else monitor
    started = time.monotonic()

    asyncio.run(events(CopyCompleteTrigger(monitor, 0.05)))

    assert 0.6 <= time.monotonic() - started < 3


def test_the_first_look_does_not_wait_for_the_poll_interval(url, tenant):
    started = time.monotonic()

    (event,) = asyncio.run(events(CopyCompleteTrigger(url(), 600)))

    assert event["status"] == "completed"
    assert time.monotonic() - started < 3


# Its connections


def test_the_connections_are_closed_when_the_last_trigger_ends(url, tenant):
    tenant.copies = CopyBehaviour(looks=2)
    clients = []

    async def together():
        triggers = [CopyCompleteTrigger(url(conflict_behavior="rename"), 0.05) for _ in range(2)]
        running = [asyncio.create_task(events(trigger)) for trigger in triggers]
        while not asynchronous._clients:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(0)
        clients.append(asynchronous._shared().client)
        return await asyncio.gather(*running), dict(asynchronous._clients)

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        fired, left = asyncio.run(together())
        gc.collect()

    assert [event["status"] for (event,) in fired] == ["completed", "completed"]
    assert left == {}
    assert clients[0].closed


def test_a_trigger_that_is_cancelled_stops_at_once_and_closes_its_connections(url, journal, tenant):
    tenant.copies = CopyBehaviour(looks=10**6)
    monitor = url()
    journal.wanted = ("GET", "monitor")

    async def cancel():
        running = asyncio.create_task(events(CopyCompleteTrigger(monitor, 0.05)))
        await asyncio.to_thread(journal.wait_for, "GET", "monitor")
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=2)
        return [task.cancelled() for task in done], dict(asynchronous._clients)

    assert asyncio.run(cancel()) == ([True], {})


def test_a_killed_trigger_says_what_that_does_not_do(url, log):
    asyncio.run(CopyCompleteTrigger("https://x").on_kill())

    assert log.has("The copy goes on: Graph offers no way to cancel a copy")


@pytest.mark.parametrize(("delay", "least"), [(0.0, 1), (1.0, 20)])
def test_two_hundred_triggers_share_a_few_connections_and_of_a_slow_host_a_hundred(url, tenant, delay, least):
    tenant.copies = CopyBehaviour(seconds=0.5)
    tenant.witness = lambda request: (
        Fault(kind="delay", seconds=delay) if request.where == "monitor" else None
    )
    monitor = url()
    most = []
    shared = asynchronous._shared

    async def cohort():
        triggers = [asyncio.create_task(events(CopyCompleteTrigger(monitor, 0.05))) for _ in range(200)]
        while not all(trigger.done() for trigger in triggers):
            if asynchronous._clients:
                connector = shared().client.connector
                most.append((len(asynchronous._clients), len(connector._acquired)))
            await asyncio.sleep(0.01)
        return await asyncio.gather(*triggers)

    fired = asyncio.run(cohort())

    assert {event["status"] for (event,) in fired} == {"completed"}
    assert {clients for clients, _ in most} == {1}
    assert least < max(open_ for _, open_ in most) <= 100
