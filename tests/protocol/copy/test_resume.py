"""What is written down of a copy or a move, when, and what the next try makes of it."""

import re
from dataclasses import replace

import pytest
from protocol.conversation import (
    DATE,
    HOSTS,
    MONITOR,
    NOW,
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
)

from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveArgumentError,
    DriveConnectionError,
    DriveCopyFailedError,
    DriveCopyNameConflictError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveItemNotFoundError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import verify_copy
from airflow_provider_drive.protocol.move import Move, MoveOrder, move_item, read_move
from airflow_provider_drive.protocol.wire.addresses import parse_address
from airflow_provider_drive.protocol.wire.copy_job import CopyJob
from airflow_provider_drive.protocol.wire.items import read_item
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

FOLDER = ref("f", "e")
OLD = "2020-01-01T00:00:00Z"
SOURCE = here("i", "a.pdf")
POST = "POST /drives/d/items/i/copy?@microsoft.graph.conflictBehavior="
LOOK = "GET /drives/e/items/f:/a.pdf"
TAKEN = refusal(409, "nameAlreadyExists")
RUNNING, FAILED = answer(200, {"status": "inProgress"}), answer(200, {"status": "failed"})
CONFLICT = answer(200, {"status": "failed", "error": {"code": "nameAlreadyExists"}})
JOB = CopyJob(
    MONITOR, ref("i"), FOLDER, "a.pdf", "fail", NOW - 60, kind="file", size=7, quick_xor_hash="hash="
)
INTENT = replace(JOB, monitor_url=None, accepted=False)


def made(name="a.pdf", item_id="n", **fields):
    return here(item_id, name, "f", "e", **fields)


def copy(*answers, then=None, clock=None, saved=None, deadline=NOW + 600, **order):
    clock = clock or Clock()
    flow = copy_item(CopyOrder(ref("i"), FOLDER, **order), wait(clock, deadline=deadline))
    states = {"copy": saved} if saved else None
    return converse(flow, *answers, then=then, clock=clock, saved=states, durable=True)


def kept(talk):
    """The checkpoints: how many requests had been made, and what was known."""
    return [(count, state and (state.accepted, state.resource_id)) for _, state, count in talk.checkpoints]


class TestWritingDown:
    def test_a_checkpoint_precedes_the_request_and_another_follows_it(self):
        talk = copy(answer(200, item("i", "a.pdf"), date=DATE), accepted())
        assert talk.lines == ["GET /drives/d/items/i", f"{POST}fail"]
        assert kept(talk) == [(1, (False, None)), (2, (True, None))]
        intent, job = (state for _, state, _ in talk.checkpoints)
        assert (intent.name, intent.kind, intent.size, intent.submitted_at) == ("a.pdf", "file", 7, NOW)
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

        talk = copy(then=serve, saved=INTENT)
        assert type(talk.error) is DriveAccessDeniedError
        (_, state, _) = talk.checkpoints[-1]
        assert (state.accepted, state.repeated) == (False, True)

    def test_a_copy_whose_monitor_is_on_another_host_is_stored_too(self):
        talk = copy(SOURCE, accepted("https://evil.com/m"))
        assert talk.result.monitor_url == "https://evil.com/m"
        assert talk.checkpoints[-1][1] == talk.result

    def test_a_copy_that_was_read_back_is_stored_before_it_is_verified(self):
        status = CopyStatus("completed", "n")
        flow = verify_copy(JOB, status, wait(deadline=NOW + 60))
        talk = converse(flow, made("other.pdf"))
        assert type(talk.error) is DriveCopyFailedError
        (name, state, _), forgotten = talk.checkpoints
        assert (name, state.resource_id, state.monitor_url) == ("copy", "n", None)
        assert forgotten[:2] == ("copy", None)  # it was left elsewhere, so another try may ask anew


