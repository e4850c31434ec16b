# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
import time
from threading import Thread

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflows import not_on_airflow_2

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.emulator.graph.monitor import monitor_url
from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveArgumentError,
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveError,
    DriveItemNotFoundError,
    DriveNameConflictError,
)
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.utils.encryption import decrypt_url

NIGHT = "Contracts/2026"


# What it returns and pushes


def test_a_submitted_copy_is_returned_as_a_job(copy, worker, tenant, plan, vault, ids):
    job = copy(plan, vault, name="plan-2026.txt", conflict_behavior="rename")

    assert job["source"] == ids(plan)
    assert job["destination"] == ids(vault)
    assert (job["name"], job["conflict_behavior"]) == ("plan-2026.txt", "rename")
    assert job["submitted_at"].startswith("20")
    assert json.loads(json.dumps(job)) == job
    assert tenant.tree("archive")["Vault/plan-2026.txt"] == plan.size


def test_the_monitor_url_is_pushed_in_clear_and_the_job_has_it_encrypted(copy, worker, tenant, plan, vault):
    job = copy(plan, vault)

    url = worker.xcom("monitor_url")
    assert url == monitor_url(tenant.jobs[0], tenant.base_url)
    assert job["monitor_url"] != url
    assert "://" not in job["monitor_url"]
    assert decrypt_url(job["monitor_url"]) == url


def test_a_submitted_copy_by_ids_is_one_request(copy, asked, plan, vault):
    copy(plan, vault)

    assert asked("graph", "monitor") == ["POST /drives/D/items/I/copy"]


def test_no_bare_url_is_pushed_of_a_copy_that_is_to_be_renamed(copy, worker, tenant, personal, log):
    """OneDrive personal: the copy that replaces a file arrives under a name of its own."""
    source, old = personal.put("a.txt", b"new"), personal.put("Vault/a.txt", b"old")
    job = copy(source, old.parent, conflict_behavior="replace")

    assert job["arrival"]["is_temporary"]
    assert job["monitor_url"]
    assert worker.xcom("monitor_url") is None
    assert log.has(job["arrival"]["name"])
    worker.run(DriveCopySensor, copy_job=job, poll_interval=0.05)
    assert tenant.tree("personal") == {"Vault": None, "Vault/a.txt": 3, "a.txt": 3}


def test_a_submitted_copy_without_a_monitor_has_none(copy, worker, tenant, plan, vault):
    tenant.copies = CopyBehaviour(location="none")

    assert copy(plan, vault)["monitor_url"] is None
    assert worker.xcom("monitor_url") is None


def test_the_request_to_copy_carries_ids_and_the_conflict_behaviour_in_its_query(
    copy, tenant, plan, vault, ids
):
    copy(plan, vault, name="Übersicht & Plan #1.txt", conflict_behavior="replace")

    (call,) = tenant.calls("POST", "/copy$")
    assert json.loads(call.body) == {"parentReference": ids(vault), "name": "Übersicht & Plan #1.txt"}
    assert call.query == "@microsoft.graph.conflictBehavior=replace"
    assert tenant.tree("archive")["Vault/Übersicht & Plan #1.txt"] == plan.size


def test_a_waited_copy_returns_the_new_item(copy, waiting, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=4)

    item = copy(plan, vault, **waiting)

    (made,) = vault.children.values()
    assert (item["id"], item["name"], item["size"]) == (made.id, "plan.txt", plan.size)
    assert item["parentReference"]["id"] == vault.id


def test_the_new_item_is_returned_without_the_link_that_opens_its_content(copy, plan, vault):
    assert "tempauth" not in json.dumps(copy(plan, vault, wait_for_completion=True))


def test_a_waited_copy_of_a_folder_returns_the_new_folder(copy, waiting, tenant, legal, vault):
    for number in range(5):
        legal.put(f"{NIGHT}/{number}.txt", b"x" * number)
    tenant.copies = CopyBehaviour(looks=4, appears="start")

    item = copy(legal.find(NIGHT), vault, **waiting)

    assert item["folder"]["childCount"] == 5
    assert len(tenant.tree("archive")) == 7


def test_a_copy_without_a_destination_is_made_beside_its_source(copy, tenant, plan):
    item = copy(plan, name="plan (archived).txt", wait_for_completion=True)

    assert item["parentReference"]["id"] == plan.parent.id
    assert "Contracts/plan (archived).txt" in tenant.tree("legal")


