import pytest


@pytest.fixture
def path(legal):
    return f"drives/{legal.id}/items/{legal.put('in/a.txt').id}"


def roles(graph, path):
    return [permission["roles"] for permission in graph.get(f"{path}/permissions").json()["value"]]


def test_an_invitation_gives_a_permission(graph, path):
    body = {"recipients": [{"email": "megan@contoso.com"}], "roles": ["write"], "requireSignIn": True}
    permission = graph("POST", f"{path}/invite", json=body).json()["value"][0]
    assert permission["grantedToV2"]["user"]["email"] == "megan@contoso.com"
    assert roles(graph, path) == [["write"], ["owner"]]
    own = f"{path}/permissions/{permission['id']}"
    assert graph("PATCH", own, json={"roles": ["read"]}).json()["roles"] == ["read"]
    assert graph.get(own).json()["roles"] == ["read"]
    assert graph("DELETE", own).status_code == 204
    assert graph.get(own).status_code == 404


def test_a_permission_on_a_folder_is_inherited(graph, legal, path):
    folder = legal.find("in")
    body = {"recipients": [{"email": "megan@contoso.com"}], "roles": ["read"]}
    graph("POST", f"drives/{legal.id}/items/{folder.id}/invite", json=body)
    inherited = graph.get(f"{path}/permissions").json()["value"][0]
    assert inherited["inheritedFrom"]["id"] == folder.id
    assert graph("DELETE", f"{path}/permissions/{inherited['id']}").status_code == 400


def test_permissions_can_be_expanded_and_cost_five_units(graph, tenant, path):
    assert graph.get(f"{path}?$expand=permissions").json()["permissions"]
    assert tenant.journal[-1].units == 5


@pytest.mark.parametrize(
    "body",
    [
        {"roles": ["read"]},
        {"recipients": [{"email": "a@b.example"}]},
        {"recipients": [{"email": "a@b.example"}], "roles": ["king"]},
        {"recipients": [{}], "roles": ["read"]},
    ],
)
def test_an_invalid_invitation_is_refused(graph, path, body):
    assert graph("POST", f"{path}/invite", json=body).status_code == 400


def test_a_link_has_the_type_and_scope_that_were_asked_for(graph, path):
    create = f"{path}/createLink"
    response = graph("POST", create, json={"type": "edit", "scope": "organization"})
    link = response.json()["link"]
    assert (response.status_code, link["type"], link["scope"]) == (201, "edit", "organization")
    assert response.json()["roles"] == ["write"]
    again = graph("POST", create, json={"type": "edit", "scope": "organization"})
    assert (again.status_code, again.json()["link"]) == (200, link)
    assert graph("POST", create, json={"type": "view", "scope": "users"}).status_code == 201


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("legal", {"type": "own"}),
        ("legal", {"scope": "everyone"}),
        ("legal", {"type": "embed"}),
        ("personal", {"scope": "organization"}),
    ],
)
def test_a_link_of_an_unsupported_type_or_scope_is_refused(graph, tenant, key, body):
    drive = tenant.drive(key)
    response = graph("POST", f"drives/{drive.id}/items/{drive.put('a.txt').id}/createLink", json=body)
    assert response.status_code == 400


def test_a_permission_can_expire_and_have_a_password_where_graph_allows_that(graph, tenant, personal, path):
    item = personal.put("a.txt")
    own, later = f"drives/{personal.id}/items/{item.id}", "2999-01-01T00:00:00Z"
    body = {"recipients": [{"email": "a@b.example"}], "roles": ["read"]}
    limits = {"expirationDateTime": later, "password": "secret"}
    permission = graph("POST", f"{own}/invite", json=body | limits).json()["value"][0]
    assert (permission["expirationDateTime"], permission["hasPassword"]) == (later, True)
    assert "secret" not in str(permission)
    assert graph("POST", f"{path}/invite", json=body | limits).status_code == 400
    for name, link in (("invite", body), ("createLink", {"type": "view"})):
        for wrong in ("yesterday", "2001-01-01T00:00:00Z"):
            response = graph("POST", f"{path}/{name}", json=link | {"expirationDateTime": wrong})
            assert response.status_code == 400


def test_a_permission_is_deleted_only_if_the_tag_matches(graph, legal, path):
    graph("POST", f"{path}/createLink", json={"type": "view"})
    permission = graph.get(f"{path}/permissions").json()["value"][0]
    own, item = f"{path}/permissions/{permission['id']}", legal.find("in/a.txt")
    assert graph("DELETE", own, headers={"If-Match": '"old"'}).status_code == 412
    assert graph("DELETE", own, headers={"If-Match": item.etag}).status_code == 204
