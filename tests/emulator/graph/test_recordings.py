# ruff: noqa: PLR0917 - pytest passes fixtures by their names
"""What the emulator answers has the shape of what Microsoft answered."""

import pytest

# what says nothing about copies, or what only other services fill in
IGNORED = {"commentSettings", "shared", "reactions", "sharepointIds", "view", "@odata.context"}


def kinds(value):
    """Tell the shape of JSON: the names, and of which type the values are."""
    if isinstance(value, dict):
        return {key: kinds(each) for key, each in value.items() if key not in IGNORED}
    return "number" if isinstance(value, int | float) else type(value).__name__


def lacks(recorded, ours, path=""):
    """Name what is in the recording and not in our response, or of another type there."""
    if not isinstance(recorded, dict) or not isinstance(ours, dict):
        return set() if recorded == ours else {path}
    missing = {f"{path}/{key}" for key in recorded.keys() - ours.keys()}
    return missing.union(
        *(lacks(recorded[key], ours[key], f"{path}/{key}") for key in recorded.keys() & ours.keys())
    )


def test_a_new_folder_of_a_library(graph, legal, recorded):
    exchange = recorded("op-create-folder-201-etag1")
    response = graph("POST", f"drives/{legal.id}/root/children", json=exchange["request_body"])
    assert response.status_code == exchange["status"]
    left = lacks(kinds(exchange["body"]), kinds(response.json()))
    assert left == {"/createdBy/user"}  # a library's owner is a group here
    assert response.headers["ETag"] == response.json()["eTag"]
    assert len(response.json()["id"]) == len(exchange["body"]["id"])
    assert response.json()["parentReference"]["id"][9:] == exchange["body"]["parentReference"]["id"][9:]


def test_a_new_folder_of_a_personal_drive(graph, personal, recorded):
    exchange = recorded("gnome-create-folder-201")
    response = graph("POST", f"drives/{personal.id}/root/children", data=exchange["request_body"])
    assert lacks(kinds(exchange["body"]), kinds(response.json())) == set()
    assert response.json()["eTag"][:9] == exchange["body"]["eTag"][:9]


def test_a_new_file_of_a_personal_drive(graph, personal, recorded):
    exchange = recorded("gnome-put-content-201")
    response = graph("PUT", f"drives/{personal.id}/root:/test/Temporary%20Item.ods:/content", data=b"")
    left = lacks(kinds(exchange["body"]), kinds(response.json()))
    assert left == {"/file/hashes/sha1Hash", "/file/hashes/sha256Hash"}  # only quickXorHash is guaranteed
    hashes = exchange["body"]["file"]["hashes"]
    assert response.json()["file"]["hashes"]["quickXorHash"] == hashes["quickXorHash"]


def test_a_renamed_file(graph, legal, recorded):
    item = legal.put("SiteAssets/plan.docx")
    headers = {"Accept": "application/json;IEEE754Compatible=true"}
    response = graph.move(item, name="rename.docx", headers=headers)
    expected = recorded("pnp-patch-rename-file-200")["body"]
    left = lacks(kinds(expected), kinds(response.json()))
    assert left == {"/createdBy/user", "/lastModifiedBy/user"}
    assert response.json()["webUrl"].partition("?")[2].count("=") == expected["webUrl"].partition("?")[
        2
    ].count("=")


def test_a_renamed_folder(graph, legal, recorded):
    headers = {"Accept": "application/json;IEEE754Compatible=true"}
    response = graph.move(legal.mkdir("a/b"), name="c", headers=headers)
    left = lacks(kinds(recorded("pnp-patch-rename-folder-200")["body"]), kinds(response.json()))
    assert left == {"/createdBy/user", "/lastModifiedBy/user"}


def test_drives(graph, tenant, recorded):
    ours = graph.get(f"sites/{tenant.sites[0].id}/drives").json()["value"][0]
    batch = recorded("pnp-batch-drives-single")["body"]["responses"][0]["body"]["value"][0]
    left = lacks(kinds(batch), kinds(ours))
    assert left == {
        "/createdDateTime",
        "/lastModifiedDateTime",
        "/createdBy",
        "/lastModifiedBy",
        "/owner/user",
    }
    ours = graph.get(f"drives/{tenant.drive('personal').id}").json()
    left = lacks(kinds(recorded("gnome-me-drives-personal")["body"]["value"][0]), kinds(ours))
    assert left == {"/quota/storagePlanInformation"}


@pytest.mark.parametrize("name", ["gnome-copy-202-personal", "gnome-delete-204"])
def test_answers_without_a_body(graph, personal, name, recorded):
    exchange = recorded(name)
    item = personal.put("a.txt")
    body = {"parentReference": {"driveId": personal.id, "id": personal.mkdir("b").id}}
    path = f"drives/{personal.id}/items/{item.id}"
    response = graph("POST", path + "/copy", json=body) if "copy" in name else graph("DELETE", path)
    assert str(response.status_code) in exchange["status"]
    assert response.content == b""
    expected = {key.lower() for key in exchange["headers"]} - {
        "strict-transport-security",
        "x-ms-ags-diagnostic",
    }
    assert expected - {"cache-control"} <= {key.lower() for key in response.headers}


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("op-copy-404-source-not-found", "POST", "drives/{drive}/items/TheCakeIsALie/copy"),
        ("op-drive-404", "GET", "drives/nope"),
    ],
)
def test_refusals(graph, legal, name, method, path, recorded):
    exchange = recorded(name)
    response = graph(method, path.format(drive=legal.id))
    assert response.status_code == exchange["status"]
    assert kinds(response.json()) == kinds(exchange["body"])
    assert response.json()["error"]["message"] == exchange["body"]["error"]["message"]