def test_a_copy_into_a_root_folder_uses_its_real_id(copy, tenant, plan, archive):
    item = copy(plan, f"drives/{archive.id}/root", wait_for_completion=True)

    assert item["parentReference"]["id"] == archive.root.id
    assert tenant.tree("archive") == {"plan.txt": plan.size}


# What it costs


def test_a_small_waited_copy_by_ids_is_the_post_its_polls_and_one_read(copy, tenant, asked, plan, vault):
    tenant.copies = CopyBehaviour(looks=2)

    copy(plan, vault, wait_for_completion=True)

    assert asked() == [
        *("GET token", "POST token"),  # MSAL looks the authority up, then asks for a token
        "POST /drives/D/items/I/copy",
        *["GET monitor"] * 3,
        "GET /drives/D/items/I",
    ]
    assert tenant.units_spent == 3  # a copy counts two, a read one


def test_each_address_with_a_path_costs_one_get_more(copy, tenant, asked, plan, vault, path_of):
    copy(path_of(plan), path_of(vault), wait_for_completion=True)

    assert asked("graph", "monitor") == [
        "GET /drives/D/root:/Contracts/plan.txt:",
        "GET /drives/D/root:/Vault:",
        "POST /drives/D/items/I/copy",
        "GET monitor",
        "GET /drives/D/items/I",
    ]
    assert tenant.units_spent == 5


def test_a_deferred_copy_asks_for_one_token_per_process_and_reads_the_item_once(
    copy, worker, tenant, asked, plan, vault
):
    tenant.copies = CopyBehaviour(looks=4)

    copy(plan, vault, wait_for_completion=True, deferrable=True)

    assert worker.event["status"] == "completed"
    assert asked() == [
        *("GET token", "POST token"),
        "POST /drives/D/items/I/copy",
        *["GET monitor"] * 5,
        "GET /drives/D/items/I",
    ]


# Waiting in the triggerer


def test_a_copy_that_is_done_after_two_looks_is_not_deferred(copy, worker, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=1)

    assert copy(plan, vault, wait_for_completion=True, deferrable=True)["name"] == "plan.txt"

    assert worker.deferral is None
    assert len(tenant.calls(where="monitor")) == 2


def test_a_copy_that_takes_longer_is_deferred_after_two_looks(copy, worker, tenant, plan, vault, monkeypatch):
    tenant.copies = CopyBehaviour(looks=4)
    looks = []
    monkeypatch.setattr(
        DriveCopyOperator, "defer", _noting(DriveCopyOperator.defer, lambda: looks.append(_monitored(tenant)))
    )

    copy(plan, vault, wait_for_completion=True, deferrable=True)

    assert looks == [2]
    assert worker.deferral.method_name == "execute_complete"


def _noting(defer, note):
    def wrapped(self, **arguments):
        note()
        return defer(self, **arguments)

    return wrapped


def _monitored(tenant):
    return len(tenant.calls(where="monitor"))


def test_the_job_is_pushed_before_the_deferral(copy, worker, tenant, plan, vault, ids):
    tenant.copies = CopyBehaviour(looks=4)

    copy(plan, vault, name="new.txt", wait_for_completion=True, deferrable=True)

    job = worker.xcom("copy_job")
    assert (job["destination"], job["name"]) == (ids(vault), "new.txt")
    assert "://" not in job["monitor_url"]


def test_a_deferral_gives_up_later_than_its_trigger(copy, worker, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=4)
    before = time.time()

    copy(plan, vault, wait_for_completion=True, deferrable=True, copy_timeout=500)

    deadline = worker.deferral.trigger.deadline
    assert before + 490 < deadline < before + 510
    assert 500 < worker.deferral.timeout.total_seconds() < 700


def test_a_resumed_copy_needs_nothing_but_the_event(copy, worker, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=4)

    copy(plan, vault, wait_for_completion=True, deferrable=True)

    assert not worker.deferral.kwargs


def test_a_copy_without_a_monitor_is_found_at_the_destination(copy, waiting, worker, tenant, plan, vault):
    tenant.copies = CopyBehaviour(location="none")

    item = copy(plan, vault, **waiting)

    assert item["id"] == vault.child("plan.txt").id
    assert worker.deferral is None
    assert len(tenant.calls("POST", "/copy$")) == 1


