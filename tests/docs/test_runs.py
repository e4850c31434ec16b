"""Each example works by hand, by schedule and by an asset, also twice a day: a run is known by its id."""

import itertools
import re
import time

import pytest
from docs.pages import DOCS, README, TEXTS, blocks, name_of
from docs.running import KINDS, new_dags, run
from docs.test_example_dags import FILES, LEGAL, SOURCES, load

from airflow_provider_drive.emulator.__main__ import _SAMPLE
from airflow_provider_drive.transport.blocking import Session

PYTHON = {
    place: source
    for place, source in blocks("python", README, *DOCS)
    if "Operator(" in source or "DAG(" in source
    if "Emulator()" not in source  # such an example runs its own tasks
}


@pytest.fixture
def samples(connection, tenant, monkeypatch):
    """The emulator, and no waiting for its copies."""
    monkeypatch.setattr(Session, "pause", lambda session, pause: time.sleep(min(pause.seconds, 0.01)))
    return tenant


STOCK = {
    **_SAMPLE,
    "Inbox/signed.pdf": b"Signed.",
    "Inbox/2026/orders.csv": b"country,amount\nAT,10\n",
    **{f"Delivery/{name}.csv": b"1;2" for name in ("orders", "customers", "prices")},
}
RUNS = list(itertools.product(KINDS, (2, 14)))
"""Twice a day each."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_dag_runs_twice_a_day_however_it_is_started(file, samples):
    params = {"source": LEGAL + SOURCES[file.stem]} if file.stem in SOURCES else {}
    for kind, hour in RUNS:
        restock(samples)
        for dag in load(file).values():
            run(dag, kind, hour, **params)


@pytest.mark.usefixtures("mails")
@pytest.mark.parametrize("place", PYTHON)
def test_a_dag_of_the_texts_runs_twice_a_day_however_it_is_started(place, samples):
    for kind, hour in RUNS:
        restock(samples)
        with new_dags() as dags:
            exec(PYTHON[place], {"__name__": "example"})  # noqa: S102  # our own text
        for dag in dags:
            run(dag, kind, hour)


def restock(samples):
    """Put back what a run has moved away."""
    legal = samples.drive("legal")
    for path, content in STOCK.items():
        if legal.find(path) is None:
            legal.put(path, content)
    samples.clock_offset += 3600  # all of it has settled


@pytest.mark.parametrize("path", [*TEXTS, *FILES], ids=name_of)
def test_no_example_names_a_run_by_its_logical_date(path):
    fields = r"ds|ds_nodash|ts|ts_nodash|ts_nodash_with_tz|logical_date|execution_date|data_interval_\w+"
    code = re.sub(r"`[^`\n]*`", "", path.read_text())
    assert not re.search(rf"{{{{[^}}]*\b(?:{fields})\b[^}}]*}}}}", code)
