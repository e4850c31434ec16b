"""
A client that nobody here wrote: rclone, whose onedrive backend speaks to the emulator.

=======  ===========================  ==================================================================
version  from                         why
=======  ===========================  ==================================================================
1.75     PyPI, with this environment  the current one, always run
1.65     PyPI, with `make clients`    the oldest one on PyPI
1.60     Debian 12, its package       what `apt-get install rclone` gives: run if it is installed
=======  ===========================  ==================================================================

Only the current one can be told another address of Graph. The others reach the emulator by a proxy, under
Microsoft's host name. They also send their token with content, which personal drives refuse here as they do
in reality: https://github.com/rclone/rclone/issues/7405 (uploads) and
https://github.com/rclone/rclone/issues/7597 (downloads).
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transport.proxy import Proxy

from airflow_provider_drive.emulator import CopyBehaviour, Emulator

CLIENTS = Path(__file__).parents[1] / ".venv-clients/bin"
PLACES = (Path(sys.executable).parent, CLIENTS, Path("/usr/bin"))
RCLONES = [program for place in PLACES if (program := shutil.which("rclone", path=place))]


@pytest.fixture(scope="module", params=RCLONES)
def program(request):
    return request.param


@pytest.fixture(scope="module")
def version(program):
    text = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - rclone itself
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


@pytest.fixture
def tokens_go_to_graph_alone():
    """Disable the check: old versions send their tokens elsewhere, too."""


def unauthenticated(drive, *, is_reported):
    """Expect the failure that users have reported, on personal drives."""
    if is_reported and drive.is_personal:
        return pytest.raises(AssertionError, match="unauthenticated: Unauthenticated")
    return contextlib.nullcontext()


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def proxy(emulator):
    with Proxy(
        emulator.ca_file, ("graph.microsoft.com", "localhost"), f"localhost:{emulator.port}"
    ) as running:
        yield running


@pytest.fixture(params=["legal", "business", "personal"])
def drive(request, emulator):
    emulator.reset()
    return emulator.tenant.drive(request.param)


@pytest.fixture
def rclone(emulator, drive, program, proxy, tmp_path):
    token = {
        "access_token": emulator.tenant.issue_token(),
        "token_type": "Bearer",
        "refresh_token": "none",
        "expiry": "2099-01-01T00:00:00Z",
    }
    settings = {
        "type": "onedrive",
        "drive_id": drive.id,
        "drive_type": drive.drive_type,
        "token": json.dumps(token),
    }
    ca, way = proxy.bundle(tmp_path), {"HTTPS_PROXY": proxy.url, "NO_PROXY": "localhost"}
    if program == RCLONES[0]:
        settings["tenant_url"] = f"{emulator.url}/_api"
        ca, way = emulator.ca_file, {}
    config = tmp_path / "rclone.conf"
    config.write_text("[od]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
    # it polls monitors with Go's own client, which reads the variable only
    environment = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(ca), "HOME": str(tmp_path), **way}

    def rclone(*arguments):
        options = ["--config", str(config), "--retries", "1", "--low-level-retries", "1", "--timeout", "20s"]
        done = subprocess.run(  # noqa: S603 - rclone itself
            [program, *options, *arguments],
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


def test_it_uploads_and_finds_all_as_it_was(drive, local, rclone, version):
    with unauthenticated(drive, is_reported=version < (1, 65)):
        rclone("copy", str(local), "od:up")
    if drive.find("up/deep/er/c.txt") is None:
        return
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


def test_it_reads_and_deletes(drive, rclone, version):
    drive.put("a/b.txt", b"content")
    with unauthenticated(drive, is_reported=version < (1, 69)):
        assert rclone("cat", "od:a/b.txt") == "content"
    rclone("purge", "od:a")
    assert drive.tree() == {}
