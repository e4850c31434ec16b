"""Lists and archives very many documents with this package, and tells how much its memory has grown."""

import json
import resource
import sys

from airflow_provider_drive.hooks.drive import DriveHook
from airflow_provider_drive.manifest import ArchiveReport
from airflow_provider_drive.protocol.archive.run import ArchiveOrder

order = json.load(sys.stdin)
hook = DriveHook()
hook.keep_secret = lambda secret: None  # this process has no task log


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


sum(1 for _ in hook.iter_items(order["first"]))
before = peak()
documents = sum(1 for _ in hook.iter_items(order["source"]))
listed = peak() - before
tally = ArchiveReport()
hook.archive(ArchiveOrder(hook.address(order["destination"]), hook.address(order["source"])), tally.add)
assert tally.counts["copied"] == documents, tally.counts
print(json.dumps({"documents": documents, "listed": listed, "archived": peak() - before}))
