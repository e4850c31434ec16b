"""The provider in a real Airflow 3: the examples, many waits, waits that a person ends, secrets."""

import re
import time
from collections import Counter

import psutil
import pytest
from airflow_api import await_that
from ledger import ledger
from searching import places_in_clear, search_now

from airflow_provider_drive.emulator import CopyBehaviour

pytestmark = pytest.mark.slow
HELD = CopyBehaviour(looks=1_000_000)
DEADLINE = 420  # seconds, for a machine that has other things to do
QUIET_SECONDS = 6  # several poll intervals of the Dags here
LOOKS_BEFORE = 2  # those of the operator, before it defers; the sensor has one
CANCEL = "Graph offers no way to cancel a copy"


def assert_success(*runs):
    for run in runs:
        state = run.wait(DEADLINE)
        failed = run.tasks(state="failed")
        first = failed and run.log(failed[0]["task_id"], failed[0]["try_number"], failed[0]["map_index"])
        assert state == "success", f"{len(failed)} tasks of {run.dag_id} failed; the first said:\n{first}"


def test_airflow_lists_the_provider(airflow):
    assert "airflow-provider-drive" in airflow.command("providers", "get", "airflow-provider-drive")
    assert "microsoft_drive" in airflow.command("providers", "hooks")


def test_the_example_dags_run_side_by_side(airflow, graph):
    graph.tenant.copies = CopyBehaviour(seconds=4)
    graph.tenant.drive("legal").put("Inbox/signed.pdf", b"signed")
    airflow.api.unpause("drive_archive_report")
    ids = (
        *("drive_archive_documents", "drive_copy_and_wait", "drive_copy_many", "drive_move_guarded"),
        "drive_nightly_archive",
    )
    assert_success(*[airflow.api.start(dag_id) for dag_id in ids])
    assert_success(airflow.api.await_run("drive_archive_report", 60))
    archived = " ".join(graph.tenant.tree("archive"))
    assert "Contracts/2026/plan.docx" in archived  # copied by itself
    assert "Many/lease.docx" in archived
    assert "Documents/2026/plan.docx" in archived
    assert re.search(r"Documents/Manifests/\S+\.jsonl", archived)
    assert re.search(r"Nightly/Contracts [^/]+/2026/plan.docx", archived)
    assert re.search(r"Signed/\S+ signed.pdf", " ".join(graph.tenant.tree("legal")))


def test_an_archive_waits_for_a_persons_approval(airflow, graph):
    run = airflow.api.trigger("archive_with_approval")
    path = f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/approve/-1"
    await_that(lambda: airflow.api.call("GET", path)["state"] == "awaiting_input", "The question", DEADLINE)
    asked = airflow.api.call("GET", f"{path}/hitlDetails")
    await_that(lambda: has_seen_the_end(airflow, "approve", run), "The scheduler", DEADLINE)
    assert re.fullmatch(r"Archive [1-9]\d* documents\?", asked["subject"])
    assert not any(item.startswith("Approved/") for item in graph.tenant.tree("archive"))

    airflow.api.call("PATCH", f"{path}/hitlDetails", json={"chosen_options": ["Approve"]})
    assert_success(run)
    assert "Approved/2026/plan.docx" in graph.tenant.tree("archive")


def has_seen_the_end(airflow, task_id, run):
    """
    Whether the scheduler knows that a task has left its worker.

    Airflow 3.3.2 fails a task that is queued again before that: no person answers so fast.
    """
    event = rf"Received executor event .*task_id='{task_id}', run_id='{re.escape(run.run_id)}'"
    return re.search(event, (airflow.home / "services" / "scheduler.log").read_text())


def test_fifty_copies_wait_at_the_same_time(airflow, graph, library):
    graph.tenant.copies = HELD
    run = airflow.api.trigger("many_copies", {"items": library.put(50), "destination": library.destination})
    await_that(lambda: run.count(state="deferred") >= 50 or run.count(state="failed"), "50 waits", DEADLINE)
    assert run.count(state="deferred") == 50
    library.release()
    assert_success(run)
    assert len(library.archived()) == 50


def test_no_wait_is_lost_however_soon_after_its_deferral_the_copy_ends(airflow, graph, library):
    """
    Airflow 3.3.2 fails a task whose trigger fires before the scheduler has seen that it deferred.

    The copies here end at the first to twelfth look of their triggers, which are a second apart.
    """
    items = library.put(100)
    graph.tenant.next_copies.extend(CopyBehaviour(looks=LOOKS_BEFORE + number % 12) for number in range(100))
    runs = [
        airflow.api.trigger(dag_id, {"items": some, "destination": library.destination})
        for dag_id, some in {"many_copies": items[:75], "many_sensors": items[75:]}.items()
    ]
    assert_success(*runs)
    assert sum(deferrals(airflow, run) for run in runs) == 100
    assert len(library.archived()) == 100


