import datetime as dt

import pytest


def follow(graph, url, **headers):
    """Read all pages. Return the items by id, and the delta link."""
    items = []
    while True:
        headers = {"deltaExcludeParent": "true"} | headers
        body = graph.get(url.removeprefix(graph.base), headers=headers).json()
        items += body["value"]
        if "@odata.deltaLink" in body:
            return {item["id"]: item for item in items}, body["@odata.deltaLink"]
        url = body["@odata.nextLink"]


def test_delta_lists_what_changed(graph, tenant, legal):
    tenant.page_size = 2
    gone, moved = legal.put("a/gone.txt"), legal.put("a/moved.txt")
    items, link = follow(graph, f"{graph.base}drives/{legal.id}/root/delta")
    assert items.keys() == legal.items.keys()
    assert follow(graph, link)[0] == {}
    legal.put("b/new.txt")
    graph.move(moved, legal.root)
    graph("DELETE", f"drives/{legal.id}/items/{gone.id}")
    items, link = follow(graph, link)
    assert {item.get("name", "gone") for item in items.values()} == {"b", "new.txt", "moved.txt", "gone"}
    assert items[gone.id]["deleted"] == {"state": "deleted"}
    assert all("path" not in item["parentReference"] for item in items.values())


@pytest.mark.parametrize(
    ("name", "of_changed", "of_deleted"), [("legal", set(), set()), ("personal", {"cTag"}, {"name"})]
)
def test_delta_omits_what_its_page_says(graph, tenant, name, of_changed, of_deleted):
    drive = tenant.drive(name)
    gone = drive.put("gone.txt")
    _, link = follow(graph, f"{graph.base}drives/{drive.id}/root/delta")
    new = drive.put("new.txt")
    graph("DELETE", f"drives/{drive.id}/items/{gone.id}")

    items, _ = follow(graph, link)

    assert items[new.id].keys() & {"cTag"} == of_changed
    assert items[gone.id].keys() & {"cTag", "name", "size"} == of_deleted


@pytest.mark.parametrize("latest", ["delta?token=latest", "delta(token='latest')"])
def test_the_token_latest_lists_only_later_changes(graph, legal, latest):
    legal.put("old.txt")
    items, link = follow(graph, f"{graph.base}drives/{legal.id}/root/{latest}")
    new = legal.put("new.txt")
    assert items == {}
    assert follow(graph, link)[0].keys() == {new.id}


def test_an_old_delta_token_is_refused(graph, legal):
    legal.put("a.txt")
    legal.oldest_token = 5
    response = graph.get(f"drives/{legal.id}/root/delta?token=1")
    assert (response.status_code, response.json()["error"]["code"]) == (410, "resyncChangesApplyDifferences")
    assert response.headers["Location"].endswith("/root/delta")


def test_only_personal_drives_support_delta_on_a_folder(graph, legal, personal):
    for drive, status in ((legal, 400), (personal, 200)):
        drive.put("a/b.txt")
        assert graph.get(f"drives/{drive.id}/root:/a:/delta").status_code == status


def test_search_finds_items_by_name(graph, legal):
    legal.put("a/it's.txt")
    found = graph.get(f"drives/{legal.id}/root/search(q='It''s')").json()["value"]
    assert [item["name"] for item in found] == ["it's.txt"]


@pytest.mark.parametrize("form", ["root/delta", "delta", "root/microsoft.graph.delta()"])
def test_delta_lists_the_folders_above_what_changed(graph, legal, form):
    link = follow(graph, f"{graph.base}drives/{legal.id}/{form}?token=latest")[1]
    new = legal.put("a/b/new.txt")
    legal.put("other/old.txt")
    link = follow(graph, link)[1]
    legal.put("a/b/new.txt", b"changed")
    items = graph.get(link.removeprefix(graph.base)).json()["value"]
    assert [item["name"] for item in items] == ["root", "a", "b", "new.txt"]
    assert follow(graph, link)[0].keys() == {new.id}


def test_a_time_is_a_delta_token_on_work_and_school_drives(graph, tenant, legal, personal):
    for hours in (3, 2, 1):
        tenant.clock_offset = -3600 * hours
        legal.put(f"{hours}.txt")
        personal.put(f"{hours}.txt")
    moment = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=2.5)).isoformat()
    items = follow(graph, f"{graph.base}drives/{legal.id}/root/delta?token={moment}".replace("+", "%2B"))[0]
    assert [item["name"] for item in items.values()] == ["2.txt", "1.txt"]
    assert graph.get(f"drives/{personal.id}/root/delta?token={moment[:19]}").status_code == 400
    assert graph.get(f"drives/{legal.id}/root/delta?token=yesterday").status_code == 400


