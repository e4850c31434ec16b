"""The monitor URL, the token and the credential are read by nobody who should not."""

# ruff: noqa: PLR0917  # fixtures are asked for by name

import json
from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit

import pytest
from airflow.providers.common.compat.sdk import redact
from copying import submit

from airflow_provider_drive.auth import login
from airflow_provider_drive.emulator import CopyBehaviour, Fault
from airflow_provider_drive.emulator.graph.monitor import monitor_url
from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.operators.archive import DriveArchiveOperator
from airflow_provider_drive.operators.copy import DriveCopyOperator
from airflow_provider_drive.protocol.monitor import poll_once
from airflow_provider_drive.protocol.wire.monitor_status import monitor_request
from airflow_provider_drive.sensors.copy import DriveCopySensor
from airflow_provider_drive.triggers.copy import CopyCompleteTrigger
from airflow_provider_drive.utils import encryption

SENSOR_ONLY = "monitor_url"


def read_by_others(worker, log):
    """All that is stored or logged, but for the one XCom that is promised in clear."""
    xcoms = [value for key, value in worker.ti.xcoms.items() if key != SENSOR_ONLY]
    deferral = [] if worker.deferral is None else [repr(worker.deferral), repr(worker.deferral.trigger)]
    return "\n".join([*xcoms, *deferral, str(worker.stored), json.dumps(worker.event), log.text])


def test_a_deferred_copy_shows_no_secret(copy, worker, log, tenant, plan, vault, secret_parts):
    tenant.copies = CopyBehaviour(looks=4)

    item = copy(plan, vault, wait_for_completion=True, deferrable=True)

    assert len(secret_parts()) > 5
    assert log.has("urllib3|connectionpool|GET /")  # even what the libraries say was listened to
    assert [
        secret for secret in secret_parts() if secret in read_by_others(worker, log) + json.dumps(item)
    ] == []


def test_a_blocking_copy_shows_no_secret(copy, worker, log, tenant, plan, vault, secret_parts):
    tenant.copies = CopyBehaviour(looks=2)

    item = copy(plan, vault, wait_for_completion=True)

    assert [
        secret for secret in secret_parts() if secret in read_by_others(worker, log) + json.dumps(item)
    ] == []


def test_a_submitted_job_shows_no_secret(copy, worker, log, plan, vault, secret_parts):
    job = copy(plan, vault)

    shown = read_by_others(worker, log) + json.dumps(job)
    assert [secret for secret in secret_parts() if secret in shown] == []


@pytest.mark.parametrize(
    ("behaviour", "faults"),
    [
        (CopyBehaviour(failure="generalException"), []),
        (CopyBehaviour(looks=10**6), []),
        (CopyBehaviour(looks=10**6), [Fault(where="monitor", kind="html", times=10**6)]),
        (CopyBehaviour(looks=10**6), [Fault(where="monitor", kind="drop_before", times=10**6)]),
        (CopyBehaviour(looks=10**6), [Fault(where="monitor", status=503, times=10**6)]),
        (CopyBehaviour(), [Fault(where="graph", method="GET", status=403)]),
        (CopyBehaviour(), [Fault(where="graph", method="POST", status=401, times=3)]),
    ],
    ids=["failed", "timeout", "html", "dropped", "503", "403", "401"],
)
def test_an_error_shows_no_secret(
    copy, waiting, worker, log, helpers, tenant, plan, vault, secret_parts, behaviour, faults
):
    tenant.copies = behaviour
    tenant.faults += [replace(fault) for fault in faults]

    with pytest.raises(DriveError) as caught:
        copy(plan, vault, copy_timeout=0.3, **waiting)

    shown = read_by_others(worker, log) + helpers.told(caught.value)
    assert [secret for secret in secret_parts() if secret in shown] == []


@pytest.fixture(params=["json", "percent", "path"])
def quoting(request, tenant):
    """Let each copy fail, with a cause that quotes its monitor in some spelling."""
    spell = {
        "json": lambda url: url.replace("/", r"\/"),
        "percent": lambda url: quote(url, safe=""),
        "path": lambda url: (
            f"host {urlsplit(url).hostname}, path {urlsplit(url)._replace(scheme='', netloc='').geturl()}"
        ),
    }[request.param]

    def quote_monitor(asked):
        for job in tenant.jobs:
            text = f"GET {spell(monitor_url(job, tenant.base_url))} failed"
            error = {"code": "generalException", "message": text, "details": [{"code": "x", "message": text}]}
            job.behaviour = replace(job.behaviour, failure={"error": error})

    tenant.witness = quote_monitor


@pytest.mark.parametrize("url_form", ["operations", "monitor"])
def test_a_cause_that_quotes_a_monitor_in_another_spelling_is_redacted(
    copy, waiting, worker, log, helpers, tenant, plan, vault, secret_parts, url_form, quoting
):
    tenant.copies = CopyBehaviour(location=url_form, looks=4 if waiting["deferrable"] else 1)

    with pytest.raises(DriveError, match=r"\*\*\*") as caught:
        copy(plan, vault, **waiting)

    shown = read_by_others(worker, log) + helpers.told(caught.value)
    assert [secret for secret in secret_parts() if secret in shown or secret in unquote(shown)] == []


