"""
Copies and moves against a service that has other users, and that errs as Graph was seen to.

No document is lost, copied twice, or called done when it is not, and nothing is deleted on old evidence.
"""

import pytest
from protocol.service import Crash, Service, ref

from airflow_provider_drive.emulator.faults import Fault
from airflow_provider_drive.emulator.state.content import Content
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour
from airflow_provider_drive.exceptions import (
    DriveCopyFailedError,
    DriveCopyTimeoutError,
    DriveCopyUnknownError,
    DriveItemChangedError,
    DriveItemNotFoundError,
    DriveNameConflictError,
)
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.copy.verify import wait_for_copy
from airflow_provider_drive.protocol.items.compare import list_tree
from airflow_provider_drive.protocol.items.lookup import list_items
from airflow_provider_drive.protocol.move import MoveOrder, move_item
from airflow_provider_drive.protocol.wire.addresses import PathAddress

DAY = 86_400.0
BEHAVIORS = ["fail", "rename", "replace"]


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def source(service):
    return service.put("report.docx", b"the report of this task")


@pytest.fixture
def inbox(service):
    return service.folder("inbox")


def task(service, source, destination, seconds=600.0, **order):
    """A try of a task that copies, waits and verifies: what it returns, or the error that it raises."""
    return service.run(_copy(source, destination, service.wait(seconds), order))


def _copy(source, destination, wait, order):
    to = destination if isinstance(destination, PathAddress) else ref(destination)
    job = yield from copy_item(CopyOrder(ref(source), to, is_awaited=True, **order), wait)
    return (yield from wait_for_copy(job, wait, fresh=True))


def move(service, source, destination, **order):
    flow = move_item(MoveOrder(ref(source), ref(destination), cross_drive="copy", **order), service.wait())
    return service.run(flow)


def made(service, source):
    return service.tenant.copies_made(source.id)


def content(service, path, drive="archive"):
    return service.tenant.drive(drive).find(path).content.data


