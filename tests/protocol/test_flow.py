import json
import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import DATE, NOW, answer

from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.protocol.flow import MAX_DEPTH, Kind, Request, Response

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_a_json_answer_is_read():
    assert answer(200, {"id": "é"}).json() == {"id": "é"}
    assert answer(200, [1]).json() == [1]
    assert answer(200, {"id": 1}).mapping() == {"id": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Service unavailable</html>",
        b'{"id":',
        b"\xff\xfe\x00",
        b"NaN",
        b'{"percent": Infinity}',
        b'{"percent": -Infinity}',
        b"9" * 5_000,
        b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH,
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b"[" * 500_000 + b"]" * 500_000,
    ],
    ids=lambda body: str(body[:20]),
)
def test_an_answer_that_is_not_json_is_refused_quickly(body):
    started = time.monotonic()
    with pytest.raises(DriveResponseError, match=rf"HTTP 502, {len(body)} bytes"):
        Response(502, body=body).json()
    assert time.monotonic() - started < 5


def test_a_wide_answer_is_read_quickly():
    started = time.process_time()
    assert len(Response(200, body=b"[" + b"[[]]," * 200_000 + b"[]]").json()) == 200_001
    assert time.process_time() - started < 5


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_an_answer_that_is_not_an_object_is_refused(body):
    with pytest.raises(DriveResponseError, match="not an object"):
        Response(200, body=json.dumps(body).encode()).mapping()


def test_the_error_about_an_unreadable_answer_does_not_quote_its_body():
    with pytest.raises(DriveResponseError) as raised:
        answer(200, b"tempauth=secret").json()
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_the_repr_of_an_answer_hides_headers_and_body():
    told = answer(202, b"secret", location="https://contoso.sharepoint.com/?tempauth=secret")
    assert repr(told) == "Response(status=202)"
    assert told.ok
    assert [answer(status).ok for status in (199, 200, 299, 300, 303)] == [False, True, True, False, False]


def test_the_repr_of_a_request_hides_its_url():
    assert "secret" not in repr(Request("GET", "https://contoso.sharepoint.com/?tempauth=secret", "look"))


def test_the_kind_of_a_request_says_whether_graph_answers_it():
    kinds = {kind: Request("GET", "https://x.example", "", kind=kind).is_to_graph for kind in get_args(Kind)}
    assert kinds == {"graph": True, "page": True, "monitor": False, "transfer": False}
    assert Request("GET", "/", "").kind == "graph"


@pytest.mark.parametrize(
    ("value", "date"), [(DATE, NOW), (None, None), ("", None), ("now", None), ("Mon, 99 Foo 2026", None)]
)
def test_the_date_of_an_answer_is_read_or_is_none(value, date):
    assert answer(200, **({} if value is None else {"date": value})).date == date


def test_get_delete_and_idempotent_requests_are_repeatable():
    assert Request("GET", "/", "").repeatable
    assert Request("DELETE", "/", "").repeatable
    assert not Request("POST", "/", "").repeatable
    assert not Request("PATCH", "/", "").repeatable
    assert Request("POST", "/", "", idempotent=True).repeatable


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_as_json_or_refused(body):
    response = Response(200, body=body)
    for read in (response.json, response.mapping):
        try:
            value = read()
        except DriveResponseError:
            continue
        assert json.dumps(value) is not None
