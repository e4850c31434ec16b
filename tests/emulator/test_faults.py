# ruff: noqa: PLR0917 - pytest passes fixtures by their names
import json
import time

import pytest
import requests

from airflow_provider_drive.emulator import Fault


@pytest.fixture
def plan(legal):
    return legal.put("plan.pdf", b"content")


def test_a_refusal_has_no_effect_and_applies_once(graph, tenant, archive, plan):
    tenant.faults.append(Fault("POST", r"/copy$", status=429, retry_after=17))
    response = graph.copy(plan, archive.root)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "17")
    assert response.json()["error"]["code"] == "activityLimitReached"
    assert (tenant.jobs, tenant.faults) == ([], [])
    assert graph.copy(plan, archive.root).status_code == 202


def test_a_fault_applies_to_matching_requests_only(graph, tenant, legal, archive, plan):
    fault = Fault("POST", r"/copy$", status=503, times=2, after=1, where="graph", code="x", inner="y")
    tenant.faults.append(fault)
    assert graph.get(f"drives/{legal.id}/root").status_code == 200
    responses = [graph.copy(plan, archive.root, name=str(n)) for n in range(4)]
    assert [response.status_code for response in responses] == [202, 503, 503, 202]
    error = responses[1].json()["error"]
    assert (error["code"], error["innerError"]["code"]) == ("x", "y")


@pytest.mark.parametrize(("kind", "copies"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_is_cut_before_or_after_the_effect(graph, tenant, archive, plan, kind, copies):
    graph.get(f"drives/{archive.id}")  # opens a connection that is kept alive
    tenant.faults.append(Fault("POST", r"/copy$", kind))
    with pytest.raises(requests.ConnectionError):
        graph.copy(plan, archive.root)
    assert tenant.copies_made(plan.id) == copies
    assert tenant.calls("POST", r"/copy$")[0].status == 0


@pytest.mark.parametrize("effect", [False, True])
def test_a_bare_status_can_have_an_effect_or_none(graph, tenant, archive, plan, effect):
    tenant.faults.append(Fault(path=r"/copy$", kind="status", status=504, effect=effect))
    response = graph.copy(plan, archive.root)
    assert (response.status_code, response.content) == (504, b"")
    assert tenant.copies_made(plan.id) == effect


def test_a_delayed_response_comes_after_the_effect(graph, tenant, archive, plan):
    tenant.faults.append(Fault(path=r"/copy$", kind="delay", seconds=30))
    with pytest.raises(requests.Timeout):
        graph("POST", f"drives/{plan.drive.id}/items/{plan.id}/copy", json={"name": "b"}, timeout=0.05)
    assert tenant.copies_made(plan.id) == 1
    tenant.faults.append(Fault(kind="delay", seconds=0.05))
    start = time.monotonic()
    assert graph.get(f"drives/{archive.id}").status_code == 200
    assert time.monotonic() - start >= 0.05


def test_a_response_can_be_truncated(graph, tenant, archive):
    tenant.faults.append(Fault(kind="truncate"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        graph.get(f"drives/{archive.id}")
    assert graph.get(f"drives/{archive.id}").status_code == 200


@pytest.mark.parametrize("kind", ["garbage", "html", "huge", "nested"])
def test_a_response_can_be_unreadable_json(graph, tenant, archive, kind):
    tenant.faults.append(Fault(kind=kind))
    response = graph.get(f"drives/{archive.id}")
    assert response.status_code == 200
    if kind == "huge":
        assert len(response.content) > 32 << 20
        return
    with pytest.raises((ValueError, RecursionError)):
        json.loads(response.content)


def test_a_response_can_be_a_redirect(graph, tenant, archive):
    tenant.faults.append(Fault(kind="redirect", location="https://evil.example/"))
    response = graph.get(f"drives/{archive.id}")
    assert (response.status_code, response.headers["Location"]) == (302, "https://evil.example/")


def test_a_fault_can_apply_to_monitors_only(graph, tenant, archive, plan):
    tenant.faults.append(
        Fault(where="monitor", kind="html", status=503, retry_after="Wed, 21 Oct 2099 07:28:00 GMT")
    )
    url = graph.copy(plan, archive.root).headers["Location"]
    response = graph.poll(url)
    assert (response.status_code, response.headers["Content-Type"]) == (503, "text/html")
    assert response.headers["Retry-After"].startswith("Wed, ")
    assert graph.poll(url).status_code == 200


@pytest.mark.parametrize(("kind", "made"), [("drop_before", 0), ("drop_after", 1), ("delay", 1)])
def test_act_is_called_after_the_effect_and_before_the_response(graph, tenant, archive, plan, kind, made):
    seen = []
    tenant.faults.append(Fault("POST", r"/copy$", kind, act=lambda: seen.append(tenant.copies_made(plan.id))))
    try:
        answered = graph.copy(plan, archive.root).status_code == 202
    except requests.ConnectionError:
        answered = False
    assert seen == [made]
    assert answered == (kind == "delay")
