"""The witness of all requests, who kills at the planned points."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import psutil

from airflow_provider_drive.emulator import Fault
from chaos import dying
from chaos.points import AFTER, BEFORE, LATER, SCHEDULER, TASK, TRIGGERER, parts_of, steps_of

KINDS_OF_FAULT = {BEFORE: "drop_before", AFTER: "drop_after", LATER: "delay"}
REST = {TASK: 0.0, TRIGGERER: 15.0, SCHEDULER: 25.0}
"""Seconds that Airflow gets between two deaths of a component, to start again."""
WORK = {TASK: 0, TRIGGERER: 0, SCHEDULER: 12}
"""Requests of workers that there have to be between them, so that it does something as well."""
LONGEST_REST = 120.0
IDLE = 60.0
"""Seconds after a scheduler's death in which its workers may take what it has queued for them."""
PRECEDENCE = 10.0
"""Seconds more for a look, which can be waited for: first comes what cannot."""
TAG = re.compile(r"\br(\d{4})\b")
IDS = re.compile(r"[0-9A-Z]{30,}")
LOG = re.compile(r"dag_id=(\w+)/.*/map_index=(\d+)/")


class Killer:
    """
    Sees each request before it is answered, knows its run, and kills who sent it if that is planned.

    It is called in the emulator's thread, while nothing else happens there: a kill takes no time in Graph.
    """

    def __init__(self, airflow, graph, runs):
        self.airflow, self.graph, self.tenant, self.runs = airflow, graph, graph.tenant, runs
        self.by_task = {}
        for run in runs:
            self.by_task[run.dag_id, sum(run.dag_id == dag_id for dag_id, _ in self.by_task)] = run
        self.by_id = {item.id: run for run in runs for item in (*run.source.walk(), run.folder)}
        self.died = dict.fromkeys(REST, 0.0)
        self.abandoned = []
        self.work = dict.fromkeys(REST, 0)
        self.components = {}
        self.free_shots = [shot for run in runs for shot in run.shots if shot.is_free]
        for run in runs:
            run.shots = [shot for shot in run.shots if not shot.is_free]
        self.errors = []
        self.jobs_seen = 0

    def __call__(self, request):
        try:
            return self._see(request)
        except (psutil.Error, ProcessLookupError):
            return None  # somebody else was quicker, such as the death of the scheduler
        except Exception as error:
            self.errors.append(error)
            raise

    def tick(self):
        """End the copies that were held and may end now, and what dead schedulers have left."""
        self.abandoned = [each for each in self.abandoned if dying.end_idle_workers(*each)]
        with self.tenant.lock:
            for run in self.runs:
                running = [job for job in run.jobs if job.is_running and job.behaviour.looks]
                if not running or run.is_held:
                    run.released = None
                elif run.released is None:
                    run.released = time.time() + run.seconds / 4
                elif time.time() >= run.released:
                    for job in reversed(running) if run.number % 2 else running:
                        job.end()

    def _see(self, request):
        run = self._run_of(request)
        if run is None:
            return None
        self._note_jobs()
        self.tenant.next_copies.clear()
        self.tenant.next_copies.append(run.behaviour())
        if request.is_batched:
            return None  # it was aimed at with its batch
        for victim in self.work:
            self.work[victim] += request.where != "monitor"
        steps, fault = steps_of(request, run), None
        free = (shot for shot in self.free_shots if shot.point.step in steps)
        for shots, shot in ((run.shots, next(iter(run.shots), None)), (self.free_shots, next(free, None))):
            if fault is None and shot is not None and shot.point.step in steps:
                fault = self._aim(request, run, shots, shot)
        run.journal.append(self._line(request, run, fault))
        if request.where == "monitor":
            run.looks += 1
            run.deferred = run.deferred or self._component(request) == TRIGGERER
        elif fault is None or fault.has_effect:
            for method, path in parts_of(request):
                run.patches += method == "PATCH"
                if method == "DELETE":
                    run.note_delete(path.rpartition("/")[2])
        return fault

    def _note_jobs(self):
        for job in self.tenant.jobs[self.jobs_seen :]:
            if (run := self.by_id.get(job.source_id)) is not None:
                run.jobs.append(job)
        self.jobs_seen = len(self.tenant.jobs)

    @staticmethod
    def _line(request, run, fault):
        """Tell of a request shortly: when it came, what it was, and whether its sender died."""
        path = re.sub(r"(?<=/drives/)[^/:]+", "D", request.path.removeprefix("/v1.0"))
        path = path.replace(run.source.id, "SOURCE").replace(run.folder.id, "FOLDER")
        if path == "/$batch":
            ends = Counter(f"{method} …/{part.rpartition('/')[2]}" for method, part in parts_of(request))
            path += " of " + ", ".join(f"{count} {end}" for end, count in ends.most_common(3))
        what = path if request.where == "graph" else request.where
        death = f" + death ({fault.kind})" if fault is not None else ""
        return f"{time.time() % 10_000:8.2f} {request.client[1]} {request.method} {what}{death}"

    def _aim(self, request, run, shots, shot):
        victim = shot.point.victim
        if self._rests(victim, more=PRECEDENCE if self.free_shots and not shot.is_free else 0.0):
            return None
        pid = self._pid(request)
        component = self.airflow.component_of(pid) if pid else None
        if pid is None or (component == TRIGGERER) != (shot.point.step == "look by the triggerer"):
            return None
        shots.remove(shot)
        run.aimed.append(shot)
        strike = partial(self._strike, run, shot, pid)
        if shot.point.moment == LATER:
            timer = threading.Timer(shot.seconds, strike)
            timer.daemon = True
            return Fault(kind="delay", act=timer.start)
        return Fault(kind=KINDS_OF_FAULT[shot.point.moment], act=strike)

    def _rests(self, victim, more):
        """Whether a component has not had its rest yet, and whether it has done anything since."""
        if victim == TASK:
            return False
        since = time.time() - self.died[victim]
        return since < LONGEST_REST and (since < REST[victim] + more or self.work[victim] < WORK[victim])

    def _strike(self, run, shot, pid):
        victim = shot.point.victim
        try:
            if victim == TASK:
                self._kill_task(psutil.Process(pid), wide=shot.wide)
            else:
                session = self.airflow.kill(victim, alone=victim == SCHEDULER and not shot.wide)
                self.abandoned.append((session, time.time() + IDLE))
                dying.bury(self.airflow, victim)
                self.airflow.start(victim)
        except psutil.NoSuchProcess:
            return  # too late: it was done, or somebody else was quicker
        finally:
            run.aimed.remove(shot)
        run.hits.append(shot)
        run.last_hit = time.time()
        self.died[victim], self.work[victim] = time.time(), 0

    def _kill_task(self, process, *, wide):
        supervisor = process.parent() if wide else None
        task = dying.TASK_ID.search(" ".join(process.cmdline()))  # soon after its start
        if supervisor is None or task is None or "LocalExecutor" not in " ".join(supervisor.cmdline()):
            process.kill()
            return
        supervisor.kill()
        process.kill()
        dying.bury_task(self.airflow, task[0])

    # Who is it

    def _run_of(self, request):
        if request.where == "token":
            wanted = any(run.shots and run.shots[0].point.step == "token" for run in self.runs)
            return self._run_of_process(self._pid(request)) if wanted else None
        if request.where == "monitor":
            job = self.tenant.jobs_by_id.get(request.path.rpartition("/")[2])
            return None if job is None else self.by_id.get(job.source_id)
        text = f"{request.path} {request.body.decode(errors='replace')}"
        if tag := TAG.search(text):
            return self.runs[int(tag[1])]
        return next(filter(None, map(self._run_of_item, IDS.findall(text))), None)

    def _run_of_item(self, item_id):
        if item_id in self.by_id:
            return self.by_id[item_id]
        items = (drive.items[item_id] for drive in self.tenant.drives.values() if item_id in drive.items)
        tag = next((found for item in items if (found := TAG.search(item.path))), None)
        return self.runs[int(tag[1])] if tag else None

    def _run_of_process(self, pid):
        """Airflow's supervisor of a task has the task's log open."""
        supervisor = psutil.Process(pid).parent() if pid else None
        paths = [file.path for file in supervisor.open_files()] if supervisor else []
        found = next((match for path in paths if (match := LOG.search(Path(path).as_posix()))), None)
        return self.by_task.get((found[1], int(found[2]))) if found else None

    def _pid(self, request):
        """Find the process at the other end of the connection."""
        here = self.graph.port
        return next(
            (
                connection.pid
                for connection in psutil.net_connections("tcp4")
                if connection.pid
                and connection.raddr
                and connection.laddr.port == request.client[1]
                and connection.raddr.port == here
            ),
            None,
        )

    def _component(self, request):
        """Which component has sent it; a connection is looked up but once."""
        if self.components.get(request.client) is None:
            pid = self._pid(request)
            self.components[request.client] = self.airflow.component_of(pid) if pid else None
        return self.components[request.client]
