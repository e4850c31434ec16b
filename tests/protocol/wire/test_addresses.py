import base64
import json
import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from protocol.conversation import HOSTS, item, recording

from airflow_provider_drive.exceptions import DriveAddressError
from airflow_provider_drive.protocol.wire.addresses import (
    ItemRef,
    LibraryAddress,
    PathAddress,
    ShareAddress,
    encode_share,
    parse_address,
    same_drive,
)
from airflow_provider_drive.protocol.wire.hosts import CLOUDS, Hosts
from airflow_provider_drive.protocol.wire.names import check_name, same_name

PLAN = ("Contracts", "2026", "plan.docx")
BAD_NAMES = (".", "..", "a\x00b", "line\nbreak", "\x7f", "\x9f", "half \ud83d")
GUIDS = "contoso.sharepoint.com,2C712604-1370-44E7-A1F5-426573FDA80A,2D2244C3-251A-49EA-93A8-39E1C3A060FE"


def parse(value, hosts=HOSTS):
    return parse_address(value, hosts)


class TestForms:
    @pytest.mark.parametrize(
        "text",
        [
            "drives/b!x/items/01ABC",
            "/drives/b!x/items/01ABC",
            "https://graph.microsoft.com/v1.0/drives/b!x/items/01ABC",
            "https://graph.microsoft.com/beta/drives/b!x/items/01ABC",
            "  drives/b!x/items/01ABC\n",
            "drives/b!x/items/01ABC:",
            "sites/contoso.sharepoint.com:/sites/Legal:/drives/b!x/items/01ABC",
            "me/drives/b!x/items/01ABC",
        ],
    )
    def test_a_path_of_ids_is_parsed_as_item_ref(self, text):
        assert parse(text) == ItemRef("b!x", "01ABC")

    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("drives/d/root:/Contracts/2026/plan.docx", PathAddress("drives/d", "root", PLAN)),
            ("drives/d/root:/Contracts/2026/plan.docx:", PathAddress("drives/d", "root", PLAN)),
            ("drives/d/root:/Contracts/2026/", PathAddress("drives/d", "root", PLAN[:2])),
            ("drives/d/items/root:/plan.docx", PathAddress("drives/d", "root", PLAN[2:])),
            ("drives/d/items/01A:/2026/plan.docx", PathAddress("drives/d", "items/01A", PLAN[1:])),
            ("drives/d/special/approot:/a", PathAddress("drives/d", "special/approot", ("a",))),
            ("drives/d/special/documents", PathAddress("drives/d", "special/documents")),
            ("me/drive/items/01A", PathAddress("me/drive", "items/01A")),
            ("me/drive/root:/Contracts/2026/plan.docx", PathAddress("me/drive", "root", PLAN)),
            (
                "users/ann@contoso.com/drive/root:/a",
                PathAddress("users/ann@contoso.com/drive", "root", ("a",)),
            ),
            ("groups/g-1/drive/root:/a", PathAddress("groups/g-1/drive", "root", ("a",))),
            ("sites/root/drive/root:/a", PathAddress("sites/root/drive", "root", ("a",))),
            (f"sites/{GUIDS}/drive/items/01A", PathAddress(f"sites/{GUIDS}/drive", "items/01A")),
            (
                "sites/contoso.sharepoint.com:/sites/Legal Team:/drive/root:/a",
                PathAddress("sites/contoso.sharepoint.com:/sites/Legal Team:/drive", "root", ("a",)),
            ),
            (
                "sites/contoso.sharepoint.com:/sites/Legal:/drives/Signed Papers/root:/a",
                LibraryAddress("sites/contoso.sharepoint.com:/sites/Legal:", "Signed Papers", "root", ("a",)),
            ),
            (
                f"sites/{GUIDS}/drives/Archive/items/01A",
                LibraryAddress(f"sites/{GUIDS}", "Archive", "items/01A"),
            ),
        ],
    )
    def test_a_path_is_parsed_into_drive_and_names(self, text, address):
        assert parse(text) == address
        assert parse(f"/{text}") == address
        assert parse(f"https://graph.microsoft.com/v1.0/{text}") == address

    @pytest.mark.parametrize(
        "text",
        ["drives/d/root", "drives/d/root:", "drives/d/root:/", "drives/d/items/root", "/drives/d/root"],
    )
    def test_root_folders_are_recognized(self, text):
        assert parse(text) == PathAddress("drives/d")
        assert parse(text).is_root
        assert parse(text).url == "/drives/d/root"

    def test_items_below_a_root_folder_are_not_root_folders(self):
        assert not parse("drives/d/root:/a").is_root
        assert not parse("drives/d/special/approot").is_root
        assert not parse("drives/d/items/01A").is_root
        assert not parse("https://contoso.sharepoint.com/a").is_root

    def test_the_root_folder_of_a_named_library_is_recognized(self):
        assert parse("sites/h/drives/Archive/root").is_root
        assert not parse("sites/h/drives/Archive/root:/a").is_root
        assert not parse("sites/h/drives/Archive/items/01A").is_root

    def test_a_mapping_of_ids_is_parsed_as_item_ref(self):
        assert parse({"driveId": "b!x", "id": "01A"}) == ItemRef("b!x", "01A")
        assert parse({"driveId": "b!x", "id": "01A", "path": "ignored"}) == ItemRef("b!x", "01A")

    def test_a_mapping_with_id_root_is_parsed_as_path_address(self):
        assert parse({"driveId": "b!x", "id": "root"}) == PathAddress("drives/b!x")

    def test_a_driveitem_is_parsed_as_item_ref(self):
        assert parse(item("01A", drive="b!x")) == ItemRef("b!x", "01A")
        message = recording("pnp-patch-rename-file-200")["body"]
        assert parse(message) == ItemRef(message["parentReference"]["driveId"], message["id"])

    def test_a_shortcut_that_is_not_followed_is_parsed_as_itself(self):
        remote = {"id": "x", "parentReference": {"driveId": "other"}}
        shortcut = item("01A", drive="b!x", remoteItem=remote)
        assert parse_address(shortcut, HOSTS, follow=False) == ItemRef("b!x", "01A")
        assert parse_address(shortcut, HOSTS) == ItemRef("other", "x")

    def test_a_shortcut_is_parsed_as_its_target(self):
        shared = recording("gnome-sharedWithMe")
        entries = shared.get("body", shared)["value"]
        assert len(entries) == 4
        for entry in entries:
            remote = entry["remoteItem"]
            assert parse(entry) == ItemRef(remote["parentReference"]["driveId"], remote["id"])

    @pytest.mark.parametrize(
        "url",
        [
            "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents/plan.docx",
            "https://contoso-my.sharepoint.com/:w:/g/personal/ann/EaBc?e=4%3aXyZ&at=9",
            "https://1drv.ms/w/s!AE59_g1ADtX0giM",
            "https://onedrive.live.com/redir?resid=1231244193912!12&authKey=1201919!12921!1",
        ],
    )
    def test_a_browser_url_is_parsed_as_share_address(self, url):
        hosts = Hosts(allowed=("onedrive.live.com",))
        address = parse(url, hosts)
        assert isinstance(address, ShareAddress)
        assert shared_url(address) == url

    def test_a_sharing_url_is_encoded_as_in_microsofts_documentation(self):
        """https://learn.microsoft.com/graph/api/shares-get#encoding-sharing-urls."""
        url = "https://onedrive.live.com/redir?resid=1231244193912!12&authKey=1201919!12921!1"
        assert encode_share(url) == (
            "u!aHR0cHM6Ly9vbmVkcml2ZS5saXZlLmNvbS9yZWRpcj9yZXNpZD0xMjMxMjQ0MTkzOTEyITEyJmF1dGhLZXk9MTIwMTkxOSExMjkyMSEx"
        )

    def test_an_unencoded_url_is_encoded_once(self):
        address = parse(
            "https://contoso.sharepoint.com/sites/Legal/Shared Documents/Prüfung 50%25.docx#page=2"
        )
        assert shared_url(address) == (
            "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents/Pr%C3%BCfung%2050%25.docx"
        )

    def test_the_text_of_a_share_address_hides_the_link(self):
        address = parse("https://contoso.sharepoint.com/:w:/s/Legal/Secret?e=Token")
        assert str(address) == "https://contoso.sharepoint.com/:w:/s/Legal/***"
        assert "Secret" not in repr(address)

    @pytest.mark.parametrize("token", ["u!aHR0cHM6Ly8", "s!AE59_g1ADtX0giM"])
    @pytest.mark.parametrize("rest", ["driveItem", "root"])
    def test_a_shares_path_is_parsed_as_share_address(self, token, rest):
        assert parse(f"/shares/{token}/{rest}").url == f"/shares/{token}/driveItem"

    def test_a_url_of_another_clouds_host_is_accepted_only_in_that_cloud(self):
        china = Hosts(CLOUDS["china"].graph, CLOUDS["china"].suffixes)
        assert isinstance(parse("https://contoso.sharepoint.cn/a", china), ShareAddress)
        assert parse("https://microsoftgraph.chinacloudapi.cn/v1.0/drives/d/items/i", china) == ItemRef(
            "d", "i"
        )
        with pytest.raises(DriveAddressError, match=r"this cloud's hosts \(sharepoint\.cn\)"):
            parse("https://contoso.sharepoint.com/a", china)

    def test_a_url_on_an_allowed_host_is_accepted(self):
        url = "https://drive.contoso.example:8443/sites/Legal/a.docx"
        assert shared_url(parse(url, Hosts(allowed=("drive.contoso.example:8443",)))) == url


