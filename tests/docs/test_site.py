"""The site can be built strictly: no warning, no dead link inside, no page outside the navigation."""

import re
import subprocess
import sys

import pytest
from docs.pages import DOCS, ROOT
from docs.test_pages import ERRORS
from docs.test_parameters import CLASSES, METHODS
from sphinx.util.inventory import InventoryFile

from airflow_provider_drive.hooks.drive import DriveHook


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
