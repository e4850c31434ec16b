"""What others do between a crash and the retry, and what Graph does that nobody would expect."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import datetime as dt
import time

import pytest

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveNameConflictError,
)
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator

HOUR = dt.timedelta(hours=1)


pytestmark = pytest.mark.usefixtures("short_searches")


@pytest.fixture
def old(legal):
    """Put a document that has not been touched for an hour."""

    def put(path, content):
        item = legal.put(path, content)
        item.created = item.modified = item.created - HOUR
        return item

    return put


class TestSomebodyElsesDocument:
    @pytest.mark.parametrize("content", [b"B", b"much the same as that of A"])
    @pytest.mark.parametrize("behavior", ["fail", "rename", "replace"])
    def test_an_item_of_another_with_the_same_name_never_costs_the_original(
        self, tries, archive, legal, old, vault, behavior, content
    ):
        """Of an Office file nobody can say whether the service has rewritten it."""
        mine = old("A/contract.docx", b"contract with A, all of it")
        task = tries(DriveMoveOperator, mine, vault, cross_drive="copy", conflict_behavior=behavior)
        task.die("POST", "/copy", answered=False)
        archive.put("Vault/contract.docx", content)
        try:
            made = task.run()
        except DriveError:
            assert mine.id in legal.items
        else:
            assert archive.items[made["id"]].content.data == b"contract with A, all of it"

    @pytest.mark.parametrize("kind", ["txt", "docx"])
    def test_two_copies_with_rename_both_arrive(self, tries, tenant, legal, vault, kind):
        sources = [legal.put(f"{folder}/report.{kind}", b"the same") for folder in "AB"]
        one, other = (
            tries(DriveCopyOperator, source, vault, conflict_behavior="rename", wait_for_completion=True)
            for source in sources
        )
        one.die("POST", "/copy", answered=False)
        other.run()
        one.run()
        assert sorted(vault.children) == [f"report 1.{kind}", f"report.{kind}"]
        assert [tenant.copies_made(source.id) for source in sources] == [1, 1]

    @pytest.mark.parametrize("content", [b"", b"something else"])
    def test_an_office_file_of_another_content_does_not_count_as_the_copy(
        self, copy, archive, old, vault, content
    ):
        contract = old("A/contract.docx", b"the real contract" * 100)
        archive.put("Vault/contract.docx", content)
        with pytest.raises(DriveNameConflictError, match="another content"):
            copy(contract, vault, conflict_behavior="skip")

    def test_an_empty_folder_of_that_name_is_not_waited_for_until_the_deadline(
        self, tries, archive, legal, vault
    ):
        cases = legal.put("Cases/a.txt", b"a").parent
        task = tries(DriveCopyOperator, cases, vault, wait_for_completion=True, copy_timeout=600)
        task.die("POST", "/copy", answered=False)
        archive.mkdir("Vault/Cases")
        began = time.monotonic()
        with pytest.raises(DriveNameConflictError):
            task.run()
        assert time.monotonic() - began < 60

    def test_work_on_a_copy_that_the_task_does_not_know_of_is_replaced_like_any_file(
        self, tries, archive, plan, vault
    ):
        task = tries(DriveCopyOperator, plan, vault, conflict_behavior="replace", wait_for_completion=True)
        task.die("POST", "/copy", answered=True)
        work = archive.put("Vault/plan.txt", b"a person went on working in the copy")
        made = task.run()
        assert made["id"] != work.id
        assert list(vault.children) == ["plan.txt"]
        assert vault.child("plan.txt").content.data == plan.content.data

    def test_an_older_item_of_the_same_content_counts_for_skip(self, tries, archive, plan, vault, posts):
        task = tries(DriveCopyOperator, plan, vault, conflict_behavior="skip", wait_for_completion=True)
        task.die("POST", "/copy", answered=False)
        there = archive.put("Vault/plan.txt", b"We shall archive this.")
        there.created -= HOUR
        assert (task.run()["id"], posts()) == (there.id, 0)


class TestTheOriginal:
    @pytest.mark.parametrize("path", ["Cases/new.txt", "Cases/deep/new.txt"])
    def test_a_document_that_came_to_the_folder_is_not_deleted_with_it(self, tries, legal, vault, path):
        cases = legal.put("Cases/deep/a.txt", b"a").parent.parent
        task = tries(DriveMoveOperator, cases, vault, cross_drive="copy")
        task.die("DELETE", "items/", answered=False)
        new = legal.put(path, b"never copied")
        with pytest.raises(DriveCopyFailedError, match="The original was kept"):
            task.run()
        assert new.id in legal.items

    def test_an_original_whose_copy_was_emptied_is_kept(self, tries, archive, legal, vault):
        cases = legal.put("Cases/a.txt", b"a").parent
        task = tries(DriveMoveOperator, cases, vault, cross_drive="copy")
        task.die("DELETE", "items/", answered=False)
        archive.remove(vault.child("Cases").child("a.txt"))
        with pytest.raises(DriveCopyFailedError, match="The original was kept"):
            task.run()
        assert cases.id in legal.items

    def test_an_original_whose_copy_holds_an_emptied_office_file_is_kept(
        self, tries, archive, legal, old, vault
    ):
        cases = old("Cases/contract.docx", b"contract" * 100).parent
        task = tries(DriveMoveOperator, cases, vault, cross_drive="copy")
        task.die("GET", "https://", answered=True)
        (name,) = vault.children  # the copy's own name, until it is whole
        archive.put(f"Vault/{name}/contract.docx", b"")
        with pytest.raises(DriveCopyFailedError, match="The original was kept"):
            task.run()
        assert cases.id in legal.items

    @pytest.mark.parametrize("guarded", [False, True])
    def test_an_original_that_was_edited_before_its_copy_is_read_again(
        self, tries, tenant, legal, plan, vault, hook, ids, guarded
    ):
        tag = hook.get_item(ids(plan))["eTag"] if guarded else None
        tenant.faults.append(Fault("POST", "/copy$", status=507))
        task = tries(DriveMoveOperator, plan, vault, cross_drive="copy", if_match=tag)
        with pytest.raises(DriveError):
            task.run()
        legal.put("Contracts/plan.txt", b"edited")
        if guarded:
            with pytest.raises(DriveItemChangedError):
                task.run()
            assert not vault.children
        else:
            assert task.run()["size"] == len(b"edited")

    def test_an_item_that_was_moved_on_by_others_is_left_there(self, tries, legal, plan, inbox, hook, ids):
        task = tries(DriveMoveOperator, plan, inbox)
        task.die("PATCH", "/items/", answered=True)
        hook.move_item(ids(plan), ids(legal.mkdir("Done")))
        with pytest.raises(DriveItemChangedError, match="neither found nor put it"):
            task.run()
        assert plan.path == "Done/plan.txt"

    def test_a_destination_that_is_gone_is_created_again(self, tries, tenant, legal, plan):
        tenant.faults.append(Fault("PATCH", "/items/", status=423))
        to = f"drives/{legal.id}/root:/New/Folder"
        task = tries(DriveMoveOperator, plan, to, create_destination=True)
        with pytest.raises(DriveError):
            task.run()
        legal.remove(legal.find("New"))
        task.run()
        assert plan.path == "New/Folder/plan.txt"


class TestGraph:
    @pytest.mark.parametrize("behavior", ["fail", "rename", "replace"])
    def test_a_copy_that_graph_made_after_a_404_is_found(self, tries, tenant, plan, vault, behavior):
        """https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3426"""
        tenant.faults.append(Fault("POST", "/copy$", status=404, effect=True))
        task = tries(DriveCopyOperator, plan, vault, conflict_behavior=behavior, wait_for_completion=True)
        assert task.run()["name"] == "plan.txt"
        assert tenant.copies_made(plan.id) == 1

    @pytest.mark.parametrize("behavior", ["fail", "rename", "replace"])
    def test_a_404_for_a_folder_that_was_just_made_is_a_refusal(self, tries, tenant, archive, plan, behavior):
        """If Graph made the copy all the same, the next request finds the name taken."""
        tenant.faults.append(Fault("POST", "/copy$", status=404, effect=True))
        to = f"drives/{archive.id}/root:/New"
        more = {"create_destination": True, "wait_for_completion": True}
        task = tries(DriveCopyOperator, plan, to, conflict_behavior=behavior, **more)
        with pytest.raises(DriveNameConflictError):
            task.run()
        assert tenant.copies_made(plan.id) == 1

    def test_a_404_after_which_nothing_shows_is_raised(self, tries, tenant, legal, plan, vault, posts):
        task = tries(DriveCopyOperator, plan, vault)
        legal.remove(plan)
        with pytest.raises(DriveItemNotFoundError):
            task.run()
        assert posts() == 0

    def test_a_copy_that_graph_put_elsewhere_ends_the_task_for_good(self, tries, tenant, plan, inbox):
        tenant.next_copies.append(CopyBehaviour(misplaced=True))
        task = tries(DriveCopyOperator, plan, inbox, wait_for_completion=True)
        for _ in range(2):
            with pytest.raises(DriveCopyFailedError, match="no retry will request another"):
                task.run()
        assert tenant.copies_made(plan.id) == 1

    def test_children_of_similar_names_are_told_apart(self, tries, tenant, legal, vault):
        legal.put("Cases/a 1.txt", b"one")
        cases = legal.put("Cases/a.txt", b"a").parent
        task = tries(DriveCopyOperator, cases, vault, children_only=True, wait_for_completion=True)
        task.die("POST", "/copy", answered=True)
        assert task.run()["name"] == "Vault"
        assert tenant.copies_made(cases.id) == 1


class TestTime:
    def test_a_retry_that_comes_late_has_all_the_time_of_a_first_try(self, tries, tenant, plan, vault):
        task = tries(DriveCopyOperator, plan, vault, wait_for_completion=True, copy_timeout=3_600)
        task.die("POST", "/copy", answered=False)
        for key in ("submitted_at", "since"):
            task.store["drive"]["copy"][key] = "2026-01-01T00:00:00.000Z"
        assert task.run()["name"] == "plan.txt"

    def test_a_copy_that_runs_longer_than_copy_timeout_over_tries_times_out(self, tries, tenant, plan, vault):
        tenant.copies = CopyBehaviour(looks=1_000)
        task = tries(DriveCopyOperator, plan, vault, wait_for_completion=True, copy_timeout=3_600)
        task.die("GET", "https://", answered=True)
        task.store["drive"]["copy"]["submitted_at"] = "2026-01-01T00:00:00.000Z"
        with pytest.raises(TimeoutError):
            task.run()

    def test_a_move_goes_on_after_two_crashes(self, tries, tenant, plan, vault):
        tenant.faults.append(Fault("POST", "/copy$", status=423))
        task = tries(DriveMoveOperator, plan, vault, cross_drive="copy")
        with pytest.raises(DriveError):
            task.run()
        task.die("POST", "/copy", answered=True)
        assert task.run()["name"] == "plan.txt"
