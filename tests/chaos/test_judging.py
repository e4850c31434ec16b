"""The judge of the kill test is not fooled."""

import pytest
from chaos.judging import judge
from chaos.points import COPY, CROSS, MOVE, POINTS
from chaos.runs import SKIPPED, Run, plan

from airflow_provider_drive.emulator.copies import submit_copy
from airflow_provider_drive.emulator.tenant import Tenant


@pytest.fixture
def tenant():
    return Tenant()


@pytest.fixture
def prepared(tenant):
    def make(kind=COPY, conflict="fail", *, is_folder=False):
        run = Run(0, kind, conflict, is_folder, by_path=True, seconds=0.0, shots=[])
        run.prepare(tenant)
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
    assert (verdict.made, verdict.accepted) == (1, 1)


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


def test_a_seed_gives_the_same_deaths_again_and_each_point_enough_of_them():
    first, again, other = plan(7, 240), plan(7, 240), plan(8, 240)
    assert first == again
    assert first != other
    for point in POINTS:
        assert sum(shot.point == point for run in first for shot in run.shots) >= 10
