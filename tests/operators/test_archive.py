"""Thousands of documents in one task, and what may go wrong with each."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import ANY

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from tries import Killed

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveAddressError,
    DriveArchiveError,
    DriveArgumentError,
    DriveAuthError,
    DriveError,
    DriveNameConflictError,
    DriveResponseError,
)
from airflow_provider_drive.hooks.client import DriveClient
from airflow_provider_drive.operators import archive as module
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.protocol.archive import delete_originals, poll_schedule, scan, target
from airflow_provider_drive.protocol.archive import run as run_module
from airflow_provider_drive.protocol.archive import state as state_module
from airflow_provider_drive.protocol.archive.outcome import Outcome
from airflow_provider_drive.protocol.items import listing, transfer
from airflow_provider_drive.protocol.items.listing import ListedItem
from airflow_provider_drive.protocol.timing import Timings, Wait
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.items import DriveItem
from airflow_provider_drive.transport import blocking
from airflow_provider_drive.transport.blocking import Session

TREE = {
    "a.txt": b"a",
    "b.bin": b"bb",
    "2025/c.txt": b"ccc",
    "2025/q1/d.txt": b"dddd",
    "2026/e.docx": b"eeeee",
}
POINTS = (
    ("GET", "root:/In", True),
    ("GET", "/children", True),
    ("POST", "/$batch", False),
    ("POST", "/$batch", True),
    ("POST", "/children", False),
    ("POST", "/children", True),
    ("GET", "/operations/", True),
)


TIMINGS = Timings(find=0.3, read_back=0.3, resume_find=0.3, false_404=0.3)


@pytest.fixture(autouse=True)
def timings(monkeypatch):
    """Search for a moment only for what is not to be seen, and let the triggerer wait soon."""

    def change(**changes):
        monkeypatch.setattr(DriveClient, "timings", replace(TIMINGS, **changes))

    change()
    monkeypatch.setattr(poll_schedule, "SHORTEST_PAUSE", 0.05)
    monkeypatch.setattr(module, "MAX_IDLE_SECONDS", 0.1)
    return change


@pytest.fixture
def source(legal):
    """A folder of documents in folders."""
    for path, content in TREE.items():
        legal.put(f"In/{path}", content)
    return legal.find("In")


@pytest.fixture
def out(archive):
    """The folder of the archive, which is there already."""
    return archive.mkdir("Out")


@pytest.fixture
def archived(archive):
    """What the archive holds: sizes by paths."""

    def tell():
        start = len("Out/")
        return {path[start:]: size for path, size in archive.tree().items() if size is not None}

    return tell


@pytest.fixture
def parameters(legal, archive):
    return {
        "source": f"drives/{legal.id}/root:/In",
        "destination": f"drives/{archive.id}/root:/Out",
        "poll_interval": 0.05,
    }


@pytest.fixture
def run(worker, source, parameters):
    return lambda **changes: worker.run(DriveArchiveOperator, **parameters | changes)


@pytest.fixture
def resumable(helpers, source, parameters, tries):
    """Make a task that may be killed, and run again."""

    def make(**changes):
        task = tries(DriveArchiveOperator, None)
        task.parameters = parameters | changes
        return task

    return make


@pytest.fixture(params=["object storage", "a drive", "a library by its name"])
def place(request, archive, tmp_path):
    """Where a manifest goes, and what tells what is there."""

    def lines():
        in_drive = archive.find("R/m.jsonl")
        file = tmp_path / "R/m.jsonl"
        text = in_drive.content.data.decode() if in_drive else file.read_text() if file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    site = "sites/contoso.sharepoint.com:/sites/Archive:"
    where = {
        "object storage": f"file://{tmp_path}/R/m.jsonl",
        "a drive": f"drives/{archive.id}/root:/R/m.jsonl",
        "a library by its name": f"{site}:/drives/Documents/root:/R/m.jsonl".replace("::", ":"),
    }
    return SimpleNamespace(url=where[request.param], lines=lines)


@pytest.fixture
def die_deleting(monkeypatch):
    """Let the process of a task end at its first deletions, of two originals."""

    def die(task, *, answered):
        send, armed = Session.send, [True]

        def send_or_die(session, request):
            deletes = armed and any(part.method == "DELETE" for part in request.parts)
            if deletes:
                armed.clear()
            if deletes and not answered:
                raise Killed
            answer = send(session, request)
            if deletes:
                raise Killed
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(Session, "send", send_or_die)
            patch.setattr(delete_originals, "BATCH_SIZE", 2)
            with pytest.raises(Killed):
                task.run()
        assert not armed

    return die


@pytest.fixture
def deletions(tenant):
    """How often each original was to be deleted."""
    return lambda: Counter(call.path.rpartition("/")[2] for call in tenant.calls("DELETE", where="graph"))


def counts(summary):
    return {key: summary[key] for key in ("copied", "there", "failed", "deleted")}


def _archived(summary):
    """How many documents are at the destination, whoever has copied them."""
    return summary["copied"] + summary["there"]


def fates(lines):
    return {line["path"]: line["original"] for line in lines}


SIZES = {path: len(content) for path, content in TREE.items()}


class TestSelection:
    def test_all_documents_below_a_folder_are_copied_with_their_folders(self, run, out, archived, tenant):
        summary = run()

        assert archived() == SIZES
        assert {key: summary[key] for key in ("copied", "there", "failed", "deleted")} == {
            "copied": 5,
            "there": 0,
            "failed": 0,
            "deleted": 0,
        }
        assert (summary["bytes"], summary["failures"]) == (15, [])
        assert summary["resource_units"] == tenant.units_spent
        assert len(tenant.jobs) == 4  # two documents, and two folders whole

    def test_a_folder_goes_to_a_missing_destination_as_one_copy(self, run, archived, tenant):
        assert run()["copied"] == 5
        assert archived() == SIZES
        assert len(tenant.jobs) == 1

    def test_only_selected_documents_are_copied(self, run, out, archived, legal):
        legal.find("In/2025/c.txt").modified = datetime.now(UTC) - timedelta(days=3000)

        assert run(pattern="**/*.txt", exclude="2025/q1/**")["copied"] == 2
        assert archived() == {"a.txt": 1, "2025/c.txt": 3}
        assert run(modified_before="P7Y", keep_structure=False)["copied"] == 1
        assert archived()["c.txt"] == 3

    def test_without_keep_structure_all_documents_go_to_one_folder(self, run, out, archived):
        assert run(keep_structure=False)["copied"] == 5
        assert archived() == {path.rpartition("/")[2]: size for path, size in SIZES.items()}

    def test_items_of_another_task_are_archived_under_their_paths(
        self, worker, parameters, source, out, archived, ids
    ):
        items = [
            {**ids(source.drive.find("In/2025/c.txt")), "name": "c.txt", "path": "2025/c.txt"},
            f"drives/{source.drive.id}/root:/In/a.txt",
            f"drives/{source.drive.id}/root:/In/missing.txt",
            ids(source.drive.find("In/2025")),
        ]
        summary = worker.run(
            DriveArchiveOperator, **parameters | {"source": None, "items": items, "max_failures": 2}
        )

        assert archived() == {"2025/c.txt": 3, "a.txt": 1}
        assert (summary["copied"], summary["failed"]) == (2, 2)
        assert [failure["reason"] for failure in summary["failures"]][1] == "it is a folder, not a document"
        assert "missing.txt" in summary["failures"][0]["reason"]

    def test_a_folder_that_is_too_large_is_split(self, run, out, archived, tenant, monkeypatch):
        monkeypatch.setattr(scan, "MAX_ITEMS_PER_COPY", 2)
        assert run()["copied"] == 5
        assert archived() == SIZES
        assert len(tenant.jobs) == 5  # 2026 whole, q1 of 2025 whole, and three documents

    def test_an_archive_inside_the_source_does_not_archive_itself(self, worker, parameters, source, legal):
        parameters |= {"destination": f"drives/{legal.id}/root:/In/2025/old"}
        legal.put("In/2025/old/x.txt", b"x")
        summary = worker.run(DriveArchiveOperator, **parameters)

        assert summary["copied"] == 5
        assert legal.find("In/2025/old/2025/q1/d.txt").size == 4
        assert legal.find("In/2025/old/2025/old") is None

    @pytest.mark.parametrize("pattern", [None, "**/*.txt"])
    def test_what_is_no_document_is_counted_as_failed_with_its_reason(
        self, run, legal, out, archived, pattern
    ):
        """https://github.com/OneDrive/onedrive-api-docs/issues/121, /579."""
        legal.put("In/2025/album.txt", b"x", facets={"file": None, "bundle": {"childCount": 1}})
        legal.put("In/2025/nameless", b"x", facets={"name": None})

        summary = run(pattern=pattern, max_failures=2)

        assert summary["failed"] == 2
        assert sorted(failure["reason"].partition(" a ")[0] for failure in summary["failures"]) == [
            "it has no name",
            "it is neither",
        ]
        assert {"a.txt", "2025/c.txt"} <= archived().keys()

    def test_a_folder_cannot_be_archived_in_itself(self, worker, parameters, source):
        with pytest.raises(DriveArgumentError, match="in itself"):
            worker.run(DriveArchiveOperator, **parameters | {"destination": parameters["source"]})

    def test_documents_of_a_personal_drive_are_archived(self, worker, personal, archived):
        for path, content in TREE.items():
            personal.put(f"In/{path}", content)
        summary = worker.run(
            DriveArchiveOperator,
            source=f"drives/{personal.id}/root:/In",
            destination=f"drives/{personal.id}/root:/Out",
            poll_interval=0.05,
        )

        assert summary["copied"] == 5
        assert personal.find("Out/2025/q1/d.txt").size == 4

    @pytest.mark.parametrize("pattern", [None, "**"])
    @pytest.mark.parametrize("where", ["In/old", "In/2025/old", "In/2025/older/old"])
    def test_a_missing_destination_inside_the_source_is_not_archived_into_itself(
        self, worker, parameters, source, legal, tenant, where, pattern
    ):
        parameters |= {"destination": f"drives/{legal.id}/root:/{where}", "pattern": pattern}
        summary = worker.run(DriveArchiveOperator, **parameters)

        assert summary["copied"] == 5
        made = {path.removeprefix(f"{where}/") for path, size in legal.tree().items() if size is not None}
        assert made == {f"In/{path}" for path in TREE} | TREE.keys()

    def test_a_folder_whose_child_count_is_wrongly_zero_is_read_all_the_same(
        self, run, out, archived, monkeypatch
    ):
        read = listing.read_item

        def wrong(value, *args, **options):
            return replace(read(value, *args, **options), child_count=0)

        monkeypatch.setattr(listing, "read_item", wrong)
        assert run()["copied"] == 5
        assert archived() == SIZES

    @pytest.mark.parametrize("behavior", ["skip", "rename"])
    def test_an_item_that_is_given_twice_is_copied_once(
        self, worker, parameters, source, out, ids, archived, behavior
    ):
        item = {**ids(source.drive.find("In/a.txt")), "name": "a.txt"}
        changes = {"source": None, "items": [item, item], "conflict_behavior": behavior}
        summary = worker.run(DriveArchiveOperator, **parameters | changes)

        assert (summary["copied"], summary["failed"]) == (1, 0)
        assert archived() == {"a.txt": 1}

    def test_a_name_is_found_in_any_unicode_form(self, run, legal, archive, archived):
        legal.put("In/Pru\u0308fung.txt", b"x")
        archive.put("Out/Pr\u00fcfung.txt", b"another")
        with pytest.raises(DriveArchiveError, match="is there already, with another content"):
            run(pattern="pr\u00fc*")
        assert run(pattern="pr*", exclude="PR\u00dc*")["failed"] == 0


