# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
import time
from threading import Thread

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflows import not_on_airflow_2

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import (
    DriveAddressError,
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveLockedError,
    DriveNameConflictError,
)
from airflow_provider_drive.operators.move import DriveMoveOperator


@pytest.fixture
def patches(tenant):
    return lambda: tenant.calls("PATCH")


def test_an_item_is_moved_and_returned(move, tenant, patches, plan, inbox, ids):
    tag = plan.etag

    item = move(plan, inbox)

    assert (item["id"], item["name"], item["parentReference"]["id"]) == (plan.id, "plan.txt", inbox.id)
    assert tenant.tree("legal") == {"Contracts": None, "Inbox": None, "Inbox/plan.txt": plan.size}
    (call,) = patches()
    assert json.loads(call.body) == {"parentReference": ids(inbox)}
    assert call.headers["if-match"] == tag


def test_a_move_by_ids_is_one_read_and_one_change(move, tenant, asked, plan, inbox):
    move(plan, inbox)

    assert asked() == [
        *("GET token", "POST token"),
        "GET /drives/D/items/I",  # for its eTag
        "PATCH /drives/D/items/I",
    ]
    assert tenant.units_spent == 3


def test_a_move_by_paths_resolves_the_destination_too(move, tenant, asked, plan, inbox, path_of):
    move(path_of(plan), path_of(inbox))

    assert asked("graph") == [
        "GET /drives/D/root:/Contracts/plan.txt:",
        "GET /drives/D/root:/Inbox:",
        "PATCH /drives/D/items/I",
    ]
    assert tenant.units_spent == 4


def test_an_item_is_moved_and_renamed_at_once(move, patches, plan, inbox):
    item = move(plan, inbox, name="Plan & Übersicht.txt")

    assert (item["name"], item["parentReference"]["id"]) == ("Plan & Übersicht.txt", inbox.id)
    assert len(patches()) == 1


def test_an_item_is_renamed_where_it_is(move, plan):
    assert move(plan, name="renamed.txt")["name"] == "renamed.txt"
    assert plan.path == "Contracts/renamed.txt"


def test_the_case_of_a_name_can_be_changed(move, plan):
    assert move(plan, name="PLAN.txt")["name"] == "PLAN.txt"


@pytest.mark.parametrize("root", ["drives/{}/root", "drives/{}/root:/", "drives/{}/items/root"])
def test_an_item_is_moved_to_the_root_by_its_real_id(move, patches, legal, plan, root):
    item = move(plan, root.format(legal.id))

    assert item["parentReference"]["id"] == legal.root.id
    assert json.loads(patches()[0].body)["parentReference"]["id"] == legal.root.id


def test_missing_folders_of_the_destination_are_made(move, tenant, legal, plan):
    move(plan, f"drives/{legal.id}/root:/2026/Q1", create_destination=True)

    assert "2026/Q1/plan.txt" in tenant.tree("legal")


def test_an_item_that_is_there_already_is_left_alone(move, patches, plan):
    item = move(plan, plan.parent, name="plan.txt")

    assert item["id"] == plan.id
    assert patches() == []


def test_a_second_try_finds_its_work_done(move, patches, plan, inbox):
    move(plan, inbox)
    move(plan, inbox)

    assert len(patches()) == 1


# The guard


def test_an_etag_that_drifted_is_read_again(move, tenant, patches, plan, inbox):
    tenant.drift_after_reads(plan)

    assert move(plan, inbox)["parentReference"]["id"] == inbox.id
    assert [call.status for call in patches()] == [412, 200]


def test_an_etag_that_drifts_three_times_is_read_again_three_times(move, tenant, patches, plan, inbox):
    tenant.faults.append(Fault("PATCH", status=412, times=3))

    assert move(plan, inbox)["parentReference"]["id"] == inbox.id
    assert len(patches()) == 4


@pytest.mark.parametrize("stale_status", [412, 409])
def test_an_etag_that_never_rests_fails_the_move(move, tenant, patches, plan, inbox, stale_status):
    tenant.stale_status = stale_status
    tenant.drift_after_reads(plan, each=True)

    with pytest.raises(DriveItemChangedError) as caught:
        move(plan, inbox)

    assert not isinstance(caught.value, AirflowFailException)
    assert len(patches()) == 4
    assert plan.path == "Contracts/plan.txt"


def test_an_item_that_others_have_written_to_is_not_taken_for_a_drift(
    move, tenant, legal, plan, inbox, patches
):
    tenant.faults.append(Fault("PATCH", status=412))
    tenant.faults.append(
        Writing("GET", "/items/", after=1, write=lambda: legal.put(plan.path, b"new content"))
    )

    with pytest.raises(DriveItemChangedError):
        move(plan, inbox)

    assert len(patches()) == 1


