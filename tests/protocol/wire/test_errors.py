import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import answer, recorded_answer, refusal

from airflow_provider_drive import exceptions
from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveAddressError,
    DriveAuthError,
    DriveConnectionError,
    DriveCopyFailedError,
    DriveCopyNameConflictError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveLockedError,
    DriveNameConflictError,
    DriveQuotaError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.flow import Response
from airflow_provider_drive.protocol.wire.errors import clean, error_from_response, is_gone, read_graph_error


@pytest.mark.parametrize(
    ("status", "code", "inner", "kind"),
    [
        (400, "invalidRequest", None, DriveRequestError),
        (401, "InvalidAuthenticationToken", None, DriveAuthError),
        (402, "paymentRequired", None, DriveRequestError),
        (403, "accessDenied", None, DriveAccessDeniedError),
        (403, "notAllowed", None, DriveAccessDeniedError),
        (403, "malwareDetected", None, DriveAccessDeniedError),
        (404, "itemNotFound", None, DriveItemNotFoundError),
        (404, "ItemNotFound", None, DriveItemNotFoundError),
        (405, "notAllowed", None, DriveRequestError),
        (409, "nameAlreadyExists", None, DriveNameConflictError),
        (409, "NameAlreadyExists", None, DriveNameConflictError),
        (409, "conflict", "nameAlreadyExists", DriveNameConflictError),
        (409, "resourceModified", None, DriveItemChangedError),
        (409, "conflict", "resourceModified", DriveItemChangedError),
        (409, "lockMismatch", None, DriveRequestError),
        (400, "nameAlreadyExists", None, DriveRequestError),
        (404, "resourceModified", None, DriveItemNotFoundError),
        (410, "resyncRequired", None, DriveRequestError),
        (412, "preconditionFailed", None, DriveItemChangedError),
        (412, "notAllowed", "preconditionFailed", DriveItemChangedError),
        (416, "invalidRange", None, DriveRequestError),
        (423, "resourceLocked", None, DriveLockedError),
        (423, "notAllowed", "resourceLocked", DriveLockedError),
        (428, "x", None, DriveRequestError),
        (429, "activityLimitReached", "throttledRequest", DriveThrottledError),
        (500, "generalException", None, DriveServiceError),
        (501, "notSupported", None, DriveServiceError),
        (502, "", None, DriveServiceError),
        (503, "serviceNotAvailable", None, DriveThrottledError),
        (504, "", None, DriveServiceError),
        (507, "quotaLimitReached", None, DriveQuotaError),
        (509, "", None, DriveServiceError),
        (302, "", None, DriveResponseError),
        (304, "", None, DriveResponseError),
        (200, "", None, DriveResponseError),
    ],
)
def test_each_error_answer_maps_to_an_exception(status, code, inner, kind):
    error = error_from_response(refusal(status, code, inner), "copy drives/d/items/i")
    assert type(error) is kind
    assert error.retryable is (status != 400)
    assert f"Could not copy drives/d/items/i: Graph answered HTTP {status}" in str(error)
    assert code in str(error)
    assert (inner or "") in str(error)
    if isinstance(error, DriveRequestError):
        assert (error.status, error.code, error.message) == (status, code, "No.")
        assert error.inner_codes == ((inner,) if inner else ())


