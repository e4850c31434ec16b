# ruff: noqa: PLR0917 - pytest passes fixtures by their names
"""Responses have the same fields as Microsoft's recorded responses."""

import hashlib

import pytest

# fields that copies do not need, or that only other services fill in
IGNORED = {"commentSettings", "reactions", "sharepointIds", "view"}


def kinds(value):
    """Return the form of JSON: the names, and the types of the values."""
    if isinstance(value, dict):
        return {key: kinds(each) for key, each in value.items() if key not in IGNORED}
    return "number" if isinstance(value, int | float) else type(value).__name__


def lacks(recorded, ours, path=""):
    """Return the paths of the recording that the response lacks, or has with another type."""
    if not isinstance(recorded, dict) or not isinstance(ours, dict):
        return set() if recorded == ours else {path}
    missing = {f"{path}/{key}" for key in recorded.keys() - ours.keys()}
    return missing.union(
        *(lacks(recorded[key], ours[key], f"{path}/{key}") for key in recorded.keys() & ours.keys())
    )


def address(item):
    return f"drives/{item.drive.id}/items/{item.id}"


def test_a_new_folder_in_a_library_has_the_recorded_fields(graph, legal, recorded):
    exchange = recorded("op-create-folder-201-etag1")
    response = graph("POST", f"drives/{legal.id}/root/children", json=exchange["request_body"])
    assert response.status_code == exchange["status"]
    left = lacks(kinds(exchange["body"]), kinds(response.json()))
    assert left == {"/createdBy/user"}  # here, the owner of a library is a group
    assert response.headers["ETag"] == response.json()["eTag"]
    assert len(response.json()["id"]) == len(exchange["body"]["id"])
    assert response.json()["parentReference"]["id"][9:] == exchange["body"]["parentReference"]["id"][9:]


def test_a_new_folder_in_a_personal_drive_has_the_recorded_fields(graph, personal, recorded):
    exchange = recorded("gnome-create-folder-201")
    response = graph("POST", f"drives/{personal.id}/root/children", data=exchange["request_body"])
    assert lacks(kinds(exchange["body"]), kinds(response.json())) == set()
    assert response.json()["eTag"][:9] == exchange["body"]["eTag"][:9]


def test_a_new_file_in_a_personal_drive_has_the_recorded_fields(graph, personal, recorded):
    exchange = recorded("gnome-put-content-201")
    response = graph("PUT", f"drives/{personal.id}/root:/test/Temporary%20Item.ods:/content", data=b"")
    assert lacks(kinds(exchange["body"]), kinds(response.json())) == set()
    assert response.json()["file"]["hashes"] == exchange["body"]["file"]["hashes"]


def test_a_renamed_file_has_the_recorded_fields(graph, legal, recorded):
    item = legal.put("SiteAssets/plan.docx")
    headers = {"Accept": "application/json;IEEE754Compatible=true"}
    response = graph.move(item, name="rename.docx", headers=headers)
    expected = recorded("pnp-patch-rename-file-200")["body"]
    left = lacks(kinds(expected), kinds(response.json()))
    assert left == {"/createdBy/user", "/lastModifiedBy/user"}
    assert response.json()["webUrl"].partition("?")[2].count("=") == expected["webUrl"].partition("?")[
        2
    ].count("=")


def test_a_renamed_folder_has_the_recorded_fields(graph, legal, recorded):
    headers = {"Accept": "application/json;IEEE754Compatible=true"}
    response = graph.move(legal.mkdir("a/b"), name="c", headers=headers)
    left = lacks(kinds(recorded("pnp-patch-rename-folder-200")["body"]), kinds(response.json()))
    assert left == {"/createdBy/user", "/lastModifiedBy/user"}


def test_drives_have_the_recorded_fields(graph, tenant, recorded):
    ours = graph.get(f"sites/{tenant.sites[0].id}/drives").json()["value"][0]
    batch = recorded("pnp-batch-drives-single")["body"]["responses"][0]["body"]["value"][0]
    left = lacks(kinds(batch), kinds(ours))
    assert left == {"/owner/user"}
    ours = graph.get(f"drives/{tenant.drive('personal').id}").json()
    left = lacks(kinds(recorded("gnome-me-drives-personal")["body"]["value"][0]), kinds(ours))
    assert left == set()