def shared_url(address):
    token = address.url.removeprefix("/shares/u!").removesuffix("/driveItem")
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()


class TestEncoding:
    @pytest.mark.parametrize(
        ("name", "encoded"),
        [
            ("50% #1.docx", "50%25%20%231.docx"),
            ("a+b.docx", "a%2Bb.docx"),
            ("Ann's & Bob's.docx", "Ann%27s%20%26%20Bob%27s.docx"),
            ("what?.docx", "what%3F.docx"),
            ("%20.docx", "%2520.docx"),
            ("Prüfung.docx", "Pr%C3%BCfung.docx"),
            (unicodedata.normalize("NFD", "é"), "e%CC%81"),
            ("\N{GRINNING FACE}", "%F0%9F%98%80"),
            ("...", "..."),
        ],
    )
    def test_names_are_percent_encoded_once(self, name, encoded):
        assert parse(f"drives/d/root:/x/{name}").url == f"/drives/d/root:/x/{encoded}:"

    def test_a_path_of_400_characters_is_not_truncated(self):
        path = "/".join(["ü" * 99] * 4)
        assert unquote(parse(f"drives/d/root:/{path}").url) == f"/drives/d/root:/{path}:"

    def test_colons_and_commas_of_resources_are_not_encoded(self):
        assert parse(f"sites/{GUIDS}/drive/root").url == f"/sites/{GUIDS}/drive/root"
        assert parse("drives/b!x/root:/a").url == "/drives/b!x/root:/a:"
        assert ItemRef("b!x", "4F62!1375").url == "/drives/b!x/items/4F62!1375"

    @pytest.mark.parametrize("form", ["drives/d/root:/x/{}", "drives/d/items/i:/{}:", "me/drive/root:/{}"])
    @pytest.mark.parametrize("name", ["photo", "adrive", "plan.docx"])
    def test_a_colon_closes_each_path(self, form, name):
        """https://github.com/OneDrive/onedrive-api-docs/issues/1020, /941."""
        assert parse(form.format(name)).url == f"/{form.format(name).removesuffix(':')}:"

    def test_a_guest_users_name_is_encoded(self):
        address = parse("users/ann_example.com#EXT#@contoso.com/drive/root")
        assert address.url == "/users/ann_example.com%23EXT%23@contoso.com/drive/root"

    def test_the_url_of_a_library_address_lists_the_sites_libraries(self):
        address = parse("sites/contoso.sharepoint.com:/sites/Legal Team:/drives/Papers/root:/a")
        assert address.url == "/sites/contoso.sharepoint.com:/sites/Legal%20Team:/drives"
        assert address.within("b!x") == PathAddress("drives/b!x", "root", ("a",))

    def test_the_parent_of_a_path_address_has_one_name_less(self):
        address = parse("drives/d/root:/a/b")
        assert address.parent == parse("drives/d/root:/a")
        assert address.parent.parent == parse("drives/d/root")
        assert address.parent.parent.parent is None


