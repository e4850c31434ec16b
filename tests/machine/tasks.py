"""Tasks as Airflow runs them: in tries, in steps, and in processes that may die at any request."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    TaskDeferred,
)
from airflow.sdk.exceptions import AirflowRescheduleException
from machine.documents import documents_in
from tries import Killed, StateStore

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.transport.asynchronous import AsyncSession
from airflow_provider_drive.transport.blocking import Session

MAX_REQUESTS = 7_000
"""Of one try. One poll every fifteen seconds for a day is less, so a try that sends more never ends."""
RETRIES = 50
FINAL = (AirflowFailException, AirflowSensorTimeout)
"""What Airflow does not retry."""


class TriggererDied(SystemExit):
    """The triggerer ends here. A trigger lets nothing else through."""


class EndlessError(AssertionError):
    """A try that never ends."""


@dataclass
class Crash:
    """Let the process die at a request of the next try: before it is sent, or when it was answered."""

    request: int
    is_answered: bool


@dataclass(eq=False)
class Run:
    """
    A task from its start, or from when it was cleared, to its end.

    :ivar since: How many changes there were when it began.
    :ivar until: How many changes there were when it ended.
    :ivar documents: The ids of the documents that its source held then.
    :ivar numbers: The documents that it was to copy or to move then.
    :ivar jobs: The copies that Graph has accepted for it.
    :ivar met: The faults that it has met.
    :ivar doubtful: How many requests for a copy had an answer that does not tell whether it is made.
    :ivar value: What the task has returned.
    :ivar summary: What an archive has told of itself, even if it failed.
    :ivar last_read: The number and the time of the last request that has read something.
    :ivar error: What the last try has failed with.
    :ivar state: ``success``, ``failed``, or None while it may still be retried.
    :ivar saw_name_taken: Something else had the name when a try began or ended.
    :ivar saw_source_name_taken: The same for the name that the source has.
    :ivar was_late: A copy was still running when the last try ended.
    :ivar seen_at_end: The copy was at the destination when the last try ended.
    """

    since: int
    documents: set
    numbers: set
    until: int | None = None
    jobs: list = field(default_factory=list)
    met: list = field(default_factory=list)
    crashes: list = field(default_factory=list)
    doubtful: int = 0
    value: object = None
    summary: dict | None = None
    error: BaseException | None = None
    state: str | None = None
    waited: float = 0.0
    last_read: tuple = (0, 0.0)
    is_abandoned: bool = False
    tries: int = 0
    saw_name_taken: bool = False
    saw_source_name_taken: bool = False
    was_late: bool = False
    seen_at_end: bool = False

    @property
    def returned(self):
        """The id of the item that the task has returned."""
        return self.value.get("id") if isinstance(self.value, dict) else None

    @property
    def made(self):
        """Everything that Graph has made for it, by its ids."""
        return {item.id: item for job in self.jobs for item in job.made}

    def observe(self, order):
        """Note what is at the destination now."""
        folder = order.folder
        self.saw_name_taken |= self._has_another(folder, order.names)
        self.saw_source_name_taken |= self._has_another(folder, [order.source.name])
        self.was_late = any(job.is_running for job in self.jobs)
        shown = [*folder.children.values(), folder] if folder is not None else []
        self.seen_at_end = any(job.state == "completed" and job.resource in shown for job in self.jobs)

    def _has_another(self, folder, names):
        """Whether something that is not its own has one of these names in a folder."""
        there = [folder.child(name) for name in names] if folder is not None else []
        return any(item is not None and item.id not in self.made for item in there)


class Task:
    """
    A task, from its first try to its last.

    :param steps: What it runs, one after the other: an operator or sensor, and what makes its parameters of
        what the step before has returned.
    """

    def __init__(self, simulation, order, steps):
        self.simulation, self.order, self.steps = simulation, order, steps
        self.stores = [StateStore() for _ in steps]
        self.runs, self.try_number = [], 0
        self.dag_run = SimpleNamespace(start_date=now())
        self.clear()

    def clear(self):
        """Start over, as somebody does who clears the task."""
        if self.runs and self.run.state is None:
            self.run.is_abandoned = True
        documents = {each.id for each in documents_in(self.order.source).values()}
        changes = len(self.simulation.changes.log)
        self.runs.append(Run(changes, documents, self.order.asked_numbers))
        self.max_tries = self.try_number + RETRIES
        self.step, self.given = 0, None

    @property
    def run(self):
        return self.runs[-1]

    def attempt(self):
        """Run it once more, and note the outcome."""
        self.run.observe(self.order)
        self.try_number += 1
        self.run.tries += 1
        try:
            while self.step < len(self.steps):
                kind, parameters = self.steps[self.step]
                self.given = self._execute(kind, parameters(self.given), self.stores[self.step])
                self.step += 1
            self.run.value, self.run.state, self.run.error = self.given, "success", None
        except Killed:
            self.run.error = None
        except (DriveError, AirflowException) as error:
            self.run.error = error
            self.run.state = "failed" if isinstance(error, FINAL) else None
        self.run.until = len(self.simulation.changes.log)

    def _execute(self, kind, parameters, store):
        ti = self.simulation.helpers.TaskInstance()
        ti.map_index = self.order.number  # a manifest belongs to a task
        ti.try_number, ti.max_tries = self.try_number, self.max_tries
        context = {"ti": ti, "task_instance": ti, "dag_run": self.dag_run}
        if self.simulation.has_state:
            context["task_state_store"] = store
        try:
            return self._run_to_end(kind, parameters, context)
        finally:
            self.run.summary = ti.xcom_pull(key="summary")

    def _run_to_end(self, kind, parameters, context):
        """Run a step over its deferrals and reschedules."""
        ti = context["ti"]

        def method():
            return kind(task_id="task", **parameters).execute(context)

        while True:
            try:
                return method()
            except AirflowRescheduleException as later:
                ti.rescheduled = ti.rescheduled or now()
                self.simulation.clock.wait((later.reschedule_date - now()).total_seconds())
            except TaskDeferred as deferral:
                event = self._fire(json.dumps(deferral.trigger.serialize()))
                resumed = kind(task_id="task", **parameters)
                method = partial(getattr(resumed, deferral.method_name), context, event=event)

    def _fire(self, stored):
        """Run a trigger; if its triggerer dies, another one runs it from what was stored."""
        try:
            return self.simulation.helpers.fire(stored)
        except TriggererDied:
            return self.simulation.helpers.fire(stored)


def now():
    return datetime.now(UTC)


@contextmanager
def crashing(patch, simulation):
    """Let the processes of tasks and triggers die, and other tasks run, where that is planned."""
    send, send_async = Session.send, AsyncSession.send

    def send_or_die(session, request):
        simulation.interrupt()
        simulation.count_request(request, is_answered=False)
        answer = send(session, request)
        simulation.count_request(request, is_answered=True)
        return answer

    async def send_or_die_async(session, request):
        simulation.count_request(request, is_answered=False, error=TriggererDied)
        answer = await send_async(session, request)
        simulation.count_request(request, is_answered=True, error=TriggererDied)
        return answer

    patch.setattr(Session, "send", send_or_die)
    patch.setattr(AsyncSession, "send", send_or_die_async)
    yield
