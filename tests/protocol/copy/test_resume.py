"""What is written down of a copy or a move, when, and what the next try makes of it."""

from dataclasses import replace

import pytest
from protocol.conversation import (
    DATE,
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
    ref,
    refusal,
    wait,
)

from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveArgumentError,
    DriveConnectionError,
    DriveCopyFailedError,
    DriveCopyNameConflictError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import verify_copy
from airflow_provider_drive.protocol.move import Move, MoveOrder, move_item, read_move
from airflow_provider_drive.protocol.wire.copy_job import Arrival, CopyJob
from airflow_provider_drive.protocol.wire.items import read_item
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

FOLDER = ref("f", "e")
OLD = "2020-01-01T00:00:00Z"
SOURCE = here("i", "a.pdf")
POST = "POST /drives/d/items/i/copy?@microsoft.graph.conflictBehavior="
LOOK = "GET /drives/e/items/f:/a.pdf:"
TAKEN = refusal(409, "nameAlreadyExists")
RUNNING, FAILED = answer(200, {"status": "inProgress"}), answer(200, {"status": "failed"})
CONFLICT = answer(200, {"status": "failed", "error": {"code": "nameAlreadyExists"}})
JOB = CopyJob(
    monitor_url=MONITOR,
    source=ref("i"),
    destination=FOLDER,
    name=None,
    conflict_behavior="fail",
    submitted_at=NOW - 60,
    arrival=Arrival(None, "fail"),
).described(read_item(item("i", "a.pdf")))
UNANSWERED = JOB.changed(monitor_url=None, state="submitting")
REPEATED = JOB.changed(lost=1)


def made(name="a.pdf", item_id="n", **fields):
    return here(item_id, name, "f", "e", **fields)


def copy(*answers, then=None, clock=None, saved=None, deadline=NOW + 600, **order):
    clock = clock or Clock()
    flow = copy_item(CopyOrder(ref("i"), FOLDER, **order), wait(clock, deadline=deadline))
    states = {"copy": saved} if saved else None
    return converse(flow, *answers, then=then, clock=clock, saved=states, durable=True)


def kept(talk):
    """The checkpoints: how many requests had been made, and what was known."""
    return [(count, state and (state.state, state.resource_id)) for _, state, count in talk.checkpoints]


class TestWritingDown:
    def test_a_checkpoint_precedes_the_request_and_another_follows_it(self):
        talk = copy(answer(200, item("i", "a.pdf"), date=DATE), accepted())
        assert talk.lines == ["GET /drives/d/items/i", f"{POST}fail"]
        assert kept(talk) == [(1, ("submitting", None)), (2, ("accepted", None))]
        intent, job = (state for _, state, _ in talk.checkpoints)
        assert (intent.name, intent.snapshot.size, intent.submitted_at) == ("a.pdf", 7, NOW)
        assert (intent.monitor_url, job.monitor_url, job) == (None, MONITOR, talk.result)

    @pytest.mark.parametrize(
        ("refused", "error"),
        [
            (refusal(403), DriveAccessDeniedError),
            (TAKEN, DriveNameConflictError),
            (DriveConnectionError("no route", sent=False), DriveConnectionError),
        ],
    )
    def test_a_request_that_was_refused_or_not_sent_clears_the_checkpoint(self, refused, error):
        times = 5 if error is DriveConnectionError else 1
        talk = copy(SOURCE, *[refused] * times)
        assert type(talk.error) is error
        assert kept(talk)[-1] == (1 + times, None)

    def test_a_refused_repetition_keeps_the_checkpoint_of_the_first_request(self):
        def serve(request):
            return refusal(403) if request.method == "POST" else missing()

        talk = copy(then=serve, saved=UNANSWERED)
        assert type(talk.error) is DriveAccessDeniedError
        (_, state, _) = talk.checkpoints[-1]
        assert (state.state, state.lost) == ("submitting", 1)

    def test_a_copy_whose_monitor_is_on_another_host_is_stored_too(self):
        talk = copy(SOURCE, accepted("https://evil.com/m"))
        assert talk.result.monitor_url == "https://evil.com/m"
        assert talk.checkpoints[-1][1] == talk.result

    def test_a_copy_that_was_read_back_is_stored_before_it_is_verified(self):
        status = CopyStatus("completed", "n")
        flow = verify_copy(JOB, status, wait(deadline=NOW + 60))
        talk = converse(flow, made("other.pdf"))
        assert type(talk.error) is DriveCopyFailedError
        ((name, state, requests),) = talk.checkpoints  # and stays: no retry requests another
        assert (name, state.resource_id, state.monitor_url, requests) == ("copy", "n", None, 0)

    def test_a_copy_that_cannot_be_read_back_stays_stored(self):
        talk = converse(verify_copy(JOB, CopyStatus("completed", "n"), wait()), refusal(403))
        assert type(talk.error) is DriveAccessDeniedError
        assert talk.checkpoints[-1][1].resource_id == "n"