class TestIdentity:
    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_a_copy_that_lies_elsewhere_fails_for_good_whatever_has_its_name(
        self, service, source, inbox, behavior
    ):
        elsewhere = service.folder("elsewhere")
        service.tenant.next_copies.append(CopyBehaviour(misplaced=elsewhere))
        put = "inbox/report.docx", b"the report of a person!"
        service.before("GET", "/operations/", lambda: service.put(*put, "archive"))
        for _ in range(3):
            error = task(service, source, inbox, conflict_behavior=behavior)
            assert type(error) is DriveCopyFailedError
            assert (error.code, error.retryable) == ("notAsAsked", False)
            assert elsewhere.id in str(error)
        assert made(service, source) == 1
        assert content(service, "inbox/report.docx") == b"the report of a person!"

    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_a_copy_that_was_deleted_and_replaced_is_unknown(self, service, source, inbox, behavior):
        def exchange():
            (copy,) = inbox.children.values()
            copy.drive.remove(copy)
            service.put("inbox/report.docx", b"the report of a person!", "archive")

        service.before("GET", f"/items/{inbox.drive._prefix}[^/]*$", exchange)
        for _ in range(3):
            assert type(task(service, source, inbox, conflict_behavior=behavior)) is DriveCopyUnknownError
        assert made(service, source) == 1
        assert content(service, "inbox/report.docx") == b"the report of a person!"

    @pytest.mark.parametrize("rewrites", [False, True])
    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_a_worker_that_dies_after_the_request_finds_its_copy_by_its_temporary_name(
        self, service, source, inbox, behavior, rewrites
    ):
        service.tenant.rewrites_office = rewrites
        service.crash_after("POST", "/copy")
        with pytest.raises(Crash):
            task(service, source, inbox, conflict_behavior=behavior)
        service.put("inbox/other report.docx", b"the report of a person!", "archive")
        item = task(service, source, inbox, conflict_behavior=behavior)
        assert item.name == "report.docx"
        assert content(service, "inbox/report.docx") != b"the report of a person!"
        assert made(service, source) == 1

    @pytest.mark.parametrize("effect", ["drop_before", "drop_after"])
    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_a_file_with_the_name_the_age_and_the_size_is_not_taken_for_the_copy(
        self, service, source, inbox, behavior, effect
    ):
        service.tenant.faults.append(Fault("POST", "/copy$", effect))
        put = "inbox/report.docx", b"the report of a person!"
        service.after("POST", "/copy", lambda: service.put(*put, "archive"))
        outcome = task(service, source, inbox, conflict_behavior=behavior)
        assert made(service, source) == 1
        if behavior == "fail":
            assert isinstance(outcome, DriveNameConflictError)
            assert list(service.tree()) == ["inbox", "inbox/report.docx"]
            assert content(service, "inbox/report.docx") == b"the report of a person!"
        else:
            path = "inbox/report.docx" if behavior == "replace" else "inbox/report 1.docx"
            assert content(service, path) == source.content.data
            assert len(service.tree()) == (2 if behavior == "replace" else 3)

    def test_a_file_of_the_same_size_is_not_taken_for_a_copy_that_nobody_waits_for(
        self, service, source, inbox
    ):
        service.tenant.faults.append(Fault("POST", "/copy$", "drop_before"))
        put = "inbox/report.docx", b"the report of a person!"
        service.after("POST", "/copy", lambda: service.put(*put, "archive"))
        error = service.run(copy_item(CopyOrder(ref(source), ref(inbox)), service.wait()))
        assert isinstance(error, DriveNameConflictError)
        assert made(service, source) == 0

    @pytest.mark.parametrize("behavior", [*BEHAVIORS, "skip"])
    def test_a_lost_answer_makes_no_second_copy_of_a_file_that_the_service_rewrites(
        self, service, source, inbox, behavior
    ):
        service.tenant.rewrites_office = True
        service.tenant.office_growth = 11_264
        service.tenant.faults.append(Fault("POST", "/copy$", "drop_after"))
        assert task(service, source, inbox, conflict_behavior=behavior).name == "report.docx"
        assert made(service, source) == 1
        assert len(service.tree()) == 2

    @pytest.mark.parametrize("kind", ["docx", "bin"])
    def test_a_source_that_is_edited_between_crash_and_retry_makes_no_second_copy(self, service, inbox, kind):
        source = service.put(f"report.{kind}", b"as it was")
        service.crash_after("POST", "/copy")
        with pytest.raises(Crash):
            task(service, source, inbox)
        service.edit(source, b"as it is now")
        assert task(service, source, inbox).name == f"report.{kind}"
        assert made(service, source) == 1
        assert content(service, f"inbox/report.{kind}") == b"as it was"
        assert len(service.tree()) == 2

    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_a_slow_copy_whose_request_was_repeated_finds_its_temporary_name_taken(
        self, service, source, inbox, behavior
    ):
        service.put("inbox/a.txt", b"so that the folder exists", "archive")
        if behavior == "replace":
            service.put("inbox/report.docx", b"an older report", "archive")
        service.tenant.next_copies.append(CopyBehaviour(looks=999))
        service.crash_after("POST", "/copy")
        with pytest.raises(Crash):
            task(service, source, inbox, conflict_behavior=behavior)
        (slow,) = service.tenant.jobs
        service.forget_hooks()
        service.before("GET", f"/items/{inbox.drive._prefix}[^/]*$", slow.end, nth=3)
        assert task(service, source, inbox, conflict_behavior=behavior).name == "report.docx"
        assert (slow.state, made(service, source)) == ("failed", 1)


class TestRefusals:
    def other_task_first(self, service, source, **order):
        """Let another task copy something into the folder that this task is about to make."""

        def run():
            worker = service.second_worker()
            outcomes.append(task(worker, source, order.pop("to"), **order))
            (folder,) = service.tenant.drive("archive").root.children.values()
            service.tenant.fresh_folders[folder.id] = 1

        outcomes = []
        service.before("POST", "/children$", run)
        return outcomes

    @pytest.mark.parametrize("kind", ["docx", "txt"])
    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_of_two_copies_with_one_name_into_a_folder_that_both_make_none_is_lost(
        self, service, kind, behavior
    ):
        service.tenant.fresh_folder_404 = 2
        one, two = service.put(f"one.{kind}", b"one"), service.put(f"two.{kind}", b"two")
        new = PathAddress(f"drives/{service.tenant.drive('archive').id}", "root", ("new",))
        order = {"name": f"report.{kind}", "create_destination": True, "conflict_behavior": behavior}
        first = self.other_task_first(service, one, to=new, **order)
        second = task(service, two, new, **order)
        assert first[0].name == f"report.{kind}"
        if behavior == "fail":
            assert isinstance(second, DriveNameConflictError)
            assert content(service, f"new/report.{kind}") == b"one"
        else:
            assert content(service, f"new/{second.name}") == b"two"
        assert len(service.tree()) == (3 if behavior == "rename" else 2)


