# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
    redact,
)
from airflows import not_on_airflow_2
from copying import submit

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveResponseError,
)
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.utils.encryption import encrypt_url

try:
    from airflow.sdk.exceptions import AirflowRescheduleException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowRescheduleException


@pytest.fixture
def job(worker, hook, plan, vault, ids):
    """Submit a copy, and give the job as another task returned it."""
    return lambda **parameters: submit(hook, ids(plan), ids(vault), **parameters).as_dict(encrypt_url)


@pytest.fixture
def url(hook, plan, vault, ids):
    """Submit a copy, and give its monitor URL."""
    return lambda **parameters: hook.copy_item(ids(plan), ids(vault), **parameters)


@pytest.fixture
def sense(worker):
    def run(**parameters):
        return worker.run(DriveCopySensor, **{"poll_interval": 0.05, **parameters})

    return run


asks_the_database = not_on_airflow_2("it asks the database when a rescheduled sensor began")


def test_a_copy_job_is_waited_for_and_the_new_item_returned(patient, mode, tenant, job, vault):
    tenant.copies = CopyBehaviour(looks=3)

    item = patient(copy_job=job(), **mode)

    assert item["id"] == vault.child("plan.txt").id
    assert item["parentReference"]["id"] == vault.id


def test_a_bare_url_is_waited_for_and_what_the_monitor_told_returned(patient, mode, tenant, url, vault):
    tenant.copies = CopyBehaviour(looks=3)

    told = patient(monitor_url=url(), **mode)

    assert told["status"] == "completed"
    assert told["id"] == told["resource_id"] == vault.child("plan.txt").id


def test_an_encrypted_url_is_waited_for(patient, mode, tenant, url, vault):
    assert patient(monitor_url=encrypt_url(url()), **mode)["id"] == vault.child("plan.txt").id


def test_a_bare_url_needs_no_login(sense, connect, tenant, url, fresh_process):
    found = url()
    connect(login="", password="")
    before = len(tenant.calls(where="token"))

    assert sense(monitor_url=found)["status"] == "completed"
    assert len(tenant.calls(where="token")) == before


def test_a_sensor_looks_once_before_it_defers(sense, worker, tenant, job):
    tenant.copies = CopyBehaviour(looks=0)

    sense(copy_job=job())

    assert worker.deferral is None
    assert len(tenant.calls(where="monitor")) == 1


def test_a_sensor_is_deferrable_by_default_and_defers_until_its_time_out(connection, helpers, tenant, job):
    tenant.copies = CopyBehaviour(looks=3)
    sensor = DriveCopySensor(task_id="task", copy_job=job(), timeout=100)
    now = time.time()

    with pytest.raises(TaskDeferred) as caught:
        sensor.execute(helpers.Worker().context)

    assert now + 99 < caught.value.trigger.deadline < now + 110
    assert caught.value.method_name == "execute_complete"
    assert 100 < caught.value.timeout.total_seconds() < 300
    assert not caught.value.kwargs


@asks_the_database
def test_a_rescheduled_sensor_comes_back_after_its_interval(connection, helpers, tenant, job):
    tenant.copies = CopyBehaviour(looks=3)
    sensor = DriveCopySensor(
        task_id="task", copy_job=job(), deferrable=False, mode="reschedule", poll_interval=300
    )
    now = datetime.now(UTC)

    with pytest.raises(AirflowRescheduleException) as caught:
        sensor.execute(helpers.Worker().context)

    assert timedelta(seconds=295) < caught.value.reschedule_date - now < timedelta(seconds=330)


def test_a_job_without_a_monitor_is_looked_for_at_its_destination(patient, mode, worker, tenant, job, vault):
    tenant.copies = CopyBehaviour(location="none", seconds=0.3)

    assert patient(copy_job=job(), **mode)["id"] == vault.child("plan.txt").id
    assert worker.deferral is None


