"""The example Dags in the oldest Airflow that is supported."""

import pytest

from airflow_provider_drive.emulator import CopyBehaviour

pytestmark = pytest.mark.slow


def run(airflow_2, graph, dag_id, drive="archive"):
    """Run a Dag by ``dags test``: all of it, the triggers too. It fails if the Dag does. Tell what is new."""
    graph.tenant.copies = CopyBehaviour(seconds=3)
    before = set(graph.tenant.tree(drive))
    airflow_2("dags", "test", dag_id)
    return set(graph.tenant.tree(drive)) - before


def test_the_provider_is_listed(airflow_2):
    assert "airflow-provider-drive" in airflow_2("providers", "get", "airflow-provider-drive")
    assert "microsoft_drive" in airflow_2("providers", "hooks")


def test_a_copy_is_waited_for(airflow_2, graph):
    assert len([path for path in run(airflow_2, graph, "drive_copy_and_wait") if "plan" in path]) == 2


def test_many_copies_are_submitted_and_waited_for(airflow_2, graph):
    assert [path for path in run(airflow_2, graph, "drive_copy_many") if path.endswith(".docx")]


def test_a_document_is_moved(airflow_2, graph):
    graph.tenant.drive("legal").put("Inbox/signed.pdf", b"signed")
    assert [
        path for path in run(airflow_2, graph, "drive_move_guarded", "legal") if path.endswith("signed.pdf")
    ]


def test_a_folder_is_archived(airflow_2, graph):
    assert [path for path in run(airflow_2, graph, "drive_nightly_archive") if path.endswith("plan.docx")]


def test_a_sensor_waits_in_the_triggerer_until_all_of_a_delivery_has_settled(airflow_2, graph):
    legal = graph.tenant.drive("legal")
    looks = []

    def deliver(request):
        """Put the files there and let them settle, once the worker has looked for them in vain."""
        if request.where == "graph" and "/Delivery" in request.path:
            looks.append(request.path)
            if len(looks) == 2:
                for name in ("orders", "customers", "prices"):
                    legal.put(f"Delivery/{name}.csv", b"1")
                graph.tenant.clock_offset += 3600

    legal.mkdir("Delivery")
    graph.tenant.witness = deliver
    try:
        arrived = run(airflow_2, graph, "drive_wait_for_delivery")
    finally:
        graph.tenant.witness = None
        graph.tenant.clock_offset = 0

    assert sorted(path.rpartition("/")[2] for path in arrived if path.endswith(".csv")) == [
        "customers.csv",
        "orders.csv",
        "prices.csv",
    ]


def test_an_asset_starts_the_report(airflow_2):
    airflow_2("dags", "test", "drive_archive_report")
