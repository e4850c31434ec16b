# ruff: noqa: PLR0917 - pytest passes fixtures by their names
import pytest


@pytest.fixture
def admin(graph, emulator):
    def send(method, path="", **options):
        return graph.send(method, f"{emulator.url}/_emulator/{path}", **options)

    return send


def test_settings_are_read_and_changed(admin, tenant):
    changes = {"budget": 3, "permissions": ["Files.Read.All"], "clock_offset": 90, "rewrites_office": True}
    assert admin("PATCH", "settings", json=changes).status_code == 200
    assert (tenant.budget, tenant.permissions, tenant.clock_offset) == (3, ["Files.Read.All"], 90)
    assert admin("GET", "settings").json().items() >= changes.items()


@pytest.mark.parametrize(
    "changes",
    [
        {"budgets": 3},
        {"tokens": {}},
        {"lock": None},
        {"faults": []},
        {"page_size": "many"},
        {"page_size": True},
        {"rewrites_office": 1},
        {"budget": []},
        [],
    ],
)
def test_an_invalid_setting_is_refused_and_changes_nothing(admin, changes):
    before = admin("GET", "settings").json()
    body = {"page_size": 7, **changes} if changes == {"budgets": 3} else changes
    response = admin("PATCH", "settings", json=body)
    assert (response.status_code, bool(response.json()["error"])) == (400, True)
    assert admin("GET", "settings").json() == before


def test_faults_are_added_listed_and_removed(admin, graph, legal):
    fault = {"method": "GET", "path": "/root$", "status": 503, "times": 2, "retry_after": 5}
    assert admin("POST", "faults", json=fault).json()["faults"] == [fault]
    response = graph.get(f"drives/{legal.id}/root")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert admin("DELETE", "faults").status_code == 204
    assert graph.get(f"drives/{legal.id}/root").status_code == 200
    assert admin("POST", "faults", json={"act": "rm"}).status_code == 400


def test_the_behaviour_of_copies_is_changed(admin, graph, tenant, legal, archive):
    plan = legal.put("plan.docx")
    assert admin("PATCH", "copies", json={"looks": 1}).json()["copies"] == {"looks": 1}
    assert admin("POST", "copies", json={"failure": "generalException"}).status_code == 200
    statuses = [graph.poll(graph.copy(plan, archive.root).headers["Location"]).json()["status"] for _ in "ab"]
    assert statuses == ["failed", "notStarted"]
    assert admin("PATCH", "copies", json={"looks": 1, "colour": "red"}).status_code == 400


def test_an_item_is_locked_and_unlocked(admin, graph, legal):
    item = legal.put("in/plan.docx")
    path = f"drives/{legal.id}/items/{item.id}"
    lock = {"drive": "legal", "path": "in/plan.docx"}
    assert admin("POST", "locks", json=lock).json()["locked"]
    assert graph("DELETE", path).status_code == 423
    assert not admin("POST", "locks", json={**lock, "locked": False}).json()["locked"]
    assert graph("DELETE", path).status_code == 204
    assert admin("POST", "locks", json=lock).status_code == 400
    assert admin("POST", "locks", json={"drive": "nope", "path": "x"}).status_code == 400


def test_the_page_shows_drives_jobs_and_requests_without_secrets(admin, graph, legal, archive):
    plan = legal.put("in/a&b.docx", b"x")
    job = graph.copy(plan, archive.root)
    graph.poll(job.headers["Location"])
    response = admin("GET")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "in/a&amp;b.docx" in response.text
    assert "completed" in response.text
    assert f"POST /v1.0/drives/{legal.id}/items/{plan.id}/copy" in response.text
    assert "tempauth" not in response.text
    assert graph.token not in response.text


def test_the_tenant_is_reset(admin, tenant, legal):
    legal.put("a.txt")
    assert admin("POST", "reset", json={}).status_code == 204
    assert tenant.tree("legal") == {}


def test_the_journal_does_not_contain_requests_to_the_admin_endpoints(admin, tenant):
    admin("GET")
    assert tenant.journal == []


def test_an_unknown_endpoint_names_those_that_exist(admin):
    response = admin("POST", "nothing")
    assert response.status_code == 404
    assert "PATCH /_emulator/settings" in response.json()["endpoints"]


def test_a_web_page_of_another_site_cannot_change_anything(admin, tenant):
    forged = {"Content-Type": "text/plain"}
    assert admin("PATCH", "settings", data=b'{"page_size": 1}', headers=forged).status_code == 415
    assert admin("POST", "reset").status_code == 415
    assert admin("POST", "reset", json={}, headers={"Host": "evil.example"}).status_code == 403
    assert tenant.page_size == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "settings", {"budget": "abc"}),
        ("PATCH", "settings", {"budget": -1}),
        ("PATCH", "settings", {"page_size": None}),
        ("PATCH", "settings", {"page_size": 0}),
        ("PATCH", "settings", {"clock_offset": 1e30}),
        ("PATCH", "settings", {"permissions": [1]}),
        ("PATCH", "settings", {"retention_labels": {"Retain": "yes"}}),
        ("PATCH", "settings", {"next_link_base": 5}),
        ("POST", "faults", {"path": "("}),
        ("POST", "faults", {"kind": "explode"}),
        ("POST", "faults", {"where": "graf"}),
        ("POST", "faults", {"times": "x"}),
        ("POST", "faults", {"times": 0}),
        ("POST", "faults", {"status": True}),
        ("PATCH", "copies", {"seconds": "x"}),
        ("PATCH", "copies", {"looks": -1}),
        ("PATCH", "copies", {"words": []}),
        ("POST", "copies", {"misplaced": "Archive"}),
        ("POST", "copies", {"location": 5}),
        ("POST", "copies", {"conflict": "later"}),
        ("POST", "locks", {"drive": "legl", "path": "plan.docx"}),
        ("POST", "locks", {"drive": "legal", "path": "plan.docx", "locked": "no"}),
        ("POST", "locks", {"drive": "legal", "path": "plan.docx", "unlock": True}),
    ],
)
def test_a_wrong_value_is_refused_and_breaks_no_later_request(admin, graph, legal, method, path, body):
    plan = legal.put("plan.docx")
    response = admin(method, path, json=body)
    wrong = next(iter(body))
    assert (response.status_code, isinstance(response.json()["error"], str)) == (400, True)
    assert str(body[wrong]) in response.json()["error"] or path == "locks"
    assert graph.poll(graph.copy(plan, name="a.docx").headers["Location"]).json()["status"] == "completed"
    assert not plan.locked


def test_a_lock_on_an_unknown_drive_names_the_drives(admin):
    error = admin("POST", "locks", json={"drive": "legl", "path": "a"}).json()["error"]
    assert error.startswith("There is no drive 'legl'. Drives: legal, contracts, archive")


def test_a_fault_may_contain_null_where_it_means_any(admin):
    fault = {"method": None, "status": None, "retry_after": "Wed, 21 Oct 2099 07:28:00 GMT", "seconds": 0.5}
    assert admin("POST", "faults", json=fault).status_code == 200
    assert admin("PATCH", "copies", json={"words": ["running"], "leaves_out": ["a"]}).status_code == 200
