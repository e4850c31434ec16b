"""An archive whose process ends at any step, and the try after it."""

from contextlib import suppress

import pytest
from protocol.archive.world import Killed, Store, World, states

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.protocol.archive.state import read_completion_event
from airflow_provider_drive.protocol.items.filters import Selection

ONE_BY_ONE = Selection(pattern=("**",))
TREE = {
    "2024/report.docx": b"the report of 2024",
    "2025/report.docx": b"the report of 2025",
    "2026/report.docx": b"the report of 2026",
    "a.txt": b"a",
}
BEHAVIORS = ["skip", "fail", "replace", "rename"]
ORDERS = {
    "one by one": {"selection": ONE_BY_ONE},
    "flat": {"keep_structure": False},
    "whole": {},
    "documents and folders": {"destination": "Out/new"},
}


def make(behavior, order="one by one", *, taken=b"another", looks=0):
    world = World()
    for path, content in TREE.items():
        world.legal.put(f"In/{path}", content)
    if ORDERS[order].get("destination") is None:
        world.vault.put("Out/a.txt", taken)
    world.tenant.copies = CopyBehaviour(looks=looks)
    world.order = {"conflict_behavior": behavior, **ORDERS[order]}
    if "destination" in world.order:
        world.vault.mkdir("Out")
        world.order["destination"] = world.address(world.vault, "Out/new")
    return world


def steps_of(make_world):
    """Return how many steps a run takes that is not stopped."""
    world = make_world()
    steps = world.steps(world.flow([], timings=SHORT, **world.order), Store())
    return sum(1 for _ in steps)


SHORT = {"find": 20.0}


def stop(world, kill_at):
    """Run an archive that is stopped at a step, if it takes so many."""
    with suppress(Killed):
        world.archive(kill_at=kill_at, timings=SHORT, **world.order)


def try_until_done(world, *kills):
    """Run an archive that is stopped at some steps, and once more."""
    for kill_at in kills:
        stop(world, kill_at)
    return world.archive(timings=SHORT, **world.order)


def copied_contents(world):
    return sorted(content for content in world.contents().values() if content != b"another")


def temporary_names(world):
    return [path for path in world.contents() if "~" in path]


class TestEachStep:
    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_each_document_is_copied_once_whenever_the_process_ends(self, behavior, order):
        if order == "flat" and behavior != "rename":
            pytest.skip("three documents of one name can only be renamed")

        def new():
            return make(behavior, order)

        for kill_at in range(1, steps_of(new) + 1):
            world = new()
            outcomes = try_until_done(world, kill_at)
            is_refused = behavior in {"skip", "fail"} and order != "documents and folders"
            expected = sorted(
                content for path, content in TREE.items() if not (is_refused and path == "a.txt")
            )
            assert copied_contents(world) == expected, kill_at
            assert temporary_names(world) == [], kill_at
            assert list(states(outcomes).values()).count("failed") == is_refused, kill_at
            assert sorted(states(outcomes)) == sorted(TREE), kill_at
            sources = [item for item in world.legal.find("In").walk() if not item.is_folder]
            assert max(world.tenant.copies_made(item.id) for item in sources) <= 1, kill_at

    @pytest.mark.parametrize("forgets", [False, True])
    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    def test_nothing_is_left_behind_in_drives_that_ignore_conflict_behaviors(self, behavior, forgets):
        def new():
            world = make(behavior)
            world.tenant.move_honours_conflict = False
            return world

        for kill_at in range(1, steps_of(new) + 1):
            world = new()
            stop(world, kill_at)
            for job in world.tenant.jobs:
                job.behaviour.lost = forgets
            assert set(states(world.archive(timings=SHORT, **world.order)).values()) == {"copied"}, kill_at
            assert copied_contents(world) == sorted(TREE.values()), kill_at
            assert temporary_names(world) == [], kill_at

    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_copies_that_are_under_way_are_polled_and_not_requested_again(self, behavior):
        for kill_at in range(1, steps_of(lambda: make(behavior, looks=2)) + 1):
            world = make(behavior, looks=2)
            try_until_done(world, kill_at)
            expected = len(TREE) - (behavior in {"skip", "fail"})
            assert sum(job.state == "completed" for job in world.tenant.jobs) == expected, kill_at
            assert temporary_names(world) == []

    @pytest.mark.parametrize("behavior", ["skip", "replace", "rename"])
    def test_two_crashes_make_no_more_copies_than_one(self, behavior):
        count = steps_of(lambda: make(behavior))
        for first in range(1, count, 5):
            for second in range(1, count, 7):
                world = make(behavior)
                try_until_done(world, first, second)
                sources = [item for item in world.legal.find("In").walk() if not item.is_folder]
                assert max(world.tenant.copies_made(item.id) for item in sources) <= 1
                assert temporary_names(world) == []


