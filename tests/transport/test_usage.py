"""What a session counts of what it sends, and which notes it logs."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from protocol.conversation import Clock

from airflow_provider_drive.protocol.flow import Pause
from airflow_provider_drive.transport import usage as usage_module
from airflow_provider_drive.transport.usage import NoteFilter, Usage


@pytest.fixture
def clock():
    return Clock(0.0)


@pytest.fixture
def usage(clock):
    return Usage(clock)


def test_each_request_counts_with_its_units(usage):
    assert (usage.requests, usage.units, usage.throttled) == (0, 0, 0.0)

    usage.add(2)
    usage.add(40)

    assert (usage.requests, usage.units) == (2, 42)


def test_a_second_in_which_several_requests_wait_is_one_second(usage, clock):
    usage.throttle(10)
    usage.throttle(10)
    assert usage.throttled == 10

    clock.now += 4
    usage.throttle(3)  # within the ten
    assert usage.throttled == 10
    usage.throttle(10)
    assert usage.throttled == 14


def test_waits_with_time_between_them_add_up(usage, clock):
    usage.throttle(2)
    clock.now += 60
    usage.throttle(3)

    assert usage.throttled == 5


def test_no_request_of_a_thread_is_forgotten(usage):
    callers, each, interval = 8, 2_000, sys.getswitchinterval()
    together = threading.Barrier(callers)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(callers) as threads:
            list(
                threads.map(lambda _: (together.wait(), [usage.add(3) for _ in range(each)]), range(callers))
            )
    finally:
        sys.setswitchinterval(interval)

    assert (usage.requests, usage.units) == (callers * each, 3 * callers * each)


def test_a_note_is_logged_if_it_is_news():
    notes, said = NoteFilter(), ("one", "one", "two", "", "two", "one")

    assert [notes.pick(Pause(0.0, note)) for note in said] == ["one", "", "two", "", "", "one"]


def test_notes_of_pauses_that_follow_each_other_soon_are_left_out():
    notes = NoteFilter()

    assert notes.pick(Pause(1.0, "at 10 %")) == "at 10 %"
    assert notes.pick(Pause(1.0, "at 20 %")) == ""
    assert notes.pick(Pause(0.0, "failed")) == "failed"  # this pause is there for its note


def test_a_note_is_logged_again_some_seconds_later(monkeypatch):
    clock, notes = Clock(100.0), NoteFilter()
    monkeypatch.setattr(usage_module.time, "monotonic", clock)

    picked = []
    for percent in range(10, 60, 10):
        picked.append(notes.pick(Pause(1.0, f"at {percent} %")))
        clock.now += 3

    assert picked == ["at 10 %", "", "at 30 %", "", "at 50 %"]
