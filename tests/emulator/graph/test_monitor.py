import pytest

from airflow_provider_drive.emulator import CopyBehaviour


@pytest.fixture
def submit(graph, tenant, legal, archive):
    def submit(source=None, folder=None, **behaviour):
        tenant.copies = CopyBehaviour(**behaviour)
        return graph.copy(source or legal.put("a.txt", b"x"), folder or archive.root)

    return submit


def test_a_monitor_refuses_tokens(graph, submit, recorded):
    url = submit().headers["Location"]
    response = graph.poll(url, headers={"Authorization": f"Bearer {graph.token}"})
    expected = recorded("iss-monitor-401-with-bearer")
    assert (response.status_code, response.json()) == (expected["status"], expected["body"])
    assert graph.poll(url).status_code == 200


@pytest.mark.parametrize(
    "change", [("tempauth=v1.", "tempauth=v2."), ("?c=", "?c=x"), ("&tempauth=", "&other=")]
)
def test_a_monitor_url_that_was_changed_is_refused(graph, submit, change):
    assert graph.poll(submit().headers["Location"].replace(*change)).status_code == 401


@pytest.mark.parametrize(
    ("location", "part"),
    [
        (None, "/_api/v2.1/drives/"),
        ("operations", "/operations/"),
        ("monitor", "/_api/v2.0/monitor/"),
        ("personal", "/v1.0/monitor/"),
    ],
)
def test_a_monitor_url_can_have_each_observed_form(graph, submit, location, part):
    url = submit(location=location, looks=1).headers["Location"]
    assert part in url
    assert [graph.poll(url).json()["status"] for _ in range(2)] == ["notStarted", "completed"]


def test_a_copy_made_at_once_has_the_url_of_the_new_item(graph, archive, submit, recorded):
    response = submit(location="item", looks=3, seconds=60)
    item = archive.find("a.txt")
    assert (
        f"/_api/v2.0/drives/{archive.id}/items/{item.id}?force303=1&tempauth=" in response.headers["Location"]
    )
    assert "?force303=1&tempauth=" in recorded("op-copy-202-sync-item-location-2024")["headers"]["Location"]
    body = graph.poll(response.headers["Location"]).json()
    assert body["id"] == item.id
    assert "status" not in body
    response = submit(location="item", done_status=303, with_body=False, misplaced=True)
    response = graph.poll(response.headers["Location"])
    assert (response.status_code, response.content) == (303, b"")
    assert "/items/" in response.headers["Location"]


def test_a_copy_can_have_no_monitor(archive, submit):
    response = submit(location="none", looks=3)
    assert (response.status_code, "Location" in response.headers) == (202, False)
    assert archive.find("a.txt") is not None


def test_a_monitor_can_be_on_another_host(tenant, submit, emulator):
    assert submit(location="http://evil.example/x").headers["Location"] == "http://evil.example/x"
    assert (
        submit(location=lambda job: f"https://u:p@h/{job.id}")
        .headers["Location"]
        .startswith("https://u:p@h/")
    )
    tenant.monitor_base = f"https://127.0.0.1:{emulator.port}"
    assert submit().headers["Location"].startswith(tenant.monitor_base)


@pytest.mark.parametrize("status", [200, 202, 303])
def test_the_http_status_of_a_monitor_can_be_set(graph, submit, status):
    url = submit(looks=1, running_status=202, done_status=status).headers["Location"]
    assert graph.poll(url).status_code == 202
    response = graph.poll(url)
    assert (response.status_code, response.json()["status"]) == (status, "completed")
    assert "Location" not in response.headers


def test_monitors_of_personal_drives_answer_202_while_the_job_runs(graph, personal, submit):
    item = personal.put("a.txt")
    url = submit(item, personal.mkdir("b"), looks=1).headers["Location"]
    assert [graph.poll(url).status_code for _ in range(2)] == [202, 200]


def test_the_status_words_can_be_set(graph, submit):
    url = submit(looks=4, words=("waiting", "updating", "reticulating"), final="cancelled").headers[
        "Location"
    ]
    words = [graph.poll(url).json()["status"] for _ in range(5)]
    assert words == ["waiting", "updating", "reticulating", "reticulating", "cancelled"]


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("percentageComplete", {"percentageComplete"}),
        ("percentComplete", {"percentComplete"}),
        ("both", {"percentageComplete", "percentComplete"}),
        (None, set()),
    ],
)
def test_the_percentage_grows_under_the_chosen_key(graph, submit, key, keys):
    url = submit(looks=3, percent_key=key).headers["Location"]
    bodies = [graph.poll(url).json() for _ in range(4)]
    for name in ("percentageComplete", "percentComplete"):
        values = [body[name] for body in bodies if name in body]
        assert bool(values) == (name in keys)
        assert values == sorted(values)


@pytest.mark.parametrize("status", [404, 410])
def test_a_lost_job_completes_although_its_monitor_is_gone(graph, archive, submit, status):
    response = submit(lost=True if status == 404 else status)
    assert graph.poll(response.headers["Location"]).status_code == status
    assert archive.find("a.txt") is not None


def test_the_monitor_of_an_unknown_job_is_not_found(graph, emulator):
    assert graph.poll(f"{emulator.url}/_api/v2.0/monitor/nope").status_code == 404


FAILURES = {
    "code": {"error": {"code": "nameAlreadyExists", "message": "Name already exists"}},
    "details": None,
    "errorCode": {"errorCode": "AccessDenied_SharingLinkDisabled"},
    "nothing": {},
    "generalException": {
        "error": {"code": "generalException", "message": "General exception while processing"}
    },
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_can_have_each_observed_form(graph, archive, submit, failure):
    body = graph.poll(submit(failure=failure).headers["Location"]).json()
    assert body["status"] == "failed"
    if FAILURES[failure] is not None:
        fields = {key: value for key, value in body.items() if key.startswith("error")}
        assert fields == FAILURES[failure]
    assert archive.tree() == {}


def test_a_failure_can_be_given_as_a_mapping(graph, submit):
    body = graph.poll(
        submit(failure={"error": {"code": "x"}, "status": "deleteFailed"}).headers["Location"]
    ).json()
    assert (body["status"], body["error"]) == ("deleteFailed", {"code": "x"})


def test_monitor_bodies_have_the_documented_fields(graph, submit, recorded):
    url = submit(looks=1, percent_key="both").headers["Location"]
    running, done = graph.poll(url).json(), graph.poll(url).json()
    assert running.keys() - {"percentComplete"} == recorded("doc-monitor-inProgress-202")["body"].keys()
    assert done.keys() == recorded("doc-monitor-completed-v21").keys()
    failed = graph.poll(submit(failure="code").headers["Location"]).json()
    expected = recorded("doc-monitor-failed-nameAlreadyExists")
    assert failed.pop("@odata.context").endswith("/operations/$entity")  # iss-monitor-failed-generalException
    assert {**failed, "id": None} == {**expected, "id": None}
