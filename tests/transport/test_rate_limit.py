"""How fast units are spent, and by whom; and what is learned of others who spend as well."""

import heapq
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protocol.conversation import Clock, answer, refusal

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.transport.rate_limit import RateLimiter, rate_limiter_for

MINUTE = 60.0
REFUSED = refusal(429, "activityLimitReached")


@pytest.fixture
def clock():
    return Clock(0.0)


def limiter_with_a_burst(limit, clock):
    """Return a rate limiter that has saved up as much as it may."""
    limiter = RateLimiter(limit, clock)
    limiter.reserve(1)
    clock.now += 3_600
    return limiter


def spend(limiter, clock, units, most=100_000):
    """Spend so many units at a time, as soon as may be; give the times at which that is."""
    for _ in range(most):
        clock.now += limiter.reserve(units)
        yield clock.now


def most_in_a_minute(usage):
    """Return the most units in any minute of what was spent: pairs of time and units."""
    return max(
        sum(units for at, units in usage if start <= at < start + MINUTE * (1 - 1e-9)) for start, _ in usage
    )


# How fast


@given(
    st.integers(80, 6_250),
    st.lists(st.tuples(st.floats(0, 90) | st.just(0.0), st.integers(1, 40)), min_size=1, max_size=120),
)
@example(110, [(0.0, 40)] * 20)
@example(1_250, [(0.0, 40)] * 100)
def test_any_minute_stays_within_the_limit(limit, wishes):
    clock = Clock(0.0)
    limiter, usage = RateLimiter(limit, clock), []
    for gap, units in wishes:
        clock.now += gap
        clock.now += limiter.reserve(units)
        usage.append((clock.now, units))

    assert most_in_a_minute(usage) <= limit


@given(st.integers(80, 6_250), st.lists(st.integers(1, 40), min_size=2, max_size=200))
def test_any_minute_stays_within_the_limit_if_all_reserve_at_once(limit, wishes):
    clock = Clock(0.0)
    limiter = RateLimiter(limit, clock)

    turns = [limiter.reserve(units) for units in wishes]

    assert turns == sorted(turns)  # who asks first is first
    assert most_in_a_minute(list(zip(turns, wishes, strict=True))) <= limit


@pytest.mark.parametrize("limit", [1_250, 2_500, 6_250])
@pytest.mark.parametrize("units", [1, 2, 40])
def test_nearly_all_of_the_limit_can_be_spent(clock, limit, units):
    times = list(spend(RateLimiter(limit, clock), clock, units, int(10 * limit / units)))

    assert 0.94 < len(times) * units / limit / (times[-1] / MINUTE) <= 1.01


def test_the_first_requests_of_a_new_process_do_not_wait_and_then_they_keep_to_the_rate(clock):
    limiter = RateLimiter(1_250, clock)

    assert [limiter.reserve(1) for _ in range(4)] == pytest.approx([0.0] * 4)
    assert limiter.reserve(2) == pytest.approx(2 / (1_250 - 62.5) * MINUTE)


def test_a_new_process_that_waits_before_it_spends_has_no_more_at_first(clock):
    limiter = RateLimiter(1_250, clock)
    clock.now += 3_600

    assert limiter.reserve(4) == 0.0
    assert limiter.reserve(1) > 0.0


def test_a_batch_of_copies_does_not_wait_after_an_idle_time(clock):
    limiter = limiter_with_a_burst(1_250, clock)

    assert limiter.reserve(40) == 0.0
    assert limiter.reserve(40) > 0.0


def test_a_request_without_cost_never_waits(clock):
    limiter = RateLimiter(80, clock)
    limiter.reserve(40)
    limiter.reserve(40)

    assert limiter.reserve(0) == 0.0


def test_an_idle_time_saves_no_more_than_one_burst(clock):
    limiter = limiter_with_a_burst(1_250, clock)
    start = clock.now

    assert sum(1 for at in spend(limiter, clock, 1, 200) if at == start) <= 1_250 / 20 + 1


