"""What the tasks and triggers of one process share, and when it is dropped."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from protocol.conversation import Clock

from airflow_provider_drive import process
from airflow_provider_drive.process import UNUSED_SECONDS, Registry


class Value:
    """Something that is shared."""

    def __init__(self, key):
        self.key = key


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(0.0)
    monkeypatch.setattr(process.time, "monotonic", clock)
    return clock


@pytest.fixture
def registry():
    return Registry(Value)


def test_a_value_is_made_of_its_key_when_it_is_first_asked_for(registry):
    value = registry.get("a")

    assert value.key == "a"
    assert registry.get("a") is value
    assert registry.get("b") is not value


def test_a_value_that_is_used_is_kept(registry, clock):
    value = registry.get("a")
    for number in range(10):
        clock.now += UNUSED_SECONDS - 1
        registry.get(f"other {number}")
        assert registry.get("a") is value


def test_a_value_that_was_not_used_for_an_hour_is_dropped_when_another_is_made(registry, clock):
    unused = weakref.ref(registry.get("a"))
    clock.now += UNUSED_SECONDS + 1
    registry.get("b")
    gc.collect()

    assert unused() is None
    assert registry.get("a").key == "a"


def test_a_value_that_something_still_holds_is_not_made_twice(registry, clock):
    held = registry.get("a")
    clock.now += UNUSED_SECONDS + 1
    registry.get("b")

    assert registry.get("a") is held


def test_a_value_that_is_asked_for_again_is_kept_however_long_it_was_unused(registry, clock):
    value = registry.get("a")
    clock.now += 10 * UNUSED_SECONDS

    assert registry.get("a") is value


def test_a_value_that_cannot_be_made_is_made_the_next_time():
    made = Value("a")
    outcomes = [ValueError("not now"), made]

    def make(_):
        outcome = outcomes.pop(0)
        if isinstance(outcome, ValueError):
            raise outcome
        return outcome

    registry = Registry(make)
    with pytest.raises(ValueError, match="not now"):
        registry.get("a")

    assert registry.get("a") is made


def test_threads_that_ask_at_the_same_time_get_the_same_value():
    callers, made = 16, []
    together = threading.Barrier(callers)

    def make(key):
        made.append(key)
        threading.Event().wait(0.05)  # meanwhile the others ask
        return Value(key)

    registry = Registry(make)

    with ThreadPoolExecutor(callers) as threads:
        values = set(threads.map(lambda _: (together.wait(), registry.get("a"))[1], range(callers)))

    assert (len(values), made) == (1, ["a"])


def test_a_cleared_registry_makes_its_values_anew(registry):
    value = registry.get("a")
    registry.clear()

    assert registry.get("a") is not value


def test_a_reset_clears_every_registry_of_the_process(registry):
    other = Registry(Value)
    before = registry.get("a"), other.get("a")

    process.reset()

    assert registry.get("a") is not before[0]
    assert other.get("a") is not before[1]


def test_a_registry_that_nothing_refers_to_is_not_kept_for_the_next_reset():
    gone = weakref.ref(Registry(Value))
    gc.collect()

    assert gone() is None
    process.reset()
