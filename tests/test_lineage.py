"""Hook lineage, in Airflow's own collector; and OpenLineage, as its provider asks the operators."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import io
import logging
from types import SimpleNamespace

import pytest
from airflow.utils.state import TaskInstanceState

from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.exceptions import DriveArchiveError, DriveError
from airflow_provider_drive.lineage import MAX_DOCUMENTS, Lineage, as_openlineage
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.operators.delete import DriveDeleteOperator
from airflow_provider_drive.operators.folder import DriveEnsureFolderOperator
from airflow_provider_drive.operators.list import DriveListOperator
from airflow_provider_drive.operators.move import DriveMoveOperator
from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator
from airflow_provider_drive.transfers.object_storage_to_drive import ObjectStorageToDriveOperator

try:
    from airflow.sdk.lineage import HookLineageCollector
except ImportError:  # Airflow before 3.2
    from airflow.lineage.hook import HookLineageCollector

LEGAL = "mssharepoint://contoso.sharepoint.com:443/sites/legal"
ARCHIVE = "mssharepoint://contoso.sharepoint.com:443/sites/archive"


@pytest.fixture
def collector(monkeypatch):
    """Airflow's collector, as it is where something reads it."""
    collector = HookLineageCollector()
    monkeypatch.setattr(
        "airflow.providers.common.compat.sdk.get_hook_lineage_collector", lambda: collector, raising=False
    )
    return collector


@pytest.fixture
def collected(collector):
    """The URIs in the collector: of what was read, and of what was written."""

    def read():
        found = collector.collected_assets
        return [[each.asset.uri for each in side] for side in (found.inputs, found.outputs)]

    return read


@pytest.fixture
def extract():
    """Ask for a task's lineage as OpenLineage's listener does, when it starts and when it has ended."""
    manager = pytest.importorskip("airflow.providers.openlineage.extractors.manager")

    def ask(operator, state):
        run = SimpleNamespace(run_id="run")
        operator.dag = None
        return manager.ExtractorManager().extract_metadata(run, operator, TaskInstanceState(state), None)

    return ask


@pytest.fixture
def legs(worker):
    """Run a task, and keep the operators of its legs: each begins with what was serialized."""
    kept = []

    def run(kind, **parameters):
        def make(**arguments):
            kept.append(kind(**arguments))
            return kept[-1]

        return worker.run(make, **parameters)

    return SimpleNamespace(run=run, made=kept)


def names(datasets):
    return [(dataset.namespace, dataset.name) for dataset in datasets]


def url(item):
    return f"{item.drive.web_url}/{item.path}"


def path_of(item):
    return f"drives/{item.drive.id}/root:/{item.path}"


def at(item):
    """The dataset of an item of the emulator."""
    site, _, library = item.drive.web_url.removeprefix("https://").rpartition("/")
    host, _, path = site.partition("/")
    return f"mssharepoint://{host}:443/{path}", f"{library}/{item.path}".replace("%20", " ")


def by_ids(item):
    return "mssharepoint://graph.microsoft.com:443", f"drives/{item.drive.id}/items/{item.id}"


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_copy_has_its_source_and_its_copy_in_both_kinds_of_lineage(
    legs, tenant, plan, vault, collected, extract, deferrable
):
    tenant.copies = CopyBehaviour(looks=8)
    waiting = {"wait_for_completion": True, "deferrable": deferrable, "poll_interval": 0.05}
    legs.run(DriveCopyOperator, item=path_of(plan), destination=path_of(vault), **waiting)

    lineage = extract(legs.made[-1], "success")
    (output,) = lineage.outputs
    assert len(legs.made) == 1 + deferrable
    assert names(lineage.inputs) == [at(plan)]
    assert names([output]) == [at(vault.drive.find("Vault/plan.txt"))]
    assert output.outputFacets["outputStatistics"].fileCount == 1
    assert output.outputFacets["outputStatistics"].size == len(plan.content.data)
    inputs, outputs = collected()
    assert [uri.rpartition("/")[2] for uri in inputs + outputs] == ["plan.txt", "plan.txt"]


