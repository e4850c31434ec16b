"""Flows that are as short as can be."""

from airflow_provider_drive.exceptions import DriveError
from airflow_provider_drive.protocol.flow import Request


def one(url, method="GET", kind="monitor", **parameters):
    """A flow that asks once, and returns the answer or what was thrown into it."""
    try:
        return (yield Request(method, url, "ask", kind=kind, **parameters))
    except DriveError as error:
        return error