@pytest.mark.parametrize(
    ("name", "kind", "code", "inner_codes", "request_id"),
    [
        (
            "op-copy-409-sync-nameAlreadyExists",
            DriveNameConflictError,
            "nameAlreadyExists",
            (),
            "6122d858-b371-407b-8ac7-1a4f0f372aff",
        ),
        (
            "op-copy-404-source-not-found",
            DriveItemNotFoundError,
            "itemNotFound",
            (),
            "47d428f9-f207-4570-85f1-e9ea9fd4aeb5",
        ),
        ("op-get-404-no-access", DriveItemNotFoundError, "itemNotFound", (), ""),
        ("op-drive-404", DriveItemNotFoundError, "itemNotFound", (), ""),
        (
            "iss-patch-409-nameAlreadyExists",
            DriveNameConflictError,
            "nameAlreadyExists",
            (),
            "4e0d7ced-26c1-45fa-afc0-d6af2816ad94",
        ),
        (
            "iss-412-preconditionFailed-personal",
            DriveItemChangedError,
            "notAllowed",
            ("preconditionFailed",),
            "",
        ),
        (
            "iss-429-without-retry-after",
            DriveThrottledError,
            "activityLimitReached",
            ("throttledRequest",),
            "",
        ),
        ("doc-copy-400-root", DriveRequestError, "invalidRequest", (), ""),
        ("doc-copy-400-childrenOnly-file", DriveRequestError, "invalidRequest", (), ""),
    ],
)
def test_recorded_error_answers_map_to_exceptions(name, kind, code, inner_codes, request_id):
    response = recorded_answer(name)
    error = error_from_response(response, "copy it")
    assert type(error) is kind
    assert error.status == response.status
    assert error.code == code
    assert error.inner_codes == inner_codes
    assert error.request_id == request_id
    assert request_id in str(error)
    assert error.retryable is (response.status != 400)


def test_recorded_bodies_without_headers_are_read():
    assert error_from_response(recorded_answer("osf-404-itemNotFound", 404), "read it").code == "itemNotFound"
    message = json.dumps({"error": {"code": "notAllowed"}}).encode()
    assert error_from_response(Response(403, body=message), "copy it").code == "notAllowed"
    error = error_from_response(
        answer(403, {"error": {"message": "Requested move requires an async response"}}), "move it"
    )
    assert error.code == ""
    assert "HTTP 403: Requested move requires an async response" in str(error)


def test_a_refused_token_raises_an_error_that_names_the_fields_to_check():
    error = error_from_response(recorded_answer("op-401-invalid-token"), "read it")
    assert type(error) is DriveAuthError
    assert error.retryable
    for word in (
        "InvalidAuthenticationToken",
        "tenant_id",
        "cloud",
        "scopes",
        "bb2f6d5c-3c01-41a8-be44-3d2bb300998e",
    ):
        assert word in str(error)


def test_the_request_id_comes_from_the_header_if_the_body_has_none():
    assert error_from_response(answer(500, b"<html>", request_id="r-2"), "x").request_id == "r-2"
    both = answer(404, {"error": {"code": "a", "innerError": {"request-id": "r-1"}}}, request_id="r-2")
    assert error_from_response(both, "x").request_id == "r-1"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, ["Files.ReadWrite.All", "Sites.ReadWrite.All", "Sites.Selected"]),
        (404, ["address", "may not see"]),
        (409, ["conflict_behavior"]),
        (412, ["eTag"]),
        (423, ["checked out"]),
        (429, ["pool"]),
        (507, ["space"]),
        (500, ["request id"]),
    ],
)
def test_a_message_says_what_to_do(status, words):
    message = str(error_from_response(refusal(status, "nameAlreadyExists"), "x"))
    for word in words:
        assert word in message