class TestRefusals:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "/",
            "plan.docx",
            "drives",
            "drives/d",
            "drives/d/items",
            "drives/d/items/",
            "drives//items/i",
            "drives/d/items/i/j",
            "drives/d/items/i?x=1",
            "drives/d/items/i#x",
            "drives/d%2e/items/i",
            "drives/d/items/i:/a:/children",
            "drives/d/root:/a//b",
            "drives/d/root://",
            "drives/d/root:a",
            "drives/d/rooted",
            "drives/d\\e/items/i",
            "drives/d e/items/i",
            "drives/./items/i",
            "drives/../items/i",
            "drives/d/items/..",
            "users/../drive/root",
            "groups/../drive/root",
            "sites/../drive/root",
            "sites/h:/../x:/drive/root",
            "sites/h:/a//b:/drive/root",
            "sites/h:/a/drive/root",
            "sites/h:/s:/drives/../root",
            "me/root",
            "users/ann/drives/root",
            "shares/x!abc/driveItem",
            "shares/u!a/b/driveItem",
            "v1.0/drives/d/root",
        ],
    )
    def test_an_unsupported_form_raises_an_error_that_quotes_it_and_lists_the_forms(self, text):
        with pytest.raises(DriveAddressError) as raised:
            parse(text)
        assert repr(text) in str(raised.value)
        assert "drives/{drive-id}/items/{item-id}" in str(raised.value)
        assert not raised.value.retryable
        assert isinstance(raised.value, ValueError)

    @pytest.mark.parametrize("name", BAD_NAMES)
    @pytest.mark.parametrize(
        "form",
        [
            "drives/d/root:/x/{}/y",
            "drives/{}/root",
            "drives/d/items/{}",
            "users/{}/drive/root",
            "sites/h:/x/{}/y:/drive/root",
            "sites/h:/x:/drives/{}/root",
        ],
    )
    def test_invalid_names_in_an_address_are_refused(self, form, name):
        with pytest.raises(DriveAddressError):
            parse(form.format(name))

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.com/sites/Legal/a.docx",
            "https://contoso.sharepoint.com.evil.com/a",
            "https://evilsharepoint.com/a",
            "https://ann:pw@contoso.sharepoint.com/a",
            "https://contoso.sharepoint.com:8443/a",
            "https://contoso.sharepoint.com\\@evil.com/a",
            "http://contoso.sharepoint.com/a",
            "ftp://contoso.sharepoint.com/a",
            "file:///etc/passwd",
            "https://contoso.sharepoint.com",
            "https://contoso.sharepoint.com/",
            "https://graph.microsoft.com.evil.com/v1.0/drives/d/items/i",
            "https://graph.microsoft.com@evil.com/v1.0/drives/d/items/i",
            "http://graph.microsoft.com/v1.0/drives/d/items/i",
            "https://",
            "https://[",
        ],
    )
    def test_urls_on_other_hosts_are_refused(self, url):
        with pytest.raises(DriveAddressError):
            parse(url)

    @pytest.mark.parametrize(
        "value",
        [
            {},
            {"id": "i"},
            {"driveId": "d"},
            {"driveId": "d", "id": ""},
            {"driveId": "d", "id": 5},
            {"driveId": ["d"], "id": "i"},
            {"driveId": "..", "id": "i"},
            {"driveId": "d", "id": ".."},
            {"driveId": "d", "id": "a/b"},
            {"driveId": "d", "id": "a?b"},
            {"driveId": "d", "id": "a\x85b"},
            {"driveId": "d", "id": "half \ud83d"},
            {"parentReference": {"driveId": "d"}},
            {"parentReference": "d", "id": "i"},
            {"remoteItem": {}, "driveId": "d", "id": "i"},
            {1: 2},
        ],
    )
    def test_a_mapping_without_ids_is_refused(self, value):
        with pytest.raises(DriveAddressError, match="the mapping needs"):
            parse(value)

    @pytest.mark.parametrize(
        "value", [None, 5, 1.5, True, b"drives/d/items/i", ["drives/d/items/i"], ("d", "i")]
    )
    def test_a_value_that_is_not_a_string_is_refused(self, value):
        with pytest.raises(DriveAddressError, match=r"must be a string or a mapping|gave no value"):
            parse(value)

    @pytest.mark.parametrize("text", ["{'driveId': 'd', 'id': 'i'}", '{"driveId": "d"}', "[1]"])
    def test_a_mapping_rendered_as_a_string_raises_an_error_that_suggests_output(self, text):
        with pytest.raises(DriveAddressError, match=r"pass the other task's \.output"):
            parse(text)

    def test_a_long_value_is_quoted_only_in_part(self):
        with pytest.raises(DriveAddressError) as raised:
            parse("x" * 10_000)
        assert len(str(raised.value)) < 1_000

    def test_a_deeply_nested_value_is_refused(self):
        value = []
        for _ in range(100_000):
            value = [value]
        with pytest.raises(DriveAddressError):
            parse(value)

    @pytest.mark.parametrize("text", ["drives/d/items/rooted:/a", "me/drive/items/rooted"])
    def test_an_id_that_starts_with_root_is_an_id(self, text):
        assert "/items/rooted" in parse(text).url

    @pytest.mark.parametrize("name", ["", *BAD_NAMES, "a/b", None, 5])
    def test_check_name_refuses_invalid_names(self, name):
        with pytest.raises(DriveAddressError, match="is not a valid item name"):
            check_name(name)

    @pytest.mark.parametrize(
        "name", ["plan.docx", "...", " ", "a:b", "50% #1", "e\u0301", "\N{GRINNING FACE}"]
    )
    def test_check_name_leaves_further_rules_to_graph(self, name):
        assert check_name(name) == name


