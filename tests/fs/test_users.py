"""What Airflow itself does with a file system."""

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_drive.exceptions import DriveArgumentError

backend = pytest.importorskip("airflow.providers.common.io.xcom.backend")
file_transfer = pytest.importorskip("airflow.providers.common.io.operators.file_transfer")

URL = "msdrive://drive_default@contoso.sharepoint.com/sites/Legal/Shared Documents"
VALUE = {"rows": list(range(100))}


@pytest.fixture
def transfer(connection):
    """Run Airflow's operator for files."""

    def run(source, target, **options):
        options = {"task_id": "transfer", "src": str(source), "dst": str(target), **options}
        file_transfer.FileTransferOperator(**options).execute({})

    return run


@pytest.fixture
def store(connection, monkeypatch):
    """Store a value as a task's XCom, with Airflow's backend for object storage."""
    monkeypatch.setenv("AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH", f"{URL}/XComs")
    monkeypatch.setenv("AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD", "100")
    cached = [backend._get_base_path, backend._get_threshold, backend._get_compression]
    for each in cached:
        each.cache_clear()

    def run(run_id):
        return backend.XComObjectStorageBackend.serialize_value(
            VALUE, key="k", task_id="task", dag_id="dag", run_id=run_id
        )

    yield run
    for each in cached:
        each.cache_clear()


class TestFileTransferOperator:
    def test_a_file_goes_to_a_library_and_back(self, transfer, legal, tmp_path):
        (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 30_000)
        transfer(f"file://{tmp_path}/a.bin", f"{URL}/2026/a 100% #1.bin")
        transfer(f"{URL}/2026/a 100% #1.bin", f"file://{tmp_path}/b.bin")

        assert legal.find("2026/a 100% #1.bin").size == 256 * 30_000
        assert (tmp_path / "b.bin").read_bytes() == (tmp_path / "a.bin").read_bytes()

    def test_within_a_library_graph_makes_the_copy(self, transfer, legal, tenant):
        legal.put("a.csv", b"1,2")
        transfer(f"{URL}/a.csv", f"{URL}/2026/b.csv")

        assert legal.find("2026/b.csv").content.data == b"1,2"
        assert not tenant.calls(where="file")

    def test_what_is_there_is_replaced_only_if_asked(self, transfer, legal, tmp_path):
        legal.put("a.csv", b"old")
        (tmp_path / "a.csv").write_bytes(b"new")
        with pytest.raises(ValueError, match="already exists"):
            transfer(f"file://{tmp_path}/a.csv", f"{URL}/a.csv")
        transfer(f"file://{tmp_path}/a.csv", f"{URL}/a.csv", overwrite=True)

        assert legal.find("a.csv").content.data == b"new"


class TestXComBackend:
    def test_a_value_is_stored_read_and_deleted(self, store, legal):
        stored = store("weekly_1")
        path = ObjectStoragePath(str(stored).strip('"'))
        (folder,) = legal.children("XComs/dag/weekly_1")

        assert folder.name == "task"
        assert backend.json.loads(path.read_text()) == VALUE
        path.unlink()
        assert not path.exists()

    def test_a_run_id_with_a_colon_is_refused_with_a_name_that_would_do(self, store, legal):
        with pytest.raises(DriveArgumentError, match="manual__2026-11-28T01-02-03"):
            store("manual__2026-11-28T01:02:03+00:00")
        assert legal.find("XComs/dag") is None
