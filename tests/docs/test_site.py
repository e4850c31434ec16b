"""The site can be built strictly: no warning, no dead link inside, no page outside the navigation."""

import subprocess
import sys

import pytest
from docs.pages import DOCS, ROOT


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