def test_a_copy_that_was_made_at_once_is_read_back(copy, waiting, tenant, plan, vault):
    tenant.copies = CopyBehaviour(location="item")

    assert copy(plan, vault, **waiting)["id"] == vault.child("plan.txt").id


@pytest.mark.parametrize(
    "behaviour",
    [
        CopyBehaviour(done_status=202, running_status=202, looks=3),
        CopyBehaviour(done_status=303, looks=3),
        CopyBehaviour(done_status=303, looks=3, with_body=False),
        CopyBehaviour(words=("waiting", "cacheIsWarm", "updating"), looks=3),
        CopyBehaviour(percent_key="percentComplete", looks=3),
        CopyBehaviour(percent_key=None, looks=3, location="monitor"),
        CopyBehaviour(resource_id=False, location="monitor", looks=3),
        CopyBehaviour(read_lag=1),
    ],
    ids=["202", "303", "303 without a body", "odd words", "percentComplete", "no percent", "no id", "lag"],
)
def test_a_copy_is_found_however_its_monitor_tells_of_it(copy, tenant, plan, vault, behaviour):
    tenant.copies = behaviour

    assert copy(plan, vault, wait_for_completion=True)["id"] == vault.child("plan.txt").id
    assert len(tenant.jobs) == 1


# The log


def test_progress_is_in_the_tasks_log(copy, log, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=3)

    copy(plan, vault, wait_for_completion=True)

    assert log.has(r"accepted the copy of drives/.*/items/")
    assert log.has(r"the copy is at [0-9.]+ %")
    assert log.has(r"Copied: '/Vault/plan\.txt' \(id \w+\)")


# Folders on the way


def test_missing_folders_of_the_destination_are_made(copy, tenant, plan, archive):
    item = copy(
        plan, f"drives/{archive.id}/root:/2026/Q1/Signed", create_destination=True, wait_for_completion=True
    )

    assert item["name"] == "plan.txt"
    assert tenant.tree("archive")["2026/Q1/Signed/plan.txt"] == plan.size


def test_a_folder_that_is_just_made_may_be_unknown_to_copy_for_a_while(copy, tenant, plan, archive):
    tenant.fresh_folder_404 = 2

    item = copy(plan, f"drives/{archive.id}/root:/New", create_destination=True, wait_for_completion=True)

    assert item["name"] == "plan.txt"
    assert tenant.copies_made(plan.id) == 1


def test_a_missing_destination_is_not_made_unasked(copy, tenant, plan, archive):
    with pytest.raises(DriveItemNotFoundError, match="2026") as caught:
        copy(plan, f"drives/{archive.id}/root:/2026")

    assert caught.value.status == 404
    assert not tenant.calls("POST", where="graph")


# Only the children; all versions


def test_only_the_children_are_copied_and_the_destination_is_returned(copy, waiting, tenant, legal, vault):
    for name in ("one.txt", "two.txt", "deep/three.txt"):
        legal.put(f"{NIGHT}/{name}", name.encode())
    tenant.copies = CopyBehaviour(looks=3)

    item = copy(legal.find(NIGHT), vault, children_only=True, **waiting)

    assert item["id"] == vault.id
    assert {"Vault/one.txt", "Vault/two.txt", "Vault/deep/three.txt"} < tenant.tree("archive").keys()
    assert "Vault/2026" not in tenant.tree("archive")
    (call,) = tenant.calls("POST", "/copy$")
    assert json.loads(call.body)["childrenOnly"] is True


def test_the_children_of_a_root_folder_are_copied(copy, tenant, legal, vault):
    legal.put("one.txt", b"1")

    copy(f"drives/{legal.id}/root", vault, children_only=True, wait_for_completion=True)

    assert tenant.tree("archive")["Vault/one.txt"] == 1


@pytest.mark.parametrize(
    ("item", "parameters", "words"),
    [
        ("drives/d/items/i", {"children_only": True, "name": "new"}, "children_only"),
        ("drives/b!d/root", {}, "children_only"),
        ("me/drive/root:/", {}, "children_only"),
        ("drives/d/items/i", {"create_destination": True, "destination": None}, "create_destination"),
    ],
)
def test_what_graph_refuses_is_refused_before_anything_is_sent(copy, asked, item, parameters, words):
    with pytest.raises(AirflowFailException, match=words) as caught:
        copy(item, **{"destination": "drives/e/items/f", **parameters})

    assert isinstance(caught.value, ValueError)
    assert asked() == []


