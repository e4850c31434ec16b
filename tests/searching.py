"""What the Airflows of this session have left, logs and all tables, to search for secrets."""

import sqlite3
from dataclasses import dataclass, field

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


_running = {}  # database URLs by the homes of Airflows that have not ended
_ended = {}  # searches by the homes of those that have


def register(home, database_url):
    """Let an Airflow be searched: when it ends, or with :func:`search_all`."""
    _running[home] = database_url


def search_all():
    """Search what all Airflows of this process have left so far."""
    done = [*_ended.values(), *(_search(home, url) for home, url in _running.items())]
    found = set().union(*(search.found for search in done))
    return Search(sum(search.files for search in done), sum(search.rows for search in done), found)


def _search(home, database_url):
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
    for (table,) in cursor.fetchall():
        cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  # the database's own names
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            key = f" {row[names.index('key')]}" if table == "xcom" else ""
            yield f"{table}{key}", " ".join(map(_text, row))
    connection.close()


def _text(value):
    value = bytes(value) if isinstance(value, memoryview) else value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _register_and_search(enter, leave):
    """Let each Airflow be searched before it ends, whoever has started it."""

    def entered(airflow):
        running = enter(airflow)
        register(airflow.home, airflow.database_url)
        return running

    def left(airflow, *error):
        try:
            if airflow.home in _running:
                _ended[airflow.home] = _search(airflow.home, _running.pop(airflow.home))
        finally:
            leave(airflow, *error)

    return entered, left


HeadlessAirflow.__enter__, HeadlessAirflow.__exit__ = _register_and_search(
    HeadlessAirflow.__enter__, HeadlessAirflow.__exit__
)
