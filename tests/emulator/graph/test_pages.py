import pytest

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.emulator.graph import serializers
from airflow_provider_drive.emulator.graph.serializers import item_json


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
def test_all_pages_together_contain_all_children_once(graph, tenant, legal, query, lengths):
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


def test_top_sets_the_length_of_a_page_up_to_a_limit(graph, legal):
    for number in range(1_200):
        legal.put(f"{number}.txt")

    def length(query):
        return len(graph.get(f"drives/{legal.id}/root/children{query}").json()["value"])

    assert [length(query) for query in ("", "?$top=500", "?$top=5000")] == [200, 500, 1_000]


def test_only_the_items_of_the_page_are_serialized(graph, legal, monkeypatch):
    for number in range(50):
        legal.put(f"{number}.txt")
    written = []
    monkeypatch.setattr(
        serializers,
        "item_json",
        lambda item, request, **options: written.append(item) or item_json(item, request, **options),
    )

    graph.get(f"drives/{legal.id}/root/children?$top=3")

    assert len(written) == 3


def test_a_next_link_can_lead_to_another_host(graph, tenant, legal):
    tenant.page_size, tenant.next_link_base = 1, "https://evil.example"
    legal.put("a.txt")
    legal.put("b.txt")
    link = graph.get(f"drives/{legal.id}/root/children").json()["@odata.nextLink"]
    assert link.startswith("https://evil.example/v1.0/drives/")


def list_names(graph, drive):
    """Return the names on each page of the drive's root."""
    url, pages = f"drives/{drive.id}/root/children", []
    while url:
        body = graph.get(url.removeprefix(graph.base)).json()
        pages.append("".join(child["name"] for child in body["value"]))
        url = body.get("@odata.nextLink")
    return pages


@pytest.fixture
def letters(legal, tenant):
    """A drive that lists two files, of six, on each page."""
    tenant.page_size = 2
    for name in "bcdefg":
        legal.put(name)
    return legal


@pytest.mark.parametrize(
    ("repeats", "pages"), [(0, ["bc", "de", "fg"]), (1, ["bc", "cde", "efg"]), (9, ["bc", "bcde", "bcdefg"])]
)
def test_later_pages_can_repeat_items(graph, tenant, letters, repeats, pages):
    tenant.repeats_items = repeats
    assert list_names(graph, letters) == pages


def test_an_item_that_is_added_between_two_pages_shifts_the_later_ones(graph, tenant, letters):
    tenant.faults.append(Fault("GET", "/children", "delay", act=lambda: letters.put("a")))
    assert list_names(graph, letters) == ["bc", "cd", "ef", "g"]


def test_an_item_that_is_removed_between_two_pages_shifts_the_later_ones(graph, tenant, letters):
    fault = Fault("GET", "/children", "delay", act=lambda: letters.remove(letters.find("b")))
    tenant.faults.append(fault)
    assert list_names(graph, letters) == ["bc", "ef", "g"]
