"""What an archive counts of the tries before."""

from contextlib import closing

import pytest

from airflow_provider_drive.report import ArchiveReport

BEFORE = {"copied": 3, "there": 1, "bytes": 30, "deleted": 3, "gone": 1}


@pytest.mark.parametrize(
    ("merged", "counted"),
    [
        ({}, {"copied": 3, "there": 1, "gone": 1, "deleted": 3, "bytes": 30}),
        (
            {"copied": 2, "deleted": 1, "gone": 1, "bytes": 20},
            {"copied": 1, "there": 1, "gone": 0, "deleted": 2, "bytes": 10},
        ),
        (BEFORE, {"copied": 0, "there": 0, "gone": 0, "deleted": 0, "bytes": 0}),
        (  # the manifest does not know that two of them were deleted
            {"copied": 3, "there": 1, "deleted": 1, "gone": 3, "bytes": 30},
            {"copied": 0, "there": 0, "gone": 0, "deleted": 0, "bytes": 0},
        ),
    ],
)
def test_deletions_of_earlier_tries_are_counted_once_whatever_part_of_them_a_manifest_tells(merged, counted):
    with closing(ArchiveReport("run", deletes=True)) as report:
        report.add_deleted(BEFORE, merged)

        counts = {key: report.counts[key] for key in ("copied", "there", "gone")}
        assert {**counts, "deleted": report.deleted, "bytes": report.bytes} == counted
