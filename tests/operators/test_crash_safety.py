"""Whatever dies, and whenever: the next try goes on with what the one before has begun."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import datetime as dt
from dataclasses import replace

import pytest

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveCopyUnknownError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveRequestError,
)
from airflow_provider_drive.hooks.client import DriveClient
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator

HOUR = dt.timedelta(hours=1)
CONTENT = b"We shall archive this."
BEHAVIORS = ("fail", "replace", "rename", "skip")


pytestmark = pytest.mark.usefixtures("short_searches")


@pytest.fixture
def contents(tenant, vault):
    """What the vault holds: sizes by names."""
    return lambda: {
        path.removeprefix("Vault/"): size for path, size in tenant.tree("archive").items() if path != "Vault"
    }


class TestCopy:
    POINTS = (
        ("GET", "items/", False),
        ("GET", "items/", True),
        ("POST", "/copy", False),
        ("POST", "/copy", True),
        ("GET", "https://", False),
        ("GET", "https://", True),
    )

    @pytest.mark.parametrize("behavior", BEHAVIORS)
    @pytest.mark.parametrize("point", POINTS, ids=str)
    def test_a_crash_at_any_request_makes_no_second_copy(
        self, tries, tenant, plan, vault, contents, waiting, behavior, point
    ):
        task = tries(DriveCopyOperator, plan, vault, conflict_behavior=behavior, **waiting)
        method, path, answered = point

        task.die(method, path, answered=answered)
        made = task.run()

        assert contents() == {"plan.txt": len(CONTENT)}
        assert tenant.copies_made(plan.id) == 1
        assert made["id"] == vault.child("plan.txt").id

    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    @pytest.mark.parametrize("point", POINTS[2:4], ids=str)
    def test_a_crash_makes_no_second_copy_if_the_name_is_taken(
        self, tries, tenant, archive, plan, vault, contents, behavior, point
    ):
        archive.put("Vault/plan.txt", b"old")
        vault.child("plan.txt").created -= HOUR
        task = tries(DriveCopyOperator, plan, vault, conflict_behavior=behavior, wait_for_completion=True)

        task.die(*point[:2], answered=point[2])
        made = task.run()

        expected = {"plan.txt": 22} if behavior == "replace" else {"plan.txt": 3, "plan 1.txt": 22}
        assert contents() == expected
        assert (made["size"], tenant.copies_made(plan.id)) == (22, 1)

    @pytest.mark.parametrize("name", [None, "new.txt"])
    @pytest.mark.parametrize("taken", [False, True])
    @pytest.mark.parametrize("behavior", ["rename", "skip"])
    def test_all_versions_arrive_under_a_name_that_is_free(
        self, tries, archive, plan, vault, contents, name, taken, behavior
    ):
        """Graph forgets the versions if it is given a name, and does not know ``skip``."""
        if taken and behavior == "rename":
            archive.put(f"Vault/{name or 'plan.txt'}", b"old").created -= HOUR
        task = tries(
            DriveCopyOperator,
            plan,
            vault,
            name=name,
            conflict_behavior=behavior,
            include_all_version_history=True,
            wait_for_completion=True,
        )
        made = task.run()

        stem = (name or "plan.txt").removesuffix(".txt")
        assert made["name"] == (f"{stem} 1.txt" if len(contents()) == 2 else f"{stem}.txt")
        assert len(contents()) == 1 + (taken and behavior == "rename")

    def test_a_copy_that_still_runs_is_waited_for(self, tries, tenant, plan, vault, posts, waiting):
        tenant.copies = CopyBehaviour(looks=4)
        task = tries(DriveCopyOperator, plan, vault, **waiting)

        task.die("GET", "https://", answered=True)
        made = task.run()

        assert (made["name"], posts()) == ("plan.txt", 1)
        assert task.worker.xcom("monitor_url").startswith("https://")  # the try before has lost it

    def test_a_copy_that_appears_after_a_crash_at_its_submit_is_not_submitted_again(
        self, tries, tenant, plan, vault, posts
    ):
        """The second request is refused: the first one has the name by then."""
        tenant.next_copies.append(CopyBehaviour(seconds=1.0))
        task = tries(DriveCopyOperator, plan, vault, wait_for_completion=True)
        tenant.copies = CopyBehaviour(seconds=1.5)

        task.die("POST", "/copy", answered=True)
        made = task.run()

        assert posts() == 2
        assert tenant.copies_made(plan.id) == 1
        assert made["id"] == vault.child("plan.txt").id

    def test_a_folder_that_fills_after_a_crash_at_its_submit_is_waited_for(
        self, tries, tenant, legal, vault, monkeypatch
    ):
        timings = replace(DriveClient.timings, resume_find=30.0)  # the folder appears in one step
        monkeypatch.setattr(DriveClient, "timings", timings)
        contracts = legal.mkdir("Cases")
        for number in range(5):
            legal.put(f"Cases/{number}.txt", b"%d" % number)
        tenant.next_copies.append(CopyBehaviour(seconds=1.2, appears="start"))
        task = tries(DriveCopyOperator, contracts, vault, wait_for_completion=True)

        task.die("POST", "/copy", answered=True)
        made = task.run()

        assert made["id"] == vault.child("Cases").id
        assert len(vault.child("Cases").children) == 5
        assert tenant.copies_made(contracts.id) == 1

    def test_a_completed_copy_is_returned_though_its_monitor_is_gone(self, tries, tenant, plan, vault, posts):
        task = tries(DriveCopyOperator, plan, vault, wait_for_completion=True)
        made = task.run()
        monitors = len(tenant.calls(where="monitor"))

        assert task.run() == made
        assert (posts(), len(tenant.calls(where="monitor"))) == (1, monitors)

    def test_a_failed_copy_of_an_earlier_try_is_submitted_again(self, tries, tenant, plan, vault, posts):
        tenant.next_copies.append(CopyBehaviour(failure="generalException"))
        task = tries(DriveCopyOperator, plan, vault, wait_for_completion=True)

        with pytest.raises(DriveCopyFailedError):
            task.run()
        assert task.run()["name"] == "plan.txt"
        assert posts() == 2

    def test_a_request_that_was_refused_is_simply_sent_by_the_next_try(
        self, tries, tenant, plan, vault, asked
    ):
        tenant.faults.append(Fault("POST", "/copy$", status=403))
        task = tries(DriveCopyOperator, plan, vault)

        with pytest.raises(Exception, match="accessDenied"):
            task.run()
        tenant.journal.clear()
        task.run()
        assert asked("graph") == ["GET /drives/D/items/I", "POST /drives/D/items/I/copy"]

    @pytest.mark.parametrize("effect", [False, True])
    def test_a_page_of_a_proxy_is_no_acceptance(self, tries, tenant, plan, vault, effect):
        tenant.faults.append(Fault("POST", "/copy$", kind="html", effect=effect))
        made = tries(DriveCopyOperator, plan, vault, wait_for_completion=True).run()
        assert made["id"] == vault.child("plan.txt").id
        assert tenant.copies_made(plan.id) == 1

    def test_a_copy_that_is_only_submitted_is_submitted_once(self, tries, plan, vault, posts):
        task = tries(DriveCopyOperator, plan, vault)
        task.die("POST", "/copy", answered=True)
        job = task.run()
        assert (posts(), job["resource_id"]) == (1, vault.child("plan.txt").id)

        task = tries(DriveCopyOperator, plan, vault, name="other.txt")
        first, second = task.run(), task.run()
        assert {**first, "monitor_url": ""} == {**second, "monitor_url": ""}
        assert posts() == 2

    def test_clearing_a_task_submits_another_copy(self, tries, plan, vault, contents, posts):
        task = tries(DriveCopyOperator, plan, vault, conflict_behavior="rename", wait_for_completion=True)
        task.run()
        task.clear()
        assert task.run()["name"] == "plan 1.txt"
        assert (len(contents()), posts()) == (2, 2)

    @pytest.mark.parametrize("retries", [3, 0])
    def test_a_task_that_is_reset_or_cleared_while_it_runs_resumes_its_copy(
        self, tries, tenant, plan, vault, posts, waiting, retries
    ):
        tenant.copies = CopyBehaviour(looks=4)
        task = tries(DriveCopyOperator, plan, vault, conflict_behavior="replace", **waiting)
        task.max_tries = retries
        task.die("GET", "https://", answered=True)
        task.run()
        assert posts() == 1

    def test_another_source_or_destination_is_another_copy_but_another_name_is_not(
        self, tries, archive, ids, plan, vault, posts
    ):
        task = tries(DriveCopyOperator, plan, vault, wait_for_completion=True)
        task.run()
        assert task.run(name="now.txt")["name"] == "plan.txt"
        assert posts() == 1
        assert task.run(destination=ids(archive.mkdir("Other")))["name"] == "plan.txt"
        assert posts() == 2

    def test_many_that_want_the_same_name_at_once_all_get_one(self, tries, tenant, plan, vault, contents):
        tenant.copies = CopyBehaviour(looks=2)
        task = tries(DriveCopyOperator, plan, vault, conflict_behavior="rename", wait_for_completion=True)
        other = tries(DriveCopyOperator, plan, vault, conflict_behavior="rename")

        task.die("GET", "https://", answered=False)
        other.run()
        tenant.copies = CopyBehaviour()
        tenant.jobs[-1].end()
        made = task.run()

        assert sorted(contents()) == ["plan 1.txt", "plan.txt"]
        assert made["name"] == "plan 1.txt"

    def test_the_children_are_copied_once(self, tries, tenant, legal, vault, contents):
        legal.put("Cases/a.txt", b"a")
        cases = legal.put("Cases/b.txt", b"b").parent
        for behavior in BEHAVIORS:
            task = tries(
                DriveCopyOperator,
                cases,
                tenant.drive("archive").mkdir(f"Vault/{behavior}"),
                children_only=True,
                conflict_behavior=behavior,
                wait_for_completion=True,
            )
            task.die("POST", "/copy", answered=True)
            assert task.run()["name"] == behavior
        assert len([name for name, size in contents().items() if size]) == 8
        assert tenant.copies_made(cases.id) == 4

    def test_children_whose_names_this_drive_does_not_change_are_asked_for_once(
        self, tries, tenant, personal, posts
    ):
        """OneDrive personal ignores ``rename``."""
        personal.put("Out/a.txt", b"old")
        cases = personal.put("Cases/a.txt", b"a").parent
        task = tries(
            DriveCopyOperator,
            cases,
            personal.find("Out"),
            children_only=True,
            conflict_behavior="rename",
            wait_for_completion=True,
        )
        with pytest.raises(DriveNameConflictError):
            task.run()
        assert posts() == 1

    def test_a_copy_of_unknown_outcome_is_not_submitted_again(
        self, tries, archive, tenant, legal, vault, posts
    ):
        """With ``rename`` Graph chooses the names of children, so nobody can say whose they are."""
        legal.put("Cases/a.txt", b"a")
        archive.put("Vault/a.txt", b"old").created -= HOUR
        task = tries(
            DriveCopyOperator,
            legal.find("Cases"),
            vault,
            children_only=True,
            conflict_behavior="rename",
            wait_for_completion=True,
        )
        task.die("POST", "/copy", answered=False)
        with pytest.raises(DriveCopyUnknownError):
            task.run()
        assert posts() == 0

    def test_without_a_store_a_retry_copies_again(self, copy, plan, vault, posts):
        """Before Airflow 3.3 there is none."""
        for _ in range(2):
            copy(plan, vault, conflict_behavior="replace", wait_for_completion=True)
        assert posts() == 2

    @pytest.mark.parametrize("kept", ["garbage", 17, [], {"max_tries": 0}, {"copy": {"name": 1}}])
    def test_foreign_values_in_the_store_are_ignored(self, tries, plan, vault, posts, kept):
        task = tries(DriveCopyOperator, plan, vault)
        task.store["drive"] = kept
        task.run()
        assert posts() == 1

    def test_a_monitor_url_that_cannot_be_decrypted_is_like_a_lost_answer(self, tries, plan, vault, posts):
        task = tries(DriveCopyOperator, plan, vault)
        task.run()
        task.store["drive"]["copy"]["monitor_url"] = "gAAAAABother"
        task.run()
        assert posts() == 1

    def test_the_store_holds_no_secret(self, tries, plan, vault, secret_parts):
        task = tries(DriveCopyOperator, plan, vault)
        task.run()
        text = str(task.store)
        assert "gAAAA" in text
        assert not [secret for secret in secret_parts() if secret in text]


class TestTwoCopiesInOneTask:
    def test_each_is_resumed_by_a_retry(self, tries, tenant, legal, archive, path_of):
        """A subclass that calls execute twice: the state has a key for each copy."""
        items = [legal.put(f"{name}.docx", name.encode() * 30) for name in "ab"]

        class CopyBoth(DriveCopyOperator):
            def execute(self, context):
                names = []
                for item in items:
                    self.item = path_of(item)
                    names.append(super().execute(context)["name"])
                return names

        task = tries(CopyBoth, items[0], archive.mkdir("Vault"), wait_for_completion=True, poll_interval=0.05)
        task.die("POST", f"{items[1].id}/copy", answered=True)
        for _ in range(2):
            assert task.run() == ["a.docx", "b.docx"]
        assert [tenant.copies_made(item.id) for item in items] == [1, 1]


class TestSkip:
    """What is there already, with the same content, counts as done."""

    @pytest.fixture
    def skip(self, copy, waiting):
        return lambda *arguments, **more: copy(*arguments, conflict_behavior="skip", **waiting, **more)

    def test_an_item_with_the_same_content_counts_as_the_copy(self, skip, plan, vault, posts, log):
        first = skip(plan, vault)
        assert skip(plan, vault)["id"] == first["id"]
        assert posts() == 1
        assert log.has("is there already, with the same content")

    def test_skip_fails_on_an_item_of_another_content(self, skip, archive, plan, vault, posts):
        archive.put("Vault/plan.txt", b"other")
        with pytest.raises(DriveNameConflictError, match="another content"):
            skip(plan, vault)
        assert posts() == 0

    def test_folders_are_compared_by_all_that_is_below_them(self, skip, legal, plan, vault, posts):
        cases = legal.mkdir("Cases")
        legal.put("Cases/deep/a.txt", b"a")
        first = skip(cases, vault)
        assert skip(cases, vault)["id"] == first["id"]
        legal.put("Cases/deep/b.txt", b"b")
        with pytest.raises(DriveNameConflictError, match="another content"):
            skip(cases, vault)
        assert posts() == 1

    def test_the_children_are_there_all_or_none(self, skip, legal, vault, posts):
        cases = legal.mkdir("Cases")
        legal.put("Cases/a.txt", b"a")
        assert skip(cases, vault, children_only=True)["name"] == "Vault"
        assert skip(cases, vault, children_only=True)["name"] == "Vault"
        legal.put("Cases/b.txt", b"b")
        with pytest.raises(DriveNameConflictError, match="1 of 2 are there already"):
            skip(cases, vault, children_only=True)
        legal.put("Cases/a.txt", b"other")
        with pytest.raises(DriveNameConflictError, match="another content"):
            skip(cases, vault, children_only=True)
        assert posts() == 1

    def test_an_office_file_that_the_service_has_rewritten_is_the_same(
        self, skip, tenant, legal, vault, posts
    ):
        tenant.rewrites_office = True
        contract = legal.put("Cases/contract.docx", b"contract")
        contract.modified = contract.created = contract.created - HOUR
        first = skip(contract, vault)
        assert skip(contract, vault)["id"] == first["id"]
        assert posts() == 1

    def test_a_new_name_is_looked_for_under_that_name(self, skip, plan, vault, posts):
        first = skip(plan, vault, name="other.txt")
        assert skip(plan, vault, name="OTHER.txt")["id"] == first["id"]
        assert posts() == 1


class TestMove:
    @pytest.mark.parametrize("address", ["ids", "path"])
    @pytest.mark.parametrize("answered", [False, True])
    @pytest.mark.parametrize("behavior", ["fail", "replace", "rename"])
    def test_a_crash_at_the_patch_moves_once(
        self, tries, tenant, path_of, ids, plan, inbox, address, answered, behavior
    ):
        item = ids(plan) if address == "ids" else path_of(plan)
        task = tries(DriveMoveOperator, item, inbox, name="new.txt", conflict_behavior=behavior)

        task.die("PATCH", "/items/", answered=answered)
        moved = task.run()

        assert (moved["id"], moved["name"], plan.path) == (plan.id, "new.txt", "Inbox/new.txt")
        assert len(tenant.calls("PATCH")) == 1

    def test_an_item_that_took_the_place_of_the_moved_one_is_left_alone(
        self, tries, legal, path_of, plan, inbox
    ):
        task = tries(DriveMoveOperator, path_of(plan), inbox)
        task.die("PATCH", "/items/", answered=True)
        other = legal.put("Contracts/plan.txt", b"the next one")
        assert task.run()["id"] == plan.id
        assert other.path == "Contracts/plan.txt"

    def test_a_name_that_graph_has_chosen_is_not_chosen_again(self, tries, tenant, legal, plan, inbox):
        legal.put("Inbox/plan.txt", b"other")
        task = tries(DriveMoveOperator, plan, inbox, conflict_behavior="rename")
        task.die("PATCH", "/items/", answered=True)
        assert task.run()["name"] == plan.name == "plan 1.txt"
        assert len(tenant.calls("PATCH")) == 1

    def test_without_a_store_a_moved_item_is_not_found_by_its_old_path(self, move, path_of, plan, inbox):
        move(path_of(plan), inbox)
        plan.name = "away.txt"
        with pytest.raises(DriveItemNotFoundError):
            move("drives/" + plan.drive.id + "/root:/Contracts/plan.txt", inbox)

    def test_if_match_does_not_fail_a_move_that_an_earlier_try_made(self, tries, plan, inbox, hook, ids):
        task = tries(DriveMoveOperator, plan, inbox, if_match=hook.get_item(ids(plan))["eTag"])
        task.die("PATCH", "/items/", answered=True)
        assert task.run()["id"] == plan.id

    def test_a_rename_without_the_move_is_reported_as_what_it_is(
        self, tries, tenant, legal, plan, inbox, hook, ids
    ):
        tenant.atomic_moves = False
        task = tries(
            DriveMoveOperator, plan, inbox, name="new.txt", if_match=hook.get_item(ids(plan))["eTag"]
        )
        legal.remove(inbox)
        told = r"Part of it was done: the item is '/Contracts/new\.txt'"
        with pytest.raises(DriveItemNotFoundError, match=told):
            task.run()
        with pytest.raises(DriveItemChangedError, match=told):
            task.run()


class TestAcrossDrives:
    POINTS = (
        ("GET", "items/", True),
        ("POST", "/copy", False),
        ("POST", "/copy", True),
        ("GET", "https://", True),
        ("DELETE", "items/", False),
        ("DELETE", "items/", True),
    )

    @pytest.mark.parametrize("kind", ["file", "folder"])
    @pytest.mark.parametrize("point", POINTS, ids=str)
    def test_a_crash_at_any_step_moves_once(self, tries, tenant, legal, vault, contents, kind, point):
        item = legal.put("Cases/a.txt", b"a")
        item = item if kind == "file" else item.parent
        task = tries(DriveMoveOperator, item, vault, cross_drive="copy")

        task.die(*point[:2], answered=point[2])
        made = task.run()

        assert item.id not in legal.items
        assert [size for size in contents().values() if size is not None] == [1]
        assert made["id"] == vault.child(item.name).id
        assert tenant.copies_made(item.id) == 1

    @pytest.mark.parametrize("status", [403, 423])
    def test_a_refused_deletion_keeps_both_and_a_retry_makes_no_second_copy(
        self, tries, tenant, legal, plan, vault, status
    ):
        task = tries(DriveMoveOperator, plan, vault, cross_drive="copy")
        tenant.faults.append(Fault("DELETE", f"items/{plan.id}", status=status, times=9))

        with pytest.raises(DriveRequestError) as told:
            task.run()

        told = str(told.value)
        assert (
            "The copy is complete: '/Vault/plan.txt'. The original was kept: '/Contracts/plan.txt'.\n" in told
        )
        assert "A legal hold or a retention label may forbid" in told
        assert "A retry only deletes the original" in told
        assert vault.child("plan.txt")
        assert plan.id in legal.items

        tenant.faults.clear()
        task.run()

        assert plan.id not in legal.items
        assert tenant.copies_made(plan.id) == 1

    def test_the_delete_has_the_tag_from_before_the_copy(self, tries, tenant, legal, plan, vault):
        task = tries(DriveMoveOperator, plan, vault, cross_drive="copy")
        task.die("DELETE", "items/", answered=False)
        legal.put("Contracts/plan.txt", b"changed meanwhile")
        with pytest.raises(DriveItemChangedError, match="the original was kept"):
            task.run()
        assert plan.id in legal.items

    def test_an_original_that_is_gone_before_its_copy_was_shown_to_be_whole_fails(
        self, tries, tenant, legal, vault
    ):
        folder = legal.put("Cases/a.txt", b"a").parent
        task = tries(DriveMoveOperator, folder, vault, cross_drive="copy")
        task.die("GET", "https://", answered=True)
        legal.remove(folder)
        with pytest.raises(DriveCopyFailedError, match="one of them is gone"):
            task.run()
