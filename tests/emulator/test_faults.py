# ruff: noqa: PLR0917 - pytest passes fixtures by their names
import json
import time

import pytest
import requests

from airflow_provider_drive.emulator import Fault


@pytest.fixture
def plan(legal):
    return legal.put("plan.pdf", b"content")


def test_a_refusal_has_no_effect_and_is_used_up(graph, tenant, archive, plan):
    tenant.faults.append(Fault("POST", r"/copy$", status=429, retry_after=17))
    response = graph.copy(plan, archive.root)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "17")
    assert response.json()["error"]["code"] == "activityLimitReached"
    assert (tenant.jobs, tenant.faults) == ([], [])
    assert graph.copy(plan, archive.root).status_code == 202


def test_a_fault_is_for_whom_it_is_meant(graph, tenant, legal, archive, plan):
    fault = Fault("POST", r"/copy$", status=503, times=2, after=1, where="graph", code="x", inner="y")
    tenant.faults.append(fault)
    assert graph.get(f"drives/{legal.id}/root").status_code == 200
    responses = [graph.copy(plan, archive.root, name=str(n)) for n in range(4)]
    assert [response.status_code for response in responses] == [202, 503, 503, 202]
    error = responses[1].json()["error"]
    assert (error["code"], error["innerError"]["code"]) == ("x", "y")


