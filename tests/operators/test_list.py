import json
from datetime import UTC, date, datetime, timedelta

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_drive.emulator import Fault
from airflow_provider_drive.exceptions import DriveArgumentError, DriveError, DriveItemNotFoundError
from airflow_provider_drive.operators.list import DriveListOperator

FILES = {"plan.docx": 10, "2025/old.docx": 20, "2025/old.pdf": 30, "2026/Q1/offer.PDF": 40}


@pytest.fixture
def tree(legal):
    """A folder with files in folders, one of which is empty."""
    for path, size in FILES.items():
        legal.put(f"Contracts/{path}", size=size)
    legal.mkdir("Contracts/2026/Empty")
    return legal.find("Contracts")


@pytest.fixture
def listed(worker, tree, path_of):
    """Run the operator; give what it has returned."""

    def run(folder=None, **parameters):
        return worker.run(DriveListOperator, folder=folder or path_of(tree), **parameters)

    return run


@pytest.fixture
def paths(listed):
    return lambda **parameters: sorted(item["path"] for item in listed(**parameters))


def test_all_files_below_a_folder_are_listed_in_short(listed, tree, legal):
    found = {item["path"]: item for item in listed()}

    assert {path: item["size"] for path, item in found.items()} == FILES
    item = legal.find("Contracts/2025/old.pdf")
    assert found["2025/old.pdf"] == {
        "driveId": legal.id,
        "id": item.id,
        "name": "old.pdf",
        "path": "2025/old.pdf",
        "size": 30,
        "eTag": item.etag,
        "lastModifiedDateTime": item.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    assert json.loads(json.dumps(found)) == found


def test_what_is_listed_is_an_address_for_the_others(listed, hook):
    (item,) = listed(pattern="plan.docx")

    assert hook.get_item(item)["name"] == "plan.docx"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"pattern": "*.docx"}, ["plan.docx"]),
        ({"pattern": "**/*.pdf"}, ["2025/old.pdf", "2026/Q1/offer.PDF"]),
        ({"pattern": ["2025/*", "2026/**"], "exclude": "**/*.docx"}, ["2025/old.pdf", "2026/Q1/offer.PDF"]),
        ({"min_size": "20", "max_size": 30}, ["2025/old.docx", "2025/old.pdf"]),
        ({"recursive": False}, ["plan.docx"]),
        ({"kind": "folder"}, ["2025", "2026", "2026/Empty", "2026/Q1"]),
        ({"kind": "all", "recursive": False}, ["2025", "2026", "plan.docx"]),
        ({"pattern": "*.none"}, []),
    ],
)
def test_only_items_that_match_the_filters_are_listed(paths, filters, found):
    assert paths(**filters) == found


@pytest.mark.parametrize(
    "before",
    [
        *("2020-01-01", date(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), pendulum.datetime(2020, 1, 1)),
        *("P5Y", timedelta(days=1_000), pendulum.duration(years=5)),
    ],
)
def test_what_is_old_is_listed_by_a_time_or_a_duration(paths, legal, before):
    for name in ("old.docx", "old.pdf"):
        legal.find(f"Contracts/2025/{name}").modified = datetime(2019, 6, 1, tzinfo=UTC)

    assert paths(modified_before=before) == ["2025/old.docx", "2025/old.pdf"]
    assert paths(modified_after=before) == ["2026/Q1/offer.PDF", "plan.docx"]


def test_what_was_made_long_ago_is_listed(paths, legal):
    legal.find("Contracts/plan.docx").created = datetime(2019, 6, 1, tzinfo=UTC)

    assert paths(created_before="2020-01-01") == ["plan.docx"]
    assert len(paths(created_after="P1D")) == 3


# Pages, and where it ends


def test_a_limit_ends_the_reading(listed, tenant, legal, asked):
    tenant.longest_page = 3
    for number in range(20):
        legal.put(f"Many/{number:02}.txt")

    found = listed(f"drives/{legal.id}/root:/Many", limit="4")

    assert [item["name"] for item in found] == ["00.txt", "01.txt", "02.txt", "03.txt"]
    assert len(asked("graph")) == 1 + 2


def test_the_hook_reads_a_page_when_it_is_wanted(hook, tenant, legal, ids, asked):
    tenant.longest_page = 3
    for number in range(7):
        legal.put(f"Many/{number}.txt")

    items = hook.iter_items(ids(legal.find("Many")))
    pages = [(next(items)["name"], len(asked("graph"))) for _ in range(7)]

    assert [asked_ for _, asked_ in pages] == [1, 1, 1, 2, 2, 2, 3]
    assert list(items) == []


def test_a_folder_by_its_ids_is_not_read_first(listed, legal, ids, asked):
    legal.put("Flat/a.txt")

    assert len(listed(ids(legal.find("Flat")))) == 1
    assert asked("graph") == ["GET /drives/D/items/I/children"]


