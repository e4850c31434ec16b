"""Documents in object storage: whole or not at all, whatever happens while they are read."""

import json
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Asset
from transfers.conftest import FILES

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.emulator.state.content import Content
from airflow_provider_drive.exceptions import DriveArgumentError, DriveTransferError
from airflow_provider_drive.protocol.wire import items
from airflow_provider_drive.transfers.drive_to_object_storage import DriveToObjectStorageOperator
from airflow_provider_drive.transfers.storage import Draft


@pytest.fixture
def downloads(tenant):
    """How often bytes were asked for."""
    return lambda: len(tenant.calls("GET", "/_file/download", "file"))


class TestWhole:
    def test_all_documents_are_written_with_their_paths(self, run, written):
        summary = run()

        assert written() == FILES
        assert (summary["copied"], summary["failed"], summary["there"]) == (4, 0, 0)
        assert summary["bytes"] == sum(map(len, FILES.values()))

    def test_the_summary_lists_each_file_with_what_proves_it(self, run, out, legal):
        files = {file["path"]: file for file in run()["files"]}

        item = legal.find("In/2025/old.csv")
        assert files["2025/old.csv"] == {
            "uri": f"file://{out}/2025/old.csv",
            "path": "2025/old.csv",
            "size": 3,
            "eTag": item.etag,
            "quickXorHash": item.hash,
        }
        assert json.loads(json.dumps(files)).keys() == FILES.keys()

    def test_each_document_takes_one_request_beside_the_listing(self, run, legal, tenant):
        for number in range(36):
            legal.put(f"In/more/{number}.csv", b"x")
        assert run(pattern=["more/*", "2025/*"])["copied"] == 37
        assert len(tenant.calls("GET", where="file")) == 37
        assert len(tenant.calls(where="graph")) == 1 + 6  # the source, and the pages of six folders

    def test_metadata_of_twenty_given_documents_take_one_request(self, run, legal, tenant, ids):
        items = [ids(legal.put(f"In/more/{number}.csv", b"x")) for number in range(36)]
        assert run(source=None, items=items)["copied"] == 36
        assert len([call for call in tenant.calls("POST") if call.path.endswith("/$batch")]) == 2

    def test_a_listing_without_download_urls_is_enough(self, run, written, monkeypatch):
        monkeypatch.setattr(items, "_DOWNLOAD_URLS", ())
        run()
        assert written() == FILES

    def test_filters_select_as_in_an_archive(self, run, written):
        run(pattern="**/*.csv", exclude="2025/**")
        assert written().keys() == {"rates.csv"}

    def test_without_structure_all_files_are_in_the_destination_itself(self, run, written):
        run(keep_structure=False)
        assert written().keys() == {"rates.csv", "old.csv", "offer 100% #1.pdf", "empty.txt"}

    def test_of_two_documents_with_one_name_the_second_fails(self, run, legal, written):
        legal.put("In/2026/old.csv", b"another")
        with pytest.raises(DriveTransferError, match="another document of this task has its name"):
            run(keep_structure=False)
        assert written()["old.csv"] in {b"old", b"another"}

    def test_given_items_are_written_below_the_folders_of_their_paths(self, run, ids, legal, written):
        items = [{**ids(legal.find("In/2025/old.csv")), "path": "x/old.csv"}, ids(legal.find("In/rates.csv"))]
        assert run(source=None, items=items)["copied"] == 2
        assert written() == {"x/old.csv": b"old", "rates.csv": FILES["rates.csv"]}

    def test_an_item_that_does_not_exist_fails_and_the_others_are_written(self, run, ids, legal, written):
        items = [f"drives/{legal.id}/root:/In/none.csv", ids(legal.find("In/rates.csv"))]
        summary = run(source=None, items=items, max_failures=1)
        assert (summary["copied"], summary["failed"]) == (1, 1)
        assert written().keys() == {"rates.csv"}

    def test_a_notebook_is_named_as_one_that_has_no_bytes(self, run, legal):
        legal.put("In/Notes", facets={"package": {"type": "oneNote"}})
        summary = run(max_failures=1)
        (failure,) = summary["failures"]
        assert failure["path"] == "Notes"
        assert "notebook" in failure["reason"]


