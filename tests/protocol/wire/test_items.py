import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import NOW, TODAY, answer, item, personal, recorded_answer, recording, ref, refusal

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveError,
    DriveItemNotFoundError,
    DriveResponseError,
)
from airflow_provider_drive.protocol.flow import Request
from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.items import (
    check_tag,
    child,
    children_request,
    create_folder_request,
    delete_request,
    get_item_request,
    item_reader,
    move_request,
    print_time,
    read_item,
    read_size,
    read_time,
    without_annotations,
)
from airflow_provider_drive.protocol.wire.names import free_name, is_renamed

READ = Request("GET", "/drives/d/items/i", "read it")


def bodies():
    """Yield every recorded driveItem, by the name of its recording."""
    whole = (
        "pnp-patch-rename-file-200",
        "pnp-patch-rename-folder-200",
        "pnp-filesFolder-standard-channel",
        "gnome-create-folder-201",
        "gnome-put-content-201",
        "gnome-put-content-200-replace",
        "op-create-folder-201-etag1",
        "osf-file-metadata-personal-2017",
        "osf-folder-metadata-expanded",
    )
    for name in whole:
        told = recording(name)
        yield name, told.get("body", told)
    for name in ("osf-root-metadata-children", "osf-folder-metadata-children", "gnome-sharedWithMe"):
        told = recording(name)
        for entry in told.get("body", told)["value"]:
            yield name, entry


class TestRecordings:
    @pytest.mark.parametrize(("name", "body"), list(bodies()))
    def test_a_recorded_item_is_read(self, name, body):
        read = read_item(body, "d")
        assert read.ref.item_id == body["id"]
        assert read.ref.drive_id == body.get("parentReference", {}).get("driveId", "d")
        assert read.name == body.get("name")
        assert read.kind in {"file", "folder", "package", None}
        assert (read.kind is None) or read.kind in body
        assert "downloadUrl" not in json.dumps(read.raw)
        assert "tempauth" not in json.dumps({key: read.raw[key] for key in read.raw if key != "webUrl"})

    def test_a_size_that_is_text_is_a_number(self):
        read = read_item(recording("pnp-patch-rename-file-200")["body"])
        assert read.size == 20158
        assert read.etag == '"{4C5DDB5E-A342-44CE-BBAD-0EC744328EB9},3"'
        assert read.ctag == '"c:{4C5DDB5E-A342-44CE-BBAD-0EC744328EB9},3"'
        assert read.quick_xor_hash == "iVeBLf0482C4pH2EELXZPtO+ds0="
        assert read.drive_type == "documentLibrary"
        assert read.may_be_rewritten
        assert not read.is_personal
        assert read_item(recording("pnp-patch-rename-folder-200")["body"]).size == 0

    def test_an_etag_that_was_not_selected_is_read_from_its_annotation(self):
        told = recording("pnp-shares-driveItem-select")
        body = told.get("body", told)
        assert not {"eTag", "id"} & set(body)
        read = read_item({"id": "i", **body})
        assert read.etag == body["@odata.etag"]
        assert read.raw["@odata.etag"] == read.etag

    def test_a_personal_item_is_read(self):
        read = read_item(recording("osf-file-metadata-personal-2017"))
        assert (read.drive_type, read.is_personal, read.kind, read.size) == ("personal", True, "file", 11)
        assert read.etag == "aRjRENTBFNDAwREZFN0Q0RSEyOTEuMg"
        assert read.quick_xor_hash is None

    def test_a_folder_just_made_is_read(self):
        read = read_item(recording("op-create-folder-201-etag1")["body"])
        assert (read.kind, read.is_folder, read.child_count) == ("folder", True, 0)
        assert read.parent_id == "01AZJL5PN6Y2GOVW7725BZO354PWSELRRZ"
        assert print_time(read.created) == "2024-04-25T09:47:24.000Z"

    def test_a_recorded_answer_is_read(self):
        assert item_reader(READ)(recorded_answer("gnome-put-content-201")).kind == "file"

    def test_a_shared_item_refers_to_its_remote_item(self):
        told = recording("gnome-sharedWithMe")
        for entry in told.get("body", told)["value"]:
            assert read_item(entry, "d").remote == ItemRef(
                entry["remoteItem"]["parentReference"]["driveId"], entry["remoteItem"]["id"]
            )


