"""Files of object storage in a drive: verified, resumed, and under a name that is theirs."""

import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from transfers.conftest import FILES
from tries import Killed, StateStore

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveArgumentError, DriveTransferError
from airflow_provider_drive.protocol.items import transfer
from airflow_provider_drive.transfers import upload
from airflow_provider_drive.transfers.object_storage_to_drive import ObjectStorageToDriveOperator
from airflow_provider_drive.transport.blocking import Session

LARGE = bytes(range(256)) * 8_192  # 2 MiB
UPLOADS = "/_file/upload"


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "in"
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture
def parameters(store, legal):
    return {"source": f"file://{store}", "destination": f"drives/{legal.id}/root:/Reports/2026"}


@pytest.fixture
def run(worker, parameters):
    return lambda **changes: worker.run(ObjectStorageToDriveOperator, **parameters | changes)


@pytest.fixture
def arrived(legal):
    def read():
        folder = legal.find("Reports/2026")
        files = [item for item in folder.walk() if not item.is_folder] if folder else []
        return {item.path.removeprefix("Reports/2026/"): item.content.data for item in files}

    return read


@pytest.fixture
def small_pieces(monkeypatch):
    """Let a file of 2 MiB take an upload session with pieces of 320 KiB, which is stored for a retry."""
    monkeypatch.setattr(transfer, "SIMPLE_UPLOAD_LIMIT", 1 << 20)
    monkeypatch.setattr(transfer, "FRAGMENT_SIZE", 320 << 10)
    monkeypatch.setattr(upload, "RESUMABLE", 1 << 20)


@pytest.fixture
def puts(tenant):
    return lambda: len(tenant.calls("PUT"))


def test_all_files_arrive_with_their_paths(run, arrived, store, legal):
    summary = run()

    assert arrived() == FILES
    assert (summary["copied"], summary["failed"]) == (4, 0)
    files = {file["path"]: file for file in summary["files"]}
    item = legal.find("Reports/2026/2025/old.csv")
    assert files["2025/old.csv"] == {
        "path": "2025/old.csv",
        "uri": f"file://{store}/2025/old.csv",
        "driveId": legal.id,
        "id": item.id,
        "name": "old.csv",
        "size": 3,
        "eTag": item.etag,
        "quickXorHash": item.hash,
    }


def test_a_source_can_be_one_file(run, store, arrived):
    assert run(source=f"file://{store}/rates.csv")["copied"] == 1
    assert arrived() == {"rates.csv": FILES["rates.csv"]}


def test_globs_select_and_structure_can_be_left_out(run, arrived):
    run(pattern="**/*.csv", exclude="rates*", keep_structure=False)
    assert arrived() == {"old.csv": b"old"}


def test_a_source_that_does_not_exist_fails_for_good(run):
    with pytest.raises(AirflowFailException, match="There is nothing at"):
        run(source="file:///tmp/there/is/no/such/folder")


def test_a_destination_that_must_not_be_made_has_to_exist(run, legal, arrived):
    legal.mkdir("Reports/2026/2025")
    summary = run(create_destination=False, max_failures=2)
    assert (summary["copied"], summary["failed"]) == (2, 2)


@pytest.mark.parametrize(
    ("name", "allowed"), [("a:b.csv", "a-b.csv"), ("CON.txt", "_CON.txt"), ("~$x.docx", "_x.docx")]
)
def test_a_forbidden_name_is_refused_with_one_that_would_do(run, store, name, allowed):
    (store / name).write_bytes(b"x")
    with pytest.raises(DriveTransferError, match=f"{allowed.replace('.', '[.]')}' would do"):
        run(pattern=name)


class TestConflicts:
    @pytest.fixture(autouse=True)
    def other(self, legal):
        legal.put("Reports/2026/rates.csv", b"other")

    @pytest.mark.parametrize("behavior", ["fail", "skip"])
    def test_another_content_fails(self, run, arrived, behavior):
        summary = run(conflict_behavior=behavior, max_failures=1)
        assert (summary["copied"], summary["failed"]) == (3, 1)
        assert arrived()["rates.csv"] == b"other"

    def test_replace_gives_the_file_a_new_version(self, run, arrived, legal):
        before = legal.find("Reports/2026/rates.csv").id
        assert run(conflict_behavior="replace")["copied"] == 4
        assert arrived() == FILES
        assert legal.find("Reports/2026/rates.csv").id == before

    def test_rename_finds_a_free_name(self, run, arrived, legal):
        legal.put("Reports/2026/rates 1.csv", b"another")
        run(conflict_behavior="rename", pattern="rates.csv")
        assert arrived()["rates 2.csv"] == FILES["rates.csv"]
        assert arrived()["rates.csv"] == b"other"

    @pytest.mark.parametrize("behavior", ["skip", "replace"])
    def test_the_same_content_is_not_sent(self, run, legal, behavior, puts):
        legal.put("Reports/2026/rates.csv", FILES["rates.csv"])
        assert run(conflict_behavior=behavior, pattern="rates.csv")["there"] == 1
        assert puts() == 0

    @pytest.mark.parametrize("behavior", ["fail", "rename"])
    def test_a_retry_accepts_what_an_earlier_try_has_sent(self, run, worker, behavior, puts, arrived):
        run(conflict_behavior=behavior, exclude="rates.csv")
        before = puts()
        worker.ti.try_number = 2
        summary = run(conflict_behavior=behavior, exclude="rates.csv")
        assert (summary["there"], summary["copied"], puts()) == (3, 0, before)

    def test_a_folder_is_not_replaced(self, run, legal):
        legal.mkdir("Reports/2026/2025/old.csv")
        with pytest.raises(DriveTransferError, match=r"'old\.csv' is there already"):
            run(conflict_behavior="replace")


