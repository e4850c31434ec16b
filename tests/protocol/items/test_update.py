"""Changing an item where it is: a guarded PATCH, and what is done when it does not go smoothly."""

import re

import pytest
from protocol.conversation import (
    MONITOR,
    NOW,
    Clock,
    answer,
    converse,
    here,
    item,
    missing,
    page,
    recorded_answer,
    ref,
    refusal,
    wait,
    wrong_host,
)

from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveConnectionError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveLockedError,
    DriveNameConflictError,
    DriveRequestError,
    DriveResponseError,
    DriveServiceError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.items.deletion import delete_item, delete_unchanged
from airflow_provider_drive.protocol.items.update import Location, update_item
from airflow_provider_drive.protocol.wire.items import read_item

OLD = item("i", "plan.pdf", "f")
MOVED = item("i", "plan.pdf", "g", eTag='"{i},2"')
TO_G = Location(ref("g"), None)
GET, PATCH, DELETE = "GET /drives/d/items/i", "PATCH /drives/d/items/i", "DELETE /drives/d/items/i"
CONFLICT = refusal(409, "nameAlreadyExists")
CHANGED = refusal(412, "preconditionFailed")
DISPLACED = {"displaced by i": {"driveId": "d", "id": "x", "name": "~0123456789ab.pdf"}}


def lost():
    return DriveConnectionError("cut off")


def update(place, *answers, before=OLD, then=None, clock=None, **options):
    clock = clock or Clock()
    flow = update_item(read_item(before), place, wait=wait(clock), **options)
    return converse(flow, *answers, then=then, clock=clock)


def tags(talk):
    return [request.headers["If-Match"] for request in talk.requests if request.method == "PATCH"]


class TestMoving:
    def test_a_move_is_one_patch_guarded_by_the_etag_that_was_read(self):
        talk = update(TO_G, answer(200, MOVED))
        assert talk.lines == [PATCH]
        assert talk.requests[0].json == {"parentReference": {"driveId": "d", "id": "g"}}
        assert tags(talk) == ['"{i},1"']
        assert talk.result.parent_id == "g"

    @pytest.mark.parametrize(
        ("place", "body"),
        [
            (Location(None, "new.pdf"), {"name": "new.pdf"}),
            (
                Location(ref("g"), "new.pdf"),
                {"parentReference": {"driveId": "d", "id": "g"}, "name": "new.pdf"},
            ),
        ],
    )
    def test_a_patch_holds_the_new_name_and_the_folder_if_it_changes(self, place, body):
        moved = item("i", "new.pdf", body.get("parentReference", {"id": "f"})["id"])
        assert update(place, answer(200, moved)).requests[0].json == body

    def test_a_recorded_answer_is_read(self):
        moved = recorded_answer("pnp-patch-rename-file-200")
        drive = "b!QJ4v-RAR70OqDggi4T-3uoakmSzJ1ktKjW-p-qNkySzw-nOsY6jmQaVlbJ9wXy2E"
        before = item(
            "01O2ADSGK63NOUYQVDZZCLXLIOY5CDFDVZ", "old.docx", "01O2ADSGN6Y2GOVW7725BZO354PWSELRRZ", drive
        )
        assert update(Location(None, "rename.docx"), moved, before=before).result.name == "rename.docx"

    @pytest.mark.parametrize(
        "place", [Location(ref("f"), None), Location(None, "plan.pdf"), Location(ref("f"), "plan.pdf")]
    )
    def test_an_item_that_is_there_already_is_left_alone(self, place):
        talk = update(place)
        assert talk.result.ref == ref("i")
        assert not talk.requests

    def test_the_case_of_a_name_may_be_changed(self):
        assert update(Location(None, "Plan.pdf"), here("i", "Plan.pdf")).result.name == "Plan.pdf"

    def test_if_match_guards_the_patch_instead_of_the_etag(self):
        assert tags(update(TO_G, answer(200, MOVED), if_match='"c:{i},1"')) == ['"c:{i},1"']
        assert tags(update(TO_G, answer(200, MOVED), if_match="*")) == ["*"]

    @pytest.mark.parametrize(("leave_out", "guard"), [(("eTag",), '"c:{i},1"'), (("eTag", "cTag"), "*")])
    def test_without_an_etag_the_ctag_or_any_tag_guards_the_patch(self, leave_out, guard):
        before = {key: OLD[key] for key in OLD if key not in leave_out}
        assert tags(update(TO_G, answer(200, MOVED), before=before)) == [guard]

    @pytest.mark.parametrize("body", [None, b"<html>", {"id": "i", "name": "plan.pdf"}, {"id": "i"}])
    def test_after_an_answer_that_leaves_out_the_place_the_item_is_read(self, body):
        talk = update(TO_G, answer(200, body), answer(200, MOVED))
        assert talk.lines == [PATCH, GET]
        assert talk.result.parent_id == "g"

    def test_a_move_that_had_no_effect_is_an_error(self):
        """Seen: 200, and the item stays where it was."""
        talk = update(TO_G, answer(200, OLD), answer(200, OLD), answer(200, OLD))
        assert type(talk.error) is DriveResponseError
        assert "the item is 'plan.pdf' (id i)" in str(talk.error)
        assert talk.lines.count(PATCH) == 1

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, DriveRequestError),
            (403, DriveAccessDeniedError),
            (423, DriveLockedError),
            (409, DriveRequestError),
        ],
    )
    def test_a_refusal_of_the_patch_is_raised(self, status, kind):
        talk = update(TO_G, refusal(status), answer(200, OLD))
        assert type(talk.error) is kind
        assert talk.error.retryable is (status != 400)
        assert "Part of it" not in str(talk.error)

    def test_a_patch_that_was_done_in_part_is_an_error_that_says_so(self):
        """Seen: the name was changed, the parent refused."""
        place = Location(ref("g"), "new.pdf")
        talk = update(place, refusal(400), here("i", "new.pdf"))
        assert "Part of it was done: the item is 'new.pdf' (id i) now." in str(talk.error)

    def test_a_move_whose_item_is_gone_is_not_found(self):
        assert type(update(TO_G, missing(), missing()).error) is DriveItemNotFoundError

    def test_a_throttled_patch_is_sent_again(self):
        talk = update(TO_G, refusal(429, retry_after="3"), answer(200, MOVED))
        assert talk.lines == [PATCH, PATCH]
        assert type(update(TO_G, refusal(429, retry_after="9999")).error) is DriveThrottledError


