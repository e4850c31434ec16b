"""Waiting for a copy, and showing that it is what was asked for."""

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
    personal,
    ref,
    refusal,
    wait,
    wrong_host,
)

from airflow_provider_drive.exceptions import (
    DriveAccessDeniedError,
    DriveConnectionError,
    DriveCopyFailedError,
    DriveCopyNameConflictError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.copy.verify import (
    check_copy,
    result_from_status,
    verify_copy,
    wait_for_copy,
)
from airflow_provider_drive.protocol.wire.copy_job import Arrival, CopyJob
from airflow_provider_drive.protocol.wire.items import read_item
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

OLD = "2020-01-01T00:00:00Z"
JOB = CopyJob(
    monitor_url=MONITOR,
    source=ref("i"),
    destination=ref("f", "e"),
    name=None,
    conflict_behavior="fail",
    submitted_at=NOW,
    arrival=Arrival(None, "fail"),
).described(read_item(item("i")))
UNREAD = JOB.changed(name=None, arrival=Arrival(None, "fail"), snapshot=None)
FOLDER = UNREAD.described(read_item(item("i", "C", kind="folder")))
CHILDREN = FOLDER.changed(children_only=True, name=None, arrival=Arrival(None, "fail"))
OWN = JOB.changed(arrival=Arrival("~0123456789ab.pdf", "fail", is_temporary=True))
REPLACED = OWN.changed(conflict_behavior="replace")
DONE = answer(200, {"status": "completed", "resourceId": "n"})
GONE = refusal(404, "itemNotFound")
FAILED = answer(200, {"status": "failed", "error": {"code": "accessDenied", "message": "No."}})
RUNNING = answer(202, {"status": "inProgress", "percentageComplete": 42})
READ = "GET /drives/e/items/n"
LOOK = "GET /drives/e/items/f:/plan.pdf:"


def copy(name="plan.pdf", parent="f", drive="e", item_id="n", **fields):
    return here(item_id, name, parent, drive, **fields)


def await_copy(*answers, job=JOB, then=None, clock=None, deadline=NOW + 3_600, flow=wait_for_copy, **options):
    clock = clock or Clock()
    return converse(flow(job, wait(clock, deadline=deadline), **options), *answers, then=then, clock=clock)


def finish(status, *answers, job=JOB, then=None, clock=None, deadline=NOW + 3_600):
    clock = clock or Clock()
    flow = verify_copy(job, status, wait(clock, deadline=deadline))
    return converse(flow, *answers, then=then, clock=clock)


class TestWaiting:
    def test_a_completed_copy_is_read_back_by_its_id(self):
        talk = await_copy(RUNNING, DONE, copy())
        assert talk.result.ref == ref("n", "e")
        assert talk.lines == [f"GET {MONITOR}", f"GET {MONITOR}", READ]
        assert talk.kinds == ["monitor", "monitor", "graph"]

    def test_a_fresh_copy_is_polled_after_a_pause(self):
        assert await_copy(DONE, copy(), fresh=True).waited >= 0.8
        assert await_copy(DONE, copy()).waited == 0

    def test_a_copy_whose_item_is_known_is_read_without_a_poll(self):
        talk = await_copy(copy(), job=JOB.changed(monitor_url=None, resource_id="n"))
        assert talk.lines == [READ]

    def test_a_copy_without_a_monitor_is_searched_for_until_the_deadline(self):
        job = JOB.changed(monitor_url=None)
        assert await_copy(missing(), missing(), copy(), job=job).lines == [LOOK] * 3
        clock = Clock()
        talk = await_copy(job=job, then=missing(), clock=clock, deadline=NOW + 1_000)
        assert type(talk.error) is DriveCopyUnknownError
        assert NOW + 1_000 <= clock.now <= NOW + 1_001

    def test_the_error_of_a_failed_copy_has_its_code(self):
        talk = await_copy(FAILED)
        assert type(talk.error) is DriveCopyFailedError
        assert talk.error.code == "accessDenied"
        assert (
            "the copy of drives/d/items/i to drives/e/items/f as 'plan.pdf' failed: accessDenied: No."
            in str(talk.error)
        )
        assert (
            "accessDenied: No. Part of a folder may be at the destination: Graph does not roll back."
            in str(talk.error)
        )
        assert len(talk.requests) == 1

    @pytest.mark.parametrize(
        "error",
        [
            {"code": "nameAlreadyExists", "message": "Name already exists"},
            {"code": "NameAlreadyExists"},
            {
                "message": "Errors occurred",
                "details": [{"code": "other"}, {"code": "nameAlreadyExists", "target": "t"}],
            },
        ],
    )
    def test_a_name_conflict_that_the_monitor_reports_is_a_name_conflict(self, error):
        talk = await_copy(answer(200, {"status": "failed", "error": error}))
        assert type(talk.error) is DriveCopyNameConflictError
        assert isinstance(talk.error, DriveNameConflictError)
        assert isinstance(talk.error, DriveCopyFailedError)
        assert "conflict_behavior" in str(talk.error)

    def test_the_error_of_a_failed_copy_has_its_details(self):
        details = [{"code": "b", "message": "m"}, {"code": "c"}]
        talk = await_copy(answer(200, {"status": "failed", "error": {"message": "x", "details": details}}))
        assert "2 details, the first: {'code': 'b', 'message': 'm'}" in str(talk.error)
        assert list(talk.error.details) == details

    def test_a_copy_that_is_not_done_at_the_deadline_times_out_with_its_percentage(self):
        talk = await_copy(then=RUNNING, deadline=NOW + 30)
        assert type(talk.error) is DriveCopyTimeoutError
        assert isinstance(talk.error, TimeoutError)
        assert "at 42 %" in str(talk.error)
        assert "may still end" in str(talk.error)
        talk = await_copy(then=refusal(500, message="No luck."), deadline=NOW + 30)
        assert "its progress is not known" in str(talk.error)
        assert "No luck." in str(talk.error)

    def test_a_copy_that_is_done_at_the_deadline_is_done(self):
        assert await_copy(RUNNING, DONE, copy(), deadline=NOW + 0.5).result.name == "plan.pdf"

    def test_the_drivers_refusal_of_a_monitors_host_is_raised(self):
        for flow in (wait_for_copy, check_copy):
            refused = wrong_host()
            talk = await_copy(refused, job=JOB.changed(monitor_url="https://evil.com/m"), flow=flow)
            assert talk.error is refused
            assert talk.kinds == ["monitor"]

    def test_no_error_quotes_the_monitors_url(self):
        bodies = [
            {"status": "failed", "error": {"code": MONITOR, "message": MONITOR}},
            {"error": {"message": MONITOR}},
        ]
        for body in bodies:
            assert "secret" not in str(await_copy(then=answer(500, body), deadline=NOW + 5).error)


class TestForgotten:
    """A monitor that does not know the job is asked twice, and then the destination decides."""

    def test_a_copy_that_its_monitor_has_forgotten_is_found_at_the_destination(self):
        talk = await_copy(GONE, GONE, copy())
        assert talk.result.ref == ref("n", "e")
        assert talk.lines == [f"GET {MONITOR}", f"GET {MONITOR}", LOOK]

    @pytest.mark.parametrize("fields", [{"createdDateTime": OLD}, {"size": 8}, {"file": {}}])
    def test_a_forgotten_copy_is_unknown_if_another_item_has_its_name(self, fields):
        """Graph has accepted it, so it may still come: no retry requests another."""
        talk = await_copy(
            GONE, GONE, then=lambda request: here("i") if "/d/" in request.url else copy(**fields)
        )
        assert type(talk.error) is DriveCopyUnknownError
        assert "'plan.pdf' (id n) is there, but it" in str(talk.error)
        assert not talk.checkpoints

    def test_a_forgotten_copy_is_searched_for_two_minutes(self):
        clock = Clock()
        talk = await_copy(GONE, GONE, then=missing(), clock=clock)
        assert type(talk.error) is DriveCopyUnknownError
        assert NOW + 120 <= clock.now <= NOW + 125
        assert "before you copy again" in str(talk.error)

    def test_the_search_for_a_forgotten_copy_ends_at_the_deadline(self):
        clock = Clock()
        talk = await_copy(GONE, GONE, then=missing(), clock=clock, deadline=NOW + 10)
        assert type(talk.error) is DriveCopyUnknownError
        assert clock.now <= NOW + 11

    def test_the_source_is_read_before_its_copy_is_searched_for(self):
        talk = await_copy(GONE, GONE, here("i"), copy(), job=UNREAD)
        assert talk.lines[2:] == ["GET /drives/d/items/i", LOOK]

    def test_a_copy_of_an_unknown_source_is_not_told_by_its_name(self):
        job = JOB.changed(source=None, snapshot=None)
        talk = await_copy(GONE, GONE, then=copy(), job=job)
        assert type(talk.error) is DriveCopyUnknownError
        talk = await_copy(GONE, GONE, job=UNREAD.changed(source=None))
        assert "its name is not known" in str(talk.error)


class TestReadingBack:
    def test_a_completed_copy_is_read_until_it_appears(self):
        talk = finish(CopyStatus("completed", "n"), missing(), missing(), missing(), copy())
        assert talk.result.ref == ref("n", "e")
        assert talk.lines == [READ] * 4
        assert talk.waited > 4

    def test_a_completed_copy_that_does_not_appear_for_100_seconds_is_unknown(self):
        clock = Clock()
        talk = finish(CopyStatus("completed", "n"), then=missing(), clock=clock)
        assert type(talk.error) is DriveCopyUnknownError
        assert NOW + 100 <= clock.now <= NOW + 115
        assert "is completed, as the item n, but the item is not to be seen" in str(talk.error)

    def test_a_copy_that_completes_at_the_deadline_has_ten_seconds_to_appear(self):
        clock = Clock()
        talk = finish(CopyStatus("completed", "n"), then=missing(), clock=clock, deadline=NOW + 1)
        assert type(talk.error) is DriveCopyUnknownError
        assert NOW + 10 <= clock.now <= NOW + 25

    def test_a_refusal_to_read_the_copy_is_raised(self):
        assert type(finish(CopyStatus("completed", "n"), refusal(403)).error) is DriveAccessDeniedError
        talk = finish(CopyStatus("completed", "n"), then=refusal(500))
        assert type(talk.error) is DriveCopyUnknownError
        assert "the search fails: Could not read" in str(talk.error)

    def test_a_completed_copy_without_an_id_is_searched_for_by_name(self):
        talk = finish(CopyStatus("completed"), missing(), copy())
        assert talk.lines == [LOOK, LOOK]

    @pytest.mark.parametrize(
        ("made", "fault"),
        [
            (copy(parent="x"), "it is in the folder x of the drive e"),
            (copy(drive="x"), "it is in the folder f of the drive x"),
            (copy(parent=None), "it is in the folder None"),
            (copy("other.pdf"), "its name is 'other.pdf'"),
            (copy("plan 1.pdf"), "its name is 'plan 1.pdf'"),
            (copy(kind="folder"), "it is a folder, not a file"),
            (copy("x.pdf", "y"), "it is in the folder y of the drive e and its name is 'x.pdf'"),
        ],
    )
    def test_an_item_in_another_place_or_of_another_name_or_kind_is_a_failed_copy(self, made, fault):
        talk = finish(CopyStatus("completed", "n"), made)
        assert type(talk.error) is DriveCopyFailedError
        assert talk.error.code == "notAsAsked"
        assert fault in str(talk.error)
        assert "It was left there, and no retry will request another." in str(talk.error)

    def test_the_case_of_a_folders_id_matters(self):
        assert type(finish(CopyStatus("completed", "n"), copy(parent="F")).error) is DriveCopyFailedError

    @pytest.mark.parametrize("made", [copy(None), copy(file=None)])
    def test_a_name_or_kind_that_graph_leaves_out_is_not_checked(self, made):
        assert finish(CopyStatus("completed", "n"), made).result.ref.item_id == "n"

    @pytest.mark.parametrize("made", [copy("PLAN.pdf"), answer(200, {**item("n", parent="f", drive="E")})])
    def test_the_case_of_names_and_drive_ids_does_not_matter(self, made):
        assert finish(CopyStatus("completed", "n"), made).result.ref.item_id == "n"

    def test_a_name_that_was_not_asked_for_is_not_checked(self):
        job = UNREAD
        assert finish(CopyStatus("completed", "n"), copy("any.pdf"), job=job).result.name == "any.pdf"

    def test_a_renamed_copy_may_have_a_number(self):
        job = JOB.changed(conflict_behavior="rename", arrival=Arrival("plan.pdf", "rename"))
        assert finish(CopyStatus("completed", "n"), copy("plan 1.pdf"), job=job).result.name == "plan 1.pdf"
        assert (
            type(finish(CopyStatus("completed", "n"), copy("x.pdf"), job=job).error) is DriveCopyFailedError
        )

    def test_a_personal_drives_ids_change_their_case(self):
        job = JOB.changed(destination=ref("4F62!9", "04f62"))
        made = answer(200, personal(item("n", "plan.pdf", "4f62!9", "4F62")))
        assert finish(CopyStatus("completed", "n"), made, job=job).result.ref.item_id == "n"

    @pytest.mark.parametrize(
        "fields", [{"size": 8}, {"file": {"hashes": {"quickXorHash": "other="}}}, {"size": 8, "file": {}}]
    )
    def test_another_size_or_hash_is_noted_and_not_an_error(self, fields):
        talk = finish(CopyStatus("completed", "n"), copy(**fields))
        assert talk.result.ref.item_id == "n"
        assert "or the service has written properties" in talk.notes[0]

    def test_the_same_or_an_unknown_size_and_hash_are_not_noted(self):
        assert not finish(CopyStatus("completed", "n"), copy()).notes
        assert not finish(CopyStatus("completed", "n"), copy(file={}, size=None)).notes

    def test_a_copy_of_children_results_in_the_destination(self):
        folder, children = here("f", "A", kind="folder", drive="e"), page(item("a", "a"))
        for resource_id in ("f", "c", None):
            talk = finish(CopyStatus("completed", resource_id), folder, children, children, job=CHILDREN)
            assert talk.result.ref == ref("f", "e")
            assert [line.partition("?")[0] for line in talk.lines] == [
                "GET /drives/e/items/f",
                "GET /drives/e/items/f/children",
                "GET /drives/d/items/i/children",
            ]

    def test_a_copy_under_a_temporary_name_gets_its_name(self):
        job = JOB.changed(arrival=Arrival("plan.pdf", "rename"), name="new.pdf")
        talk = finish(
            CopyStatus("completed", "n"),
            copy("plan 1.pdf"),
            answer(200, item("n", "new.pdf", "f", "e")),
            job=job,
        )
        assert talk.result.name == "new.pdf"
        assert talk.sent("PATCH").json == {"name": "new.pdf"}
        assert talk.sent("PATCH").headers == {"If-Match": '"{n},1"'}

    def test_a_copy_under_a_temporary_name_that_arrives_elsewhere_is_left_there(self):
        job = JOB.changed(name="new.pdf")
        talk = finish(CopyStatus("completed", "n"), copy("plan.pdf", "x"), job=job)
        assert type(talk.error) is DriveCopyFailedError
        assert len(talk.requests) == 1

    def test_a_copy_under_a_temporary_name_whose_name_was_taken_is_a_conflict(self):
        job = JOB.changed(name="new.pdf")
        talk = finish(
            CopyStatus("completed", "n"),
            copy("plan.pdf"),
            refusal(409, "nameAlreadyExists"),
            copy("plan.pdf"),
            job=job,
        )
        assert type(talk.error) is DriveNameConflictError

    def test_a_copy_under_a_temporary_name_replaces_the_file_that_has_its_name(self):
        """The old file makes way, and is deleted last."""
        made, own = [], []

        def serve(request):
            if request.method == "DELETE":
                return answer(204)
            if request.method == "PATCH" and "/items/o" in request.url:
                own.append(request.json["name"])
            elif request.method == "PATCH":
                made.append(request)
            if "/items/n" in request.url:
                return copy("plan.pdf" if len(made) > 1 else "~0123456789ab.pdf")
            return copy(own[-1] if own else "plan.pdf", item_id="o", createdDateTime=OLD)

        def refuse_once(request):
            said = serve(request)
            is_first = request.method == "PATCH" and len(made) == 1 and not own
            return refusal(409, "nameAlreadyExists") if is_first else said

        talk = finish(CopyStatus("completed", "n"), then=refuse_once, job=REPLACED)
        assert talk.result.name == "plan.pdf"
        changes = [line for line in talk.lines if not line.startswith("GET")]
        patch = "PATCH /drives/e/items/n?@microsoft.graph.conflictBehavior=replace"
        assert changes == [patch, "PATCH /drives/e/items/o", patch, "DELETE /drives/e/items/o"]

    def test_a_copy_that_has_its_name_by_now_still_deletes_the_file_that_it_has_replaced(self):
        old = {"driveId": "e", "id": "o", "name": "~ba9876543210.pdf"}
        flow = verify_copy(REPLACED, CopyStatus("completed", "n"), wait())
        there = copy("~ba9876543210.pdf", item_id="o", createdDateTime=OLD)
        talk = converse(flow, copy(), there, answer(204), saved={"displaced by n": old}, durable=True)
        assert talk.lines[-1] == "DELETE /drives/e/items/o"

    @pytest.mark.parametrize(
        ("answers", "words"),
        [([answer(204)], "was deleted again"), ([refusal(423)], "stays behind as '~0123456789ab.pdf'")],
    )
    def test_a_copy_under_a_temporary_name_is_deleted_again_if_its_name_was_taken(self, answers, words):
        own = copy("~0123456789ab.pdf")
        taken = refusal(409, "nameAlreadyExists")
        talk = finish(CopyStatus("completed", "n"), own, taken, own, *answers, job=OWN)
        assert type(talk.error) is DriveNameConflictError
        assert words in str(talk.error)
        assert talk.sent("DELETE").headers == {"If-Match": '"{n},1"'}
        assert (talk.checkpoints[-1][1] is None) == ("again" in words)

    @pytest.mark.parametrize(
        "refused", [refusal(409, "nameAlreadyExists"), refusal(403)], ids=["taken", "denied"]
    )
    def test_a_copy_that_does_not_get_its_name_is_told_with_the_name_that_it_has(self, refused):
        """With all versions, it arrives under its source's name."""
        job, first = JOB.changed(arrival=Arrival("source.pdf", "fail")), copy("source.pdf")
        talk = finish(CopyStatus("completed", "n"), first, refused, first, job=job)
        assert isinstance(talk.error, DriveError)
        assert "did not get its name: it stays behind as 'source.pdf'" in str(talk.error)
        assert "DELETE" not in {request.method for request in talk.requests}

    def test_a_copy_that_cannot_be_told_by_its_content_is_unknown_and_the_error_says_where_to_look(self):
        """All versions make the size of an Office file another, and the monitor tells no id."""
        job = JOB.changed(name="plan.docx", arrival=Arrival("plan.docx", "fail"))
        there, source = copy("plan.docx", size=90_000), here("i", "plan.docx")
        talk = finish(
            CopyStatus("completed"),
            then=lambda request: source if request.url.endswith("/items/i") else there,
            job=job,
        )
        assert type(talk.error) is DriveCopyUnknownError
        assert "is there, but it does not have exactly" in str(talk.error)
        assert "Look in the folder drives/e/items/f for 'plan.docx' before you copy again." in str(talk.error)

    def test_with_skip_a_copy_under_a_temporary_name_gives_way_to_the_same_content(self):
        own, there = copy("~0123456789ab.pdf"), copy(item_id="o", createdDateTime=OLD)
        answers = [own, refusal(409, "nameAlreadyExists"), own, here("i")]
        job = OWN.changed(conflict_behavior="skip")
        talk = finish(CopyStatus("completed", "n"), *answers, there, answer(204), job=job)
        assert talk.result.ref == ref("o", "e")
        assert talk.lines[-1] == "DELETE /drives/e/items/n"
        other = copy(item_id="o", createdDateTime=OLD, size=8)
        talk = finish(CopyStatus("completed", "n"), *answers, other, answer(204), job=job)
        assert type(talk.error) is DriveNameConflictError
        assert "another content" in str(talk.error)
        assert "was deleted again" in str(talk.error)


class TestChecking:
    def check(self, *answers, **options):
        return await_copy(*answers, flow=check_copy, **options)

    def test_a_check_of_a_running_copy_results_in_nothing(self):
        assert self.check(RUNNING).result is None
        assert self.check(refusal(429, retry_after="100")).result is None
        assert self.check(refusal(500)).result is None
        assert self.check(DriveConnectionError("cut off")).result is None

    def test_a_check_of_a_copy_that_has_ended_results_in_its_item_or_error(self):
        assert self.check(DONE, copy()).result.ref == ref("n", "e")
        assert type(self.check(FAILED).error) is DriveCopyFailedError
        assert self.check(GONE, GONE, copy()).result.ref == ref("n", "e")
        assert self.check(copy(), job=JOB.changed(resource_id="n")).lines == [READ]

    def test_a_check_of_a_copy_without_a_monitor_searches_once(self):
        job = JOB.changed(monitor_url=None)
        talk = self.check(missing(), job=job)
        assert talk.result is None
        assert not talk.pauses
        talk = self.check(copy(), copy(), job=job)
        assert talk.result.ref == ref("n", "e")
        assert talk.lines == [LOOK, READ]

    def test_a_check_after_the_deadline_is_not_an_error(self):
        assert self.check(RUNNING, deadline=NOW - 1_000).result is None


class TestConcluding:
    def test_the_result_of_a_status_holds_what_the_monitor_reports(self):
        assert result_from_status(CopyStatus("completed", "n", "e", 100.0)) == {
            "status": "completed",
            "resource_id": "n",
            "drive_id": "e",
            "percent_complete": 100.0,
            "id": "n",
        }

    def test_a_status_other_than_completed_is_an_error(self):
        with pytest.raises(DriveCopyFailedError, match="the copy failed: c: m"):
            result_from_status(CopyStatus("failed", code="c", message="m"))
        with pytest.raises(DriveCopyNameConflictError):
            result_from_status(CopyStatus("failed", code="nameAlreadyExists"))
        with pytest.raises(DriveCopyTimeoutError, match="at 5 %"):
            result_from_status(CopyStatus("timeout", percent_complete=5))
        with pytest.raises(DriveCopyUnknownError, match="Give the sensor the copy_job"):
            result_from_status(CopyStatus("unknown"))
