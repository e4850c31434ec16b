"""What people see: the connection's form and its test, and the tasks' links, in Chromium."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from airflow_api import await_that
from auth.keys import Certificate
from headless_airflow import free_port
from keeper import Keeper
from ledger import ledger
from playwright.sync_api import expect

from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.get_provider_info import CONNECTION_FIELDS

pytestmark = pytest.mark.slow
DEADLINE = 420  # seconds, for a machine that has other things to do
EXAMPLE = {
    "login": "7c1f2a0e-58b1-4a52-9d3e-0a6c2f4f9c11",
    "password": "the secret's value",
    "tenant_id": "contoso.onmicrosoft.com",
}
TYPE = "Microsoft Drive (OneDrive, SharePoint)"
SECRETS = {"private_key", "refresh_token"}


class Form3:
    """The connection's form in Airflow 3."""

    def __init__(self, page, address):
        self.page, self.address = page, address
        page.goto(f"{address}/connections")
        page.get_by_role("button", name="Add Connection").click()
        self.dialog = page.get_by_role("dialog")
        self.dialog.get_by_role("combobox").first.click()
        page.keyboard.type(TYPE)
        page.keyboard.press("Enter")

    def open(self, section):
        self.dialog.get_by_role("button", name=section, exact=True).click()

    def field(self, name):
        return self.dialog.locator(f"[name=element_{name}]")

    def fill(self, conn_id, connection, **extra):
        """Fill in a connection to the emulator. Port 443 is for a bug of Airflow 3.3.2."""
        self.dialog.get_by_label("Connection ID").fill(conn_id)
        self.dialog.get_by_label("Graph address").fill(connection["host"])
        self.dialog.get_by_label("Port").fill("443")
        self.dialog.get_by_label("Application (client) ID").fill(connection["login"])
        self.dialog.get_by_label("Client secret").fill(connection["password"])
        extra = connection["extra"] | extra
        for section in ("Login", "Cloud and network"):
            self.open(section)
            for name, value in extra.items():
                if CONNECTION_FIELDS[name]["schema"]["section"] == section:
                    self.field(name).fill(str(value))

    def save(self):
        self.dialog.get_by_role("button", name="Save").click()
        expect(self.dialog).to_be_hidden()

    def test(self, conn_id):
        """Press the test button, and return the message that comes up."""
        row = self.page.get_by_role("row").filter(has_text=conn_id)
        row.get_by_role("button", name="Test Connection").click()
        return self.page.get_by_role("status").filter(has_text=re.compile("Test Connection|Connection Test"))


@pytest.fixture
def form_3(page, airflow):
    return Form3(page, airflow.api.address)


def test_each_field_of_the_form_is_told_what_it_wants_in_airflow_3(form_3, page, shoot):
    dialog = form_3.dialog
    for label in ("Graph address", "Application (client) ID", "Client secret", "Port"):
        assert dialog.get_by_label(label).get_attribute("placeholder")
    assert dialog.get_by_label("Client secret").get_attribute("type") == "password"
    for name, field in CONNECTION_FIELDS.items():
        assert form_3.field(name).count() == 1, name
        assert dialog.get_by_text(field["label"], exact=True).count(), name
        assert dialog.get_by_text(field["description"], exact=True).count() == 1, name
    masked = {name for name in CONNECTION_FIELDS if form_3.field(name).get_attribute("type") == "password"}
    assert masked == SECRETS

    page.set_viewport_size({"width": 1000, "height": 1600})
    dialog.get_by_label("Connection ID").fill("drive_default")
    dialog.get_by_label("Application (client) ID").fill(EXAMPLE["login"])
    dialog.get_by_label("Client secret").fill(EXAMPLE["password"])
    shoot(dialog, "connection-form")
    form_3.open("Login")
    form_3.field("tenant_id").fill(EXAMPLE["tenant_id"])
    shoot(dialog, "connection-form-login")


