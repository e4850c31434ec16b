import pytest

STAMP = "2001-01-01T00:00:00Z"


def test_a_file_is_uploaded_and_downloaded(graph, legal):
    path = f"drives/{legal.id}/root:/new/folders/a.bin:/content"
    assert graph("PUT", path, data=b"one").status_code == 201
    assert graph("PUT", path, data=b"three").status_code == 200
    item = legal.find("new/folders/a.bin")
    assert (item.size, len(item.versions)) == (5, 1)
    response = graph.get(path)
    assert response.status_code == 302
    assert graph.send("GET", response.headers["Location"]).content == b"three"
    assert graph.send("GET", response.headers["Location"], headers={"Range": "bytes=1-2"}).content == b"hr"
    assert graph.send("GET", response.headers["Location"].partition("?")[0]).status_code == 404


def test_a_large_file_is_downloaded(graph, legal):
    item = legal.put("big", b"x", size=3 << 20)
    url = graph.get(f"drives/{legal.id}/items/{item.id}").json()["@microsoft.graph.downloadUrl"]
    assert len(graph.send("GET", url).content) == 3 << 20


def test_a_range_of_an_empty_file_is_refused(graph, legal):
    url = graph.get(f"drives/{legal.id}/items/{legal.put('empty').id}").json()["@microsoft.graph.downloadUrl"]
    response = graph.send("GET", url, headers={"Range": "bytes=0-9"})
    assert (response.status_code, response.headers["Content-Range"]) == (416, "bytes */0")


@pytest.mark.parametrize(
    ("conflict", "status", "names"), [("fail", 409, 1), ("replace", 200, 1), ("rename", 201, 2)]
)
def test_an_upload_to_a_name_that_is_taken_follows_the_conflict_behavior(
    graph, legal, conflict, status, names
):
    legal.put("a.txt", b"old")
    query = f"?@microsoft.graph.conflictBehavior={conflict}"
    assert graph("PUT", f"drives/{legal.id}/root:/a.txt:/content{query}", data=b"new").status_code == status
    assert len(legal.tree()) == names


def test_an_upload_session_accepts_consecutive_ranges(graph, legal):
    options = {
        "item": {"@microsoft.graph.conflictBehavior": "replace", "fileSystemInfo": {"createdDateTime": STAMP}}
    }
    url = graph("POST", f"drives/{legal.id}/root:/a.bin:/createUploadSession", json=options).json()[
        "uploadUrl"
    ]

    def send(piece, first):
        headers = {"Content-Range": f"bytes {first}-{first + len(piece) - 1}/6"}
        return graph.send("PUT", url, data=piece, headers=headers)

    assert send(b"abc", 0).json()["nextExpectedRanges"] == ["3-"]
    assert send(b"xyz", 1).status_code == 416
    assert graph.send("GET", url).json()["nextExpectedRanges"] == ["3-"]
    response = send(b"def", 3)
    assert (response.status_code, response.json()["size"]) == (201, 6)
    assert response.json()["fileSystemInfo"]["createdDateTime"] == STAMP
    assert graph.send("GET", url).status_code == 404


@pytest.mark.parametrize(
    ("piece", "byte_range", "status"),
    [
        (bytes(327_680), "0-327679/500000", 202),
        (bytes(327_681), "0-327680/500000", 400),
        (bytes(10), "0-10/500000", 400),
        (bytes(11), "0-10/9", 400),
        (bytes(62_914_561), "0-62914560/62914561", 400),
    ],
    ids=["right", "not a multiple", "short", "long", "over 60 MiB"],
)
def test_the_size_of_a_fragment_is_checked(graph, legal, piece, byte_range, status):
    url = graph("POST", f"drives/{legal.id}/root:/a.bin:/createUploadSession", json={}).json()["uploadUrl"]
    headers = {"Content-Range": f"bytes {byte_range}"}
    assert graph.send("PUT", url, data=piece, headers=headers).status_code == status


def test_an_upload_session_can_be_cancelled(graph, legal):
    url = graph("POST", f"drives/{legal.id}/root:/a.bin:/createUploadSession", json={}).json()["uploadUrl"]
    assert [graph.send("DELETE", url).status_code for _ in range(2)] == [204, 404]


