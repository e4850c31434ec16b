import pytest
from protocol.conversation import (
    HOSTS,
    answer,
    converse,
    here,
    item,
    missing,
    page,
    recording,
    ref,
    refusal,
    wrong_host,
)

from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveArgumentError,
    DriveConnectionError,
    DriveError,
    DriveItemNotFoundError,
    DriveNameConflictError,
    DriveResponseError,
    DriveServiceError,
)
from airflow_provider_drive.protocol.items.lookup import (
    ensure_folder,
    find_item,
    get_destination,
    get_folder,
    get_item,
    list_children,
    list_items,
)
from airflow_provider_drive.protocol.wire.addresses import parse_address

GRAPH = "https://graph.microsoft.com/v1.0"


def at(text):
    return parse_address(text, HOSTS)


def get(text, *answers, **options):
    return converse(get_item(at(text)), *answers, **options)


class TestGetting:
    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("drives/d/items/i", "/drives/d/items/i"),
            ("drives/d/root", "/drives/d/root"),
            ("drives/d/root:/a b/c", "/drives/d/root:/a%20b/c:"),
            ("me/drive/root:/a", "/me/drive/root:/a:"),
            ("sites/h:/s:/drive/items/i", "/sites/h:/s:/drive/items/i"),
            ("shares/u!abc/driveItem", "/shares/u!abc/driveItem"),
        ],
    )
    def test_an_address_is_read_with_one_get(self, text, url):
        talk = get(text, here("i"))
        assert talk.result.ref == ref("i")
        assert talk.lines == [f"GET {url}"]

    def test_the_drive_of_an_answer_without_one_is_that_of_the_address(self):
        assert get("drives/d/items/i", answer(200, {"id": "i"})).result.ref == ref("i")
        talk = get("me/drive/items/i", then=answer(200, {"id": "i"}))
        assert type(talk.error) is DriveResponseError

    @pytest.mark.parametrize("told", ["4f62a7105c03556", "4F62A7105C03556", "04F62A7105C03556"])
    @pytest.mark.parametrize("text", ["drives/04f62a7105c03556/items/i", "drives/4f62a7105c03556/root:/a"])
    def test_a_drive_keeps_the_id_that_it_was_asked_by(self, text, told):
        """Answers of OneDrive personal change its case and drop its leading zero."""
        talk = get(text, here("i", drive=told))
        assert talk.result.ref == ref("i", "04f62a7105c03556")
        assert talk.lines[0].startswith("GET /drives/04f62a7105c03556/")

    def test_the_drive_of_an_answer_for_another_one_is_that_of_the_answer(self):
        assert get("drives/d/items/i", here("i", drive="e")).result.ref == ref("i", "e")
        assert get("me/drive/items/i", here("i", drive="4f62a7105c03556")).result.ref.drive_id == (
            "04f62a7105c03556"
        )

    def test_a_missing_item_is_an_error_for_get_and_none_for_find(self):
        assert type(get("drives/d/items/i", missing()).error) is DriveItemNotFoundError
        assert converse(find_item(ref("i")), missing()).result is None
        assert type(converse(find_item(ref("i")), refusal(403)).error) is DriveAccessDeniedError

    def test_a_shortcut_is_followed_to_its_drive(self):
        entry = recording("gnome-sharedWithMe")
        shared = entry.get("body", entry)["value"][0]
        remote = shared["remoteItem"]
        there = ref(remote["id"], remote["parentReference"]["driveId"])
        talk = get("drives/d/items/i", answer(200, shared), here(there.item_id, drive=there.drive_id))
        assert talk.result.ref == there
        assert talk.lines == ["GET /drives/d/items/i", f"GET {there.url}"]

    def test_shortcuts_that_lead_in_a_circle_end(self):
        circle = here("i", remoteItem={"id": "i", "parentReference": {"driveId": "d"}})
        talk = get("drives/d/items/i", then=circle)
        assert talk.failure is None or isinstance(talk.failure, DriveError)

    def test_an_item_that_is_not_a_folder_is_refused(self):
        assert converse(get_folder(ref("f")), here("f", kind="folder")).result.is_folder
        assert converse(get_folder(ref("f")), here("f", kind="root")).result.is_root
        assert converse(get_folder(ref("f")), here("f", kind="package")).result.kind == "package"
        error = converse(get_folder(ref("f")), here("f")).error
        assert type(error) is DriveArgumentError
        assert "drives/d/items/f is not a folder" in str(error)
        assert not error.retryable


