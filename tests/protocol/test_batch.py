import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import Clock, answer, converse, here, item, missing, ref, refusal

from airflow_provider_drive.exceptions import (
    DriveConnectionError,
    DriveError,
    DriveItemNotFoundError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.batch import GATHERING, MAX_BATCH_SIZE, batched, in_batches
from airflow_provider_drive.protocol.flow import Pause, Request, Response
from airflow_provider_drive.protocol.retry import MAX_TRIES, send_with_retries
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.items import get_item_request, item_reader

LOST = DriveConnectionError("the connection was cut off")
UNSENT = DriveConnectionError("the host cannot be reached", sent=False)


def get(name):
    """A flow that reads an item."""
    request = get_item_request(ref(name))
    return send_with_retries(request, item_reader(request))


def post(name):
    """A flow that does what must not be done twice."""
    request = Request("POST", f"/drives/d/items/{name}/copy", f"copy {name}", json={})

    def read(response):
        if not response.ok:
            raise error_from_response(response, request.action)
        return response.headers.get("location")

    return send_with_retries(request, read)


def parts(request):
    """What a batch asks for, each as ``GET /drives/d/items/i``."""
    return [f"{entry['method']} {entry['url']}" for entry in request.json["requests"]]


def ids(request):
    return [entry["id"] for entry in request.json["requests"]]


def part(number, status=200, body=None, **headers):
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return {"id": str(number), "status": status, "headers": named, **({} if body is None else {"body": body})}


def batch(*entries, **headers):
    return answer(200, {"responses": list(entries)}, **headers)


def outcomes(talk):
    """What each came to: the name of an item, the class of an error."""
    return [
        type(each) if isinstance(each, Exception) else getattr(each, "name", each) for each in talk.result
    ]


def together(flows, *answers, **options):
    """Run flows side by side; their pauses take no time."""
    clock = Clock()
    return converse(batched(flows, clock=clock), *answers, clock=clock, **options)


def each(request):
    """Answer all that a batch asks for, in any order; or the one request that came alone."""
    if not request.parts:
        return here("x", request.url.rpartition("/")[2])
    return batch(
        *reversed(
            [
                part(entry["id"], body=item("x", entry["url"].rpartition("/")[2]))
                for entry in request.json["requests"]
            ]
        )
    )


class TestSending:
    def test_without_flows_nothing_is_sent_and_the_result_is_empty(self):
        assert together([]).result == []

    def test_a_single_request_is_sent_without_a_batch(self):
        talk = together([get("a")], here("a", "plan.pdf"))
        assert talk.lines == ["GET /drives/d/items/a"]
        assert outcomes(talk) == ["plan.pdf"]

    def test_several_requests_share_a_batch_and_are_answered_in_any_order(self):
        talk = together([get("a"), get("b"), get("c")], then=each)
        (request,) = talk.requests
        assert (request.method, request.url) == ("POST", "/$batch")
        assert parts(request) == [f"GET /drives/d/items/{name}" for name in "abc"]
        assert outcomes(talk) == ["a", "b", "c"]
        assert not request.repeatable

    def test_a_batch_holds_twenty_requests_at_most(self):
        talk = together([get(str(number)) for number in range(45)], then=each)
        assert [len(request.parts) for request in talk.requests] == [20, 20, 5]
        assert outcomes(talk) == [str(number) for number in range(45)]

    def test_in_batches_runs_several_batches_at_the_same_time(self):
        talk = converse(in_batches([get(str(number)) for number in range(45)]), then=each)
        assert [len(request.parts) for request in talk.requests] == [20, 20, 5]
        assert outcomes(talk) == [str(number) for number in range(45)]
        assert converse(in_batches([])).result == []

    def test_a_batch_carries_the_body_and_the_headers_of_each_request(self):
        def patch():
            yield Request("PATCH", "/a", "patch", json={"name": "b"}, headers={"If-Match": '"{a},1"'})

        def empty():
            yield Request("POST", "/b", "post", json={})

        def plain():
            yield Request("GET", "/c", "get")

        talk = together([patch(), empty(), plain()], batch(part(0), part(1), part(2)))
        json_ = {"Content-Type": "application/json"}
        assert talk.requests[0].json["requests"] == [
            {"id": "0", "method": "PATCH", "url": "/a", "headers": {"If-Match": '"{a},1"', **json_}}
            | {"body": {"name": "b"}},
            {"id": "1", "method": "POST", "url": "/b", "headers": json_, "body": {}},
            {"id": "2", "method": "GET", "url": "/c"},
        ]

    @pytest.mark.parametrize(
        "alone",
        [
            Request("GET", "https://graph.microsoft.com/v1.0/x?$skiptoken=1", "go on"),
            Request("GET", "https://contoso.sharepoint.com/monitor", "look", kind="monitor"),
        ],
    )
    def test_a_request_that_no_batch_takes_is_sent_by_itself(self, alone):
        def other():
            return (yield alone).status

        talk = converse(
            batched([other(), get("a"), get("b")]),
            each_batch := batch(part(1, body=item("a", "a")), part(2, body=item("b", "b"))),
            answer(200),
        )
        assert [len(request.parts) for request in talk.requests] == [2, 0]
        assert talk.requests[1] is alone
        assert outcomes(talk) == [200, "a", "b"]
        assert each_batch.ok

    def test_flows_with_further_requests_share_the_next_batch(self):
        def twice(name):
            yield from get(name)
            return (yield from get(name)).name

        talk = together([twice("a"), get("b"), twice("c")], then=each)
        assert list(map(parts, talk.requests))[1] == ["GET /drives/d/items/a", "GET /drives/d/items/c"]
        assert outcomes(talk) == ["a", "b", "c"]

    def test_the_action_of_a_batch_names_its_size_and_its_first_request(self):
        talk = together([get("a"), get("b")], then=each)
        assert talk.requests[0].action == "send 2 requests in one, the first to read drives/d/items/a"


class TestPauses:
    def test_a_flow_that_pauses_holds_up_no_other_flow(self):
        def late(name):
            yield Pause(60)
            return (yield from get(name)).name

        clock = Clock()
        talk = converse(batched([late("a"), get("b"), get("c")], clock=clock), then=each, clock=clock)
        assert [len(request.parts) for request in talk.requests] == [2, 0]
        assert talk.waited == pytest.approx(60)
        assert outcomes(talk) == ["a", "b", "c"]

    def test_flows_whose_pauses_end_about_the_same_time_share_a_batch(self):
        def after(seconds):
            yield Pause(seconds)
            return (yield from get(str(seconds))).name

        clock, times = Clock(), [10, 10 + GATHERING / 2, 10 + GATHERING, 30]
        talk = converse(batched([after(each_) for each_ in times], clock=clock), then=each, clock=clock)
        assert [len(request.parts) for request in talk.requests] == [3, 0]
        assert [pause.seconds for pause in talk.pauses] == pytest.approx([10 + GATHERING, 20 - GATHERING])

    def test_flows_that_only_pause_send_nothing(self):
        def idle():
            yield Pause(5)
            return "done"

        clock = Clock()
        talk = converse(batched([idle(), idle()], clock=clock), clock=clock)
        assert (talk.result, talk.lines, talk.waited) == (["done", "done"], [], pytest.approx(5))


def throttled(number, seconds=None):
    body = {"error": {"code": "activityLimitReached", "message": "Slow down."}}
    return part(number, 429, body, **({} if seconds is None else {"retry_after": str(seconds)}))


class TestThrottling:
    def test_only_the_throttled_part_of_a_batch_is_sent_again(self):
        flows = [post("a"), post("b"), post("c")]
        first = batch(part(0, 202, location="A"), throttled(1, 7), part(2, 202, location="C"))
        talk = together(flows, first, answer(202, location="B"))
        assert outcomes(talk) == ["A", "B", "C"]
        assert talk.lines == ["POST /$batch", "POST /drives/d/items/b/copy"]
        assert talk.waited >= 7

    def test_several_throttled_parts_share_a_batch_when_they_are_sent_again(self):
        flows = [post(name) for name in "abcd"]
        first = batch(throttled(0, 7), part(1, 202, location="B"), throttled(2, 7), throttled(3, 7))
        again = batch(*(part(number, 202, location=name) for number, name in ((0, "A"), (2, "C"), (3, "D"))))
        talk = together(flows, first, again)
        assert outcomes(talk) == ["A", "B", "C", "D"]
        assert ids(talk.requests[1]) == ["0", "2", "3"]

    def test_the_longest_retry_after_of_a_batch_holds_back_all_requests_at_once(self):
        flows = [post(str(number)) for number in range(MAX_BATCH_SIZE + 2)]
        first = [part(number, 202) for number in range(MAX_BATCH_SIZE)]
        first[3], first[5], first[6] = throttled(3), throttled(5, 90), throttled(6, 7)
        talk = together(
            flows,
            batch(*first),
            batch(part(20, 202), part(21, 202)),
            then=lambda request: (
                batch(*(part(each_, 202) for each_ in ids(request))) if request.parts else answer(202)
            ),
        )
        assert talk.pauses[0].throttled.headers["retry-after"] == "90"
        assert talk.pauses[0].seconds == 0
        assert [pause.throttled for pause in talk.pauses[1:]] == [None] * len(talk.pauses[1:])

    def test_a_part_that_was_not_tried_because_another_was_throttled_is_sent_again(self):
        first = batch(throttled(0, 3), part(1, 424))
        talk = together([post("a"), post("b")], first, batch(part(0, 202), part(1, 202)))
        assert outcomes(talk) == [None, None]
        assert [len(request.parts) for request in talk.requests] == [2, 2]
        assert talk.waited >= 3

    def test_a_throttled_batch_is_sent_again_whole(self):
        whole = refusal(429, "activityLimitReached", retry_after="5")
        talk = together([post("a"), post("b")], whole, batch(part(0, 202), part(1, 202)))
        assert outcomes(talk) == [None, None]
        assert [pause.throttled for pause in talk.pauses] == [None]  # the transport has heard it
        assert talk.waited >= 5

    def test_a_flow_that_is_throttled_again_and_again_gives_up(self):
        talk = together(
            [get("a"), get("b")],
            batch(throttled(0, 1), part(1, body=item("b", "b"))),
            then=refusal(429, "activityLimitReached", retry_after="1"),
        )
        assert outcomes(talk) == [DriveThrottledError, "b"]


class TestFailures:
    def test_after_a_lost_answer_a_request_that_cannot_be_repeated_counts_as_sent(self):
        talk = together([post("a"), get("b"), post("c")], LOST, here("b", "b"))
        assert outcomes(talk) == [DriveConnectionError, "b", DriveConnectionError]
        assert [each_.sent for each_ in (talk.result[0], talk.result[2])] == [True, True]
        assert talk.result[0] is not talk.result[2]
        assert talk.posts == ["POST /$batch"]

    def test_a_request_that_is_sent_alone_receives_its_own_lost_connection(self):
        talk = together([post("a")], LOST)
        assert outcomes(talk) == [DriveConnectionError]
        assert outcomes(together([get("a")], LOST, here("a", "a"))) == ["a"]

    def test_a_batch_that_was_not_sent_is_sent_again_with_all_its_requests(self):
        talk = together([post("a"), post("b")], UNSENT, batch(part(0, 202), part(1, 202)))
        assert outcomes(talk) == [None, None]
        assert len(talk.requests) == 2

    def test_only_the_repeatable_requests_of_a_failed_batch_are_sent_again(self):
        talk = together([post("a"), get("b"), get("c")], refusal(504), then=each)
        assert outcomes(talk) == [DriveServiceError, "b", "c"]
        assert list(map(parts, talk.requests))[1] == ["GET /drives/d/items/b", "GET /drives/d/items/c"]

    def test_the_refusal_of_a_batch_refuses_each_of_its_requests(self):
        talk = together([post("a"), get("b")], refusal(400, "BadRequest"))
        assert [each_.status for each_ in talk.result] == [400, 400]
        assert "copy a" in str(talk.result[0])

    def test_one_part_of_a_batch_may_fail_while_the_others_succeed(self):
        gone = part(0, 404, {"error": {"code": "itemNotFound", "message": "No."}})
        talk = together([get("a"), get("b")], batch(gone, part(1, body=item("b", "b"))))
        assert outcomes(talk) == [DriveItemNotFoundError, "b"]

    def test_a_part_with_a_transient_fault_is_sent_again_if_it_is_repeatable(self):
        first = batch(part(0, 503), part(1, 500), part(2, body=item("c", "c")))
        talk = together([get("a"), post("b"), get("c")], first, here("a", "a"))
        assert outcomes(talk) == ["a", DriveServiceError, "c"]

    def test_a_part_without_an_answer_is_sent_again_if_it_is_repeatable(self):
        first = batch(part(2, body=item("c", "c")), part("other"), part(99))
        talk = together([get("a"), post("b"), get("c")], first, here("a", "a"))
        assert outcomes(talk) == ["a", DriveResponseError, "c"]
        assert "not this request of it" in str(talk.result[1])

    @pytest.mark.parametrize(
        "garbage",
        [
            *(b"<html>", [], {}, {"responses": None}, {"responses": {}}, {"value": []}),
            {"responses": [None, 5, [], {}, {"id": "0"}, {"id": "0", "status": "x"}, {"status": 200}]},
            {"responses": [{"id": "0", "status": status} for status in (0, -1, 99, 600, True, 2.0, "200")]},
        ],
    )
    def test_an_unreadable_batch_is_sent_again_for_the_repeatable_requests(self, garbage):
        talk = together([post("a"), get("b"), get("c")], answer(200, garbage), then=each)
        assert outcomes(talk) == [DriveResponseError, "b", "c"]
        talk = together([get("b"), get("c")], then=answer(200, garbage))
        assert outcomes(talk) == [DriveResponseError, DriveResponseError]
        assert len(talk.requests) <= 2 * MAX_TRIES["unreadable"]

    def test_an_answer_that_the_transport_refuses_is_the_error_of_each_request(self):
        refused = DriveResponseError("the answer is larger than 32 MiB", retryable=False)
        talk = together([get("a"), get("b")], refused)
        assert outcomes(talk) == [DriveResponseError] * 2
        assert not any(each_.retryable for each_ in talk.result)

    def test_an_unexpected_error_of_one_flow_ends_all_flows(self):
        def broken():
            yield Pause(0)
            raise ZeroDivisionError

        assert type(together([broken(), get("a")], here("a")).failure) is ZeroDivisionError


class TestTokens:
    def test_a_refused_token_is_replaced_for_the_whole_batch(self):
        talk = together([get("a"), get("b")], refusal(401, "InvalidAuthenticationToken"), then=each)
        assert [request.refused_token for request in talk.requests] == [False, True]
        assert outcomes(talk) == ["a", "b"]

    def test_a_part_whose_token_is_refused_is_sent_again_with_a_fresh_one(self):
        first = batch(part(0, 401), part(1, body=item("b", "b")))
        talk = together([get("a"), get("b")], first, here("a", "a"))
        assert [request.refused_token for request in talk.requests] == [False, True]
        assert outcomes(talk) == ["a", "b"]

    def test_a_fresh_token_that_is_refused_as_well_is_an_error(self):
        talk = together([get("a"), get("b")], then=refusal(401, "InvalidAuthenticationToken"))
        assert all(isinstance(each_, DriveError) for each_ in talk.result)
        assert len(talk.requests) == 2


class TestAnswers:
    def heard(self, entry, **headers):
        def listen(number):
            return (yield Request("GET", f"/{number}", "send_with_retries"))

        talk = together([listen(0), listen(1)], batch({"id": "0", **entry}, part(1), **headers))
        return talk.result[0]

    def test_an_answer_has_its_own_headers_in_lower_case_and_the_time_of_the_batch(self):
        entry = {"status": 202, "headers": {"Location": "https://x", "Retry-After": 7}}
        heard = self.heard(entry, date="Mon, 21 Sep 2026 14:13:20 GMT", request_id="of the batch")
        assert heard.headers == {
            "location": "https://x",
            "retry-after": "7",
            "date": "Mon, 21 Sep 2026 14:13:20 GMT",
        }
        own = {"status": 202, "headers": {"Date": "Tue, 22 Sep 2026 14:13:20 GMT"}}
        assert self.heard(own, date="Mon, 21 Sep 2026 14:13:20 GMT").headers["date"].startswith("Tue")

    @pytest.mark.parametrize(
        ("body", "content"),
        [
            ({"a": "é"}, b'{"a": "\\u00e9"}'),
            ([], b"[]"),
            (None, b""),
            ("", b""),
            (base64.b64encode(b"\x00\xff").decode(), b"\x00\xff"),
            ("no base64!", b"no base64!"),
            ("\ud800", b"?"),
            (5, b"5"),
        ],
    )
    def test_the_body_of_a_part_is_what_it_is_without_a_batch(self, body, content):
        assert self.heard({"status": 200, "body": body}).body == content

    @pytest.mark.parametrize("headers", [None, [], "x", 5])
    def test_headers_that_are_not_an_object_are_left_out(self, headers):
        assert self.heard({"status": 200, "headers": headers}).headers == {}

    def test_the_id_of_a_part_may_be_a_number(self):
        talk = converse(
            batched([get("a"), get("b")]),
            batch({"id": 0, "status": 200, "body": item("a", "a")}, {"id": 1, "status": 404}),
        )
        assert outcomes(talk) == ["a", DriveItemNotFoundError]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PART = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["0", "1", "2", 0, None, "x"]) | JSON,
        "status": st.sampled_from([200, 202, 204, 400, 401, 404, 409, 424, 429, 500, 503, 504, 0]) | JSON,
        "headers": st.dictionaries(st.sampled_from(["Retry-After", "Location"]), JSON) | JSON,
        "body": JSON | st.just(item("x", "x")),
    },
)


