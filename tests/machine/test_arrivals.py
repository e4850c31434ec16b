"""Whatever people do and whenever the triggerer is killed: each change is told, settled, and under one id."""

import os
from math import ceil

import hypothesis.strategies as st
import pytest
from airflows import not_on_airflow_2
from hypothesis import HealthCheck, Phase, core, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from machine.arrivals import People, watching

from airflow_provider_drive.emulator import Fault

pytestmark = not_on_airflow_2("it has no watchers")

SEQUENCES = int(os.environ.get("SEQUENCES", "0"))
SEED = int(os.environ.get("SEED", "1"))
PART, EXAMPLES = 250, 40
LONG = 4 * 3600.0
RESYNCS = ("Apply", "Upload")
ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 900).map(float), st.sampled_from(People.KINDS), st.integers(0, 20), st.integers(0, 20)
    ),
    max_size=8,
)
FAULTS = st.lists(
    st.builds(
        dict,
        kind=st.sampled_from(["refuse", "refuse", "drop_after", "garbage"]),
        status=st.sampled_from([401, 403, 404, 429, 500, 503]),
        times=st.sampled_from([1, 1, 2, 5, 12]),
        after=st.integers(0, 12),
        path=st.sampled_from(["", "/delta", "/children"]),
    ),
    max_size=2,
)


class ArrivalMachine(RuleBasedStateMachine):
    """One sequence: lives of a triggerer, with people who work in the drive."""

    world = None

    def __init__(self):
        super().__init__()
        self.world.begin()

    @initialize(offset=st.sampled_from([0.0, 0.0, -3600.0, 45.0, 86_400.0]), page=st.sampled_from([3, 200]))
    def begin(self, offset, page):
        self.world.tenant.clock_offset = offset
        self.world.tenant.page_size = page
        self.world.live(300.0)

    @rule(
        life=st.tuples(st.sampled_from([30.0, 200.0, 1000.0]), st.one_of(st.none(), st.integers(1, 40))),
        actions=ACTIONS,
        faults=FAULTS,
        expired=st.sampled_from(["", "", "", *(f"resyncChanges{kind}Differences" for kind in RESYNCS)]),
        parameters=st.fixed_dictionaries(
            {"max_items": st.sampled_from([2, 500]), "poll_interval": st.sampled_from([4.0, 60.0])}
        ),
    )
    def live(self, life, actions, faults, expired, parameters):
        """A triggerer lives for some seconds, or until it has made some steps."""
        world, (seconds, steps) = self.world, life
        if expired:
            world.tenant.resync_code = expired
            world.drive.expire_delta_tokens()
        world.tenant.faults[:] = [Fault("GET", **fault) for fault in faults]
        world.notes.append(f"a triggerer for {seconds} s or {steps} steps, {faults} {expired}")
        world.live(seconds, actions=actions, steps=steps, **parameters)
        world.tenant.faults.clear()

    def teardown(self):
        world = self.world
        if world.drive.find("In") is None:
            world.drive.mkdir("In")
        world.live(LONG)
        problems = world.problems()
        assert not problems, "\n".join([*world.notes, *problems])


@pytest.fixture
def world(tenant, monkeypatch):
    with watching(monkeypatch, tenant) as world:
        yield world


@pytest.mark.parametrize("seed", [SEED + part for part in range(ceil(SEQUENCES / PART) or 1)])
def test_every_change_is_told_once_it_has_settled(world, monkeypatch, seed):
    kind = type("TestOfArrivals", (ArrivalMachine,), {"world": world})
    if SEQUENCES:
        monkeypatch.setattr(core, "global_force_seed", seed)
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=min(SEQUENCES, PART) or EXAMPLES,
            derandomize=not SEQUENCES,
            stateful_step_count=6,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            phases=[Phase.generate] if SEQUENCES else [Phase.generate, Phase.shrink],
        ),
    )