class TestReading:
    def test_an_item_is_read(self):
        read = read_item(item())
        assert (read.ref, read.name, read.parent_id, read.kind) == (ref("i"), "plan.pdf", "f", "file")
        assert (read.size, read.quick_xor_hash, read.created) == (7, "hash=", NOW)
        assert read.content == (7, "hash=")
        assert not read.is_root
        assert not read.is_folder
        assert not read.may_be_rewritten
        assert str(read) == "'plan.pdf' (id i)"

    @pytest.mark.parametrize("field", ["name", "parent_id"])
    def test_a_value_with_a_lone_surrogate_is_ignored(self, field):
        """It can stand in JSON, and in no URL."""
        read = read_item(item(name="half \ud83d", parent="half \ud83d"))
        assert getattr(read, field) is None

    def test_a_root_is_a_folder(self):
        read = read_item(item("r", "root", kind="root"))
        assert read.is_root
        assert read.is_folder

    def test_a_notebook_is_neither_file_nor_folder(self):
        read = read_item(item(kind="package"))
        assert read.kind == "package"
        assert not read.is_folder

    def test_all_but_the_ids_may_be_left_out(self):
        read = read_item({"id": "i"}, "d")
        assert read.ref == ref("i")
        assert {read.name, read.parent_id, read.kind, read.size, read.etag, read.ctag, read.created} == {None}
        assert str(read) == "'item' (id i)"

    def test_the_drive_in_an_answer_takes_precedence_over_the_requested_one(self):
        assert read_item(item(drive="told"), "asked").ref.drive_id == "told"

    def test_a_drive_without_a_type_is_recognised_by_its_items_ids(self):
        assert read_item({"id": "4F62!1"}, "4f62").is_personal
        assert not read_item({"id": "01A"}, "b!x").is_personal
        assert read_item(personal(item())).is_personal

    @pytest.mark.parametrize("name", ["a.docx", "a.XLSX", "a.pptx", "a.jpg", "a.HEIC", "a.mp3", "a.html"])
    def test_files_that_the_service_rewrites_are_recognised(self, name):
        assert read_item(item(name=name)).may_be_rewritten

    @pytest.mark.parametrize("name", ["a.pdf", "a.zip", "docx", "a.docx.zip"])
    def test_files_that_the_service_does_not_rewrite_are_recognised(self, name):
        assert not read_item(item(name=name)).may_be_rewritten
        assert not read_item({"id": "i"}, "d").may_be_rewritten

    @pytest.mark.parametrize(
        ("value", "missing"),
        [
            (None, "not an object"),
            ([], "not an object"),
            ("i", "not an object"),
            ({}, "driveId"),
            ({"id": "i"}, "driveId"),
            ({"id": "i", "parentReference": "d"}, "driveId"),
            ({"id": "i", "parentReference": {"driveId": 5}}, "driveId"),
            ({"parentReference": {"driveId": "d"}}, "has no id"),
            ({"id": 5, "parentReference": {"driveId": "d"}}, "has no id"),
            ({"id": "", "parentReference": {"driveId": "d"}}, "has no id"),
        ],
    )
    def test_an_item_without_ids_is_refused(self, value, missing):
        with pytest.raises(DriveResponseError, match=missing):
            read_item(value)

    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            ({"path": "/drives/d/root:/Contracts/2026%20Q1"}, "'/Contracts/2026 Q1/plan.pdf'"),
            ({"path": "/drive/root:"}, "'/plan.pdf'"),
            ({"path": "/drives/d/items/f"}, "'plan.pdf' (id i)"),
            ({"path": 5}, "'plan.pdf' (id i)"),
        ],
    )
    def test_an_item_is_shown_by_its_path_if_graph_tells_it(self, fields, shown):
        told = item()
        told["parentReference"] |= fields
        assert str(read_item(told)) == shown

    def test_the_name_in_a_message_is_not_part_of_the_identity(self):
        assert read_item(item(name="a")).ref == ItemRef("d", "i")
        assert hash(read_item(item(name="a")).ref) == hash(ItemRef("d", "i"))

    def test_the_folder_of_an_item_is_shown_by_its_path(self):
        told = item()
        told["parentReference"]["path"] = "/drive/root:/A/B"
        assert str(read_item(told).folder) == "'/A/B'"

    def test_an_answer_that_is_a_refusal_is_its_error_with_the_ids_on_the_last_line(self):
        with pytest.raises(DriveItemNotFoundError, match="Could not read it") as told:
            item_reader(READ)(refusal(404, "itemNotFound", "x"))
        assert str(told.value).splitlines()[-1] == "GET /drives/d/items/i, request id r-1"
        with pytest.raises(DriveResponseError):
            item_reader(READ)(answer(200, []))

    def test_annotations_are_left_out_wherever_they_are(self):
        value = {
            "@odata.context": "x",
            "@odata.etag": "e",
            "@microsoft.graph.downloadUrl": "secret",
            "children": [{"@content.downloadUrl": "secret", "id": "c"}, 5],
            "remoteItem": {"@microsoft.graph.downloadUrl": "secret", "id": "r"},
        }
        assert without_annotations(value) == {
            "@odata.etag": "e",
            "children": [{"id": "c"}, 5],
            "remoteItem": {"id": "r"},
        }

    @pytest.mark.parametrize(
        ("value", "size"),
        [
            *(
                (0, 0),
                (7, 7),
                ("20158", 20158),
                ("0", 0),
                (-1, None),
                (True, None),
                (1.5, None),
                ("-1", None),
            ),
            *(("1e3", None), ("", None), (None, None), ("9" * 30, None), ("٣", None), ([], None)),
        ],
    )
    def test_a_size_is_a_count_or_nothing(self, value, size):
        assert read_size(value) == size

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (TODAY, NOW),
            ("2026-09-21T14:13:20", NOW),
            ("2026-09-21T16:13:20+02:00", NOW),
            ("2026-09-21T14:13:20.5Z", NOW + 0.5),
            ("2026-09-21T14:13:20.25Z", NOW + 0.25),
            ("2026-09-21T14:13:20.1234567Z", NOW + 0.123456),
            ("0001-01-01T00:00:00Z", None),
            ("0001-01-01T00:00:00+14:00", None),
            ("1601-01-01T00:00:00Z", None),
            ("yesterday", None),
            ("", None),
            (None, None),
            (NOW, None),
        ],
    )
    def test_a_time_is_read_in_every_form_and_the_null_date_is_ignored(self, value, seconds):
        assert read_time(value) == (seconds if seconds is None else pytest.approx(seconds, abs=1e-6))

    def test_a_time_is_printed_as_graph_does(self):
        assert print_time(NOW) == "2026-09-21T14:13:20.000Z"
        assert read_time(print_time(NOW + 0.123)) == pytest.approx(NOW + 0.123)


