"""Asking for a copy: what is sent, what is refused before, and what is done when the answer is lost."""

import re

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
    recorded_answer,
    recording,
    ref,
    refusal,
    wait,
    wrong_host,
)

from airflow_provider_drive.exceptions import (
    DriveAddressError,
    DriveArgumentError,
    DriveConnectionError,
    DriveCopyUnknownError,
    DriveItemNotFoundError,
    DriveLockedError,
    DriveNameConflictError,
    DriveQuotaError,
    DriveRequestError,
    DriveResponseError,
    DriveThrottledError,
)
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import wait_for_copy
from airflow_provider_drive.protocol.wire.addresses import ItemRef, parse_address
from airflow_provider_drive.protocol.wire.copy_job import Arrival
from airflow_provider_drive.protocol.wire.items import read_item

FOLDER = ref("f", "e")
OLD = "2020-01-01T00:00:00Z"
POST = "POST /drives/d/items/i/copy?@microsoft.graph.conflictBehavior="


def at(address):
    return parse_address(address, HOSTS) if isinstance(address, str) else address


def copy(source, destination, *answers, then=None, clock=None, deadline=NOW + 600, known=None, **order):
    clock = clock or Clock()
    order = CopyOrder(at(source), destination and at(destination), **order)
    flow = copy_item(order, wait(clock, deadline=deadline), known=known)
    return converse(flow, *answers, then=then, clock=clock)