class TestReading:
    def test_nested_inner_errors_are_read(self):
        error = read_graph_error(
            {
                "error": {
                    "code": "badRequest",
                    "message": "m",
                    "innererror": {
                        "code": "a",
                        "innerError": {"request-id": "r", "innererror": {"code": "b"}},
                    },
                }
            }
        )
        assert (error.code, error.message, error.inner_codes) == ("badRequest", "m", ("a", "b"))
        assert error.request_id == "r"

    def test_inner_errors_are_read_to_a_limited_depth(self):
        body = {}
        for _ in range(50):
            body = {"code": "x", "innerError": body}
        assert len(read_graph_error({"error": body}).inner_codes) == 10

    def test_the_code_is_read_from_the_details_if_the_error_has_none(self):
        body = {
            "error": {
                "message": "Errors occurred during copy/move operation.",
                "details": [
                    {"code": "nameAlreadyExists", "message": "Name already exists"},
                    {"code": "nameAlreadyExists", "message": "Name already exists", "target": "01E4", "x": 1},
                    "nonsense",
                ],
            }
        }
        error = read_graph_error(body)
        assert error.code == "nameAlreadyExists"
        assert error.details == (
            {"code": "nameAlreadyExists", "message": "Name already exists"},
            {"code": "nameAlreadyExists", "message": "Name already exists", "target": "01E4"},
        )

    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            ({"errorCode": "AccessDenied_x"}, "AccessDenied_x", ""),
            (
                {"error": "invalid_client", "error_description": "AADSTS7000215"},
                "invalid_client",
                "AADSTS7000215",
            ),
            ({"error": {}}, "", ""),
            ({"error": None}, "", ""),
            ({"error": []}, "", ""),
            ({"error": {"code": 5, "message": []}}, "", ""),
            ({}, "", ""),
            ([], "", ""),
            (None, "", ""),
            ("text", "", ""),
        ],
    )
    def test_errors_of_other_shapes_are_read(self, body, code, message):
        error = read_graph_error(body)
        assert (error.code, error.message) == (code, message)

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"x"', b"5", b"[" * 100_000])
    def test_a_body_that_is_not_an_error_gives_an_empty_error(self, body):
        error = error_from_response(Response(404, body=body), "read drives/d/items/i")
        assert type(error) is DriveItemNotFoundError
        assert str(error).startswith("Could not read drives/d/items/i: Graph answered HTTP 404.")


class TestCleaning:
    URL = "https://contoso.sharepoint.com/_api/v2.1/drive/operations/1?c=abc&tempauth=secret"

    @pytest.mark.parametrize(
        ("text", "cleaned"),
        [
            (f"See {URL} there", "See https://contoso.sharepoint.com/*** there"),
            (f"'{URL}'", "'https://contoso.sharepoint.com/***'"),
            (f'<a href="{URL}">', '<a href="https://contoso.sharepoint.com/***">'),
            ("https://contoso.sharepoint.com?tempauth=secret", "https://contoso.sharepoint.com/***"),
            ("https://contoso.sharepoint.com:8443/secret", "https://contoso.sharepoint.com:8443/***"),
            ("two\r\nlines\x00\x1b[31m", "two lines [31m"),
            ("half \ud83d a character", "half   a character"),
            ("plain text, 50% of it", "plain text, 50% of it"),
        ],
    )
    def test_urls_are_cut_to_their_host_and_lines_joined(self, text, cleaned):
        assert clean(text) == cleaned

    def test_clean_truncates_a_long_text(self):
        assert clean("x" * 10_000) == "x" * 400 + "…"
        assert clean("x" * 400) == "x" * 400

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(
                "https://contoso.sharepoint.com/_api/v2.0/drives('b!x')/operations('1')?tempauth=secret",
                id="quotes",
            ),
            pytest.param("HTTPS://contoso.sharepoint.com/x?tempauth=secret", id="capitals"),
            pytest.param("https://ann:secret@contoso.sharepoint.com/x", id="user-info"),
        ],
    )
    def test_urls_of_every_shape_are_cut_to_their_host(self, text):
        assert "secret" not in clean(text)

    def test_clean_takes_linear_time_for_a_hostile_text(self):
        started = time.monotonic()
        clean("https://x" + "'" * 8_000 + "a")
        assert time.monotonic() - started < 0.1

    @pytest.mark.parametrize("status", [302, 400, 401, 404, 409, 429, 500])
    def test_errors_quote_no_secrets_of_urls(self, status):
        message = {
            "error": {
                "code": self.URL,
                "message": self.URL,
                "innerError": {"code": self.URL, "request-id": self.URL},
            }
        }
        error = error_from_response(answer(status, message, request_id=self.URL), "x")
        assert "secret" not in str(error)
        assert "secret" not in repr(vars(error))


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_monitor_that_answers_401_403_404_or_410_is_gone(status):
    assert is_gone(answer(status))


def test_a_monitor_that_answers_operation_not_found_is_gone():
    assert is_gone(refusal(500, "operationNotFound"))
    assert is_gone(refusal(500, "generalException", "OperationNotFound"))
    assert not is_gone(refusal(500, "generalException"))
    assert not is_gone(refusal(429))
    assert not is_gone(answer(200, {"error": {"code": "operationNotFound"}}))


