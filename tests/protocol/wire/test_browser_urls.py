"""What a browser's address bar shows is the address of an item, or refused with what to give instead."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import HOSTS

from airflow_provider_drive.exceptions import DriveAddressError
from airflow_provider_drive.protocol.wire.addresses import (
    ItemRef,
    PathAddress,
    ShareAddress,
    parse_address,
)
from airflow_provider_drive.protocol.wire.browser_urls import describe_url, locate
from airflow_provider_drive.protocol.wire.hosts import Hosts

HOST = "https://contoso.sharepoint.com"
MY_HOST = "https://contoso-my.sharepoint.com"
LIVE = "https://onedrive.live.com"
LIBRARY = f"{HOST}/sites/Legal/Shared%20Documents"
VIEW = f"{LIBRARY}/Forms/AllItems.aspx"
IN_LIBRARY = "%2Fsites%2FLegal%2FShared%20Documents"
ANN = f"{MY_HOST}/personal/ann_contoso_com"
OF_ANN = "%2Fpersonal%2Fann%5Fcontoso%5Fcom%2FDocuments"
SITE = "sites/contoso.sharepoint.com:"
CID = "4F62A7105C03556E"
DOC = "/_layouts/15/Doc.aspx?sourcedoc=%7BDC7B%7D&file=plan.docx&action=default&mobileredirect=true"


def parse(url, hosts=HOSTS):
    return parse_address(url, hosts)


def shared(address):
    """The URL that Graph is asked for."""
    assert isinstance(address, ShareAddress)
    token = address.token.removeprefix("u!")
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()


@pytest.mark.parametrize(
    ("url", "item"),
    [
        (f"{LIBRARY}/Contracts/plan.docx", f"{LIBRARY}/Contracts/plan.docx"),
        (VIEW, LIBRARY),
        (
            f"{VIEW}?id={IN_LIBRARY}%2FContracts%2F2026&viewid=3f2a&csf=1",
            f"{LIBRARY}/Contracts/2026",
        ),
        (
            f"{VIEW}?id={IN_LIBRARY}%2Fplan%2Epdf&parent={IN_LIBRARY}",
            f"{LIBRARY}/plan.pdf",
        ),
        (
            f"{LIBRARY}/Forms/Meine%20Ansicht.aspx?RootFolder={IN_LIBRARY}%2FA%26B",
            f"{LIBRARY}/A%26B",
        ),
        (
            f"{VIEW}?id={IN_LIBRARY}%2F50%25%20%23",
            f"{LIBRARY}/50%25%20%23",
        ),
        (f"{VIEW}?id=%252Fsites%252FLegal%252FShared%2520Documents%252FContracts", f"{LIBRARY}/Contracts"),
        (f"{VIEW}?id=/sites/Legal/Shared+Documents/Contracts", f"{LIBRARY}/Contracts"),
        (f"{VIEW}?id={IN_LIBRARY}%2FC%2B%2B", f"{LIBRARY}/C%2B%2B"),
        (f"{VIEW}#InplviewHash1=x", LIBRARY),
        (f"{LIBRARY}/plan.pdf#page=2", f"{LIBRARY}/plan.pdf"),
        (
            f"{HOST}/:f:/r/sites/Legal/Shared%20Documents/Contracts?csf=1&web=1&e=a1B2c3",
            f"{LIBRARY}/Contracts",
        ),
        (
            f"{HOST}/:w:/r/sites/Legal/Shared%20Documents/plan.docx?d=w1&csf=1&web=1&e=a1",
            f"{LIBRARY}/plan.docx",
        ),
        (f"{HOST}/:w:/r/sites/Legal{DOC}", f"{HOST}/sites/Legal{DOC}"),
        (f"{HOST}/sites/Legal{DOC}", f"{HOST}/sites/Legal{DOC}"),
        (f"{HOST}/:w:/s/Legal/EaBcDeF?e=a1B2c3", f"{HOST}/:w:/s/Legal/EaBcDeF?e=a1B2c3"),
        (f"{HOST}/:f:/g/personal/ann_contoso_com/EaBc", f"{HOST}/:f:/g/personal/ann_contoso_com/EaBc"),
        (
            f"{ANN}/Documents/Reports",
            f"{ANN}/Documents/Reports",
        ),
        (f"{ANN}", f"{ANN}/Documents"),
        (
            f"{ANN}/_layouts/15/onedrive.aspx?view=1",
            f"{ANN}/Documents",
        ),
        (
            f"{ANN}/_layouts/15/onedrive.aspx?id={OF_ANN}%2FReports&view=0",
            f"{ANN}/Documents/Reports",
        ),
        (
            f"{MY_HOST}/my?id={OF_ANN}%2FReports",
            f"{ANN}/Documents/Reports",
        ),
        (
            f"{MY_HOST}/shared?id={IN_LIBRARY}%2FContracts&listurl=https%3A%2F%2Fcontoso%2Esharepoint%2Ecom{IN_LIBRARY}",
            f"{LIBRARY}/Contracts",
        ),
        ("https://1drv.ms/w/s!AE59_g1ADtX0giM?e=a1", "https://1drv.ms/w/s!AE59_g1ADtX0giM?e=a1"),
    ],
)
def test_a_url_of_an_item_is_shared_as_the_items_own(url, item):
    assert shared(parse(url)) == item
    assert shared(parse(item)) == item


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            f"{LIVE}/?id={CID}%211375&cid={CID}",
            ItemRef(CID, f"{CID}!1375"),
        ),
        (
            f"{LIVE}/?cid=4f62a7105c03556e&id={CID}%21sea8cc6be",
            ItemRef(CID, f"{CID}!sea8cc6be"),
        ),
        (
            f"{LIVE}/edit.aspx?resid={CID}!1375&app=Word",
            ItemRef(CID, f"{CID}!1375"),
        ),
        (f"{LIVE}/?id=root&cid={CID}", PathAddress(f"drives/{CID}")),
        (f"{LIVE}?cid={CID}", PathAddress(f"drives/{CID}")),
        (
            f"{LIVE}/?id=%2Fpersonal%2F4f62a7105c03556e%2FDocuments%2FMy%20Reports%2F2026&view=0",
            PathAddress("drives/4f62a7105c03556e", "root", ("My Reports", "2026")),
        ),
        (f"{LIVE}/?id=%2Fpersonal%2F4f62a7105c03556e%2FDocuments", PathAddress("drives/4f62a7105c03556e")),
        (f"{LIVE}/?id=%2Fpersonal%2F4f62a7105c03556%2FDocuments", PathAddress("drives/04f62a7105c03556")),
        (
            f"{LIVE}/personal/4f62a7105c03556e/Documents/plan.docx",
            PathAddress("drives/4f62a7105c03556e", "root", ("plan.docx",)),
        ),
    ],
)
def test_a_url_of_onedrive_personal_is_an_address_by_ids_or_path(url, address):
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        (f"{HOST}", "give sites/contoso.sharepoint.com/drive/root"),
        (f"{HOST}/SitePages/Home.aspx", "give sites/contoso.sharepoint.com/drive/root"),
        (f"{HOST}/sites/Legal", f"give {SITE}/sites/Legal:/drive/root"),
        (f"{HOST}/sites/Legal/", f"give {SITE}/sites/Legal:/drive/root"),
        (
            f"{HOST}/teams/Legal%20Team/SitePages/Home.aspx?e=1",
            f"give {SITE}/teams/Legal Team:/drive/root",
        ),
        (f"{HOST}/sites/Legal/_layouts/15/viewlsts.aspx?view=14", "Open the library or the folder"),
        (f"{HOST}/sites/Legal/Lists/Tasks/AllItems.aspx", "Open the library or the folder"),
        (f"{HOST}/sites/Legal/SitePages/News.aspx", "Open the library or the folder"),
        (
            f"{VIEW}?id=%2Fsites%2FLegal",
            f"give {SITE}/sites/Legal:/drive/root",
        ),
        (f"{VIEW}?id=%2Fsites%2F..%2Fx", "'..' is not allowed"),
        (f"{LIBRARY}/Forms/DispForm.aspx?ID=5&Source=%2Fsites%2FLegal", "Give the URL of that item itself"),
        (f"{LIBRARY}/Forms/EditForm.aspx?ID=5", "Give the URL of that item itself"),
        (f"{VIEW}?id=7", "Give the URL of that item itself"),
        (f"{HOST}/_forms/default.aspx?ReturnUrl=%2Fsites%2FLegal", "Open the library or the folder"),
        (f"{HOST}/sites/Legal/_layouts/15/search.aspx/siteall?q=x", "Open the library or the folder"),
        (f"{LIBRARY}/C#/plan.docx", "write %23"),
        (f"{LIBRARY}/C#", "write %23"),
        (f"{LIBRARY}/Report #5.docx", "write %23"),
        (f"{MY_HOST}/shared", "users/{user}/drive/root:/"),
        (f"{MY_HOST}/recent?view=1", "users/{user}/drive/root:/"),
        (f"{LIVE}", "Share > Copy link"),
        (f"{MY_HOST}/my", "users/{user}/drive/root:/"),
        (f"{MY_HOST}/_layouts/15/onedrive.aspx", "users/{user}/drive/root:/"),
        (f"{LIVE}/", "Share > Copy link"),
        (f"{LIVE}/about/en-us/signin/", "Share > Copy link"),
        (f"{LIVE}/redir?resid={CID}!12&authKey=!secret", "this cloud's hosts"),
        (
            f"{MY_HOST}/shared?id=%2Fsites%2Fx%2Fy%2Fz&listurl=https%3A%2F%2Fevil.com%2Fsites%2Fx",
            "this cloud's hosts",
        ),
    ],
)
def test_a_url_that_shows_no_item_is_refused_with_what_to_give_instead(url, advice):
    with pytest.raises(DriveAddressError) as raised:
        parse(url)
    assert advice in str(raised.value)
    assert not raised.value.retryable
    assert "secret" not in str(raised.value)


def test_a_sharing_link_of_onedrive_personal_works_if_its_host_is_allowed():
    url = f"{LIVE}/redir?resid=1231244193912!12&authKey=1201919!12921!1"
    assert shared(parse(url, Hosts(allowed=("onedrive.live.com",)))) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"{LIBRARY}/Contracts/plan.docx?d=w1&e=Secret", f"{LIBRARY}/Contracts/plan.docx"),
        (f"{HOST}/:w:/s/Legal/Secret?e=Secret", f"{HOST}/:w:/s/Legal/***"),
        (f"{HOST}/:w:/s/Secret", f"{HOST}/:w:/s/***"),
        (f"{HOST}/:u:/r/sites/Legal/SitePages/Home.aspx", f"{HOST}/sites/Legal/SitePages/Home.aspx"),
        (f"{MY_HOST}/:f:/g/personal/ann/Secret", f"{MY_HOST}/:f:/g/personal/ann/***"),
        ("https://1drv.ms/w/s!Secret?e=Secret", "https://1drv.ms/w/***"),
        ("https://1drv.ms/f/c/4f62a7105c03556e/Secret?e=Secret", "https://1drv.ms/f/c/4f62a7105c03556e/***"),
        (f"{LIVE}/redir?authKey=Secret", f"{LIVE}/***"),
        (f"{HOST}/sites/Legal{DOC}", f"{HOST}/sites/Legal/_layouts/15/Doc.aspx?file=plan.docx"),
        ("https://ann:Secret@contoso.sharepoint.com:8443/a", "https://contoso.sharepoint.com:8443/a"),
        ("https://[Secret", "https://…"),
    ],
)
def test_a_path_in_a_library_is_shown_and_the_token_of_a_sharing_link_is_not(url, shown):
    assert describe_url(url) == shown


PIECES = st.sampled_from(
    [
        *(
            "/",
            "?",
            "&",
            "=",
            ":w:",
            ":f:",
            "r",
            "s",
            "g",
            "sites",
            "Legal",
            "personal",
            "Forms",
            "AllItems.aspx",
        ),
        *(
            "id",
            "%2F",
            "..",
            "%2E%2E",
            "listurl",
            "https%3A%2F%2F",
            "sourcedoc",
            "my",
            "_layouts",
            "15",
            "%00",
            "%FF",
        ),
        *(
            "cid",
            CID,
            "!",
            "resid",
            "authkey",
            "root",
            "Documents",
            "[",
            "]",
            "@",
            ";",
            "%",
            "x.docx",
        ),
    ]
)


@given(st.sampled_from([HOST, MY_HOST, LIVE]), st.lists(PIECES, max_size=12), st.lists(PIECES, max_size=12))
def test_any_url_is_an_address_or_refused(origin, path, query):
    url = f"{origin}/{'/'.join(path)}?{''.join(query)}"
    try:
        address = parse(url)
    except DriveAddressError:
        return
    if isinstance(address, ShareAddress):
        assert locate(shared(address)) == shared(address)
        assert "?" not in str(address)
