"""Names and items of a folder belong to one document each."""

from protocol.conversation import answer, converse, item, missing, page, ref

from airflow_provider_drive.protocol.archive.context import ArchiveContext
from airflow_provider_drive.protocol.archive.copy_task import CopyTask
from airflow_provider_drive.protocol.archive.order import ArchiveOrder
from airflow_provider_drive.protocol.archive.plan import plan_document
from airflow_provider_drive.protocol.archive.state import ArchiveState
from airflow_provider_drive.protocol.archive.target import TargetFolder, Wanted
from airflow_provider_drive.protocol.items.listing import ListedItem
from airflow_provider_drive.protocol.timing import Wait
from airflow_provider_drive.protocol.wire.addresses import PathAddress
from airflow_provider_drive.protocol.wire.items import read_item

SHARP, DOUBLE = "Straße.txt", "Strasse.txt"


def document(item_id, name):
    return ListedItem(name, read_item(item(item_id, name, "s", "d"), "d"))


def copy_of(item_id, name):
    return read_item(item(item_id, name, "f", "e"), "e")


def folder(*items):
    target = TargetFolder("", ref=ref("f", "e"), is_listed=True)
    for each in items:
        target.items.add(each.name, each)
    return target


def plan(found, target, behavior="skip"):
    order = ArchiveOrder(PathAddress("drives/e"), PathAddress("drives/d"), conflict_behavior=behavior)
    context = ArchiveContext(order, ArchiveState(begun=1.0, token="t"), Wait(), 60.0)
    return converse(plan_document(found, target, context)).result


class TestNamesThatFoldTogether:
    def test_each_is_paired_with_the_item_that_has_exactly_its_name(self):
        target = folder(copy_of("x", SHARP), copy_of("y", DOUBLE))
        outcomes = [plan(document("1", SHARP), target), plan(document("2", DOUBLE), target)]
        assert [outcome.copy.ref.item_id for outcome in outcomes] == ["x", "y"]

    def test_one_item_is_never_the_copy_of_both(self):
        target = folder(copy_of("x", SHARP))
        first, second = plan(document("1", SHARP), target), plan(document("2", DOUBLE), target)
        assert (first.state, first.copy.ref.item_id) == ("there", "x")
        assert isinstance(second, CopyTask)  # the drive decides whether it can hold both

    def test_names_that_differ_only_in_case_are_the_same(self):
        target = folder()
        assert isinstance(plan(document("1", "a.txt"), target), CopyTask)
        assert plan(document("2", "A.TXT"), target).reason == "another document of this archive has its name"

    def test_a_file_that_is_another_documents_copy_is_not_replaced(self):
        target = folder(copy_of("x", SHARP))
        target.claim("x", "1")
        assert not isinstance(plan(document("2", SHARP), target, "replace"), CopyTask)


class TestSearch:
    def test_few_items_are_read_one_by_one_and_many_by_a_listing(self):
        target = TargetFolder("", ref=ref("f", "e"))
        talk = converse(target.search([Wanted("a"), Wanted("", "n")]), then=missing())
        assert talk.result == [None, None]
        assert "/children" not in str(talk.lines)
        entries = [item(f"n{number}", f"{number}", "f", "e") for number in range(5)]
        wanted = [Wanted(f"{number}", f"n{number}") for number in range(5)]
        talk = converse(target.search(wanted), page(*entries))
        assert [each.ref.item_id for each in talk.result] == [f"n{number}" for number in range(5)]

    def test_what_a_listing_does_not_show_yet_is_read_by_its_id(self):
        target = TargetFolder("", ref=ref("f", "e"))
        wanted = [Wanted(f"{number}", f"n{number}") for number in range(3)]
        entries = [item(f"n{number}", f"{number}", "f", "e") for number in range(2)]
        talk = converse(target.search(wanted), page(*entries), answer(200, item("n2", "2", "f", "e")))
        assert [each.ref.item_id for each in talk.result] == ["n0", "n1", "n2"]