class TestConflicts:
    def test_a_second_run_copies_nothing(self, run, out, archived, tenant):
        run()
        made = len(tenant.jobs)
        summary = run()

        assert (summary["copied"], summary["there"]) == (5, 0) or summary["there"] == 5
        assert len(tenant.jobs) == made
        assert archived() == SIZES

    @pytest.mark.parametrize("behavior", ["skip", "fail"])
    def test_a_document_of_another_content_fails_and_the_others_are_copied(
        self, run, out, archived, archive, behavior
    ):
        archive.put("Out/2025/c.txt", b"something else")
        with pytest.raises(DriveArchiveError, match=r"(?s)1 doc.*2025/c\.txt failed: 'c\.txt' is there"):
            run(conflict_behavior=behavior)

        assert archived() == SIZES | {"2025/c.txt": 14}
        assert run(conflict_behavior="skip", max_failures=1)["failed"] == 1

    def test_replace_overwrites_a_document_of_another_content(self, run, out, archived, archive):
        archive.put("Out/2025/c.txt", b"something else")
        assert run(conflict_behavior="replace")["copied"] == 5
        assert archived() == SIZES

    def test_rename_copies_beside_a_document_of_another_content(self, run, out, archived, archive):
        archive.put("Out/2025/c.txt", b"something else")
        archive.put("Out/a.txt", b"a")
        assert run(conflict_behavior="rename")["copied"] == 5
        assert archived() == SIZES | {"2025/c.txt": 14, "2025/c 1.txt": 3, "a 1.txt": 1}

    def test_a_document_in_the_place_of_a_folder_fails_the_documents_below_it(self, run, out, archive):
        archive.put("Out/2025", b"")
        assert run(max_failures=9)["failures"][0]["reason"] == "a document has its name"

    def test_a_destination_that_is_not_a_folder_is_refused(self, run, archive):
        archive.put("Out", b"")
        with pytest.raises(DriveNameConflictError, match="is not a folder"):
            run()

    def test_of_two_documents_that_would_get_one_name_the_second_fails(self, run, out, legal, archived):
        legal.put("In/2025/a.txt", b"another")
        with pytest.raises(DriveArchiveError, match="another document of this archive has its name"):
            run(keep_structure=False)
        assert run(keep_structure=False, conflict_behavior="rename", pattern="**/a.txt")["copied"] == 2
        assert {"a.txt", "a 1.txt"} <= archived().keys()

    @pytest.mark.parametrize("behavior", ["skip", "fail", "replace", "rename"])
    def test_a_document_that_is_its_own_copy_is_left_alone(self, worker, parameters, legal, ids, behavior):
        items = [{**ids(legal.put(f"Out/{name}", b"the only one")), "name": name} for name in ("a", "b")]
        items.append({**ids(legal.put("In/c", b"c")), "name": "c"})
        changes = {
            "source": None,
            "items": items,
            "destination": f"drives/{legal.id}/root:/Out",
            "conflict_behavior": behavior,
            "delete_source": True,
        }
        summary = worker.run(DriveArchiveOperator, **parameters | changes)

        assert (summary["there"], summary["copied"], summary["deleted"]) == (2, 1, 1)
        assert sorted(path for path in legal.tree() if path.startswith("Out/")) == ["Out/a", "Out/b", "Out/c"]

    @pytest.mark.parametrize("is_remembered", [True, False])
    @pytest.mark.parametrize("behavior", ["replace", "skip", "fail"])
    def test_two_documents_of_one_name_are_both_kept_and_never_replace_each_other(
        self, resumable, source, out, legal, archive, behavior, is_remembered
    ):
        legal.put("In/2025/a.txt", b"another")
        if behavior == "replace":
            archive.put("Out/a.txt", b"older")
        task = resumable(keep_structure=False, conflict_behavior=behavior, delete_source=True, pattern="**")
        with pytest.raises(DriveArchiveError, match=r"copied, but not deleted: .* document of this archive"):
            task.run()
        copied = archive.find("Out/a.txt").content
        if not is_remembered:
            task.store.clear()
        with pytest.raises(DriveArchiveError, match=r"a\.txt failed: another document"):
            task.run()
        assert archive.find("Out/a.txt").content.data == copied.data
        assert all(legal.find(path) for path in ("In/a.txt", "In/2025/a.txt"))
        assert not legal.find("In/2025/c.txt")


