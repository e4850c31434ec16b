"""Many short tasks against one tenant's budget, each a process of its own, in virtual time."""

import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from protocol.conversation import Clock

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.flow import Pause, Request, Response
from airflow_provider_drive.protocol.retry import send_with_retries
from airflow_provider_drive.protocol.wire.cost import resource_units
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.transport.rate_limit import RateLimiter

TASKS = 60
BUDGET = 125
STARTUP = 3.0
"""Seconds from a free slot to the first request of the next task."""
UNITS = 6
"""Of a copy between two paths that waits for its end."""


@dataclass
class Tenant:
    """Refuses what is beyond the budget of a minute, and charges that as well."""

    clock: Clock
    refusals: int = 0
    charges: deque = field(default_factory=deque)

    def answer(self, request):
        now = self.clock.now
        self.charges.append((now, resource_units(request)))
        while self.charges[0][0] <= now - 60:
            self.charges.popleft()
        if sum(units for _, units in self.charges) <= BUDGET:
            return Response(200)
        self.refusals += 1
        return Response(429, {"retry-after": str(max(1, round(self.charges[0][0] + 60 - now)))})


def copy():
    """Copy by paths, and wait."""
    yield from send_with_retries(Request("GET", "/drives/a/root:/x", "copy it"), read)
    yield from send_with_retries(Request("GET", "/drives/b/root:/y", "copy it"), read)
    yield from send_with_retries(Request("POST", "/drives/a/items/x/copy", "copy it"), read)
    yield Pause(2.0)
    yield from send_with_retries(Request("GET", "/drives/b/items/z", "copy it"), read)
    yield from send_with_retries(Request("GET", "/drives/b/items/y", "copy it"), read)


def read(response):
    if not response.ok:
        raise error_from_response(response, "copy it")


def run_task(limiter, tenant, failures):
    """Run one task; yield the seconds that it waits."""
    flow, answer = copy(), None
    try:
        while True:
            wanted = flow.send(answer)
            answer = None
            if isinstance(wanted, Pause):
                yield wanted.seconds
                continue
            yield limiter.reserve(resource_units(wanted))
            answer = tenant.answer(wanted)
            limiter.adapt(answer)
            yield 0.1
    except StopIteration:
        pass
    except DriveError as error:
        failures.append(error)


def run_tasks(slots, open_limiter, clock):
    """Run all tasks in so many slots; return the tenant and the errors of those that failed."""
    tenant, failures, order = Tenant(clock), [], itertools.count()
    waiting = [run_task(open_limiter(), tenant, failures) for _ in range(TASKS)]
    running = []

    def start():
        if waiting:
            startup = STARTUP * random.uniform(0.7, 1.3)  # noqa: S311  # nothing secret
            heapq.heappush(running, (clock.now + startup, next(order), waiting.pop()))

    for _ in range(slots):
        start()
    while running:
        clock.now, _, task = heapq.heappop(running)
        try:
            heapq.heappush(running, (clock.now + next(task), next(order), task))
        except StopIteration:
            start()
    return tenant, failures


@pytest.mark.parametrize("slots", [16, 32, 60])
def test_short_tasks_that_ask_for_far_more_than_the_budget_all_succeed(slots):
    clock = Clock(0.0)

    tenant, failures = run_tasks(slots, lambda: RateLimiter(BUDGET, clock), clock)

    assert failures == []
    assert tenant.refusals < 3.5 * TASKS  # 808, and 4 failures, when each process had a burst
    assert clock.now < 300


def test_a_pool_of_the_documented_size_keeps_short_tasks_to_the_budget():
    clock, shortest = Clock(0.0), STARTUP + 2.0
    slots = int(BUDGET * shortest / (60 * UNITS))

    tenant, failures = run_tasks(slots, lambda: RateLimiter(BUDGET / slots, clock), clock)

    assert (tenant.refusals, failures) == (0, [])


def test_a_pool_of_four_slots_with_a_quarter_of_the_budget_each_is_hardly_ever_refused():
    clock = Clock(0.0)

    tenant, failures = run_tasks(4, lambda: RateLimiter(BUDGET / 4, clock), clock)

    assert failures == []
    assert tenant.refusals <= 20
    assert clock.now < 240


def test_one_budget_for_all_processes_is_never_exceeded():
    clock = Clock(0.0)
    shared = RateLimiter(BUDGET, clock)

    tenant, failures = run_tasks(TASKS, lambda: shared, clock)

    assert (tenant.refusals, failures) == (0, [])