class TestContainers:
    @pytest.fixture
    def contracts(self, service):
        for number in range(4):
            service.put(f"Contracts/{number}.txt", b"contract %d" % number)
        return service.tenant.drive("legal").find("Contracts")

    @pytest.mark.parametrize("left_out", [1, 4])
    def test_children_that_are_left_out_are_a_failed_copy(self, service, contracts, inbox, left_out):
        service.tenant.copies = CopyBehaviour(leaves_out=left_out)
        for _ in range(2):
            error = task(service, contracts, inbox, children_only=True)
            assert type(error) is DriveCopyFailedError
            assert (error.code, f"{left_out} children are not there" in str(error)) == ("incomplete", True)
        assert made(service, contracts) == 1

    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_a_folder_that_leaves_documents_out_is_a_failed_copy(self, service, contracts, inbox, behavior):
        service.tenant.copies = CopyBehaviour(leaves_out=2)
        for _ in range(2):
            error = task(service, contracts, inbox, conflict_behavior=behavior)
            assert type(error) is DriveCopyFailedError
            assert error.code == "incomplete"
            assert "2 of 4 items are missing ('2.txt', '3.txt')" in str(error)
        assert made(service, contracts) == 1

    @pytest.mark.parametrize("children_only", [False, True])
    def test_a_folder_that_still_fills_is_waited_for(self, service, contracts, inbox, children_only):
        service.tenant.copies = CopyBehaviour(leaves_out=1)

        def fill():
            folder = inbox if children_only else next(iter(inbox.children.values()))
            folder.drive.add(folder, "3.txt", Content(b"contract 3"))

        below = "/drives/" + inbox.drive.id.replace("!", ".") + "/.*children"
        service.before("GET", below, fill, nth=2)
        assert task(service, contracts, inbox, children_only=children_only).is_folder
        assert sum(path.endswith(".txt") for path in service.tree()) == 4

    def test_without_verification_a_folder_is_not_counted(self, service, contracts, inbox):
        service.tenant.copies = CopyBehaviour(leaves_out=2)
        wait = service.wait()
        job = service.run(copy_item(CopyOrder(ref(contracts), ref(inbox)), wait))
        assert service.run(wait_for_copy(job, wait, verify=False)).name == "Contracts"
        assert not [line for line in service.lines if "children" in line]
        children = CopyOrder(ref(contracts), ref(service.folder("other")), children_only=True)
        service.states.clear()
        job = service.run(copy_item(children, wait))
        assert service.run(wait_for_copy(job, wait, verify=False)).name == "other"

    def test_a_folder_is_counted_though_pages_repeat_items(self, service, contracts, inbox):
        service.tenant.page_size = service.tenant.longest_page = 2
        service.tenant.repeats_items = 1
        assert len(service.run(list_items(ref(contracts)))) == 4
        assert len(service.run(list_tree(ref(contracts)))) == 4
        assert task(service, contracts, inbox).name == "Contracts"
        service.tenant.copies = CopyBehaviour(leaves_out=1)
        service.states.clear()
        error = task(service, contracts, service.folder("other"))
        assert "1 of 4 items are missing" in str(error)

    def test_what_is_added_to_the_source_after_the_request_need_not_be_in_the_copy(
        self, service, contracts, inbox
    ):
        def add():
            service.tenant.clock_offset += 60
            service.put("Contracts/later.txt")

        service.after("POST", "/copy", add)
        assert task(service, contracts, inbox).name == "Contracts"

    @pytest.mark.parametrize("behavior", BEHAVIORS)
    def test_a_worker_that_dies_while_a_folder_fills_makes_no_second_one(
        self, service, contracts, inbox, behavior
    ):
        service.tenant.copies = CopyBehaviour(looks=3, appears="start")
        service.crash_after("POST", "/copy")
        with pytest.raises(Crash):
            task(service, contracts, inbox, conflict_behavior=behavior)
        below = "/drives/" + inbox.drive.id.replace("!", ".") + "/.*children"
        service.before("GET", below, service.tenant.jobs[0].end, nth=2)
        assert task(service, contracts, inbox, conflict_behavior=behavior).name == "Contracts"
        assert made(service, contracts) == 1
        assert len(service.tree()) == 6