class TestListing:
    def children(self, *answers, **options):
        return converse(list_children(ref("f")), *answers, **options)

    def test_a_folder_of_one_page_is_read_with_one_get(self):
        talk = self.children(page(item("a"), item("b")))
        assert [entry["id"] for entry in talk.result] == ["a", "b"]
        assert talk.lines == ["GET /drives/d/items/f/children"]

    def test_pages_are_read_to_the_last_even_if_some_are_short_or_empty(self):
        talk = self.children(
            page(item("a"), link=f"{GRAPH}/x?$skiptoken=1"),
            page(link=f"{GRAPH}/x?$skiptoken=2"),
            page(item("b"), item("c"), link=f"{GRAPH}/x?$skiptoken=3"),
            page(),
        )
        assert [entry["id"] for entry in talk.result] == ["a", "b", "c"]
        assert talk.lines[1:] == [f"GET {GRAPH}/x?$skiptoken={number}" for number in (1, 2, 3)]
        assert talk.kinds == ["graph", "page", "page", "page"]
        assert all(request.is_to_graph for request in talk.requests)

    def test_recorded_pages_are_read(self):
        told = recording("osf-root-metadata-children")
        body = told.get("body", told)
        read = self.children(answer(200, body)).result
        assert [entry["id"] for entry in read] == [entry["id"] for entry in body["value"]]
        assert "downloadUrl" not in str(read)

    def test_pages_that_lead_in_a_circle_are_an_error(self):
        first, second = (f"{GRAPH}/x?$skiptoken={number}" for number in (1, 2))
        talk = self.children(page(link=first), page(link=second), page(link=first))
        assert type(talk.error) is DriveResponseError
        assert "circle" in str(talk.error)
        talk = self.children(then=page(item("a"), link=first))
        assert "circle" in str(talk.error)
        assert len(talk.requests) == 2

    def test_a_page_on_another_host_ends_the_list_with_an_error(self):
        refused = wrong_host()
        talk = self.children(page(item("a"), link="https://evil.com/x"), refused)
        assert talk.error is refused
        assert talk.kinds == ["graph", "page"]

    @pytest.mark.parametrize(
        "body", [[], {}, {"value": {}}, {"value": None}, {"value": [], "@odata.nextLink": 5}, b"<html>"]
    )
    def test_an_answer_that_is_not_a_page_is_read_again_and_then_an_error(self, body):
        talk = self.children(then=answer(200, body))
        assert type(talk.error) is DriveResponseError
        assert len(talk.requests) == 3
        assert self.children(answer(200, body), page(item("a"))).result[0]["id"] == "a"

    def test_entries_that_are_not_objects_are_left_out(self):
        assert self.children(answer(200, {"value": [5, None, item("a")]})).result[0]["id"] == "a"

    def test_a_page_is_read_again_after_a_lost_answer(self):
        lost = DriveConnectionError("cut off")
        talk = self.children(page(item("a"), link=f"{GRAPH}/x"), lost, page(item("b")))
        assert len(talk.result) == 2
        assert talk.lines[1] == talk.lines[2]
        assert type(self.children(missing()).error) is DriveItemNotFoundError

    def test_an_item_that_a_later_page_repeats_comes_once(self):
        """https://github.com/OneDrive/onedrive-api-docs/issues/740"""
        talk = converse(
            list_items(ref("f")),
            page(item("a"), item("b"), link=f"{GRAPH}/x?1"),
            page(item("b"), item("c"), link=f"{GRAPH}/x?2"),
            page(item("a"), item("c")),
        )
        assert [found.ref for found in talk.result] == [ref("a"), ref("b"), ref("c")]


