"""A client that nobody here wrote: rclone, whose onedrive backend speaks to the emulator."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_drive.emulator import CopyBehaviour, Emulator

RCLONE = shutil.which("rclone", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=["legal", "business", "personal"])
def drive(request, emulator):
    emulator.reset()
    return emulator.tenant.drive(request.param)


@pytest.fixture
def rclone(emulator, drive, tmp_path):
    token = {
        "access_token": emulator.tenant.issue_token(),
        "token_type": "Bearer",
        "refresh_token": "none",
        "expiry": "2099-01-01T00:00:00Z",
    }
    settings = {
        "type": "onedrive",
        "tenant_url": f"{emulator.url}/_api",
        "drive_id": drive.id,
        "drive_type": drive.drive_type,
        "token": json.dumps(token),
    }
    config = tmp_path / "rclone.conf"
    config.write_text("[od]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
    # it polls monitors with Go's own client, which reads the variable only
    environment = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": emulator.ca_file, "HOME": str(tmp_path)}

    def rclone(*arguments):
        options = ["--config", str(config), "--retries", "1", "--low-level-retries", "1", "--timeout", "20s"]
        done = subprocess.run(  # noqa: S603 - rclone itself
            [RCLONE, *options, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return rclone


def test_it_lists(drive, rclone):
    drive.put("Contracts/2026/plan.docx", b"content")
    drive.put("Contracts/Übersicht #1 100%+.txt", b"x")
    drive.mkdir("empty")
    listed = rclone("lsf", "-R", "od:").splitlines()
    assert {line.rstrip("/") for line in listed} == drive.tree().keys()


@pytest.fixture
def local(tmp_path):
    folder = tmp_path / "local"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "a b#%+é.bin").write_bytes(bytes(range(256)) * 2500)
    (folder / "empty").write_bytes(b"")
    (folder / "deep/er/c.txt").write_bytes(b"ccc")
    return folder


def test_it_uploads_and_finds_all_as_it_was(drive, local, rclone):
    rclone("copy", str(local), "od:up")
    rclone("check", str(local), "od:up")
    drive.put("up/deep/er/c.txt", b"ccd")
    with pytest.raises(AssertionError, match="differ"):
        rclone("check", str(local), "od:up")


@pytest.mark.parametrize("looks", [0, 1])
def test_it_copies_on_the_servers_side(emulator, drive, rclone, looks):
    emulator.tenant.copies = CopyBehaviour(looks=looks)
    source = drive.put("from/a b.txt", b"content")
    rclone("copyto", "od:from/a b.txt", "od:to/new name.txt")
    assert drive.find("to/new name.txt").hash == source.hash
    assert emulator.tenant.copies_made(source.id) == 1
    assert not emulator.tenant.calls(where="file")


def test_it_moves_a_file_and_a_folder(drive, rclone):
    file, folder = drive.put("from/a.txt", b"a"), drive.put("from/deep/b.txt", b"bb").parent
    rclone("moveto", "od:from/a.txt", "od:to/x.txt")
    rclone("moveto", "od:from/deep", "od:to/y")
    assert drive.find("to/x.txt") is file
    assert drive.find("to/y") is folder
    assert drive.tree() == {"from": None, "to": None, "to/x.txt": 1, "to/y": None, "to/y/b.txt": 2}


def test_it_reads_and_deletes(drive, rclone):
    drive.put("a/b.txt", b"content")
    assert rclone("cat", "od:a/b.txt") == "content"
    rclone("purge", "od:a")
    assert drive.tree() == {}
