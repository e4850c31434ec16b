"""A drive as a file system: what Airflow, pandas and DuckDB ask of one."""

import io
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveArgumentError, DriveError, DriveThrottledError
from airflow_provider_drive.fs.drive import get_fs, schemes
from airflow_provider_drive.fs.filesystem import DriveFileSystem
from airflow_provider_drive.hooks.client import DriveClient

ROOT = "contoso.sharepoint.com/sites/Legal/Shared Documents"
URL = f"msdrive://drive_default@{ROOT}"
ODD = "100%20 sure #1!.csv"


@pytest.fixture
def fs(connection):
    return DriveFileSystem()


@pytest.fixture
def path(connection):
    return ObjectStoragePath(URL)


@pytest.fixture
def rates(legal):
    return legal.put("2026/rates.csv", b"usd,eur\n1,0.9\n")


class TestPaths:
    @pytest.mark.parametrize(
        "text",
        [
            f"{ROOT}/2026/rates.csv",
            f"/{ROOT}/2026/rates.csv",
            f"msdrive://{ROOT}/2026/rates.csv",
            f"{URL}/2026/rates.csv",
            f"drive_default@{ROOT}/2026/rates.csv",
            f"/drive_default@{ROOT}/2026/rates.csv/",
            f"{URL.replace('Shared Documents', 'Shared%20Documents')}/2026/rates.csv",
            f"{URL.replace('Shared Documents', 'Documents')}/2026/rates.csv",
            f"{URL}/2026/RATES.csv",
        ],
    )
    def test_all_forms_mean_the_same_document(self, fs, rates, text):
        assert fs.info(text)["id"] == rates.id

    def test_a_drive_can_be_given_by_its_id(self, fs, rates, legal):
        assert fs.cat(f"msdrive://{legal.id}/2026/rates.csv") == rates.content.data

    def test_nothing_is_decoded_below_the_library(self, fs, legal, path):
        legal.put(ODD, b"odd")
        assert fs.cat(f"{ROOT}/{ODD}") == b"odd"
        assert (path / ODD).read_bytes() == b"odd"
        (path / f"2 {ODD}").write_bytes(b"new")
        assert legal.find(f"2 {ODD}").content.data == b"new"

    @pytest.mark.parametrize("missing", ["none.csv", "none/none.csv", "a:b.csv", "", "../x"])
    def test_what_is_not_there_is_not_found(self, fs, rates, missing):
        assert not fs.exists(f"{ROOT}/x/{missing}")
        with pytest.raises(FileNotFoundError):
            fs.open(f"{ROOT}/x/{missing}")

    @pytest.mark.parametrize(
        "text", ["contoso.sharepoint.com/sites/None/x/y", "contoso.sharepoint.com/sites/Legal/None/y"]
    )
    def test_a_site_or_library_that_does_not_exist_is_not_found(self, fs, tenant, text):
        with pytest.raises(FileNotFoundError):
            fs.info(f"{text}/z")

    def test_libraries_are_listed_in_their_site(self, fs, tenant):
        assert ROOT in fs.ls("contoso.sharepoint.com/sites/Legal", detail=False)
        assert fs.isdir("contoso.sharepoint.com/sites/Legal")


