import pytest


@pytest.fixture
def plan(legal):
    return legal.put("plan.pdf", b"content")


def test_resource_units_are_charged_per_request(graph, tenant, legal, plan):
    for path in ("root", "root/children", "root/delta", "root/delta?token=1", "root/search(q='x')"):
        graph.get(f"drives/{legal.id}/{path}")
    graph.copy(plan, name="b")
    assert [call.units for call in tenant.journal] == [1, 2, 2, 1, 2, 2]
    assert tenant.units_spent == 10


def test_an_unknown_action_is_named_in_the_error(graph, legal):
    assert "segment" in graph.get(f"drives/{legal.id}/root/workbook").json()["error"]["message"]
    assert graph.send("GET", f"{graph.base}nothing").status_code == 401
