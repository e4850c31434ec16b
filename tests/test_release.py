"""A release needs a tag, a version and a changelog that agree; its workflows test what is supported."""

import re

import pytest
from docs.pages import ROOT
from matrix import RELEASES, name_of
from release import check

CODE = '"""A package."""\n\n__version__ = "1.2.0"\n'
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-28\n\n## [1.1.0] - 2026-10-01\n"


def test_a_tag_that_agrees_with_version_and_changelog_can_be_released():
    assert check("v1.2.0", CODE, CHANGELOG) == []


@pytest.mark.parametrize(
    ("tag", "changelog", "problem"),
    [
        ("v1.3.0", CHANGELOG, "The tag is v1.3.0, but the version in the code is 1.2.0."),
        ("1.2.0", CHANGELOG, "The tag is 1.2.0, but"),
        ("v1.2.0", CHANGELOG.replace("[1.2.0]", "[1.3.0]"), "top entry is not '## [1.2.0] - '"),
        ("v1.2.0", CHANGELOG.replace(" - 2026-11-28", ""), "top entry is not '## [1.2.0] - '"),
        ("v1.2.0", CHANGELOG.replace("## [1.2.0] -", "* A change.\n\n## [1.2.0] -"), "under 'Unreleased'"),
    ],
)
def test_a_release_is_refused_if_tag_version_or_changelog_disagree(tag, changelog, problem):
    (told,) = check(tag, CODE, changelog)
    assert problem in told


def workflow(name):
    return (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()


def test_the_nightly_matrix_tests_each_supported_airflow_with_each_python():
    (airflows,) = re.findall(r"airflow: \[(.+)\]", workflow("matrix"))
    assert re.findall(r'"([\d.]+)"', airflows) == [name_of(release) for release in RELEASES]
    pythons = {python for release in RELEASES for python in release.pythons}
    assert set(re.findall(r"^ +(3\.\d+)$", workflow("matrix"), re.MULTILINE)) == pythons


def test_workflows_need_no_secrets_and_actions_are_pinned_by_hash():
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        text = path.read_text()
        assert "secrets." not in text
        assert re.findall(r"uses: (.+)", text) == re.findall(r"uses: (\S+@[0-9a-f]{40} # v[\d.]+)", text)
