import itertools
from dataclasses import replace

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import DATE, MONITOR, NOW, answer, converse, recorded_answer, refusal

from airflow_provider_drive.exceptions import (
    DriveAuthError,
    DriveConnectionError,
    DriveError,
    DriveItemNotFoundError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.retry import (
    RETRY_BUDGET_SECONDS,
    RetryBudget,
    backoff,
    is_throttled,
    is_transient,
    poll_intervals,
    retry_after,
    send_with_retries,
    spread,
)
from airflow_provider_drive.protocol.wire.errors import error_from_response

GET = Request("GET", "/drives/d/items/i", "read it")
POST = Request("POST", "/drives/d/items/i/copy", "copy it")
PATCH = Request("PATCH", "/drives/d/items/i", "move it")
DELETE = Request("DELETE", "/drives/d/items/i", "delete it")
FOLDER = Request("POST", "/drives/d/items/i/children", "make it", idempotent=True)
LOST = DriveConnectionError("the connection was cut off")
UNSENT = DriveConnectionError("the host cannot be reached", sent=False)


def read(response):
    if not response.ok:
        raise error_from_response(response, "do it")
    return response.mapping()


def sent(request, *answers, **options):
    return converse(send_with_retries(request, read), *answers, **options)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("0", 0),
            ("5", 5),
            ("1.5", 1.5),
            (" 5 ", 5),
            ("3600", 3600),
            ("86400", 3600),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
            ("-5", 0),
            ("inf", None),
            ("-inf", None),
            ("nan", None),
            ("1e999", None),
            ("", None),
            ("soon", None),
            ("5 seconds", None),
            ("Mon, 99 Foo 2026 99:99:99 GMT", None),
            ("\x00", None),
        ],
    )
    def test_a_retry_after_is_read_as_seconds_or_ignored(self, value, seconds):
        assert retry_after(answer(429, retry_after=value)) == seconds

    def test_a_missing_retry_after_is_none(self):
        assert retry_after(answer(429)) is None

    def test_a_retry_after_date_is_compared_with_the_date_of_the_answer(self):
        later = "Mon, 21 Sep 2026 14:15:20 GMT"
        assert retry_after(answer(429, retry_after=later, date=DATE)) == 120
        assert retry_after(answer(429, retry_after=DATE, date=later)) == 0

    @pytest.mark.parametrize("date", ["", "now", "Mon, 99 Foo 2026"])
    def test_a_retry_after_date_is_compared_with_this_machines_clock_if_the_answer_has_no_date(self, date):
        with time_machine.travel(NOW, tick=False):
            response = answer(429, retry_after="Mon, 21 Sep 2026 14:15:20 GMT", date=date)
            assert retry_after(response) == 120

    @given(st.text(), st.text())
    def test_any_retry_after_is_a_finite_time_or_none(self, value, date):
        seconds = retry_after(answer(429, retry_after=value, date=date))
        assert seconds is None or 0 <= seconds <= 3600


class TestKinds:
    def test_a_429_is_throttling_and_a_503_only_with_retry_after(self):
        assert is_throttled(answer(429))
        assert is_throttled(answer(503, retry_after="0"))
        assert not is_throttled(answer(503))
        assert not is_throttled(answer(503, retry_after="soon"))
        assert not is_throttled(answer(504, retry_after="5"))

    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 509])
    def test_these_statuses_are_transient(self, status):
        assert is_transient(answer(status))

    @pytest.mark.parametrize("status", [200, 202, 303, 400, 401, 403, 404, 409, 412, 423, 429, 501, 505, 507])
    def test_these_statuses_are_not_transient(self, status):
        assert not is_transient(answer(status))


class TestPauses:
    def test_the_pauses_between_tries_double_up_to_the_longest(self):
        for attempt in range(12):
            middle = min(60.0, 2.0**attempt)
            assert 0.75 * middle <= backoff(attempt) <= 1.25 * middle
        assert backoff(10_000, longest=10.0) <= 12.5

    @pytest.mark.parametrize(
        ("seconds", "more"),
        [(0.0, 2.0), (1.0, 2.0), (20.0, 2.0), (30.0, 3.0), (100.0, 10.0), (3_600.0, 10.0)],
    )
    def test_a_pause_is_what_graph_asked_for_and_up_to_a_tenth_more(self, seconds, more):
        waits = [spread(seconds) for _ in range(200)]
        assert seconds <= min(waits) <= max(waits) <= seconds + more
        assert max(waits) - min(waits) > more / 2

    @pytest.mark.parametrize("interval", [1.0, 1.5, 5.0, 15.0, 600.0])
    def test_poll_intervals_grow_from_a_second_up_to_the_poll_interval(self, interval):
        for _ in range(20):
            pauses = list(itertools.islice(poll_intervals(interval), 50))
            assert max(pauses) <= interval
            assert pauses[0] <= min(interval, 1.2)
            assert min(pauses) >= 0.8
            assert pauses[-1] >= 0.8 * interval

    def test_poll_intervals_are_spread(self):
        assert len({next(poll_intervals(15.0)) for _ in range(10)}) > 1

    @pytest.mark.parametrize("interval", [0.001, 0.5, 0.999])
    def test_a_poll_interval_under_a_second_is_kept(self, interval):
        assert set(itertools.islice(poll_intervals(interval), 20)) == {interval}


