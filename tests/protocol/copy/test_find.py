"""Searching the destination for a copy: by its id, by a name of its own, or by exact content."""

import pytest
from protocol.conversation import (
    NOW,
    Clock,
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

from airflow_provider_drive.exceptions import DriveAccessDeniedError
from airflow_provider_drive.protocol.copy.find import look_for_copy, resolve_copy
from airflow_provider_drive.protocol.copy.recovery import Decision, Found
from airflow_provider_drive.protocol.wire.copy_job import Arrival, CopyJob
from airflow_provider_drive.protocol.wire.items import print_time, read_item
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

OLD = "2020-01-01T00:00:00Z"
LATER = print_time(NOW + 60)
UNREAD = CopyJob(
    monitor_url=None,
    source=ref("i"),
    destination=ref("f", "e"),
    name=None,
    conflict_behavior="fail",
    submitted_at=NOW,
    arrival=Arrival(None, "fail"),
)
JOB = UNREAD.described(read_item(item("i")))
OWN = JOB.changed(arrival=Arrival("~0123456789ab.pdf", "fail", is_temporary=True))
FOLDER = UNREAD.described(read_item(item("i", "C", kind="folder")))
CHILDREN = UNREAD.changed(children_only=True)
UNKNOWN, DONE = CopyStatus("unknown"), CopyStatus("completed", "n")
HERE = here("f", "A", kind="folder", drive="e")


def copy(name="plan.pdf", parent="f", drive="e", item_id="n", **fields):
    return here(item_id, name, parent, drive, **fields)


def look(*answers, job=JOB, status=UNKNOWN, then=None, **options):
    return converse(look_for_copy(job, status, **options), *answers, then=then)


def search(*answers, job=JOB, then=None, clock=None, until=NOW + 60):
    clock = clock or Clock()
    return converse(resolve_copy(job, UNKNOWN, wait(clock, deadline=until)), *answers, then=then, clock=clock)


class TestSearching:
    def test_a_search_looks_once_even_after_its_deadline(self):
        assert search(copy(), until=NOW - 1_000).result.sighting.item.ref.item_id == "n"
        talk = search(missing(), until=NOW - 1_000)
        assert talk.result.decision is Decision.UNKNOWN
        assert not talk.pauses

    def test_a_search_looks_once_more_at_its_deadline(self):
        clock = Clock()
        search(then=missing(), clock=clock, until=NOW + 60)
        assert clock.now == pytest.approx(NOW + 60)

    def test_a_deadline_that_an_answer_moves_is_kept(self):
        """The clock was a day ahead until the first answer."""
        clock = Clock(NOW + 86_400)

        def serve(request):
            clock.now = min(clock.now, NOW)
            return copy() if clock.now >= NOW and len(seen) > 1 else seen.append(request) or missing()

        seen = []
        assert search(then=serve, clock=clock, until=NOW + 60).result.decision is Decision.ARRIVED

    def test_a_search_goes_on_after_unreadable_answers_and_ends_with_a_refusal(self):
        talk = search(answer(200, b"{"), answer(200, b"{"), answer(200, b"{"), copy())
        assert talk.result.decision is Decision.ARRIVED
        assert type(search(refusal(403)).error) is DriveAccessDeniedError

    def test_the_source_is_read_once(self):
        talk = search(here("i"), missing(), missing(), copy(), job=UNREAD)
        assert talk.lines.count("GET /drives/d/items/i") == 1
        assert talk.result.decision is Decision.ARRIVED


class TestById:
    def test_an_item_is_the_copy_by_its_id_whatever_its_content(self):
        for made in (copy(), copy(size=99), copy(createdDateTime=OLD)):
            talk = look(made, status=DONE)
            assert (talk.result.found, talk.lines) == (Found.OURS, ["GET /drives/e/items/n"])

    def test_an_item_that_is_not_seen_yet_is_nothing(self):
        assert look(missing(), status=DONE).result.found is Found.NOTHING

    def test_an_item_in_another_drive_is_elsewhere(self):
        status = CopyStatus("completed", "n", "x")
        talk = look(missing(), copy(drive="x"), status=status)
        assert talk.result.found is Found.ELSEWHERE
        assert "of the drive x" in talk.result.reason
        assert talk.lines[-1] == "GET /drives/x/items/n"
        assert look(missing(), missing(), status=status).result.found is Found.NOTHING

    @pytest.mark.parametrize("name", ["plan.pdf", "~0123456789ab.pdf"])
    def test_a_copy_has_its_own_name_or_its_final_one(self, name):
        assert look(copy(name), job=OWN, status=DONE).result.found is Found.OURS

    def test_a_container_is_counted_unless_it_is_not_to_be(self):
        made = copy("C", kind="folder")
        entries = page(item("a", "a", createdDateTime=OLD), item("b", "b", createdDateTime=OLD))
        talk = look(made, entries, page(item("a", "a")), job=FOLDER, status=DONE)
        assert (talk.result.found, talk.result.reason) == (Found.FILLING, "1 of 2 items are missing ('b')")
        assert look(made, entries, entries, job=FOLDER, status=DONE).result.found is Found.OURS
        talk = look(made, job=FOLDER, status=DONE, verify=False)
        assert (talk.result.found, len(talk.lines)) == (Found.OURS, 1)


class TestByName:
    def test_an_item_made_up_to_ten_seconds_before_the_request_is_new(self):
        assert look(copy(createdDateTime=print_time(NOW - 10))).result.found is Found.OURS
        older = look(copy(createdDateTime=print_time(NOW - 11))).result
        assert (older.found, older.reason) == (Found.OTHER, "it is older than the request")

    @pytest.mark.parametrize("fields", [{"size": 8}, {"size": None}, {"file": {}}])
    def test_an_item_is_the_copy_only_if_size_and_hash_are_the_same(self, fields):
        assert look(copy(**fields), here("i")).result.found is Found.OTHER

    def test_a_file_that_the_service_has_rewritten_is_not_told_from_another(self):
        job = UNREAD.described(read_item(item("i", "plan.docx", lastModifiedDateTime=OLD)))
        made = copy("plan.docx", size=99, lastModifiedDateTime=print_time(NOW))
        assert (
            look(made, here("i", "plan.docx", lastModifiedDateTime=OLD), job=job).result.found is Found.OTHER
        )

    def test_a_file_of_a_source_that_was_not_read_is_compared_with_it_as_it_is_now(self):
        assert look(copy(), here("i"), job=JOB.changed(snapshot=None)).result.found is Found.OURS

    def test_the_source_itself_is_not_its_copy(self):
        job = JOB.changed(destination=ref("f"), source=ref("n"))
        assert look(copy(drive="d"), job=job).result.found is Found.OTHER

    def test_with_replace_an_older_item_is_still_to_be_replaced(self):
        job = JOB.changed(arrival=Arrival("plan.pdf", "replace"))
        assert look(copy(createdDateTime=OLD), job=job).result.found is Found.NOTHING

    @pytest.mark.parametrize(
        ("made", "found"),
        [
            (["a", "b"], Found.OURS),
            (["a"], Found.FILLING),
            (["a", "b", "c"], Found.OTHER),
            (["a", "c"], Found.OTHER),
        ],
    )
    def test_a_folder_is_the_copy_if_it_holds_exactly_the_same(self, made, found):
        entries = page(*[item(name, name, createdDateTime=OLD) for name in "ab"])
        talk = look(copy("C", kind="folder"), entries, page(*[item(name, name) for name in made]), job=FOLDER)
        assert talk.result.found is found

    def test_a_folder_of_an_unknown_source_is_not_told_from_another(self):
        job = FOLDER.changed(source=None, snapshot=None)
        assert look(copy("C", kind="folder"), job=job).result.found is Found.OTHER

    def test_a_copy_that_arrives_under_a_temporary_name_is_looked_for_under_that(self):
        talk = look(copy("~0123456789ab.pdf"), job=OWN)
        assert (talk.result.found, talk.lines) == (Found.OURS, ["GET /drives/e/items/f:/~0123456789ab.pdf:"])

    def test_an_own_folder_is_counted(self):
        job = FOLDER.changed(arrival=Arrival("~0123456789ab", "fail", is_temporary=True))
        made, entries = copy("~0123456789ab", kind="folder"), page(item("a", "a"))
        assert look(made, entries, page(), job=job).result.found is Found.FILLING
        assert look(made, entries, entries, job=job).result.found is Found.OURS

    def test_a_copy_whose_name_graph_chooses_is_looked_for_among_all(self):
        job = JOB.changed(arrival=Arrival("plan.pdf", "rename"))
        children = [item("o", "plan.pdf", "f", "e", createdDateTime=OLD), item("n", "plan 1.pdf", "f", "e")]
        talk = look(page(*children), job=job)
        assert (talk.result.found, talk.result.item.ref.item_id) == (Found.OURS, "n")
        assert look(page(*children, item("m", "plan 2.pdf", "f", "e")), job=job).result.found is Found.SEVERAL
        assert look(page(children[0]), job=job).result.found is Found.NOTHING


class TestChildren:
    def look(self, there, originals, *more, status=UNKNOWN, job=CHILDREN, **options):
        return look(HERE, page(*there), page(*originals), *more, job=job, status=status, **options)

    def original(self, name, **fields):
        return item(
            name.replace(" ", "-"),
            name,
            "i",
            **{"createdDateTime": OLD, "lastModifiedDateTime": OLD, **fields},
        )

    def made(self, name, item_id=None, **fields):
        return item(item_id or f"n-{name}".replace(" ", "-"), name, "f", "e", **fields)

    def test_all_children_have_to_be_there(self):
        originals = [self.original("a"), self.original("b")]
        assert self.look([self.made("A"), self.made("b")], originals).result.found is Found.OURS
        sighting = self.look([self.made("a")], originals).result
        assert sighting.found is Found.NOTHING
        assert sighting.reason == "1 children are not there as they are in the source: 'b'"
        assert self.look([self.made("a")], originals, status=DONE).result.found is Found.FILLING

    def test_a_destination_that_is_not_seen_holds_nothing(self):
        assert look(missing(), job=CHILDREN).result.found is Found.NOTHING

    def test_children_of_an_unknown_source_are_unknown(self):
        sighting = look(HERE, job=CHILDREN.changed(source=None)).result
        assert (sighting.found, sighting.reason) == (Found.NOTHING, "what it was made of is not known")

    def test_an_older_child_or_one_of_another_kind_is_not_the_copy(self):
        for there in (self.made("a", createdDateTime=OLD), self.made("a", kind="folder")):
            assert self.look([there], [self.original("a")], status=DONE).result.found is Found.FILLING

    def test_a_child_that_was_added_after_the_request_need_not_be_there(self):
        assert self.look([], [self.original("a", createdDateTime=LATER)]).result.found is Found.OURS

    def test_a_child_that_was_changed_after_the_request_may_differ_if_graph_says_completed(self):
        there, changed = [self.made("a")], [self.original("a", size=9, lastModifiedDateTime=LATER)]
        assert self.look(there, changed, status=DONE).result.found is Found.OURS
        assert self.look(there, changed).result.found is Found.NOTHING

    @pytest.mark.parametrize(
        ("extra", "told", "untold"), [(0, "OURS", "OURS"), (1, "OURS", "NOTHING"), (-1, "FILLING", "NOTHING")]
    )
    def test_folders_among_the_children_are_counted(self, extra, told, untold):
        originals = [self.original("A", kind="folder")]
        below = [self.original(name) for name in "xy"]
        there = page(*[self.made(name) for name in "xyz"[: 2 + extra]])
        for status, found in ((DONE, told), (UNKNOWN, untold)):
            talk = self.look([self.made("A", kind="folder")], originals, page(*below), there, status=status)
            assert talk.result.found is Found[found]

    def test_with_rename_each_new_item_counts_for_one_child(self):
        job = CHILDREN.changed(arrival=Arrival(None, "rename"))
        originals = [self.original("a"), self.original("a 1")]
        there = [self.made("a", createdDateTime=OLD), self.made("a 1")]
        assert self.look(there, originals, job=job, status=DONE).result.found is Found.FILLING
        there = [self.made("a", createdDateTime=OLD), self.made("a 2"), self.made("a 1 1")]
        assert self.look(there, originals, job=job, status=DONE).result.found is Found.OURS

    def test_names_that_fold_together_are_not_counted_twice(self):
        originals = [self.original("Straße"), self.original("Strasse")]
        sighting = self.look([self.made("Strasse")], originals, status=DONE).result
        assert (sighting.found, "'Straße'" in sighting.reason) == (Found.FILLING, True)