class TestDrift:
    """An eTag moves by itself; a tag of the user's does not."""

    def drifted(self, number, **fields):
        return answer(200, {**OLD, "eTag": f'"{{i}},{number}"', **fields})

    @pytest.mark.parametrize(
        "changed",
        [CHANGED, refusal(409, "resourceModified"), recorded_answer("iss-412-preconditionFailed-personal")],
    )
    def test_a_patch_is_repeated_with_an_etag_that_changed_by_itself(self, changed):
        talk = update(TO_G, changed, self.drifted(2), answer(200, MOVED))
        assert talk.lines == [PATCH, GET, PATCH]
        assert tags(talk) == ['"{i},1"', '"{i},2"']

    def test_a_changing_etag_is_read_again_three_times_at_most(self):
        drifts = [answer for number in (2, 3, 4) for answer in (CHANGED, self.drifted(number))]
        assert update(TO_G, *drifts, answer(200, MOVED)).result.parent_id == "g"
        talk = update(TO_G, *drifts, CHANGED, self.drifted(5))
        assert type(talk.error) is DriveItemChangedError
        assert talk.error.retryable
        assert len(tags(talk)) == 4

    @pytest.mark.parametrize(
        "fields", [{"cTag": "other"}, {"name": "other.pdf"}, {"parentReference": {"driveId": "d", "id": "x"}}]
    )
    def test_an_item_that_was_changed_meanwhile_is_left_alone(self, fields):
        talk = update(TO_G, CHANGED, self.drifted(2, **fields))
        assert type(talk.error) is DriveItemChangedError
        assert talk.error.retryable
        assert talk.lines == [PATCH, GET]

    def test_an_if_match_that_does_not_match_is_final(self):
        talk = update(TO_G, CHANGED, self.drifted(2), if_match='"{i},1"')
        assert type(talk.error) is DriveItemChangedError
        assert not talk.error.retryable
        assert talk.lines.count(PATCH) == 1

    def test_an_item_that_was_moved_there_meanwhile_counts_as_moved(self):
        assert update(TO_G, CHANGED, answer(200, MOVED), if_match='"{i},1"').result.parent_id == "g"