class TestDeletion:
    def test_originals_whose_copies_were_verified_are_deleted(self, run, out, archived, legal):
        summary = run(delete_source=True)

        assert summary["deleted"] == 5
        assert archived() == SIZES
        assert [
            path for path, size in legal.tree().items() if path.startswith("In/") and size is not None
        ] == []

    def test_an_original_that_changed_meanwhile_is_kept(self, run, out, legal, tenant):
        plan = legal.find("In/a.txt")

        def edit(request):
            if request.method == "DELETE":
                tenant.witness = None
                legal.put("In/a.txt", b"edited")

        tenant.witness = edit
        with pytest.raises(DriveArchiveError, match=r"a\.txt failed: copied, but not deleted"):
            run(delete_source=True)
        assert legal.find("In/a.txt").id == plan.id
        assert legal.find("In/b.bin") is None

    def test_an_original_whose_copy_was_found_but_not_verified_is_kept(
        self, run, out, legal, archive, tmp_path
    ):
        archive.put("Out/2026/e.docx", b"EEEEE")  # as the service may have rewritten it
        summary = run(delete_source=True, manifest=f"file://{tmp_path}/m.jsonl")

        lines = {
            line["path"]: line for line in map(json.loads, (tmp_path / "m.jsonl").read_text().splitlines())
        }
        assert summary["deleted"] == 4
        assert lines["2026/e.docx"]["original"].startswith("kept: its copy was found")
        assert legal.find("In/2026/e.docx") is not None

    def test_an_original_without_an_etag_is_kept(self, worker, personal, tmp_path, deletions):
        personal.put("In/a.txt", b"a")
        nameless = personal.put("In/x.bin", b"x", facets={"eTag": None})
        summary = worker.run(
            DriveArchiveOperator,
            source=f"drives/{personal.id}/root:/In",
            destination=f"drives/{personal.id}/root:/Out",
            pattern="**",
            delete_source=True,
            manifest=f"file://{tmp_path}/m.jsonl",
            poll_interval=0.05,
        )

        lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
        assert counts(summary) == {"copied": 2, "there": 0, "failed": 0, "deleted": 1}
        assert fates(lines) == {"a.txt": "deleted", "x.bin": "kept: it had no eTag"}
        assert personal.find("In/x.bin") is nameless
        assert nameless.id not in deletions()

    def test_the_flow_that_deletes_originals_deletes_none_without_an_etag(self, hook, legal, tenant):
        item = legal.put("In/x.bin", b"x")
        found = ListedItem("x.bin", DriveItem(ItemRef(legal.id, item.id), "x.bin"))
        deletions = []
        flow = delete_originals.delete_originals(
            [Outcome("copied", found)], lambda *each: deletions.append(each), Wait()
        )
        hook._client.run(flow)

        ((_, deletion),) = deletions
        assert "it had no eTag" in deletion.reason
        assert tenant.calls("DELETE") == []

    def test_originals_are_not_deleted_without_verification(self, run, out):
        with pytest.raises(DriveArgumentError, match="delete_source needs verify"):
            run(delete_source=True, verify=False)

    @pytest.mark.parametrize("pattern", [None, "**"])
    def test_an_original_that_only_a_monitor_verified_before_the_deferral_is_deleted(
        self, run, worker, out, legal, tenant, pattern
    ):
        tenant.rewrites_office, tenant.copies = True, CopyBehaviour(looks=3)
        legal.put("In/2026/f.docx", b"ffffff")
        assert run(deferrable=True, delete_source=True, pattern=pattern)["deleted"] == 6

    def test_originals_that_monitors_verified_over_several_deferrals_are_deleted(
        self, run, out, legal, tenant, monkeypatch
    ):
        monkeypatch.setattr(run_module, "MAX_IN_FLIGHT", 3)
        tenant.rewrites_office, tenant.copies = True, CopyBehaviour(looks=3)
        for number in range(6):
            legal.put(f"In/{number}.docx", b"%d" % number)
        assert run(deferrable=True, delete_source=True, pattern="*.docx")["deleted"] == 6

    @pytest.mark.parametrize("pattern", [None, "**"])
    def test_an_original_that_is_edited_during_a_deferral_is_kept(
        self, run, worker, out, legal, tenant, monkeypatch, pattern
    ):
        tenant.rewrites_office, tenant.copies = True, CopyBehaviour(looks=3)
        defer = DriveArchiveOperator.defer

        def edit(*args, **options):
            legal.put("In/2026/e.docx", b"edited")
            return defer(*args, **options)

        monkeypatch.setattr(DriveArchiveOperator, "defer", edit)
        summary = run(deferrable=True, delete_source=True, pattern=pattern, max_failures=1)

        assert summary["deleted"] == 4
        assert legal.find("In/2026/e.docx").size == 6

    def test_a_copy_that_arrived_beside_its_source_does_not_count(
        self, worker, parameters, source, legal, tenant
    ):
        tenant.next_copies.append(CopyBehaviour(misplaced=True))
        parameters |= {
            "destination": f"drives/{legal.id}/root:/Out",
            "pattern": "a.txt",
            "delete_source": True,
        }
        legal.mkdir("Out")
        with pytest.raises(DriveArchiveError, match="is copied, but it is in the folder"):
            worker.run(DriveArchiveOperator, **parameters)
        assert legal.find("In/a.txt") is not None


