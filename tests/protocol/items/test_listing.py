import json
from itertools import chain
from urllib.parse import parse_qs, urlsplit

import pytest
from protocol.conversation import TODAY, converse, item, missing, page, ref, refusal

from airflow_provider_drive.exceptions import DriveItemNotFoundError, DriveResponseError
from airflow_provider_drive.protocol.items.listing import ListedItem, Listing
from airflow_provider_drive.protocol.wire.items import read_item

GRAPH = "https://graph.microsoft.com/v1.0"


def folder(item_id, name, **fields):
    return item(item_id, name, kind="folder", **fields)


def listed(*answers, then=None, **options):
    """Read a listing to its end; the result is a list for each page that was read."""

    def flow():
        listing, pages = Listing(ref("f"), **options), []
        while listing:
            pages.append((yield from listing.read()))
        return pages

    return converse(flow(), *answers, then=then)


def paths(talk):
    return [found.path for found in chain.from_iterable(talk.result)]


def asked(talk):
    return [urlsplit(request.url).path for request in talk.requests]


def test_a_folder_is_listed_in_long_pages_with_the_fields_that_are_needed():
    talk = listed(page(item("a")))
    query = parse_qs(urlsplit(talk.requests[0].url).query)
    assert query["$top"] == ["1000"]
    needed = {"id", "name", "size", "eTag", "file", "folder", "parentReference", "lastModifiedDateTime"}
    assert needed <= set(query["$select"][0].split(","))
    assert asked(talk) == ["/drives/d/items/f/children"]


def test_pages_are_read_one_at_a_time():
    talk = listed(page(item("a", "a"), link=f"{GRAPH}/x?1"), page(link=f"{GRAPH}/x?2"), page(item("b", "b")))
    assert [[found.path for found in read] for read in talk.result] == [["a"], [], ["b"]]


def test_items_in_subfolders_have_their_paths():
    talk = listed(
        page(folder("g", "2026"), item("a", "plan.pdf")),
        page(folder("h", "Q1"), link=f"{GRAPH}/x"),
        page(item("b", "offer.pdf")),
        page(item("c", "plan.pdf")),
    )
    assert paths(talk) == ["2026", "plan.pdf", "2026/Q1", "2026/offer.pdf", "2026/Q1/plan.pdf"]
    assert asked(talk) == [*(f"/drives/d/items/{each}/children" for each in "fg"), "/v1.0/x", asked(talk)[3]]


def test_subfolders_are_not_read_if_not_recursive():
    talk = listed(page(folder("g", "2026"), item("a", "plan.pdf")), recursive=False)
    assert paths(talk) == ["2026", "plan.pdf"]


def test_a_prefix_precedes_every_path():
    assert paths(listed(page(item("a", "plan.pdf")), prefix="2026/Q1")) == ["2026/Q1/plan.pdf"]


def test_a_subfolder_is_read_even_if_its_child_count_is_zero():
    talk = listed(page(folder("g", "2026", folder={"childCount": 0})), page(item("a", "plan.pdf")))
    assert paths(talk) == ["2026", "2026/plan.pdf"]


def test_folders_that_hold_each_other_are_read_once():
    talk = listed(page(folder("g", "a")), page(folder("f", "b"), folder("g", "c")))
    assert paths(talk) == ["a", "a/b"]


def test_an_item_that_moves_into_a_folder_that_is_read_later_comes_once():
    talk = listed(page(folder("g", "a"), item("x", "plan.pdf")), page(item("x", "plan.pdf", "g")))
    assert paths(talk) == ["a", "plan.pdf"]


def test_an_item_that_a_later_page_repeats_comes_once():
    """https://github.com/OneDrive/onedrive-api-docs/issues/740"""
    talk = listed(
        page(item("a", "a"), item("b", "b"), link=f"{GRAPH}/x?1"),
        page(item("b", "b"), item("c", "c"), link=f"{GRAPH}/x?2"),
        page(item("a", "a"), item("c", "c")),
    )
    assert paths(talk) == ["a", "b", "c"]


def test_a_package_is_read_only_if_asked_for():
    notes = item("n", "Notes", kind="package")
    assert paths(listed(page(notes))) == ["Notes"]
    talk = listed(page(notes), page(item("s", "One.one", "n")), into_packages=True)
    assert paths(talk) == ["Notes", "Notes/One.one"]


def test_a_subfolder_that_is_gone_meanwhile_counts_as_empty():
    talk = listed(page(folder("g", "a"), folder("h", "b")), missing(), page(item("a", "plan.pdf")))
    assert paths(talk) == ["a", "b", "a/plan.pdf"]


def test_a_subfolder_that_is_deleted_between_its_pages_ends_there():
    talk = listed(page(folder("g", "a")), page(item("a", "b"), link=f"{GRAPH}/x"), missing())
    assert paths(talk) == ["a", "a/b"]


def test_a_missing_folder_is_not_found():
    assert type(listed(missing()).error) is DriveItemNotFoundError


def test_a_subfolder_that_may_not_be_read_is_an_error():
    assert listed(page(folder("g", "a")), refusal(403, "accessDenied")).error.status == 403


@pytest.mark.parametrize("entry", [{}, {"id": ""}, {"id": 5}, {"name": "a"}])
def test_an_entry_that_is_not_an_item_is_an_error(entry):
    assert type(listed(page(entry)).error) is DriveResponseError


def test_an_item_without_a_drive_is_in_the_drive_of_the_folder():
    found = listed(page({"id": "a", "file": {}})).result[0][0]
    assert (found.item.ref, found.path) == (ref("a"), "")


def test_a_listed_item_as_dict_holds_what_an_xcom_needs():
    found = ListedItem(
        "2026/plan.pdf", read_item(item("a", "plan.pdf", lastModifiedDateTime=TODAY, webUrl="x"))
    )
    told = {
        "driveId": "d",
        "id": "a",
        "name": "plan.pdf",
        "path": "2026/plan.pdf",
        "size": 7,
        "eTag": '"{a},1"',
        "lastModifiedDateTime": "2026-09-21T14:13:20.000Z",
    }
    assert found.as_dict() == json.loads(json.dumps(told))
    assert ListedItem("a", read_item({"id": "a"}, "d")).as_dict()["lastModifiedDateTime"] is None
