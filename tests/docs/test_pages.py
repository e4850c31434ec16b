"""The pages name what there is, all of it, and nothing else."""

import ast
import inspect
import json
import re

import pytest
from airflow.providers.common.compat.sdk import Connection
from docs.pages import (
    AT_THE_TOP,
    README,
    ROOT,
    TEXTS,
    blocks,
    name_of,
    page,
    section,
    table,
    without_code,
)

from airflow_provider_drive import exceptions, settings
from airflow_provider_drive.exceptions import DriveAddressError, DriveError
from airflow_provider_drive.get_provider_info import CONNECTION_FIELDS, get_provider_info
from airflow_provider_drive.protocol.wire.addresses import ItemRef, parse_address
from airflow_provider_drive.protocol.wire.copy_job import read_copy_job
from airflow_provider_drive.protocol.wire.hosts import CLOUDS, Hosts
from airflow_provider_drive.protocol.wire.monitor_status import CopyStatus, read_event

ERRORS = {
    name: error
    for name, error in vars(exceptions).items()
    if inspect.isclass(error) and issubclass(error, DriveError)
}
SITE = "https://airflow-provider-drive.readthedocs.io/en/stable/"
FOREIGN = [  # what speaks of how a text was made, or of one machine, is of no use to its reader
    r"(?<![\w/.:}])/(?:work|home(?!/airflow/gcs)|root|tmp|Users)/",
    r"\bTODO\b|\bFIXME\b",
    r"index-url|artifactory|devpi",
]


