from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from tries import StateStore

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.archive.state import ArchiveState
from airflow_provider_drive.protocol.flow import Checkpoint
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.copy_job import Arrival, CopyJob
from airflow_provider_drive.utils.task_state import STATE_KEY, TaskState

URL = "https://contoso.sharepoint.com/monitor?tempauth=secret"
JOB = CopyJob(
    monitor_url=URL,
    source=ItemRef("d", "i"),
    destination=ItemRef("e", "f"),
    name="plan.txt",
    conflict_behavior="fail",
    submitted_at=1_790_000_000.0,
    arrival=Arrival("plan.txt", "fail"),
)


@pytest.fixture
def store():
    return StateStore()


@pytest.fixture
def open_state(store):
    """Open the state of a try: ``open_state(2, "plan.txt")``."""

    def make(try_number, *parameters, max_tries=3):
        ti = SimpleNamespace(try_number=try_number, max_tries=max_tries)
        return TaskState({"ti": ti, "task_state_store": store}, *parameters)

    return make


def test_a_later_try_restores_what_an_earlier_one_saved(open_state):
    open_state(1, "plan.txt").save(Checkpoint("copy", JOB))

    saved = open_state(2, "plan.txt").restore("copy")

    assert (saved.state, saved.is_durable) == (JOB, True)


def test_a_try_restores_what_it_saved_itself(open_state):
    state = open_state(1)
    state.save(Checkpoint("copy", JOB))

    assert state.restore("copy").state == JOB
    assert state.started == JOB


def test_a_state_that_is_json_is_restored_as_it_is_and_is_not_what_was_started(open_state):
    displaced = {"driveId": "d", "id": "i", "name": "plan~0123456789ab.txt"}
    state = open_state(1)
    state.save(Checkpoint("copy", JOB))

    state.save(Checkpoint("displaced by i", displaced))

    assert state.started == JOB
    assert open_state(2).restore("displaced by i").state == displaced


def test_a_later_checkpoint_of_the_same_name_takes_the_place_of_the_earlier(open_state):
    state = open_state(1)
    state.save(Checkpoint("archive", ArchiveState(begun=5.0)))
    state.save(Checkpoint("archive", ArchiveState(begun=6.0)))

    assert open_state(2).restore("archive").state == ArchiveState(begun=6.0)


def test_a_checkpoint_without_a_state_forgets_it(open_state):
    state = open_state(1)
    state.save(Checkpoint("copy", JOB))
    state.save(Checkpoint("copy", None))

    assert open_state(2).restore("copy").state is None
    assert state.started == JOB


def test_checkpoints_of_different_names_do_not_touch_each_other(open_state):
    open_state(1).save(Checkpoint("copy", JOB))
    open_state(2).save(Checkpoint("archive", ArchiveState(begun=5.0)))

    assert open_state(3).restore("copy").state == JOB


def test_a_task_with_other_parameters_restores_nothing(open_state):
    open_state(1, "plan.txt").save(Checkpoint("copy", JOB))

    assert open_state(2, "other.txt").restore("copy").state is None


def test_a_task_that_was_cleared_restores_nothing(open_state):
    open_state(1).save(Checkpoint("copy", JOB))

    assert open_state(2, max_tries=4).restore("copy").state is None


def test_a_try_beyond_the_last_restores_what_an_earlier_one_saved(open_state):
    """Schedulers that reset the tasks of one that has died let a task have more tries than its retries."""
    open_state(1, max_tries=0).save(Checkpoint("copy", JOB))

    assert open_state(2, max_tries=0).restore("copy").state == JOB
    assert open_state(9, max_tries=0).restore("copy").state == JOB


def test_the_monitor_url_is_stored_encrypted(open_state, store):
    open_state(1).save(Checkpoint("copy", JOB))

    assert store[STATE_KEY]["copy"]["monitor_url"].startswith("gAAAA")
    assert "tempauth" not in str(store)


def test_what_cannot_be_read_is_refused(open_state, store):
    open_state(1).save(Checkpoint("copy", JOB))
    store[STATE_KEY]["copy"] = {"monitor_url": 7}

    with pytest.raises(DriveArgumentError):
        open_state(2).restore("copy")


@pytest.mark.parametrize("garbage", ["x", 7, [], None, {}])
def test_what_this_package_has_not_stored_does_not_count(open_state, store, garbage):
    store[STATE_KEY] = garbage

    assert open_state(2).restore("copy").state is None


def test_without_a_store_nothing_is_durable():
    state = TaskState({"ti": SimpleNamespace(try_number=1)})
    state.save(Checkpoint("copy", JOB))

    assert not state.is_durable
    assert state.restore("copy").state is None
    assert state.started == JOB


@pytest.mark.parametrize(("try_number", "begun"), [(1, None), (2, ArchiveState(begun=1_790_000_000.0))])
def test_without_a_store_a_retried_archive_was_begun_after_its_dag_run(try_number, begun):
    run = SimpleNamespace(start_date=datetime.fromtimestamp(1_790_000_000, UTC))
    state = TaskState({"ti": SimpleNamespace(try_number=try_number), "dag_run": run})

    assert state.restore("archive").state == begun