def test_the_children_of_a_file_are_refused_as_soon_as_it_is_known_to_be_one(
    copy, tenant, plan, vault, path_of
):
    with pytest.raises(AirflowFailException, match="is a file"):
        copy(path_of(plan), vault, children_only=True)

    assert not tenant.calls("POST", where="graph")


def test_all_versions_are_copied(copy, waiting, tenant, legal, plan, vault):
    for word in (b"two", b"three"):
        legal.put(plan.path, word)
    tenant.copies = CopyBehaviour(looks=3)

    copy(plan, vault, include_all_version_history=True, **waiting)

    assert len(vault.child("plan.txt").versions) == 2


def test_all_versions_are_copied_to_a_new_name_too(copy, waiting, tenant, legal, plan, vault):
    for word in (b"two", b"three"):
        legal.put(plan.path, word)
    tenant.copies = CopyBehaviour(looks=3)

    item = copy(plan, vault, name="2026.txt", include_all_version_history=True, **waiting)

    assert item["name"] == "2026.txt"
    assert [child.name for child in vault.children.values()] == ["2026.txt"]
    assert len(vault.child("2026.txt").versions) == 2
    assert "name" not in json.loads(tenant.calls("POST", "/copy$")[0].body)  # a name would lose the versions


# A name that is taken


def test_a_taken_name_fails_the_copy(copy, waiting, tenant, plan, archive, vault):
    archive.put("Vault/plan.txt", b"older")
    tenant.copies = CopyBehaviour(looks=3)

    with pytest.raises(DriveNameConflictError, match="conflict_behavior") as caught:
        copy(plan, vault, **waiting)

    assert isinstance(caught.value, DriveCopyFailedError)
    assert tenant.tree("archive")["Vault/plan.txt"] == 5


def test_a_taken_name_may_be_told_at_once(copy, tenant, plan, archive, vault):
    archive.put("Vault/plan.txt", b"older")
    tenant.copies = CopyBehaviour(conflict="sync")

    with pytest.raises(DriveNameConflictError) as caught:
        copy(plan, vault, wait_for_completion=True)

    assert caught.value.code == "nameAlreadyExists"
    assert caught.value.request_id


def test_rename_finds_a_free_name(copy, plan, archive, vault):
    archive.put("Vault/plan.txt", b"older")

    item = copy(plan, vault, conflict_behavior="rename", wait_for_completion=True)

    assert item["name"] == "plan 1.txt"
    assert archive.find("Vault/plan.txt").size == 5


def test_replace_removes_the_other_file(copy, plan, archive, vault):
    old = archive.put("Vault/plan.txt", b"older")

    item = copy(plan, vault, conflict_behavior="replace", wait_for_completion=True)

    assert item["id"] != old.id
    assert archive.find("Vault/plan.txt").size == plan.size


def test_an_item_is_not_copied_over_itself(copy, tenant, plan, path_of):
    with pytest.raises(DriveNameConflictError, match="itself") as caught:
        copy(path_of(plan), plan.parent, conflict_behavior="replace")

    assert isinstance(caught.value, AirflowFailException)
    assert not tenant.calls("POST", where="graph")


class TestPersonal:
    """OneDrive personal ignores the conflict behaviour."""

    @pytest.fixture
    def photo(self, personal):
        personal.put("Vault/photo.bin", b"older!")
        return personal.put("Photos/photo.bin", b"new")

    @pytest.fixture
    def folder(self, photo, personal):
        return personal.find("Vault")

    def test_fail_leaves_the_destination_as_it_was(self, copy, tenant, photo, folder):
        before = tenant.tree("personal")

        with pytest.raises(DriveNameConflictError):
            copy(photo, folder, wait_for_completion=True)

        assert tenant.tree("personal") == before

    def test_rename_makes_a_second_file(self, copy, tenant, photo, folder):
        item = copy(photo, folder, conflict_behavior="rename", wait_for_completion=True)

        assert item["name"] == "photo 1.bin"
        assert (tenant.tree("personal")["Vault/photo.bin"], item["size"]) == (6, 3)

    def test_replace_leaves_the_new_file_under_the_name(self, copy, tenant, photo, folder):
        item = copy(photo, folder, conflict_behavior="replace", wait_for_completion=True)

        assert item["name"] == "photo.bin"
        assert [child.size for child in folder.children.values()] == [3]

    def test_a_free_name_is_kept(self, copy, photo, personal):
        folder = personal.mkdir("Empty")

        assert copy(photo, folder, wait_for_completion=True)["name"] == "photo.bin"


