"""What an Airflow has left, logs and all tables, to search for secrets before it ends."""

import sqlite3
from dataclasses import dataclass, field

from docs.pages import page, section, table
from headless_airflow import HeadlessAirflow
from ledger import ledger

_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}


@dataclass
class Search:
    """
    How much was searched, and where something was found.

    :ivar found: Paths of logs; tables, and the keys of XComs.
    """

    files: int = 0
    rows: int = 0
    found: set[str] = field(default_factory=set)


def check(home, database_url):
    """Fail if an Airflow that is about to end has a secret where the documentation does not say so."""
    search = search_now(home, database_url)
    assert search.rows > 0
    assert search.found <= places_in_clear()
    assert ledger.strays == []


def places_in_clear():
    """What docs/concepts/secrets.md says is stored in clear, with a Fernet key."""
    places = table(section(page("concepts/secrets.md"), "Where the monitor URL is"))
    return {f"xcom {name}" for name, (how, *_) in places.items() if how == "in clear"}


def search_now(home, database_url):
    """Search the logs and all tables of an Airflow for what was handed out in this process so far."""
    result, finds = Search(), ledger.finder()
    for path in (
        path for name in ("logs", "services") for path in (home / name).rglob("*") if path.is_file()
    ):
        result.files += 1
        if finds(path.read_text(errors="replace")):
            result.found.add(str(path.relative_to(home)))
    for place, row in _rows(database_url):
        result.rows += 1
        if finds(row):
            result.found.add(place)
    return result


def _rows(database_url):
    """Give each row of each table as text, and where it is from."""
    kind, _, place = database_url.partition("://")
    if kind == "sqlite":
        connection = sqlite3.connect(place.removeprefix("/"))
    else:
        import psycopg2  # noqa: PLC0415  # not there with Airflow 2

        connection = psycopg2.connect(database_url.replace("+psycopg2", ""))
    cursor = connection.cursor()
    cursor.execute(_TABLES[kind.partition("+")[0]])
    for (name,) in cursor.fetchall():
        cursor.execute(f'SELECT * FROM "{name}"')  # noqa: S608  # the database's own names
        columns = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            key = f" {row[columns.index('key')]}" if name == "xcom" else ""
            yield f"{name}{key}", " ".join(map(_text, row))
    connection.close()


def _text(value):
    value = bytes(value) if isinstance(value, memoryview) else value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _check_before(leave):
    """Let each Airflow be searched before it ends, whoever has started it."""

    def left(airflow, *error):
        try:
            check(airflow.home, airflow.database_url)
        finally:
            leave(airflow, *error)

    return left


HeadlessAirflow.__exit__ = _check_before(HeadlessAirflow.__exit__)