class TestThrottling:
    @pytest.mark.parametrize(
        "request_", [GET, POST, PATCH, DELETE, FOLDER], ids=lambda request: request.method
    )
    @pytest.mark.parametrize("status", [429, 503])
    def test_a_throttled_request_is_sent_again_whatever_its_method(self, request_, status):
        talk = sent(request_, refusal(status, retry_after="20"), answer(200, {"ok": True}))
        assert talk.result == {"ok": True}
        assert talk.requests == [request_, request_]
        (pause,) = talk.pauses
        assert 20 <= pause.seconds <= 22

    def test_a_429_without_retry_after_is_sent_again(self):
        talk = sent(POST, recorded_answer("iss-429-without-retry-after"), answer(200, {}))
        assert len(talk.requests) == 2
        assert 0.75 <= talk.waited <= 1.25

    @pytest.mark.parametrize("delay", [{}, {"retry_after": "1"}, {"retry_after": "0"}])
    def test_a_request_that_is_always_throttled_is_tried_for_five_minutes(self, delay):
        talk = sent(GET, then=refusal(429, "activityLimitReached", **delay))
        assert type(talk.error) is DriveThrottledError
        assert RETRY_BUDGET_SECONDS - 3 <= talk.waited <= RETRY_BUDGET_SECONDS
        assert len(talk.requests) < 15
        assert f"Gave up after {len(talk.requests)} tries" in str(talk.error)
        assert "activityLimitReached" in str(talk.error)
        assert talk.error.status == 429

    def test_pauses_grow_if_graph_asks_for_a_short_one_again_and_again(self):
        talk = sent(GET, then=refusal(429, retry_after="1"))
        for attempt, pause in enumerate(talk.pauses[2:6], 2):
            assert 0.75 * 2**attempt <= pause.seconds <= 1.25 * 2**attempt

    def test_the_pauses_of_a_request_stay_within_the_budget_that_the_error_names(self):
        talk = sent(GET, refusal(429, retry_after="200"), refusal(429, retry_after="200"))
        assert type(talk.error) is DriveThrottledError
        assert len(talk.requests) == 2
        assert talk.waited <= RETRY_BUDGET_SECONDS
        assert f"a budget of {RETRY_BUDGET_SECONDS:.0f} s" in str(talk.error)
        assert "Graph asks for 2" in str(talk.error)

    def test_a_retry_after_beyond_the_budget_gives_up_at_once(self):
        talk = sent(GET, refusal(429, retry_after="3600"))
        assert type(talk.error) is DriveThrottledError
        assert not talk.pauses
        assert "(Graph asks for 3" in str(talk.error)
        assert talk.error.retryable

    def test_a_budget_that_was_given_is_kept(self):
        talk = converse(send_with_retries(GET, read, RetryBudget(5.0)), refusal(429, retry_after="6"))
        assert "a budget of 5 s" in str(talk.error)

    @pytest.mark.parametrize("value", ["0", "-1"])
    def test_a_retry_after_of_zero_does_not_lead_to_hammering(self, value):
        talk = sent(GET, then=refusal(429, retry_after=value))
        assert talk.waited > 1


