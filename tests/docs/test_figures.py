"""A figure in the texts is the code's, or was counted."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
from types import SimpleNamespace

import pytest
from copying import submit
from docs.pages import page, section, table
from tries import StateStore

from airflow_provider_drive import settings
from airflow_provider_drive.emulator import CopyBehaviour
from airflow_provider_drive.operators import copy as operators
from airflow_provider_drive.protocol import retry, timing
from airflow_provider_drive.protocol.copy.submit import MAX_REQUESTS
from airflow_provider_drive.protocol.copy.verify import check_copy
from airflow_provider_drive.triggers import base as triggers
from airflow_provider_drive.utils.task_state import TaskState

TIMES = table(section(page("reference/common-behaviour.md"), "Timeouts and limits"))
TIMINGS = timing.Timings()
COSTS = table(section(page("concepts/throttling.md"), "Cost in requests and resource units"))


@pytest.mark.parametrize(
    ("what", "figure"),
    [
        ("one HTTP request", settings.DEFAULT_TIMEOUT),
        ("all pauses between the retries of one request", retry.RETRY_BUDGET_SECONDS),
        ("attempts for one request that is throttled", retry.MAX_TRIES["throttled"]),
        ("attempts for one request after lost answers or 5xx", retry.MAX_TRIES["transient"]),
        ("a copy, from its submit", timing.COPY_TIMEOUT),
        ("a completed copy, until it appears at the destination", TIMINGS.read_back),
        ("searching the destination when the monitor no longer knows the copy", TIMINGS.find),
        (
            "searching the destination after a crash, before the copy is submitted again",
            TIMINGS.resume_find,
        ),
        ("searching for a copy to another drive that Graph answered with 404", TIMINGS.false_404),
        (
            "requests for one copy in one try, if the outcome of the previous ones is unknown",
            MAX_REQUESTS,
        ),
        ("a move within a drive that Graph finishes after its answer", TIMINGS.move),
        ("Airflow's own limit for a deferral, after the trigger's", timing.DEFERRAL_MARGIN),
    ],
)
def test_a_limit_is_the_one_in_the_code(what, figure):
    assert TIMES[what][0].split()[0] == f"{figure:,g}"


def test_all_limits_are_checked():
    (mark,) = test_a_limit_is_the_one_in_the_code.pytestmark
    assert [what for what, _ in mark.args[1]] == list(TIMES)


def test_the_trigger_fires_at_its_tenth_second():
    assert triggers.MIN_EVENT_DELAY == 10
    assert "**Events fire after ten seconds at the earliest.**" in page("reference/triggers.md")


@pytest.fixture
def usage(tenant, legal, hook):
    """Count the requests to Graph and their resource units while something is done."""

    def count(work, *arguments, **parameters):
        hook.get_item(f"drives/{legal.id}/root")  # logs in
        before = len(tenant.calls(where="graph"))
        work(*arguments, **parameters)
        calls = tenant.calls(where="graph")[before:]
        return len(calls), sum(call.units for call in calls)

    return count


@pytest.fixture
def by_path(plan, inbox, vault):
    def address(item):
        return f"drives/{item.drive.id}/root:/{item.path}"

    return SimpleNamespace(plan=address(plan), inbox=address(inbox), vault=address(vault))


@pytest.fixture
def by_ids(plan, inbox, vault, ids):
    return SimpleNamespace(plan=ids(plan), inbox=ids(inbox), vault=ids(vault))


def many(drive, path):
    """Put a thousand documents into a drive, by a path with their number and its last digit."""
    for number in range(1_000):
        drive.put(path.format(number, number % 10))
    return drive


@pytest.fixture
def works(hook, usage, by_path, by_ids, legal, ids):
    """Everything that the page has a price for."""

    def copy_and_wait(item, destination):
        hook.wait_for_copy(hook.copy_item(item, destination))

    state = TaskState({"ti": SimpleNamespace(try_number=1, max_tries=0), "task_state_store": StateStore()})

    def copy_into_a_new_folder():
        hook.copy_item(by_path.plan, f"{by_path.vault}/New", create_destination=True)

    def list_all(folder):
        assert len(list(hook.iter_items(folder))) == 1_000

    def check(job):
        assert hook._client.run(check_copy(job, hook._client.wait()))

    return {
        "Copy, both addresses as ids": lambda: usage(hook.copy_item, by_ids.plan, by_ids.vault),
        "Copy, both addresses as paths": lambda: usage(hook.copy_item, by_path.plan, by_path.vault),
        "Copy, both as ids, and wait": lambda: usage(copy_and_wait, by_ids.plan, by_ids.vault),
        "Copy, both as paths, and wait": lambda: usage(copy_and_wait, by_path.plan, by_path.vault),
        "Copy, both as ids, with task state (Airflow 3.3)": lambda: usage(
            submit, hook, by_ids.plan, by_ids.vault, state
        ),
        "Copy that is there already (`skip`), both as paths": lambda: (
            copy_and_wait(by_ids.plan, by_ids.vault),
            usage(hook.copy_item, by_path.plan, by_path.vault, None, "skip"),
        )[1],
        "Copy into a new folder, by paths": lambda: usage(copy_into_a_new_folder),
        "Move, both addresses as ids": lambda: usage(hook.move_item, by_ids.plan, by_ids.inbox),
        "Move, both addresses as paths": lambda: usage(hook.move_item, by_path.plan, by_path.inbox),
        "Move of what is there already": lambda: usage(
            hook.move_item, by_path.plan, by_path.plan.rpartition("/")[0]
        ),
        "Move of a file to another drive, by paths": lambda: usage(
            hook.move_item, by_path.plan, by_path.vault, cross_drive="copy"
        ),
        "Sensor, once the copy is done": lambda: usage(check, submit(hook, by_ids.plan, by_ids.vault)),
        "List of a folder with 1,000 documents, by ids": lambda: usage(
            lambda: list_all(ids(many(legal, "Flat/{0}.txt").find("Flat")))
        ),
        "List of 1,000 documents in ten folders of a folder, by path": lambda: (
            many(legal, "Deep/{1}/{0}.txt"),
            usage(list_all, f"drives/{legal.id}/root:/Deep"),
        )[1],
        "Delete, by ids": lambda: usage(hook.delete_item, by_ids.plan),
        "Delete, by path": lambda: usage(hook.delete_item, by_path.plan),
        "Ensure a folder that exists, by path": lambda: usage(hook.ensure_folder, by_path.vault),
        "Ensure a new folder below another new one, by path": lambda: usage(
            hook.ensure_folder, f"{by_path.vault}/2026/Q1"
        ),
    }


@pytest.mark.parametrize("what", COSTS)
def test_a_price_is_what_was_counted(what, works):
    assert [str(figure) for figure in works[what]()] == COSTS[what]


def test_a_copy_of_a_minute_is_looked_at_about_ten_times():
    waited, looks = 0.0, 0
    for pause in retry.poll_intervals(timing.POLL_INTERVAL):
        if waited >= 60:
            break
        waited, looks = waited + pause, looks + 1
    assert looks == pytest.approx(10, abs=2)


def test_the_operator_looks_twice_within_about_three_seconds():
    pauses = retry.poll_intervals(timing.POLL_INTERVAL)
    assert next(pauses) + next(pauses) == pytest.approx(2.6, abs=0.6)


def test_a_copy_with_a_deferral_pushes_the_xcoms_that_the_page_names(worker, tenant, by_path):
    tenant.next_copies.append(CopyBehaviour(looks=3))
    worker.run(
        operators.DriveCopyOperator,
        item=by_path.plan,
        destination=by_path.vault,
        wait_for_completion=True,
        deferrable=True,
        poll_interval=0.1,
    )
    described = table(section(page("reference/operators.md"), "DriveCopyOperator"))
    links = {"source_url", "destination_url"}
    assert set(worker.ti.xcoms) == {"monitor_url", "copy_job", *links} <= set(described)
    assert worker.xcom("monitor_url") not in json.dumps(worker.xcom("copy_job"))