class TestRewrittenFiles:
    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    def test_copies_under_names_of_their_own_are_known(self, behavior):
        """They have neither the size nor the hash of their sources."""

        def new():
            world = make(behavior)
            world.tenant.rewrites_office = True
            for name in ("2024", "2025", "2026"):
                world.vault.put(f"Out/{name}/report.docx", b"another")
            return world

        for kill_at in range(1, steps_of(new) + 1):
            world = new()
            outcomes = try_until_done(world, kill_at)
            assert set(states(outcomes).values()) == {"copied"}, kill_at
            assert all(outcome.is_verified for outcome in outcomes), kill_at
            assert temporary_names(world) == []
            assert len(world.contents()) == (4 if behavior == "replace" else 8), kill_at


class TestChangesBetweenTries:
    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    @pytest.mark.parametrize("looks", [0, 2])
    def test_an_edited_document_is_copied_as_it_is_now(self, behavior, looks):
        def new():
            return make(behavior, looks=looks)

        unnamed = 0
        for kill_at in range(1, steps_of(new) + 1):
            world = new()
            stop(world, kill_at)
            world.tenant.clock_offset += 5.0
            world.legal.put("In/a.txt", b"edited since")
            unnamed += any(name.startswith("~") and name.endswith(".txt") for name in temporary_names(world))
            has_name = b"a" in [each for name, each in world.contents().items() if "~" not in name]
            outcomes = world.archive(timings=SHORT, **world.order)
            assert temporary_names(world) == [], kill_at
            (outcome,) = [each for each in outcomes if each.found.path == "a.txt"]
            if outcome.state == "copied":
                assert world.vault.items[outcome.copy.ref.item_id].content.data == b"edited since", kill_at
            else:
                assert has_name or world.tenant.jobs[-1].is_running or looks, kill_at
                assert "It was left there" in outcome.reason
        assert unnamed

    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    def test_a_finished_copy_that_somebody_has_edited_is_left_alone(self, behavior):
        world = make(behavior)
        world.archive(**world.order)
        world.vault.put("Out/2024/report.docx", b"what somebody has written into the copy" * 1000)
        (failed,) = [each for each in world.archive(**world.order) if each.state == "failed"]
        assert "It was left there" in failed.reason
        assert world.contents()["2024/report.docx"].startswith(b"what somebody")

    def test_a_copy_that_was_removed_from_the_destination_is_not_made_again(self):
        world = make("skip", taken=b"a")
        world.archive(**world.order)
        for name in ("2024", "2025", "2026"):
            world.vault.remove(world.vault.find(f"Out/{name}/report.docx"))
        made = len(world.tenant.jobs)
        outcomes = world.archive(**world.order)
        failed = [each for each in outcomes if each.state == "failed"]
        assert (len(world.tenant.jobs), len(failed)) == (made, 3)
        assert "No retry requests another copy" in failed[0].reason

    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    @pytest.mark.parametrize("kind", ["drop_after", "garbage"])
    def test_a_copy_is_not_made_again_if_the_answer_to_its_renaming_is_lost(self, behavior, kind):
        world = make(behavior)
        world.tenant.faults.append(Fault("PATCH", kind=kind, effect=True, after=1, times=99))
        world.archive(timings=SHORT, **world.order)
        world.tenant.faults.clear()
        made = len(world.tenant.jobs)
        assert set(states(world.archive(timings=SHORT, **world.order)).values()) == {"copied"}
        assert (len(world.tenant.jobs), temporary_names(world)) == (made, [])

    def test_a_copy_that_was_moved_from_the_destination_is_not_made_again(self):
        world = make("skip", taken=b"a")
        world.archive(**world.order)
        copy = world.vault.find("Out/2024/report.docx")
        world.vault.detach(copy)
        world.vault.attach(copy, world.vault.mkdir("Sorted"))
        made = len(world.tenant.jobs)
        (failed,) = [each for each in world.archive(**world.order) if each.state == "failed"]
        assert len(world.tenant.jobs) == made
        assert "it is in the folder" in failed.reason

    def test_monitors_that_cannot_be_decrypted_are_replaced_by_a_search(self, world):
        world = make("rename", looks=3)
        stop(world, steps_of(lambda: make("rename", looks=3)) // 2)
        assert world.store.states["archive"]["pending"]
        world.store.decrypt = lambda _: None
        assert set(states(world.archive(timings=SHORT, **world.order)).values()) == {"copied"}
        assert len(world.contents()) == 5


class TestDeferrals:
    @pytest.mark.parametrize("behavior", BEHAVIORS)
    @pytest.mark.parametrize("order", ["one by one", "documents and folders"])
    def test_each_document_is_paired_with_its_own_copy(self, behavior, order):
        world = make(behavior, order, looks=4)
        world.tenant.rewrites_office = True
        outcomes = []
        world.archive(outcomes, max_idle=0.0, **world.order)
        assert world.state.pending
        assert outcomes == [] or behavior in {"skip", "fail"}
        completed = {job.source.id: job for job in world.tenant.jobs}
        for job in completed.values():
            job.end()
        event = {
            "status": "ended",
            "completed": {source_id: job.resource.id for source_id, job in completed.items()},
            "failed": {},
        }
        world.store.states["archive"] = read_completion_event(event, world.state).as_dict()
        outcomes = world.archive(**world.order)
        for outcome in outcomes:
            if outcome.state == "copied":
                copy = world.vault.items[outcome.copy.ref.item_id]
                assert (
                    copy.content.data[1:18] == TREE[outcome.found.path][1:18]
                )  # the service rewrites the first
                assert outcome.is_verified
        assert temporary_names(world) == []
        assert len(world.tenant.jobs) == len(completed)

    def test_copies_that_have_ended_before_do_not_keep_it_from_being_deferred(self):
        world = make("skip", taken=b"a")
        world.tenant.next_copies += [CopyBehaviour(), CopyBehaviour(looks=999), CopyBehaviour(looks=999)]
        world.order["keep_structure"] = True
        for name in ("2024", "2025"):
            world.legal.put(f"In/2026/{name}.docx", b"another report")
        world.tenant.copies = CopyBehaviour(looks=999)
        world.archive(max_idle=30.0, **world.order)
        assert len(world.state.pending) == 4
        assert len(world.state.done) == 1

    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_a_completed_copy_that_cannot_be_read_yet_is_waited_for_if_no_monitor_is_left(self, behavior):
        world = make(behavior)
        world.vault.remove(world.vault.find("Out/a.txt"))
        world.tenant.copies = CopyBehaviour(looks=1, read_lag=3)
        outcomes = world.archive(max_idle=0.0, **world.order)
        if world.state.pending:
            for job in world.tenant.jobs:
                job.end()
            outcomes = world.archive(max_idle=0.0, **world.order)
        assert not world.state.pending
        assert sorted(states(outcomes)) == sorted(TREE)
        assert set(states(outcomes).values()) == {"copied"}
        assert temporary_names(world) == []

    def test_what_is_edited_meanwhile_is_not_verified(self):
        world = make("skip", looks=4, taken=b"a")
        world.tenant.rewrites_office = True
        world.archive(max_idle=0.0, **world.order)
        world.legal.put("In/2024/report.docx", b"the report of 2023")
        for job in world.tenant.jobs:
            job.end()
        completed = {job.source.id: job.resource.id for job in world.tenant.jobs}
        event = {"status": "ended", "completed": completed, "failed": {}}
        world.store.states["archive"] = read_completion_event(event, world.state).as_dict()
        verified = {each.found.path: each.is_verified for each in world.archive(**world.order)}
        assert verified == {
            "2024/report.docx": False,
            "2025/report.docx": True,
            "2026/report.docx": True,
            "a.txt": True,
        }
