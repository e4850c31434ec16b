"""Whether an address lies below a folder, whatever forms the two have."""

import pytest
from protocol.archive.world import World

from airflow_provider_drive.protocol.items.lookup import lies_below
from airflow_provider_drive.protocol.wire.addresses import ItemRef, LibraryAddress


@pytest.fixture
def world():
    world = World()
    world.vault.put("Out/2025/a.txt", b"a")
    world.vault.mkdir("Other")
    return world


@pytest.mark.parametrize(
    ("address", "folder", "expected"),
    [
        ("Out/2025/a.txt", "Out", True),
        ("Out/2025/new/m.jsonl", "Out", True),
        ("Out", "Out", True),
        ("Other/m.jsonl", "Out", False),
        ("Out/m.jsonl", "Out/2025", False),
        ("New/Deep/m.jsonl", "New/deep", True),
        ("New/m.jsonl", "New/deep", False),
        ("Out/m.jsonl", "New", False),
    ],
)
def test_paths(world, address, folder, expected):
    flow = lies_below(world.address(world.vault, address), world.address(world.vault, folder))
    assert world.run(flow) is expected


def test_a_path_below_a_folder_that_is_given_by_its_id(world):
    folder = world.vault.find("Out")
    flow = lies_below(world.address(world.vault, "Out/m.jsonl"), ItemRef(world.vault.id, folder.id))
    assert world.run(flow) is True


def test_a_library_that_is_given_by_its_name(world):
    library = LibraryAddress(
        "sites/contoso.sharepoint.com:/sites/Archive:", "Documents", "root", ("Out", "m.jsonl")
    )
    assert world.run(lies_below(library, world.address(world.vault, "Out"))) is True
    assert world.run(lies_below(library, world.address(world.legal, "Out"))) is False
