"""What is asked for, so that a copy can be found again and cannot be made twice."""

import re

import pytest
from protocol.conversation import (
    HOSTS,
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

from airflow_provider_drive.exceptions import DriveNameConflictError
from airflow_provider_drive.protocol.copy.plan import CopyOrder
from airflow_provider_drive.protocol.copy.submit import copy_item
from airflow_provider_drive.protocol.wire.addresses import parse_address
from airflow_provider_drive.protocol.wire.copy_job import Arrival

FOLDER = ref("f", "e")
OLD = "2020-01-01T00:00:00Z"
SOURCE = here("i", "a.pdf")
POST = "POST /drives/d/items/i/copy?@microsoft.graph.conflictBehavior="
LOOK = "GET /drives/e/items/f:/a.pdf:"
TAKEN = refusal(409, "nameAlreadyExists")


def made(name="a.pdf", item_id="n", **fields):
    return here(item_id, name, "f", "e", **fields)


def copy(*answers, then=None, **order):
    clock = Clock()
    flow = copy_item(CopyOrder(ref("i"), FOLDER, **order), wait(clock, deadline=NOW + 600))
    return converse(flow, *answers, then=then, clock=clock, durable=True)


def kept(talk):
    """The checkpoints: how many requests had been made, and what was known."""
    return [(count, state and (state.state, state.resource_id)) for _, state, count in talk.checkpoints]


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
        assert (talk.result.conflict_behavior, talk.result.arrival) == ("rename", Arrival("a 2.pdf", "fail"))

    def test_with_rename_a_name_that_is_taken_meanwhile_is_chosen_again(self):
        there = page(item("o", "a.pdf", "f", "e"))
        talk = self.rename(SOURCE, missing(), TAKEN, SOURCE, made(item_id="o"), there, accepted())
        assert talk.result.name == "a 1.pdf"
        assert kept(talk) == [
            (2, ("submitting", None)),
            (3, None),
            (6, ("submitting", None)),
            (7, ("accepted", None)),
        ]

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
        assert re.fullmatch(r"~[0-9a-f]{12}\.pdf", job.arrival.name)
        assert talk.sent("POST").json["name"] == job.arrival.name
        assert (job.name, job.arrival.behavior, job.arrival.is_temporary) == ("a.pdf", "fail", True)
        folder = self.rename(here("i", "v1.2", kind="folder"), accepted(), is_awaited=True).result
        assert re.fullmatch(r"~[0-9a-f]{12}", folder.arrival.name)

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

    def test_with_skip_children_whose_names_fold_together_count_once_each(self):
        children = page(item("x", "Straße", "i"), item("y", "Strasse", "i"))
        there = page(item("n", "Strasse", "f", "e"))
        talk = self.skip(here("i", "C", kind="folder"), there, children, children_only=True)
        assert "1 of 2 are there already" in str(talk.error)


class TestOwnNames:
    """What could not be told from another item by its content arrives under a name of its own."""

    DOCUMENTS = (
        here("i", "a.docx"),
        here("i", "a.jpg"),
        here("i", "a", kind="folder"),
        here("i", "Notes", kind="package"),
        here("i", "a.bin", file={}),
    )

    @pytest.mark.parametrize("source", DOCUMENTS, ids=lambda each: each.json()["name"])
    @pytest.mark.parametrize("behavior", ["fail", "replace", "skip"])
    def test_an_awaited_copy_that_its_content_cannot_tell_gets_a_temporary_name(self, source, behavior):
        talk = copy(source, missing(), accepted(), conflict_behavior=behavior, is_awaited=True)
        name = source.json()["name"]
        assert talk.result.arrival.is_temporary
        assert talk.sent("POST").json["name"] == talk.result.arrival.name != name
        assert talk.posts == [f"{POST}fail"]
        assert (talk.result.name, talk.result.conflict_behavior) == (name, behavior)

    @pytest.mark.parametrize("behavior", ["fail", "replace"])
    def test_the_name_that_the_copy_gets_decides_and_not_the_sources(self, behavior):
        behaviors = {"conflict_behavior": behavior, "is_awaited": True}
        talk = copy(SOURCE, missing(), accepted(), name="a.docx", **behaviors)
        assert talk.result.arrival.name.endswith(".docx")
        assert talk.result.arrival.is_temporary
        talk = copy(
            here("i", "a.docx"), *[missing()] * (behavior == "replace"), accepted(), name="a.x", **behaviors
        )
        assert not talk.result.arrival.is_temporary

    @pytest.mark.parametrize("order", [{}, {"is_awaited": True, "include_all_version_history": True}])
    def test_a_copy_that_is_not_renamed_afterwards_arrives_under_its_name(self, order):
        talk = copy(here("i", "a.docx"), accepted(), **order)
        assert talk.result.arrival == Arrival("a.docx", "fail")

    @pytest.mark.parametrize(
        ("taken", "behavior"),
        [
            (made("a.docx"), "fail"),
            (made("a.docx", kind="folder"), "replace"),
            (here("i", "a.docx", "f"), "replace"),
        ],
        ids=["fail", "folder", "itself"],
    )
    def test_a_taken_name_is_a_conflict_before_anything_is_requested(self, taken, behavior):
        talk = copy(here("i", "a.docx"), taken, conflict_behavior=behavior, is_awaited=True)
        assert type(talk.error) is DriveNameConflictError
        assert "has that name" in str(talk.error)
        assert (talk.posts, talk.checkpoints) == ([], [])

    def test_a_file_that_is_to_be_replaced_stays_until_the_copy_is_there(self):
        for source in (here("i", "a.docx"), SOURCE):
            name = source.json()["name"]
            talk = copy(source, made(name), accepted(), conflict_behavior="replace", is_awaited=True)
            assert talk.result.arrival.is_temporary
            assert talk.posts == [f"{POST}fail"]

    def test_a_free_name_that_is_taken_meanwhile_is_replaced_by_way_of_a_temporary_name(self):
        answers = [SOURCE, missing(), TAKEN, SOURCE, made(), accepted()]
        talk = copy(*answers, conflict_behavior="replace", is_awaited=True)
        assert talk.result.arrival.is_temporary

    def test_with_versions_a_taken_name_is_left_to_graph_to_replace(self):
        order = {"conflict_behavior": "replace", "include_all_version_history": True, "is_awaited": True}
        talk = copy(SOURCE, made(), accepted(), **order)
        assert talk.posts == [f"{POST}replace"]
        assert not talk.result.arrival.is_temporary
