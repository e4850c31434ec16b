"""The steps of a user of msgraphfs: https://github.com/acsone/msgraphfs."""

from msgraphfs import MSGDriveFS
from steps import Steps

step = Steps()
given = step.given
files = MSGDriveFS(
    client_id=given["client_id"],
    tenant_id=given["tenant_id"],
    client_secret=given["secret"],
    site_name="Legal",
    drive_name="Documents",
)


@step("find the library by the names of site and drive, and create a folder")
def _():
    files.mkdir("/Inbox")
    assert files.isdir("/Inbox")


@step("write a file")
def _():
    with files.open("/Inbox/small.txt", "wb") as file:
        file.write(b"small")
    assert files.size("/Inbox/small.txt") == 5


@step("write a large file in a session")
def _():
    with files.open("/Inbox/large.bin", "wb") as file:
        file.write(bytes(25 << 20))
    assert files.size("/Inbox/large.bin") == 25 << 20


@step("list a folder")
def _():
    assert [name.rpartition("/")[2] for name in files.ls("/Inbox", detail=False)] == [
        "large.bin",
        "small.txt",
    ]


@step("read a file and a range of it")
def _():
    assert files.cat_file("/Inbox/small.txt") == b"small"
    with files.open("/Inbox/small.txt") as file:
        file.seek(2)
        assert file.read(2) == b"al"


@step("copy a file, and wait for the monitor")
def _():
    files.copy("/Inbox/small.txt", "/Inbox/copy.txt")
    assert files.exists("/Inbox/copy.txt")


@step("move a file")
def _():
    files.mv("/Inbox/copy.txt", "/moved.txt")
    assert files.exists("/moved.txt")


@step("list versions and permissions")
def _():
    assert len(files.get_versions("/moved.txt")) == 1
    assert files.get_permissions("/moved.txt")


@step("check out and in")
def _():
    files.checkout("/moved.txt")
    files.checkin("/moved.txt", comment="Done.")


@step("delete a file")
def _():
    files.rm("/moved.txt")
    assert not files.exists("/moved.txt")


step.end()