def test_a_deferred_upload_creates_the_file_when_it_is_committed(graph, legal):
    path = f"drives/{legal.id}/root:/a.bin:/createUploadSession"
    url = graph("POST", path, json={"deferCommit": True, "item": {"description": "x"}}).json()["uploadUrl"]
    response = graph.send("PUT", url, data=b"abc", headers={"Content-Range": "bytes 0-2/3"})
    assert (response.status_code, response.json()["nextExpectedRanges"]) == (202, [])
    assert legal.find("a.bin") is None
    response = graph.send("POST", url)
    assert (response.status_code, response.json()["size"], response.json()["description"]) == (201, 3, "x")


def test_an_upload_session_checks_the_size_and_tags_that_it_is_given(graph, legal):
    item = legal.put("a.bin", b"abc")
    legal.total = 100
    path = f"drives/{legal.id}/items/{item.id}/createUploadSession"
    assert graph("POST", path, json={"item": {"fileSize": 98}}).status_code == 507
    assert graph("POST", path, headers={"If-None-Match": item.etag}).status_code == 412
    assert graph("POST", path, headers={"If-Match": item.etag}).status_code == 200


def test_a_conversion_is_refused(graph, legal):
    item = legal.put("a.docx", b"abc")
    response = graph.get(f"drives/{legal.id}/items/{item.id}/content?format=pdf")
    assert (response.status_code, response.json()["error"]["code"]) == (406, "notSupported")


def test_content_is_on_another_host_than_graph(graph, emulator, legal):
    item = legal.put("a.txt", b"content")
    path = f"drives/{legal.id}/items/{item.id}"
    links = [
        graph.get(path).json()["@microsoft.graph.downloadUrl"],
        graph.get(f"{path}/content").headers["Location"],
        graph("POST", f"{path}/createUploadSession").json()["uploadUrl"],
    ]
    assert not any(link.startswith(emulator.url) for link in links)
    assert graph.send("GET", links[0]).content == b"content"


def test_sharepoint_names_the_download_url_otherwise_than_graph(graph, emulator, legal):
    item = legal.put("a.txt")
    headers = {"Authorization": f"Bearer {graph.token}"}
    url = f"{emulator.url}/_api/v2.0/drives/{legal.id}/items/{item.id}"
    body = graph.send("GET", url, headers=headers).json()
    assert "@content.downloadUrl" in body
    assert "@microsoft.graph.downloadUrl" not in body
    body = graph.get(f"drives/{legal.id}/items/{item.id}?$select=content.downloadUrl").json()
    assert "@microsoft.graph.downloadUrl" in body


@pytest.mark.parametrize(("key", "status"), [("legal", 200), ("business", 200), ("personal", 401)])
def test_a_token_that_is_sent_with_the_url_of_content(graph, tenant, key, status):
    """Personal drives refuse it, and work and school drives ignore it."""
    drive = tenant.drive(key)
    path = f"drives/{drive.id}/items/{drive.put('a.txt', b'a').id}"
    download = graph.get(path).json()["@microsoft.graph.downloadUrl"]
    upload = graph("POST", f"{path}/createUploadSession").json()["uploadUrl"]
    headers = {"Authorization": f"Bearer {graph.token}"}
    assert graph.send("GET", download, headers=headers).status_code == status
    response = graph.send("PUT", upload, data=b"b", headers={**headers, "Content-Range": "bytes 0-0/1"})
    assert response.status_code == status
    assert drive.find("a.txt").content.data == (b"a" if status == 401 else b"b")


def test_an_upload_of_unknown_size_ends_when_it_is_committed(graph, legal):
    path = f"drives/{legal.id}/root:/a.bin:/createUploadSession"
    url = graph("POST", path, json={"deferCommit": True}).json()["uploadUrl"]
    for start in (0, 3):
        headers = {"Content-Range": f"bytes {start}-{start + 2}/*"}
        response = graph.send("PUT", url, data=b"abc", headers=headers)
        assert (response.status_code, response.json()["nextExpectedRanges"]) == (202, [f"{start + 3}-"])
    assert graph.send("POST", url).json()["size"] == 6


def start(graph, path, **body):
    return graph("POST", f"{path}/createUploadSession", json=body).json()["uploadUrl"]


def put(graph, url, data, byte_range):
    return graph.send("PUT", url, data=data, headers={"Content-Range": f"bytes {byte_range}"})