def test_reservations_of_many_threads_all_count():
    limiter, callers, each = RateLimiter(1_250, Clock(0.0)), 8, 500
    together, interval = threading.Barrier(callers), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(callers) as threads:
            turns = list(
                threads.map(
                    lambda _: (together.wait(), [limiter.reserve(2) for _ in range(each)])[1], range(callers)
                )
            )
    finally:
        sys.setswitchinterval(interval)

    waits = sorted(turn for mine in turns for turn in mine)
    assert most_in_a_minute([(turn, 2) for turn in waits]) <= 1_250
    assert max(waits) == pytest.approx((callers * each * 2 - 4) / (1_250 - 62.5) * MINUTE)
    assert all(mine == sorted(mine) for mine in turns)


def test_callers_that_return_as_soon_as_they_may_get_equal_shares():
    clock = Clock(0.0)
    limiter, counts = RateLimiter(1_250, clock), [0] * 8
    turns = [(0.0, caller) for caller in range(8)]
    while clock.now < 120:
        clock.now, caller = heapq.heappop(turns)
        counts[caller] += 1
        heapq.heappush(turns, (clock.now + limiter.reserve(2), caller))

    assert max(counts) - min(counts) <= 62.5 / 2 + 1  # what was there at first


# What is learned


def rate(limiter, clock, units=1):
    """Return what may be spent now, in units a minute."""
    list(spend(limiter, clock, units, 100))
    return MINUTE * units / (limiter.reserve(units) or float("nan"))


def test_a_throttled_answer_slows_down_for_some_minutes(clock):
    limiter = RateLimiter(1_250, clock)
    before = rate(limiter, clock)

    limiter.adapt(REFUSED)
    after = rate(limiter, clock)
    clock.now += 30
    later = rate(limiter, clock)
    clock.now += 300

    assert after == pytest.approx(0.7 * before, rel=0.05)
    assert after < later < before
    assert rate(limiter, clock) == pytest.approx(before)


def test_throttled_answers_at_the_same_time_slow_down_once(clock):
    one, many = RateLimiter(1_250, clock), RateLimiter(1_250, clock)

    one.adapt(REFUSED)
    for _ in range(20):
        many.adapt(REFUSED)

    assert many._share_at(clock.now) == one._share_at(clock.now)


def test_repeated_throttling_slows_down_more_and_more_but_never_stops(clock):
    limiter, shares = RateLimiter(1_250, clock), []
    for _ in range(40):
        limiter.adapt(refusal(503, "serviceNotAvailable", retry_after="5"))
        clock.now += 6
        shares.append(limiter._share_at(clock.now))

    assert shares[:5] == sorted(shares[:5], reverse=True)
    assert min(shares) >= 0.05


@pytest.mark.parametrize(
    "heard", [answer(200), refusal(503), refusal(500), refusal(404), answer(202, retry_after="10")]
)
def test_other_answers_do_not_slow_down(clock, heard):
    limiter = RateLimiter(1_250, clock)
    limiter.adapt(heard)

    assert limiter._share_at(clock.now) == 1.0


def test_the_remaining_units_of_an_answer_last_until_the_reset(clock):
    limiter = RateLimiter(1_250, clock)
    list(spend(limiter, clock, 1, 100))
    until = clock.now + 30

    limiter.adapt(answer(200, ratelimit_limit="1250", ratelimit_remaining="125", ratelimit_reset="30"))
    usage = sum(1 for at in spend(limiter, clock, 1, 300) if at <= until)

    assert 100 < usage <= 125


def test_an_answer_without_remaining_units_slows_down_until_some_time_after_the_reset(clock):
    limiter = RateLimiter(1_250, clock)
    limiter.adapt(answer(200, ratelimit_remaining="0", ratelimit_reset="60"))

    assert limiter._share_at(clock.now) == limiter._share_at(clock.now + 60) == 0.05
    clock.now += 360
    assert limiter._share_at(clock.now) == 1.0