@pytest.mark.parametrize(("kind", "copies"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_is_cut(graph, tenant, archive, plan, kind, copies):
    graph.get(f"drives/{archive.id}")  # a connection that is kept
    tenant.faults.append(Fault("POST", r"/copy$", kind))
    with pytest.raises(requests.ConnectionError):
        graph.copy(plan, archive.root)
    assert tenant.copies_made(plan.id) == copies
    assert tenant.calls("POST", r"/copy$")[0].status == 0


@pytest.mark.parametrize("effect", [False, True])
def test_a_gateway_may_time_out_although_all_went_well(graph, tenant, archive, plan, effect):
    tenant.faults.append(Fault(path=r"/copy$", kind="status", status=504, effect=effect))
    response = graph.copy(plan, archive.root)
    assert (response.status_code, response.content) == (504, b"")
    assert tenant.copies_made(plan.id) == effect


def test_an_answer_may_come_late(graph, tenant, archive, plan):
    tenant.faults.append(Fault(path=r"/copy$", kind="delay", seconds=30))
    with pytest.raises(requests.Timeout):
        graph("POST", f"drives/{plan.drive.id}/items/{plan.id}/copy", json={"name": "b"}, timeout=0.05)
    assert tenant.copies_made(plan.id) == 1
    tenant.faults.append(Fault(kind="delay", seconds=0.05))
    start = time.monotonic()
    assert graph.get(f"drives/{archive.id}").status_code == 200
    assert time.monotonic() - start >= 0.05


def test_an_answer_may_be_cut_short(graph, tenant, archive):
    tenant.faults.append(Fault(kind="truncate"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        graph.get(f"drives/{archive.id}")
    assert graph.get(f"drives/{archive.id}").status_code == 200


@pytest.mark.parametrize("kind", ["garbage", "html", "huge", "nested"])
def test_an_answer_may_be_no_json_that_can_be_read(graph, tenant, archive, kind):
    tenant.faults.append(Fault(kind=kind))
    response = graph.get(f"drives/{archive.id}")
    assert response.status_code == 200
    if kind == "huge":
        assert len(response.content) > 32 << 20
        return
    with pytest.raises((ValueError, RecursionError)):
        json.loads(response.content)


def test_an_answer_may_point_elsewhere(graph, tenant, archive):
    tenant.faults.append(Fault(kind="redirect", location="https://evil.example/"))
    response = graph.get(f"drives/{archive.id}")
    assert (response.status_code, response.headers["Location"]) == (302, "https://evil.example/")


def test_a_fault_can_wait_at_the_monitor(graph, tenant, archive, plan):
    tenant.faults.append(
        Fault(where="monitor", kind="html", status=503, retry_after="Wed, 21 Oct 2099 07:28:00 GMT")
    )
    url = graph.copy(plan, archive.root).headers["Location"]
    response = graph.look(url)
    assert (response.status_code, response.headers["Content-Type"]) == (503, "text/html")
    assert response.headers["Retry-After"].startswith("Wed, ")
    assert graph.look(url).status_code == 200


@pytest.mark.parametrize(("kind", "made"), [("drop_before", 0), ("drop_after", 1), ("delay", 1)])
def test_a_fault_acts_after_the_effect_if_there_is_one_and_before_the_answer(
    graph, tenant, archive, plan, kind, made
):
    seen = []
    tenant.faults.append(Fault("POST", r"/copy$", kind, act=lambda: seen.append(tenant.copies_made(plan.id))))
    try:
        answered = graph.copy(plan, archive.root).status_code == 202
    except requests.ConnectionError:
        answered = False
    assert seen == [made]
    assert answered == (kind == "delay")


def test_a_witness_sees_each_request_and_may_spoil_it(graph, tenant, legal, archive, plan):
    seen = []

    def witness(request):
        seen.append((request.method, request.where, request.client[0]))
        return Fault(status=423) if request.method == "POST" else None

    tenant.witness = witness
    tenant.faults.append(Fault(status=503, times=2))
    assert graph.copy(plan, archive.root).status_code == 423
    assert graph.get(f"drives/{legal.id}/root").status_code == 503  # the queue is for what it lets pass
    assert seen == [("POST", "graph", "127.0.0.1"), ("GET", "graph", "127.0.0.1")]
    assert tenant.journal[0].client[0] == "127.0.0.1"
    assert tenant.journal[0].client == tenant.journal[1].client  # one connection


def test_a_witness_sees_what_is_in_a_batch(graph, tenant, legal):
    seen = []
    tenant.witness = lambda request: seen.append((request.path, request.client))
    part = {"id": "1", "method": "GET", "url": f"/drives/{legal.id}"}
    assert graph("POST", "$batch", json={"requests": [part]}).status_code == 200
    (_, client), (path, part_client) = seen
    assert path == f"/v1.0/drives/{legal.id}"
    assert part_client == client


def test_the_journal_tells_what_came_and_no_token(graph, tenant, legal):
    name = "a%20b%23.txt"
    graph.get(f"drives/{legal.id}/root:/{name}?$select=id", headers={"Client-Request-Id": "mine"})
    (call,) = tenant.journal
    assert (call.method, call.status, call.where, call.units) == ("GET", 404, "graph", 1)
    assert call.raw_path.endswith(name)
    assert call.path.endswith("a b#.txt")
    assert call.query == "$select=id"
    assert call.headers["client-request-id"] == "mine"
    assert call.authorized
    assert call.headers["authorization"] == "Bearer"
    assert graph.token not in repr(call)


def test_units_are_counted(graph, tenant, legal, plan):
    for path in ("root", "root/children", "root/delta", "root/delta?token=1", "root/search(q='x')"):
        graph.get(f"drives/{legal.id}/{path}")
    graph.copy(plan, name="b")
    assert [call.units for call in tenant.journal] == [1, 2, 2, 1, 2, 2]
    assert tenant.units_spent == 10


def test_who_spends_too_much_must_wait(graph, tenant, legal, recorded):
    tenant.budget = 2
    responses = [graph.get(f"drives/{legal.id}/root") for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert 1 <= int(responses[2].headers["Retry-After"]) <= 60
    tenant.tells_retry_after = False
    response = graph.get(f"drives/{legal.id}/root")
    expected = recorded("iss-429-without-retry-after")["body"]["error"]
    assert "Retry-After" not in response.headers
    assert response.json()["error"]["message"] == expected["message"]
    assert response.json()["error"]["innerError"]["code"] == expected["innerError"]["code"]
    tenant.budget_window = 0.0
    assert graph.get(f"drives/{legal.id}/root").status_code == 200


def test_a_reset_forgets_all_but_the_tokens(graph, emulator, tenant, legal, plan):
    tenant.faults.append(Fault())
    tenant.budget = 0
    emulator.reset()
    assert (tenant.journal, tenant.faults, tenant.drive("legal").tree()) == ([], [], {})
    assert graph.get(f"drives/{legal.id}").status_code == 200
