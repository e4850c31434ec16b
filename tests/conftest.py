"""An Airflow without a database, a Graph on this machine, and what worker and triggerer do with a task."""

import asyncio
import atexit
import json
import logging
import os
import re
import shutil
import tempfile
import threading
import traceback
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

settings.register_profile("quick", max_examples=10, deadline=None)  # what `make check` asks for
settings.register_profile("thorough", max_examples=60, deadline=None)
settings.load_profile("thorough")

_HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
    del os.environ[_name]  # somebody's own Airflow
os.environ |= {  # Airflow reads them when it is imported
    "AIRFLOW_HOME": _HOME,
    "AIRFLOW__CORE__FERNET_KEY": "81HqDtbqAywKSOumSha3BhWNOdQ26slT6K0YaZeZyPs=",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
}

import searching  # noqa: E402, F401  # every Airflow that a test starts is searched before it ends
from airflow.providers.common.compat.sdk import TaskDeferred, redact  # noqa: E402  # after its settings
from ledger import ledger, openers  # noqa: E402  # likewise

from airflow_provider_drive import network, process  # noqa: E402  # likewise
from airflow_provider_drive.emulator import Emulator  # noqa: E402  # likewise
from airflow_provider_drive.emulator.graph.monitor import monitor_url  # noqa: E402  # likewise
from airflow_provider_drive.hooks.drive import DriveHook  # noqa: E402  # likewise
from airflow_provider_drive.protocol.wire import redaction  # noqa: E402  # likewise
from airflow_provider_drive.transport import asynchronous, throttle  # noqa: E402  # likewise
from airflow_provider_drive.triggers import base as trigger_module  # noqa: E402  # likewise

try:
    import structlog

    try:
        from airflow.sdk._shared.secrets_masker import _secrets_masker
    except ImportError:  # Airflow 3.0
        from airflow.sdk.execution_time.secrets_masker import _secrets_masker
except ImportError:  # Airflow 2
    structlog = None
    from airflow.utils.log.secrets_masker import _secrets_masker

_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(scope="session")
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture(autouse=True)
def tokens_go_to_graph_alone():
    """Hold each test to it: nothing secret was shown to anybody but whom it is for."""
    ledger.begin()
    yield
    assert ledger.leaks == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Hold each test to it: what it printed and logged shows nothing secret."""
    report = yield
    if report.when == "teardown" and report.passed:
        shown = [name for name, text in report.sections if ledger.is_shown_in(text)]
        if shown:
            report.outcome, report.longrepr = "failed", f"A secret is shown in: {', '.join(shown)}"
    return report


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, told in report.user_properties:
            if report.when == "call" and name in {"searched", "sent"}:
                terminalreporter.write_line(told)


@pytest.fixture(scope="session")
def _stranger(emulator):
    with Emulator(ca_dir=Path(emulator.ca_file).parent) as running:
        ledger.foreign.append(running.tenant)
        yield running


@pytest.fixture
def foreign(_stranger):
    """Another host with a good certificate, which is none of ours: no token may get there."""
    _stranger.reset()
    return _stranger


@pytest.fixture
def tenant(emulator):
    emulator.reset()
    emulator.tenant.revoke_tokens()
    return emulator.tenant


@pytest.fixture
def legal(tenant):
    return tenant.drive("legal")


@pytest.fixture
def archive(tenant):
    return tenant.drive("archive")


@pytest.fixture
def personal(tenant):
    return tenant.drive("personal")


@pytest.fixture
def plan(legal):
    """A small file, in a folder."""
    return legal.put("Contracts/plan.txt", b"We shall archive this.")


@pytest.fixture
def inbox(legal):
    """An empty folder in the drive of the plan."""
    return legal.mkdir("Inbox")


@pytest.fixture
def vault(archive):
    """An empty folder in another drive."""
    return archive.mkdir("Vault")


def forget():
    """Let the process be as new: it knows of no throttling, rate limit, login and secret."""
    process.reset()
    throttle.reset()
    redaction.forget_secrets()
    for known in (*vars(network).values(), *vars(asynchronous).values()):
        getattr(known, "cache_clear", bool)()
    masker = _secrets_masker()
    masker.patterns, masker.replacer = set(), None  # one expression of all secrets: it gets slow


@pytest.fixture
def fresh_process():
    """Begin with a new process, and give what makes another one."""
    forget()
    return forget


@pytest.fixture
def connect(emulator, tenant, monkeypatch, fresh_process):
    """Write a connection to the emulator: ``connect(verify=False)``, ``connect("other_id", login="")``."""
    for name in (*_NETWORK, *_BUNDLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def write(conn_id="drive_default", **fields):
        standard = {
            key: fields.pop(key) for key in ("conn_type", "host", "login", "password") if key in fields
        }
        connection = emulator.connection(**fields) | standard
        ledger.keep("credentials", connection["password"], *fields.get("private_key", "").split("\n")[1:-1])
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return conn_id

    return write


@pytest.fixture
def connection(connect):
    return connect()


@pytest.fixture
def hook(connection):
    return DriveHook()


class TaskInstance:
    """What a task sees of itself. XComs are JSON, as in Airflow's database."""

    def __init__(self, task_id="task"):
        self.task_id, self.map_index = task_id, -1
        self.try_number, self.max_tries = 1, 0
        self.xcoms = {}
        self.rescheduled = None

    def xcom_push(self, key, value):
        self.xcoms[key] = json.dumps(value)

    def xcom_pull(self, task_ids=None, key="return_value", map_indexes=None, **_):
        mine = task_ids in {None, self.task_id} and map_indexes in {None, self.map_index}
        return json.loads(self.xcoms[key]) if mine and key in self.xcoms else None

    def get_first_reschedule_date(self, context):
        return self.rescheduled