class TestSending:
    def test_a_copy_by_ids_is_one_post(self):
        talk = copy(ref("i"), FOLDER, accepted())
        assert talk.lines == [f"{POST}fail"]
        (request,) = talk.requests
        assert request.json == {"parentReference": {"driveId": "e", "id": "f"}}
        assert request.headers == {"Prefer": "respond-async"}
        job = talk.result
        assert (job.monitor_url, job.source, job.destination) == (MONITOR, ref("i"), FOLDER)
        assert (job.name, job.conflict_behavior, job.submitted_at, job.snapshot) == (None, "fail", NOW, None)

    def test_each_path_takes_one_get_more(self):
        talk = copy("drives/d/root:/a.pdf", FOLDER, here("i", "a.pdf"), accepted())
        assert talk.lines == ["GET /drives/d/root:/a.pdf:", f"{POST}fail"]
        talk = copy(ref("i"), "drives/e/root:/Archive", here("f", kind="folder", drive="e"), accepted())
        assert talk.lines == ["GET /drives/e/root:/Archive:", f"{POST}fail"]
        talk = copy(
            "drives/d/root:/a.pdf",
            "drives/e/root",
            here("i", "a.pdf"),
            here("f", "root", kind="root", drive="e"),
            accepted(),
        )
        assert talk.lines == ["GET /drives/d/root:/a.pdf:", "GET /drives/e/root", f"{POST}fail"]
        assert talk.sent("POST").json == {"parentReference": {"driveId": "e", "id": "f"}}

    def test_the_job_holds_what_was_read_of_the_source(self):
        job = copy("drives/d/root:/a.pdf", FOLDER, here("i", "a.pdf"), accepted()).result
        assert job.name == "a.pdf"
        assert (job.snapshot.kind, job.snapshot.size, job.snapshot.hashes) == (
            "file",
            7,
            {"quickXorHash": "hash="},
        )

    def test_a_source_that_is_known_is_not_read_again(self):
        talk = copy(ref("i"), FOLDER, accepted(), known=read_item(item("i", "a.pdf")))
        assert talk.lines == [f"{POST}fail"]
        assert talk.result.name == "a.pdf"
        known = read_item(item("i", "a.pdf", parent="p"))
        talk = copy("drives/d/root:/a.pdf", None, accepted(), known=known, name="b.pdf")
        assert talk.lines == [f"{POST}fail"]

    @pytest.mark.parametrize("behavior", ["fail", "replace", "rename"])
    def test_the_conflict_behaviour_is_sent_in_the_query_alone(self, behavior):
        talk = copy(ref("i"), FOLDER, accepted(), conflict_behavior=behavior, name="new.pdf")
        assert talk.lines == [POST + behavior]
        assert talk.requests[0].json == {"parentReference": {"driveId": "e", "id": "f"}, "name": "new.pdf"}

    def test_children_only_is_sent_to_graph(self):
        talk = copy(ref("i"), FOLDER, accepted(), children_only=True)
        assert talk.requests[0].json == {"parentReference": {"driveId": "e", "id": "f"}, "childrenOnly": True}
        assert talk.result.children_only
        talk = copy("drives/d/root", FOLDER, here("i", "root", kind="root"), accepted(), children_only=True)
        assert talk.lines == ["GET /drives/d/root", f"{POST}fail"]
        assert talk.result.name is None

    def test_include_all_version_history_is_sent_to_graph(self):
        talk = copy(ref("i"), FOLDER, accepted(), include_all_version_history=True)
        assert talk.requests[0].json["includeAllVersionHistory"] is True
        assert talk.lines == [f"{POST}fail"]

    def test_without_a_destination_the_copy_is_made_beside_the_source(self):
        talk = copy(ref("i"), None, here("i", "a.pdf", parent="p"), accepted(), name="b.pdf")
        assert talk.lines == ["GET /drives/d/items/i", f"{POST}fail"]
        assert talk.sent("POST").json == {"parentReference": {"driveId": "d", "id": "p"}, "name": "b.pdf"}

    def test_missing_folders_of_the_destination_are_made(self):
        talk = copy(
            ref("i"),
            "drives/e/root:/Archive",
            missing(),
            here("r", kind="root", drive="e"),
            answer(201, item("f", "Archive", drive="e", kind="folder")),
            accepted(),
            create_destination=True,
        )
        assert talk.lines == [
            "GET /drives/e/root:/Archive:",
            "GET /drives/e/root",
            "POST /drives/e/items/r/children",
            f"{POST}fail",
        ]

    def test_a_library_by_its_name_is_looked_up(self):
        talk = copy(
            ref("i"),
            "sites/h/drives/Archive/root",
            page({"id": "b!e", "name": "Archive"}),
            here("f", drive="b!e", kind="root"),
            accepted(),
        )
        assert talk.result.destination == ItemRef("b!e", "f")

    def test_a_shortcut_is_copied_as_what_it_leads_to(self):
        remote = {"id": "r", "parentReference": {"driveId": "x"}}
        talk = copy(
            "me/drive/root:/link", FOLDER, here("i", remoteItem=remote), here("r", drive="x"), accepted()
        )
        assert talk.lines[-1].startswith("POST /drives/x/items/r/copy")

    @pytest.mark.parametrize(
        "name",
        [
            "gnome-copy-202-personal",
            "op-copy-202-sync-item-location-2024",
            "iss-copy-202-operations-location-2020",
        ],
    )
    def test_a_recorded_monitor_is_kept_as_it_came(self, name):
        job = copy(ref("i"), FOLDER, recorded_answer(name)).result
        assert job.monitor_url == recording(name)["headers"]["Location"]

    def test_the_date_of_the_answer_is_the_time_of_the_request(self):
        late = "Mon, 21 Sep 2026 14:15:20 GMT"
        assert copy(ref("i"), FOLDER, accepted(date=late)).result.submitted_at == NOW + 120
        for date in ("", "now", "Mon, 99 Foo"):
            assert copy(ref("i"), FOLDER, accepted(date=date)).result.submitted_at == NOW

    @pytest.mark.parametrize("location", [None, ""])
    def test_an_accepted_copy_without_a_monitor_is_a_job_without_one(self, location):
        talk = copy(
            ref("i"), FOLDER, answer(202, date=DATE, **({} if location is None else {"location": ""}))
        )
        assert talk.result.monitor_url is None
        assert len(talk.requests) == 1

    def test_a_throttled_post_is_sent_again(self):
        talk = copy(
            ref("i"), FOLDER, refusal(429, retry_after="5"), refusal(503, retry_after="5"), accepted()
        )
        assert talk.result.monitor_url == MONITOR
        assert talk.lines == [f"{POST}fail"] * 3
        assert talk.waited >= 10
        talk = copy(ref("i"), FOLDER, refusal(429, retry_after="9999"))
        assert type(talk.error) is DriveThrottledError

    def test_a_post_that_was_not_sent_is_retried_and_then_an_error(self):
        unsent = [DriveConnectionError("no route", sent=False) for _ in range(6)]
        assert copy(ref("i"), FOLDER, unsent[0], accepted()).result.monitor_url == MONITOR
        talk = copy(ref("i"), FOLDER, *unsent[1:])
        assert type(talk.error) is DriveConnectionError
        assert len(talk.requests) == 5


