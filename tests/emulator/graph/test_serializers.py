# ruff: noqa: PLR0917 - pytest passes fixtures by their names
import hashlib

import pytest


def address(item):
    return f"drives/{item.drive.id}/items/{item.id}"


def test_a_new_folder_in_a_library_has_ids_of_the_recorded_form(graph, legal, recorded):
    exchange = recorded("op-create-folder-201-etag1")
    response = graph("POST", f"drives/{legal.id}/root/children", json=exchange["request_body"])
    assert response.headers["ETag"] == response.json()["eTag"]
    assert len(response.json()["id"]) == len(exchange["body"]["id"])
    assert response.json()["parentReference"]["id"][9:] == exchange["body"]["parentReference"]["id"][9:]


def test_a_new_folder_in_a_personal_drive_has_an_etag_of_the_recorded_form(graph, personal, recorded):
    exchange = recorded("gnome-create-folder-201")
    response = graph("POST", f"drives/{personal.id}/root/children", data=exchange["request_body"])
    assert response.json()["eTag"][:9] == exchange["body"]["eTag"][:9]


def test_an_empty_file_in_a_personal_drive_has_the_recorded_hashes(graph, personal, recorded):
    exchange = recorded("gnome-put-content-201")
    response = graph("PUT", f"drives/{personal.id}/root:/test/Temporary%20Item.ods:/content", data=b"")
    assert response.json()["file"]["hashes"] == exchange["body"]["file"]["hashes"]


def test_an_office_file_opens_in_an_editor_as_recorded(graph, legal, recorded):
    url = graph.get(address(legal.put("SiteAssets/plan.docx"))).json()["webUrl"]
    expected = recorded("pnp-patch-rename-file-200")["body"]["webUrl"]
    assert url.partition("?")[2].count("=") == expected.partition("?")[2].count("=")


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("op-copy-404-source-not-found", "POST", "drives/{drive}/items/TheCakeIsALie/copy"),
        ("op-drive-404", "GET", "drives/nope"),
    ],
)
def test_errors_have_the_recorded_message(graph, legal, name, method, path, recorded):
    error = graph(method, path.format(drive=legal.id)).json()["error"]
    assert error["message"] == recorded(name)["body"]["error"]["message"]


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
