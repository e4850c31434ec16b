"""A triggerer runs the triggers of everybody: ours block nothing, leave nothing and never die in silence."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import asyncio
import gc
import json
import math
import os
import random
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import psutil
import pytest
from airflow.providers.common.compat.sdk import conf
from cryptography.fernet import Fernet

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.settings import Settings
from airflow_provider_drive.transport import asynchronous, single_flight
from airflow_provider_drive.triggers import base, copy
from airflow_provider_drive.triggers.copy import CopyCompleteTrigger
from airflow_provider_drive.utils.encryption import encrypt_url

URL = "https://contoso.sharepoint.com/_api/v2.1/monitor/1?tempauth=abcdefghijkl"


@pytest.fixture
def url(hook, quick_triggers, plan, vault, ids):
    """Submit a copy, and give its monitor URL."""
    return lambda **parameters: hook.copy_item(ids(plan), ids(vault), **parameters)


@pytest.fixture
def monitor(url, tenant):
    """The monitor URL of a copy that does not end by itself."""
    tenant.copies = CopyBehaviour(looks=10**6)
    return url()


async def fire(*arguments, **parameters):
    """Let a trigger run to its end, and return what it says."""
    (event,) = [event.payload async for event in CopyCompleteTrigger(*arguments, **parameters).run()]
    return event


@pytest.fixture
def nothing_is_left(log, monitor):
    """Hold a test to it: no open socket, no shared connection, no complaint of Python or of aiohttp."""
    gc.collect()
    before = sockets()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
        gc.collect()
    for _ in range(500):
        if sockets() <= before:
            break
        threading.Event().wait(0.01)  # the emulator closes its ends when ours are closed
    assert sockets() <= before
    assert dict(asynchronous._clients) == {}
    assert [str(warning.message) for warning in warned if warning.category is ResourceWarning] == []
    assert not log.has("never retrieved|was destroyed|Unclosed|was never awaited")


def sockets():
    return len(psutil.Process().net_connections("tcp"))


# Nothing blocks the loop

NOT_OURS = "airflow.sdk|concurrent.futures"  # Airflow's, and asyncio's before Airflow 3 has imported it


@pytest.mark.slow
def test_nothing_blocks_the_loop_even_when_all_is_still_to_be_imported(url, tenant):
    tenant.copies = CopyBehaviour(looks=3)
    tenant.faults.append(Fault(where="monitor", kind="html"))
    urls = [encrypt_url(url()), url(name="other.txt"), "https://example.org/"]
    program = [sys.executable, str(Path(__file__).parent / "alone.py"), *urls]
    environment = os.environ | {"AIRFLOW__CORE__FERNET_KEY": conf.get("core", "fernet_key")}

    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603  # our own
    told = json.loads(done.stdout.splitlines()[-1])

    assert [event["status"] for event in told["events"]] == ["completed", "completed", "unknown"]
    assert [call for call in told["blocking"] if not re.search(NOT_OURS, call[1])] == []
    assert told["in threads"] > 100  # modules that were imported meanwhile


# A trigger that fails says why


GARBAGE = [None, "", "15", [], {}, True, math.nan, math.inf, -math.inf, -1, 0, b"x", 10**400]


@pytest.mark.parametrize("name", ["monitor_url", "poll_interval", "deadline", "drive_conn_id"])
@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda value: repr(value)[:9])
def test_arguments_that_are_garbage_are_told_as_unknown(connection, quick_triggers, name, garbage):
    arguments = {
        "monitor_url": "https://example.org/1?tempauth=abcdefghijkl",
        "poll_interval": 0.01,
        name: garbage,
    }

    event = asyncio.run(fire(**arguments))

    assert event["status"] == "unknown"
    assert event["message"]
    assert "abcdefghijkl" not in event["message"]


@pytest.mark.parametrize(
    ("name", "garbage"),
    [("poll_interval", None), ("poll_interval", 0), ("deadline", "x"), ("drive_conn_id", 1)],
)
def test_an_invalid_argument_is_named_in_the_event(connection, quick_triggers, name, garbage):
    event = asyncio.run(fire(**{"monitor_url": URL, name: garbage}))

    assert event == {"status": "unknown", "message": f"Invalid arguments of the trigger: {name}."}


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("_load", ImportError(URL)),
        ("_load", type("PanicException", (BaseException,), {})(URL)),  # what Rust throws through cryptography
        ("_read_settings", OSError(URL)),
        ("_read_settings", asyncio.CancelledError()),  # not of the trigger, but of what it waits for
        ("_read_settings", ExceptionGroup("x", [ValueError(URL)])),
        ("poll_monitor", MemoryError()),
        ("poll_monitor", RecursionError(URL)),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_whatever_goes_wrong_is_told_with_its_kind(monkeypatch, log, nothing_is_left, where, error):
    def fail(*_, **__):
        raise error

    async def fail_later(*_):
        raise error

    monkeypatch.setattr(base, "_loaded", [])
    module = copy if where == "poll_monitor" else base
    monkeypatch.setattr(module, where, fail_later if where == "_read_settings" else fail)

    event = asyncio.run(fire(URL, 0.01))

    assert event["status"] == "unknown"
    assert re.fullmatch(rf"the trigger failed: {type(error).__name__} \(\w+\.py:\d+\)", event["message"])
    assert log.has(f"Waiting for the copy failed: {type(error).__name__}")
    assert "abcdefghijkl" not in log.text + json.dumps(event)


def test_a_key_that_does_not_open_the_url_is_told(nothing_is_left):
    event = asyncio.run(fire(Fernet(Fernet.generate_key()).encrypt(URL.encode()).decode(), 0.01))

    assert event["status"] == "unknown"
    assert "Check that core.fernet_key has not changed" in event["message"]


def test_a_failure_that_many_share_is_told_to_each_and_forgotten(
    connect, monitor, tmp_path, emulator, tenant, nothing_is_left
):
    bundle, certificate = tmp_path / "ca.pem", Path(emulator.ca_file).read_bytes()
    connect(verify=str(bundle))

    async def all_of_them():
        async with asynchronous.open_async_session(Settings(), None):  # so that the connections stay open
            failed = await asyncio.gather(*(fire(monitor, 0.05) for _ in range(20)))
            bundle.write_bytes(certificate)
            tenant.jobs[-1].behaviour.looks = 0
            return failed, await fire(monitor, 0.05)

    failed, repaired = asyncio.run(all_of_them())

    assert {event["status"] for event in failed} == {"unknown"}
    assert all("not found: check the connection's verify" in event["message"] for event in failed)
    assert repaired["status"] == "completed"


# What is shared


def test_what_is_shared_is_made_once_and_again_when_it_is_stale(monkeypatch):
    made = []

    async def make(key):
        made.append(key)
        await asyncio.sleep(0.01)
        return len(made)

    async def get():
        shared = single_flight.SingleFlightCache(make)
        first = await asyncio.gather(*(shared.get("a") for _ in range(50)))
        monkeypatch.setattr(single_flight.SingleFlightCache, "SECONDS", 0.0)
        return first, await shared.get("b"), await shared.get("c"), shared._made.keys(), shared._making

    first, second, third, kept, making = asyncio.run(get())

    assert (first, second, third, made) == ([1] * 50, 2, 3, ["a", "b", "c"])
    assert kept == {"a", "c"}  # "b" was stale at once
    assert making == {}


def test_a_cancelled_caller_leaves_the_shared_call_to_the_others():
    async def make(key):
        await asyncio.sleep(0.05)
        return key

    async def get():
        shared = single_flight.SingleFlightCache(make)
        waiting = [asyncio.create_task(shared.get("a")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, *others = asyncio.run(get())

    assert isinstance(first, asyncio.CancelledError)
    assert others == ["a", "a"]


def test_a_loop_that_is_closed_leaves_nothing_in_memory(monitor, tenant):
    tenant.jobs[-1].behaviour.looks = 0
    known = []
    for _ in range(4):
        assert asyncio.run(fire(monitor, 0.05))["status"] == "completed"
        gc.collect()
        known.append(len(base._settings))

    assert known[-1] <= known[0]  # Python may keep the last loop
    assert len(asynchronous._clients) == 0


# A trigger that is cancelled


@pytest.mark.parametrize("steps", range(0, 40, 4))
def test_a_trigger_is_cancelled_cleanly_at_each_step_of_its_start(monitor, tenant, nothing_is_left, steps):

    async def cancel():
        task = asyncio.create_task(fire(monitor, 0.001))
        for _ in range(steps):
            await asyncio.sleep(0.002)
        task.cancel()
        await asyncio.wait([task], timeout=10)
        await asyncio.sleep(0.01)  # a triggerer's loop goes on, and asyncio closes what was half open
        return task.cancelled()

    assert asyncio.run(cancel())


@pytest.mark.parametrize("seed", range(4))
def test_triggers_are_cancelled_cleanly_at_any_instant(monitor, tenant, nothing_is_left, seed):
    dice = random.Random(seed)  # noqa: S311  # nothing secret
    kinds = ["delay", "drop_after", "truncate", "garbage"]
    tenant.witness = lambda request: (
        Fault(kind=dice.choice(kinds), seconds=0.3)
        if request.where == "monitor" and dice.random() < 0.3
        else None
    )

    async def cohort():
        tasks = []
        for _ in range(40):
            tasks.append(asyncio.create_task(fire(monitor, 0.05)))
            asyncio.get_running_loop().call_later(dice.uniform(0.0, 1.0), tasks[-1].cancel)
            if dice.random() < 0.3:
                asyncio.get_running_loop().call_later(dice.uniform(0.5, 1.0), tasks[-1].cancel, "again")
            await asyncio.sleep(dice.uniform(0.0, 0.02))
        done, pending = await asyncio.wait(tasks, timeout=10)
        await asyncio.sleep(0.01)  # as above
        return [task.cancelled() for task in done], pending

    ends, pending = asyncio.run(cohort())

    assert ends == [True] * 40
    assert not pending


def test_the_last_trigger_closes_the_connections_however_it_ends(monitor, tenant, nothing_is_left):

    async def end_differently():
        running = [asyncio.create_task(fire(monitor, 0.05)) for _ in range(3)]
        async with asyncio.timeout(60):
            # Then all their connections are open.
            while len(tenant.calls("GET", where="monitor")) < 15:  # noqa: ASYNC110  # calls set no event
                await asyncio.sleep(0.01)
        assert len(asynchronous._clients) == 1
        failing = await fire("https://example.org/1", 0.05)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        return failing["status"], dict(asynchronous._clients)

    assert asyncio.run(end_differently()) == ("unknown", {})


def test_a_loop_that_ends_with_triggers_in_it_leaves_nothing(monitor, tenant, nothing_is_left):

    async def leave():
        running = [asyncio.create_task(fire(monitor, 0.05)) for _ in range(20)]
        async with asyncio.timeout(60):
            # Then all their connections are open.
            while len(tenant.calls("GET", where="monitor")) < 100:  # noqa: ASYNC110  # calls set no event
                await asyncio.sleep(0.01)
        return running

    assert all(task.cancelled() for task in asyncio.run(leave()))
