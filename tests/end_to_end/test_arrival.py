"""A short test of a watched folder on a real Airflow. The long one is ``make arrivals``."""

import pytest

from airflow_provider_drive.emulator import Emulator
from chaos.arrivals import Folder, run, start

pytestmark = pytest.mark.slow


def test_each_change_is_told_when_it_is_settled_though_the_triggerer_is_killed(tmp_path):
    with Emulator() as graph:
        folder = Folder(graph.tenant.drive("legal"), 14)
        running, recorded = start(graph, tmp_path / "airflow", triggerers=("triggerer",))
        with running as airflow:
            faults, counts = run(
                airflow,
                graph,
                folder,
                recorded,
                changes=14,
                seconds=30,
                deaths=1,
                seed=7,
                victims=("triggerer",),
                say=lambda text: None,
            )
    assert faults == []
    assert counts["changes"] == 14
