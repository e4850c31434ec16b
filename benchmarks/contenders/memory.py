"""Lists and archives very many documents with this package, and tells how much its memory has grown."""

import json
import resource
import sys

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.protocol.archive.order import ArchiveOrder
from airflow_provider_drive.protocol.archive.run import archive
from airflow_provider_drive.report import ArchiveReport

order = json.load(sys.stdin)
hook = DriveHook()
client = hook._client
client.keep_secret = lambda secret: None  # this process has no task log


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


sum(1 for _ in hook.iter_items(order["first"]))
before = peak()
documents = sum(1 for _ in hook.iter_items(order["source"]))
listed = peak() - before
report = ArchiveReport()
what = ArchiveOrder(client.address(order["destination"]), client.address(order["source"]))
client.run(archive(what, report.add, client.wait()))
assert report.counts["copied"] == documents, report.counts
print(json.dumps({"documents": documents, "listed": listed, "archived": peak() - before}))
