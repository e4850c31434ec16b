"""The steps of a user of msgraph-sdk: https://github.com/microsoftgraph/msgraph-sdk-python."""

import asyncio

from azure.identity import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.drives.item.items.item.children.children_request_builder import ChildrenRequestBuilder
from msgraph.generated.drives.item.items.item.copy.copy_post_request_body import CopyPostRequestBody
from msgraph.generated.drives.item.items.item.create_link.create_link_post_request_body import (
    CreateLinkPostRequestBody,
)
from msgraph.generated.models.drive_item import DriveItem
from msgraph.generated.models.folder import Folder
from msgraph.generated.models.item_reference import ItemReference
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from steps import Steps

step = Steps()
given = step.given
loop = asyncio.new_event_loop()
credential = ClientSecretCredential(given["tenant_id"], given["client_id"], given["secret"])
graph = GraphServiceClient(credential, ["https://graph.microsoft.com/.default"])
drive = graph.drives.by_drive_id(given["legal"])


def wait(awaitable):
    return loop.run_until_complete(awaitable)


@step("log in, and read a drive")
def _():
    assert wait(drive.get()).drive_type == "documentLibrary"


@step("find a site by its path")
def _():
    site = wait(graph.sites.by_site_id("contoso.sharepoint.com:/sites/Legal:").get())
    assert site.display_name == "Legal"


@step("list the drives of a site")
def _():
    drives = wait(graph.sites.by_site_id("contoso.sharepoint.com:/sites/Legal:").drives.get())
    assert len(drives.value) == 2


@step("create a folder")
def inbox():
    root = wait(drive.root.get())
    return wait(drive.items.by_drive_item_id(root.id).children.post(DriveItem(name="Inbox", folder=Folder())))


@step("upload a file by its path")
def small():
    return wait(drive.items.by_drive_item_id("root:/Inbox/small.txt:").content.put(b"small"))


@step("list a folder with options")
def _():
    options = ChildrenRequestBuilder.ChildrenRequestBuilderGetQueryParameters(
        select=["id", "name"], orderby=["name desc"], top=1
    )
    children = drive.items.by_drive_item_id(inbox.id).children
    found = wait(children.get(request_configuration=RequestConfiguration(query_parameters=options)))
    assert [item.name for item in found.value] == ["small.txt"]


@step("find an item by its path")
def _():
    assert wait(drive.items.by_drive_item_id("root:/Inbox/small.txt:").get()).id == small.id


@step("download a file")
def _():
    assert wait(drive.items.by_drive_item_id(small.id).content.get()) == b"small"


@step("copy a file")
def _():
    reference = ItemReference(drive_id=given["archive"], id=given["archive_root"])
    body = CopyPostRequestBody(parent_reference=reference, name="copy.txt")
    wait(drive.items.by_drive_item_id(small.id).copy.post(body))


@step("move and rename a file")
def _():
    root = wait(drive.root.get())
    body = DriveItem(name="moved.txt", parent_reference=ItemReference(id=root.id))
    assert wait(drive.items.by_drive_item_id(small.id).patch(body)).name == "moved.txt"


@step("list changes")
def _():
    changes = wait(drive.items.by_drive_item_id("root").delta.get())
    assert "moved.txt" in [item.name for item in changes.value]


@step("search in a drive")
def _():
    found = wait(drive.search_with_q("moved").get())
    assert [item.name for item in found.value] == ["moved.txt"]


@step("create a link")
def _():
    body = CreateLinkPostRequestBody(type="view", scope="organization")
    assert wait(drive.items.by_drive_item_id(small.id).create_link.post(body)).link.web_url


@step("list versions and permissions")
def _():
    item = drive.items.by_drive_item_id(small.id)
    assert len(wait(item.versions.get()).value) == 1
    assert len(wait(item.permissions.get()).value) == 2


@step("delete a file")
def _():
    wait(drive.items.by_drive_item_id(small.id).delete())


@step("a missing item is an ODataError")
def _():
    try:
        wait(drive.items.by_drive_item_id(small.id).get())
    except ODataError as error:
        code = error.error.code
    assert code == "itemNotFound"


step.end()