@given(
    st.lists(st.lists(PART | JSON, max_size=4).map(lambda parts_: {"responses": parts_}) | JSON, max_size=4)
)
def test_any_answer_to_a_batch_ends_each_flow_and_repeats_no_post_that_may_have_taken_effect(bodies):
    rest, refused = [json.dumps(body).encode() for body in bodies], []

    def told(request):
        body = rest.pop(0) if rest else b'{"error": {"code": "itemNotFound"}}'
        response = Response(200 if request.parts else 404, {}, body)
        if any("/copy" in line for line in (parts(request) if request.parts else [request.url])):
            refused.append(body)
        return response

    clock = Clock()
    talk = converse(batched([get("a"), post("b"), get("c")], clock=clock), then=told, clock=clock)

    assert len(talk.result) == 3
    for before in refused[:-1]:
        assert says_no_to_the_second(json.loads(before))


def says_no_to_the_second(body):
    """Whether an answer refuses the second request: for its token, or as one too many."""
    found = [entry for entry in body["responses"] if isinstance(entry, dict) and str(entry.get("id")) == "1"]
    return found[-1]["status"] in {401, 424, 429, 503}


def test_a_missing_item_in_a_batch_of_one_is_not_found():
    assert outcomes(together([get("a")], missing())) == [DriveItemNotFoundError]


class TestUnreadable:
    """A part that cannot be read is asked for by itself, so that a batch that never works stops nothing."""

    @pytest.mark.parametrize("broken", [None, part(1, body="<html>"), {"id": "1", "status": "200"}])
    def test_a_part_that_cannot_be_read_is_asked_for_alone(self, broken):
        first = batch(*filter(None, [part(0, body=item("a")), broken]))

        talk = together([get("a"), get("b")], first, here("b"))

        assert [read.ref for read in talk.result] == [ref("a"), ref("b")]
        assert talk.lines == ["POST /$batch", "GET /drives/d/items/b"]

    def test_a_page_instead_of_a_batch_lets_each_be_asked_alone(self):
        talk = together([get("a"), get("b")], answer(200, b"<html>"), here("a"), here("b"))

        assert [read.ref for read in talk.result] == [ref("a"), ref("b")]

    def test_an_unreadable_answer_is_told_with_what_it_was_for(self):
        talk = converse(get("a"), then=answer(200, b"<html>"))

        assert str(talk.error).startswith("Could not read drives/d/items/a: the answer (HTTP 200, 6 bytes)")
        assert "proxy" in str(talk.error)
