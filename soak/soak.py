"""
A triggerer under load for a long time: copies come and go, and one request in twenty goes wrong.

``python soak/soak.py [minutes] [seed]`` prints what came of it, and ends with 1 if that is not as it
should be: each trigger fires once, and the truth; memory and sockets at the end are as after the first
minute; the loop is never held for 200 ms, by work or by waiting. If the machine holds up whole processes,
that is taken off, and a bare aiohttp loop beside it tells how well.
"""

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from airflow_provider_drive.emulator import CopyBehaviour, Emulator, Fault

PROGRAM = Path(__file__).parent / "triggerer.py"
COPIES_A_SECOND = 2.0
POLLERS = 25
FAULTY = 0.05
CANCELLED = 0.1
LONGEST_COPY = 40.0
STARTING = SETTLING = 60.0
WINDOW = 30.0
DRAINING = 120.0
MOST_HELD = 0.2
MOST_GROWTH = 1.1
IDLE_SOCKETS = 2 * 8 + 2  # those that a burst has opened to two hosts are kept for the next polls
FAULTS = [  # how often, and what
    (12, {"kind": "refuse"}),
    (12, {"kind": "status", "status": 500}),
    (4, {"kind": "status", "status": 504, "retry_after": 3}),
    (12, {"kind": "drop_before"}),
    (12, {"kind": "drop_after"}),
    (12, {"kind": "truncate"}),
    (12, {"kind": "garbage"}),
    (12, {"kind": "html"}),
    (6, {"kind": "nested"}),
    (6, {"kind": "redirect", "location": "https://localhost/elsewhere"}),
    (12, {"kind": "delay", "seconds": 2.0}),
    (2, {"kind": "huge"}),
    (5, {"kind": "refuse", "status": 429, "retry_after": 2}),
    (3, {"kind": "refuse", "status": 429}),
    (3, {"kind": "refuse", "status": 503, "retry_after": 1}),
]
ENDS = {  # how often a copy goes so, and what its trigger is to say
    "completed": (80, "completed"),
    "failed": (6, "failed"),
    "lost": (4, "unknown"),
    "late": (4, "timeout"),
    "unreadable": (3, "unknown"),
    "forbidden": (3, "unknown"),
}


@dataclass
class Wait:
    """A trigger that was started: how its copy goes, and what it said."""

    end: str
    job: object = field(repr=False)
    cancelled: bool = False
    events: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    @property
    def is_over(self):
        return bool(self.events or self.failures or self.cancelled)

    @property
    def is_right(self):
        """Whether it fired once, and the truth. One that was cancelled may have had no time for it."""
        if self.failures or len(self.events) != 1:
            return self.cancelled and not self.failures and not self.events
        (event,) = self.events
        truth = {
            "completed": lambda: event["resource_id"] == self.job.resource.id,
            "failed": lambda: event["code"] == "generalException",
        }.get(self.end, lambda: "message" in event)
        return event["status"] == ENDS[self.end][1] and truth()


