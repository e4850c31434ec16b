"""Whatever fails, in any order, and whatever others do meanwhile: a task ends right, and nothing is lost."""

import os
from math import ceil

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, core, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from ledger import ledger
from machine.archives import ARCHIVES, ArchiveCheck, ArchiveOrder, make_archive
from machine.changes import noting
from machine.checks import RunCheck, describe
from machine.clock import virtual_time
from machine.drive_checks import check_documents
from machine.faults import COPY_BEHAVIOURS, CRASHES, FAULTS, SERVICE
from machine.orders import ORDERS, TIMEOUT, make_order
from machine.people import ACTIONS, AT_REQUESTS
from machine.simulation import Attempt, Simulation
from machine.tasks import Crash, Task, crashing

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.operators import move

SEQUENCES = int(os.environ.get("SEQUENCES", "0"))
"""
The number of random sequences, in parts of at most 250; those that fail are listed at the end. By default,
the sequences are always the same, and the shortest one that fails is shown.
"""
SEED = int(os.environ.get("SEED", "1"))
"""Of the first part of the random sequences; the next part has the next one."""
PART = 250
MAX_SHOWN = 25
MAX_TASKS = 3
MAX_TRIES = 4
"""When nothing fails any more, a task ends within so many tries."""


def fit(behaviour, order):
    """Return what of a copy's behaviour makes sense for an order."""
    if not order.copies:  # a move that Graph makes after its answer
        return {key: value for key, value in behaviour.items() if key in {"looks", "seconds"}}
    if behaviour.get("location") == "item":  # it is made at once
        return behaviour | ({"location": None} if order.children_only else {"failure": None})
    return behaviour


