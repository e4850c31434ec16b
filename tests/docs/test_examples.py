"""What stands in a code block does what the page says."""

import json
import re
import shlex
import tomllib
from datetime import timedelta
from email import message_from_string
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import BaseHook, Connection
from docs.pages import DOCS, README, ROOT, TEXTS, blocks, name_of, page, section
from docs.running import Xcoms, new_dags, run
from tries import StateStore

from airflow_provider_drive import cli
from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.emulator.__main__ import _parser, seed
from airflow_provider_drive.exceptions import DriveCopyTimeoutError
from airflow_provider_drive.settings import read_settings

PYTHON = dict(blocks("python", *DOCS))
SHELL = dict(blocks("shell", *(path for path in TEXTS if path.name != "quickstart.md")))  # that one is run
CONNECTIONS = {place: text for place, text in blocks("json") if '"conn_type"' in text}
EXPORTED = [line for text in SHELL.values() for line in text.splitlines() if line.startswith("export ")]
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))  # `make help`


@pytest.fixture
def samples(connection, tenant):
    """The emulator as somebody finds it who has just started it, and a report of a data job."""
    seed(tenant.drive("legal"), None)
    reports = Path("/tmp/reports")  # noqa: S108  # as the pages have it
    reports.mkdir(exist_ok=True)
    (reports / "orders.csv").write_text("country,amount\nAT,10\n")
    for name in ("orders", "customers", "prices"):
        tenant.drive("legal").put(f"Delivery/{name}.csv", b"1;2")
    tenant.clock_offset = 3600  # all of it has settled
    return tenant


@pytest.mark.usefixtures("mails")
@pytest.mark.parametrize("place", PYTHON)
def test_a_python_example_runs_against_the_emulator(place, samples):
    with new_dags() as dags:
        file, _, line = place.partition(":")
        source = "\n" * (int(line) - 1) + PYTHON[place]
        exec(compile(source, str(ROOT / file), "exec", dont_inherit=True), {"__name__": "example"})  # noqa: S102  # our own text
    if "Emulator()" not in PYTHON[place]:  # such an example runs its own tasks
        for dag in dags:
            run(dag)
    tasks = [task for dag in dags for task in dag.tasks]
    assert tasks or samples.calls() or "Emulator()" in PYTHON[place], "it does nothing"


def run_recipe(heading):
    """Run the Dag below a heading of the recipes; give the tasks' results."""
    (source,) = re.findall(r"```python\n(.*?)```", section(page("guides/recipes.md"), heading), re.DOTALL)
    with new_dags() as dags:
        exec(source, {"__name__": "recipe"})  # noqa: S102  # our own text
    return run(dags[1])


@pytest.mark.usefixtures("samples")
def test_a_document_is_read_into_pandas_and_duckdb():
    results = run_recipe("Read a document into pandas or DuckDB")
    assert results["sum_with_pandas"] == results["sum_with_duckdb"] == 42


def test_a_mail_reports_the_documents_that_could_not_be_archived(samples, mails):
    samples.drive("archive").put("Contracts/2026/offer.pdf", b"Another offer.")
    run_recipe("Archive, and report by mail what failed")
    (mail,) = [message_from_string(mail) for mail in mails]
    text = mail.get_payload(0).get_payload(decode=True).decode()
    assert "1 documents are archived, 1 failed." in text
    assert "<li>2026/offer.pdf:" in text


@pytest.mark.usefixtures("samples")
def test_mapped_copies_have_one_summary():
    assert run_recipe("One summary of many mapped tasks")["summarise"] == "2 documents, 16 bytes"


def test_the_retry_policy_of_the_page_decides_about_a_timeout_and_the_retry_finds_the_same_copy(samples):
    (source,) = [text for place, text in PYTHON.items() if "ExceptionRetryPolicy(" in text]
    made = {"__name__": "example"}
    with new_dags() as dags:
        exec(source, made)  # noqa: S102  # our own text
    (copy,) = dags[1].tasks
    copy.copy_timeout, copy.poll_interval = 0.2, 0.05
    ti = Xcoms()
    ti.try_number, ti.max_tries = 1, 5
    context = {"ti": ti, "task_state_store": StateStore(), "run_id": "manual__1"}
    copy.render_template_fields(context)
    samples.copies = CopyBehaviour(looks=10**6)
    with pytest.raises(DriveCopyTimeoutError) as timeout:
        copy.execute(context)
    decision = made["POLICY"].evaluate(timeout.value, 1, 5)
    assert (decision.action.value, decision.retry_delay) == ("retry", timedelta(minutes=30))
    assert not isinstance(timeout.value, AirflowFailException)  # Airflow asks no policy about one
    for job in samples.jobs:
        job.behaviour = CopyBehaviour()
    ti.try_number = 2

    assert copy.execute(context)["name"] == "manual__1.docx"
    assert len(samples.jobs) == 1


def test_the_example_of_the_readme_archives_the_folder_for_the_run(samples):
    with new_dags() as dags:
        exec(next(text for _, text in blocks("python", README)), {"__name__": "example"})  # noqa: S102  # our own text
    (result,) = run(dags[1]).values()
    name = "scheduled__2026-01-01T02-00-00.123456+00-00"
    assert result["name"] == name
    assert samples.tree("archive")[f"Contracts/{name}/plan.docx"] == 7
    assert samples.tree("legal")["Contracts/2026/plan.docx"] == 7