class TestAnUnansweredRequest:
    """It cannot be known whether Graph has taken it."""

    def test_the_copy_of_an_unanswered_request_is_taken(self):
        talk = copy(made(), saved=UNANSWERED)
        assert talk.lines == [LOOK]
        assert (talk.result.resource_id, talk.result.state) == ("n", "completed")
        assert kept(talk) == [(1, ("completed", "n"))]

    @pytest.mark.parametrize("behavior", ["fail", "replace", "skip"])
    def test_an_unanswered_request_whose_copy_does_not_appear_is_sent_again(self, behavior):
        clock = Clock()

        def serve(request):
            return accepted() if request.method == "POST" else missing()

        sent = "replace" if behavior == "replace" else "fail"
        intent = UNANSWERED.changed(conflict_behavior=behavior, arrival=Arrival("a.pdf", sent))
        talk = copy(then=serve, saved=intent, clock=clock, conflict_behavior=behavior)
        assert NOW + 20 <= clock.now <= NOW + 23
        assert talk.lines[-1] == POST + sent
        job = talk.result
        assert (job.lost, job.asked) == (1, UNANSWERED.submitted_at)
        assert job.submitted_at == NOW  # which is the Date of the answer
        assert any("cannot make a second copy" in note for note in talk.notes)

    def test_after_the_deadline_an_unanswered_request_is_not_sent_again(self):
        talk = copy(missing(), saved=UNANSWERED, deadline=NOW - 1)
        assert type(talk.error) is DriveCopyUnknownError

    def test_an_unanswered_request_is_not_sent_again_if_graph_chooses_the_name(self):
        clock = Clock()
        behaviors = {"conflict_behavior": "rename", "children_only": True}
        intent = UNANSWERED.changed(name=None, arrival=Arrival(None, "rename"), **behaviors)
        originals = page(item("o", "a.pdf", "i", createdDateTime=OLD))

        def serve(request):
            folder = here("f", kind="folder", drive="e")
            return originals if "/d/" in request.url else folder if request.url.endswith("f") else page()

        talk = copy(then=serve, saved=intent, clock=clock, **behaviors)
        assert type(talk.error) is DriveCopyUnknownError
        assert NOW + 120 <= clock.now <= NOW + 130
        assert talk.posts == []

    @pytest.mark.parametrize("fields", [{"createdDateTime": OLD}, {"size": 8}, {"file": {}}])
    def test_another_item_of_the_name_is_a_conflict_with_an_unanswered_request(self, fields):
        """A name, an age and a size do not make it the copy: nothing is requested, and nothing is taken."""
        talk = copy(saved=UNANSWERED, then=lambda request: SOURCE if "/d/" in request.url else made(**fields))
        assert type(talk.error) is DriveNameConflictError
        assert talk.posts == []
        assert kept(talk) == [(len(talk.requests), None)]

    def test_a_source_that_was_edited_since_is_compared_as_it_is_now(self):
        edited = here("i", "a.pdf", size=9)
        talk = copy(made(size=9), edited, saved=UNANSWERED)
        assert talk.result.resource_id == "n"

    @pytest.mark.parametrize(("now", "posts"), [(missing(), 0), (refusal(500), 0)])
    def test_a_source_that_is_gone_or_cannot_be_read_proves_nothing(self, now, posts):
        def serve(request):
            return now if "/d/" in request.url else made(size=9)

        talk = copy(then=serve, saved=UNANSWERED)
        expected = DriveNameConflictError if now == missing() else DriveCopyUnknownError
        assert type(talk.error) is expected
        assert len(talk.posts) == posts

    OWN = Arrival("~0123456789ab.docx", "fail", is_temporary=True)

    @pytest.mark.parametrize("behavior", ["fail", "rename", "replace"])
    def test_a_copy_under_a_temporary_name_is_known_though_the_service_has_rewritten_it(self, behavior):
        intent = UNANSWERED.changed(name="a.docx", arrival=self.OWN, conflict_behavior=behavior)
        intent = intent.described(read_item(item("i", "a.docx", lastModifiedDateTime=OLD)))
        there = made(self.OWN.name, size=1_543, lastModifiedDateTime=TODAY)
        talk = copy(there, saved=intent, conflict_behavior=behavior)
        assert talk.lines == ["GET /drives/e/items/f:/~0123456789ab.docx:"]
        assert talk.result.resource_id == "n"

    def test_a_copy_under_a_temporary_name_that_is_not_whole_is_waited_for_and_not_requested_again(self):
        intent = UNANSWERED.changed(arrival=self.OWN)
        talk = copy(
            saved=intent, then=lambda request: SOURCE if "/d/" in request.url else made(self.OWN.name, size=3)
        )
        assert type(talk.error) is DriveCopyUnknownError
        assert "is there, but it has 3 bytes, and another content than its source" in str(talk.error)
        assert talk.posts == []

    def test_a_chosen_name_that_another_item_took_is_chosen_again(self):
        intent = UNANSWERED.changed(
            conflict_behavior="rename", name="a 1.pdf", arrival=Arrival("a 1.pdf", "fail")
        )
        there = page(item("o", "a.pdf", "f", "e"), item("p", "a 1.pdf", "f", "e"))
        older = made("a 1.pdf", createdDateTime=OLD)
        talk = copy(
            older, SOURCE, made(item_id="o"), there, accepted(), saved=intent, conflict_behavior="rename"
        )
        assert talk.result.name == "a 2.pdf"
        assert talk.sent("POST").json["name"] == "a 2.pdf"

    def test_with_skip_a_name_that_another_item_took_is_resolved_by_its_content(self):
        intent = UNANSWERED.changed(conflict_behavior="skip")
        older = made(createdDateTime=OLD)
        talk = copy(older, SOURCE, older, saved=intent, conflict_behavior="skip")
        assert talk.result.was_there
        assert talk.posts == []


