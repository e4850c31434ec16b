import pytest


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/plan.pdf", b"content")


def address(item):
    return f"drives/{item.drive.id}/items/{item.id}"


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c"])
def test_a_missing_or_unknown_token_is_refused(graph, legal, token, recorded):
    graph.token = token
    response = graph.get(f"drives/{legal.id}")
    expected = recorded("op-401-invalid-token")
    assert response.status_code == expected["status"]
    assert response.json()["error"]["code"] == expected["body"]["error"]["code"]
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm=""')


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_not_a_json_object_is_refused(graph, legal, body):
    assert graph("POST", f"drives/{legal.id}/root/children", data=body).status_code == 400


@pytest.mark.parametrize("tag", ["etag", "ctag"])
def test_if_match_accepts_the_etag_and_the_ctag(graph, plan, tag):
    assert graph("DELETE", address(plan), headers={"If-Match": getattr(plan, tag)}).status_code == 204


def test_if_match_with_another_tag_is_refused(graph, legal, plan, personal, recorded):
    response = graph("DELETE", address(plan), headers={"If-Match": plan.etag.replace(",1", ",9")})
    assert (response.status_code, response.json()["error"]["code"]) == (412, "resourceModified")
    response = graph("DELETE", address(plan), headers={"If-Match": "bare"})
    assert (response.status_code, response.json()["error"]["innerError"]["code"]) == (
        400,
        "malformedEntityTag",
    )
    response = graph("DELETE", address(personal.put("a.txt")), headers={"If-Match": "old"})
    error = response.json()["error"]
    error["innererror"] = {"code": error["innererror"]["code"]}
    assert (response.status_code, {"error": error}) == (
        412,
        recorded("iss-412-preconditionFailed-personal")["body"],
    )
    assert legal.find("Contracts/plan.pdf") is plan


def test_a_locked_item_is_deleted_only_with_bypass_shared_lock(graph, plan):
    plan.locked = True
    assert graph("DELETE", address(plan)).status_code == 423
    assert graph("DELETE", address(plan), headers={"Prefer": "bypass-shared-lock"}).status_code == 204
