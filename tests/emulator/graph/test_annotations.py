from urllib.parse import quote

import pytest


@pytest.fixture
def names(legal):
    item = legal.put("Contracts/plan.pdf")
    return {"drive": legal.id, "item": item.id, "folder": item.parent.id, "site": legal.site.id}


@pytest.mark.parametrize(
    ("path", "context"),
    [
        ("drives/{drive}/items/{item}", "drives('{drive}')/items/$entity"),
        ("drives/{drive}/root:/Contracts/plan.pdf", "drives('{drive}')/items/$entity"),
        ("drives/{drive}/items/{item}?$select=id,name", "drives('{drive}')/items(id,name)/$entity"),
        ("drives/{drive}/items/{folder}/children", "drives('{drive}')/items('{folder}')/children"),
        ("drives/{drive}/root/delta", "Collection(driveItem)"),
        ("drives/{drive}", "drives/$entity"),
        ("sites/{site}/drives", "drives"),
        ("sites/{site}", "sites/$entity"),
        ("users/adele@contoso.com", "users/$entity"),
    ],
)
def test_a_response_names_its_context(graph, names, path, context):
    body = graph.get(path.format(**names)).json()
    quoted = {key: quote(value, safe="") for key, value in names.items()}
    assert body["@odata.context"] == f"{graph.base}$metadata#{context.format(**quoted)}"


def test_every_response_has_the_headers_of_graph(graph, legal, personal, names):
    for path in ("drives/{drive}/root", "drives/nope"):
        headers = graph.get(path.format(**names)).headers
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "DataCenter" in headers["x-ms-ags-diagnostic"]
        assert headers["Cache-Control"] == "no-store, no-cache"
    assert graph.get(f"drives/{personal.id}").headers["Cache-Control"] == "no-store"


def test_errors_are_plain_json_without_the_version_of_odata(graph, legal):
    good, bad = graph.get(f"drives/{legal.id}").headers, graph.get("drives/nope").headers
    assert (good["OData-Version"], bad.get("OData-Version")) == ("4.0", None)
    assert "odata.metadata=minimal" in good["Content-Type"]
    assert bad["Content-Type"] == "application/json"


def test_responses_in_a_batch_have_a_context_and_the_version_of_odata(graph, legal):
    part = {"id": "1", "method": "GET", "url": f"/drives/{legal.id}/root"}
    response = graph("POST", "$batch", json={"requests": [part]}).json()["responses"][0]
    assert response["body"]["@odata.context"].endswith("/items/$entity")
    assert {key.lower(): value for key, value in response["headers"].items()}["odata-version"] == "4.0"
    assert "Strict-Transport-Security" not in response["headers"]


def test_personal_drives_count_the_children_in_every_list(graph, personal):
    personal.put("a.txt")
    assert graph.get(f"drives/{personal.id}/root/children").json()["@odata.count"] == 1