class Worker:
    """
    Runs tasks, in as many legs as they take; each leg begins with a new operator.

    :ivar deferral: The last deferral, an exception.
    :ivar stored: What was stored of its trigger, as text.
    :ivar event: What the trigger fired.
    """

    def __init__(self):
        self.ti = TaskInstance()
        self.context = {"ti": self.ti, "task_instance": self.ti}
        self.deferral = self.stored = self.event = None
        self.deferrals = []

    def run(self, kind, /, **parameters):
        method, arguments = "execute", {}
        while True:
            try:
                return getattr(kind(task_id="task", **parameters), method)(self.context, **arguments)
            except TaskDeferred as deferral:
                self.deferral = deferral
                self.deferrals.append(deferral)
            self.stored = json.dumps(self.deferral.trigger.serialize())
            self.event = fire(self.stored)
            method, arguments = self.deferral.method_name, {"event": self.event}

    def xcom(self, key):
        return self.ti.xcom_pull(key=key)


def fire(stored):
    """Make a trigger of what was stored of it, and return the one event that it fires."""
    path, arguments = json.loads(stored)
    module, _, name = path.rpartition(".")

    async def collect():
        trigger = getattr(import_module(module), name)(**arguments)
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(collect())
    return json.loads(json.dumps(event.payload))


@pytest.fixture
def worker(connection, quick_triggers):
    return Worker()


@pytest.fixture
def quick_triggers(monkeypatch):
    """Let triggers fire as soon as they have something to say."""
    monkeypatch.setattr(trigger_module, "MIN_EVENT_DELAY", 0.0)


class Log(logging.Handler):
    """Every line, from DEBUG on, as it would be in a task's log: masked when it is written."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.redact = redact
        self.lines = []

    def emit(self, record):
        line = self.format(record)
        ours = "airflow_provider_drive" in record.name
        self.lines.append(line if ours else str(self.redact(line)))  # ours need no masking

    def add(self, logger, method, entry):
        self.lines.append(" ".join(map(str, (method, entry.pop("event"), *entry.values()))))
        raise structlog.DropEvent

    @property
    def text(self):
        return "\n".join(self.lines)

    def has(self, pattern):
        return re.search(pattern, self.text) is not None


@pytest.fixture
def log():
    """The lines of all loggers: Airflow 3 writes with structlog, libraries and Airflow 2 with logging."""
    handler = Log()
    names = (None, "airflow.task", "urllib3", "msal", "aiohttp", "asyncio", "airflow_provider_drive")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    others = list(loggers[0].handlers)
    loggers[0].handlers.insert(0, handler)  # it reads ours before they are masked
    for other in others:
        other.addFilter(_masked)  # pytest's own show what a task's log would
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    with _structured(handler):
        yield handler
    for other in others:
        other.removeFilter(_masked)
    loggers[0].removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def _masked(record):
    record.msg, record.args = str(redact(record.getMessage())), ()
    return True


@contextmanager
def _structured(handler):
    if structlog is None:
        yield
        return
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, handler.add],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.configure(**before)


class Journal(list):
    """A journal that tells when a request has come."""

    def __init__(self):
        super().__init__()
        self.wanted, self.came = (), threading.Event()

    def append(self, call):
        super().append(call)
        if (call.method, call.where) == self.wanted:
            self.came.set()

    def wait_for(self, method, where):
        """Return when such a request has come."""
        assert self.came.wait(10), f"no {method} to {where} came"


@pytest.fixture
def journal(tenant):
    """Requests as they come: ``journal.wanted = "GET", "monitor"``, and then ``journal.wait_for(…)``."""
    tenant.journal = Journal()
    return tenant.journal


@pytest.fixture
def ids():
    """The address of an item by its ids."""
    return lambda item: {"driveId": item.drive.id, "id": item.id}


@pytest.fixture
def asked(tenant):
    """What Graph, the monitors and the authority were asked for, in order, without the ids."""

    def tell(*doors):
        return [_told(call) for call in tenant.calls() if not doors or call.where in doors]

    return tell


def _told(call):
    if call.where != "graph":
        return f"{call.method} {call.where}"
    tail = re.sub(r"^/v1\.0", "", call.path)
    tail = re.sub(r"(?<=/drives/)[^/:]+", "D", tail)
    return f"{call.method} " + re.sub(r"(?<=/items/)[^/:]+", "I", tail)


@pytest.fixture
def secret_parts(tenant):
    """All that must not be read: credential, tokens, the monitors' URLs, and what in these opens them."""

    def collect():
        found = {tenant.client_secret, *tenant.tokens}
        for job in tenant.jobs:
            found |= openers(monitor_url(job, tenant.monitor_base or tenant.base_url)) | {job.tempauth}
        return {secret for secret in found if secret and len(secret) > 8}

    return collect


def told(error):
    """All that anybody can read of an exception: its chain with causes and contexts, as text and as repr."""
    chain, seen = [], set()
    pending = [error]
    while pending:
        link = pending.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        chain += [str(link), repr(link), repr(link.args), repr(vars(link))]
        pending += [link.__cause__, link.__context__]
    return "\n".join([*traceback.format_exception(error), *chain])


@pytest.fixture
def helpers():
    """The plain functions of this file."""
    return SimpleNamespace(fire=fire, told=told, Worker=Worker, TaskInstance=TaskInstance)