def test_a_folder_that_is_gone_meanwhile_was_empty(listed, tenant):
    tenant.faults.append(Fault("GET", "/children$", status=404, code="itemNotFound", after=1))

    assert len(listed()) < len(FILES)


@pytest.mark.parametrize("kind", ["drop_after", "truncate", "garbage"])
def test_a_page_that_is_lost_is_read_again(paths, tenant, kind):
    tenant.faults.append(Fault("GET", "/children$", kind=kind, after=1))

    assert paths() == sorted(FILES)


def test_a_shortcut_is_not_followed(listed, legal):
    legal.put("Contracts/Shared", b"", facets={"remoteItem": {"id": "x", "folder": {"childCount": 1}}})

    assert len(listed()) == len(FILES)
    assert "Shared" in {item["name"] for item in listed(kind="all")}


# What is refused


def test_a_folder_that_is_not_there_is_an_error(listed, legal):
    with pytest.raises(DriveItemNotFoundError):
        listed(f"drives/{legal.id}/root:/Nowhere")


def test_listing_a_file_is_refused(listed, path_of, legal):
    with pytest.raises(DriveArgumentError, match="is not a folder") as caught:
        listed(path_of(legal.find("Contracts/plan.docx")))

    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"limit": 0}, {"limit": "many"}, {"limit": -1}, {"limit": True}, {"kind": "x"}, {"pattern": ""}),
        *({"modified_before": "yesterday"}, {"min_size": "1 GB"}, {"recursive": "no"}, {"exclude": []}),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_before_anything_is_sent(listed, tenant, wrong):
    with pytest.raises(
        DriveArgumentError, match=rf"^(?:Invalid `{next(iter(wrong))}`: |{next(iter(wrong))} is )"
    ):
        listed(**wrong)

    assert tenant.calls() == []


def test_the_log_says_what_was_listed_and_what_it_took(listed, log):
    listed()

    assert log.has(r"Listing '/Contracts'.\nfolder: drives/.*Contracts")
    assert log.has(r"Listed 4 items \(100 bytes\)\. Took .* s, 6 requests, 11 resource units")


def test_a_filter_that_matches_nothing_says_what_it_left_out(listed, log):
    assert listed(pattern="*.odt") == []

    assert log.has(r"Listed 0 items \(0 bytes\)\. 4 seen, 0 match; left out: 4 by pattern\. A pattern ")


def test_a_folder_of_which_nothing_is_listed_though_it_holds_items_is_a_warning(listed, tree, log):
    for child in tree.children.values():
        child.hidden_reads = 99

    assert listed() == []

    assert log.has("warning Graph says that '/Contracts' holds 3 items, and lists none: this login may lack")


def test_an_empty_list_fails_the_task_if_that_is_asked_for(listed):
    with pytest.raises(DriveError, match=r"Nothing was found.*left out: 4 by min_size") as told:
        listed(min_size=1000, fail_if_empty=True)
    assert told.value.retryable
    assert listed(fail_if_empty=True)


def test_a_list_links_to_its_folder(listed, worker, legal):
    listed()

    assert worker.xcom("source_url") == f"{legal.web_url}/Contracts"


def test_a_list_links_to_a_folder_that_another_task_returned(listed, worker, hook, tree, legal):
    listed(folder=hook.get_item(f"drives/{legal.id}/items/{tree.id}"))

    assert worker.xcom("source_url") == f"{legal.web_url}/Contracts"


def test_a_list_that_fails_links_to_its_folder(listed, worker, tenant, legal):
    tenant.faults.append(Fault("GET", "children", status=403, after=1))
    with pytest.raises(DriveError):
        listed()

    assert worker.xcom("source_url") == f"{legal.web_url}/Contracts"


def test_items_that_are_neither_files_nor_folders_are_counted_in_the_log(paths, legal, log):
    legal.put("Contracts/album", b"x", facets={"file": None, "bundle": {"childCount": 1}})
    legal.put("Contracts/2025/nameless", b"x", facets={"name": None})

    assert paths(pattern="**/*.pdf") == ["2025/old.pdf", "2026/Q1/offer.PDF"]
    assert log.has("Left out 1 items that are neither files nor folders")
    assert paths(pattern=["**/*.pdf", "al*"]) == ["2025/old.pdf", "2026/Q1/offer.PDF"]
    assert log.has("Left out 2 items")
    assert log.has("'album'")


def test_a_list_of_all_kinds_leaves_nothing_out(paths, legal, log):
    legal.put("Contracts/album", b"x", facets={"file": None, "bundle": {"childCount": 1}})

    assert "album" in paths(kind="all")
    assert not log.has("Left out")


def test_the_log_names_some_of_the_items_that_are_left_out(paths, legal, log):
    for number in range(7):
        legal.put(f"Contracts/album {number}", b"x", facets={"file": None})

    paths()

    assert log.has("Left out 7 items")
    assert log.has("'album 4', …")
