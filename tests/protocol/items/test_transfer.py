"""The bytes of a file that goes up: in one request, or a piece at a time, whatever happens to a piece."""

import pytest
from protocol.conversation import HOSTS, answer, converse, item, missing, page, refusal, wrong_host

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveConnectionError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
)
from airflow_provider_drive.protocol.items.transfer import (
    FRAGMENT_SIZE,
    MAX_SETBACKS,
    MAX_UPLOADS,
    SIMPLE_UPLOAD_LIMIT,
    check_file,
    write_file,
)
from airflow_provider_drive.protocol.wire.addresses import parse_address

FILE = parse_address("drives/d/root:/R/m.jsonl", HOSTS)
PATH = "/drives/d/root:/R/m.jsonl:"
UP = "https://contoso.sharepoint.com/_api/v2.0/up?tempauth=secret"
LARGE = 2 * FRAGMENT_SIZE + 5
OPENED = answer(200, {"uploadUrl": UP, "expirationDateTime": "2026-09-22T14:13:20Z"})
MET_BEFORE = refusal(416, "invalidRange", "fragmentOverlap")


def write(size, *answers, address=FILE, then=None):
    return converse(write_file(address, size, lambda start, count: bytes(count)), *answers, then=then)


def wants(start):
    return answer(202, {"expirationDateTime": "…", "nextExpectedRanges": [f"{start}-"]})


def written(size):
    return answer(201, item("i", "m.jsonl", size=size))


def ranges(talk):
    return [
        request.headers["Content-Range"] for request in talk.requests if "Content-Range" in request.headers
    ]


