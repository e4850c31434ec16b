"""Messages for failed logins and lost connections."""

import re
import socket
import ssl

import pytest
import requests

from airflow_provider_drive.auth.error_hints import (
    AADSTS,
    explain_auth_error,
    explain_connection_error,
    explain_msal_exception,
    explain_no_answer,
)
from airflow_provider_drive.get_provider_info import CONNECTION_FIELDS

FIELDS = {
    *("login", "password", "host", "federated_token_file", "refresh_token"),
    *CONNECTION_FIELDS,
}


@pytest.mark.parametrize("code", AADSTS)
def test_the_message_for_each_code_has_the_authoritys_words_the_advice_and_the_trace_id(code):
    answer = {
        "error": "invalid_client",
        "error_description": f"AADSTS{code}: It is so.\r\nTrace ID: 1\r\nTime: 2",
    }

    message = explain_auth_error(answer, [])

    assert message == f"Could not get a token: AADSTS{code}: It is so. {AADSTS[code]} (Trace ID: 1 Time: 2)"


def test_an_overlong_number_is_not_read_as_a_code():
    assert explain_auth_error({"error": "x", "error_description": f"AADSTS{'7' * 5000}"}, []).endswith(
        "credentials."
    )


def test_each_advice_names_a_connection_field_or_another_action():
    for advice in set(AADSTS.values()):
        named = {word for word in re.findall(r"\w+", advice) if word in FIELDS}
        assert named or "try later" in advice or "airflow-drive login" in advice, advice
        assert advice.endswith("."), advice


def test_advice_names_only_existing_connection_fields():
    named = {word for advice in AADSTS.values() for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", advice)}
    assert named <= FIELDS | {"workload_identity"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("invalid_grant", AADSTS[70000]),
        ("invalid_scope", AADSTS[70011]),
        ("what_nobody_knows", "Check the connection's tenant_id, login and credentials."),
        (None, "Check the connection's tenant_id, login and credentials."),
    ],
)
def test_errors_without_a_code_get_advice_by_oauth_error(error, expected):
    assert explain_auth_error({"error": error, "error_description": None}, []).endswith(expected)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("client_secret", "password"),
        ("certificate", "passphrase"),
        ("workload_identity", "federated_token_file"),
        ("refresh_token", "refresh_token"),
        ("managed_identity", "this machine has a managed identity"),
    ],
)
def test_errors_without_a_known_code_or_oauth_error_get_advice_by_auth_type(kind, expected):
    assert expected in explain_auth_error({"error": "unknown"}, [], kind)
    assert expected in explain_msal_exception(ValueError("no"), [], kind)


def test_unknown_codes_are_skipped_in_favour_of_a_known_one():
    said = {"error_description": "AADSTS123: Strange. AADSTS7000222: Expired."}

    assert explain_auth_error(said, []).endswith(AADSTS[7000222])


def test_secrets_quoted_by_the_authority_are_masked():
    said = {"error": "invalid_client", "error_description": "'s3cret-value' is wrong"}

    assert "s3cret" not in explain_auth_error(said, ["s3cret-value", ""])
    assert "s3cret" not in explain_msal_exception(ValueError("s3cret-value is wrong"), ["s3cret-value"])


def test_an_msal_exception_is_explained_with_the_authoritys_words_in_its_context():
    error = ValueError("Please double check your tenant name.")
    error.__context__ = ValueError('Discovery failed: {"error_description": "AADSTS90002: No such tenant."}')

    message = explain_msal_exception(error, [])

    assert message == f"Could not get a token: AADSTS90002: No such tenant. {AADSTS[90002]}"


# Connection errors


def chained(error, *causes):
    for outer, inner in zip((error, *causes), causes, strict=False):
        outer.__cause__ = inner
    return error


CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
CERTIFICATE.verify_message = "self-signed certificate in certificate chain"
TUNNEL = OSError("Tunnel connection failed: 407 Proxy Authentication Required")


@pytest.mark.parametrize(
    ("error", "reason", "expected"),
    [
        (
            chained(requests.exceptions.SSLError(), CERTIFICATE),
            "self-signed certificate",
            "verify to the path",
        ),
        (chained(requests.exceptions.ProxyError(), TUNNEL), "proxy answered 407", "proxy requires a login"),
        (
            chained(requests.exceptions.ProxyError(), OSError("Tunnel connection failed: 502 Bad Gateway")),
            "proxy answered 502 Bad Gateway",
            "connection's proxies",
        ),
        (
            chained(requests.exceptions.ProxyError(), socket.gaierror(-2, "Name or service not known")),
            "Name or service not known",
            "connection's proxies, or HTTPS_PROXY",
        ),
        (
            chained(requests.ConnectionError(), socket.gaierror(-2, "Name or service not known")),
            "Name or service not known",
            "host, authority and cloud",
        ),
        (requests.ReadTimeout(), "ReadTimeout", "raise the connection's timeout"),
        (TimeoutError(), "TimeoutError", "raise the connection's timeout"),
        (requests.ConnectionError(ConnectionResetError(104, "Connection reset by peer")), "reset", "network"),
    ],
)
def test_a_connection_error_is_explained_with_its_reason_and_the_field_to_check(error, reason, expected):
    said, advice = explain_connection_error(error)

    assert reason in said
    assert expected in advice


def test_a_proxy_error_of_aiohttp_is_recognized_by_its_status():
    aiohttp = pytest.importorskip("aiohttp")
    error = aiohttp.ClientHttpProxyError(None, (), status=407, message="Proxy Authentication Required")

    assert "proxy requires a login" in explain_connection_error(error)[1]


def test_an_exception_that_is_its_own_cause_is_explained():
    error = requests.ConnectionError()
    error.__cause__ = chained(requests.ConnectionError(), error)

    assert explain_connection_error(error)[0] == "ConnectionError"


def test_no_answer_from_a_managed_identity_endpoint_suggests_another_auth_type():
    message = explain_no_answer(requests.ConnectTimeout(), "169.254.169.254", "managed_identity")

    assert message.startswith("Could not get a token: no answer from 169.254.169.254 (ConnectTimeout).")
    assert "choose another auth_type" in message
