"""Whatever goes wrong, in any order: a task comes to an honest end, and nothing is lost or made twice."""

import os

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, note, settings, target
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger import ledger
from machine.clock import virtual_time
from machine.judging import Verdict, describe, judge_drives
from machine.lab import Lab
from machine.orders import ORDERS, TIMEOUT, make_order
from machine.tasks import Death, Task, mortal
from machine.troubles import BEHAVIOURS, DEATHS, FAULTS, STEERING

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.protocol import move

SEQUENCES = int(os.environ.get("SEQUENCES", "0"))
"""How many the long run has. The short one has always the same, as many as the profile says."""
MOST_TASKS = 3
MOST_TRIES = 4
"""When nothing goes wrong any more, a task has ended after so many."""


def fit(behaviour, order):
    """Give what of it makes sense for an order."""
    if not order.copies:  # a move that Graph makes after its answer
        return {key: value for key, value in behaviour.items() if key in {"looks", "seconds"}}
    if behaviour.get("location") == "item":  # it was made at once
        return behaviour | ({"location": None} if order.children_only else {"failure": None})
    return behaviour


class Machine(RuleBasedStateMachine):
    """One sequence: tasks are begun, run, killed, cleared, while the service fails and others work in it."""

    lab = None
    tasks = Bundle("tasks")

    def __init__(self):
        super().__init__()
        self.lab.begin()
        self.steps = 0

    @initialize(steering=STEERING)
    def steer(self, steering):
        for name, value in steering.items():
            setattr(self.lab.tenant, name, value)

    @precondition(lambda self: len(self.lab.tasks) < MOST_TASKS)
    @rule(target=tasks, wish=ORDERS)
    def begin(self, wish):
        self.steps += 1
        order, legs = make_order(self.lab, wish)
        task = Task(self.lab, order, legs)
        self.lab.tasks.append(task)
        note(f"{task.order}")
        return task

    @rule(
        task=tasks,
        faults=st.one_of(st.just([]), st.lists(FAULTS, min_size=1, max_size=4)),
        behaviours=st.lists(BEHAVIOURS, max_size=2),
        death=DEATHS,
        later=st.sampled_from([0, 0, 3, 30, 300]),
    )
    def attempt(self, task, faults, behaviours, death, later):
        self.steps += 1
        self.lab.clock.wait(later)
        if task.asking.ended:
            return
        self.lab.faults[:] = [Fault(**fault) for fault in faults]
        fitting = [fit(behaviour, task.order) for behaviour in behaviours]
        self.lab.tenant.next_copies.extend(CopyBehaviour(**behaviour) for behaviour in fitting)
        self._run(task, death and Death(*death))
        self.lab.heal()

    @rule(task=tasks, what=st.sampled_from(["put", "put", "edit", "remove"]))
    def meddle(self, task, what):
        self.steps += 1
        if task.asking.ended is None:
            self.lab.meddle(task.order, what)
            self.lab.totals[f"meddled: {what}"] += 1
            note(f"{task.order.number} <- {what}")

    @rule(task=tasks)
    def clear(self, task):
        self.steps += 1
        if not task.order.is_move:
            task.clear()

    retry = attempt
    """Twice as often as anything else."""

    def _run(self, task, death=None):
        task.attempt(death)
        asking = task.asking
        came = asking.returned if asking.ended == "success" else repr(asking.error)[:250]
        note(f"{task.order.number} -> {asking.ended} {came} {asking.met} {asking.deaths}")
        asking.look(task.order)
        if asking.error is not None:
            shown = describe(asking.error)
            assert not ledger.is_shown_in(shown), f"a secret is shown in {shown}"

    def teardown(self):
        lab = self.lab
        lab.heal()
        for task in lab.tasks:
            for _ in range(MOST_TRIES):
                if task.asking.ended is None:
                    self._run(task)
        lab.end_jobs()
        ended = [(task, each) for task in lab.tasks for each in task.askings if not each.is_abandoned]
        verdicts = [Verdict(lab, task, asking) for task, asking in ended]
        problems = [f"{verdict}: {problem}" for verdict in verdicts for problem in verdict.judge()]
        problems += judge_drives(lab, verdicts)
        self._count(verdicts)
        assert not problems, "\n".join(problems)

    def _count(self, verdicts):
        lab = self.lab
        lab.totals["sequences"] += 1
        lab.totals["steps"] += self.steps
        lab.totals["requests"] += len(lab.tenant.journal)
        lab.totals.update({f"fault: {kind}": count for kind, count in lab.met.items()})
        for verdict in verdicts:
            error = verdict.asking.error
            outcome = "success" if verdict.asking.ended == "success" else type(error).__name__
            lab.totals[f"outcome: {outcome}"] += 1
        target(float(sum(lab.met.values())), label="faults met")


@pytest.fixture
def lab(emulator, connection, helpers, fresh_process, monkeypatch):
    monkeypatch.setattr(move, "COPY_TIMEOUT", TIMEOUT)
    with virtual_time(monkeypatch, emulator) as clock:
        lab = Lab(emulator, clock, helpers, fresh_process)
        with mortal(monkeypatch, lab):
            yield lab


def test_every_task_comes_to_one_honest_end(lab, record_property):
    kind = type("TestOfMachine", (Machine,), {"lab": lab})
    try:
        run_state_machine_as_test(
            kind,
            settings=settings(
                max_examples=SEQUENCES or settings.default.max_examples,
                derandomize=not SEQUENCES,
                stateful_step_count=8,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
    finally:
        told = sorted(lab.totals.items())
        record_property("counted", "\n".join(f"{name}: {count}" for name, count in told))
