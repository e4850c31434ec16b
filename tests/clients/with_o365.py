"""The steps of a user of O365: https://github.com/O365/python-o365."""

import pathlib
import tempfile

from O365 import Account
from O365.utils.token import MemoryTokenBackend
from steps import Steps, wait_until

step = Steps()
given = step.given
account = Account(
    (given["client_id"], given["secret"]),
    auth_flow_type="credentials",
    tenant_id=given["tenant_id"],
    token_backend=MemoryTokenBackend(),
)
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "small.txt").write_bytes(b"small")
(folder / "large.bin").write_bytes(bytes(5 << 20))


@step("log in")
def _():
    assert account.authenticate()


@step("find the library of a site")
def library():
    site = account.sharepoint().get_site("contoso.sharepoint.com", "/sites/Legal")
    return site.get_default_document_library()


@step("list the libraries of a site")
def _():
    site = account.sharepoint().get_site("contoso.sharepoint.com", "/sites/Legal")
    assert len(site.list_document_libraries()) == 2


@step("create a folder")
def inbox():
    return library.get_root_folder().create_child_folder("Inbox")


@step("upload a small file")
def small():
    return inbox.upload_file(folder / "small.txt")


@step("upload a large file in a session")
def _():
    assert inbox.upload_file(folder / "large.bin").size == 5 << 20


@step("list a folder")
def _():
    assert [item.name for item in inbox.get_items()] == ["large.bin", "small.txt"]


@step("list a folder with a query")
def _():
    query = inbox.new_query().select("id", "name") if hasattr(inbox, "new_query") else None
    assert len(list(inbox.get_items(limit=1, query=query, order_by="name"))) == 1


@step("find an item by its path")
def _():
    assert library.get_item_by_path("/Inbox/small.txt").size == 5


@step("download a file")
def _():
    assert small.download(folder, name="back.txt")
    assert (folder / "back.txt").read_bytes() == b"small"


@step("copy a file, and wait for the monitor")
def _():
    operation = small.copy(target=library.get_root_folder(), name="copy.txt")
    list(operation.check_status(delay=0.05))
    assert operation.get_item().name == "copy.txt"


@step("move a file")
def _():
    item = library.get_item_by_path("/copy.txt")
    assert item.move(inbox)


@step("rename a file")
def _():
    assert library.get_item_by_path("/Inbox/copy.txt").update(name="renamed.txt")


@step("search")
def _():
    assert [item.name for item in library.search("renamed")] == ["renamed.txt"]


@step("share with a link")
def _():
    assert small.share_with_link("view", "organization").share_link


@step("invite, and list permissions")
def _():
    small.share_with_invite("megan@contoso.com", send_email=False, share_type="edit")
    assert len(list(small.get_permissions())) >= 2


@step("list versions")
def _():
    assert len(list(small.get_versions())) == 1


@step("delete a file")
def _():
    assert library.get_item_by_path("/Inbox/renamed.txt").delete()
    wait_until(lambda: [item.name for item in inbox.get_items()] == ["large.bin", "small.txt"])


step.end()