class TestManifest:
    def test_a_manifest_has_a_line_for_each_document(self, run, out, legal, archive, tmp_path):
        archive.put("Out/a.txt", b"other")
        run(manifest=f"file://{tmp_path}/m.jsonl", max_failures=1)
        lines = {
            line["path"]: line for line in map(json.loads, (tmp_path / "m.jsonl").read_text().splitlines())
        }

        assert lines.keys() == TREE.keys()
        plan, copy = legal.find("In/2025/c.txt"), archive.find("Out/2025/c.txt")
        line = lines["2025/c.txt"]
        assert (line["outcome"], line["how"], line["original"]) == ("copied", "folder", "kept")
        for told, item in ((line["source"], plan), (line["destination"], copy)):
            assert (told["driveId"], told["id"], told["name"]) == (item.drive.id, item.id, "c.txt")
            assert (told["eTag"], told["size"], told["quickXorHash"]) == (item.etag, 3, item.hash)
        assert (lines["a.txt"]["outcome"], lines["a.txt"]["destination"]) == ("failed", None)

    def test_a_manifest_is_written_to_object_storage_or_a_drive(self, run, out, place):
        assert run(manifest=place.url)["manifest"] == place.url
        assert {line["path"] for line in place.lines()} == TREE.keys()
        assert {line["original"] for line in place.lines()} == {"kept"}

    def test_a_large_manifest_is_uploaded_in_pieces(self, run, out, archive, legal, tenant, monkeypatch):
        monkeypatch.setattr(transfer, "SIMPLE_UPLOAD_LIMIT", 1_000)
        monkeypatch.setattr(transfer, "FRAGMENT_SIZE", 320 << 10)
        for number in range(900):
            legal.put(f"In/many/{number}.txt", b"%d" % number)
        run(manifest=f"drives/{archive.id}/root:/m.jsonl")

        pieces = [len(call.body) for call in tenant.calls("PUT", where="file")]
        assert len(pieces) > 1
        assert sum(pieces) == archive.find("m.jsonl").size
        assert not any(call.authorized for call in tenant.calls(where="file"))
        assert len(archive.find("m.jsonl").content.data.splitlines()) == 905

    @pytest.mark.parametrize(
        "manifest",
        [
            "s4://nowhere/x.jsonl",
            "s3://needs@aprovider/x.jsonl",
            "run.jsonl",
            "drives/d/rot:/x.jsonl",
            "drives/d/root",
            "drives/d/items/i",
            {"driveId": "d", "id": "i"},
            "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents/x.jsonl",
            "https://elsewhere.example/x.jsonl",
            5,
        ],
    )
    @pytest.mark.parametrize("dry_run", [False, True])
    def test_an_invalid_manifest_is_refused_before_anything_is_copied(
        self, run, out, tenant, manifest, dry_run
    ):
        with pytest.raises(DriveArgumentError) as caught:
            run(manifest=manifest, dry_run=dry_run)
        assert isinstance(caught.value, AirflowFailException)
        assert tenant.calls(where="graph") == []

    def test_a_manifest_that_is_not_written_to_its_end_leaves_the_earlier_one(
        self, run, out, tmp_path, monkeypatch
    ):
        run(manifest=f"file://{tmp_path}/m.jsonl")
        before = (tmp_path / "m.jsonl").read_text()

        def die(content, file):
            file.write(content.read(10))
            file.flush()
            raise Killed

        monkeypatch.setattr(shutil, "copyfileobj", die)
        with pytest.raises(Killed):
            run(manifest=f"file://{tmp_path}/m.jsonl")
        assert (tmp_path / "m.jsonl").read_text() == before

    def test_a_manifest_that_would_overwrite_a_copy_is_refused_before_anything_is_copied(
        self, run, out, archive, legal, archived, tenant
    ):
        legal.put("In/m.jsonl", b"a document of that name")
        with pytest.raises(DriveArgumentError, match="has the path of a document") as caught:
            run(delete_source=True, pattern="**", manifest=f"drives/{archive.id}/root:/Out/m.jsonl")
        assert isinstance(caught.value, AirflowFailException)
        assert archived() == {}
        assert not [call for call in tenant.calls(where="graph") if call.method not in {"GET", "POST"}]
        assert not tenant.jobs

    def test_a_manifest_in_the_source_is_refused_in_a_dry_run_too(self, run, out, legal):
        for dry_run in (False, True):
            with pytest.raises(DriveArgumentError, match="is in the source"):
                run(manifest=f"drives/{legal.id}/root:/In/m.jsonl", dry_run=dry_run)
        assert legal.find("In/m.jsonl") is None

    def test_a_file_that_takes_the_manifests_name_meanwhile_is_not_overwritten(
        self, run, archive, legal, tenant, monkeypatch
    ):
        """The destination is new, so that its folder is not made for the manifest's sake."""
        send = Session.send

        def send_and_put(session, request):
            answer = send(session, request)
            if request.method == "POST" and "/copy" in request.url:
                legal.put("In/late.txt", b"late")
                archive.put("Out/m.jsonl", b"somebody's")
            return answer

        monkeypatch.setattr(Session, "send", send_and_put)
        with pytest.raises(DriveArgumentError, match="another file is there"):
            run(delete_source=True, manifest=f"drives/{archive.id}/root:/Out/m.jsonl")
        assert archive.find("Out/m.jsonl").content.data == b"somebody's"
        assert legal.find("In/a.txt")

    def test_a_manifest_in_a_missing_destination_leaves_the_folder_to_one_copy(self, run, archive, tenant):
        assert run(manifest=f"drives/{archive.id}/root:/Out/m.jsonl")["copied"] == 5
        assert len(tenant.jobs) == 1
        assert archive.find("Out/m.jsonl")

    @pytest.mark.parametrize("content", [b"no manifest", b'{"run": 5}\n', b"[1]\n" * 200])
    def test_a_file_that_is_no_manifest_is_not_overwritten(self, run, out, archived, tmp_path, content):
        (tmp_path / "m.jsonl").write_bytes(content)
        with pytest.raises(DriveArgumentError, match="another file is there"):
            run(manifest=f"file://{tmp_path}/m.jsonl")
        assert (tmp_path / "m.jsonl").read_bytes() == content
        assert archived() == {}

    def test_a_task_that_is_killed_before_it_has_copied_goes_on_with_its_manifest(
        self, resumable, source, out, place
    ):
        task = resumable(manifest=place.url)
        task.die("POST", "/$batch", answered=False)
        assert [line.keys() for line in place.lines()] == [{"run"}]
        task.run()
        assert {line["path"] for line in place.lines()} == TREE.keys()

    def test_mapped_tasks_do_not_overwrite_each_others_manifest(
        self, worker, helpers, parameters, source, out, place, tenant
    ):
        def run(index):
            worker = helpers.Worker()
            worker.ti.map_index = index
            return worker.run(DriveArchiveOperator, **parameters, manifest=place.url)

        run(0)
        lines, jobs = place.lines(), len(tenant.jobs)
        with pytest.raises(
            DriveArgumentError, match=r"'.* 0' has its manifest there.*ti\.map_index"
        ) as caught:
            run(1)
        assert isinstance(caught.value, AirflowFailException)
        assert place.lines() == lines
        assert len(tenant.jobs) == jobs
        run(0)

    def test_of_mapped_tasks_at_once_the_second_fails_before_it_copies(
        self, worker, helpers, parameters, source, out, place, tenant, monkeypatch
    ):
        """The second starts when the first asks for its copies."""
        send, seen = Session.send, []

        def run(index):
            worker = helpers.Worker()
            worker.ti.map_index = index
            return worker.run(DriveArchiveOperator, **parameters, manifest=place.url)

        def send_and_start(session, request):
            if any("/copy" in part.url for part in (request, *request.parts)) and not seen:
                seen.append(request)
                with pytest.raises(DriveArgumentError, match="has its manifest there"):
                    run(1)
            return send(session, request)

        monkeypatch.setattr(Session, "send", send_and_start)
        assert run(0)["copied"] == 5
        assert {line["run"][-2:] for line in place.lines()} == {" 0"}
        assert len(tenant.jobs) == 4

    def test_lines_of_a_manifest_that_cannot_be_read_are_ignored(
        self, resumable, source, out, die_deleting, tmp_path
    ):
        file = tmp_path / "m.jsonl"
        task = resumable(delete_source=True, manifest=f"file://{file}", pattern="**")
        die_deleting(task, answered=True)
        file.write_bytes(b'no JSON\n{"source": 5}\n' + file.read_bytes() + b'{"path": "half a li')

        summary = task.run()
        assert (summary["deleted"], summary["gone"]) == (3, 2)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        assert Counter(fates(lines).values()) == {"deleted": 3, "gone": 2}

    @pytest.mark.parametrize("answered", [False, True])
    def test_what_an_earlier_try_deleted_is_counted_though_its_manifest_is_on_another_worker(
        self, resumable, source, out, die_deleting, tmp_path, log, answered
    ):
        task = resumable(delete_source=True, manifest=f"file://{tmp_path}/m.jsonl", pattern="**")
        die_deleting(task, answered=answered)
        (tmp_path / "m.jsonl").unlink()

        summary = task.run()
        deleted = 3 if answered else 5
        assert (summary["copied"], summary["deleted"], summary["gone"]) == (5, deleted, 5 - deleted)
        assert summary["bytes"] == 15
        assert log.has(r"The manifest lacks \d documents that an earlier try archived") == answered

    @pytest.mark.parametrize(
        ("executor", "is_warned"),
        [
            ("LocalExecutor", False),
            ("CeleryExecutor", True),
            ("LocalExecutor,KubernetesExecutor", True),
            ("airflow.executors.local_executor.LocalExecutor", False),
        ],
    )
    def test_a_local_manifest_is_warned_about_if_there_may_be_several_workers(
        self, run, out, tmp_path, log, monkeypatch, executor, is_warned
    ):
        monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
        run(manifest=f"file://{tmp_path}/m.jsonl")
        assert log.has("is a file of this worker") == is_warned


class TestManifestOfAnEarlierTry:
    @pytest.fixture
    def task(self, resumable, source, out, place):
        return resumable(delete_source=True, manifest=place.url, pattern="**")

    @pytest.fixture(params=["3.3", "3.2"])
    def in_airflow(self, request, task):
        """Let the task run in an Airflow with a task state store, and in one without."""
        if request.param == "3.2":
            task.store = None
        return request.param

    @pytest.mark.parametrize("answered", [False, True])
    def test_a_manifest_is_whole_after_a_try_was_killed_while_deleting(
        self, task, in_airflow, die_deleting, answered, place, deletions, archived, legal
    ):
        die_deleting(task, answered=answered)
        assert set(fates(place.lines()).values()) == {"to be deleted"}
        summary = task.run()

        unconfirmed = 2 if answered else 0
        assert (summary["deleted"], summary["gone"]) == (5 - unconfirmed, unconfirmed)
        assert summary["copied"] + summary["there"] == 5
        assert summary["bytes"] == 15 or in_airflow == "3.2"
        assert Counter(fates(place.lines()).values()) == Counter(deleted=5 - unconfirmed, gone=unconfirmed)
        assert set(deletions().values()) == {1}
        assert len(deletions()) == 5
        assert archived().items() >= SIZES.items()
        reasons = {line["reason"] for line in place.lines() if line["original"] == "gone"}
        assert reasons <= {"it was gone when the next try looked for it"}
        assert not any(line["reason"] for line in place.lines() if line["original"] == "deleted")

    def test_what_graph_has_confirmed_to_an_earlier_try_is_told_as_deleted(
        self, task, place, deletions, monkeypatch
    ):
        """It dies at its second batch of deletions: the answers to the first are in the task state store."""
        send, seen = Session.send, []

        def send_or_die(session, request):
            seen.extend(part for part in request.parts if part.method == "DELETE")
            if len(seen) > 2:
                raise Killed
            return send(session, request)

        with monkeypatch.context() as patch:
            patch.setattr(Session, "send", send_or_die)
            patch.setattr(delete_originals, "BATCH_SIZE", 2)
            with pytest.raises(Killed):
                task.run()
        assert sum(deletions().values()) == 2
        summary = task.run()
        assert (summary["deleted"], summary["gone"], summary["copied"]) == (5, 0, 5)
        assert fates(place.lines()) == dict.fromkeys(TREE, "deleted")

    def test_an_original_that_was_kept_and_whose_owner_deleted_it_is_gone(self, task, place, legal, tenant):
        task.parameters |= {"max_failures": 1}
        kept = legal.find("In/a.txt")
        tenant.faults.append(Fault("DELETE", f"items/{kept.id}", status=423, times=20))
        assert task.run()["failed"] == 1
        tenant.faults.clear()
        legal.remove(kept)
        summary = task.run()
        assert (summary["copied"], summary["failed"], summary["deleted"], summary["gone"]) == (5, 0, 4, 1)
        assert fates(place.lines())["a.txt"] == "gone"
        assert counts(task.run()) == counts(summary)

    def test_a_try_after_all_deletions_reports_the_same_and_deletes_nothing(
        self, task, in_airflow, place, deletions, log
    ):
        first, lines = task.run(), place.lines()
        second = task.run()

        assert counts(first) == counts(second)
        assert place.lines() == lines
        assert set(deletions().values()) == {1}
        assert log.has("An earlier try deleted 5 originals: the manifest keeps them.")

    def test_a_manifest_is_whole_after_several_tries_were_killed(self, task, die_deleting, place, deletions):
        die_deleting(task, answered=True)
        die_deleting(task, answered=True)
        summary = task.run()

        assert counts(summary) == {"copied": 5, "there": 0, "failed": 0, "deleted": 1}
        assert summary["gone"] == 4
        assert Counter(fates(place.lines()).values()) == {"deleted": 1, "gone": 4}
        assert set(deletions().values()) == {1}

    def test_another_run_does_not_overwrite_it(self, task, place, helpers, legal):
        task.run()
        lines = place.lines()
        legal.put("In/new.txt", b"new")
        worker = helpers.Worker()
        worker.ti.run_id, worker.ti.try_number = "another", 2
        with pytest.raises(DriveArgumentError, match="has its manifest there"):
            worker.run(DriveArchiveOperator, **task.parameters)
        assert place.lines() == lines
        assert legal.find("In/new.txt")

    def test_an_original_that_was_moved_meanwhile_is_not_reported_as_deleted(
        self, task, die_deleting, place, legal, hook, ids
    ):
        die_deleting(task, answered=False)
        moved = legal.find("In/a.txt")
        hook.move_item(ids(moved), ids(legal.mkdir("Elsewhere")))
        summary = task.run()

        assert counts(summary) == {"copied": 5, "there": 0, "failed": 0, "deleted": 4}
        assert fates(place.lines())["a.txt"].startswith("kept: a later try found it")
        assert legal.find("Elsewhere/a.txt") is moved
        assert counts(task.run()) == counts(summary)

    def test_an_original_that_cannot_be_read_is_sent_another_delete(
        self, task, die_deleting, place, tenant, legal, deletions
    ):
        die_deleting(task, answered=True)
        gone = next(line for line in place.lines() if legal.items.get(line["source"]["id"]) is None)
        tenant.faults.append(Fault("GET", rf"items/{gone['source']['id']}$", status=403, times=2))
        summary = task.run()

        assert counts(summary) == {"copied": 5, "there": 0, "failed": 0, "deleted": 3}
        assert summary["gone"] == 2
        assert Counter(fates(place.lines()).values()) == {"deleted": 3, "gone": 2}
        assert deletions()[gone["source"]["id"]] == 2

    @pytest.mark.parametrize("answered", [False, True])
    def test_items_that_an_earlier_try_deleted_are_not_failures(
        self, task, die_deleting, answered, place, source, ids
    ):
        items = [
            {**ids(item), "path": item.path.removeprefix("In/")}
            for item in source.walk()
            if not item.is_folder
        ]
        task.parameters |= {"items": items, "source": None, "pattern": None}
        die_deleting(task, answered=answered)
        summary = task.run()

        unconfirmed = 2 if answered else 0
        assert counts(summary) == {"copied": 5, "there": 0, "failed": 0, "deleted": 5 - unconfirmed}
        assert summary["gone"] == unconfirmed
        assert summary["failures"] == []
        assert Counter(fates(place.lines()).values()) == Counter(deleted=5 - unconfirmed, gone=unconfirmed)

    def test_an_item_that_never_existed_stays_a_failure(self, task, die_deleting, source, ids, legal):
        items = [{**ids(item), "path": item.name} for item in source.walk() if not item.is_folder]
        items.append({**items[0], "id": "01NEVER", "path": "never.txt"})
        task.parameters |= {"items": items, "source": None, "pattern": None, "max_failures": 1}
        die_deleting(task, answered=True)
        summary = task.run()

        assert counts(summary) == {"copied": 5, "there": 0, "failed": 1, "deleted": 3}
        assert summary["gone"] == 2
        assert [failure["path"] for failure in summary["failures"]] == ["never.txt"]