class TestAnAcceptedCopy:
    """Graph makes it: it is never requested again, unless Graph says that it failed."""

    @pytest.mark.parametrize("look", [RUNNING, answer(200, {"status": "completed", "resourceId": "n"})])
    def test_a_stored_copy_that_runs_or_is_done_is_resumed(self, look):
        talk = copy(look, saved=JOB)
        assert talk.lines == [f"GET {MONITOR}"]
        assert talk.result == JOB

    def test_a_stored_copy_without_a_monitor_is_resumed_without_a_request(self):
        assert copy(then=answer(404), saved=JOB).result == JOB
        silent = JOB.changed(monitor_url=None)
        assert (copy(saved=silent).result, copy(saved=silent).lines) == (silent, [])
        done = JOB.changed(resource_id="n")
        assert (copy(saved=done).result, copy(saved=done).lines) == (done, [])

    def test_a_stored_copy_that_failed_is_requested_again(self):
        for failed in (FAILED, CONFLICT):
            talk = copy(failed, SOURCE, accepted(), saved=JOB)
            assert talk.lines[1:] == ["GET /drives/d/items/i", f"{POST}fail"]
            assert not talk.result.lost
            assert any("requested again" in note for note in talk.notes)

    def test_a_stored_copy_with_a_name_conflict_that_may_be_its_own_is_resumed(self):
        assert copy(CONFLICT, saved=REPEATED).result == REPEATED
        skipped = JOB.changed(conflict_behavior="skip")
        assert copy(CONFLICT, saved=skipped, conflict_behavior="skip").result == skipped
        assert copy(FAILED, SOURCE, accepted(), saved=REPEATED).result.monitor_url == MONITOR