@pytest.mark.parametrize(
    ("remaining", "reset"),
    [
        *(("1000000", "10"), ("x", "10"), ("10", "x"), ("-1", "10"), ("10", "0"), ("10", "-5"), ("nan", "5")),
        *(("5", "nan"), ("inf", "5"), ("5", "1e9"), ("", "")),
    ],
)
def test_headers_that_make_no_sense_do_not_slow_down(clock, remaining, reset):
    limiter = RateLimiter(1_250, clock)
    limiter.adapt(answer(200, ratelimit_remaining=remaining, ratelimit_reset=reset))

    assert limiter._share_at(clock.now) == 1.0


def test_a_header_never_speeds_up(clock):
    limiter = RateLimiter(1_250, clock)
    limiter.adapt(REFUSED)
    limiter.adapt(answer(200, ratelimit_remaining="1200", ratelimit_reset="10"))

    assert limiter._share_at(clock.now) == pytest.approx(0.7)


# One for each app in a tenant


def test_an_app_in_a_tenant_has_one_rate_limiter(settings, fresh_process):
    first, other = settings(), settings(tenant_id="another.onmicrosoft.com")

    assert rate_limiter_for(first) is rate_limiter_for(settings())
    assert rate_limiter_for(first) is not rate_limiter_for(other)
    assert rate_limiter_for(settings(resource_units_per_minute=100)).units_per_minute == 100
    assert rate_limiter_for(first) is rate_limiter_for(settings(resource_units_per_minute=100))


# Over HTTP


def reads(number):
    for _ in range(number):
        yield Request("GET", "/me/drive", "send_with_retries")


@pytest.fixture
def limited(settings, blocking):
    """A session with this budget, in a process of its own."""
    return lambda units: blocking(settings(resource_units_per_minute=units))


def test_a_request_beyond_the_burst_waits(limited, tenant):
    session, started = limited(20), time.monotonic()  # 4 at once, and then 10 a minute

    session.run(reads(4))
    at_once = time.monotonic() - started
    waits = []
    session.pause = lambda pause: waits.append(pause.seconds)
    session.run(reads(1))

    assert at_once < waits[0] + 1
    assert waits == [pytest.approx(6.0 - at_once, abs=0.2)]
    assert len(tenant.calls(where="graph")) == 5


def test_two_sessions_share_one_rate_limiter(limited):
    one, other = limited(20), limited(20)
    waits = []
    other.pause = lambda pause: waits.append(pause.seconds)

    one.run(reads(4))
    other.run(reads(1))

    assert len(waits) == 1


def test_a_task_that_is_stopped_while_it_waits_sends_nothing_more(limited, tenant):
    session = limited(80)
    session.run(reads(4))
    timer = threading.Timer(0.1, setattr, (session, "stopped", True))
    timer.start()

    with pytest.raises(DriveError, match="The task was stopped"):
        session.run(reads(5))

    timer.join()
    assert len(tenant.calls(where="graph")) <= 5


def test_a_throttled_answer_of_graph_slows_down_the_session(limited, tenant):
    session = limited(1_250)
    tenant.faults.append(Fault("GET", "/me/drive", status=429, retry_after=0.01))
    session.run(reads(1))

    assert 0.69 < session._limiter._share_at(time.monotonic()) < 0.8


def test_a_request_that_throttling_holds_back_costs_nothing(limited, tenant):
    session = limited(1_250)
    tenant.faults.append(Fault("GET", "/me/drive", status=429, retry_after=60))
    session.run(reads(1))
    before = session._limiter._spent_until

    session.run(reads(5))

    assert session._limiter._spent_until == before
    assert len(tenant.calls(where="graph")) == 1


def test_the_tenant_sees_what_the_session_counts(limited, tenant):
    session = limited(1_250)
    session.run(reads(7))

    assert (session.usage.requests, session.usage.units) == (7, tenant.units_spent)