class TestRefusals:
    @pytest.mark.parametrize(
        ("source", "order", "words"),
        [
            ("drives/d/root", {}, "only its children"),
            ("me/drive/root", {"name": "x"}, "only its children"),
            ("drives/d/items/i", {"children_only": True, "name": "x"}, "no name"),
            (
                "drives/d/items/i",
                {"conflict_behavior": "overwrite"},
                "rename, skip, got 'overwrite'",
            ),
            ("drives/d/items/i", {"conflict_behavior": None}, "rename, skip, got None"),
            ("drives/d/items/i", {"name": ""}, "not a valid item name"),
            ("drives/d/items/i", {"name": "a/b"}, "slash"),
            ("drives/d/items/i", {"name": ".."}, "not a valid item name"),
            ("drives/d/items/i", {"name": 5}, "must be a string"),
        ],
    )
    def test_what_graph_would_refuse_is_refused_before_anything_is_sent(self, source, order, words):
        talk = copy(source, FOLDER, **order)
        assert isinstance(talk.error, DriveArgumentError | DriveAddressError)
        assert words in str(talk.error)
        assert not talk.error.retryable
        assert not talk.requests

    def test_create_destination_without_a_destination_is_refused(self):
        talk = copy(ref("i"), None, create_destination=True)
        assert type(talk.error) is DriveArgumentError
        assert not talk.requests

    def test_items_that_cannot_be_copied_are_refused_once_they_are_read(self):
        talk = copy("drives/d/root:/a", FOLDER, here("i", kind="root"))
        assert "only its children" in str(talk.error)
        talk = copy("drives/d/root:/a", FOLDER, here("i"), children_only=True)
        assert "is a file" in str(talk.error)
        talk = copy(ref("i"), "drives/e/root:/a.pdf", here("x"))
        assert "is not a folder" in str(talk.error)
        talk = copy(ref("i"), None, answer(200, {"id": "i", "file": {}}), name="x")
        assert "give a destination" in str(talk.error)
        assert not [line for line in talk.lines if line.startswith("POST")]

    @pytest.mark.parametrize("order", [{}, {"name": "PLAN.pdf"}, {"conflict_behavior": "replace"}])
    def test_an_item_is_not_copied_over_itself(self, order):
        """Seen: Graph accepts that and does nothing."""
        for destination in (None, ref("f")):
            talk = copy("drives/d/root:/plan.pdf", destination, here("i"), **order)
            assert type(talk.error) is DriveNameConflictError
            assert "the item itself has that name" in str(talk.error)
            assert not talk.error.retryable
            assert len(talk.requests) == 1

    def test_an_item_may_be_copied_beside_itself(self):
        for order in ({"name": "other.pdf"}, {"conflict_behavior": "rename"}):
            assert copy(ref("i"), None, here("i"), accepted(), **order).result.monitor_url == MONITOR

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("op-copy-409-sync-nameAlreadyExists", DriveNameConflictError),
            ("op-copy-404-source-not-found", DriveItemNotFoundError),
            ("doc-copy-400-root", DriveRequestError),
            ("doc-copy-400-childrenOnly-file", DriveRequestError),
        ],
    )
    def test_a_recorded_refusal_is_raised(self, name, kind):
        talk = copy(ref("i"), ref("f"), recorded_answer(name))
        assert type(talk.error) is kind
        assert "copy drives/d/items/i to drives/d/items/f" in str(talk.error)
        assert len(talk.requests) == 1

    @pytest.mark.parametrize(
        ("status", "kind"), [(423, DriveLockedError), (507, DriveQuotaError), (409, DriveRequestError)]
    )
    def test_a_refusal_is_raised_as_its_error(self, status, kind):
        assert type(copy(ref("i"), FOLDER, refusal(status)).error) is kind

    def test_a_copy_whose_monitor_is_on_another_host_is_a_job_and_polling_it_fails_for_good(self):
        talk = copy(ref("i"), FOLDER, accepted("https://evil.com/m"))
        assert talk.result.state == "accepted"
        assert talk.result.monitor_url == "https://evil.com/m"
        assert len(talk.requests) == 1
        refused = wrong_host()
        polled = converse(wait_for_copy(talk.result, wait()), refused)
        assert polled.error is refused
        assert [(request.url, request.kind) for request in polled.requests] == [
            ("https://evil.com/m", "monitor")
        ]