# The proof


def test_a_copy_that_landed_beside_its_source_is_no_success(copy, waiting, tenant, plan, inbox):
    tenant.copies = CopyBehaviour(misplaced=True)

    with pytest.raises(DriveCopyFailedError, match="is in the folder") as caught:
        copy(plan, inbox, **waiting)

    assert tenant.copies_made(plan.id) == 1
    assert caught.value.code == "notAsAsked"


def test_an_office_file_that_the_service_rewrote_is_a_success(copy, log, tenant, legal, vault):
    document = legal.put("Contracts/plan.docx", b"PK" * 50)
    tenant.rewrites_office = True

    item = copy(document, vault, wait_for_completion=True)

    assert item["name"] == "plan.docx"
    assert item["size"] != document.size


def test_a_difference_that_the_service_made_is_logged(copy, log, tenant, legal, vault, path_of):
    document = legal.put("Contracts/plan.docx", b"PK" * 50)
    tenant.rewrites_office = True

    copy(path_of(document), vault, wait_for_completion=True)

    assert log.has(r"has \d+ bytes and the source had 100, or another hash")


# Its end


def test_a_failed_copy_tells_graphs_code(copy, waiting, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=3, failure="generalException")

    with pytest.raises(DriveCopyFailedError, match="generalException") as caught:
        copy(plan, vault, **waiting)

    assert caught.value.code == "generalException"
    assert len(tenant.jobs) == 1


def test_the_details_of_a_failed_copy_are_kept(copy, waiting, tenant, legal, archive, vault):
    legal.put(f"{NIGHT}/one.txt", b"1")
    archive.put("Vault/one.txt", b"older")
    tenant.copies = CopyBehaviour(looks=3)

    with pytest.raises(DriveCopyFailedError) as caught:
        copy(legal.find(NIGHT), vault, children_only=True, **waiting)

    assert caught.value.details[0]["code"] == "nameAlreadyExists"
    assert caught.value.details[1]["target"] == archive.find("Vault/one.txt").id


@pytest.mark.parametrize(
    "shape", ["details", "errorCode", "nothing", {"error": {"code": "quotaLimitReached"}}]
)
def test_a_failure_in_any_shape_is_a_failure(copy, tenant, plan, vault, shape):
    tenant.copies = CopyBehaviour(looks=3, failure=shape)

    with pytest.raises(DriveCopyFailedError) as caught:
        copy(plan, vault, wait_for_completion=True)

    assert caught.value.code


def test_a_copy_that_never_ends_is_given_up_at_its_deadline(copy, waiting, tenant, plan, vault):
    tenant.copies = CopyBehaviour(looks=60)

    with pytest.raises(DriveCopyTimeoutError, match=r"deadline \(at .* %\).* no way to cancel") as caught:
        copy(plan, vault, copy_timeout=0.4, **waiting)

    assert isinstance(caught.value, TimeoutError)
    assert len(tenant.jobs) == 1


@not_on_airflow_2("it lets no thread execute a task but its own")
def test_a_killed_task_stops_waiting_at_once_and_says_what_that_does_not_do(
    connection, helpers, journal, log, tenant, plan, vault, ids
):
    tenant.copies = CopyBehaviour(looks=10**6)
    operator = DriveCopyOperator(
        task_id="task", item=ids(plan), destination=ids(vault), wait_for_completion=True, poll_interval=60
    )
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
    assert "no way to cancel" in str(raised[0])
    assert log.has("Graph offers no way to cancel a copy")
    assert journal[-1].where == "monitor"  # nothing is sent after that


def test_a_task_can_be_killed_before_it_has_begun(plan, log):
    DriveCopyOperator(task_id="task", item="drives/d/items/i").on_kill()

    assert log.has("no way to cancel")


# As an operator


def test_all_that_a_dag_may_template_is_templated():
    assert {"item", "destination", "name", "conflict_behavior", "drive_conn_id"} <= set(
        DriveCopyOperator.template_fields
    )