class TestAnIntent:
    """Nobody knows whether Graph has taken it."""

    def test_the_copy_of_an_unanswered_request_is_taken(self):
        talk = copy(made(), saved=INTENT)
        assert talk.lines == [LOOK]
        assert (talk.result.resource_id, talk.result.accepted) == ("n", True)
        assert kept(talk) == [(1, (True, "n"))]

    @pytest.mark.parametrize(("behavior", "seconds"), [("fail", 20), ("replace", 120), ("skip", 20)])
    def test_an_unanswered_request_whose_copy_does_not_appear_is_sent_again(self, behavior, seconds):
        clock = Clock()

        def serve(request):
            return accepted() if request.method == "POST" else missing()

        intent = replace(
            INTENT, conflict_behavior=behavior, requested_behavior="fail" if behavior == "skip" else None
        )
        talk = copy(then=serve, saved=intent, clock=clock, conflict_behavior=behavior)
        assert NOW + seconds <= clock.now <= NOW + seconds + 3
        assert talk.lines[-1] == POST + ("replace" if behavior == "replace" else "fail")
        job = talk.result
        assert (job.repeated, job.asked) == (True, INTENT.submitted_at)
        assert job.submitted_at == NOW  # which is the Date of the answer
        assert any("cannot make a second one" in note for note in talk.notes)

    def test_after_the_deadline_an_unanswered_request_is_not_sent_again(self):
        talk = copy(missing(), saved=INTENT, deadline=NOW - 1)
        assert type(talk.error) is DriveCopyUnknownError

    def test_an_unanswered_request_is_not_sent_again_if_graph_chooses_the_name(self):
        clock = Clock()
        intent = replace(INTENT, conflict_behavior="rename", children_only=True, name=None)
        originals = page(item("o", "a.pdf", "i"))
        talk = copy(
            then=lambda request: originals if "/d/" in request.url else page(),
            saved=intent,
            clock=clock,
            conflict_behavior="rename",
            children_only=True,
        )
        assert type(talk.error) is DriveCopyUnknownError
        assert NOW + 120 <= clock.now <= NOW + 130

    def test_an_older_item_of_the_name_is_a_conflict_with_an_unanswered_request(self):
        talk = copy(made(createdDateTime=OLD), saved=INTENT)
        assert type(talk.error) is DriveNameConflictError

    def test_a_chosen_name_that_another_item_took_is_chosen_again(self):
        intent = replace(INTENT, conflict_behavior="rename", requested_behavior="fail", name="a 1.pdf")
        there = page(item("o", "a.pdf", "f", "e"), item("p", "a 1.pdf", "f", "e"))
        older = made("a 1.pdf", createdDateTime=OLD)
        talk = copy(
            older, SOURCE, made(item_id="o"), there, accepted(), saved=intent, conflict_behavior="rename"
        )
        assert talk.result.name == "a 2.pdf"
        assert talk.sent("POST").json["name"] == "a 2.pdf"


class TestAJob:
    """Graph has taken it."""

    @pytest.mark.parametrize("look", [RUNNING, answer(200, {"status": "completed", "resourceId": "n"})])
    def test_a_stored_copy_that_runs_or_is_done_is_resumed(self, look):
        talk = copy(look, saved=JOB)
        assert talk.lines == [f"GET {MONITOR}"]
        assert talk.result == JOB

    def test_a_stored_copy_without_a_monitor_is_resumed_without_a_request(self):
        assert copy(then=answer(404), saved=JOB).result == JOB
        silent = replace(JOB, monitor_url=None)
        assert (copy(saved=silent).result, copy(saved=silent).lines) == (silent, [])
        done = replace(JOB, resource_id="n")
        assert (copy(saved=done).result, copy(saved=done).lines) == (done, [])

    def test_a_stored_copy_that_failed_is_requested_again(self):
        for failed in (FAILED, CONFLICT):
            talk = copy(failed, SOURCE, accepted(), saved=JOB)
            assert talk.lines[1:] == ["GET /drives/d/items/i", f"{POST}fail"]
            assert not talk.result.repeated
            assert any("asked for anew" in note for note in talk.notes)

    def test_a_stored_copy_with_a_name_conflict_that_may_be_its_own_is_resumed(self):
        repeated = replace(JOB, repeated=True)
        assert copy(CONFLICT, saved=repeated).result == repeated
        skipped = replace(JOB, conflict_behavior="skip")
        assert copy(CONFLICT, saved=skipped, conflict_behavior="skip").result == skipped
        assert copy(FAILED, SOURCE, accepted(), saved=repeated).result.monitor_url == MONITOR


