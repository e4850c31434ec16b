"""All readers take linear time, however long their input is."""

import itertools
import json
import time
from collections import deque

import pytest
from foreign.seeds import APART, DONE, FOLDER, ITEM, JOB, page, part, said
from foreign.targets import TARGETS, answers, converse, read

from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.protocol.flow import Response
from airflow_provider_drive.protocol.items.compare import list_tree
from airflow_provider_drive.protocol.items.lookup import list_children
from airflow_provider_drive.protocol.wire.addresses import ItemRef

MIB = 1 << 20
SIZES = (MIB // 16, MIB // 4, MIB)  # a quadratic reader would take minutes for the second
NO_TIME = 0.02
MOST = 9.0


def long(piece, size):
    return piece * (size // len(piece))


TEXTS = {
    "letters": "a",
    "slashes": "/",
    "colons": ":",
    "dots": ".",
    "blanks": " ",
    "percents": "%",
    "quotes": "'",
    "digits": "9",
    "halves": "\udc80",
    "combining": "\u0301",
    "folding": "\ufdfa",
    "escapes": "%2F%2f",
    "urls": "https://a.sharepoint.com/?tempauth=b&",
    "paths": "drives/d/root:/a:",
    "sites": "sites/h:/a:/",
    "dates": "Mon, 21 Sep 2026 14:13:20 GMT ",
    "comments": "((",
    "queries": "?a=b&c",
}
SOME = {kind: TEXTS[kind] for kind in ("letters", "percents", "quotes", "digits", "halves", "urls")}
STARTS = {
    "address": [
        "",
        "/",
        "drives/d/root:/",
        "sites/h:/",
        "users/",
        "https://contoso.sharepoint.com/",
        "shares/u!",
    ],
    "name": [""],
    "tag": ["", '"'],
    "url": ["", "https://contoso.sharepoint.com/", "https://", "https://a."],
    "sealed": ["", "gAAAAA", "https://"],
    "text": ["", "https://", "see https://ann:"],
}
HEADERS = {"retry-after": 429, "date": 429, "location": 303}


@pytest.mark.parametrize("piece", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", STARTS)
def test_long_texts_are_read_in_linear_time(name, piece):
    for start in STARTS[name]:
        hold(name, lambda size, start=start: (start + long(piece, size)).encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("piece", SOME.values(), ids=SOME)
@pytest.mark.parametrize("header", HEADERS)
def test_long_headers_are_read_in_linear_time(header, piece):
    def answer(size):
        long_one = long(piece, size).encode("utf-8", "replace").decode("latin-1")
        message = [
            f"{HEADERS[header]}",
            f"{header}: {long_one}",
            "retry-after: Mon, 21 Sep 2026 14:13:20 GMT",
        ]
        return "\n".join(message[: 3 if header == "date" else 2]).encode("latin-1") + b"\n\n{}"

    for name in ("wait", "status", "error"):
        hold(name, answer)


@pytest.mark.parametrize("piece", SOME.values(), ids=SOME)
@pytest.mark.parametrize(
    "key", ["id", "name", "eTag", "size", "createdDateTime", "webUrl", "parentReference"]
)
def test_long_values_of_an_item_are_read_in_linear_time(key, piece):
    def answer(size):
        value = long(piece, size)
        return said({**ITEM, key: {"driveId": value} if key == "parentReference" else value})

    hold("item", answer)


@pytest.mark.parametrize("piece", SOME.values(), ids=SOME)
@pytest.mark.parametrize(
    "body",
    [
        lambda text: {"status": text},
        lambda text: {"status": "completed", "resourceId": text, "resourceLocation": text},
        lambda text: {"status": "completed", "resourceLocation": f"https://h/drives/{text}/items/{text}"},
        lambda text: {
            "status": "failed",
            "error": {"code": text, "message": text, "details": [{"code": text}]},
        },
    ],
    ids=["word", "ids", "place", "error"],
)
def test_long_copy_statuses_are_read_in_linear_time(body, piece):
    hold("status", lambda size: said(body(long(piece, size))))


@pytest.mark.parametrize("key", ["name", "submitted_at", "monitor_url", "resource_id"])
@pytest.mark.parametrize("piece", SOME.values(), ids=SOME)
def test_long_values_of_a_copy_job_are_read_in_linear_time(key, piece):
    hold("job", lambda size: json.dumps({**JOB, key: long(piece, size)}).encode())


@pytest.mark.parametrize(
    "key", ["host", "authority", "allowed_hosts", "proxies", "verify", "timeout", "cloud"]
)
@pytest.mark.parametrize("piece", ["a", "[", "(", "{", "9", ",", ".", "-", "a.", "' '", "[1,", " "])
def test_long_connection_extras_are_read_in_linear_time(key, piece):
    def extra(size):
        value = long(piece, size)
        return f"{value}\n\n{{}}".encode() if key == "host" else b"\n\n" + json.dumps({key: value}).encode()

    hold("extra", extra)


@pytest.mark.parametrize("pages", [1, 50])
def test_long_collections_are_read_in_linear_time(pages):
    def answers(size):
        entries = [ITEM] * (size // (300 * pages))
        links = [
            {"@odata.nextLink": f"https://graph.microsoft.com/v1.0/x?{number}"} for number in range(pages - 1)
        ]
        return APART.join(page(*entries, **link) for link in (*links, {}))

    hold("listing", answers)


@pytest.mark.parametrize("piece", SOME.values(), ids=SOME)
def test_long_batch_answers_are_read_in_linear_time(piece):
    hold(
        "batch", lambda size: said({"responses": [part(number, 200, long(piece, size)) for number in "012"]})
    )


def test_long_waits_are_polled_in_linear_time():
    hold("monitor", lambda size: said({"status": "inProgress", "padding": "x" * size}) + APART + DONE)


def test_an_endless_collection_raises_an_error():
    flow, asked = list_children(ItemRef("d", "f")), itertools.count()

    def answer(_):
        link = f"https://graph.microsoft.com/v1.0/x?{next(asked)}"
        return Response(200, {}, json.dumps({"value": [], "@odata.nextLink": link}).encode())

    next(flow)
    with pytest.raises(DriveResponseError, match="more than 25000 pages"):
        deque(map(flow.send, map(answer, range(30_000))), maxlen=0)

    assert next(asked) == 25_000


def test_folders_that_contain_each_other_are_listed_once():
    both = page(FOLDER, {**FOLDER, "id": "g", "name": "b"})

    found = converse(list_tree(ItemRef("d", "f")), answers(both))

    assert len(found) == 2


def hold(name, make):
    """Check that a target takes linear time, from short to long input; stop at the first slow one."""
    before = None
    for size in SIZES:
        data = make(size)
        bound = NO_TIME if before is None else max(NO_TIME, MOST * before)
        for _ in range(3):  # a machine may have been busy otherwise
            seconds = _timed(TARGETS[name], data)
            if seconds < bound:
                break
        assert before is None or seconds < bound, f"{size} characters"
        before = seconds


def _timed(target, data):
    started = time.thread_time()
    read(target, data)
    return time.thread_time() - started
