"""What a login is told that got no token, and a request that got no answer."""

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
    *("login", "password", "host", "disable_instance_discovery", "federated_token_file", "refresh_token"),
    *CONNECTION_FIELDS,
}


@pytest.mark.parametrize("code", AADSTS)
def test_each_code_says_what_to_do(code):
    answer = {
        "error": "invalid_client",
        "error_description": f"AADSTS{code}: It is so.\r\nTrace ID: 1\r\nTime: 2",
    }

    told = explain_auth_error(answer, [])

    assert told == f"Could not get a token: AADSTS{code}: It is so. {AADSTS[code]} (Trace ID: 1 Time: 2)"


def test_digits_without_end_are_no_code():
    assert explain_auth_error({"error": "x", "error_description": f"AADSTS{'7' * 5000}"}, []).endswith(
        "credentials."
    )


def test_each_advice_names_a_field_or_says_what_else_to_do():
    for advice in set(AADSTS.values()):
        named = {word for word in re.findall(r"\w+", advice) if word in FIELDS}
        assert named or "try later" in advice or "airflow-drive login" in advice, advice
        assert advice.endswith("."), advice


def test_a_field_that_is_named_is_one_of_the_connection():
    named = {word for advice in AADSTS.values() for word in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", advice)}
    assert named <= FIELDS | {"workload_identity"}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("invalid_grant", AADSTS[70000]),
        ("invalid_scope", AADSTS[70011]),
        ("what_nobody_knows", "Check the connection's tenant_id, login and credentials."),
        (None, "Check the connection's tenant_id, login and credentials."),
    ],
)
def test_what_has_no_code_is_told_by_the_kind_of_error(error, told):
    assert explain_auth_error({"error": error, "error_description": None}, []).endswith(told)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("client_secret", "password"),
        ("certificate", "passphrase"),
        ("workload_identity", "federated_token_file"),
        ("refresh_token", "refresh_token"),
        ("managed_identity", "this machine has a managed identity"),
    ],
)
def test_what_has_neither_is_told_by_the_kind_of_login(kind, told):
    assert told in explain_auth_error({"error": "unknown"}, [], kind)
    assert told in explain_msal_exception(ValueError("no"), [], kind)


def test_a_code_that_nobody_knows_is_told_with_the_next_one_that_somebody_does():
    said = {"error_description": "AADSTS123: Strange. AADSTS7000222: Expired."}

    assert explain_auth_error(said, []).endswith(AADSTS[7000222])


def test_a_secret_that_the_authority_quotes_is_masked():
    said = {"error": "invalid_client", "error_description": "'s3cret-value' is wrong"}

    assert "s3cret" not in explain_auth_error(said, ["s3cret-value", ""])
    assert "s3cret" not in explain_msal_exception(ValueError("s3cret-value is wrong"), ["s3cret-value"])


def test_a_failure_is_told_by_what_the_authority_said_before_it():
    error = ValueError("Please double check your tenant name.")
    error.__context__ = ValueError('Discovery failed: {"error_description": "AADSTS90002: No such tenant."}')

    told = explain_msal_exception(error, [])

    assert told == f"Could not get a token: AADSTS90002: No such tenant. {AADSTS[90002]}"


# Nobody answers


def chained(error, *causes):
    for outer, inner in zip((error, *causes), causes, strict=False):
        outer.__cause__ = inner
    return error


CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")
CERTIFICATE.verify_message = "self-signed certificate in certificate chain"
TUNNEL = OSError("Tunnel connection failed: 407 Proxy Authentication Required")


@pytest.mark.parametrize(
    ("error", "reason", "told"),
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
def test_a_lost_connection_is_told_with_its_reason_and_the_field(error, reason, told):
    said, advice = explain_connection_error(error)

    assert reason in said
    assert told in advice


def test_a_proxy_of_aiohttps_is_known_by_its_status():
    aiohttp = pytest.importorskip("aiohttp")
    error = aiohttp.ClientHttpProxyError(None, (), status=407, message="Proxy Authentication Required")

    assert "proxy requires a login" in explain_connection_error(error)[1]


def test_an_error_that_leads_to_itself_is_told_too():
    error = requests.ConnectionError()
    error.__cause__ = chained(requests.ConnectionError(), error)

    assert explain_connection_error(error)[0] == "ConnectionError"


def test_a_managed_identity_that_does_not_answer_is_told_that_it_may_not_be_there():
    told = explain_no_answer(requests.ConnectTimeout(), "169.254.169.254", "managed_identity")

    assert told.startswith("Could not get a token: no answer from 169.254.169.254 (ConnectTimeout).")
    assert "choose another auth_type" in told
