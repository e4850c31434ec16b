"""What the hook offers, method by method."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

# fixtures are asked for by name

import dataclasses
import datetime as dt
import io
import json
import time

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveAddressError,
    DriveArgumentError,
    DriveAuthError,
    DriveConnectionError,
    DriveCopyFailedError,
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
from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.protocol.batch import in_batches
from airflow_provider_drive.protocol.items.lookup import find_item
from airflow_provider_drive.protocol.items.transfer import FRAGMENT_SIZE, SIMPLE_UPLOAD_LIMIT
from airflow_provider_drive.transport.blocking import Session
from airflow_provider_drive.transport.throttle import throttled_response

# Items


@pytest.mark.parametrize(
    "form",
    [
        "drives/{drive}/items/{id}",
        "/drives/{drive}/items/{id}",
        "{base}/v1.0/drives/{drive}/items/{id}",
        "drives/{drive}/root:/Contracts/plan.txt",
        "drives/{drive}/root:/Contracts/plan.txt:",
        "drives/{drive}/items/{folder}:/plan.txt",
        "sites/contoso.sharepoint.com:/sites/Legal:/drive/root:/Contracts/plan.txt",
        "sites/contoso.sharepoint.com:/sites/Legal:/drives/Documents/root:/Contracts/plan.txt",
        "sites/contoso.sharepoint.com:/sites/Legal:/drives/Shared Documents/root:/Contracts/plan.txt",
        "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents/Contracts/plan.txt",
        "https://contoso.sharepoint.com/sites/Legal/Shared Documents/Contracts/plan.txt",
    ],
)
def test_an_item_is_read_by_each_form_of_address(hook, emulator, plan, form):
    address = form.format(drive=plan.drive.id, id=plan.id, folder=plan.parent.id, base=emulator.url)

    assert hook.get_item(address)["id"] == plan.id


@pytest.mark.parametrize("name", ["photo", "adrive"])
def test_a_path_that_graph_refuses_unless_a_colon_closes_it_is_read_written_and_made(hook, personal, name):
    """https://github.com/OneDrive/onedrive-api-docs/issues/1020, /941."""
    path = f"drives/{personal.id}/root:/x/{name}"
    addresses = [hook._client.address(f"{path}{suffix}") for suffix in ("", "/b.txt")]

    hook.ensure_folder(path)
    hook.write_file(f"{path}/b.txt", b"b")
    found = hook._client.run(in_batches([find_item(address) for address in addresses]))

    assert hook.get_item(path)["name"] == name
    assert [item.name for item in found] == [name, "b.txt"]


LIBRARY = "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (f"{LIBRARY}/Forms/AllItems.aspx", ""),
        (f"{LIBRARY}/Forms/AllItems.aspx?id=%2Fsites%2FLegal%2FShared%20Documents%2FContracts", "Contracts"),
        (
            "https://contoso.sharepoint.com/:f:/r/sites/Legal/Shared%20Documents/Contracts?csf=1&e=a1",
            "Contracts",
        ),
        (
            "https://contoso.sharepoint.com/:t:/r/sites/Legal/Shared%20Documents/Contracts/plan.txt?web=1",
            "Contracts/plan.txt",
        ),
        (
            "https://contoso.sharepoint.com/:t:/r/sites/Legal/_layouts/15/Doc.aspx?sourcedoc=%7B{guid}%7D",
            "Contracts/plan.txt",
        ),
    ],
)
def test_an_item_is_read_with_one_request_by_what_a_browser_shows(hook, legal, plan, asked, url, path):
    assert hook.get_item(url.replace("{guid}", plan.guid))["id"] == legal.find(path).id
    assert len(asked("graph")) == 1


def test_an_item_is_read_by_a_mapping_a_driveitem_and_a_sharing_link(hook, tenant, plan, ids):
    item = hook.get_item(ids(plan))

    assert hook.get_item(item)["id"] == hook.get_item(tenant.share(plan))["id"] == plan.id


@pytest.mark.parametrize("address", ["users/{}/drive/root:/a.txt", "groups/{}/drive/root:/a.txt"])
def test_an_item_is_read_in_the_drive_of_a_user_or_a_group(hook, tenant, address):
    kind = "users" if address.startswith("users") else "groups"
    owner = getattr(tenant, kind)[0]
    item = owner.drive.put("a.txt", b"a")

    assert hook.get_item(address.format(owner.id))["id"] == item.id