class TestFaults:
    def test_a_broken_download_goes_on_where_it_broke(self, run, tenant, written):
        tenant.faults += [Fault(kind="truncate", path="/_file/download", times=3)]
        assert run()["copied"] == 4
        assert written() == FILES

    def test_an_expired_download_url_is_read_again(self, run, tenant, written):
        tenant.faults += [Fault(status=401, code="unauthenticated", path="/_file/download", times=2)]
        assert run()["copied"] == 4
        assert written() == FILES

    def test_a_document_that_changes_while_it_is_read_is_read_again(self, run, tenant, legal, written):
        newer = [b"a newer version, longer than before"]

        def edit(request):
            if request.path.startswith("/_file/") and newer:
                legal.put("In/rates.csv", newer.pop())

        tenant.witness = edit
        summary = run(pattern="rates.csv")

        assert written() == {"rates.csv": b"a newer version, longer than before"}
        (file,) = summary["files"]
        assert file["eTag"] == legal.find("In/rates.csv").etag

    def test_a_document_whose_bytes_are_never_those_that_graph_lists_is_not_written(
        self, run, tenant, legal, written
    ):
        item = legal.find("In/rates.csv")
        item.content.__dict__["quick_xor_hash"] = "another"
        with pytest.raises(DriveTransferError, match="never those that Graph lists"):
            run(pattern="rates.csv")
        assert written() == {}

    def test_an_office_file_of_another_size_than_listed_is_written_and_its_original_kept(
        self, run, legal, written
    ):
        item = legal.put("In/plan.docx", b"the plan")
        item.content.__dict__["quick_xor_hash"] = "another"
        summary = run(pattern="plan.docx", after="delete")

        assert written() == {"plan.docx": b"the plan"}
        assert (summary["copied"], summary["deleted"]) == (1, 0)
        assert legal.find("In/plan.docx") is not None

    def test_a_file_that_the_service_has_no_hash_of_is_written_and_its_original_kept(
        self, run, legal, written
    ):
        legal.find("In/rates.csv").content.__dict__["hashes"] = {}
        legal.find("In/rates.csv").content.__dict__["quick_xor_hash"] = None
        summary = run(pattern="rates.csv", after="delete")
        assert written().keys() == {"rates.csv"}
        assert summary["deleted"] == 0

    def test_an_empty_file_without_hash_is_proven(self, run, tenant, legal):
        tenant.hashes_of_empty_files = False
        assert run(pattern="2026/empty.txt", after="delete")["deleted"] == 1

    def test_a_store_that_fails_leaves_nothing_under_the_name(self, run, written, monkeypatch):
        write = Draft.write

        def fail(draft, content):
            write(draft, content[:100])
            if draft._path == "rates.csv":
                raise DriveTransferError("the disk is full")

        monkeypatch.setattr(Draft, "write", fail)
        summary = run(pattern="rates.csv", max_failures=1)
        assert (summary["copied"], summary["failed"], written()) == (0, 1, {})

    def test_an_error_of_the_store_names_the_file_and_concerns_no_other(self, run, out):
        out.mkdir()
        (out / "2025").write_text("a file where a folder has to be")
        summary = run(max_failures=1)
        assert (summary["copied"], summary["failed"]) == (3, 1)
        assert f"file://{out}/2025/old.csv" in summary["failures"][0]["reason"]

    def test_a_store_that_fails_for_all_documents_ends_the_task_soon(self, run, out, legal, downloads):
        for number in range(60):
            legal.put(f"In/more/{number}.csv", b"x")
        out.mkdir()
        (out / "more").write_text("a file where a folder has to be")
        with pytest.raises(DriveTransferError, match="Could not"):
            run(pattern="more/*", max_failures=1_000, parallel=2)

    def test_a_download_host_that_is_not_allowed_gets_no_request(self, run, tenant, written):
        tenant.file_base = "https://files.example.com"
        with pytest.raises(AirflowFailException, match=r"files\.example\.com"):
            run()
        assert written() == {"2026/empty.txt": b""}  # there is nothing to read


