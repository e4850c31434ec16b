"""Names of items: which are the same, which are free, and which nobody else can have."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_drive.protocol.wire.names import (
    NameIndex,
    free_name,
    is_renamed,
    is_same_temporary_name,
    normalize_name,
    same_name,
    split_name,
    temporary_name,
)


def index(*names):
    found = NameIndex()
    for name in names:
        found.add(name, name.upper())
    return found


@pytest.mark.parametrize(
    ("one", "other"), [("Plan.TXT", "plan.txt"), ("é", unicodedata.normalize("NFD", "É")), ("Ж", "ж")]
)
def test_names_that_differ_in_case_or_unicode_form_are_the_same(one, other):
    assert same_name(one, other)
    assert index(one).get(other) == one.upper()
    assert other in index(one)


def test_names_that_fold_together_are_told_apart_where_both_exist():
    names = index("Straße.txt", "Strasse.txt")
    assert names.get("Straße.txt") == "Straße.txt".upper()
    assert len(names) == 2
    assert dict(names.items()).keys() == {"Straße.txt", "Strasse.txt"}


def test_a_name_that_may_mean_either_of_two_items_means_none():
    names = index("Straße.txt", "Strasse.txt")
    assert names.get("STRASSE.TXT") is None
    assert "STRASSE.TXT" in names


def test_an_item_that_is_removed_is_not_found_and_its_twin_is():
    names = index("Straße.txt", "Strasse.txt")
    names.remove("Straße.txt")
    assert names.get("Straße.txt") == "Strasse.txt".upper()
    names.remove("STRASSE.TXT")
    assert len(names) == 0
    assert "strasse.txt" not in names
    names.remove("strasse.txt")


def test_pairs_ignore_case_unless_names_fold_together():
    assert index("Plan.txt", "b").pairs(index("PLAN.TXT")) == [
        ("Plan.txt", "PLAN.TXT", "PLAN.TXT"),
        ("b", "B", None),
    ]


def test_pairs_give_an_item_for_one_name_only():
    twins, one = index("Straße.txt", "Strasse.txt"), index("Strasse.txt")
    assert [found for _, _, found in twins.pairs(one)] == [None, "STRASSE.TXT"]
    assert [found for _, _, found in one.pairs(twins)] == ["STRASSE.TXT"]
    assert [found for _, _, found in index("STRASSE.txt").pairs(twins)] == [None]
    assert len([found for _, _, found in twins.pairs(twins) if found]) == 2


def test_a_temporary_name_keeps_the_extension_and_is_no_longer_than_the_name():
    name = temporary_name("Quarterly report 2026.docx")
    assert name.endswith(".docx")
    assert name.startswith("Quarterl")
    assert len(name) == len("Quarterly report 2026.docx")


def test_two_temporary_names_are_never_the_same():
    assert len({temporary_name("a.txt") for _ in range(1_000)}) == 1_000


def test_a_temporary_name_of_a_token_is_always_the_same():
    assert temporary_name("report.docx", "0123456789abcdef") == temporary_name(
        "report.docx", "0123456789abcdef"
    )
    assert temporary_name("a.txt", "0123456789abcdef") == "~0123456789ab.txt"


def test_a_folder_has_no_extension():
    assert split_name("v1.2", is_folder=True) == ("v1.2", "")
    assert temporary_name("v1.2", "0123456789ab", is_folder=True) == "~0123456789ab"


@given(st.text(min_size=1, max_size=300).filter(lambda name: "/" not in name))
def test_a_temporary_name_is_at_most_thirteen_characters_longer_than_the_stem_allows(name):
    own = temporary_name(name)
    assert len(own) <= max(len(name), 13 + len(split_name(name, is_folder=False)[1]))


def test_a_free_name_has_the_lowest_number_that_is_free():
    taken = {"plan.docx", "plan 1.docx"}
    assert free_name("plan.docx", taken.__contains__) == "plan 2.docx"
    assert free_name("other.docx", taken.__contains__) == "other.docx"


@pytest.mark.parametrize("name", ["plan 1.docx", "plan(2).docx", "plan (3).docx", "PLAN1.docx", "plan.docx"])
def test_what_rename_makes_of_a_name_is_recognised(name):
    assert is_renamed(name, "plan.docx")


@pytest.mark.parametrize("name", ["plans.docx", "plan 1.pdf", "plan a.docx"])
def test_other_names_are_not_taken_for_renamed_ones(name):
    assert not is_renamed(name, "plan.docx")


@given(st.text(max_size=50))
def test_a_normalized_name_is_normalized_already(name):
    assert normalize_name(normalize_name(name)) == normalize_name(name)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Quart~3f2a9c1b7d04.docx", "minutes~3f2a9c1b7d04.docx", True),
        ("Quart~3f2a9c1b7d04.docx", "~3f2a9c1b7d04.txt", True),
        ("Quart~3f2a9c1b7d04", "other~3f2a9c1b7d04", True),
        ("Quart~3f2a9c1b7d04.docx", "Quart~3f2a9c1b7d05.docx", False),
        ("Quart~3f2a9c1b7d04.docx", "Quart~3f2a9c1b7d04 1.docx", False),
        ("Quart.docx", "Quart.docx", False),
    ],
)
def test_temporary_names_are_the_same_though_the_item_was_renamed(one, other, is_same):
    assert is_same_temporary_name(one, other) is is_same
