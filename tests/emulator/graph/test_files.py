import json

import pytest

from airflow_provider_drive.emulator import Emulator


def test_a_file_goes_up_and_comes_down(graph, legal):
    path = f"drives/{legal.id}/root:/new/folders/a.bin:/content"
    assert graph("PUT", path, data=b"one").status_code == 201
    assert graph("PUT", path, data=b"three").status_code == 200
    item = legal.find("new/folders/a.bin")
    assert (item.size, len(item.versions)) == (5, 1)
    response = graph.get(path)
    assert response.status_code == 302
    assert graph.send("GET", response.headers["Location"]).content == b"three"
    assert graph.send("GET", response.headers["Location"], headers={"Range": "bytes=1-2"}).content == b"hr"
    assert graph.send("GET", response.headers["Location"].partition("?")[0]).status_code == 404


def test_a_big_file_comes_down_piece_by_piece(graph, legal):
    item = legal.put("big", b"x", size=3 << 20)
    url = graph.get(f"drives/{legal.id}/items/{item.id}").json()["@microsoft.graph.downloadUrl"]
    assert len(graph.send("GET", url).content) == 3 << 20


def test_of_an_empty_file_there_is_no_piece(graph, legal):
    url = graph.get(f"drives/{legal.id}/items/{legal.put('empty').id}").json()["@microsoft.graph.downloadUrl"]
    response = graph.send("GET", url, headers={"Range": "bytes=0-9"})
    assert (response.status_code, response.headers["Content-Range"]) == (416, "bytes */0")


@pytest.mark.parametrize(
    ("conflict", "status", "names"), [("fail", 409, 1), ("replace", 200, 1), ("rename", 201, 2)]
)
def test_a_name_that_is_taken(graph, legal, conflict, status, names):
    legal.put("a.txt", b"old")
    query = f"?@microsoft.graph.conflictBehavior={conflict}"
    assert graph("PUT", f"drives/{legal.id}/root:/a.txt:/content{query}", data=b"new").status_code == status
    assert len(legal.tree()) == names


def test_a_session_takes_ranges(graph, legal):
    wish = {
        "item": {"@microsoft.graph.conflictBehavior": "replace", "fileSystemInfo": {"createdDateTime": "x"}}
    }
    url = graph("POST", f"drives/{legal.id}/root:/a.bin:/createUploadSession", json=wish).json()["uploadUrl"]

    def send(piece, first):
        headers = {"Content-Range": f"bytes {first}-{first + len(piece) - 1}/6"}
        return graph.send("PUT", url, data=piece, headers=headers)

    assert send(b"abc", 0).json()["nextExpectedRanges"] == ["3-"]
    assert send(b"xyz", 1).status_code == 416
    assert graph.send("GET", url).json()["nextExpectedRanges"] == ["3-"]
    response = send(b"def", 3)
    assert (response.status_code, response.json()["size"]) == (201, 6)
    assert response.json()["fileSystemInfo"]["createdDateTime"] == "x"
    assert graph.send("GET", url).status_code == 404


@pytest.mark.parametrize(
    ("piece", "told", "status"),
    [
        (bytes(327_680), "0-327679/500000", 202),
        (bytes(327_681), "0-327680/500000", 400),
        (bytes(10), "0-10/500000", 400),
        (bytes(11), "0-10/9", 400),
        (bytes(62_914_561), "0-62914560/62914561", 400),
    ],
    ids=["right", "no multiple", "short", "long", "over 60 MiB"],
)
def test_a_fragment_is_as_microsoft_says(graph, legal, piece, told, status):
    url = graph("POST", f"drives/{legal.id}/root:/a.bin:/createUploadSession", json={}).json()["uploadUrl"]
    headers = {"Content-Range": f"bytes {told}"}
    assert graph.send("PUT", url, data=piece, headers=headers).status_code == status


def test_an_upload_takes_no_token(graph, legal):
    url = graph("POST", f"drives/{legal.id}/root:/a.bin:/createUploadSession", json={}).json()["uploadUrl"]
    assert graph.send("GET", url, headers={"Authorization": "Bearer none"}).status_code == 401


def test_a_session_can_be_given_up(graph, legal):
    url = graph("POST", f"drives/{legal.id}/root:/a.bin:/createUploadSession", json={}).json()["uploadUrl"]
    assert [graph.send("DELETE", url).status_code for _ in range(2)] == [204, 404]