class TestFinishing:
    def finish(self, job, *answers, status=None, then=None, deadline=NOW + 60):
        clock = Clock()
        status = status or CopyStatus("failed", code="nameAlreadyExists")
        flow = verify_copy(job, status, wait(clock, deadline=deadline))
        talk = converse(flow, *answers, then=then, clock=clock)
        talk.clock = clock
        return talk

    def test_a_name_conflict_of_the_copy_is_raised(self):
        talk = self.finish(JOB)
        assert type(talk.error) is DriveCopyNameConflictError
        assert talk.requests == []

    def test_a_copy_that_is_there_does_not_time_out_though_its_monitor_did_not_answer(self):
        silent = CopyStatus("timeout", message="HTTP 429")
        talk = self.finish(JOB, made(), status=silent)
        assert (talk.result.ref.item_id, talk.lines) == ("n", [LOOK])
        for there in (missing(), made(createdDateTime=OLD)):
            assert type(self.finish(JOB, there, status=silent).error) is DriveCopyTimeoutError
        assert type(self.finish(JOB, status=CopyStatus("timeout")).error) is DriveCopyTimeoutError

    def test_a_name_conflict_with_the_copy_of_an_earlier_request_is_resolved(self):
        talk = self.finish(REPEATED, made())
        assert (talk.result.ref.item_id, talk.lines) == ("n", [LOOK])
        assert type(self.finish(REPEATED, made(createdDateTime=OLD)).error) is DriveCopyNameConflictError

    def test_a_folder_that_an_earlier_request_is_filling_is_waited_for(self):
        folder, repeated = (
            made("C", kind="folder"),
            REPEATED.changed(name=None, arrival=Arrival(None, "fail")),
        )
        repeated = repeated.described(read_item(item("i", "C", kind="folder")))
        x, y = (item(name, name, createdDateTime=OLD) for name in "xy")
        there, half = page(x, y), page(x)
        talk = self.finish(repeated, folder, there, half, folder, there, there)
        assert talk.result.ref.item_id == "n"
        talk = self.finish(repeated, then=lambda request: folder if ":/" in request.url else half_of(request))
        assert type(talk.error) is DriveCopyNameConflictError
        assert NOW + 60 <= talk.clock.now <= NOW + 62

    def test_a_file_of_another_content_is_not_waited_for(self):
        talk = self.finish(REPEATED, made(size=8), SOURCE)
        assert type(talk.error) is DriveCopyNameConflictError
        assert talk.waited == 0

    def test_with_skip_an_item_of_the_same_content_resolves_a_name_conflict(self):
        skipped = JOB.changed(conflict_behavior="skip")
        older = made(createdDateTime=OLD)
        assert self.finish(skipped, SOURCE, older).result.ref.item_id == "n"
        other = made(createdDateTime=OLD, size=8)
        talk = self.finish(skipped, SOURCE, other)
        assert type(talk.error) is DriveNameConflictError
        assert "another content" in str(talk.error)
        assert type(self.finish(skipped, SOURCE, missing()).error) is DriveCopyNameConflictError

    def test_a_copy_that_has_its_name_already_is_not_renamed_again(self):
        job = JOB.changed(
            arrival=Arrival("~0123456789ab.pdf", "fail", is_temporary=True), conflict_behavior="rename"
        )
        done = CopyStatus("completed", "n")
        for name in ("a.pdf", "a 3.pdf"):
            talk = self.finish(job, made(name), status=done)
            assert (talk.result.name, talk.lines) == (name, ["GET /drives/e/items/n"])
        talk = self.finish(job, made("~0123456789ab.pdf"), made("a.pdf"), status=done)
        assert talk.sent("PATCH").json == {"name": "a.pdf"}
        assert type(self.finish(job, made("x.pdf"), status=done).error) is DriveCopyFailedError


def half_of(request):
    """Return a listing in which the copy has half of what its source has."""
    x, y = (item(name, name, createdDateTime=OLD) for name in "xy")
    return page(x, y) if "/d/" in request.url else page(x)


