"""What an archive copies, and what it says of each document."""

import pytest
import time_machine
from protocol.archive.world import Store, states
from protocol.conversation import NOW

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.emulator.state.content import Content
from airflow_provider_drive.protocol.items.filters import Selection

TREE = {
    "a.txt": b"a",
    "b.bin": b"bb",
    "2025/c.txt": b"ccc",
    "2025/q1/d.txt": b"dddd",
    "2026/e.docx": b"eeeee",
}


@pytest.fixture
def tree(world):
    for path, content in TREE.items():
        world.legal.put(f"In/{path}", content)
    world.vault.mkdir("Out")
    return world


class TestCopies:
    @pytest.mark.parametrize("behavior", ["skip", "fail", "replace", "rename"])
    def test_all_documents_arrive_verified_and_known_by_their_ids(self, tree, behavior):
        outcomes = tree.archive(conflict_behavior=behavior)
        assert tree.contents() == TREE
        assert states(outcomes) == dict.fromkeys(TREE, "copied")
        assert all(outcome.is_verified and outcome.is_ours for outcome in outcomes)

    def test_a_name_that_is_taken_gets_a_number(self, tree):
        tree.vault.put("Out/a.txt", b"another")
        tree.archive(conflict_behavior="rename")
        assert tree.contents() == TREE | {"a.txt": b"another", "a 1.txt": b"a"}

    def test_a_file_that_is_replaced_leaves_nothing_behind(self, tree):
        tree.vault.put("Out/a.txt", b"another")
        assert states(tree.archive(conflict_behavior="replace"))["a.txt"] == "copied"
        assert tree.contents() == TREE

    def test_a_copy_that_does_not_get_its_name_is_told_with_the_name_that_it_has(self, tree):
        tree.tenant.faults.append(Fault("PATCH", "/items/", status=403, times=99))
        outcomes = tree.archive(conflict_behavior="rename", selection=Selection(pattern=("a.txt",)))
        (outcome,) = outcomes
        (copy,) = tree.contents()
        assert outcome.state == "failed"
        assert f"did not get its name: it stays behind as '/Out/{copy}'" in outcome.reason

    def test_with_fail_the_reason_says_what_has_the_name(self, tree):
        tree.vault.put("Out/a.txt", b"another")
        (failed,) = [each for each in tree.archive(conflict_behavior="fail") if each.state == "failed"]
        assert "'a.txt' is there already: file of 7 bytes, created 20" in failed.reason

    def test_the_state_is_stored_once_for_each_chunk(self, world):
        for number in range(320):
            world.legal.put(f"In/{number}.bin", b"%d" % number)
        world.vault.mkdir("Out")
        world.archive(selection=Selection(pattern=("**",)))
        assert world.store.saves <= 4


class TestPolls:
    @pytest.fixture
    def timed(self, world):
        """An archive whose copies take as long as they say, in virtual time."""
        world.vault.mkdir("Out")
        with time_machine.travel(NOW, tick=False) as clock:
            world.pass_time = clock.shift
            yield world

    def test_most_monitors_are_polled_once_as_soon_as_it_is_known_how_long_a_copy_takes(self, timed):
        for number in range(100):
            timed.legal.put(f"In/{number}.bin", b"%d" % number)
        timed.tenant.copies = CopyBehaviour(seconds=4.0)
        timed.archive(selection=Selection(pattern=("**",)))
        polls = sum(call.where == "monitor" for call in timed.tenant.journal)
        assert 100 <= polls <= 100 + 5 * 4

    def test_copies_that_take_longer_than_the_others_are_polled_until_they_end(self, timed):
        for number in range(10):
            timed.legal.put(f"In/{number}.bin", b"%d" % number)
        timed.tenant.next_copies += [CopyBehaviour(seconds=300.0)] * 5
        outcomes = timed.archive(selection=Selection(pattern=("**",)))
        assert set(states(outcomes).values()) == {"copied"}
        assert len(outcomes) == 10