def test_the_example_of_the_readme_is_short():
    source = next(text for _, text in blocks("python", README))
    statements = [line for line in source.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(statements) <= 10


@pytest.mark.parametrize("place", CONNECTIONS)
def test_a_connection_as_json_is_understood(place):
    settings = read_settings(Connection.from_json(CONNECTIONS[place]))
    from_its_place = settings.auth_type in {"managed_identity", "workload_identity"}
    assert from_its_place or (settings.client_id and settings.tenant_id)


@pytest.mark.parametrize("line", EXPORTED)
def test_a_connection_as_a_variable_is_understood(line, monkeypatch):
    (name, _, value) = shlex.split(line)[1].partition("=")
    monkeypatch.setenv(name, value)
    settings = read_settings(BaseHook.get_connection(name.removeprefix("AIRFLOW_CONN_").lower()))
    assert (settings.client_id, settings.client_secret, settings.tenant_id) == (
        "7c1f2a0e-58b1-4a52-9d3e-0a6c2f4f9c11",
        "the value",
        "contoso.onmicrosoft.com",
    )


def test_the_connections_for_the_government_and_of_the_stock_type_say_what_they_are_to_say():
    *_, plain, government, stock = [
        read_settings(Connection.from_json(text))
        for text in map(CONNECTIONS.get, sorted(CONNECTIONS, key=_line))
    ]
    assert plain.hosts.graph == stock.hosts.graph == "https://graph.microsoft.com"
    assert government.hosts.graph == "https://graph.microsoft.us"
    assert government.proxies == (("https", "http://proxy.example.com:3128"),)
    assert government.verify == "/etc/ssl/company-ca.pem"
    assert government.user_agent.startswith("NONISV|Contoso|")


@pytest.mark.parametrize("place", SHELL)
def test_a_shell_example_names_what_there_is(place):
    distribution = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in SHELL[place].splitlines():
        match shlex.split(line):
            case ["make", target]:
                assert target in TARGETS
            case ["pip", "install", requirement]:
                name, _, extra = requirement.removesuffix("]").partition("[")
                assert name == distribution["name"]
                assert extra in {"", *distribution["optional-dependencies"]}
            case ["airflow-drive", "emulator", *options]:
                assert {option for option in options if option.startswith("--")} <= set(emulator_options())
            case ["airflow-drive", *arguments]:
                assert distribution["scripts"] == {"airflow-drive": "airflow_provider_drive.cli:main"}
                options = cli._build_parser().parse_args(arguments)
                assert arguments[0] == "demo" or options.conn_id == "drive_default"
            case ["export", _]:
                assert line in EXPORTED
            case _:
                pytest.fail(f"Nobody checks {line!r}.")


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_a_make_target_that_a_text_names_is_there(path):
    assert set(re.findall(r"`make ([a-z]+)", path.read_text())) <= TARGETS


def test_every_make_target_is_in_contributing():
    listed = set(re.findall(r"^\| `make ([a-z]+)`", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE))
    assert listed == TARGETS - {"help"}


@pytest.mark.parametrize("path", [README, *DOCS], ids=name_of)
def test_each_code_block_says_its_language(path):
    fences = re.findall(r"^```(\w*|\{[\w-]+\}.*)$", path.read_text(), re.MULTILINE)
    directives = ("{eval-rst}", "{literalinclude} ")
    assert {fence for fence in fences[::2] if not fence.startswith(directives)} <= {
        "python",
        "json",
        "shell",
        "text",
    }
    assert set(fences[1::2]) <= {""}


def test_the_options_of_the_emulator_are_documented_with_their_defaults():
    described = {
        line.split("`")[1]: line
        for line in page("reference/emulator.md").splitlines()
        if line.startswith("| `--")
    }
    options = emulator_options()
    assert list(described) == list(options)
    for option, default in options.items():
        assert default is None or f"`{default}`" in described[option]


def test_the_options_of_the_login_are_documented_with_their_defaults():
    (commands,) = cli._build_parser()._subparsers._group_actions
    login = commands.choices["login"]
    rows = {
        line.split("`")[1]: line
        for line in section(page("reference/command-line.md"), "airflow-drive login").splitlines()
        if line.startswith("| `--")
    }
    assert list(rows) == [action.option_strings[0] for action in login._actions if action.dest != "help"]
    for action in login._actions:
        assert (
            not action.default
            or action.dest == "help"
            or f"`{action.default}`" in rows[action.option_strings[0]]
        )


def emulator_options():
    """Give the emulator's options, and their defaults."""
    return {
        action.option_strings[0]: action.default for action in _parser()._actions if action.dest != "help"
    }


def test_each_address_in_the_table_of_the_emulator_is_a_root_folder(hook):
    addresses = re.findall(r"`([^`]+/root)` \|$", page("reference/emulator.md"), re.MULTILINE)
    assert len(addresses) == 8
    for address in addresses:
        assert "root" in hook.get_item(address), address


def test_json_in_the_texts_is_json():
    for place, text in blocks("json"):
        assert json.loads(text), place


def test_no_text_has_a_trailing_space_or_a_tab():
    for path in TEXTS:
        assert not re.search(r"[ \t]$|\t", path.read_text(), re.MULTILINE), name_of(path)


def _line(place):
    return int(place.rpartition(":")[2])
