"""
A Graph drive server on this machine, with a memory: to try Dags without a tenant, and to test over real HTTP.

It imports nothing of the rest of the package: it is a second reading of Graph's contract.
"""

from airflow_provider_drive.emulator.faults import Fault
from airflow_provider_drive.emulator.server import Emulator
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour, Job
from airflow_provider_drive.emulator.state.tenant import Call, Tenant

__all__ = ["Call", "CopyBehaviour", "Emulator", "Fault", "Job", "Tenant"]