@pytest.mark.parametrize("url_form", ["operations", "monitor"])
def test_a_summary_with_causes_that_quote_monitors_is_redacted(
    worker, log, legal, archive, tenant, secret_parts, url_form, quoting
):
    tenant.copies = CopyBehaviour(location=url_form, looks=1)
    for name in ("a.txt", "b.txt"):
        legal.put(f"In/{name}", b"content")

    summary = worker.run(
        DriveArchiveOperator,
        source=f"drives/{legal.id}/root:/In",
        destination=f"drives/{archive.id}/root:/Out",
        pattern="*.txt",
        max_failures=2,
        poll_interval=0.05,
    )

    shown = read_by_others(worker, log).replace(r"\\", "") + json.dumps(summary)
    assert summary["failed"] == 2
    assert "***" in json.dumps(summary["failures"])
    assert [secret for secret in secret_parts() if secret in shown or secret in unquote(shown)] == []


def test_a_monitor_on_a_foreign_host_is_not_quoted(
    copy, worker, log, helpers, tenant, plan, vault, secret_parts
):
    tenant.monitor_base = "https://user:hunter2hunter2@example.org"

    with pytest.raises(DriveError) as caught:
        copy(plan, vault)

    shown = read_by_others(worker, log) + helpers.told(caught.value)
    assert [secret for secret in [*secret_parts(), "hunter2"] if secret in shown] == []


@pytest.mark.parametrize("kind", ["monitor_url", "copy_job"])
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_sensor_in_another_process_shows_no_secret(
    copy, worker, log, tenant, plan, vault, secret_parts, deferrable, kind, fresh_process
):
    tenant.copies = CopyBehaviour(looks=3)
    job = copy(plan, vault)
    given = worker.xcom("monitor_url") if kind == "monitor_url" else job
    fresh_process()

    worker.run(
        DriveCopySensor,
        **{kind: given},
        deferrable=deferrable,
        poll_interval=0.05,
    )

    assert [secret for secret in secret_parts() if secret in read_by_others(worker, log)] == []


def test_what_holds_a_secret_does_not_show_it(copy, hook, worker, plan, vault, ids, secret_parts):
    job, client = submit(hook, ids(plan), ids(vault)), hook._client
    status = client.run(poll_once(job.monitor_url))

    session = hook.get_conn()
    url = job.monitor_url
    holders = (
        *(job, str(job), status, hook, client, client.settings, client.hosts, client.session, session),
        *(session.auth, login(client.settings), monitor_request(url)),
        *(
            CopyCompleteTrigger(url),
            str(CopyCompleteTrigger(url)),
            DriveCopySensor(task_id="a", monitor_url=url),
        ),
        *(
            DriveCopySensor(task_id="b", copy_job=job.as_dict(str)),
            DriveCopyOperator(task_id="c", item=ids(plan)),
        ),
    )
    assert [secret for secret in secret_parts() for holder in holders if secret in repr(holder)] == []


def test_the_token_of_a_session_is_masked(hook, log, tenant, emulator):
    with hook.get_conn() as session:
        answer = session.get(f"{emulator.url}/v1.0/sites/root")

    (token,) = tenant.tokens
    assert token in answer.request.headers["Authorization"]
    assert token not in str(redact(f"The headers were {answer.request.headers}."))


@pytest.mark.parametrize(
    "url", ["https://[tempauth=0123456789abcdef0123", "https://x:y/?tempauth=0123456789abcdef0123"]
)
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_url_that_nobody_can_call_is_refused_and_not_quoted(worker, log, helpers, url, deferrable):
    sensor = DriveCopySensor(task_id="task", monitor_url=url, deferrable=deferrable)
    sensor.render_template_fields(worker.context)

    with pytest.raises(DriveError) as caught:
        sensor.execute(worker.context)

    assert "0123456789abcdef" not in helpers.told(caught.value) + log.text
    assert "0123456789abcdef" not in str(redact(sensor.monitor_url))


def test_a_span_of_airflows_own_shows_no_secret_of_a_failure(
    copy, waiting, tenant, plan, vault, secret_parts
):
    """What Airflow records of a task is its error, as text and as a traceback."""
    trace = pytest.importorskip("opentelemetry.sdk.trace", reason="not there with Airflow 2")
    span = trace.TracerProvider().get_tracer("tests").start_span("worker.copy")
    tenant.copies = CopyBehaviour(looks=10**6)
    tenant.faults.append(Fault(where="monitor", kind="drop_before", times=10**6))

    with pytest.raises(DriveError) as caught:
        copy(plan, vault, copy_timeout=0.3, **waiting)
    span.record_exception(caught.value)
    span.end()

    assert "DriveCopyTimeoutError" in span.to_json()
    assert [secret for secret in secret_parts() if secret in span.to_json()] == []


def test_without_a_fernet_key_the_url_is_stored_in_clear(copy, worker, monkeypatch, tenant, plan, vault):
    monkeypatch.setattr(encryption, "get_fernet", lambda: None)
    tenant.copies = CopyBehaviour(looks=4)

    assert copy(plan, vault, wait_for_completion=True, deferrable=True)["name"] == "plan.txt"
    assert worker.xcom("copy_job")["monitor_url"] == worker.xcom("monitor_url")
