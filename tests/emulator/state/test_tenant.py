import datetime as dt
from email.utils import parsedate_to_datetime

import pytest
import time_machine

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.emulator.state import tenant as tenant_module


@pytest.fixture
def plan(legal):
    return legal.put("plan.pdf", b"content")


def test_reset_restores_everything_except_tokens(graph, emulator, tenant, legal, plan):
    tenant.faults.append(Fault())
    tenant.budget = 0
    emulator.reset()
    assert (tenant.journal, tenant.faults, tenant.drive("legal").tree()) == ([], [], {})
    assert graph.get(f"drives/{legal.id}").status_code == 200


def test_requests_beyond_the_budget_are_throttled(graph, tenant, legal, recorded):
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


def test_tokens_expire_and_can_be_revoked(graph, tenant, legal):
    graph.token = tenant.issue_token(lifetime=-1)
    assert "expired" in graph.get(f"drives/{legal.id}").json()["error"]["message"]
    graph.token = tenant.issue_token()
    assert graph.get(f"drives/{legal.id}").status_code == 200
    tenant.revoke_tokens()
    assert graph.get(f"drives/{legal.id}").status_code == 401
    assert tenant.tokens_issued == 3  # one of them for the client itself


def wait(graph, response):
    """Poll the monitor until the job ends, and return the last body."""
    assert response.status_code == 202, response.text
    for _ in range(20):
        body = graph.poll(response.headers["Location"]).json()
        if body["status"] not in {"notStarted", "inProgress"}:
            return body
    raise AssertionError(body)


def test_each_copy_takes_the_next_queued_behaviour(graph, tenant, archive, plan):
    tenant.next_copies.extend([CopyBehaviour(failure="code"), CopyBehaviour()])
    assert wait(graph, graph.copy(plan, archive.root))["status"] == "failed"
    assert wait(graph, graph.copy(plan, archive.root))["status"] == "completed"
    assert tenant.copies_made(plan.id) == 1


def test_a_job_that_is_due_ends_without_a_poll(graph, tenant, archive, plan):
    tenant.copies = CopyBehaviour(seconds=3600)
    graph.copy(plan, archive.root)
    assert archive.find("plan.pdf") is None
    with time_machine.travel(tenant.jobs[0].due + 1):
        assert archive.find("plan.pdf") is not None


@pytest.mark.parametrize("offset", [-7200.0, 90.0])
def test_all_times_that_graph_tells_follow_the_clock_offset(graph, tenant, legal, offset):
    tenant.clock_offset = offset

    def is_off(moment):
        return abs((moment - dt.datetime.now(dt.UTC)).total_seconds() - offset) < 10

    response = graph("POST", f"drives/{legal.id}/root/children", json={"name": "new", "folder": {}})
    body = response.json()
    assert is_off(parsedate_to_datetime(response.headers["Date"]))
    assert is_off(dt.datetime.fromisoformat(body["createdDateTime"]))
    assert is_off(dt.datetime.fromisoformat(body["lastModifiedDateTime"]))
    error = graph.get(f"drives/{legal.id}/items/nope").json()["error"]["innerError"]
    assert is_off(dt.datetime.fromisoformat(error["date"] + "Z"))


def test_jobs_and_monitors_follow_the_clock_offset(graph, tenant, legal, archive, plan):
    tenant.clock_offset = 7200.0
    tenant.copies = CopyBehaviour(looks=1)
    url = graph.copy(plan, archive.root).headers["Location"]
    assert graph.poll(url).json()["status"] == "notStarted"
    response = graph.poll(url)
    assert response.json()["status"] == "completed"
    ahead = parsedate_to_datetime(response.headers["Date"]) - dt.datetime.now(dt.UTC)
    assert ahead > dt.timedelta(hours=1)
    assert archive.find("plan.pdf").created - dt.datetime.now(dt.UTC) > dt.timedelta(hours=1)
    assert tenant.jobs[0].state == "completed"


def test_the_clock_of_entra_id_is_right_whatever_graphs_is(graph, tenant, emulator):
    tenant.clock_offset = 7200.0
    response = graph.send("POST", f"{emulator.url}/{tenant.tenant_id}/oauth2/v2.0/token")
    assert parsedate_to_datetime(response.headers["Date"]) - dt.datetime.now(dt.UTC) < dt.timedelta(minutes=1)


def test_a_journal_that_has_dropped_requests_says_how_many(graph, tenant, monkeypatch):
    monkeypatch.setattr(tenant_module, "JOURNAL_LIMIT", 4)
    for _ in range(5):
        graph.get("me/drive")

    assert tenant.dropped_calls == 2
    with pytest.warns(UserWarning, match="the first 2 requests"):
        assert len(tenant.calls()) == 3
    tenant.reset()
    assert tenant.calls() == []
