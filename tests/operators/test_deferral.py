"""What bounds a deferred wait, and what a worker does if the triggerer could not wait."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from copying import submit
from tries import StateStore

from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.exceptions import DriveCopyTimeoutError, DriveCopyUnknownError
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.utils.encryption import encrypt_url

SLOW = CopyBehaviour(looks=10**6)
LOST = {"status": "unknown", "message": "the trigger failed: KeyError (base.py:1)"}


@pytest.fixture(params=["copy", "archive", "job", "url"])
def deferrable(request, hook, plan, vault, ids):
    """Make an operator or a sensor that waits for a copy in the triggerer."""
    common = {"task_id": "task", "deferrable": True, "poll_interval": 0.05}
    folders = {"source": ids(plan.parent), "destination": ids(vault)}
    match request.param:
        case "copy":
            copy = {"item": ids(plan), "destination": ids(vault), "wait_for_completion": True}
            return lambda **more: DriveCopyOperator(**copy, **common, **more)
        case "archive":
            return lambda **more: DriveArchiveOperator(**folders, **common, **more)
        case "job":
            job = submit(hook, ids(plan), ids(vault)).as_dict(encrypt_url)
            return lambda **more: DriveCopySensor(copy_job=job, **common, **more)
        case "url":
            monitor = hook.copy_item(ids(plan), ids(vault))
            return lambda **more: DriveCopySensor(monitor_url=monitor, **common, **more)


@pytest.fixture
def slow(tenant, monkeypatch):
    """Copies that take longer than a worker waits for them."""
    monkeypatch.setattr("airflow_provider_drive.operators.archive.MAX_IDLE_SECONDS", 0.2)
    tenant.copies = SLOW


def defer(operator, context):
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(context)
    return deferral.value


def test_the_execution_timeout_bounds_a_deferral_from_the_start_of_the_task(slow, deferrable, worker):
    worker.ti.start_date = datetime.now(UTC) - timedelta(seconds=40)

    deferral = defer(deferrable(execution_timeout=timedelta(seconds=60)), worker.context)

    assert 0 < deferral.timeout.total_seconds() <= 20


def test_an_execution_timeout_that_is_over_ends_a_deferral_at_once(slow, deferrable, worker):
    worker.ti.start_date = datetime.now(UTC) - timedelta(seconds=90)

    deferral = defer(deferrable(execution_timeout=timedelta(seconds=60)), worker.context)

    assert deferral.timeout == timedelta(0)


def test_a_long_execution_timeout_leaves_a_deferral_its_own_limit(slow, deferrable, worker):
    worker.ti.start_date = datetime.now(UTC)
    without = defer(deferrable(), worker.context).timeout

    with_it = defer(deferrable(execution_timeout=timedelta(days=30)), worker.context).timeout

    assert abs(with_it - without) < timedelta(seconds=10)


def test_a_copy_says_how_far_it_was_at_the_execution_timeout(copy, tenant, worker, plan, vault):
    tenant.copies = CopyBehaviour(looks=60)

    with pytest.raises(DriveCopyTimeoutError, match=r"at [0-9.]+ %"):
        copy(
            *(plan, vault),
            wait_for_completion=True,
            deferrable=True,
            execution_timeout=timedelta(seconds=0.5),
        )


# The triggerer could not wait


def test_a_copy_whose_connection_the_triggerer_does_not_see_is_waited_for_by_the_worker(
    slow, deferrable, tenant, worker, plan, vault, helpers, monkeypatch
):
    worker.context["task_state_store"] = StateStore()
    deferral = defer(deferrable(), worker.context)
    with monkeypatch.context() as triggerer:
        triggerer.delenv("AIRFLOW_CONN_DRIVE_DEFAULT")
        event = helpers.fire(json.dumps(deferral.trigger.serialize()))
    assert event["status"] == "unknown"
    assert "The triggerer sees no connection 'drive_default'" in event["message"]
    for job in tenant.jobs:
        job.behaviour = CopyBehaviour(looks=job.looks + 3)

    resumed = deferrable()
    resumed.deferrable = False

    result = resumed.execute_complete(worker.context, event=event)

    assert result.get("id", vault.child("plan.txt").id) == vault.child("plan.txt").id
    assert len(tenant.jobs) == tenant.copies_made(plan.id)


def test_an_unknown_copy_quotes_the_trigger(slow, copy, tenant, worker, plan, vault, ids):
    parameters = {"item": ids(plan), "destination": ids(vault), "wait_for_completion": True}
    defer(DriveCopyOperator(task_id="task", deferrable=True, **parameters), worker.context)
    for job in tenant.jobs:
        job.behaviour = CopyBehaviour(lost=True, seconds=3_600)

    with pytest.raises(DriveCopyUnknownError, match=r"in the triggerer: the trigger failed: KeyError"):
        DriveCopyOperator(task_id="task", copy_timeout=1.5, **parameters).execute_complete(
            worker.context, event=LOST
        )


def test_an_archive_logs_why_the_trigger_could_not_wait(slow, worker, tenant, plan, vault, ids, log):
    worker.context["task_state_store"] = StateStore()
    parameters = {"source": ids(plan.parent), "destination": ids(vault), "poll_interval": 0.05}
    defer(DriveArchiveOperator(task_id="task", deferrable=True, **parameters), worker.context)
    for job in tenant.jobs:
        job.behaviour = CopyBehaviour()

    summary = DriveArchiveOperator(task_id="task", **parameters).execute_complete(worker.context, event=LOST)

    assert summary["copied"] == 1
    assert log.has("The triggerer could not wait: the trigger failed: KeyError")


# Who decides about a retry


def test_after_a_timeout_a_retry_finds_the_same_copy(tries, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=10)
    task = tries(DriveCopyOperator, plan, vault, wait_for_completion=True, copy_timeout=0.2)
    with pytest.raises(DriveCopyTimeoutError) as timeout:
        task.run()
    assert not isinstance(timeout.value, AirflowFailException)
    for job in tenant.jobs:
        job.behaviour = CopyBehaviour()

    item = task.run()

    assert item["id"] == vault.child("plan.txt").id
    assert len(tenant.jobs) == 1


def test_without_stored_state_a_timeout_is_final(copy, tenant, plan, vault):
    tenant.copies = SLOW

    with pytest.raises(DriveCopyTimeoutError) as timeout:
        copy(plan, vault, wait_for_completion=True, copy_timeout=0.2)

    assert isinstance(timeout.value, AirflowFailException)


def test_a_sensor_leaves_an_unknown_outcome_to_its_retries(worker, hook, tenant, plan, vault, ids):
    tenant.copies = CopyBehaviour(lost=410)
    monitor = hook.copy_item(ids(plan), ids(vault))

    with pytest.raises(DriveCopyUnknownError) as unknown:
        worker.run(DriveCopySensor, monitor_url=monitor, poll_interval=0.05)

    assert not isinstance(unknown.value, AirflowFailException)
