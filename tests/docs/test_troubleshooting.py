"""The pages that help with a connection quote what is raised, and name all that is raised."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
import re
import socket
import ssl
from functools import partial

import pytest
import requests
from airflow.sdk import Connection
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from docs.pages import page, rows, section, table
from docs.test_pages import ERRORS, _classes

from airflow_provider_drive.auth import login
from airflow_provider_drive.auth.error_hints import AADSTS, explain_connection_error, explain_no_answer
from airflow_provider_drive.emulator.entra.errors import ERRORS as ENTRA_ERRORS
from airflow_provider_drive.exceptions import DriveError, DriveTransferError
from airflow_provider_drive.get_provider_info import get_provider_info
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.network import ca_bundle
from airflow_provider_drive.protocol.copy.find import Sighting
from airflow_provider_drive.protocol.copy.recovery import Decision, Found
from airflow_provider_drive.protocol.copy.verify import error_for, result_from_status
from airflow_provider_drive.protocol.flow import Request, Response
from airflow_provider_drive.protocol.items.listing import describe_hidden
from airflow_provider_drive.protocol.wire.addresses import ItemRef, parse_address
from airflow_provider_drive.protocol.wire.copy_job import Arrival, CopyJob
from airflow_provider_drive.protocol.wire.errors import error_from_response
from airflow_provider_drive.protocol.wire.hosts import Hosts
from airflow_provider_drive.protocol.wire.items import DriveItem
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus
from airflow_provider_drive.protocol.wire.token_claims import FINDING_SITES, WRITING
from airflow_provider_drive.settings import Settings, read_settings
from airflow_provider_drive.summary import check_counts
from airflow_provider_drive.transport.request import describe

PAGE = "troubleshooting.md"
POLLING = {70003, 70016}
"""Codes that the emulated authority gives, and that nobody is told: MSAL asks again, or never asks so."""


def headings(level):
    return re.findall(rf"^{'#' * level} (.+)$", page(PAGE), re.MULTILINE)


def quotations(heading):
    """Give what is quoted below a heading, each as one line."""
    text = section(page(PAGE), heading)
    quoted = re.findall(r"(?:^> .*\n)+", text, re.MULTILINE)
    return [" ".join(line[2:] for line in block.splitlines()) for block in quoted]


def matches(heading, message):
    """Whether a heading is how a message begins, but for what … stands for."""
    return re.match(".*?".join(map(re.escape, heading.split("…"))), message) is not None


# Codes of the authority

BY_CODE = {
    heading: re.findall(r"AADSTS(\d+)", heading) for heading in headings(3) if heading.startswith("AADSTS")
}


def also(heading):
    return re.findall(
        r"AADSTS(\d+)", "".join(re.findall(r"^Also: .*(?:\n.+)*", section(page(PAGE), heading), re.MULTILINE))
    )


def test_each_code_that_is_explained_is_there_once():
    told = [int(code) for heading, codes in BY_CODE.items() for code in (*codes, *also(heading))]
    assert sorted(told) == sorted(AADSTS)


@pytest.mark.parametrize("heading", BY_CODE)
def test_a_code_has_the_advice_that_is_raised_with_it(heading):
    for code in (*BY_CODE[heading], *also(heading)):
        assert quotations(heading) == [AADSTS[int(code)]]


@pytest.mark.parametrize(
    "heading", [heading for heading, (code,) in BY_CODE.items() if int(code) in ENTRA_ERRORS]
)
def test_a_code_is_spelled_as_the_authority_spells_it(heading):
    (code,) = BY_CODE[heading]
    said = re.sub(r"\{\w+\}", "it", ENTRA_ERRORS[int(code)].text)
    assert matches(heading, f"AADSTS{code}: {said}")


def test_each_code_that_the_emulated_authority_gives_is_explained():
    assert {code for code in ENTRA_ERRORS if isinstance(code, int)} - POLLING <= set(AADSTS)


# Errors of this package


def raised(question, *arguments):
    try:
        question(*arguments)
    except DriveError as error:
        return error
    pytest.fail("Nothing was raised.")


def settings_of(**extra):
    return read_settings(Connection(conn_id="c", conn_type="microsoft_drive", extra=json.dumps(extra)))


def token_of(**fields):
    return raised(login(Settings(**fields)).token)


def not_arrived(decision):
    folder = ItemRef("d", "f")
    job = CopyJob(
        monitor_url=None,
        source=ItemRef("d", "i"),
        destination=folder,
        name="plan.docx",
        conflict_behavior="fail",
        submitted_at=1.0,
        arrival=Arrival("plan.docx", "fail"),
    )
    sighting = Sighting(Found.ELSEWHERE, None, "it is in the folder x of the drive d")
    return error_for(decision, job, CopyStatus("completed", "c"), sighting)


def refused(status, code="", **headers):
    body = {"error": {"code": code, "message": "No.", "innerError": {"request-id": "r"}}}
    return error_from_response(Response(status, headers, json.dumps(body).encode()), "copy it")


TLS = ssl.SSLCertVerificationError(1, "certificate verify failed")
TLS.verify_message = "unable to get local issuer certificate"
ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
KEY = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    .decode()
)
SUMMARY = {
    **dict.fromkeys(("copied", "there", "planned", "gone", "deleted"), 0),
    "failed": 1,
    "filter": {"seen": 1, "matching": 0, "pattern": 1},
    "failures": [{"path": "plan.docx", "reason": "it is locked"}],
}
LOST = [
    TLS,
    requests.exceptions.ProxyError(OSError("Tunnel connection failed: 407 Proxy Authentication Required")),
    requests.exceptions.ProxyError(OSError("Tunnel connection failed: 502 Bad Gateway")),
    socket.gaierror(-2, "Name or service not known"),
    requests.ReadTimeout(),
    requests.ConnectionError(),
]


@pytest.fixture
def messages(hook, connect, tenant, plan, vault, ids, tmp_path):
    """What each error says that the page has a heading for, as a log shows it."""
    hook._client.session  # noqa: B018  # opened, so that it can be stopped
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    app = {"client_id": "a", "tenant_id": "t"}
    without_file = {"auth_type": "workload_identity", "federated_token_file": "/no/such/token"}
    errors = [
        raised(DriveHook("no_such").get_item, ids(plan)),
        token_of(auth_type="client_secret"),
        token_of(auth_type="password", **app),
        token_of(certificate_path="/no/such/file", **app),
        token_of(certificate_path=str(certificate), **app),
        token_of(private_key=ENCRYPTED, **app),
        token_of(private_key=ENCRYPTED, client_secret="guessed", **app),
        token_of(private_key=KEY, **app),
        raised(DriveHook(connect("aks", **without_file)).get_item, ids(plan)),
        refused(401, "InvalidAuthenticationToken"),
        refused(401, **{"www-authenticate": 'Bearer error="insufficient_claims"'}),
        refused(403, "accessDenied"),
        refused(403, "malwareDetected"),
        refused(404),
        refused(400),
        refused(409, "nameAlreadyExists"),
        refused(412),
        refused(423),
        refused(429),
        refused(503),
        refused(507),
        refused(500),
        raised(Response(200, body=b"<html>").json),
        raised(Hosts().check_monitor, "https://evil.example/monitor"),
        raised(lambda: settings_of(cloud="mars")),
        raised(ca_bundle, Settings(verify="/no/such/ca.pem")),
        raised(hook.move_item, ids(plan), ids(vault)),
        raised(parse_address, "plan.docx", Hosts()),
        raised(result_from_status, CopyStatus("failed", code="generalException")),
        raised(result_from_status, CopyStatus("failed", code="nameAlreadyExists")),
        raised(result_from_status, CopyStatus("timeout")),
        raised(result_from_status, CopyStatus("unknown")),
        not_arrived(Decision.MISPLACED),
        not_arrived(Decision.INCOMPLETE),
        raised(partial(check_counts, fail_if_empty=False), SUMMARY, 0),
        raised(partial(check_counts, kind=DriveTransferError, done="handed over"), SUMMARY, 0),
        raised(partial(check_counts, fail_if_empty=True), SUMMARY | {"failed": 0}, 0),
    ]
    tenant.token_base = "https://elsewhere.example"
    errors.append(raised(DriveHook(connect("odd", user_agent_company="Odd")).get_item, ids(plan)))
    hook._client.stop()
    errors.append(raised(hook.get_item, ids(plan)))
    request = Request("GET", "/me", "read it")
    lost = [describe(request, "https://graph.microsoft.com/v1.0/me", error) for error in LOST]
    silent = explain_no_answer(TimeoutError(), "this machine's managed identity endpoint", "managed_identity")
    return [
        *(f"{type(error).__name__}: {error}" for error in errors),
        *(f"DriveConnectionError: {message}" for message in lost),
        f"DriveAuthError: {silent}",
        describe_hidden(DriveItem(ItemRef("d", "f", "/In"), "In", child_count=2)),
    ]


def test_each_heading_is_how_a_message_is_spelled_and_quotes_what_it_advises(messages):
    for heading in headings(3):
        if heading in BY_CODE:
            continue
        meant = [
            message for message in messages if matches(heading, message) or matches(f"…{heading}", message)
        ]
        assert meant, heading
        for quoted in quotations(heading):
            assert any(quoted in message for message in messages), quoted
        if advice := quotations(heading):
            assert any(advice[0] in message for message in meant), heading


def test_each_message_has_a_heading(messages):
    for message in messages:
        assert any(matches(heading, message) or matches(f"…{heading}", message) for heading in headings(3)), (
            message
        )


def test_each_class_of_errors_has_a_heading():
    named = {heading.partition(":")[0] for level in (2, 3) for heading in headings(level)}
    assert set(ERRORS) <= named


def test_each_advice_on_a_lost_connection_is_quoted():
    for error in LOST:
        assert explain_connection_error(error)[1] in quotations("Connection errors")


# Set up a connection


def test_the_permissions_are_those_that_the_test_of_a_connection_looks_for():
    told = table(section(page("set-up/permissions.md"), "Permissions"))
    (operators,) = [row for name, row in told.items() if "DriveCopyOperator" in name]
    (sites,) = [row for name, row in told.items() if name.startswith("addresses that name a site")]
    assert re.findall(r"`([\w.]+)`", operators[0]) == list(WRITING)
    assert re.findall(r"`([\w.]+)`", sites[0]) == list(FINDING_SITES)


def test_each_operator_sensor_and_trigger_has_its_permissions():
    info = get_provider_info()
    modules = [
        module
        for kind in ("operators", "sensors", "triggers")
        for entry in info[kind]
        for module in entry["python-modules"]
    ]
    public = {name for module in modules for name in _classes(module) if not name.startswith("_")}
    first_cells = [first for first, *_ in rows(section(page("set-up/permissions.md"), "Permissions"))]
    named = set(re.findall(r"`(\w+)`", " ".join(first_cells)))
    assert public <= named


def test_what_the_test_of_a_connection_tells_is_told_as_it_is(connection, tenant):
    fine, told = DriveHook().test_connection()
    shown = " ".join(
        re.search(r"```text\n(Logged in.*?)```", page("set-up/connection.md"), re.DOTALL)[1].split()
    )
    assert fine
    assert _without_ids(shown) == _without_ids(told)


def _without_ids(told):
    told = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", told)
    return re.sub(r"tenant \S+( \(ID\))? in the cloud \S+\.(?= )", "tenant", told)