class TestLostAnswers:
    @pytest.mark.parametrize(
        "loss", [lost(), refusal(500), refusal(502), refusal(503), refusal(504)], ids=str
    )
    def test_a_move_whose_answer_was_lost_may_have_been_made(self, loss):
        talk = update(TO_G, loss, answer(200, MOVED))
        assert talk.lines == [PATCH, GET]
        assert talk.result.parent_id == "g"

    @pytest.mark.parametrize("loss", [lost(), refusal(504)], ids=str)
    def test_a_move_whose_answer_was_lost_and_that_had_no_effect_is_sent_again(self, loss):
        talk = update(TO_G, loss, answer(200, OLD), answer(200, MOVED))
        assert talk.lines == [PATCH, GET, PATCH]
        assert talk.waited > 0

    def test_a_move_whose_answers_are_lost_is_sent_again_three_times_at_most(self):
        talk = update(
            TO_G, *[lost() if even else answer(200, OLD) for _ in range(4) for even in (True, False)]
        )
        assert type(talk.error) is DriveConnectionError
        assert talk.lines.count(PATCH) == 4
        talk = update(TO_G, *[refusal(500), answer(200, OLD)] * 4)
        assert type(talk.error) is DriveServiceError

    def test_a_patch_that_was_not_sent_is_an_error_after_five_tries(self):
        unsent = [DriveConnectionError("no route", sent=False) for _ in range(5)]
        talk = update(TO_G, *unsent)
        assert talk.error is unsent[-1]
        assert talk.lines == [PATCH] * 5


class TestLater:
    """Graph may answer 202 and move afterwards."""

    def test_the_monitor_of_an_asynchronous_move_is_polled(self):
        done = answer(200, {"status": "completed", "resourceId": "i"})
        talk = update(TO_G, answer(202, location=MONITOR), done, answer(200, MOVED))
        assert talk.lines == [PATCH, f"GET {MONITOR}", GET]
        assert talk.kinds == ["graph", "monitor", "graph"]
        assert talk.result.parent_id == "g"

    def test_an_asynchronous_move_may_give_the_item_a_new_id(self):
        done = answer(200, {"status": "completed", "resourceId": "n"})
        talk = update(TO_G, answer(202, location=MONITOR), done, missing(), here("n", parent="g"))
        assert talk.result.ref == ref("n")

    def test_an_asynchronous_move_may_give_the_item_a_new_id_and_name(self):
        done = answer(200, {"status": "completed", "resourceId": "n"})
        renamed = answer(200, item("n", "plan 1.pdf", "g"))
        talk = update(TO_G, answer(202, location=MONITOR), done, renamed, conflict_behavior="rename")
        assert (talk.result.ref, talk.result.name) == (ref("n"), "plan 1.pdf")

    def test_an_asynchronous_move_that_failed_is_an_error(self):
        failed = answer(200, {"status": "failed", "error": {"code": "accessDenied", "message": "No."}})
        talk = update(TO_G, answer(202, location=MONITOR), failed, answer(200, OLD))
        assert type(talk.error) is DriveResponseError
        assert "accessDenied: No." in str(talk.error)

    def test_a_name_conflict_of_an_asynchronous_move_is_handled_like_any_other(self):
        conflict = answer(200, {"status": "failed", "error": {"code": "nameAlreadyExists"}})
        later = answer(202, location=MONITOR)
        talk = update(TO_G, later, conflict, answer(200, OLD))
        assert type(talk.error) is DriveNameConflictError
        children, renamed = page(item("x", "plan.pdf", "g")), here("i", "plan 1.pdf", "g")
        talk = update(TO_G, later, conflict, answer(200, OLD), children, renamed, conflict_behavior="rename")
        assert talk.result.name == "plan 1.pdf"

    def test_an_asynchronous_move_without_a_monitor_is_seen_by_reading_the_item(self):
        talk = update(TO_G, answer(202), answer(200, OLD), missing(), answer(200, MOVED))
        assert talk.lines == [PATCH, GET, GET, GET]
        assert talk.result.parent_id == "g"

    @pytest.mark.parametrize("last", [answer(200, OLD), missing()])
    def test_an_asynchronous_move_that_does_not_happen_is_an_error(self, last):
        talk = update(TO_G, answer(202), then=last)
        assert isinstance(talk.error, DriveResponseError | DriveItemNotFoundError)
        assert len(talk.requests) <= 12
        assert talk.lines.count(PATCH) == 1

    def test_after_an_unknown_monitor_the_item_shows_whether_it_was_moved(self):
        talk = update(TO_G, answer(202, location=MONITOR), missing(), missing(), answer(200, MOVED))
        assert talk.result.parent_id == "g"

    def test_the_drivers_refusal_of_a_monitors_host_is_raised(self):
        refused = wrong_host()
        talk = update(TO_G, answer(202, location="https://evil.com/m?tempauth=secret"), refused)
        assert talk.error is refused
        assert talk.kinds == ["graph", "monitor"]

    def test_an_asynchronous_move_is_waited_for_within_an_hour(self):
        clock = Clock()
        running = answer(202, {"status": "inProgress"})
        talk = update(
            TO_G, answer(202, location=MONITOR), *[running] * 50, then=answer(200, MOVED), clock=clock
        )
        assert talk.result.parent_id == "g"
        assert clock.now < NOW + 3_600