class TestSecrets:
    def test_no_download_url_is_in_log_manifest_or_xcom(self, run, worker, log, tmp_path):
        run(manifest=f"file://{tmp_path}/m.jsonl")
        shown = log.text + (tmp_path / "m.jsonl").read_text() + json.dumps(worker.ti.xcoms)
        assert "tempauth" not in shown
        assert "_file/download" not in shown

    def test_no_token_goes_to_a_download_url(self, run, tenant):
        seen = []
        tenant.witness = lambda request: seen.append(request) or None
        run()
        downloads = [request for request in seen if request.path.startswith("/_file/")]
        assert downloads
        assert all("authorization" not in request.headers for request in downloads)


class TestExisting:
    def test_a_second_run_reads_nothing(self, run, downloads):
        run()
        before = downloads()
        summary = run()
        assert (summary["copied"], summary["there"]) == (0, 4)
        assert downloads() == before

    def test_skip_fails_for_another_content(self, run, out, written):
        out.mkdir()
        (out / "rates.csv").write_bytes(b"USD,EUR\n1,0.9\n")  # of the same size
        with pytest.raises(DriveTransferError, match="is there already, with another content"):
            run()
        assert written() == FILES | {"rates.csv": b"USD,EUR\n1,0.9\n"}

    def test_replace_writes_another_content_anew_and_leaves_the_same(self, run, out, written):
        out.mkdir()
        (out / "rates.csv").write_bytes(b"other")
        (out / "2025").mkdir()
        (out / "2025/old.csv").write_bytes(b"old")
        summary = run(on_existing="replace")
        assert (summary["copied"], summary["there"]) == (3, 1)
        assert written() == FILES

    def test_fail_fails_for_whatever_is_there(self, run, out):
        run(pattern="rates.csv")
        with pytest.raises(DriveTransferError, match="on_existing is 'fail'"):
            run(on_existing="fail")

    def test_fail_accepts_in_a_retry_what_an_earlier_try_has_written(self, run, worker):
        run(pattern="rates.csv", on_existing="fail")
        worker.ti.try_number = 2
        summary = run(on_existing="fail")
        assert (summary["there"], summary["copied"]) == (1, 3)


class TestOriginals:
    def test_originals_that_were_proven_are_deleted(self, run, legal):
        summary = run(after="delete", pattern="**/*.csv")
        assert summary["deleted"] == 2
        assert legal.find("In/rates.csv") is None
        assert legal.find("In/2026/empty.txt") is not None

    def test_originals_are_moved_with_their_paths(self, run, legal):
        summary = run(after="move", after_destination=f"drives/{legal.id}/root:/Done/2026")
        assert (summary["moved"], summary["deleted"]) == (4, 0)
        assert legal.find("Done/2026/2026/Q1/offer 100% #1.pdf").size == 5000
        assert legal.find("In/rates.csv") is None

    def test_originals_are_moved_to_another_drive(self, run, legal, archive):
        summary = run(after="move", after_destination=f"drives/{archive.id}/root:/Done", pattern="rates.csv")
        assert summary["moved"] == 1
        assert archive.find("Done/rates.csv").size == 14
        assert legal.find("In/rates.csv") is None

    def test_an_original_that_changed_after_it_was_read_is_kept(self, run, legal, tenant):
        def edit(request):
            if request.method == "DELETE":
                legal.put("In/rates.csv", b"newer")

        tenant.witness = edit
        summary = run(after="delete", pattern="rates.csv", max_failures=1)
        assert (summary["deleted"], summary["failed"]) == (0, 1)
        assert legal.find("In/rates.csv").content.data == b"newer"

    def test_the_manifest_is_written_before_an_original_is_deleted(self, run, tenant, tmp_path):
        manifest, seen = tmp_path / "m.jsonl", []

        def look(request):
            if request.method == "DELETE" or b'"DELETE"' in request.body:
                seen.append([json.loads(line)["original"] for line in manifest.read_text().splitlines()])

        tenant.witness = look
        run(after="delete", manifest=f"file://{manifest}")
        assert set(seen[0]) == {"to be deleted"}
        originals = [json.loads(line)["original"] for line in manifest.read_text().splitlines()]
        assert originals == ["deleted"] * 4

    def test_a_retry_keeps_in_its_manifest_what_an_earlier_try_has_deleted(
        self, run, worker, tenant, tmp_path
    ):
        manifest = f"file://{tmp_path}/m.jsonl"
        run(after="delete", manifest=manifest, pattern="2025/*")
        worker.ti.try_number = 2
        summary = run(after="delete", manifest=manifest)
        lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
        assert (summary["deleted"], summary["copied"]) == (4, 4)
        assert {line["path"] for line in lines} == FILES.keys()