class TestInbox:
    """A flow empties the destination as soon as something arrives there."""

    @pytest.mark.parametrize("behavior", BEHAVIORS)
    @pytest.mark.parametrize("moment", ["GET", "PATCH"])
    def test_a_copy_that_a_flow_takes_away_is_never_requested_again(
        self, service, source, inbox, behavior, moment
    ):
        done = service.folder("done")

        def empty():
            for item in list(inbox.children.values()):
                service.move(item, done)

        below = "/drives/" + inbox.drive.id.replace("!", ".") + "/items/[^/:]*$"
        service.before(moment, below if moment == "GET" else "/items/", empty)
        for _ in range(4):
            error = task(service, source, inbox, conflict_behavior=behavior)
            assert isinstance(error, DriveCopyFailedError | DriveItemChangedError)
        assert error.code == "notAsAsked"
        assert done.id in str(error)
        assert made(service, source) == 1

    def test_a_copy_that_a_flow_takes_away_after_success_is_not_requested_again_by_a_retry(
        self, service, source, inbox
    ):
        done = service.folder("done")
        item = task(service, source, inbox)
        service.move(inbox.drive.items[item.ref.item_id], done)
        for _ in range(3):
            assert task(service, source, inbox).code == "notAsAsked"
        assert made(service, source) == 1


class TestClocks:
    """A worker's clock is a day off, until an answer has told it the service's time."""

    @pytest.mark.parametrize("skew", [-DAY, DAY])
    @pytest.mark.parametrize("behavior", BEHAVIORS)
    @pytest.mark.parametrize("fault", [None, "drop_after", "crash"])
    @pytest.mark.parametrize("kind", ["docx", "txt"])
    def test_a_copy_is_made_once(self, inbox, skew, behavior, fault, kind):
        service = Service(skew)
        source, inbox = service.put(f"report.{kind}"), service.folder("inbox")
        if fault == "crash":
            service.crash_after("POST", "/copy")
            with pytest.raises(Crash):
                task(service, source, inbox, conflict_behavior=behavior)
            service.skew = skew  # another process
        elif fault:
            service.tenant.faults.append(Fault("POST", "/copy$", fault))
        item = task(service, source, inbox, conflict_behavior=behavior)
        assert item.name == f"report.{kind}"
        assert made(service, source) == 1
        assert len(service.tree()) == 2

    @pytest.mark.parametrize("skew", [-DAY, DAY])
    @pytest.mark.parametrize("name", ["report.docx", "report.txt"])
    def test_an_item_that_was_there_before_is_not_taken_for_the_copy(self, skew, name):
        service = Service(skew)
        source, inbox = service.put(name), service.folder("inbox")
        service.put(f"inbox/{name}", drive="archive")
        service.tenant.clock_offset += 60  # a minute ago
        service.tenant.faults.append(Fault("POST", "/copy$", "drop_before"))
        flow = copy_item(CopyOrder(ref(source), ref(inbox)), service.wait(30.0))
        outcome = service.run(flow)
        assert isinstance(outcome, DriveNameConflictError)
        assert made(service, source) == 0

    @pytest.mark.parametrize("skew", [-DAY, DAY])
    @pytest.mark.parametrize(("effect", "copies"), [("drop_after", 1), ("drop_before", 0)])
    def test_a_request_by_ids_that_is_not_stored_is_dated_by_the_service(self, skew, effect, copies):
        service = Service(skew)
        service.is_durable = False
        source, inbox = service.put("report.txt"), service.folder("inbox")
        if effect == "drop_before":
            service.put("inbox/report.txt", drive="archive")
        service.tenant.clock_offset += 60  # a minute later
        service.tenant.faults.append(Fault("POST", "/copy$", effect))
        outcome = service.run(copy_item(CopyOrder(ref(source), ref(inbox)), service.wait(30.0)))
        assert isinstance(outcome, DriveNameConflictError) == (copies == 0)
        assert made(service, source) == copies

    @pytest.mark.parametrize("location", ["operations", "none"])
    def test_a_copy_that_is_done_is_not_late_by_a_clock_that_is_ahead(self, location):
        service = Service()
        source, inbox = service.put("report.txt"), service.folder("inbox")
        service.tenant.copies = CopyBehaviour(location=location, looks=0 if location == "none" else 2)
        job = service.run(copy_item(CopyOrder(ref(source), ref(inbox)), service.wait()))
        hidden = [Fault("GET", "report.txt:$", "refuse", status=404, times=2)]
        service.tenant.faults += hidden if location == "none" else []
        service.skew = DAY  # another worker
        wait = service.wait(DAY * 2)
        deadline = type(wait)(job.submitted_at + 600, clock=wait.clock, timer=wait.timer)
        assert service.run(wait_for_copy(job, deadline)).name == "report.txt"

    @pytest.mark.parametrize("skew", [-DAY, DAY])
    def test_a_copy_that_is_not_done_times_out_by_the_services_clock(self, skew):
        service = Service()
        source, inbox = service.put("report.txt"), service.folder("inbox")
        service.tenant.copies = CopyBehaviour(looks=10_000)
        job = service.run(copy_item(CopyOrder(ref(source), ref(inbox)), service.wait()))
        service.skew, begun = skew, service.elapsed
        wait = service.wait(DAY * 9)
        deadline = type(wait)(job.submitted_at + 600, clock=wait.clock, timer=wait.timer)
        assert type(service.run(wait_for_copy(job, deadline))) is DriveCopyTimeoutError
        assert 590 <= service.elapsed - begun <= 610


