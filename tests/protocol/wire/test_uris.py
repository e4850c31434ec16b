import pytest

from airflow_provider_drive.protocol.wire.addresses import ItemRef
from airflow_provider_drive.protocol.wire.uris import (
    dataset_name,
    folder_uri,
    uri_from_url,
    uri_of_address,
    uri_of_item,
    uri_of_storage,
)

LEGAL = "msdrive://contoso.sharepoint.com/sites/Legal/Shared Documents"
VIEW = "https://contoso.sharepoint.com/sites/Legal/Shared%20Documents/Forms/AllItems.aspx"
SITE = "mssharepoint://contoso.sharepoint.com:443/sites/Legal"
IDS = "msdrive://graph.microsoft.com/drives/b!x/items/01A"


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("https://Contoso.sharepoint.com/sites/Legal/Shared%20Documents/2026/", f"{LEGAL}/2026"),
        ("https://contoso.sharepoint.com/sites/Legal/Shared Documents/a%23%25.txt", f"{LEGAL}/a%23%25.txt"),
        (
            "https://contoso.sharepoint.com/sites/Legal/Shared Documents/Vertra\u0308ge",
            f"{LEGAL}/Vertr\u00e4ge",
        ),
        (
            "https://contoso.sharepoint.com/:w:/r/sites/Legal/Shared%20Documents/a.docx?d=w1",
            f"{LEGAL}/a.docx",
        ),
        (f"{VIEW}?id=%2Fsites%2FLegal%2FShared%20Documents%2F2026", f"{LEGAL}/2026"),
        (
            "https://contoso-my.sharepoint.com/personal/anna_contoso_com/Documents/a.txt",
            "msdrive://contoso-my.sharepoint.com/personal/anna_contoso_com/Documents/a.txt",
        ),
    ],
)
def test_the_uri_of_an_item_comes_from_the_url_that_shows_its_path(url, uri):
    assert uri_from_url(url) == uri


@pytest.mark.parametrize(
    "url",
    [
        None,
        "drives/b!x/root:/2026",
        "http://contoso.sharepoint.com/sites/Legal/Shared Documents/a.txt",
        "https://contoso.sharepoint.com/sites/Legal",
        "https://contoso.sharepoint.com/:w:/s/Legal/EabcTOKEN?e=x",
        "https://contoso.sharepoint.com/sites/Legal/Shared Documents/a.txt?tempauth=TOKEN",
        "https://contoso.sharepoint.com/sites/Legal/_layouts/15/Doc.aspx?sourcedoc=%7B4C%7D&file=a.docx",
        "https://user:TOKEN@contoso.sharepoint.com/sites/Legal/Shared Documents/a.txt",
        "https://graph.microsoft.com/v1.0/drives/b!x/root:/a.txt",
        "https://1drv.ms/u/s!TOKEN",
        "https://onedrive.live.com/personal/0123456789abcdef/Documents/a.txt",
        "https://[x",
    ],
)
def test_a_url_that_does_not_show_a_path_or_may_hold_a_secret_has_no_uri(url):
    assert uri_from_url(url) is None


def test_an_item_whose_url_does_not_show_its_path_is_known_by_its_ids():
    assert uri_of_item("https://1drv.ms/u/s!x", ItemRef("b!x", "01A")) == IDS
    assert uri_of_item(None, None) is None


def test_only_the_address_that_is_a_url_tells_a_uri():
    url = "https://contoso.sharepoint.com/sites/Legal/Shared Documents/2026"

    assert (
        uri_of_address(url) == uri_of_address({"driveId": "d", "id": "i", "webUrl": url}) == f"{LEGAL}/2026"
    )
    assert uri_of_address({"driveId": "d", "id": "i"}) is uri_of_address(None) is None


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("s3://conn@bucket/raw/x/", "s3://bucket/raw/x"),
        ("s3://key:SECRET@bucket/raw", "s3://bucket/raw"),
        ("file:///tmp/x", "file:///tmp/x"),
        ("https://example.com/x?TOKEN", None),
        ("drives/b!x/root:/a://b", None),
        (None, None),
    ],
)
def test_the_uri_of_a_place_in_object_storage_is_its_url_without_the_connection(url, uri):
    assert uri_of_storage(url) == uri


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        (f"{LEGAL}/a%23%25.txt", SITE, "Shared Documents/a#%.txt"),
        ("msdrive://contoso.sharepoint.com/Docs/a", "mssharepoint://contoso.sharepoint.com:443", "Docs/a"),
        (IDS, "mssharepoint://graph.microsoft.com:443", "drives/b!x/items/01A"),
        ("s3://bucket/raw/a#b", "s3://bucket", "raw/a#b"),
        ("s3://bucket", "s3://bucket", "/"),
        ("file:///data/x", "file", "/data/x"),
    ],
)
def test_a_dataset_has_the_name_that_the_specification_of_openlineage_gives_it(uri, namespace, name):
    assert dataset_name(uri) == (namespace, name)


def test_the_folder_of_an_item_that_is_known_by_its_ids_is_not_known():
    assert folder_uri(f"{LEGAL}/a.txt") == LEGAL
    assert folder_uri(IDS) == IDS