class TestRequests:
    def test_an_item_is_read_with_one_get(self):
        request = get_item_request(ref("i"))
        assert (request.method, request.url, request.action) == (
            "GET",
            "/drives/d/items/i",
            "read drives/d/items/i",
        )
        assert request.kind == "graph"

    def test_a_childs_name_is_encoded(self):
        assert child(ref("f"), "a b#1").url == "/drives/d/items/f:/a%20b%231:"
        assert children_request(ref("f")).url == "/drives/d/items/f/children"

    def test_a_request_for_a_new_folder_is_repeatable(self):
        request = create_folder_request(ref("f"), "2026")
        assert (request.method, request.url) == ("POST", "/drives/d/items/f/children")
        assert request.json == {"name": "2026", "folder": {}, "@microsoft.graph.conflictBehavior": "fail"}
        assert request.repeatable

    def test_a_move_carries_the_parents_ids_and_the_tag(self):
        request = move_request(ref("i"), parent=ref("f"), name="new", if_match='"{I},1"')
        assert (request.method, request.url) == ("PATCH", "/drives/d/items/i")
        assert request.json == {"parentReference": {"driveId": "d", "id": "f"}, "name": "new"}
        assert request.headers == {"If-Match": '"{I},1"'}
        assert not request.repeatable

    def test_a_move_request_leaves_out_what_does_not_change(self):
        assert move_request(ref("i"), parent=None, name="new", if_match="*").json == {"name": "new"}
        assert move_request(ref("i"), parent=ref("f"), name=None, if_match="*").json == {
            "parentReference": {"driveId": "d", "id": "f"}
        }

    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    def test_a_moves_conflict_behaviour_is_in_the_query(self, behavior):
        request = move_request(ref("i"), parent=ref("f"), name=None, if_match="*", conflict_behavior=behavior)
        assert request.url == f"/drives/d/items/i?@microsoft.graph.conflictBehavior={behavior}"
        assert set(request.json) == {"parentReference"}

    def test_a_delete_carries_the_tag(self):
        assert delete_request(ref("i"), "tag").headers == {"If-Match": "tag"}
        assert delete_request(ref("i"), None).headers == {}