class TestDryRun:
    def test_a_dry_run_changes_nothing_and_reports_the_plan(self, run, out, archived, tenant):
        summary = run(dry_run=True, delete_source=True)

        assert (summary["planned"], summary["copied"], archived()) == (5, 0, {})
        assert {call.method for call in tenant.calls(where="graph")} == {"GET"}
        assert summary["plan"]["whole_folders"] == ["2025", "2026"]
        assert (summary["plan"]["documents_in_batches"], summary["plan"]["documents_with_folders"]) == (2, 3)
        assert summary["plan"]["resource_units"] > 8
        assert {(each["path"], each["to"], each["how"]) for each in summary["plan"]["documents"]} == {
            (path, path, "folder" if "/" in path else "document") for path in TREE
        }

    def test_a_dry_run_reports_the_target_of_each_document(self, run, archive, tmp_path):
        archive.put("Out/a.txt", b"other")
        archive.put("Out/a 1.txt", b"another")
        for changes in ({"conflict_behavior": "rename"}, {"keep_structure": False}):
            manifest = tmp_path / f"{len(changes)}.jsonl"
            run(dry_run=True, max_failures=1, manifest=f"file://{manifest}", **changes)
            lines = {line["path"]: line for line in map(json.loads, manifest.read_text().splitlines())}
            if "keep_structure" in changes:
                assert lines["2025/q1/d.txt"]["destination"] == {"path": "d.txt"}
            else:
                assert lines["a.txt"]["destination"] == {"path": "a 2.txt"}
                assert lines["2025/q1/d.txt"]["destination"] == {"path": "2025/q1/d.txt"}

    def test_a_dry_run_does_not_replace_the_manifest_of_a_real_run(self, run, out, place, tenant, log):
        run(pattern="a.txt", manifest=place.url)
        record, asked = place.lines(), len(tenant.calls(where="graph"))
        summary = run(dry_run=True, manifest=place.url)

        assert summary["manifest"] is None
        assert place.lines() == record
        assert {call.method for call in tenant.calls(where="graph")[asked:]} == {"GET"}
        assert log.has("The plan is not written to")

    def test_the_plan_of_a_dry_run_goes_to_object_storage_but_not_to_a_drive(self, run, out, place, tenant):
        for pattern in ("a.txt", "**"):  # a plan takes the place of a plan
            summary = run(dry_run=True, manifest=place.url, pattern=pattern)
        is_drive = "file:" not in place.url

        assert summary["manifest"] == (None if is_drive else place.url)
        assert len(place.lines()) == (0 if is_drive else 5)
        assert {call.method for call in tenant.calls(where="graph")} == {"GET"}

    def test_a_plan_is_not_merged_as_an_earlier_try(self, run, out, tmp_path):
        run(dry_run=True, manifest=f"file://{tmp_path}/m.jsonl", delete_source=True)
        summary = run(manifest=f"file://{tmp_path}/m.jsonl", delete_source=True)
        assert counts(summary) == {"copied": 5, "there": 0, "failed": 0, "deleted": 5}

    def test_a_dry_run_does_not_replace_a_file_that_is_not_a_plan(self, run, out, tmp_path):
        (tmp_path / "m.jsonl").write_text("notes\n")
        run(dry_run=True, manifest=f"file://{tmp_path}/m.jsonl")
        assert (tmp_path / "m.jsonl").read_text() == "notes\n"

    def test_a_dry_run_plans_for_a_missing_destination(self, run, tenant):
        plan = run(dry_run=True)["plan"]
        assert plan["whole_folders"] == ["."]
        assert {each["path"]: each["to"] for each in plan["documents"]} == {path: path for path in TREE}

    def test_an_archive_costs_about_what_its_plan_estimated(self, run, out, archived, tenant, legal):
        for number in range(70):
            legal.put(f"In/many/{number}.bin", b"%d" % number)
            legal.put(f"In/{number}.bin", b"%d" % number)
        plan = run(dry_run=True)["plan"]
        summary = run()

        assert summary["copied"] == 145
        assert summary["resource_units"] == pytest.approx(plan["resource_units"], rel=0.15)


