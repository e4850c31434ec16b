"""What of the originals is deleted, and on what evidence."""

import itertools
import random
from datetime import timedelta

import pytest
from protocol.archive.world import Killed, Store, World, states
from protocol.conversation import answer, converse, wait

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveAccessDeniedError
from airflow_provider_drive.protocol import batch
from airflow_provider_drive.protocol.archive.delete_originals import count_deleting, delete_originals
from airflow_provider_drive.protocol.archive.state import ArchiveState, Deleting
from airflow_provider_drive.protocol.items.filters import Selection

TREE = {"a.txt": b"a", "b.bin": b"bb", "c.docx": b"ccc"}


@pytest.fixture
def archived(world):
    """An archive whose documents are copied and verified."""
    world.tenant.rewrites_office = True
    for path, content in TREE.items():
        world.legal.put(f"In/{path}", content)
    world.vault.mkdir("Out")
    world.outcomes = world.archive()
    return world


def left(world):
    return sorted(world.contents(world.legal, "In"))


def kinds(fates):
    return {path: fate.state for path, fate in fates.items()}


class TestEvidence:
    def test_originals_whose_copies_are_there_are_deleted(self, archived):
        assert kinds(archived.delete(archived.outcomes)) == dict.fromkeys(TREE, "deleted")
        assert left(archived) == []

    def test_one_whose_copy_was_deleted_since_is_kept(self, archived):
        archived.vault.remove(archived.vault.find("Out/a.txt"))
        fates = archived.delete(archived.outcomes)
        assert (fates["a.txt"].state, left(archived)) == ("kept", ["a.txt"])
        assert "not to be seen" in fates["a.txt"].reason

    def test_one_whose_copy_was_replaced_by_somebody_elses_file_of_that_name_is_kept(self, archived):
        archived.vault.remove(archived.vault.find("Out/c.docx"))
        archived.vault.put("Out/c.docx", b"CCC")
        archived.delete(archived.outcomes)
        assert left(archived) == ["c.docx"]

    @pytest.mark.parametrize("name", ["a.txt", "c.docx"])
    def test_one_whose_copy_has_another_content_by_now_is_kept(self, archived, name):
        archived.vault.put(f"Out/{name}", b"much longer than before" * 1000)
        archived.delete(archived.outcomes)
        assert left(archived) == [name]

    def test_one_whose_copy_was_moved_is_kept(self, archived):
        copy = archived.vault.find("Out/a.txt")
        archived.vault.detach(copy)
        archived.vault.attach(copy, archived.vault.mkdir("Elsewhere"))
        assert archived.delete(archived.outcomes)["a.txt"].reason == "its copy was moved to another folder"

    def test_one_whose_copy_was_deleted_while_its_deletion_was_put_off_is_kept(self, archived, monkeypatch):
        clock = {"clock": lambda: archived.tenant.clock_offset}
        monkeypatch.setattr(batch.batched, "__kwdefaults__", clock)

        def put_off(request):
            if b'"DELETE"' in request.body and archived.vault.find("Out/a.txt"):
                archived.vault.remove(archived.vault.find("Out/a.txt"))
                return Fault(kind="refuse", status=429, retry_after=60)
            return None

        archived.tenant.witness = put_off
        assert kinds(archived.delete(archived.outcomes)) == {
            "a.txt": "kept",
            "b.bin": "deleted",
            "c.docx": "deleted",
        }
        assert left(archived) == ["a.txt"]

    def test_one_that_was_edited_since_is_kept(self, archived):
        archived.legal.put("In/a.txt", b"edited")
        assert "it was changed since it was copied" in archived.delete(archived.outcomes)["a.txt"].reason

    def test_one_that_somebody_else_has_deleted_is_gone_and_not_deleted(self, archived):
        archived.legal.remove(archived.legal.find("In/a.txt"))
        assert archived.delete(archived.outcomes)["a.txt"].state == "gone"
        assert archived.store.states["archive"]["deleted"] == {
            "copied": 3,
            "bytes": 6,
            "deleted": 2,
            "gone": 1,
        }

    def test_a_rewritten_file_that_was_there_is_never_deleted(self, archived):
        outcomes = archived.archive(store=Store())
        assert set(states(outcomes).values()) == {"there"}
        archived.delete(outcomes)
        assert left(archived) == ["c.docx"]


