"""Originals that vanish while their copies are made: the copies get their names, and are counted."""

from contextlib import suppress

import pytest
from protocol.archive.world import Killed, World

from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.protocol.archive.state import read_completion_event
from airflow_provider_drive.protocol.items.filters import Selection

ONE_BY_ONE = Selection(pattern=("**",))
BEHAVIORS = ["skip", "fail", "replace", "rename"]
NAMES = ["2024/plan.docx", "a.txt"]


def make(behavior, *, given=False, looks=4):
    """Return a world with two documents, each of which has a namesake at the destination if it may have."""
    world = World()
    documents = [world.legal.put(f"In/{name}", name.encode() * 20) for name in NAMES]
    world.vault.mkdir("Out")
    if behavior in {"replace", "rename"}:
        for name in NAMES:
            world.vault.put(f"Out/{name}", b"somebody's")
    world.tenant.copies = CopyBehaviour(looks=looks)
    what = {"items": [(name, ref) for name, (_, ref) in zip(NAMES, world.given(*documents), strict=True)]}
    world.order = {"conflict_behavior": behavior, **(what if given else {"selection": ONE_BY_ONE})}
    return world, documents


def defer(world):
    """Start an archive that is deferred while it waits for its copies."""
    world.archive(max_idle=0.0, **world.order)
    assert len(world.state.pending) == 2


def complete(world, ends=None):
    """End all copies, and go on with what the trigger tells of them."""
    for job in world.tenant.jobs:
        job.end()
    told = {job.source.id: job.resource.id for job in world.tenant.jobs}
    event = {"status": "ended", "completed": told, "failed": {}} | (ends or {})
    world.store.states["archive"] = read_completion_event(event, world.state).as_dict(lambda url: url)


def vanish(world, document, how):
    if how == "deleted":
        world.legal.remove(document)
    else:
        world.legal.move(document, f"Elsewhere/{document.name}")


def shown(outcomes):
    return {each.found.path: (each.state, each.is_gone, each.is_verified) for each in outcomes}


def final_names(behavior):
    if behavior == "rename":
        return sorted([*NAMES, "2024/plan 1.docx", "a 1.txt"])
    return NAMES


@pytest.mark.parametrize("how", ["deleted", "moved away"])
@pytest.mark.parametrize("behavior", BEHAVIORS)
class TestDeferral:
    def test_the_copy_gets_its_name_and_is_counted(self, behavior, how):
        world, documents = make(behavior)
        defer(world)
        for document in documents:
            vanish(world, document, how)
        complete(world)
        outcomes = world.archive(**world.order)
        assert shown(outcomes) == dict.fromkeys(NAMES, ("copied", how == "deleted", False))
        assert sorted(world.contents()) == final_names(behavior)
        assert world.delete(outcomes) == {}
        assert len(world.tenant.jobs) == 2

    def test_the_copy_whose_monitor_has_to_be_polled_gets_its_name(self, behavior, how):
        world, documents = make(behavior)
        defer(world)
        vanish(world, documents[0], how)
        world.store.states["archive"] = world.state.as_dict(lambda url: url)
        outcomes = world.archive(**world.order)
        assert shown(outcomes)[NAMES[0]] == ("copied", how == "deleted", False)
        assert shown(outcomes)[NAMES[1]] == ("copied", False, True)
        assert sorted(world.contents()) == final_names(behavior)


@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_a_document_of_items_is_counted_once(behavior):
    world, documents = make(behavior, given=True)
    defer(world)
    vanish(world, documents[0], "deleted")
    complete(world)
    outcomes = world.archive(**world.order)
    assert len(outcomes) == 2
    assert shown(outcomes) == {NAMES[0]: ("copied", True, False), NAMES[1]: ("copied", False, True)}
    assert sorted(world.contents()) == final_names(behavior)


@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_whenever_the_process_ends_no_copy_that_graph_told_keeps_its_temporary_name(behavior):
    """Only what Graph has told nothing of stays: the process ended before its answer was stored."""
    for kill_at in range(1, 40):
        world, documents = make(behavior, looks=1)
        with suppress(Killed):
            world.archive(kill_at=kill_at, **world.order)
        stored = world.store.states.get("archive", {})
        is_told = documents[0].id in {*stored.get("pending", {}), *stored.get("done", {})}
        vanish(world, documents[0], "deleted")
        outcomes = world.archive(**world.order)
        left = [path for path in world.contents() if "~" in path]
        assert not (is_told and left), kill_at
        assert len({each.found.path for each in outcomes}) == len(outcomes), kill_at


