import pytest

from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.move import DriveMoveOperator


@pytest.fixture
def copy(worker, ids):
    """Run the operator that copies; items may be the emulator's."""

    def run(item, destination=None, **parameters):
        addresses = {"item": _address(item, ids), "destination": _address(destination, ids)}
        return worker.run(DriveCopyOperator, **addresses, **{"poll_interval": 0.05, **parameters})

    return run


@pytest.fixture
def move(worker, ids):
    """Run the operator that moves; items may be the emulator's."""

    def run(item, destination=None, **parameters):
        return worker.run(
            DriveMoveOperator, item=_address(item, ids), destination=_address(destination, ids), **parameters
        )

    return run


@pytest.fixture(params=[False, True], ids=["blocking", "deferrable"])
def waiting(request):
    return {"wait_for_completion": True, "deferrable": request.param}


@pytest.fixture
def path_of():
    """The address of an item by its drive's id and its path."""
    return lambda item: f"drives/{item.drive.id}/root:/{item.path}"


def _address(value, ids):
    return ids(value) if hasattr(value, "metadata_version") else value
