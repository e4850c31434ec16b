import pytest


@pytest.fixture
def letters(legal):
    for number, name in enumerate(("b.txt", "C.txt", "a.txt", "it's")):
        legal.put(f"in/{name}", bytes(number))
    return legal.find("in")


def names(graph, folder, query):
    response = graph.get(f"drives/{folder.drive.id}/items/{folder.id}/children?{query}")
    assert response.status_code == 200, response.text
    return [child["name"] for child in response.json()["value"]]


@pytest.mark.parametrize("query", ["", "$orderby=name", "$orderby=name asc", "orderby=name"])
def test_children_are_sorted_by_name(graph, letters, query):
    assert names(graph, letters, query) == ["a.txt", "b.txt", "C.txt", "it's"]


def test_children_are_sorted_in_descending_order(graph, letters):
    assert names(graph, letters, "$orderby=name desc&$top=2") == ["it's", "C.txt"]


def test_personal_drives_sort_by_size_and_time_too(graph, personal):
    for name, size in (("b", 1), ("c", 3), ("a", 2)):
        personal.put(f"in/{name}", size=size)
    folder = personal.find("in")
    assert names(graph, folder, "$orderby=size desc") == ["c", "a", "b"]
    assert names(graph, folder, "$orderby=lastModifiedDateTime") == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("name eq 'A.TXT'", ["a.txt"]), ("name eq 'it''s'", ["it's"]), ("startswith(name,'c')", ["C.txt"])],
)
def test_children_are_filtered_by_name(graph, letters, text, found):
    assert names(graph, letters, f"$filter={text}") == found


def test_a_list_contains_its_count_if_the_client_asks_for_it(graph, letters):
    path = f"drives/{letters.drive.id}/items/{letters.id}/children?$top=1"
    assert graph.get(f"{path}&$count=true").json()["@odata.count"] == 4
    assert "@odata.count" not in graph.get(path).json()


def test_an_expanded_folder_contains_its_children(graph, letters):
    path = f"drives/{letters.drive.id}/items/{letters.id}"
    body = graph.get(f"{path}?$select=id&$expand=children($select=name),thumbnails").json()
    assert [child["name"] for child in body["children"]] == ["a.txt", "b.txt", "C.txt", "it's"]
    assert [set(child) for child in body["children"]] == [{"name"}] * 4
    assert (body["thumbnails"], "name" in body) == ([], False)


def test_select_applies_to_lists_of_every_kind(graph, tenant, letters):
    drive = letters.drive
    for path in (
        f"drives/{drive.id}/root/delta?",
        f"drives/{drive.id}/root/search(q='a')?",
        f"sites/{drive.site.id}/drives?",
        "sites?search=*&",
        "users/adele@contoso.com/drives?",
    ):
        bodies = graph.get(f"{path}$select=id").json()["value"]
        assert bodies
        assert all(set(body) - {"@odata.etag"} <= {"id", "deleted"} for body in bodies), path


def test_sites_are_found_by_name(graph):
    assert [site["displayName"] for site in graph.get("sites?search=lega").json()["value"]] == ["Legal"]
    assert len(graph.get("sites?search=*").json()["value"]) == 4
    assert graph.get("sites").status_code == 400
