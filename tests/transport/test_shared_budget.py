"""One budget for many processes, in a real Redis."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis_server import await_expiry, run_redis
from transport.test_rate_limit import most_in_a_minute, reads

from airflow_provider_drive import redis_client
from airflow_provider_drive.transport.rate_limit import RateLimiter
from airflow_provider_drive.transport.shared_budget import SharedBudget

KEY = "airflow-provider-drive:budget:graph:tenant:app"
APP = ("graph", "tenant", "app")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with run_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def redis(server, monkeypatch):
    server.client().flushall()
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", json.dumps(server.connection()))
    return server


def process(limit, conn_id="redis_default"):
    """Return the rate limiter of a process."""
    return RateLimiter(limit, shared=SharedBudget(conn_id, APP))


def test_processes_that_reserve_at_once_keep_to_one_budget_together(redis):
    processes = [process(1_250) for _ in range(8)]
    started = time.monotonic()

    def reserve(limiter):
        return [(time.monotonic() - started + limiter.reserve(2), 2) for _ in range(100)]

    with ThreadPoolExecutor(len(processes)) as threads:
        usage = [use for uses in threads.map(reserve, processes) for use in uses]

    assert most_in_a_minute(usage) <= 1_250
    last = max(at for at, _ in usage)
    assert last == pytest.approx((8 * 100 * 2 - 62.5) / (1_250 - 62.5) * 60, abs=2)


def test_a_new_process_waits_for_what_others_have_reserved(redis):
    process(1_250).reserve(400)

    assert process(1_250).reserve(1) == pytest.approx(400 / (1_250 - 62.5) * 60 - 3, abs=0.5)


def test_a_budget_that_nobody_spends_leaves_nothing_in_redis(redis):
    process(1_250).reserve(6)

    assert 0 < redis.client().pttl(KEY) <= 304
    await_expiry(redis.client(), KEY, 5)
    assert process(1_250).reserve(62) == 0.0


def test_what_a_dead_process_has_reserved_is_free_when_its_time_has_passed(redis):
    process(60_000).reserve(3_500)  # the burst, and half a second

    waits = [process(60_000).reserve(1)]
    deadline = time.monotonic() + 5
    while waits[-1] and time.monotonic() < deadline:
        waits.append(process(60_000).reserve(1))
        time.sleep(0.05)

    assert waits[0] > 0.2
    assert waits[-1] == 0.0


def test_a_request_without_cost_does_not_ask_redis(redis):
    assert process(1_250).reserve(0) == 0.0
    assert redis.client().keys() == []


def test_refusals_slow_down_all_processes_a_little(redis):
    other = process(1_250)
    slowed = process(1_250)
    slowed._share = 0.5
    other.reserve(62.5)

    slowed.reserve(100)

    assert other.reserve(1) == pytest.approx(2 * 100 / (1_250 - 62.5) * 60, abs=3.5)


def test_a_redis_with_a_password_and_a_database_is_used_as_the_connection_says(tmp_path, monkeypatch):
    with run_redis(tmp_path, "--requirepass", "open-sesame") as server:
        connection = server.connection(password="open-sesame", extra={"db": 3})
        monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", json.dumps(connection))
        process(1_250).reserve(1)

        assert server.client(password="open-sesame").info("keyspace")["db3"]["keys"] == 1


def test_without_redis_each_process_has_the_budget_of_its_own_and_says_so_once(
    tmp_path, monkeypatch, log, helpers
):
    with run_redis(tmp_path) as server:
        monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", json.dumps(server.connection()))
        limiter = process(1_250)
        limiter.reserve(400)
        server.stop()
        monkeypatch.setattr(redis_client, "_SECONDS_OUT", 0.0)

        assert [limiter.reserve(1) for _ in range(4)] == pytest.approx([0.0] * 4)
        assert limiter.reserve(20) == pytest.approx(1.0, abs=0.1)
        assert log.text.count("The Redis of the connection redis_default cannot be used") == 1
        assert log.has("each process spends the budget of its connection by itself")


def test_a_redis_that_hangs_is_not_asked_again_for_a_minute(redis, monkeypatch, log):
    monkeypatch.setattr(redis_client, "_TIMEOUT", 0.2)
    limiter = process(1_250)
    with redis.hanging():
        limiter.reserve(1)
        started = time.monotonic()
        limiter.reserve(1)
        assert time.monotonic() - started < 0.15

    assert log.has("TimeoutError")


@pytest.mark.parametrize("conn_id", ["no_such_redis", "broken_redis"])
def test_a_connection_that_cannot_be_used_does_not_fail_the_task(conn_id, monkeypatch, log):
    pytest.importorskip("redis")
    broken = {"conn_type": "redis", "host": "127.0.0.1", "port": 1, "password": "open-sesame"}
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN_REDIS", json.dumps(broken))

    assert process(1_250, conn_id).reserve(1) == 0.0
    assert log.has(f"The Redis of the connection {conn_id} cannot be used")
    assert "open-sesame" not in log.text


def test_worker_and_triggerer_spend_the_shared_budget(drive, settings, redis, tenant):
    drive(reads(3), settings(budget_backend="redis_default", resource_units_per_minute=1_250))

    (key,) = redis.client().keys()
    assert key.startswith("airflow-provider-drive:budget:https://")
    assert key.endswith(f":{tenant.tenant_id}:{tenant.client_id}")
    burst = 62.5 / (1_250 - 62.5) * 60
    spent_until, now = float(redis.client().get(key)), redis.client().time()
    assert spent_until - now[0] == pytest.approx(3 / (1_250 - 62.5) * 60 - burst, abs=2)