class TestFaults:
    def test_an_upload_whose_answer_is_lost_is_found(self, run, tenant, arrived):
        tenant.faults += [Fault(method="PUT", path="/content", kind="drop_after")]
        assert run(pattern="rates.csv")["copied"] == 1
        assert arrived() == {"rates.csv": FILES["rates.csv"]}

    def test_a_large_file_arrives_whole_in_spite_of_faults(self, run, store, tenant, arrived, small_pieces):
        (store / "large.bin").write_bytes(LARGE)
        tenant.faults += [
            Fault(method="PUT", path=UPLOADS, kind="drop_after"),
            Fault(method="PUT", path=UPLOADS, kind="drop_before", after=2),
        ]
        summary = run(pattern="large.bin")
        assert arrived() == {"large.bin": LARGE}
        assert summary["files"][0]["size"] == len(LARGE)

    def test_content_that_arrives_changed_fails(self, run, tenant, legal):
        tenant.witness = lambda request: (
            setattr(request, "body", b"changed") if request.method == "PUT" else None
        )
        with pytest.raises(DriveTransferError, match="another size or hash than what was uploaded"):
            run(pattern="rates.csv")

    def test_a_locked_file_fails_by_itself(self, run, legal):
        legal.put("Reports/2026/rates.csv", b"other").locked = True
        summary = run(conflict_behavior="replace", max_failures=1)
        assert (summary["copied"], summary["failed"]) == (3, 1)

    def test_a_retry_goes_on_with_the_upload_session_of_a_killed_try(  # noqa: PLR0917  # fixtures
        self, worker, parameters, store, tenant, arrived, small_pieces, monkeypatch
    ):
        (store / "large.bin").write_bytes(LARGE)
        worker.context["task_state_store"] = stored = StateStore()
        worker.ti.max_tries = 3
        send = Session.send

        def die(session, request):
            if "upload" in request.url and len(tenant.calls("PUT", UPLOADS)) == 3:
                raise Killed
            return send(session, request)

        monkeypatch.setattr(Session, "send", die)
        with pytest.raises(Killed):
            worker.run(ObjectStorageToDriveOperator, **parameters, pattern="large.bin")
        assert arrived() == {}
        assert "_file/upload" not in json.dumps(stored)

        monkeypatch.setattr(Session, "send", send)
        worker.ti.try_number = 2
        summary = worker.run(ObjectStorageToDriveOperator, **parameters, pattern="large.bin")
        assert arrived() == {"large.bin": LARGE}
        assert summary["copied"] == 1
        assert len(tenant.calls("POST", "createUploadSession")) == 1
        assert len(tenant.calls("PUT", UPLOADS)) == 7  # of 320 KiB each, none of them twice
        assert "uploads" not in json.dumps(stored)

    def test_a_source_that_gets_shorter_cancels_its_session(self, run, store, tenant, arrived, small_pieces):
        (store / "large.bin").write_bytes(LARGE)

        def cut(request):
            if request.method == "PUT":
                (store / "large.bin").write_bytes(LARGE[:1000])

        tenant.witness = cut
        with pytest.raises(DriveTransferError, match="is shorter than it was"):
            run(pattern="large.bin")
        assert arrived() == {}
        assert len(tenant.calls("DELETE", UPLOADS)) == 1
        assert not tenant.uploads


def test_the_manifest_has_a_line_for_each_file(run, tmp_path, store, legal):
    run(manifest=f"file://{tmp_path}/m.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    line = next(line for line in lines if line["path"] == "rates.csv")
    assert (line["outcome"], line["source"]["uri"]) == ("copied", f"file://{store}/rates.csv")
    assert line["destination"]["id"] == legal.find("Reports/2026/rates.csv").id


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"conflict_behavior": "overwrite"}, "conflict_behavior"),
        ({"parallel": 0}, "Invalid `parallel`"),
        ({"source": "none/such"}, "is not a URL of Airflow's object storage"),
        ({"destination": "none"}, "not a valid item address"),
    ],
)
def test_what_makes_no_sense_is_refused(run, changes, told):
    with pytest.raises(DriveArgumentError, match=told) as caught:
        run(**changes)
    assert isinstance(caught.value, AirflowFailException)
