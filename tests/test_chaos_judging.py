"""The judge of the kill test is not fooled."""

import json
from pathlib import Path

import pytest

from airflow_provider_drive.emulator.graph.copies import submit_copy
from airflow_provider_drive.emulator.state.tenant import Tenant
from chaos.archives import WHOLE, Archive
from chaos.judging import judge
from chaos.planning import plan
from chaos.points import ARCHIVE, COPY, CROSS, MOVE, POINTS
from chaos.runs import SKIPPED, Run


@pytest.fixture
def tenant():
    return Tenant()


@pytest.fixture
def prepared(tenant, tmp_path):
    def make(kind=COPY, conflict="fail", *, is_folder=False):
        run = Run(0, kind, conflict, is_folder, by_path=True, seconds=0.0, shots=[])
        run.prepare(tenant, tmp_path)
        return run

    return make


def copy(tenant, run, **body):
    reference = {"driveId": run.folder.drive.id, "id": run.folder.id}
    return submit_copy(tenant, run.source, {"parentReference": reference, **body}, run.conflict).resource


def told(tenant, run, item, state="success"):
    return judge(run, tenant, state, {"id": item.id})


@pytest.mark.parametrize(
    ("conflict", "is_folder"),
    [("fail", False), ("replace", False), ("rename", False), ("fail", True), ("rename", True)],
)
def test_one_copy_is_as_promised(tenant, prepared, conflict, is_folder):
    run = prepared(conflict=conflict, is_folder=is_folder)
    verdict = told(tenant, run, copy(tenant, run))
    assert verdict.problems == ()
    assert verdict.is_kept
    assert (verdict.made, verdict.accepted) == (run.asked, run.asked)


def test_what_is_there_and_is_skipped_is_as_promised(tenant, prepared):
    run = prepared(conflict=SKIPPED)
    assert told(tenant, run, run.folder.child(run.name)).is_kept


@pytest.mark.parametrize("conflict", ["replace", "rename"])
def test_two_copies_are_one_too_many_even_if_one_has_replaced_the_other(tenant, prepared, conflict):
    run = prepared(conflict=conflict)
    copy(tenant, run)
    verdict = told(tenant, run, copy(tenant, run))
    assert (verdict.made, verdict.too_many) == (2, 1)
    assert not verdict.is_kept


def test_a_copy_that_failed_for_its_name_is_none_and_was_accepted(tenant, prepared):
    run = prepared()
    item = copy(tenant, run)
    copy(tenant, run)
    verdict = told(tenant, run, item)
    assert (verdict.made, verdict.accepted) == (1, 2)
    assert verdict.is_kept


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda run, item: item.drive.remove(item), "missing"),
        (lambda run, item: item.drive.write(item, run.older.content), "missing"),
        (lambda run, item: item.drive.write(run.older, item.content), "what was there before has changed"),
        (lambda run, item: item.drive.remove(run.older), "what was there before is gone"),
        (lambda run, item: item.drive.put(f"out/{run.tag}/.landing", b""), "more than asked for"),
        (lambda run, item: item.drive.put(f"elsewhere/{run.name}", b""), "elsewhere/"),
        (lambda run, item: run.source.drive.put(f"in/{run.tag}/{run.name}.copy", b""), "beside the source"),
        (lambda run, item: run.source.drive.remove(run.source), "the source is gone"),
    ],
)
def test_each_thing_that_is_not_as_asked_is_seen(tenant, prepared, spoil, problem):
    run = prepared(conflict="rename")
    item = copy(tenant, run)
    spoil(run, item)
    verdict = told(tenant, run, item)
    assert any(problem in each for each in verdict.problems), verdict.problems
    assert verdict.false_success


def test_a_task_that_returns_another_item_has_not_told_the_truth(tenant, prepared):
    run = prepared(conflict="rename")
    copy(tenant, run)
    assert told(tenant, run, run.older).false_success


@pytest.mark.parametrize("kind", [MOVE, CROSS])
def test_a_move_that_leaves_the_source_is_none(tenant, prepared, kind):
    run = prepared(kind)
    verdict = told(tenant, run, copy(tenant, run))
    assert "the source is still there" in verdict.problems


