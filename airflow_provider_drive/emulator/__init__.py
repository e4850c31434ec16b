"""
A server that emulates Microsoft Graph's drives, to try and test Dags without a tenant.

It keeps state and speaks HTTPS. It imports nothing of the rest of the package: it is an independent
implementation of Graph's contract.
"""

from airflow_provider_drive.emulator.faults import Fault
from airflow_provider_drive.emulator.server import Emulator
from airflow_provider_drive.emulator.state.calls import Call
from airflow_provider_drive.emulator.state.jobs import CopyBehaviour, Job
from airflow_provider_drive.emulator.state.tenant import Tenant

__all__ = ["Call", "CopyBehaviour", "Emulator", "Fault", "Job", "Tenant"]
