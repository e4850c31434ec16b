"""One sequence: the tenant and how it fails, the tasks, the other people, and what each task has met."""

import time
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass, field

from hypothesis import note
from machine.changes import PEOPLE, Changes
from machine.documents import live_numbers, new_content
from machine.people import People
from machine.tasks import MAX_REQUESTS, EndlessError, Task
from tries import Killed

from airflow_provider_drive.emulator import CopyBehaviour, faults

_REFUSED = {401, 403, 404, 423, 429, 507}
"""A request with such an answer has had no effect."""


@dataclass
class Attempt:
    """
    A try of a task that is running.

    :ivar sent: How many requests it has sent.
    :ivar received: How many of them, and of the requests in its batches, the tenant has received.
    :ivar deletions: How many of these were deletions.
    :ivar actions: What other people do before the request of a number; before its nth deletion, if it is -n.
    :ivar interruptions: What else happens in this process before the request of a number is sent.
    """

    task: Task
    crash: object = None
    actions: list = field(default_factory=list)
    interruptions: dict = field(default_factory=dict)
    sent: int = 0
    received: int = 0
    deletions: int = 0


class Simulation:
    """
    Emulator, clock, tasks and people of one sequence.

    :ivar owned: What people have put into the drives: where each item is, and its content.
    """

    def __init__(self, emulator, clock, helpers, forget):
        self.emulator, self.clock, self.helpers, self.forget = emulator, clock, helpers, forget
        self.tenant = emulator.tenant
        self.totals, self.failures = Counter(), []
        self.current, self.changes, self.requests = None, Changes(self), 0

    def begin(self):
        """Begin a sequence with an empty tenant."""
        self.clock.restart()
        self.emulator.reset()
        self.tenant.revoke_tokens()
        self.forget()
        self.tenant.witness = self._see
        self.faults, self.tasks, self.owned, self.current = [], [], {}, None
        self.next_number, self.moved_away, self.credited = 1, 0, 0
        self.met, self.has_state = Counter(), True
        self.people = People(self)
        self.changes.begin()
        self.events = []

    def note(self, text):
        """Note an event for the report of a sequence that fails. The emulator's thread may call this."""
        self.events.append(text)

    def report(self):
        """Report the events so far to Hypothesis."""
        for text in self.events:
            note(text)
        self.events.clear()

    @property
    def orders(self):
        return [task.order for task in self.tasks]

    def content(self):
        """Return content that nothing else has."""
        self.next_number += 1
        return new_content(self.next_number - 1)

    def live_numbers(self):
        return live_numbers(self.tenant)

    def keep(self, item):
        """Note an item that people have put there, with everything below it: it has to stay."""
        for each in item.walk():
            self.owned[each.id] = (each, each.parent, each.name, each.content)

    @contextmanager
    def running(self, attempt):
        """Let requests count for this try, and let its process die as planned."""
        self.credit_jobs()
        outer, self.current = self.current, attempt
        queued = self.tenant.next_copies
        if outer is not None:
            self.tenant.next_copies = deque()  # what is planned is for the outer one
        started = time.time()
        self.forget()  # each try is a process of its own
        try:
            yield
        finally:
            self.credit_jobs()
            run = attempt.task.run
            run.waited = max(run.waited, time.time() - started)
            self.current, self.tenant.next_copies = outer, queued
            self.totals["tries"] += 1

    def credit_jobs(self):
        """Add the jobs that have been accepted since to the run that has requested them."""
        if self.current is not None:
            self.current.task.run.jobs += self.tenant.jobs[self.credited :]
        self.credited = len(self.tenant.jobs)

    def count_request(self, request, *, is_answered, error=Killed):
        """Count a request that is about to be sent or was answered, and end the process there if planned."""
        attempt = self.current
        if not is_answered:
            attempt.sent += 1
            if attempt.sent > MAX_REQUESTS:
                raise EndlessError(
                    f"{attempt.sent} requests in one try, the last: {request.method} {request.action}"
                )
        crash = attempt.crash
        if crash and (crash.request, crash.is_answered) == (attempt.sent, is_answered):
            attempt.crash = None
            run = attempt.task.run
            where = f"{request.method} {request.url.rpartition('/')[2].partition('?')[0]}"
            run.crashes.append(f"killed {'after' if is_answered else 'before'} {where}")
            run.doubtful += request.method == "POST" and "/copy" in request.url
            self.totals["crashes"] += 1
            raise error

    def interrupt(self):
        """Do what is planned before the next request is sent."""
        attempt = self.current
        action = attempt.interruptions.pop(attempt.sent + 1, None)
        if action is not None:
            action()

    def _see(self, request):
        """See each request before the tenant handles it: let people act, and return a fault if it fails."""
        self.requests += 1
        attempt = self.current
        if attempt is not None and request.where != "token":
            attempt.received += 1
            attempt.deletions += _is_deletion(request)
            self._let_people_act(attempt, request)
            if request.where == "graph" and _is_read(request):
                attempt.task.run.last_read = (self.requests, time.time())
        fault = faults.pop_fault(self.faults, request.method, request.path, request.where)
        if fault is not None:
            self._note_fault(fault, request)
        return fault

    def _let_people_act(self, attempt, request):
        """Let people do what is due."""
        due = [action for number, action in attempt.actions if self._is_due(number, attempt, request)]
        if not due:
            return
        attempt.actions = [each for each in attempt.actions if not self._is_due(each[0], attempt, request)]
        for action in due:
            self.note(f"before request {attempt.received}, {request.method} {request.path}:")
            with self.changes.by(PEOPLE):
                self.people.act(attempt.task.order, action)

    def _is_due(self, number, attempt, request):
        """Whether the request of a number is reached, or a deletion if the number is that of one: below 0."""
        if number > 0:
            return number <= attempt.received
        return _is_deletion(request) and -number <= attempt.deletions

    def _note_fault(self, fault, request):
        kind = fault.kind if fault.kind not in {"refuse", "status"} else f"{fault.kind} {fault.http_status}"
        kind += " with effect" if fault.effect else ""
        self.met[kind] += 1
        if self.current is None:
            return
        run = self.current.task.run
        run.met.append(f"{kind} at {request.method} {request.where}")
        is_refused = fault.kind in {"refuse", "status"} and fault.http_status in _REFUSED
        run.doubtful += request.method == "POST" and request.path.endswith("/copy") and not is_refused

    def heal(self):
        """Let nothing fail any more."""
        self.faults.clear()
        self.tenant.next_copies.clear()
        self.tenant.copies = CopyBehaviour()

    def end_jobs(self):
        """Let every running copy end."""
        self.clock.wait(100_000.0)
        for job in self.tenant.jobs:
            if job.is_running:
                job.end()


def _is_deletion(request):
    return request.method == "DELETE" or b'"DELETE"' in request.body


def _is_read(request):
    return request.method == "GET" or (b'"GET"' in request.body and not _is_deletion(request))