class TestReading:
    def test_a_file_is_read_by_the_path_of_airflow(self, path, rates):
        file = path / "2026" / "rates.csv"
        assert file.read_text() == "usd,eur\n1,0.9\n"
        assert file.exists()
        assert file.is_file()
        assert file.stat().st_size == 14
        assert file.stat().st_mtime == rates.modified.replace(microsecond=0).timestamp()

    def test_a_part_of_a_large_file_takes_one_range(self, fs, legal, tenant):
        legal.put("large.bin", bytes(range(256)) * 65_536)  # 16 MiB
        with fs.open(f"{ROOT}/large.bin", block_size=1 << 20) as file:
            assert file.size == 16 << 20
            file.seek(10 << 20)
            assert file.read(4) == bytes(range(4))
        assert len(tenant.calls("GET", "/_file/download")) == 1

    def test_a_broken_read_goes_on(self, fs, rates, tenant):
        tenant.faults += [Fault(kind="truncate", path="/_file/download")]
        assert fs.cat(f"{ROOT}/2026/rates.csv") == rates.content.data

    def test_an_office_file_of_another_size_than_listed_is_read_to_its_end(self, fs, legal, monkeypatch):
        item = legal.put("plan.docx", b"the plan")
        monkeypatch.setattr(type(item), "size", property(lambda item: 5 if item.name == "plan.docx" else 0))
        assert fs.cat(f"{ROOT}/plan.docx") == b"the plan"

    def test_a_folder_cannot_be_opened(self, fs, rates):
        with pytest.raises(IsADirectoryError):
            fs.open(f"{ROOT}/2026")

    def test_pandas_reads_a_url(self, connection, rates):
        pd = pytest.importorskip("pandas")
        frame = pd.read_csv(f"msdrive://{ROOT}/2026/rates.csv", storage_options={"conn_id": "drive_default"})
        assert list(frame.columns) == ["usd", "eur"]
        assert list(pd.read_csv(f"{URL}/2026/rates.csv")["eur"]) == [0.9]

    def test_duckdb_reads_through_fsspec(self, fs, rates):
        duckdb = pytest.importorskip("duckdb")
        with duckdb.connect() as database:
            database.register_filesystem(fs)
            rows = database.read_csv(f"msdrive://{ROOT}/2026/*.csv").fetchall()
        assert rows == [(1, 0.9)]

    def test_many_threads_read_at_once(self, fs, rates):
        with ThreadPoolExecutor(8) as pool:
            read = list(pool.map(lambda _: fs.cat(f"{ROOT}/2026/rates.csv"), range(32)))
        assert set(read) == {rates.content.data}


class TestListing:
    @pytest.fixture(autouse=True)
    def tree(self, legal):
        for name in ("a.csv", "2025/b.csv", "2025/Q1/c.csv", "2025/d.txt"):
            legal.put(f"In/{name}", b"x")

    def test_a_folder_is_listed(self, fs, path):
        assert sorted(fs.ls(f"{ROOT}/In", detail=False)) == [f"{ROOT}/In/2025", f"{ROOT}/In/a.csv"]
        assert sorted(each.name for each in (path / "In").iterdir()) == ["2025", "a.csv"]

    def test_globs_and_walks_go_below(self, fs, path):
        assert sorted(fs.glob(f"{ROOT}/In/**/*.csv")) == [
            f"{ROOT}/In/2025/Q1/c.csv",
            f"{ROOT}/In/2025/b.csv",
            f"{ROOT}/In/a.csv",
        ]
        assert len(fs.find(f"{ROOT}/In")) == 4
        assert sorted(each.name for each in (path / "In").rglob("*.csv")) == ["a.csv", "b.csv", "c.csv"]
        assert [names for _, _, names in fs.walk(f"{ROOT}/In/2025/Q1")] == [["c.csv"]]

    def test_no_listing_is_stale_after_a_write(self, fs, legal):
        fs.ls(f"{ROOT}/In")
        fs.pipe_file(f"{ROOT}/In/new.csv", b"new")
        assert f"{ROOT}/In/new.csv" in fs.ls(f"{ROOT}/In", detail=False)
        legal.put("In/a.csv", b"longer")
        assert fs.size(f"{ROOT}/In/a.csv") == 6


