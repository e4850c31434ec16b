import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.protocol.archive.state import ArchiveState, read_archive_state

TOLD = ArchiveState(
    1_790_000_000.5,
    failed={"01A": "why"},
    completed={"01B": "01C"},
    pending={"01D": "https://contoso.sharepoint.com/secret"},
    gone={"copied": 2, "there": 1, "bytes": 30},
    leaving={"01E": ["copied", 4], "01F": ["there", 0]},
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_a_stored_state_is_read_as_it_was_without_secrets():
    kept = json.loads(json.dumps(TOLD.as_dict()))
    assert "secret" not in str(kept)
    assert read_archive_state(kept).as_dict() == kept


def test_an_original_that_was_being_deleted_and_is_missing_counts_as_gone():
    count_gone_originals = TOLD.count_gone_originals({"01F"})
    assert count_gone_originals.gone == {"copied": 3, "there": 1, "bytes": 34}
    assert count_gone_originals.leaving == {}
    assert count_gone_originals.is_deleting


@given(key=st.sampled_from(["begun", "failed", "completed", "gone", "leaving", "more"]), value=json_values)
def test_any_other_value_of_a_field_is_refused(key, value):
    kept = TOLD.as_dict() | {key: value}
    try:
        read = read_archive_state(kept)
    except DriveResponseError:
        return
    assert json.loads(json.dumps(read.as_dict())) == kept
    read.count_gone_originals(())


@pytest.mark.parametrize("value", [None, [], "", {}, {"begun": 1.0}])
def test_a_value_that_is_not_a_stored_state_is_refused(value):
    with pytest.raises(DriveResponseError, match="remembered"):
        read_archive_state(value)
