"""The site can be built strictly, and a browser shows it well: on a laptop, on a phone, in dark mode."""

import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browsing import browser, shoot  # noqa: F401  # fixtures
from docs.pages import DOCS, ROOT
from docs.test_pages import ERRORS
from docs.test_parameters import CLASSES, METHODS
from playwright.sync_api import expect
from sphinx.util.inventory import InventoryFile

from airflow_provider_drive.hooks.drive import DriveHook

READ = ("index", "quickstart", "guides/archive", "reference/operators")
SIZES = {"laptop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, and what Sphinx said when it was built."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(  # noqa: S603  # our own pages
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_each_page_is_on_the_site(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in DOCS}
    built = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert built == pages | {"genindex", "search", "py-modindex"} & built


def test_a_page_loads_nothing_from_another_host(site):
    for page in site.rglob("*.html"):
        for tag in (
            '<script src="http',
            '<link rel="stylesheet" type="text/css" href="http',
            '<img src="http',
        ):
            assert tag not in page.read_text(), page.name


def test_the_reference_has_each_class_method_and_error(site):
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    classes = {f"{kind.__module__}.{kind.__qualname__}" for kind in (*CLASSES, DriveHook)}
    assert classes <= inventory["py:class"].keys()
    methods = {f"{DriveHook.__module__}.DriveHook.{method.__name__}" for method in METHODS}
    assert methods <= inventory["py:method"].keys()
    errors = {f"airflow_provider_drive.exceptions.{name}" for name in ERRORS}
    assert errors == inventory["py:exception"].keys()


def test_a_page_of_the_reference_shows_types_defaults_and_template_fields(site):
    page = (site / "reference" / "operators.html").read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "conflict_behavior='fail'" in text
    assert "Copy the items in the folder, not the folder itself. Default is False. (templated)" in text
    assert re.search(r"include_all_version_history \(bool", text)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address(site):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=SIZES)
def screen(request, browser):  # noqa: F811  # the fixture
    context = browser.new_context(viewport=SIZES[request.param], color_scheme="light")
    page = context.new_page()
    page.size = request.param
    yield page
    context.close()


@pytest.mark.slow
class TestInBrowser:
    @pytest.mark.parametrize("name", READ)
    def test_a_page_fits_the_screen_in_light_and_dark_mode(self, screen, address, shoot, name):  # noqa: F811  # the fixture
        backgrounds = set()
        for scheme in ("light", "dark"):
            screen.emulate_media(color_scheme=scheme)
            screen.goto(f"{address}/{name}.html")
            expect(screen.get_by_role("main").get_by_role("heading", level=1)).to_be_visible()
            assert screen.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            backgrounds.add(screen.evaluate("getComputedStyle(document.body).backgroundColor"))
            shoot(screen, f"{name.replace('/', '-')}-{screen.size}-{scheme}")
        assert len(backgrounds) == 2

    def test_each_picture_of_the_quickstart_is_loaded(self, screen, address):
        screen.goto(f"{address}/quickstart.html")
        pictures = screen.get_by_role("main").locator("img")
        assert pictures.count() > 2
        for picture in pictures.all():
            picture.scroll_into_view_if_needed()
            assert picture.evaluate("each => each.decode().then(() => each.naturalWidth)") > 0

    def test_the_search_finds_a_parameter(self, screen, address):
        screen.goto(f"{address}/search.html?q=conflict_behavior")
        expect(screen.locator("#search-results li a").first).to_be_visible()

    def test_an_example_can_be_copied_with_a_button(self, screen, address):
        screen.goto(f"{address}/index.html")
        assert screen.locator("button.copybtn").count()