class TestSecondRun:
    def test_copies_nothing_and_says_that_all_is_there(self, tree):
        tree.archive()
        outcomes = tree.archive(store=Store())
        assert states(outcomes) == dict.fromkeys(TREE, "there")
        assert len(tree.tenant.jobs) == 4

    def test_a_file_that_the_service_has_rewritten_is_there_and_not_verified(self, tree):
        tree.tenant.rewrites_office = True
        tree.archive()
        (outcome,) = [each for each in tree.archive(store=Store()) if each.found.path == "2026/e.docx"]
        assert (outcome.state, outcome.is_verified) == ("there", False)

    @pytest.mark.parametrize("behavior", ["fail", "replace"])
    def test_a_retry_counts_exact_content_that_is_not_older_as_its_copy(self, tree, behavior):
        tree.archive(conflict_behavior=behavior)
        tree.store.states["archive"]["done"] = {}
        outcomes = tree.archive(conflict_behavior=behavior)
        assert set(states(outcomes).values()) == {"copied"}
        assert not any(outcome.is_ours for outcome in outcomes)
        assert len(tree.tenant.jobs) == 4


class TestRewrittenFiles:
    @pytest.mark.parametrize("behavior", ["skip", "fail", "replace", "rename"])
    def test_one_whose_id_is_known_is_verified(self, tree, behavior):
        tree.tenant.rewrites_office = True
        outcomes = tree.archive(conflict_behavior=behavior)
        assert all(outcome.is_verified for outcome in outcomes)

    def test_without_an_id_fail_says_what_has_the_name(self, tree):
        tree.tenant.rewrites_office = True
        tree.archive(conflict_behavior="fail")
        tree.store.states["archive"]["done"] = {}
        (failed,) = [each for each in tree.archive(conflict_behavior="fail") if each.state == "failed"]
        assert "the service rewrites such files" in failed.reason


class TestWholeFolders:
    def test_what_a_folder_copy_has_left_out_is_copied_by_itself(self, tree):
        tree.tenant.next_copies += [CopyBehaviour(), CopyBehaviour(leaves_out=1), CopyBehaviour(leaves_out=1)]
        outcomes = tree.archive(destination=tree.address(tree.vault, "Out/new"))
        assert tree.contents(path="Out/new") == TREE
        assert states(outcomes) == dict.fromkeys(TREE, "copied")

    @pytest.mark.parametrize("behavior", ["skip", "rename"])
    def test_one_that_is_incomplete_is_filled_up(self, tree, behavior):
        tree.tenant.next_copies.append(CopyBehaviour(leaves_out=["d.txt", "a.txt"]))
        outcomes = tree.archive(destination=tree.address(tree.vault, "Out/new"), conflict_behavior=behavior)
        assert tree.contents(path="Out/new") == TREE
        assert states(outcomes) == dict.fromkeys(TREE, "copied")
        assert sorted(job.source.name for job in tree.tenant.jobs) == ["In", "a.txt", "d.txt"]

    def test_one_that_lies_elsewhere_is_reported_and_not_requested_again(self, tree):
        tree.tenant.next_copies.append(CopyBehaviour(misplaced=tree.vault.mkdir("Elsewhere")))
        for _ in range(2):
            outcomes = tree.archive(destination=tree.address(tree.vault, "Out/new"))
            assert set(states(outcomes).values()) == {"failed"}
            assert "it is in the folder" in outcomes[0].reason
        assert len(tree.tenant.jobs) == 1

    def test_one_that_fails_is_copied_document_by_document(self, tree):
        tree.tenant.next_copies.append(CopyBehaviour(failure="generalException", partial=2))
        outcomes = tree.archive(destination=tree.address(tree.vault, "Out/new"), conflict_behavior="rename")
        assert tree.contents(path="Out/new") == TREE
        assert states(outcomes) == dict.fromkeys(TREE, "copied")


