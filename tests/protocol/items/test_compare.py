"""Comparing what is below two containers: item by item, by paths, kinds and contents."""

import pytest
from protocol.conversation import NOW, converse, item, missing, page, personal, ref

from airflow_provider_drive.exceptions import DriveItemNotFoundError, DriveResponseError
from airflow_provider_drive.protocol.items.compare import (
    compare_items,
    compare_listings,
    compare_trees,
    fingerprint,
    list_tree,
)
from airflow_provider_drive.protocol.wire.content import Match
from airflow_provider_drive.protocol.wire.items import print_time, read_item
from airflow_provider_drive.protocol.wire.names import NameIndex

OTHER = {"hashes": {"quickXorHash": "other="}}


def tree(*entries):
    """Return a listing of items whose paths are their names."""
    found = NameIndex()
    for entry in entries:
        found.add(entry["name"], read_item(entry))
    return found


def differ(there, wanted, *since):
    return compare_listings(tree(*there), tree(*wanted), *since)


class TestListing:
    def test_everything_below_a_container_is_listed_packages_included(self):
        talk = converse(
            list_tree(ref("f")),
            page(item("a", "A.txt", size=5), item("b", "b", kind="folder")),
            page(item("e", "e.txt"), item("n", "n", kind="package")),
            page(item("s", "s.one")),
        )
        assert sorted(path for path, _ in talk.result.items()) == [
            "A.txt",
            "b",
            "b/e.txt",
            "b/n",
            "b/n/s.one",
        ]
        assert (talk.result.get("a.txt").size, talk.result.get("a.txt").raw) == (5, {})
        assert [line.partition("?")[0] for line in talk.lines[1:]] == [
            "GET /drives/d/items/b/children",
            "GET /drives/d/items/n/children",
        ]

    def test_an_entry_without_an_id_is_an_error(self):
        assert type(converse(list_tree(ref("f")), page({"name": "x"})).error) is DriveResponseError

    def test_a_container_that_is_gone_is_an_error(self):
        assert type(converse(list_tree(ref("f")), missing()).error) is DriveItemNotFoundError

    def test_any_change_below_changes_the_fingerprint(self):
        before = fingerprint(tree(item("a", "a"), item("b", "b")))
        assert fingerprint(tree(item("b", "b"), item("a", "a"))) == before
        for entries in (
            [item("a", "a")],
            [item("a", "a"), item("b", "b"), item("c", "c")],
            [item("a", "a"), item("b", "b", eTag="edited")],
            [item("a", "a"), item("b", "renamed")],
            [item("a", "a"), item("c", "b")],
        ):
            assert fingerprint(tree(*entries)) != before


class TestDifferences:
    def test_a_copy_that_holds_the_same_is_exact(self):
        entries = [item("a", "a"), item("b", "b", kind="folder")]
        found = differ(entries, entries)
        assert (found.is_whole, found.is_exact, found.is_partial) == (True, True, False)
        assert str(found) == "nothing is missing"

    def test_a_copy_that_leaves_items_out_is_partial(self):
        names = ["a", "b", "c", "d", "e"]
        found = differ([item("a", "a")], [item(name, name) for name in names])
        assert (found.is_whole, found.is_exact, found.is_partial) == (False, False, True)
        assert str(found) == "4 of 5 items are missing ('b', 'c', 'd', …)"

    @pytest.mark.parametrize(
        "other", [item("a", "a", size=8), item("a", "a", file=OTHER), item("a", "a", kind="folder")]
    )
    def test_an_item_of_another_content_or_kind_is_different(self, other):
        found = differ([other], [item("a", "a")])
        assert (found.is_whole, found.is_partial) == (False, False)
        assert str(found) == "1 of 1 items have other content ('a')"

    def test_an_item_that_only_the_copy_has_does_not_make_it_less_whole(self):
        found = differ([item("a", "a"), item("b", "b")], [item("a", "a")])
        assert (found.is_whole, found.is_exact, found.extra) == (True, False, ["b"])

    def test_a_file_without_a_hash_is_whole_and_not_exact(self):
        found = differ([item("a", "a", file={})], [item("a", "a", file={})])
        assert (found.is_whole, found.is_exact, found.inexact) == (True, False, ["a"])

    def test_names_that_fold_together_count_for_one_item_each(self):
        """Two documents, of which the copy has one: nothing may count it twice."""
        twins = [item("a", "Straße.txt"), item("b", "Strasse.txt")]
        for one in twins:
            found = differ([one], twins)
            assert (found.is_whole, found.missing) == (
                False,
                [({*(t["name"] for t in twins)} - {one["name"]}).pop()],
            )
        assert differ(twins, twins).is_exact
        assert differ([item("a", "PLAN.txt")], [item("b", "plan.txt")]).is_exact
        assert differ(twins, twins[:1]).extra == ["Strasse.txt"]

    def test_what_was_added_or_changed_since_the_request_need_not_be_there(self):
        later, before = print_time(NOW + 60), print_time(NOW - 60)
        added = item("a", "a", createdDateTime=later)
        changed = item("b", "b", createdDateTime=before, lastModifiedDateTime=later, size=9)
        there = [item("b", "b")]
        found = differ(there, [added, changed], NOW)
        assert (found.is_whole, found.is_exact, found.inexact) == (True, False, ["b"])
        assert differ(there, [added, changed]).missing == ["a"]
        assert differ(there, [added, changed]).different == ["b"]

    def test_two_containers_are_listed_and_compared(self):
        talk = converse(
            compare_trees(ref("c"), ref("i")), page(item("a", "a"), item("b", "b")), page(item("x", "a"))
        )
        assert talk.result.missing == ["b"]
        assert [line.partition("?")[0] for line in talk.lines] == [
            "GET /drives/d/items/i/children",
            "GET /drives/d/items/c/children",
        ]