class Process:
    """A triggerer, or the bare loop beside it."""

    def __init__(self, *arguments, on=lambda fact: None):
        self.samples, self.complaints, self.rest = [], [], {}
        self._on = on
        command = [sys.executable, str(PROGRAM), *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def order(self, **order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def wait_until_ready(self):
        """Wait until it tells how it stands. Until then it was Airflow that started; that is not counted."""
        until = time.monotonic() + STARTING
        while not self.samples:
            assert time.monotonic() < until, "it does not start"
            time.sleep(0.1)
        self.samples.clear()

    def stop(self):
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(10)

    def worst(self, kind):
        return max(sample[kind] for sample in self.samples)

    @property
    def holds(self):
        return [sum(counts) for counts in zip(*(sample["holds"] for sample in self.samples), strict=True)]

    def __str__(self):
        longest, net, work = (f"{1000 * self.worst(kind):.0f} ms" for kind in ("longest", "net", "work"))
        return f"{self.holds}, longest {longest}, net of the machine's {net}, of work {work}"

    def _read(self):
        for line in self._process.stdout:
            fact = json.loads(line)
            if "sample" in fact:
                self.samples.append(fact)
            elif "complaint" in fact:
                self.complaints.append(fact["complaint"])
            elif "left" in fact:
                self.rest = fact
            else:
                self._on(fact)


class Soak:
    """
    One run.

    :ivar waits: The triggers by their numbers.
    :ivar early: How the triggerer stood in the half minute after the first minute; ``late``: in the last one.
    :ivar spoilt: The faults that were made.
    """

    def __init__(self, minutes, seed=0):
        self.minutes = minutes
        self.waits, self.doomed, self.spoilt, self.polls = {}, [], Counter(), 0
        self._dice, self._dice_of_faults = random.Random(seed), random.Random(seed + 1)

    def run(self):
        """Run it, and return it."""
        with Emulator() as emulator, tempfile.TemporaryDirectory() as home:
            connection = emulator.connection(allowed_hosts=["127.0.0.1"])
            os.environ["AIRFLOW_CONN_DRIVE_DEFAULT"] = json.dumps(connection)
            os.environ.setdefault("AIRFLOW_HOME", home)
            os.environ.setdefault("AIRFLOW__CORE__FERNET_KEY", base64.urlsafe_b64encode(bytes(32)).decode())
            self._open(emulator.tenant)
            self.triggerer, self.bare = Process(on=self._hear), Process(POLLERS)
            try:
                self.triggerer.wait_until_ready()
                self.bare.wait_until_ready()
                url = self._submit(CopyBehaviour(seconds=86_400.0), "bare.txt")
                self.bare.order(url=url, verify=connection["extra"]["verify"])
                self._go_on()
                samples = list(self.triggerer.samples)
                self._drain()
            finally:
                self.triggerer.stop()
                self.bare.stop()
        count_gone_originals = samples[0]["sample"] + SETTLING
        early = [
            sample
            for sample in samples
            if count_gone_originals <= sample["sample"] < count_gone_originals + WINDOW
        ]
        self.early, self.late = _middle(early), _middle(samples[-len(early) :])
        return self

    def _open(self, tenant):
        from airflow_provider_drive.hooks.drive import DriveHook

        self._tenant = tenant
        self._source = tenant.drive("legal").put("plan.txt", b"We shall archive this.")
        self._target = tenant.drive("archive").root
        self._hook = DriveHook()
        self._hook._client.keep_secret = lambda secret: None  # this process logs nothing
        tenant.witness = self._witness

    def _witness(self, request):
        """Spoil one request in twenty, but none of the bare loop."""
        if request.where != "monitor" or "bare" in request.headers:
            return None
        self.polls += 1
        if self._dice_of_faults.random() >= FAULTY:
            return None
        often, kinds = zip(*FAULTS, strict=True)
        (fault,) = self._dice_of_faults.choices(kinds, often)
        self.spoilt[f"{fault['kind']} {fault.get('status', '')}".strip()] += 1
        return Fault(**fault)

    def _hear(self, fact):
        if "fired" in fact:
            self.waits[fact["fired"]].events.append(fact["event"])
        else:
            self.waits[fact["failed"]].failures.append(fact["reason"])

    def _go_on(self):
        """Start triggers at a steady rate, and cancel a few."""
        began, number = time.monotonic(), 0
        while (now := time.monotonic()) < began + 60.0 * self.minutes:
            if number < COPIES_A_SECOND * (now - began):
                number += 1
                self._start(number)
            for doom in [doom for doom in self.doomed if doom[0] <= now]:
                self.doomed.remove(doom)
                self.waits[doom[1]].cancelled = True
                self.triggerer.order(cancel=doom[1])
            self._tenant.journal.clear()
            time.sleep(0.05)

    def _start(self, number):
        from airflow_provider_drive.utils.encryption import encrypt_url

        (end,) = self._dice.choices([*ENDS], [often for often, _ in ENDS.values()])
        seconds = self._dice.uniform(0.0, LONGEST_COPY)
        behaviours = {
            "failed": CopyBehaviour(seconds=seconds, failure="generalException"),
            "lost": CopyBehaviour(seconds=seconds, lost=True),
            "late": CopyBehaviour(seconds=86_400.0),
        }
        url = self._submit(behaviours.get(end, CopyBehaviour(seconds=seconds)), f"{number}.txt")
        url = {"unreadable": "gAAAAAB", "forbidden": "https://example.org/monitor/1"}.get(end, url)
        if self._dice.random() < 0.5:  # two hosts
            url = url.replace("//localhost:", "//127.0.0.1:")
        self.waits[number] = Wait(end, self._tenant.jobs[-1])
        deadline = time.time() + (seconds if end == "late" else 3600.0)
        arguments = {"monitor_url": encrypt_url(url), "poll_interval": 2.0, "deadline": deadline}
        self.triggerer.order(create=number, kwargs=arguments)
        if self._dice.random() < CANCELLED:
            self.doomed.append((time.monotonic() + self._dice.uniform(0.0, 20.0), number))

    def _submit(self, behaviour, name):
        self._tenant.next_copies.append(behaviour)
        places = [{"driveId": item.drive.id, "id": item.id} for item in (self._source, self._target)]
        return self._hook.copy_item(*places, name)

    def _drain(self):
        """Let the last triggers end."""
        until = time.monotonic() + DRAINING
        while time.monotonic() < until and not all(wait.is_over for wait in self.waits.values()):
            time.sleep(0.2)
        time.sleep(3.0)  # for the cancelled ones to be gone, and for an event too many to come

    @property
    def wrong(self):
        """The triggers that said nothing, or twice, or something wrong."""
        return {number: wait for number, wait in self.waits.items() if not wait.is_right}

    def flaws(self):
        """Say what is not as it should be."""
        mine, bare, early, late = self.triggerer, self.bare, self.early, self.late
        checks = {
            f"wrong events: {self.wrong}": self.wrong,
            f"complaints: {mine.complaints}": mine.complaints,
            "memory has grown": late["rss"] > MOST_GROWTH * early["rss"],
            f"something is left: {mine.rest}": mine.rest != {"left": 0, "clients": 0},
            "the loop was held by work": mine.worst("work") >= MOST_HELD,
            "the loop was held": mine.worst("net") >= max(MOST_HELD, 2 * bare.worst("net")),
            "there are more sockets": late["sockets"] > max(MOST_GROWTH * early["sockets"], IDLE_SOCKETS),
            "there are more tasks": late["tasks"] > MOST_GROWTH * early["tasks"] + 5,
        }
        return [flaw for flaw, is_there in checks.items() if is_there]

    def __str__(self):
        ends = Counter(wait.end for wait in self.waits.values())
        said = Counter(wait.events[0]["status"] if wait.events else "nothing" for wait in self.waits.values())
        cancelled = sum(wait.cancelled for wait in self.waits.values())
        mine, bare = self.triggerer, self.bare
        return "\n".join(
            (
                f"{len(self.waits)} triggers: {dict(ends)}, {cancelled} cancelled",
                f"said {dict(said)}, {len(self.wrong)} wrong",
                f"{self.polls} polls, {sum(self.spoilt.values())} spoilt: {dict(self.spoilt)}",
                f"after the first minute {self.early}",
                f"at the end             {self.late}",
                "holds of the loop under 5, 10, 20, 50, 100 and 200 ms, and over:",
                f"  triggerer {mine}",
                f"  bare loop {bare}",
                *self.flaws(),
            )
        )


def _middle(samples):
    kinds = ("rss", "files", "sockets", "tasks", "triggers")
    return {kind: median(sample[kind] for sample in samples) for kind in kinds}


if __name__ == "__main__":
    soak = Soak(*map(float, sys.argv[1:])).run()
    print(soak)
    for each in soak.triggerer.samples[:: max(1, len(soak.triggerer.samples) // 30)]:
        print(each)
    sys.exit(bool(soak.flaws()))