@pytest.mark.parametrize(
    "name",
    [
        "50 % of #1 & more.txt",
        "Übersicht.txt",
        "a+b=c.txt",
        "it's; (1) [2] {3}.txt",
        "日本語.txt",
        "a%20b.txt",
    ],
)
def test_names_are_written_as_people_read_them(hook, legal, name):
    item = legal.put(f"Contracts/{name}", b"x")

    assert hook.get_item(f"drives/{legal.id}/root:/Contracts/{name}")["id"] == item.id


def test_a_read_item_has_no_link_that_opens_its_content(hook, plan, ids):
    item = hook.get_item(ids(plan))

    assert not [key for key in item if key.startswith("@") and key != "@odata.etag"]
    assert item["file"]["hashes"]["quickXorHash"]


def test_a_missing_item_is_an_error_that_names_it(hook, legal):
    told = r"(?s)'/none\.txt'.*itemNotFound.*root:/none\.txt:, request id"
    with pytest.raises(DriveItemNotFoundError, match=told) as caught:
        hook.get_item(f"drives/{legal.id}/root:/none.txt")

    assert (caught.value.status, caught.value.code) == (404, "itemNotFound")
    assert caught.value.request_id


def test_all_pages_of_a_folder_are_listed(hook, tenant, legal, ids):
    for number in range(7):
        legal.put(f"Contracts/{number}.txt", b"x")
    tenant.page_size = 3

    children = hook.list_children(ids(legal.find("Contracts")))

    assert [child["name"] for child in children] == [f"{number}.txt" for number in range(7)]
    assert len(tenant.calls("GET", "children$")) == 3


def test_a_folder_is_listed_by_its_path(hook, legal, plan):
    assert [child["name"] for child in hook.list_children(f"drives/{legal.id}/root")] == ["Contracts"]


@pytest.mark.parametrize("base", ["https://example.org", "http://localhost:1", "https://user@localhost:1"])
def test_a_next_page_on_a_foreign_host_is_not_followed(hook, tenant, legal, ids, base):
    for number in range(3):
        legal.put(f"Contracts/{number}.txt", b"x")
    tenant.page_size, tenant.next_link_base = 2, base

    with pytest.raises(DriveResponseError, match=r"next page.*not followed"):
        hook.list_children(ids(legal.find("Contracts")))

    assert len(tenant.calls("GET", "children$")) == 1


def test_an_allowed_host_of_a_next_page_gets_no_token(connect, tenant, emulator, legal, ids):
    connect(allowed_hosts=["127.0.0.1"])
    for number in range(3):
        legal.put(f"Contracts/{number}.txt", b"x")
    tenant.page_size, tenant.next_link_base = 2, f"https://127.0.0.1:{emulator.port}"

    with pytest.raises(DriveError, match="401"):
        DriveHook().list_children(ids(legal.find("Contracts")))

    elsewhere = [call for call in tenant.calls("GET", "children$") if call.host.startswith("127")]
    assert elsewhere
    assert not any(call.authorized for call in elsewhere)


def test_a_folder_is_made_with_those_above_it(hook, tenant, legal):
    folder = hook.ensure_folder(f"drives/{legal.id}/root:/2026/Q1/Signed")

    assert folder["name"] == "Signed"
    assert list(tenant.tree("legal")) == ["2026", "2026/Q1", "2026/Q1/Signed"]
    assert hook.ensure_folder(f"drives/{legal.id}/root:/2026/Q1/Signed")["id"] == folder["id"]
    assert len(tenant.calls("POST", "children$")) == 3


def test_a_folder_is_made_though_graph_answers_with_nothing(hook, tenant, legal):
    tenant.empty_created = True

    assert hook.ensure_folder(f"drives/{legal.id}/root:/New")["id"] == legal.find("New").id


def test_a_folder_whose_answer_was_lost_is_not_made_twice(hook, tenant, legal):
    tenant.faults.append(Fault("POST", "children$", kind="drop_after"))

    assert hook.ensure_folder(f"drives/{legal.id}/root:/New")["name"] == "New"
    assert tenant.tree("legal") == {"New": None}


