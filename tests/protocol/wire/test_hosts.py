import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import MONITOR, recording

from airflow_provider_drive.exceptions import DriveResponseError
from airflow_provider_drive.protocol.wire.hosts import CLOUDS, Hosts, is_authority

HOSTS = Hosts()
TRICKS = [
    "http://contoso.sharepoint.com/m",
    "ftp://contoso.sharepoint.com/m",
    "//contoso.sharepoint.com/m",
    "contoso.sharepoint.com/m",
    "https:contoso.sharepoint.com/m",
    "https:/contoso.sharepoint.com/m",
    "https:///contoso.sharepoint.com/m",
    "https://sharepoint.com.evil.com/m",
    "https://contoso.sharepoint.com.evil.com/m",
    "https://evilsharepoint.com/m",
    "https://evil-sharepoint.com/m",
    "https://sharepoint.com-evil.com/m",
    "https://sharepoint.co/m",
    "https://contoso.sharepoint.com./m",
    "https://contoso.sharepoint.com../m",
    "https://ann@contoso.sharepoint.com/m",
    "https://ann:pw@contoso.sharepoint.com/m",
    "https://@contoso.sharepoint.com/m",
    "https://contoso.sharepoint.com@evil.com/m",
    "https://contoso.sharepoint.com%40evil.com/m",
    "https://evil.com/.sharepoint.com/m",
    "https://evil.com?.sharepoint.com/m",
    "https://evil.com#.sharepoint.com/m",
    "https://evil.com\\.sharepoint.com/m",
    "https://evil.com\\@contoso.sharepoint.com/m",
    "https://contoso.sharepoint.com\\.evil.com/m",
    "https://contoso.sharepoint.com/m\\n",
    "https://contoso.sharepoint.com:80/m",
    "https://contoso.sharepoint.com:8443/m",
    "https://contoso.sharepoint.com:x/m",
    "https://contoso.sharepoint.com:99999/m",
    "https://contoso.sharepoint.com:443:443/m",
    "https://contoso.sharepoint.com /m",
    " https://contoso.sharepoint.com/m",
    "https://contoso.sharepoint.com/m\n",
    "https://contoso.share\tpoint.com/m",
    "https://contoso.sharepoint.com/\x00",
    "https://contoso.sharepoint.com\N{FULLWIDTH FULL STOP}evil.com/m",
    "https://contoso\N{IDEOGRAPHIC FULL STOP}sharepoint.com/m",
    "https://contoso.sharepoin\N{CYRILLIC SMALL LETTER TE}.com/m",
    "https://contoso.\N{LATIN SMALL LETTER LONG S}harepoint.com/m",
    "https://contoso.sharepoint.com/\N{GRINNING FACE}",
    "https://127.0.0.1/m",
    "https://127.1/m",
    "https://2130706433/m",
    "https://0x7f000001/m",
    "https://169.254.169.254/metadata",
    "https://[::1]/m",
    "https://[::ffff:127.0.0.1]/m",
    "https://[::1].sharepoint.com/m",
    "https://[contoso.sharepoint.com]/m",
    "https://[/m",
    "https://localhost/m",
    "https://login.microsoftonline.com/m",
    "https://",
    "",
    "javascript:alert(1)",
]


@pytest.mark.parametrize(
    "url",
    [
        MONITOR,
        "https://contoso.sharepoint.com:443/m",
        "https://contoso-my.sharepoint.com/personal/ann/_api/v2.1/drive/operations/1?c=a&v=2.0&tempauth=b",
        "HTTPS://Contoso.SharePoint.COM/m",
        "https://sharepoint.com/m",
        "https://contoso.sharepoint-df.com/m",
        "https://api.onedrive.com/v1.0/monitor/4sOKW1MS",
        "https://my.microsoftpersonalcontent.com/m",
        "https://westeurope1-0.pushnp.svc.ms/m",
        "https://storage.live.com/m",
        "https://graph.microsoft.com/v1.0/m",
        "https://GRAPH.microsoft.com:443/m",
    ],
)
def test_monitors_on_the_clouds_drive_hosts_are_allowed(url):
    assert HOSTS.check_monitor(url) == url


@pytest.mark.parametrize(
    "name",
    [
        "gnome-copy-202-personal",
        "op-copy-202-sync-item-location-2024",
        "iss-copy-202-operations-location-2020",
    ],
)
def test_recorded_monitor_urls_are_allowed(name):
    url = recording(name)["headers"]["Location"]
    assert HOSTS.check_monitor(url) == url