class Machine(RuleBasedStateMachine):
    """One sequence: tasks start, run, die and are cleared, while requests fail and others work there."""

    simulation = None
    tasks = Bundle("tasks")

    def __init__(self):
        super().__init__()
        self.simulation.begin()
        self.steps = 0

    @initialize(service=SERVICE, has_state=st.sampled_from([True, True, True, True, False]))
    def set_up_service(self, service, has_state):
        self.simulation.has_state = has_state
        if not has_state:
            self.simulation.note("Airflow has no task state store")
        for name, value in service.items():
            setattr(self.simulation.tenant, name, value)

    @precondition(lambda self: len(self.simulation.tasks) < MAX_TASKS)
    @rule(target=tasks, parameters=ORDERS)
    def start(self, parameters):
        return self._start(make_order, parameters)

    @precondition(lambda self: len(self.simulation.tasks) < MAX_TASKS)
    @rule(target=tasks, parameters=ARCHIVES)
    def start_archive(self, parameters):
        return self._start(make_archive, parameters)

    def _start(self, make, parameters):
        self.steps += 1
        order, steps = make(self.simulation, parameters)
        task = Task(self.simulation, order, steps)
        self.simulation.tasks.append(task)
        self.simulation.note(f"{order}")
        return task

    @rule(
        task=tasks,
        faults=st.one_of(st.just([]), st.lists(FAULTS, min_size=1, max_size=4)),
        behaviours=st.lists(COPY_BEHAVIOURS, max_size=2),
        crash=CRASHES,
        later=st.sampled_from([0, 0, 3, 30, 300]),
    )
    def attempt(self, task, faults, behaviours, crash, later):
        self._prepare(task, faults, behaviours, later)
        self._run(Attempt(task, crash and Crash(*crash)))

    retry = attempt
    """Twice as often as anything else."""

    @rule(
        task=tasks,
        faults=st.one_of(st.just([]), st.lists(FAULTS, min_size=1, max_size=2)),
        behaviours=st.lists(COPY_BEHAVIOURS, max_size=2),
        crash=CRASHES,
        actions=AT_REQUESTS,
    )
    def attempt_among_people(self, task, faults, behaviours, crash, actions):
        """Other people act before some of its requests."""
        self._prepare(task, faults, behaviours, 0)
        self._run(Attempt(task, crash and Crash(*crash), sorted(actions)))

    @rule(
        task=tasks,
        other=tasks,
        behaviours=st.lists(COPY_BEHAVIOURS, max_size=2),
        crash=CRASHES,
        request=st.integers(1, 14),
    )
    def attempt_beside(self, task, other, behaviours, crash, request):
        """Another task runs between two of its requests."""
        if task is other:
            return
        self._prepare(task, [], behaviours, 0)
        self._run(
            Attempt(
                task,
                crash and Crash(*crash),
                interruptions={request: lambda: self._run(Attempt(other))},
            )
        )

    @rule(task=tasks, action=st.sampled_from(ACTIONS))
    def act(self, task, action):
        """Other people act between two tries."""
        self.steps += 1
        self.simulation.clock.wait(5.0)
        if task.run.state is None:
            self.simulation.people.act(task.order, action)
        self.simulation.clock.wait(5.0)

    @rule(task=tasks)
    def clear(self, task):
        self.steps += 1
        if not task.order.is_move:
            self.simulation.note(f"task {task.order.number} is cleared")
            task.clear()

    def _prepare(self, task, faults, behaviours, later):
        self.steps += 1
        self.simulation.clock.wait(later)
        self.simulation.faults[:] = [Fault(**fault) for fault in faults]
        fitting = [fit(behaviour, task.order) for behaviour in behaviours]
        self.simulation.note(f"task {task.order.number}: {faults} {fitting}")
        self.simulation.tenant.next_copies.extend(CopyBehaviour(**behaviour) for behaviour in fitting)

    def _run(self, attempt):
        simulation, task = self.simulation, attempt.task
        if task.run.state is None:
            with simulation.running(attempt):
                self._attempt(task)
            self._note_outcome(task)
        if simulation.current is None:
            simulation.heal()

    def _attempt(self, task):
        """Run a task; an error that is not to be raised at all ends the run."""
        try:
            task.attempt()
        except Exception as error:  # noqa: BLE001  # whatever it is, other sequences have to run
            task.run.error, task.run.state = error, "failed"

    def _note_outcome(self, task):
        run = task.run
        outcome = run.returned if run.state == "success" else repr(run.error)[:250]
        self.simulation.note(f"task {task.order.number} -> {run.state} {outcome} {run.met} {run.crashes}")
        run.observe(task.order)
        if run.error is not None:
            shown = describe(run.error)
            assert not ledger.is_shown_in(shown), f"a secret is shown in {shown}"

    def teardown(self):
        simulation = self.simulation
        simulation.heal()
        for task in simulation.tasks:
            for _ in range(MAX_TRIES):
                self._run(Attempt(task))
        simulation.end_jobs()
        everything = [_check_of(simulation, task, run) for task in simulation.tasks for run in task.runs]
        checks = [check for check in everything if not check.run.is_abandoned]
        problems = [f"{check}: {problem}" for check in checks for problem in check.check()]
        problems += check_documents(simulation, everything)
        self._count(checks)
        if SEQUENCES and problems:  # go on, to find more
            simulation.failures.append("\n".join([*simulation.events, *(f"! {each}" for each in problems)]))
        else:
            simulation.report()
            assert not problems, "\n".join(problems)

    def _count(self, checks):
        simulation = self.simulation
        simulation.totals["sequences"] += 1
        simulation.totals["steps"] += self.steps
        simulation.totals["requests"] += len(simulation.tenant.journal)
        simulation.totals.update({f"fault: {kind}": count for kind, count in simulation.met.items()})
        for check in checks:
            error = check.run.error
            outcome = "success" if check.run.state == "success" else type(error).__name__
            simulation.totals[f"outcome: {outcome}"] += 1


def _check_of(simulation, task, run):
    kind = ArchiveCheck if isinstance(task.order, ArchiveOrder) else RunCheck
    return kind(simulation, task, run)


@pytest.fixture
def simulation(emulator, connection, helpers, fresh_process, monkeypatch):
    monkeypatch.setattr(move, "COPY_TIMEOUT", TIMEOUT)
    with virtual_time(monkeypatch, emulator) as clock:
        simulation = Simulation(emulator, clock, helpers, fresh_process)
        with crashing(monkeypatch, simulation), noting(monkeypatch, simulation):
            yield simulation


@pytest.mark.parametrize("seed", [SEED + part for part in range(ceil(SEQUENCES / PART) or 1)])
def test_every_task_ends_right_and_no_document_is_lost(simulation, record_property, monkeypatch, seed):
    kind = type("TestOfMachine", (Machine,), {"simulation": simulation})
    if SEQUENCES:
        monkeypatch.setattr(core, "global_force_seed", seed)
    try:
        run_state_machine_as_test(
            kind,
            settings=settings(
                max_examples=min(SEQUENCES, PART) or settings.default.max_examples,
                derandomize=not SEQUENCES,
                stateful_step_count=8,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
                phases=[Phase.generate] if SEQUENCES else [Phase.generate, Phase.shrink],
            ),
        )
        failures = simulation.failures
        assert not failures, f"{len(failures)} sequences fail:\n\n" + "\n\n".join(failures[:MAX_SHOWN])
    finally:
        record_property("counted", dict(simulation.totals))
