# ruff: noqa: PLR0917 - pytest passes fixtures by their names
import pytest

from airflow_provider_drive.emulator import CopyBehaviour


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.docx", b"content")


def wait(graph, response):
    """Poll the monitor until the job ends, and return the last body."""
    assert response.status_code == 202, response.text
    for _ in range(20):
        body = graph.poll(response.headers["Location"]).json()
        if body["status"] not in {"notStarted", "inProgress"}:
            return body
    raise AssertionError(body)


def test_a_copy_is_a_new_item_of_the_same_content(graph, tenant, archive, plan):
    response = graph.copy(plan, archive.root)
    assert response.content == b""
    body = wait(graph, response)
    copy = archive.find("plan.docx")
    assert (body["status"], body["resourceId"]) == ("completed", copy.id)
    assert copy.id != plan.id
    assert copy.hash == plan.hash
    assert (tenant.copies_made(plan.id), len(tenant.jobs)) == (1, 1)


def test_a_folder_is_copied_with_everything_in_it(graph, tenant, legal, archive, plan):
    legal.mkdir("Contracts/empty/deep")
    wait(graph, graph.copy(legal.find("Contracts"), archive.root, name="2026"))
    assert tenant.tree("archive") == {
        "2026": None,
        "2026/plan.docx": 7,
        "2026/empty": None,
        "2026/empty/deep": None,
    }


def test_the_copy_appears_when_the_job_ends(graph, tenant, archive, plan):
    tenant.copies = CopyBehaviour(looks=2)
    url = graph.copy(plan, archive.root).headers["Location"]
    seen = [(graph.poll(url).json()["status"], archive.find("plan.docx") is not None) for _ in range(3)]
    assert seen == [("notStarted", False), ("inProgress", False), ("completed", True)]


@pytest.mark.parametrize(
    ("conflict", "status", "tree"),
    [
        ("", "failed", {"plan.docx": 3}),
        ("?@microsoft.graph.conflictBehavior=fail", "failed", {"plan.docx": 3}),
        ("?@microsoft.graph.conflictBehavior=replace", "completed", {"plan.docx": 7}),
        ("?%40microsoft.graph.conflictBehavior=rename", "completed", {"plan.docx": 3, "plan 1.docx": 7}),
    ],
)
def test_a_copy_to_a_name_that_is_taken_follows_the_conflict_behavior(
    graph, tenant, archive, plan, conflict, status, tree
):
    old = archive.put("PLAN.docx", b"old")
    body = wait(graph, graph.copy(plan, archive.root, conflict))
    assert body["status"] == status
    assert {name.lower(): size for name, size in tenant.tree("archive").items()} == tree
    assert (archive.recycle_bin == [old]) == ("replace" in conflict)


def test_a_name_that_is_taken_can_be_refused_synchronously(graph, tenant, archive, plan, recorded):
    tenant.copies = CopyBehaviour(conflict="sync")
    archive.put("plan.docx")
    response = graph.copy(plan, archive.root)
    expected = recorded("op-copy-409-sync-nameAlreadyExists")
    assert (response.status_code, response.json()["error"]["code"]) == (
        expected["status"],
        expected["body"]["error"]["code"],
    )
    assert tenant.jobs == []


def test_personal_drives_ignore_the_conflict_behavior(graph, personal):
    item = personal.put("a.txt")
    body = wait(graph, graph.copy(item, personal.root, "?@microsoft.graph.conflictBehavior=rename"))
    assert body["status"] == "failed"


def test_replace_does_not_replace_folders(graph, archive, plan):
    archive.mkdir("Contracts")
    body = wait(graph, graph.copy(plan.parent, archive.root, "?@microsoft.graph.conflictBehavior=replace"))
    assert body["error"]["code"] == "nameAlreadyExists"
    archive.mkdir("plan.docx/inner")
    body = wait(graph, graph.copy(plan, archive.root, "?@microsoft.graph.conflictBehavior=replace"))
    assert body["error"]["code"] == "nameAlreadyExists"
    assert archive.find("plan.docx/inner") is not None


def test_children_only_copies_the_children_without_the_folder(graph, tenant, legal, archive, plan):
    body = wait(graph, graph.copy(legal.root, archive.root, childrenOnly=True))
    assert tenant.tree("archive") == {"Contracts": None, "Contracts/plan.docx": 7}
    assert body["resourceId"] == archive.root.id