def follow(graph, url):
    """Read all pages, and give what they hold and the link for the next time."""
    items = []
    while True:
        body = graph.send("GET", url, headers={"Authorization": f"Bearer {graph.token}"}).json()
        items += body["value"]
        if "@odata.deltaLink" in body:
            return {item["id"]: item for item in items}, body["@odata.deltaLink"]
        url = body["@odata.nextLink"]


def test_delta_tells_what_changed(graph, tenant, legal):
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


@pytest.mark.parametrize("latest", ["delta?token=latest", "delta(token='latest')"])
def test_delta_can_begin_now(graph, legal, latest):
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


def test_only_personal_drives_tell_the_changes_of_a_folder(graph, legal, personal):
    for drive, status in ((legal, 400), (personal, 200)):
        drive.put("a/b.txt")
        assert graph.get(f"drives/{drive.id}/root:/a:/delta").status_code == status


def test_search_finds_names(graph, legal):
    legal.put("a/it's.txt")
    found = graph.get(f"drives/{legal.id}/root/search(q='It''s')").json()["value"]
    assert [item["name"] for item in found] == ["it's.txt"]


def batch(graph, *wishes):
    response = graph("POST", "$batch", json={"requests": list(wishes)})
    return response, {each["id"]: each for each in response.json().get("responses", [])}


def test_a_batch_answers_each_request(graph, tenant, legal, archive):
    item = legal.put("a.txt", b"x")
    body = {"parentReference": {"driveId": archive.id, "id": archive.root.id}}
    copy = {"id": "2", "method": "POST", "url": f"/drives/{legal.id}/items/{item.id}/copy", "body": body}
    response, responses = batch(
        graph,
        {"id": "1", "method": "GET", "url": f"/drives/{legal.id}/root:/a.txt?$select=id"},
        copy,
        {"id": "3", "method": "GET", "url": "/drives/nope"},
        {"id": "4", "method": "GET", "url": f"/drives/{legal.id}", "dependsOn": ["3"]},
    )
    assert [each["id"] for each in response.json()["responses"]] == ["4", "3", "2", "1"]
    assert {key: each["status"] for key, each in responses.items()} == {
        "1": 200,
        "2": 202,
        "3": 404,
        "4": 424,
    }
    assert responses["1"]["body"]["id"] == item.id
    assert graph.look(responses["2"]["headers"]["Location"]).json()["status"] == "completed"
    assert [call.units for call in tenant.calls() if call.is_batched] == [1, 2, 1]


def test_one_of_a_batch_may_be_throttled(graph, tenant, legal, recorded):
    tenant.budget = 1
    wishes = [{"id": str(n), "method": "GET", "url": f"/drives/{legal.id}/root"} for n in range(2)]
    response, responses = batch(graph, *wishes)
    assert response.status_code == recorded("pnp-batch-429-first")["status"]
    assert (responses["0"]["status"], responses["1"]["status"]) == (200, 429)
    assert int(responses["1"]["headers"]["Retry-After"]) >= 1


@pytest.mark.parametrize("ids", [["1", "1"], ["a", "A"], [""], [str(n) for n in range(21)]])
def test_a_bad_batch_is_refused(graph, ids):
    assert batch(graph, *({"id": each, "method": "GET", "url": "/me"} for each in ids))[0].status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(graph, legal, body):
    assert graph("POST", f"drives/{legal.id}/root/children", data=body).status_code == 400


def test_what_the_emulator_cannot_do_it_says(graph, legal):
    assert "segment" in graph.get(f"drives/{legal.id}/root/workbook").json()["error"]["message"]
    assert graph.send("GET", f"{graph.base}nothing").status_code == 401


def test_a_connection_is_json(emulator, tenant):
    connection = json.loads(json.dumps(emulator.connection(timeout=5, verify=None)))
    assert connection["conn_type"] == "microsoft_drive"
    assert connection["password"] == tenant.client_secret
    assert connection["extra"] == {
        "tenant_id": tenant.tenant_id,
        "authority": emulator.url,
        "resource_units_per_minute": 1_000_000,
        "timeout": 5,
    }


def test_a_port_that_is_taken_is_told(emulator):
    with pytest.raises(OSError, match="in use"):
        Emulator(emulator.port).start()
