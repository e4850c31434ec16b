import re
import time
import warnings
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pendulum
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from protocol.conversation import NOW, item

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.items.filters import Selection, read_selection
from airflow_provider_drive.protocol.wire.items import read_item

DAY = 86_400.0
TIMES = ("modified_before", "modified_after", "created_before", "created_after")


def select(**parameters):
    return read_selection(NOW, **parameters)


def file(name="plan.pdf", **fields):
    return read_item(item("i", name, **fields))


def takes(path, *, of=None, **parameters):
    return select(**parameters).takes(path, of or file(path.rpartition("/")[2]))


class TestKinds:
    FILE, FOLDER = file(), file(kind="folder")
    NOTEBOOK, SHORTCUT = file(kind="package"), read_item({"id": "i", "remoteItem": {"id": "x"}}, "d")

    @pytest.mark.parametrize(
        ("kind", "taken"),
        [
            ("file", [FILE, NOTEBOOK]),
            ("folder", [FOLDER]),
            ("all", [FILE, FOLDER, NOTEBOOK, SHORTCUT]),
        ],
    )
    def test_a_kind_selects_items_of_that_kind(self, kind, taken):
        selection = select(kind=kind)
        found = (self.FILE, self.FOLDER, self.NOTEBOOK, self.SHORTCUT)
        assert [each for each in found if selection.takes("a", each)] == taken

    @pytest.mark.parametrize("kind", ["files", "", None, []])
    def test_an_unknown_kind_is_refused(self, kind):
        with pytest.raises(DriveArgumentError, match=r"^Invalid `kind`: must be one of file, folder, all"):
            select(kind=kind)

    def test_is_all_is_true_only_for_the_default_selection(self):
        assert select().is_all
        assert select(pattern=[], exclude=None, modified_before=None, min_size=None).is_all
        assert not select(min_size=0).is_all
        assert not select(kind="all").is_all


class TestFaults:
    SHORTCUT = read_item(
        {"id": "i", "name": "x", "remoteItem": {"id": "x", "parentReference": {"driveId": "e"}}}, "d"
    )
    ALBUM = read_item({"id": "i", "name": "album", "size": 5, "bundle": {"childCount": 2}}, "d")
    NAMELESS = read_item({"id": "i", "file": {}, "size": 5}, "d")

    @pytest.mark.parametrize(
        ("entry", "reason"),
        [(SHORTCUT, "a shortcut"), (ALBUM, "neither a file nor a folder"), (NAMELESS, "no name")],
    )
    def test_what_is_neither_a_file_nor_a_folder_is_told_if_it_meets_the_conditions(self, entry, reason):
        assert reason in select().fault("x", entry)
        assert reason in select(pattern="x", kind="folder").fault("x", entry)
        assert select(modified_before="2019-01-01").fault("x", entry) == ""

    def test_an_item_without_a_name_is_told_whatever_the_globs(self):
        assert select(pattern="*.pdf", exclude="*").fault("", self.NAMELESS)
        assert not select(pattern="*.pdf").fault("album", self.ALBUM)
        assert not select(exclude="al*").fault("album", self.ALBUM)

    def test_an_item_without_its_size_does_not_meet_a_condition_on_it(self):
        assert select(min_size=5).fault("album", self.ALBUM)
        assert not select(min_size=6).fault("album", self.ALBUM)
        assert not select(min_size=1).fault("x", self.SHORTCUT)

    @pytest.mark.parametrize("kind", ["file", "folder", "package", "root"])
    def test_files_folders_and_packages_have_no_fault(self, kind):
        assert select().fault("x", file(kind=kind)) == ""


