"""Whether a manifest in a drive has a place of its own."""

import pytest

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.archive.manifest_place import check_manifest_place
from airflow_provider_drive.protocol.archive.order import ArchiveOrder
from airflow_provider_drive.protocol.items.filters import read_selection
from airflow_provider_drive.protocol.wire.addresses import parse_address
from airflow_provider_drive.protocol.wire.hosts import Hosts

SITES = {
    "legal": "sites/contoso.sharepoint.com:/sites/Legal:",
    "vault": "sites/contoso.sharepoint.com:/sites/Archive:",
}


@pytest.fixture
def check(world):
    """Check a manifest ``vault:Out/m.jsonl``, and tell whether it may be written at once."""
    world.legal.put("In/2026/m.jsonl", b"a document")
    world.legal.put("In/a.txt", b"a")

    def address(text):
        return world.address(*_parse(world, text)) if isinstance(text, str) else text

    def run(manifest, *, source="legal:In", destination="vault:Out", **order):
        source = None if "items" in order else address(source)
        order = ArchiveOrder(address(destination), source, **order)
        return world.run(check_manifest_place(address(manifest), order))

    return run


def _parse(world, text):
    drive, _, path = text.partition(":")
    return getattr(world, drive), path


@pytest.mark.parametrize(
    "manifest", ["legal:In/run.jsonl", "legal:In/Reports/2026/run.jsonl", "legal:In/2026/m.jsonl"]
)
@pytest.mark.parametrize("order", [{}, {"keep_structure": False}], ids=str)
def test_a_manifest_in_the_source_is_refused(check, manifest, order):
    with pytest.raises(DriveArgumentError, match=r"is in the source .*Use a folder outside the source"):
        check(manifest, **order)


@pytest.mark.parametrize("out", [True, False], ids=["there", "missing"])
@pytest.mark.parametrize(
    ("manifest", "order"),
    [
        ("vault:Out/2026/m.jsonl", {}),
        ("vault:OUT/2026/M.JSONL", {}),
        ("vault:Out/2026", {}),
        ("vault:Out/M.jsonl", {"keep_structure": False}),
        ("vault:Out/a.txt", {"selection": read_selection(0, pattern="*.txt")}),
        ("vault:Out/a.txt", {"conflict_behavior": "rename"}),
    ],
    ids=str,
)
def test_a_manifest_with_the_path_of_a_document_is_refused(check, world, out, manifest, order):
    if out:
        world.vault.mkdir("Out")
    with pytest.raises(DriveArgumentError, match="has the path of a document"):
        check(manifest, **order)


@pytest.mark.parametrize("out", [True, False], ids=["there", "missing"])
@pytest.mark.parametrize("form", ["path", "ids", "unnamed path"])
@pytest.mark.parametrize("keep", [True, False])
def test_a_manifest_with_the_path_of_a_given_item_is_refused(check, world, out, form, keep):
    if out:
        world.vault.mkdir("Out")
    document = world.legal.find("In/2026/m.jsonl")
    ((_, ids),) = world.given(document)
    given = {
        "path": ("2026/m.jsonl" if keep else "elsewhere/m.jsonl", ids),
        "ids": ("", ids),
        "unnamed path": ("", world.address(world.legal, "In/2026/m.jsonl")),
    }[form]
    manifest = "vault:Out/2026/m.jsonl" if keep and form == "path" else "vault:Out/m.jsonl"
    with pytest.raises(DriveArgumentError, match="has the path of a document"):
        check(manifest, items=[("x/a.txt", ids), given], keep_structure=keep)


@pytest.mark.parametrize("form", ["{site}/drive/root:/{path}", "{site}/drives/Documents/root:/{path}"])
@pytest.mark.parametrize(
    ("place", "path", "why"),
    [
        ("legal", "In/run.jsonl", "is in the source"),
        ("vault", "Out/2026/m.jsonl", "has the path of a document"),
    ],
)
def test_any_form_of_its_address_is_understood(check, form, place, path, why):
    address = parse_address(form.format(site=SITES[place], path=path), Hosts())
    with pytest.raises(DriveArgumentError, match=why):
        check(address)


@pytest.mark.parametrize(
    ("manifest", "order"),
    [
        ("vault:Out/run.jsonl", {}),
        ("vault:Out/m.jsonl", {}),
        ("vault:Out/a.txt", {"selection": read_selection(0, exclude="*.txt")}),
        ("vault:Out/2026/a.txt", {"keep_structure": False}),
        ("vault:Reports/a.txt", {}),
        ("legal:Reports/a.txt", {}),
        ("legal:Inn/a.txt", {}),
    ],
    ids=str,
)
def test_a_place_of_its_own_is_allowed(check, world, manifest, order):
    world.vault.mkdir("Out/2026")
    assert check(manifest, **order)


def test_a_manifest_in_a_destination_inside_the_source_is_allowed(check, world):
    world.legal.mkdir("In/Archive")
    assert check("legal:In/Archive/run.jsonl", destination="legal:In/Archive")
    world.legal.put("In/Archive/run.jsonl", b"the manifest of an earlier try")
    assert check("legal:In/Archive/run.jsonl", destination="legal:In/Archive", keep_structure=False)


def test_a_manifest_in_a_source_inside_the_destination_is_refused(check):
    with pytest.raises(DriveArgumentError, match="is in the source"):
        check("legal:In/2026/run.jsonl", source="legal:In/2026", destination="legal:In")


def test_no_folder_of_the_destination_is_made_for_it_before_the_documents_are_copied(check, world):
    assert check("vault:Out/run.jsonl") is False
    world.vault.mkdir("Out")
    assert check("vault:Out/Manifests/run.jsonl") is False
    assert check("vault:Manifests/run.jsonl") is True
