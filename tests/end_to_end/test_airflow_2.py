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


def test_an_asset_starts_the_report(airflow_2):
    airflow_2("dags", "test", "drive_archive_report")
