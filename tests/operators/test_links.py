"""What the tasks' links in Airflow's web pages lead to."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
import uuid

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_drive import links
from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.exceptions import DriveError, DriveItemChangedError, DriveNameConflictError
from airflow_provider_drive.links import DriveDestinationLink, DriveSourceLink
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

LEGAL = "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents"
ARCHIVE = "https://contoso.sharepoint.com/sites/Archive/Shared%20Documents"


@pytest.fixture
def shown(worker):
    return lambda: {key: worker.xcom(f"{key}_url") for key in ("source", "destination")}


def test_a_copy_that_was_submitted_links_to_its_source_and_to_its_folder(copy, shown, plan, vault, path_of):
    copy(path_of(plan), path_of(vault))

    assert shown() == {"source": f"{LEGAL}/Contracts/plan.txt", "destination": f"{ARCHIVE}/Vault"}


def test_a_copy_that_was_waited_for_links_to_what_was_made(
    copy, waiting, tenant, shown, plan, vault, path_of
):
    tenant.copies = CopyBehaviour(looks=4)

    copy(path_of(plan), path_of(vault), name="copy.txt", **waiting)

    assert shown() == {"source": f"{LEGAL}/Contracts/plan.txt", "destination": f"{ARCHIVE}/Vault/copy.txt"}


def test_of_ids_only_what_was_read_has_a_link(copy, shown, asked, plan, vault):
    copy(plan, vault)
    assert shown() == {"source": None, "destination": None}
    assert len(asked("graph")) == 1

    copy(plan, vault, name="copy.txt", wait_for_completion=True)
    assert shown() == {"source": None, "destination": f"{ARCHIVE}/Vault/copy.txt"}


def test_a_copy_that_is_refused_links_to_where_the_name_is_taken(
    copy, shown, tenant, plan, archive, vault, path_of
):
    archive.put("Vault/plan.txt", b"Another.")
    tenant.copies = CopyBehaviour(conflict="sync")

    with pytest.raises(DriveNameConflictError):
        copy(path_of(plan), path_of(vault))

    assert shown() == {"source": f"{LEGAL}/Contracts/plan.txt", "destination": f"{ARCHIVE}/Vault"}


def test_a_bad_address_has_no_link(copy, shown):
    with pytest.raises(DriveError):
        copy("nowhere", "nowhere else")

    assert shown() == {"source": None, "destination": None}


def test_a_retry_links_to_the_same(tries, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=2)
    task = tries(DriveCopyOperator, plan, vault, wait_for_completion=True)
    task.die("GET", "operations", answered=True)

    task.run()

    assert task.worker.xcom("source_url") == f"{LEGAL}/Contracts/plan.txt"
    assert task.worker.xcom("destination_url") == f"{ARCHIVE}/Vault/plan.txt"


@pytest.mark.parametrize("mode", [{"deferrable": True}, {"deferrable": False}])
def test_a_sensor_links_to_what_its_job_names_and_to_what_was_made(
    copy, worker, tenant, shown, plan, vault, path_of, mode
):
    tenant.copies = CopyBehaviour(looks=3)
    job = copy(path_of(plan), path_of(vault))
    worker.ti.xcoms.clear()

    worker.run(DriveCopySensor, copy_job=json.loads(json.dumps(job)), poll_interval=0.05, **mode)

    assert shown() == {"source": f"{LEGAL}/Contracts/plan.txt", "destination": f"{ARCHIVE}/Vault/plan.txt"}


def test_a_move_links_to_where_the_item_was_and_to_where_it_is(move, shown, asked, plan, inbox):
    move(plan, inbox)

    assert shown() == {"source": f"{LEGAL}/Contracts/plan.txt", "destination": f"{LEGAL}/Inbox/plan.txt"}
    assert len(asked("graph")) == 2


def test_a_move_to_another_drive_links_to_both(move, shown, plan, vault):
    move(plan, vault, cross_drive="copy")

    assert shown() == {"source": f"{LEGAL}/Contracts/plan.txt", "destination": f"{ARCHIVE}/Vault/plan.txt"}


def test_a_move_that_failed_links_to_the_item(move, shown, plan, inbox):
    with pytest.raises(DriveItemChangedError):
        move(plan, inbox, if_match='"another"')

    assert shown() == {"source": f"{LEGAL}/Contracts/plan.txt", "destination": None}


@pytest.mark.parametrize(
    "url",
    [
        "https://contoso.sharepoint.com.example.com/plan.txt",
        "http://contoso.sharepoint.com/plan.txt",
        "https://contoso.sharepoint.com@example.com/plan.txt",
        "javascript:alert(document.domain)//contoso.sharepoint.com",
        "https://contoso.sharepoint.com\\@example.com/",
        ["https://contoso.sharepoint.com/"],
        5,
        "",
    ],
)
def test_what_leads_elsewhere_is_no_link(move, copy, shown, plan, inbox, path_of, url):
    plan.facets["webUrl"] = url

    copy(path_of(plan), path_of(inbox))
    move(plan, inbox, name="moved.txt")

    assert shown()["source"] is None
    assert shown()["destination"] in {f"{LEGAL}/Inbox", None}


def test_a_copy_job_that_was_tampered_with_leads_nowhere(copy, worker, shown, plan, vault, path_of):
    job = copy(path_of(plan), path_of(vault))
    job["snapshot"]["web_url"] = "https://example.com/"
    worker.ti.xcoms.clear()

    worker.run(DriveCopySensor, copy_job=job, poll_interval=0.05)

    assert shown()["source"] is None


@pytest.mark.parametrize(
    ("link", "name", "key"),
    [(DriveSourceLink(), "Source", "source_url"), (DriveDestinationLink(), "Destination", "destination_url")],
)
def test_a_link_is_what_its_xcom_says(monkeypatch, link, name, key):
    kept = {(key, "this try"): LEGAL}
    monkeypatch.setattr(links.XCom, "get_value", lambda *, ti_key, key: kept.get((key, ti_key)))

    assert link.name == name
    assert link.get_link(None, ti_key="this try") == LEGAL
    assert not link.get_link(None, ti_key="another")


@pytest.fixture
def instance(worker):
    """The task instance, as Airflow 3 hands it to the links at the end of each part of a task."""
    worker.ti.id = uuid.uuid4()
    return worker.ti


def linked(instance):
    return [link.get_link(None, ti_key=instance) for link in (DriveSourceLink(), DriveDestinationLink())]


@pytest.fixture
def no_look_up(monkeypatch):
    """Airflow 3 logs an error when an XCom is read that does not exist."""

    def get_value(**_):
        pytest.fail("An XCom was read.")

    monkeypatch.setattr(links.XCom, "get_value", get_value)


def test_in_a_worker_of_airflow_3_links_read_no_xcom(no_look_up, instance, copy, plan, vault, path_of):
    assert linked(instance) == ["", ""]

    copy(path_of(plan), path_of(vault))

    assert linked(instance) == [f"{LEGAL}/Contracts/plan.txt", f"{ARCHIVE}/Vault"]


def test_a_task_that_fails_after_its_deferral_keeps_its_links(
    no_look_up, instance, worker, tenant, plan, vault, path_of
):
    tenant.copies = CopyBehaviour(looks=4)
    parameters = {"item": path_of(plan), "destination": path_of(vault), "wait_for_completion": True}
    with pytest.raises(TaskDeferred):
        DriveCopyOperator(task_id="task", deferrable=True, **parameters).execute(worker.context)
    links._pushed.clear()  # the task resumes in another process

    with pytest.raises(DriveError):
        DriveCopyOperator(task_id="task", **parameters).execute_complete(
            worker.context, event={"status": "failed", "code": "generalException", "message": ""}
        )

    assert linked(instance) == [f"{LEGAL}/Contracts/plan.txt", f"{ARCHIVE}/Vault"]


def test_links_of_another_task_in_the_same_process_are_not_mixed_up(
    no_look_up, instance, copy, move, plan, inbox, path_of
):
    copy(path_of(plan), path_of(inbox))
    instance.id = uuid.uuid4()
    assert linked(instance) == ["", ""]

    with pytest.raises(DriveItemChangedError):
        move(plan, inbox, if_match='"another"')

    assert linked(instance) == [f"{LEGAL}/Contracts/plan.txt", ""]


def test_each_task_has_both_links():
    for kind in (DriveCopyOperator, DriveMoveOperator, DriveCopySensor):
        assert [link.name for link in kind.operator_extra_links] == ["Source", "Destination"]