class TestNotebooks:
    @pytest.fixture
    def notebook(self, world):
        """A notebook that is copied and verified."""
        package = {"package": {"type": "oneNote"}, "folder": None}
        book = world.legal.mkdir("In/Notes")
        book.facets |= package
        world.legal.put("In/Notes/one.one", b"first")
        world.legal.put("In/Notes/two.one", b"second")
        world.vault.mkdir("Out")
        world.outcomes = world.archive(selection=Selection(pattern=("**",)))
        assert states(world.outcomes) == {"Notes": "copied"}
        assert world.outcomes[0].is_verified
        return world

    def test_one_that_has_not_changed_is_deleted(self, notebook):
        assert kinds(notebook.delete(notebook.outcomes)) == {"Notes": "deleted"}

    def test_one_with_an_edited_section_is_kept(self, notebook):
        notebook.legal.put("In/Notes/one.one", b"an edit that is in no copy" * 1000)
        assert kinds(notebook.delete(notebook.outcomes)) == {"Notes": "kept"}

    def test_one_with_a_section_that_was_edited_in_the_second_of_its_copy_is_kept(self, notebook):
        section = notebook.legal.put("In/Notes/one.one", b"FIRST")
        section.modified = notebook.vault.find("Out/Notes/one.one").created
        (fate,) = notebook.delete(notebook.outcomes).values()
        assert fate == ("kept", "'one.one' in it may have been edited since its copy was made")

    def test_one_whose_copy_the_service_has_rewritten_is_deleted(self, notebook):
        copy = notebook.vault.put("Out/Notes/one.one", b"first, and what the service adds")
        copy.created = copy.modified = notebook.legal.find("In/Notes/one.one").modified + timedelta(seconds=1)
        assert kinds(notebook.delete(notebook.outcomes)) == {"Notes": "deleted"}

    def test_one_that_is_edited_while_it_is_compared_is_kept(self, notebook):
        listings = itertools.count()

        def edit(request):
            if request.path.endswith("/children") and next(listings) == 1:
                notebook.legal.put("In/Notes/one.one", b"First")

        notebook.tenant.witness = edit
        fates = notebook.delete(notebook.outcomes)
        assert fates["Notes"].reason == "it was changed while it was compared"

    def test_one_whose_copy_has_lost_a_section_is_kept(self, notebook):
        notebook.vault.remove(notebook.vault.find("Out/Notes/two.one"))
        assert "its copy is not complete" in notebook.delete(notebook.outcomes)["Notes"].reason


class TestCrashes:
    def test_each_original_is_counted_once_whenever_the_process_ends(self):
        for kill_at in range(1, 60):
            world = World()
            for path, content in TREE.items():
                world.legal.put(f"In/{path}", content)
            world.vault.mkdir("Out")
            outcomes = world.archive()
            try:
                world.delete(outcomes, kill_at=kill_at)
            except Killed:
                outcomes = world.archive()
                fates = world.delete(outcomes)
                counts = world.store.states["archive"]["deleted"]
                assert counts["copied"] == 3, kill_at
                assert counts.get("deleted", 0) + counts.get("gone", 0) == 3, kill_at
                assert set(kinds(fates).values()) <= {"deleted"}, kill_at
                assert left(world) == []
            else:
                return
        raise AssertionError("it does not end")

    def test_an_edited_original_that_no_longer_passes_the_filter_does_not_count_as_deleted(self, archived):
        document = archived.legal.find("In/a.txt")
        with pytest.raises(Killed):
            archived.delete(archived.outcomes, kill_at=_first_delete(archived))
        assert document.id in archived.store.states["archive"]["deleting"]
        archived.archive(selection=Selection(exclude=("a.txt",)))
        assert archived.state.deleted == {}
        assert document.id in archived.legal.items


def _first_delete(world):
    """The step right after the checkpoint that says what is being deleted."""
    flow = delete_originals(
        [each for each in world.outcomes if each.is_verified], lambda *_: None, world.wait()
    )
    for count, said in enumerate(world.steps(flow, Store()), start=1):
        if type(said).__name__ == "Checkpoint":
            return count
    raise AssertionError


class TestTwoArchivesInOppositeDirections:
    @pytest.mark.parametrize("seed", range(60))
    def test_one_of_the_two_files_is_always_left(self, world, seed):
        pick = chance(seed)
        for path, content in TREE.items():
            world.legal.put(f"In/{path}", content)
            world.vault.put(f"Out/{path}", content)
        there, back = [], []
        flows = [
            world.flow(there),
            world.flow(
                back, source=world.address(world.vault, "Out"), destination=world.address(world.legal, "In")
            ),
        ]
        side_by_side(world, [(flow, Store()) for flow in flows], pick)
        deletions = [
            delete_originals([each for each in outcomes if each.is_verified], lambda *_: None, world.wait())
            for outcomes in (there, back)
        ]
        side_by_side(world, [(flow, Store()) for flow in deletions], pick)
        contents = [*world.contents().values(), *world.contents(world.legal, "In").values()]
        assert set(contents) == set(TREE.values())


def chance(seed):
    return random.Random(seed)  # noqa: S311  # nothing secret


