import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.protocol.archive import state as module
from airflow_provider_drive.protocol.archive.state import (
    ArchiveState,
    Deleting,
    Done,
    Pending,
    completion_event,
    read_archive_state,
    read_completion_event,
)
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus

MONITOR = "https://contoso.sharepoint.com/secret"


@pytest.fixture
def state():
    return ArchiveState(
        begun=1_790_000_000.5,
        token="t",
        done={"01B": Done("01C", "mark"), "01G": Done("01H", "", "deleted")},
        pending={"01D": Pending("mark", is_temporary=True, monitor_url=MONITOR)},
        failed={"01A": "why"},
        paths={"digest": "01B"},
        deleted={"copied": 2, "there": 1, "bytes": 30, "deleted": 3},
        deleting={"01E": Deleting("d", "copied", 4, "01I")},
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_a_state_is_read_as_it_was_written(state):
    stored = json.loads(json.dumps(state.as_dict(lambda url: url[::-1])))
    assert MONITOR not in str(stored)
    assert read_archive_state(stored, lambda url: url[::-1]) == state


def test_monitors_are_left_out_where_nothing_encrypts_them(state):
    stored = json.loads(json.dumps(state.as_dict()))
    assert "secret" not in str(stored)
    assert read_archive_state(stored).pending == {"01D": Pending("mark", is_temporary=True)}


def test_a_monitor_that_cannot_be_decrypted_is_empty(state):
    stored = state.as_dict(lambda url: url)
    assert read_archive_state(stored, lambda _: None).pending == {"01D": Pending("mark", is_temporary=True)}


def test_nothing_shows_a_monitor(state):
    assert "secret" not in repr(state)


def test_monitors_that_are_stored_elsewhere_are_added(state):
    stored = read_archive_state(state.as_dict())
    assert stored.with_monitors(state).pending == state.pending
    state.token = "another"
    assert stored.with_monitors(state).pending == stored.pending
    assert stored.with_monitors(None).pending == stored.pending


def test_later_changes_do_not_change_a_copy(state):
    copied = state.copied()
    state.done["01Z"] = Done("01Y", "")
    assert "01Z" not in copied.done


def test_what_is_saved_has_a_bound(state, monkeypatch):
    monkeypatch.setattr(module, "MAX_DONE", 2)
    monkeypatch.setattr(module, "MAX_FAILED", 1)
    assert not state.add_done("01X", Done("01Y", ""))
    assert state.add_done("01B", Done("01Y", ""))
    state.add_failed("01X", "because" * 100)
    assert [*state.failed] == ["01X"]
    assert len(state.failed["01X"]) == module.MAX_REASON_LENGTH


@given(
    key=st.sampled_from(["begun", "token", "done", "pending", "failed", "deleted", "deleting", "more"]),
    value=json_values,
)
def test_anything_else_is_refused(key, value):
    stored = {"begun": 1.0, key: value}
    try:
        read = read_archive_state(stored)
    except DriveResponseError:
        return
    assert read_archive_state(json.loads(json.dumps(read.as_dict()))) == read


@pytest.mark.parametrize("value", [None, [], "", {}, {"begun": True}, {"begun": -1.0}, {"begun": 1e12}])
def test_what_is_not_a_state_is_refused(value):
    with pytest.raises(DriveResponseError, match="saved state of the archive is not valid"):
        read_archive_state(value)


def test_an_event_tells_what_pending_copies_have_become(state):
    state.pending |= {key: Pending("mark", monitor_url=MONITOR) for key in ("01J", "01K", "01L")}
    event = completion_event(
        {
            "01D": CopyStatus("completed", "01M"),
            "01J": CopyStatus("failed", code="generalException"),
            "01K": CopyStatus("failed", code="nameAlreadyExists"),
            "01L": CopyStatus("unknown"),
        }
    )
    assert "secret" not in json.dumps(event)
    after = read_completion_event(event, state)
    assert after.done["01D"] == Done("01M", "mark")
    assert after.failed["01J"] == "generalException"
    assert after.pending["01J"] == Pending("mark")
    assert [key for key, pending in after.pending.items() if pending.monitor_url] == ["01K", "01L"]


def test_an_event_of_a_trigger_that_could_not_wait_changes_nothing(state):
    assert read_completion_event({"status": "unknown", "message": "no"}, state) is state


@pytest.mark.parametrize(
    "event", [None, {}, {"status": "ended"}, {"status": "ended", "completed": {"a": 1}, "failed": {}}]
)
def test_any_other_event_is_refused(event, state):
    with pytest.raises(DriveResponseError, match="event is refused"):
        read_completion_event(event, state)
