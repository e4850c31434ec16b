"""How long a trigger holds its event back: until the scheduler has seen that the worker left the task."""

import asyncio
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from airflow_provider_drive.triggers.copy import CopyCompleteTrigger
from airflow_provider_drive.triggers.deferral import read_hold

REFUSED = "https://example.org/refused"  # an event comes at once
VARIABLE = "AIRFLOW__DRIVE__DEFERRAL_HOLD"


@pytest.fixture
def hold(connection, monkeypatch):
    return lambda seconds: monkeypatch.setenv(VARIABLE, str(seconds))


@contextmanager
def worker_of(task_id):
    """A process with the title of a worker that runs a task, until its input ends."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", f"airflow worker -- {task_id}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # noqa: S603  # our own program
        yield process
        process.stdin.close()


def trigger_for(task_id):
    trigger = CopyCompleteTrigger(REFUSED, 0.05)
    trigger.task_instance = SimpleNamespace(id=task_id, task_id="copy")
    return trigger


async def fire(trigger):
    return [event async for event in trigger.run()]


def test_the_hold_is_a_setting_of_airflow(hold):
    hold(0.7)
    started = time.monotonic()

    asyncio.run(fire(CopyCompleteTrigger(REFUSED, 0.05)))

    assert 0.7 <= time.monotonic() - started < 5


@pytest.mark.parametrize(("value", "seconds"), [("", 10.0), ("0", 0.0), ("30", 30.0), ("2.5", 2.5)])
def test_a_setting_that_is_left_out_is_the_default(hold, log, value, seconds):
    hold(value)

    assert read_hold(10.0, CopyCompleteTrigger(REFUSED).log) == seconds
    assert not log.has("deferral_hold")


@pytest.mark.parametrize("value", ["ten", "-1", "nan", "inf", "1e9"])
def test_an_invalid_setting_is_replaced_by_the_default_and_named(hold, log, value):
    hold(value)

    assert read_hold(10.0, CopyCompleteTrigger(REFUSED).log) == 10.0
    assert log.has("Invalid `deferral_hold`")


def test_no_event_comes_while_the_worker_of_the_task_is_still_ending(hold, log):
    hold(0.1)
    task_id = uuid.uuid4()

    async def end_the_worker_later():
        with worker_of(task_id) as process:
            firing = asyncio.create_task(fire(trigger_for(task_id)))
            while not log.has("its process has not ended yet"):  # noqa: ASYNC110  # nothing else tells of it
                await asyncio.sleep(0.02)
            has_fired = firing.done()
            process.stdin.close()
            return has_fired, await firing

    has_fired, events = asyncio.run(end_the_worker_later())

    assert not has_fired
    assert len(events) == 1


def test_the_worker_of_another_task_is_not_waited_for(hold, log):
    hold(0.1)

    with worker_of(uuid.uuid4()):
        events = asyncio.run(fire(trigger_for(uuid.uuid4())))

    assert len(events) == 1
    assert not log.has("has not ended yet")
