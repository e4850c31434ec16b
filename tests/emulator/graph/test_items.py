import pytest

from airflow_provider_drive.emulator.graph import items
from airflow_provider_drive.emulator.graph.serializers import item_json


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.pdf", b"content")


def address(item):
    return f"drives/{item.drive.id}/items/{item.id}"


def test_an_etag_moves_with_metadata_and_content_and_a_ctag_with_content_only(graph, legal, plan):
    before = (plan.etag, plan.ctag)
    graph.move(plan, name="offer.pdf")
    renamed = (plan.etag, plan.ctag)
    legal.put("Contracts/offer.pdf", b"other")
    assert renamed[0] != before[0]
    assert renamed[1] == before[1]
    assert plan.etag != renamed[0]
    assert plan.ctag != renamed[1]


def test_tags_of_personal_drives_are_bare_words(personal, legal, plan):
    assert '"' not in personal.put("a.txt").etag
    assert plan.etag.startswith('"{')


def test_folders_of_work_and_school_drives_have_no_ctag(graph, legal, personal, plan):
    assert "cTag" not in graph.get(address(plan.parent)).json()
    assert "cTag" in graph.get(address(personal.mkdir("a"))).json()


def test_a_selection_keeps_the_etag_on_sharepoint_only(graph, plan, personal):
    assert set(graph.get(address(plan) + "?$select=id,name").json()) == {"@odata.etag", "id", "name"}
    assert set(graph.get(address(personal.put("a.txt")) + "?$select=id").json()) == {"id"}


def test_sizes_are_strings_for_who_says_so(graph, plan):
    headers = {"Accept": "application/json;IEEE754Compatible=true"}
    assert graph.get(address(plan), headers=headers).json()["size"] == "7"


def test_who_has_the_item_gets_304(graph, plan):
    assert graph.get(address(plan), headers={"If-None-Match": plan.etag}).status_code == 304


@pytest.mark.parametrize(
    ("query", "lengths"),
    [
        ("$select=name", [2, 2, 1]),
        ("$top=1&$select=name", [1, 1, 1, 1, 1]),
        ("$top=4&$select=name", [4, 1]),
        ("$top=1000&$select=name", [4, 1]),
        ("$top=0", [2, 2, 1]),
    ],
)
def test_children_come_in_pages(graph, tenant, legal, query, lengths):
    tenant.page_size, tenant.longest_page = 2, 4
    for number in reversed(range(5)):
        legal.put(f"many/{number}.txt")
    url, names, sizes = f"drives/{legal.id}/root:/many:/children?{query}", [], []
    while url:
        body = graph.get(url.removeprefix(graph.base)).json()
        sizes.append(len(body["value"]))
        names += [child["name"] for child in body["value"]]
        url = body.get("@odata.nextLink")
    assert (names, sizes) == ([f"{number}.txt" for number in range(5)], lengths)


def test_a_page_is_as_long_as_the_service_says_and_at_most_what_it_makes(graph, legal):
    for number in range(1_200):
        legal.put(f"{number}.txt")

    def length(query):
        return len(graph.get(f"drives/{legal.id}/root/children{query}").json()["value"])

    assert [length(query) for query in ("", "?$top=500", "?$top=5000")] == [200, 500, 1_000]


def test_a_page_of_a_large_folder_costs_no_more_than_its_own_items(graph, legal, monkeypatch):
    for number in range(50):
        legal.put(f"{number}.txt")
    written = []
    monkeypatch.setattr(items, "item_json", lambda item, base: written.append(item) or item_json(item, base))

    graph.get(f"drives/{legal.id}/root/children?$top=3")

    assert len(written) == 3


def test_a_next_link_can_be_foreign(graph, tenant, legal):
    tenant.page_size, tenant.next_link_base = 1, "https://evil.example"
    legal.put("a.txt")
    legal.put("b.txt")
    link = graph.get(f"drives/{legal.id}/root/children").json()["@odata.nextLink"]
    assert link.startswith("https://evil.example/v1.0/drives/")


