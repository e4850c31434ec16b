"""The bytes of a file, as a stream that goes on after each fault."""

import pytest
from protocol.conversation import (
    DATE,
    HOSTS,
    Stream,
    answer,
    converse,
    here,
    item,
    missing,
    ref,
    refusal,
    wrong_host,
)

from airflow_provider_drive.emulator.state.content import quick_xor_hash
from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveConnectionError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.items.download import (
    MAX_URLS,
    Download,
    download,
    read_download,
    read_file,
)
from airflow_provider_drive.protocol.wire.addresses import parse_address
from airflow_provider_drive.protocol.wire.items import read_item

URL = "https://contoso.sharepoint.com/_layouts/15/download.aspx?tempauth=secret"
NEW_URL = "https://contoso.sharepoint.com/_layouts/15/download.aspx?tempauth=newer"
CONTENT = bytes(range(256)) * 4
SIZE = len(CONTENT)
CUT = DriveConnectionError("cut off")


def whole(*pieces, size=SIZE):
    headers = {} if size is None else {"content_length": str(size)}
    return Stream(answer(200, **headers), pieces or (CONTENT,))


def rest(start, *pieces, end=SIZE, size=SIZE):
    head = answer(206, content_range=f"bytes {start}-{end - 1}/{size}")
    return Stream(head, pieces or (CONTENT[start:end],))


class Reading:
    """A conversation in which a file is read, and the bytes that came of it."""

    def __init__(self, *answers, url=URL, kind="file", size=SIZE, then=None, **options):
        self.content = bytearray()
        file = Download(read_item(item("i", size=size, kind=kind)), url)
        self.talk = converse(download(file, self.content.extend, **options), *answers, then=then)
        self.ranges = [request.headers.get("Range") for request in self.talk.requests]


def test_a_file_is_read_in_one_request_and_its_hash_is_returned():
    read = Reading(whole(CONTENT[:100], CONTENT[100:]))

    assert read.content == CONTENT
    assert (read.talk.result.size, read.talk.result.value) == (SIZE, quick_xor_hash(CONTENT))
    assert (read.talk.lines, read.talk.kinds, read.ranges) == ([f"GET {URL}"], ["transfer"], [None])


def test_an_empty_file_takes_no_request():
    assert Reading(size=0).talk.result.value == quick_xor_hash(b"")


def test_a_download_that_breaks_goes_on_where_it_broke():
    read = Reading(whole(CONTENT[:100], CUT), rest(100, CONTENT[100:300], CUT), rest(300))

    assert read.content == CONTENT
    assert read.ranges == [None, "bytes=100-", "bytes=300-"]
    assert read.talk.result.value == quick_xor_hash(CONTENT)


def test_an_answer_that_ends_too_soon_counts_as_broken():
    read = Reading(whole(CONTENT[:100]), rest(100))
    assert read.content == CONTENT


def test_a_server_that_ignores_the_range_is_read_from_there_on():
    read = Reading(whole(CONTENT[:100], CUT), whole(CONTENT[:40], CONTENT[40:150], CONTENT[150:]))
    assert read.content == CONTENT


def test_a_file_of_unknown_size_ends_with_the_answer():
    assert Reading(whole(size=None)).content == CONTENT


def test_the_size_that_the_answer_tells_counts_and_not_the_listed_one():
    assert Reading(whole(), size=SIZE + 7_000).content == CONTENT


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_expired_url_is_read_again(status):
    read = Reading(whole(CONTENT[:100], CUT), refusal(status), answer(302, location=NEW_URL), rest(100))

    assert read.content == CONTENT
    assert read.talk.lines[2:] == ["GET /drives/d/items/i/content", f"GET {NEW_URL}"]


def test_a_url_that_graph_left_out_is_read():
    read = Reading(answer(302, location=NEW_URL), whole(), url=None)
    assert read.talk.lines == ["GET /drives/d/items/i/content", f"GET {NEW_URL}"]


def test_urls_that_are_refused_again_and_again_are_an_error():
    def reply(request):
        return refusal(403) if request.kind == "transfer" else answer(302, location=NEW_URL)

    read = Reading(then=reply)
    assert read.talk.error.status == 403
    assert read.talk.kinds.count("transfer") == MAX_URLS + 1


def test_a_file_that_is_gone_is_not_found():
    with pytest.raises(DriveItemNotFoundError):
        _ = Reading(missing(), missing()).talk.result


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_transient_fault_is_waited_out(status):
    read = Reading(refusal(status, retry_after="7"), whole())
    assert read.content == CONTENT
    assert read.talk.waited >= 7


def test_faults_with_progress_between_them_use_up_no_budget():
    read = Reading(*[rest(start, CONTENT[start : start + 8], CUT) for start in range(0, 160, 8)], rest(160))
    assert read.content == CONTENT


def test_faults_without_progress_end_the_download():
    assert "Gave up" in str(Reading(then=CUT).talk.error)


