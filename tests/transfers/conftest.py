"""Documents to hand over, and a folder on the disk as object storage."""

import pytest

from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator

FILES = {
    "rates.csv": b"usd,eur\n1,0.9\n",
    "2025/old.csv": b"old",
    "2026/Q1/offer 100% #1.pdf": b"offer" * 1000,
    "2026/empty.txt": b"",
}


@pytest.fixture
def source(legal):
    """A folder with documents in folders."""
    for path, content in FILES.items():
        legal.put(f"In/{path}", content)
    legal.mkdir("In/Nothing")
    return legal.find("In")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def written(out):
    """All files below the destination, hidden ones too, by their paths."""

    def read():
        files = (path for path in out.rglob("*") if path.is_file())
        return {str(path.relative_to(out)): path.read_bytes() for path in files}

    return read


@pytest.fixture
def parameters(source, out):
    return {"source": f"drives/{source.drive.id}/root:/In", "destination": f"file://{out}"}


@pytest.fixture
def run(worker, parameters):
    """Run the operator that hands documents over."""
    return lambda **changes: worker.run(DriveToObjectStorageOperator, **parameters | changes)