class TestManifest:
    def test_a_manifest_in_the_source_is_refused(self, run, parameters, written):
        with pytest.raises(AirflowFailException, match="is in the source"):
            run(manifest=f"{parameters['source']}/Manifests/m.jsonl")
        assert written() == {}

    def test_a_manifest_can_be_in_a_drive(self, run, legal):
        run(manifest=f"drives/{legal.id}/root:/Manifests/m.jsonl")
        lines = legal.find("Manifests/m.jsonl").content.data.splitlines()
        assert {json.loads(line)["path"] for line in lines} == FILES.keys()

    def test_another_tasks_manifest_is_not_overwritten(self, run, tmp_path, written):
        (tmp_path / "m.jsonl").write_text('{"run": "another task"}\n')
        with pytest.raises(AirflowFailException, match="has its manifest there"):
            run(manifest=f"file://{tmp_path}/m.jsonl")
        assert written() == {}


class TestDryRun:
    def test_a_dry_run_writes_nothing_and_tells_what_would_be_written(self, run, written, out, downloads):
        summary = run(dry_run=True, after="delete")
        assert written() == {}
        assert (summary["planned"], summary["deleted"], downloads()) == (4, 0, 0)
        assert {"path": "rates.csv", "to": f"file://{out}/rates.csv"} in summary["plan"]["documents"]


class TestParameters:
    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"items": ["drives/d/items/i"]}, "either a source or items"),
            ({"on_existing": "overwrite"}, "Invalid `on_existing`"),
            ({"after": "remove"}, "Invalid `after`"),
            ({"after": "move"}, "after_destination is needed"),
            ({"after_destination": "drives/d/items/i"}, "after_destination is needed"),
            ({"parallel": 0}, "Invalid `parallel`"),
            ({"destination": "none/such"}, "is not a URL of Airflow's object storage"),
            ({"destination": "nonesuch://x"}, "No file system"),
            ({"pattern": []}, "Invalid `pattern`"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, run, changes, told):
        with pytest.raises(DriveArgumentError, match=told) as caught:
            run(**changes)
        assert isinstance(caught.value, AirflowFailException)

    def test_every_parameter_is_a_template_field(self):
        assert "dry_run" not in DriveToObjectStorageOperator.template_fields
        assert {"parallel", "after_destination", "is_dry_run"} <= set(
            DriveToObjectStorageOperator.template_fields
        )


def test_a_large_document_takes_no_more_memory_than_a_small_one(run, legal, written, out):
    legal.put("In/large.bin", size=64 << 20)
    assert run(pattern="large.bin")["bytes"] == 64 << 20
    assert (out / "large.bin").stat().st_size == 64 << 20
    assert Content(b"", 64 << 20).quick_xor_hash == legal.find("In/large.bin").hash


def test_the_events_of_outlets_have_the_summary_and_the_destination(run, worker, out):
    asset = Asset(name="raw", uri="x-raw")
    worker.context["outlet_events"] = {asset: SimpleNamespace(extra={})}
    run(outlets=[asset], destination=f"file://{out}")

    extra = worker.context["outlet_events"][asset].extra
    assert extra["summary"]["copied"] == 4
    assert "files" not in extra["summary"]
    assert (extra["folder"], extra["destination"]) == (None, f"file://{out}")
