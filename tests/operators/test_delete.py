import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveArgumentError, DriveItemChangedError, DriveLockedError
from airflow_provider_drive.operators.delete import DriveDeleteOperator


@pytest.fixture
def delete(worker, path_of):
    """Run the operator, on a path."""

    def run(item, **parameters):
        address = path_of(item) if hasattr(item, "metadata_version") else item
        return worker.run(DriveDeleteOperator, item=address, **parameters)

    return run


def test_an_item_goes_to_the_recycle_bin(delete, legal, plan, ids):
    address = ids(plan)

    assert delete(plan) == address
    assert legal.tree() == {"Contracts": None}
    assert legal.recycle_bin == [plan]


def test_a_folder_goes_with_all_in_it(delete, legal, plan):
    delete(plan.parent)

    assert legal.tree() == {}


def test_deleting_by_ids_is_one_request(delete, plan, ids, asked):
    assert delete(ids(plan)) == ids(plan)
    assert asked("graph") == ["DELETE /drives/D/items/I"]


def test_an_item_that_is_gone_counts_as_deleted(delete, plan, ids):
    address = ids(plan)
    delete(plan)

    assert delete(f"drives/{plan.drive.id}/root:/Contracts/plan.txt") is None
    assert delete(address) == address


def test_a_lost_answer_is_asked_for_again(delete, tenant, legal, plan, ids):
    address = ids(plan)
    tenant.faults.append(Fault("DELETE", kind="drop_after"))

    assert delete(plan) == address
    assert legal.recycle_bin == [plan]


@pytest.mark.parametrize("tag", ["etag", "ctag"])
def test_an_item_with_the_right_tag_is_deleted(delete, legal, plan, tag):
    delete(plan, if_match=getattr(plan, tag))

    assert legal.recycle_bin == [plan]


def test_an_item_that_has_changed_is_kept(delete, tenant, legal, plan):
    before = plan.etag
    tenant.drift(plan)

    with pytest.raises(DriveItemChangedError) as caught:
        delete(plan, if_match=before)

    assert isinstance(caught.value, AirflowFailException)
    assert legal.find("Contracts/plan.txt") is plan


@pytest.mark.parametrize("tag", ["", "a\nb", 5])
def test_an_invalid_tag_is_refused_before_anything_is_sent(delete, tenant, plan, tag):
    with pytest.raises(DriveArgumentError, match="if_match"):
        delete(plan, if_match=tag)

    assert tenant.calls() == []


def test_a_locked_item_is_kept(delete, legal, plan):
    plan.locked = True

    with pytest.raises(DriveLockedError):
        delete(plan)

    assert legal.find("Contracts/plan.txt") is plan


def test_of_a_shortcut_the_shortcut_is_deleted(delete, legal, archive, vault):
    remote = {"id": vault.id, "parentReference": {"driveId": archive.id}, "folder": {"childCount": 0}}
    shortcut = legal.put("Vault", b"", facets={"remoteItem": remote})

    delete(shortcut)

    assert legal.recycle_bin == [shortcut]
    assert archive.find("Vault") is vault


def test_of_a_shortcut_that_another_task_returned_the_shortcut_is_deleted(
    worker, legal, archive, vault, hook
):
    remote = {"id": vault.id, "parentReference": {"driveId": archive.id}, "folder": {"childCount": 0}}
    shortcut = legal.put("Vault", b"", facets={"remoteItem": remote})
    (listed,) = [item for item in hook.list_children(f"drives/{legal.id}/root") if item["name"] == "Vault"]
    assert "remoteItem" in listed

    worker.run(DriveDeleteOperator, item=listed)

    assert legal.recycle_bin == [shortcut]
    assert archive.find("Vault") is vault


def test_the_log_says_what_was_deleted(delete, plan, log):
    delete(plan)
    delete(f"drives/{plan.drive.id}/root:/Contracts/plan.txt")

    assert log.has(r"Deleting '/.*plan\.txt'")
    assert log.has(rf"Deleted .*plan\.txt. \(id {plan.id}\)\. Took .* 2 requests, 3 resource units")
    assert log.has("There was nothing")
