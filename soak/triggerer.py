"""
A triggerer in a process of its own: Airflow's runner, with the supervisor's part played by lines of JSON.

It reads ``{"create": id, "kwargs": {…}}`` and ``{"cancel": id}``, and writes events, failures, complaints,
and every few seconds how it stands. With an argument it is no triggerer, but a bare loop that polls that many
monitors with aiohttp: what this machine does to any loop.
"""

import asyncio
import gc
import json
import logging
import os
import random
import ssl
import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import psutil

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from holds import Holds  # this program is started by its path

SECONDS_BETWEEN_SAMPLES = 5.0
POLL_INTERVAL = 2.0
TRIGGER = "airflow_provider_drive.triggers.copy.CopyCompleteTrigger"
process = psutil.Process()
facts = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # whatever else is printed is none


def tell(**fact):
    """Write a line to whoever started this."""
    facts.write(json.dumps(fact) + "\n")


async def sample(holds, count):
    """Say how things stand, again and again."""
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_SAMPLES)
        tell(
            sample=round(time.monotonic(), 1),
            rss=process.memory_info().rss,
            files=process.num_fds(),
            sockets=len(process.net_connections("tcp")),
            tasks=len(asyncio.all_tasks()),
            triggers=count(),
            cpu=round(time.process_time(), 2),
            **holds.take(),
        )


async def lines():
    """Read facts from whoever started this."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


def complain_aloud():
    """Tell of whatever Python says when nobody listens: lost exceptions, sessions that were not closed."""
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: tell(complaint=record.getMessage())
    for name in ("asyncio", "py.warnings", "aiohttp"):
        logging.getLogger(name).addHandler(handler)
    logging.captureWarnings(capture=True)
    sys.unraisablehook = lambda what: tell(complaint=f"{what.exc_value!r} in {what.object!r}")


def triggerer():
    """Run triggers as a triggerer does."""
    import structlog
    from airflow.executors.workloads import RunTrigger
    from airflow.jobs.triggerer_job_runner import TriggerRunner
    from airflow.models.trigger import Trigger

    class Runner(TriggerRunner):
        async def init_comms(self):
            Trigger._decrypt_kwargs(Trigger.encrypt_kwargs({}))  # which loads what a triggerer has long since
            gc.collect()
            gc.freeze()  # to go through all of Airflow holds a loop for 0.3 s
            self.holds = Holds()
            self.comms_decoder = SimpleNamespace(_reader_task=asyncio.create_task(self.obey()))
            self.watching = [
                asyncio.create_task(self.holds.watch()),
                asyncio.create_task(sample(self.holds, lambda: len(self.triggers))),
            ]

        async def obey(self):
            async for order in lines():
                if "create" in order:
                    kwargs = Trigger.encrypt_kwargs(order["kwargs"])
                    workload = RunTrigger(id=order["create"], classpath=TRIGGER, encrypted_kwargs=kwargs)
                    self.to_create.append(workload)
                else:
                    self.to_cancel.append(order["cancel"])
            self.stop = True

        async def sync_state_to_supervisor(self, finished_ids):
            while self.events:
                entry = self.events.popleft()
                tell(fired=entry.trigger_id, event=entry.event.payload)
            while self.failed_triggers:
                trigger_id, error = self.failed_triggers.popleft()
                tell(failed=trigger_id, reason=repr(error))

        async def arun(self):
            await super().arun()
            transport = import_module("airflow_provider_drive.transport.asynchronous")
            tell(left=len(self.triggers), clients=len(transport._clients))

    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(Path(os.devnull).open("w")),  # noqa: SIM115  # until the end
    )
    complain_aloud()
    Runner().run()
    gc.collect()


async def bare(pollers):
    """Poll monitors that never end, with the least that it takes."""
    import aiohttp
    from yarl import URL

    holds = Holds()

    async def poll(session, url, context):
        while True:
            await asyncio.sleep(POLL_INTERVAL * random.uniform(0.8, 1.2))
            async with session.get(url, ssl=context, headers={"bare": "1"}) as response:
                await response.read()

    async with aiohttp.ClientSession() as session:
        tasks = [asyncio.create_task(holds.watch()), asyncio.create_task(sample(holds, lambda: pollers))]
        async for order in lines():
            context = ssl.create_default_context(cafile=order["verify"])
            url = URL(order["url"], encoded=True)
            tasks += [asyncio.create_task(poll(session, url, context)) for _ in range(pollers)]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


if __name__ == "__main__":
    asyncio.run(bare(int(sys.argv[1]))) if len(sys.argv) > 1 else triggerer()
