"""Where a request may go, and with what: both transports check it before anything is sent."""

import pytest
from protocol.conversation import page
from transport.flows import one

from airflow_provider_drive.exceptions import DriveConnectionError, DriveResponseError
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.items.lookup import list_children
from airflow_provider_drive.protocol.monitor import poll_once
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.hosts import Hosts
from airflow_provider_drive.settings import Settings
from airflow_provider_drive.transport.request import describe, prepare

GRAPH = "https://graph.microsoft.com/v1.0"
SHAREPOINT = "https://contoso.sharepoint.com/x?tempauth=secret"
FOREIGN = (
    "https://evil.com/x?tempauth=secret",
    "http://contoso.sharepoint.com/x?tempauth=secret",
    "http://graph.microsoft.com/x?tempauth=secret",
    "https://10.0.0.1/x?tempauth=secret",
    "https://ann:secret@contoso.sharepoint.com/x",
    "/x?tempauth=secret",
    "//evil.com/x?tempauth=secret",
    "",
    "\ud83d",
)
KINDS = ("graph", "page", "monitor", "transfer")


def prepared(url, kind="graph", allowed=(), **parameters):
    settings = Settings(hosts=Hosts(allowed=allowed), user_agent="agent")
    return prepare(Request("GET", url, "do this", kind=kind, **parameters), settings)


# Which hosts may be called


@pytest.mark.parametrize("path", ["/me/drive", "/x?tempauth=secret", "//evil.com/x"])
def test_a_path_is_below_graphs_version_root_and_gets_the_token(path):
    request = prepared(path)

    assert (request.url, request.authorized) == (f"{GRAPH}{path}", True)


@pytest.mark.parametrize("kind", ["graph", "page"])
def test_a_url_of_graphs_own_gets_the_token(kind):
    request = prepared(f"{GRAPH}/x?$skiptoken=1", kind)

    assert (request.url, request.authorized) == (f"{GRAPH}/x?$skiptoken=1", True)


@pytest.mark.parametrize("kind", ["monitor", "transfer"])
@pytest.mark.parametrize("url", [SHAREPOINT, f"{GRAPH}/x"])
def test_a_url_that_is_a_secret_itself_is_called_as_it_is_without_the_token(kind, url):
    request = prepared(url, kind)

    assert (request.url, request.authorized) == (url, False)


@pytest.mark.parametrize("kind", ["page", "monitor", "transfer"])
def test_an_allowed_host_is_called_without_the_token(kind):
    request = prepared("https://10.0.0.1/x", kind, allowed=("10.0.0.1",))

    assert (request.url, request.authorized) == ("https://10.0.0.1/x", False)


@pytest.mark.parametrize("kind", ["page", "monitor", "transfer"])
@pytest.mark.parametrize("url", FOREIGN)
def test_a_url_on_any_other_host_is_refused_for_good(kind, url):
    with pytest.raises(DriveResponseError) as raised:
        prepared(url, kind)

    assert not raised.value.retryable
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("kind", ["graph", "page"])
def test_a_request_for_graph_is_not_sent_to_the_hosts_of_drives(kind):
    with pytest.raises(DriveResponseError) as raised:
        prepared(SHAREPOINT, kind)

    assert not raised.value.retryable
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("allowed", [(), ("evil.com", "10.0.0.1", "contoso.sharepoint.com")])
@pytest.mark.parametrize("url", [url for url in FOREIGN if not url.startswith("/")])
def test_the_token_goes_to_no_other_host_even_if_it_is_allowed(url, allowed):
    with pytest.raises(DriveResponseError, match="Could not do this: the token would go to another host"):
        prepared(url, allowed=allowed)


@pytest.mark.parametrize("kind", ["monitor", "transfer"])
def test_a_refusal_names_the_host_and_the_setting_that_allows_it(kind):
    with pytest.raises(DriveResponseError, match=r"'evil\.com'.*allowed_hosts"):
        prepared(FOREIGN[0], kind)


def test_a_request_without_headers_of_its_own_gets_the_usual_ones():
    assert prepared("/x").headers == {"Accept": "application/json", "User-Agent": "agent"}
    own = {"Accept": "*/*", "Range": "bytes=0-9"}
    assert prepared("/x", headers=own).headers == {
        "Accept": "*/*",
        "User-Agent": "agent",
        "Range": "bytes=0-9",
    }


def test_a_lost_answer_is_described_by_its_host_and_never_by_its_url():
    request = Request("GET", SHAREPOINT, "ask how the copy stands", kind="monitor")

    text = describe(request, SHAREPOINT, ConnectionResetError(104, f"reset: {SHAREPOINT}"))

    assert text.startswith("Could not ask how the copy stands: no answer from contoso.sharepoint.com (")
    assert "secret" not in describe(request, SHAREPOINT, ValueError(SHAREPOINT))


# Both transports


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_for_another_host_is_refused_before_anything_is_sent(
    drive, settings, tenant, foreign, kind
):
    url = f"https://127.0.0.1:{foreign.port}/x?tempauth=abcdefghijkl"

    error = drive(one(url, kind=kind), settings())

    assert isinstance(error, DriveResponseError)
    assert not error.retryable
    assert "abcdefghijkl" not in str(error)
    assert foreign.tenant.calls() == tenant.calls() == []


@pytest.mark.parametrize("kind", ["monitor", "transfer"])
def test_a_host_that_the_connection_allows_is_called(drive, settings, foreign, kind):
    answer = drive(
        one(f"https://127.0.0.1:{foreign.port}/x", kind=kind), settings(allowed_hosts=["127.0.0.1"])
    )

    assert not isinstance(answer, DriveConnectionError)
    assert answer.status >= 400
    (call,) = foreign.tenant.calls()
    assert call.path == "/x"


def test_a_flow_ends_with_the_refusal_of_its_monitors_host(drive, settings, foreign):
    with pytest.raises(
        DriveResponseError, match=r"the copy's monitor is on the host '127\.0\.0\.1'"
    ) as raised:
        drive(poll_once(f"https://127.0.0.1:{foreign.port}/monitor/1"), settings())

    assert not raised.value.retryable
    assert foreign.tenant.calls() == []


def test_a_flow_ends_with_the_refusal_of_its_next_page_and_does_not_try_it_again(blocking, settings):
    session, requests, pauses = blocking(settings()), [], []
    send, session.pause = session.send, pauses.append

    def answer_first(request):
        requests.append(request.kind)
        return send(request) if request.kind == "page" else page(link="https://evil.com/x")

    session.send = answer_first
    with pytest.raises(DriveResponseError, match=r"was not followed: its host 'evil\.com'"):
        session.run(list_children(ItemRef("d", "f")))

    assert (requests, pauses) == (["graph", "page"], [])
