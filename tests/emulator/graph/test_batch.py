import base64

import pytest

JSON = {"Content-Type": "application/json"}


def batch(graph, *requests):
    response = graph("POST", "$batch", json={"requests": list(requests)})
    return response, {each["id"]: each for each in response.json().get("responses", [])}


def test_a_batch_contains_a_response_to_each_request(graph, tenant, legal, archive):
    item = legal.put("a.txt", b"x")
    body = {"parentReference": {"driveId": archive.id, "id": archive.root.id}}
    copy = {
        "id": "2",
        "method": "POST",
        "url": f"/drives/{legal.id}/items/{item.id}/copy",
        "body": body,
        "headers": JSON,
    }
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
    assert responses["4"]["body"]["error"]["code"] == "Failed Dependency"
    assert graph.poll(responses["2"]["headers"]["Location"]).json()["status"] == "completed"
    assert [call.units for call in tenant.calls() if call.is_batched] == [1, 2, 1]


def test_one_request_of_a_batch_can_be_throttled(graph, tenant, legal, recorded):
    tenant.budget = 1
    requests = [{"id": str(n), "method": "GET", "url": f"/drives/{legal.id}/root"} for n in range(2)]
    response, responses = batch(graph, *requests)
    assert response.status_code == recorded("pnp-batch-429-first")["status"]
    assert (responses["0"]["status"], responses["1"]["status"]) == (200, 429)
    assert int(responses["1"]["headers"]["Retry-After"]) >= 1


@pytest.mark.parametrize("ids", [["1", "1"], ["a", "A"], [""], [str(n) for n in range(21)]])
def test_a_batch_with_invalid_ids_or_too_many_requests_is_refused(graph, ids):
    assert batch(graph, *({"id": each, "method": "GET", "url": "/me"} for each in ids))[0].status_code == 400


def test_the_witness_sees_each_request_of_a_batch(graph, tenant, legal):
    seen = []
    tenant.witness = lambda request: seen.append((request.path, request.client))
    part = {"id": "1", "method": "GET", "url": f"/drives/{legal.id}"}
    assert graph("POST", "$batch", json={"requests": [part]}).status_code == 200
    (_, client), (path, part_client) = seen
    assert path == f"/v1.0/drives/{legal.id}"
    assert part_client == client


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_content_in_a_batch_is_in_base64(graph, legal, encode):
    content = bytes(range(256))
    upload = {
        "id": "1",
        "method": "PUT",
        "url": f"drives/{legal.id}/root:/a.bin:/content",  # without the first slash
        "headers": {"Content-Type": "application/octet-stream"},
        "body": encode(content).decode(),
    }
    _, responses = batch(graph, upload)
    assert responses["1"]["status"] == 201
    assert legal.find("a.bin").content.data == content


@pytest.mark.parametrize(
    "part", [{"body": {"name": "b"}}, {"headers": {"Content-Type": "text/plain"}, "body": "%"}]
)
def test_a_batch_with_a_body_that_cannot_be_read_is_refused_as_a_whole(graph, legal, part):
    item = legal.put("a.txt")
    url = f"/drives/{legal.id}/items/{item.id}"
    delete = {"id": "1", "method": "DELETE", "url": url}
    response, _ = batch(graph, delete, {"id": "2", "method": "PATCH", "url": url, **part})
    assert response.status_code == 400
    assert legal.find("a.txt") is item


def test_a_request_can_depend_on_a_later_one(graph, legal):
    folder = {"name": "new", "folder": {}}
    read = {"id": "1", "method": "GET", "url": f"/drives/{legal.id}/root:/new", "dependsOn": ["2"]}
    create = {"id": "2", "method": "POST", "url": f"/drives/{legal.id}/root/children", "body": folder}
    _, responses = batch(graph, read, create | {"headers": JSON})
    assert {key: each["status"] for key, each in responses.items()} == {"1": 200, "2": 201}
    _, responses = batch(graph, {**read, "url": "/drives/nope"}, create | {"headers": JSON})
    assert {key: each["status"] for key, each in responses.items()} == {"1": 424, "2": 409}


@pytest.mark.parametrize("others", [["3"], ["1"], ["2"]])
def test_a_batch_with_impossible_dependencies_is_refused(graph, legal, others):
    requests = [
        {"id": "1", "method": "GET", "url": f"/drives/{legal.id}", "dependsOn": others},
        {"id": "2", "method": "GET", "url": f"/drives/{legal.id}", "dependsOn": ["1"]},
    ]
    assert batch(graph, *requests)[0].status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"id": 1},
        {"id": []},
        {"method": None},
        {"method": ""},
        {"url": 5},
        {"url": None},
        {"url": "/$batch"},
        {"headers": []},
        {"headers": {"A": 5}},
        {"dependsOn": "1"},
        {"dependsOn": [5]},
        {"atomicityGroup": "g"},
    ],
)
def test_an_entry_that_is_not_valid_makes_the_batch_invalid(graph, tenant, change):
    response, _ = batch(graph, {"id": "1", "method": "GET", "url": "/me", **change})
    assert (response.status_code, len(tenant.calls())) == (400, 1)


def test_ids_of_a_batch_are_compared_without_regard_to_case(graph, legal):
    url = f"/drives/{legal.id}"
    first, second = {"id": "a", "method": "GET", "url": url}, {"id": "b", "method": "GET", "url": url}
    _, responses = batch(graph, first, {**second, "dependsOn": ["A"]})
    assert {key: each["status"] for key, each in responses.items()} == {"a": 200, "b": 200}
