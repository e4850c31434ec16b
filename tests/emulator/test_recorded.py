"""
Responses of the emulator have the status, the headers and the properties of Microsoft's recorded responses.

A property may be missing only if :data:`EXCEPTIONS` explains it. Values are not compared, their types are.
"""

import base64
import json
from pathlib import Path

import pytest

from airflow_provider_drive.emulator import CopyBehaviour

RECORDED = Path(__file__).parents[1] / "recorded"
# recordings without a request that the emulator could answer
NOT_COMPARED = {
    "gnome-sharedWithMe": "items that other accounts share are not emulated",
    "iss-copy-202-operations-location-2020": "the URL is compared in graph/test_monitor.py",
    "iss-copy-notAllowed-50MiB": "a limit of 2019 that no longer exists",
    "nuxeo-onedrive-file": "the API of 2014",
    "nuxeo-onedrive-folder": "the API of 2014",
    "op-get-404-no-access": "the emulator does not check the permissions of users",
    "osf-file-metadata-personal-2017": "compared through its folder, osf-folder-metadata-children",
    "pnp-batch-429-first": "altered by its maintainers; graph/test_batch.py tests it",
    "pnp-filesFolder-standard-channel": "Teams is not emulated",
}
# properties of recordings that the emulator's responses lack, and why
EXCEPTIONS = {
    "/createdBy/user": "the owner of a library is a group here",
    "/lastModifiedBy/user": "the owner of a library is a group here",
    "/owner/user": "the owner of a library is a group here",
    "/commentSettings": "comments are not emulated",
    "/reactions": "comments are not emulated",
    "/folder/view": "how a browser sorts a folder is not emulated",
    "/folder/folderView": "how a browser sorts a folder is not emulated",
    "/parentReference/sharepointIds": "sent to some applications only",
    "/sharepointIds/listItemId": "list items have no numbers by themselves",
    "/sharepointIds/tenantId": "sent to some applications only",
    "/@content.downloadUrl": "recorded at api.onedrive.com; Graph's name is @microsoft.graph.downloadUrl",
    "/children@odata.context": "of expanded children",
}
# headers of the connection, or of the machine that answered
TRANSPORT = {"content-encoding", "content-length", "content-type", "date", "transfer-encoding", "vary"}


def in_drive(drive, path):
    return f"drives/{drive.id}/{path}"


def address(item):
    return in_drive(item.drive, f"items/{item.id}")


def create_folder(graph, drive):
    return graph("POST", in_drive(drive, "root/children"), json={"name": "new", "folder": {}})


def replace_content(graph, drive):
    return graph("PUT", f"{address(drive.put('a.ods', b'old'))}/content", data=b"new")


def copy_beside(graph, tenant, name):
    tenant.copies = CopyBehaviour(location="item", conflict="sync")
    drive = tenant.drive("legal")
    drive.put("a/b.txt")
    return graph.copy(drive.find("a"), name=name)


def monitor(graph, tenant, **behaviour):
    tenant.copies = CopyBehaviour(**behaviour)
    item = tenant.drive("legal").put("a.txt")
    return graph.poll(graph.copy(item, tenant.drive("archive").root).headers["Location"])


def batch(graph, *urls):
    requests = [{"id": str(number + 1), "method": "GET", "url": url} for number, url in enumerate(urls)]
    return graph("POST", "$batch", json={"requests": requests})


def share(graph, tenant):
    item = tenant.drive("legal").put("a.txt")
    token = base64.urlsafe_b64encode(tenant.share(item).encode()).decode().rstrip("=")
    return graph.get(f"shares/u!{token}/driveItem?$select=sharepointIds,parentReference")


def throttle(graph, tenant):
    tenant.budget, tenant.tells_retry_after = 0, False
    return graph.get("drives/x")


def invalid_token(graph, tenant):
    graph.token = "nonsense"
    return graph.get(in_drive(tenant.drive("legal"), "root"))


def collide(graph, drive):
    drive.mkdir("a")
    return graph.move(drive.put("b"), name="a")


def send_token_to_monitor(graph, tenant):
    item = tenant.drive("legal").put("a.txt")
    url = graph.copy(item, tenant.drive("archive").root).headers["Location"]
    return graph.poll(url, headers={"Authorization": f"Bearer {graph.token}"})