class TestLibraries:
    SITE = "sites/contoso.sharepoint.com:/sites/Legal:"
    DRIVES = (
        {
            "id": "b!1",
            "name": "Documents",
            "webUrl": "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents",
        },
        {
            "id": "b!2",
            "name": "Signed Papers",
            "webUrl": "https://contoso.sharepoint.com/sites/Legal/SignedPapers",
        },
        {"id": "b!3", "name": "Prüfung", "webUrl": "https://contoso.sharepoint.com/sites/Legal/Pr%C3%BCfung"},
    )

    @pytest.mark.parametrize(
        ("name", "drive_id"),
        [
            ("Documents", "b!1"),
            ("documents", "b!1"),
            ("Shared Documents", "b!1"),
            ("shared documents", "b!1"),
            ("Signed Papers", "b!2"),
            ("SignedPapers", "b!2"),
            ("Pru\u0308fung", "b!3"),
        ],
    )
    def test_a_library_is_found_by_its_name_or_by_its_url(self, name, drive_id):
        talk = get(f"{self.SITE}/drives/{name}/root:/a", page(*self.DRIVES), here("i", drive=drive_id))
        assert talk.result.ref.drive_id == drive_id
        assert talk.lines == [f"GET /{self.SITE}/drives", f"GET /drives/{drive_id}/root:/a:"]

    def test_the_libraries_are_read_page_by_page(self):
        link = f"{GRAPH}/sites/x/drives?$skiptoken=1"
        talk = get(
            f"{self.SITE}/drives/Archive/root",
            page(*self.DRIVES, link=link),
            page({"id": "b!4", "name": "Archive"}),
            here(),
        )
        assert talk.lines[-1] == "GET /drives/b!4/root"

    def test_a_missing_library_is_refused_with_the_names_of_the_others(self):
        talk = get(f"{self.SITE}/drives/Archive/root", page(*self.DRIVES))
        assert type(talk.error) is DriveArgumentError
        assert "0 libraries named 'Archive'" in str(talk.error)
        assert "'Documents', 'Prüfung', 'Signed Papers'" in str(talk.error)
        talk = get(f"{self.SITE}/drives/Archive/root", page())
        assert "this login sees: none" in str(talk.error)

    def test_two_libraries_of_the_same_name_are_refused(self):
        talk = get(
            f"{self.SITE}/drives/Documents/root", page(self.DRIVES[0], {"id": "b!9", "name": "DOCUMENTS"})
        )
        assert "2 libraries named 'Documents'" in str(talk.error)

    @pytest.mark.parametrize("entry", [{"name": "Archive"}, {"name": "Archive", "id": 5}])
    def test_a_library_without_an_id_is_refused(self, entry):
        assert type(get(f"{self.SITE}/drives/Archive/root", page(entry)).error) is DriveArgumentError

    def test_a_missing_site_is_not_found(self):
        talk = get(f"{self.SITE}/drives/Archive/root", missing())
        assert type(talk.error) is DriveItemNotFoundError
        assert f"list the libraries of {self.SITE}" in str(talk.error)