class TestTree:
    @pytest.mark.parametrize(
        ("kind", "parent"),
        [
            (DriveAddressError, ValueError),
            (DriveAuthError, DriveError),
            (DriveConnectionError, DriveError),
            (DriveResponseError, DriveError),
            (DriveRequestError, DriveError),
            (DriveItemNotFoundError, DriveRequestError),
            (DriveNameConflictError, DriveRequestError),
            (DriveItemChangedError, DriveRequestError),
            (DriveAccessDeniedError, DriveRequestError),
            (DriveLockedError, DriveRequestError),
            (DriveQuotaError, DriveRequestError),
            (DriveThrottledError, DriveRequestError),
            (DriveServiceError, DriveRequestError),
            (DriveCopyFailedError, DriveError),
            (DriveCopyNameConflictError, DriveCopyFailedError),
            (DriveCopyNameConflictError, DriveNameConflictError),
            (DriveCopyTimeoutError, TimeoutError),
            (DriveCopyUnknownError, DriveError),
        ],
    )
    def test_an_exception_has_its_documented_parent(self, kind, parent):
        assert issubclass(kind, parent)
        assert issubclass(kind, DriveError)

    def test_the_documented_tree_lists_every_exception(self):
        names = {
            name
            for name, kind in vars(exceptions).items()
            if isinstance(kind, type) and issubclass(kind, DriveError)
        }
        assert names == {
            word for word in exceptions.__doc__.replace("(", " ").split() if word.startswith("Drive")
        }

    def test_an_invalid_address_is_not_retryable_and_a_connection_error_is(self):
        assert not DriveAddressError("x").retryable
        assert DriveConnectionError("x").retryable
        assert not DriveResponseError("x", retryable=False).retryable
        assert DriveAddressError("x", retryable=True).retryable

    def test_a_failed_copy_has_code_and_details(self):
        error = DriveCopyFailedError("x", code="c", details=[{"code": "d"}])
        assert (error.code, error.details, error.retryable) == ("c", ({"code": "d"},), True)

    def test_a_name_conflict_of_a_copy_has_the_attributes_of_both_parents(self):
        error = DriveCopyNameConflictError("x", code="nameAlreadyExists", details=[{"code": "d"}])
        assert (str(error), error.code, error.details) == ("x", "nameAlreadyExists", ({"code": "d"},))
        for name in ("status", "inner_codes", "message", "request_id"):
            assert hasattr(error, name), name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text()
            | st.sampled_from(
                ["error", "code", "innerError", "innererror", "details", "message", "request-id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.integers(100, 599), st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_answer_maps_to_an_exception(status, body):
    response = Response(status, {"request-id": "r"}, body)
    assert isinstance(error_from_response(response, "x"), DriveError)
    assert is_gone(response) in {True, False}


@given(JSON)
def test_any_json_is_read_as_an_error(body):
    error = read_graph_error({"error": body})
    assert all(
        isinstance(text, str) for text in (error.code, error.message, error.request_id, *error.inner_codes)
    )
    assert json.dumps(error.details)


@given(st.text())
def test_cleaned_text_is_one_line_of_limited_length(text):
    cleaned = clean(text)
    assert len(cleaned) <= 401
    assert not set(cleaned) & set("\r\n\x00\x1b")
    cleaned.encode()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_says_that_the_url_of_the_site_has_changed(status):
    response = answer(status, location="https://fabrikam.sharepoint.com/sites/New?tempauth=secret")
    told = str(error_from_response(response, "read '/a'", "GET /sites/x"))
    assert "It points to fabrikam.sharepoint.com: the site's URL has changed" in told
    assert told.endswith("\nGET /sites/x")
    assert "secret" not in told


def test_a_redirect_without_a_usable_location_is_no_valid_answer():
    assert "not a valid answer" in str(error_from_response(answer(308, location="https://["), "x"))