def test_a_copy_that_nobody_waits_for_has_the_place_that_it_goes_to(legs, plan, vault, extract):
    legs.run(DriveCopyOperator, item=path_of(plan), destination=path_of(vault), name="plan 2.txt")

    lineage = extract(legs.made[-1], "success")
    namespace, name = at(vault)
    assert names(lineage.outputs) == [(namespace, f"{name}/plan 2.txt")]


def test_an_office_document_is_known_by_its_ids_and_its_copy_by_its_folder(legs, legal, vault, extract):
    document = legal.put("Contracts/offer.docx", b"offer")
    waiting = {"wait_for_completion": True, "poll_interval": 0.05}
    legs.run(DriveCopyOperator, item=path_of(document), destination=path_of(vault), **waiting)

    lineage = extract(legs.made[-1], "success")
    namespace, name = at(vault)
    assert names(lineage.inputs) == [by_ids(document)]
    assert names(lineage.outputs) == [(namespace, f"{name}/offer.docx")]


def test_a_task_that_starts_has_what_its_addresses_tell(extract, legal):
    copy = DriveCopyOperator(
        task_id="task", item=f"{legal.web_url}/Contracts/offer.docx", destination="me/drive/root"
    )
    archive = DriveArchiveOperator(task_id="task", source="me/drive/root", destination=legal.web_url)

    site, library = at(legal.root)
    assert names(extract(copy, "running").inputs) == [(site, f"{library}Contracts/offer.docx")]
    lineage = extract(archive, "running")
    assert lineage.inputs == []
    assert names(lineage.outputs) == [(site, library.rstrip("/"))]


def test_the_secret_of_a_sharing_link_is_not_in_lineage(extract):
    link = "https://contoso.sharepoint.com/:w:/s/Legal/EabcSECRET?e=x"
    copy = DriveCopyOperator(task_id="task", item=link, destination="me/drive/root")
    archive = DriveArchiveOperator(task_id="task", items=[link], destination=link)

    assert "SECRET" not in f"{extract(copy, 'running')} {extract(archive, 'failed')}"


def test_a_move_is_a_new_name_of_a_dataset(legs, plan, inbox, extract, collected):
    before = at(plan)
    legs.run(DriveMoveOperator, item=path_of(plan), destination=path_of(inbox))

    lineage = extract(legs.made[-1], "success")
    (output,) = lineage.outputs
    change = output.facets["lifecycleStateChange"]
    assert names(lineage.inputs) == [before]
    assert names([output]) == [at(plan)] != [before]
    assert change.lifecycleStateChange.value == "RENAME"
    assert (change.previousIdentifier.namespace, change.previousIdentifier.name) == before
    assert [len(side) for side in collected()] == [1, 1]


def test_a_move_to_another_drive_has_where_the_item_was(legs, plan, vault, extract):
    before = at(plan)
    legs.run(DriveMoveOperator, item=path_of(plan), destination=path_of(vault), cross_drive="copy")

    lineage = extract(legs.made[-1], "success")
    assert names(lineage.inputs) == [before]
    assert names(lineage.outputs) == [at(vault.drive.find("Vault/plan.txt"))]


def test_a_deletion_drops_a_dataset(legs, plan, extract):
    address = url(plan)
    legs.run(DriveDeleteOperator, item=path_of(plan))

    (output,) = extract(legs.made[-1], "success").outputs
    assert names([output]) == [by_ids(plan)]
    assert output.facets["lifecycleStateChange"].lifecycleStateChange.value == "DROP"
    assert address not in str(output)