class TestGlobs:
    @pytest.mark.parametrize(
        ("glob", "path", "is_taken"),
        [
            ("*.pdf", "plan.pdf", True),
            ("*.pdf", "2026/plan.pdf", False),
            ("**/*.pdf", "plan.pdf", True),
            ("**/*.pdf", "2026/Q1/plan.pdf", True),
            ("**/*.PDF", "2026/plan.pdf", True),
            ("2026/*", "2026/plan.pdf", True),
            ("2026/*", "2026/Q1/plan.pdf", False),
            ("2026/**", "2026/Q1/plan.pdf", True),
            ("2026/**", "2026", False),
            ("/2026/", "2026", True),
            ("a/**/b", "a/b", True),
            ("a/**/b", "a/x/y/b", True),
            ("a/**/b", "axb", False),
            ("a**/b", "ab", False),
            ("a**/b", "ax/y/b", True),
            ("plan.???", "plan.pdf", True),
            ("a?b", "a/b", False),
            ("plan.[pd]*", "plan.pdf", True),
            ("plan[!0-9].pdf", "plan1.pdf", False),
            ("a[.-0]b", "a/b", False),
            ("a[!x]b", "a/b", False),
            ("plan (1).pdf", "plan (1).pdf", True),
            ("[!].pdf", "!.pdf", True),
            ("a.pdf", "abpdf", False),
            ("Übersicht.pdf", "üBERSICHT.pdf", True),
        ],
    )
    def test_a_glob_matches_paths(self, glob, path, is_taken):
        assert takes(path, pattern=glob) is is_taken
        assert takes(path, exclude=glob) is not is_taken

    def test_a_path_must_match_one_pattern_and_no_exclude(self):
        wanted = {"pattern": ["*.pdf", "*.docx"], "exclude": ("~*", "*draft*")}
        names = ["plan.pdf", "plan.docx", "plan.txt", "~plan.docx", "Draft.pdf"]
        assert [name for name in names if takes(name, **wanted)] == ["plan.pdf", "plan.docx"]

    @pytest.mark.parametrize("value", ["", "/", [""], ["*", None], 5, {"a": "b"}, b"*", ["[z-a]"], [["*"]]])
    @pytest.mark.parametrize("name", ["pattern", "exclude"])
    def test_an_invalid_glob_raises_an_error_that_names_the_parameter(self, name, value):
        with pytest.raises(DriveArgumentError, match=f"^Invalid `{name}`: .*glob"):
            select(**{name: value})

    PIECES = st.sampled_from(
        [
            *"aB/.^-!]\\\n[",
            "*",
            "**",
            "**/",
            "?",
            "[ab]",
            "[!a]",
            "[a-c]",
            "[!]",
            "[^a]",
            "[a&&b]",
            "[.-0]",
            "[a--]",
        ]
    )

    @given(st.lists(PIECES, max_size=7).map("".join), st.text("aBc/.!-^&]\n", max_size=8))
    @example("**/**/a", "a/a")
    @example("[c-a]", "a")
    def test_any_glob_matches_the_same_paths_as_a_reference_implementation(self, glob, path):
        glob = glob.strip("/")
        try:
            meant = matches(glob, path)
        except ValueError:
            meant = None
        if not glob or meant is None:
            with pytest.raises(DriveArgumentError):
                select(pattern=glob)
            return
        with warnings.catch_warnings(action="error"):
            assert takes(path, of=file(), pattern=glob) is meant

    @given(
        st.lists(st.sampled_from(["*", "**", "**/", "/", "a", "b", "?", "[ab]"]), max_size=9).map("".join),
        st.text("ab/", max_size=14),
    )
    def test_any_wildcards_match_the_same_paths_as_a_regular_expression_that_backtracks(self, glob, path):
        glob = glob.strip("/")
        assume(glob)
        assert takes(path, of=file(), pattern=glob) is (backtrack(glob).fullmatch(path) is not None)

    @pytest.mark.parametrize(
        "glob",
        [
            "*_*_*_*_*.pdf",
            "*_" * 20 + ".pdf",
            "**_" * 20 + ".pdf",
            "**/" * 20 + "*_*_*.pdf",
            "**/*_*_/" * 20 + "*.pdf",
            "**_*_" * 10 + ".pdf",
            "*?" * 40 + ".pdf",
            "*[!a]" * 40 + ".pdf",
        ],
    )
    @pytest.mark.parametrize("path", ["_" * 400, "_/" * 200, "__/" * 130, "_" * 200 + "/" + "_" * 199])
    def test_a_glob_with_many_wildcards_takes_milliseconds(self, glob, path):
        selection = select(pattern=glob)
        started = time.process_time()
        assert not selection.takes(path, file())
        assert time.process_time() - started < 5


def backtrack(glob):
    """Return the regular expression that says in the simplest words what a glob means."""
    parts = re.findall(r"(?<![^/])\*\*/|\*\*|\*|\?|\[ab\]|.", glob)
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meanings.get(part, part) for part in parts))


