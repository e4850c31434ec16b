import pytest
from protocol.conversation import DATE, NOW, answer, converse, item, missing, page, ref, refusal

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveItemNotFoundError,
    DriveRequestError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.changes.delta import Delta, is_expired, read_delta
from airflow_provider_drive.protocol.changes.watch import (
    begin,
    change_depth,
    next_event,
    pack,
    read_interest,
    resync,
    take_delta,
    unpack,
)
from airflow_provider_drive.protocol.wire.delta import DeltaEntry
from airflow_provider_drive.protocol.wire.items import read_item

CURSOR = "https://graph.microsoft.com/v1.0/drives/d/root/delta?token=1"
FOLDER = ref("w")


def interest(**parameters):
    defaults = {"recursive": True, "kinds": ["created", "updated", "moved", "deleted"], "settle": 0}
    return read_interest(
        NOW, **{**defaults, "max_items": 100, "pattern": None, "exclude": None, **parameters}
    )


def started(*entries, since=None, recursive=True, pages=None):
    """Return a watch of a folder that holds these items, and these pages of its subfolders."""
    flow = begin(FOLDER, "drives/d/items/w", Delta([], CURSOR, NOW), NOW, recursive=recursive, since=since)
    folders = [entry for entry in entries if "folder" in entry]
    return converse(flow, page(*entries), *(pages or (page() for _ in folders))).result


def changed(*entries, cursor=CURSOR, at=NOW + 60):
    read = [DeltaEntry(read_item(entry, "d", bare=True), "deleted" in entry) for entry in entries]
    return Delta(read, cursor, at)


def take(watch, *entries, answers=()):
    return converse(take_delta(watch, changed(*entries), NOW + 60), *answers)


def told(watch, **parameters):
    event = next_event(watch, interest(**parameters), NOW)
    return [] if event is None else [(change["kind"], change["path"]) for change in event["changes"]]


def file(item_id, name, parent="w", tag=1, **fields):
    return item(item_id, name, parent, eTag=f"{item_id},{tag}", **fields)


def folder(item_id, name, parent="w"):
    return item(item_id, name, parent, kind="folder")


# Reading the delta


def test_changes_are_read_page_after_page_up_to_the_cursor():
    first = answer(200, {"value": [file("a", "a")], "@odata.nextLink": "https://graph/next"})
    last = answer(200, {"value": [file("b", "b")], "@odata.deltaLink": "https://graph/cursor"}, date=DATE)

    talk = converse(read_delta("d", CURSOR), first, last)

    assert [entry.item.name for entry in talk.result.entries] == ["a", "b"]
    assert (talk.result.cursor, talk.result.date) == ("https://graph/cursor", NOW)
    assert talk.lines == [f"GET {CURSOR}", "GET https://graph/next"]
    assert talk.kinds == ["page", "page"]


def test_the_latest_cursor_is_one_request_without_the_folders_above():
    talk = converse(read_delta("d"), answer(200, {"value": [], "@odata.deltaLink": CURSOR}))

    assert talk.result.cursor == CURSOR
    assert "token=latest" in talk.requests[0].url
    assert talk.requests[0].headers == {"deltaExcludeParent": "true"}


@pytest.mark.parametrize(
    "body", [{}, {"value": []}, {"value": {}, "@odata.deltaLink": "x"}, {"value": [], "@odata.deltaLink": 1}]
)
def test_what_is_no_page_of_changes_is_refused(body):
    with pytest.raises(DriveResponseError):
        raise converse(read_delta("d", CURSOR), then=answer(200, body)).error


def test_pages_that_lead_in_a_circle_are_refused():
    body = {"value": [], "@odata.nextLink": CURSOR}

    assert isinstance(converse(read_delta("d", CURSOR), answer(200, body)).error, DriveResponseError)


def test_an_expired_cursor_is_told_by_its_status():
    error = converse(read_delta("d", CURSOR), refusal(410, "resyncChangesApplyDifferences")).error

    assert isinstance(error, DriveRequestError)
    assert error.status == 410


# Comparing


def test_what_is_there_at_the_start_is_not_told():
    assert told(started(file("a", "a"), folder("s", "sub"))) == []


def test_the_last_of_several_entries_of_an_item_counts():
    watch = started()
    take(watch, file("a", "first"), file("a", "second", tag=2))

    assert told(watch) == [("created", "second")]


def test_an_item_whose_tag_and_path_are_as_they_were_told_has_not_changed():
    watch = started(file("a", "a"))
    take(watch, file("a", "a"))

    assert told(watch) == []


