"""A copy job: what is kept of a copy that was requested, and the request itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import MONITOR, NOW, item, ref

from airflow_provider_drive.exceptions import DriveArgumentError
from airflow_provider_drive.protocol.wire.copy_job import (
    Arrival,
    CopyJob,
    Snapshot,
    copy_request,
    read_copy_job,
)
from airflow_provider_drive.protocol.wire.items import read_item


def job_of(monitor_url, source, name, **fields):
    return CopyJob(
        monitor_url=monitor_url,
        source=source,
        destination=ref("f"),
        name=name,
        conflict_behavior="fail",
        submitted_at=NOW,
        arrival=Arrival(name, "fail"),
        **fields,
    )


class TestJobs:
    JOB = CopyJob(
        monitor_url=MONITOR,
        source=ref("i"),
        destination=ref("f", "e"),
        name="copy.pdf",
        conflict_behavior="rename",
        submitted_at=NOW,
        arrival=Arrival("~0123456789ab.pdf", "fail", is_temporary=True),
        lost=1,
        first_submitted_at=NOW - 60,
        snapshot=Snapshot(
            name="plan.pdf",
            kind="file",
            size=7,
            hashes={"quickXorHash": "hash="},
            etag="tag",
            created=NOW - 120,
            modified=None,
            web_url="https://contoso.sharepoint.com/plan.pdf",
        ),
    )

    def test_a_job_is_read_from_json_as_it_was(self):
        told = json.loads(json.dumps(self.JOB.as_dict("encrypted {}".format)))
        assert told == {
            "monitor_url": f"encrypted {MONITOR}",
            "source": {"driveId": "d", "id": "i"},
            "destination": {"driveId": "e", "id": "f"},
            "name": "copy.pdf",
            "conflict_behavior": "rename",
            "submitted_at": "2026-09-21T14:13:20.000Z",
            "arrival": {"name": "~0123456789ab.pdf", "behavior": "fail", "is_temporary": True},
            "state": "accepted",
            "children_only": False,
            "lost": 1,
            "first_submitted_at": "2026-09-21T14:12:20.000Z",
            "resource_id": None,
            "was_there": False,
            "snapshot": {
                "name": "plan.pdf",
                "kind": "file",
                "size": 7,
                "hashes": {"quickXorHash": "hash="},
                "etag": "tag",
                "created": NOW - 120,
                "modified": None,
                "web_url": "https://contoso.sharepoint.com/plan.pdf",
            },
            "destination_url": None,
        }
        assert read_copy_job(told, lambda text: text.removeprefix("encrypted ")) == self.JOB

    def test_a_job_without_a_monitor_has_nothing_to_encrypt(self):
        job = job_of(None, ref("i"), None, children_only=True, resource_id="x")
        told = job.as_dict(lambda url: pytest.fail(f"encrypted {url}"))
        assert told["monitor_url"] is None
        assert read_copy_job(told, lambda url: pytest.fail(f"decrypted {url}")) == job

    def test_the_text_of_a_job_shows_no_secret(self):
        assert str(self.JOB) == "the copy of drives/d/items/i to drives/e/items/f as 'copy.pdf'"
        job = job_of(MONITOR, None, None, children_only=True)
        assert str(job) == "the copy of the children of an item to drives/d/items/f"
        assert "secret" not in repr(self.JOB)

    def test_the_first_request_tells_what_is_too_old_to_be_its_work(self):
        assert self.JOB.asked == NOW - 60
        assert job_of(None, None, "a").asked == NOW

    @pytest.mark.parametrize(
        ("behavior", "repeatable"), [("fail", True), ("replace", True), ("rename", False)]
    )
    def test_a_request_may_be_repeated_unless_graph_chooses_the_name(self, behavior, repeatable):
        assert self.JOB.changed(arrival=Arrival("a", behavior)).is_repeatable is repeatable

    def test_a_source_that_is_read_gives_the_name_and_what_it_was(self):
        read = read_item(item("i", "plan.pdf", webUrl="https://x/plan.pdf"))
        job = job_of(None, ref("i"), None).described(read)
        assert (job.name, job.arrival) == ("plan.pdf", Arrival("plan.pdf", "fail"))
        assert (job.snapshot.size, job.snapshot.hashes) == (7, {"quickXorHash": "hash="})
        assert (job.source_url, job.snapshot.is_container) == ("https://x/plan.pdf", False)
        assert job_of(None, ref("i"), None).source_url is None
        assert self.JOB.described(None) is self.JOB
        named = self.JOB.described(read)
        assert (named.name, named.arrival) == (self.JOB.name, self.JOB.arrival)
        children = job_of(None, ref("i"), None, children_only=True).described(read)
        assert (children.name, children.arrival.name) == (None, None)

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"monitor_url": 5}, "monitor_url"),
            ({"monitor_url": ["x"]}, "monitor_url"),
            ({"source": "drives/d/items/i"}, "source"),
            ({"source": {"driveId": "d"}}, "source"),
            ({"destination": None}, "destination"),
            ({"destination": {"driveId": "d", "id": 5}}, "destination"),
            ({"destination": {"driveId": "", "id": "i"}}, "destination"),
            ({"name": 5}, "name"),
            ({"name": ""}, "name"),
            ({"arrival": None}, "arrival"),
            ({"arrival": {"name": "a/b", "behavior": "fail"}}, "name"),
            ({"arrival": {"name": "a", "behavior": "skip"}}, "behavior"),
            ({"snapshot": {"name": "a"}}, "snapshot"),
            ({"state": "done"}, "state"),
            ({"lost": "1"}, "lost"),
            ({"resource_id": 5}, "resource_id"),
            ({"conflict_behavior": None}, "conflict_behavior"),
            ({"conflict_behavior": "overwrite"}, "conflict_behavior"),
            ({"submitted_at": None}, "submitted_at"),
            ({"submitted_at": NOW}, "submitted_at"),
            ({"submitted_at": "yesterday"}, "submitted_at"),
            ({"submitted_at": "0001-01-01T00:00:00Z"}, "submitted_at"),
            ({"first_submitted_at": "yesterday"}, "first_submitted_at"),
        ],
    )
    def test_a_mapping_that_is_not_a_job_is_refused_with_the_fields_name(self, change, fault):
        with pytest.raises(DriveArgumentError, match=fault):
            read_copy_job({**self.JOB.as_dict(str), **change}, str)

    @pytest.mark.parametrize("behavior", [[], {}])
    def test_a_conflict_behaviour_that_is_not_text_is_refused(self, behavior):
        with pytest.raises(DriveArgumentError, match="conflict_behavior"):
            read_copy_job({**self.JOB.as_dict(str), "conflict_behavior": behavior}, str)

    @pytest.mark.parametrize("item_id", ["half \ud83d", ".."])
    def test_a_job_with_an_invalid_id_is_refused(self, item_id):
        with pytest.raises(DriveArgumentError):
            read_copy_job({**self.JOB.as_dict(str), "source": {"driveId": "d", "id": item_id}}, str)

    def test_a_job_with_an_invalid_resource_id_is_refused(self):
        with pytest.raises(DriveArgumentError, match="resource_id"):
            read_copy_job({**self.JOB.as_dict(str), "resource_id": ".."}, str)

    @pytest.mark.parametrize("value", [None, [], 5, MONITOR, "{'monitor_url': 'x'}"])
    def test_a_job_that_is_not_a_mapping_is_refused_with_advice(self, value):
        with pytest.raises(DriveArgumentError, match=r"\.output"):
            read_copy_job(value, str)

    def test_a_monitor_url_that_cannot_be_decrypted_is_refused(self):
        def decrypt_url(sealed):
            raise DriveArgumentError("sealed with another key")

        with pytest.raises(DriveArgumentError, match="another key"):
            read_copy_job(self.JOB.as_dict(str), decrypt_url)


class TestRequests:
    def test_a_copy_request_holds_ids(self):
        request = copy_request(ref("i"), ref("f", "e"), name=None, conflict_behavior="fail")
        assert request.method == "POST"
        assert request.url == "/drives/d/items/i/copy?@microsoft.graph.conflictBehavior=fail"
        assert request.json == {"parentReference": {"driveId": "e", "id": "f"}}
        assert request.headers == {"Prefer": "respond-async"}
        assert request.kind == "graph"
        assert not request.repeatable

    def test_a_copy_request_holds_the_options_that_are_given(self):
        request = copy_request(
            ref("i"),
            ref("f"),
            name="n",
            conflict_behavior="rename",
            children_only=True,
            include_all_version_history=True,
        )
        assert request.url.endswith("=rename")
        assert request.json == {
            "parentReference": {"driveId": "d", "id": "f"},
            "name": "n",
            "childrenOnly": True,
            "includeAllVersionHistory": True,
        }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["fail", "i", "d"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["driveId", "id", "name", "behavior", "kind", "hashes"]) | st.text(),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {}, optional={key: JSON for key in TestJobs.JOB.as_dict(str) if key != "conflict_behavior"}
    )
)
def test_any_job_is_read_exactly_or_refused(changes):
    for value in (changes, {**TestJobs.JOB.as_dict(str), **changes}):
        try:
            job = read_copy_job(value, str)
        except DriveArgumentError:
            continue
        assert str(job)
        assert json.dumps(job.as_dict(str))