class TestConflicts:
    def test_by_default_a_name_that_is_taken_is_a_conflict(self):
        talk = update(TO_G, CONFLICT, answer(200, OLD))
        assert type(talk.error) is DriveNameConflictError
        assert talk.requests[0].url == "/drives/d/items/i"

    def test_a_recorded_conflict_is_raised(self):
        talk = update(TO_G, recorded_answer("iss-patch-409-nameAlreadyExists"), answer(200, OLD))
        assert type(talk.error) is DriveNameConflictError

    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    def test_a_conflict_behaviour_is_first_left_to_the_service(self, behavior):
        talk = update(TO_G, answer(200, MOVED), conflict_behavior=behavior)
        assert talk.lines == [f"{PATCH}?@microsoft.graph.conflictBehavior={behavior}"]

    def test_a_free_name_is_found_if_the_service_finds_none(self):
        taken = page(item("x", "Plan.pdf", "g"), item("y", "plan 1.pdf", "g"))
        moved = here("i", "plan 2.pdf", "g")
        talk = update(TO_G, CONFLICT, answer(200, OLD), taken, moved, conflict_behavior="rename")
        assert talk.lines[2] == "GET /drives/d/items/g/children"
        assert talk.requests[-1].json == {
            "parentReference": {"driveId": "d", "id": "g"},
            "name": "plan 2.pdf",
        }
        assert talk.result.name == "plan 2.pdf"

    def test_a_free_name_that_is_taken_meanwhile_is_chosen_again(self):
        first = page(item("x", "plan.pdf", "g"))
        second = page(item("x", "plan.pdf", "g"), item("y", "plan 1.pdf", "g"))
        again = (CONFLICT, answer(200, OLD))
        moved = here("i", "plan 2.pdf", "g")
        talk = update(TO_G, *again, first, *again, second, moved, then=moved, conflict_behavior="rename")
        assert talk.requests[6].json["name"] == "plan 2.pdf"

    def test_five_free_names_are_tried_at_most(self):
        rounds = [CONFLICT, answer(200, OLD), page()] * 5
        talk = update(TO_G, *rounds, CONFLICT, answer(200, OLD), conflict_behavior="rename")
        assert type(talk.error) is DriveNameConflictError

    def test_a_rename_in_place_finds_a_free_name_too(self):
        place = Location(None, "new.pdf")
        talk = update(
            place,
            CONFLICT,
            answer(200, OLD),
            page(item("x", "new.pdf")),
            here("i", "new 1.pdf"),
            conflict_behavior="rename",
        )
        assert talk.lines[2] == "GET /drives/d/items/f/children"
        assert talk.result.name == "new 1.pdf"

    def test_a_folder_that_has_the_name_is_kept_whatever_is_asked_for(self):
        talk = update(
            TO_G,
            CONFLICT,
            answer(200, OLD),
            here("x", parent="g", kind="package"),
            conflict_behavior="replace",
        )
        assert type(talk.error) is DriveNameConflictError
        assert "DELETE" not in "".join(talk.lines)

    def test_a_folder_that_has_the_name_is_kept(self):
        talk = update(
            TO_G,
            CONFLICT,
            answer(200, OLD),
            here("x", parent="g", kind="folder"),
            conflict_behavior="replace",
        )
        assert type(talk.error) is DriveNameConflictError
        assert "DELETE" not in "".join(talk.lines)

    def test_a_name_that_came_free_meanwhile_is_taken(self):
        talk = update(
            TO_G, CONFLICT, answer(200, OLD), missing(), answer(200, MOVED), conflict_behavior="replace"
        )
        assert talk.result.parent_id == "g"

    def test_an_item_does_not_remove_itself(self):
        answers = [CONFLICT, answer(200, OLD), answer(200, OLD)] * 5
        talk = update(TO_G, *answers, CONFLICT, answer(200, OLD), conflict_behavior="replace")
        assert type(talk.error) is DriveNameConflictError
        assert "DELETE" not in "".join(talk.lines)