def test_a_copy_that_landed_elsewhere_is_no_success(patient, mode, hook, tenant, plan, inbox, ids):
    tenant.copies = CopyBehaviour(looks=2, misplaced=True)
    job = submit(hook, ids(plan), ids(inbox)).as_dict(encrypt_url)

    with pytest.raises(DriveCopyFailedError):
        patient(copy_job=job, **mode)


# Its end


def test_a_copy_that_is_not_done_in_time_is_a_sensors_timeout(patient, mode, worker, tenant, job):
    tenant.copies = CopyBehaviour(looks=10**6)
    worker.ti.rescheduled = datetime.now(UTC)

    with pytest.raises(AirflowSensorTimeout):
        patient(copy_job=job(), timeout=0.3, **mode)


def test_a_timeout_in_the_triggerer_says_how_far_the_copy_was(sense, tenant, job):
    tenant.copies = CopyBehaviour(looks=60)

    with pytest.raises(DriveCopyTimeoutError, match=r"at [0-9.]+ %") as caught:
        sense(copy_job=job(), timeout=0.3)

    assert isinstance(caught.value, AirflowSensorTimeout)


def test_a_timeout_in_the_triggerer_says_that_nothing_was_done_yet(sense, tenant, job):
    tenant.copies = CopyBehaviour(looks=10**6)

    with pytest.raises(DriveCopyTimeoutError, match=r"at 0 %"):
        sense(copy_job=job(), timeout=0.3)


@pytest.mark.parametrize("flag", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("looks", [0, 3])
def test_a_failed_copy_skips_a_sensor_that_is_to_fail_softly(
    patient, resumed, mode, tenant, job, flag, looks
):
    tenant.copies = CopyBehaviour(looks=looks, failure="generalException")

    with pytest.raises(AirflowSkipException):
        resumed(copy_job=job(), **{flag: True}, **mode)


@pytest.fixture
def resumed(worker, helpers):
    """Run a sensor, and resume it as Airflow does: by its own resume_execution."""

    def run(**parameters):
        while True:
            try:
                return DriveCopySensor(task_id="task", poll_interval=0.05, **parameters).execute(
                    worker.context
                )
            except AirflowRescheduleException:
                continue
            except TaskDeferred as deferral:
                event = helpers.fire(json.dumps(deferral.trigger.serialize()))
                return DriveCopySensor(task_id="task", poll_interval=0.05, **parameters).resume_execution(
                    deferral.method_name, {"event": event}, worker.context
                )

    return run


def test_a_timeout_skips_a_sensor_that_is_to_fail_softly(resumed, mode, worker, tenant, job):
    tenant.copies = CopyBehaviour(looks=10**6)
    worker.ti.rescheduled = datetime.now(UTC)

    with pytest.raises(AirflowSkipException):
        resumed(copy_job=job(), timeout=0.3, soft_fail=True, **mode)


def test_a_failed_copy_fails_the_sensor_without_retries(patient, mode, tenant, job):
    tenant.copies = CopyBehaviour(looks=3, failure="generalException")

    with pytest.raises(DriveCopyFailedError, match="generalException") as caught:
        patient(copy_job=job(), **mode)

    assert isinstance(caught.value, AirflowFailException)


def test_a_forgotten_copy_is_found_at_its_destination(patient, mode, tenant, job, vault):
    tenant.copies = CopyBehaviour(lost=True)

    assert patient(copy_job=job(), **mode)["id"] == vault.child("plan.txt").id


def test_a_forgotten_copy_whose_destination_is_not_known_is_no_success(sense, tenant, url):
    tenant.copies = CopyBehaviour(lost=410)

    with pytest.raises(DriveCopyUnknownError, match="copy_job instead of the monitor_url"):
        sense(monitor_url=url())


@pytest.mark.parametrize("flag", ["soft_fail", "never_fail"])
def test_an_unknown_outcome_skips_a_sensor_that_is_to_fail_softly(resumed, mode, tenant, url, flag):
    tenant.copies = CopyBehaviour(lost=410)

    with pytest.raises(AirflowSkipException):
        resumed(monitor_url=url(), **{flag: True}, **mode)


def test_an_unreadable_answer_of_the_monitor_is_polled_again(patient, mode, tenant, job):
    tenant.copies = CopyBehaviour(looks=2)
    tenant.faults.append(Fault(where="monitor", kind="html", times=2))

    assert patient(copy_job=job(), **mode)["name"] == "plan.txt"


# Foreign input


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "either copy_job or monitor_url"),
        ({"copy_job": {}, "monitor_url": "https://x"}, "either copy_job or monitor_url"),
        ({"copy_job": "{'monitor_url': 'x'}"}, r"copy_job`: a template rendered a mapping to text.*\.output"),
        ({"copy_job": {}}, "it is not what DriveCopyOperator returns"),
        ({"copy_job": {"submitted_at": "2026-01-01T00:00:00Z", "conflict_behavior": "fail"}}, "no driveId"),
        ({"monitor_url": 17}, "monitor_url`: must be text, got int"),
        ({"monitor_url": "gAAAAAB-not-ours"}, "fernet_key"),
        ({"copy_job": {"monitor_url": 3}}, "it is not what DriveCopyOperator returns"),
        ({"monitor_url": "https://example.org/", "poll_interval": -0.0}, "poll_interval"),
    ],
)
def test_what_is_no_copy_job_is_refused_before_anything_is_sent(sense, mode, asked, parameters, words):
    with pytest.raises(AirflowFailException, match=words) as caught:
        sense(**parameters, **mode)

    assert isinstance(caught.value, DriveError)
    assert asked() == []


