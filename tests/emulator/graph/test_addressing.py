import base64
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LEGAL = "sites/contoso.sharepoint.com:/sites/Legal"


@pytest.fixture
def plan(legal):
    return legal.put("Contracts/2026/plan.docx", b"content")


@pytest.mark.parametrize(
    "form",
    [
        "drives/{drive}/items/{item}",
        "drives/{drive}/items/{item}:",
        "/drives/{drive}/items/{item}",  # //: msgraph-sdk with its default base URL
        "drives/{quoted}/items/{item}",  # %21: msgraph-sdk
        "drives/{upper}/items/{item}",
        "drives/{drive}/root:/Contracts/2026/plan.docx",
        "drives/{drive}/root:/Contracts/2026/plan.docx:",
        "drives/{drive}/root:/contracts/2026/PLAN.docx",
        "drives/{drive}/items/root:/Contracts/2026/plan.docx",
        "drives/{drive}/items/{folder}:/plan.docx",
        "drives/{drive}/items/{folder}:/plan.docx:",
        "drives/{quoted}/items/root%3A%2FContracts%2F2026%2Fplan.docx%3A",  # msgraph-sdk
        "drives/{drive}/items/{folder}%3A%2Fplan.docx",
        "sites/contoso.sharepoint.com%3A%2Fsites%2FLegal%3A/drive/items/{item}",
        "sites/{site}/drive/items/{item}",
        "sites/{site}/drives/{drive}/items/{item}",
        LEGAL + ":/drive/items/{item}",
        LEGAL + ":/drives/{drive}/root:/Contracts/2026/plan.docx",
        "sites/CONTOSO.sharepoint.com:/sites/legal:/drive/root:/Contracts/2026/plan.docx",
    ],
)
def test_each_form_of_address_finds_the_item(graph, legal, plan, form):
    names = {
        "drive": legal.id,
        "quoted": quote(legal.id, safe=""),
        "upper": legal.id.upper(),
        "item": plan.id,
        "folder": plan.parent.id,
        "site": legal.site.id,
    }
    response = graph.get(form.format(**names))
    assert (response.status_code, response.json().get("id")) == (200, plan.id)


def test_a_path_that_ends_in_photo_needs_a_closing_colon(graph, legal):
    legal.put("x/photo", b"content")
    assert graph.get(f"drives/{legal.id}/root:/x/photo").status_code == 400
    assert graph.get(f"drives/{legal.id}/root:/x/photo:").json()["name"] == "photo"


def test_a_path_that_ends_in_drive_needs_a_closing_colon_in_onedrive_personal(graph, legal, personal):
    for drive, status in ((legal, 200), (personal, 400)):
        drive.put("x/adrive", b"content")
        assert graph.get(f"drives/{drive.id}/root:/x/adrive").status_code == status
        assert graph.get(f"drives/{drive.id}/root:/x/adrive:").json()["name"] == "adrive"


@pytest.mark.parametrize("form", ["root", "root:", "root:/", "items/root", "items/{root}", "items/{root}:/"])
def test_each_form_of_address_finds_the_root(graph, legal, form):
    response = graph.get(f"drives/{legal.id}/{form.format(root=legal.root.id)}")
    assert (response.status_code, response.json().get("id")) == (200, legal.root.id)


@pytest.mark.parametrize("form", ["root/children", "root:/:/children", "root:/Contracts:/children"])
def test_an_action_follows_the_second_colon(graph, legal, plan, form):
    assert graph.get(f"drives/{legal.id}/{form}").json()["value"]


@pytest.mark.parametrize(
    "path", ["items/NOPE", "root:/nope", "root:/Contracts/nope/plan.docx", "items/{item}:/below"]
)
def test_an_address_of_a_missing_item_is_not_found(graph, legal, plan, path):
    response = graph.get(f"drives/{legal.id}/{path.format(item=plan.id)}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "itemNotFound")


def test_a_path_that_is_not_utf_8_is_refused(graph, legal):
    assert graph.get(f"drives/{legal.id}/root:/%FF").json()["error"]["innerError"]["code"] == "invalidPath"


@pytest.mark.parametrize("folder", ["operations", "monitor", "oauth2", ".well-known", "discovery", "$batch"])
def test_a_folder_may_have_the_name_of_an_endpoint(graph, legal, folder):
    item = legal.put(f"{folder}/a.txt")
    assert graph.get(f"drives/{legal.id}/root:/{folder}/a.txt").json()["id"] == item.id
    assert graph.get(f"drives/{legal.id}/root:/{folder}").json()["id"] == item.parent.id


def test_item_ids_are_case_sensitive(graph, legal, plan):
    assert graph.get(f"drives/{legal.id}/items/{plan.id.lower()}").status_code == 404


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("users/adele@contoso.com/drive", "business"),
        ("users/Adele@Contoso.com/drive/root", "business"),
        ("users/{id}/drive", "business"),
        ("users/{id}/drives/{business}", "business"),
        ("groups/{group}/drive", "group"),
        (LEGAL + ":/drive", "legal"),
        ("sites/contoso.sharepoint.com/drive", "root"),
        ("sites/root/drive", "root"),
        ("drives/4F62A7105C03556E", "personal"),
    ],
)
def test_each_form_of_address_finds_the_drive(graph, tenant, path, key):
    names = {"id": tenant.me.id, "group": tenant.groups[0].id, "business": tenant.drive("business").id}
    body = graph.get(path.format(**names)).json()
    assert tenant.drive(key).id in {body["id"], body.get("parentReference", {}).get("driveId")}