class TestWriting:
    @pytest.mark.parametrize("size", [0, 10, 6 << 20, 11 << 20])
    def test_a_file_is_written_whole(self, fs, legal, size):
        content = bytes(range(256)) * (size // 256) + bytes(size % 256)
        with fs.open(f"{ROOT}/new/file.bin", "wb", block_size=1 << 20) as file:
            for start in range(0, size, 700_000):
                file.write(content[start : start + 700_000])
            assert legal.find("new/file.bin") is None
        assert legal.find("new/file.bin").content.data == content

    @pytest.mark.parametrize("mode", ["wb", "w"])
    def test_a_block_that_ends_with_an_error_writes_nothing(self, fs, legal, mode):
        def write():
            with fs.open(f"{ROOT}/half.csv", mode) as file:
                file.write(b"half" if mode == "wb" else "half")
                raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011  # its own
            write()
        assert legal.find("half.csv") is None

    def test_a_file_that_is_never_closed_is_not_written(self, fs, legal):
        file = fs.open(f"{ROOT}/half.csv", "wb")
        file.write(b"half")
        del file
        assert legal.find("half.csv") is None

    def test_text_is_written_and_read_by_airflows_path(self, path, legal):
        (path / "note.txt").write_text("größer", encoding="utf-8")
        assert (path / "note.txt").read_text(encoding="utf-8") == "größer"

    def test_pandas_writes_a_url(self, connection, legal):
        pd = pytest.importorskip("pandas")
        pd.DataFrame({"a": [1]}).to_csv(f"{URL}/out/new.csv", index=False)
        assert legal.find("out/new.csv").content.data == b"a\n1\n"

    def test_append_is_refused_in_words(self, fs, rates):
        with pytest.raises(io.UnsupportedOperation, match="Graph cannot append"):
            fs.open(f"{ROOT}/2026/rates.csv", "ab")

    def test_exclusive_creation_leaves_what_is_there(self, fs, rates):
        with pytest.raises(FileExistsError), fs.open(f"{ROOT}/2026/rates.csv", "xb") as file:
            file.write(b"other")
        assert rates.content.data.startswith(b"usd")

    def test_a_forbidden_name_is_refused_with_one_that_would_do(self, path):
        name = "manual__2026-11-28T01:02:03+00:00"
        with pytest.raises(DriveArgumentError, match=r"'manual__2026-11-28T01-02-03\+00-00' would do"):
            (path / "xcom" / name / "value.json").write_text("{}")
        with pytest.raises(DriveArgumentError, match="would do"):
            (path / "xcom" / name).mkdir(parents=True)

    def test_a_change_on_the_way_is_an_error(self, fs, tenant):
        tenant.witness = lambda request: setattr(request, "body", b"x") if request.method == "PUT" else None
        with pytest.raises(OSError, match="What has arrived is not what was sent"):
            fs.pipe_file(f"{ROOT}/new.csv", b"new")


class TestFolders:
    def test_folders_are_made_and_deleted(self, fs, path, legal):
        (path / "a" / "b").mkdir(parents=True)
        assert legal.find("a/b").is_folder
        with pytest.raises(FileExistsError):
            (path / "a" / "b").mkdir()
        (path / "a" / "b").mkdir(exist_ok=True)
        with pytest.raises(OSError, match="not empty"):
            fs.rmdir(f"{ROOT}/a")
        fs.rmdir(f"{ROOT}/a/b")
        fs.rm(f"{ROOT}/a", recursive=True)
        assert legal.find("a") is None

    def test_a_file_is_deleted_and_a_folder_only_if_asked(self, fs, path, rates, legal):
        with pytest.raises(IsADirectoryError):
            fs.rm(f"{ROOT}/2026")
        (path / "2026" / "rates.csv").unlink()
        assert legal.find("2026/rates.csv") is None
        (path / "2026" / "rates.csv").unlink(missing_ok=True)

    def test_a_name_with_brackets_is_no_glob_if_it_exists(self, fs, legal):
        legal.put("[1].csv", b"x")
        legal.put("1.csv", b"y")
        fs.rm(f"{ROOT}/[1].csv")
        assert legal.find("[1].csv") is None
        assert legal.find("1.csv") is not None

    def test_a_glob_deletes_what_matches(self, fs, legal):
        for name in ("a.csv", "b.csv", "c.txt"):
            legal.put(f"In/{name}", b"x")
        fs.rm(f"{ROOT}/In/*.csv")
        assert [item.name for item in legal.children("In")] == ["c.txt"]


class TestOnGraphsSide:
    def test_a_copy_is_made_by_graph(self, path, rates, legal, tenant):
        (path / "2026" / "rates.csv").copy(path / "copies" / "new.csv")
        assert legal.find("copies/new.csv").content.data == rates.content.data
        assert len(tenant.calls("POST", "/copy$")) == 1
        assert not tenant.calls("GET", "/_file/")

    def test_a_rename_is_a_move_with_if_match(self, path, rates, legal, tenant):
        seen = []
        tenant.witness = lambda request: seen.append(request) or None
        etag = rates.etag
        (path / "2026" / "rates.csv").rename(path / "2026" / "new.csv")
        assert legal.find("2026/new.csv").id == rates.id
        (patch,) = [request for request in seen if request.method == "PATCH"]
        assert patch.headers["if-match"] == etag

    def test_a_target_as_text_with_its_connection_is_understood(self, fs, rates, legal):
        fs.mv(f"{ROOT}/2026/rates.csv", f"{URL}/other/new.csv")
        assert legal.find("other/new.csv").id == rates.id

    def test_a_move_into_a_folder_keeps_the_name(self, fs, rates, legal):
        legal.mkdir("there")
        fs.mv(f"{ROOT}/2026/rates.csv", f"{ROOT}/there")
        assert legal.find("there/rates.csv").id == rates.id

    def test_a_move_replaces_a_file(self, fs, rates, legal):
        legal.put("old.csv", b"old")
        fs.mv(f"{ROOT}/2026/rates.csv", f"{ROOT}/old.csv")
        assert legal.find("old.csv").content.data == rates.content.data


class TestRegistration:
    def test_the_scheme_is_known_to_airflow_and_fsspec(self, connection):
        assert schemes == ["msdrive"]
        assert fsspec.get_filesystem_class("msdrive") is DriveFileSystem
        assert isinstance(ObjectStoragePath(URL).fs, DriveFileSystem)

    def test_get_fs_reads_no_connection(self):
        assert get_fs("no_such_connection").conn_id == "no_such_connection"
        assert get_fs(None).conn_id == "drive_default"
        assert get_fs(None, {"conn_id": "x"}).conn_id == "drive_default"

    def test_a_connection_that_does_not_exist_is_named_at_first_use(self, tenant, connect):
        with pytest.raises(DriveError, match="no_such_connection"):
            get_fs("no_such_connection").info(f"{ROOT}/x")

    def test_a_file_system_is_picklable_while_it_is_used(self, fs, rates):
        fs.info(f"{ROOT}/2026/rates.csv")
        assert pickle.loads(pickle.dumps(fs)).cat(f"{ROOT}/2026/rates.csv") == rates.content.data  # noqa: S301  # our own

    def test_a_path_without_connection_uses_the_default_one(self, connection, rates):
        assert ObjectStoragePath(f"msdrive://{ROOT}/2026/rates.csv").read_bytes() == rates.content.data

    def test_a_changed_connection_is_read_again(self, fs, rates, monkeypatch):
        fs.info(f"{ROOT}/2026/rates.csv")
        opened = []
        monkeypatch.setattr(DriveClient, "_read_settings", _counted(DriveClient._read_settings, opened))
        monkeypatch.setattr("airflow_provider_drive.fs.filesystem._CLIENT_SECONDS", -1.0)
        fs.info(f"{ROOT}/2026/rates.csv")
        assert opened

    def test_exists_is_no_lie_if_graph_does_not_answer(self, fs, rates, monkeypatch):
        def throttled(*_):
            raise DriveThrottledError("throttled", status=429)

        fs.info(f"{ROOT}/2026/rates.csv")
        monkeypatch.setattr(DriveClient, "run", throttled)
        with pytest.raises(DriveThrottledError):
            fs.exists(f"{ROOT}/2026/rates.csv")

    def test_no_secret_is_logged(self, fs, rates, log):
        fs.cat(f"{ROOT}/2026/rates.csv")
        assert "tempauth" not in log.text


def _counted(do, calls):
    def counted(*arguments):
        calls.append(threading.get_ident())
        return do(*arguments)

    return counted
