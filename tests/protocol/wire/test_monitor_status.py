"""What a monitor says of a copy; and the events that triggers fire of it."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from protocol.conversation import MONITOR, answer, item, recorded_answer, recording, refusal

from airflow_provider_drive.exceptions import (
    DriveError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
)
from airflow_provider_drive.protocol.flow import Response
from airflow_provider_drive.protocol.wire.monitor_status import (
    CopyStatus,
    monitor_request,
    read_copy_status,
    read_event,
)

DONE = {"status": "completed", "resourceId": "01NEW", "percentageComplete": 100.0}
FAILED = {"status": "failed", "error": {"code": "nameAlreadyExists", "message": "Name already exists"}}


def status_of(status, body=None, **headers):
    return read_copy_status(answer(status, body, **headers))


class TestStatus:
    @pytest.mark.parametrize("status", [200, 202, 303, 302, 404, 500])
    def test_the_status_word_alone_decides_the_state(self, status):
        assert status_of(status, DONE) == CopyStatus("completed", "01NEW", percent_complete=100.0)
        assert status_of(status, FAILED).state == "failed"
        running = status_of(status, {"status": "inProgress", "percentageComplete": 27.8})
        assert running == CopyStatus("running", percent_complete=27.8)
        assert running.is_running
        assert running.progress == "28 %"
        assert CopyStatus("running").progress == ""

    @pytest.mark.parametrize(
        ("name", "status", "expected"),
        [
            ("doc-monitor-inProgress-202", 202, CopyStatus("running", percent_complete=27.8)),
            (
                "doc-monitor-completed-202-graphdocs",
                202,
                CopyStatus("completed", "01MOWKYVJML57KN2ANMBA3JZJS2MBGC7KM", percent_complete=100.0),
            ),
            (
                "doc-monitor-completed-303-odocs",
                303,
                CopyStatus("completed", "01MOWKYVJML57KN2ANMBA3JZJS2MBGC7KM", percent_complete=100.0),
            ),
            (
                "doc-monitor-completed-v21",
                200,
                CopyStatus(
                    "completed",
                    "016OGUCSF6Y2GOVW7725BZO354PWSELRRZ",
                    "b!1YwGyNd6RUuVB42eCVw7ULlXybr_-09Br67iDGnYY-neBqwZd6jJRJbgCTx0On5n",
                    100,
                ),
            ),
            (
                "doc-monitor-failed-nameAlreadyExists",
                200,
                CopyStatus("failed", code="nameAlreadyExists", message="Name already exists"),
            ),
            (
                "iss-monitor-failed-generalException",
                200,
                CopyStatus("failed", code="generalException", message="General exception while processing"),
            ),
            ("iss-monitor-401-with-bearer", 401, CopyStatus("unknown")),
        ],
    )
    def test_recorded_monitors_are_read(self, name, status, expected):
        response = recorded_answer(name, status)
        assert response.status == status
        assert read_copy_status(response) == expected

    @pytest.mark.parametrize(
        "word",
        ["notStarted", "inProgress", "waiting", "updating", "cancelPending", "deletePending", "", "tomorrow"],
    )
    def test_unknown_words_mean_still_running(self, word):
        assert status_of(200, {"status": word}) == CopyStatus("running")

    @pytest.mark.parametrize("word", ["completed", "Completed", "COMPLETED"])
    def test_the_case_of_a_word_does_not_matter(self, word):
        assert status_of(202, {"status": word, "resourceId": "x"}).state == "completed"

    @pytest.mark.parametrize("word", ["failed", "Failed", "deleteFailed", "cancelled", "canceled"])
    def test_these_words_mean_failed(self, word):
        assert status_of(200, {"status": word}) == CopyStatus("failed", code="unknown")

    @pytest.mark.parametrize(
        ("body", "percent"),
        [
            ({"percentageComplete": 5}, 5),
            ({"percentComplete": 6}, 6),
            ({"percentageComplete": 5, "percentComplete": 6}, 5),
            ({"percentageComplete": "5", "percentComplete": 6}, 6),
            ({"percentageComplete": 0}, 0),
            ({"percentageComplete": 101}, None),
            ({"percentageComplete": -1}, None),
            ({"percentageComplete": True}, None),
            ({"percentageComplete": None}, None),
            ({}, None),
        ],
    )
    def test_a_percentage_is_read_from_both_of_its_fields(self, body, percent):
        assert status_of(202, {"status": "inProgress", **body}).percent_complete == percent

    @pytest.mark.parametrize("number", [b"1e999", b"-1e999"])
    def test_an_infinite_percentage_is_ignored(self, number):
        body = b'{"status": "inProgress", "percentageComplete": ' + number + b"}"
        assert read_copy_status(Response(200, body=body)) == CopyStatus("running")

    def test_a_huge_percentage_is_ignored(self):
        assert status_of(200, {"status": "inProgress", "percentageComplete": 10**400}) == CopyStatus(
            "running"
        )

    def test_the_new_item_may_be_given_by_its_url(self):
        body = {"status": "completed", "resourceLocation": "https://x/_api/v2.0/drives/b%21x/items/01NEW?a=b"}
        assert status_of(200, body) == CopyStatus("completed", "01NEW", "b!x")

    def test_a_completed_copy_may_not_name_its_item(self):
        assert status_of(200, {"status": "completed", "resourceId": ""}) == CopyStatus("completed")
        assert status_of(200, {"status": "completed", "resourceLocation": 5}) == CopyStatus("completed")

    @pytest.mark.parametrize("item_id", ["..", "half \ud83d", "a/b", "a\nb"])
    def test_an_invalid_id_of_the_new_item_is_ignored(self, item_id):
        assert status_of(200, {"status": "completed", "resourceId": item_id}) == CopyStatus("completed")

    def test_a_redirect_to_an_invalid_id_names_no_item(self):
        location = "https://contoso.sharepoint.com/_api/v2.0/drives/b!x/items/%2e%2e"
        assert status_of(303, location=location).resource_id is None

    @pytest.mark.parametrize("status", [200, 201, 202])
    def test_a_synchronous_copys_monitor_is_the_finished_item(self, status):
        assert status_of(status, item("01NEW", drive="b!x")) == CopyStatus("completed", "01NEW", "b!x")
        assert status_of(status, {"id": "01NEW", "name": "x"}) == CopyStatus("completed", "01NEW", None)

    def test_a_finished_item_is_read_from_a_recording(self):
        told = recording("gnome-put-content-201")
        read = read_copy_status(recorded_answer("gnome-put-content-201"))
        assert (read.state, read.resource_id) == ("completed", told["body"]["id"])

    @pytest.mark.parametrize("body", [None, b"<html>moved</html>", {}, {"id": "x"}])
    def test_a_303_is_completed(self, body):
        location = "https://contoso.sharepoint.com/_api/v2.0/drives/b!x/items/01NEW?tempauth=secret"
        assert status_of(303, body, location=location) == CopyStatus("completed", "01NEW", "b!x")
        assert status_of(303, body) == CopyStatus("completed")

    def test_a_303_may_name_no_item(self):
        """Seen: a redirect to an item without an id."""
        location = "https://api.onedrive.com/v1.0/drives('me')/items('')"
        assert status_of(303, location=location) == CopyStatus("completed")

    def test_a_302_counts_only_if_it_leads_to_an_item(self):
        location = "https://contoso.sharepoint.com/_api/v2.0/drives/b!x/items/01NEW"
        assert status_of(302, location=location) == CopyStatus("completed", "01NEW", "b!x")
        with pytest.raises(DriveResponseError, match="redirects to something else"):
            status_of(302, location="https://login.microsoftonline.com/")

    @pytest.mark.parametrize("status", [401, 403, 404, 410])
    @pytest.mark.parametrize(
        "body", [None, b"<html>", [], {}, {"error": {"code": "itemNotFound"}}, {"error": "x"}, {"id": "x"}]
    )
    def test_a_monitor_that_does_not_know_the_copy_is_unknown(self, status, body):
        assert status_of(status, body) == CopyStatus("unknown")

    def test_an_operation_not_found_is_unknown_whatever_the_status(self):
        """Seen: a 500 at the end of a copy onto its own name."""
        assert read_copy_status(refusal(500, "operationNotFound")) == CopyStatus("unknown")

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    @pytest.mark.parametrize("body", [None, b"<html>", {"error": {"code": "generalException"}}])
    def test_a_transient_fault_of_a_monitor_is_an_error(self, status, body):
        with pytest.raises((DriveServiceError, DriveRequestError), match=f"HTTP {status}"):
            status_of(status, body)

    @pytest.mark.parametrize(
        "body", [None, b"<html>", b"\xff", [], "x", {}, {"status": 5}, {"id": 5}, {"id": ""}]
    )
    @pytest.mark.parametrize("status", [200, 202])
    def test_an_unreadable_answer_of_a_monitor_is_an_error(self, status, body):
        with pytest.raises(DriveResponseError):
            status_of(status, body)


class TestFailures:
    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            ({"error": {"code": "a", "message": "m"}}, "a", "m"),
            ({"error": {"message": "m", "details": [{"code": "b"}]}}, "b", "m"),
            ({"error": {"innerError": {"code": "c"}}}, "c", ""),
            ({"errorCode": "AccessDenied_x"}, "AccessDenied_x", ""),
            (
                {"error": {}, "statusDescription": "Completed 0/0 files; 0/9314 bytes"},
                "unknown",
                "Completed 0/0 files; 0/9314 bytes",
            ),
            ({"operation": "ItemCopy", "percentageComplete": 0}, "unknown", ""),
            ({"error": None}, "unknown", ""),
            ({"error": 5, "statusDescription": 5}, "unknown", ""),
        ],
    )
    def test_a_failure_has_its_code_wherever_it_is(self, body, code, message):
        read = status_of(200, {"status": "failed", **body})
        assert (read.state, read.code, read.message) == ("failed", code, message)

    def test_a_failures_details_are_kept(self):
        """https://learn.microsoft.com/graph/api/driveitem-copy, example 5: there is no error.code."""
        details = [
            {"code": "nameAlreadyExists", "message": "Name already exists"},
            {"code": "nameAlreadyExists", "message": "Name already exists", "target": "01E4CGZM4FGUVRMK"},
        ]
        body = {
            "status": "failed",
            "error": {"message": "Errors occurred during copy/move operation.", "details": details},
        }
        read = status_of(200, body)
        assert (read.code, read.message) == (
            "nameAlreadyExists",
            "Errors occurred during copy/move operation.",
        )
        assert list(read.details) == details

    def test_no_failure_quotes_a_url_with_its_secret(self):
        url = "https://contoso.sharepoint.com/x?tempauth=secret"
        body = {"code": url, "message": url, "details": [{"code": url, "message": url, "target": url}]}
        read = status_of(200, {"status": "failed", "error": body, "statusDescription": url})
        assert "secret" not in repr(read)