def me(graph, tenant):
    graph.token = tenant.issue_token(user=tenant.consumer)
    return graph.get("me/drives")


def page_of_children(graph, drive):
    drive.put("a.jpg", b"a")
    drive.mkdir("b")
    return graph.get(in_drive(drive, "root/children?$top=1"))


def delta_of_a_deletion(graph, drive):
    folder = drive.mkdir("a")
    latest = graph.get(in_drive(drive, "root/delta?token=latest")).json()["@odata.deltaLink"]
    graph("DELETE", address(folder))
    headers = {"Authorization": f"Bearer {graph.token}", "deltaExcludeParent": "true"}
    return graph.send("GET", latest, headers=headers)


def upload_session(graph, drive):
    return graph("POST", in_drive(drive, "root:/a.dat:/createUploadSession"))


def upload(graph, drive, *ranges):
    url = upload_session(graph, drive).json()["uploadUrl"]
    for first, last in ranges:
        part = {"Content-Range": f"bytes {first}-{last}/655361"}
        response = graph.send("PUT", url, data=bytes(last - first + 1), headers=part)
    return response if ranges else graph.send("GET", url)


IEEE = {"headers": {"Accept": "application/json;IEEE754Compatible=true"}}
REQUESTS = {
    "gnome-copy-202-personal": lambda graph, t: graph.copy(t.drive("personal").put("a"), name="b"),
    "gnome-create-folder-201": lambda graph, t: create_folder(graph, t.drive("personal")),
    "gnome-delete-204": lambda graph, t: graph("DELETE", address(t.drive("personal").put("a"))),
    "gnome-me-drives-personal": me,
    "gnome-put-content-200-replace": lambda graph, t: replace_content(graph, t.drive("personal")),
    "gnome-put-content-201": lambda graph, t: graph(
        "PUT", in_drive(t.drive("personal"), "root:/a.ods:/content"), data=b""
    ),
    "op-401-invalid-token": invalid_token,
    "op-copy-202-sync-item-location-2024": lambda graph, t: copy_beside(graph, t, "c"),
    "op-copy-404-source-not-found": lambda graph, t: graph(
        "POST", in_drive(t.drive("legal"), "items/TheCakeIsALie/copy")
    ),
    "op-copy-409-sync-nameAlreadyExists": lambda graph, t: copy_beside(graph, t, "a"),
    "op-create-folder-201-etag1": lambda graph, t: create_folder(graph, t.drive("legal")),
    "op-drive-404": lambda graph, _: graph.get("drives/nope"),
    "pnp-patch-rename-file-200": lambda graph, t: graph.move(
        t.drive("legal").put("in/a.docx"), name="b.docx", **IEEE
    ),
    "pnp-patch-rename-folder-200": lambda graph, t: graph.move(
        t.drive("legal").mkdir("in/a"), name="b", **IEEE
    ),
    "pnp-batch-drives": lambda graph, t: batch(
        graph, f"/sites/{t.sites[0].id}/drives", f"/sites/{t.sites[1].id}/drives"
    ),
    "pnp-batch-drives-single": lambda graph, t: batch(graph, f"/sites/{t.sites[0].id}/drives"),
    "pnp-shares-driveItem-select": share,
    "osf-404-itemNotFound": lambda graph, t: graph.get(in_drive(t.drive("personal"), "items/nope")),
    "osf-folder-metadata-children": lambda graph, t: graph.get(
        f"{address(t.drive('personal').put('a/b.txt', b'b').parent)}/children"
    ),
    "osf-root-metadata-children": lambda graph, t: graph.get(
        f"{address(t.drive('personal').put('a/b/c.txt', b'b').parent.parent)}/children"
    ),
    "osf-folder-metadata-expanded": lambda graph, t: graph.get(
        f"{address(t.drive('personal').put('a/b.txt', b'b').parent)}?$expand=children"
    ),
    "iss-412-preconditionFailed-personal": lambda graph, t: graph(
        "DELETE", address(t.drive("personal").put("a")), headers={"If-Match": "old"}
    ),
    "iss-429-without-retry-after": throttle,
    "iss-monitor-401-with-bearer": send_token_to_monitor,
    "iss-monitor-failed-generalException": lambda graph, t: monitor(graph, t, failure="generalException"),
    "iss-move-needs-respond-async": lambda graph, t: graph.move(
        t.drive("legal").put("a"), t.drive("archive").root
    ),
    "iss-patch-409-nameAlreadyExists": lambda graph, t: collide(graph, t.drive("legal")),
    "doc-copy-400-childrenOnly-file": lambda graph, t: graph.copy(
        t.drive("legal").put("a"), childrenOnly=True
    ),
    "doc-copy-400-root": lambda graph, t: graph.copy(t.drive("legal").root, name="a"),
    "doc-copy-202": lambda graph, t: graph.copy(t.drive("legal").put("a"), t.drive("archive").root),
    "doc-move-200": lambda graph, t: graph.move(
        t.drive("legal").put("a"), t.drive("legal").mkdir("b"), name="c"
    ),
    "doc-children-200": lambda graph, t: page_of_children(graph, t.drive("legal")),
    "doc-create-folder-201": lambda graph, t: create_folder(graph, t.drive("legal")),
    "doc-delta-200-first-page": lambda graph, t: graph.get(
        in_drive(t.drive("legal").put("a/b").drive, "root/delta?$top=1")
    ),
    "doc-delta-200-deleted": lambda graph, t: delta_of_a_deletion(graph, t.drive("personal")),
    "doc-delta-200-latest": lambda graph, t: graph.get(in_drive(t.drive("legal"), "root/delta?token=latest")),
    "doc-upload-session-200": lambda graph, t: upload_session(graph, t.drive("legal")),
    "doc-upload-202": lambda graph, t: upload(graph, t.drive("legal"), (0, 655_359)),
    "doc-upload-201": lambda graph, t: upload(graph, t.drive("legal"), (0, 655_359), (655_360, 655_360)),
    "doc-upload-status-200": lambda graph, t: upload(graph, t.drive("legal")),
    "doc-monitor-completed-202-graphdocs": lambda graph, t: monitor(graph, t, done_status=202),
    "doc-monitor-completed-303-odocs": lambda graph, t: monitor(graph, t, done_status=303),
    "doc-monitor-completed-v21": lambda graph, t: monitor(graph, t, percent_key="both"),
    "doc-monitor-failed-nameAlreadyExists": lambda graph, t: monitor(graph, t, failure="code"),
    "doc-monitor-inProgress-202": lambda graph, t: monitor(graph, t, looks=1, running_status=202),
}


