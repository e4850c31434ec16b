"""
What our operators and the sensor cost a Dag file that has Airflow's SDK already.

Each round is a fresh process: ``python benchmarks/imports.py [rounds]``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

_MEASURE = """
import sys, time
from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator
before, wall, cpu = set(sys.modules), time.perf_counter(), time.process_time()
import airflow_provider_drive.operators.copy
import airflow_provider_drive.operators.move
import airflow_provider_drive.sensors.copy
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(1000 * wall, 1000 * cpu, *sorted(new & {"requests", "msal", "aiohttp", "urllib3", "httpx"}))
"""


def main(rounds: int = 9) -> None:
    """Measure, and print the median."""
    walls, cpus, heavy = [], [], set[str]()
    for _ in range(rounds):
        done = subprocess.run(  # noqa: S603  # this very interpreter
            [sys.executable, "-c", _MEASURE], check=True, capture_output=True, text=True
        )
        wall, cpu, *loaded = done.stdout.split()
        walls.append(float(wall))
        cpus.append(float(cpu))
        heavy |= set(loaded)
    print(
        f"operators.copy, operators.move and sensors.copy: median {statistics.median(walls):.1f} ms, "
        f"{statistics.median(cpus):.1f} ms of CPU in {rounds} rounds; "
        f"heavy libraries newly imported: {', '.join(sorted(heavy)) or 'none'}"
    )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
