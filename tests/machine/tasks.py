"""Tasks as Airflow runs them: in tries, in legs, and in processes that may end at any request."""

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    TaskDeferred,
)
from airflow.sdk.exceptions import AirflowRescheduleException
from tries import Killed, StateStore

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.transport.asynchronous import AsyncSession
from airflow_provider_drive.transport.blocking import Session

MAX_BATCH_SIZE = 7_000
"""Of one try. A day of looks, one every fifteen seconds, is less; what asks more does not end."""


MOST_TRIES = 50
"""Airflow's ``retries``: enough."""
FINAL = (AirflowFailException, AirflowSensorTimeout)
"""What Airflow does not retry."""


class TriggererDied(SystemExit):
    """A triggerer ends here. Nothing else is let through by a trigger."""


class EndlessError(AssertionError):
    """A try that asks, and asks, and asks."""


@dataclass
class Death:
    """Let the process end at a request of the next try: before it has left, or when its answer has come."""

    request: int
    answered: bool


@dataclass(eq=False)
class Asking:
    """
    What one person has asked for once, and what has come of it.

    :ivar jobs: The copies that Graph has accepted for it.
    :ivar met: The faults that it has met.
    :ivar doubtful: Requests that ask for an effect, of which it cannot know whether they had it.
    :ivar value: What the task has returned.
    :ivar error: What it has failed with, the last time or for good.
    :ivar ended: ``success``, ``failed``, or None while it may still be retried.
    """

    jobs: list = field(default_factory=list)
    met: list = field(default_factory=list)
    deaths: list = field(default_factory=list)
    doubtful: int = 0
    value: object = None
    error: BaseException | None = None
    ended: str | None = None
    begun: float = 0.0
    waited: float = 0.0
    is_abandoned: bool = False
    was_taken: bool = False
    was_late: bool = False
    seen_at_end: bool = False
    adopted: object = None

    @property
    def returned(self):
        """The id of what the task says that it has made."""
        return self.value.get("id") if isinstance(self.value, dict) else None

    def look(self, order):
        """Note what is there now."""
        folder = order.folder
        if folder is None:
            return
        made = {item.id for job in self.jobs for item in job.made}
        wanted = (
            [child.name for child in order.source.children.values()]
            if order.children_only
            else [order.wanted]
        )
        there = [folder.child(name) for name in wanted]
        self.was_taken |= any(item is not None and item.id not in made for item in there)
        self.was_late = any(job.is_running for job in self.jobs)
        shown = [*folder.children.values(), folder]
        self.seen_at_end = any(job.state == "completed" and job.resource in shown for job in self.jobs)


class Task:
    """
    A task, from its first try to its last.

    :param legs: What is run, one after the other: operator or sensor, and what makes its parameters of what
        the one before has returned.
    """

    def __init__(self, lab, order, legs):
        self.lab, self.order, self.legs = lab, order, legs
        self.stores = [StateStore() for _ in legs]
        self.askings, self.try_number = [], 0
        self.clear()

    def clear(self):
        """Ask for all of it again, as a person does."""
        if self.askings and self.asking.ended is None:
            self.asking.is_abandoned = True
        self.askings.append(Asking(begun=time.time()))
        self.max_tries = self.try_number + MOST_TRIES
        self.leg, self.given = 0, None

    @property
    def asking(self):
        return self.askings[-1]

    def attempt(self, death=None):
        """Run it once more, and note what comes of it."""
        self.asking.look(self.order)
        self.try_number += 1
        with self.lab.running(self, death):
            try:
                while self.leg < len(self.legs):
                    kind, parameters = self.legs[self.leg]
                    self.given = self._run(kind, parameters(self.given), self.stores[self.leg])
                    self.leg += 1
                self.asking.value, self.asking.ended, self.asking.error = self.given, "success", None
            except Killed:
                self.asking.error = None
            except (DriveError, AirflowException) as error:
                self.asking.error = error
                self.asking.ended = "failed" if isinstance(error, FINAL) else None

    def _run(self, kind, parameters, store):
        ti = self.lab.helpers.TaskInstance()
        ti.try_number, ti.max_tries = self.try_number, self.max_tries
        context = {"ti": ti, "task_instance": ti, "task_state_store": store}

        def step():
            return kind(task_id="task", **parameters).execute(context)

        while True:
            try:
                return step()
            except AirflowRescheduleException as later:
                ti.rescheduled = ti.rescheduled or now()
                self.lab.clock.wait((later.reschedule_date - now()).total_seconds())
            except TaskDeferred as deferral:
                event = self._fire(json.dumps(deferral.trigger.serialize()))
                resumed = kind(task_id="task", **parameters)
                step = partial(getattr(resumed, deferral.method_name), context, event=event)

    def _fire(self, stored):
        """Run a trigger; if its triggerer dies, another one runs it from what was stored."""
        try:
            return self.lab.helpers.fire(stored)
        except TriggererDied:
            return self.lab.helpers.fire(stored)


def now():
    return datetime.now(UTC)


@contextmanager
def mortal(patch, lab):
    """Let the processes of tasks and triggers end where a death is planned."""
    send, send_async = Session.send, AsyncSession.send

    def send_or_die(session, request):
        lab.meet(request, answered=False)
        answer = send(session, request)
        lab.meet(request, answered=True)
        return answer

    async def send_or_die_async(session, request):
        lab.meet(request, answered=False, dies=TriggererDied)
        answer = await send_async(session, request)
        lab.meet(request, answered=True, dies=TriggererDied)
        return answer

    patch.setattr(Session, "send", send_or_die)
    patch.setattr(AsyncSession, "send", send_or_die_async)
    yield
