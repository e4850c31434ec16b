"""Moving: within a drive by one PATCH, to another drive by copy, proof and delete."""

import pytest
from protocol.conversation import (
    HOSTS,
    MONITOR,
    NOW,
    TODAY,
    Clock,
    accepted,
    answer,
    converse,
    here,
    item,
    missing,
    page,
    personal,
    ref,
    refusal,
    wait,
    wrong_host,
)

from airflow_provider_drive.exceptions import (
    DriveArgumentError,
    DriveConnectionError,
    DriveCopyFailedError,
    DriveCopyUnknownError,
    DriveError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveLockedError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.move import MoveOrder, move_item
from airflow_provider_drive.protocol.timing import COPY_TIMEOUT
from airflow_provider_drive.protocol.wire.addresses import parse_address

GET, PATCH, DELETE = "GET /drives/d/items/i", "PATCH /drives/d/items/i", "DELETE /drives/d/items/i"
POST = "POST /drives/d/items/i/copy?@microsoft.graph.conflictBehavior=fail"
THERE = "GET /drives/e/items/n"
DONE = answer(200, {"status": "completed", "resourceId": "n"})


def at(address):
    return parse_address(address, HOSTS) if isinstance(address, str) else address


def move(source, destination, *answers, then=None, clock=None, deadline=NOW + COPY_TIMEOUT, **order):
    clock = clock or Clock()
    flow = move_item(
        MoveOrder(at(source), destination and at(destination), **order), wait(clock, deadline=deadline)
    )
    return converse(flow, *answers, then=then, clock=clock)


class TestWithinADrive:
    def test_a_move_is_one_get_and_one_patch(self):
        talk = move(ref("i"), ref("g"), here("i"), here("i", parent="g"))
        assert talk.lines == [GET, PATCH]
        assert talk.requests[1].json == {"parentReference": {"driveId": "d", "id": "g"}}
        assert talk.requests[1].headers == {"If-Match": '"{i},1"'}
        assert talk.result.parent_id == "g"

    def test_paths_of_item_and_destination_are_looked_up(self):
        talk = move(
            "me/drive/root:/a/plan.pdf",
            "me/drive/root:/b",
            here("i"),
            here("g", kind="folder"),
            here("i", parent="g"),
        )
        assert talk.lines == ["GET /me/drive/root:/a/plan.pdf:", "GET /me/drive/root:/b:", PATCH]

    def test_the_root_as_destination_is_sent_by_its_real_id(self):
        talk = move(ref("i"), "drives/d/root", here("i"), here("r", kind="root"), here("i", parent="r"))
        assert talk.requests[-1].json == {"parentReference": {"driveId": "d", "id": "r"}}

    def test_a_name_alone_is_a_rename(self):
        talk = move(ref("i"), None, here("i"), here("i", "new.pdf"), name="new.pdf")
        assert talk.requests[1].json == {"name": "new.pdf"}

    def test_an_item_that_is_there_already_is_left_alone(self):
        talk = move(ref("i"), ref("f"), here("i"), name="plan.pdf")
        assert talk.lines == [GET]
        assert talk.result.ref == ref("i")

    def test_missing_folders_of_the_destination_are_made(self):
        talk = move(
            ref("i"),
            "drives/d/root:/New",
            here("i"),
            missing(),
            here("r", kind="root"),
            answer(201, item("g", "New", "r", kind="folder")),
            here("i", parent="g"),
            create_destination=True,
        )
        assert talk.lines[-2:] == ["POST /drives/d/items/r/children", PATCH]

    def test_ids_of_personal_drives_that_differ_in_case_are_the_same_drive(self):
        talk = move(
            ref("i", "04f62"), ref("g", "4F62"), here("i", drive="04f62"), here("i", parent="g", drive="4F62")
        )
        assert talk.result.parent_id == "g"
        assert talk.lines[1] == "PATCH /drives/04f62/items/i"

    def test_if_match_and_conflict_behavior_are_sent(self):
        talk = move(
            ref("i"), ref("g"), here("i"), here("i", parent="g"), if_match="mine", conflict_behavior="rename"
        )
        assert talk.requests[1].headers == {"If-Match": "mine"}
        assert talk.lines[1].endswith("=rename")

    def test_a_missing_item_is_not_found(self):
        assert type(move(ref("i"), ref("g"), missing()).error) is DriveItemNotFoundError


class TestRefusals:
    @pytest.mark.parametrize(
        ("source", "destination", "order", "words"),
        [
            ("drives/d/items/i", None, {}, "nowhere to move to"),
            ("drives/d/items/i", None, {"name": "x", "create_destination": True}, "give a destination"),
            ("drives/d/root", "drives/d/items/g", {}, "root folder"),
            (
                "drives/d/items/i",
                "drives/d/items/g",
                {"conflict_behavior": "x"},
                "must be one of fail, replace, rename, got 'x'",
            ),
            ("drives/d/items/i", "drives/d/items/g", {"cross_drive": "yes"}, "one of fail, copy, got 'yes'"),
            ("drives/d/items/i", "drives/d/items/g", {"cross_drive": ["copy"]}, "Invalid `cross_drive`"),
            ("drives/d/items/i", None, {"name": "a/b"}, "slash"),
            ("drives/d/items/i", None, {"name": ""}, "not a valid item name"),
            ("drives/d/items/i", "drives/d/items/g", {"if_match": ""}, "Invalid `if_match`"),
            ("drives/d/items/i", "drives/d/items/g", {"if_match": "a\nb"}, "Invalid `if_match`"),
        ],
    )
    def test_parameters_that_make_no_sense_are_refused_before_anything_is_sent(
        self, source, destination, order, words
    ):
        talk = move(source, destination, **order)
        assert isinstance(talk.error, DriveArgumentError)
        assert words in str(talk.error)
        assert not talk.error.retryable
        assert not talk.requests

    def test_an_item_that_turns_out_to_be_a_root_folder_is_refused(self):
        talk = move(ref("i"), ref("g"), here("i", kind="root"))
        assert "is a root folder" in str(talk.error)
        assert talk.lines == [GET]

    def test_a_destination_in_another_drive_is_refused_by_default(self):
        talk = move(ref("i"), ref("g", "e"), here("i"))
        assert type(talk.error) is DriveArgumentError
        assert "cross_drive='copy'" in str(talk.error)
        assert "permissions, versions and metadata are lost" in str(talk.error)
        assert not talk.error.retryable
        assert talk.lines == [GET]


class TestAcrossDrives:
    """The order is what matters: the source goes last, and only if its copy is whole."""

    SOURCE = here("i")

    def copy(self, name="plan.pdf", **fields):
        return here("n", name, "g", "e", **fields)

    def move(self, *answers, **order):
        return move(ref("i"), ref("g", "e"), self.SOURCE, *answers, cross_drive="copy", **order)

    def test_an_item_is_copied_verified_and_only_then_deleted(self):
        talk = self.move(accepted(), DONE, self.copy(), answer(204))
        assert talk.lines == [GET, POST, f"GET {MONITOR}", THERE, DELETE]
        assert talk.requests[-1].headers == {"If-Match": '"{i},1"'}
        assert talk.result.ref == ref("n", "e")

    def test_a_new_name_is_given_to_the_copy(self):
        talk = self.move(accepted(), DONE, self.copy("new.pdf"), answer(204), name="new.pdf")
        assert talk.sent("POST").json["name"] == "new.pdf"
        assert talk.result.name == "new.pdf"

    @pytest.mark.parametrize(
        "answers",
        [
            [refusal(409, "nameAlreadyExists")],
            [refusal(400, "invalidRequest")],
            [accepted(), answer(200, {"status": "failed", "error": {"code": "accessDenied"}})],
            [accepted("https://evil.com/m"), wrong_host()],
            [accepted(), DONE, here("n", "plan.pdf", "x", "e")],
            [accepted(), DONE, here("n", "x.pdf", "g", "e")],
            [accepted(), DONE, here("n", "plan.pdf", "g", "e", kind="folder")],
        ],
    )
    def test_a_copy_that_is_not_what_was_asked_for_keeps_the_source(self, answers):
        talk = self.move(*answers)
        assert talk.error
        assert DELETE not in talk.lines

    def test_a_copy_that_does_not_appear_keeps_the_source(self):
        talk = self.move(accepted(), DONE, then=missing())
        assert type(talk.error) is DriveCopyUnknownError
        assert DELETE not in talk.lines
        talk = self.move(refusal(504), then=missing())
        assert isinstance(talk.error, DriveError)
        assert DELETE not in talk.lines

    @pytest.mark.parametrize("fields", [{"size": 8}, {"file": {"hashes": {"quickXorHash": "other="}}}])
    def test_a_copy_that_stays_different_keeps_the_source(self, fields):
        clock = Clock()
        talk = self.move(accepted(), DONE, then=self.copy(**fields), clock=clock)
        assert type(talk.error) is DriveCopyFailedError
        assert talk.error.code == "notWhole"
        assert "The original was kept." in str(talk.error)
        assert DELETE not in talk.lines
        assert clock.now <= NOW + 130

    def test_a_copy_that_ends_at_the_deadline_still_gets_its_time_to_be_whole(self):
        half, clock = self.copy(size=3), Clock()
        talk = self.move(accepted(), DONE, half, half, self.copy(), answer(204), clock=clock, deadline=NOW)
        assert talk.lines[-1] == DELETE
        assert clock.now > NOW

    def test_a_copy_that_does_not_say_what_it_is_keeps_the_source(self):
        told = {
            key: value
            for key, value in item("n", parent="g", drive="e").items()
            if key not in {"file", "size"}
        }
        talk = self.move(accepted(), DONE, then=answer(200, told))
        assert type(talk.error) is DriveCopyFailedError
        assert talk.error.code == "notWhole"
        assert DELETE not in talk.lines

    def test_a_copy_may_take_its_time_to_be_whole(self):
        half = self.copy(size=3)
        talk = self.move(accepted(), DONE, half, half, self.copy(), answer(204))
        assert talk.lines[-3:] == [THERE, THERE, DELETE]

    def test_size_and_hash_that_graph_leaves_out_are_not_compared(self):
        source = here("i", file={}, size=None)
        answers = [accepted(), DONE, self.copy(), answer(204)]
        assert move(ref("i"), ref("g", "e"), source, *answers, cross_drive="copy").lines[-1] == DELETE
        assert self.move(accepted(), DONE, self.copy(file={}, size=None), answer(204)).lines[-1] == DELETE

    @pytest.mark.parametrize(("grown", "is_deleted"), [(11_264, True), (12_289, False)])
    def test_a_file_that_the_service_rewrites_may_grow_as_much_as_was_seen(self, grown, is_deleted):
        source = here("i", "plan.docx", size=50_000, lastModifiedDateTime=TODAY)
        made = self.copy("plan.docx", size=50_000 + grown, lastModifiedDateTime=TODAY)
        deleted = answer(204)
        talk = move(
            ref("i"),
            ref("g", "e"),
            source,
            accepted(),
            DONE,
            cross_drive="copy",
            then=lambda request: deleted if request.method == "DELETE" else made,
        )
        assert (talk.lines[-1] == DELETE) is is_deleted

    def test_files_on_personal_drives_are_always_compared_by_size(self):
        made = answer(200, personal(item("n", "plan.docx", "g", "e", size=99)))
        talk = move(
            ref("i"), ref("g", "e"), here("i", "plan.docx"), accepted(), DONE, then=made, cross_drive="copy"
        )
        assert type(talk.error) is DriveCopyFailedError

    SOURCE_BELOW, COPY_BELOW = "GET /drives/d/items/i/children", "GET /drives/e/items/n/children"

    def move_folder(self, *answers, kind="folder", then=None):
        source, made = here("i", "C", kind=kind), here("n", "C", "g", "e", kind=kind)
        rest = [made if each == "made" else each for each in answers]
        to = ref("g", "e")
        before = answers[0]
        return move(
            ref("i"), to, source, before, accepted(), DONE, made, *rest, cross_drive="copy", then=then
        )

    @pytest.mark.parametrize("kind", ["folder", "package"])
    def test_a_container_is_verified_by_all_below_it_and_listed_again_before_it_is_deleted(self, kind):
        there, half = page(item("a", "a"), item("b", "b")), page(item("a", "a", drive="e"))
        whole = page(item("a", "a", drive="e"), item("b", "b", drive="e"))
        talk = self.move_folder(there, half, "made", whole, there, answer(204), kind=kind)
        assert talk.result.ref == ref("n", "e")
        assert [line.partition("?")[0] for line in talk.lines[5:]] == [
            *(self.SOURCE_BELOW, self.COPY_BELOW, THERE, self.COPY_BELOW, self.SOURCE_BELOW, DELETE)
        ]

    @pytest.mark.parametrize(
        "change",
        [
            page(item("a", "a", eTag="edited"), item("b", "b")),
            page(item("a", "a"), item("b", "b"), item("c", "added")),
            page(item("a", "a")),
        ],
        ids=["edited", "added", "removed"],
    )
    @pytest.mark.parametrize("kind", ["folder", "package"])
    def test_a_container_that_changes_while_it_is_verified_is_kept(self, kind, change):
        there = page(item("a", "a"), item("b", "b"))
        whole = page(item("a", "a", drive="e"), item("b", "b", drive="e"))
        talk = self.move_folder(there, whole, change, kind=kind)
        assert type(talk.error) is DriveItemChangedError
        assert "Something below it was changed while it was copied." in str(talk.error)
        assert "the original was kept" in str(talk.error)
        assert DELETE not in talk.lines

    def test_a_container_is_verified_again_before_a_deletion_that_was_put_off_is_sent_again(self):
        there, added = page(item("a", "a")), page(item("a", "a"), item("b", "added"))
        whole = page(item("a", "a", drive="e"))
        put_off = (there, whole, there, refusal(429), here("i", "C", kind="folder"))
        talk = self.move_folder(*put_off, there, whole, there, answer(204))
        assert talk.result.ref == ref("n", "e")
        below = {"/drives/e/items/n/children": whole, "/drives/d/items/i/children": added}
        made = here("n", "C", "g", "e", kind="folder")
        talk = self.move_folder(*put_off, then=lambda request: below.get(request.url.partition("?")[0], made))
        assert "1 of 2 items are missing ('added'). The original was kept." in str(talk.error)
        assert talk.lines.count(DELETE) == 1

    def test_a_folder_that_stays_incomplete_is_kept_and_the_error_says_what_is_missing(self):
        there = page(item("a", "a"), item("b", "b"))
        made = here("n", "C", "g", "e", kind="folder")
        talk = self.move_folder(
            there, then=lambda request: page(item("a", "a")) if "children" in request.url else made
        )
        assert type(talk.error) is DriveCopyFailedError
        assert "1 of 2 items are missing ('b'). The original was kept." in str(talk.error)
        assert DELETE not in talk.lines

    def test_names_that_fold_together_in_a_folder_are_not_counted_twice(self):
        twins = page(item("a", "Straße.txt"), item("b", "Strasse.txt"))
        made = here("n", "C", "g", "e", kind="folder")
        one = page(item("a", "Strasse.txt", drive="e"))
        talk = self.move_folder(twins, then=lambda request: one if "children" in request.url else made)
        assert "1 of 2 items are missing ('Straße.txt')" in str(talk.error)
        assert DELETE not in talk.lines

    def test_an_original_that_is_gone_when_it_is_to_be_deleted_is_told_as_gone(self):
        talk = self.move(accepted(), DONE, self.copy(), missing())
        assert talk.result.ref == ref("n", "e")
        assert "was gone already when it was to be deleted" in talk.notes[-1]

    def test_an_original_whose_copy_goes_while_it_is_verified_is_kept(self):
        talk = self.move(accepted(), DONE, self.copy(size=3), missing())
        assert type(talk.error) is DriveCopyFailedError
        assert "one of them is gone" in str(talk.error)
        assert DELETE not in talk.lines

    def test_an_original_of_another_kind_than_its_copy_is_kept(self):
        item_of_no_kind = answer(200, {"id": "i", "name": "plan.pdf", "parentReference": {"driveId": "d"}})
        made = self.copy(kind="folder")
        to = ref("g", "e")
        talk = move(ref("i"), to, item_of_no_kind, accepted(), DONE, then=made, cross_drive="copy")
        assert "they are not of one kind" in str(talk.error)
        assert DELETE not in talk.lines

    def test_a_shortcut_is_not_copied_to_another_drive(self):
        remote = {"id": "r", "parentReference": {"driveId": "x"}}
        talk = move(ref("i"), ref("g", "e"), here("i", remoteItem=remote), cross_drive="copy")
        assert "is a shortcut to an item of another drive" in str(talk.error)
        assert talk.lines == [GET]

    def test_a_source_that_changed_meanwhile_is_kept_and_so_is_its_copy(self):
        changed = here("i", cTag="other")
        talk = self.move(accepted(), DONE, self.copy(), refusal(412), changed)
        assert type(talk.error) is DriveItemChangedError
        assert "The copy was made" in str(talk.error)
        assert "the original was kept" in str(talk.error)

    def test_a_source_whose_etag_moved_by_itself_is_deleted(self):
        talk = self.move(accepted(), DONE, self.copy(), refusal(412), here("i", eTag="two"), answer(204))
        assert talk.requests[-1].headers == {"If-Match": "two"}
        assert talk.result.ref == ref("n", "e")

    def test_a_source_that_cannot_be_deleted_is_an_error(self):
        assert type(self.move(accepted(), DONE, self.copy(), refusal(423)).error) is DriveLockedError

    def test_a_lost_answer_to_the_delete_is_asked_for_again(self):
        talk = self.move(accepted(), DONE, self.copy(), DriveConnectionError("cut off"), missing(), missing())
        assert talk.result.ref == ref("n", "e")

    def test_a_tag_that_does_not_match_is_refused_before_anything_is_copied(self):
        talk = self.move(if_match="other")
        assert type(talk.error) is DriveItemChangedError
        assert not talk.error.retryable
        assert talk.lines == [GET]

    @pytest.mark.parametrize("tag", ['"{i},1"', '"c:{i},1"', "*"])
    def test_a_tag_that_matches_guards_the_delete(self, tag):
        talk = self.move(accepted(), DONE, self.copy(), answer(204), if_match=tag)
        assert talk.requests[-1].headers == {"If-Match": tag}

    def test_a_name_conflict_of_the_copy_keeps_the_source(self):
        failed = {"status": "failed", "error": {"code": "nameAlreadyExists"}}
        talk = self.move(accepted(), answer(200, failed))
        assert isinstance(talk.error, DriveNameConflictError)
        assert DELETE not in talk.lines


def test_an_original_is_never_deleted_unverified():
    order = MoveOrder(ref("i"), ref("f", "e"), cross_drive="copy", verify=False)
    with pytest.raises(DriveArgumentError, match="only if its copy was verified"):
        order.check()
    MoveOrder(ref("i"), ref("f"), verify=False).check()