def test_me_needs_a_delegated_token(graph, tenant):
    assert graph.get("me/drive").status_code == 400
    graph.token = tenant.issue_token(delegated=True)
    assert graph.get("me/drive").json()["id"] == tenant.drive("business").id
    assert [drive["id"] for drive in graph.get("me/drives").json()["value"]] == [tenant.drive("business").id]


def test_a_site_lists_its_libraries(graph):
    site = graph.get(LEGAL).json()
    assert site["id"].startswith("contoso.sharepoint.com,")
    for path in (f"sites/{site['id']}/drives", LEGAL + ":/drives"):
        assert [drive["name"] for drive in graph.get(path).json()["value"]] == ["Documents", "Contracts"]


def test_a_special_folder_is_created_on_first_use(graph, personal):
    assert graph.get(f"drives/{personal.id}/special/documents").json()["id"] == personal.find("Documents").id
    assert graph.get(f"drives/{personal.id}/special/nope").status_code == 400


@pytest.mark.parametrize("path", ["drives/b!short", "sites/evil.example", "sites/evil.example:/sites/Legal"])
def test_a_malformed_drive_id_or_host_name_is_an_invalid_request(graph, path):
    response = graph.get(path)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalidRequest")


@pytest.mark.parametrize("path", ["sites/contoso.sharepoint.com:/sites/Nope", "drives/b!" + "x" * 64])
def test_a_well_formed_address_of_nothing_is_not_found(graph, path):
    assert graph.get(path).status_code == 404


@pytest.mark.parametrize("action", ["children", "content", "createUploadSession"])
def test_an_encoded_path_can_be_followed_by_an_action(graph, legal, plan, action):
    path = {
        "children": "items/root%3A%2FContracts%3A/children",
        "content": "items/root%3A%2Fnew.txt%3A/content",
    }
    method = {"children": "GET", "content": "PUT"}
    upload = "items/root%3A%2Fa%20b.txt%3A/createUploadSession"
    response = graph(method.get(action, "POST"), f"drives/{legal.id}/{path.get(action, upload)}")
    assert response.status_code in {200, 201}


def test_the_children_of_a_file_are_refused(graph, legal, plan):
    assert graph.get(f"drives/{legal.id}/items/{plan.id}/children").status_code == 422


def sharing_token(url):
    return "u!" + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def test_a_share_is_found_by_the_url_in_a_browser(graph, tenant, legal, plan):
    legal.put("Contracts/a b#1.txt")
    library = "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents"
    urls = {
        f"{library}/Contracts/a%20b%231.txt": "a b#1.txt",
        f"{library}/Contracts?web=1": "Contracts",
        graph.get(f"drives/{legal.id}/items/{plan.id}").json()["webUrl"]: "plan.docx",
        tenant.share(plan): "plan.docx",
    }
    for url, name in urls.items():
        assert graph.get(f"shares/{sharing_token(url)}/driveItem").json()["name"] == name
    assert graph.get(f"shares/{sharing_token(library + '/nope')}/driveItem").status_code == 404
    assert graph.get("shares/u!***/driveItem").status_code in {400, 404}


NAME = st.text(
    st.characters(exclude_characters='"*:<>?/\\|', exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60
).filter(lambda name: name == name.strip() and name not in {".", ".."})


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(folder=NAME, name=NAME)
def test_an_item_of_any_valid_name_is_found_by_its_path(graph, legal, folder, name):
    item = legal.put(f"{folder}/{name}", b"x")
    path = f"{quote(folder, safe='')}/{quote(name, safe='')}"
    assert graph.get(f"drives/{legal.id}/root:/{path}").json()["id"] == item.id
    body = graph.get(f"drives/{legal.id}/root:/{path}:").json()
    assert body["name"] == item.name
    way = body["parentReference"]["path"].removeprefix("/drives/")
    assert graph.get(f"drives/{way}/{quote(name, safe='')}").json()["id"] == item.id


def test_a_sharing_token_that_is_not_ascii_is_refused(graph):
    assert graph.get("shares/u!%ff/driveItem").status_code == 400


@pytest.mark.parametrize("name", ["documents", "photos", "cameraroll", "approot", "music"])
def test_each_special_folder_of_the_documentation_is_known(graph, personal, name):
    assert "folder" in graph.get(f"drives/{personal.id}/special/{name}").json()
