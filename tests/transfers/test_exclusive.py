"""A store that shows files when they are complete, and can refuse to replace one: here another drive."""

import pytest

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveTransferError
from airflow_provider_drive.fs.files import DriveWriter
from airflow_provider_drive.fs.filesystem import DriveFileSystem

FILES = {"2025/old.csv": b"old", "rates.csv": b"usd,eur\n1,0.9\n"}


@pytest.fixture
def parameters(parameters, archive):
    return parameters | {"destination": f"msdrive://{archive.id}/out", "pattern": "*.csv", "parallel": 1}


@pytest.fixture
def written(archive):
    def read():
        files = (item for item in archive.root.walk() if not item.is_folder)
        return {item.path: b"".join(item.content.blocks()) for item in files}

    return read


@pytest.fixture
def someone_writes(tenant, archive):
    """Write a file to the destination when the bytes of a document are asked for."""

    def prepare(content):
        contents = [content]

        def write(request):
            if request.path.startswith("/_file/download") and contents:
                archive.put("out/rates.csv", contents.pop())

        tenant.witness = write

    return prepare


def looks(tenant, archive):
    return tenant.calls("GET", f"{archive.id}/root:/out/", "graph")


def test_files_are_not_looked_for_in_a_folder_that_was_not_there(run, tenant, archive, written):
    assert run()["copied"] == 1
    assert written() == {"out/rates.csv": FILES["rates.csv"]}
    assert looks(tenant, archive) == []


def test_a_file_that_another_writes_meanwhile_is_not_replaced_and_the_original_stays(
    run, legal, written, someone_writes
):
    someone_writes(b"what another task has written")
    summary = run(after="delete", max_failures=1)

    assert (summary["copied"], summary["failed"], summary["deleted"]) == (0, 1, 0)
    assert "with another content" in summary["failures"][0]["reason"]
    assert written() == {"out/rates.csv": b"what another task has written"}
    assert legal.find("In/rates.csv") is not None


def test_a_file_that_another_writes_meanwhile_counts_if_it_has_the_content(run, written, someone_writes):
    someone_writes(FILES["rates.csv"])
    summary = run()

    assert (summary["copied"], summary["there"]) == (0, 1)
    assert written() == {"out/rates.csv": FILES["rates.csv"]}


def test_replace_replaces_what_another_writes_meanwhile(run, written, someone_writes):
    someone_writes(b"what another task has written")
    assert run(on_existing="replace")["copied"] == 1
    assert written() == {"out/rates.csv": FILES["rates.csv"]}


@pytest.mark.parametrize("on_existing", ["skip", "fail"])
def test_an_upload_whose_answer_is_lost_counts(run, tenant, written, on_existing):
    tenant.faults.append(Fault(kind="drop_after", method="PUT", path="/content"))
    summary = run(on_existing=on_existing)

    assert summary["copied"] + summary["there"] == 1
    assert written() == {"out/rates.csv": FILES["rates.csv"]}


@pytest.mark.parametrize("on_existing", ["skip", "replace"])
def test_a_store_that_fails_after_it_has_written_the_file_is_believed_by_its_content(
    run, written, monkeypatch, on_existing
):
    commit = DriveWriter.commit

    def fail(self):
        commit(self)
        raise OSError("no answer")

    monkeypatch.setattr(DriveWriter, "commit", fail)
    summary = run(on_existing=on_existing, after="delete")

    assert (summary["there"], summary["deleted"]) == (1, 1)
    assert written() == {"out/rates.csv": FILES["rates.csv"]}


def test_a_store_that_fails_before_it_has_written_the_file_is_named(run, written, monkeypatch):
    def fail(self):
        raise OSError("no space")

    monkeypatch.setattr(DriveWriter, "commit", fail)
    summary = run(max_failures=1)

    assert "no space" in summary["failures"][0]["reason"]
    assert written() == {}


def test_a_store_without_exclusive_writes_is_asked_for_each_file(run, written, monkeypatch, archive, tenant):
    open_file = DriveFileSystem._open

    def refuse(self, path, mode="rb", **options):
        if mode == "xb":
            raise NotImplementedError("File mode not supported")
        return open_file(self, path, mode, **options)

    monkeypatch.setattr(DriveFileSystem, "_open", refuse)
    assert run(pattern="**/*.csv")["copied"] == 2
    assert written() == {f"out/{path}": content for path, content in FILES.items()}
    assert len(looks(tenant, archive)) >= 2


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_another_writes_to_the_disk_meanwhile_is_not_replaced(  # noqa: PLR0917  # fixtures
    run, legal, tenant, out, monkeypatch, has_links
):
    def write(request):
        if request.path.startswith("/_file/download"):
            (out / "rates.csv").write_bytes(b"what another task has written")

    def refuse(*_):
        raise PermissionError

    tenant.witness = write
    if not has_links:
        monkeypatch.setattr("os.link", refuse)
    summary = run(destination=f"file://{out}", after="delete", max_failures=1)

    assert (summary["copied"], summary["failed"], summary["deleted"]) == (0, 1, 0)
    assert [path.name for path in out.iterdir()] == ["rates.csv"]
    assert (out / "rates.csv").read_bytes() == b"what another task has written"
    assert legal.find("In/rates.csv") is not None


def test_a_store_that_shows_another_size_fails_the_document_before_its_original_is_deleted(
    run, legal, monkeypatch
):
    info = DriveFileSystem.info

    def shortened(self, path, **options):
        told = info(self, path, **options)
        return told | {"size": told["size"] - 1}

    monkeypatch.setattr(DriveFileSystem, "info", shortened)
    with pytest.raises(DriveTransferError, match="has 13 bytes in the store"):
        run(after="delete")
    assert legal.find("In/rates.csv") is not None