def anchors(path):
    """Give the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links():
    for path in TEXTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text())):
            yield path, target


# README and texts as such


def test_the_readme_has_at_most_90_lines():
    assert len(README.read_text().splitlines()) <= 90


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_a_text_speaks_of_the_project_alone(path):
    for pattern in FOREIGN:
        assert not re.search(pattern, path.read_text()), pattern


def test_a_link_from_the_top_of_the_project_leads_somewhere():
    inner = [(path, target) for path, target in links() if path in AT_THE_TOP and "://" not in target]
    assert inner
    for path, target in inner:
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.is_file(), f"{name_of(path)}: {target}"
        assert not anchor or anchor in anchors(there), f"{name_of(path)}: {target}"


def test_a_link_to_the_outside_is_https():
    assert all(target.startswith("https://") for _, target in links() if "://" in target)


def test_the_readme_links_to_pages_of_the_site_by_their_full_address():
    targets = {target for path, target in links() if path == README}
    site = {target.removeprefix(SITE) for target in targets if target.startswith(SITE)}
    assert all(target.startswith("https://") for target in targets)
    for target in site - {""}:
        source = target.replace("_images/", "images/").replace(".html", ".md")
        assert (ROOT / "docs" / source).is_file(), target


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_a_file_that_a_text_names_is_there(path):
    named = re.findall(
        r"`((?:airflow_provider_drive|docs|scripts|tests|requirements)/[\w./-]*)`",
        path.read_text(),
    )
    for name in named:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_a_class_that_a_text_names_is_there(path):
    info = get_provider_info()
    modules = {
        module
        for kind in ("hooks", "operators", "sensors", "triggers")
        for entry in info[kind]
        for module in entry["python-modules"]
    } | {entry["python-module"] for entry in info["transfers"]}
    classes = {name for module in modules for name in _classes(module)} | set(ERRORS)
    named = set(re.findall(r"`(Drive[A-Z]\w+|Copy[A-Z]\w+Trigger)`", path.read_text()))
    assert named <= classes


def _classes(module):
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


# Connection


def keys_read():
    """Give the extras that the settings read, by name."""
    for node in ast.walk(ast.parse(inspect.getsource(settings.read_settings))):
        if not isinstance(node, ast.Call):
            continue
        arguments = node.args[1:] if isinstance(node.func, ast.Name) else node.args
        is_reader = isinstance(node.func, ast.Name) and node.func.id in {
            "_read_text",
            "_read_list",
            "_read_number",
            "_read_flag",
        }
        is_get = isinstance(node.func, ast.Attribute) and node.func.attr == "get"
        if (is_reader or is_get) and isinstance(arguments[0], ast.Constant):
            yield arguments[0].value


def test_each_field_of_the_connection_that_is_read_is_described():
    found = set(keys_read())
    assert {"tenant_id", "verify", "allowed_hosts", "cloud"} <= found
    described = table(section(page("reference/connection.md"), "Fields"))
    also = {word for row in described.values() for word in re.findall(r"`(\w+)`", row[0])}
    assert found <= set(described) | (also & {"tenantId", "certificate_data"})
    assert set(CONNECTION_FIELDS) <= set(described)


def test_no_field_of_the_connection_is_described_that_is_not_read():
    described = set(table(section(page("reference/connection.md"), "Fields")))
    assert described - set(keys_read()) == {"login", "password", "host", "port"}


def test_the_clouds_are_described_as_they_are():
    described = {
        name.split("`")[0]: row
        for name, row in table(section(page("set-up/clouds-and-proxies.md"), "Clouds")).items()
    }
    assert list(described) == [*CLOUDS, "any other"]
    for name, cloud in CLOUDS.items():
        authority, graph, scope, hosts, aliases = (re.findall(r"`([^`]+)`", cell) for cell in described[name])
        assert (authority, graph) == ([cloud.authority], [cloud.graph])
        assert (hosts, aliases) == (list(cloud.suffixes), list(cloud.aliases))
        assert scope == list(
            settings.read_settings(Connection(conn_id="x", conn_type="x"), {"cloud": name}).scopes
        )


# Errors


def test_the_page_draws_the_tree_of_errors_as_it_is():
    (_, drawn), *_ = blocks("text", ROOT / "docs/reference/errors.md")
    parents, found = {}, {}
    for line in drawn.splitlines():
        name, depth = re.search(r"Drive\w+", line)[0], line.index("Drive") // 4
        parents[depth] = name
        found[name] = parents.get(depth - 1)
    assert set(found) == set(ERRORS)
    for name, parent in found.items():
        assert parent is None or ERRORS[parent] in ERRORS[name].__bases__
    for name, builtin in re.findall(r"(Drive\w+) \((\w+)\)", drawn):
        assert builtin in {base.__name__ for base in ERRORS[name].__bases__}


def test_the_module_draws_the_same_tree():
    (_, drawn), *_ = blocks("text", ROOT / "docs/reference/errors.md")
    told = [re.search(r"Drive\w+", line) for line in exceptions.__doc__.splitlines()]
    assert [name[0] for name in told if name] == re.findall(r"Drive\w+", drawn)


def test_each_error_has_a_row_that_says_whether_it_is_retried():
    described = table(section(page("reference/errors.md"), "Which errors Airflow retries"))
    assert set(described) == set(ERRORS)
    for name, (when, advice, retried) in described.items():
        assert when, name
        assert advice, name
        assert retried.startswith("no" if not ERRORS[name].retryable else "yes"), name


# Addresses


def forms(heading):
    return list(table(section(page("reference/addresses.md"), heading)))


@pytest.mark.parametrize("form", forms("Graph's paths"))
@pytest.mark.parametrize("start", ["", "/", "https://graph.microsoft.com/v1.0/"])
def test_a_form_of_an_address_is_understood_with_and_without_what_comes_before(form, start):
    assert parse_address(start + form, Hosts()) == parse_address(form, Hosts())


def test_ids_are_the_form_that_needs_no_look_up():
    by_ids, *others = forms("Graph's paths")
    assert isinstance(parse_address(by_ids, Hosts()), ItemRef)
    assert not any(isinstance(parse_address(other, Hosts()), ItemRef) for other in others)


@pytest.mark.parametrize("form", forms("Invalid addresses"))
def test_what_is_said_to_be_refused_is_refused(form):
    with pytest.raises(DriveAddressError, match="is not a valid item address"):
        parse_address(form, Hosts())


def test_a_path_is_written_as_people_read_it():
    (path,) = re.findall(r"`(root:[^`]*%[^`]*)`", page("reference/addresses.md"))
    assert parse_address(f"drives/x/{path}", Hosts()).url.endswith("/Contracts/100%25%20done%20%231.docx:")


def test_the_url_of_a_browser_is_understood():
    urls = re.findall(r"`(https://contoso[^`]+)`", section(page("reference/addresses.md"), "URLs"))
    assert urls
    assert all(parse_address(url, Hosts()).url.startswith("/shares/u!") for url in urls)


# What crosses Airflow's database


def test_the_events_are_those_that_the_trigger_fires():
    events = next(
        json.loads(text)
        for _, text in blocks("json", ROOT / "docs/reference/triggers.md")
        if '"timeout"' in text
    )
    assert [event["status"] for event in events] == ["completed", "failed", "timeout", "unknown"]
    for event in events:
        assert read_event(event).as_event() == event
    assert CopyStatus("completed").as_event() == {"status": "completed", "resource_id": None}


def test_the_copy_job_has_the_keys_that_it_is_said_to_have():
    job = next(
        json.loads(text)
        for _, text in blocks("json", ROOT / "docs/reference/operators.md")
        if "submitted_at" in text
    )
    assert read_copy_job(job, str).as_dict(str) == job