class TestFreshFolders:
    ANSWERS = (missing(), here("r", kind="root", drive="e"), answer(201, item("f", drive="e", kind="folder")))

    def copy(self, *answers, **options):
        return copy(
            ref("i"), "drives/e/root:/New", *self.ANSWERS, *answers, create_destination=True, **options
        )

    def test_a_404_for_a_folder_just_made_is_retried(self):
        """Seen: 404 for a folder that reads 200."""
        talk = self.copy(missing(), missing(), accepted())
        assert talk.result.monitor_url == MONITOR
        assert [pause.seconds for pause in talk.pauses] == [0.25, 0.5]

    def test_a_404_for_a_folder_just_made_is_raised_after_six_tries(self):
        talk = self.copy(*[missing()] * 6, then=missing())
        assert type(talk.error) is DriveItemNotFoundError
        assert len([line for line in talk.lines if line == f"{POST}fail"]) == 6
        assert talk.waited < 16

    def test_a_404_for_a_folder_that_existed_is_not_retried(self):
        there = here("f", drive="e", kind="folder")
        to = "drives/e/root:/New"
        talk = copy(ref("i"), to, there, missing(), create_destination=True, then=missing())
        assert type(talk.error) is DriveItemNotFoundError
        assert len(talk.posts) == 1

    def test_a_name_that_is_taken_after_a_404_belongs_to_another_item(self):
        """Two tasks copy one name into a folder that both make: a refused request has made nothing."""
        talk = self.copy(missing(), refusal(409, "nameAlreadyExists"))
        assert type(talk.error) is DriveNameConflictError
        assert len(talk.posts) == 3

    def test_a_copy_to_another_drive_that_got_a_404_is_searched_for(self):
        """https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/3426"""
        source, made = here("i", "a.pdf"), here("n", "a.pdf", "f", "e")
        dated = answer(200, item("f", drive="e", kind="folder"), date=DATE)
        talk = copy(ref("i"), FOLDER, missing(), dated, source, missing(), made, conflict_behavior="replace")
        assert (talk.result.resource_id, talk.result.state) == ("n", "completed")
        older = here("n", "a.pdf", "f", "e", createdDateTime=OLD)
        talk = copy(ref("i"), FOLDER, missing(), dated, source, older)
        assert type(talk.error) is DriveItemNotFoundError

    def test_a_404_for_a_copy_within_one_drive_is_raised(self):
        talk = copy(ref("i"), ref("f"), missing())
        assert type(talk.error) is DriveItemNotFoundError


