"""A line at the start of each task, and one at its end: who does what, what came of it, what it took."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import re

import pytest

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor

TOOK = r"That took \d+\.\d s and (\d+) requests \((\d+) resource units\)\."


@pytest.fixture
def told(log, tenant):
    """The lines at start and end, and what the end tells of requests and units."""

    def read():
        who = (
            rf"as the app {tenant.client_id} of the tenant {tenant.tenant_id} in the cloud https://localhost"
        )
        starts = [
            line for line in log.lines if re.search(rf"{who}:\d+, by the connection drive_default", line)
        ]
        ends = [(line, *map(int, found.groups())) for line in log.lines if (found := re.search(TOOK, line))]
        return starts, ends

    return read


def test_a_copy_that_is_waited_for(worker, told, plan, vault, ids, log, asked):
    worker.run(DriveCopyOperator, item=ids(plan), destination=ids(vault), wait_for_completion=True)

    (start,), ((end, requests, units),) = told()
    source, folder = (f"drives/{item.drive.id}/items/{item.id}" for item in (plan, vault))
    assert f"Copying {source} to {folder}, as the app" in start
    assert re.search(r"Copied: plan\.txt is \w+ now\.", end)
    assert (requests, units) == (3, 3)
    assert requests == len(asked("graph", "monitor"))
    assert len([line for line in log.lines if "accepted the copy of" in line]) == 1


def test_a_copy_that_is_only_submitted(worker, told, plan, archive, log):
    source = f"drives/{plan.drive.id}/root:/Contracts/plan.txt"
    worker.run(DriveCopyOperator, item=source, destination=f"drives/{archive.id}/root", name="2026.txt")

    (start,), ((end, requests, units),) = told()
    assert f"Copying {source} to drives/{archive.id}/root as '2026.txt'" in start
    assert "Graph has accepted the copy of drives/" in end
    assert (requests, units) == (3, 4)
    assert log.text.count("Graph has accepted") == 1


def test_a_copy_that_is_deferred_and_resumed(worker, told, plan, vault, ids, tenant, log):
    tenant.copies = CopyBehaviour(looks=4)
    options = {"wait_for_completion": True, "deferrable": True, "poll_interval": 0.1}

    worker.run(DriveCopyOperator, item=ids(plan), destination=ids(vault), **options)

    (first, second), ((deferred, *_), (end, requests, _)) = told()
    assert "Copying drives/" in first
    assert "The triggerer waits for it from now on." in deferred
    assert re.search(r"Looking at what came of the copy of .*, asked for \d+ s ago, as the app", second)
    assert "Copied: plan.txt is" in end
    assert requests == 1
    assert log.has(r"Looked 3 times: the copy is completed\.")


def test_a_move(worker, told, plan, inbox, ids):
    worker.run(DriveMoveOperator, item=ids(plan), destination=ids(inbox), name="signed.txt")

    (start,), ((end, requests, units),) = told()
    assert f"Moving drives/{plan.drive.id}/items/{plan.id} to drives/" in start
    assert "as 'signed.txt', as the app" in start
    assert f"Moved: signed.txt is in the folder {inbox.id} now." in end
    assert (requests, units) == (2, 3)


@pytest.mark.parametrize("mode", [{"deferrable": False, "mode": "poke", "poke_interval": 0.1}, {}])
def test_a_sensor(worker, told, plan, vault, ids, tenant, mode):
    tenant.copies = CopyBehaviour(looks=2)
    job = worker.run(DriveCopyOperator, item=ids(plan), destination=ids(vault))

    worker.run(DriveCopySensor, copy_job=job, poll_interval=0.1, **mode)

    (_, *starts), (_, *ends) = told()
    assert "Waiting for the copy of drives/" in starts[0]
    assert re.search(r"The copy is there: \w+\.", ends[-1][0])
    assert len(starts) == len(ends) == (1 if mode else 2)


def test_a_sensor_without_a_login(worker, log, hook, plan, vault, ids):
    url = hook.copy_item(ids(plan), ids(vault))

    worker.run(DriveCopySensor, monitor_url=url, drive_conn_id="drive_default")

    assert log.has("Waiting for a copy, as the app")
    assert url not in log.text


def test_a_task_that_fails(worker, told, plan, vault, ids, tenant):
    tenant.faults.append(Fault(where="graph", path="/copy", status=400, code="invalidRequest"))

    with pytest.raises(DriveError):
        worker.run(DriveCopyOperator, item=ids(plan), destination=ids(vault))

    (_,), ((end, requests, _),) = told()
    assert "It did not succeed." in end
    assert requests == 1


def test_what_failed_on_the_way_counts_too(worker, told, plan, inbox, ids, tenant):
    tenant.faults.append(Fault(where="graph", method="GET", kind="drop_before"))

    worker.run(DriveMoveOperator, item=ids(plan), destination=ids(inbox))

    assert told()[1][0][1:] == (3, 4)


def test_a_sharing_link_is_not_told(worker, log, plan, vault, ids):
    link = "https://contoso.sharepoint.com/:t:/s/Legal/EZabcdefghijklmnop?e=secret"

    with pytest.raises(DriveError):
        worker.run(DriveCopyOperator, item=link, destination=ids(vault))

    assert log.has("Copying the item shared as https://contoso.sharepoint.com/… to drives/")
    assert "EZabcdefghijklmnop" not in log.text


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        (
            {"auth_type": "refresh_token", "refresh_token": "none-of-ours"},
            r"as a user of the app [\w-]+ of the",
        ),
        ({"login": "", "auth_type": "managed_identity"}, "as this machine's identity"),
    ],
)
def test_who_it_is_depends_on_the_kind_of_login(connect, log, fields, who):
    connect(**fields)

    with DriveHook().report("Doing nothing") as outcome:
        outcome.append("Done.")

    assert log.has(f"Doing nothing, {who}")
    assert log.has(r"Done\. That took 0\.\d s and 0 requests \(0 resource units\)\.")
