"""Requests that are sent again because their answers were lost, while the first may still be running."""

from contextlib import suppress

import pytest
from protocol.archive.world import Killed, World, states

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.protocol.items.filters import Selection

SLOW = CopyBehaviour(looks=999)


class Timed(World):
    """A world whose copies end when the service's clock says so."""

    def __init__(self, behavior):
        super().__init__()
        self.legal.put("In/a.txt", b"a")
        self.vault.put("Out/a.txt", b"somebody's")
        self.ends = {}
        self.order = {"conflict_behavior": behavior, "selection": Selection(pattern=("**",))}

    def pass_time(self, seconds):
        for _ in range(int(seconds)):
            super().pass_time(1.0)
            self.end_jobs()
        super().pass_time(seconds % 1)

    def end_jobs(self):
        """End the jobs that have taken as long as they are to take; the others run for ever."""
        for number, job in enumerate(self.tenant.jobs):
            begun = self.ends.setdefault(job.id, self.now())
            if job.is_running and self.now() - begun >= self.seconds.get(number, 1e9):
                job.end()

    def die_at_each_request(self, times):
        """Let the process end when a request for a copy was answered, before the answer is stored."""
        for _ in range(times):
            made = len(self.tenant.jobs)
            steps = self.steps(self.flow([], **self.order), self.store)
            with suppress(StopIteration):
                while len(self.tenant.jobs) == made:
                    next(steps)
            steps.close()

    def end(self):
        for job in self.tenant.jobs:
            if job.is_running:
                job.end()


def left(world):
    return [path for path in world.contents() if "~" in path]


def make(behavior, seconds):
    world = Timed(behavior)
    world.seconds = seconds
    world.tenant.copies = SLOW
    return world


@pytest.mark.parametrize("behavior", ["replace", "rename"])
class TestBothRequestsAreMade:
    def test_a_copy_that_comes_after_that_of_its_repetition_finds_its_name_taken(self, behavior):
        world = make(behavior, {0: 30.0})
        world.die_at_each_request(1)
        world.tenant.next_copies.append(CopyBehaviour())
        assert states(world.archive(**world.order)) == {"a.txt": "copied"}
        world.end()
        assert ([job.state for job in world.tenant.jobs], left(world)) == (["failed", "completed"], [])

    def test_two_processes_that_died_leave_no_copy_behind(self, behavior):
        world = make(behavior, {0: 25.0, 1: 18.0})
        world.die_at_each_request(2)
        assert states(world.archive(**world.order)) == {"a.txt": "copied"}
        world.end()
        assert ([job.state for job in world.tenant.jobs], left(world)) == (["completed", "failed"], [])

    def test_two_answers_that_were_lost_leave_no_copy_behind(self, behavior):
        world = make(behavior, {0: 125.0, 1: 15.0})
        world.tenant.faults.append(Fault("POST", kind="drop_after", effect=True, times=2))
        assert states(world.archive(**world.order)) == {"a.txt": "copied"}
        world.end()
        assert ([job.state for job in world.tenant.jobs], left(world)) == (["completed", "failed"], [])

    def test_one_process_that_died_is_not_waited_for_twice(self, behavior):
        world = make(behavior, {0: 1.0})
        world.die_at_each_request(1)
        begun = world.now()
        assert states(world.archive(**world.order)) == {"a.txt": "copied"}
        assert world.now() - begun < 15.0
        assert (len(world.tenant.jobs), left(world)) == (1, [])


def test_a_copy_whose_monitor_cannot_be_decrypted_is_searched_before_it_is_requested_again():
    world = make("rename", {0: 15.0})
    with suppress(Killed):
        world.archive(kill_at=40, **world.order)
    assert world.store.states["archive"]["pending"]
    world.store.decrypt = lambda _: None
    assert states(world.archive(**world.order)) == {"a.txt": "copied"}
    assert (len(world.tenant.jobs), left(world)) == (1, [])