def kinds(value):
    """Return the names and the types of the values in JSON. A list has the form of its first entry."""
    if isinstance(value, dict):
        return {key: kinds(each) for key, each in value.items()}
    if isinstance(value, list):
        return [kinds(each) for each in value[:1]]
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def missing(expected, ours, path=""):
    """Yield the paths that the response lacks, or has with another type. Lists add nothing to a path."""
    if isinstance(expected, dict) and isinstance(ours, dict):
        for key, value in expected.items():
            if key in ours:
                yield from missing(value, ours[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}"
    elif isinstance(expected, list) and isinstance(ours, list):
        for value, mine in zip(expected, ours, strict=False):
            yield from missing(value, mine, path)
    elif expected != ours:
        yield path


def load(name):
    """Return status, headers and body of a recording. Some are bodies alone."""
    recording = json.loads((RECORDED / f"{name}.json").read_text())
    if "body" in recording or "headers" in recording:
        numbers = [int(word) for word in str(recording.get("status")).split() if word.isdigit()]
        return (numbers or [None])[0], recording.get("headers", {}), recording.get("body")
    return None, {}, recording


def is_explained(path):
    return any(path.endswith(known) for known in EXCEPTIONS)


def test_every_recording_is_compared_or_has_a_reason():
    names = {path.stem for path in RECORDED.glob("*.json")}
    assert names == REQUESTS.keys() | NOT_COMPARED.keys()


@pytest.mark.parametrize("name", REQUESTS)
def test_a_response_has_the_form_of_the_recording(graph, tenant, name):
    status, headers, body = load(name)
    response = REQUESTS[name](graph, tenant)
    assert status in {None, response.status_code}, response.text
    lacking = {header.lower() for header in headers} - TRANSPORT - {each.lower() for each in response.headers}
    assert lacking == set()
    if not body:
        assert response.content == b""
        return
    left = [path for path in missing(kinds(body), kinds(response.json())) if not is_explained(path)]
    assert left == [], response.text
