"""The steps of a user of Office365-REST-Python-Client: https://github.com/vgrem/office365-rest-python-client."""

import io
import pathlib
import tempfile

from office365.graph_client import GraphClient
from steps import Steps

step = Steps()
given = step.given
client = GraphClient(tenant=given["tenant_id"]).with_client_secret(given["client_id"], given["secret"])
drive = client.drives[given["legal"]]


@step("log in, and read a drive")
def _():
    assert drive.get().execute_query().drive_type == "documentLibrary"


@step("find a site by its URL")
def _():
    site = client.sites.get_by_url("https://contoso.sharepoint.com/sites/Legal").execute_query()
    assert site.display_name == "Legal"


@step("create a folder")
def inbox():
    return drive.root.create_folder("Inbox").execute_query()


@step("upload a small file")
def small():
    inbox.upload("small.txt", b"small").execute_query()
    return drive.root.get_by_path("Inbox/small.txt").get().execute_query()


@step("upload a large file in a session")
def _():
    path = pathlib.Path(tempfile.mkdtemp()) / "large.bin"
    path.write_bytes(bytes(3 << 20))
    inbox.resumable_upload(str(path), chunk_size=320 << 10).execute_query()


@step("list a folder")
def _():
    children = inbox.children.get().execute_query()
    assert [item.name for item in children] == ["large.bin", "small.txt"]


@step("list a folder with options")
def _():
    children = inbox.children.get().select(["name", "id"]).top(1).execute_query()
    assert children


@step("find an item by its path")
def _():
    assert drive.root.get_by_path("Inbox/small.txt").get().execute_query().name == "small.txt"


@step("download a file")
def _():
    buffer = io.BytesIO()
    small.download(buffer).execute_query()
    assert buffer.getvalue() == b"small"


@step("copy a file")
def _():
    result = small.copy(name="copy.txt", parent=drive.root).execute_query()
    assert result.wait_for_item().name == "copy.txt"


@step("move a file")
def _():
    item = drive.root.get_by_path("copy.txt").get().execute_query()
    item.move(name="moved.txt", parent=inbox).execute_query()


@step("create a link")
def _():
    assert small.create_link("view", "organization").execute_query().link.webUrl


@step("list permissions and versions")
def _():
    assert len(small.permissions.get().execute_query()) >= 1
    assert len(small.versions.get().execute_query()) == 1


@step("search")
def _():
    assert drive.root.search("moved").execute_query()


@step("batch")
def _():
    first, second = small.get(), inbox.get()
    client.execute_batch()
    assert (first.name, second.name) == ("small.txt", "Inbox")


@step("check out and in")
def _():
    small.checkout().execute_query()
    small.checkin("Done.").execute_query()


@step("delete a file")
def _():
    small.delete_object().execute_query()


step.end()