def test_a_task_that_fails_and_one_that_does_not_end_are_told_apart(tenant, prepared):
    run = prepared()
    item = copy(tenant, run)
    assert told(tenant, run, item, "failed").false_failure
    assert told(tenant, run, item, "up_for_retry").hanging
    assert not told(tenant, run, item, "failed").is_kept
    assert not told(tenant, run, item, None).is_kept


@pytest.fixture
def archived(tenant, tmp_path):
    """An archive of six documents that went as it should: the copies are there, the originals are gone."""
    run = Archive(
        *(0, ARCHIVE, "fail"),
        is_folder=True,
        by_path=True,
        seconds=0.0,
        shots=[],
        way=WHOLE,
        count=6,
        is_to_delete=True,
        manifest_in="storage",
    )
    run.prepare(tenant, tmp_path)
    originals = {path: run.source.drive.find(f"{run.source.path}/{path}") for path in run.paths}
    top = copy(tenant, run)
    for item in originals.values():
        run.note_delete(item.id)
        item.drive.remove(item)
    lines = [
        {
            "path": path,
            "outcome": "copied",
            "original": "deleted",
            "source": {"id": item.id, "quickXorHash": item.hash},
            "destination": {"id": top.drive.find(f"{top.path}/{path}").id},
        }
        for path, item in originals.items()
    ]
    run.originals, run.top, run.lines = originals, top, lines
    run.summary = {"copied": 6, "there": 0, "failed": 0, "planned": 0, "deleted": 6}
    return run


def told_of_archive(tenant, run):
    Path(run.manifest.removeprefix("file://")).write_text("\n".join(map(json.dumps, run.lines)))
    return judge(run, tenant, "success", run.summary)


def test_an_archive_that_is_as_it_should_be_is_as_promised(tenant, archived):
    verdict = told_of_archive(tenant, archived)
    assert verdict.problems == ()
    assert (verdict.made, verdict.accepted, verdict.too_many, archived.asked) == (6, 6, 0, 6)
    assert verdict.is_kept


def test_a_document_that_was_copied_twice_is_one_too_many_even_if_that_is_gone(tenant, archived):
    original = archived.originals["00.txt"]
    archived.source.drive.attach(original, archived.source)
    again = submit_copy(tenant, original, {"name": "again.txt"}, "fail").resource
    for item in (original, again):
        item.drive.detach(item)
    verdict = told_of_archive(tenant, archived)
    assert verdict.problems == ()
    assert (verdict.made, verdict.too_many) == (7, 1)
    assert not verdict.is_kept


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda run: run.top.drive.remove(run.top.child("00.txt")), "lacks ['/00.txt']"),
        (lambda run: run.top.drive.put(f"{run.top.path}/x (copying 1).txt"), "has ['/x (copying 1).txt']"),
        (lambda run: run.source.drive.put(f"{run.source.path}/03.txt", b"3"), "1 originals are still there"),
        (lambda run: run.too_soon.append("03.txt"), "deleted before its copy was whole"),
        (lambda run: run.summary.update(copied=5), "the summary tells of"),
        (lambda run: run.lines.pop(), "the manifest has lines of"),
        (lambda run: run.lines.append(run.lines[0]), "the manifest has lines of"),
        (lambda run: run.lines[0].update(outcome="there"), "the manifest tells"),
        (lambda run: run.lines[0].update(original="kept"), "the manifest tells"),
        (lambda run: run.lines[0].update(destination=run.lines[1]["destination"]), "another document"),
    ],
)
def test_each_thing_that_is_not_as_asked_of_an_archive_is_seen(tenant, archived, spoil, problem):
    spoil(archived)
    verdict = told_of_archive(tenant, archived)
    assert any(problem in each for each in verdict.problems), verdict.problems
    assert verdict.false_success


def test_an_original_that_is_deleted_before_its_copy_is_there_is_seen(prepared):
    run = prepared(CROSS)
    run.note_delete(run.source.id)
    assert run.too_soon == [run.source.path]


def test_a_seed_gives_the_same_deaths_again_and_each_point_enough_of_them():
    first, again, other = plan(7, 480), plan(7, 480), plan(8, 480)
    assert first == again
    assert first != other
    for point in POINTS:
        assert sum(shot.point == point for run in first for shot in run.shots) >= 10