def test_a_file_in_the_place_of_a_folder_is_an_error(hook, legal, plan):
    with pytest.raises(DriveNameConflictError, match="is not a folder"):
        hook.ensure_folder(f"drives/{legal.id}/root:/Contracts/plan.txt")


def test_an_item_is_deleted_and_may_be_gone_already(hook, tenant, plan, ids):
    hook.delete_item(ids(plan))
    hook.delete_item(ids(plan))
    hook.delete_item(f"drives/{plan.drive.id}/root:/Contracts/plan.txt")

    assert "Contracts/plan.txt" not in tenant.tree("legal")


def test_an_item_that_changed_is_not_deleted(hook, tenant, plan, ids):
    tag = plan.etag
    tenant.drift(plan)

    with pytest.raises(DriveItemChangedError):
        hook.delete_item(ids(plan), if_match=tag)

    assert "Contracts/plan.txt" in tenant.tree("legal")


def test_an_item_is_moved(hook, plan, inbox, ids):
    item = hook.move_item(ids(plan), ids(inbox), "new.txt", if_match=plan.etag)

    assert (item["name"], plan.path) == ("new.txt", "Inbox/new.txt")


# Copies


def test_a_copy_is_submitted_watched_and_waited_for(hook, tenant, plan, vault, ids):
    tenant.copies = CopyBehaviour(looks=3)

    url = hook.copy_item(ids(plan), ids(vault))
    status = hook.get_copy_status(url)
    item = hook.wait_for_copy(url, poll_interval=0.05)

    assert status == {"status": "running", "percent_complete": 25, "message": ""}
    assert item["id"] == vault.child("plan.txt").id
    assert item["parentReference"]["id"] == vault.id


def test_a_copy_whose_monitor_may_not_be_called_says_that_graph_makes_it(
    hook, tenant, helpers, asked, plan, vault, ids
):
    tenant.monitor_base = "https://example.org"

    with pytest.raises(
        DriveResponseError, match=r"accepted.*is making it.*'example\.org'.*allowed_hosts"
    ) as caught:
        hook.copy_item(ids(plan), ids(vault))

    assert not caught.value.retryable
    assert tenant.jobs[0].tempauth not in helpers.told(caught.value)
    assert asked("graph", "monitor") == ["POST /drives/D/items/I/copy"]


def test_a_submitted_copy_without_a_monitor_returns_none(hook, tenant, plan, vault, ids):
    tenant.copies = CopyBehaviour(location="none")

    assert hook.copy_item(ids(plan), ids(vault)) is None


def test_the_status_of_a_copy_tells_how_it_ended(hook, tenant, plan, vault, ids):
    done = hook.get_copy_status(hook.copy_item(ids(plan), ids(vault)))
    tenant.copies = CopyBehaviour(failure="generalException")
    failed = hook.get_copy_status(hook.copy_item(ids(plan), ids(vault), "x.txt"))
    tenant.copies = CopyBehaviour(lost=True)
    unknown = hook.get_copy_status(hook.copy_item(ids(plan), ids(vault), "y.txt"))

    assert (done["status"], done["resource_id"]) == ("completed", vault.child("plan.txt").id)
    assert (failed["status"], failed["code"]) == ("failed", "generalException")
    assert unknown["status"] == "unknown"


def test_another_hook_waits_with_the_destination_and_the_name(hook, plan, vault, ids):
    url = hook.copy_item(ids(plan), ids(vault))

    item = DriveHook().wait_for_copy(url, ids(vault), "plan.txt", poll_interval=0.05)

    assert item["id"] == vault.child("plan.txt").id


def test_another_hook_does_not_take_a_name_for_the_copy(hook, tenant, plan, vault, ids):
    tenant.copies = CopyBehaviour(lost=True)
    url = hook.copy_item(ids(plan), ids(vault))

    with pytest.raises(DriveCopyUnknownError, match="not known here what was copied"):
        DriveHook().wait_for_copy(url, ids(vault), "plan.txt", poll_interval=0.05)