class TestFinishing:
    def finish(self, job, *answers, status=None, then=None, deadline=NOW + 60):
        clock = Clock()
        status = status or CopyStatus("failed", code="nameAlreadyExists")
        flow = verify_copy(job, status, wait(clock, deadline=deadline))
        talk = converse(flow, *answers, then=then, clock=clock)
        talk.clock = clock
        return talk

    def test_a_name_conflict_of_the_copy_is_raised(self):
        assert type(self.finish(JOB).error) is DriveCopyNameConflictError

    def test_a_copy_that_is_there_does_not_time_out_though_its_monitor_did_not_answer(self):
        silent = CopyStatus("timeout", message="HTTP 429")
        talk = self.finish(JOB, made(), made(), status=silent)
        assert (talk.result.ref.item_id, talk.lines) == ("n", [LOOK, "GET /drives/e/items/n"])
        for there in (missing(), made(createdDateTime=OLD), refusal(403)):
            assert type(self.finish(JOB, there, status=silent).error) is DriveCopyTimeoutError
        assert type(self.finish(JOB, status=CopyStatus("timeout")).error) is DriveCopyTimeoutError

    def test_a_name_conflict_with_the_copy_of_an_earlier_request_is_resolved(self):
        repeated = replace(JOB, repeated=True)
        talk = self.finish(repeated, made(), made())
        assert (talk.result.ref.item_id, talk.lines) == ("n", [LOOK, "GET /drives/e/items/n"])
        assert type(self.finish(repeated, made(createdDateTime=OLD)).error) is DriveCopyNameConflictError

    def test_a_folder_that_an_earlier_request_is_filling_is_waited_for(self):
        repeated = replace(JOB, repeated=True, kind="folder", size=None, quick_xor_hash=None, name="C")
        folder = made("C", kind="folder")
        x, y = (item(name, name, createdDateTime=OLD) for name in "xy")
        there, half = page(x, y), page(x)
        talk = self.finish(repeated, folder, there, half, folder, there, there, folder)
        assert talk.result.ref.item_id == "n"

    def test_a_folder_that_is_not_filled_any_more_is_not_waited_for(self):
        repeated = replace(JOB, repeated=True, kind="folder", size=None, quick_xor_hash=None, name="C")
        folder = made("C", kind="folder")
        there = [item(f"x{number}", f"x{number}", createdDateTime=OLD) for number in range(9)]

        def fill(request):
            """An item more every two minutes, until there are four."""
            if ":/" in request.url:
                return folder
            filled = min(4, int(talk_clock.now - NOW) // 120)
            return page(*there if "/d/" in request.url else there[:filled])

        talk_clock = Clock()
        status = CopyStatus("failed", code="nameAlreadyExists")
        flow = verify_copy(repeated, status, wait(talk_clock, deadline=NOW + 90_000))
        talk = converse(flow, then=fill, clock=talk_clock)
        assert type(talk.error) is DriveCopyNameConflictError
        assert NOW + 600 <= talk_clock.now <= NOW + 800

    def test_a_file_of_another_size_is_waited_for_two_minutes_at_most(self):
        repeated = replace(JOB, repeated=True)

        def serve(request):
            return SOURCE if "/d/" in request.url else made(size=8)

        talk = self.finish(repeated, then=serve, deadline=NOW + 10_000)
        assert type(talk.error) is DriveCopyNameConflictError
        assert talk.clock.now <= NOW + 121

    def test_with_skip_an_item_of_the_same_content_resolves_a_name_conflict(self):
        skipped = replace(JOB, conflict_behavior="skip", requested_behavior="fail")
        older = made(createdDateTime=OLD)
        assert self.finish(skipped, SOURCE, older, older).result.ref.item_id == "n"
        assert self.finish(replace(skipped, repeated=True), older, SOURCE, older, older).result
        other = made(createdDateTime=OLD, size=8)
        talk = self.finish(skipped, SOURCE, other)
        assert type(talk.error) is DriveNameConflictError
        assert "another content" in str(talk.error)
        assert type(self.finish(skipped, SOURCE, missing()).error) is DriveCopyNameConflictError

    def test_a_copy_that_has_its_name_already_is_not_renamed_again(self):
        job = replace(JOB, temporary_name="u a.pdf", requested_behavior="fail", conflict_behavior="rename")
        done = CopyStatus("completed", "n")
        for name in ("a.pdf", "a 3.pdf"):
            talk = self.finish(job, made(name), status=done)
            assert (talk.result.name, talk.lines) == (name, ["GET /drives/e/items/n"])
        talk = self.finish(job, made("u a.pdf"), made("a.pdf"), status=done)
        assert talk.sent("PATCH").json == {"name": "a.pdf"}
        assert type(self.finish(job, made("x.pdf"), status=done).error) is DriveCopyFailedError


class TestNames:
    """With ``rename``, a name is fixed before the first request."""

    def rename(self, *answers, **order):
        return copy(*answers, conflict_behavior="rename", **order)

    def test_with_rename_a_free_name_is_sent(self):
        talk = self.rename(SOURCE, missing(), accepted())
        assert talk.lines[1:] == [LOOK, f"{POST}fail"]
        assert talk.sent("POST").json["name"] == "a.pdf"

    def test_with_rename_the_lowest_free_number_is_chosen(self):
        there = page(item("o", "A.pdf", "f", "e"), item("p", "a 1.pdf", "f", "e"))
        talk = self.rename(SOURCE, made(item_id="o"), there, accepted())
        assert talk.sent("POST").json["name"] == "a 2.pdf"
        assert (talk.result.conflict_behavior, talk.result.arrives_as) == ("rename", ("a 2.pdf", "fail"))

    def test_with_rename_a_name_that_is_taken_meanwhile_is_chosen_again(self):
        there = page(item("o", "a.pdf", "f", "e"))
        talk = self.rename(SOURCE, missing(), TAKEN, SOURCE, made(item_id="o"), there, accepted())
        assert talk.result.name == "a 1.pdf"
        assert kept(talk) == [(2, (False, None)), (3, None), (6, (False, None)), (7, (True, None))]

    def test_with_rename_eight_names_are_tried_at_most(self):
        def serve(request):
            return {"POST": TAKEN}.get(request.method, SOURCE if "/d/" in request.url else missing())

        talk = copy(then=serve, conflict_behavior="rename")
        assert type(talk.error) is DriveNameConflictError
        assert talk.lines.count(f"{POST}fail") == 8

    def test_with_rename_children_keep_their_names_if_these_are_free(self):
        source = here("i", "C", kind="folder")
        there, children = page(item("o", "a.pdf", "f", "e")), page(item("x", "b.pdf", "i"))
        talk = self.rename(source, there, children, accepted(), children_only=True)
        assert talk.lines[-1] == f"{POST}fail"
        talk = self.rename(source, there, page(item("x", "A.pdf", "i")), accepted(), children_only=True)
        assert talk.lines[-1] == f"{POST}rename"

    def test_with_rename_an_awaited_copy_arrives_under_a_temporary_name(self):
        """Others may want the same name at the same time; one of its own nobody wants."""
        talk = self.rename(SOURCE, accepted(), is_awaited=True)
        job = talk.result
        assert talk.lines[1:] == [f"{POST}fail"]
        assert re.fullmatch(r"a \(copying [0-9a-f]{12}\)\.pdf", job.temporary_name)
        assert talk.sent("POST").json["name"] == job.temporary_name
        assert (job.name, job.arrives_as) == ("a.pdf", (job.temporary_name, "fail"))
        folder = self.rename(here("i", "v1.2", kind="folder"), accepted(), is_awaited=True).result
        assert re.fullmatch(r"v1\.2 \(copying [0-9a-f]{12}\)", folder.temporary_name)

    def test_with_rename_and_versions_no_name_is_sent(self):
        versions = {"include_all_version_history": True, "is_awaited": True}
        talk = self.rename(SOURCE, missing(), accepted(), **versions)
        assert ("name" in talk.sent("POST").json, talk.lines[-1]) == (False, f"{POST}fail")
        talk = self.rename(SOURCE, made(), accepted(), **versions)
        assert ("name" in talk.sent("POST").json, talk.lines[-1]) == (False, f"{POST}rename")

    def test_with_rename_a_new_folder_needs_no_other_name(self):
        flow = copy_item(
            CopyOrder(
                ref("i"),
                parse_address("drives/e/root:/New", HOSTS),
                conflict_behavior="rename",
                create_destination=True,
            ),
            wait(),
        )
        new = answer(201, item("f", "New", drive="e", kind="folder"))
        talk = converse(flow, missing(), here("r", kind="root", drive="e"), new, accepted())
        assert talk.lines[-1] == f"{POST}fail"

    def test_with_rename_graph_chooses_the_name_if_checkpoints_are_not_durable(self):
        flow = copy_item(CopyOrder(ref("i"), FOLDER, conflict_behavior="rename"), wait())
        assert converse(flow, accepted()).lines == [f"{POST}rename"]


class TestSkip:
    def skip(self, *answers, **order):
        return copy(*answers, conflict_behavior="skip", **order)

    def test_with_skip_a_free_name_is_copied_to(self):
        talk = self.skip(SOURCE, missing(), accepted())
        assert talk.lines == ["GET /drives/d/items/i", LOOK, f"{POST}fail"]
        assert "name" not in talk.sent("POST").json
        assert talk.result.conflict_behavior == "skip"

    def test_with_skip_an_item_of_the_same_content_is_the_copy(self):
        talk = self.skip(SOURCE, made(createdDateTime=OLD))
        assert (talk.result.resource_id, talk.result.monitor_url) == ("n", None)
        assert any("is there already, with the same content" in note for note in talk.notes)
        assert talk.checkpoints == []

    def test_with_skip_an_item_of_another_content_is_a_conflict(self):
        for other in (made(size=8), made(kind="folder")):
            talk = self.skip(SOURCE, other)
            assert type(talk.error) is DriveNameConflictError
            assert "another content" in str(talk.error)

    def test_with_skip_a_name_taken_meanwhile_is_resolved_by_its_content(self):
        older = made(createdDateTime=OLD)
        assert self.skip(SOURCE, missing(), TAKEN, SOURCE, older).result.resource_id == "n"
        lost = self.skip(SOURCE, missing(), TAKEN, SOURCE, made(size=8))
        assert type(lost.error) is DriveNameConflictError

    def test_with_skip_an_item_is_not_its_own_copy(self):
        flow = copy_item(CopyOrder(ref("i"), None, conflict_behavior="skip"), wait(deadline=NOW))
        talk = converse(flow, here("i", "a.pdf", parent="p"))
        assert type(talk.error) is DriveNameConflictError
        assert not talk.error.retryable

    def test_with_skip_an_item_of_the_same_content_on_a_personal_drive_is_the_copy(self):
        talk = converse(
            copy_item(
                CopyOrder(ref("i", "p"), ref("f", "p"), conflict_behavior="skip"),
                wait(deadline=NOW),
            ),
            answer(200, personal(item("i", "a.pdf", "x", "p"))),
            answer(200, personal(item("n", "a.pdf", "f", "p"))),
        )
        assert talk.result.resource_id == "n"

    @pytest.mark.parametrize(
        ("there", "outcome"),
        [
            ([], "asked for"),
            (["a", "b"], "done"),
            (["a"], "1 of 2 are there already"),
        ],
    )
    def test_with_skip_children_must_be_there_all_or_none(self, there, outcome):
        children = page(item("x", "a", "i"), item("y", "b", "i"))
        copies = page(*[item(f"n{name}", name.upper(), "f", "e") for name in there])
        rest = {"asked for": [accepted()], "done": [here("f", "F", kind="folder", drive="e")]}
        talk = self.skip(
            here("i", "C", kind="folder"), copies, children, *rest.get(outcome, []), children_only=True
        )
        if outcome == "asked for":
            assert talk.lines[-1] == f"{POST}fail"
        elif outcome == "done":
            assert talk.result.resource_id == "f"
        else:
            assert outcome in str(talk.error)

    def test_with_skip_children_of_another_content_are_a_conflict(self):
        children, other = page(item("x", "a", "i")), page(item("n", "a", "f", "e", size=8))
        talk = self.skip(here("i", "C", kind="folder"), other, children, children_only=True)
        assert "another content" in str(talk.error)


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
        for move in (self.MOVE, Move(read_item(self.ITEM), None, proven=True)):
            read = read_move(move.as_dict())
            assert (read.folder, read.proven) == (move.folder, move.proven)
            assert replace(read.item, raw={}) == replace(move.item, raw={})

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "text",
            {},
            {"item": {}, "drive_id": "d", "folder": None, "proven": False},
            {"item": ITEM, "drive_id": "d", "folder": {"driveId": "d"}, "proven": False},
            {"item": ITEM, "drive_id": "d", "folder": {"driveId": "d", "id": 7}, "proven": False},
            {"item": ITEM, "drive_id": "d", "folder": "g", "proven": False},
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

    def test_a_moved_item_with_a_new_id_is_found_by_its_content(self):
        talk = self.move(missing(), here("n", "a.pdf", "g"), saved=self.MOVE)
        assert talk.lines == ["GET /drives/d/items/i", "GET /drives/d/items/g:/a.pdf"]
        assert talk.result.ref == ref("n")

    COPY = replace(JOB, destination=ref("g", "e"))
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
        assert names == [("copy", 3), ("move", 3)]
        assert talk.checkpoints[-1][1].proven

    PROVEN = replace(ACROSS, proven=True)
    MADE_BEFORE = replace(COPY, resource_id="n")

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
        done = replace(self.COPY, resource_id="n", kind="folder", name="C", size=None, quick_xor_hash=None)
        talk = self.across(here("n", "C", "g", "e", kind="folder"), missing(), saved=folder, made=done)
        assert type(talk.error) is DriveCopyFailedError
        assert (talk.error.code, self.DELETE in talk.lines) == ("notWhole", False)
