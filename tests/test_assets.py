from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from airflows import not_on_airflow_2

from airflow_provider_drive.assets import (
    convert_to_openlineage,
    drive_asset,
    read_changes,
    sanitize_uri,
    watch_folder,
)
from airflow_provider_drive.exceptions import DriveAddressError

URI = "msdrive://contoso.sharepoint.com/sites/Legal/Shared Documents/2026/Verträge"


@pytest.mark.parametrize(
    "address",
    [
        "https://contoso.sharepoint.com/sites/Legal/Shared Documents/2026/Verträge",
        "https://Contoso.SharePoint.com/sites/Legal/Shared%20Documents/2026/Vertr%C3%A4ge/",
        "https://contoso.sharepoint.com/sites/Legal/Shared Documents/2026/Vertra\u0308ge",
        "sites/contoso.sharepoint.com:/sites/Legal:/drives/Shared Documents/root:/2026/Verträge",
        "/sites/contoso.sharepoint.com:/sites/Legal:/drives/Shared Documents/root:/2026/Verträge:",
        URI,
        URI + "/",
        URI.replace("msdrive://", "msdrive://drive_default@"),
    ],
)
def test_a_folder_has_the_same_asset_however_its_address_is_written(address):
    asset = drive_asset(address)

    assert asset.uri == URI
    assert getattr(asset, "name", URI) == URI  # Airflow 2 has no names


@pytest.mark.parametrize(
    "address",
    [
        "drives/b!x/root:/2026",
        "me/drive/root:/2026",
        {"driveId": "d", "id": "i"},
        "https://contoso.sharepoint.com/:f:/s/Legal/EabcDef?e=x",
        "https://contoso.sharepoint.com/sites/Legal/Shared Documents/plan.txt?tempauth=v1.secret",
        "https://contoso.sharepoint.com/",
        "https://contoso.sharepoint.com/sites/../Legal",
        "msdrive:///sites/Legal",
        "msdrive://contoso/sites/Legal",
        "msdrive://contoso.sharepoint.com/drives/b!x/items/y",
        "C:\\Temp",
        "",
    ],
)
def test_what_does_not_tell_where_a_folder_is_has_no_asset(address):
    with pytest.raises(DriveAddressError) as told:
        drive_asset(address)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("uri", [URI, f"{URI}/100%25 %23 %3F.txt", f"{URI}/100%.txt"])
def test_the_form_of_a_uri_stays_when_it_is_taken_again(uri):
    once = sanitize_uri(urlsplit(uri))

    assert sanitize_uri(urlsplit(once.geturl())) == once


def test_an_item_that_is_known_by_its_ids_has_an_asset_for_lineage():
    uri = "msdrive://graph.microsoft.com/drives/b!x/items/01A"

    assert sanitize_uri(urlsplit(uri)).geturl() == uri


def test_openlineage_has_the_dataset_of_an_asset():
    pytest.importorskip("airflow.providers.openlineage")
    dataset = convert_to_openlineage(drive_asset(URI), None)

    assert dataset.namespace == "mssharepoint://contoso.sharepoint.com:443/sites/Legal"
    assert dataset.name == "Shared Documents/2026/Verträge"


@not_on_airflow_2("it has no watchers")
def test_a_watched_folder_is_an_asset_with_one_watcher():
    asset = watch_folder("inbox", "me/drive/root:/In", pattern="*.csv", kinds=("created",))
    (watcher,) = asset.watchers

    assert asset.name == "inbox"
    path, arguments = watcher.trigger.serialize()
    assert path == "airflow_provider_drive.triggers.changes.DriveChangesTrigger"
    assert (arguments["asset"], arguments["pattern"], arguments["kinds"]) == ("inbox", "*.csv", ["created"])


def event(**extra):
    return SimpleNamespace(extra=extra)


def test_changes_of_several_events_are_told_once_each():
    first = {"id": "1", "changes": [{"path": "a"}, {"path": "b"}]}
    second = {"id": "2", "changes": [{"path": "c"}]}
    events = {"inbox": [event(payload=first), event(payload=second), event(payload=first)]}

    assert [change["path"] for change in read_changes(events)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "foreign",
    [SimpleNamespace(), event(), event(payload=None), event(payload="x"), event(payload={"changes": "no"})],
)
def test_events_that_are_not_ours_are_passed_over(foreign):
    ours = event(payload={"id": "1", "changes": [{"path": "a"}]})

    assert read_changes({"inbox": [foreign, ours]}) == [{"path": "a"}]