def deferrals(airflow, run):
    """How many tasks of a run have been deferred, as their logs have it."""
    logs = (airflow.home / "logs" / f"dag_id={run.dag_id}" / f"run_id={run.run_id}").rglob("*.log")
    return sum("Pausing task as DEFERRED" in path.read_text() for path in logs)


def test_a_bare_monitor_url_is_waited_for_in_every_mode(airflow, graph, library):
    graph.tenant.copies = CopyBehaviour(seconds=8)
    run = airflow.api.trigger("bare_urls", {"items": library.put(1), "destination": library.destination})
    assert_success(run)


def test_an_archive_waits_in_the_triggerer(airflow, graph, library):
    library.put(60)
    graph.tenant.copies = HELD
    conf = {"source": library.source, "destination": library.destination}
    run = airflow.api.trigger("archive_in_triggerer", conf)
    run.await_task("archive", "deferred", DEADLINE)
    library.release()
    assert_success(run)
    assert len(library.archived()) == len(library.jobs()) == 60
    assert run.xcom("archive")["copied"] == 60


def test_an_archive_whose_worker_dies_goes_on(airflow, graph, library):
    """The requests of the first try are known to Graph, and to nobody else."""
    library.put(60)
    graph.tenant.copies = HELD
    conf = {"source": library.source, "destination": library.destination}
    run = airflow.api.trigger("archive_in_worker", conf)
    await_that(lambda: len(library.jobs()) == 60, "60 copies", DEADLINE)
    workers = {
        connection.pid
        for connection in psutil.net_connections("tcp4")
        if connection.pid and connection.raddr and connection.raddr.port == graph.port
        if airflow.component_of(connection.pid) == "scheduler"
    }
    for pid in workers:
        psutil.Process(pid).kill()
    assert workers
    graph.tenant.copies = CopyBehaviour()
    with graph.tenant.lock:
        for job in library.jobs():
            job.end()
    assert_success(run)
    assert len(library.archived()) == sum(job.state == "completed" for job in library.jobs()) == 60
    assert run.task("archive")["try_number"] == 2
    assert run.xcom("archive")["copied"] == 60


@pytest.mark.parametrize("place", ["triggerer", "worker"])
def test_a_wait_that_is_marked_as_failed_asks_no_more(airflow, graph, library, place):
    run = held_wait(airflow, graph, library, place)
    run.set_state("copy", "failed")
    assert_nobody_asks_for(library.jobs()[0], graph.tenant)
    assert CANCEL in run.log("copy")


@pytest.mark.parametrize("place", ["triggerer", "worker"])
def test_a_wait_that_is_cleared_asks_no_more_and_starts_anew(airflow, graph, library, place):
    run = held_wait(airflow, graph, library, place)
    graph.tenant.copies = CopyBehaviour()
    run.clear("copy")
    assert_success(run)
    assert library.archived() == {"000.txt"}
    first, second = library.jobs()
    assert (first.state, second.state) == ("running", "completed")
    assert_nobody_asks_for(first, graph.tenant)
    assert CANCEL in run.log("copy")


def held_wait(airflow, graph, library, place):
    """Start a copy that does not end, and wait until it is asked for in the triggerer, or in the worker."""
    graph.tenant.copies = HELD
    run = airflow.api.trigger(
        f"wait_in_{place}", {"items": library.put(1), "destination": library.destination}
    )
    run.await_task("copy", "deferred" if place == "triggerer" else "running", 60)
    await_that(lambda: library.jobs() and library.jobs()[0].looks > LOOKS_BEFORE, "A look at the copy", 60)
    return run


def assert_nobody_asks_for(job, tenant):
    """The last question for a job comes to lie some time back."""

    def last():
        return max(call.time for call in tenant.calls("GET", where="monitor") if job.id in call.path)

    await_that(lambda: time.time() - last() > QUIET_SECONDS, "Quiet", 60)


def test_after_all_tests_secrets_are_only_where_the_docs_say(airflow, record_property):
    """Runs last in this file. The Airflows of other files are searched when they end."""
    search = search_now(airflow.home, airflow.database_url)
    kinds = Counter(ledger.secrets.values())
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    where = f"{search.files} logs and {search.rows} rows of Airflow's tables"
    record_property("searched", f"Searched for {told} in {where}: found in {sorted(search.found)}")
    sent = f"Of {ledger.ours} requests of the package {ledger.with_token} had a token"
    record_property("sent", f"{sent}, and {len(ledger.strays)} went astray")
    assert ledger.strays == []
    assert len(ledger.secrets) > 200
    assert search.files > 100
    assert search.rows > 500
    assert search.found == places_in_clear()