class TestDeferral:
    def test_one_trigger_waits_for_all_copies(self, run, worker, out, archived, tenant, secret_parts):
        tenant.copies = CopyBehaviour(looks=3)
        summary = run(deferrable=True)

        assert worker.deferral is not None
        assert archived() == SIZES
        assert summary["copied"] == 5
        assert worker.event.keys() == {"status", "completed", "failed"}
        for secret in secret_parts():
            assert secret not in worker.stored + json.dumps(worker.event) + json.dumps(worker.ti.xcoms)

    def test_durations_in_filters_count_from_the_start_of_the_archive(self, run, worker, out, tenant, legal):
        tenant.copies = CopyBehaviour(seconds=1.5)
        for item in legal.find("In").walk():
            item.modified = datetime.now(UTC) - timedelta(seconds=1)
        summary = run(modified_after="PT3S", modified_before="PT0S", deferrable=True)

        assert worker.deferral is not None
        assert counts(summary) == {"copied": 5, "there": 0, "failed": 0, "deleted": 0}

    def test_a_copy_that_failed_during_the_deferral_is_reported_and_not_submitted_again(
        self, run, worker, out, tenant
    ):
        tenant.copies = CopyBehaviour(looks=3)
        tenant.next_copies.append(CopyBehaviour(looks=3, failure="generalException"))
        with pytest.raises(DriveArchiveError, match="generalException"):
            run(deferrable=True, pattern="**")
        assert len(tenant.jobs) == 5

    def test_an_event_or_a_state_that_is_not_ours_is_refused(self, run, worker, out, tenant):
        tenant.copies = CopyBehaviour(looks=3)
        run(deferrable=True)
        operator = DriveArchiveOperator(task_id="task", destination="drives/d/root")
        with pytest.raises(DriveResponseError, match="event is refused"):
            operator.execute_complete(worker.context, event={"status": "ended", "completed": {"a": 1}})
        worker.ti.xcom_push("archive", {"standing": {"begun": True}, "usage": {}})
        with pytest.raises(DriveResponseError, match="saved state of the archive is not valid"):
            operator.execute_complete(worker.context, event={"status": "unknown", "message": ""})
        worker.ti.xcom_push("archive", None)
        with pytest.raises(DriveResponseError, match="is missing"):
            operator.execute_complete(worker.context, event={"status": "unknown", "message": ""})

    def test_after_a_trigger_that_failed_the_copies_are_found_at_the_destination(
        self, worker, parameters, source, out, archived, tenant
    ):
        tenant.copies = CopyBehaviour(looks=3)
        worker.run(DriveArchiveOperator, **parameters | {"deferrable": True})
        operator = DriveArchiveOperator(task_id="task", **parameters)
        summary = operator.execute_complete(worker.context, event={"status": "unknown", "message": "no"})
        assert _archived(summary) == 5
        assert archived() == SIZES

    def test_a_copy_that_the_service_rewrote_counts_if_its_monitor_completed(
        self, run, out, legal, tenant, archive
    ):
        tenant.rewrites_office = True
        for number in range(30):
            legal.put(f"In/{number}.docx", b"%d" % number)
        summary = run(pattern="*.docx", delete_source=True)

        assert (summary["copied"], summary["deleted"]) == (30, 30)
        assert archive.find("Out/7.docx").hash != legal.put("In/7.docx", b"7").hash


class TestTheLog:
    def test_it_tells_how_far_it_is(self, run, out, tenant, log, timings, legal):
        timings(progress=0.0)
        tenant.copies = CopyBehaviour(seconds=0.3)
        tenant.faults.append(Fault("POST", r"\$batch$", status=429, retry_after=1))
        for number in range(3):
            legal.put(f"In/{number}.bin", b"0" * 200_000)
        summary = run(pattern="**")

        assert summary["throttled_seconds"] >= 1.0
        told = r"0 of 8 documents done, 0.0 MB, 0 a minute, throttled by Graph \(429\) for 1 s so far"
        assert log.has(told)
        assert log.has(r"Requests were throttled by Graph \(429\) for \d+ s")

    def test_it_tells_how_many_originals_are_deleted(self, run, out, log, monkeypatch, timings):
        timings(progress=0.0)
        monkeypatch.setattr(delete_originals, "BATCH_SIZE", 2)
        monkeypatch.setattr(delete_originals, "ORIGINALS_PER_UNIT", 0)
        run(delete_source=True)
        counts = (2, 4, 5)
        assert [log.has(f"{count} originals deleted or kept so far") for count in counts] == [True] * 3

    def test_what_it_remembers_of_failures_has_a_bound(self, run, worker, out, tenant, legal, monkeypatch):
        monkeypatch.setattr(state_module, "MAX_FAILED", 3)
        monkeypatch.setattr(state_module, "MAX_REASON_LENGTH", 20)
        items = [legal.put(f"In/{number}.bin", b"x") for number in range(9)]
        for item in items[1:]:
            tenant.faults.append(Fault("POST", rf"{item.id}/copy$", status=423, times=9))
        tenant.copies = CopyBehaviour(looks=3)
        summary = run(pattern="*.bin", deferrable=True, max_failures=9)

        remembered = worker.xcom("archive")["state"]["failed"]
        assert (len(remembered), {len(reason) for reason in remembered.values()}) == (3, {20})
        assert (summary["copied"], summary["failed"]) == (2, 8)

    def test_many_folder_copies_to_one_folder_are_polled_by_their_monitors(
        self, run, out, legal, archived, monkeypatch
    ):
        pauses, pause = [], Session.pause

        def note(session, wanted):
            pauses.append(wanted.seconds)
            pause(session, wanted)

        monkeypatch.setattr(Session, "pause", note)
        for number in range(20):
            legal.put(f"In/{number}/x.bin", b"x")

        assert run(poll_interval=15.0)["copied"] == 25
        assert sum(pauses) < 5.0