class TestEvents:
    @pytest.mark.parametrize(
        ("status", "event"),
        [
            (
                CopyStatus("completed", "01NEW", "b!x", 100.0),
                {"status": "completed", "resource_id": "01NEW", "drive_id": "b!x", "percent_complete": 100.0},
            ),
            (CopyStatus("completed"), {"status": "completed", "resource_id": None}),
            (CopyStatus("failed", code="c", message="m"), {"status": "failed", "code": "c", "message": "m"}),
            (CopyStatus("failed"), {"status": "failed", "code": "", "message": ""}),
            (
                CopyStatus("failed", code="c", details=({"code": "d"},)),
                {"status": "failed", "code": "c", "message": "", "details": [{"code": "d"}]},
            ),
            (
                CopyStatus("timeout", percent_complete=3),
                {"status": "timeout", "message": "", "percent_complete": 3},
            ),
            (CopyStatus("unknown", message="gone"), {"status": "unknown", "message": "gone"}),
        ],
    )
    def test_an_event_is_read_as_it_was_fired(self, status, event):
        assert status.as_event() == event
        assert json.loads(json.dumps(event)) == event
        assert read_event(event) == status

    @pytest.mark.parametrize(
        "event",
        [
            None,
            [],
            "completed",
            5,
            {},
            {"status": None},
            {"status": 5},
            {"status": ["completed"]},
            {"status": "success"},
            {"status": "Completed"},
            {"status": "running"},
            {"status": "completed", "resource_id": 5},
            {"status": "completed", "resource_id": ["01NEW"]},
            {"status": "completed", "drive_id": 5},
            {"status": "completed", "percent_complete": "100"},
            {"status": "completed", "percent_complete": True},
            {"status": "completed", "extra": "x"},
            {"status": "completed", 5: "x"},
            {"status": "failed", "code": None},
            {"status": "failed", "message": 5},
            {"status": "failed", "details": {}},
            {"status": "failed", "details": ["x"]},
            {"status": "failed", "details": None},
            {"status": "timeout", "state": "completed"},
        ],
    )
    def test_a_value_that_is_not_exactly_an_event_is_refused(self, event):
        with pytest.raises(DriveResponseError, match=r"event is refused"):
            read_event(event)

    @pytest.mark.parametrize("item_id", ["..", "half \ud83d", "a/b", ""])
    def test_an_event_with_an_invalid_id_is_refused(self, item_id):
        with pytest.raises(DriveResponseError):
            read_event({"status": "completed", "resource_id": item_id})

    @pytest.mark.parametrize("percent", [-1, 101, 1e9])
    def test_an_event_with_an_impossible_percentage_is_refused(self, percent):
        with pytest.raises(DriveResponseError, match="percent_complete"):
            read_event({"status": "timeout", "percent_complete": percent})

    def test_a_status_says_in_a_few_words_why_a_copy_has_not_ended_well(self):
        assert CopyStatus("timeout", message="x").told == "it was not copied in time; it may still be"
        assert CopyStatus("failed", code="c", message="m").told == "c: m"
        assert CopyStatus("unknown").told == "Graph does not say why"

    def test_a_refused_event_quotes_no_secret(self):
        with pytest.raises(DriveResponseError) as raised:
            read_event({"status": "completed", MONITOR: MONITOR})
        assert "tempauth" not in str(raised.value)