@pytest.mark.parametrize("url", TRICKS)
def test_monitors_on_other_hosts_are_refused(url):
    assert not HOSTS.is_drive(url)
    with pytest.raises(DriveResponseError) as raised:
        HOSTS.check_monitor(url)
    assert not raised.value.retryable
    assert "allowed_hosts" in str(raised.value)


@pytest.mark.parametrize("url", TRICKS)
def test_file_urls_on_other_hosts_are_refused(url):
    with pytest.raises(DriveResponseError, match="the file's bytes are on the host") as raised:
        HOSTS.check_file(url)
    assert not raised.value.retryable


@pytest.mark.parametrize("url", [*TRICKS, MONITOR])
def test_next_links_on_other_hosts_are_refused(url):
    with pytest.raises(DriveResponseError, match="not followed") as raised:
        HOSTS.check_next_link(url)
    assert not raised.value.retryable
    assert not HOSTS.is_graph(url)


@pytest.mark.parametrize("url", ["https://contoso.sharepoint.com:0/m", "https://graph.microsoft.com:0/m"])
def test_port_0_is_not_treated_as_443(url):
    assert not HOSTS.is_drive(url)
    assert not HOSTS.is_graph(url)


@pytest.mark.parametrize("host", ["evil.com%2f", "evil.com;", "evil.com%23", "evil.com$", "a|b", ""])
def test_hosts_that_clients_parse_differently_are_refused(host):
    assert not HOSTS.is_drive(f"https://{host}.sharepoint.com/m")


def test_errors_name_the_host_and_no_other_part_of_the_url():
    with pytest.raises(DriveResponseError) as raised:
        HOSTS.check_monitor("https://ann:secret1@evil.com:8443/secret2?tempauth=secret3#secret4")
    assert "'evil.com'" in str(raised.value)
    assert "secret" not in str(raised.value)
    with pytest.raises(DriveResponseError) as raised:
        HOSTS.check_next_link("https://evil.com/secret?tempauth=secret")
    assert "'evil.com'" in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("entry", "url", "allowed"),
    [
        ("drive.contoso.example", "https://drive.contoso.example/m", True),
        ("drive.contoso.example", "https://drive.contoso.example:8443/m", True),
        ("drive.contoso.example:8443", "https://drive.contoso.example:8443/m", True),
        ("drive.contoso.example:8443", "https://drive.contoso.example/m", False),
        ("drive.contoso.example:443", "https://drive.contoso.example/m", True),
        ("drive.contoso.example", "https://a.drive.contoso.example/m", False),
        ("drive.contoso.example", "http://drive.contoso.example/m", False),
        ("drive.contoso.example", "https://ann@drive.contoso.example/m", False),
        ("Drive.Contoso.Example", "https://drive.contoso.example/m", True),
        ("localhost", "https://localhost:44321/m", True),
        ("localhost", "https://127.0.0.1:44321/m", False),
        ("127.0.0.1", "https://127.0.0.1:44321/m", True),
        ("127.0.0.1:44321", "https://127.0.0.1:44321/m", True),
        ("127.0.0.1:44321", "https://127.0.0.1:44322/m", False),
        ("127.0.0.1", "https://127.0.0.11/m", False),
        ("127.0.0.1", "https://ann@127.0.0.1/m", False),
        ("::1", "https://[::1]/m", True),
        ("[::1]", "https://[::1]:8443/m", True),
        ("[::1]:8443", "https://[::1]:8443/m", True),
        ("[::1]:8443", "https://[::1]:8444/m", False),
        ("2001:db8::1", "https://[2001:0db8:0:0::1]/m", True),
        ("2001:db8::1", "https://[2001:db8::2]/m", False),
        ("", "https:///m", False),
        ("*", "https://evil.com/m", False),
        ("evil com", "https://evil.com/m", False),
        ("https://evil.com", "https://evil.com/m", False),
    ],
)
def test_allowed_hosts_match_by_name_or_ip_address_and_optional_port(entry, url, allowed):
    hosts = Hosts(allowed=(entry,))
    assert hosts.is_drive(url) is allowed
    if allowed:
        assert hosts.check_monitor(url) == url
        assert hosts.check_next_link(url) == url
    else:
        with pytest.raises(DriveResponseError):
            hosts.check_monitor(url)


def test_an_ip_address_is_refused_unless_listed_even_if_it_is_graphs():
    hosts = Hosts(graph="https://127.0.0.1:44321")
    assert hosts.is_graph("https://127.0.0.1:44321/v1.0/me")
    assert hosts.check_next_link("https://127.0.0.1:44321/v1.0/me")
    with pytest.raises(DriveResponseError):
        hosts.check_monitor("https://127.0.0.1:44321/m")
    assert Hosts(graph=hosts.graph, allowed=("127.0.0.1",)).check_monitor("https://127.0.0.1:44321/m")


