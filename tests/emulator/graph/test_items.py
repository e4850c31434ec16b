import pytest


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.pdf", b"content")


def address(item):
    return f"drives/{item.drive.id}/items/{item.id}"


def test_select_keeps_the_etag_on_sharepoint_only(graph, plan, personal):
    body = graph.get(address(plan) + "?$select=id,name").json()
    assert set(body) == {"@odata.context", "@odata.etag", "id", "name"}
    body = graph.get(address(personal.put("a.txt")) + "?$select=id").json()
    assert set(body) == {"@odata.context", "id"}


def test_sizes_are_strings_if_the_client_asks_for_that(graph, plan):
    headers = {"Accept": "application/json;IEEE754Compatible=true"}
    assert graph.get(address(plan), headers=headers).json()["size"] == "7"


def test_if_none_match_with_the_current_etag_answers_304(graph, plan):
    assert graph.get(address(plan), headers={"If-None-Match": plan.etag}).status_code == 304


@pytest.mark.parametrize(
    ("conflict", "status", "name"), [("fail", 409, None), ("rename", 201, "a 1"), ("replace", 200, "a")]
)
def test_creating_a_folder_whose_name_is_taken_follows_the_conflict_behavior(
    graph, legal, conflict, status, name
):
    legal.mkdir("a")
    body = {"name": "A" if name is None else "a", "folder": {}, "@microsoft.graph.conflictBehavior": conflict}
    response = graph("POST", f"drives/{legal.id}/root/children", json=body)
    assert (response.status_code, response.json().get("name")) == (status, name)


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "x" * 256, " a", "CON", "_vti_x", "..", "a\nb", None])
def test_an_invalid_name_is_refused(graph, legal, name):
    response = graph("POST", f"drives/{legal.id}/root/children", json={"name": name, "folder": {}})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalidRequest")


def test_deleting_a_folder_deletes_everything_below_it(graph, legal, plan):
    folder = plan.parent
    assert graph("DELETE", address(folder)).status_code == 204
    assert legal.tree() == {}
    assert legal.recycle_bin == [folder]
    assert graph("DELETE", address(plan)).status_code == 404


def test_a_permanent_deletion_bypasses_the_recycle_bin(graph, legal, personal, plan):
    assert graph("POST", address(plan) + "/permanentDelete").status_code == 204
    assert legal.recycle_bin == []
    assert graph("POST", address(personal.put("a.txt")) + "/permanentDelete").status_code == 405


def test_an_etag_drifts_after_the_given_number_of_reads(graph, tenant, plan):
    tenant.drift_after_reads(plan, 2)
    tags = [graph.get(address(plan)).json()["eTag"] for _ in range(4)]
    assert tags[0] == tags[1] != tags[2] == tags[3]
    tenant.drift_after_reads(plan, 1, each=True)
    assert len({graph.get(address(plan)).json()["eTag"] for _ in range(3)}) == 3


def test_a_full_drive_refuses_copies_and_uploads(graph, legal, archive):
    archive.total = 10
    item = legal.put("big.bin", size=11)
    assert graph.copy(item, archive.root).status_code == 507
    path = f"drives/{archive.id}/root:/big.bin:/content"
    assert graph("PUT", path, data=b"x" * 11).json()["error"]["code"] == "quotaLimitReached"


def test_personal_drives_restore_what_was_deleted(graph, legal, personal):
    item = personal.put("in/a/b.txt", b"b")
    folder, size = item.parent, personal.used
    graph("DELETE", address(folder))
    response = graph("POST", address(folder) + "/restore", json={"name": "back"})
    assert (response.status_code, response.json()["id"]) == (200, folder.id)
    assert personal.tree() == {"in": None, "in/back": None, "in/back/b.txt": 1}
    assert (personal.used, personal.recycle_bin) == (size, [])
    assert graph("POST", address(folder) + "/restore").status_code == 404
    gone = legal.put("a.txt")
    graph("DELETE", address(gone))
    assert graph("POST", address(gone) + "/restore").status_code == 400


def test_what_was_deleted_is_not_restored_over_another_item(graph, personal):
    item = personal.put("a.txt")
    graph("DELETE", address(item))
    personal.put("a.txt")
    assert graph("POST", address(item) + "/restore").status_code == 409


def test_a_deletion_that_is_refused_does_not_unlock_the_item(graph, legal):
    item = legal.put("a.txt")
    item.locked = True
    path, prefer = f"drives/{legal.id}/items/{item.id}", {"Prefer": "bypass-shared-lock"}
    assert graph("DELETE", path, headers={**prefer, "If-Match": '"old"'}).status_code == 412
    assert item.locked
    assert graph("DELETE", path).status_code == 423
    assert graph("DELETE", path, headers=prefer).status_code == 204


def test_an_item_cannot_be_restored_into_a_file(graph, personal):
    item, file = personal.put("a.txt"), personal.put("b.txt")
    personal.delete("a.txt")
    path = f"drives/{personal.id}/items/{item.id}/restore"
    assert graph("POST", path, json={"parentReference": {"id": file.id}}).status_code == 400
    assert personal.tree() == {"b.txt": 0}