def test_another_hook_has_nothing_but_the_monitors_word_for_a_bare_url(hook, plan, vault, ids):
    url = hook.copy_item(ids(plan), ids(vault))

    told = DriveHook().wait_for_copy(url, poll_interval=0.05)

    assert (told["status"], told["id"]) == ("completed", vault.child("plan.txt").id)


def test_a_copy_without_a_monitor_is_waited_for_at_its_destination(hook, tenant, plan, vault, ids):
    tenant.copies = CopyBehaviour(location="none", seconds=0.2)
    hook.copy_item(ids(plan), ids(vault))

    item = hook.wait_for_copy(None, ids(vault), "plan.txt", poll_interval=0.05)

    assert item["id"] == vault.child("plan.txt").id


def test_waiting_for_nothing_is_refused(hook):
    with pytest.raises(DriveError, match="no copy to wait for"):
        hook.wait_for_copy(None)


def test_what_is_there_already_is_waited_for_like_a_copy(hook, tenant, plan, vault, ids):
    there = vault.drive.put("Vault/plan.txt", b"We shall archive this.")
    there.created -= dt.timedelta(days=3)
    url = hook.copy_item(ids(plan), ids(vault), conflict_behavior="skip")
    assert url is None
    for name in (None, "plan.txt"):
        assert hook.wait_for_copy(url, ids(vault), name, timeout=5)["id"] == there.id
    with pytest.raises(DriveCopyUnknownError):
        hook.wait_for_copy(url, ids(vault), "other.txt", timeout=0.2, poll_interval=0.05)
    assert not tenant.calls("POST", "/copy$")


def test_a_wait_ends_with_the_errors_of_the_copy(hook, tenant, plan, vault, ids):
    tenant.next_copies += [
        CopyBehaviour(failure="generalException"),
        CopyBehaviour(looks=10**6),
        CopyBehaviour(lost=True),
    ]
    urls = [hook.copy_item(ids(plan), ids(vault), name) for name in ("a.txt", "b.txt", "c.txt")]
    other = DriveHook()

    with pytest.raises(DriveCopyFailedError):
        hook.wait_for_copy(urls[0])
    with pytest.raises(DriveCopyTimeoutError):
        hook.wait_for_copy(urls[1], timeout=0.2, poll_interval=0.05)
    with pytest.raises(DriveCopyUnknownError):
        other.wait_for_copy(urls[2])


def test_a_wait_begins_with_a_look_and_not_with_a_pause(hook, plan, vault, ids):
    url = hook.copy_item(ids(plan), ids(vault))
    started = time.monotonic()

    hook.wait_for_copy(url, poll_interval=600)

    assert time.monotonic() - started < 1


@pytest.mark.parametrize("timeout", [0, -1, "soon", None, float("inf")])
def test_a_timeout_that_makes_no_sense_is_refused(hook, asked, timeout):
    with pytest.raises(DriveError, match="timeout"):
        hook.wait_for_copy("https://localhost/x", timeout=timeout)

    assert asked() == []


# The bytes of a file