class TestFaults:
    def test_a_copy_that_fails_is_reported_and_the_others_go_on(self, run, out, archived, tenant):
        tenant.next_copies.append(CopyBehaviour(failure="generalException"))
        summary = run(pattern="**", max_failures=1)
        assert (summary["copied"], summary["failed"]) == (4, 1)
        assert "generalException" in summary["failures"][0]["reason"]

    def test_a_folder_that_fails_as_a_whole_is_copied_document_by_document(self, run, archived, tenant):
        tenant.next_copies.append(CopyBehaviour(failure="generalException", partial=2))
        assert _archived(run()) == 5
        assert archived() == SIZES

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("POST", r"\$batch$", "drop_before"),
            Fault("POST", r"\$batch$", "drop_after"),
            Fault("POST", r"\$batch$", "garbage", status=200),
            Fault("POST", r"\$batch$", "garbage", status=200, effect=True),
            Fault("POST", r"\$batch$", status=429, retry_after=0),
            Fault("POST", r"\$batch$", status=400),
            Fault("POST", r"\$batch$", status=503),
            Fault("POST", r"/copy$", status=429, retry_after=0, times=2),
            Fault("POST", r"/copy$", status=405),
            Fault("POST", r"/copy$", status=504, effect=True, times=2),
            Fault("POST", r"/copy$", status=404, effect=True),
            Fault("GET", r"/children$", status=503, retry_after=0),
            Fault("GET", r"", "drop_before", where="monitor", times=9),
        ],
        ids=lambda fault: f"{fault.kind} {fault.status} {fault.path} {fault.effect}",
    )
    def test_each_document_arrives_once_after_any_fault(self, run, out, archived, tenant, source, fault):
        tenant.faults.append(fault)
        assert _archived(run(pattern="**")) == 5
        assert archived() == SIZES
        assert {tenant.copies_made(item.id) for item in source.walk() if not item.is_folder} == {1}

    def test_a_tenant_that_refuses_batched_copies_gets_them_one_by_one(self, run, out, archived, tenant):
        tenant.witness = lambda request: (
            Fault(status=405) if request.is_batched and request.path.endswith("/copy") else None
        )
        assert run(pattern="**")["copied"] == 5
        assert archived() == SIZES
        assert sum(call.is_batched for call in tenant.calls("POST", "/copy$")) == 5

    def test_a_copy_without_a_monitor_is_found_at_the_destination(self, run, out, archived, tenant):
        tenant.copies = CopyBehaviour(location="none")
        assert run(pattern="**")["there"] == 5  # no id tells whose they are
        assert archived() == SIZES

    def test_a_monitor_that_forgets_its_copy_is_not_a_failure(self, run, out, archived, tenant):
        tenant.copies = CopyBehaviour(lost=True)
        assert run(pattern="**")["there"] == 5
        assert archived() == SIZES

    def test_a_copy_that_never_shows_fails(self, run, out, tenant):
        tenant.next_copies.append(CopyBehaviour(misplaced=True))
        with pytest.raises(DriveArchiveError, match="is copied, but it is in the folder"):
            run(pattern="**")

    def test_a_copy_that_exceeds_copy_timeout_fails(self, run, out, tenant):
        tenant.copies = CopyBehaviour(looks=1000)
        with pytest.raises(DriveArchiveError, match="was not copied in time"):
            run(pattern="**", copy_timeout=0.3)

    def test_a_name_that_is_taken_at_the_last_moment_is_numbered(self, run, out, archived, tenant, archive):
        def take(request):
            if request.path.endswith("/copy"):
                tenant.witness = None
                archive.put("Out/a.txt", b"somebody's")

        tenant.witness = take
        assert run(pattern="a.txt", conflict_behavior="rename")["copied"] == 1
        assert archived() == {"a.txt": 10, "a 1.txt": 1}

    def test_an_archive_keeps_to_the_rate_limit(
        self, worker, parameters, source, out, archived, tenant, connect
    ):
        connect(resource_units_per_minute=6_000)
        tenant.budget, tenant.budget_window = 600, 6.0
        assert worker.run(DriveArchiveOperator, **parameters)["copied"] == 5
        assert [call.status for call in tenant.journal if call.status == 429] == []

    @pytest.mark.parametrize("status", [400, 403, 423, 500])
    def test_a_target_name_that_cannot_be_read_fails_its_document(
        self, run, out, archived, tenant, archive, monkeypatch, status
    ):
        archive.mkdir("Out/many").parent.drive.put("Out/many/x", b"")
        monkeypatch.setattr(target, "UNITS_PER_PAGE", 99)  # to look up a name costs less
        tenant.faults.append(Fault("GET", r"items/[^/]+:/b\.bin:$", status=status, times=20))
        summary = run(pattern="**", max_failures=1)

        assert (summary["copied"], summary["failed"]) == (4, 1)
        assert summary["failures"][0]["path"] == "b.bin"

    @pytest.mark.parametrize(("status", "failed"), [(403, 1), (404, 0)])
    @pytest.mark.parametrize("pattern", [None, "**"])
    def test_a_source_folder_that_cannot_be_read_is_one_failure(
        self, run, out, legal, tenant, status, failed, pattern
    ):
        folder = legal.find("In/2026")
        tenant.faults.append(Fault("GET", rf"items/{folder.id}/children$", status=status, times=20))
        summary = run(pattern=pattern, max_failures=1)

        assert (summary["copied"], summary["failed"]) == (4, failed)
        assert [failure["path"] for failure in summary["failures"]] == ["2026"] * failed

    @pytest.mark.parametrize("status", [403, 423])
    def test_a_destination_folder_that_cannot_be_read_fails_its_documents(
        self, run, out, archive, ids, tenant, status, worker, parameters, source, monkeypatch
    ):
        folder = archive.mkdir("Out/2025")
        tenant.faults.append(Fault("GET", rf"items/{folder.id}", status=status, times=20))
        for behavior in ("skip", "rename"):
            summary = run(conflict_behavior=behavior, max_failures=9, pattern="2025/*")
            assert {failure["path"] for failure in summary["failures"]} == {"2025/c.txt", "2025/q1"}

    def test_a_source_that_cannot_be_read_fails_the_task(self, run, out, source, tenant):
        tenant.faults.append(Fault("GET", rf"items/{source.id}/children$", status=403, times=20))
        with pytest.raises(DriveAccessDeniedError):
            run(pattern="**")

    def test_a_long_retry_after_is_waited_for(self, run, out, archived, tenant, monkeypatch):
        pauses = []
        monkeypatch.setattr(Session, "pause", lambda _, pause: pauses.append(pause.seconds))
        monkeypatch.setattr(blocking, "throttled_response", lambda _: None)
        tenant.faults.append(Fault("POST", r"/copy$", status=429, retry_after=315, times=2))
        assert run(pattern="**")["copied"] == 5
        assert TIMINGS.throttled in pauses

    def test_throttling_without_an_end_fails(self, run, out, tenant, monkeypatch):
        monkeypatch.setattr(Session, "pause", lambda *_: None)
        tenant.faults.append(Fault("POST", r"/copy$", status=429, retry_after=315, times=999))
        with pytest.raises(DriveArchiveError, match="5 documents"):
            run(pattern="**")

    @pytest.mark.parametrize("status", [403, 404, 409, 415, 423, 501])
    def test_a_tenant_that_refuses_batched_copies_by_another_status_gets_them_one_by_one(
        self, run, out, archived, tenant, status
    ):
        tenant.witness = lambda request: (
            Fault(status=status) if request.is_batched and request.path.endswith("/copy") else None
        )
        assert run(pattern="**")["copied"] == 5
        assert archived() == SIZES

    def test_one_document_that_is_refused_leaves_the_others_in_batches(
        self, run, out, archived, tenant, legal
    ):
        items = [legal.put(f"In/{number}.bin", b"%d" % number) for number in range(199)]
        tenant.faults.append(Fault("POST", rf"{items[0].id}/copy$", status=423, times=9))
        assert run(pattern="*.bin", max_failures=1)["failed"] == 1
        assert sum(not call.is_batched for call in tenant.calls("POST", "/copy$")) == 1

    def test_a_name_that_is_taken_by_what_is_not_to_be_seen_yet(
        self, run, out, tenant, archive, monkeypatch, timings
    ):
        monkeypatch.setattr(target, "UNITS_PER_PAGE", 99)
        archive.put("Out/a.txt", b"a")
        looks = iter([404, 404])

        def lag(request):
            if request.method == "GET" and request.path.endswith(":/a.txt:"):
                return next((Fault(status=status, code="itemNotFound") for status in looks), None)
            return None

        tenant.witness = lag
        timings(read_back=5.0)
        summary = run(pattern="a.txt")
        assert (summary["copied"] + summary["there"], summary["failed"]) == (1, 0)

    def test_a_folder_that_still_fills_when_it_is_completed(self, run, archived, tenant, source, timings):
        timings(filling=(0.3, 0.3))
        hidden = []

        def hide(request):
            if request.method == "GET" and "/children" in request.path and tenant.jobs and not hidden:
                hidden.append(request.path)
                return Fault(status=200, kind="garbage", body=b'{"value": []}')
            return None

        tenant.witness = hide
        assert run()["copied"] == 5
        assert len(tenant.jobs) == 1

    def test_a_task_that_is_killed_stops_waiting(self, worker, parameters, source, out, tenant):
        tenant.copies = CopyBehaviour(seconds=60)
        operator = DriveArchiveOperator(task_id="task", **parameters)

        def stop(request):
            if request.where == "monitor" or "/children" in request.path:
                operator.on_kill()

        tenant.witness = stop
        with pytest.raises(DriveError, match="was stopped"):
            operator.execute(worker.context)


class TestCrashes:
    @pytest.mark.parametrize("behavior", ["skip", "fail", "replace", "rename"])
    @pytest.mark.parametrize("point", POINTS, ids=str)
    def test_a_retry_goes_on_after_a_crash_at_any_request(
        self, resumable, source, out, archived, tenant, archive, behavior, point
    ):
        older = archive.put("Out/b.bin", b"other" if behavior in {"replace", "rename"} else b"bb")
        older.created -= timedelta(hours=1)
        task = resumable(conflict_behavior=behavior, max_failures=1, pattern="**")
        method, path, answered = point

        task.die(method, path, answered=answered)
        summary = task.run()

        expected = SIZES | ({"b.bin": 5, "b 1.bin": 2} if behavior == "rename" else {})
        assert archived() == expected
        assert summary["failed"] == (behavior == "fail")
        items = [item for item in source.walk() if not item.is_folder]
        assert max(tenant.copies_made(item.id) for item in items) == 1

    @pytest.mark.parametrize("answered", [False, True])
    def test_without_a_manifest_the_summary_tells_of_what_was_deleted_before(
        self, resumable, source, die_deleting, answered
    ):
        task = resumable(delete_source=True)
        die_deleting(task, answered=answered)
        summary = task.run()
        deleted = 3 if answered else 5
        assert (summary["copied"], summary["deleted"], summary["gone"]) == (5, deleted, 5 - deleted)
        assert summary["bytes"] == 15

    @pytest.mark.parametrize("manifest", [None, "file://{}/m.jsonl"])
    def test_items_that_an_earlier_try_deleted_are_counted_though_given_one_by_one(
        self, resumable, source, out, ids, tmp_path, manifest
    ):
        documents = [item for item in source.walk() if not item.is_folder]
        items = [{**ids(item), "name": item.name, "path": item.name} for item in documents[:-1]]
        task = resumable(source=None, items=[*items, f"drives/{source.drive.id}/root:/In/missing.txt"])
        task.parameters |= {"delete_source": True, "manifest": manifest and manifest.format(tmp_path)}
        for _ in range(2):
            with pytest.raises(DriveArchiveError, match=r"(?s)1 documents .*/missing\.txt"):
                task.run()
        assert task.worker.xcom("summary")["copied"] == task.worker.xcom("summary")["deleted"] == 4

    @pytest.mark.parametrize("answered", [False, True])
    def test_a_folder_copy_of_an_earlier_try_is_not_submitted_again(
        self, resumable, source, archived, tenant, answered
    ):
        task = resumable()
        task.die("POST", "/copy", answered=answered)
        assert _archived(task.run()) == 5
        assert archived() == SIZES
        assert sum(job.state == "completed" for job in tenant.jobs) == 1

    @pytest.mark.parametrize("seconds", [0.0, 0.2, 0.6])
    def test_a_replacing_copy_is_there_once_after_a_crash(
        self, resumable, source, out, archived, tenant, archive, seconds
    ):
        """Its name is free again when it has taken the other's: no second one may come under it then."""
        archive.put("Out/b.bin", b"other")
        tenant.copies = CopyBehaviour(seconds=seconds)
        task = resumable(conflict_behavior="replace", pattern="**")
        task.die("POST", "/$batch", answered=True)
        tenant.copies = CopyBehaviour(seconds=0.7)
        assert task.run()["copied"] == 5
        for job in tenant.jobs:
            job.end()

        assert archived() == SIZES
        assert {tenant.copies_made(item.id) for item in source.walk() if not item.is_folder} == {1}

    def test_a_replacing_copy_is_not_submitted_again_after_a_deferral(
        self, run, worker, source, out, archived, tenant, archive
    ):
        archive.put("Out/b.bin", b"other")
        tenant.copies = CopyBehaviour(looks=3)
        assert run(conflict_behavior="replace", pattern="**", deferrable=True)["copied"] == 5
        assert worker.deferral is not None
        assert archived() == SIZES
        assert len(tenant.jobs) == 5

    def test_a_retry_goes_on_after_a_crash_before_the_deferral(
        self, resumable, source, out, archived, tenant
    ):
        tenant.copies = CopyBehaviour(seconds=0.4)
        task = resumable(deferrable=True)
        task.die("GET", "/operations/", answered=True)
        assert task.run()["copied"] == 5
        assert archived() == SIZES

    @pytest.mark.parametrize("behavior", ["fail", "replace"])
    def test_before_airflow_3_3_the_begin_of_the_dag_run_is_what_is_known(
        self, second_try, source, out, archived, tenant, behavior
    ):
        assert second_try(conflict_behavior=behavior)["copied"] == 5
        assert archived() == SIZES
        assert len(tenant.jobs) == 5

    def test_before_airflow_3_3_a_retry_with_rename_fails_rather_than_copy_twice(
        self, second_try, source, out, archived, tenant
    ):
        with pytest.raises(DriveArchiveError, match=r"before Airflow 3\.3 it is not known"):
            second_try(conflict_behavior="rename")
        assert archived() == SIZES
        assert len(tenant.jobs) == 5

    @pytest.fixture
    def second_try(self, worker, parameters):
        """Run an archive, and run it again as a retry in an Airflow without a task state store."""

        def run(**changes):
            begun = datetime.now(UTC) - timedelta(seconds=1)
            worker.run(DriveArchiveOperator, **parameters, **changes, pattern="**")
            worker.context["dag_run"] = SimpleNamespace(start_date=begun)
            worker.ti.try_number = 2
            return worker.run(DriveArchiveOperator, **parameters, **changes, pattern="**")

        return run

    def test_who_clears_it_asks_for_all_of_it_again(self, resumable, source, out, tenant):
        task = resumable(conflict_behavior="fail")
        task.run()
        task.clear()
        with pytest.raises(DriveArchiveError, match="5 documents"):
            task.run()


