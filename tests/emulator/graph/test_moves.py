# ruff: noqa: PLR0917 - pytest passes fixtures by their names
import pytest

from airflow_provider_drive.emulator import CopyBehaviour


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.pdf", b"content")


def test_a_move_keeps_id_and_ctag_and_changes_the_etag(graph, legal, plan):
    before = (plan.id, plan.ctag, plan.etag)
    response = graph.move(plan, legal.mkdir("Done"), name="old.pdf", headers={"If-Match": plan.etag})
    body = response.json()
    assert response.status_code == 200
    assert legal.tree() == {"Contracts": None, "Done": None, "Done/old.pdf": 7}
    assert (body["id"], body["cTag"]) == before[:2]
    assert body["eTag"] != before[2]


@pytest.mark.parametrize(("status", "code"), [(412, "resourceModified"), (409, "resourceModified")])
def test_a_move_with_an_old_etag_is_refused(graph, tenant, legal, plan, status, code):
    tenant.stale_status, old = status, plan.etag
    tenant.drift(plan)
    response = graph.move(plan, legal.root, headers={"If-Match": old})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert plan.parent.name == "Contracts"
    assert graph.move(plan, legal.root, headers={"If-Match": plan.ctag}).status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "tree"),
    [
        ("", 409, {"plan.pdf": 3, "Contracts": None, "Contracts/plan.pdf": 7}),
        ("replace", 200, {"plan.pdf": 7, "Contracts": None}),
        ("rename", 200, {"plan.pdf": 3, "plan 1.pdf": 7, "Contracts": None}),
    ],
)
def test_a_move_to_a_name_that_is_taken_follows_the_conflict_behavior(
    graph, legal, plan, query, status, tree
):
    legal.put("plan.pdf", b"old")
    query = query and f"?@microsoft.graph.conflictBehavior={query}"
    assert graph.move(plan, legal.root, query).status_code == status
    assert legal.tree() == tree


def test_a_conflict_behavior_in_the_body_is_ignored(graph, legal, plan, recorded):
    legal.mkdir("plan.pdf")
    response = graph.move(plan, legal.root, **{"@microsoft.graph.conflictBehavior": "replace"})
    expected = recorded("iss-patch-409-nameAlreadyExists")
    error = response.json()["error"]
    assert response.status_code == expected["status"]
    assert (error["code"], error["message"]) == ("nameAlreadyExists", expected["body"]["error"]["message"])


def test_the_conflict_behavior_in_the_query_can_be_ignored_too(graph, tenant, legal, plan):
    tenant.move_honours_conflict = False
    legal.put("plan.pdf")
    assert graph.move(plan, legal.root, "?@microsoft.graph.conflictBehavior=rename").status_code == 409


def test_a_rename_can_change_the_case_only(graph, legal, plan):
    assert graph.move(plan, name="PLAN.pdf").json()["name"] == "PLAN.pdf"
    assert legal.tree() == {"Contracts": None, "Contracts/PLAN.pdf": 7}


def test_a_parent_in_another_drive_without_its_drive_id_is_ignored(graph, archive, plan):
    response = graph.move(plan, name="new.pdf", parentReference={"id": archive.root.id})
    assert response.json()["name"] == "new.pdf"
    assert plan.path == "Contracts/new.pdf"


def test_a_drive_id_alone_does_not_move_the_item(graph, archive, plan):
    assert graph.move(plan, parentReference={"driveId": archive.id}).status_code == 200
    assert plan.path == "Contracts/plan.pdf"


def test_a_move_to_another_drive_needs_respond_async_and_runs_as_a_job(
    graph, tenant, legal, archive, plan, recorded
):
    response = graph.move(plan, archive.root)
    assert response.json() == recorded("iss-move-needs-respond-async")["body"]
    tenant.copies = CopyBehaviour(looks=1)
    response = graph.move(plan, archive.root, headers={"Prefer": "respond-async"})
    assert (response.status_code, response.content) == (202, b"")
    assert legal.find("Contracts/plan.pdf") is plan
    states = [graph.poll(response.headers["Location"]).json()["status"] for _ in range(2)]
    assert states == ["notStarted", "completed"]
    assert legal.tree() == {"Contracts": None}
    assert archive.find("plan.pdf").id != plan.id
    assert tenant.copies_made(plan.id) == 0