class TestWriting:
    def test_a_small_file_is_written_in_one_request_to_graph(self):
        talk = write(SIMPLE_UPLOAD_LIMIT, written(SIMPLE_UPLOAD_LIMIT))
        assert talk.lines == [f"PUT {PATH}/content"]
        assert len(talk.requests[0].content) == SIMPLE_UPLOAD_LIMIT
        assert talk.result.name == "m.jsonl"

    def test_an_empty_file_is_written_in_one_request(self):
        assert write(0, written(0)).requests[0].content == b""

    def test_a_large_file_is_written_piece_by_piece_to_an_upload_session(self):
        talk = write(LARGE, OPENED, wants(FRAGMENT_SIZE), wants(2 * FRAGMENT_SIZE), written(LARGE))
        assert talk.lines == [f"POST {PATH}/createUploadSession", *[f"PUT {UP}"] * 3]
        assert talk.requests[0].json == {"item": {"@microsoft.graph.conflictBehavior": "replace"}}
        assert ranges(talk) == [
            f"bytes 0-{FRAGMENT_SIZE - 1}/{LARGE}",
            f"bytes {FRAGMENT_SIZE}-{2 * FRAGMENT_SIZE - 1}/{LARGE}",
            f"bytes {2 * FRAGMENT_SIZE}-{LARGE - 1}/{LARGE}",
        ]
        assert [len(request.content) for request in talk.requests[1:]] == [FRAGMENT_SIZE, FRAGMENT_SIZE, 5]
        assert talk.result.size == LARGE

    def test_the_size_of_pieces_is_what_microsoft_asks_for(self):
        assert FRAGMENT_SIZE % (320 * 1024) == 0
        assert FRAGMENT_SIZE < 60 << 20

    def test_requests_to_an_upload_session_are_of_the_kind_transfer(self):
        talk = write(
            LARGE, OPENED, wants(FRAGMENT_SIZE), MET_BEFORE, wants(2 * FRAGMENT_SIZE), written(LARGE)
        )
        assert talk.kinds == ["graph", *["transfer"] * 4]

    def test_a_piece_whose_answer_is_lost_is_sent_again_and_the_session_says_what_it_has(self):
        talk = write(
            LARGE,
            OPENED,
            DriveConnectionError("cut off"),
            MET_BEFORE,
            wants(FRAGMENT_SIZE),
            wants(2 * FRAGMENT_SIZE),
            written(LARGE),
        )
        assert talk.lines[1:5] == [f"PUT {UP}", f"PUT {UP}", f"GET {UP}", f"PUT {UP}"]
        assert talk.result.size == LARGE

    def test_the_next_piece_starts_where_the_session_wants_it(self):
        told = answer(202, {"nextExpectedRanges": ["327680-655359", "700000-"]})
        talk = write(LARGE, OPENED, told, wants(2 * FRAGMENT_SIZE), written(LARGE))
        assert ranges(talk)[1] == f"bytes 327680-{327680 + FRAGMENT_SIZE - 1}/{LARGE}"

    @pytest.mark.parametrize("status", [500, 503, 504])
    def test_a_piece_is_sent_again_after_a_transient_fault(self, status):
        talk = write(
            LARGE, OPENED, refusal(status), wants(FRAGMENT_SIZE), wants(2 * FRAGMENT_SIZE), written(LARGE)
        )
        assert talk.result.size == LARGE
        assert talk.waited > 0

    def test_a_file_whose_session_is_gone_is_written_to_a_new_one(self):
        talk = write(LARGE, OPENED, wants(FRAGMENT_SIZE), missing(), OPENED, *TO_THE_END)
        assert talk.result.size == LARGE

    def test_a_session_that_is_gone_after_a_lost_last_answer_is_replaced(self):
        lost = DriveConnectionError("cut off")
        talk = write(LARGE, OPENED, *TO_THE_END[:2], lost, MET_BEFORE, missing(), OPENED, *TO_THE_END)
        assert talk.result.size == LARGE

    def test_three_upload_sessions_are_opened_at_most(self):
        talk = write(LARGE, *[OPENED, missing()] * MAX_UPLOADS)
        assert "upload sessions were gone" in str(talk.error)

    def test_a_session_that_asks_for_the_same_bytes_again_and_again_is_an_error(self):
        talk = write(LARGE, OPENED, then=wants(0))
        assert "again and again" in str(talk.error)
        assert len(ranges(talk)) == MAX_SETBACKS + 1

    def test_a_written_file_of_another_size_is_an_error(self):
        talk = write(LARGE, OPENED, wants(FRAGMENT_SIZE), wants(2 * FRAGMENT_SIZE), written(5))
        assert f"it has 5 bytes, not {LARGE}" in str(talk.error)

    @pytest.mark.parametrize(
        "body",
        [
            {"nextExpectedRanges": []},
            {"nextExpectedRanges": "0-"},
            {"nextExpectedRanges": [5]},
            {"nextExpectedRanges": ["x-"]},
            {"nextExpectedRanges": [f"{LARGE}-"]},
            {"nextExpectedRanges": [f"{'9' * 30}-"]},
            {},
        ],
        ids=str,
    )
    def test_an_answer_without_the_next_range_is_an_error(self, body):
        with pytest.raises(DriveResponseError):
            _ = write(LARGE, OPENED, then=answer(202, body)).result

    @pytest.mark.parametrize("told", [{}, {"uploadUrl": 5}])
    def test_an_answer_without_an_upload_session_is_an_error(self, told):
        with pytest.raises(DriveResponseError):
            _ = write(LARGE, then=answer(200, told)).result

    def test_the_drivers_refusal_of_a_sessions_host_ends_the_write(self):
        refusal_ = wrong_host()
        talk = write(LARGE, answer(200, {"uploadUrl": "https://evil.example/up?tempauth=secret"}), refusal_)
        assert talk.error is refusal_
        assert talk.kinds == ["graph", "transfer"]

    @pytest.mark.parametrize("answers", [(refusal(403),), (OPENED, refusal(403)), (OPENED, refusal(409))])
    def test_a_refusal_ends_the_write_and_its_error_shows_no_url(self, answers):
        talk = write(LARGE, *answers)
        assert isinstance(talk.error, DriveRequestError)
        assert "write '/R/m.jsonl'" in str(talk.error)
        assert "secret" not in str(talk.error) + repr(talk.requests)

    def test_a_session_with_lasting_faults_is_an_error(self):
        assert isinstance(write(LARGE, OPENED, then=refusal(500)).error, DriveServiceError)

    def test_a_file_is_written_to_a_library_by_its_name(self):
        address = parse_address("sites/h:/sites/S:/drives/Docs/root:/R/m.jsonl", HOSTS)
        talk = write(5, page({"id": "b!x", "name": "Docs"}), written(5), address=address)
        assert talk.lines == ["GET /sites/h:/sites/S:/drives", "PUT /drives/b!x/root:/R/m.jsonl:/content"]


TO_THE_END = [wants(FRAGMENT_SIZE), wants(2 * FRAGMENT_SIZE), written(LARGE)]


@pytest.mark.parametrize(
    "address",
    [
        "drives/d/root",
        "me/drive/items/i",
        "drives/d/items/i",
        "sites/h:/s:/drives/Docs/root",
        "shares/u!abc/driveItem",
        "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents/m.jsonl",
    ],
)
def test_an_address_without_a_path_cannot_be_written_to(address):
    with pytest.raises(DriveArgumentError, match="not a path to a file"):
        check_file(parse_address(address, HOSTS))