class Writing(Fault):
    """Lets somebody else write just before a request is answered, which it then is as ever."""

    def __init__(self, *place, after, write):
        super().__init__(*place, kind="delay", after=after)
        self.write = write

    @property
    def has_effect(self):
        self.write()
        return True


@pytest.mark.parametrize("drive", ["legal", "personal"])
def test_the_etag_of_the_user_is_the_guard(move, tenant, patches, drive):
    item = tenant.drive(drive).put("Contracts/plan.txt", b"x")
    folder = tenant.drive(drive).mkdir("Inbox")
    tag = item.etag
    tenant.drift(item)

    with pytest.raises(DriveItemChangedError, match=r"[nN]othing was done") as caught:
        move(item, folder, if_match=tag)

    assert isinstance(caught.value, AirflowFailException)
    assert (len(patches()), item.path) == (1, "Contracts/plan.txt")
    assert patches()[0].headers["if-match"] == tag


@pytest.mark.parametrize("tag", ["etag", "ctag"])
def test_a_tag_that_fits_lets_the_item_move(move, plan, inbox, tag):
    assert move(plan, inbox, if_match=getattr(plan, tag))["parentReference"]["id"] == inbox.id


def test_no_guard_is_asked_for_by_a_star(move, tenant, patches, plan, inbox):
    tenant.drift_after_reads(plan)

    move(plan, inbox, if_match="*")

    assert [call.headers["if-match"] for call in patches()] == ["*"]


# A name that is taken


@pytest.mark.parametrize("drive", ["legal", "personal"])
@pytest.mark.parametrize("honours", [True, False])
@pytest.mark.parametrize("behavior", ["fail", "rename", "replace"])
def test_a_taken_name_is_dealt_with_as_asked(move, tenant, drive, honours, behavior):
    tenant.move_honours_conflict = honours
    drive = tenant.drive(drive)
    item, old = drive.put("plan.bin", b"new"), drive.put("Inbox/plan.bin", b"older")

    if behavior == "fail":
        with pytest.raises(DriveNameConflictError):
            move(item, old.parent)
        assert drive.tree() == {"plan.bin": 3, "Inbox": None, "Inbox/plan.bin": 5}
        return
    moved = move(item, old.parent, conflict_behavior=behavior)

    expected = {"rename": {"plan.bin": 5, "plan 1.bin": 3}, "replace": {"plan.bin": 3}}[behavior]
    assert {child.name: child.size for child in old.parent.children.values()} == expected
    assert moved["id"] == item.id


def test_a_folder_is_never_replaced(move, tenant, legal, plan, inbox):
    legal.mkdir("Inbox/plan.txt")

    with pytest.raises(DriveNameConflictError):
        move(plan, inbox, conflict_behavior="replace")

    assert legal.find("Inbox/plan.txt").is_folder


# Faults


@pytest.mark.parametrize("kind", ["drop_after", "garbage", "truncate"])
def test_a_move_whose_answer_was_lost_is_found_done(move, tenant, patches, plan, inbox, kind):
    tenant.faults.append(Fault("PATCH", kind=kind, effect=True))

    assert move(plan, inbox)["parentReference"]["id"] == inbox.id
    assert len(patches()) == 1


def test_a_move_that_was_lost_on_its_way_is_sent_again(move, tenant, patches, plan, inbox):
    tenant.faults.append(Fault("PATCH", kind="drop_before"))

    assert move(plan, inbox)["parentReference"]["id"] == inbox.id
    assert len(patches()) == 2


def test_a_move_that_graph_makes_later_is_waited_for(move, tenant, patches, plan, inbox):
    tenant.move_answers_202 = True
    tenant.copies = CopyBehaviour(looks=1)

    item = move(plan, inbox)

    assert (item["name"], item["parentReference"]["id"]) == ("plan.txt", inbox.id)
    assert len(patches()) == 1
    assert not any(call.authorized for call in tenant.calls(where="monitor"))


def test_a_move_that_graph_could_not_make_later_is_an_error(move, tenant, plan, inbox):
    tenant.move_answers_202 = True
    tenant.copies = CopyBehaviour(failure="generalException")

    with pytest.raises(DriveError, match="generalException"):
        move(plan, inbox)

    assert plan.path == "Contracts/plan.txt"


def test_a_move_that_was_made_in_part_says_so(move, tenant, plan, inbox, path_of, ids):
    tenant.atomic_moves = False
    gone = ids(inbox)
    inbox.drive.remove(inbox)

    with pytest.raises(DriveItemNotFoundError, match=r"Part of it was done.*'/Contracts/new\.txt'"):
        move(plan, gone, name="new.txt")


def test_a_locked_item_is_left_to_airflows_retries(move, plan, inbox):
    plan.locked = True

    with pytest.raises(DriveLockedError, match="checked out") as caught:
        move(plan, inbox)

    assert not isinstance(caught.value, AirflowFailException)