@pytest.mark.parametrize(
    ("byte_range", "content"), [("bytes=-2", b"nt"), ("bytes=-99", b"content"), ("bytes=5-", b"nt")]
)
def test_the_end_of_a_file_is_downloaded(graph, legal, byte_range, content):
    item = legal.put("a.txt", b"content")
    url = graph.get(f"drives/{legal.id}/items/{item.id}").json()["@microsoft.graph.downloadUrl"]
    response = graph.send("GET", url, headers={"Range": byte_range})
    assert (response.status_code, response.content) == (206, content)
    assert graph.send("GET", f"{url}&version=abc").status_code == 404


def test_an_upload_session_that_is_not_complete_cannot_be_committed(graph, legal):
    url = start(graph, f"drives/{legal.id}/root:/a.bin:", deferCommit=True)
    assert graph.send("POST", url).status_code == 400
    assert put(graph, url, b"abc", "0-2/6").status_code == 202
    assert graph.send("POST", url).status_code == 400
    assert legal.find("a.bin") is None
    assert put(graph, url, b"def", "3-5/6").status_code == 202
    assert graph.send("POST", url).status_code == 201


def test_the_size_of_an_upload_cannot_change(graph, legal):
    url = start(graph, f"drives/{legal.id}/root:/a.bin:")
    assert put(graph, url, b"abc", "0-2/6").status_code == 202
    assert put(graph, url, b"def", "3-5/7").status_code == 400
    assert put(graph, url, b"def", "3-5/6").status_code == 201


def test_an_upload_session_knows_three_methods_besides_the_commit(graph, legal):
    url = start(graph, f"drives/{legal.id}/root:/a.bin:")
    assert graph.send("PATCH", url, data=b"abc", headers={"Content-Range": "bytes 0-2/3"}).status_code == 405


def test_an_upload_session_expires_a_week_after_its_last_fragment(graph, tenant, legal):
    day = 86_400
    url = start(graph, f"drives/{legal.id}/root:/a.bin:")
    tenant.clock_offset = 6 * day
    before = graph.send("GET", url).json()["expirationDateTime"]
    assert put(graph, url, b"abc", "0-2/6").json()["expirationDateTime"] > before
    tenant.clock_offset = 12 * day
    assert graph.send("GET", url).status_code == 200
    tenant.clock_offset = 14 * day
    assert put(graph, url, b"def", "3-5/6").status_code == 404


def test_an_upload_whose_name_is_taken_at_its_end_can_be_committed_later(graph, legal):
    """ "Recover the upload by explicitly committing the upload session": driveitem-createuploadsession."""
    item = {"@microsoft.graph.conflictBehavior": "fail"}
    url = start(graph, f"drives/{legal.id}/root:/a.bin:", item=item)
    legal.put("a.bin", b"other")
    assert put(graph, url, b"abc", "0-2/3").status_code == 409
    legal.delete("a.bin")
    assert graph.send("POST", url).status_code == 201
    assert legal.find("a.bin").content.data == b"abc"
    assert graph.send("GET", url).status_code == 404


def test_an_upload_to_a_folder_that_was_deleted_meanwhile_fails(graph, legal):
    legal.mkdir("gone")
    url = start(graph, f"drives/{legal.id}/root:/gone/a.bin:")
    legal.delete("gone")
    assert put(graph, url, b"abc", "0-2/3").status_code == 404
    assert not any(item.name == "a.bin" for item in legal.items.values())


def test_an_upload_does_not_replace_a_file_that_was_locked_meanwhile(graph, legal):
    item = legal.put("a.bin", b"old")
    url = start(graph, f"drives/{legal.id}/root:/a.bin:")
    item.locked = True
    assert put(graph, url, b"abc", "0-2/3").status_code == 423
    assert item.content.data == b"old"


@pytest.mark.parametrize("path", ["root:/a.txt/b.txt:", "root:/a.txt/deep/b.txt:", "items/{id}:/b.txt:"])
def test_a_file_cannot_contain_others(graph, legal, path):
    item = legal.put("a.txt", b"a")
    path = f"drives/{legal.id}/{path.replace('{id}', item.id)}"
    assert graph("PUT", f"{path}/content", data=b"b").status_code == 400
    assert legal.tree() == {"a.txt": 1}
