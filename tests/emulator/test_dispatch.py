import pytest

from airflow_provider_drive.emulator import Fault


@pytest.fixture
def plan(legal):
    return legal.put("plan.pdf", b"content")


def test_the_witness_sees_each_request_and_can_return_a_fault(graph, tenant, legal, archive, plan):
    seen = []

    def witness(request):
        seen.append((request.method, request.where, request.client[0]))
        return Fault(status=423) if request.method == "POST" else None

    tenant.witness = witness
    tenant.faults.append(Fault(status=503, times=2))
    assert graph.copy(plan, archive.root).status_code == 423
    assert graph.get(f"drives/{legal.id}/root").status_code == 503  # the witness returned none
    assert seen == [("POST", "graph", "127.0.0.1"), ("GET", "graph", "127.0.0.1")]
    assert tenant.journal[0].client[0] == "127.0.0.1"
    assert tenant.journal[0].client == tenant.journal[1].client  # the same connection


def test_the_journal_contains_requests_without_their_tokens(graph, tenant, legal):
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