@pytest.mark.parametrize("name", ["gnome-copy-202-personal", "gnome-delete-204"])
def test_copy_and_delete_answer_without_a_body_as_recorded(graph, personal, name, recorded):
    exchange = recorded(name)
    item = personal.put("a.txt")
    body = {"parentReference": {"driveId": personal.id, "id": personal.mkdir("b").id}}
    path = f"drives/{personal.id}/items/{item.id}"
    response = graph("POST", path + "/copy", json=body) if "copy" in name else graph("DELETE", path)
    assert str(response.status_code) in exchange["status"]
    assert response.content == b""
    assert exchange["headers"].keys() <= response.headers.keys()


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("op-copy-404-source-not-found", "POST", "drives/{drive}/items/TheCakeIsALie/copy"),
        ("op-drive-404", "GET", "drives/nope"),
    ],
)
def test_errors_have_the_recorded_form(graph, legal, name, method, path, recorded):
    exchange = recorded(name)
    response = graph(method, path.format(drive=legal.id))
    assert response.status_code == exchange["status"]
    assert kinds(response.json()) == kinds(exchange["body"])
    assert response.json()["error"]["message"] == exchange["body"]["error"]["message"]


def test_folders_of_work_and_school_drives_have_no_ctag(graph, legal, personal, plan):
    assert "cTag" not in graph.get(address(plan.parent)).json()
    assert "cTag" in graph.get(address(personal.mkdir("a"))).json()


def test_a_personal_drive_has_its_drive_type_and_form_of_id(graph, personal):
    assert graph.get("drives/4f62a7105c03556e").json()["driveType"] == "personal"
    assert personal.put("a.txt").id.startswith("4F62A7105C03556E!")


def test_the_quota_of_a_drive_follows_its_content(graph, legal, archive):
    def used(drive):
        quota = graph.get(f"drives/{drive.id}").json()["quota"]
        assert quota["used"] + quota["remaining"] == quota["total"]
        return quota["used"]

    item = legal.put("a/plan.pdf", b"content")
    legal.put("b.txt", size=5)
    legal.put("b.txt", size=9)
    graph.copy(item.parent, archive.root)
    graph.move(item, legal.root)
    assert (used(legal), used(archive)) == (legal.root.size, archive.root.size) == (16, 7)
    graph("DELETE", address(archive.find("a")))
    assert (used(archive), archive.used) == (0, 0)


def test_a_package_is_neither_file_nor_folder(graph, legal):
    item = legal.put("Notes", b"", facets={"package": {"type": "oneNote"}})
    body = graph.get(address(item)).json()
    assert body["package"] == {"type": "oneNote"}
    assert not {"file", "folder"} & body.keys()


def test_personal_drives_alone_tell_more_than_the_quick_xor_hash(graph, legal, personal):
    def hashes(drive):
        return graph.get(address(drive.put("a.txt", b"abc"))).json()["file"]["hashes"]

    assert hashes(legal).keys() == {"quickXorHash"}
    assert hashes(personal)["sha1Hash"] == hashlib.sha1(b"abc", usedforsecurity=False).hexdigest().upper()
    assert hashes(personal)["sha256Hash"] == hashlib.sha256(b"abc").hexdigest().upper()


def test_files_that_are_filled_with_zeros_have_the_hashes_of_their_bytes(graph, personal):
    small = graph.get(address(personal.put("a.bin", b"abc", size=5_000_000))).json()["file"]["hashes"]
    assert (
        small["sha1Hash"]
        == hashlib.sha1(b"abc" + bytes(4_999_997), usedforsecurity=False).hexdigest().upper()
    )
    huge = graph.get(address(personal.put("b.bin", size=100 << 30))).json()["file"]["hashes"]
    assert huge.keys() == {"quickXorHash"}


def test_empty_files_can_be_without_a_hash(graph, tenant, legal):
    item, full = legal.put("a.txt"), legal.put("b.txt", b"b")
    assert graph.get(address(item)).json()["file"]["hashes"] == {"quickXorHash": item.hash}
    tenant.hashes_of_empty_files = False
    assert "hashes" not in graph.get(address(item)).json()["file"]
    assert "hashes" in graph.get(address(full)).json()["file"]
