# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
from datetime import UTC, datetime

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveArgumentError, DriveResponseError
from airflow_provider_drive.sensors.item import DriveItemSensor


@pytest.fixture
def sense(worker):
    def run(**parameters):
        return worker.run(DriveItemSensor, **{"poll_interval": 0.05, **parameters})

    return run


@pytest.fixture
def hour(tenant):
    """Let an hour pass on Graph's clock."""

    def pass_by():
        tenant.clock_offset += 3600

    return pass_by


@pytest.fixture
def on_look(tenant):
    """Let something happen after a certain look at the folder or item: the first is number 1."""
    acts, looks = {}, iter(range(1, 1000))

    def witness(request):
        if request.where != "graph" or (act := acts.get(next(looks))) is None:
            return None
        return Fault(kind="delay", act=act)

    tenant.witness = witness
    return acts.__setitem__


def path_of(drive, path):
    return f"drives/{drive.id}/root:/{path}"


def test_an_item_that_arrives_is_waited_for_and_returned(patient, mode, legal, hour, on_look):
    legal.mkdir("In")
    on_look(2, lambda: (legal.put("In/a.csv", b"1;2"), hour()))

    item = patient(item=path_of(legal, "In/a.csv"), **mode)

    assert item["id"] == legal.find("In/a.csv").id
    assert item["size"] == 3


def test_documents_are_counted_until_there_are_enough(patient, mode, legal, hour, on_look):
    legal.put("In/a.csv", b"1")
    hour()
    on_look(2, lambda: legal.put("In/notes.txt", b"2"))
    on_look(2, lambda: (legal.put("In/b.csv", b"2"), hour()))

    found = patient(folder=path_of(legal, "In"), pattern="*.csv", min_count=2, **mode)

    assert [entry["path"] for entry in found] == ["a.csv", "b.csv"]
    assert found[0].keys() == {"driveId", "id", "name", "path", "size", "eTag", "lastModifiedDateTime"}


def test_a_folder_that_does_not_exist_yet_is_waited_for(patient, mode, legal, hour, on_look, log):
    on_look(3, lambda: (legal.put("In/today/a.csv", b"1"), hour()))

    assert len(patient(folder=path_of(legal, "In/today"), **mode)) == 1
    assert log.has("In/today'? is not there yet")


@pytest.mark.parametrize("size", [0, 4])
def test_a_file_that_is_being_uploaded_is_waited_for(patient, mode, legal, hour, on_look, size):
    item = legal.begin_upload("In/a.csv", b"x" * size)
    hour()
    on_look(3, lambda: legal.append(item, b"last", complete=True))
    on_look(4, hour)

    assert patient(item=path_of(legal, "In/a.csv"), **mode)["size"] == size + 4


def test_a_file_without_content_is_waited_for(patient, mode, legal, hour, on_look):
    legal.put("In/a.csv")
    hour()
    on_look(3, lambda: legal.put("In/a.csv", b"1"))
    on_look(4, hour)

    assert patient(folder=path_of(legal, "In"), **mode)[0]["size"] == 1


def test_without_settling_an_empty_file_counts_at_once(sense, legal, worker):
    legal.put("In/_SUCCESS")

    assert sense(item=path_of(legal, "In/_SUCCESS"), settle=0)["size"] == 0
    assert worker.deferral is None


def test_the_log_tells_what_the_last_look_has_found(patient, legal, tenant, hour, on_look, log):
    legal.put("In/a.csv", b"1")
    hour()
    legal.put("In/b.csv", b"1")
    tenant.clock_offset += 20
    on_look(3, lambda: (legal.put("In/c.csv", b"1"), hour()))

    patient(folder=path_of(legal, "In"), min_count=3)

    assert log.has(r"1 of 3: a\.csv settled, b\.csv changed 2[0-3] s ago")
    assert log.has(r"3 of 3: a\.csv settled, b\.csv settled, c\.csv settled")