@pytest.mark.parametrize("fate", ["removed", "moved"])
def test_a_copy_that_is_not_in_its_place_has_failed(fate):
    world, documents = make("rename")
    defer(world)
    vanish(world, documents[1], "deleted")
    complete(world)
    copy = next(job.resource for job in world.tenant.jobs if job.source is documents[1])
    if fate == "removed":
        world.vault.remove(copy)
    else:
        world.vault.move(copy, f"Elsewhere/{copy.name}")
    outcomes = world.archive(**world.order)
    assert shown(outcomes)["a.txt"] == ("failed", False, False)
    reason = next(each.reason for each in outcomes if each.state == "failed")
    assert "Elsewhere" in reason or copy.id in reason, reason


def test_a_copy_that_failed_during_the_deferral_is_reported():
    world, documents = make("rename")
    defer(world)
    vanish(world, documents[1], "deleted")
    failed = {documents[1].id: "it was not copied in time"}
    for job in world.tenant.jobs:
        job.end()
    completed = {job.source.id: job.resource.id for job in world.tenant.jobs if job.source is documents[0]}
    complete(world, {"completed": completed, "failed": failed})
    outcomes = world.archive(**world.order)
    assert shown(outcomes)["a.txt"] == ("failed", False, False)
    late = next(job.resource for job in world.tenant.jobs if job.source is documents[1])
    assert repr(late.name) in next(each.reason for each in outcomes if each.state == "failed")


@pytest.mark.parametrize("behavior", ["rename", "fail"])
def test_a_folder_that_was_copied_whole_gets_its_name_and_its_documents_are_counted(behavior):
    world, _ = make(behavior)
    del world.order["selection"]
    world.vault.remove(world.vault.find("Out"))
    world.vault.put("Out/other.txt", b"so that the folders are copied one by one")
    world.archive(max_idle=0.0, **world.order)
    vanish(world, world.legal.find("In/2024"), "deleted")
    complete(world)
    outcomes = world.archive(**world.order)
    assert shown(outcomes) == {NAMES[0]: ("copied", True, False), NAMES[1]: ("copied", False, True)}
    assert sorted(world.contents()) == [*NAMES, "other.txt"]


@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_a_copy_whose_original_was_renamed_gets_a_name(behavior):
    world, documents = make(behavior)
    defer(world)
    world.legal.move(documents[1], "In/minutes of the meeting.txt")
    complete(world)
    outcomes = world.archive(**world.order)
    assert [each.state for each in outcomes] == ["copied", "copied"]
    assert [path for path in world.contents() if "~" in path] == []
    assert len(world.tenant.jobs) == 2


@pytest.mark.parametrize("behavior", ["rename", "fail"])
def test_a_folder_whose_copy_failed_during_the_deferral_is_read_document_by_document(behavior):
    world, _ = make(behavior)
    del world.order["selection"]
    world.vault.remove(world.vault.find("Out"))
    world.vault.put("Out/other.txt", b"so that the folders are copied one by one")
    world.archive(max_idle=0.0, **world.order)
    folder = world.legal.find("In/2024")
    complete(world)
    jobs = {job.source.id: job for job in world.tenant.jobs}
    event = {"status": "ended", "completed": {}, "failed": {folder.id: "generalException"}}
    world.vault.remove(jobs[folder.id].resource)
    world.store.states["archive"] = read_completion_event(event, world.state).as_dict(lambda url: url)
    world.tenant.copies = CopyBehaviour()
    outcomes = world.archive(**world.order)
    assert shown(outcomes) == dict.fromkeys(NAMES, ("copied", False, True))
    assert sorted(world.contents()) == [*NAMES, "other.txt"]


@pytest.mark.parametrize("behavior", ["replace", "rename"])
def test_a_copy_of_what_was_edited_and_then_deleted_gets_its_name(behavior):
    """The copy may be all that is left of it."""
    world, documents = make(behavior)
    outcomes = []
    steps = world.steps(world.flow(outcomes, **world.order), world.store)
    while not world.tenant.jobs:
        next(steps)
    world.legal.put("In/a.txt", b"as it was in the end")
    for job in world.tenant.jobs:
        job.end()
    vanish(world, documents[1], "deleted")
    for _ in steps:
        pass
    assert shown(outcomes)["a.txt"] == ("copied", True, False)
    assert sorted(world.contents()) == final_names(behavior)
    assert b"as it was in the end" in world.contents().values()


def test_the_copy_of_a_vanished_original_does_not_replace_that_of_another_document_of_its_name():
    world, documents = make("replace")
    defer(world)
    vanish(world, documents[0], "deleted")
    world.legal.put("In/2024/plan.docx", b"another document of that name")
    complete(world)
    outcomes = world.archive(**world.order)
    assert sorted(each.state for each in outcomes) == ["copied", "copied", "failed"]
    assert world.contents()["2024/plan.docx"] == b"another document of that name"
    reason = next(each.reason for each in outcomes if each.state == "failed")
    assert any(repr(path.rpartition("/")[2]) in reason for path in world.contents() if "~" in path)