class TestComparisons:
    def test_names_are_compared_without_case_and_unicode_normalization(self):
        assert same_name("PLAN.docx", "plan.DOCX")
        assert same_name("é", "e\u0301")
        assert same_name("É", "e\u0301")
        assert not same_name("plan.docx", "plan 1.docx")

    def test_drive_ids_are_compared_without_case_and_leading_zero(self):
        assert same_drive("04F62A7105C03556", "4f62a7105c03556")
        assert not same_drive("b!x", "b!y")

    @pytest.mark.parametrize(
        "address",
        [
            "drives/4f62a7105c03556/items/4F62A7105C03556!9",
            "drives/4f62a7105c03556/root:/a",
            {"driveId": "4f62a7105c03556", "id": "4F62A7105C03556!9"},
            {"id": "4F62A7105C03556!9", "parentReference": {"driveId": "4f62a7105c03556"}},
            {"id": "x", "remoteItem": {"id": "y", "parentReference": {"driveId": "4f62a7105c03556"}}},
        ],
    )
    def test_the_leading_zero_of_a_personal_drives_id_is_completed(self, address):
        """https://github.com/OneDrive/onedrive-api-docs/issues/1890."""
        assert parse(address).drive_id == "04f62a7105c03556"
        assert parse(address).url.startswith("/drives/04f62a7105c03556/")

    @pytest.mark.parametrize(
        "drive_id", ["4f62a7105c03556e", "4f62a7105c0355", "b!0123456789abc", "4f62a7105c0355g"]
    )
    def test_any_other_drive_id_is_left_as_it_is(self, drive_id):
        assert parse(f"drives/{drive_id}/items/i") == parse({"driveId": drive_id, "id": "i"})
        assert parse(f"drives/{drive_id}/items/i").drive_id == drive_id

    def test_items_of_personal_drives_are_recognized_by_their_ids(self):
        assert ItemRef("4f62a7105c03556e", "4F62A7105C03556E!1375").is_personal
        assert not ItemRef("b!x", "01ABC").is_personal
        assert not ItemRef("b!x", "01ABC!1").is_personal