class TestEnsuring:
    def ensure(self, text, *answers, **options):
        return converse(ensure_folder(at(text)), *answers, **options)

    def test_a_folder_that_exists_takes_one_get(self):
        talk = self.ensure("drives/d/root:/a/b", here("b", kind="folder"))
        assert talk.result.folder.ref == ref("b")
        assert not talk.result.created
        assert len(talk.requests) == 1

    def test_missing_folders_are_made_from_the_top(self):
        talk = self.ensure(
            "drives/d/root:/a/b c",
            missing(),
            missing(),
            here("r", kind="root"),
            answer(201, item("a", "a", kind="folder")),
            answer(201, item("b", "b c", kind="folder")),
        )
        assert talk.result.folder.ref == ref("b")
        assert talk.result.created
        assert talk.lines == [
            "GET /drives/d/root:/a/b%20c:",
            "GET /drives/d/root:/a:",
            "GET /drives/d/root",
            "POST /drives/d/items/r/children",
            "POST /drives/d/items/a/children",
        ]
        assert talk.requests[-1].json["name"] == "b c"

    def test_missing_folders_of_a_named_library_are_made_in_it(self):
        talk = self.ensure(
            "sites/h/drives/Archive/root:/a",
            page({"id": "b!1", "name": "Archive"}),
            missing(),
            here("r", drive="b!1", kind="root"),
            answer(201, item("a", drive="b!1", kind="folder")),
        )
        assert talk.result.folder.ref == ref("a", "b!1")
        assert talk.lines[0] == "GET /sites/h/drives"

    def test_a_folder_that_is_made_meanwhile_is_taken(self):
        talk = self.ensure(
            "drives/d/root:/a",
            missing(),
            here("r", kind="root"),
            refusal(409, "nameAlreadyExists"),
            here("a", kind="folder"),
        )
        assert talk.result.folder.ref == ref("a")
        assert talk.lines[-1] == "GET /drives/d/items/r:/a:"

    def test_a_lost_answer_to_a_new_folder_is_retried(self):
        talk = self.ensure(
            "drives/d/root:/a",
            missing(),
            here("r", kind="root"),
            DriveConnectionError("cut off"),
            refusal(504),
            refusal(409, "nameAlreadyExists"),
            here("a", kind="folder"),
        )
        assert talk.result.folder.ref == ref("a")
        assert [line for line in talk.lines if line.startswith("POST")] == [
            "POST /drives/d/items/r/children"
        ] * 3

    @pytest.mark.parametrize("found", [here("a"), missing()])
    def test_a_name_conflict_without_a_folder_of_that_name_is_raised(self, found):
        talk = self.ensure(
            "drives/d/root:/a", missing(), here("r", kind="root"), refusal(409, "nameAlreadyExists"), found
        )
        assert type(talk.error) is DriveNameConflictError
        assert "make the folder 'a' in '/'" in str(talk.error)

    def test_an_existing_file_instead_of_a_folder_is_a_conflict_that_is_not_retryable(self):
        for text in ("drives/d/root:/a", "drives/d/root:/a/b"):
            answers = [missing()] if text.endswith("b") else []
            talk = self.ensure(text, *answers, here("a"))
            assert type(talk.error) is DriveNameConflictError
            assert "'/a' exists and is not a folder" in str(talk.error)
            assert not talk.error.retryable

    def test_after_an_empty_answer_the_new_folder_is_read(self):
        """Seen: 201 and 200 with an empty body."""
        talk = self.ensure(
            "drives/d/root:/a", missing(), here("r", kind="root"), answer(201), here("a", kind="folder")
        )
        assert talk.result.folder.ref == ref("a")
        assert talk.lines[-1] == "GET /drives/d/items/r:/a:"

    @pytest.mark.parametrize("text", ["drives/d/root", "drives/d/items/i", "shares/u!abc/driveItem"])
    def test_a_missing_folder_without_a_name_cannot_be_made(self, text):
        talk = self.ensure(text, missing(), missing())
        assert type(talk.error) is DriveItemNotFoundError
        assert {request.method for request in talk.requests} == {"GET"}

    def test_a_fault_or_refusal_while_folders_are_made_is_raised(self):
        assert type(self.ensure("drives/d/root:/a", then=refusal(500)).error) is DriveServiceError
        talk = self.ensure("drives/d/root:/a", missing(), here("r", kind="root"), refusal(403))
        assert type(talk.error) is DriveAccessDeniedError


class TestDestinations:
    def test_a_destination_by_ids_is_not_read(self):
        talk = converse(get_destination(ref("f"), create=True))
        assert talk.result == (ref("f"), None, False)

    def test_a_destination_by_path_takes_one_get(self):
        folder, read, new = converse(
            get_destination(at("drives/d/root:/a"), create=False), here("a", kind="folder")
        ).result
        assert (folder, read.ref, new) == (ref("a"), ref("a"), False)

    def test_a_missing_destination_is_made_only_with_create(self):
        talk = converse(get_destination(at("drives/d/root:/a"), create=False), missing())
        assert type(talk.error) is DriveItemNotFoundError
        talk = converse(
            get_destination(at("drives/d/root:/a"), create=True),
            missing(),
            here("r", kind="root"),
            answer(201, item("a", kind="folder")),
        )
        assert talk.result[2]

    def test_a_file_as_destination_is_refused(self):
        talk = converse(get_destination(at("drives/d/root:/a"), create=False), here("a"))
        assert type(talk.error) is DriveArgumentError