def side_by_side(world, tasks, pick):
    """Run tasks in an order that chance decides, request by request."""
    running = [world.steps(flow, store) for flow, store in tasks]
    while running:
        steps = pick.choice(running)
        try:
            for _ in range(pick.choice((1, 1, 2, 5))):
                next(steps)
        except StopIteration:
            running.remove(steps)


class TestArchivesSideBySide:
    @pytest.mark.parametrize("seed", range(10))
    def test_with_rename_each_has_its_own_copies(self, world, seed):
        for path, content in TREE.items():
            world.legal.put(f"In/{path}", content)
        world.vault.mkdir("Out")
        pick, results = chance(seed), [[] for _ in range(4)]
        tasks = [(world.flow(outcomes, conflict_behavior="rename"), Store()) for outcomes in results]
        side_by_side(world, tasks, pick)
        assert [set(states(outcomes).values()) for outcomes in results] == [{"copied"}] * 4
        copies = {outcome.copy.ref for outcomes in results for outcome in outcomes}
        assert len(copies) == len(world.contents()) == 12
        assert not [path for path in world.contents() if "~" in path]

    @pytest.mark.parametrize("seed", range(10))
    def test_with_replace_nothing_is_left_behind(self, world, seed):
        for path, content in TREE.items():
            world.legal.put(f"In/{path}", content)
            world.vault.put(f"Out/{path}", b"older")
        world.tenant.move_honours_conflict = bool(seed % 2)
        pick, results = chance(seed), [[] for _ in range(3)]
        tasks = [(world.flow(outcomes, conflict_behavior="replace"), Store()) for outcomes in results]
        side_by_side(world, tasks, pick)
        assert world.contents() == TREE

    @pytest.mark.parametrize("seed", range(10))
    def test_with_skip_each_copy_is_counted_as_copied_once(self, world, seed):
        for path, content in TREE.items():
            world.legal.put(f"In/{path}", content)
        world.vault.mkdir("Out")
        pick, results = chance(seed), [[] for _ in range(3)]
        side_by_side(world, [(world.flow(outcomes), Store()) for outcomes in results], pick)
        assert world.contents() == TREE
        counted = [outcome.state for outcomes in results for outcome in outcomes]
        assert (counted.count("copied"), counted.count("there")) == (3, 6)


class TestCost:
    def test_a_thousand_verified_documents_into_one_folder(self, world):
        for number in range(1_000):
            world.legal.put(f"In/{number}.bin", b"%d" % number)
        world.vault.mkdir("Out")
        outcomes = world.archive(selection=Selection(pattern=("**",)))
        assert all(outcome.is_verified for outcome in outcomes)
        assert world.tenant.units_spent <= 2.2 * 1_000
        spent = world.tenant.units_spent
        assert set(kinds(world.delete(outcomes)).values()) == {"deleted"}
        assert world.tenant.units_spent - spent <= 2.1 * 1_000

    def test_a_folder_taken_whole(self, world):
        for number in range(1_000):
            world.legal.put(f"In/{number}.bin", b"%d" % number)
        outcomes = world.archive()
        assert sum(outcome.is_verified for outcome in outcomes) == 1_000
        assert world.tenant.units_spent <= 0.05 * 1_000


class TestCountingAfterACrash:
    @pytest.fixture
    def state(self):
        deleting = {"01A": Deleting("d", "copied", 1), "01B": Deleting("d", "copied", 2)}
        return ArchiveState(begun=0.0, deleting=deleting)

    @pytest.fixture
    def one_unread(self):
        parts = [{"id": str(number), "status": status} for number, status in enumerate((404, 403))]
        return answer(200, {"responses": parts})

    def test_an_original_that_cannot_be_read_is_left_to_be_counted_later(self, state, one_unread):
        talk = converse(count_deleting(state), one_unread)

        assert isinstance(talk.result, DriveAccessDeniedError)
        assert (set(state.deleting), state.deleted["gone"]) == ({"01B"}, 1)

    def test_one_that_cannot_be_read_to_the_end_fails_the_try_and_stays_in_the_state(self, state, one_unread):
        flow = delete_originals([], lambda *_: None, wait())

        talk = converse(flow, one_unread, saved={"archive": state})

        assert isinstance(talk.error, DriveAccessDeniedError)
        assert set(state.deleting) == {"01B"}

    def test_one_that_can_be_read_at_the_end_is_counted(self, state, one_unread):
        converse(count_deleting(state), one_unread)
        flow = delete_originals([], lambda *_: None, wait())

        talk = converse(flow, answer(404), saved={"archive": state})

        assert talk.failure is None
        (stored,) = [saved for _, saved, _ in talk.checkpoints]
        assert (stored.deleting, stored.deleted["gone"]) == ({}, 2)
