"""The CeleryExecutor: two workers and two triggerers, of which some die. The long one is ``make cluster``."""

import pytest
from redis_server import run_redis

from airflow_provider_drive.emulator import Emulator
from chaos.cluster import WORKERS, copy_many, errors_of_xcoms, make_pool, start_cluster

pytestmark = pytest.mark.slow
COPIES = {"shared": 75, "pooled": 25}
UNITS = 600
SECONDS = 420  # on a machine that is busy


@pytest.fixture(scope="module")
def graph():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def airflow(graph, tmp_path_factory):
    pytest.importorskip("airflow.providers.celery", reason="Celery's provider is not installed")
    folder = tmp_path_factory.mktemp("cluster")
    with run_redis(folder) as redis, start_cluster(graph, redis, folder / "home", UNITS) as running:
        make_pool(running)
        running.api.await_dags("cluster_shared", "cluster_pooled")
        yield running


def test_all_copies_are_made_once_and_within_the_budget_though_processes_die(airflow, graph, record_property):
    outcome = copy_many(airflow, graph, COPIES, ("triggerer", "worker-1"), seconds=SECONDS)
    record_property("sent", str(outcome))

    assert outcome.faults == []
    assert outcome.refusals <= 20
    assert outcome.logins <= len(COPIES) * len(WORKERS)
    assert errors_of_xcoms(airflow.home) == []
