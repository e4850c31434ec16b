import pytest
from protocol.conversation import (
    DATE,
    HOSTS,
    NOW,
    Clock,
    answer,
    converse,
    item,
    missing,
    page,
    refusal,
    wait,
)

from airflow_provider_drive.exceptions import DriveAccessDeniedError, DriveArgumentError
from airflow_provider_drive.protocol.items.arrival import SettleCheck, look, read_arrival, wait_for_arrival
from airflow_provider_drive.protocol.wire.items import print_time, read_item

PATH = "drives/d/root:/In"


def arrival(**parameters):
    return read_arrival(HOSTS, NOW, **{"folder": PATH, **parameters})


def file(name="a", *, ago=3600.0, **fields):
    return item(name, name, lastModifiedDateTime=print_time(NOW - ago), **fields)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, ""),
        ({"size": 0}, "is empty"),
        ({"pendingOperations": {"pendingContentUpdate": {}}}, "is being uploaded"),
        ({"ago": 20}, "changed 20 s ago"),
        ({"ago": -20}, "changed 0 s ago"),
        ({"kind": "folder"}, ""),
    ],
)
def test_why_a_document_is_not_settled(fields, why):
    assert SettleCheck(60).why_not(read_item(file(**fields)), NOW) == why


def test_a_change_that_two_looks_have_seen_counts_from_the_second():
    check = SettleCheck(60)

    assert check.why_not(read_item(file(size=1)), NOW) == ""
    assert check.why_not(read_item(file(size=2)), NOW + 30) == "changed 0 s ago"
    assert check.why_not(read_item(file(size=2)), NOW + 80) == "changed 50 s ago"
    assert check.why_not(read_item(file(size=2)), NOW + 91) == ""


def test_a_folder_is_looked_at_by_its_path_in_one_request():
    talk = converse(look(arrival(), wait()), page(file("a"), file("b", ago=5)))

    assert str(talk.result) == "1 of 1: a settled, b changed 5 s ago"
    assert talk.lines[0].startswith("GET /drives/d/root:/In:/children?")


def test_a_folder_of_several_pages_is_listed_by_its_id():
    folder = answer(200, item("f", "In", kind="folder"))
    talk = converse(
        look(arrival(), wait()), page(file("a"), link="https://graph/2"), folder, page(file("a"), file("b"))
    )

    assert len(talk.result.settled) == 2
    assert talk.lines[2].startswith("GET /drives/d/items/f/children?")


def test_a_folder_that_is_a_file_is_told():
    error = converse(look(arrival(), wait()), refusal(400, "invalidRequest"), answer(200, item())).error

    assert isinstance(error, DriveArgumentError)


def test_an_item_that_is_missing_is_not_there_yet():
    assert (
        str(converse(look(arrival(folder=None, item=PATH), wait()), missing()).result)
        == "'/In' is not there yet"
    )


def test_no_access_is_an_error():
    talk = converse(look(arrival(), wait()), then=refusal(403, "accessDenied"))

    assert isinstance(talk.error, DriveAccessDeniedError)


def test_looks_go_on_until_the_deadline_and_the_last_one_is_told():
    clock = Clock()
    flow = wait_for_arrival(arrival(), wait(clock, deadline=NOW + 100, poll_interval=30))
    talk = converse(flow, then=page(file("a", size=0)), clock=clock)

    assert not talk.result.is_complete
    assert [pause.seconds for pause in talk.pauses] == [30, 30, 30, 10]
    assert talk.notes[0] == "0 of 1: a is empty."


def test_many_documents_are_not_all_named():
    entries = [file(str(number)) for number in range(12)]

    assert str(converse(look(arrival(), wait()), page(*entries)).result).endswith("4 settled, and 7 more")


def test_one_item_is_judged_by_the_date_of_its_answer():
    given = answer(200, file("a", ago=50), date=DATE)
    clock = Clock(NOW + 9999)

    assert not converse(look(arrival(folder=None, item=PATH), wait(clock)), given).result.is_complete


def test_a_document_that_is_dated_in_the_future_is_settled_some_time_after_it_was_seen():
    check, late = SettleCheck(60), read_item(file(ago=-1e9))

    assert [check.why_not(late, NOW + seconds) for seconds in (0, 30, 61)] == [
        "changed 0 s ago",
        "changed 30 s ago",
        "",
    ]