class TestLostAnswers:
    """A POST of which nobody knows is looked for; it is sent again only where it cannot make two copies."""

    SOURCE = here("i", "a.pdf")

    LOSSES = (
        DriveConnectionError("cut off"),
        DriveResponseError("larger than 32 MiB"),
        refusal(500),
        refusal(502),
        refusal(503),
        refusal(504),
        refusal(408),
    )

    def folder(self, date=DATE):
        return answer(200, item("f", drive="e", kind="folder"), date=date)

    def made(self, **fields):
        return here("n", "a.pdf", "f", "e", **fields)

    @pytest.mark.parametrize("loss", LOSSES, ids=str)
    def test_after_a_lost_answer_the_new_item_at_the_destination_is_the_copy(self, loss):
        talk = copy(ref("i"), FOLDER, loss, self.folder(), self.SOURCE, self.made())
        assert talk.lines == [
            f"{POST}fail",
            "GET /drives/e/items/f",
            "GET /drives/d/items/i",
            "GET /drives/e/items/f:/a.pdf:",
        ]
        job = talk.result
        assert (job.resource_id, job.monitor_url) == ("n", None)

    def test_after_a_lost_answer_the_source_is_read_though_its_name_is_known(self):
        talk = copy(
            ref("i"),
            FOLDER,
            refusal(504),
            self.folder(),
            self.SOURCE,
            missing(),
            name="a.pdf",
            deadline=NOW,
        )
        assert talk.lines[2] == "GET /drives/d/items/i"
        assert type(talk.error) is DriveCopyUnknownError

    def test_after_a_lost_answer_the_destination_is_searched_until_the_copy_appears(self):
        talk = copy(
            ref("i"), FOLDER, self.LOSSES[0], self.folder(), self.SOURCE, missing(), missing(), self.made()
        )
        assert talk.result.resource_id == "n"
        assert talk.sent("POST")

    def test_the_search_after_a_lost_answer_goes_on_after_faults(self):
        lost = [DriveConnectionError("cut off") for _ in range(5)]
        talk = copy(ref("i"), FOLDER, refusal(504), self.folder(), self.SOURCE, *lost, self.made())
        assert talk.result.resource_id == "n"

    @pytest.mark.parametrize(("behavior", "seconds"), [("fail", 100), ("replace", 100), ("rename", 600)])
    def test_a_copy_that_does_not_appear_until_the_deadline_is_unknown(self, behavior, seconds):
        clock, nothing = Clock(), page() if behavior == "rename" else missing()
        told = [refusal(504), self.folder(), self.SOURCE]
        order = {"conflict_behavior": behavior, "deadline": NOW + seconds, "clock": clock}
        talk = copy(ref("i"), FOLDER, *told, then=nothing, **order)
        assert type(talk.error) is DriveCopyUnknownError
        assert NOW + seconds <= clock.now <= NOW + seconds + 1
        assert "no new item" in str(talk.error) or "nothing has its name" in str(talk.error)
        assert "before you copy again" in str(talk.error)
        assert len([line for line in talk.lines if line.startswith("POST")]) == 1

    def ask_twice(self, *posts, then=None, **order):
        """Ask for a copy that nobody sees until the last request for it; then for what is given."""
        posts = [refusal(504), *posts]

        def serve(request):
            if request.method == "POST":
                return posts.pop(0)
            if request.url == "/drives/d/items/i":
                return self.SOURCE
            return self.folder() if request.url == "/drives/e/items/f" else missing() if posts else then

        return copy(ref("i"), FOLDER, then=serve, **{"deadline": NOW + 2_000, **order})

    @pytest.mark.parametrize("behavior", ["fail", "replace"])
    def test_a_copy_that_does_not_appear_in_two_minutes_is_requested_again_under_the_same_name(
        self, behavior
    ):
        clock = Clock()
        talk = self.ask_twice(accepted(), clock=clock, conflict_behavior=behavior)
        assert talk.lines.count(POST + behavior) == 2
        assert NOW + 120 <= clock.now <= NOW + 125
        job = talk.result
        assert (job.monitor_url, job.state, job.lost) == (MONITOR, "accepted", 1)
        assert job.asked == NOW  # what the first request has made is not too old

    def test_the_copy_of_the_first_request_is_taken_if_the_second_is_a_name_conflict(self):
        talk = self.ask_twice(refusal(409, "nameAlreadyExists"), then=self.made())
        assert talk.result.resource_id == "n"

    def test_a_name_conflict_of_the_second_request_is_raised_if_another_item_has_the_name(self):
        for others in (self.made(createdDateTime=OLD), self.made(size=8)):
            talk = self.ask_twice(refusal(409, "nameAlreadyExists"), then=others)
            assert type(talk.error) is DriveNameConflictError

    def test_a_copy_is_requested_three_times_at_most(self):
        talk = self.ask_twice(refusal(504), refusal(504), then=missing())
        assert type(talk.error) is DriveCopyUnknownError
        assert talk.lines.count(f"{POST}fail") == 3

    def test_a_copy_whose_destination_cannot_be_read_is_unknown(self):
        talk = copy(
            ref("i"), FOLDER, refusal(504), self.folder(), self.SOURCE, then=refusal(500), deadline=NOW + 1
        )
        assert type(talk.error) is DriveCopyUnknownError
        assert "the search fails: Could not read" in str(talk.error)

    def test_an_older_item_of_the_name_means_that_the_copy_cannot_have_been_made(self):
        talk = copy(
            ref("i"), FOLDER, refusal(504), self.folder(), self.SOURCE, self.made(createdDateTime=OLD)
        )
        assert type(talk.error) is DriveNameConflictError
        assert "has that name, and it is older than the request" in str(talk.error)

    def test_with_replace_an_older_item_is_waited_for_to_be_replaced(self):
        talk = copy(
            ref("i"),
            FOLDER,
            refusal(504),
            self.folder(),
            self.SOURCE,
            self.made(createdDateTime=OLD),
            self.made(),
            conflict_behavior="replace",
        )
        assert talk.result.resource_id == "n"

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"size": 8}, DriveNameConflictError),
            ({"file": {}}, DriveNameConflictError),
            ({"createdDateTime": None}, DriveCopyUnknownError),
        ],
    )
    def test_an_item_of_another_content_or_unknown_age_is_not_taken_for_the_copy(self, fields, error):
        clock = Clock()
        talk = copy(
            ref("i"),
            FOLDER,
            refusal(504),
            self.folder(),
            self.SOURCE,
            then=lambda request: self.SOURCE if "items/i" in request.url else self.made(**fields),
            clock=clock,
            conflict_behavior="replace",
            deadline=NOW + 5,
        )
        assert type(talk.error) is error
        assert len(talk.posts) == 1

    def test_a_folder_of_the_name_is_not_taken_for_the_copy_of_a_file(self):
        talk = copy(
            ref("i"),
            FOLDER,
            refusal(504),
            self.folder(),
            self.SOURCE,
            here("n", "a.pdf", "f", "e", kind="folder"),
            deadline=NOW + 5,
        )
        assert type(talk.error) is DriveNameConflictError

    def test_a_renamed_copy_is_found_among_the_children(self):
        children = page(
            item("o", "a.pdf", "f", "e", createdDateTime=OLD),
            item("n", "a 1.pdf", "f", "e"),
            item("x", "b.pdf", "f", "e"),
        )
        talk = copy(
            ref("i"), FOLDER, refusal(504), self.folder(), self.SOURCE, children, conflict_behavior="rename"
        )
        assert talk.result.resource_id == "n"
        assert talk.lines[-1] == "GET /drives/e/items/f/children"

    def test_a_renamed_item_that_is_not_whole_is_not_taken(self):
        talk = copy(
            ref("i"),
            FOLDER,
            refusal(504),
            self.folder(),
            self.SOURCE,
            then=lambda request: (
                page(item("n", "a 1.pdf", "f", "e", size=8)) if "children" in request.url else self.SOURCE
            ),
            conflict_behavior="rename",
            deadline=NOW + 5,
        )
        assert type(talk.error) is DriveCopyUnknownError

    def test_two_items_that_might_be_the_renamed_copy_are_unknown(self):
        children = page(item("n", "a 1.pdf", "f", "e"), item("m", "a 2.pdf", "f", "e"))
        talk = copy(
            ref("i"),
            FOLDER,
            refusal(504),
            self.folder(),
            self.SOURCE,
            then=children,
            conflict_behavior="rename",
        )
        assert type(talk.error) is DriveCopyUnknownError
        assert "2 new items" in str(talk.error)

    def test_a_copied_folder_is_found_once_all_of_it_is_there(self):
        source = here("i", "Contracts", kind="folder")
        made = here("n", "Contracts", "f", "e", kind="folder")
        talk = copy(
            ref("i"),
            FOLDER,
            refusal(504),
            self.folder(),
            source,
            made,
            page(item("a", "a"), item("b", "b")),
            page(item("a", "a", drive="e")),
            made,
            page(item("a", "a"), item("b", "b")),
            page(item("a", "a", drive="e"), item("b", "b", drive="e")),
        )
        assert talk.result.resource_id == "n"
        assert [line.partition("?")[0] for line in talk.lines[4:6]] == [
            "GET /drives/d/items/i/children",
            "GET /drives/e/items/n/children",
        ]

    def test_an_item_is_new_by_the_services_clock(self):
        """Ours may go wrong by hours."""
        behind = "Mon, 21 Sep 2026 11:13:20 GMT"
        made = self.made(createdDateTime="2026-09-21T11:13:19Z")
        assert (
            copy(ref("i"), FOLDER, refusal(504), self.folder(behind), self.SOURCE, made).result.resource_id
            == "n"
        )
        talk = copy(ref("i"), FOLDER, refusal(504), self.folder(), self.SOURCE, made)
        assert type(talk.error) is DriveNameConflictError

    @pytest.mark.parametrize("date", ["", "now"])
    def test_an_item_is_new_by_the_waits_clock_if_the_service_sends_no_date(self, date):
        talk = copy(ref("i"), FOLDER, refusal(504), self.folder(date), self.SOURCE, self.made())
        assert talk.result.resource_id == "n"

    def test_a_destination_whose_date_cannot_be_read_is_searched_all_the_same(self):
        talk = copy(ref("i"), FOLDER, refusal(504), *[refusal(500)] * 5, self.SOURCE, self.made())
        assert talk.result.resource_id == "n"

    @pytest.mark.parametrize("fault", [refusal(500), missing()])
    def test_a_copy_whose_source_cannot_be_read_any_more_is_unknown(self, fault):
        talk = copy(ref("i"), FOLDER, refusal(504), self.folder(), then=fault, deadline=NOW + 5)
        assert type(talk.error) is DriveCopyUnknownError

    def test_copied_children_are_found_once_all_are_there(self):
        there = page(item("m", "a.pdf", "f", "e"), item("n", "B.pdf", "f", "e"))
        originals = page(item("a", "a.pdf"), item("b", "b.pdf"))
        folder = here("f", "A", kind="folder", drive="e")
        first = [folder, page(item("m", "a.pdf", "f", "e")), originals]
        second = [folder, there, originals]
        talk = copy(ref("i"), FOLDER, refusal(504), self.folder(), *first, *second, children_only=True)
        assert talk.result.resource_id == "f"
        assert talk.lines[-2:] == ["GET /drives/e/items/f/children", "GET /drives/d/items/i/children"]