def test_a_connection_is_filled_in_saved_and_tested_in_airflow_3(form_3, page, airflow, graph, shoot):
    form_3.fill("contoso", graph.connection())
    form_3.save()
    expect(form_3.test("contoso")).to_contain_text("Logged in as the app")
    shoot(page, "connection-test")
    saved = airflow.api.call("GET", "connections/contoso")
    assert (saved["conn_type"], saved["password"]) == ("microsoft_drive", "***")


def test_a_wrong_secret_is_told_in_airflow_3(form_3, graph):
    form_3.fill("wrong", graph.connection() | {"password": "not the one"})
    form_3.save()
    expect(form_3.test("wrong")).to_contain_text("AADSTS7000215")


def test_a_pem_can_be_pasted_in_airflow_3(form_3, airflow, graph):
    certificate = Certificate()
    ledger.keep("credentials", *certificate.key_pem().splitlines()[1:-1])
    graph.tenant.register_certificate(certificate.pem)
    both = certificate.key_pem() + certificate.pem
    form_3.fill("pasted", graph.connection() | {"password": ""}, private_key=both)
    form_3.save()
    expect(form_3.test("pasted")).to_contain_text("Logged in as the app")
    assert "PRIVATE KEY" not in str(airflow.api.call("GET", "connections/pasted"))


def test_a_copy_links_to_its_source_and_its_destination_in_airflow_3(page, airflow, graph, library, shoot):
    library.put(1)
    item = f"drives/{library.legal.id}/root:/{library.name}/000.txt"
    run = airflow.api.trigger("wait_in_worker", {"items": [item], "destination": library.destination})
    assert run.wait(DEADLINE) == "success"
    page.goto(f"{airflow.api.address}/dags/{run.dag_id}/runs/{run.run_id}/tasks/copy/details")
    path = f"{library.name}/000.txt"
    assert_links(page, f"{library.legal.web_url}/{path}", f"{library.archive.web_url}/{path}")
    shoot(page, "links")


SITES = "sites/contoso.sharepoint.com:/sites"
LOGS = {
    "good": ("Leases", "Leases", "success", "Documents: 12 copied"),
    "failed": ("Offers", "Offers", "failed", "Offer 3.txt failed: 'Offer 3.txt' is there already"),
    "mistyped": ("Shared Documents/Offers", "Offers", "failed", "Leave 'Shared Documents' out"),
}


@pytest.mark.parametrize("end", LOGS)
def test_the_log_of_an_archive_shows_its_end_in_full_in_airflow_3(page, airflow, graph, shoot, end):
    source, destination, state, told = LOGS[end]
    graph.tenant.copies = CopyBehaviour()
    legal, archive = graph.tenant.drive("legal"), graph.tenant.drive("archive")
    for number in range(1, 13):
        legal.put(f"Leases/Lease {number}.txt", b"%d" % number)
        legal.put(f"Offers/Offer {number}.txt", b"%d" % number)
    for number in (3, 7):
        archive.put(f"Offers/Offer {number}.txt", b"another one")
    run = airflow.api.trigger(
        "archive_in_worker",
        {
            "source": f"{SITES}/Legal:/drive/root:/{source}",
            "destination": f"{SITES}/Archive:/drive/root:/{destination}",
        },
    )
    assert run.wait(DEADLINE) == state
    page.set_viewport_size({"width": 1500, "height": 900})
    page.goto(f"{airflow.api.address}/dags/{run.dag_id}/runs/{run.run_id}/tasks/archive?try_number=1")
    line = page.get_by_text(told).first
    expect(line).to_be_visible(timeout=60_000)
    line.scroll_into_view_if_needed()
    frame = page.get_by_text('File "').first  # what is below shows paths of this machine
    height = frame.bounding_box()["y"] if frame.count() else 500
    shoot(page, f"log-{end}", clip={"x": 0, "y": 0, "width": 1500, "height": height})


