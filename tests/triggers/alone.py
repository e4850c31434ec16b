"""
Run triggers in a process of their own, as new as a triggerer's, and tell what blocked its event loop.

``python tests/triggers/alone.py URL [URL …]`` prints, as JSON, the events, and each audit event of the loop's
thread that stands for a blocking call, with our line that led to it: https://docs.python.org/3/library/audit_events.html
"""

# ruff: noqa: T201  # what it prints is read by the test

import asyncio
import json
import ssl
import sys
import threading
import time
import traceback
from importlib import import_module

BLOCKING = {"open", "import", "socket.getaddrinfo", "socket.gethostbyname", "time.sleep", "os.listdir"}
blocking, watched, others = [], [], []


def note(event, arguments):
    """Write down what blocks the thread that is watched; count the imports in others."""
    if event == "import" and watched and watched[0] != threading.get_ident():
        others.append(arguments[0])
    if event not in BLOCKING or watched != [threading.get_ident()]:
        return
    watched.clear()  # what follows is this function's own
    ours = [frame for frame in traceback.extract_stack() if "/airflow_provider_drive/" in frame.filename]
    blocking.append([event, str(arguments[0]), *(f"{frame.filename}:{frame.lineno}" for frame in ours[-1:])])
    watched.append(threading.get_ident())


def load(context, *arguments, **parameters):
    """Read a CA bundle. Python does it in C, and tells no audit event."""
    note("open", ["a CA bundle"])
    return loads(context, *arguments, **parameters)


async def main(urls):
    """Run a trigger for each URL, and return what they fire."""
    import_module("airflow.jobs.triggerer_job_runner")  # what a triggerer has loaded long since
    copy = import_module("airflow_provider_drive.triggers.copy")
    import_module("airflow_provider_drive.triggers.base").MIN_EVENT_DELAY = 0.0
    triggers = [copy.CopyCompleteTrigger(url, 0.1, time.time() + 60) for url in urls]
    await asyncio.sleep(0)
    watched.append(threading.get_ident())
    return await asyncio.gather(*(anext(trigger.run()) for trigger in triggers))


loads, ssl.SSLContext.load_verify_locations = ssl.SSLContext.load_verify_locations, load
sys.addaudithook(note)
events = asyncio.run(main(sys.argv[1:]))
watched.clear()
told = {"events": [event.payload for event in events], "blocking": blocking, "in threads": len(others)}
print(json.dumps(told))
