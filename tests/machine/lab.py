"""A tenant that goes wrong as it is told to, who else works in it, and what every task has met there."""

import time
from collections import Counter
from contextlib import contextmanager

from machine.judging import fingerprint, stands
from machine.tasks import MAX_BATCH_SIZE, EndlessError
from tries import Killed

from airflow_provider_drive.emulator import CopyBehaviour, faults
from airflow_provider_drive.emulator.state.content import Content


class Lab:
    """
    Emulator, clock and tasks of one sequence.

    :ivar owned: What is in the drives, but for what tasks have made: the paths that are right for each item
        and its fingerprint, both None if it may be gone.
    """

    def __init__(self, emulator, clock, helpers, forget):
        self.emulator, self.clock, self.helpers, self.forget = emulator, clock, helpers, forget
        self.tenant = emulator.tenant
        self.totals = Counter()

    def begin(self):
        """Begin a sequence: everything is new."""
        self.clock.restart()
        self.emulator.reset()
        self.tenant.revoke_tokens()
        self.forget()
        self.tenant.witness = self._witness
        self.faults, self.tasks, self.owned, self.running_task = [], [], {}, None
        self.serial = 0
        self.met = Counter()

    def content(self):
        """Bytes that nothing else has."""
        self.serial += 1
        return b"document %d" % self.serial

    def keep(self, item):
        """Note an item that somebody has put there, with all that is in it: it is to stay."""
        for each in item.walk():
            self.owned[each.id] = (each, each.parent, each.name, each.content)

    def meddle(self, order, what):
        """Let somebody else do something to what a task works with, if it is there."""
        self.clock.wait(5.0)
        source, folder, name = order.source, order.folder, "a.txt" if order.children_only else order.wanted
        if what == "put" and folder is not None and folder.child(name) is None:
            self.keep(folder.drive.add(folder, name, Content(self.content())))
        elif what == "edit" and stands(source) and not source.is_folder:
            source.drive.write(source, Content(self.content()))
            self.keep(source)
            order.was_touched = True
            order.fingerprints.append(fingerprint(source))
        elif what == "remove" and stands(source):
            for item in source.walk():
                del self.owned[item.id]
            source.drive.remove(source)
            order.was_removed = True
        self.clock.wait(5.0)

    @contextmanager
    def running(self, task, death):
        """Let requests count for this task, and let its process die as planned."""
        self.running_task, self.death, self.requests = task, death, 0
        before, started = len(self.tenant.jobs), time.time()
        self.forget()  # a try is a process of its own
        try:
            yield
        finally:
            task.asking.jobs += self.tenant.jobs[before:]
            task.asking.waited = max(task.asking.waited, time.time() - started)
            self.running_task = None
            self.totals["tries"] += 1

    def meet(self, request, *, answered, dies=Killed):
        """See a request leave, or its answer come."""
        if not answered:
            self.requests += 1
            if self.requests > MAX_BATCH_SIZE:
                raise EndlessError(
                    f"{self.requests} requests in one try, the last: {request.method} {request.action}"
                )
        death = self.death
        if death and (death.request, death.answered) == (self.requests, answered):
            self.death = None
            asking = self.running_task.asking
            where = f"{request.method} {request.url.rpartition('/')[2].partition('?')[0]}"
            asking.deaths.append(f"killed {'after' if answered else 'before'} {where}")
            asking.doubtful += request.method == "POST" and "/copy" in request.url
            self.totals["deaths"] += 1
            raise dies

    def _witness(self, request):
        fault = faults.pop_fault(self.faults, request.method, request.path, request.where)
        if fault is None:
            return None
        kind = fault.kind if fault.kind not in {"refuse", "status"} else f"{fault.kind} {fault.http_status}"
        kind += " with effect" if fault.effect else ""
        self.met[kind] += 1
        if self.running_task is not None:
            asking = self.running_task.asking
            asking.met.append(f"{kind} at {request.method} {request.where}")
            clean = fault.kind in {"refuse", "status"} and fault.http_status in {401, 403, 404, 423, 429, 507}
            asking.doubtful += request.method == "POST" and request.path.endswith("/copy") and not clean
        return fault

    def heal(self):
        """Let nothing go wrong any more."""
        self.faults.clear()
        self.tenant.next_copies.clear()
        self.tenant.copies = CopyBehaviour()

    def end_jobs(self):
        """Let every copy end that is still under way."""
        self.clock.wait(100_000.0)
        for job in self.tenant.jobs:
            if job.is_running:
                job.end()