def assert_links(page, source, destination):
    for name, url in {"Source": source, "Destination": destination}.items():
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("href", url)


# Airflow 2


@pytest.fixture(scope="module")
def web_2(airflow_2, environment_2):
    """The web pages of Airflow 2.11, where nobody needs to sign in."""
    home = Path(environment_2["AIRFLOW_HOME"])
    (home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')
    address = f"http://127.0.0.1:{free_port()}"
    (home / "services").mkdir()
    keeper = Keeper()
    with (home / "services" / "webserver.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  # our own environment's Airflow
            ["airflow", "webserver", "--workers", "1", "--port", address.rpartition(":")[2]],  # noqa: S607
            env=environment_2 | {"AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.default"},
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    keeper.watch(process.pid)
    try:
        await_that(lambda: _answers(f"{address}/health"), "The start of the webserver", 120)
        yield address
    finally:
        keeper.dismiss()
        process.wait(timeout=5)


def _answers(url):
    try:
        return requests.get(url, timeout=5, proxies={"http": "", "https": ""}).ok
    except requests.RequestException:
        return False


@pytest.fixture
def form_2(page, web_2):
    page.goto(f"{web_2}/connection/add")
    page.locator("#conn_type").select_option("microsoft_drive", force=True)
    return page.locator("#model_form")


def extra_2(form, name):
    return form.locator(f"#extra__microsoft_drive__{name}")


def test_each_field_of_the_form_is_told_what_it_wants_in_airflow_2(form_2, page, shoot):
    for label in ("Graph address", "Application (client) ID", "Client secret"):
        assert form_2.get_by_text(label, exact=True).count() == 1
    for name, field in CONNECTION_FIELDS.items():
        expect(extra_2(form_2, name)).to_be_visible()
        assert form_2.get_by_text(field["label"], exact=True).count(), name
        assert form_2.get_by_text(field["description"]).count() == 1, name
    masked = {name for name in CONNECTION_FIELDS if extra_2(form_2, name).get_attribute("type") == "password"}
    assert masked == SECRETS

    page.set_viewport_size({"width": 1000, "height": 1500})
    form_2.locator("#conn_id").fill("drive_default")
    form_2.locator("#login").fill(EXAMPLE["login"])
    form_2.locator("#password").fill(EXAMPLE["password"])
    extra_2(form_2, "tenant_id").fill(EXAMPLE["tenant_id"])
    shoot(page, "connection-form-2.11")


def test_a_connection_is_filled_in_tested_and_saved_in_airflow_2(form_2, page, graph):
    connection = graph.connection()
    form_2.locator("#conn_id").fill("contoso")
    for name in ("host", "login", "password"):
        form_2.locator(f"#{name}").fill(connection[name])
    for name, value in connection["extra"].items():
        extra_2(form_2, name).fill(str(value))
    page.locator("#test-connection").click()
    expect(page.get_by_text("Logged in as the app")).to_be_visible()
    form_2.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Added Row")).to_be_visible()


def test_a_copy_links_to_its_source_and_its_destination_in_airflow_2(page, web_2, airflow_2, graph, shoot):
    graph.tenant.copies = CopyBehaviour()
    airflow_2("dags", "reserialize")
    airflow_2("dags", "test", "drive_copy_and_wait")
    runs = requests.get(f"{web_2}/api/v1/dags/drive_copy_and_wait/dagRuns", timeout=60).json()["dag_runs"]
    query = urlencode({"dag_run_id": runs[-1]["dag_run_id"], "task_id": "copy_and_wait"})
    page.goto(f"{web_2}/dags/drive_copy_and_wait/grid?{query}")
    office = r"^https://contoso\.sharepoint\.com/sites/{}/_layouts/15/Doc\.aspx\?.*plan\.docx"
    assert_links(page, *(re.compile(office.format(site)) for site in ("Legal", "Archive")))
    page.set_viewport_size({"width": 1000, "height": 800})
    shoot(page, "links-2.11")
