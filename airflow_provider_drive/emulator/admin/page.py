"""The page that shows the drives, the jobs and the last requests in a browser."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_drive.emulator.state.tenant import Tenant

_REQUESTS = 100
_ITEMS = 500
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<title>Microsoft Graph emulator</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222 }}
table {{ border-collapse: collapse; margin-bottom: 2em }}
th, td {{ text-align: left; padding: .2em 1.2em .2em 0; border-bottom: 1px solid #ddd; vertical-align: top }}
</style>
</head>
<body>
<h1>Microsoft Graph emulator</h1>
<p>The page is reloaded every five seconds.</p>
{sections}
</body>
</html>
"""


def page(tenant: Tenant) -> str:
    """Return the page in HTML. It shows no queries, because those of monitors and files contain secrets."""
    sections = [
        _table("Drives", ("drive", "item", "bytes"), _items(tenant)),
        _table("Jobs", ("kind", "source", "destination", "state", "polls"), _jobs(tenant)),
        _table("Last requests", ("time", "request", "status", "units"), _requests(tenant)),
    ]
    return _PAGE.format(sections="\n".join(sections))


def _items(tenant: Tenant) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for key, drive in tenant.drives.items():
        tree = drive.tree()
        rows.append((key, f"drives/{drive.id}", f"{drive.used} of {drive.total}"))
        rows += [("", path, "folder" if size is None else size) for path, size in list(tree.items())[:_ITEMS]]
        if len(tree) > _ITEMS:
            rows.append(("", f"and {len(tree) - _ITEMS} more", ""))
    return rows


def _jobs(tenant: Tenant) -> list[tuple[object, ...]]:
    return [
        (job.kind, job.source.path, f"{job.drive.name}/{job.destination.path}", job.state, job.looks)
        for job in reversed(tenant.jobs[-_REQUESTS:])
    ]


def _requests(tenant: Tenant) -> list[tuple[object, ...]]:
    return [
        (
            time.strftime("%H:%M:%S", time.localtime(call.time)),
            f"{call.method} {call.path}",
            call.status,
            call.units,
        )
        for call in reversed(tenant.journal[-_REQUESTS:])
    ]


def _table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<h2>{escape(title)}</h2>\n<table>\n<tr>{head}</tr>\n{body}\n</table>"