def test_lists_and_folders_have_their_folder(legs, plan, vault, extract):
    legs.run(DriveListOperator, folder=path_of(plan.parent))
    legs.run(DriveEnsureFolderOperator, folder=path_of(vault))

    listed, ensured = (extract(operator, "success") for operator in legs.made)
    assert (names(listed.inputs), listed.outputs) == ([at(plan.parent)], [])
    assert (ensured.inputs, names(ensured.outputs)) == ([], [at(vault)])


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_archive_has_its_folders_and_its_summary(
    legs, tenant, plan, vault, extract, collected, deferrable, monkeypatch
):
    monkeypatch.setattr("airflow_provider_drive.operators.archive.MAX_IDLE_SECONDS", 0.0)
    tenant.copies = CopyBehaviour(looks=8)
    places = {"source": path_of(plan.parent), "destination": path_of(vault)}
    summary = legs.run(DriveArchiveOperator, **places, deferrable=deferrable, poll_interval=0.05)

    lineage = extract(legs.made[-1], "success")
    (output,) = lineage.outputs
    facet = lineage.run_facets["drive_summary"]
    assert len(legs.made) == 1 + deferrable
    assert (names(lineage.inputs), names([output])) == ([at(plan.parent)], [at(vault)])
    assert output.outputFacets["outputStatistics"].fileCount == summary["copied"] == 1
    assert (facet.copied, facet.failed, facet.bytes) == (1, 0, summary["bytes"])
    assert facet.requests == summary["requests"]
    assert [len(side) for side in collected()] == [1, 1]


def test_an_archive_that_fails_has_its_folders_and_what_was_done(legs, legal, plan, vault, extract):
    vault.drive.put("Vault/plan.txt", b"another")
    places = {"source": path_of(plan.parent), "destination": path_of(vault)}
    with pytest.raises(DriveArchiveError):
        legs.run(DriveArchiveOperator, **places)

    lineage = extract(legs.made[-1], "failed")
    assert (names(lineage.inputs), names(lineage.outputs)) == ([at(plan.parent)], [at(vault)])
    assert lineage.run_facets["drive_summary"].failed == 1


def test_a_dry_run_writes_nothing(legs, plan, vault, extract, collected):
    legs.run(DriveArchiveOperator, source=path_of(plan.parent), destination=path_of(vault), dry_run=True)

    lineage = extract(legs.made[-1], "success")
    assert (len(lineage.inputs), lineage.outputs) == (1, [])
    assert lineage.run_facets["drive_summary"].planned == 1
    assert collected()[1] == []


def test_an_archive_of_given_documents_has_their_folders(extract, legal):
    items = [
        {"driveId": "d", "id": str(n), "webUrl": f"{legal.web_url}/In/{n % 2}/{n}.txt"} for n in range(9)
    ]
    archive = DriveArchiveOperator(task_id="task", items=items, destination="me/drive/root")

    site, library = at(legal.root)
    assert names(extract(archive, "failed").inputs) == [(site, f"{library}In/{n}") for n in range(2)]


def test_a_copy_that_fails_has_its_source(legs, plan, vault, extract):
    vault.drive.put("Vault/plan.txt", b"another")
    with pytest.raises(DriveError):
        legs.run(DriveCopyOperator, item=url(plan), destination=path_of(vault), wait_for_completion=True)

    lineage = extract(legs.made[-1], "failed")
    assert (names(lineage.inputs), lineage.outputs) == ([at(plan)], [])


def test_a_task_that_fails_before_it_has_read_anything_has_what_its_addresses_tell(
    legs, legal, vault, extract
):
    with pytest.raises(DriveError):
        legs.run(DriveCopyOperator, item=f"{legal.web_url}/none.txt", destination=path_of(vault))

    site, library = at(legal.root)
    assert names(extract(legs.made[-1], "failed").inputs) == [(site, f"{library}none.txt")]


def test_transfers_have_the_folder_and_the_place_in_object_storage(legs, plan, legal, tmp_path, extract):
    legs.run(DriveToObjectStorageOperator, source=path_of(plan.parent), destination=f"file://{tmp_path}/out")
    legs.run(
        ObjectStorageToDriveOperator,
        source=f"file://{tmp_path}/out",
        destination=f"drives/{legal.id}/root:/Back",
    )

    down, up = (extract(operator, "success") for operator in legs.made)
    stored = ("file", f"{tmp_path}/out")
    assert (names(down.inputs), names(down.outputs)) == ([at(plan.parent)], [stored])
    assert (names(up.inputs), names(up.outputs)) == ([stored], [at(legal.find("Back"))])
    assert down.outputs[0].outputFacets["outputStatistics"].size == len(plan.content.data)
    assert up.run_facets["drive_summary"].copied == 1