def test_another_size_after_a_break_is_a_change():
    with pytest.raises(DriveItemChangedError):
        _ = Reading(whole(CONTENT[:100], CUT), rest(100, size=SIZE + 1)).talk.result


@pytest.mark.parametrize(
    "head",
    [answer(206), answer(206, content_range="bytes 5-9/10"), answer(204), answer(206, content_range="x")],
)
def test_an_answer_that_is_not_what_was_asked_for_is_an_error(head):
    read = Reading(Stream(head, (CONTENT,)))
    assert isinstance(read.talk.error, DriveResponseError)
    assert not read.content


def test_a_part_of_a_file_is_read_by_its_range():
    read = Reading(rest(100, end=200), start=100, end=200, size=SIZE)
    assert read.content == CONTENT[100:200]
    assert read.ranges == ["bytes=100-199"]


def test_a_part_is_cut_out_of_the_whole_if_the_server_ignores_the_range():
    assert Reading(whole(), start=100, end=200).content == CONTENT[100:200]


@pytest.mark.parametrize("kind", ["package", "folder"])
def test_what_has_no_bytes_is_refused_before_a_request(kind):
    with pytest.raises(DriveArgumentError, match=kind):
        _ = Reading(kind=kind).talk.result


def test_what_the_writer_raises_ends_the_download():
    def write(_):
        raise OSError("the disk is full")

    file = Download(read_item(item("i", size=SIZE)), URL)
    flow = download(file, write)
    with pytest.raises(OSError, match="the disk is full"):
        next(flow).receive(answer(200), iter([CONTENT]))


def test_an_url_on_another_host_is_refused():
    assert Reading(wrong_host()).talk.error.retryable is False


class TestReadingOfTheUrl:
    def test_metadata_and_url_come_in_one_request(self):
        told = {"@microsoft.graph.downloadUrl": URL}
        talk = converse(read_download(ref("i")), answer(200, item("i", **told), date=DATE))
        assert talk.lines == ["GET /drives/d/items/i"]
        assert (talk.result.url, talk.result.item.name) == (URL, "plan.pdf")

    def test_an_item_without_url_has_none(self):
        assert converse(read_download(ref("i")), here("i")).result.url is None

    def test_no_representation_shows_the_url(self):
        file = Download(read_item(item("i")), URL)
        assert "secret" not in f"{file} {file!r}"


class TestReadFile:
    """A file by its address."""

    FOUND = answer(302, location=URL)

    @staticmethod
    def read(*answers, then=None):
        content = bytearray()
        address = parse_address("drives/d/root:/R/m.jsonl", HOSTS)
        return converse(read_file(address, content.extend), *answers, then=then), content

    @staticmethod
    def there(etag="1", content=CONTENT):
        facet = {"hashes": {"quickXorHash": quick_xor_hash(content)}}
        return answer(200, item("i", "m.jsonl", size=len(content), eTag=etag, file=facet))

    def test_a_file_takes_three_requests(self):
        talk, content = self.read(self.there(), self.FOUND, whole())
        assert (talk.result, content) == (True, CONTENT)
        assert talk.kinds == ["graph", "graph", "transfer"]

    def test_a_download_that_breaks_goes_on_where_it_broke(self):
        talk, content = self.read(self.there(), self.FOUND, whole(CONTENT[:100], CUT), rest(100))
        assert (talk.result, content) == (True, CONTENT)

    def test_a_missing_file_is_not_read(self):
        talk, content = self.read(missing())
        assert (talk.result, content) == (False, b"")

    def test_an_empty_file_is_not_downloaded(self):
        talk, content = self.read(self.there(content=b""))
        assert (talk.result, content, talk.kinds) == (True, b"", ["graph"])

    def test_a_folder_cannot_be_read(self):
        talk, _ = self.read(answer(200, item("i", "m.jsonl", kind="folder")))
        assert isinstance(talk.error, DriveArgumentError)

    def test_a_newer_version_that_was_read_whole_is_good(self):
        newer = self.there(etag="2")
        talk, content = self.read(self.there(content=bytes(SIZE)), self.FOUND, whole(), newer)
        assert (talk.result, content) == (True, CONTENT)

    def test_a_mixture_of_two_versions_is_an_error(self):
        newer = self.there(etag="2", content=b"z" * SIZE)
        talk, _ = self.read(self.there(content=bytes(SIZE)), self.FOUND, whole(), newer)
        assert isinstance(talk.error, DriveItemChangedError)

    def test_a_file_whose_hash_the_service_tells_otherwise_is_read(self):
        listed = self.there(content=bytes(SIZE))
        talk, content = self.read(listed, self.FOUND, whole(), listed)
        assert (talk.result, content) == (True, CONTENT)

    @pytest.mark.parametrize("told", [answer(302), answer(200, b"abc"), answer(304, location=URL)])
    def test_an_answer_without_a_download_url_is_an_error(self, told):
        with pytest.raises(DriveResponseError):
            _ = self.read(self.there(), then=told)[0].result