class TestMoves:
    @pytest.fixture
    def notebook(self, service):
        drive = service.tenant.drive("legal")
        notebook = drive.add(drive.root, "Notes", None, {"package": {"type": "oneNote"}})
        drive.add(notebook, "Meetings.one", Content(b"a meeting"))
        drive.add(drive.add(notebook, "Group"), "Ideas.one", Content(b"an idea"))
        return notebook

    def test_a_notebook_is_moved_with_all_its_sections(self, service, notebook, inbox):
        assert move(service, notebook, inbox).name == "Notes"
        assert sorted(service.tree()) == [
            *("inbox", "inbox/Notes", "inbox/Notes/Group", "inbox/Notes/Group/Ideas.one"),
            "inbox/Notes/Meetings.one",
        ]
        assert service.tree("legal") == {}

    @pytest.mark.parametrize("nth", [3, 4, 5, 6])
    @pytest.mark.parametrize("path", ["Notes/Meetings.one", "Notes/Group/Ideas.one"])
    def test_a_notebook_whose_section_is_edited_after_the_copy_is_kept(
        self, service, notebook, inbox, path, nth
    ):
        section = service.tenant.drive("legal").find(path)
        service.before("GET", "children", lambda: service.edit(section), nth=nth)
        error = move(service, notebook, inbox)
        assert isinstance(error, DriveItemChangedError | DriveCopyFailedError)
        assert content(service, path, "legal") == b"another content"
        assert not [line for line in service.lines if line.startswith("DELETE")]

    def test_a_section_that_is_edited_in_the_second_of_its_copy_keeps_the_notebook(
        self, service, notebook, inbox
    ):
        section = service.tenant.drive("legal").find("Notes/Meetings.one")

        def edit():
            section.drive.write(section, Content(b"A MEETING"))
            section.modified = service.tenant.drive("archive").find("inbox/Notes/Meetings.one").created

        service.before("GET", "children", edit, nth=3)  # when it is compared with the copy
        error = move(service, notebook, inbox)
        assert isinstance(error, DriveCopyFailedError)
        assert "the original of 'Meetings.one' may have been edited since its copy was made" in str(error)
        assert content(service, "Notes/Meetings.one", "legal") == b"A MEETING"

    def test_a_notebook_is_moved_though_the_service_rewrites_it_in_the_second_of_its_copy(
        self, service, notebook, inbox
    ):
        section = service.tenant.drive("legal").find("Notes/Meetings.one")

        def rewrite():
            copy = service.tenant.drive("archive").find("inbox/Notes/Meetings.one")
            copy.drive.write(copy, Content(b"a meeting, and what the service adds"))
            copy.created = copy.modified = section.modified

        service.before("GET", "children", rewrite, nth=3)
        assert move(service, notebook, inbox).name == "Notes"

    @pytest.mark.parametrize("nth", [3, 4, 5, 6, 7])
    def test_a_folder_to_which_a_file_is_added_before_it_is_listed_again_is_kept(self, service, inbox, nth):
        for path in ("C/a.txt", "C/below/b.txt"):
            service.put(path)
        folder = service.tenant.drive("legal").find("C")
        service.before("GET", "children", lambda: service.put("C/below/added.txt"), nth=nth)
        error = move(service, folder, inbox)
        assert isinstance(error, DriveItemChangedError | DriveCopyFailedError)
        assert "C/below/added.txt" in service.tree("legal")

    def test_a_folder_that_was_copied_in_part_is_kept(self, service, inbox):
        for name in "abcd":
            service.put(f"C/{name}.txt")
        service.tenant.copies = CopyBehaviour(leaves_out=2)
        folder = service.tenant.drive("legal").find("C")
        for _ in range(2):
            error = move(service, folder, inbox)
            assert (error.code, "2 of 4 items are missing" in str(error)) == ("notWhole", True)
        assert len(service.tree("legal")) == 5
        assert made(service, folder) == 1

    def test_a_shortcut_is_moved_itself_and_not_what_it_leads_to(self, service):
        target = service.put("theirs.txt", b"theirs", drive="personal")
        remote = {"id": target.id, "parentReference": {"driveId": target.drive.id}, "file": {}}
        shortcut = service.tenant.drive("legal").put("link.txt", b"", facets={"remoteItem": remote})
        moved = move(service, shortcut, service.folder("done", drive="legal"), name="renamed.txt")
        assert moved.ref == ref(shortcut)
        assert "done/renamed.txt" in service.tree("legal")
        assert service.tree("personal") == {"theirs.txt": 6}

    def test_an_original_that_a_person_deletes_before_the_move_does_is_told_as_gone(
        self, service, source, inbox
    ):
        service.before("DELETE", "", lambda: source.drive.remove(source))
        assert move(service, source, inbox).name == "report.docx"
        assert "was gone already" in service.notes[-1]

    @pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
    @pytest.mark.parametrize("behavior", BEHAVIORS)
    @pytest.mark.parametrize("kind", ["docx", "folder"])
    def test_a_move_that_dies_anywhere_is_done_once_by_a_retry(self, service, inbox, method, behavior, kind):
        path = "report/a.txt" if kind == "folder" else "report.docx"
        service.put(path)
        item = service.tenant.drive("legal").find("report" if kind == "folder" else path)
        service.crash_after(method, "/items/")
        with pytest.raises(Crash):
            move(service, item, inbox, conflict_behavior=behavior)
        assert move(service, item, inbox, conflict_behavior=behavior).name == item.name
        assert made(service, item) == 1
        assert service.tree("legal") == {}
        assert len(service.tree()) == (3 if kind == "folder" else 2)

    def test_a_move_that_replaces_and_is_refused_gives_the_old_file_its_name_back(self, service, source):
        service.tenant.move_honours_conflict = False
        old = service.put("done/report.docx", b"the old report")
        done = old.parent
        service.before("PATCH", source.id, lambda: service.edit(source), nth=2)
        error = move(service, source, done, conflict_behavior="replace")
        assert type(error) is DriveItemChangedError
        assert "make way" not in str(error)
        assert content(service, "done/report.docx", "legal") == b"the old report"
        assert content(service, "report.docx", "legal") == b"another content"
        assert len(service.tree("legal")) == 3
        assert service.states[f"displaced by {source.id}"] is None

    def test_a_retry_names_the_file_that_made_way_for_an_item_that_it_does_not_find(self, service, source):
        """Graph moves the item after its answer, gives it a new id, and rewrites it."""
        service.tenant.move_honours_conflict = False
        old = service.put("done/report.docx", b"the old report")
        done = old.parent
        service.crash_after("PATCH", old.id)
        with pytest.raises(Crash):
            move(service, source, done, conflict_behavior="replace")
        source.drive.remove(source)
        service.put("done/report.docx", b"what Graph made of it")
        error = move(service, source, done, conflict_behavior="replace")
        assert isinstance(error, DriveItemNotFoundError)
        assert "At its destination is '/done/report.docx': it may be the item, with a new id" in str(error)
        assert f"it is '/done/{old.name}'" in str(error)

    @pytest.mark.parametrize("nth", [1, 2, 3])
    def test_a_move_that_replaces_and_dies_leaves_nothing_behind_when_a_retry_is_done(
        self, service, source, nth
    ):
        service.tenant.move_honours_conflict = False
        old = service.put("done/report.docx", b"the old report")

        def crash():
            raise Crash

        service.after("PATCH", "/items/", crash, nth=nth)
        with pytest.raises(Crash):
            move(service, source, old.parent, conflict_behavior="replace")
        assert move(service, source, old.parent, conflict_behavior="replace").name == "report.docx"
        assert service.tree("legal") == {"done": None, "done/report.docx": source.size}
        assert content(service, "done/report.docx", "legal") == source.content.data