class TestChecks:
    @pytest.mark.parametrize("tag", ['"{GUID},3"', '"c:{GUID},3"', "aNEY2", "*", 'W/"x"', "a b"])
    def test_a_tag_is_accepted_as_it_is(self, tag):
        assert check_tag(tag) == tag

    @pytest.mark.parametrize("tag", ["", " ", None, 5, "a\nb", "a\r\nX: y", "é", "a ", " a", "\x00", '"x"\n'])
    def test_a_tag_that_cannot_be_a_header_is_refused(self, tag):
        with pytest.raises(DriveArgumentError, match="Invalid `if_match`"):
            check_tag(tag)


class TestNames:
    @pytest.mark.parametrize(
        ("taken", "free"),
        [
            ([], "plan.docx"),
            (["plan.docx"], "plan 1.docx"),
            (["plan.docx", "plan 1.docx"], "plan 2.docx"),
            (["plan.docx", "plan 2.docx"], "plan 1.docx"),
        ],
    )
    def test_a_free_name_has_the_lowest_number(self, taken, free):
        assert free_name("plan.docx", taken.__contains__) == free

    @pytest.mark.parametrize(
        ("name", "free"),
        [("Contracts", "Contracts 1"), (".env", ".env 1"), ("a.tar.gz", "a.tar 1.gz"), ("a.", "a 1.")],
    )
    def test_a_number_goes_before_the_extension_if_there_is_one(self, name, free):
        assert free_name(name, [name].__contains__) == free

    @pytest.mark.parametrize(
        "name", ["plan.docx", "plan 1.docx", "plan 12.docx", "plan1.docx", "plan (1).docx", "PLAN 1.DOCX"]
    )
    def test_the_name_of_a_renamed_copy_is_recognised(self, name):
        assert is_renamed(name, "plan.docx")

    @pytest.mark.parametrize(
        "name", ["plan.pdf", "plan x.docx", "plan 1.docx.zip", "other 1.docx", "xplan.docx", ""]
    )
    def test_another_name_is_not_taken_for_a_renamed_one(self, name):
        assert not is_renamed(name, "plan.docx")

    @given(st.text(min_size=1), st.integers(0, 5))
    def test_any_free_name_is_recognised_as_renamed(self, name, number):
        taken = []
        for _ in range(number):
            taken.append(free_name(name, taken.__contains__))
        free = free_name(name, taken.__contains__)
        assert free not in taken
        assert is_renamed(free, name)


KEYS = st.sampled_from(
    [
        *("id", "name", "parentReference", "driveId", "driveType", "size", "eTag", "cTag", "@odata.etag"),
        *("file", "folder", "package", "root", "hashes", "quickXorHash", "childCount", "createdDateTime"),
        "remoteItem",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["i", TODAY, "7"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=6),
    max_leaves=15,
)


@given(JSON, st.none() | st.just("d"))
def test_any_json_is_an_item_or_refused(value, drive_id):
    try:
        read = read_item(value, drive_id)
    except DriveError:
        return
    assert read.ref.item_id
    assert read.ref.drive_id
    assert json.dumps(read.raw)
    assert str(read)


@pytest.mark.parametrize("item_id", ["half \ud83d", "..", ".", "a\nb"])
def test_an_item_with_an_invalid_id_is_refused(item_id):
    with pytest.raises(DriveResponseError):
        read_item({"id": item_id}, "d")


@given(st.text())
def test_any_text_is_a_time_or_none(text):
    assert read_time(text) is None or isinstance(read_time(text), float)
    assert read_size(text) is None or read_size(text) >= 0