def test_delta_keeps_select_on_the_pages_that_follow(graph, tenant, legal):
    tenant.page_size = 1
    legal.put("a.txt")
    items, link = follow(graph, f"{graph.base}drives/{legal.id}/root/delta?$select=id")
    assert all(set(item) == {"@odata.etag", "id"} for item in items.values())
    legal.put("b.txt")
    items, _ = follow(graph, link)
    assert all(set(item) == {"@odata.etag", "id"} for item in items.values())


def test_search_covers_a_whole_drive(graph, legal):
    legal.put("a/plan.txt")
    found = graph.get(f"drives/{legal.id}/search(q='PLAN')?$select=name").json()["value"]
    assert [item["name"] for item in found] == ["plan.txt"]


def test_a_change_while_pages_are_read_hides_no_other_change(graph, tenant, legal):
    files = [legal.put(f"{number}.txt") for number in range(4)]
    tenant.page_size = 2
    body = graph.get(f"drives/{legal.id}/root/delta").json()
    legal.put("0.txt", b"changed")
    seen, link = follow(graph, body["@odata.nextLink"])
    assert {file.id for file in files} <= {item["id"] for item in body["value"]} | seen.keys()
    assert follow(graph, link)[0] == {}


@pytest.mark.parametrize("code", ["resyncChangesApplyDifferences", "resyncChangesUploadDifferences"])
def test_delta_tokens_can_expire_with_either_kind_of_resync(graph, tenant, legal, code):
    tenant.resync_code = code
    link = follow(graph, f"{graph.base}drives/{legal.id}/root/delta?token=latest")[1]
    legal.expire_delta_tokens()
    response = graph.get(link.removeprefix(graph.base))
    assert (response.status_code, response.json()["error"]["code"]) == (410, code)
    link = follow(graph, f"{graph.base}drives/{legal.id}/root/delta?token=latest")[1]
    assert follow(graph, link)[0] == {}


def test_a_file_that_is_being_uploaded_has_a_pending_operation_and_grows(graph, legal):
    item = legal.begin_upload("big.bin")
    address = f"drives/{legal.id}/items/{item.id}"
    body = graph.get(address).json()
    assert (body["size"], list(body["pendingOperations"])) == (0, ["pendingContentUpdate"])
    legal.append(item, b"half")
    assert graph.get(address).json()["size"] == 4
    link = follow(graph, f"{graph.base}drives/{legal.id}/root/delta?token=latest")[1]
    legal.append(item, b"half", complete=True)
    body = follow(graph, link)[0][item.id]
    assert (body["size"], "pendingOperations" in body) == (8, False)
    assert item.versions == []


def test_moves_renames_and_deletes_from_outside_are_changes(graph, legal, personal):
    for drive in (legal, personal):
        moved, gone = drive.put("moved.txt"), drive.put("gone.txt")
        link = follow(graph, f"{graph.base}drives/{drive.id}/root/delta?token=latest")[1]
        drive.move(moved, "there/renamed.txt")
        drive.delete("gone.txt")
        items, _ = follow(graph, link)
        assert items[moved.id]["name"] == "renamed.txt"
        assert "deleted" in items[gone.id]
        assert items[gone.id].get("name") == ("gone.txt" if drive.is_personal else None)
        assert ("cTag" in items[moved.id]) == drive.is_personal


def test_a_token_of_changes_that_have_not_been_made_is_answered_with_410(graph, tenant, legal):
    """A client that keeps a token over a reset of the emulator would otherwise miss all changes."""
    for number in range(5):
        legal.put(f"{number}.txt")
    _, link = follow(graph, f"{graph.base}drives/{legal.id}/root/delta")
    tenant.reset()
    tenant.drive("legal").put("new.txt")
    assert graph.get(link.removeprefix(graph.base)).status_code == 410


def test_a_token_that_is_not_a_number_is_refused(graph, legal):
    assert graph.get(f"drives/{legal.id}/root/delta?token=²").status_code == 400


def test_the_delta_link_keeps_the_query_options(graph, legal):
    query = "$select=id,name&$expand=permissions&$top=7"
    link = graph.get(f"drives/{legal.id}/root/delta?{query}").json()["@odata.deltaLink"]
    assert query in link


def test_a_search_expands_and_sorts(graph, personal):
    small, large = personal.put("b-plan.txt", b"1"), personal.put("a-plan.txt", b"333")
    root = f"drives/{personal.id}/root"
    body = graph.get(f"{root}/search(q='plan')?$orderby=size&$expand=thumbnails").json()
    assert [item["id"] for item in body["value"]] == [small.id, large.id]
    assert all(item["thumbnails"] == [] for item in body["value"])
    assert graph.get(f"{root}/search(q=plan)").status_code == 400
