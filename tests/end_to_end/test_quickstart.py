"""The quickstart, to the letter but for its ports: a fresh environment, two terminals and a browser."""

import os
import re
import subprocess
import sys

import pytest
from airflow_api import await_that
from docs.pages import ROOT, blocks
from headless_airflow import free_port
from keeper import Keeper
from playwright.sync_api import expect

pytestmark = pytest.mark.slow
INSTALL_AND_EMULATE, START_AIRFLOW = (text for _, text in blocks("shell", ROOT / "docs" / "quickstart.md"))
DEADLINE = 300_000  # ms, for a machine that has other things to do
SUMMARY = re.compile(r"copied\D+2\b")


class Terminal:
    """A terminal in the reader's folder, in which commands run one after the other."""

    def __init__(self, folder, name, commands, **environment):
        self.path = folder / f"{name}.txt"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
        self.process = subprocess.Popen(  # noqa: S603  # what our own page says
            ["/bin/bash", "-ec", commands],
            cwd=folder,
            env=inherited | environment,
            stdin=subprocess.DEVNULL,
            stdout=self.path.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_for(self, pattern, seconds):
        """Return what a line shows, once it is there."""

        def find():
            assert self.process.poll() is None, self.path.read_text()[-5000:]
            return re.search(pattern, self.path.read_text(), re.MULTILINE)

        return await_that(find, f"The output {pattern!r}", seconds)[0]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The folder with the wheel of this package, from which pip installs it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)  # noqa: S603  # ourselves
    return folder


@pytest.fixture
def terminal(tmp_path, wheel):
    keeper = Keeper()

    def open_terminal(name, commands, **environment):
        links = f"{wheel} {os.environ.get('PIP_FIND_LINKS', '')}".strip()
        pip = {"PIP_FIND_LINKS": links, "PIP_CONSTRAINT": str(ROOT / "requirements" / "dev.txt")}
        opened = Terminal(tmp_path, name, commands, **pip, **environment)
        keeper.watch(opened.process.pid)
        return opened

    yield open_terminal
    keeper.dismiss()


def test_a_new_user_gets_to_the_first_green_tasks(terminal, page, shoot):
    first = terminal("first", f"{INSTALL_AND_EMULATE.rstrip()} --port {free_port()}")
    line = first.wait_for(r"^export AIRFLOW_CONN_DRIVE_DEFAULT=.*$", 300)
    api, *log_servers = (str(free_port()) for _ in range(3))
    slow_machine = {
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5",
    }
    second = terminal(
        "second",
        f"{line}\n{START_AIRFLOW}",
        AIRFLOW__API__PORT=api,
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"http://localhost:{api}/execution/",
        AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=log_servers[0],
        AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=log_servers[1],
        **slow_machine,
    )
    password = second.wait_for(r"(?<=Password for user 'admin': )\S+", 120)
    second.wait_for(r"Creating ORM DAG for drive_archive_documents", 180)
    second.wait_for(r"^api-server .*Application startup complete", 180)

    page.set_viewport_size({"width": 1100, "height": 640})
    page.goto(f"http://localhost:{api}/dags/drive_archive_documents")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").first.fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Trigger").click()
    page.get_by_role("dialog").get_by_role("button", name="Trigger", exact=True).click()
    for task in ("archive", "failures"):
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=task, exact=True))
        expect(row.get_by_text("Success")).to_be_visible(timeout=DEADLINE)
    shoot(page, "quickstart-grid")

    page.get_by_role("row").get_by_role("link", name="archive", exact=True).click()
    expect(page.get_by_text("Documents: 2 copied")).to_be_visible()
    shoot(page, "quickstart-log")
    page.get_by_role("tab", name="Storage").or_(page.get_by_role("link", name="Storage")).first.click()
    page.get_by_role("link", name="XCom").click()
    page.get_by_role("button", name="Expand all").click()
    expect(page.get_by_role("row").filter(has_text="return_value")).to_contain_text(SUMMARY)
    shoot(page, "quickstart-summary")