NAMES = st.text(
    st.characters(exclude_characters="/:", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12
)
NAMES = NAMES.map(str.strip).filter(lambda name: name not in {"", ".", ".."})
IDS = st.from_regex(r"[A-Za-z0-9!_\-]{1,20}", fullmatch=True).filter(lambda text: not text.startswith("root"))
DRIVES = st.one_of(
    st.just("me/drive"),
    IDS.map("drives/{}".format),
    IDS.map("groups/{}/drive".format),
    IDS.map("users/{}@contoso.com/drive".format),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda names: f"sites/h.com:/{'/'.join(names)}:/drive"),
)
STARTS = st.one_of(st.just("root"), st.just("special/approot"), IDS.map("items/{}".format))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
REFERENCES = st.fixed_dictionaries(
    {},
    optional={
        "driveId": st.text() | JSON,
        "id": st.text() | JSON,
        "parentReference": st.fixed_dictionaries({}, optional={"driveId": st.text()}) | JSON,
        "remoteItem": st.fixed_dictionaries({}, optional={"id": st.text(), "parentReference": JSON}) | JSON,
    },
)
PIECES = st.sampled_from(
    [
        *("/", ":", ".", "..", "...", "drives", "users", "groups", "sites", "me", "drive", "items", "root"),
        *("special", "shares", "u!", "s!", "b!x", "d", "i", "%", "%2e", "%2F", "#", "?", "+", "&", "'", "@"),
        *("{", "[", "https://", "http://", "graph.microsoft.com", "contoso.sharepoint.com", "v1.0", "\\"),
        *("\x00", "\n", "\ud83d", "é", "e\u0301", "\u202e", "\N{FULLWIDTH SOLIDUS}", ""),
    ]
)
TEXTS = st.one_of(
    st.text(),
    st.lists(PIECES | NAMES, max_size=14).map("".join),
    st.lists(PIECES | NAMES, max_size=14).map("/".join),
    st.builds("{}/{}:/{}".format, DRIVES, STARTS, st.text()),
)


