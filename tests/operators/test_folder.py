import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveItemNotFoundError, DriveNameConflictError
from airflow_provider_drive.operators.folder import DriveEnsureFolderOperator


@pytest.fixture
def ensure(worker, legal):
    """Run the operator on a path in the drive."""

    def run(path, drive=legal):
        return worker.run(DriveEnsureFolderOperator, folder=f"drives/{drive.id}/root:/{path}")

    return run


def test_a_folder_is_made_with_what_is_missing_above_it(ensure, legal):
    folder = ensure("Archive/2026/Q1")

    assert legal.tree() == {"Archive": None, "Archive/2026": None, "Archive/2026/Q1": None}
    assert (folder["id"], folder["name"]) == (legal.find("Archive/2026/Q1").id, "Q1")
    assert "folder" in folder


def test_a_folder_that_is_there_is_one_read(ensure, inbox, asked):
    assert ensure("Inbox")["id"] == inbox.id
    assert asked("graph") == ["GET /drives/D/root:/Inbox:"]


def test_a_second_run_makes_nothing(ensure, tenant):
    first = ensure("Archive/2026")
    made = len(tenant.calls("POST", "/children$"))

    assert ensure("archive/2026")["id"] == first["id"]
    assert len(tenant.calls("POST", "/children$")) == made


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "garbage"])
def test_a_folder_whose_answer_is_lost_is_made_once(ensure, tenant, legal, kind):
    tenant.faults.append(Fault("POST", "/children$", kind=kind, effect=True))

    ensure("Archive")

    assert legal.tree() == {"Archive": None}


def test_an_item_that_is_not_a_folder_is_an_error(ensure, plan):
    with pytest.raises(DriveNameConflictError, match="is not a folder") as caught:
        ensure("Contracts/plan.txt")

    assert isinstance(caught.value, AirflowFailException)


def test_a_folder_by_ids_has_to_be_there(worker, legal):
    with pytest.raises(DriveItemNotFoundError):
        worker.run(DriveEnsureFolderOperator, folder={"driveId": legal.id, "id": "01NOTHERE"})


def test_the_link_leads_to_the_folder(ensure, worker):
    folder = ensure("Archive")

    assert worker.xcom("destination_url") == folder["webUrl"]
    assert worker.xcom("source_url") is None


def test_the_log_says_which_folder_it_is(ensure, log):
    folder = ensure("Archive")

    assert log.has("Ensuring the folder '/.*Archive")
    assert log.has(rf"The folder '/.*Archive' exists \(id {folder['id']}\)\. Took .* requests")
