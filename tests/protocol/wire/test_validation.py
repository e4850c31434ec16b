from datetime import timedelta

import pytest

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.wire.validation import (
    check_choice,
    check_globs,
    read_bool,
    read_count,
    read_items,
    read_seconds,
    refuse_rendered_text,
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(("None", "None"), (" None\n", "None"), ("[]", "a list"), ("['Drafts/**']", "a list")),
        *(('["a", "b"]', "a list"), ("[{'id': 'i'}]", "a list"), ("[['a'], ['b']]", "a list")),
        *(("('a', 'b')", "a tuple"), ("()", "a tuple"), ("{}", "a mapping"), ("{'id': 'i'}", "a mapping")),
        *(('{"driveId": "d"}', "a mapping"), ("['a',\n 'b']", "a list")),
    ],
)
def test_text_that_a_template_made_of_another_value_is_refused_with_the_remedy(text, kind):
    for value in (text, [text], ("plan.txt", [text])):
        with pytest.raises(DriveArgumentError) as caught:
            refuse_rendered_text("exclude", value)

        assert f"Invalid `exclude`: a template rendered {kind} to text." in str(caught.value)
        assert "render_template_as_native_obj=True" in str(caught.value)
        assert ".output" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        *("**/*.docx", "[abc]*.txt", "[0-9]", "[!a-z]", "[draft]", "{3F25-44}", "None.txt", "(1)", "", "a[]"),
        *(None, 7, True, ["*.txt", "[ab]"], {"driveId": "d", "id": "None"}),
    ],
)
def test_other_values_are_not_taken_for_rendered_ones(value):
    refuse_rendered_text("pattern", value)


def test_rendered_text_is_not_quoted_since_it_may_hold_a_monitor_url():
    with pytest.raises(DriveArgumentError) as caught:
        refuse_rendered_text("copy_job", "{'monitor_url': 'https://contoso.sharepoint.com/?tempauth=s3cret'}")

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("value", ["Fail", "", "fail ", None, 5, [], {}])
def test_a_choice_is_one_of_its_words(value):
    check_choice("conflict_behavior", "fail", ("fail", "replace"))
    with pytest.raises(DriveArgumentError, match="`conflict_behavior`: must be one of fail, replace, got"):
        check_choice("conflict_behavior", value, ("fail", "replace"))


@pytest.mark.parametrize("value", [True, "true", "True", "TRUE", " true "])
def test_true_is_read_from_text_in_any_case(value):
    assert read_bool("verify", value) is True


@pytest.mark.parametrize("value", [False, "false", "False", "FALSE", "false\n"])
def test_false_is_read_from_text_in_any_case(value):
    assert read_bool("verify", value) is False


@pytest.mark.parametrize("value", ["no", "yes", "0", "", "None", 0, 1, None, [], 1.0])
def test_what_is_neither_true_nor_false_is_no_boolean(value):
    with pytest.raises(DriveArgumentError, match="Invalid `verify`: must be true or false, got"):
        read_bool("verify", value)


@pytest.mark.parametrize(("value", "count"), [(0, 0), (7, 7), ("0", 0), (" 12 ", 12)])
def test_a_count_is_read_from_its_digits(value, count):
    assert read_count("max_failures", value) == count


@pytest.mark.parametrize("value", [-1, "-1", 1.5, "1.5", "many", True, None, "٣", "9" * 19])
def test_what_is_no_whole_number_is_no_count(value):
    with pytest.raises(
        DriveArgumentError, match="Invalid `max_failures`: must be a whole number of 0 or more"
    ):
        read_count("max_failures", value)


def test_a_count_below_its_minimum_is_refused():
    with pytest.raises(DriveArgumentError, match="1 or more, got 0"):
        read_count("limit", 0, minimum=1)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *((15, 15.0), (0.5, 0.5), ("15", 15.0), (" 7.5 ", 7.5), ("1e3", 1_000.0)),
        *((timedelta(hours=2), 7_200.0), ("PT2H", 7_200.0), ("P1D", 86_400.0), ("PT0.5S", 0.5)),
    ],
)
def test_a_duration_is_a_number_its_text_a_timedelta_or_an_iso_duration(value, seconds):
    assert read_seconds("copy_timeout", value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, "0", "-5", float("nan"), "nan", float("inf"), "inf", True, None, [], "soon", ""),
        *(
            "2026-01-01",
            "2026-01-01/P1D",
            timedelta(0),
            timedelta(days=-1),
            "P99Y",
            10**400,
            "PT",
            "PT1M/PT2M",
        ),
    ],
)
def test_what_is_no_positive_duration_of_ten_years_at_most_is_refused(value):
    with pytest.raises(
        DriveArgumentError, match="Invalid `copy_timeout`: must be a positive number of seconds"
    ):
        read_seconds("copy_timeout", value)


@pytest.mark.parametrize("value", [None, "*.txt", ["*.txt"], ("a", "b")])
def test_globs_are_left_as_they_are(value):
    assert check_globs("pattern", value) is value


@pytest.mark.parametrize("value", [[], (), set()])
def test_an_empty_list_of_globs_is_refused_since_it_would_select_everything(value):
    with pytest.raises(DriveArgumentError, match="Invalid `exclude`: the list is empty, which would select"):
        check_globs("exclude", value)


@pytest.mark.parametrize("address", ["drives/d/items/i", {"driveId": "d", "id": "i"}])
def test_one_address_is_a_list_of_one(address):
    assert read_items(address) == [address]


@pytest.mark.parametrize("items", [["a", "b"], ("a", "b"), iter(["a", "b"])])
def test_items_are_read_from_anything_that_can_be_iterated_over(items):
    assert read_items(items) == ["a", "b"]


@pytest.mark.parametrize("value", [7, True, 1.5, b"drives/d/root:/a"])
def test_what_cannot_be_iterated_over_is_no_list_of_items(value):
    with pytest.raises(DriveArgumentError, match="Invalid `items`: must be a list of addresses"):
        read_items(value)
