import pytest


def batch(graph, *requests):
    response = graph("POST", "$batch", json={"requests": list(requests)})
    return response, {each["id"]: each for each in response.json().get("responses", [])}


def test_a_batch_contains_a_response_to_each_request(graph, tenant, legal, archive):
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
