"""What can go wrong between a task and its copy. A copy is never asked for twice."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import datetime as dt

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import (
    DriveAddressError,
    DriveAuthError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveRequestError,
    DriveResponseError,
    DriveThrottledError,
)
from airflow_provider_drive.operators.copy import DriveCopyOperator

# Bad input


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"item": "what is this"}, DriveAddressError, "'what is this'.*drives/{drive-id}/items/{item-id}"),
        ({"item": 17}, DriveAddressError, "17"),
        ({"item": {"id": "i"}}, DriveAddressError, "driveId"),
        ({"item": "https://example.org/plan.docx"}, DriveAddressError, "example.org"),
        ({"destination": "drives/d/root:/a//b"}, DriveAddressError, "empty"),
        ({"conflict_behavior": "overwrite"}, DriveError, "fail, replace, rename, skip, got 'overwrite'"),
        ({"name": "a/b"}, DriveError, "a/b"),
        ({"poll_interval": 0}, DriveError, "poll_interval"),
        ({"poll_interval": "often"}, DriveError, "poll_interval"),
        ({"copy_timeout": -1}, DriveError, "copy_timeout"),
        ({"copy_timeout": float("nan")}, DriveError, "copy_timeout"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(copy, asked, parameters, error, words):
    given = {"item": "drives/d/items/i", "destination": "drives/e/items/f", **parameters}

    with pytest.raises(error, match=words) as caught:
        copy(**given)

    assert isinstance(caught.value, AirflowFailException)
    assert isinstance(caught.value, ValueError)
    assert asked() == []


def test_a_request_that_graph_calls_bad_burns_no_retries(copy, tenant, plan, vault):
    tenant.faults.append(Fault("POST", "/copy$", status=400))

    with pytest.raises(DriveRequestError, match="invalidRequest") as caught:
        copy(plan, vault)

    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("status", [403, 404, 423, 507])
def test_what_may_heal_by_itself_is_left_to_airflows_retries(copy, tenant, posts, plan, vault, status):
    tenant.faults.append(Fault("POST", "/copy$", status=status))

    with pytest.raises(DriveRequestError) as caught:
        copy(plan, vault)

    assert not isinstance(caught.value, AirflowFailException)
    assert (caught.value.status, posts()) == (status, 1)


# The answer to the copy is lost


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after"},
        {"kind": "status", "status": 500, "effect": True},
        {"kind": "status", "status": 502, "effect": True},
        {"kind": "status", "status": 503, "effect": True},
        {"kind": "refuse", "status": 504, "effect": True},
    ],
    ids=lambda fault: str(fault.get("status", fault["kind"])),
)
def test_a_lost_answer_does_not_lead_to_a_second_copy(copy, tenant, posts, plan, vault, fault):
    tenant.faults.append(Fault("POST", "/copy$", **fault))

    item = copy(plan, vault, wait_for_completion=True)

    assert item["id"] == vault.child("plan.txt").id
    assert (posts(), len(tenant.jobs)) == (1, 1)


def test_an_answer_that_comes_too_late_is_a_lost_one(copy, connect, tenant, posts, plan, vault):
    connect(timeout=0.3)
    tenant.faults.append(Fault("POST", "/copy$", kind="delay", seconds=1.0))

    item = copy(plan, vault, wait_for_completion=True)

    assert item["name"] == "plan.txt"
    assert posts() == 1


def test_a_lost_answer_to_a_renaming_copy_leads_to_the_new_file(copy, tenant, posts, plan, archive, vault):
    archive.put("Vault/plan.txt", b"older").created -= _a_day()
    tenant.faults.append(Fault("POST", "/copy$", kind="drop_after"))

    item = copy(plan, vault, conflict_behavior="rename", wait_for_completion=True)

    assert item["name"] == "plan 1.txt"
    assert posts() == 1


def _a_day():
    return dt.timedelta(days=1)


def test_a_lost_answer_to_a_copy_of_a_folder_waits_until_it_is_whole(copy, tenant, posts, legal, vault):
    for number in range(4):
        legal.put(f"Contracts/2026/{number}.txt", b"x")
    tenant.copies = CopyBehaviour(seconds=0.5, appears="start")
    tenant.faults.append(Fault("POST", "/copy$", kind="drop_after"))

    item = copy(legal.find("Contracts/2026"), vault, wait_for_completion=True)

    assert item["name"] == "2026"
    assert len(tenant.tree("archive")) == 6
    assert posts() == 1


def test_a_copy_that_was_found_is_returned_as_a_job_that_knows_its_item(copy, worker, tenant, plan, vault):
    tenant.faults.append(Fault("POST", "/copy$", kind="drop_after"))

    job = copy(plan, vault)

    assert job["resource_id"] == vault.child("plan.txt").id
    assert job["monitor_url"] is None
    assert worker.xcom("monitor_url") is None


def test_a_copy_that_nobody_can_tell_of_is_neither_a_success_nor_sent_again(
    copy, waiting, tenant, posts, plan, vault
):
    tenant.faults.append(Fault("POST", "/copy$", kind="drop_before"))

    with pytest.raises(DriveCopyUnknownError, match="before you copy again"):
        copy(plan, vault, copy_timeout=0.4, **waiting)

    assert (posts(), tenant.jobs) == (1, [])


def test_an_older_file_of_that_name_is_not_taken_for_the_copy(copy, tenant, posts, plan, archive, vault):
    archive.put("Vault/plan.txt", size=plan.size).created -= _a_day()
    tenant.faults.append(Fault("POST", "/copy$", kind="drop_before"))

    with pytest.raises(DriveError, match="has that name"):
        copy(plan, vault, copy_timeout=0.4)

    assert posts() == 1


def test_an_answer_to_the_copy_that_is_garbage_is_none(copy, tenant, posts, plan, vault):
    tenant.faults.append(Fault("POST", "/copy$", kind="huge", status=202, effect=True))

    assert copy(plan, vault, wait_for_completion=True)["name"] == "plan.txt"
    assert posts() == 1


# What may be sent again


@pytest.mark.parametrize("status", [429, 503])
def test_a_copy_that_was_refused_as_too_much_is_sent_again(copy, tenant, posts, plan, vault, status):
    tenant.faults.append(Fault("POST", "/copy$", status=status, retry_after=0.05, times=2))

    assert copy(plan, vault, wait_for_completion=True)["name"] == "plan.txt"
    assert (posts(), len(tenant.jobs)) == (3, 1)


def test_a_host_that_asks_for_too_much_patience_is_an_error_that_names_the_budget(
    copy, tenant, posts, plan, vault
):
    tenant.faults.append(Fault("POST", "/copy$", status=429, retry_after=4000))

    with pytest.raises(DriveThrottledError, match=r"budget of 300 s.*asks for \d+ s more") as caught:
        copy(plan, vault)

    assert (caught.value.code, posts()) == ("activityLimitReached", 1)


def test_a_lost_look_at_an_item_is_repeated(copy, tenant, asked, plan, vault, path_of):
    tenant.faults.append(Fault("GET", "plan.txt:$", kind="drop_before"))

    assert copy(path_of(plan), vault, wait_for_completion=True)["name"] == "plan.txt"
    assert asked("graph").count("GET /drives/D/root:/Contracts/plan.txt:") == 2


# The token


def test_a_token_that_is_refused_is_replaced_once(copy, tenant, posts, plan, vault, hook, ids):
    hook.get_item(ids(plan))
    tenant.revoke_tokens()

    assert copy(plan, vault, wait_for_completion=True)["name"] == "plan.txt"
    assert len(tenant.calls("POST", where="token")) == 2
    assert (posts(), len(tenant.jobs)) == (2, 1)


def test_a_token_that_is_refused_again_is_an_error_that_names_the_settings(copy, tenant, posts, plan, vault):
    tenant.faults.append(Fault("POST", "/copy$", status=401, times=5))

    with pytest.raises(DriveAuthError, match="cloud, host, scopes and tenant_id"):
        copy(plan, vault)

    assert posts() == 2


# The monitor's address


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("https://example.org", "example.org"),
        ("http://localhost:1", "localhost"),
        ("https://user:pass@localhost:1", "localhost"),
        ("https://127.0.0.1:1", "127.0.0.1"),
        ("https://169.254.169.254", "169.254.169.254"),
        ("https://sharepoint.com.example.org", "sharepoint.com.example.org"),
        ("ftp://contoso.sharepoint.com", "contoso.sharepoint.com"),
    ],
)
def test_a_monitor_on_another_host_is_not_called(
    copy, worker, helpers, tenant, asked, plan, vault, base, host
):
    tenant.monitor_base = base

    with pytest.raises(DriveResponseError, match=r"accepted.*is making it.*allowed_hosts") as caught:
        copy(plan, vault, wait_for_completion=True)

    assert isinstance(caught.value, AirflowFailException)
    assert repr(host) in str(caught.value)
    assert tenant.jobs[0].tempauth not in helpers.told(caught.value)
    assert "/operations/" not in helpers.told(caught.value)
    assert asked("graph", "monitor") == ["POST /drives/D/items/I/copy"]
    assert plan.drive.find(plan.path) is plan


def test_an_address_that_the_connection_allows_is_called(
    copy, waiting, connect, emulator, tenant, plan, vault
):
    connect(allowed_hosts=[f"127.0.0.1:{emulator.port}"])
    tenant.copies = CopyBehaviour(looks=3)
    tenant.monitor_base = f"https://127.0.0.1:{emulator.port}"

    assert copy(plan, vault, **waiting)["name"] == "plan.txt"
    assert {call.host for call in tenant.calls(where="monitor")} == {f"127.0.0.1:{emulator.port}"}


def test_an_address_on_another_port_than_the_allowed_one_is_not_called(
    copy, connect, emulator, tenant, plan, vault
):
    connect(allowed_hosts="127.0.0.1:1")
    tenant.monitor_base = f"https://127.0.0.1:{emulator.port}"

    with pytest.raises(DriveResponseError, match=r"'127\.0\.0\.1'"):
        copy(plan, vault, wait_for_completion=True)

    assert tenant.calls(where="monitor") == []


def test_a_redirect_is_not_followed(copy, tenant, emulator, plan, vault):
    tenant.faults.append(
        Fault("POST", "/copy$", kind="redirect", location=f"https://127.0.0.1:{emulator.port}/v1.0/elsewhere")
    )

    with pytest.raises(DriveError, match="HTTP 302"):
        copy(plan, vault)

    assert tenant.calls(path="elsewhere") == []


# The monitor


def test_a_monitor_that_forgets_leaves_it_to_the_destination(copy, waiting, tenant, plan, vault):
    tenant.copies = CopyBehaviour(lost=True)

    assert copy(plan, vault, **waiting)["id"] == vault.child("plan.txt").id
    assert len(tenant.jobs) == 1


def test_a_monitor_that_forgets_a_copy_that_never_shows_is_no_success(copy, waiting, tenant, plan, vault):
    tenant.copies = CopyBehaviour(lost=True, seconds=3600)

    with pytest.raises(DriveCopyUnknownError, match="before you copy again"):
        copy(plan, vault, copy_timeout=1.2, **waiting)

    assert len(tenant.jobs) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "garbage"},
        {"kind": "html"},
        {"kind": "html", "status": 503},
        {"kind": "truncate"},
        {"kind": "nested"},
        {"kind": "huge"},
        {"kind": "drop_before"},
        {"kind": "status", "status": 500},
        {"kind": "refuse", "status": 429, "retry_after": 0.05},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)
def test_a_monitor_that_answers_nonsense_is_asked_again(copy, waiting, tenant, plan, vault, fault):
    tenant.copies = CopyBehaviour(looks=3)
    tenant.faults.append(Fault(where="monitor", after=2, **fault))  # the third look is the triggerer's

    assert copy(plan, vault, **waiting)["name"] == "plan.txt"
    assert tenant.faults == []
    assert len(tenant.jobs) == 1


def test_a_monitor_that_answers_nonsense_for_ever_is_given_up_at_the_deadline(
    copy, waiting, tenant, plan, vault
):
    tenant.copies = CopyBehaviour(seconds=60)
    tenant.faults.append(Fault(where="monitor", kind="html", times=10**6))

    with pytest.raises(DriveCopyTimeoutError, match="not JSON"):
        copy(plan, vault, copy_timeout=0.4, **waiting)


def test_what_is_there_at_the_deadline_is_the_copy_whatever_its_monitor_says(
    copy, waiting, tenant, plan, vault
):
    tenant.faults.append(Fault(where="monitor", kind="html", times=10**6))

    assert copy(plan, vault, copy_timeout=0.4, **waiting)["id"] == vault.child("plan.txt").id


@pytest.mark.parametrize("kind", ["garbage", "html", "nested", "truncate"])
def test_an_item_that_cannot_be_read_is_asked_for_again(copy, tenant, plan, vault, kind):
    tenant.faults.append(Fault("GET", "/items/", kind=kind, where="graph"))

    assert copy(plan, vault, wait_for_completion=True)["name"] == "plan.txt"


# Events and XComs are foreign input


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (None, "NoneType"),
        ("completed", "str"),
        ([], "list"),
        ({}, "status"),
        ({"status": "success"}, "status"),
        ({"status": "running"}, "status"),
        ({"status": ["completed"]}, "status"),
        ({"status": "completed", "resource_id": 7}, "resource_id"),
        ({"status": "completed", "resource_id": "x", "extra": "y"}, "extra"),
        ({"status": "completed", "percent_complete": True}, "percent_complete"),
        ({"status": "failed", "code": None}, "code"),
        ({"status": "failed", "details": ["x"]}, "details"),
    ],
)
def test_a_foreign_event_is_refused(worker, asked, event, words):
    operator = DriveCopyOperator(task_id="task", item="drives/d/items/i")

    with pytest.raises(DriveResponseError, match=f"event is refused.*{words}"):
        operator.execute_complete(worker.context, event=event)

    assert asked() == []


def test_a_task_whose_copy_job_is_gone_says_so(worker):
    operator = DriveCopyOperator(task_id="task", item="drives/d/items/i")

    with pytest.raises(DriveError, match=r"copy_job.*missing"):
        operator.execute_complete(worker.context, event={"status": "completed", "resource_id": "x"})


def test_an_event_that_names_another_item_is_no_success(copy, worker, tenant, plan, inbox):
    other = plan.drive.put("Other/else.txt", b"?")
    worker.ti.xcom_push("copy_job", copy(plan, inbox))
    operator = DriveCopyOperator(task_id="task", item="drives/d/items/i")

    with pytest.raises(DriveError, match="is in the folder"):
        operator.execute_complete(worker.context, event={"status": "completed", "resource_id": other.id})
