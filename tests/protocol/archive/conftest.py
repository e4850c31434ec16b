import pytest
from protocol.archive.world import World


@pytest.fixture
def world():
    return World()
