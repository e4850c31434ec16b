import pytest


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.docx", b"content")


def address(item):
    return f"drives/{item.drive.id}/items/{item.id}"


@pytest.fixture
def other(graph, tenant):
    """The client, as another user."""

    def send(*arguments, **options):
        mine, graph.token = graph.token, tenant.issue_token(delegated=True)
        response = graph(*arguments, **options)
        graph.token = mine
        return response

    return send


def test_a_list_item_has_the_values_of_the_columns(graph, legal, plan):
    path, etag = f"{address(plan)}/listItem", plan.etag
    column = {"name": "Status", "text": {}}
    assert graph("POST", f"drives/{legal.id}/list/columns", json=column).status_code == 201
    names = [each["name"] for each in graph.get(f"drives/{legal.id}/list/columns").json()["value"]]
    assert names == ["Title", "Status"]
    body = graph("PATCH", f"{path}/fields", json={"Status": "signed"}).json()
    assert (body["Status"], body["FileLeafRef"]) == ("signed", "plan.docx")
    assert graph.get(f"{path}?$expand=fields").json()["fields"]["Status"] == "signed"
    assert "fields" not in graph.get(path).json()
    assert graph.get(f"{address(plan)}?$expand=listItem").json()["listItem"]["id"]
    assert plan.etag != etag


def test_a_value_of_an_unknown_column_is_refused(graph, plan):
    response = graph("PATCH", f"{address(plan)}/listItem/fields", json={"Colour": "red"})
    assert (response.status_code, response.json()["error"]["message"]) == (
        400,
        "Field 'Colour' is not recognized",
    )


def test_a_copy_does_not_keep_the_values_of_the_columns(graph, archive, plan):
    graph("PATCH", f"{address(plan)}/listItem/fields", json={"Title": "A plan"})
    graph.poll(graph.copy(plan, archive.root).headers["Location"])
    assert (plan.fields, archive.find("plan.docx").fields) == ({"Title": "A plan"}, {})


def test_personal_drives_have_no_lists(graph, personal):
    item = personal.put("a.txt")
    for path in ("listItem", "listItem/fields", "retentionLabel"):
        assert graph.get(f"{address(item)}/{path}").status_code == 400
    assert graph.get(f"drives/{personal.id}/list").status_code == 400


@pytest.mark.parametrize("place", ["Contracts/plan.docx", "Contracts"])
def test_a_retention_label_can_forbid_to_delete_an_item(graph, legal, plan, place):
    path = f"{address(legal.find(place))}/retentionLabel"
    assert "name" not in graph.get(path).json()
    label = graph("PATCH", path, json={"name": "Retain"}).json()
    assert (label["name"], label["retentionSettings"]["isDeleteAllowed"]) == ("Retain", False)
    for item in (plan, plan.parent):
        response = graph("DELETE", address(item))
        assert (response.status_code, response.json()["error"]["code"]) == (403, "accessDenied")
    assert graph("DELETE", path).status_code == 204
    assert graph("DELETE", address(plan)).status_code == 204


def test_a_retention_label_can_allow_to_delete_an_item(graph, plan):
    path = f"{address(plan)}/retentionLabel"
    assert graph("PATCH", path, json={"name": "Nothing"}).status_code == 404
    graph("PATCH", path, json={"name": "Review"})
    assert graph("DELETE", address(plan)).status_code == 204


def test_a_file_that_is_checked_out_is_locked_for_others(graph, other, plan):
    assert graph("POST", f"{address(plan)}/checkout").status_code == 204
    for method, path, options in (
        ("PATCH", "", {"json": {"name": "b.docx"}}),
        ("PUT", "/content", {"data": b"x"}),
        ("DELETE", "", {}),
        ("POST", "/checkout", {}),
        ("POST", "/checkin", {}),
        ("PATCH", "/listItem/fields", {"json": {"Title": "x"}}),
    ):
        assert other(method, address(plan) + path, **options).status_code == 423, (method, path)
    assert graph("PATCH", address(plan), json={"name": "b.docx"}).status_code == 200
    assert graph("POST", f"{address(plan)}/checkin", json={"comment": "Done."}).status_code == 204
    assert other("PATCH", address(plan), json={"name": "c.docx"}).status_code == 200
    assert graph("POST", f"{address(plan)}/checkin").status_code == 400


def test_a_check_out_can_be_discarded_or_bypassed(graph, other, plan):
    graph("POST", f"{address(plan)}/checkout")
    assert graph("POST", f"{address(plan)}/discardCheckout").status_code == 204
    assert other("PATCH", address(plan), json={"name": "b.docx"}).status_code == 200
    graph("POST", f"{address(plan)}/checkout")
    headers = {"Prefer": "bypass-checked-out"}
    assert other("DELETE", address(plan), headers=headers).status_code == 204


def test_there_are_no_thumbnails(graph, plan):
    assert graph.get(f"{address(plan)}/thumbnails").json()["value"] == []


def test_a_check_out_that_is_discarded_takes_back_what_was_written(graph, plan):
    plan.drive.put("Contracts/plan.docx", b"second")
    assert graph("POST", f"{address(plan)}/checkout").status_code == 204
    for content in (b"third", b"fourth"):
        assert graph("PUT", f"{address(plan)}/content", data=content).status_code == 200
    assert graph("POST", f"{address(plan)}/discardCheckout").status_code == 204
    assert (plan.content.data, [version.data for version in plan.versions]) == (b"second", [b"content"])
    assert graph("POST", f"{address(plan)}/checkout").status_code == 204
    graph("PUT", f"{address(plan)}/content", data=b"third")
    assert graph("POST", f"{address(plan)}/checkin", json={"comment": "x"}).status_code == 204
    assert plan.content.data == b"third"


def test_columns_are_updated_only_if_the_tag_matches(graph, plan):
    path, values = f"{address(plan)}/listItem/fields", {"Title": "A plan"}
    assert graph("PATCH", path, json=values, headers={"If-Match": '"old"'}).status_code == 412
    assert graph("PATCH", path, json=values, headers={"If-Match": plan.etag}).status_code == 200
    assert graph("PATCH", path, json={"Title": {"a": 1}}).status_code == 400
    assert plan.fields == values


def test_settings_of_a_column_are_refused(graph, legal):
    body = {"name": "Status", "text": {"maxLength": 10}}
    assert graph("POST", f"drives/{legal.id}/list/columns", json=body).status_code == 400
