"""Each task logs a line at its start and one at its end: what, by which login, the result, and its cost."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import re

import pytest

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

TOOK = r"Took \d+\.\d s, (\d+) requests, (\d+) resource units\."


@pytest.fixture
def told(log, tenant):
    """The lines at start and end, and what the end tells of requests and units."""

    def read():
        login = f"connection drive_default, app {tenant.client_id}, tenant {tenant.tenant_id}, cloud https://"
        starts = [line for line in log.lines if login in line]
        ends = [(line, *map(int, found.groups())) for line in log.lines if (found := re.search(TOOK, line))]
        return starts, ends

    return read


def test_a_copy_that_is_waited_for_logs_its_result_and_cost(worker, told, plan, vault, ids, log, asked):
    worker.run(DriveCopyOperator, item=ids(plan), destination=ids(vault), wait_for_completion=True)

    (start,), ((end, requests, units),) = told()
    source, folder = (f"drives/{item.drive.id}/items/{item.id}" for item in (plan, vault))
    assert f"Copying {source} to {folder}.\nconnection" in start
    assert re.search(r"Copied: '/Vault/plan\.txt' \(id \w+\)\.", end)
    assert (requests, units) == (3, 3)
    assert requests == len(asked("graph", "monitor"))
    assert len([line for line in log.lines if "accepted the copy of" in line]) == 1


def test_a_copy_that_is_only_submitted_logs_that_graph_accepted_it(worker, told, plan, archive, log):
    source = f"drives/{plan.drive.id}/root:/Contracts/plan.txt"
    worker.run(DriveCopyOperator, item=source, destination=f"drives/{archive.id}/root", name="2026.txt")

    (start,), ((end, requests, units),) = told()
    assert "Copying '/Contracts/plan.txt' to '/' as '2026.txt'.\n" in start
    assert f"\nitem: {source}\ndestination: drives/{archive.id}/root\nconnection " in start
    assert "Graph has accepted the copy of '/Contracts/plan.txt' to '/' as '2026.txt'." in end
    assert (requests, units) == (3, 4)
    assert log.text.count("Graph has accepted") == 1


def test_an_item_that_another_task_returned_is_logged_by_its_path(worker, told, hook, plan, vault, ids, log):
    source, folder = hook.get_item(ids(plan)), hook.get_item(ids(vault))

    worker.run(DriveCopyOperator, item=source, destination=folder)

    (start,), ((end, *_),) = told()
    assert "Copying '/Contracts/plan.txt' to '/Vault'.\n" in start
    assert "Graph has accepted the copy of '/Contracts/plan.txt' to '/Vault'." in end
    first_lines = [line.splitlines()[0] for line in log.lines if line.startswith("info ")]
    assert not any("drives/" in line for line in first_lines)


def test_a_deferral_and_what_follows_it_have_their_own_lines(worker, told, plan, vault, ids, tenant, log):
    tenant.copies = CopyBehaviour(looks=4)
    options = {"wait_for_completion": True, "deferrable": True, "poll_interval": 0.1}

    worker.run(DriveCopyOperator, item=ids(plan), destination=ids(vault), **options)

    (first, second), ((deferred, *_), (end, requests, _)) = told()
    assert "Copying drives/" in first
    assert "Deferred: the triggerer now waits for the copy." in deferred
    assert re.search(r"Verifying the copy of .*, requested \d+ s ago\.\nconnection", second)
    assert "Copied: '/Vault/plan.txt' (id " in end
    assert requests == 1
    assert log.has(r"Polled 3 times: the copy is completed\.")


def test_a_move_logs_the_new_folder(worker, told, plan, inbox, ids):
    worker.run(DriveMoveOperator, item=ids(plan), destination=ids(inbox), name="signed.txt")

    (start,), ((end, requests, units),) = told()
    assert f"Moving drives/{plan.drive.id}/items/{plan.id} to drives/" in start
    assert "as 'signed.txt'.\nconnection" in start
    assert f"Moved: it is '/Inbox/signed.txt' now (id {plan.id})." in end
    assert (requests, units) == (2, 3)


@pytest.mark.parametrize("mode", [{"deferrable": False, "mode": "poke", "poke_interval": 0.1}, {}])
def test_a_sensor_logs_the_copy_that_it_waits_for(worker, told, plan, vault, ids, tenant, mode):
    tenant.copies = CopyBehaviour(looks=2)
    job = worker.run(DriveCopyOperator, item=ids(plan), destination=ids(vault))

    worker.run(DriveCopySensor, copy_job=job, poll_interval=0.1, **mode)

    (_, *starts), (_, *ends) = told()
    assert "Waiting for the copy of drives/" in starts[0]
    assert re.search(r"The copy is complete \(id \w+\)\.", ends[-1][0])
    assert len(starts) == len(ends) == (1 if mode else 2)


def test_a_sensor_with_a_bare_url_does_not_log_the_url(worker, log, hook, plan, vault, ids):
    url = hook.copy_item(ids(plan), ids(vault))

    worker.run(DriveCopySensor, monitor_url=url, drive_conn_id="drive_default")

    assert log.has(r"Waiting for a copy\.\nconnection drive_default, app")
    assert url not in log.text


def test_a_task_that_fails_logs_what_it_took(worker, told, plan, vault, ids, tenant):
    tenant.faults.append(Fault(where="graph", path="/copy", status=400, code="invalidRequest"))

    with pytest.raises(DriveError):
        worker.run(DriveCopyOperator, item=ids(plan), destination=ids(vault))

    (_,), ((end, requests, _),) = told()
    assert "Failed." in end
    assert requests == 1


def test_requests_that_failed_are_counted(worker, told, plan, inbox, ids, tenant):
    tenant.faults.append(Fault(where="graph", method="GET", kind="drop_before"))

    worker.run(DriveMoveOperator, item=ids(plan), destination=ids(inbox))

    assert told()[1][0][1:] == (3, 4)


def test_a_sharing_link_is_not_logged(worker, log, plan, vault, ids):
    link = "https://contoso.sharepoint.com/:t:/s/Legal/EZabcdefghijklmnop?e=secret"

    with pytest.raises(DriveError):
        worker.run(DriveCopyOperator, item=link, destination=ids(vault))

    assert log.has(r"Copying https://contoso.sharepoint.com/:t:/s/Legal/\*\*\* to drives/")
    assert "EZabcdefghijklmnop" not in log.text


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        (
            {"auth_type": "refresh_token", "refresh_token": "none-of-ours"},
            r"a user of the app [\w-]+, tenant",
        ),
        ({"login": "", "auth_type": "managed_identity"}, "managed identity, tenant"),
    ],
)
def test_the_login_in_the_log_depends_on_its_kind(connect, fields, who):
    connect(**fields)

    assert re.search(f"connection drive_default, {who}", DriveHook()._client.identity)
