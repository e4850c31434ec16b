"""A short kill test: each step of the protocol once. The long one is ``make chaos``."""

import pytest

from airflow_provider_drive.emulator import Emulator
from chaos.__main__ import describe
from chaos.harness import kill_and_judge, start_airflow
from chaos.judging import hits
from chaos.planning import plan
from chaos.points import AFTER, POINTS

pytestmark = pytest.mark.slow
WORST = [point for point in POINTS if point.moment == AFTER]
SECONDS = 300  # on a machine that is busy it takes 200


@pytest.fixture(scope="module")
def graph():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def airflow(graph, tmp_path_factory):
    with start_airflow(graph, tmp_path_factory.mktemp("chaos") / "home") as running:
        yield running


def test_each_thing_is_done_exactly_once_whatever_dies(airflow, graph):
    verdicts = kill_and_judge(airflow, graph, plan(7, len(WORST), WORST), SECONDS)
    assert set(hits(verdicts)) >= set(WORST)
    assert [describe(verdict) for verdict in verdicts if not verdict.is_kept] == []
