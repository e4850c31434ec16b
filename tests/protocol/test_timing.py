import math
import time

import pytest
from protocol.conversation import NOW, Clock

from airflow_provider_drive.protocol.timing import POLL_INTERVAL, Timings, Wait


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def timer():
    return Clock(500.0)


@pytest.fixture
def wait(clock, timer):
    """Make a wait: ``wait(deadline=NOW + 60)``."""
    return lambda **ends: Wait(clock=clock, timer=timer, **ends)


def test_a_wait_goes_on_for_ever_by_default():
    default = Wait()

    assert default.remaining == math.inf
    assert not default.is_over
    assert default.poll_interval == POLL_INTERVAL
    assert default.timings == Timings()
    assert default.now() == pytest.approx(time.time(), abs=5)


def test_the_earlier_of_deadline_and_expiry_ends_a_wait(wait):
    assert wait(deadline=NOW + 60, expires=510.0).remaining == 10
    assert wait(deadline=NOW + 5, expires=510.0).remaining == 5


def test_a_deadline_is_by_the_clock_and_an_expiry_is_by_the_timer(wait, clock, timer):
    dated, measured = wait(deadline=NOW + 60), wait(expires=560.0)

    clock.now += 3_600  # somebody sets the clock

    assert (dated.is_over, measured.is_over) == (True, False)
    timer.now += 60
    assert measured.is_over
    assert dated.now() == NOW + 3_600


def test_what_remains_is_never_negative(wait):
    past = wait(deadline=NOW - 100)

    assert past.remaining == 0
    assert past.is_over
    assert wait(deadline=NOW).is_over


def test_at_most_ends_a_wait_sooner_and_never_later(wait, timer):
    assert wait().at_most(20).remaining == 20
    assert wait(deadline=NOW + 5).at_most(20).remaining == 5
    assert wait(expires=505.0).at_most(20).remaining == 5
    shorter = wait().at_most(20)
    timer.now += 15
    assert shorter.remaining == 5
    assert shorter.at_most(20).remaining == 5


def test_at_least_ends_a_wait_later_and_never_sooner(wait):
    assert wait(deadline=NOW + 5).at_least(20).remaining == 20
    assert wait(expires=505.0).at_least(20).remaining == 20
    assert wait(deadline=NOW - 1_000).at_least(20).remaining == 20
    longer = wait(deadline=NOW + 60)
    assert longer.at_least(20) is longer


def test_a_shorter_wait_keeps_the_rest(wait):
    patient = wait(poll_interval=3.0, timings=Timings(find=1.0))

    for changed in (patient.at_most(20), patient.at_least(20)):
        assert (changed.poll_interval, changed.timings) == (3.0, Timings(find=1.0))
        assert (changed.clock, changed.timer) == (patient.clock, patient.timer)
