# ruff: noqa: PLR0917  # fixtures are asked for by name

import pytest
from airflow.providers.common.compat.sdk import Asset
from airflows import not_on_airflow_2

from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator

ARCHIVE = Asset(name="archive", uri="x-archive")


class Events(dict):
    """The events of a task's outlets, as its context has them."""

    class Event:
        def __init__(self):
            self.extra = {}

    def __missing__(self, asset):
        self[asset] = self.Event()
        return self[asset]


@pytest.fixture
def told(worker):
    worker.context["outlet_events"] = events = Events()
    return lambda: {asset.name: event.extra for asset, event in events.items()}


@pytest.mark.parametrize("deferrable", [True, False])
def test_the_events_of_an_archives_outlets_have_its_summary_and_the_folder(
    worker, told, tenant, plan, vault, ids, deferrable
):
    tenant.copies = CopyBehaviour(looks=8)
    summary = worker.run(
        DriveArchiveOperator,
        source=ids(plan.parent),
        destination=ids(vault),
        deferrable=deferrable,
        poll_interval=0.05,
        outlets=[ARCHIVE],
    )

    extra = told()["archive"]
    assert extra["folder"] == ids(vault)
    assert extra["manifest"] is None
    assert extra["summary"]["copied"] == summary["copied"] == 1


@pytest.mark.parametrize("deferrable", [True, False])
def test_the_events_of_a_copys_outlets_have_the_item_and_its_folder(
    worker, told, tenant, plan, vault, ids, deferrable
):
    tenant.copies = CopyBehaviour(looks=8)
    item = worker.run(
        DriveCopyOperator,
        item=ids(plan),
        destination=ids(vault),
        wait_for_completion=True,
        deferrable=deferrable,
        poll_interval=0.05,
        outlets=[ARCHIVE],
    )

    extra = told()["archive"]
    assert extra["folder"] == ids(vault)
    assert extra["item"] == {"driveId": vault.drive.id, "id": item["id"], "name": "plan.txt"}


def test_a_task_without_outlets_makes_no_request_for_them(worker, told, plan, vault, ids, asked):
    worker.run(
        DriveArchiveOperator, source=ids(plan.parent), destination=f"drives/{vault.drive.id}/root:/Vault"
    )

    assert told() == {}


@pytest.fixture
def outlets(worker):
    """Run an archive with an outlet, and tell the outlets that its operator has at its end."""

    def run(**parameters):
        made = []

        def make(**arguments):
            made.append(DriveArchiveOperator(**arguments))
            return made[-1]

        worker.run(make, outlets=[ARCHIVE], **parameters)
        return made[-1].outlets

    return run


@pytest.fixture
def twice(plan, vault, ids):
    """The parameters of an archive that may be run again."""
    return {"source": ids(plan.parent), "destination": ids(vault), "outlet_event_if_empty": False}


def test_an_archive_that_copies_nothing_lets_its_outlets_have_no_event(outlets, told, twice):
    assert outlets(**twice) == [ARCHIVE]
    assert "archive" in told()
    assert outlets(**twice) == []
    assert outlets(**twice | {"outlet_event_if_empty": True}) == [ARCHIVE]


def test_a_dry_run_lets_its_outlets_have_no_event_if_it_is_told_to(outlets, told, twice):
    assert outlets(**twice, dry_run=True) == []
    assert outlets(**twice | {"outlet_event_if_empty": True}, dry_run=True) == [ARCHIVE]
    assert told() == {}


def test_a_retry_has_an_event_for_what_an_earlier_try_has_copied(worker, outlets, told, twice):
    outlets(**twice)
    worker.ti.try_number = 2

    assert outlets(**twice) == [ARCHIVE]


def test_a_retry_that_finds_nothing_has_no_event(worker, outlets, told, twice):
    worker.ti.try_number = 2

    assert outlets(**twice, pattern="*.none") == []


@not_on_airflow_2("it has no references")
def test_references_to_assets_have_events_as_assets_do(outlets, worker, told, twice):
    references = [Asset.ref(name="archive"), Asset.ref(uri="x-archive")]
    first = DriveArchiveOperator(task_id="task", **twice, outlets=references)
    first.execute(worker.context)
    events = list(worker.context["outlet_events"].values())
    second = DriveArchiveOperator(task_id="task", **twice, outlets=references)
    second.execute(worker.context)

    assert [event.extra["summary"]["copied"] for event in events] == [1, 1]
    assert (first.outlets, second.outlets) == (references, [])


def test_outlets_that_are_no_assets_stay(worker, told, twice):
    operator = DriveArchiveOperator(task_id="task", **twice, pattern="*.none", outlets=["a file", ARCHIVE])
    operator.execute(worker.context)

    assert operator.outlets == ["a file"]
