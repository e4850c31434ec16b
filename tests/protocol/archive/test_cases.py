"""What archives meet in the wild: other people's files, clocks that are off, pages that repeat items."""

import pytest
from protocol.archive.world import Killed, Store, World, states

from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.protocol.timing import Timings, Wait


class WorldOfAWrongClock(World):
    """The worker's clock is wrong by some seconds."""

    skew = 0.0

    def wait(self, **timings):
        clock = lambda: self.now() + self.skew  # noqa: E731  # a clock, not a function to be named
        return Wait(clock=clock, timer=self.now, poll_interval=5.0, timings=Timings(**timings))


@pytest.mark.parametrize("name", ["report.docx", "report.txt"])
def test_a_copy_that_lies_elsewhere_is_not_taken_for_somebody_elses_file_of_its_name(world, name):
    original = world.legal.put(f"In/{name}", b"the original, of some size")
    world.vault.put("Out/other.txt", b"so that it is copied by itself")
    elsewhere = world.vault.mkdir("Elsewhere")
    world.tenant.next_copies.append(CopyBehaviour(misplaced=elsewhere))
    run = world.steps(world.flow(outcomes := []), world.store)
    for said in run:
        if getattr(said, "method", "") == "POST" and world.tenant.jobs:
            world.vault.put(f"Out/{name}", b"somebody's file, about as long")
    assert states(outcomes) == {name: "failed"}
    assert "Elsewhere" in outcomes[0].reason or "it is in the folder" in outcomes[0].reason
    assert world.delete(outcomes) == {}
    assert world.legal.find(f"In/{name}") is original
    assert len(world.tenant.jobs) == 1


@pytest.mark.parametrize("behavior", ["skip", "fail", "rename", "replace"])
def test_pages_that_repeat_items_make_no_second_copies(world, behavior):
    for number in range(25):
        world.legal.put(f"In/{number:02}.txt", b"%d" % number)
    world.vault.put("Out/other.txt", b"so that each is copied by itself")
    world.tenant.page_size = world.tenant.longest_page = 5
    world.tenant.repeats_items = 2
    outcomes = world.archive(conflict_behavior=behavior)
    assert len(outcomes) == len(world.tenant.jobs) == 25
    assert len(world.contents()) == 26


@pytest.mark.parametrize("skew", [-86_400.0, -60.0, 60.0, 86_400.0])
@pytest.mark.parametrize("kill_at", range(4, 24, 3))
def test_items_for_a_missing_destination_are_copied_once_whatever_the_clock_of_the_worker(skew, kill_at):
    world = WorldOfAWrongClock()
    world.skew = skew
    documents = [world.legal.put(f"In/{name}.docx", name.encode() * 50) for name in "abc"]
    order = {"items": world.given(*documents), "conflict_behavior": "rename", "store": Store()}
    try:
        world.archive(kill_at=kill_at, **order)
    except Killed:
        outcomes = world.archive(**order)
        assert states(outcomes) == {f"{name}.docx": "copied" for name in "abc"}
    assert sorted(world.contents()) == ["a.docx", "b.docx", "c.docx"]
