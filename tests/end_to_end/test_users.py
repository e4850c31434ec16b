"""A user's login goes on from a Variable of Airflow's, where each refresh token is good once only."""

import json
from urllib.parse import parse_qs

import pytest
from end_to_end.test_idioms import airflow

__all__ = ["airflow"]
pytestmark = pytest.mark.slow


@pytest.fixture
def once(graph):
    """Let each refresh token be good once."""
    graph.tenant.refresh_tokens_once = True
    yield graph.tenant
    graph.tenant.refresh_tokens_once = False


def test_each_run_goes_on_from_the_token_of_the_one_before(airflow, graph, once, tmp_path):
    first = once.issue_refresh_token(once.me)
    connection = graph.connection(refresh_token=first, refresh_token_variable="drive_refresh_token")
    stored = tmp_path / "user.json"
    stored.write_text(json.dumps({"user": {**connection, "password": ""}}))
    airflow("connections", "import", str(stored))
    before = len(once.calls("POST", where="token"))

    said = [airflow("dags", "test", "users") for _ in range(2)]
    assert len(once.calls("POST", where="token")) == before + 1  # the second reuses its token
    kept = json.loads(airflow("variables", "get", "drive_refresh_token").strip().splitlines()[-1])
    airflow("variables", "set", "drive_refresh_token", json.dumps({**kept, "expires_at": 0}))
    said.append(airflow("dags", "test", "users"))

    calls = once.calls("POST", where="token")[before:]
    shown = [parse_qs(call.body.decode())["refresh_token"][0] for call in calls]
    assert shown[0] == first
    assert len({*shown, *once.grants}) == len(once.grants) + 2  # each was good once
    assert [token for token in (*shown, *once.grants) if any(token in text for text in said)] == []
