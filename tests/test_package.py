"""What is published: the wheel, its metadata, and what registries read."""

import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import BytesParser

import pytest
from docs.pages import ROOT, TEXTS

from airflow_provider_drive import __version__
from airflow_provider_drive.get_provider_info import get_provider_info

URLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
SITE = URLS["Documentation"].removesuffix("en/stable/")
FORMS = [*(ROOT / ".github").rglob("*.yml"), ROOT / "SECURITY.md", ROOT / "CODE_OF_CONDUCT.md"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as it is published, opened."""
    folder = tmp_path_factory.mktemp("dist")
    _python("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    (path,) = folder.iterdir()
    with zipfile.ZipFile(path) as opened:
        yield opened


def _python(*arguments):
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, timeout=120)  # noqa: S603  # ourselves


def test_the_wheel_contains_the_example_dags(wheel):
    folder = ROOT / "airflow_provider_drive" / "example_dags"
    examples = {path.relative_to(ROOT).as_posix() for path in folder.glob("*.py")}
    assert examples
    assert examples <= set(wheel.namelist())


def test_the_wheel_contains_nothing_but_the_package(wheel):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {"airflow_provider_drive", f"airflow_provider_drive-{__version__}.dist-info"}


def test_the_description_passes_the_check_of_pypi(wheel):
    _python("-m", "twine", "check", "--strict", wheel.filename)


def test_the_first_url_of_the_package_is_its_documentation(wheel):
    name = next(name for name in wheel.namelist() if name.endswith("METADATA"))
    urls = BytesParser().parsebytes(wheel.read(name)).get_all("Project-URL")
    assert [url.partition(", ")[0] for url in urls] == ["Documentation", "Source", "Changelog", "Issues"]


def test_airflow_3_shows_the_documentation_of_this_provider():
    managers = pytest.importorskip("airflow.providers_manager", reason="only Airflow 3 shows it")
    shown = managers.ProvidersManager().providers["airflow-provider-drive"].data
    assert shown["documentation-url"] == URLS["Documentation"]


def test_the_version_is_that_of_the_topmost_release_in_the_changelog():
    versions = re.findall(r"^## \[(\d.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == __version__


def test_the_registry_lists_each_class_for_dags():
    listed = re.findall(r"module: (\S+)\n    description: \S", (ROOT / ".airflow-registry.yaml").read_text())
    info = get_provider_info()
    modules = [
        module
        for kind in ("operators", "sensors", "hooks")
        for entry in info[kind]
        for module in entry["python-modules"]
    ]
    modules += [entry["python-module"] for entry in info["transfers"]]
    assert [name.rpartition(".")[0] for name in listed] == modules
    assert all(
        _classes(module).count(name) == 1 for module, _, name in (item.rpartition(".") for item in listed)
    )


def _classes(module):
    return re.findall(r"^class (\w+)", (ROOT / f"{module.replace('.', '/')}.py").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "path",
    [*TEXTS, *FORMS, ROOT / ".airflow-registry.yaml"],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_an_address_of_the_project_is_one_of_its_urls(path):
    urls = re.findall(r"https://[^\s)\"'>]*airflow-provider-drive[^\s)\"'>]*", path.read_text())
    own = (URLS["Source"], SITE, "https://pypi.org/project/airflow-provider-drive/")
    assert [url for url in urls if not url.startswith(own)] == []


def test_the_logo_and_the_guides_in_the_provider_info_are_on_the_site():
    (integration,) = get_provider_info()["integrations"]
    assert integration["logo"] == f"{URLS['Documentation']}_static/logo.svg"
    assert (ROOT / "docs" / "images" / "logo.svg").exists()
    for guide in integration["how-to-guide"]:
        page = guide.removeprefix(URLS["Documentation"]).removesuffix(".html")
        assert (ROOT / "docs" / f"{page}.md").exists(), page