def test_children_only_reports_each_child_that_collides(graph, legal, archive):
    for name in ("a", "b"):
        legal.mkdir(name)
        archive.mkdir(name)
    query = "?@microsoft.graph.conflictBehavior=replace"
    error = wait(graph, graph.copy(legal.root, archive.root, query, childrenOnly=True))["error"]
    assert "code" not in error
    assert {detail.get("target") for detail in error["details"]} == {
        None,
        archive.find("a").id,
        archive.find("b").id,
    }


@pytest.mark.parametrize(
    ("source", "body", "recording"),
    [
        ("", {}, "doc-copy-400-root"),
        ("Contracts/plan.docx", {"childrenOnly": True}, "doc-copy-400-childrenOnly-file"),
        ("Contracts", {"childrenOnly": True, "name": "x"}, None),
    ],
)
def test_an_invalid_copy_is_refused_as_documented(
    graph, legal, archive, plan, recorded, source, body, recording
):
    response = graph.copy(legal.find(source), archive.root, **body)
    assert response.status_code == 400
    if recording is not None:
        error = response.json()["error"]
        error.pop("innerError", None)
        expected = recorded(recording)["body"]["error"]
        expected.pop("innerError", None)
        assert error == expected


def test_versions_are_copied_if_requested_without_a_new_name(graph, legal, archive):
    item = legal.put("a.txt", b"1")
    legal.put("a.txt", b"2")
    wait(graph, graph.copy(item, archive.mkdir("plain")))
    wait(graph, graph.copy(item, archive.mkdir("all"), includeAllVersionHistory=True))
    wait(graph, graph.copy(item, archive.mkdir("named"), includeAllVersionHistory=True, name="b.txt"))
    paths = ("plain/a.txt", "all/a.txt", "named/b.txt")
    assert [len(archive.find(path).versions) for path in paths] == [0, 1, 0]


@pytest.mark.parametrize(
    ("reference", "status"),
    [
        ({"driveId": "b!nope", "id": "x"}, 404),
        ({"id": "01NOPE"}, 404),
        ({"id": "root"}, 400),
        ({"path": "/drive/root:/nope"}, 404),
    ],
)
def test_a_destination_that_does_not_exist_is_refused(graph, plan, reference, status):
    assert graph.copy(plan, name="b", parentReference=reference).status_code == status


def test_a_destination_can_be_given_by_path(graph, tenant, legal, archive, plan):
    archive.mkdir("a b")
    wait(graph, graph.copy(plan, parentReference={"path": f"/drives/{archive.id}/root:/a%20b"}))
    assert archive.find("a b/plan.docx") is not None


def test_a_folder_cannot_be_copied_into_itself(graph, legal, plan):
    inner = legal.mkdir("Contracts/inner")
    assert graph.copy(plan.parent, inner).status_code == 400


def test_a_copy_between_personal_and_other_drives_is_refused(graph, personal, plan):
    response = graph.copy(plan, personal.root)
    assert (response.status_code, response.json()["error"]["message"]) == (400, "ObjectHandle is Invalid")


def test_copies_into_a_new_folder_can_answer_404_at_first(graph, tenant, archive, plan):
    tenant.fresh_folder_404 = 2
    body = {"name": "new", "folder": {}}
    folder = archive.items[graph("POST", f"drives/{archive.id}/root/children", json=body).json()["id"]]
    assert [graph.copy(plan, folder).status_code for _ in range(3)] == [404, 404, 202]
    assert tenant.copies_made(plan.id) == 1


def test_sharepoint_rewrites_office_files(graph, tenant, legal, archive, plan):
    tenant.rewrites_office = True
    wait(graph, graph.copy(plan, archive.root))
    wait(graph, graph.copy(legal.put("a.pdf", b"content"), archive.root))
    assert archive.find("plan.docx").hash != plan.hash
    assert archive.find("a.pdf").hash == plan.hash


@pytest.mark.parametrize("growth", [0, 11_264])
@pytest.mark.parametrize("content", [b"", b"content"])
@pytest.mark.parametrize(
    "name", ["a.DOC", "a.dot", "a.xls", "a.xlt", "a.xlw", "a.ppt", "a.pot", "a.pps", "a.ppa", "a.xltm"]
)
def test_office_files_of_all_kinds_grow_as_much_as_the_tenant_says(
    graph, tenant, legal, archive, name, content, growth
):
    tenant.rewrites_office, tenant.office_growth = True, growth
    item = legal.put(name, content)
    wait(graph, graph.copy(item, archive.root))
    copy = archive.find(name)
    assert copy.hash != item.hash
    assert copy.size == max(1, item.size) + growth