def test_a_document_that_comes_before_its_new_folder_has_its_path():
    watch = started()
    take(watch, file("a", "a", "s"), folder("s", "sub"), answers=[page(file("a", "a", "s"))])

    assert told(watch) == [("created", "sub/a")]


def test_a_folder_that_comes_from_elsewhere_is_listed():
    watch = started()
    talk = take(watch, folder("s", "sub"), answers=[page(file("a", "a", "s"), folder("t", "t", "s")), page()])

    assert talk.lines[0].startswith("GET /drives/d/items/s/children")
    assert told(watch) == [("created", "sub/a")]
    assert watch.folder.path_of("t") == "sub/t/"


def test_a_listing_that_fails_is_made_again_and_nothing_is_lost():
    watch = started()
    assert take(watch, folder("s", "sub"), answers=[refusal(403, "accessDenied")]).failure is not None
    assert watch.cursor == CURSOR

    take(watch, folder("s", "sub"), answers=[page(file("a", "a", "s"))])
    assert told(watch) == [("created", "sub/a")]


def test_a_folder_that_is_not_found_once_is_listed_again():
    watch = started()
    take(watch, folder("s", "sub"), answers=[missing(), page(file("a", "a", "s"))])

    assert told(watch) == [("created", "sub/a")]


def test_a_folder_that_has_gone_before_it_is_listed_is_known_from_the_next_changes():
    watch = started()
    assert take(watch, folder("s", "sub"), answers=[missing(), missing()]).failure is not None

    assert take(watch, folder("s", "sub"), {**folder("s", "sub"), "deleted": {}}).failure is None
    assert told(watch) == []


def test_a_comparison_loses_no_document_of_a_subfolder_that_is_not_found_once():
    watch = started(folder("s", "sub"), pages=[page(file("a", "a", "s"))])
    listed = page(folder("s", "sub")), page(file("a", "a", "s"))
    converse(resync(watch, FOLDER, Delta([], "new", NOW + 60), NOW + 60), listed[0], missing(), *listed)

    assert told(watch) == []


def test_folders_that_lead_in_a_circle_are_not_below_the_folder():
    watch = started()
    take(watch, folder("s", "s", "t"), folder("t", "t", "s"), file("a", "a", "t"))

    assert told(watch) == []
    assert watch.folder.folders == {}


def test_changed_content_at_another_path_is_an_update():
    watch = started(file("a", "a"))
    take(watch, file("a", "b", tag=2, size=8))

    assert told(watch) == [("updated", "b")]


def test_a_document_that_leaves_the_pattern_is_gone():
    watch = started(file("a", "a.csv"))
    take(watch, file("a", "a.bak", tag=2))

    assert told(watch, pattern="*.csv") == [("deleted", "a.csv")]


def test_a_document_that_came_and_went_is_not_told():
    watch = started()
    take(watch, file("a", "a"))
    take(watch, {**file("a", "a"), "deleted": {}})

    assert told(watch) == []


def test_a_deleted_document_is_told_with_what_was_known_of_it():
    watch = started(file("a", "a"))
    take(watch, {"id": "a", "deleted": {"state": "deleted"}, "parentReference": {"driveId": "d"}})

    (change,) = next_event(watch, interest(), NOW)["changes"]
    assert (change["kind"], change["name"], change["size"]) == ("deleted", "a", 7)


def test_the_deletion_of_the_watched_folder_is_an_error_and_changes_nothing():
    watch = started(file("a", "a"))
    talk = take(watch, {**folder("w", "w", "r"), "deleted": {}}, {**file("a", "a"), "deleted": {}})

    assert isinstance(talk.error, DriveItemNotFoundError)
    assert told(watch) == []


def test_shortcuts_to_other_drives_are_not_told():
    watch = started()
    shortcut = {"id": "x", "name": "x", "parentReference": {"driveId": "d", "id": "w"}, "remoteItem": {}}
    take(watch, shortcut)

    assert told(watch) == []


def test_a_comparison_tells_only_what_differs():
    watch = started(file("a", "a"), file("b", "b"), file("c", "c"))
    listed = page(file("a", "a"), file("b", "b", tag=2, size=8), file("d", "d"))
    converse(resync(watch, FOLDER, Delta([], "new", NOW + 60), NOW + 60), listed)

    assert set(told(watch)) == {("updated", "b"), ("deleted", "c"), ("created", "d")}
    assert watch.cursor == "new"


