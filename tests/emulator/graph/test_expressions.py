import pytest


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.docx", b"content")


def address(item):
    return f"drives/{item.drive.id}/items/{item.id}"


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        ("/versions", {"id"}),
        ("/permissions", {"id"}),
        ("/permissions/{permission}", {"id"}),
        ("/listItem", {"id"}),
        ("/listItem/fields", {"@odata.etag"}),
    ],
)
def test_select_keeps_only_what_it_names(graph, plan, path, properties):
    permission = graph.get(f"{address(plan)}/permissions").json()["value"][0]["id"]
    body = graph.get(f"{address(plan)}{path}?$select=id".replace("{permission}", permission)).json()
    entry = body["value"][0] if "value" in body else body
    assert entry.keys() - {"@odata.context"} == properties


def test_select_keeps_only_what_it_names_of_columns_and_subscriptions(graph, legal):
    assert graph.get(f"drives/{legal.id}/list/columns?$select=name").json()["value"] == [{"name": "Title"}]


@pytest.mark.parametrize(
    ("expand", "expanded"),
    [
        ("permissions($select=id)", [{"id"}]),
        ("children($select=name)", [{"name"}]),
        ("listItem($select=id;$expand=fields($select=Title))", {"id", "fields"}),
        ("listItem(select=id)", {"id"}),
    ],
)
def test_options_in_parentheses_apply_to_what_is_expanded(graph, plan, expand, expanded):
    folder = plan.parent
    graph("PATCH", f"{address(folder)}/listItem/fields", json={"Title": "All"})
    body = graph.get(f"{address(folder)}?$expand={expand}").json()[expand.partition("(")[0]]
    assert ([set(each) for each in body] if isinstance(body, list) else set(body)) == expanded


@pytest.mark.parametrize(
    "expand",
    [
        "children($select=id;$top=1)",
        "children($select=id;$select=name)",
        "children($expand=children)",
        "children($select=id",
        "permissions($expand=x)",
        "listItem($expand=versions)",
    ],
)
def test_an_option_that_is_unknown_in_an_expansion_is_refused(graph, plan, expand):
    assert graph.get(f"{address(plan.parent)}?$expand={expand}").status_code == 400


def test_the_columns_of_a_list_item_can_be_selected(graph, legal, plan):
    legal.columns.append("Status")
    graph("PATCH", f"{address(plan)}/listItem/fields", json={"Title": "A", "Status": "signed"})
    body = graph.get(f"{address(plan)}/listItem?$expand=fields($select=Status)").json()
    assert body["fields"].keys() == {"@odata.etag", "Status"}