def test_the_constructor_only_assigns(connection):
    operator = DriveCopyOperator(task_id="task", item="{{ wrong", conflict_behavior="{{ params.x }}")

    assert (operator.item, operator.conflict_behavior) == ("{{ wrong", "{{ params.x }}")


def test_the_defaults_are_the_promised_ones():
    operator = DriveCopyOperator(task_id="task", item="drives/d/items/i")

    assert (operator.poll_interval, operator.copy_timeout) == (15, 86_400)
    assert (operator.conflict_behavior, operator.drive_conn_id) == ("fail", "drive_default")
    assert not operator.wait_for_completion
    assert not operator.deferrable
    assert operator.destination is None


def test_another_connection_can_be_named(copy, connect, worker, tenant, plan, vault, monkeypatch):
    connect("archive_graph")
    monkeypatch.delenv("AIRFLOW_CONN_DRIVE_DEFAULT")

    assert copy(plan, vault, drive_conn_id="archive_graph", wait_for_completion=True)["name"] == "plan.txt"


def test_the_item_may_be_what_another_task_returned(copy, hook, plan, vault, ids):
    item = hook.get_item(ids(plan))

    assert copy(item, vault, wait_for_completion=True)["name"] == "plan.txt"


def test_a_refused_request_tells_its_code_request_id_and_advice(copy, tenant, plan, vault):
    tenant.faults.append(Fault("POST", "/copy$", status=403))

    told = r"(?s)accessDenied.*Files\.ReadWrite\.All.*\nPOST /drives/.*request id"
    with pytest.raises(DriveAccessDeniedError, match=told):
        copy(plan, vault)


class TestMistypedAddresses:
    """What a person learns of a 404 and of an address that cannot be read."""

    def test_a_missing_item_is_told_with_what_exists_of_its_path(
        self, worker, legal, plan, vault, ids, tenant
    ):
        item = f"drives/{legal.id}/root:/Contracts/plann.txt"

        with pytest.raises(DriveItemNotFoundError) as told:
            worker.run(DriveCopyOperator, item=item, destination=ids(vault))

        lines = str(told.value).splitlines()
        assert lines[0].startswith("Could not read '/Contracts/plann.txt': Graph answered HTTP 404")
        assert lines[2] == "'/Contracts' exists, and holds no 'plann.txt'. There is 'plan.txt'."
        assert lines[-1].startswith("GET /drives/")

    def test_a_missing_destination_is_told_with_the_parameter_that_creates_it(
        self, worker, plan, archive, ids, tenant
    ):
        with pytest.raises(DriveItemNotFoundError, match="set create_destination=True") as told:
            worker.run(DriveCopyOperator, item=ids(plan), destination=f"drives/{archive.id}/root:/Vau/lt")
        assert "The root folder exists, and holds no 'Vau'" in str(told.value)

    def test_a_misspelt_site_is_told(self, worker, vault, ids):
        item = "sites/contoso.sharepoint.com:/sites/Legall:/drive/root:/Contracts/plan.txt"

        with pytest.raises(
            DriveItemNotFoundError, match=r"There is no site 'contoso\.sharepoint\.com:/sites/Leg"
        ):
            worker.run(DriveCopyOperator, item=item, destination=ids(vault))

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"item": "plan.txt"}, r"^Invalid `item`: 'plan\.txt' is not a valid"),
            ({"destination": "Vault"}, r"^Invalid `destination`: 'Vault' is not a valid"),
            ({"item": None}, "^Invalid `item`: None is not a valid item address: the template"),
            (
                {"item": "None"},
                "^Invalid `item`: a template rendered None to text. What it names has no value",
            ),
        ],
    )
    def test_an_invalid_address_is_told_with_its_parameter(
        self, worker, plan, vault, ids, tenant, wrong, told
    ):
        with pytest.raises(DriveArgumentError, match=told):
            worker.run(DriveCopyOperator, **{"item": ids(plan), "destination": ids(vault)} | wrong)
        assert tenant.calls() == []

    def test_a_path_that_exists_costs_no_explanation(self, worker, legal, plan, vault, ids, tenant):
        item = f"drives/{legal.id}/root:/Contracts/plan.txt"

        worker.run(DriveCopyOperator, item=item, destination=ids(vault), conflict_behavior="skip")

        assert len(tenant.calls(where="graph")) == 3