def test_a_move_within_a_drive_can_run_as_a_job_too(graph, tenant, legal, plan):
    tenant.move_answers_202 = True
    response = graph.move(plan, legal.root)
    assert response.status_code == 202
    body = graph.poll(response.headers["Location"]).json()
    assert legal.tree() == {"Contracts": None, "plan.pdf": 7}
    assert body["resourceId"] == legal.find("plan.pdf").id


def test_of_two_jobs_that_move_one_item_only_one_moves_it(graph, tenant, legal, plan):
    tenant.move_answers_202, tenant.copies = True, CopyBehaviour(looks=1)
    monitors = [graph.move(plan, legal.root).headers["Location"] for _ in range(2)]
    ends = [[graph.poll(monitor).json()["status"] for _ in range(2)][-1] for monitor in monitors]
    assert ends == ["completed", "failed"]
    assert legal.tree() == {"Contracts": None, "plan.pdf": 7}


def test_the_root_folder_cannot_be_updated(graph, legal):
    assert graph.move(legal.root, name="x").json()["error"]["message"] == "Cannot update the root folder."


@pytest.mark.parametrize(("atomic", "path"), [(True, "Contracts/plan.pdf"), (False, "Contracts/new.pdf")])
def test_a_move_that_fails_can_have_renamed_the_item(graph, tenant, legal, plan, atomic, path):
    tenant.atomic_moves = atomic
    response = graph.move(plan, name="new.pdf", parentReference={"driveId": legal.id, "id": "01NOPE"})
    assert response.status_code == 404
    assert plan.path == path


def test_a_folder_cannot_be_moved_into_itself(graph, legal, plan):
    assert graph.move(plan.parent, legal.mkdir("Contracts/inner")).status_code == 400


def test_file_system_times_are_set_if_sent_and_reset_otherwise(graph, legal, plan):
    stamps = {"createdDateTime": "2001-01-01T00:00:00Z", "lastModifiedDateTime": "2002-01-01T00:00:00Z"}
    assert graph.move(plan, legal.root, fileSystemInfo=stamps).json()["fileSystemInfo"] == stamps
    assert graph.move(plan, name="x.pdf").json()["fileSystemInfo"] != stamps


def test_an_update_of_the_file_times_keeps_everything_else(graph, legal, plan):
    tags, stamp = (plan.etag, plan.ctag), "2001-01-01T00:00:00Z"
    first = graph.move(plan, fileSystemInfo={"createdDateTime": stamp}, description="An offer.").json()
    body = graph.move(plan, fileSystemInfo={"lastModifiedDateTime": "2002-01-01T01:00:00+01:00"}).json()
    assert body["fileSystemInfo"] == {
        "createdDateTime": stamp,
        "lastModifiedDateTime": "2002-01-01T00:00:00Z",
    }
    assert (body["description"], plan.path) == ("An offer.", "Contracts/plan.pdf")
    assert body["createdDateTime"] != stamp
    assert len({tags[0], first["eTag"], body["eTag"]}) == 3
    assert {first["cTag"], body["cTag"]} == {tags[1]}


def test_an_update_of_the_description_keeps_the_file_times(graph, legal, plan):
    stamps = {"createdDateTime": "2001-01-01T00:00:00Z", "lastModifiedDateTime": "2002-01-01T00:00:00Z"}
    graph.move(plan, fileSystemInfo=stamps)
    assert graph.move(plan, description="x").json()["fileSystemInfo"] == stamps
    assert "description" not in graph.move(plan, description=None).json()


@pytest.mark.parametrize(
    "times",
    [{"createdDateTime": "yesterday"}, {"createdDateTime": 5}, {"modified": "2001-01-01T00:00:00Z"}, []],
)
def test_file_times_that_are_invalid_are_refused(graph, plan, times):
    etag = plan.etag
    response = graph.move(plan, fileSystemInfo=times or ["x"])
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalidRequest")
    assert plan.etag == etag


def test_a_move_to_a_drive_that_is_full_is_refused(graph, archive, plan):
    archive.total = 3
    response = graph.move(plan, archive.root, headers={"Prefer": "respond-async"})
    assert (response.status_code, response.json()["error"]["code"]) == (507, "quotaLimitReached")
    assert plan.id in plan.drive.items
