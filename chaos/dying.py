"""
Let Airflow notice a death at once.

It takes for dead what has sent no heartbeat for half a minute, a task for five. To wait less would make it
bury the living on a machine that is busy. So the last heartbeat of what was killed is made to lie far back;
what Airflow does then is its own.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager, suppress

import psutil
import psycopg2

JOBS = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob"}
TASK_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def bury(airflow, component):
    """
    Let a component that was killed be known as dead, and end its connections to PostgreSQL.

    A scheduler that dies alone leaves these, with its locks, to the workers that it has forked: while they
    live, no scheduler can touch the Dag runs that it had in hand.
    """
    with _cursor(airflow) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = %s",
            (component,),
        )
        cursor.execute(
            "UPDATE job SET latest_heartbeat = 'epoch' WHERE state = 'running' AND job_type = %s",
            (JOBS[component],),
        )


def bury_task(airflow, task_id):
    """Let a task that was killed with its supervisor be known as dead."""
    with _cursor(airflow) as cursor:
        cursor.execute(
            "UPDATE task_instance SET last_heartbeat_at = 'epoch' WHERE state = 'running' AND id = %s",
            (task_id,),
        )


def end_idle_workers(session, since):
    """
    End the workers of a LocalExecutor whose scheduler was killed alone, once they have nothing to do.

    They would wait for ever, and each death of a scheduler leaves ten of them.

    :param session: The scheduler's session, which is theirs.
    :param since: From when on, in seconds since the epoch. What was queued for them is done by then.
    :return: Whether some may be left.
    """
    if time.time() < since:
        return True
    left = False
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) != session:
                continue
            if "LocalExecutor" in " ".join(process.cmdline()) and not process.children():
                process.kill()
            else:
                left = True
    return left


@contextmanager
def _cursor(airflow):
    connection = psycopg2.connect(airflow.database_url.replace("+psycopg2", ""), options="-c lock_timeout=5s")
    connection.autocommit = True
    with connection.cursor() as cursor:
        yield cursor
    connection.close()
