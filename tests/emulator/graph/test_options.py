# ruff: noqa: PLR0917 - pytest passes fixtures by their names
"""Whatever a request contains has its documented effect, or the request is refused."""

import pytest

from airflow_provider_drive.emulator.graph.operations import OPERATIONS


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.docx", b"content")


def address(item):
    return f"drives/{item.drive.id}/items/{item.id}"


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("", "$orderby=name"),
        ("", "$filter=name eq 'a'"),
        ("", "$top=1"),
        ("", "includeDeletedItems=true"),
        ("", "$expand=nothing"),
        ("", "$expand=children($top=1)"),
        ("/children", "$skip=1"),
        ("/children", "$search=a"),
        ("/children", "$orderby=size"),
        ("/children", "$filter=size gt 5"),
        ("/children", "token=1"),
        ("/children", "$format=xml"),
        ("/search(q='a')", "$filter=name eq 'a'"),
        ("/content", "$select=id"),
    ],
)
def test_an_unknown_query_option_is_refused(graph, plan, path, options):
    folder = address(plan if path == "/content" else plan.parent)
    response = graph.get(f"{folder}{path}?{options}")
    assert (response.status_code, response.json()["error"]["code"]) in {
        (400, "invalidRequest"),
        (400, "BadRequest"),
    }
    name = "nothing" if "nothing" in options else options.partition("=")[0].lstrip("$")
    assert name in response.json()["error"]["message"]


@pytest.mark.parametrize("prefix", ["", "$"])
def test_system_query_options_are_known_with_and_without_their_prefix(graph, legal, plan, prefix):
    url = f"drives/{legal.id}/root/children?{prefix}select=name&{prefix}top=1"
    assert [set(child) for child in graph.get(url).json()["value"]] == [{"@odata.etag", "name"}]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"name": "b", "size": 7}),
        ("PATCH", "", {"parentReference": {"folder": "x"}}),
        ("POST", "/copy", {"name": "b", "conflictBehavior": "rename"}),
        ("POST", "/copy", {"name": "b", "@microsoft.graph.conflictBehavior": "rename"}),
        ("POST", "/createLink", {"type": "view", "colour": "red"}),
        ("POST", "/createUploadSession", {"item": {"@microsoft.graph.conflict": "fail"}}),
        ("POST", "/permanentDelete", {"reason": "x"}),
    ],
)
def test_an_unknown_property_of_a_body_is_refused(graph, tenant, plan, method, path, body):
    before = (plan.name, plan.etag)
    response = graph(method, address(plan) + path, json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")
    assert (plan.name, plan.etag, tenant.jobs) == (*before, [])


@pytest.mark.parametrize(
    ("method", "path", "header"),
    [("GET", "", "Range"), ("POST", "/copy", "If-Match"), ("GET", "/children", "If-None-Match")],
)
def test_a_header_that_would_have_no_effect_is_refused(graph, plan, method, path, header):
    response = graph(method, address(plan) + path, headers={header: plan.etag})
    assert response.status_code == 400
    assert header.lower() in response.json()["error"]["message"]


def test_annotations_and_preferences_that_are_unknown_are_allowed(graph, plan):
    body = {"name": "b.docx", "@odata.type": "#microsoft.graph.driveItem"}
    headers = {"Prefer": "include-unknown-enum-members"}
    assert graph("PATCH", address(plan), json=body, headers=headers).status_code == 200


def test_an_invalid_conflict_behavior_is_refused_everywhere(graph, legal, archive, plan):
    option = {"@microsoft.graph.conflictBehavior": "ask"}
    query = "?@microsoft.graph.conflictBehavior=ask"
    root = f"drives/{legal.id}/root"
    for response in (
        graph.copy(plan, archive.root, query),
        graph.move(plan, legal.root, query),
        graph("POST", f"{root}/children", json={"name": "a", "folder": {}, **option}),
        graph("PUT", f"{root}:/a.txt:/content{query}", data=b"x"),
        graph("POST", f"{root}:/a.txt:/createUploadSession", json={"item": option}),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalidRequest")


def test_every_operation_states_what_it_knows():
    for (kind, method, action), operation in OPERATIONS.items():
        assert method in {"GET", "POST", "PUT", "PATCH", "DELETE"}, (kind, action)
        assert operation.body is None or method != "GET" or operation.body == {}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"name": 5}),
        ("PATCH", "", {"parentReference": "x"}),
        ("PATCH", "", {"parentReference": {"id": []}}),
        ("PATCH", "", {"parentReference": {"path": 5}}),
        ("POST", "/copy", {"childrenOnly": "no"}),
        ("POST", "/createUploadSession", {"item": {"fileSize": "x"}}),
        ("POST", "/createUploadSession", {"item": {"fileSize": True}}),
        ("POST", "/invite", {"recipients": [{"email": "a"}], "roles": [[]]}),
        ("POST", "/createLink", {"type": []}),
        ("PATCH", "/retentionLabel", {"name": {}}),
    ],
)
def test_a_property_of_another_type_is_refused(graph, tenant, plan, method, path, body):
    before = (plan.name, plan.etag)
    response = graph(method, address(plan) + path, json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalidRequest")
    assert (plan.name, plan.etag, tenant.jobs, tenant.uploads) == (*before, [], {})


@pytest.mark.parametrize("body", [b'{"name": "\\ud800"}', b'{"name": NaN}', b'{"name":' * 100_000])
def test_json_that_cannot_be_read_is_refused(graph, plan, body):
    response = graph("PATCH", address(plan), data=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    "query", ["$top=many", "$top=-1", "$top=²", "$count=perhaps", "$top=1&$top=2", "$select=id&select=name"]
)
def test_a_query_option_with_an_invalid_value_or_given_twice_is_refused(graph, plan, query):
    response = graph.get(f"{address(plan.parent)}/children?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "BadRequest")


@pytest.mark.parametrize("header", ["eTag", "cTag"])
@pytest.mark.parametrize("path", ["", "/content"])
def test_what_has_not_changed_is_not_sent_again(graph, plan, path, header):
    tag = graph.get(address(plan)).json()[header]
    assert graph.get(address(plan) + path, headers={"If-None-Match": tag}).status_code == 304
    plan.drive.write(plan, plan.content)
    assert graph.get(address(plan) + path, headers={"If-None-Match": tag}).status_code in {200, 302}