def is_safe(url):
    """Whether every HTTP client parses a URL as intended."""
    return re.fullmatch(r"/[\x21-\x7e]+", url) and not {".", "..", ""} & set(unquote(url).split("/")[1:])


@given(DRIVES, STARTS, st.lists(NAMES, max_size=5))
def test_any_path_address_survives_printing_and_its_url_decodes_to_its_names(drive, start, names):
    text = f"{drive}/{start}" + (f":/{'/'.join(names)}" if names else "")
    address = parse(text)
    assert parse(address.full) == address
    assert address.full == text
    assert unquote(address.url) == f"/{text}" + (":" if names else "")
    assert is_safe(address.url)
    if isinstance(address, PathAddress):
        assert address.names == tuple(names)


@given(IDS, NAMES, st.lists(NAMES, max_size=3))
def test_any_library_address_survives_printing(site, library, names):
    assume(not library.startswith("b!") and not re.fullmatch("[0-9A-Fa-f]{15,16}", library))
    text = f"sites/{site}/drives/{library}/root" + (f":/{'/'.join(names)}" if names else "")
    address = parse(text)
    assert isinstance(address, LibraryAddress)
    assert str(address) == text
    assert parse(str(address)) == address


@given(IDS, IDS)
def test_any_item_ref_survives_printing(drive_id, item_id):
    address = parse({"driveId": drive_id, "id": item_id})
    assert parse(str(address)) == address
    assert parse(address.as_dict()) == address
    assert address.as_dict() == {"driveId": drive_id, "id": item_id}
    assert not address.is_root


@given(TEXTS)
@example("drives/d/root:/%2e%2e/x")
@example("drives/d/root:/a/..%2f")
@example("https://contoso.sharepoint.com/\ud83d")
def test_any_string_is_parsed_to_a_safe_url_or_refused(text):
    try:
        address = parse(text)
    except DriveAddressError:
        return
    assert is_safe(address.url)
    assert str(address)


@given(JSON | REFERENCES)
def test_any_json_is_parsed_to_a_safe_url_or_refused(value):
    try:
        address = parse(value)
    except DriveAddressError:
        return
    assert is_safe(address.url)


@given(st.text())
def test_any_name_that_check_name_accepts_can_be_encoded(name):
    try:
        check_name(name)
    except DriveAddressError:
        return
    assert json.dumps(name)
    assert is_safe(PathAddress("drives/d", "items/i", (name,)).url)