class TestItems:
    """Whether an item holds what another holds."""

    BEFORE, AFTER, MUCH_LATER = "2026-09-20T10:00:00Z", "2026-09-20T10:20:00Z", "2026-09-21T10:00:00Z"

    def compare(self, copy, source, *pages):
        return converse(compare_items(read_item(copy), read_item(source)), *pages).result

    def test_files_are_compared_by_size_and_hash(self):
        assert self.compare(item("c"), item("i")) is Match.SAME
        for other in (item("c", size=8), item("c", file=OTHER), item("c", kind="folder")):
            assert self.compare(other, item("i")) is Match.DIFFERENT

    def test_without_a_hash_the_size_tells_nothing(self):
        assert self.compare(item("c", file={}), item("i", file={})) is Match.UNKNOWN

    @pytest.mark.parametrize(
        ("created", "modified", "changed", "expected"),
        [
            ("AFTER", "AFTER", "BEFORE", Match.REWRITTEN),
            ("AFTER", "AFTER", "MUCH_LATER", Match.DIFFERENT),  # the source was edited since
            ("BEFORE", "MUCH_LATER", "BEFORE", Match.DIFFERENT),  # the copy was
            ("BEFORE", "AFTER", "BEFORE", Match.REWRITTEN),  # by the service, which is still at it
        ],
    )
    def test_office_files_are_compared_by_their_times(self, created, modified, changed, expected):
        times = {"createdDateTime": getattr(self, created), "lastModifiedDateTime": getattr(self, modified)}
        copy = item("c", "plan.docx", size=9, **times)
        source = item("i", "plan.docx", lastModifiedDateTime=getattr(self, changed))
        assert self.compare(copy, source) is expected
        assert self.compare(personal(copy), source) is Match.DIFFERENT  # nothing is rewritten there
        assert self.compare({**copy, "name": "plan.zip"}, source) is Match.DIFFERENT

    @pytest.mark.parametrize("kind", ["folder", "package"])
    def test_containers_are_compared_by_everything_below_them(self, kind):
        one, two = item("c", "x", kind=kind), item("i", "x", kind=kind)
        there = page(item("a", "a.txt"), item("b", "b", kind="folder")), page(item("e", "e.txt"))
        assert self.compare(one, two, *there, *there) is Match.SAME
        one_less = page(item("a", "a.txt"), item("b", "b", kind="folder")), page()
        assert self.compare(one, two, *there, *one_less) is Match.DIFFERENT
        assert self.compare(one, two, *one_less, *there) is Match.DIFFERENT
        smaller = page(item("a", "a.txt"), item("b", "b", kind="folder")), page(item("e", "e.txt", size=6))
        assert self.compare(one, two, *there, *smaller) is Match.DIFFERENT
        unhashed = page(item("a", "a.txt", file={}), item("b", "b", kind="folder")), page(item("e", "e.txt"))
        assert self.compare(one, two, *there, *unhashed) is Match.REWRITTEN

    def test_a_root_is_compared_as_a_folder(self):
        assert (
            self.compare(item("c", "x", kind="folder"), item("i", "root", kind="root"), page(), page())
            is Match.SAME
        )