class TestPersonal:
    """OneDrive personal ignores the conflict behaviour, so the name is looked up before."""

    SOURCE = ref("4F62!1", "4f62")
    FOLDER = ref("4F62!9", "4f62")
    URL = "POST /drives/4f62/items/4F62!1/copy?@microsoft.graph.conflictBehavior="

    def entry(self, item_id="4F62!1", name="a.pdf", parent="4F62!5", **fields):
        return personal(item(item_id, name, parent, "4f62", **fields))

    def copy(self, *answers, source=SOURCE, folder=FOLDER, **order):
        return copy(source, folder, *answers, **order)

    def test_on_personal_drives_a_name_is_looked_up_and_used_if_it_is_free(self):
        talk = self.copy(answer(200, self.entry()), missing(), accepted())
        assert talk.lines == [
            "GET /drives/4f62/items/4F62!1",
            "GET /drives/4f62/items/4F62!9:/a.pdf:",
            f"{self.URL}fail",
        ]
        assert "name" not in talk.sent("POST").json

    def test_on_personal_drives_a_name_that_is_taken_is_a_conflict(self):
        talk = self.copy(answer(200, self.entry()), answer(200, self.entry("4F62!7")))
        assert type(talk.error) is DriveNameConflictError
        assert "'a.pdf' (id 4F62!7) has that name" in str(talk.error)
        assert len(talk.requests) == 2

    def test_on_personal_drives_rename_uses_the_lowest_free_number(self):
        children = page(self.entry("4F62!7", "A.pdf"), self.entry("4F62!8", "a 1.pdf"))
        talk = self.copy(
            answer(200, self.entry()),
            answer(200, self.entry("4F62!7", "A.pdf")),
            children,
            accepted(),
            conflict_behavior="rename",
        )
        assert talk.sent("POST").json["name"] == "a 2.pdf"
        assert talk.result.name == "a 2.pdf"

    def test_on_personal_drives_replace_copies_under_a_temporary_name_first(self):
        talk = self.copy(
            answer(200, self.entry()),
            answer(200, self.entry("4F62!7")),
            accepted(),
            conflict_behavior="replace",
        )
        own = talk.sent("POST").json["name"]
        assert re.fullmatch(r"~[0-9a-f]{12}\.pdf", own)
        job = talk.result
        assert (job.name, job.arrival, job.conflict_behavior) == (
            "a.pdf",
            Arrival(own, "fail", is_temporary=True),
            "replace",
        )

    def test_on_personal_drives_a_folder_is_not_replaced(self):
        there = answer(200, self.entry("4F62!7", kind="folder"))
        talk = self.copy(answer(200, self.entry()), there, conflict_behavior="replace")
        assert type(talk.error) is DriveNameConflictError
        assert "'a.pdf' (id 4F62!7) has that name" in str(talk.error)

    def test_a_drive_is_personal_by_its_drive_type(self):
        folder = answer(200, personal(item("f", "A", "r", "e", kind="folder")))
        talk = copy(ref("i"), "drives/e/root:/A", folder, here("i", "a.pdf"), missing(), accepted())
        assert talk.lines[1:] == ["GET /drives/d/items/i", "GET /drives/e/items/f:/a.pdf:", f"{POST}fail"]

    def test_on_personal_drives_children_are_copied_without_a_look_at_their_names(self):
        assert len(self.copy(accepted(), children_only=True).requests) == 1

    @pytest.mark.parametrize("order", [{}, {"name": "a.pdf", "include_all_version_history": True}])
    def test_on_personal_drives_an_item_does_not_replace_itself(self, order):
        source = answer(200, self.entry(parent="4F62!9"))
        order = CopyOrder(self.SOURCE, self.FOLDER, conflict_behavior="replace", **order)
        talk = converse(copy_item(order, wait()), source)
        assert type(talk.error) is DriveNameConflictError