def test_a_hook_reports_what_it_copies_moves_reads_and_writes(hook, collected, plan, inbox, vault):
    before = url(plan).replace("https", "msdrive").replace("%20", " ")
    written = hook.write_file(path_of(inbox) + "/new.txt", b"new")
    hook.read_file(written, io.BytesIO())
    hook.copy_item(path_of(plan), path_of(vault))
    hook.move_item(path_of(plan), path_of(inbox))

    inputs, outputs = collected()
    assert inputs[1:] == [before]
    assert inputs[0].endswith("/Inbox/new.txt")
    ends = [uri.split("/", 5)[-1].partition("/")[2] for uri in outputs]
    assert ends == ["Inbox/new.txt", "Vault/plan.txt", "Inbox/plan.txt"]


def test_a_hook_reports_the_folder_of_very_many_documents(hook, collected, legal):
    for number in range(MAX_DOCUMENTS + 3):
        hook.write_file(f"drives/{legal.id}/root:/Many/{number}.txt", b"x")

    _, outputs = collected()
    assert len(outputs) == MAX_DOCUMENTS + 1
    assert outputs[-1].endswith("/Many")


class Broken:
    """A collector that raises."""

    _extra = ()
    collected_assets = property()

    def _refuse(self, **_):
        raise RuntimeError("broken")

    create_asset = add_input_asset = add_output_asset = add_extra = _refuse


def test_a_broken_collector_is_a_line_at_debug_and_nothing_else(hook, plan, inbox, monkeypatch, caplog):
    monkeypatch.setattr(
        "airflow.providers.common.compat.sdk.get_hook_lineage_collector", Broken, raising=False
    )
    with caplog.at_level(logging.DEBUG, "airflow_provider_drive.lineage"):
        assert hook.move_item(path_of(plan), path_of(inbox))["name"] == "plan.txt"

    lines = [record for record in caplog.records if record.name == "airflow_provider_drive.lineage"]
    assert [line.levelno for line in lines] == [logging.DEBUG] * 2


def test_a_fault_in_lineage_itself_does_not_fail_the_task(legs, plan, inbox, monkeypatch, extract):
    def fail(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr("airflow_provider_drive.lineage.lineage_of_move", fail)
    legs.run(DriveMoveOperator, item=path_of(plan), destination=path_of(inbox))

    assert extract(legs.made[-1], "success").outputs == []


def test_without_openlineage_its_methods_return_nothing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "airflow.providers.openlineage.extractors", None)
    operator = DriveCopyOperator(task_id="task", item="https://contoso.sharepoint.com/sites/L/D/a.txt")

    assert operator.get_openlineage_facets_on_start() is None
    assert operator.get_openlineage_facets_on_complete(None) is None
    assert operator.get_openlineage_facets_on_failure(None) is None


class Lazy:
    """What another task has returned, which is read from Airflow when it is used."""

    def __str__(self):
        raise AssertionError("a request")

    __iter__ = __len__ = __getitem__ = __repr__ = __str__


def test_parameters_that_are_not_known_yet_are_not_read(extract):
    template = "https://contoso.sharepoint.com/sites/Legal/Docs/{{ ds }}"
    archive = DriveArchiveOperator(task_id="task", items=Lazy(), destination=template)

    lineage = extract(archive, "running")
    assert (lineage.inputs, lineage.outputs) == ([], [])


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        (None, None),
        ("s3://key:SECRET@bucket/m.jsonl", "s3://bucket/m.jsonl"),
        ("drives/b!x/root:/m.jsonl", "drives/b!x/root:/m.jsonl"),
        ("https://contoso.sharepoint.com/:t:/s/Legal/SECRET", None),
    ],
)
def test_the_place_of_a_manifest_has_no_secret(manifest, told):
    pytest.importorskip("airflow.providers.openlineage")
    lineage = Lineage(summary={"copied": 1, "bytes": 1, "manifest": manifest})

    assert as_openlineage(lambda: lineage).run_facets["drive_summary"].manifest == told


def test_lineage_that_cannot_be_told_is_nothing():
    assert as_openlineage(lambda: 1 / 0) is None