@pytest.mark.parametrize(
    ("url", "is_graph"),
    [
        ("https://graph.microsoft.com/v1.0/me", True),
        ("https://graph.microsoft.com:443", True),
        ("https://GRAPH.MICROSOFT.COM/", True),
        ("https://graph.microsoft.com:444/v1.0/me", False),
        ("http://graph.microsoft.com/v1.0/me", False),
        ("https://ann@graph.microsoft.com/v1.0/me", False),
        ("https://graph.microsoft.com@evil.com/", False),
        ("https://graph.microsoft.com.evil.com/", False),
        ("https://graph.microsoft.com./", False),
        ("https://graph.microsoft.us/v1.0/me", False),
        ("/me", False),
        ("", False),
    ],
)
def test_is_graph_is_true_only_for_graphs_host_and_port(url, is_graph):
    assert HOSTS.is_graph(url) is is_graph


@pytest.mark.parametrize("name", CLOUDS)
def test_each_cloud_has_its_own_hosts(name):
    cloud = CLOUDS[name]
    hosts = Hosts(cloud.graph, cloud.suffixes)
    assert hosts.root == f"{cloud.graph}/v1.0"
    for url in (cloud.graph, cloud.authority):
        assert url.startswith("https://")
    for suffix in cloud.suffixes:
        assert hosts.check_monitor(f"https://contoso.{suffix}/m")
    others = {suffix for other in CLOUDS.values() for suffix in other.suffixes} - set(cloud.suffixes)
    for suffix in others:
        assert not hosts.is_drive(f"https://contoso.{suffix}/m")


PIECES = st.sampled_from(
    [
        *("https://", "http://", "//", "/", "\\", "@", ":", ".", "..", "#", "?", "%", "%2e", "%40", "[", "]"),
        *(
            "sharepoint.com",
            "contoso.",
            "evil.com",
            "graph.microsoft.com",
            "443",
            "8443",
            "[::1]",
            "127.0.0.1",
        ),
        *("ann:", "é", "\N{FULLWIDTH FULL STOP}", "\u202e", "\ud83d", "\t", "\x00", ""),
    ]
)
STRUNG = st.lists(PIECES, max_size=10).map("".join)
URLS = st.text() | STRUNG | STRUNG.map("https://{}".format)


@given(URLS)
def test_any_allowed_url_is_https_on_a_known_host_without_user_info(url):
    for check in (HOSTS.check_monitor, HOSTS.check_next_link):
        try:
            check(url)
        except DriveResponseError:
            continue
        scheme, _, rest = url.partition("://")
        authority = rest.split("/")[0].split("?")[0].split("#")[0]
        host = authority.removesuffix(":443").removesuffix(":").lower()
        assert scheme.lower() == "https"
        assert not set("@\\ \t\n") & set(authority)
        assert host.endswith((*HOSTS.suffixes, "graph.microsoft.com"))
        assert url.isascii()


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_entry_of_allowed_hosts_can_be_compared_with_any_host(entry, host):
    hosts = Hosts(allowed=(entry,))
    assert hosts.is_drive(f"https://{host}/m") in {True, False}


class TestAuthorities:
    @pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)
    def test_the_aliases_of_an_authority_are_the_authority(self, cloud):
        names = [cloud.authority, *(f"https://{alias}" for alias in cloud.aliases)]
        for authority in names:
            assert all(is_authority(f"{name}/tenant/oauth2/v2.0/token", authority) for name in names)

    @pytest.mark.parametrize(
        "url",
        [
            "https://login.microsoftonline.us/t/oauth2/v2.0/token",
            "http://login.microsoftonline.com/t/oauth2/v2.0/token",
            "https://login.microsoftonline.com:8443/t/oauth2/v2.0/token",
            "https://login.microsoftonline.com.evil.example/t/oauth2/v2.0/token",
            "https://login.microsoftonline.com@evil.example/t/oauth2/v2.0/token",
            "https://ann@login.microsoftonline.com/t/oauth2/v2.0/token",
            "https://evil.example/login.microsoftonline.com",
            "https://sub.login.microsoftonline.com/t",
            "//login.microsoftonline.com/t",
            "",
        ],
    )
    def test_other_hosts_are_not_the_authority(self, url):
        assert not is_authority(url, "https://login.microsoftonline.com")

    def test_a_custom_authority_is_compared_by_host_and_port(self):
        own = "https://localhost:8365"
        assert is_authority("https://LOCALHOST:8365/t/oauth2/v2.0/token", own)
        assert not is_authority("https://localhost:8366/t", own)
        assert not is_authority("https://login.microsoftonline.com/t", own)