def matches(glob, path, before="/"):
    """Whether a glob matches a path, by trying all possibilities; raises ValueError for an invalid glob."""
    if not glob:
        return not path
    # try all ways to the end, or an invalid glob might not be detected
    if before == "/" and glob.startswith("**/"):
        rest = [path, *(path[end + 1 :] for end, letter in enumerate(path) if letter == "/")]
        return max([matches(glob[3:], each) for each in rest])
    if glob.startswith("**"):
        return max([matches(glob[2:], path[end:], "*") for end in range(len(path) + 1)])
    if glob.startswith("*"):
        ends = [end for end in range(len(path) + 1) if "/" not in path[:end]]
        return max([matches(glob[1:], path[end:], "*") for end in ends])
    size, is_meant = one(glob)
    rest = matches(glob[size:], path[1:], glob[size - 1])
    return bool(path) and is_meant(path[0]) and rest


def one(glob):
    """Return the length of the first pattern for one character, and whether a character matches it."""
    if glob[0] == "?":
        return 1, lambda letter: letter != "/"
    end = glob.find("]", 2)
    inside = glob[1:end]
    if glob[0] != "[" or end < 0 or "/" in inside or "]" in inside:
        return 1, lambda letter: letter.lower() == glob[0].lower()
    is_none_of = inside[0] == "!" and len(inside) > 1
    letters, place = set(), int(is_none_of)
    while place < len(inside):
        last = place + 2 if inside[place + 1 : place + 2] == "-" and place + 2 < len(inside) else place
        if inside[last] < inside[place]:
            raise ValueError(inside)
        letters |= {chr(number) for number in range(ord(inside[place]), ord(inside[last]) + 1)}
        place = last + 1
    both = {cased for letter in letters for cased in (letter.lower(), letter.upper())}
    return end + 1, lambda letter: letter != "/" and (letter in both) != is_none_of


class TestSizes:
    @pytest.mark.parametrize(
        ("sizes", "taken"),
        [
            ({"min_size": 7}, True),
            ({"min_size": 8}, False),
            ({"max_size": 7}, True),
            ({"max_size": 6}, False),
            ({"min_size": "0", "max_size": "1000000"}, True),
        ],
    )
    def test_size_limits_are_inclusive(self, sizes, taken):
        assert takes("a", of=file(size=7), **sizes) is taken

    def test_a_file_of_unknown_size_meets_no_size_limit(self):
        assert not takes("a", of=file(size=None), min_size=0)
        assert takes("a", of=file(size=None))

    def test_size_limits_do_not_apply_to_folders(self):
        assert takes("a", of=file(kind="folder", size=3), kind="all", min_size=10)

    @pytest.mark.parametrize("value", [-1, 1.5, True, "1 GB", "-1", "", [], "9" * 30])
    @pytest.mark.parametrize("name", ["min_size", "max_size"])
    def test_an_invalid_size_raises_an_error_that_names_the_parameter(self, name, value):
        with pytest.raises(DriveArgumentError, match=f"^Invalid `{name}`: must be a number of bytes"):
            select(**{name: value})