class TestRequests:
    def test_a_monitor_request_has_the_url_as_given_and_no_token(self):
        request = monitor_request(MONITOR)
        assert (request.method, request.url, request.kind) == ("GET", MONITOR, "monitor")
        assert not request.is_to_graph
        assert not request.headers
        assert "secret" not in repr(request)


KEYS = st.sampled_from(
    [
        *("status", "id", "name", "error", "code", "message", "details", "target", "innerError", "errorCode"),
        *("statusDescription", "percentageComplete", "percentComplete", "resourceId", "resourceLocation"),
        *("parentReference", "driveId"),
    ]
)
VALUES = st.sampled_from(
    ["completed", "failed", "inProgress", "i", 5, -1, 100.0, {"code": "c"}, [{"code": "c"}]]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=5),
    max_leaves=12,
)


@given(
    st.sampled_from([200, 202, 204, 302, 303, 304, 400, 401, 404, 410, 429, 500, 503]),
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    st.none() | st.text(),
)
@example(200, b"[" * 100_000, None)
@example(200, b'{"status":' * 100_000, None)
def test_any_answer_of_a_monitor_is_a_status_or_an_error(status, body, location):
    try:
        read = read_copy_status(Response(status, {"location": location} if location else {}, body))
    except DriveError:
        return
    assert read.state in {"running", "completed", "failed", "unknown"}
    if not read.is_running:
        event = read.as_event()
        assert json.dumps(event, allow_nan=False)
        assert read_event(event) == read


@given(JSON)
def test_any_event_is_read_exactly_or_refused(event):
    try:
        read = read_event(event)
    except DriveResponseError:
        return
    assert read.state in {"completed", "failed", "timeout", "unknown"}