def test_a_file_that_grows_between_two_looks_is_not_settled_whatever_its_times_say(
    sense, legal, hour, on_look
):
    item = legal.put("In/a.csv", b"1")
    hour()
    old = datetime(2020, 1, 1, tzinfo=UTC)

    def grow():
        legal.append(item, b"more")
        item.modified = item.created = old

    legal.begin_upload("In/b.csv")  # keeps it waiting
    on_look(2, grow)
    with pytest.raises(AirflowSensorTimeout, match=r"0 of 2: a\.csv changed [0-9] s ago, b\.csv is being"):
        sense(folder=path_of(legal, "In"), min_count=2, timeout=1)


@pytest.mark.parametrize("deferrable", [True, False])  # Airflow itself bounds the mode "reschedule"
def test_a_time_out_tells_what_the_last_look_has_found(sense, deferrable, legal):
    legal.put("In/a.csv", b"1")

    with pytest.raises(AirflowSensorTimeout) as told:
        sense(folder=path_of(legal, "In"), timeout=0.3, deferrable=deferrable)
    if deferrable:
        assert "0 of 1: a.csv changed" in str(told.value)


def test_soft_fail_skips_after_a_time_out(sense, legal):
    with pytest.raises(AirflowSkipException):
        sense(item=path_of(legal, "nothing.csv"), timeout=0.2, soft_fail=True)


def test_one_look_at_a_file_is_one_request(sense, legal, hour, asked):
    legal.put("In/a.csv", b"1")
    hour()
    sense(item=path_of(legal, "In/a.csv"))

    assert asked("graph") == ["GET /drives/D/root:/In/a.csv:"]


def test_one_look_at_a_folder_costs_its_listing(sense, legal, hour, asked):
    for number in range(200):
        legal.put(f"In/{number}.csv", b"1")
    hour()

    assert len(sense(folder=path_of(legal, "In"))) == 200
    assert asked("graph") == ["GET /drives/D/root:/In:/children"]


def test_a_folder_of_many_pages_is_listed_whole(sense, legal, tenant, hour, ids):
    for number in range(7):
        legal.put(f"In/{number}.csv", b"1")
        legal.put(f"In/sub/{number}.csv", b"1")
    hour()
    tenant.longest_page = 3

    assert len(sense(folder=path_of(legal, "In"), min_count=7)) == 7
    assert len(sense(folder=ids(legal.find("In")), min_count=14, recursive=True)) == 14


def test_subfolders_are_included_if_asked_for(sense, legal, hour):
    legal.put("In/a.csv", b"1")
    legal.put("In/sub/b.csv", b"1")
    hour()

    found = sense(folder=path_of(legal, "In"), recursive=True, min_count=2)
    assert {entry["path"] for entry in found} == {"a.csv", "sub/b.csv"}


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({}, "either `item` or `folder`"),
        ({"item": "me/drive/root", "folder": "me/drive/root"}, "either `item` or `folder`"),
        ({"item": "me/drive/root", "pattern": "*"}, "select from a `folder`"),
        ({"folder": "me/drive/root", "pattern": "a:b*"}, "can match nothing"),
        ({"folder": "me/drive/root", "pattern": "../*.csv"}, "can match nothing"),
        ({"folder": "me/drive/root", "pattern": "2026/*.csv"}, "which `recursive` leaves out"),
        ({"folder": "me/drive/root", "pattern": []}, "the list is empty"),
        ({"folder": "me/drive/root", "min_count": 0}, "min_count"),
        ({"item": "me/drive/root", "settle": "soon"}, "settle"),
        ({"item": "what?"}, "what"),
    ],
)
def test_invalid_parameters_fail_without_retries_and_before_anything_is_sent(sense, tenant, parameters, told):
    with pytest.raises(AirflowFailException, match=told):
        sense(**parameters)
    assert tenant.calls(where="graph") == []


def test_a_folder_that_is_a_file_fails_without_retries(patient, mode, legal):
    legal.put("In", b"1")

    with pytest.raises(AirflowFailException, match="not a folder") as told:
        patient(folder=path_of(legal, "In"), **mode)
    assert isinstance(told.value, DriveArgumentError)