class TestTimes:
    ITEM = file(lastModifiedDateTime="2026-09-21T14:13:20Z", createdDateTime="2026-09-20T14:13:20Z")

    @pytest.mark.parametrize(
        ("value", "moment"),
        [
            ("2019-01-01", 1_546_300_800.0),
            (" 2019-01-01T02:00:00+02:00 ", 1_546_300_800.0),
            (date(2019, 1, 1), 1_546_300_800.0),
            (datetime(2019, 1, 1), 1_546_300_800.0),  # noqa: DTZ001  # without a zone it is UTC
            (datetime(2019, 1, 1, tzinfo=UTC), 1_546_300_800.0),
            (pendulum.datetime(2019, 1, 1, tz="Europe/Berlin"), 1_546_297_200.0),
            (timedelta(days=2), NOW - 2 * DAY),
            ("P2D", NOW - 2 * DAY),
            ("PT1H", NOW - 3_600),
            (pendulum.duration(days=2), NOW - 2 * DAY),
            ("P7Y", pendulum.from_timestamp(NOW).subtract(years=7).timestamp()),
            (pendulum.duration(years=7), pendulum.from_timestamp(NOW).subtract(years=7).timestamp()),
            (pendulum.duration(months=1), pendulum.from_timestamp(NOW).subtract(months=1).timestamp()),
            (None, None),
        ],
    )
    @pytest.mark.parametrize("name", TIMES)
    def test_a_time_or_a_duration_before_now_is_read(self, name, value, moment):
        assert getattr(select(**{name: value}), name) == moment

    @pytest.mark.parametrize(
        "value",
        [
            *(
                "",
                "yesterday",
                "12:00",
                "2019-13-01",
                "7",
                "P",
                "-P7Y",
                "2019-01-01/2020-01-01",
                "None",
                "PT1M/PT2M",
            ),
            *("P99999999999Y", "P9999Y", 7, 1.5, True, [], {}),
            *(pendulum.duration(years=9_999), pendulum.time(12)),
            pendulum.interval(pendulum.datetime(2019, 1, 1), pendulum.datetime(2020, 1, 1)),
        ],
        ids=count(),
    )
    @pytest.mark.parametrize("name", TIMES)
    def test_an_invalid_time_raises_an_error_that_names_the_parameter(self, name, value):
        with pytest.raises(DriveArgumentError, match=f"^Invalid `{name}`: must be a time or a duration"):
            select(**{name: value})

    @given(st.text(max_size=12) | st.from_regex(r"P?[0-9T:YMWDHS./Z+-]{1,16}", fullmatch=True))
    def test_any_string_is_read_as_a_time_or_refused(self, text):
        try:
            assert isinstance(select(modified_before=text).modified_before, float)
        except DriveArgumentError as refusal:
            assert "modified_before" in str(refusal)  # noqa: PT017  # either is right

    @pytest.mark.parametrize(
        ("moment", "is_modified_after", "is_created_after"),
        [
            ("2026-09-20T14:13:20", True, True),
            ("2026-09-20T14:13:21", True, False),
            ("2026-09-21T14:13:20", True, False),
            ("2026-09-22", False, False),
        ],
    )
    def test_before_is_exclusive_and_after_is_inclusive(self, moment, is_modified_after, is_created_after):
        assert takes("a", of=self.ITEM, modified_after=moment) is is_modified_after
        assert takes("a", of=self.ITEM, modified_before=moment) is not is_modified_after
        assert takes("a", of=self.ITEM, created_after=moment) is is_created_after
        assert takes("a", of=self.ITEM, created_before=moment) is not is_created_after

    def test_times_with_both_limits_select_the_range_between(self):
        assert takes("a", of=self.ITEM, modified_after="2026-09-21", modified_before="2026-09-22")
        assert not takes("a", of=self.ITEM, modified_after="2026-09-20", modified_before="2026-09-21")

    def test_an_item_without_a_time_meets_no_time_limit(self):
        never = file(lastModifiedDateTime="0001-01-01T00:00:00Z", createdDateTime=None)
        assert takes("a", of=never)
        assert not any(takes("a", of=never, **{name: "2019-01-01"}) for name in TIMES)


def test_an_item_must_meet_all_conditions():
    wanted = {"pattern": "*.pdf", "min_size": 5, "created_before": "2030-01-01", "kind": "file"}
    assert takes("plan.pdf", **wanted)
    for other in (
        {"pattern": "*.txt"},
        {"min_size": 8},
        {"created_before": "2020-01-01"},
        {"kind": "folder"},
    ):
        assert not takes("plan.pdf", **wanted | other)


def test_read_selection_returns_the_given_conditions():
    assert select(pattern="*.pdf", min_size="5") == Selection(pattern=("*.pdf",), min_size=5)


class TestCounts:
    def test_an_item_counts_for_the_first_condition_that_it_does_not_meet(self):
        selection = select(pattern="*.pdf", exclude="b*", min_size=8, modified_before="P1D")
        for name in ("a.txt", "b.pdf", "c.pdf", "d.pdf"):
            selection.takes(name, file(name, size=7, lastModifiedDateTime="2020-01-01T00:00:00Z"))
        assert selection.as_dict() == {"seen": 4, "matching": 0, "pattern": 1, "exclude": 1, "min_size": 2}

    def test_items_of_another_kind_do_not_count(self):
        selection = select(min_size=1)
        selection.takes("a", file(kind="folder"))
        assert selection.describe() == "0 seen, 0 match."

    @pytest.mark.parametrize(
        ("pattern", "hint"),
        [
            *(("*.pdf", "itself only"), (r"a\b\*.pdf", "not with a backslash"), ("**/*.txt", "")),
            *(("x/*.pdf", ""), ("*.{txt,pdf}", "as a list"), ("**/*.txt,**/*.doc", "as a list")),
        ],
    )
    def test_a_pattern_that_matches_nothing_is_explained(self, pattern, hint):
        selection = select(pattern=pattern)
        selection.takes("a/b/c.pdf", file())
        assert selection.describe().startswith("1 seen, 0 match; left out: 1 by pattern.")
        assert hint in selection.describe()
        words = ("matches in", "backslash", "as a list")
        assert bool(hint) == any(word in selection.describe() for word in words)

    def test_without_conditions_there_is_nothing_to_tell(self):
        assert select().describe() == ""