@pytest.mark.parametrize(
    "size", [0, 5, SIMPLE_UPLOAD_LIMIT, SIMPLE_UPLOAD_LIMIT + 1, 2 * FRAGMENT_SIZE, 2 * FRAGMENT_SIZE + 7]
)
def test_a_file_is_written_and_read(hook, archive, size):
    path, content = f"drives/{archive.id}/root:/R/new/m.jsonl", bytes(range(256)) * (size // 256 + 1)
    for part in (content[:size], content[1 : size + 1]):
        assert hook.write_file(path, io.BytesIO(part))["name"] == "m.jsonl"
        into = io.BytesIO()
        assert hook.read_file(path, into)
        assert into.getvalue() == part


@pytest.mark.parametrize("size", [5, SIMPLE_UPLOAD_LIMIT + 1])
def test_a_file_is_written_by_each_form_of_path(hook, archive, emulator, size):
    for form in (
        "{base}/v1.0/drives/{id}/root:/R/m.jsonl",
        "drives/{id}/items/{folder}:/m.jsonl",
        "sites/contoso.sharepoint.com:/sites/Archive:/drive/root:/R/m.jsonl",
        "sites/contoso.sharepoint.com:/sites/Archive:/drives/Documents/root:/R/m.jsonl",
    ):
        folder = archive.mkdir("R")
        hook.write_file(form.format(base=emulator.url, id=archive.id, folder=folder.id), bytes(size))
        assert archive.find("R/m.jsonl").size == size
        hook.delete_item(f"drives/{archive.id}/root:/R/m.jsonl")


def test_a_file_that_is_not_there_is_not_read(hook, archive):
    assert not hook.read_file(f"drives/{archive.id}/root:/none", io.BytesIO())


@pytest.mark.parametrize(
    "address", ["drives/{}/root", "https://contoso.sharepoint.com/sites/Archive/m.jsonl"]
)
def test_a_file_is_not_written_where_there_is_no_path(hook, asked, address):
    with pytest.raises(DriveArgumentError, match="not a path to a file"):
        hook.write_file(address.format("d"), b"")
    assert asked() == []


FAULTS = [
    Fault("PUT", where="file", kind="drop_before"),
    Fault("PUT", where="file", kind="drop_after"),
    Fault("PUT", where="file", kind="drop_after", after=2),
    Fault("PUT", where="file", kind="garbage", status=202, effect=True),
    Fault("PUT", where="file", status=503, retry_after=0),
    Fault("PUT", where="file", status=404, after=1),
    Fault("POST", path="createUploadSession", kind="drop_after"),
    Fault("GET", path="/download/", where="file", kind="drop_before"),
    Fault("GET", path="/download/", where="file", kind="truncate"),
    Fault("GET", path="/content", kind="drop_before"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.method} {fault.kind} {fault.path}")
def test_what_goes_wrong_on_the_way_harms_no_file(hook, tenant, archive, fault, log):
    tenant.faults.append(dataclasses.replace(fault))
    path, content = f"drives/{archive.id}/root:/m.jsonl", bytes(range(256)) * (2 * FRAGMENT_SIZE // 256 + 1)

    hook.write_file(path, content)
    into = io.BytesIO()
    hook.read_file(path, into)

    assert into.getvalue() == content
    assert not tenant.faults
    keys = [call.path.rpartition("/")[2] for call in tenant.calls("PUT", where="file")]
    assert keys
    assert not log.has("tempauth=|" + "|".join(keys))


# Anything else


def test_any_request_can_be_sent(hook, tenant, legal):
    response = hook.request("get", f"drives/{legal.id}?$select=id", headers={"X-Mine": "1"})

    assert (response.status, response.json()["id"]) == (200, legal.id)
    (call,) = tenant.calls(where="graph")
    assert (call.authorized, call.headers["x-mine"], call.query) == (True, "1", "$select=id")
    assert call.headers["user-agent"].startswith("NONISV|Airflow|airflow-provider-drive/")


def test_any_request_may_have_a_body(hook, tenant, legal):
    body = {"name": "Made", "folder": {}}

    response = hook.request("POST", f"/drives/{legal.id}/root/children", json=body)

    assert (response.status, tenant.tree("legal")) == (201, {"Made": None})


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 400}, DriveRequestError),
        ({"status": 403}, DriveAccessDeniedError),
        ({"status": 404}, DriveItemNotFoundError),
        ({"status": 409}, DriveNameConflictError),
        ({"status": 409, "code": "resourceModified"}, DriveItemChangedError),
        ({"status": 409, "code": "other"}, DriveRequestError),
        ({"status": 412}, DriveItemChangedError),
        ({"status": 423}, DriveLockedError),
        ({"status": 500}, DriveServiceError),
        ({"status": 501}, DriveServiceError),
        ({"status": 503}, DriveThrottledError),
        ({"status": 507}, DriveQuotaError),
    ],
)
def test_each_refusal_has_its_error(hook, tenant, fault, kind):
    tenant.faults.append(Fault("POST", "/x$", **fault))

    with pytest.raises(kind, match="POST /x") as caught:
        hook.request("POST", "/x")

    assert type(caught.value) is kind
    assert caught.value.status == fault["status"]
    assert caught.value.code
    assert caught.value.request_id
    assert caught.value.message == "The emulator was asked to refuse this."
    assert len(tenant.calls("POST", where="graph")) == 1