@pytest.mark.parametrize(
    ("conflict", "status", "name"), [("fail", 409, None), ("rename", 201, "a 1"), ("replace", 200, "a")]
)
def test_a_folder_whose_name_is_taken(graph, legal, conflict, status, name):
    legal.mkdir("a")
    body = {"name": "A" if name is None else "a", "folder": {}, "@microsoft.graph.conflictBehavior": conflict}
    response = graph("POST", f"drives/{legal.id}/root/children", json=body)
    assert (response.status_code, response.json().get("name")) == (status, name)


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "x" * 256, " a", "CON", "_vti_x", "..", "a\nb", None])
def test_a_name_that_the_service_refuses(graph, legal, name):
    response = graph("POST", f"drives/{legal.id}/root/children", json={"name": name, "folder": {}})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalidRequest")


def test_a_deleted_folder_takes_all_with_it(graph, legal, plan):
    folder = plan.parent
    assert graph("DELETE", address(folder)).status_code == 204
    assert legal.tree() == {}
    assert legal.recycle_bin == [folder]
    assert graph("DELETE", address(plan)).status_code == 404


def test_a_deletion_for_good_leaves_nothing(graph, legal, personal, plan):
    assert graph("POST", address(plan) + "/permanentDelete").status_code == 204
    assert legal.recycle_bin == []
    assert graph("POST", address(personal.put("a.txt")) + "/permanentDelete").status_code == 405


@pytest.mark.parametrize("tag", ["etag", "ctag"])
def test_a_guard_that_fits_lets_pass(graph, plan, tag):
    assert graph("DELETE", address(plan), headers={"If-Match": getattr(plan, tag)}).status_code == 204


def test_a_guard_that_does_not_fit_stops(graph, legal, plan, personal, recorded):
    response = graph("DELETE", address(plan), headers={"If-Match": plan.etag.replace(",1", ",9")})
    assert (response.status_code, response.json()["error"]["code"]) == (412, "resourceModified")
    response = graph("DELETE", address(plan), headers={"If-Match": "bare"})
    assert (response.status_code, response.json()["error"]["innerError"]["code"]) == (
        400,
        "malformedEntityTag",
    )
    response = graph("DELETE", address(personal.put("a.txt")), headers={"If-Match": "old"})
    error = response.json()["error"]
    error["innererror"] = {"code": error["innererror"]["code"]}
    assert (response.status_code, {"error": error}) == (
        412,
        recorded("iss-412-preconditionFailed-personal")["body"],
    )
    assert legal.find("Contracts/plan.pdf") is plan


def test_a_locked_item_stays(graph, plan):
    plan.locked = True
    assert graph("DELETE", address(plan)).status_code == 423
    assert graph("DELETE", address(plan), headers={"Prefer": "bypass-shared-lock"}).status_code == 204


def test_an_etag_drifts_after_so_many_reads(graph, tenant, plan):
    tenant.drift_after_reads(plan, 2)
    tags = [graph.get(address(plan)).json()["eTag"] for _ in range(4)]
    assert tags[0] == tags[1] != tags[2] == tags[3]
    tenant.drift_after_reads(plan, 1, each=True)
    assert len({graph.get(address(plan)).json()["eTag"] for _ in range(3)}) == 3


def test_a_drive_of_its_own_kind_says_so(graph, personal):
    assert graph.get("drives/4f62a7105c03556e").json()["driveType"] == "personal"
    assert personal.put("a.txt").id.startswith("4F62A7105C03556E!")


def test_a_full_drive_takes_no_more(graph, legal, archive):
    archive.total = 10
    item = legal.put("big.bin", size=11)
    assert graph.copy(item, archive.root).status_code == 507
    path = f"drives/{archive.id}/root:/big.bin:/content"
    assert graph("PUT", path, data=b"x" * 11).json()["error"]["code"] == "quotaLimitReached"


def test_a_drive_tells_what_is_in_it(graph, legal, archive):
    def used(drive):
        told = graph.get(f"drives/{drive.id}").json()["quota"]
        assert told["used"] + told["remaining"] == told["total"]
        return told["used"]

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