class TestItemsThatAreNotCopied:
    def test_a_shortcut_is_reported_and_what_it_leads_to_is_left_alone(self, world):
        target = world.tenant.drive("personal").put("theirs.txt", b"theirs")
        remote = {"id": target.id, "parentReference": {"driveId": target.drive.id}, "file": {}}
        shortcut = world.legal.put("In/link.txt", b"", facets={"remoteItem": remote})
        world.legal.put("In/a.txt", b"a")
        for order in ({}, {"items": world.given(shortcut)}):
            outcomes = world.archive(store=Store(), **order)
            assert states(outcomes)["link.txt"] == "failed"
            assert "it is a shortcut" in next(each.reason for each in outcomes if each.state == "failed")
        assert world.contents() == {"a.txt": b"a"}

    def test_an_item_of_no_known_kind_is_reported(self, world):
        world.legal.put("In/a.txt", b"a")
        world.legal.put("In/bundle", b"", facets={"file": None, "bundle": {"childCount": 1}})
        outcomes = world.archive()
        assert states(outcomes) == {"a.txt": "copied", "bundle": "failed"}


class TestItemsThatAreGone:
    def test_one_that_was_never_copied_is_reported_though_another_file_has_its_name(self, world):
        document = world.legal.put("In/a.txt", b"a")
        items = world.given(document)
        world.tenant.next_copies.append(CopyBehaviour(failure="generalException"))
        assert states(world.archive(items=items)) == {"a.txt": "failed"}
        world.legal.remove(document)
        world.legal.put("In/a.txt", b"another")
        world.vault.put("Out/a.txt", b"somebody's")
        assert states(world.archive(items=items)) == {"a.txt": "failed"}

    def test_one_that_was_copied_and_whose_owner_deleted_it_is_copied_and_gone(self, world):
        document = world.legal.put("In/a.txt", b"a")
        world.archive(items=world.given(document))
        world.legal.remove(document)
        (outcome,) = world.archive(items=world.given(document))
        assert (outcome.state, outcome.is_gone) == ("copied", True)
        assert outcome.copy.ref.item_id == world.vault.find("Out/a.txt").id

    @pytest.mark.parametrize("fate", ["deleted", "moved"])
    def test_one_whose_owner_deleted_it_and_whose_copy_is_not_there_has_failed(self, world, fate):
        document = world.legal.put("In/a.txt", b"a")
        world.archive(items=world.given(document))
        copy = world.vault.find("Out/a.txt")
        world.vault.remove(copy)
        if fate == "moved":
            world.vault.attach(copy, world.vault.mkdir("Elsewhere"))
        world.legal.remove(document)
        (outcome,) = world.archive(items=world.given(document))
        assert (outcome.state, outcome.is_gone) == ("failed", False)

    @pytest.mark.parametrize("by_path", [False, True])
    def test_one_that_this_archive_has_deleted_is_not_reported_again(self, world, by_path):
        document = world.legal.put("In/a.txt", b"a")
        items = [("a.txt", world.address(world.legal, "In/a.txt"))] if by_path else world.given(document)
        assert world.delete(world.archive(items=items))["a.txt"].state == "deleted"
        assert world.archive(items=items) == []
        assert world.state.deleted == {"copied": 1, "bytes": 1, "deleted": 1}


def test_a_copy_that_somebody_edits_before_it_gets_its_name_is_left(world):
    world.legal.put("In/a.txt", b"first")
    world.vault.mkdir("Out")

    def edit(request):
        copies = [item for item in world.vault.children("Out") if item.name.startswith("~")]
        if request.method == "GET" and copies and not copies[0].versions:
            world.vault.write(copies[0], Content(b"mine!"))

    world.tenant.witness = edit
    assert states(world.archive(conflict_behavior="rename")) == {"a.txt": "failed"}
    assert list(world.contents().values()) == [b"mine!"]