class TestParameters:
    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"source": None}, "either a source or items"),
            ({"items": []}, "either a source or items"),
            ({"conflict_behavior": "overwrite"}, "conflict_behavior"),
            ({"max_failures": -1}, "max_failures"),
            ({"pattern": 7}, "pattern"),
            ({"poll_interval": 0}, "poll_interval"),
            ({"copy_timeout": -1}, "copy_timeout"),
        ],
    )
    def test_invalid_parameters_are_refused_before_anything_is_sent(self, run, asked, wrong, error):
        with pytest.raises(DriveArgumentError, match=error):
            run(**wrong)
        assert asked("graph") == []

    def test_the_path_of_an_item_may_not_lead_out_of_the_destination(self, run, ids, source):
        items = [{**ids(source), "path": "../x.txt"}]
        with pytest.raises(DriveAddressError):
            run(source=None, items=items)


class TestTheEnd:
    """What the last lines of the log, the summary and the error say: at three in the morning, that is all."""

    CONFLICT = "2025/c.txt"

    def test_a_failed_archive_says_what_it_did(self, run, archive, log, worker, tmp_path):
        archive.put(f"Out/{self.CONFLICT}", b"another one")
        manifest = f"file://{tmp_path}/m.jsonl"

        with pytest.raises(DriveArchiveError) as told:
            run(delete_source=True, manifest=manifest)

        told = str(told.value).splitlines()
        assert told[:2] == [
            "1 documents could not be archived, and 0 may fail.",
            "Of all 5 documents: 4 copied, 4 originals deleted.",
        ]
        assert told[2].startswith("2025/c.txt failed: 'c.txt' is there already, with another content: ")
        assert told[3] == f"Manifest: {manifest}"
        assert log.has(r"Failed\. Documents: 4 copied, 1 failed, 4 originals deleted; 0\.0 MB; ")
        assert worker.xcom("summary")["manifest"] == manifest

    def test_an_archive_that_is_stopped_by_an_error_says_what_it_did(self, run, out, tenant, log, worker):
        tenant.faults.append(Fault("POST", "/\\$batch", status=401, times=9, after=2))

        with pytest.raises(DriveError):
            run(delete_source=True, pattern="**")

        assert log.has(r"Failed\. Documents: 5 copied")
        assert worker.xcom("summary")["copied"] == 5

    def test_a_dry_run_is_green_and_says_what_would_fail(self, run, archive, log):
        archive.put(f"Out/{self.CONFLICT}", b"another one")

        summary = run(dry_run=True)

        assert (summary["planned"], summary["failed"]) == (4, 1)
        assert summary["plan"]["documents_that_would_fail"] == 1
        assert log.has("2025/c.txt would fail: 'c.txt' is there already")
        assert not log.has("Manifest:")

    def test_a_filter_says_what_it_left_out(self, run, out, log):
        summary = run(pattern="*.txt", max_size=0)

        assert summary["filter"] == {"seen": 5, "matching": 0, "pattern": 4, "max_size": 1}
        assert log.has("Documents below the source: 5 seen, 0 match; left out: 4 by pattern, 1 by max_size.")
        assert log.has(r"There was no document: nothing was done")
        assert summary["note"] == "There was no document: nothing was done."

    @pytest.mark.parametrize("folder", ["file://{}", "file://{}/", "file://{}/new/"])
    def test_a_folder_is_no_place_for_a_manifest(self, run, out, tenant, tmp_path, folder):
        with pytest.raises(DriveArgumentError, match="it is a folder"):
            run(manifest=folder.format(tmp_path))
        assert not tenant.calls("POST", "/copy")

    def test_a_run_that_has_done_something_has_no_note(self, run, out):
        assert run()["note"] is None
        assert run(delete_source=True)["note"] is None

    def test_a_manifest_of_no_document_says_so_and_stays_the_tasks_own(self, run, out, place, worker):
        run(pattern="*.docx", manifest=place.url)

        assert place.lines() == [{"run": ANY, "note": "There was no document: nothing was done."}]
        worker.ti.map_index = 1
        with pytest.raises(DriveArgumentError, match="has its manifest there"):
            run(manifest=place.url)

    def test_the_links_of_an_archive_that_is_stopped_by_an_error_lead_to_its_folders(
        self, run, out, monkeypatch, worker, legal, archive
    ):
        send = Session.send

        def send_until_login_is_refused(session, request):
            if request.parts:
                raise DriveAuthError("The token was revoked.")
            return send(session, request)

        monkeypatch.setattr(Session, "send", send_until_login_is_refused)

        with pytest.raises(DriveAuthError):
            run(pattern="**")

        assert worker.xcom("source_url") == f"{legal.web_url}/In"
        assert worker.xcom("destination_url") == f"{archive.web_url}/Out"

    def test_no_document_fails_the_task_if_that_is_asked_for(self, run, out):
        with pytest.raises(DriveError, match=r"no document to archive.*left out: 5 by pattern") as told:
            run(pattern="*.docx", fail_if_empty="True")
        assert told.value.retryable

    def test_a_document_satisfies_fail_if_empty_even_if_it_is_there_already(self, run, out):
        run()

        assert run(fail_if_empty=True)["there"] == 5

    def test_a_second_run_says_that_another_has_copied_everything(self, run, resumable, out, log, tmp_path):
        run()
        summary = resumable(manifest=f"file://{tmp_path}/m.jsonl").run()

        assert summary["note"].startswith("Nothing was left to copy: an earlier try, another run or somebody")
        assert log.has(summary["note"])
        lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
        assert {line["reason"] for line in lines} == {"its content was there: this task has not copied it"}

    def test_links_lead_to_the_source_the_destination_and_a_manifest_in_a_drive(
        self, run, legal, archive, worker
    ):
        run(manifest=f"drives/{archive.id}/root:/R/m.jsonl")

        urls = {name: worker.xcom(f"{name}_url") for name in ("source", "destination", "manifest")}
        assert urls["source"] == f"{legal.web_url}/In"
        assert urls["destination"] == f"{archive.web_url}/Out"
        assert "m.jsonl" in urls["manifest"]

    def test_a_folder_that_seems_empty_while_graph_counts_items_is_told(self, run, out, source, log):
        for child in source.children.values():
            child.hidden_reads = 99

        run()

        assert log.has(r"Graph says that '/In' holds \d items, and lists none: this login may lack")