class TestAMove:
    ITEM = item("i", "a.pdf", "p")
    MOVE = Move(read_item(ITEM), ref("g"))

    def move(self, *answers, then=None, saved=None, made=None, to="g", drive="d", **order):
        clock, states = Clock(), {"move": saved, "copy": made}
        flow = move_item(MoveOrder(ref("i"), ref(to, drive), **order), wait(clock))
        return converse(flow, *answers, then=then, clock=clock, saved=states, durable=True)

    def test_a_checkpoint_of_the_item_precedes_the_patch(self):
        talk = self.move(answer(200, self.ITEM), here("i", "a.pdf", "g"))
        ((name, state, count),) = talk.checkpoints
        assert (name, state, count) == ("move", self.MOVE, 1)

    def test_a_move_is_read_from_json_as_it_was(self):
        for move in (self.MOVE, Move(read_item(self.ITEM), None, is_proven=True)):
            read = read_move(move.as_dict())
            assert (read.folder, read.is_proven) == (move.folder, move.is_proven)
            assert replace(read.item, raw={}) == replace(move.item, raw={})

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "text",
            {},
            {"item": {}, "drive_id": "d", "folder": None, "is_proven": False},
            {"item": ITEM, "drive_id": "d", "folder": {"driveId": "d"}, "is_proven": False},
            {"item": ITEM, "drive_id": "d", "folder": {"driveId": "d", "id": 7}, "is_proven": False},
            {"item": ITEM, "drive_id": "d", "folder": "g", "is_proven": False},
            {"item": ITEM, "drive_id": "d", "folder": None},
        ],
    )
    def test_a_stored_move_that_cannot_be_read_is_refused(self, value):
        with pytest.raises(DriveArgumentError, match="Clear the task"):
            read_move(value)

    def test_a_move_that_was_done_is_not_repeated(self):
        talk = self.move(here("i", "a.pdf", "g"), saved=self.MOVE, if_match='"old"')
        assert talk.lines == ["GET /drives/d/items/i"]
        assert talk.result.parent_id == "g"

    def test_a_move_that_was_not_done_is_done_now(self):
        talk = self.move(answer(200, self.ITEM), here("i", "a.pdf", "g"), saved=self.MOVE)
        assert talk.sent("PATCH").headers == {"If-Match": '"{i},1"'}

    def test_a_moved_item_with_a_numbered_name_is_not_renamed_again(self):
        renamed = here("i", "a 1.pdf", "g")
        talk = self.move(renamed, saved=self.MOVE, conflict_behavior="rename")
        assert talk.result.name == "a 1.pdf"
        talk = self.move(renamed, here("i", "b.pdf", "g"), saved=self.MOVE, name="b.pdf")
        assert talk.sent("PATCH").json["name"] == "b.pdf"

    def test_an_item_with_a_numbered_name_where_it_was_has_not_been_moved(self):
        move = Move(read_item(item("i", "a 1.pdf", "p")), None)
        flow = move_item(MoveOrder(ref("i"), None, "a.pdf", conflict_behavior="rename"), wait())
        talk = converse(flow, here("i", "a 1.pdf", "p"), here("i", "a.pdf", "p"), saved={"move": move})
        assert talk.sent("PATCH").json == {"name": "a.pdf"}

    def test_a_lost_answer_to_a_move_under_a_numbered_name_is_recognised(self):
        lost = DriveConnectionError("cut off")
        talk = self.move(answer(200, self.ITEM), lost, here("i", "a 1.pdf", "g"), conflict_behavior="rename")
        assert talk.result.name == "a 1.pdf"
        assert len(talk.lines) == 3

    def test_a_move_whose_item_is_gone_is_not_found(self):
        talk = self.move(missing(), missing(), saved=self.MOVE)
        assert type(talk.error) is DriveItemNotFoundError
        talk = self.move(missing(), here("n", "a.pdf", "g", size=8), saved=self.MOVE)
        assert type(talk.error) is DriveItemNotFoundError

    def test_with_rename_an_item_with_the_name_is_not_taken_for_one_that_is_gone(self):
        talk = self.move(missing(), saved=self.MOVE, conflict_behavior="rename")
        assert type(talk.error) is DriveItemNotFoundError

    def test_an_item_that_somebody_else_has_moved_is_left_there(self):
        talk = self.move(here("i", "a.pdf", "x"), saved=self.MOVE)
        assert type(talk.error) is DriveItemChangedError
        assert "it is 'a.pdf' (id i) now" in str(talk.error)
        assert not talk.error.retryable

    def test_a_stored_move_says_where_a_browser_shows_its_item(self):
        url = "https://contoso.sharepoint.com/a.pdf"
        move = Move(read_item({**self.ITEM, "webUrl": url}), None)
        assert (move.source_url, move.destination_url) == (url, None)

    def test_a_moved_item_with_a_new_id_is_found_by_its_content(self):
        talk = self.move(missing(), here("n", "a.pdf", "g"), saved=self.MOVE)
        assert talk.lines == ["GET /drives/d/items/i", "GET /drives/d/items/g:/a.pdf:"]
        assert talk.result.ref == ref("n")

    COPY = JOB.changed(destination=ref("g", "e"))
    ACROSS = replace(MOVE, folder=ref("g", "e"))
    DONE = answer(200, {"status": "completed", "resourceId": "n"})
    MADE = here("n", "a.pdf", "g", "e")
    DELETE = "DELETE /drives/d/items/i"

    def across(self, *answers, **saved):
        return self.move(*answers, drive="e", cross_drive="copy", **saved)

    def test_across_drives_a_stored_copy_is_resumed(self):
        talk = self.across(self.DONE, self.DONE, self.MADE, answer(204), saved=self.ACROSS, made=self.COPY)
        assert talk.lines[2:] == ["GET /drives/e/items/n", self.DELETE]
        assert talk.sent("DELETE").headers == {"If-Match": '"{i},1"'}
        names = [(name, count) for name, _, count in talk.checkpoints]
        assert names == [("copy", 2), ("move", 3)]
        assert talk.checkpoints[-1][1].is_proven

    PROVEN = replace(ACROSS, is_proven=True)
    MADE_BEFORE = COPY.changed(monitor_url=None, state="completed", resource_id="n")

    def test_across_drives_an_original_that_is_gone_was_deleted_by_an_earlier_try(self):
        talk = self.across(self.MADE, missing(), saved=self.PROVEN, made=self.MADE_BEFORE)
        assert talk.lines == ["GET /drives/e/items/n", "GET /drives/d/items/i"]
        assert talk.result.ref == ref("n", "e")

    def test_across_drives_an_original_that_still_exists_is_compared_with_the_copy_again(self):
        smaller = here("n", "a.pdf", "g", "e", size=6)
        there = answer(200, self.ITEM)
        talk = self.across(smaller, there, then=smaller, saved=self.PROVEN, made=self.MADE_BEFORE)
        assert type(talk.error) is DriveCopyFailedError
        assert self.DELETE not in talk.lines

    def test_across_drives_an_original_that_cannot_be_compared_fails(self):
        folder = replace(self.ACROSS, item=read_item(item("i", "C", "p", kind="folder")))
        done = self.MADE_BEFORE.changed(name=None, arrival=Arrival(None, "fail")).described(folder.item)
        made = here("n", "C", "g", "e", kind="folder")
        for answers in ([missing()], [page(), missing()], [page(), page(), missing()]):
            talk = self.across(made, *answers, saved=folder, made=done)
            assert type(talk.error) is DriveCopyFailedError
            assert (talk.error.code, self.DELETE in talk.lines) == ("notWhole", False)

    def test_across_drives_a_folder_that_an_earlier_try_has_deleted_is_not_compared_any_more(self):
        folder = replace(self.PROVEN, item=read_item(item("i", "C", "p", kind="folder")))
        done = self.MADE_BEFORE.changed(name=None, arrival=Arrival(None, "fail")).described(folder.item)
        made = here("n", "C", "g", "e", kind="folder")
        talk = self.across(made, missing(), saved=folder, made=done)
        assert talk.result.ref == ref("n", "e")

    def test_a_move_that_was_done_still_deletes_the_file_that_it_has_replaced(self):
        old = {"driveId": "d", "id": "o", "name": "~0123456789ab.pdf"}
        states = {"move": self.MOVE, "displaced by i": old}
        flow = move_item(MoveOrder(ref("i"), ref("g"), conflict_behavior="replace"), wait())
        there = here("o", "~0123456789ab.pdf", "g")
        talk = converse(flow, here("i", "a.pdf", "g"), there, answer(204), saved=states, durable=True)
        assert talk.lines[-1] == "DELETE /drives/d/items/o"
        assert talk.result.ref == ref("i")