class TestFaults:
    @pytest.mark.parametrize("request_", [GET, DELETE, FOLDER], ids=lambda request: request.method)
    @pytest.mark.parametrize(
        "fault", [answer(500), answer(502), answer(503), answer(504), answer(408), LOST, UNSENT]
    )
    def test_a_repeatable_request_is_sent_again_after_a_transient_fault(self, request_, fault):
        talk = sent(request_, fault, fault, answer(200, {"ok": True}))
        assert talk.result == {"ok": True}
        assert talk.requests == [request_] * 3
        assert 2 <= talk.waited <= 4

    @pytest.mark.parametrize("request_", [POST, PATCH], ids=lambda request: request.method)
    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
    def test_a_post_is_not_sent_again_after_a_5xx(self, request_, status):
        talk = sent(request_, refusal(status))
        assert talk.error.status == status
        assert len(talk.requests) == 1

    @pytest.mark.parametrize("request_", [POST, PATCH], ids=lambda request: request.method)
    def test_a_post_is_not_sent_again_after_a_lost_answer(self, request_):
        talk = sent(request_, LOST)
        assert talk.error is LOST
        assert len(talk.requests) == 1

    @pytest.mark.parametrize("request_", [POST, PATCH], ids=lambda request: request.method)
    def test_a_post_that_was_not_sent_is_sent_again(self, request_):
        talk = sent(request_, DriveConnectionError("x", sent=False), answer(200, {}))
        assert talk.result == {}
        assert len(talk.requests) == 2

    def test_a_post_is_not_sent_again_after_an_unreadable_answer(self):
        talk = sent(POST, answer(200, b"<html>"))
        assert type(talk.error) is DriveResponseError
        assert len(talk.requests) == 1

    def test_a_request_with_five_transient_faults_gives_up(self):
        talk = sent(GET, then=refusal(500, request_id="r-9"))
        assert type(talk.error) is DriveServiceError
        assert len(talk.requests) == 5
        assert "Gave up after 5 tries" in str(talk.error)
        talk = sent(GET, *[DriveConnectionError("cut off") for _ in range(5)])
        assert type(talk.error) is DriveConnectionError
        assert str(talk.error).startswith("cut off\nGave up after 5 tries")

    def test_a_transient_fault_with_retry_after_is_retried_after_that_time(self):
        talk = sent(GET, answer(504, retry_after="30"), answer(200, {}))
        assert 30 <= talk.waited <= 33

    def test_a_request_with_three_unreadable_answers_gives_up(self):
        talk = sent(GET, then=answer(200, b"<html>"))
        assert type(talk.error) is DriveResponseError
        assert len(talk.requests) == 3

    def test_an_unreadable_answer_is_retried(self):
        assert sent(GET, answer(200, b""), answer(200, b"{"), answer(200, {"ok": True})).result == {
            "ok": True
        }

    def test_an_answer_that_the_driver_refuses_is_retried_only_if_it_is_retryable(self):
        talk = sent(GET, DriveResponseError("larger than 32 MiB"), answer(200, {}))
        assert len(talk.requests) == 2
        talk = sent(GET, DriveResponseError("elsewhere", retryable=False))
        assert len(talk.requests) == 1
        assert not talk.error.retryable

    def test_each_kind_of_fault_is_counted_for_itself_within_one_budget(self):
        budget = RetryBudget()
        answers = [
            refusal(429, retry_after="1"),
            answer(200, b"{"),
            refusal(500),
            LOST,
            refusal(429, retry_after="1"),
        ]
        talk = converse(send_with_retries(GET, read, budget), *answers, answer(200, {}))
        assert talk.result == {}
        assert budget.waited == pytest.approx(talk.waited)

    @pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 423, 501, 507])
    def test_a_refusal_is_not_retried(self, status):
        talk = sent(GET, refusal(status))
        assert talk.error.status == status
        assert not talk.pauses


class TestTokens:
    @pytest.mark.parametrize("request_", [GET, POST, PATCH, DELETE], ids=lambda request: request.method)
    def test_a_refused_token_is_replaced_once(self, request_):
        talk = sent(request_, recorded_answer("op-401-invalid-token"), answer(200, {}))
        assert talk.requests == [request_, replace(request_, refused_token=True)]
        assert not talk.pauses
        talk = sent(request_, refusal(401), refusal(401))
        assert type(talk.error) is DriveAuthError
        assert [request.refused_token for request in talk.requests] == [False, True]

    def test_only_the_next_try_asks_for_a_fresh_token(self):
        talk = sent(GET, refusal(401), refusal(429, retry_after="1"), answer(200, {}))
        assert [request.refused_token for request in talk.requests] == [False, True, False]

    def test_a_401_of_a_monitor_is_not_retried_with_a_fresh_token(self):
        monitor = Request("GET", MONITOR, "look", kind="monitor")
        talk = sent(monitor, refusal(401))
        assert type(talk.error) is DriveAuthError
        assert talk.requests == [monitor]

    def test_a_token_that_is_refused_between_faults_gives_up(self):
        answers = itertools.chain.from_iterable([refusal(401), refusal(500)] for _ in range(5))
        talk = sent(GET, *answers)
        assert type(talk.error) is DriveServiceError


OUTCOMES = st.sampled_from(
    [
        *(answer(200, {}), answer(200, b"{"), LOST, UNSENT),
        *(refusal(status) for status in (401, 404, 429, 500, 503, 507)),
        *(refusal(429, retry_after=value) for value in ("0", "1000")),
        refusal(503, retry_after="9"),
    ]
)


@given(st.sampled_from([GET, POST, PATCH, DELETE, FOLDER]), st.lists(OUTCOMES, min_size=1, max_size=30))
def test_any_answers_end_within_the_retry_budget(request_, outcomes):
    flow = send_with_retries(request_, read)
    talk = converse(lenient(flow, outcomes))
    assert talk.waited <= RETRY_BUDGET_SECONDS
    assert talk.failure is None or isinstance(talk.failure, DriveError)


def lenient(flow, outcomes):
    """Drive a flow with answers of which some may be left over; the last one is given for ever."""
    rest, reply = list(outcomes), None
    while True:
        try:
            said = flow.throw(reply) if isinstance(reply, Exception) else flow.send(reply)
        except StopIteration as end:
            return end.value
        if isinstance(said, Request):
            reply = rest.pop(0) if len(rest) > 1 else rest[0]
            if isinstance(reply, DriveConnectionError):
                reply = DriveConnectionError("cut off", sent=reply.sent)
        else:
            reply = yield said


def test_a_missing_item_is_not_retried():
    talk = sent(GET, refusal(404, "itemNotFound"))
    assert type(talk.error) is DriveItemNotFoundError
    assert len(talk.requests) == 1