def test_a_lost_post_is_not_sent_again(hook, tenant):
    tenant.faults.append(Fault("POST", "/x$", kind="drop_after"))

    with pytest.raises(DriveConnectionError) as caught:
        hook.request("POST", "/x")

    assert caught.value.sent
    assert len(tenant.calls("POST", where="graph")) == 1


def test_an_answer_that_is_no_refusal_and_no_success_is_an_error(hook, tenant, emulator):
    tenant.faults.append(Fault("POST", "/x$", kind="redirect", location=f"{emulator.url}/v1.0/elsewhere"))

    with pytest.raises(DriveResponseError, match="302"):
        hook.request("POST", "/x")

    assert tenant.calls(path="elsewhere") == []


# The connection


def test_a_session_logs_in_at_graph_and_only_there(hook, tenant, emulator, legal):
    session = hook.get_conn()

    assert isinstance(session, requests.Session)
    assert session.get(f"{emulator.url}/v1.0/drives/{legal.id}").json()["id"] == legal.id
    session.get(f"https://127.0.0.1:{emulator.port}/v1.0/drives/{legal.id}")
    assert [call.authorized for call in tenant.calls(where="graph")] == [True, False]


def test_a_session_keeps_to_the_budget(connect, tenant, emulator, legal, monkeypatch):
    pauses = []
    monkeypatch.setattr(Session, "pause", lambda _, pause: pauses.append(pause.seconds))
    connect(resource_units_per_minute=80)
    hook = DriveHook()
    session = hook.get_conn()
    for _ in range(25):
        session.get(f"{emulator.url}/v1.0/drives/{legal.id}/root/children")

    assert len(pauses) == 23  # four units may go at once
    assert hook._client.usage.paced == pytest.approx(max(pauses), abs=1.0)


def test_a_session_that_is_refused_holds_back_the_others(hook, tenant, emulator, legal, monkeypatch):
    tenant.faults.append(Fault("GET", where="graph", status=429, retry_after=7))
    url = f"{emulator.url}/v1.0/drives/{legal.id}"
    assert hook.get_conn().get(url).status_code == 429
    assert throttled_response(url).status == 429
    assert hook._client.usage.throttled >= 7


def test_a_session_takes_no_token_along_a_redirect(hook, tenant, emulator):
    elsewhere = f"https://127.0.0.1:{emulator.port}/v1.0/elsewhere"
    tenant.faults.append(Fault("GET", "/x$", kind="redirect", location=elsewhere))

    hook.get_conn().get(f"{emulator.url}/v1.0/x")

    assert [call.authorized for call in tenant.calls(where="graph")] == [True, False]


def test_a_session_has_the_connections_time_out(connect, tenant, emulator, legal):
    connect(timeout=0.3)
    tenant.faults.append(Fault("GET", where="graph", kind="delay", seconds=2))

    with pytest.raises(requests.Timeout):
        DriveHook().get_conn().get(f"{emulator.url}/v1.0/drives/{legal.id}")


def test_a_connection_that_does_not_exist_is_named(tenant):
    with pytest.raises(DriveError, match="no_such_connection") as caught:
        DriveHook("no_such_connection").get_item("drives/d/items/i")

    assert isinstance(caught.value, (DriveAuthError, AirflowException))
    assert tenant.calls() == []


def test_the_stock_connection_type_works_too(connect, emulator, plan, ids):
    connect(conn_type="msgraph", host=f"localhost:{emulator.port}")

    assert DriveHook().get_item(ids(plan))["name"] == "plan.txt"


def test_a_bad_address_is_no_request(hook, asked):
    for method in (hook.get_item, hook.list_children, hook.ensure_folder, hook.delete_item, hook.copy_item):
        with pytest.raises(DriveAddressError):
            method("nonsense")

    assert asked() == []


def test_what_is_returned_is_plain_json(hook, plan, inbox, ids):
    returned = [
        hook.get_item(ids(plan)),
        hook.list_children(ids(inbox)),
        hook.ensure_folder(f"drives/{inbox.drive.id}/root:/Inbox/New"),
        hook.move_item(ids(plan), ids(inbox)),
    ]

    assert json.loads(json.dumps(returned)) == returned