@pytest.mark.parametrize(
    "monitor",
    [
        "https://example.org/monitor/1?tempauth=abcdefghijkl",
        "http://contoso.sharepoint.com/monitor/1?tempauth=abcdefghijkl",
        "https://user:pw@contoso.sharepoint.com/monitor/1?tempauth=abcdefghijkl",
        "https://127.0.0.1/monitor/1?tempauth=abcdefghijkl",
    ],
)
def test_a_url_on_another_host_is_refused_before_a_request(sense, mode, asked, helpers, monitor):
    with pytest.raises(DriveResponseError, match="allowed_hosts") as caught:
        sense(monitor_url=monitor, **mode)

    assert isinstance(caught.value, AirflowFailException)
    assert "abcdefghijkl" not in helpers.told(caught.value)
    assert asked() == []


@pytest.mark.parametrize(
    "event", [None, {}, {"status": "done"}, {"status": "completed", "id": "x"}, "completed"]
)
def test_a_foreign_event_is_refused(worker, job, asked, event):
    sensor = DriveCopySensor(task_id="task", copy_job=job())
    before = asked()

    with pytest.raises(DriveResponseError, match="event is refused"):
        sensor.execute_complete(worker.context, event=event)

    assert asked() == before


# As an operator


@pytest.mark.parametrize("kind", ["copy_job", "monitor_url"])
def test_the_rendered_url_is_masked_before_it_is_stored(
    fresh_process, worker, log, tenant, url, plan, vault, ids, kind
):
    monitor = url()
    given = {"monitor_url": monitor} if kind == "monitor_url" else {"copy_job": {"monitor_url": monitor}}
    sensor = DriveCopySensor(task_id="task", **given)
    fresh_process()
    sensor.render_template_fields(worker.context)

    assert tenant.jobs[0].tempauth not in str(redact(str(getattr(sensor, kind))))


def test_a_killed_sensor_says_that_the_copy_goes_on(worker, log):
    DriveCopySensor(task_id="task", monitor_url="https://x").on_kill()

    assert log.has("no way to cancel a copy: a running one goes on")


def test_all_that_a_dag_may_template_is_templated():
    assert {"copy_job", "monitor_url", "drive_conn_id"} <= set(DriveCopySensor.template_fields)


def test_the_poll_interval_is_the_default_of_the_poke_interval():
    assert DriveCopySensor(task_id="task", poll_interval=7).poke_interval == 7
    assert DriveCopySensor(task_id="task", poll_interval=7, poke_interval=3).poke_interval == 3