def test_a_misplaced_copy_is_created_next_to_its_source(graph, tenant, archive, plan):
    tenant.copies = CopyBehaviour(misplaced=True)
    body = wait(graph, graph.copy(plan, archive.root))
    assert archive.tree() == {}
    assert plan.drive.items[body["resourceId"]].parent is plan.parent


def test_reads_of_a_new_item_can_answer_404_at_first(graph, tenant, archive, plan):
    tenant.copies = CopyBehaviour(read_lag=2)
    path = f"drives/{archive.id}/items/{wait(graph, graph.copy(plan, archive.root))['resourceId']}"
    assert [graph.get(path).status_code for _ in range(3)] == [404, 404, 200]


def test_a_folder_can_appear_at_once_and_grow_poll_by_poll(graph, tenant, legal, archive):
    for number in range(8):
        legal.put(f"many/{number}")
    tenant.copies = CopyBehaviour(looks=3, appears="start")
    url = graph.copy(legal.find("many"), archive.root).headers["Location"]
    sizes = [len(archive.children("many"))]
    for _ in range(4):
        graph.poll(url)
        sizes.append(len(archive.children("many")))
    assert sizes == [0, 2, 4, 6, 8]


def test_a_copy_that_fails_can_leave_some_items(graph, tenant, legal, archive):
    for number in range(4):
        legal.put(f"many/{number}")
    tenant.copies = CopyBehaviour(failure="quotaLimitReached", partial=3)
    body = wait(graph, graph.copy(legal.find("many"), archive.root))
    assert body["error"]["code"] == "quotaLimitReached"
    assert len(archive.children("many")) == 2


def test_a_copy_of_too_many_items_fails(graph, tenant, legal, archive, plan):
    tenant.most_items = 1
    assert wait(graph, graph.copy(plan.parent, archive.root))["error"]["code"] == "maxItemCountExceeded"
    assert archive.tree() == {}


def test_a_misplaced_copy_can_be_created_in_any_folder(graph, tenant, legal, archive, plan):
    tenant.copies = CopyBehaviour(misplaced=legal.mkdir("Elsewhere"))
    body = wait(graph, graph.copy(plan, archive.root))
    assert archive.tree() == {}
    assert legal.find("Elsewhere/plan.docx").id == body["resourceId"]


@pytest.mark.parametrize(
    ("leaves_out", "copied"),
    [
        (1, ["in", "in/a", "in/b", "in/b/c"]),
        (2, ["in", "in/a", "in/b"]),
        (100, ["in"]),
        (("b",), ["in", "in/a", "in/d"]),
        (("c", "a"), ["in", "in/b", "in/d"]),
        (("in",), []),
    ],
)
def test_a_copy_that_completes_can_leave_out_items(graph, tenant, legal, archive, leaves_out, copied):
    for path in ("in/a", "in/b/c", "in/d"):
        legal.put(path)
    tenant.copies = CopyBehaviour(leaves_out=leaves_out)
    body = wait(graph, graph.copy(legal.find("in"), archive.root))
    assert body["status"] == "completed"
    assert list(archive.tree()) == copied


@pytest.mark.parametrize(("leaves_out", "copied"), [(1, ["a"]), (2, []), (("a",), ["b"])])
def test_a_copy_of_the_children_can_leave_out_some_or_all(graph, tenant, legal, archive, leaves_out, copied):
    for path in ("in/a", "in/b"):
        legal.put(path)
    tenant.copies = CopyBehaviour(leaves_out=leaves_out)
    body = wait(graph, graph.copy(legal.find("in"), archive.root, childrenOnly=True))
    assert (body["status"], list(archive.tree())) == ("completed", copied)


def test_a_copy_to_a_folder_that_was_deleted_meanwhile_fails(graph, tenant, archive, plan):
    tenant.copies = CopyBehaviour(looks=1)
    response = graph.copy(plan, archive.mkdir("gone"))
    archive.delete("gone")
    assert wait(graph, response)["error"]["code"] == "itemNotFound"
    assert not any(item.name == "plan.docx" for item in archive.items.values())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"locked": True}, "resourceLocked"),
        ({"checked_out_by": "someone"}, "resourceLocked"),
        ({"retention_label": "Retain"}, "accessDenied"),
    ],
)
def test_a_copy_does_not_replace_a_file_that_cannot_be_deleted(graph, archive, plan, change, code):
    existing = archive.put("plan.docx", b"old")
    vars(existing).update(change)
    response = graph.copy(plan, archive.root, "?@microsoft.graph.conflictBehavior=replace")
    assert wait(graph, response)["error"]["code"] == code
    assert archive.find("plan.docx") is existing