def test_a_folder_that_becomes_a_file_fails_without_retries(sense, legal, on_look):
    on_look(1, lambda: legal.put("In", b"1"))

    with pytest.raises(AirflowFailException, match="not a folder"):
        sense(folder=path_of(legal, "In"))


def test_a_fault_that_passes_is_waited_out(patient, mode, tenant, legal, hour, log, monkeypatch):
    monkeypatch.setattr("airflow_provider_drive.protocol.retry.RETRY_BUDGET_SECONDS", 0.0)
    monkeypatch.setitem(
        __import__("airflow_provider_drive.protocol.retry", fromlist=["x"]).MAX_TRIES, "transient", 1
    )
    legal.put("In/a.csv", b"1")
    hour()
    tenant.faults.append(Fault("GET", "/drives/", "refuse", times=2, status=500))

    assert patient(item=path_of(legal, "In/a.csv"), **mode)["name"] == "a.csv"
    assert log.has("Graph could not be asked")


def test_an_access_that_is_denied_fails_the_task(sense, tenant, legal):
    tenant.faults.append(
        Fault("GET", "/drives/", "refuse", times=9, status=403, code="accessDenied", after=1)
    )

    with pytest.raises(Exception, match="accessDenied"):
        sense(item=path_of(legal, "In/a.csv"))


@pytest.mark.parametrize(
    "event",
    [None, "arrived", {}, {"status": "completed"}, {"status": "arrived", "message": "", "deadline": "x"}],
)
def test_an_event_that_is_not_ours_is_refused(worker, legal, event):
    sensor = DriveItemSensor(task_id="task", item=path_of(legal, "a.csv"))

    with pytest.raises(DriveResponseError, match="event is refused"):
        sensor.execute_complete(worker.context, event=event)


def test_a_document_that_has_left_again_is_waited_for_until_the_same_deadline(
    sense, worker, legal, hour, on_look
):
    on_look(1, lambda: (legal.put("In/a.csv", b"1"), hour()))
    on_look(2, lambda: legal.delete("In/a.csv"))
    on_look(4, lambda: (legal.put("In/a.csv", b"22"), hour()))

    assert sense(item=path_of(legal, "In/a.csv"), timeout=86_400)["size"] == 2
    first, last = worker.deferrals[0], worker.deferrals[-1]
    assert len(worker.deferrals) == 2
    assert first.trigger.deadline == last.trigger.deadline


def test_the_triggers_of_a_process_log_in_once(tenant, legal, connection, quick_triggers, helpers, hour):
    import asyncio  # noqa: PLC0415  # for this test only

    from airflow_provider_drive.triggers.item import DriveItemTrigger  # noqa: PLC0415  # likewise

    legal.put("In/a.csv", b"1")
    hour()
    tenant.revoke_tokens()
    before = len(tenant.calls(where="token"))

    async def fire_all():
        async def one():
            trigger = DriveItemTrigger(item=path_of(legal, "In/a.csv"), poll_interval=0.05)
            return [event.payload async for event in trigger.run()]

        return await asyncio.gather(*(one() for _ in range(20)))

    assert {event["status"] for (event,) in asyncio.run(fire_all())} == {"arrived"}
    assert len(tenant.calls("POST", "/oauth2/v2.0/token", where="token")[before:]) <= 1


def test_a_token_that_graph_refuses_is_replaced_in_the_triggerer(sense, tenant, legal, hour, on_look):
    on_look(2, tenant.revoke_tokens)
    on_look(3, lambda: (legal.put("In/a.csv", b"1"), hour()))

    assert sense(item=path_of(legal, "In/a.csv"))["name"] == "a.csv"


def test_what_is_stored_of_the_trigger_has_no_sharing_link(sense, worker, tenant, legal, hour, on_look):
    item = legal.begin_upload("In/a.csv")
    link = tenant.share(item)
    on_look(3, lambda: legal.append(item, b"1", complete=True))
    on_look(4, hour)

    sense(item=link)

    assert "1drv" not in worker.stored
    assert "/s/" not in worker.stored
    assert json.loads(worker.stored)[1]["item"]["id"] == item.id
