"""Whether two files have the same content: by size and hash, and by nothing else."""

from types import SimpleNamespace

import pytest

from airflow_provider_drive.protocol.wire.content import Match, compare_files, may_rewrite

NOW = 1_790_000_000.0
HOUR = 3_600.0


def file(name="a.txt", size=7, hashes=None, *, created=NOW, modified=NOW, kind="file"):
    hashes = {"quickXorHash": "h"} if hashes is None else hashes
    return SimpleNamespace(name=name, size=size, hashes=hashes, created=created, modified=modified, kind=kind)


def test_files_of_the_same_size_and_hash_are_the_same():
    assert compare_files(file(), file()) is Match.SAME


@pytest.mark.parametrize("copy", [file(size=8), file(hashes={"quickXorHash": "g"}), file(kind="folder")])
def test_another_size_hash_or_kind_is_another_content(copy):
    assert compare_files(copy, file()) is Match.DIFFERENT


def test_the_strongest_hash_that_both_have_decides():
    one = file(hashes={"quickXorHash": "h", "sha1Hash": "1", "sha256Hash": "2"})
    assert compare_files(file(hashes={"quickXorHash": "h", "sha1Hash": "9"}), one) is Match.DIFFERENT
    assert compare_files(file(hashes={"quickXorHash": "x", "sha256Hash": "2"}), one) is Match.SAME


def test_without_a_hash_that_both_have_it_is_not_known():
    assert compare_files(file(hashes={}), file()) is Match.UNKNOWN
    assert compare_files(file(hashes={"sha1Hash": "1"}), file()) is Match.UNKNOWN
    assert compare_files(file(size=None), file()) is Match.UNKNOWN


def test_empty_files_are_the_same_without_a_hash():
    assert compare_files(file(size=0, hashes={}), file(size=0, hashes={})) is Match.SAME


@pytest.mark.parametrize(
    ("name", "change"),
    [("a.docx", 1_536), ("a.pot", 11_264), ("A.PPT", -900), ("a.jpg", 12), ("a.xlt", 12_288)],
)
def test_a_file_that_the_service_rewrites_may_have_nearly_the_size(name, change):
    copy = file(name, 50_000 + change, {"quickXorHash": "other"})
    assert compare_files(copy, file(name, 50_000)) is Match.REWRITTEN


@pytest.mark.parametrize(
    "copy",
    [
        file("a.docx", 50_000 + 12_289, {"quickXorHash": "other"}),
        file("a.jpg", 50_000 + 2_000, {"quickXorHash": "other"}),
        file("a.txt", 50_001, {"quickXorHash": "other"}),
        file("a.docx", 50_001, {"quickXorHash": "other"}, created=NOW - 1, modified=NOW - 1),
        file("a.docx", 50_001, {"quickXorHash": "other"}, modified=NOW + HOUR + 1),
        file("a.docx", 50_001, {"quickXorHash": "other"}, created=None),
    ],
    ids=["too large", "a photo grows by bytes", "text is not rewritten", "too old", "touched", "no time"],
)
def test_nothing_else_counts_as_rewritten(copy):
    assert compare_files(copy, file(copy.name, 50_000)) is Match.DIFFERENT


def test_onedrive_personal_rewrites_nothing():
    copy = file("a.docx", 50_001, {"quickXorHash": "other"})
    assert compare_files(copy, file("a.docx", 50_000), is_personal=True) is Match.DIFFERENT


@pytest.mark.parametrize(
    "name",
    [
        *("a.doc", "a.dot", "a.xls", "a.xlt", "a.xla", "a.xlw", "a.ppt", "a.pot", "a.pps", "a.ppa"),
        *("A.DOCX", "a.xlam", "a.ppam", "a.JPEG"),
    ],
)
def test_the_whole_family_of_office_files_may_be_rewritten(name):
    assert may_rewrite(name)


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.parquet", "docx", None])
def test_other_files_are_not_rewritten(name):
    assert not may_rewrite(name)