class TestReplacing:
    """Where the service does not replace by itself, the old file makes way, and is deleted last."""

    QUERY = "?@microsoft.graph.conflictBehavior=replace"
    TAKEN = item("x", "plan.pdf", "g")

    def replace(self, *answers, saved=None, before=OLD, then=None):
        flow = update_item(read_item(before), TO_G, conflict_behavior="replace", wait=wait(Clock()))
        return converse(flow, *answers, then=then, saved=saved, durable=True)

    def renamed(self, talk=None, name="~0123456789ab.pdf", **fields):
        return item("x", name, "g", eTag='"{x},2"', **fields)

    def follow(self, *answers):
        """Answer in order; the answer ``own`` is the old file under the name that it was last given."""
        rest, names = list(answers), {}

        def serve(request):
            item_id = "y" if request.url.partition("?")[0].endswith("/items/y") else "x"
            if request.method == "PATCH" and request.url.partition("?")[0].endswith(f"/items/{item_id}"):
                names.setdefault(item_id, request.json["name"])
            said = rest.pop(0)
            if said == "own":
                said = answer(200, {**self.renamed(name=names[item_id]), "id": item_id})
            return said

        talk = self.replace(then=serve)
        assert not rest
        return talk

    def test_the_old_file_is_renamed_and_deleted_when_the_item_has_its_name(self):
        answers = [CONFLICT, answer(200, OLD), answer(200, self.TAKEN), "own"]
        talk = self.follow(*answers, answer(200, MOVED), answer(204))
        assert talk.lines == [
            PATCH + self.QUERY,
            GET,
            "GET /drives/d/items/g:/plan.pdf:",
            "PATCH /drives/d/items/x",
            PATCH + self.QUERY,
            "DELETE /drives/d/items/x",
        ]
        own = talk.requests[3].json["name"]
        assert re.fullmatch(r"~[0-9a-f]{12}\.pdf", own)
        assert talk.requests[3].headers == {"If-Match": '"{x},1"'}
        assert talk.requests[5].headers == {"If-Match": '"{x},2"'}
        saved = {"driveId": "d", "id": "x", "name": own}
        assert talk.checkpoints == [("displaced by i", saved, 3), ("displaced by i", None, 6)]

    def test_the_old_file_gets_its_name_back_if_the_item_was_changed(self):
        changed = answer(200, {**OLD, "cTag": "other", "eTag": "other"})
        answers = [CONFLICT, answer(200, OLD), answer(200, self.TAKEN), "own", CHANGED, changed, "own"]
        talk = self.follow(*answers, answer(200, self.TAKEN))
        assert type(talk.error) is DriveItemChangedError
        assert "make way" not in str(talk.error)
        assert talk.requests[-1].json == {"name": "plan.pdf"}
        assert "DELETE" not in "".join(talk.lines)
        assert talk.checkpoints[-1][:2] == ("displaced by i", None)

    def test_an_old_file_that_does_not_get_its_name_back_is_told_with_the_name_that_it_has(self):
        answers = [CONFLICT, answer(200, OLD), answer(200, self.TAKEN), "own", refusal(423), answer(200, OLD)]
        talk = self.follow(*answers, "own", refusal(423), "own")
        assert type(talk.error) is DriveLockedError
        own = talk.requests[3].json["name"]
        assert f"made way, and did not get it back: look for {own!r} (drives/d/items/x)" in str(talk.error)
        assert talk.checkpoints[-1][1]["name"] == own

    @pytest.mark.parametrize("name", [None, "renamed by a person.pdf"])
    def test_an_old_file_that_a_person_has_moved_on_is_left_to_them(self, name):
        there = missing() if name is None else answer(200, self.renamed(name=name))
        answers = [CONFLICT, answer(200, OLD), answer(200, self.TAKEN), "own", refusal(423), answer(200, OLD)]
        talk = self.follow(*answers, there)
        assert type(talk.error) is DriveLockedError
        assert "make way" not in str(talk.error)
        assert talk.checkpoints[-1][1] is None

    def test_an_old_file_that_was_changed_meanwhile_is_kept(self):
        edited = answer(200, {**self.renamed(), "cTag": "other"})
        answers = [CONFLICT, answer(200, OLD), answer(200, self.TAKEN), "own", answer(200, MOVED)]
        talk = self.follow(*answers, CHANGED, edited)
        assert talk.result.parent_id == "g"
        assert "stays behind" in talk.notes[-1]
        assert talk.checkpoints[-1][1] is not None

    def second(self, *answers):
        """Follow a change while a second file takes the name, and makes way as well."""
        before = [CONFLICT, answer(200, OLD), answer(200, self.TAKEN), "own"]
        second = answer(200, item("y", "plan.pdf", "g"))
        return self.follow(*before, CONFLICT, answer(200, OLD), second, "own", *answers)

    def test_a_second_file_that_takes_the_name_is_replaced_as_well(self):
        talk = self.second(answer(200, MOVED), answer(204), answer(204))
        assert talk.result.parent_id == "g"
        assert talk.lines[-2:] == ["DELETE /drives/d/items/x", "DELETE /drives/d/items/y"]

    def test_a_failure_names_each_file_that_is_left_without_its_name(self):
        talk = self.second(refusal(423), answer(200, OLD), missing())
        assert type(talk.error) is DriveLockedError
        assert "made way, and are left: " in str(talk.error)
        assert "(id x)" in str(talk.error)

    def test_a_path_that_lags_behind_makes_no_second_file(self):
        answers = [CONFLICT, answer(200, OLD), answer(200, self.TAKEN), "own"]
        again = [CONFLICT, answer(200, OLD), "own", answer(200, MOVED), answer(204)]
        assert self.follow(*answers, *again).result.parent_id == "g"

    def test_a_retry_deletes_the_file_that_an_earlier_try_has_replaced(self):
        talk = self.replace(answer(200, self.renamed()), answer(204), saved=DISPLACED, before=MOVED)
        assert talk.lines == ["GET /drives/d/items/x", "DELETE /drives/d/items/x"]

    @pytest.mark.parametrize("name", ["plan.pdf", "renamed by a person.pdf"])
    def test_a_retry_deletes_only_what_has_the_temporary_name(self, name):
        talk = self.replace(answer(200, self.renamed(name=name)), saved=DISPLACED, before=MOVED)
        assert talk.lines == ["GET /drives/d/items/x"]

    def test_a_retry_finds_nothing_to_delete_if_the_old_file_is_gone(self):
        assert self.replace(missing(), saved=DISPLACED, before=MOVED).result.parent_id == "g"


