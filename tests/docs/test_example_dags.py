"""The example Dags can be imported and run, and the documentation names them."""

import re
from types import SimpleNamespace

import pytest
from docs.pages import ROOT, TEXTS, page
from docs.running import new_dags, run

from airflow_provider_drive.emulator.__main__ import seed

FILES = sorted((ROOT / "airflow_provider_drive" / "example_dags").glob("*.py"))
LEGAL = "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:"
SOURCES = {"drive_copy_and_wait": "/Contracts/2026/plan.docx", "drive_copy_many": "/Contracts/2026"}


def load(file):
    """Give the Dags of a file."""
    with new_dags() as dags:
        exec(compile(file.read_text(), str(file), "exec", dont_inherit=True), {"__name__": file.stem})  # noqa: S102  # as Airflow does
    orphans, *found = dags
    assert not orphans.tasks
    return {dag.dag_id: dag for dag in found}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_has_a_dag_of_its_files_name(file):
    dags = load(file)
    assert file.stem in dags
    assert file.read_text().startswith('"""')
    assert all("example" in dag.tags and not dag.catchup for dag in dags.values())


def test_the_page_names_each_dag_and_no_other():
    ids = {dag_id for file in FILES for dag_id in load(file)}
    assert ids == set(re.findall(r"`(drive_\w+)`", page("guides/examples.md")))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_dag_that_a_text_names_is_there(path):
    ids = {dag_id for file in FILES for dag_id in load(file)}
    named = re.findall(r"`(drive_(?!asset|conn_id|default|emulator|id|summary)\w+)`", path.read_text())
    assert {*named} <= ids


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_runs_against_the_emulator(file, connection, tenant):
    legal, archive = tenant.drive("legal"), tenant.drive("archive")
    seed(legal, None)
    signed = legal.put("Inbox/signed.pdf", b"Signed.")
    legal.put("Inbox/2026/orders.csv", b"country,amount\nAT,10\n")
    for name in ("orders", "customers", "prices"):
        legal.put(f"Delivery/{name}.csv", b"1;2")
    tenant.clock_offset = 3600  # they have settled
    change = {"driveId": legal.id, "id": signed.id, "name": "signed.pdf", "path": "signed.pdf"}
    payload = {"id": "1", "changes": [{**change, "kind": "created", "size": 7}]}
    events = {"legal_inbox": [SimpleNamespace(extra={"payload": payload})]}
    dag = load(file)[file.stem]
    params = {"source": LEGAL + SOURCES[file.stem]} if file.stem in SOURCES else {}
    run(dag, events=events, **params)
    archived = [item for item in archive.tree() if item.endswith((".docx", ".pdf", ".csv"))]
    assert archived or signed.path.startswith("Signed/")