class TestTwoSteps:
    """With a name Graph ignores the version history, so the copy is made without and renamed later."""

    def copy(self, *answers, **order):
        return copy(
            ref("i"), FOLDER, *answers, **{"name": "b.pdf", "include_all_version_history": True, **order}
        )

    def test_with_versions_a_named_copy_arrives_under_its_old_name(self):
        source = here("i", "a.pdf")
        talk = self.copy(source, missing(), missing(), accepted())
        assert talk.lines[1:] == [
            "GET /drives/e/items/f:/b.pdf:",
            "GET /drives/e/items/f:/a.pdf:",
            f"{POST}fail",
        ]
        assert talk.sent("POST").json == {
            "parentReference": {"driveId": "e", "id": "f"},
            "includeAllVersionHistory": True,
        }
        job = talk.result
        assert (job.name, job.arrival, job.conflict_behavior) == ("b.pdf", Arrival("a.pdf", "fail"), "fail")

    def test_with_versions_a_name_that_is_taken_is_a_conflict_before_anything_is_copied(self):
        talk = self.copy(here("i", "a.pdf"), here("x", "b.pdf", "f", "e"))
        assert type(talk.error) is DriveNameConflictError
        assert "POST" not in "".join(talk.lines)
        talk = self.copy(
            here("i", "a.pdf"), here("x", "b.pdf", "f", "e", kind="folder"), conflict_behavior="replace"
        )
        assert type(talk.error) is DriveNameConflictError

    @pytest.mark.parametrize("behavior", ["replace", "rename"])
    def test_with_versions_a_name_that_is_taken_is_replaced_or_renamed_afterwards(self, behavior):
        source = here("i", "a.pdf")
        taken = here("x", "b.pdf", "f", "e")
        talk = self.copy(source, taken, missing(), accepted(), conflict_behavior=behavior)
        assert (talk.result.arrival, talk.result.conflict_behavior) == (Arrival("a.pdf", "fail"), behavior)