class TestDeleting:
    def delete(self, *answers, if_match="tag", **options):
        return converse(delete_item(ref("i"), if_match), *answers, **options)

    def test_a_deletion_is_one_delete(self):
        talk = self.delete(answer(204))
        assert talk.lines == [DELETE]
        assert talk.requests[0].headers == {"If-Match": "tag"}
        assert self.delete(recorded_answer("gnome-delete-204"), if_match=None).requests[0].headers == {}

    def test_a_page_in_answer_to_a_deletion_is_an_error(self):
        talk = self.delete(answer(200, b"<html>Sign in</html>"), answer(204))
        assert (talk.failure, talk.lines) == (None, [DELETE] * 2)

    def test_an_item_that_is_gone_already_is_not_called_deleted(self):
        assert self.delete(answer(204)).result is True
        assert self.delete(missing()).result is False
        talk = self.delete(lost(), refusal(504), missing())
        assert talk.result is False
        assert talk.lines == [DELETE] * 3

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(412, DriveItemChangedError), (423, DriveLockedError), (403, DriveAccessDeniedError)],
    )
    def test_a_refusal_of_the_deletion_is_raised(self, status, kind):
        talk = self.delete(refusal(status))
        assert type(talk.error) is kind
        assert "delete drives/d/items/i" in str(talk.error)

    def unchanged(self, *answers, if_match=None):
        return converse(delete_unchanged(read_item(OLD), if_match), *answers)

    def test_an_unchanged_item_is_deleted_by_its_etag(self):
        talk = self.unchanged(answer(204))
        assert talk.failure is None
        assert talk.requests[0].headers == {"If-Match": '"{i},1"'}

    def test_a_deletion_is_repeated_with_an_etag_that_changed_by_itself(self):
        drifted = answer(200, {**OLD, "eTag": "two"})
        talk = self.unchanged(CHANGED, drifted, answer(204))
        assert talk.failure is None
        assert talk.lines == [DELETE, GET, DELETE]
        assert talk.requests[-1].headers == {"If-Match": "two"}
        talk = self.unchanged(*[CHANGED, drifted] * 4)
        assert type(talk.error) is DriveItemChangedError
        assert talk.lines.count(DELETE) == 4

    @pytest.mark.parametrize("fields", [{"cTag": "other"}, {"name": "other.pdf"}])
    def test_a_changed_item_is_kept(self, fields):
        talk = self.unchanged(CHANGED, answer(200, {**OLD, **fields}))
        assert type(talk.error) is DriveItemChangedError
        assert talk.lines == [DELETE, GET]

    def test_an_item_that_is_gone_meanwhile_is_not_called_deleted(self):
        assert self.unchanged(answer(204)).result is True
        assert self.unchanged(CHANGED, missing()).result is False

    def test_an_item_of_which_only_the_etag_is_known_is_kept_if_that_changed(self):
        bare = {key: OLD[key] for key in OLD if key != "cTag"}
        changed = answer(200, {**bare, "eTag": "two"})
        talk = converse(delete_unchanged(read_item(bare)), CHANGED, changed)
        assert type(talk.error) is DriveItemChangedError
        assert talk.lines == [DELETE, GET]

    def test_an_if_match_of_a_deletion_is_not_exchanged(self):
        talk = self.unchanged(CHANGED, answer(200, OLD), if_match="mine")
        assert type(talk.error) is DriveItemChangedError
        assert talk.requests[0].headers == {"If-Match": "mine"}
        assert talk.lines == [DELETE, GET]


class TestLocked:
    """A copy that has just arrived may be locked for a moment."""

    LOCKED = refusal(423, "accessDenied")

    def test_a_new_copy_that_is_locked_is_waited_for(self):
        talk = update(TO_G, self.LOCKED, answer(200, OLD), answer(200, MOVED), is_new=True)
        assert talk.result.parent_id == "g"
        assert "'plan.pdf' (id i) is locked: waiting for at most 60 s" in talk.notes

    def test_a_new_copy_that_stays_locked_is_an_error_after_a_minute(self):
        talk = update(
            TO_G, then=lambda asked: answer(200, OLD) if asked.method == "GET" else self.LOCKED, is_new=True
        )
        assert type(talk.error) is DriveLockedError
        assert 60 <= talk.waited <= 90

    def test_any_other_item_that_is_locked_is_not_waited_for(self):
        talk = update(TO_G, self.LOCKED, answer(200, OLD))
        assert type(talk.error) is DriveLockedError
        assert talk.waited == 0
