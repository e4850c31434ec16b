"""Graph's time, which a session learns from the Date of answers."""

import asyncio
import logging
import time
from email.utils import formatdate

import pytest
import time_machine
from protocol.conversation import answer
from transport.flows import one

from airflow_provider_drive.transport.asynchronous import arun, open_async_session
from airflow_provider_drive.transport.clock import ServiceClock

LOG = logging.getLogger("tests.transport")


def dated(seconds):
    return answer(200, date=formatdate(seconds, usegmt=True))


@pytest.fixture
def clock():
    return ServiceClock()


def test_before_the_first_answer_the_clock_tells_this_machines_time(clock):
    assert clock.now() == pytest.approx(time.time(), abs=0.5)


@pytest.mark.parametrize("wrong_by", [-86_400, -60, 60, 86_400])
def test_an_answer_of_another_time_sets_the_clock(clock, wrong_by):
    clock.adjust(dated(time.time() + wrong_by))

    assert clock.now() == pytest.approx(time.time() + wrong_by, abs=1.5)


def test_the_clock_goes_on_after_it_was_set_and_follows_later_answers(clock):
    clock.adjust(dated(1_000_000_000))
    before = clock.now()
    assert before < clock.now() < before + 5

    clock.adjust(dated(2_000_000_000))
    assert clock.now() == pytest.approx(2_000_000_000, abs=0.5)


@pytest.mark.parametrize("off_by", [-1.0, 0.0, 1.0])
def test_what_whole_seconds_and_a_slow_answer_explain_does_not_set_the_clock(clock, off_by):
    before = clock.now() - time.monotonic()

    clock.adjust(dated(clock.now() + off_by))

    assert clock.now() - time.monotonic() == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "now"}, {"date": "Mon, 99 Foo 2026"}])
def test_an_answer_without_a_time_does_not_set_the_clock(clock, headers):
    clock.adjust(answer(200, **headers))

    assert clock.now() == pytest.approx(time.time(), abs=0.5)


def test_the_clock_goes_on_evenly_though_this_machines_clock_is_set():
    with time_machine.travel(1_500_000_000, tick=True) as machine:
        clock = ServiceClock()
        offset = clock.now() - time.monotonic()
        machine.shift(3_600)

        assert clock.now() - time.monotonic() == pytest.approx(offset, abs=1e-3)


def test_a_workers_session_tells_the_time_of_the_last_answer(blocking, settings, monitor):
    session = blocking(settings())
    session.clock._offset -= 3_600

    session.run(one(monitor))

    assert session.clock.now() == pytest.approx(time.time(), abs=3)


def test_a_triggers_session_tells_the_time_of_the_last_answer(settings, monitor):
    async def go():
        async with open_async_session(settings(), LOG) as session:
            session.clock._offset -= 3_600
            await arun(one(monitor), session)
            return session.clock.now()

    assert asyncio.run(go()) == pytest.approx(time.time(), abs=3)