# Another drive


def test_another_drive_is_refused_with_the_way_out(move, tenant, asked, plan, vault):
    with pytest.raises(DriveError, match=r"different drives.*cross_drive='copy'") as caught:
        move(plan, vault)

    assert isinstance(caught.value, AirflowFailException)
    assert asked("graph") == ["GET /drives/D/items/I"]


def test_to_another_drive_an_item_is_copied_and_then_deleted(move, tenant, plan, vault):
    tag = plan.etag

    item = move(plan, vault, name="moved.txt", cross_drive="copy")

    assert item["id"] == vault.child("moved.txt").id
    assert tenant.tree("legal") == {"Contracts": None}
    assert tenant.tree("archive") == {"Vault": None, "Vault/moved.txt": plan.size}
    (deletion,) = tenant.calls("DELETE")
    assert deletion.headers["if-match"] == tag
    assert len(tenant.calls("POST", "/copy$")) == 1


def test_a_folder_is_counted_before_the_original_is_deleted(move, tenant, legal, vault):
    for number in range(3):
        legal.put(f"Contracts/{number}/x.txt", b"x")

    move(legal.find("Contracts"), vault, cross_drive="copy")

    assert tenant.tree("legal") == {}
    assert len(tenant.tree("archive")) == 8


def test_the_original_is_kept_if_its_copy_failed(move, tenant, plan, vault):
    tenant.copies = CopyBehaviour(failure="generalException")

    with pytest.raises(DriveError, match="generalException"):
        move(plan, vault, cross_drive="copy")

    assert "Contracts/plan.txt" in tenant.tree("legal")
    assert tenant.calls("DELETE") == []


def test_the_original_is_kept_if_somebody_wrote_to_it_meanwhile(move, tenant, legal, plan, vault):
    tenant.faults.append(Writing("DELETE", after=0, write=lambda: legal.put(plan.path, b"news")))

    with pytest.raises(DriveItemChangedError, match=r"copy was made.*original was kept"):
        move(plan, vault, cross_drive="copy")

    assert tenant.tree("legal")["Contracts/plan.txt"] == 4


def test_an_etag_that_does_not_fit_is_refused_before_anything_is_copied(move, tenant, plan, vault):
    with pytest.raises(DriveItemChangedError) as caught:
        move(plan, vault, cross_drive="copy", if_match='"{0},0"')

    assert isinstance(caught.value, AirflowFailException)
    assert tenant.jobs == []


# Bad input


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"item": "nonsense"}, DriveAddressError, "nonsense"),
        ({"destination": ["x"]}, DriveAddressError, "x"),
        ({"destination": None}, DriveError, "destination"),
        ({"name": ""}, DriveError, "name"),
        ({"if_match": 'a"\r\nb'}, DriveError, "if_match"),
        ({"if_match": ""}, DriveError, "if_match"),
        ({"conflict_behavior": "merge"}, DriveError, "merge"),
        ({"cross_drive": "move"}, DriveError, "cross_drive"),
        ({"item": "drives/d/root"}, DriveError, "root folder"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(move, asked, parameters, error, words):
    with pytest.raises(error, match=words) as caught:
        move(**{"item": "drives/d/items/i", "destination": "drives/d/items/f", **parameters})

    assert isinstance(caught.value, AirflowFailException)
    assert asked() == []


def test_a_root_folder_by_its_id_is_not_moved(move, patches, legal, inbox):
    with pytest.raises(DriveError, match="root folder"):
        move(legal.root, inbox)

    assert patches() == []


# As an operator


@not_on_airflow_2("it lets no thread execute a task but its own")
def test_a_killed_task_stops_waiting_at_once(connection, helpers, journal, log, tenant, plan, vault, ids):
    tenant.copies = CopyBehaviour(looks=10**6)
    operator = DriveMoveOperator(task_id="task", item=ids(plan), destination=ids(vault), cross_drive="copy")
    raised = []

    def execute():
        try:
            operator.execute(helpers.Worker().context)
        except DriveError as error:
            raised.append(error)

    journal.wanted = ("GET", "monitor")
    thread = Thread(target=execute)
    thread.start()
    journal.wait_for("GET", "monitor")
    killed = time.monotonic()
    operator.on_kill()
    thread.join(5)

    assert time.monotonic() - killed < 1
    assert "stopped" in str(raised[0])
    assert log.has("Graph offers no way to cancel a copy")
    assert "Contracts/plan.txt" in tenant.tree("legal")


def test_all_that_a_dag_may_template_is_templated():
    wanted = {"item", "destination", "name", "if_match", "conflict_behavior", "cross_drive", "drive_conn_id"}

    assert wanted <= set(DriveMoveOperator.template_fields)