def test_a_stored_watch_is_the_same_when_it_is_read():
    watch = started(file("a", "a"), folder("s", "sub"))
    take(watch, file("b", "b"), {**file("a", "a"), "deleted": {}})
    watch.event = {"id": "1"}

    assert unpack(pack(watch)) == watch


def test_an_id_depends_on_what_is_told_and_not_on_when_it_was_packed():
    watch = started()
    take(watch, file("a", "a"))
    again = unpack(pack(watch))

    assert next_event(watch, interest(), NOW) == next_event(again, interest(), NOW)


@pytest.mark.parametrize("kinds", [[], "born", ["created", 1], None])
def test_kinds_that_are_none_are_refused(kinds):
    with pytest.raises(DriveArgumentError, match="kinds"):
        interest(kinds=kinds)


def test_kinds_that_are_not_wanted_leave_the_room_to_those_that_are():
    watch = started(*(file(str(number), f"old {number}") for number in range(3)))
    gone = [{**file(str(number), f"old {number}"), "deleted": {}} for number in range(3)]
    take(watch, *gone, file("a", "a"))

    assert told(watch, kinds=["created"], max_items=1) == [("created", "a")]


def test_more_is_told_of_changes_that_are_wanted_alone():
    watch = started(file("a", "a"), file("b", "b.tmp"))
    take(watch, file("c", "c"), {**file("a", "a"), "deleted": {}}, {**file("b", "b.tmp"), "deleted": {}})

    event = next_event(watch, interest(kinds=["created"], max_items=1, exclude="*.tmp"), NOW)

    assert (event["count"], event["more"]) == (1, False)


def test_a_document_that_is_dated_in_the_future_is_settled_some_time_after_it_was_seen():
    watch = started()
    late = file("a", "a", lastModifiedDateTime="2099-01-01T00:00:00Z")
    take(watch, late)

    assert told(watch, settle=90) == []
    converse(take_delta(watch, changed(late, at=NOW + 120), NOW + 120))
    assert told(watch, settle=90) == []
    converse(take_delta(watch, changed(at=NOW + 150), NOW + 150))
    assert told(watch, settle=90) == [("created", "a")]


def test_subfolders_that_are_watched_from_now_on_are_no_change():
    watch = started(file("a", "a"), recursive=False)
    take(watch, file("b", "b"))
    pages = page(file("a", "a"), folder("s", "s")), page(file("c", "c", "s"))
    converse(change_depth(watch, recursive=True), *pages)

    assert told(watch) == [("created", "b")]
    take(watch, file("c", "c", "s", tag=2, size=8))
    assert told(watch) == [("updated", "s/c")]


def test_subfolders_that_are_not_watched_any_more_are_no_change():
    watch = started(file("a", "a"), folder("s", "s"), pages=[page(file("b", "b", "s"), file("c", "c", "s"))])
    take(watch, file("b", "b", "s", tag=2), file("a", "a", tag=2, size=8))
    talk = converse(change_depth(watch, recursive=False))

    assert talk.lines == []
    assert told(watch) == [("updated", "a")]
    take(watch, file("b", "b"))
    assert told(watch) == [("created", "b")]


def test_changes_of_another_drive_are_refused_for_good():
    other = file("a", "a", parentReference={"driveId": "other", "id": "w"})
    told = answer(200, {"value": [other], "@odata.deltaLink": CURSOR})
    error = converse(read_delta("d", CURSOR), told).error

    assert isinstance(error, DriveResponseError)
    assert is_expired(error)


def test_a_drive_whose_id_is_spelled_in_another_way_is_the_same():
    entry = file("a", "a", parentReference={"driveId": "0ABC", "id": "w"})
    talk = converse(read_delta("abc", CURSOR), answer(200, {"value": [entry], "@odata.deltaLink": CURSOR}))

    assert [each.item.ref.drive_id for each in talk.result.entries] == ["abc"]


def test_a_document_that_is_back_before_it_was_told_as_gone_is_as_it_was():
    watch = started(file("a", "a"), file("b", "b"))
    take(watch, {**file("a", "a"), "deleted": {}}, {**file("b", "b"), "deleted": {}})
    assert told(watch, max_items=1) == [("deleted", "a")]
    take(watch, file("b", "b"))

    assert told(watch) == []


@pytest.mark.parametrize(
    "broken", [{"cursor": 5}, {"driveId": None}, {"address": []}, {"polled": "x"}, {"event": 1}]
)
def test_a_stored_watch_that_others_have_changed_is_refused(broken):
    with pytest.raises(DriveResponseError, match="cannot be read"):
        unpack({**pack(started(file("a", "a"))), **broken})
